"""How the losses of the rows are spread, from the sketch that a summary keeps of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array
from core.diagnosis.sketches import bin_low
from core.diagnosis.summary import Summary

__all__ = ["LossHistogram", "loss_histogram", "margin_of_loss"]


class LossHistogram(NamedTuple):
    """Rows by their loss, the smallest first; bins without rows are left out.

    Parameters
    ----------
    low, high : ndarray, shape (B,)
        The ends of each bin in nats, at most 1/32 of it apart; the first may begin at 0, the
        last may have no end.
    counts, sums : ndarray, shape (B,)
        Its rows, and the sum of their losses.
    infinite : int
        How many rows have an infinite loss, and are in no bin.
    """

    low: Array
    high: Array
    counts: Array
    sums: Array
    infinite: int


def loss_histogram(summary: Summary) -> LossHistogram:
    """Return how many rows have which loss.

    Parameters
    ----------
    summary : Summary

    Returns
    -------
    LossHistogram
        Without bins where the summary has no usable row.

    Examples
    --------
    >>> summary = Summary()
    >>> summary.update([[2.0, 0.0], [0.0, -1.0]], [0, 1])
    >>> loss_histogram(summary).counts.tolist()
    [1, 1]
    """
    tally = summary.tallies.get(summary.reading())
    if tally is None or not tally.sums:
        nothing = np.empty(0)
        return LossHistogram(nothing, nothing, nothing.astype(int), nothing, 0)
    counts = tally.sums["loss_counts"].astype(np.int64)
    held = np.flatnonzero(counts)
    low, high = bin_low(held), bin_low(held + 1)
    high[held == len(counts) - 1] = np.inf
    infinite = int(tally.sums["rows"]) - int(counts.sum())
    return LossHistogram(low, high, counts[held], tally.sums["loss_sums"][held], infinite)


def margin_of_loss(loss: npt.ArrayLike) -> Array:
    """Return the margin of rows of this loss: label's logit less the logsumexp of the others.

    Parameters
    ----------
    loss : array_like
        Categorical cross-entropy in nats, 0 or more.

    Returns
    -------
    ndarray
        +inf for a loss of 0, −inf for an infinite one.

    Raises
    ------
    ValueError
        If a loss is negative.

    Notes
    -----
    loss = log(1 + e^−margin), so that margin = −log(e^loss − 1) = −loss − log(1 − e^−loss).

    Examples
    --------
    >>> round(float(margin_of_loss(np.log(2))), 12) + 0.0
    0.0
    """
    nats, _ = _checks.as_float(loss, "loss")
    if (nats < 0).any():
        raise ValueError("loss must be 0 or more")
    with np.errstate(divide="ignore"):
        return np.asarray(-nats - np.log(-np.expm1(-nats)))
