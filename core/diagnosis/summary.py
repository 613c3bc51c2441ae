"""What is kept of scores and labels, batch by batch, for `core.diagnosis` to be asked about."""

from __future__ import annotations

import math
import threading
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from core import _blocked, _checks, _threads
from core._checks import Array
from core._threads import Work
from core.diagnosis.blocks import (
    MOST_OUTSIDE,
    Block,
    Found,
    Kind,
    Part,
    Plan,
    Reading,
    Task,
    add_up,
    open_readings,
    part_of,
    reading_of,
)
from core.diagnosis.exclusive import Kept
from core.diagnosis.inputs import as_batch, class_ids
from core.diagnosis.looks import TARGET_KINDS
from core.diagnosis.sketches import DistinctRows
from core.diagnosis.tally import Fault, Ledger, Tally, joined, ledger_of

Loss = Literal["softmax + categorical", "categorical", "sigmoid + binary", "binary"]

# Threads take turns at what is no step on an array, and wait for each other where steps are short.
# So bites are as large as the cache that threads share allows, and of one number a row there are
# more at once.
_BITE_BYTES = 3 << 19
_MOST_ROWS = 1 << 16
# Just below the most that glibc goes by.
_FREED_BYTES = 31 << 20


class Summary:
    """Everything a diagnosis needs of scores and labels, in memory that does not grow with rows.

    Parameters
    ----------
    num_classes : int, optional
        K; None takes it from the first batch. One column, or none, is the second of two classes.
    kind : str
        What the scores are, if that is known: "logits", "log-probabilities", "softmax" or
        "sigmoid" output, "one-hot" predictions; "auto" finds out.
    loss : str, optional
        The loss they are handed to, if that is known: "softmax + categorical" or
        "sigmoid + binary" for one that applies its activation to what it gets, "categorical" or
        "binary" for one that takes probabilities.
    temperature : float
        Divides the logits of every row first: a second pass at the temperature that the first
        one found has the calibration after it, and nothing else.

    Raises
    ------
    ValueError
        If `kind` or `loss` is none of these, or `num_classes` or `temperature` out of range.

    Notes
    -----
    Batches may be cut, ordered and merged in any way: figures stay the same up to rounding, as
    long as each row keeps its number (`first_row`). Inside `with summary:` memory to work in is
    kept from batch to batch.

    Examples
    --------
    >>> summary = Summary()
    >>> summary.update([[2.0, 0.0], [0.0, 1.0]], [0, 1])
    >>> summary.num_rows
    2
    """

    def __init__(
        self,
        num_classes: int | None = None,
        kind: Kind = "auto",
        loss: Loss | None = None,
        temperature: float = 1.0,
    ) -> None:
        if kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}; got {kind!r}")
        if loss is not None and loss not in get_args(Loss):
            raise ValueError(f"loss must be one of {', '.join(get_args(Loss))}; got {loss!r}")
        if num_classes is not None and num_classes < 2:
            raise ValueError(f"num_classes must be at least 2; got {num_classes}")
        self.num_classes = num_classes
        self.kind: Kind = kind
        self.loss: Loss | None = loss
        self.temperature = _checks.require_positive(temperature, "temperature")
        self.num_rows = 0
        self.one_column: bool | None = None
        self.dtypes: set[str] = set()
        self.label_dtypes: set[str] = set()
        self.tolerance = 0.0
        self.counts: dict[str, float] = {}
        self.faults: dict[str, Fault] = {}
        self.lows: Array = np.empty(0)
        self.highs: Array = np.empty(0)
        self.tallies: dict[tuple[Task, Reading], Tally] = {}
        self.distinct = DistinctRows()
        self._lock = threading.Lock()
        self._scratch: list[Work] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # What stays where it is: summaries go between processes to be merged.
        kept = ("_lock", "_scratch")
        return {name: value for name, value in vars(self).items() if name not in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()
        self._scratch = None

    def __enter__(self) -> Summary:
        self._scratch = []
        # glibc gives what is freed back to the system, and has it zeroed page by page when it is
        # wanted again, but for pieces smaller than the largest that was ever freed.
        np.empty(_FREED_BYTES, np.uint8)
        return self

    def __exit__(self, *raised: object) -> None:
        self._scratch = None

    def update(
        self,
        scores: npt.ArrayLike,
        labels: npt.ArrayLike,
        *,
        first_row: int | None = None,
        ledger: bool = False,
    ) -> Ledger | None:
        """Add a batch.

        Parameters
        ----------
        scores : array_like, shape (N, K), or (N,) or (N, 1) for two classes
            Logits or probabilities, as `kind` says.
        labels : array_like, shape (N,) or (N, K)
            Class ids, or targets: one-hot, multi-hot or soft.
        first_row : int, optional
            The number of the batch's first row; None counts on from the rows so far.
        ledger : bool
            Whether to return what each row cost, as the batches so far say scores are to be read:
            declare `kind` to have all batches read in the same way.

        Returns
        -------
        Ledger or None

        Raises
        ------
        ValueError
            If shapes do not fit each other or the batches before.
        TypeError
            If either is not made of real numbers.
        """
        batch = as_batch(scores, labels, self.num_classes, self.one_column)
        raw, targets = batch.scores, batch.targets
        self.num_classes, self.one_column = batch.num_classes, batch.one_column
        first = self.num_rows if first_row is None else int(first_row)
        if len(raw) == 0:
            return joined([]) if ledger else None
        self.num_rows += len(raw)
        self.dtypes.add(str(raw.dtype))
        self.label_dtypes.add(f"{targets.dtype}, {targets.ndim} axes")
        self.tolerance = max(self.tolerance, _checks.sum_tolerance(raw))
        ids, usable, counts, faults = class_ids(targets, batch.num_classes)
        self._add_counts(counts)
        for name, rows in faults:
            self._fault(name, first + rows)
        width = raw.shape[1] * _blocked.working_dtype(raw).itemsize
        plan = Plan(self.kind, batch.one_column, self.tolerance, self.temperature, 0)
        entries: dict[tuple[Task, Reading], list[Ledger]] = {}

        def add_part(key: tuple[Task, Reading], part: Part) -> None:
            tally = self.tallies.setdefault(key, Tally())
            tally.add(part.sums)
            if self.temperature == 1:
                tally.add_rows(part)
            if ledger:
                entries.setdefault(key, []).append(ledger_of(part))

        def kernel(work: Work, start: int, stop: int) -> None:
            kept: dict[Reading, list[Kept]] = {}
            for rows in _threads.bites(start, stop, width, _BITE_BYTES):
                block = Block(
                    raw[rows],
                    ids[rows],
                    None if usable is None else usable[rows],
                    np.arange(first + rows.start, first + rows.stop),
                    targets[rows] if targets.ndim == 2 else None,
                )
                outside = int(self.counts.get("outside", 0))
                found = add_up(work, block, plan._replace(outside=outside))
                for reading, few in found.kept.items():
                    kept.setdefault(reading, []).append(few)
                with self._lock:
                    self._add(found)
                    for key, part in found.parts.items():
                        add_part(key, part)
            made = {
                reading: part_of(parts, batch.num_classes, plan, reading)
                for reading, parts in kept.items()
            }
            with self._lock:
                for reading, part in made.items():
                    add_part(("exclusive", reading), part)
                self._drop_refuted()

        _threads.run(kernel, len(raw), width, self._scratch, _MOST_ROWS)
        return joined(entries.get(self.reading(), [])) if ledger else None

    def merge(self, other: Summary) -> None:
        """Add what another summary holds of other rows.

        Raises
        ------
        ValueError
            If the other one was made for other classes, scores or temperatures.
        """
        for name in ("kind", "loss", "temperature"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise ValueError(f"{name} differs: {mine!r} and {theirs!r}")
        if other.num_classes is not None:
            if self.num_classes not in (None, other.num_classes):
                raise ValueError(f"num_classes differs: {self.num_classes} and {other.num_classes}")
            self.num_classes = other.num_classes
        if other.num_rows == 0:
            return
        if self.one_column not in (None, other.one_column):
            raise ValueError("one has a column of scores for each class, the other one for two")
        self.one_column = other.one_column
        self.num_rows += other.num_rows
        self.dtypes |= other.dtypes
        self.label_dtypes |= other.label_dtypes
        self.tolerance = max(self.tolerance, other.tolerance)
        self._add_counts(other.counts)
        self._add_extremes(other.lows, other.highs)
        for name, fault in other.faults.items():
            self.faults.setdefault(name, Fault()).merge(fault)
        for key, tally in other.tallies.items():
            self.tallies.setdefault(key, Tally()).merge(tally)
        self.distinct.merge(other.distinct)
        self._drop_refuted()

    def found_kind(self) -> str:
        """Return what the scores look like, whatever was declared; "ambiguous" where it is open."""
        rows = self.counts.get("scored", 0)
        if rows == 0:
            return "ambiguous"
        if self.counts.get("outside", 0) > min(MOST_OUTSIDE, 0.01 * rows):
            near = self.counts.get("log_probabilities", 0)
            return "log-probabilities" if near >= 0.99 * rows else "logits"
        # Logits may all lie in [0, 1] too: many hardly do, unless the labels say so.
        answers = rows * (1 if self.one_column else self.num_classes or 0)
        is_open = answers < 40 or self.is_shifted() or self._labels_say_logits()
        sigmoid = "ambiguous" if is_open else "sigmoid"
        is_hard = self.counts.get("one_hot_scores", 0) >= 0.99 * rows
        if self.one_column:
            return "one-hot" if is_hard and sigmoid == "sigmoid" else sigmoid
        if is_hard:
            return "one-hot"
        whole = self.counts.get("distributions", 0)
        if whole >= 0.99 * rows:
            return "softmax"
        # Of a softmax cut to its top classes sums are at most 1; sigmoids are on either side.
        is_cut = whole >= 0.5 * rows and self.counts.get("sums_above_one", 0) == 0
        if is_cut and sigmoid == "sigmoid" and self.task() == "exclusive":
            return "softmax"
        return sigmoid

    def is_shifted(self) -> bool:
        """Whether each row has a single score of exactly 0, and no other below it.

        So it is with logits whose minimum was subtracted. Sigmoids are 0 by rounding alone: in some
        rows, and mostly in several places of one.
        """
        singles = self.counts.get("single_zeros", 0)
        return not self.one_column and 0 < 0.99 * self.counts.get("scored", 0) <= singles

    def _labels_say_logits(self) -> bool:
        """Whether labels drawn from the scores as probabilities would be e^10 times less likely.

        Not where scores come near both 0 and 1 and never leave them: that is no coincidence, unless
        each row was shifted to 0.
        """
        is_shifted = self.is_shifted()
        is_full = len(self.lows) > 0 and self.lows.min() < 0.02 and self.highs.max() > 0.98
        if is_full and not is_shifted:
            return False
        readings: tuple[Reading, Reading] = ("logits", "probabilities")
        pair = [self.tallies.get((self.task(), reading)) for reading in readings]
        losses = [math.inf if t is None else float(np.sum(t.sums["loss"])) for t in pair]
        if is_shifted and pair[1] is not None and np.sum(pair[1].sums["infinite"]):
            losses[1] = math.inf
        return losses[0] + 10 < losses[1]

    def reading(self) -> tuple[Task, Reading]:
        """Return how scores and labels are read: declared, or as they look."""
        kind = self.found_kind() if self.kind == "auto" else self.kind
        if kind == "ambiguous":
            return self.task(), "logits" if self._labels_say_logits() else "probabilities"
        return self.task(), reading_of(kind)

    def task(self) -> Task:
        """Return "exclusive", or "multi-label" where rows have none or several labels."""
        given = sum(self.counts.get(name, 0) for name in TARGET_KINDS)
        several = self.counts.get("multi_hot", 0) + self.counts.get("soft_several", 0)
        return "multi-label" if several > 0.01 * given else "exclusive"

    def label_smoothing(self) -> float:
        """Return ε if all labels are smoothed by the same ε over all classes, else 0."""
        rows = self.counts.get("smoothed", 0)
        if rows < 2 or rows != self.counts.get("soft", 0) or self.counts.get("one_hot", 0):
            return 0.0
        mean = self.counts["smoothed_least"] / rows
        spread = max(self.counts["smoothed_squares"] / rows - mean**2, 0.0)
        return mean * (self.num_classes or 0) if math.sqrt(spread) < 1e-3 * mean else 0.0

    def _add(self, found: Found) -> None:
        self._add_counts(found.counts)
        self._add_extremes(found.lows, found.highs)
        for name, rows in found.faults:
            self._fault(name, rows)
        self.distinct.add(found.hashes, found.hashed)
        for reading, sums in found.sums.items():
            self.tallies.setdefault(("exclusive", reading), Tally()).add(sums)

    def _drop_refuted(self) -> None:
        # Counts only grow, so what is dropped here would be dropped in any order.
        if "probabilities" not in open_readings(self.kind, int(self.counts.get("outside", 0))):
            for key in [key for key in self.tallies if key[1] == "probabilities"]:
                del self.tallies[key]

    def _add_counts(self, counts: dict[str, float]) -> None:
        for name, number in counts.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def _add_extremes(self, lows: Array, highs: Array) -> None:
        if len(lows) == 0:
            return
        lows, highs = lows.astype(np.float64), highs.astype(np.float64)
        if len(self.lows):
            lows, highs = np.minimum(lows, self.lows), np.maximum(highs, self.highs)
        self.lows, self.highs = lows, highs

    def _fault(self, name: str, rows: Array) -> None:
        if len(rows):
            self.faults.setdefault(name, Fault()).add(rows)
