"""What is kept of scores and labels, batch by batch, for `core.diagnosis` to be asked about."""

from __future__ import annotations

import math
import threading
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from core import _blocked, _checks
from core._blocked import Work
from core._checks import Array
from core.activations import logsumexp
from core.diagnosis.binary import multi_label_sums, one_vs_rest_sums
from core.diagnosis.exclusive import PerRow, Sums, exclusive_sums
from core.diagnosis.sketches import DistinctRows, row_hashes
from core.diagnosis.tally import Fault, Ledger, Tally, joined

Kind = Literal["auto", "logits", "log-probabilities", "softmax", "sigmoid", "one-hot"]
Loss = Literal["softmax + categorical", "categorical", "sigmoid + binary", "binary"]
Reading = Literal["logits", "probabilities"]

# So many rows outside [0, 1], and scores are no probabilities whatever comes.
MOST_OUTSIDE = 16
# A sum this far from 1 may be a distribution written with a few decimals.
LOOSE = 5e-3


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
        one found has the calibration after it.

    Raises
    ------
    ValueError
        If `kind` or `loss` is none of these, or `num_classes` or `temperature` out of range.

    Notes
    -----
    Batches may be cut, ordered and merged in any way: figures stay the same up to rounding, as
    long as each row keeps its number (`first_row`).

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
        self.counts: dict[str, int] = {}
        self.faults: dict[str, Fault] = {}
        self.lows: Array = np.empty(0)
        self.highs: Array = np.empty(0)
        self.target_entropy = 0.0
        self.tallies: dict[tuple[str, Reading], Tally] = {}
        self.distinct = DistinctRows()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        # A lock stays where it is: summaries go between processes to be merged.
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

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
        raw, targets = self._checked(scores, labels)
        first = self.num_rows if first_row is None else int(first_row)
        if len(raw) == 0:
            return joined([]) if ledger else None
        self.num_rows += len(raw)
        ids, usable = self._class_ids(targets, first)
        kept: dict[tuple[str, Reading], list[Ledger]] = {}

        def kernel(work: Work, start: int, stop: int) -> None:
            part = slice(start, stop)
            rows = np.arange(first + start, first + stop)
            two_d = targets[part] if targets.ndim == 2 else None
            block = _Block(
                work, raw[part], ids[part], None if usable is None else usable[part], rows, two_d
            )
            found = self._add_block(block)
            if ledger:
                with self._lock:
                    for key, entries in found.items():
                        kept.setdefault(key, []).append(entries)

        width = raw.shape[1] * _blocked.working_dtype(raw).itemsize
        _blocked.run(kernel, len(raw), 3 * width)
        if not ledger:
            return None
        return joined(kept.get(self.reading(), []))

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
        self.target_entropy += other.target_entropy
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
        sigmoid = "ambiguous" if answers < 40 or self._labels_say_logits() else "sigmoid"
        if self.one_column:
            return sigmoid
        if self.counts.get("one_hot_scores", 0) >= 0.99 * rows:
            return "one-hot"
        if self.counts.get("distributions", 0) >= 0.99 * rows:
            return "softmax"
        return sigmoid

    def _labels_say_logits(self) -> bool:
        """Whether labels drawn from the scores as probabilities would be e^10 times less likely.

        Not where scores come near both 0 and 1 and never leave them: that is no coincidence.
        """
        if len(self.lows) and self.lows.min() < 0.02 and self.highs.max() > 0.98:
            return False
        readings: tuple[Reading, Reading] = ("logits", "probabilities")
        pair = [self.tallies.get((self.task(), reading)) for reading in readings]
        losses = [math.inf if t is None else float(np.sum(t.sums["loss"])) for t in pair]
        return losses[0] + 10 < losses[1]

    def reading(self) -> tuple[str, Reading]:
        """Return how scores and labels are read: declared, or as they look."""
        kind = self.found_kind() if self.kind == "auto" else self.kind
        is_logits = kind in ("logits", "log-probabilities")
        is_logits |= kind == "ambiguous" and self._labels_say_logits()
        reading: Reading = "logits" if is_logits else "probabilities"
        return self.task(), reading

    def task(self) -> str:
        """Return "exclusive", or "multi-label" where rows have none or several labels."""
        given = sum(self.counts.get(name, 0) for name in _TARGET_KINDS)
        several = self.counts.get("multi_hot", 0) + self.counts.get("soft_several", 0)
        return "multi-label" if several > 0.01 * given else "exclusive"

    def _checked(self, scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Array, Array]:
        _checks.refuse_masked(scores, "scores")
        _checks.refuse_masked(labels, "labels")
        raw, targets = np.asarray(scores), np.asarray(labels)
        if raw.dtype.kind not in "fiub":
            raise TypeError(f"scores must be real numbers; got dtype {raw.dtype}")
        if targets.dtype.kind not in "fiub":
            raise TypeError(f"labels must be numbers; got dtype {targets.dtype}")
        if raw.ndim not in (1, 2):
            raise ValueError(f"scores must have shape (N, K) or (N,); got {raw.shape}")
        one_column = raw.ndim == 1 or raw.shape[1] == 1
        num_columns = 2 if one_column else raw.shape[1]
        if self.num_classes not in (None, num_columns):
            raise ValueError(f"scores must have {self.num_classes} columns; got {raw.shape}")
        if self.one_column not in (None, one_column):
            raise ValueError(f"scores had other columns before; got {raw.shape}")
        if one_column and targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        if targets.shape not in ((len(raw),), (len(raw), num_columns)):
            raise ValueError(
                f"labels must have shape ({len(raw)},) or ({len(raw)}, {num_columns}) to match "
                f"scores; got {targets.shape}"
            )
        if raw.dtype.kind != "f" or raw.dtype.itemsize > 8:
            raw = raw.astype(np.float64)
        self.num_classes, self.one_column = num_columns, one_column
        if len(raw):
            self.dtypes.add(str(raw.dtype))
            self.label_dtypes.add(f"{targets.dtype}, {targets.ndim} axes")
            self.tolerance = max(self.tolerance, _checks.sum_tolerance(raw))
        return raw[:, np.newaxis] if raw.ndim == 1 else raw, targets

    def _class_ids(self, targets: Array, first: int) -> tuple[Array, Array | None]:
        """Return class ids and which rows have one; faults are counted here."""
        num_classes = self.num_classes or 0
        if targets.ndim == 2:
            return np.zeros(len(targets), np.intp), None
        if targets.dtype.kind == "f":
            whole = np.isfinite(targets) & (np.floor(targets) == targets)
            self._count("float_labels", len(targets))
            ids = np.where(whole & (np.abs(targets) < 2**52), targets, -2).astype(np.int64)
            self._fault("label_not_whole", first + np.flatnonzero(~whole))
        else:
            ids, whole = targets.astype(np.intp, copy=False), None
        if whole is None and ids.min() >= 0 and ids.max() < num_classes:
            return ids, None
        inside = (ids >= 0) & (ids < num_classes)
        bad = ~inside if whole is None else ~inside & whole
        self._fault("label_outside", first + np.flatnonzero(bad))
        self._count("label_is_num_classes", int(np.count_nonzero(bad & (ids == num_classes))))
        self._count("label_is_minus_one", int(np.count_nonzero(bad & (ids == -1))))
        return np.where(inside, ids, 0), inside

    def _add_block(self, block: _Block) -> dict[tuple[str, Reading], Ledger]:
        num_classes = self.num_classes or 0
        work, scores = block.work, block.scores
        dtype = _blocked.working_dtype(scores)
        # Scores first: NaN and infinities, and what they look like.
        usable = block.usable
        top = scores.argmax(axis=1)
        highest = np.take_along_axis(scores, top[:, np.newaxis], axis=1)[:, 0].astype(dtype)
        if not np.isfinite(np.add.reduce(highest)):
            good = np.isfinite(highest)
            bad = block.rows[~good]
            with self._lock:
                is_nan = np.isnan(highest[~good])
                self._fault("nan", bad[is_nan])
                self._fault("infinite", bad[~is_nan])
            usable = good if usable is None else usable & good
        targets = block.targets
        if targets is not None:
            kinds, labels, good = self._target_kinds(targets, block.rows)
            usable = good if usable is None else usable & good
            block = block._replace(labels=labels)
        else:
            kinds = None
        if usable is not None and not usable.all():
            scores, top, highest = scores[usable], top[usable], highest[usable]
            block = block._replace(labels=block.labels[usable], rows=block.rows[usable])
            targets = None if targets is None else targets[usable]
            kinds = None if kinds is None else kinds[usable]
        if len(scores) == 0:
            return {}
        raw, axis = _blocked.load(work, "raw", scores, dtype)
        lows = raw.min(axis=1 - axis)
        any_minus_infinity = bool(np.isneginf(lows).any())
        distances = self._look(raw, axis, highest)
        hashes = row_hashes(raw, axis)
        with self._lock:
            self._add_counts(distances)
            self._add_extremes(lows, raw.max(axis=1 - axis))
            self.distinct.add(hashes, block.rows)
            if any_minus_infinity:
                rows = block.rows[np.isneginf(raw).any(axis=axis)]
                self._fault("minus_infinity", rows)
            self._drop_refuted()
        found = {}
        for reading in self._readings():
            found.update(self._read(reading, block, raw, axis, top, targets, kinds, num_classes))
        return found

    def _read(
        self,
        reading: Reading,
        block: _Block,
        raw: Array,
        axis: int,
        top: Array,
        targets: Array | None,
        kinds: Array | None,
        num_classes: int,
    ) -> dict[tuple[str, Reading], Ledger]:
        is_probability = reading == "probabilities"
        work, labels, rows = block.work, block.labels, block.rows
        if is_probability:
            good = _inside(raw.min(axis=axis), raw.max(axis=axis), self.tolerance)
            if not good.all():
                raw = np.ascontiguousarray(raw[:, good] if axis == 0 else raw[good])
                labels, rows, top = labels[good], rows[good], top[good]
                targets = None if targets is None else targets[good]
                kinds = None if kinds is None else kinds[good]
        if self.one_column:
            column = raw.reshape(-1)
            first = 1 - column if is_probability else np.zeros_like(column)
            raw, axis = np.stack([first, column]), 0
            top = raw.argmax(axis=0)
        if is_probability and kinds is None and not (raw.max(axis=axis) > 0).all():
            # A row of zeros has nothing to divide by.
            some = raw.max(axis=axis) > 0
            with self._lock:
                self._fault("no_probability", rows[~some])
            raw = np.ascontiguousarray(raw[:, some] if axis == 0 else raw[some])
            labels, rows, top = labels[some], rows[some], top[some]
        if len(rows) == 0:
            return {}
        found: dict[tuple[str, Reading], Ledger] = {}
        if kinds is not None and not self.one_column:
            several = self._several(reading, raw, axis, targets, rows)
            found["multi-label", reading] = several
            chosen = np.isin(kinds, (_ONE_HOT, _SOFT))
            if is_probability:
                chosen &= raw.max(axis=axis) > 0
            if not chosen.all():
                raw = np.ascontiguousarray(raw[:, chosen] if axis == 0 else raw[chosen])
                labels, rows, top = labels[chosen], rows[chosen], top[chosen]
                targets = None if targets is None else targets[chosen]
            if len(rows) == 0:
                return found
        if self.temperature != 1:
            raw, is_probability = self._tempered(raw, axis, is_probability), False
        in_full = self.kind == "auto" or reading == self.reading()[1]
        layout = None
        if targets is not None:
            layout = np.ascontiguousarray(targets.T if axis == 0 else targets)
        sums, per_row = exclusive_sums(
            work, raw, axis, labels, top,
            is_probability=is_probability, in_full=in_full, targets=layout,
        )  # fmt: skip
        if in_full:
            sums |= one_vs_rest_sums(work, raw, axis, labels, is_probability=is_probability)
        found["exclusive", reading] = self._settle(
            ("exclusive", reading), sums, rows, labels, top, per_row
        )
        return found

    def _several(
        self, reading: Reading, raw: Array, axis: int, targets: Array | None, rows: Array
    ) -> Ledger:
        x = raw.T if axis == 0 else raw
        is_probability = reading == "probabilities"
        if self.temperature != 1:
            with np.errstate(divide="ignore"):
                x = (np.log(x) - np.log1p(-x) if is_probability else x) / self.temperature
            is_probability = False
        sums, worst, per_row = multi_label_sums(
            np.maximum(x, -_blocked.BEYOND_EXP), np.asarray(targets), is_probability=is_probability
        )
        return self._settle(("multi-label", reading), sums, rows, worst, worst, per_row)

    def _tempered(self, raw: Array, axis: int, is_probability: bool) -> Array:
        z = np.log(np.maximum(raw, 0)) if is_probability else raw
        return np.ascontiguousarray((z - z.max(axis=axis, keepdims=True)) / self.temperature)

    def _settle(
        self,
        key: tuple[str, Reading],
        sums: Sums,
        rows: Array,
        labels: Array,
        predicted: Array,
        per_row: PerRow,
    ) -> Ledger:
        columns = {
            "row": rows,
            "label": labels,
            "predicted": predicted,
            "label_probability": per_row.label_probability,
            "confidence": per_row.confidence,
        }
        with self._lock:
            tally = self.tallies.setdefault(key, Tally())
            tally.add(sums)
            tally.top.add(per_row.loss, columns)
        return Ledger(
            rows,
            labels,
            predicted,
            per_row.loss / np.log(2),
            per_row.label_probability,
            per_row.confidence,
        )

    def _look(self, raw: Array, axis: int, highest: Array) -> dict[str, int]:
        """Return how many rows look like what."""
        counts = {"scored": len(highest)}
        tolerance = self.tolerance
        if self.counts.get("outside", 0) <= MOST_OUTSIDE:
            lowest = raw.min(axis=axis)
            inside = _inside(lowest, highest, tolerance)
            counts["outside"] = int(np.count_nonzero(~inside))
            if inside.any() and not self.one_column:
                distance = np.abs(raw.sum(axis=axis, dtype=np.float64) - 1)
                counts["distributions"] = int(np.count_nonzero(inside & (distance <= LOOSE)))
                close = inside & (distance <= tolerance)
                counts["exact_distributions"] = int(np.count_nonzero(close))
                if (highest == 1).any():
                    ones = (raw == 1).sum(axis=axis)
                    zeros = (raw == 0).sum(axis=axis)
                    is_hot = (ones == 1) & (zeros == raw.shape[axis] - 1)
                    counts["one_hot_scores"] = int(np.count_nonzero(is_hot))
        if not self.one_column:
            below = np.flatnonzero(highest <= tolerance)
            if len(below):
                rows = raw[:, below].T if axis == 0 else raw[below]
                near = np.abs(_log_sums(rows)) <= LOOSE
                counts["log_probabilities"] = int(np.count_nonzero(near))
        return counts

    def _target_kinds(self, targets: Array, rows: Array) -> tuple[Array, Array, Array]:
        """Return what each row of targets is, its class, and whether it is usable at all."""
        t = targets.astype(np.float64, copy=False)
        with np.errstate(invalid="ignore"):
            total = t.sum(axis=1)
            inside = (t >= 0).all(axis=1) & (t <= 1).all(axis=1)
            is_hard = ((t == 0) | (t == 1)).all(axis=1)
            sums_to_one = np.abs(total - 1) <= max(_checks.sum_tolerance(targets), 1e-6)
        kinds = np.select(
            [is_hard & (total == 1), is_hard, inside & sums_to_one, inside],
            [_ONE_HOT, _MULTI_HOT, _SOFT, _SOFT_SEVERAL],
            _BAD,
        )
        soft = t[kinds == _SOFT]
        terms = np.where(soft > 0, soft * np.log(np.where(soft > 0, soft, 1)), 0)
        with self._lock:
            for number, name in enumerate(_TARGET_KINDS):
                self._count(name, int(np.count_nonzero(kinds == number)))
            self.target_entropy -= float(terms.sum())
            self._fault("target_outside", rows[kinds == _BAD])
            self._fault("several_labels", rows[(kinds == _MULTI_HOT) | (kinds == _SOFT_SEVERAL)])
        return kinds, t.argmax(axis=1), kinds != _BAD

    def _readings(self) -> list[Reading]:
        """Return the ways to read the scores that are still open."""
        readings: list[Reading] = ["logits"]
        if self.kind in ("softmax", "sigmoid", "one-hot"):
            return ["logits", "probabilities"]
        if self.counts.get("outside", 0) <= MOST_OUTSIDE:
            readings.append("probabilities")
        return readings

    def _drop_refuted(self) -> None:
        # Counts only grow, so what is dropped here would be dropped in any order.
        if "probabilities" not in self._readings():
            for key in [key for key in self.tallies if key[1] == "probabilities"]:
                del self.tallies[key]

    def _count(self, name: str, number: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + number

    def _add_counts(self, counts: dict[str, int]) -> None:
        for name, number in counts.items():
            self._count(name, number)

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


class _Block(NamedTuple):
    """A few rows on their way through."""

    work: Work
    scores: Array
    labels: Array
    usable: Array | None
    rows: Array
    targets: Array | None


_TARGET_KINDS = ("one_hot", "multi_hot", "soft", "soft_several", "bad_targets")
_ONE_HOT, _MULTI_HOT, _SOFT, _SOFT_SEVERAL, _BAD = range(5)


def _inside(lowest: Array, highest: Array, tolerance: float) -> Array:
    """Return which rows may be probabilities: below 0 only by what rounding does to the rest."""
    return (lowest >= -tolerance * np.maximum(highest, 0)) & (highest <= 1 + tolerance)


def _log_sums(rows: Array) -> Any:
    return logsumexp(np.ascontiguousarray(rows))
