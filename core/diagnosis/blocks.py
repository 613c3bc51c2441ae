"""A few rows of scores and labels: everything that a summary adds up of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from core import _blocked
from core._checks import Array
from core._threads import Work
from core.diagnosis.binary import multi_label_sums, one_vs_rest_sums
from core.diagnosis.exclusive import Depth, Kept, Sums, exclusive_sums
from core.diagnosis.looks import (
    BAD,
    MULTI_HOT,
    ONE_HOT,
    SOFT,
    SOFT_SEVERAL,
    TARGET_KINDS,
    inside_unit,
    looks_of,
    target_kinds,
    tops,
)
from core.diagnosis.per_row import PerRow, joined, row_sums
from core.diagnosis.sketches import row_hashes

Kind = Literal["auto", "logits", "log-probabilities", "softmax", "sigmoid", "one-hot"]
Reading = Literal["logits", "probabilities"]
Task = Literal["exclusive", "multi-label"]

# So many rows outside [0, 1], and scores are no probabilities whatever comes.
MOST_OUTSIDE = 16


class Plan(NamedTuple):
    """How to read a block.

    Parameters
    ----------
    kind : str
        As declared.
    one_column : bool
        Whether scores are those of the second of two classes.
    tolerance : float
        How far a sum of probabilities may be from 1.
    temperature : float
        Other than 1, only what a calibration takes is added up, and scores of a declared kind are
        not looked at again.
    outside : int
        Rows outside the unit interval before this block.
    """

    kind: Kind
    one_column: bool
    tolerance: float
    temperature: float
    outside: int


class Block(NamedTuple):
    """A few rows on their way through.

    Parameters
    ----------
    scores : ndarray, shape (rows, K)
    labels : ndarray of intp, shape (rows,)
        Without a meaning where `targets` are given.
    usable : ndarray of bool, shape (rows,), optional
        Which rows have a label; None where all do.
    rows : ndarray of int, shape (rows,)
        Their numbers, ascending.
    targets : ndarray, shape (rows, K), optional
    """

    scores: Array
    labels: Array
    usable: Array | None
    rows: Array
    targets: Array | None


class Part(NamedTuple):
    """Rows read in one way."""

    sums: Sums
    rows: Array
    labels: Array
    predicted: Array
    per_row: PerRow


class Found(NamedTuple):
    """What is to be added of a block.

    Parameters
    ----------
    counts : dict of str to float
    faults : list of (str, ndarray of int)
        The rows that have each.
    lows, highs : ndarray, shape (K,)
        Of each column of scores; empty where no row was usable.
    hashes, hashed : ndarray
        Of the usable rows, and their numbers.
    parts : dict of (task, reading) to Part
        Those of rows that may have several labels.
    sums : dict of reading to dict of str to ndarray
        Those of the scores of rows with one true class.
    kept : dict of reading to Kept
        What is left of them, of which `part_of` makes a part.
    """

    counts: dict[str, float]
    faults: list[tuple[str, Array]]
    lows: Array
    highs: Array
    hashes: Array
    hashed: Array
    parts: dict[tuple[Task, Reading], Part]
    sums: dict[Reading, Sums]
    kept: dict[Reading, Kept]


class _Rows(NamedTuple):
    """Usable rows in the layout to work in; some are left out on the way."""

    raw: Array
    axis: int
    labels: Array
    rows: Array
    top: Array
    targets: Array | None
    kinds: Array | None

    def only(self, chosen: Array) -> _Rows:
        if chosen.all():
            return self
        return _Rows(
            np.compress(chosen, self.raw, axis=1 - self.axis),
            self.axis,
            self.labels[chosen],
            self.rows[chosen],
            self.top[chosen],
            None if self.targets is None else self.targets[chosen],
            None if self.kinds is None else self.kinds[chosen],
        )


def reading_of(kind: str) -> Reading:
    """Return how scores of a kind are read."""
    return "logits" if kind in ("logits", "log-probabilities") else "probabilities"


def open_readings(kind: Kind, outside: int) -> list[Reading]:
    """Return the ways to read the scores that are still open."""
    if kind in ("softmax", "sigmoid", "one-hot") or outside <= MOST_OUTSIDE:
        return ["logits", "probabilities"]
    return ["logits"]


def add_up(work: Work, block: Block, plan: Plan) -> Found:
    """Return what is to be added of a block."""
    nothing = np.empty(0)
    found = Found({}, [], nothing, nothing, nothing, nothing, {}, {}, {})
    raw, axis = _blocked.load(work, "raw", block.scores, _blocked.working_dtype(block.scores))
    top, highest = tops(work, raw, axis)
    usable = block.usable
    if not np.isfinite(np.add.reduce(highest)):
        good = np.isfinite(highest)
        is_nan = np.isnan(highest)
        found.faults.append(("nan", block.rows[is_nan]))
        found.faults.append(("infinite", block.rows[~good & ~is_nan]))
        usable = good if usable is None else usable & good
    labels, kinds = block.labels, None
    if block.targets is not None:
        labels, kinds = _look_at_targets(found, block.targets, block.rows)
        usable = kinds != BAD if usable is None else usable & (kinds != BAD)
    held = _Rows(raw, axis, labels, block.rows, top, block.targets, kinds)
    if usable is not None:
        held = held.only(usable)
    if len(held.rows) == 0:
        return found
    if plan.temperature != 1 and plan.kind != "auto":
        _read(work, found, held, plan, reading_of(plan.kind))
        return found
    raw = held.raw
    if usable is not None and len(highest) > len(held.rows):
        highest = highest[usable]
    lows = raw.min(axis=1 - axis)
    counts, looks = looks_of(
        raw, axis, float(lows.min()), highest, plan.tolerance, one_column=plan.one_column
    )
    found.counts.update(counts)
    found.faults.extend((name, held.rows[where]) for name, where in looks.items())
    if np.isneginf(lows).any():
        found.faults.append(("minus_infinity", held.rows[np.isneginf(raw).any(axis=axis)]))
    found = found._replace(
        lows=lows,
        highs=raw.max(axis=1 - axis),
    )
    if plan.temperature == 1:
        found = found._replace(hashes=row_hashes(work, raw, axis), hashed=held.rows)
    for reading in open_readings(plan.kind, plan.outside + counts["outside"]):
        _read(work, found, held, plan, reading)
    return found


def _look_at_targets(found: Found, targets: Array, rows: Array) -> tuple[Array, Array]:
    """Return the class of each row, and what its targets are."""
    kinds, t = target_kinds(targets)
    soft = t[kinds == SOFT]
    terms = np.where(soft > 0, soft * np.log(np.where(soft > 0, soft, 1)), 0)
    for number, name in enumerate(TARGET_KINDS):
        found.counts[name] = int(np.count_nonzero(kinds == number))
    found.counts["target_entropy"] = -float(terms.sum())
    # One class has 1 − ε + ε/K and each other ε/K: labels smoothed by ε.
    least = soft.min(axis=1, initial=1.0)
    even = np.abs(soft.max(axis=1, initial=0.0) + (t.shape[1] - 1) * least - 1) < 1e-5
    found.counts["smoothed"] = int(np.count_nonzero(even))
    found.counts["smoothed_least"] = float(least[even].sum())
    found.counts["smoothed_squares"] = float(np.square(least[even]).sum())
    found.faults.append(("target_outside", rows[kinds == BAD]))
    several = (kinds == MULTI_HOT) | (kinds == SOFT_SEVERAL)
    found.faults.append(("several_labels", rows[several]))
    return t.argmax(axis=1), kinds


def _read(work: Work, found: Found, held: _Rows, plan: Plan, reading: Reading) -> None:
    """Add the parts of one reading."""
    is_probability = reading == "probabilities"
    if is_probability:
        lowest, highest = held.raw.min(axis=held.axis), held.raw.max(axis=held.axis)
        held = held.only(inside_unit(lowest, highest, plan.tolerance))
    if plan.one_column:
        column = held.raw.reshape(-1)
        first = 1 - column if is_probability else np.zeros_like(column)
        both = np.stack([first, column])
        held = held._replace(raw=both, axis=0, top=both.argmax(axis=0))
    some = held.raw.max(axis=held.axis) > 0 if is_probability else None
    if some is not None and held.kinds is None:
        # A row of zeros has nothing to divide by.
        found.faults.append(("no_probability", held.rows[~some]))
        held = held.only(some)
    if len(held.rows) == 0:
        return
    if held.kinds is not None and not plan.one_column:
        found.parts["multi-label", reading] = _several(work, held, plan, reading)
        chosen = (held.kinds == ONE_HOT) | (held.kinds == SOFT)
        held = held.only(chosen if some is None else chosen & some)
        if len(held.rows) == 0:
            return
    raw, axis = held.raw, held.axis
    depth = _depth(plan, reading)
    layout = None
    if held.targets is not None:
        layout = np.ascontiguousarray(held.targets.T if axis == 0 else held.targets)
    at_label = _blocked.flat_places(work, held.labels, raw, axis)
    sums, kept = exclusive_sums(
        work, raw, axis, held.rows, held.labels, at_label, held.top,
        is_probability=is_probability, depth=depth, temperature=plan.temperature, targets=layout,
    )  # fmt: skip
    if depth == "all":
        highest = float(kept.maximum.max())
        sums |= one_vs_rest_sums(work, raw, axis, at_label, highest, is_probability=is_probability)
    found.sums[reading] = sums
    found.kept[reading] = kept


def part_of(kept: Sequence[Kept], num_classes: int, plan: Plan, reading: Reading) -> Part:
    """Return the part that rows with one true class make, but for the sums of their scores."""
    rows = joined(kept)
    sums, per_row = row_sums(
        rows,
        num_classes,
        is_probability=reading == "probabilities",
        depth=_depth(plan, reading),
    )
    return Part(sums, rows.rows, rows.labels, rows.predicted, per_row)


def _depth(plan: Plan, reading: Reading) -> Depth:
    if plan.kind == "auto" or reading == reading_of(plan.kind):
        return "all" if plan.temperature == 1 else "calibration"
    return "some"


def _several(work: Work, held: _Rows, plan: Plan, reading: Reading) -> Part:
    x = held.raw.T if held.axis == 0 else held.raw
    is_probability = reading == "probabilities"
    if plan.temperature != 1:
        x = (np.log(x) - np.log1p(-x) if is_probability else x) / plan.temperature
        is_probability = False
    sums, worst, per_row = multi_label_sums(
        work,
        x,
        np.asarray(held.targets),
        is_probability=is_probability,
        with_temperatures=plan.temperature == 1,
    )
    return Part(sums, held.rows, worst, worst, per_row)
