"""Everything that goes to MLflow and comes back from it."""

from __future__ import annotations

import fcntl
import http.client
import logging
import math
import os
import platform
import re
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd

from core.heads import HEADS
from experiments.charts import style
from experiments.charts.history import TITLES
from experiments.config import TrainConfig
from experiments.datasets import Dataset, Split
from experiments.models import Params
from experiments.spool import BusyError, Point, Sender, Spool

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / "runs"
EXPERIMENT = "Cross-Entropy Lab"
# Its steps are no epochs: apart, so that the UI draws neither over the other.
THEORY = "Cross-Entropy Lab: theory"
UI_VARIABLE = "CROSS_ENTROPY_LAB_MLFLOW_UI"
DEFAULT_UI = "http://127.0.0.1:5000"
NO_DATASET = "(no data set named)"

# Of the values that are not finite, in a tag.
MOST_NAMED = 50

_REACH_SECONDS = 4
_log = logging.getLogger(__name__)
_HISTORY_KEYS = [f"{split}/{metric}" for split in ("train", "val") for metric in TITLES]


class TrackingError(Exception):
    """The tracking store can't be used; the message says which, why, and what to do."""


@contextmanager
def _explained() -> Iterator[None]:
    """Turn whatever MLflow, SQLAlchemy or the file system raises into a `TrackingError`."""
    try:
        yield
    except TrackingError:
        raise
    except Exception as error:
        remedy = (
            "Set MLFLOW_TRACKING_URI to one that can, or unset it to keep the runs in runs/."
            if os.environ.get("MLFLOW_TRACKING_URI")
            else "Move the file away to start anew, or set MLFLOW_TRACKING_URI to another store."
        )
        raise TrackingError(
            f"The tracking store {_without_password(tracking_uri())} can't be used: "
            f"{_first_line(error)}. {remedy}"
        ) from error


def tracking_uri() -> str:
    """Return where runs go: MLFLOW_TRACKING_URI where it is set, else SQLite in runs/."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    if not uri:
        return f"sqlite:///{RUNS / 'mlflow.db'}"
    database = _sqlite_path(uri)
    return uri if database is None else f"sqlite:///{database}"


def artifact_root() -> Path | None:
    """Return the folder of the artifacts beside a SQLite store; other stores have their own."""
    database = _sqlite_path(tracking_uri())
    return None if database is None else database.parent / "artifacts"


def ui_address() -> str:
    """Return the address of the MLflow UI that shows the runs of `tracking_uri`."""
    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        return uri.rstrip("/")
    return os.environ.get(UI_VARIABLE, DEFAULT_UI)


def answers(address: str) -> bool:
    """Return whether a server at `address` answers within a second, whatever it says."""
    try:
        urllib.request.urlopen(f"{address}/health", timeout=1).close()  # noqa: S310
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return True


@_explained()
def ui_link(experiment: str = EXPERIMENT) -> str:
    """Return the link to an experiment's runs, as charts, in the MLflow UI.

    Raises
    ------
    TrackingError
        If the store can't be reached or read.
    """
    page = f"{ui_address()}/#/experiments/{_experiment_id(connect(), experiment)}/runs"
    link = f"{page}?workflowType=machine_learning&compareRunsMode=CHART"
    if experiment != EXPERIMENT:
        return link
    # The UI hides the runs of a comparison under it, and their charts with them, unless sorted.
    key = urllib.parse.quote("metrics.`final/val_cross_entropy_bits`", safe="")
    return f"{link}&orderByKey={key}&orderByAsc=true"


def connect() -> MlflowClient:
    """Return a client of the store, which answers and whose tables exist.

    Raises
    ------
    TrackingError
        If the store can't be reached (within 10 s) or opened.
    """
    uri = tracking_uri()
    _require_answer(uri)
    with _explained():
        return _client(uri)


class Run:
    """A run being written. Made by `track`."""

    def __init__(self, client: MlflowClient, run_id: str, is_resumed: bool = False) -> None:
        self.run_id = run_id
        self._client = client
        self._is_resumed = is_resumed
        self._stored_steps: dict[str, set[int]] = {}
        self._not_finite: dict[str, list[str]] = {}
        spool = Spool(spool_folder() / f"{run_id}.jsonl", _without_password(tracking_uri()))
        self._sender = Sender(spool, partial(_send, client, run_id))

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log one value per key at a step; it is on its way when this returns."""
        self.log_points([(key, value, step) for key, value in metrics.items()])

    def log_points(self, points: Sequence[tuple[str, float, int]]) -> None:
        """Log (key, value, step) by step; they are on their way when this returns.

        A value that is not finite would hide its chart: it is counted in a tag instead. What a
        resumed run has at a step already is not logged again.
        """
        now = int(time.time() * 1000)
        finite = []
        for key, value, step in points:
            if self._is_resumed and step in self._steps_of(key):
                continue
            if math.isfinite(value):
                finite.append(Point(key, float(value), now, step))
            else:
                self._not_finite.setdefault(key, []).append(f"{float(value)} at step {step}")
        self._sender.add(finite)

    @_explained()
    def _steps_of(self, key: str) -> set[int]:
        if key not in self._stored_steps:
            history = self._client.get_metric_history(self.run_id, key)
            self._stored_steps[key] = {point.step for point in history}
        return self._stored_steps[key]

    def finish(self, status: str) -> None:
        """Send what is left and end the run; what the store does not take waits for `sync`."""
        is_sent = self._sender.close()
        spool = self._sender.spool
        now = int(time.time() * 1000)
        try:
            if not is_sent:
                raise self._sender.error or RuntimeError("the points were not taken")
            for key, values in self._not_finite.items():
                named = ", ".join(values[:MOST_NAMED]) + ", …" * (len(values) > MOST_NAMED)
                self._client.set_tag(self.run_id, f"not_finite.{key}", f"{len(values)}: {named}")
            self._client.set_terminated(self.run_id, status, now)
        except Exception as error:
            with suppress(OSError):
                spool.end(status, now)
            with suppress(OSError):
                spool.close()
            _log.warning(
                "The tracking store %s does not take the end of run %s: %s. It waits in %s; "
                "`python -m experiments sync` sends it.",
                _without_password(tracking_uri()),
                self.run_id,
                _first_line(error),
                spool.path,
            )
            if self._sender.num_unwritten:
                _log.warning(
                    "%d points are lost: neither the store nor %s took them. Make room there.",
                    self._sender.num_unwritten,
                    spool.path.parent,
                )
        else:
            spool.remove()

    @_explained()
    def describe(self, description: str) -> None:
        """Replace the Markdown at the top of the run's page."""
        self._client.set_tag(self.run_id, "mlflow.note.content", description)

    @_explained()
    def log_dataset(self, dataset: Dataset) -> None:
        """Log the rows trained on and those held out as the run's inputs, with their digests."""
        from mlflow.entities import DatasetInput, InputTag

        inputs = [
            DatasetInput(
                _mlflow_dataset(dataset, split, name)._to_mlflow_entity(),
                [InputTag("mlflow.data.context", name)],
            )
            for split, name in ((dataset.train, "training"), (dataset.val, "validation"))
        ]
        self._client.log_inputs(self.run_id, inputs)

    @_explained()
    def log_chart(self, chart: alt.TopLevelMixin, name: str) -> None:
        """Log a chart as charts/<name>.html, which needs no internet, and as <name>.svg."""
        self._client.log_text(self.run_id, style.to_html(chart), f"charts/{name}.html")
        self._client.log_text(self.run_id, style.to_svg(chart), f"charts/{name}.svg")

    @_explained()
    def log_table(self, frame: pd.DataFrame, name: str) -> None:
        """Log a frame as tables/<name>.json, which the MLflow UI shows as a table."""
        self._client.log_table(self.run_id, frame, f"tables/{name}.json")

    @_explained()
    def log_predictions(self, frame: pd.DataFrame, split: str) -> None:
        """Log logits and labels as predictions/<split>.parquet."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{split}.parquet"
            frame.to_parquet(path, index=False)
            self._client.log_artifact(self.run_id, str(path), "predictions")

    @_explained()
    def log_model(self, config: TrainConfig, dataset: Dataset, params: Params) -> None:
        """Log a trained classifier as code and arrays, with its signature."""
        import mlflow

        example = dataset.val.features.head(3)
        answer = pd.DataFrame(
            np.zeros((len(example), len(dataset.class_names))), columns=list(dataset.class_names)
        )
        with tempfile.TemporaryDirectory() as folder, _quiet_model_logging():
            arrays = Path(folder) / "arrays.npz"
            stored: dict[str, Any] = {
                "head": np.array(config.head),
                "class_names": np.array(dataset.class_names),
                "feature_names": np.array(dataset.train.features.columns.to_numpy(dtype=str)),
                "mean": dataset.mean,
                "scale": dataset.scale,
                **params,
            }
            np.savez(arrays, **stored)
            mlflow.set_tracking_uri(tracking_uri())
            with mlflow.start_run(run_id=self.run_id):
                mlflow.pyfunc.log_model(
                    name="model",
                    python_model=str(ROOT / "experiments" / "tracking_model.py"),
                    artifacts={"arrays": str(arrays)},
                    code_paths=[str(ROOT / "core"), str(ROOT / "experiments")],
                    signature=mlflow.models.infer_signature(example, answer),
                    pip_requirements=_model_requirements(),
                )


@contextmanager
def track(
    name: str,
    params: Mapping[str, Any],
    description: str = "",
    parent: str | None = None,
    experiment: str = EXPERIMENT,
) -> Iterator[Run]:
    """Open a run; it ends FINISHED, FAILED on an error, KILLED on Ctrl-C.

    Parameters
    ----------
    name : str
        The run's name in the UI.
    params : mapping
        What the run was made with.
    description : str
        Markdown, shown at the top of the run's page.
    parent : str, optional
        The id of the run that this one is part of.
    experiment : str
        The MLflow experiment to put it in.

    Raises
    ------
    TrackingError
        If the store can't be reached, opened or written to.
    """
    from mlflow.entities import Param

    client = connect()
    tags = {
        "mlflow.note.content": description,
        "mlflow.source.name": "experiments",
        **_versions(),
    }
    if parent:
        tags["mlflow.parentRunId"] = parent
    with _explained():
        run_id = client.create_run(
            _experiment_id(client, experiment), run_name=name, tags=tags
        ).info.run_id
    with _explained():
        run = Run(client, run_id)
    with _ended(run):
        with _explained():
            client.log_batch(
                run_id, params=[Param(key, str(value)) for key, value in params.items()]
            )
        yield run


@contextmanager
def resume(run_id: str) -> Iterator[Run]:
    """Open a run again whose process is gone; it ends as one of `track` does.

    Raises
    ------
    TrackingError
        If the store can't be reached or has no such run, it is finished, or its process is alive.
    """
    client = connect()
    with _explained():
        status = client.get_run(run_id).info.status
        path = spool_folder() / f"{run_id}.jsonl"
        if status == "FINISHED":
            raise TrackingError(f"Run {run_id} is finished: there is nothing to resume")
        try:
            if path.exists():
                _send_left(client, Spool(path))
            run = Run(client, run_id, is_resumed=True)
        except BusyError as error:
            raise TrackingError(f"Run {run_id} is being written by a process that lives") from error
        client.update_run(run_id, status="RUNNING")
    with _ended(run):
        yield run


@_explained()
def params_of(run_id: str) -> dict[str, str]:
    """Return what a run was made with, as text.

    Raises
    ------
    TrackingError
        If the store can't be reached or has no such run.
    """
    return dict(connect().get_run(run_id).data.params)


@contextmanager
def _ended(run: Run) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        run.finish("FAILED" if isinstance(error, Exception) else "KILLED")
        raise
    run.finish("FINISHED")


@dataclass(frozen=True)
class Synced:
    """What `sync` did with what one run had left."""

    run_id: str
    num_points: int
    status: str  # the run's now; "" where the store did not take it
    problem: str


def sync() -> Iterator[Synced]:
    """Send what processes that are gone have left for this store, and end their runs.

    A run that says how it ended ends so; one whose process was killed ends FAILED. Points that the
    store has already are stored once. What was left for another store stays.

    Raises
    ------
    TrackingError
        If the store can't be reached or opened.
    """
    client = connect()
    store = _without_password(tracking_uri())
    for spool in Spool.left_in(spool_folder()):
        if spool.store != store:
            spool.close()
            continue
        try:
            num_points, status = _send_left(client, spool)
        except Exception as error:
            spool.close()
            yield Synced(spool.run_id, 0, "", _first_line(error))
        else:
            yield Synced(spool.run_id, num_points, status, "")


def _send_left(client: MlflowClient, spool: Spool) -> tuple[int, str]:
    """Send what is in a spool, end its run, and delete it: how many points, how the run ended."""
    num_points, status, ended = 0, "FAILED", None
    while True:
        points, offset, end = spool.unsent()
        if end:
            status, ended = str(end["end"]), int(end["at"])
        if points:
            _send(client, spool.run_id, points)
            num_points += len(points)
        if offset == spool.sent:
            break
        spool.mark_sent(offset)
    client.set_terminated(spool.run_id, status, ended)
    spool.remove()
    return num_points, status


def checkpoint_path(run_id: str) -> Path:
    """Return where a run keeps what it resumes from."""
    return spool_folder().with_name("checkpoints") / f"{run_id}.npz"


def spool_folder() -> Path:
    """Return where points wait: beside a SQLite store, else in runs/."""
    database = _sqlite_path(tracking_uri())
    return (RUNS if database is None else database.parent) / "spool"


@_explained()
def list_runs() -> pd.DataFrame:
    """Return the experiment's runs, newest first: who they are, how they ended, final values.

    Raises
    ------
    TrackingError
        If the store can't be reached or read.
    """
    client = connect()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    found: list[MlflowRun] = []
    token: str | None = ""
    while experiment is not None and token is not None:
        page = client.search_runs(
            [experiment.experiment_id],
            order_by=["attributes.start_time DESC"],
            max_results=1000,
            page_token=token or None,
        )
        found.extend(page)
        token = page.token or None
    columns = [
        "run_id", "name", "status", "started", "dataset", "head", "model", "seed",
        *(f"val_{name}" for name in TITLES), "link",
    ]  # fmt: skip
    # A run of runs has no curves of its own.
    parents = {run.data.tags.get("mlflow.parentRunId") for run in found}
    rows = [_run_row(run) for run in found if run.info.run_id not in parents]
    return pd.DataFrame(rows, columns=columns)


@_explained()
def read_history(run_ids: Sequence[str]) -> pd.DataFrame:
    """Return the epochs of runs as one tidy frame: run (its id), split, epoch and the metrics.

    Raises
    ------
    TrackingError
        If the store can't be reached or read.
    """
    client = connect()
    points = [
        (
            run_id,
            key.split("/")[0],
            point.step,
            key.split("/")[1],
            point.value,
        )
        for run_id in run_ids
        for key in _HISTORY_KEYS
        for point in client.get_metric_history(run_id, key)
    ]
    index = ["run", "split", "epoch"]
    long = pd.DataFrame(points, columns=[*index, "metric", "value"])
    wide = long.pivot_table(index=index, columns="metric", values="value", sort=False).reset_index()
    return wide.reindex(columns=[*index, *TITLES])


def _send(client: MlflowClient, run_id: str, points: Sequence[Point]) -> None:
    from mlflow.entities import Metric

    client.log_batch(run_id, metrics=[Metric(*point) for point in points])


def _run_row(run: MlflowRun) -> dict[str, Any]:
    params, metrics = run.data.params, run.data.metrics
    hidden = params.get("hidden", "")
    head = params.get("head", "")
    return {
        "run_id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
        "dataset": Path(params["dataset"]).stem if "dataset" in params else NO_DATASET,
        "head": HEADS[head].title if head in HEADS else head,
        "model": "linear" if hidden == "0" else f"hidden {hidden}" if hidden else "",
        "seed": params.get("seed", ""),
        **{f"val_{name}": metrics.get(f"final/val_{name}", np.nan) for name in TITLES},
        "link": (
            f"{ui_address()}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
            "/model-metrics?workflowType=machine_learning"
        ),
    }


def _experiment_id(client: MlflowClient, name: str) -> str:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        root = artifact_root()
        try:
            return client.create_experiment(
                name, artifact_location=None if root is None else root.as_uri()
            )
        except MlflowException:
            # Another process was first.
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


@lru_cache(maxsize=4)
def _client(uri: str) -> MlflowClient:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    # The default of seven retries blocks for four minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow import MlflowClient

    database = _sqlite_path(uri)
    if database is None:
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
        return client
    database.parent.mkdir(parents=True, exist_ok=True)
    # A client creates the tables, and two that do so at once break the file for good.
    with database.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    return client


def _require_answer(uri: str) -> None:
    """Raise within seconds where nobody listens; MLflow itself would retry for minutes."""
    try:
        parts = urllib.parse.urlsplit(uri)
        if not parts.hostname:
            return
        if parts.scheme in ("http", "https"):
            try:
                base = uri.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1).rstrip("/")
                urllib.request.urlopen(f"{base}/health", timeout=_REACH_SECONDS).close()  # noqa: S310
            except urllib.error.HTTPError:
                pass  # An answer is an answer: some deployments guard or hide this path.
        elif parts.port:
            socket.create_connection((parts.hostname, parts.port), _REACH_SECONDS).close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise TrackingError(
            f"The tracking server {_without_password(uri)} can't be reached: {reason}. "
            "Start it, or set MLFLOW_TRACKING_URI to one that answers; unset, runs go to runs/."
        ) from error


def _sqlite_path(uri: str) -> Path | None:
    scheme, _, rest = uri.partition(":///")
    return Path(rest).absolute() if scheme == "sqlite" else None


def _without_password(uri: str) -> str:
    return re.sub(r"(//[^/@:]*):[^/@]*@", r"\1:…@", uri)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _mlflow_dataset(dataset: Dataset, split: Split, name: str) -> Any:
    from mlflow.data.pandas_dataset import from_pandas

    if split.labels.ndim == 1:
        table = split.features.assign(label=np.array(dataset.class_names)[split.labels])
    else:
        table = split.features.join(pd.DataFrame(split.labels, columns=list(dataset.class_names)))
    return from_pandas(
        table,
        source=dataset.spec.source,
        targets="label" if split.labels.ndim == 1 else None,
        name=f"{dataset.spec.name}-{name}",
    )


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    """Return, as tags, the commit and the versions that a run is made with."""
    from importlib.metadata import version

    tags = {f"version.{name}": version(name) for name in ("cross-entropy-lab", "numpy", "mlflow")}
    tags["version.python"] = platform.python_version()
    with suppress(OSError, subprocess.SubprocessError):
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        tags["mlflow.source.git.commit"] = commit.stdout.strip()
    return tags


def _model_requirements() -> list[str]:
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in ("mlflow", "numpy", "pandas")]


@contextmanager
def _quiet_model_logging() -> Iterator[None]:
    previous = os.environ.get("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR")
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    try:
        with warnings.catch_warnings():
            # An example would be run through the model once more; the signature is given.
            warnings.filterwarnings("ignore", message=".*input example was not provided.*")
            yield
    finally:
        if previous is None:
            del os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"]
        else:
            os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = previous
