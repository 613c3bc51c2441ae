"""Everything that goes to MLflow and comes back from it. Nothing else imports MLflow.

docs/tracking.md says what happens to a run when something breaks.

`store` says where runs are kept and opens it, `opening` opens, resumes and ends runs, `writing` is
what they take, `origin` says what made them, `sending` sends them now or later, `reading` reads
them back, `model` logs a trained classifier, and `logged_model` is what MLflow runs to load it.
"""

from experiments.tracking.opening import resume, track
from experiments.tracking.origin import source
from experiments.tracking.reading import (
    ERROR_TAG,
    Child,
    children_of,
    comparison_link,
    download_predictions,
    find_run,
    list_runs,
    params_of,
    read_history,
    read_losses,
    run_link,
    ui_link,
)
from experiments.tracking.sending import Synced, end_lost, sync
from experiments.tracking.store import (
    DEFAULT_UI,
    DIAGNOSES,
    EXPERIMENT,
    ROOT,
    RUNS,
    THEORY,
    UI_VARIABLE,
    TrackingError,
    answers,
    artifact_root,
    checkpoint_path,
    connect,
    first_line,
    spool_folder,
    tracking_uri,
    ui_address,
)
from experiments.tracking.writing import Run

__all__ = [
    "DEFAULT_UI",
    "DIAGNOSES",
    "ERROR_TAG",
    "EXPERIMENT",
    "ROOT",
    "RUNS",
    "THEORY",
    "UI_VARIABLE",
    "Child",
    "Run",
    "Synced",
    "TrackingError",
    "answers",
    "artifact_root",
    "checkpoint_path",
    "children_of",
    "comparison_link",
    "connect",
    "download_predictions",
    "end_lost",
    "find_run",
    "first_line",
    "list_runs",
    "params_of",
    "read_history",
    "read_losses",
    "resume",
    "run_link",
    "source",
    "spool_folder",
    "sync",
    "track",
    "tracking_uri",
    "ui_address",
    "ui_link",
]
