"""From spools to the store: of runs being written, and of those that left one behind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from experiments import spool
from experiments.spool import BusyError, Entry, Note, Point, Spool
from experiments.tracking import model, store
from experiments.tracking.reading import ERROR_TAG, children_of
from experiments.tracking.store import (
    DIAGNOSES,
    EXPERIMENT,
    THEORY,
    explained,
    first_line,
    without_password,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

HOST_TAG, PROCESS_TAG, REFUSED_TAG = "lab.host", "lab.process", "lab.refused"
MOST_TEXT = 5000  # that a tag holds on every store

PROCESS_GONE = "its process was gone"
_REFUSED = "INVALID_PARAMETER_VALUE"
_log = logging.getLogger(__name__)


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
            yield Synced(
                left.run_id,
                0,
                "",
                f"it belongs to the store {left.store}: set MLFLOW_TRACKING_URI to it",
            )
            continue
        if left.host not in ("", spool.host()):
            left.close()
            continue
        try:
            num_points, status = send_left(client, left)
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
                send_left(client, Spool(path), status, why)
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


def send_left(
    client: MlflowClient, left: Spool, unless_said: str = "FAILED", why: str = PROCESS_GONE
) -> tuple[int, str]:
    """Send what is in a spool, end its run, and delete it: how many points, how the run ended."""
    num_points, status = 0, ""
    while True:
        entries, offset = left.unsent()
        if entries:
            send(client, left, entries)
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


def send(client: MlflowClient, left: Spool, entries: Sequence[Entry]) -> None:
    """Send points, or one note. Sent again, it changes nothing."""
    from mlflow.exceptions import MlflowException

    first = entries[0]
    kind = "points" if isinstance(first, Point) else first["kind"]
    try:
        if isinstance(first, Point):
            _send_points(
                client, left.run_id, [entry for entry in entries if isinstance(entry, Point)]
            )
        else:
            _send_note(client, left, first)
    except MlflowException as error:
        if error.error_code != _REFUSED:
            raise
        # It would be refused for ever, and all behind it would wait.
        _log.warning("MLflow refuses %s of run %s: %s", kind, left.run_id, error)
        client.set_tag(left.run_id, REFUSED_TAG, f"{kind}: {error}"[:MOST_TEXT])


def _send_points(client: MlflowClient, run_id: str, points: Sequence[Point]) -> None:
    from mlflow.entities import Metric

    by_key: dict[str, list[Metric]] = {}
    for point in points:
        by_key.setdefault(point.key, []).append(Metric(*point))
    _send_all_or_some(
        lambda metrics: client.log_batch(run_id, metrics=metrics),
        [Metric(*point) for point in points],
        by_key.values(),
    )


def _send_all_or_some(
    send: Callable[[list[Any]], object], everything: list[Any], parts: Iterable[list[Any]]
) -> None:
    """Send everything at once; one that is refused takes the rest with it: then part by part."""
    from mlflow.exceptions import MlflowException

    try:
        send(everything)
    except MlflowException as refused:
        if refused.error_code != _REFUSED:
            raise
        for part in parts:
            try:
                send(part)
            except MlflowException as error:
                if error.error_code != _REFUSED:
                    raise error from None
        raise


def _send_note(client: MlflowClient, left: Spool, note: Note) -> None:
    from mlflow.entities import Dataset as MlflowDataset
    from mlflow.entities import DatasetInput, InputTag, Param, RunTag

    kind, run_id = note["kind"], left.run_id
    if kind == "params":
        params = [Param(key, value) for key, value in note["values"].items()]
        _send_all_or_some(
            lambda some: client.log_batch(run_id, params=some), params, [[one] for one in params]
        )
    elif kind == "tags":
        tags = [RunTag(key, value) for key, value in note["values"].items()]
        _send_all_or_some(
            lambda some: client.log_batch(run_id, tags=some), tags, [[one] for one in tags]
        )
    elif kind == "input":
        context = [InputTag("mlflow.data.context", note["context"])]
        client.log_inputs(run_id, [DatasetInput(MlflowDataset(**note["dataset"]), context)])
    elif kind == "file":
        parent = PurePosixPath(note["path"]).parent.as_posix()
        client.log_artifact(run_id, str(left.folder / note["path"]), parent)
    elif kind == "model":
        model.send(client, run_id, left.folder / model.NAME)
    elif kind == "end" and note["status"]:
        client.set_terminated(run_id, note["status"], note["at"])
