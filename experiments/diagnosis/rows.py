"""The rows of prediction files, read here and added up, beside a second process if need be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread

from core import get_num_threads
from core.diagnosis import Kind, Loss, Summary
from experiments.diagnosis import helper
from experiments.diagnosis.helper import Helper, HelperLostError
from experiments.predictions import Batch, Predictions, PredictionsError

# Rows of so many bytes are kept for the second pass: a million of ten float32.
_MOST_KEPT = 1 << 26
# One of them reads at a time, for a fifth of what it takes to add up what was read.
_MOST_THREADS = 4
# Of each batch, what this process adds up beside a second one: it reads and sends too.
_MINE, _MINE_OF_HELD = 0.38, 0.46

OnMore = Callable[[int], None]


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
        self._num_rows = predictions.num_rows
        self._held: list[Batch] | None = None

    @property
    def num_scores(self) -> int:
        """How many scores there are; 0 where only reading them would tell."""
        return (self._num_rows or 0) * self.of.num_scores

    @property
    def are_held(self) -> bool:
        """Whether they need not be read again."""
        return self._held is not None

    def __iter__(self) -> Iterator[Batch]:
        return _ahead(self.batches())

    def batches(self) -> Iterator[Batch]:
        """Yield the batches, read by who asks for them."""
        if self._held is not None:
            yield from self._held
            return
        held: list[Batch] | None = []
        weight = num_rows = 0
        for batch in self.of.batches():
            weight += batch.scores.nbytes + batch.labels.nbytes
            num_rows += len(batch.scores)
            # Of all of them, if the others are like those so far.
            expected = weight * max(1.0, (self._num_rows or 0) / num_rows)
            if expected > _MOST_KEPT:
                held = None
            elif held is not None:
                held.append(batch)
            yield batch
        self._held = held


def _ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield batches, the next of which is being read meanwhile.

    Ctrl-C between two steps of a lock of `concurrent.futures` leaves it locked, and the process
    waits for its thread for ever; these queues have no such steps.
    """
    wanted: SimpleQueue[bool] = SimpleQueue()
    ready: SimpleQueue[Batch | Exception | None] = SimpleQueue()

    def read() -> None:
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


def summed_here(rows: Rows, settings: Settings, temperature: float, on_rows: OnMore) -> Summary:
    """Return the summary of all rows; `on_rows` is told how many more are through."""

    def empty() -> Summary:
        return Summary(None, settings.kind, settings.loss, temperature)

    # To read rows again takes about as long as to add them up at a temperature.
    if temperature == 1 or rows.are_held:
        beside = helper.helper_for(rows.num_scores)
        if beside is not None:
            told = _Told(beside, on_rows)
            try:
                return _summed_beside(beside, rows, empty, told)
            except HelperLostError:
                on_rows(-told.num_rows)
    num_threads = min(get_num_threads(), _MOST_THREADS)
    return _summed(
        rows.batches() if num_threads > 1 else iter(rows), rows.of, empty, num_threads, on_rows
    )


class _Told:
    """What was told of rows that are through here, and of those that a second process was sent."""

    def __init__(self, beside: Helper, on_rows: OnMore) -> None:
        self.num_rows = 0
        self._here = 0
        self._beside, self._on_rows = beside, on_rows

    def __call__(self, more: int) -> None:
        self._here += more
        through = self._here + self._beside.num_sent
        self._on_rows(through - self.num_rows)
        self.num_rows = through


def _summed_beside(
    beside: Helper, rows: Rows, empty: Callable[[], Summary], on_rows: OnMore
) -> Summary:
    """Return the summary of all rows, of which a second process adds up a part of each batch."""
    mine = _MINE_OF_HELD if rows.are_held else _MINE

    def parts() -> Iterator[Batch]:
        for batch in rows.batches():
            with Fits(rows.of):
                rest = beside.rest_of(batch, mine)
            yield rest

    beside.begin(empty())
    try:
        summary = _summed(_ahead(parts()), rows.of, empty, 1, on_rows, helper.dismiss)
        with Fits(rows.of):
            summary.merge(beside.end())
    except BaseException:
        helper.dismiss()
        raise
    on_rows(0)
    return summary


def _summed(
    batches: Iterator[Batch],
    of: Predictions,
    empty: Callable[[], Summary],
    num_threads: int,
    on_rows: OnMore,
    give_up: Callable[[], None] = lambda: None,
) -> Summary:
    """Return the summary of batches; before threads are waited for after an error, give up.

    Each thread takes the next batch, and adds it to a summary of its own: threads that share a
    batch would wait for each other at its end.
    """
    shared = _Shared(batches)
    told: SimpleQueue[int | Summary | BaseException] = SimpleQueue()

    def work() -> None:
        summary = empty()
        try:
            with summary:
                for batch in shared:
                    with Fits(of):
                        summary.update(batch.scores, batch.labels, first_row=batch.first_row)
                    told.put(len(batch.scores))
            told.put(summary)
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
    except BaseException:
        give_up()
        raise
    finally:
        shared.stop()
        for thread in begun:
            if thread.ident is not None:
                thread.join()
    first, *others = summaries
    for other in others:
        first.merge(other)
    return first


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
