"""What a block of scores and targets looks like: counts, and the rows that look otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from core import _blocked, _checks
from core._checks import Array
from core._threads import Work

# A sum this far from 1 may be a distribution written with a few decimals.
LOOSE = 5e-3
# Nor is one further off by what rounding so many classes to these decimals may come to.
_DECIMALS = (2, 3, 4)
_LOOSEST = 0.1

TARGET_KINDS = ("one_hot", "multi_hot", "soft", "soft_several", "bad_targets")
ONE_HOT, MULTI_HOT, SOFT, SOFT_SEVERAL, BAD = range(5)


def inside_unit(lowest: Array, highest: Array, tolerance: float) -> Array:
    """Return which rows may be probabilities: below 0 only by what rounding does to the rest."""
    return (lowest >= -tolerance * np.maximum(highest, 0)) & (highest <= 1 + tolerance)


def tops(work: Work, raw: Array, axis: int) -> tuple[Array, Array]:
    """Return where each row's largest score is, the first of several, and that score.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    raw : ndarray, (K, rows) where `axis` is 0, else (rows, K)
    axis : int
        The axis of the classes.
    """
    num_classes, num_rows = raw.shape[axis], raw.shape[1 - axis]
    if axis == 1:
        top = raw.argmax(axis=1)
        at = top + _blocked.row_numbers(work, num_rows) * num_classes
        return top, raw.reshape(-1)[at]
    # Whole columns at a time: Σ k [score k is the largest] is k where only one is.
    highest = np.maximum.reduce(raw, axis=0)
    is_top = np.equal(raw, highest, out=work("is_top", raw.shape, bool)).view(np.uint8)
    numbers = np.arange(num_classes, dtype=np.uint8)[:, np.newaxis]
    numbered = np.multiply(is_top, numbers, out=work("numbered", raw.shape, np.uint8))
    top = np.add.reduce(numbered, axis=0, dtype=np.uint8).astype(np.intp)
    other = np.flatnonzero(np.add.reduce(is_top, axis=0, dtype=np.uint8) != 1)
    if len(other):
        top[other] = raw[:, other].argmax(axis=0)
    return top, highest


def looks_of(
    raw: Array, axis: int, least: float, highest: Array, tolerance: float, *, one_column: bool
) -> tuple[dict[str, int], dict[str, Array]]:
    """Return how many rows look like what, and where those are that do not.

    Parameters
    ----------
    raw : ndarray, (K, rows) where `axis` is 0, else (rows, K)
        Scores without NaN or +inf.
    axis : int
        The axis of the classes.
    least : float
        The lowest score.
    highest : ndarray, shape (rows,)
        The highest of each row.
    tolerance : float
        How far a sum of probabilities of this dtype may be from 1.
    one_column : bool
        Whether scores are those of the second of two classes.

    Returns
    -------
    counts : dict of str to int
    rows : dict of str to ndarray of bool
        "outside" the unit interval, or inside but "no_distribution".
    """
    counts = {"scored": len(highest)}
    inside = highest <= 1 + tolerance
    may_be = np.flatnonzero(inside)
    some = raw if len(may_be) == len(highest) else raw.take(may_be, axis=1 - axis)
    lowest = some.min(axis=axis)
    is_inside = inside_unit(lowest, highest[may_be], tolerance)
    inside[may_be], lowest = is_inside, lowest[is_inside]
    num_inside = len(lowest)
    counts["outside"] = len(highest) - num_inside
    rows = {"outside": ~inside}
    if one_column:
        column = raw.reshape(-1)
        counts["whole"] = int(np.count_nonzero(column == np.floor(column)))
        counts["one_hot_scores"] = int(np.count_nonzero((column == 0) | (column == 1)))
        return counts, rows
    if num_inside:
        few = raw if num_inside == len(highest) else np.compress(inside, raw, axis=1 - axis)
        at_zero = np.flatnonzero(lowest == 0)
        if len(at_zero):
            zeros = (np.take(few, at_zero, axis=1 - axis) == 0).sum(axis=axis)
            counts["single_zeros"] = int(np.count_nonzero(zeros == 1))
        beyond = np.add.reduce(few, axis=axis, dtype=np.float64) - 1
        distance = np.abs(beyond)
        is_close = distance <= LOOSE
        near_one = np.flatnonzero(~is_close & (distance <= _LOOSEST))
        if len(near_one):
            some = np.take(few, near_one, axis=1 - axis)
            is_close[near_one] = _are_rounded(some, axis, distance[near_one])
        counts["distributions"] = int(np.count_nonzero(is_close))
        counts["exact_distributions"] = int(np.count_nonzero(distance <= tolerance))
        if not is_close.all():
            counts["sums_above_one"] = int(np.count_nonzero(~is_close & (beyond > 0)))
            rows["no_distribution"] = inside.copy()
            rows["no_distribution"][inside] = ~is_close
        if (highest == 1).any():
            ones = (few == 1).sum(axis=axis)
            zeros = (few == 0).sum(axis=axis)
            is_hot = (ones == 1) & (zeros == raw.shape[axis] - 1)
            counts["one_hot_scores"] = int(np.count_nonzero(is_hot))
    if num_inside < len(highest):
        if least >= 0:
            total = np.add.reduce(raw, axis=axis, dtype=np.float64)
            counts["percentages"] = int(np.count_nonzero(~inside & (np.abs(total - 100) <= 0.5)))
        below = np.flatnonzero(highest <= tolerance)
        if len(below):
            total = np.exp(raw[:, below] if axis == 0 else raw[below]).sum(axis=axis)
            counts["log_probabilities"] = int(np.count_nonzero(np.abs(np.log(total)) <= LOOSE))
    return counts, rows


def _are_rounded(scores: Array, axis: int, distance: Array) -> Array:
    """Return which rows have few decimals, and a sum that rounding to them explains."""
    found = np.zeros(len(distance), bool)
    for decimals in _DECIMALS:
        steps = scores.astype(np.float64) * 10.0**decimals
        # What float32 keeps of a number below 1 is 6e-8 of it: 6e-4 steps of the fourth decimal.
        is_written = (np.abs(steps - np.rint(steps)) < 1e-3).all(axis=axis)
        most = 0.5 * scores.shape[axis] * 10.0**-decimals
        found |= is_written & (distance <= most + 1e-6)
    return found


def target_kinds(targets: Array) -> tuple[Array, Array]:
    """Return what each row of targets is, as an index of `TARGET_KINDS`, and them in float64."""
    t: Any = targets.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore"):
        total = t.sum(axis=1)
        inside = (t >= 0).all(axis=1) & (t <= 1).all(axis=1)
        is_hard = ((t == 0) | (t == 1)).all(axis=1)
        sums_to_one = np.abs(total - 1) <= max(_checks.sum_tolerance(targets), 1e-6)
    kinds = np.select(
        [is_hard & (total == 1), is_hard, inside & sums_to_one, inside],
        [ONE_HOT, MULTI_HOT, SOFT, SOFT_SEVERAL],
        BAD,
    )
    return kinds, t
