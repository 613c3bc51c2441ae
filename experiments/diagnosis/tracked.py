"""The outputs of a run diagnosed, and a diagnosis as a run: what of both needs MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from core.diagnosis import Kind, Loss
from experiments import report, stored, tracking
from experiments.diagnosis.passes import Diagnosed
from experiments.diagnosis.plateau import with_plateau
from experiments.predictions import Predictions
from experiments.report import page

# Their loss is a sum over classes, or no cross-entropy: the floors are of another one.
_WITHOUT_FLOORS = ("ovr_sigmoid_bce", "softmax_squared_error", "sigmoid_squared_error")


class RunOutputs(NamedTuple):
    """What a run stored of one split, and how it was trained.

    Parameters
    ----------
    run_id, split : str
    predictions : Predictions
    kind, loss : str
        What the head hands to which loss, as `core.diagnosis.Summary` takes them.
    head : str
        "" where the run is of another program.
    label_smoothing : float
    """

    run_id: str
    split: str
    predictions: Predictions
    kind: Kind
    loss: Loss | None
    head: str
    label_smoothing: float


def outputs_of(run_id: str, split: str) -> RunOutputs:
    """Return what a run stored.

    Raises
    ------
    TrackingError
        If there is no such run, or no store.
    PredictionsError
        If it stored no such outputs.
    """
    params = tracking.params_of(run_id)
    head, smoothing = params.get("head", ""), float(params.get("label_smoothing", 0))
    found_in, kind, loss = stored.stored_predictions(run_id, head, split)
    return RunOutputs(run_id, split, found_in, kind, loss, head, smoothing)


def with_history(found: Diagnosed, outputs: RunOutputs) -> Diagnosed:
    """Return a diagnosis with the floor that the run's losses lie at, if they do."""
    if outputs.head in _WITHOUT_FLOORS:
        return found
    names = ("train", outputs.split)
    histories = {name: tracking.read_losses(outputs.run_id, name) for name in names}
    return with_plateau(found, histories, outputs.label_smoothing)


def log(found: Diagnosed, run_id: str | None) -> str:
    """Log a diagnosis as a run, `run_id` being the one whose outputs it is of; return its link.

    Raises
    ------
    TrackingError
        If the store can't be reached or opened.
    """
    tags = {"lab.diagnosed": found.name, **({"lab.diagnosed_run": run_id} if run_id else {})}
    with tracking.track(
        f"diagnosis of {Path(found.name).name}",
        {"file": found.name, "num_classes": found.diagnosis.num_classes},
        _description(found),
        experiment=tracking.DIAGNOSES,
        tags=tags,
    ) as run:
        run.log_diagnosis(
            {figure.key: figure.value for figure in report.figures_of(found)},
            found.diagnosis.evidence,
            {"diagnosis.html": page.to_html(found), "diagnosis.json": report.to_json(found)},
        )
        for name, chart in page.charts_of(found).items():
            run.log_chart(chart, name)
    return tracking.run_link(run.run_id)


def _description(found: Diagnosed) -> str:
    # No names of the file's: Markdown would read them as its own.
    return (
        f"**Found: {report.totals(found.diagnosis.evidence)}.** {report.headline(found)}.\n\n"
        f"{report.reading(found)}\n\n"
        "The evidence is in the table `tables/evidence.json`, the whole report in "
        "`reports/diagnosis.html`, and the charts in `charts`."
    )
