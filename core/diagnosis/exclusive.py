"""One block of rows with one true class each: every sum that the figures are made of.

The sums add up over blocks, batches and summaries; nothing else is kept of a row.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from core import _blocked
from core._blocked import Work, column
from core._checks import Array
from core.diagnosis.sketches import NUM_BINS, magnitude_bins

NUM_CALIBRATION_BINS = 15
# Above this many classes a table of confused pairs would outgrow the rest of the summary.
MOST_PAIRED = 128
# Inverse temperatures from 1/8 to 8, half an octave apart: e^{βd} is the square of that an octave
# before.
BETAS = 2.0 ** np.arange(-3, 3.5, 0.5)
AT_ONE = 6
# Shares of labels replaced by any class, evenly: what is compared with every temperature.
NOISES = (0.005, 0.01, 0.02, 0.08)
# At which β: as finely as networks are overconfident, or a temperature passes for the noise.
NOISY_BETAS = 2.0 ** np.array([0, -0.25, -0.5, -0.75, -1])
PRECISIONS: tuple[type[np.floating[Any]], ...] = (np.float16, np.float32, np.float64)
# What stands for a logit of −inf: its exponential is 0 at every temperature of the grid.
_BEYOND = -8 * _blocked.BEYOND_EXP

Sums = dict[str, Array]
# Some: what shows how a figure shifts when scores are read in another way.
Depth = Literal["some", "calibration", "all"]


class PerRow(NamedTuple):
    """What a block's rows are in the ledger: loss in nats, +inf where it is."""

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
        "calibration" is all of that but the temperature.
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
    maximum = start.reshape(-1)[at_top]
    z_label = start.reshape(-1)[at_label]
    np.subtract(start, column(maximum, axis), out=z)
    gap = maximum - z_label  # of the label below the top
    is_infinite = gap > largest_loss(dtype)
    any_infinite = bool(is_infinite.any())
    if any_infinite:
        gap[is_infinite] = -_BEYOND
    if targets is not None:
        # A class without a target costs nothing, however low its logit.
        terms = np.where(targets > 0, targets * z, 0).sum(axis=axis, dtype=np.float64)
    if z.min() < _BEYOND:
        # A mask may be −inf or the least number there is: a product with it is no small term.
        np.maximum(z, _BEYOND, out=z)

    e = np.exp(z, out=work("e", z.shape, dtype))
    e_label = np.exp(-gap)
    flat = e.reshape(-1)
    flat[at_label] = 0
    others = _blocked.sum_rows(work, "others", e, axis)
    flat[at_label] = e_label
    loss = np.log1p(others + (e_label - 1)) + gap
    total = others + e_label
    confidence = 1 / total
    is_right = predicted == labels
    wrong = np.flatnonzero(~is_right)
    # Σ of the others over the top's: the odds that the prediction is wrong.
    odds = np.where(is_right, others, (others - 1) + e_label)
    label_probability = e_label * confidence
    p = np.multiply(e, column(confidence, axis), out=e)

    finite_loss = loss
    if any_infinite:
        label_probability[is_infinite] = 0
        finite_loss = np.where(is_infinite, 0, loss)
        loss[is_infinite] = np.inf
    sums: Sums = {
        "rows": np.array(num_rows),
        "right": np.array(num_rows - len(wrong)),
        "infinite": (
            np.bincount(labels, is_infinite, num_classes) if any_infinite else np.zeros(num_classes)
        ),
        "labels": np.bincount(labels, minlength=num_classes),
        "predicted": np.bincount(predicted, minlength=num_classes),
        "loss": np.bincount(labels, finite_loss, num_classes),
        "brier": _brier(p, axis, label_probability),
    }
    bins = calibration_bins(confidence)
    sums["top_counts"] = np.bincount(bins, minlength=NUM_CALIBRATION_BINS)
    sums["top_confidence"] = np.bincount(bins, confidence, NUM_CALIBRATION_BINS)
    sums["top_right"] = sums["top_counts"] - np.bincount(
        bins[wrong], minlength=NUM_CALIBRATION_BINS
    )
    if targets is not None:
        log_total = np.log1p(odds)
        soft = log_total * targets.sum(axis=axis) - terms
        sums["soft_loss"] = soft.sum(dtype=np.float64)
    if depth == "some":
        return sums, PerRow(loss, label_probability, confidence)
    sums["p"] = np.add.reduce(p, axis=1 - axis).astype(np.float64)
    _add_class_bins(sums, p, axis, labels, label_probability)
    _add_odds(sums, odds, odds * confidence, wrong)
    if depth == "all":
        sums["label_p"] = np.bincount(labels, label_probability, num_classes)
        sums["right_by_class"] = sums["labels"] - np.bincount(labels[wrong], minlength=num_classes)
        _add_pairs(
            sums, num_classes, labels, predicted, finite_loss, is_infinite if any_infinite else None
        )
        bins = magnitude_bins(finite_loss)
        sums["loss_counts"] = np.bincount(bins, minlength=NUM_BINS)
        sums["loss_sums"] = np.bincount(bins, finite_loss, NUM_BINS)
        if any_infinite:
            sums["loss_counts"][0] -= np.count_nonzero(is_infinite)
        _add_temperatures(work, sums, z, axis, gap, is_infinite if any_infinite else None)
        if not is_probability:
            _add_precision(sums, maximum, z_label, odds, loss)
    return sums, PerRow(loss, label_probability, confidence)


def largest_loss(dtype: np.dtype[Any]) -> float:
    """Return from where on a loss counts as infinite: sums of more would overflow."""
    return 1e30 if dtype.itemsize == 4 else 1e250


def calibration_bins(p: Array) -> Array:
    """Return the bin of equal width of each probability: above its lower edge, up to its upper.

    The same as a search in np.linspace(0, 1, 16), to the last bit, and several times as fast.
    """
    scaled = p * p.dtype.type(NUM_CALIBRATION_BINS)
    bins = scaled.astype(np.int32)
    # A product is off by half a unit in its last place: only what is so near an edge needs a look.
    scaled -= np.rint(scaled)
    np.abs(scaled, out=scaled)
    near = np.nonzero(scaled <= 2 * NUM_CALIBRATION_BINS * np.finfo(p.dtype).eps)
    if len(near[0]):
        edges = _edges(p.dtype)
        values, few = p[near], np.minimum(bins[near], NUM_CALIBRATION_BINS - 1)
        few -= values <= edges[few]
        np.maximum(few, 0, out=few)
        few += values > edges[few + 1]
        bins[near] = np.minimum(few, NUM_CALIBRATION_BINS - 1)
    return bins


@lru_cache(maxsize=4)
def _edges(dtype: np.dtype[np.generic]) -> Array:
    """Return the edges, rounded down: a number of `dtype` above one is above the edge itself."""
    exact = np.linspace(0, 1, NUM_CALIBRATION_BINS + 1)
    edges = exact.astype(dtype)
    return np.where(edges > exact, np.nextafter(edges, -1), edges).astype(dtype)


def _brier(p: Array, axis: int, label_probability: Array) -> Array:
    # Σ (p − t)² = Σ p² − 2 p_y + 1.
    total = np.add.reduce(_dots(p, p, axis), dtype=np.float64)
    return np.array(
        total + len(label_probability) - 2 * np.add.reduce(label_probability, dtype=np.float64)
    )


def _dots(a: Array, b: Array, axis: int, out: Array | None = None) -> Array:
    """Return Σ a·b of each row, in one pass."""
    return np.einsum("kr,kr->r" if axis == 0 else "rk,rk->r", a, b, out=out)


def _add_class_bins(
    sums: Sums, p: Array, axis: int, labels: Array, label_probability: Array
) -> None:
    """Add the classwise bins but the first, which is all rows less the others.

    At most 15 probabilities of a row are above 1/15, and mostly one or two.
    """
    num_classes, num_rows = p.shape[axis], p.shape[1 - axis]
    size = num_classes * NUM_CALIBRATION_BINS
    above = np.flatnonzero(p > _edges(p.dtype)[1])
    if axis == 0:
        starts = np.searchsorted(above, np.arange(num_classes + 1) * num_rows)
        firsts = np.arange(0, size, NUM_CALIBRATION_BINS, dtype=np.int32)
        firsts = np.repeat(firsts, np.diff(starts))
    else:
        firsts = above % num_classes * NUM_CALIBRATION_BINS
    values = p.reshape(-1)[above]
    cells = firsts + calibration_bins(values)
    sums["class_p"] = np.bincount(cells, values, size)
    cells = labels * NUM_CALIBRATION_BINS + calibration_bins(label_probability)
    sums["class_hits"] = np.bincount(cells, minlength=size)


def _add_pairs(
    sums: Sums,
    num_classes: int,
    labels: Array,
    predicted: Array,
    loss: Array,
    is_infinite: Array | None,
) -> None:
    for shift, name in ((1, "right_if_up"), (-1, "right_if_down")):
        sums[name] = np.array(np.count_nonzero(labels + shift == predicted))
    if num_classes <= MOST_PAIRED:
        pairs = labels * num_classes + predicted
        sums["pairs"] = np.bincount(pairs, minlength=num_classes**2)
        sums["pair_loss"] = np.bincount(pairs, loss, num_classes**2)
        if is_infinite is not None:
            sums["pair_infinite"] = np.bincount(pairs, is_infinite, num_classes**2)


def _add_odds(sums: Sums, odds: Array, doubt: Array, wrong: Array) -> None:
    """Add the counts of odds by size; `doubt` is 1 − confidence, not rounded."""
    bins = magnitude_bins(odds)
    sums["odds_counts"] = np.bincount(bins, minlength=NUM_BINS)
    sums["odds_right"] = sums["odds_counts"] - np.bincount(bins[wrong], minlength=NUM_BINS)
    sums["odds_doubt"] = np.bincount(bins, doubt, NUM_BINS)


def _add_temperatures(
    work: Work, sums: Sums, z: Array, axis: int, gap: Array, left_out: Array | None
) -> None:
    """Add the loss at every inverse temperature β, and its derivative by β.

    Loss log Σ e^{βd} + β gap, derivative Σ d e^{βd}/Σ e^{βd} + gap, with d = z − max z.
    """
    dtype = z.dtype
    # Squares stay normal numbers: below this an exponential is nothing beside the top's 1.
    least = dtype.type(1e-18 if dtype.itemsize == 4 else 1e-150)
    values, slopes = np.empty(len(BETAS)), np.empty(len(BETAS))
    noisy = np.empty((len(NOISY_BETAS), len(NOISES)))
    noisy_at = {float(beta): i for i, beta in enumerate(NOISY_BETAS)}
    power = work("power", z.shape, dtype)
    total, moment = (work(name, gap.shape, dtype) for name in ("total", "moment"))
    sums_of = "kr->r" if axis == 0 else "rk->r"
    if left_out is not None:
        gap = np.where(left_out, 0, gap)
    gaps = float(np.add.reduce(gap, dtype=np.float64))

    def add_noisy(beta: float) -> None:
        losses = total + dtype.type(beta) * gap
        if left_out is not None:
            losses = losses[~left_out]
        noisy[noisy_at.pop(beta)] = _noisy_losses(losses, z.shape[axis])

    for i in (*range(0, len(BETAS), 2), *range(1, len(BETAS), 2)):
        beta = float(BETAS[i])
        if i < 2:
            np.multiply(z, dtype.type(beta), out=power)
            np.exp(power, out=power)
        else:
            np.add(power, least, out=power)
            np.multiply(power, power, out=power)
        np.einsum(sums_of, power, out=total)
        _dots(power, z, axis, out=moment)
        np.divide(moment, total, out=moment)
        np.log(total, out=total)
        if left_out is not None:
            total[left_out] = moment[left_out] = 0
        values[i] = float(np.add.reduce(total)) + beta * gaps
        slopes[i] = float(np.add.reduce(moment)) + gaps
        if beta in noisy_at:
            add_noisy(beta)
    for beta in tuple(noisy_at):  # what is not on the grid
        np.multiply(z, dtype.type(beta), out=power)
        np.exp(power, out=power)
        np.einsum(sums_of, power, out=total)
        np.log(total, out=total)
        add_noisy(beta)
    sums["values_at_beta"], sums["slopes_at_beta"] = values, slopes
    sums["noisy_losses"] = noisy


def _noisy_losses(losses: Array, num_classes: int) -> list[float]:
    """Return Σ −log((1 − ε) e^−loss + ε/K) for each share ε of labels that are noise."""
    p = np.exp(-losses)
    return [
        -float(np.add.reduce(np.log(p * (1 - noise) + noise / num_classes))) for noise in NOISES
    ]


def _add_precision(sums: Sums, maximum: Array, z_label: Array, odds: Array, loss: Array) -> None:
    """Add how many rows a formula fails on, by dtype: textbook, and the usual log-sum-exp form."""
    log_sum = maximum + np.log1p(odds)
    highest, lowest = log_sum.max(), z_label.min()
    least, most = loss.min(), loss.max()
    overflows, vanishes, zeros = [0, 0, 0], [0, 0, 0], [0, 0, 0]
    for i, kind in enumerate(PRECISIONS):
        limits = np.finfo(kind)
        largest = math.log(float(limits.max))
        # Half the smallest number rounds to 0: of e^z, or of the probability.
        smallest = math.log(float(limits.smallest_subnormal)) - math.log(2)
        # A probability rounds to 1 from ε/4 below it, a sum to its largest term from ε/4 to ε/2.
        rounded = 0.375 * float(limits.eps)
        if highest <= largest and lowest >= smallest and most <= -smallest and least >= rounded:
            continue
        overflow = log_sum > largest
        vanish = ~overflow & ((z_label < smallest) | (loss > -smallest))
        zero = ~(overflow | vanish) & (loss < rounded)
        overflows[i] = int(np.count_nonzero(overflow))
        vanishes[i] = int(np.count_nonzero(vanish))
        zeros[i] = int(np.count_nonzero(zero))
    sums["textbook_overflow"] = np.array(overflows)
    sums["textbook_vanish"] = np.array(vanishes)
    sums["textbook_zero"] = np.array(zeros)
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
