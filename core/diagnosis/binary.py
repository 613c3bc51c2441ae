"""Sums of one sigmoid for each class: one-vs-rest beside a softmax, and several labels a row."""

from __future__ import annotations

import math

import numpy as np

from core import _blocked
from core._checks import Array
from core._threads import Work
from core.diagnosis.bins import NUM_CALIBRATION_BINS, calibration_bins
from core.diagnosis.exclusive import Sums, largest_exponent, largest_loss
from core.diagnosis.grid import LOWEST, add_temperatures
from core.diagnosis.per_row import PerRow
from core.diagnosis.roundings import add_answer_precision
from core.diagnosis.sketches import NUM_BINS, magnitude_bins

# Of an answer's mean loss: from here on the logarithm of a product of several 1 + y is as good as
# the sum of logarithms, though it loses what of a y is below the rounding of 1.
_LEAST_LOSS = 0.05


def one_vs_rest_sums(
    work: Work,
    raw: Array,
    axis: int,
    at_label: Array,
    highest: float,
    *,
    is_probability: bool,
) -> Sums:
    """Return what binary cross-entropy makes of all classes but the label: loss, and its pull.

    That of the labels is one number a row: `core.diagnosis.per_row` has it.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    raw : ndarray, (K, rows) where `axis` is 0, else (rows, K)
        Scores without NaN or +inf.
    axis : int
        The axis of the classes.
    at_label : ndarray of intp, shape (rows,)
        Where in `raw`, flat, the labels are.
    highest : float
        The highest logit.
    is_probability : bool
        Whether scores are σ already.
    """
    dtype = raw.dtype
    x = work("z", raw.shape, dtype)
    larger = work("e", raw.shape, dtype)
    if is_probability:
        np.clip(raw, 0, 1, out=x)
        x.reshape(-1)[at_label] = 0
        negative = np.add.reduce(x, axis=1 - axis)
        np.subtract(1, x, out=larger)
        loss = -_sum_of_logs(np.negative(x, out=x), larger, axis)
    else:
        # Within bounds σ(x) = u/(1 + u) with u = e^x; what a logit is beyond, its loss is more.
        most = dtype.type(largest_exponent(dtype))
        u = np.exp(np.clip(raw, -most, most, out=x), out=x)
        u.reshape(-1)[at_label] = 0
        np.add(u, 1, out=larger)
        p = np.divide(u, larger, out=work("p", raw.shape, dtype))
        negative = np.add.reduce(p, axis=1 - axis)
        loss = _sum_of_logs(u, larger, axis)
        if highest > most:
            beyond = np.maximum(np.subtract(raw, most, out=x), 0, out=x)
            beyond.reshape(-1)[at_label] = 0
            loss += _total(beyond, axis)
    return {"binary_loss": np.array(loss), "sigmoid_negative": negative.astype(np.float64)}


def _sum_of_logs(y: Array, larger: Array, axis: int) -> float:
    """Return Σ log(1 + y), with 1 + y; `y` is overwritten."""
    if axis == 0:
        products = np.multiply.reduce(larger, axis=0)
        total = float(np.add.reduce(np.log(products, out=products), dtype=np.float64))
        if _LEAST_LOSS * y.size <= abs(total) < math.inf:
            return total
    return _total(np.log1p(y, out=y), axis)


def _total(terms: Array, axis: int) -> float:
    """Return the sum of all, that of each row in the terms' own dtype."""
    return float(np.add.reduce(np.add.reduce(terms, axis=axis), dtype=np.float64))


def multi_label_sums(
    work: Work, scores: Array, targets: Array, *, is_probability: bool, with_temperatures: bool
) -> tuple[Sums, Array, PerRow]:
    """Return the sums of rows that may have several labels, and their worst classes.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    scores : ndarray, (rows, K)
        Without NaN.
    targets : ndarray, shape of `scores`
        0, 1 or between.
    is_probability : bool
        Whether scores are σ already.
    with_temperatures : bool
        Whether to add the loss at every temperature of the grid.
    """
    num_rows, num_classes = scores.shape
    t = targets.astype(scores.dtype, copy=False)
    if is_probability:
        p = np.clip(scores, 0, 1)
        q = 1 - p
        yes, no = -np.log(p), -np.log1p(-p)
        loss = np.where(t > 0, t * yes, 0) + np.where(t < 1, (1 - t) * no, 0)
        x = np.clip(no - yes, -_blocked.BEYOND_EXP, _blocked.BEYOND_EXP)
    else:
        most = largest_loss(scores.dtype)
        x = np.clip(scores, -most, most)
        decay = np.exp(-np.abs(x))
        larger = 1 / (1 + decay)
        p = np.where(x >= 0, larger, decay * larger)
        q = np.where(x >= 0, decay * larger, larger)
        loss = np.log1p(decay) + _gap(x, t)
        loss[((scores < -most) & (t > 0)) | ((scores > most) & (t < 1))] = np.inf
    infinite = np.isposinf(loss)
    finite = np.where(infinite, 0, loss)
    row_loss = loss.sum(axis=1)
    confidence = np.maximum(p, q).reshape(-1)
    is_right = ((p > q) == (t > 0.5)).reshape(-1)
    doubt = np.minimum(p, q).reshape(-1)
    bins = calibration_bins(confidence)
    counts = np.bincount(bins, minlength=NUM_CALIBRATION_BINS)
    size = num_classes * NUM_CALIBRATION_BINS
    cells = np.arange(num_classes) * NUM_CALIBRATION_BINS + calibration_bins(p)
    sums: Sums = {
        "rows": np.array(num_rows),
        "right": np.array(np.count_nonzero(is_right)),
        "infinite": infinite.sum(axis=0, dtype=np.float64),
        "labels": t.sum(axis=0, dtype=np.float64),
        "predicted": (p > q).sum(axis=0),
        "loss": finite.sum(axis=0, dtype=np.float64),
        "p": p.sum(axis=0, dtype=np.float64),
        "positive": (t * q).sum(axis=0, dtype=np.float64),
        "negative": ((1 - t) * p).sum(axis=0, dtype=np.float64),
        "brier": np.array(np.square(p - t).sum(dtype=np.float64)),
        "top_counts": counts,
        "top_confidence": counts - np.bincount(bins, doubt, NUM_CALIBRATION_BINS),
        "top_right": np.bincount(bins, is_right, NUM_CALIBRATION_BINS),
        "class_p": np.bincount(cells.reshape(-1), p.reshape(-1), size),
        "class_hits": np.bincount(cells.reshape(-1), t.reshape(-1), size),
        "target_entropy": np.array(_binary_entropy(t)),
    }
    if not is_probability:
        add_answer_precision(sums, x, t > 0.5)
    # What a loss of exclusive classes would make of it.
    with np.errstate(divide="ignore"):
        z = np.maximum(np.log(p), -_blocked.BEYOND_EXP) if is_probability else x
    rows, top = np.arange(num_rows), z.argmax(axis=1)
    z = z - z[rows, top, np.newaxis]
    others = np.exp(z)
    others[rows, top] = 0
    competing = np.log1p(others.sum(axis=1)) * t.sum(axis=1) - (t * z).sum(axis=1)
    sums["categorical_loss"] = np.array(competing.sum(dtype=np.float64))
    kept = np.where(np.isfinite(row_loss), row_loss, 0)
    bins = magnitude_bins(kept)
    sums["loss_counts"] = np.bincount(bins, np.isfinite(row_loss), NUM_BINS)
    sums["loss_sums"] = np.bincount(bins, kept, NUM_BINS)
    bins = magnitude_bins(doubt / confidence)
    sums["odds_counts"] = np.bincount(bins, minlength=NUM_BINS)
    sums["odds_right"] = np.bincount(bins, is_right, NUM_BINS)
    sums["odds_doubt"] = np.bincount(bins, doubt, NUM_BINS)
    if with_temperatures:
        # Each answer is one of two: the other's odds against the larger are e^−|x|.
        left_out = infinite.reshape(-1) if infinite.any() else None
        away = np.where(infinite, 0, np.maximum(-np.abs(x), LOWEST)).reshape(1, -1)
        gap = np.where(infinite, 0, _gap(x, t)).reshape(-1)
        odds = np.exp(away)
        add_temperatures(work, sums, away, float(away.min()), odds, odds[0], 0, gap, left_out)
    worst = loss.argmax(axis=1)
    worst_p = np.where(t > 0.5, p, q)[rows, worst]
    return sums, worst, PerRow(row_loss, worst_p, np.maximum(p, q)[rows, worst])


def _gap(x: Array, t: Array) -> Array:
    """Return max(x, 0) − t x: a product, for of two large numbers the difference is rounding."""
    return np.abs(x) * np.where(x >= 0, 1 - t, t)


def _binary_entropy(t: Array) -> float:
    inside = t[(t > 0) & (t < 1)].astype(np.float64)
    return float(-(inside * np.log(inside) + (1 - inside) * np.log1p(-inside)).sum())
