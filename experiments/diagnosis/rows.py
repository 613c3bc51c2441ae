"""The rows of prediction files, read ahead and added up in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread

from core.diagnosis import Kind, Loss, Summary
from experiments.predictions import Batch, Predictions, PredictionsError

# Rows of so many bytes are kept for the second pass: a million of ten float32.
_MOST_KEPT = 1 << 26


@dataclass(frozen=True)
class Settings:
    """How scores are to be read.

    Parameters
    ----------
    kind, loss
        As `core.diagnosis.Summary` takes them.
    """

    kind: Kind = "auto"
    loss: Loss | None = None


class Rows:
    """The batches of predictions; few are kept when they were read to the end."""

    def __init__(self, predictions: Predictions) -> None:
        self.of = predictions
        self._held: list[Batch] | None = None

    def __iter__(self) -> Iterator[Batch]:
        if self._held is not None:
            yield from self._held
            return
        held: list[Batch] = []
        weight = 0
        for batch in _read_ahead(self.of):
            weight += batch.scores.nbytes + batch.labels.nbytes
            if weight <= _MOST_KEPT:
                held.append(batch)
            else:
                held.clear()
            yield batch
        if weight <= _MOST_KEPT:
            self._held = held


def _read_ahead(predictions: Predictions) -> Iterator[Batch]:
    """Yield batches, the next of which is being read meanwhile.

    Ctrl-C between two steps of a lock of `concurrent.futures` leaves it locked, and the process
    waits for its thread for ever; these queues have no such steps.
    """
    wanted: SimpleQueue[bool] = SimpleQueue()
    ready: SimpleQueue[Batch | Exception | None] = SimpleQueue()

    def read() -> None:
        batches = predictions.batches()
        while wanted.get():
            try:
                ready.put(next(batches, None))
            except Exception as error:
                ready.put(error)

    # A daemon, for one that was interrupted in its start would never end; others are waited for.
    reader = Thread(target=read, name="reader", daemon=True)
    has_started = False
    try:
        reader.start()
        has_started = True
        wanted.put(True)
        while (batch := ready.get()) is not None:
            if isinstance(batch, Exception):
                raise batch
            wanted.put(True)
            yield batch
    finally:
        wanted.put(False)
        if has_started:
            reader.join()


def summed_here(
    rows: Rows, settings: Settings, temperature: float, on_rows: Callable[[int], None]
) -> Summary:
    """Return the summary of all rows; `on_rows` is told how many more are through."""
    summary = Summary(None, settings.kind, settings.loss, temperature)
    with summary:
        for batch in rows:
            with Fits(rows.of):
                summary.update(batch.scores, batch.labels, first_row=batch.first_row)
            on_rows(len(batch.scores))
    return summary


class Fits:
    """Says of which file it is that scores and labels do not fit each other."""

    def __init__(self, predictions: Predictions) -> None:
        self._name = predictions.name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError | TypeError):
            raise PredictionsError(f"{self._name}: {error}") from error
