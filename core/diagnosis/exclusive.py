"""A few rows with one true class each: what their scores add up to, and what is kept of each row.

The sums add up over rows, batches and summaries. `core.diagnosis.per_row` adds up the rest, of many
more rows at once.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from core import _blocked
from core._blocked import column
from core._checks import Array
from core._threads import Work
from core.diagnosis.bins import bin_edges
from core.diagnosis.grid import LOWEST, add_temperatures
from core.diagnosis.noise import add_noise

Sums = dict[str, Array]
# Some: what shows how a figure shifts when scores are read in another way.
Depth = Literal["some", "calibration", "all"]


class Kept(NamedTuple):
    """What is left of rows once their scores are added up.

    Parameters
    ----------
    rows, labels, predicted : ndarray of int, shape (rows,)
    maximum, label_score : ndarray, shape (rows,)
        The logit of the prediction, and of the label.
    gap : ndarray, shape (rows,)
        Of the label's logit below the other one, divided by the temperature.
    odds : ndarray, shape (rows,)
        Σ p of the other classes over p of the prediction.
    classes, probabilities : ndarray, shape (values,)
        Of those other classes that are above the first bin of a calibration, row by row or not.
    """

    rows: Array
    labels: Array
    predicted: Array
    maximum: Array
    label_score: Array
    gap: Array
    odds: Array
    classes: Array
    probabilities: Array


def exclusive_sums(
    work: Work,
    raw: Array,
    axis: int,
    rows: Array,
    labels: Array,
    at_label: Array,
    predicted: Array,
    *,
    is_probability: bool,
    depth: Depth,
    temperature: float = 1.0,
    targets: Array | None = None,
) -> tuple[Sums, Kept]:
    """Return the sums of a few rows, and what is kept of each.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    raw : ndarray, (K, rows) where `axis` is 0, else (rows, K)
        Scores without NaN or +inf.
    axis : int
        The axis of the classes.
    rows, labels : ndarray of intp, shape (rows,)
    at_label : ndarray of intp, shape (rows,)
        Where in `raw`, flat, the labels are.
    predicted : ndarray of intp, shape (rows,)
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
    z = work("z", raw.shape, dtype)
    start = raw
    if is_probability:
        start = np.log(raw if raw.min() >= 0 else np.maximum(raw, 0, out=z), out=z)
    at_top = _blocked.flat_places(work, predicted, raw, axis)
    maximum = start.reshape(-1).take(at_top)
    label_score = start.reshape(-1).take(at_label)
    np.subtract(start, column(maximum, axis), out=z)
    gap = maximum - label_score
    if temperature != 1:
        np.divide(z, dtype.type(temperature), out=z)
        np.divide(gap, dtype.type(temperature), out=gap)
    if targets is not None:
        # A class without a target costs nothing, however low its logit.
        terms = np.where(targets > 0, targets * z, 0).sum(axis=axis, dtype=np.float64)
    lowest = float(z.min())
    if lowest < LOWEST:
        # A mask may be −inf or the least number there is: a product with it is no small term.
        np.maximum(z, LOWEST, out=z)
        lowest = LOWEST

    e = np.exp(z, out=work("e", z.shape, dtype))
    e.reshape(-1)[at_top] = 0
    # Σ of the others over the top's: the odds that the prediction is wrong.
    odds = np.array(_blocked.sum_rows(work, "odds", e, axis))
    p = work("p", e.shape, dtype)
    np.multiply(e, column(1 / (1 + odds), axis), out=p)
    # Σ p² but that of the top.
    sums = {"brier": np.add.reduce(_blocked.square_rows(p, axis), dtype=np.float64)}
    if targets is not None:
        soft = np.log1p(odds) * targets.sum(axis=axis) - terms
        sums["soft_loss"] = soft.sum(dtype=np.float64)
    classes, probabilities = np.empty(0, np.intp), np.empty(0, dtype)
    if depth != "some":
        others = np.add.reduce(p, axis=1 - axis).astype(np.float64)
        sums["p"] = sums["negative"] = others
        classes, probabilities = _above_first_bin(work, p, axis)
    if depth == "all":
        is_infinite = gap > largest_loss(dtype)
        left_out = is_infinite if is_infinite.any() else None
        add_temperatures(work, sums, z, lowest, e, odds, axis, gap, left_out, at_top)
        add_noise(work, sums, z, axis, gap, rows, left_out)
        if raw.shape[axis] == 3 and not is_probability:
            _add_votes(sums, raw if axis == 0 else raw.T, labels, predicted)
    kept = Kept(
        rows, labels, predicted, maximum, label_score, gap, odds, classes, probabilities
    )  # fmt: skip
    return sums, kept


def largest_loss(dtype: np.dtype[np.generic]) -> float:
    """Return from where on a loss counts as infinite: sums of more would overflow."""
    return 1e30 if dtype.itemsize == 4 else 1e250


def largest_exponent(dtype: np.dtype[np.generic]) -> float:
    """Return up to where e^x and e^−x are normal numbers, with room for a factor."""
    return 80.0 if dtype.itemsize == 4 else 700.0


def _above_first_bin(work: Work, p: Array, axis: int) -> tuple[Array, Array]:
    """Return the classes and probabilities above the first bin; `p` has 0 at the top.

    At most 15 of a row are above 1/15, and mostly the top alone.
    """
    num_classes, num_rows = p.shape[axis], p.shape[1 - axis]
    is_above = np.greater(p, bin_edges(p.dtype)[1], out=work("is_above", p.shape, bool))
    above = np.flatnonzero(is_above)
    if axis == 0:
        ends = np.searchsorted(above, np.arange(num_classes + 1) * num_rows)
        classes = np.repeat(np.arange(num_classes), np.diff(ends))
    else:
        classes = above % num_classes
    return classes, p.reshape(-1).take(above)


def _add_votes(sums: Sums, scores: Array, labels: Array, predicted: Array) -> None:
    """Add whose label wins, if three columns are the pairs 01, 02 and 12 of as many classes.

    Counts by label, largest and least column, and whether the label wins both of its pairs.
    """
    label = labels.astype(np.int8)
    above, below = scores > 0, scores < 0
    wins = (label == 0) & above[0] & above[1]
    wins |= (label == 1) & below[0] & above[2]
    wins |= (label == 2) & below[1] & below[2]
    is_last = scores[2] < np.minimum(scores[0], scores[1])
    lowest = np.maximum((scores[1] < scores[0]).view(np.int8), 2 * is_last.view(np.int8))
    cells = ((3 * label + predicted.astype(np.int8)) * 3 + lowest) * 2 + wins
    sums["votes"] = np.bincount(cells, minlength=54)
