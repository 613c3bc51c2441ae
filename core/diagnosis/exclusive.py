"""One block of rows with one true class each: every sum that the figures are made of.

The sums add up over blocks, batches and summaries; nothing else is kept of a row.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from core import _blocked
from core._blocked import Work, column
from core._checks import Array
from core.diagnosis.bins import NUM_CALIBRATION_BINS, bin_edges, calibration_bins
from core.diagnosis.grid import LOWEST, add_temperatures
from core.diagnosis.roundings import add_row_precision
from core.diagnosis.sketches import NUM_BINS, magnitude_bins

# Above this many classes a table of confused pairs would outgrow the rest of the summary.
MOST_PAIRED = 128

Sums = dict[str, Array]
# Some: what shows how a figure shifts when scores are read in another way.
Depth = Literal["some", "calibration", "all"]


class PerRow(NamedTuple):
    """What a block's rows are in the ledger: loss in nats, +inf where it is."""

    loss: Array
    label_probability: Array
    confidence: Array


class _Wrong(NamedTuple):
    """The rows of a block that are predicted wrong: where they are, and what is known of them."""

    at: Array
    labels: Array
    predicted: Array
    loss: Array
    label_probability: Array
    confidence: Array


def exclusive_sums(
    work: Work,
    raw: Array,
    axis: int,
    labels: Array,
    predicted: Array,
    *,
    is_probability: bool,
    depth: Depth,
    temperature: float = 1.0,
    targets: Array | None = None,
) -> tuple[Sums, PerRow]:
    """Return the sums of a block, and its rows.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    raw : ndarray, (K, rows) where `axis` is 0, else (rows, K)
        Scores without NaN or +inf.
    axis : int
        The axis of the classes.
    labels, predicted : ndarray of intp, shape (rows,)
    is_probability : bool
        Whether to take the logarithm first; a row is then divided by its sum.
    depth : str
        What to add up: "some" shows how a figure shifts when scores are read another way,
        "calibration" is all that a calibration takes but the temperature.
    temperature : float
        Divides the logits.
    targets : ndarray, shape of `raw`, optional
        Soft labels, whose cross-entropy is wanted too.
    """
    dtype = raw.dtype
    num_classes, num_rows = raw.shape[axis], raw.shape[1 - axis]
    z = work("z", raw.shape, dtype)
    start = raw
    if is_probability:
        start = np.log(raw if raw.min() >= 0 else np.maximum(raw, 0, out=z), out=z)
    rows = _blocked.row_numbers(work, num_rows)
    at_label = labels * num_rows + rows if axis == 0 else rows * num_classes + labels
    at_top = predicted * num_rows + rows if axis == 0 else rows * num_classes + predicted
    maximum = start.reshape(-1).take(at_top)
    z_label = start.reshape(-1).take(at_label)
    np.subtract(start, column(maximum, axis), out=z)
    gap = maximum - z_label  # of the label below the top
    if temperature != 1:
        np.divide(z, dtype.type(temperature), out=z)
        np.divide(gap, dtype.type(temperature), out=gap)
    is_infinite = gap > largest_loss(dtype)
    any_infinite = bool(is_infinite.any())
    if any_infinite:
        gap[is_infinite] = -LOWEST
    if targets is not None:
        # A class without a target costs nothing, however low its logit.
        terms = np.where(targets > 0, targets * z, 0).sum(axis=axis, dtype=np.float64)
    if z.min() < LOWEST:
        # A mask may be −inf or the least number there is: a product with it is no small term.
        np.maximum(z, LOWEST, out=z)

    e = np.exp(z, out=work("e", z.shape, dtype))
    e.reshape(-1)[at_top] = 0
    # Σ of the others over the top's: the odds that the prediction is wrong.
    odds = np.array(_blocked.sum_rows(work, "odds", e, axis))
    log_total = np.log1p(odds)
    loss = log_total + gap
    confidence = 1 / (1 + odds)
    label_probability = np.exp(-gap) * confidence
    doubt = odds * confidence
    p = np.multiply(e, column(confidence, axis), out=work("p", e.shape, dtype))  # but the top's

    finite_loss = loss
    if any_infinite:
        label_probability[is_infinite] = 0
        finite_loss = np.where(is_infinite, 0, loss)
        loss[is_infinite] = np.inf
    at = np.flatnonzero(predicted != labels)
    columns = (labels, predicted, finite_loss, label_probability, confidence)
    wrong = _Wrong(at, *(values[at] for values in columns))
    sums: Sums = {
        "rows": np.array(num_rows),
        "right": np.array(num_rows - len(at)),
        "infinite": (
            np.bincount(labels, is_infinite, num_classes) if any_infinite else np.zeros(num_classes)
        ),
        "brier": _brier(p, axis, doubt, wrong),
    }
    if depth != "all":
        sums["loss"] = np.array(np.add.reduce(finite_loss, dtype=np.float64))
    if targets is not None:
        soft = log_total * targets.sum(axis=axis) - terms
        sums["soft_loss"] = soft.sum(dtype=np.float64)
    per_row = PerRow(loss, label_probability, confidence)
    bins = calibration_bins(confidence)
    sums["top_right"] = -np.bincount(bins[at], minlength=NUM_CALIBRATION_BINS)
    if depth == "some":
        sums["top_counts"] = np.bincount(bins, minlength=NUM_CALIBRATION_BINS)
        doubts = np.bincount(bins, doubt, NUM_CALIBRATION_BINS)
        sums["top_confidence"] = sums["top_counts"] - doubts
        sums["top_right"] += sums["top_counts"]
        return sums, per_row
    _add_bins(work, sums, p, axis, predicted, bins, doubt, wrong)
    sums["top_right"] += sums["top_counts"]
    _add_odds(sums, odds, doubt, at)
    if depth == "calibration":
        return sums, per_row
    sums["loss"] = np.bincount(labels, finite_loss, num_classes)
    _add_pairs(sums, wrong, is_infinite[at] if any_infinite else None)
    by_size = magnitude_bins(finite_loss)
    sums["loss_counts"] = np.bincount(by_size, minlength=NUM_BINS)
    sums["loss_sums"] = np.bincount(by_size, finite_loss, NUM_BINS)
    if any_infinite:
        sums["loss_counts"][0] -= np.count_nonzero(is_infinite)
    if not is_probability:
        add_row_precision(sums, maximum, z_label, log_total, odds, loss)
        if num_classes == 3:
            _add_votes(sums, raw if axis == 0 else raw.T, labels, predicted)
    add_temperatures(work, sums, z, e, axis, gap, is_infinite if any_infinite else None, at_top)
    return sums, per_row


def largest_loss(dtype: np.dtype[np.generic]) -> float:
    """Return from where on a loss counts as infinite: sums of more would overflow."""
    return 1e30 if dtype.itemsize == 4 else 1e250


def _brier(p: Array, axis: int, doubt: Array, wrong: _Wrong) -> Array:
    """Return Σ (p − t)²; `p` has 0 at the top.

    There (p − t)² is the doubt squared where the prediction is right. Where it is wrong it is p²,
    and that of the label p² − 2p + 1.
    """
    others = np.add.reduce(_blocked.square_rows(p, axis), dtype=np.float64)
    right = np.add.reduce(np.square(doubt), dtype=np.float64)
    missed = np.square(wrong.confidence) - np.square(doubt[wrong.at])
    missed += 1 - 2 * wrong.label_probability
    return np.array(others + right + np.add.reduce(missed, dtype=np.float64))


def _add_bins(
    work: Work,
    sums: Sums,
    p: Array,
    axis: int,
    predicted: Array,
    bins: Array,
    doubt: Array,
    wrong: _Wrong,
) -> None:
    """Add predictions by bin, each class by bin of its own probability, and the gradient's pull.

    What is left to 1 is added up, for a sum of confidences would round it away. The first bin of a
    class is all rows less the others: at most 15 probabilities of a row are above 1/15, and mostly
    the top alone. `p` has 0 there.
    """
    num_classes, num_rows = p.shape[axis], p.shape[1 - axis]
    size = num_classes * NUM_CALIBRATION_BINS
    cells = predicted * NUM_CALIBRATION_BINS + bins
    counts = np.bincount(cells, minlength=size)
    doubts = np.bincount(cells, doubt, size)
    tops = counts - doubts
    table = (num_classes, NUM_CALIBRATION_BINS)
    sums["top_counts"] = counts.reshape(table).sum(axis=0)
    sums["top_confidence"] = tops.reshape(table).sum(axis=0)
    sums["predicted"] = counts.reshape(table).sum(axis=1)
    others = np.add.reduce(p, axis=1 - axis).astype(np.float64)
    sums["p"] = others + tops.reshape(table).sum(axis=1)
    # Right predictions are hits of the bin that they are in.
    in_bins = wrong.labels * NUM_CALIBRATION_BINS + calibration_bins(wrong.label_probability)
    sums["class_hits"] = (
        counts - np.bincount(cells[wrong.at], minlength=size) + np.bincount(in_bins, minlength=size)
    )
    # Σ (1 − p) at the label, and Σ p elsewhere.
    sums["positive"] = (
        doubts.reshape(table).sum(axis=1)
        - np.bincount(wrong.predicted, doubt[wrong.at], num_classes)
        + np.bincount(wrong.labels, 1 - wrong.label_probability, num_classes)
    )
    sums["negative"] = (
        others
        + np.bincount(wrong.predicted, wrong.confidence, num_classes)
        - np.bincount(wrong.labels, wrong.label_probability, num_classes)
    )
    is_above = np.greater(p, bin_edges(p.dtype)[1], out=work("is_above", p.shape, bool))
    above = np.flatnonzero(is_above)
    if axis == 0:
        ends = np.searchsorted(above, np.arange(num_classes + 1) * num_rows)
        firsts = np.repeat(np.arange(0, size, NUM_CALIBRATION_BINS), np.diff(ends))
    else:
        firsts = above % num_classes * NUM_CALIBRATION_BINS
    values = p.reshape(-1).take(above)
    firsts += calibration_bins(values)
    sums["class_p"] = tops + np.bincount(firsts, values, size)


def _add_pairs(sums: Sums, wrong: _Wrong, is_infinite: Array | None) -> None:
    """Add what is predicted instead of what: counts by class, and by pair where they are few."""
    num_classes = len(sums["predicted"])
    right = sums["predicted"] - np.bincount(wrong.predicted, minlength=num_classes)
    sums["right_by_class"] = right
    sums["labels"] = right + np.bincount(wrong.labels, minlength=num_classes)
    for shift, name in ((1, "right_if_up"), (-1, "right_if_down")):
        sums[name] = np.array(np.count_nonzero(wrong.labels + shift == wrong.predicted))
    if num_classes > MOST_PAIRED:
        return
    pairs = wrong.labels * num_classes + wrong.predicted
    sums["pairs"] = np.bincount(pairs, minlength=num_classes**2)
    sums["pairs"][:: num_classes + 1] = right
    sums["pair_loss"] = np.bincount(pairs, wrong.loss, num_classes**2)
    if is_infinite is not None:
        sums["pair_infinite"] = np.bincount(pairs, is_infinite, num_classes**2)


def _add_odds(sums: Sums, odds: Array, doubt: Array, wrong: Array) -> None:
    """Add the counts of odds by size; `doubt` is 1 − confidence, not rounded."""
    bins = magnitude_bins(odds)
    sums["odds_counts"] = np.bincount(bins, minlength=NUM_BINS)
    sums["odds_right"] = sums["odds_counts"] - np.bincount(bins[wrong], minlength=NUM_BINS)
    sums["odds_doubt"] = np.bincount(bins, doubt, NUM_BINS)


def _add_votes(sums: Sums, scores: Array, labels: Array, predicted: Array) -> None:
    """Add whose label wins, if three columns are the pairs 01, 02 and 12 of as many classes.

    By label and largest, and by label and least column, for these rows and the latter for all.
    """
    first = np.where(labels == 0, scores[0], np.where(labels == 1, -scores[0], -scores[1]))
    second = np.where(labels == 0, scores[1], np.where(labels == 1, scores[2], -scores[2]))
    wins = (first > 0) & (second > 0)
    lows = 3 * labels + scores.argmin(axis=0)
    sums["votes_tops"] = np.bincount((3 * labels + predicted)[wins], minlength=9)
    sums["votes_lows"] = np.bincount(lows[wins], minlength=9)
    sums["lows"] = np.bincount(lows, minlength=9)
