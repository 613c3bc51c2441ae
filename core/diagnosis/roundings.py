"""On how many rows, or answers, a formula fails in each dtype: textbook, and the usual one."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from core._checks import Array

PRECISIONS: tuple[type[np.floating[Any]], ...] = (np.float16, np.float32, np.float64)


class _Limits(NamedTuple):
    """Of a dtype: the logarithms of its largest number and of half its smallest, and its ε."""

    largest: float
    smallest: float
    eps: float


# Half the smallest number rounds to 0: of e^z, or of a probability.
_LIMITS = tuple(
    _Limits(
        math.log(float(limits.max)),
        math.log(float(limits.smallest_subnormal)) - math.log(2),
        float(limits.eps),
    )
    for limits in map(np.finfo, PRECISIONS)
)


def add_row_precision(
    sums: dict[str, Array],
    maximum: Array,
    z_label: Array,
    log_total: Array,
    odds: Array,
    loss: Array,
) -> None:
    """Add on how many rows of exclusive classes a formula fails.

    The textbook one is −log(e^z/Σe^z), the usual one m + log Σe^{z − m} − z; `log_total` is
    log(1 + odds), the logarithm of the usual one's sum.
    """
    log_sum = maximum + log_total
    highest, lowest = log_sum.max(), z_label.min()
    least, most = loss.min(), loss.max()
    fails = np.zeros((3, len(PRECISIONS)), np.int64)
    for i, (largest, smallest, eps) in enumerate(_LIMITS):
        # A probability rounds to 1 from ε/4 below it, a sum to its largest term from ε/4 to ε/2.
        rounded = 0.375 * eps
        if highest <= largest and lowest >= smallest and most <= -smallest and least >= rounded:
            continue
        overflow = log_sum > largest
        vanish = ~overflow & ((z_label < smallest) | (loss > -smallest))
        zero = ~(overflow | vanish) & (loss < rounded)
        fails[:, i] = [np.count_nonzero(failed) for failed in (overflow, vanish, zero)]
    _add(sums, fails)
    # Rounding is a few units in the last place of the logits: a loss above 1e-4 of them holds 1 %.
    small = np.flatnonzero(loss < 1e-4 * (1 + np.abs(maximum) + np.abs(z_label)))
    off = []
    for kind in PRECISIONS[1:]:
        m, y, r = (values[small].astype(kind) for values in (maximum, z_label, odds))
        exact = np.log1p(r) + (m - y)
        usual = (m + np.log(1 + r)) - y
        # An exact loss of 0 has underflowed: what is left of it in the usual form is 0 or rounding.
        off.append(np.count_nonzero((np.abs(usual - exact) > 0.01 * exact) | (exact == 0)))
    sums["usual_off"] = np.array(off)


def add_answer_precision(sums: dict[str, Array], x: Array, is_label: Array) -> None:
    """Add on how many answers of questions of their own a formula fails.

    The textbook one is −log σ(x) of a label and −log(1 − σ(x)) of none, with σ = 1/(1 + e^−x).
    """
    fails = np.zeros((3, len(PRECISIONS)), np.int64)
    lowest, highest = x.min(), x.max()
    for i, (largest, _, eps) in enumerate(_LIMITS):
        # 1 + e^−x rounds to 1 below ε/2, and 1 − σ below ε/4.
        one, nothing = -math.log(eps / 2), math.log(eps / 4)
        if highest <= min(one, largest) and lowest >= max(nothing, -largest):
            continue
        overflow = is_label & (x < -largest)
        vanish = ~is_label & (x > one)
        zero = (is_label & (x > one)) | (~is_label & (x < nothing))
        fails[:, i] = [np.count_nonzero(failed) for failed in (overflow, vanish, zero)]
    _add(sums, fails)
    # Only an answer that is right has a loss that is all rounding.
    right = np.abs(x[(x > 0) == is_label])
    off = []
    for dtype in PRECISIONS[1:]:
        decay = np.exp(-right.astype(dtype))
        exact = np.log1p(decay)
        is_off = np.abs(np.log(1 + decay) - exact) > 0.01 * exact
        off.append(np.count_nonzero(is_off | (exact == 0)))
    sums["usual_off"] = np.array(off)


def _add(sums: dict[str, Array], fails: Array) -> None:
    for name, counts in zip(("overflow", "vanish", "zero"), fails, strict=True):
        sums[f"textbook_{name}"] = counts
