"""Runs on their way to MLflow: opened, written, resumed, and sent late where a store was gone."""

from __future__ import annotations

import logging
import math
import os
import platform
import re
import signal
import subprocess
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from types import FrameType
from typing import TYPE_CHECKING, Any, get_args

import altair as alt
import numpy as np
import pandas as pd

from core.diagnosis import Evidence, Severity
from experiments import outputs, spool
from experiments.charts import style
from experiments.config import TrainConfig
from experiments.datasets import Dataset, Split
from experiments.models import Params
from experiments.outputs import Outputs
from experiments.spool import BusyError, Entry, Note, Point, Sender, Spool
from experiments.tracking import model, store
from experiments.tracking.reading import ERROR_TAG, children_of
from experiments.tracking.store import (
    DIAGNOSES,
    EXPERIMENT,
    THEORY,
    TrackingError,
    experiment_id,
    explained,
    first_line,
    without_password,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

HOST_TAG, PROCESS_TAG, REFUSED_TAG = "lab.host", "lab.process", "lab.refused"

PROCESS_GONE = "its process was gone"
# Of the values that are not finite, in a tag.
MOST_NAMED = 50

_MOST_TEXT = 5000  # that a tag holds on every store
_log = logging.getLogger(__name__)


class Run:
    """A run being written. Made by `track`.

    Nothing here waits for the store: what is logged is on disk when a call returns, and sent from
    there in the background.
    """

    def __init__(
        self, client: MlflowClient, run_id: str, uri: str, *, is_resumed: bool = False
    ) -> None:
        self.run_id = run_id
        self._client = client
        self._is_resumed = is_resumed
        self._is_over = False
        self._known_keys: set[str] = set()
        self._stored_steps: dict[str, set[int]] = {}
        self._not_finite: dict[str, list[str]] = {}
        self._tables: list[str] = []
        self._predictions: dict[str, Outputs] = {}
        path = store.spool_folder(uri) / f"{run_id}.jsonl"
        self._store = without_password(uri)
        self._spool = Spool(path, self._store)
        self._sender = Sender(self._spool, partial(_send, client, self._spool))

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log one value per name at a step.

        Raises
        ------
        ValueError
            If a name is none that MLflow takes, or a value no number.
        """
        self.log_points([(key, value, step) for key, value in metrics.items()])

    def log_points(self, points: Iterable[tuple[str, float, int]]) -> None:
        """Log (name, value, step) by step.

        A value that is not finite would hide its chart: it is counted in a tag instead. What a
        resumed run has at a step already is not logged again.

        Raises
        ------
        ValueError
            If a name is none that MLflow takes, or a value no number.
        """
        self._require_open()
        now = int(time.time() * 1000)
        finite: list[Entry] = []
        for key, value, step in points:
            number = float(value)
            if key not in self._known_keys:
                _require_name(key)
                self._known_keys.add(key)
            if self._is_resumed and step in self._steps_of(key):
                continue
            if not -(2**63) <= step < 2**63:
                raise ValueError(f"step must lie within 64 bits; got {step}")
            if math.isfinite(number):
                finite.append(Point(key, number, now, int(step)))
            else:
                self._note_not_finite(key, number, step)
        self._sender.add(finite)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log what the run is made with; MLflow keeps it as text, and for good."""
        if params:
            self._add("params", values={key: str(value) for key, value in params.items()})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags, over what they were."""
        if tags:
            self._add("tags", values={key: str(value) for key, value in tags.items()})

    def describe(self, description: str) -> None:
        """Replace the Markdown at the top of the run's page."""
        self.set_tags({"mlflow.note.content": description})

    def log_predictions(
        self,
        logits: Any,
        labels: Any,
        *,
        step: int,
        split: str = "val",
        head: str = "",
        class_names: Iterable[str] = (),
    ) -> None:
        """Log what outputs come to, as metrics under `split` at `step`.

        Loss in nats; cross-entropy, entropy and divergence in bits; accuracy, Brier score, ECE, and
        the pull on the classes that are true and on the others. When the run ends, the last
        outputs of each split are logged too, as Parquet, with a table by class and the charts
        reliability, confusion and classes.

        Parameters
        ----------
        logits : array_like, shape (N, K), (N, 1) or (N,)
            Of NumPy, pandas, PyTorch (on any device, in a graph or not) or JAX.
        labels : array_like
            Class ids, shape (N,); or 0 and 1, shape (N, K).
        step : int
            As a rule the epoch.
        split : str
            Of the rows: "train", "val" and the like.
        head : str
            A key of `core.heads.HEADS`; by default what the shapes say.
        class_names : iterable of str
            By default the class ids.

        Raises
        ------
        ValueError
            If the arrays do not fit each other or the head.
        """
        said = outputs.read(logits, labels, head, class_names)
        values = said.loss_and_metrics() if said.is_defined else {"loss": math.nan}
        self.log_metrics({f"{split}/{name}": value for name, value in values.items()}, step)
        if said.is_defined:
            self._predictions[split] = said

    def log_outputs(self, said: Outputs, split: str) -> None:
        """Log outputs as predictions/<split>.parquet, a table by class, and charts."""
        with self._file(f"predictions/{split}.parquet") as path:
            said.rows().to_parquet(path, index=False)
        prefix = "" if split == "val" else f"{split}_"
        self.log_table(said.classes(), f"{prefix}classes")
        for name, chart in said.charts().items():
            self.log_chart(chart, f"{prefix}{name}")

    def log_diagnosis(
        self,
        figures: Mapping[str, float],
        evidence: Sequence[Evidence],
        reports: Mapping[str, str],
    ) -> None:
        """Log figures as metrics, evidence as tags and as a table, and reports/<name>."""
        self.log_metrics({f"diagnosis/{name}": value for name, value in figures.items()})
        counts = Counter(item.severity for item in evidence)
        self.log_metrics({f"diagnosis/{name}s": counts[name] for name in get_args(Severity)})
        self.set_tags(
            {
                f"evidence.{item.name}": f"{item.severity}: {item.seen}"[:_MOST_TEXT]
                for item in evidence
            }
        )
        columns = ("name", "severity", "seen", "means", "do", "sure")
        self.log_table(
            pd.DataFrame([{key: getattr(item, key) for key in columns} for item in evidence]),
            "evidence",
        )
        for name, text in reports.items():
            with self._file(f"reports/{name}") as path:
                path.write_text(text, encoding="utf-8")

    def log_chart(self, chart: alt.TopLevelMixin, name: str) -> None:
        """Log a chart as charts/<name>.html, which needs no internet, and as <name>.svg."""
        with self._file(f"charts/{name}.html") as path:
            path.write_text(style.to_html(chart), encoding="utf-8")
        with self._file(f"charts/{name}.svg") as path:
            path.write_text(style.to_svg(chart), encoding="utf-8")

    def log_table(self, frame: pd.DataFrame, name: str) -> None:
        """Log a frame as tables/<name>.json, which the MLflow UI shows as a table."""
        with self._file(f"tables/{name}.json") as path:
            frame.to_json(path, orient="split", index=False)
        self._tables.append(f'{{"path": "tables/{name}.json", "type": "table"}}')
        self.set_tags({"mlflow.loggedArtifacts": f"[{', '.join(self._tables)}]"})

    def log_dataset(self, dataset: Dataset) -> None:
        """Log the rows trained on and those held out as the run's inputs, with their digests."""
        for split, context in ((dataset.train, "training"), (dataset.val, "validation")):
            self._add("input", context=context, dataset=_described(dataset, split, context))

    def log_model(self, config: TrainConfig, dataset: Dataset, params: Params) -> None:
        """Log a trained classifier as code and arrays, with its signature."""
        folder = self._spool.folder / model.NAME
        with explained():
            folder.parent.mkdir(parents=True, exist_ok=True)
            model.save(folder, config, dataset, params)
        self._add("model")

    def finish(self, status: str) -> None:
        """Send what is left and end the run, if a status is given.

        What the store does not take waits for `sync`.
        """
        for split, said in self._predictions.items():
            try:
                self.log_outputs(said, split)
            except Exception as error:
                _log.warning("The outputs of %s could not be logged: %s", split, first_line(error))
        for key in self._not_finite:
            self._tag_not_finite(key)
        self._add("end", status=status, at=int(time.time() * 1000))
        self._is_over = True
        if self._sender.error:
            _log.warning("The tracking store %s does not answer; trying again …", self._store)
        if self._sender.close():
            self._spool.remove()
            return
        num_unwritten, at = self._spool.num_unwritten, self._spool.path
        self._spool.close()
        _log.warning(
            "The tracking store %s does not take the end of run %s: %s. It waits in %s; "
            "`python -m experiments sync` sends it.",
            self._store,
            self.run_id,
            first_line(self._sender.error or RuntimeError("the sender stopped")),
            at,
        )
        if num_unwritten:
            _log.warning(
                "%d entries are lost: neither the store nor %s took them. Make room there.",
                num_unwritten,
                at.parent,
            )

    def _require_open(self) -> None:
        if self._is_over:
            raise ValueError(f"run {self.run_id} has ended: log within its `with` block")

    def _add(self, kind: str, **note: Any) -> None:
        self._require_open()
        self._sender.add([{"kind": kind, **note}])

    @contextmanager
    def _file(self, path: str) -> Iterator[Path]:
        """Give the place of a file that goes to the store once it is written."""
        local = self._spool.folder / path
        with explained():
            local.parent.mkdir(parents=True, exist_ok=True)
            yield local
        self._add("file", path=path)

    def _note_not_finite(self, key: str, value: float, step: int) -> None:
        values = self._not_finite.setdefault(key, [])
        values.append(f"{value} at step {step}")
        # Often enough for a process that is killed, and rare enough for one that logs NaN for ever.
        if len(values) & (len(values) - 1) == 0:
            self._tag_not_finite(key)

    def _tag_not_finite(self, key: str) -> None:
        values = self._not_finite[key]
        named = ", ".join(values[:MOST_NAMED]) + ", …" * (len(values) > MOST_NAMED)
        self.set_tags({f"not_finite.{key}": f"{len(values)}: {named}"[:_MOST_TEXT]})

    @explained()
    def _steps_of(self, key: str) -> set[int]:
        if key not in self._stored_steps:
            history = self._client.get_metric_history(self.run_id, key)
            self._stored_steps[key] = {point.step for point in history}
        return self._stored_steps[key]


@contextmanager
def track(
    name: str = "",
    params: Mapping[str, Any] | None = None,
    description: str = "",
    parent: str = "",
    experiment: str = EXPERIMENT,
    tags: Mapping[str, str] | None = None,
) -> Iterator[Run]:
    """Open a run; it ends FINISHED, FAILED on an error, KILLED on Ctrl-C or SIGTERM.

    Where `mlflow.start_run()` has a run open in this thread, it is joined: what is logged here goes
    there, and it stays open.

    Parameters
    ----------
    name : str
        The run's name in the UI; one that is joined keeps its own.
    params : mapping, optional
        What the run is made with.
    description : str
        Markdown, shown at the top of the run's page.
    parent : str
        The id of the run that this one is part of; then none is joined.
    experiment : str
        The MLflow experiment to put it in.
    tags : mapping, optional
        To find it by.

    Raises
    ------
    TrackingError
        If the store can't be reached or opened. Later on it may be gone, and nothing is raised.

    Examples
    --------
    >>> import mlflow
    >>> from experiments import tracking
    >>> with tracking.track("my model", {"learning_rate": 0.1}) as run:
    ...     for epoch in range(3):
    ...         run.log_metrics({"train/loss": 1 / (epoch + 1)}, step=epoch)
    ...         run.log_predictions([[2.0, -1.0], [0.5, 0.1]], [0, 1], step=epoch)
    >>> tracking.connect().get_run(run.run_id).data.metrics["val/accuracy"]
    0.5
    """
    uri = store.tracking_uri()
    client = store.connect(uri)
    import mlflow

    said = {**({"mlflow.note.content": description} if description else {}), **(tags or {})}
    active = None if parent else mlflow.active_run()
    with _ended_by_sigterm():
        if active is not None:
            uri = store.absolute(mlflow.get_tracking_uri())
            run = _opened(store.connect(uri), active.info.run_id, uri)
        else:
            opening = {"mlflow.source.name": "experiments", **_versions(), **_whose()}
            if parent:
                opening["mlflow.parentRunId"] = parent
            with explained():
                created = client.create_run(
                    experiment_id(client, experiment), run_name=name or None, tags=opening
                )
            run = _opened(client, created.info.run_id, uri)
        with _ended(run, is_joined=active is not None):
            run.log_params(params or {})
            run.set_tags(said)
            yield run


@contextmanager
def resume(run_id: str, *, even_finished: bool = False) -> Iterator[Run]:
    """Open a run again whose process is gone; it ends as one of `track` does.

    Raises
    ------
    TrackingError
        If the store can't be reached or has no such run, its process is alive, or it is finished
        and `even_finished` is not set.
    """
    uri = store.tracking_uri()
    client = store.connect(uri)
    with _ended_by_sigterm():
        with explained():
            found = client.get_run(run_id)
            path = store.spool_folder(uri) / f"{run_id}.jsonl"
            if found.info.status == "FINISHED" and not even_finished:
                raise TrackingError(f"Run {run_id} is finished: there is nothing to resume")
            if path.exists():
                with _free(run_id):
                    _send_left(client, Spool(path))
        run = _opened(client, run_id, uri, is_resumed=True)
        with explained():
            client.update_run(run_id, status="RUNNING")
        run.set_tags(_whose())
        with _ended(run):
            yield run


@dataclass(frozen=True)
class Synced:
    """What `sync` did with what one run had left."""

    run_id: str
    num_points: int
    status: str  # the run's now; "" where the store did not take it
    problem: str


def sync() -> Iterator[Synced]:
    """Send what processes that are gone have left for this store, and end their runs.

    A run that says how it ended ends so; one whose process was killed ends FAILED, if it was one of
    this machine. Points that the store has already are stored once. What was left for another store
    stays, and is named.

    Raises
    ------
    TrackingError
        If the store can't be reached or opened.
    """
    client = store.connect()
    owed = without_password(store.tracking_uri())
    for left in Spool.left_in(store.spool_folder()):
        if left.store != owed:
            left.close()
            yield Synced(left.run_id, 0, "", f"it is owed to {left.store}: name that store")
            continue
        if left.host not in ("", spool.host()):
            left.close()
            continue
        try:
            num_points, status = _send_left(client, left)
        except Exception as error:
            left.close()
            yield Synced(left.run_id, 0, "", first_line(error))
        else:
            yield Synced(left.run_id, num_points, status, "")
    yield from _end_abandoned(client)


def end_lost(parent: str, status: str, why: str) -> None:
    """End the runs of a parent that nobody writes any more, with what they have left.

    Raises
    ------
    TrackingError
        If the store can't be reached.
    """
    client = store.connect()
    for child in children_of(parent):
        if child.status != "RUNNING":
            continue
        path = store.spool_folder() / f"{child.run_id}.jsonl"
        with explained(), suppress(BusyError):
            if path.exists():
                _send_left(client, Spool(path), status, why)
            else:
                client.set_tag(child.run_id, ERROR_TAG, why)
                client.set_terminated(child.run_id, status)


def _end_abandoned(client: MlflowClient) -> Iterator[Synced]:
    """End the runs that processes of this machine have left open, and nothing to send."""
    with explained():
        named = [client.get_experiment_by_name(name) for name in (EXPERIMENT, THEORY, DIAGNOSES)]
        experiments = [found.experiment_id for found in named if found is not None]
        if not experiments:
            return
        left = client.search_runs(
            experiments,
            f"attributes.status = 'RUNNING' and tags.`{HOST_TAG}` = '{spool.host()}'",
            max_results=1000,
        )
    for run in left:
        run_id = run.info.run_id
        waits = (store.spool_folder() / f"{run_id}.jsonl").exists()
        if waits or spool.is_alive(run.data.tags.get(PROCESS_TAG, "")):
            continue
        with explained():
            client.set_tag(run_id, ERROR_TAG, PROCESS_GONE)
            client.set_terminated(run_id, "FAILED")
        yield Synced(run_id, 0, "FAILED", "")


def _send_left(
    client: MlflowClient, left: Spool, unless_said: str = "FAILED", why: str = PROCESS_GONE
) -> tuple[int, str]:
    """Send what is in a spool, end its run, and delete it: how many points, how the run ended."""
    num_points, status = 0, ""
    while True:
        entries, offset = left.unsent()
        if entries:
            _send(client, left, entries)
            if isinstance(entries[0], Point):
                num_points += len(entries)
            elif entries[0]["kind"] == "end":
                status = entries[0]["status"] or client.get_run(left.run_id).info.status
        if offset == left.sent:
            break
        left.mark_sent(offset)
    if not status:
        status = unless_said
        client.set_tag(left.run_id, ERROR_TAG, why)
        client.set_terminated(left.run_id, status)
    left.remove()
    return num_points, status


def _send(client: MlflowClient, left: Spool, entries: Sequence[Entry]) -> None:
    """Send points, or one note. Sent again, it changes nothing."""
    from mlflow.entities import Metric
    from mlflow.exceptions import MlflowException

    first = entries[0]
    if isinstance(first, Point):
        points = [Metric(*point) for point in entries if isinstance(point, Point)]
        client.log_batch(left.run_id, metrics=points)
    else:
        try:
            _send_note(client, left, first)
        except MlflowException as error:
            if error.error_code != "INVALID_PARAMETER_VALUE":
                raise
            # It would be refused for ever, and all behind it would wait.
            _log.warning("MLflow refuses %s of run %s: %s", first["kind"], left.run_id, error)
            client.set_tag(left.run_id, REFUSED_TAG, f"{first['kind']}: {error}"[:_MOST_TEXT])


def _send_note(client: MlflowClient, left: Spool, note: Note) -> None:
    from mlflow.entities import Dataset as MlflowDataset
    from mlflow.entities import DatasetInput, InputTag, Param, RunTag
    from mlflow.exceptions import MlflowException

    kind, run_id = note["kind"], left.run_id
    if kind == "params":
        params = [Param(key, value) for key, value in note["values"].items()]
        try:
            client.log_batch(run_id, params=params)
        except MlflowException as error:
            if error.error_code != "INVALID_PARAMETER_VALUE":
                raise
            # One that is refused takes the others with it: those it takes, one by one.
            for param in params:
                with suppress(MlflowException):
                    client.log_batch(run_id, params=[param])
            raise
    elif kind == "tags":
        client.log_batch(run_id, tags=[RunTag(key, value) for key, value in note["values"].items()])
    elif kind == "input":
        tags = [InputTag("mlflow.data.context", note["context"])]
        client.log_inputs(run_id, [DatasetInput(MlflowDataset(**note["dataset"]), tags)])
    elif kind == "file":
        parent = PurePosixPath(note["path"]).parent.as_posix()
        client.log_artifact(run_id, str(left.folder / note["path"]), parent)
    elif kind == "model":
        model.send(client, run_id, left.folder / model.NAME)
    elif kind == "end" and note["status"]:
        client.set_terminated(run_id, note["status"], note["at"])


def _opened(client: MlflowClient, run_id: str, uri: str, *, is_resumed: bool = False) -> Run:
    with explained(), _free(run_id):
        return Run(client, run_id, uri, is_resumed=is_resumed)


@contextmanager
def _free(run_id: str) -> Iterator[None]:
    try:
        yield
    except BusyError as error:
        raise TrackingError(f"Run {run_id} is being written by a process that lives") from error


@contextmanager
def _ended(run: Run, *, is_joined: bool = False) -> Iterator[None]:
    """End a run as its block ends; one that is joined is not ours to end."""
    try:
        yield
    except BaseException as error:
        is_done = isinstance(error, SystemExit) and error.code in (None, 0)
        if not is_done:
            run.set_tags({ERROR_TAG: f"{type(error).__name__}: {first_line(error)}"[:_MOST_TEXT]})
        how = "FINISHED" if is_done else "FAILED" if isinstance(error, Exception) else "KILLED"
        run.finish("" if is_joined else how)
        raise
    run.finish("" if is_joined else "FINISHED")


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as an error does, unless the program has a way of its own."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _require_name(key: str) -> None:
    if (
        not re.fullmatch(r"[\w\-. :/]{1,250}", key)
        or key.startswith(("/", ".."))
        or "//" in key
        or key.endswith("/")
    ):
        raise ValueError(
            "the name of a metric must be 1 to 250 letters, digits, _ - . : / and spaces, with "
            f"something on both sides of a /; got {key!r}"
        )


def _described(dataset: Dataset, split: Split, context: str) -> dict[str, Any]:
    """Return a split as MLflow describes a data set."""
    from mlflow.data.pandas_dataset import from_pandas

    if split.labels.ndim == 1:
        table = split.features.assign(label=np.array(dataset.class_names)[split.labels])
    else:
        table = split.features.join(pd.DataFrame(split.labels, columns=list(dataset.class_names)))
    with warnings.catch_warnings():
        # A path can be read as a source in several ways, all of them alike; integers are counts.
        warnings.filterwarnings("ignore", module="mlflow")
        warnings.filterwarnings("ignore", message=".*(interpreted in multiple ways|integer column)")
        entity = from_pandas(
            table,
            source=dataset.spec.source,
            targets="label" if split.labels.ndim == 1 else None,
            name=f"{dataset.spec.name}-{context}",
        )._to_mlflow_entity()
    return dict(entity)


def _whose() -> dict[str, str]:
    """Return, as tags, the machine and the process that write a run."""
    return {HOST_TAG: spool.host(), PROCESS_TAG: spool.process_name(os.getpid())}


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    """Return, as tags, the commit and the versions that a run is made with."""
    from importlib.metadata import version

    tags = {f"version.{name}": version(name) for name in ("cross-entropy-lab", "numpy", "mlflow")}
    tags["version.python"] = platform.python_version()
    with suppress(OSError, subprocess.SubprocessError):
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=store.ROOT,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        tags["mlflow.source.git.commit"] = commit.stdout.strip()
    return tags
