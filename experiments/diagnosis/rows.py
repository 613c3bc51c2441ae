"""The rows of prediction files, read and added up in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread

from core import get_num_threads
from core.diagnosis import Kind, Loss, Summary
from experiments.predictions import Batch, Predictions, PredictionsError

# Rows of so many bytes are kept for the second pass: a million of ten float32.
_MOST_KEPT = 1 << 26
# One of them reads at a time, for a fifth of what it takes to add up what was read.
_MOST_THREADS = 4


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
        return self._kept(_read_ahead(self.of))

    def batches(self) -> Iterator[Batch]:
        """Yield the batches, read by who asks for them."""
        return self._kept(self.of.batches())

    def _kept(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        if self._held is not None:
            yield from self._held
            return
        held: list[Batch] = []
        weight = 0
        for batch in batches:
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
    """Return the summary of all rows; `on_rows` is told how many more are through.

    Each of several threads takes the next batch, and adds it to a summary of its own: threads that
    share a batch would wait for each other at its end.
    """
    num_threads = min(get_num_threads(), _MOST_THREADS)
    if num_threads == 1:
        return _added_up(iter(rows), rows.of, settings, temperature, on_rows)
    batches = _Shared(rows.batches())
    told: SimpleQueue[int | Summary | BaseException] = SimpleQueue()

    def work() -> None:
        try:
            told.put(_added_up(batches, rows.of, settings, temperature, told.put))
        except BaseException as error:
            told.put(error)

    summaries: list[Summary] = []
    begun: list[Thread] = []
    try:
        for number in range(num_threads):
            begun.append(Thread(target=work, name=f"adding_{number}", daemon=True))
            begun[-1].start()
        while len(summaries) < num_threads:
            heard = told.get()
            if isinstance(heard, BaseException):
                raise heard
            if isinstance(heard, Summary):
                summaries.append(heard)
            else:
                on_rows(heard)
    finally:
        batches.stop()
        for thread in begun:
            if thread.ident is not None:
                thread.join()
    first, *others = summaries
    for other in others:
        first.merge(other)
    return first


def _added_up(
    batches: Iterator[Batch],
    of: Predictions,
    settings: Settings,
    temperature: float,
    on_rows: Callable[[int], None],
) -> Summary:
    summary = Summary(None, settings.kind, settings.loss, temperature)
    with summary:
        for batch in batches:
            with Fits(of):
                summary.update(batch.scores, batch.labels, first_row=batch.first_row)
            on_rows(len(batch.scores))
    return summary


class _Shared:
    """Batches for several threads, of which one at a time reads the next."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._lock = Lock()
        self._is_over = False

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        with self._lock:
            if self._is_over:
                raise StopIteration
            return next(self._batches)

    def stop(self) -> None:
        """Yield no more."""
        self._is_over = True


class Fits:
    """Says of which file it is that scores and labels do not fit each other."""

    def __init__(self, predictions: Predictions) -> None:
        self._name = predictions.name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError | TypeError):
            raise PredictionsError(f"{self._name}: {error}") from error
