"""Runs opened, joined, resumed and ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from experiments import spool
from experiments.spool import BusyError, Spool
from experiments.tracking import store
from experiments.tracking.origin import source, versions
from experiments.tracking.reading import ERROR_TAG
from experiments.tracking.sending import HOST_TAG, MOST_TEXT, PROCESS_TAG, send_left
from experiments.tracking.store import (
    EXPERIMENT,
    TrackingError,
    experiment_id,
    explained,
    first_line,
)
from experiments.tracking.writing import Run

if TYPE_CHECKING:
    from mlflow import MlflowClient


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
            opening = {**source(), **versions(), **_whose()}
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
                raise TrackingError(f"Run {run_id} has finished: there is nothing to resume")
            if path.exists():
                with _free(run_id):
                    send_left(client, Spool(path))
        with explained():
            stored_steps = _stored_steps(client, run_id)
        run = _opened(client, run_id, uri, stored_steps)
        with explained():
            client.update_run(run_id, status="RUNNING")
        run.set_tags(_whose())
        with _ended(run):
            yield run


def _opened(
    client: MlflowClient,
    run_id: str,
    uri: str,
    stored_steps: Mapping[str, set[int]] | None = None,
) -> Run:
    with explained(), _free(run_id):
        return Run(client, run_id, uri, stored_steps)


def _stored_steps(client: MlflowClient, run_id: str) -> dict[str, set[int]]:
    """Return the steps that a run has of each metric."""
    return {
        key: {point.step for point in client.get_metric_history(run_id, key)}
        for key in client.get_run(run_id).data.metrics
    }


@contextmanager
def _free(run_id: str) -> Iterator[None]:
    try:
        yield
    except BusyError as error:
        raise TrackingError(f"Run {run_id} is still being written by another process") from error


@contextmanager
def _ended(run: Run, *, is_joined: bool = False) -> Iterator[None]:
    """End a run as its block ends; one that is joined is not ours to end."""
    try:
        yield
    except BaseException as error:
        is_done = isinstance(error, SystemExit) and error.code in (None, 0)
        if not is_done:
            run.set_tags({ERROR_TAG: f"{type(error).__name__}: {first_line(error)}"[:MOST_TEXT]})
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


def _whose() -> dict[str, str]:
    """Return, as tags, the machine and the process that write a run."""
    return {HOST_TAG: spool.host(), PROCESS_TAG: spool.process_name(os.getpid())}
