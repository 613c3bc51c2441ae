"""Of two classes: whether scores need a slope and an offset, which no temperature gives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from core._checks import Array
from core.diagnosis.chances import LEVEL, corrected, evidence_p_value, says
from core.diagnosis.exclusive import Sums
from core.diagnosis.records import Diagnosis, Evidence, Temperature, surprising
from core.diagnosis.sketches import NUM_BINS
from core.diagnosis.spread import margin_of_loss
from core.words import counted

# What slope and offset are believed to be before any label is seen: mean and deviation.
_PRIOR = np.array([1.0, 0.0]), np.array([2.0, 3.0])
# Rows of a bin share their mean loss, which is off by so much of a nat each.
_SLACK = 2e-5
# Steps of a quadrature of 13 × 13 points: a Gaussian's integral is exact to 1e-6 by it.
_STEPS = np.linspace(-6, 6, 13)
_CONFIDENCE = 0.05


class _Rows(NamedTuple):
    """Rows of two classes in bins.

    Parameters
    ----------
    counts : ndarray, shape (bins,)
    logits : ndarray, shape (bins,)
        Of class 1 less that of class 0.
    signs : ndarray, shape (bins,)
        1 where class 1 is the label, else −1.
    """

    counts: Array
    logits: Array
    signs: Array

    def loss(self, slope: float, offset: float) -> float:
        """Return the sum of −log σ(±(slope · z + offset)) over the rows."""
        margins = self.signs * (slope * self.logits + offset)
        return float(np.dot(self.counts, np.logaddexp(0, -margins)))

    def steps(self, at: Array) -> tuple[Array, Array]:
        """Return gradient and curvature of that loss by slope and offset."""
        inputs = np.stack([self.logits, np.ones_like(self.logits)])
        margins = self.signs * (at @ inputs)
        wrong = np.exp(-np.logaddexp(0, margins))
        gradient = -inputs @ (self.counts * self.signs * wrong)
        curvature = (inputs * (self.counts * wrong * (1 - wrong))) @ inputs.T
        return gradient, curvature


def offsets(diagnosis: Diagnosis, t: Temperature, sums: Sums) -> Iterator[Evidence]:
    """Return slope and offset of the logits of two classes, where no temperature fits as well."""
    if "binary_counts" not in sums or not t.is_inside:
        return
    rows = _rows_of(sums)
    best = _fitted(rows)
    log_mean = _log_mean_likelihood(rows, best)
    num_rows = float(rows.counts.sum())
    # Against the likeliest temperature.
    log_ratio = log_mean + num_rows * (t.loss_after - _SLACK)
    p_value = corrected(evidence_p_value(np.array([log_ratio])))
    if p_value >= LEVEL:
        return
    slope, offset = best.tolist()
    loss = rows.loss(slope, offset) / num_rows
    most = -log_mean - math.log(_CONFIDENCE)
    slopes, ends = (_interval(rows, best, axis, most) for axis in (0, 1))
    of_which = " of the rows where it is finite" if np.sum(sums["infinite"]) else ""
    is_slope_one = slopes[0] <= 1 <= slopes[1]
    yield Evidence(
        "offset",
        "warning" if t.loss_after - loss > 0.01 * t.loss_after else "note",
        f"σ({slope:.3g} z {'−' if offset < 0 else '+'} {abs(offset):.3g}) as the probability of "
        f"class {diagnosis.named(1)} has a loss{of_which} of {counted(loss, 'nat', '.4g')}; the "
        f"best temperature, {t.value:.3f}, leaves {t.loss_after:.4g}. z is {_logit(diagnosis)}",
        {
            "slope": slope,
            "offset": offset,
            "slope_low": slopes[0],
            "slope_high": slopes[1],
            "offset_low": ends[0],
            "offset_high": ends[1],
            "temperature": t.value,
            "loss": t.loss_before,
            "loss_at_temperature": t.loss_after,
            "loss_at_offset": loss,
        },
        surprising(diagnosis),
        "temperatures change the slope only; "
        + (
            "an offset alone is what another share of the classes than in training gives"
            if is_slope_one
            else "the offset comes from another share of the classes than in training, weighted "
            "classes, or a bias that was not fitted"
        ),
        "fit slope and offset on other rows (Platt scaling; scikit-learn: CalibratedClassifierCV "
        'with method="sigmoid")'
        + (", or add the change of the log-odds of the classes to z" if is_slope_one else ""),
        f"the slope is {_range(slopes)}, the offset {_range(ends)} (95 % intervals); "
        f"{says(p_value)}",
        p_value,
    )


def _logit(diagnosis: Diagnosis) -> str:
    if diagnosis.scores.reading == "probabilities":
        return "log(p/(1 − p))"
    return "the logit of class 1, less that of class 0 where it has one"


def _range(ends: tuple[float, float]) -> str:
    low, high = (f"{end:.3g}".replace("-", "−") for end in ends)
    return f"{low} to {high}"


def _rows_of(sums: Sums) -> _Rows:
    counts = sums["binary_counts"]
    held = np.flatnonzero(counts)
    # A loss of 0 has a margin beyond all that a bin tells.
    losses = np.maximum(sums["binary_losses"][held] / counts[held], 2.0**-64)
    signs = np.where(held < NUM_BINS, -1.0, 1.0)
    return _Rows(counts[held].astype(np.float64), signs * margin_of_loss(losses), signs)


def _objective(rows: _Rows, at: Array) -> float:
    """Return −log of likelihood times prior, but for what is the same for all."""
    mean, deviation = _PRIOR
    return rows.loss(*at.tolist()) + float(np.sum(((at - mean) / deviation) ** 2)) / 2


def _fitted(rows: _Rows) -> Array:
    """Return the likeliest slope and offset, by Newton's steps; the prior keeps them finite."""
    mean, deviation = _PRIOR
    at, value = mean, _objective(rows, mean)
    for _ in range(60):
        gradient, curvature = rows.steps(at)
        gradient = gradient + (at - mean) / deviation**2
        step = np.linalg.solve(curvature + np.diag(deviation**-2.0), gradient)
        size = 1.0
        while (lower := _objective(rows, at - size * step)) > value and size > 1e-6:
            size /= 2
        if lower >= value:
            break
        is_done = value - lower < 1e-9 * (1 + abs(value))
        at, value = at - size * step, lower
        if is_done:
            break
    return at


def _log_mean_likelihood(rows: _Rows, best: Array) -> float:
    """Return log of the likelihood of the labels, averaged over slopes and offsets by the prior."""
    _, deviation = _PRIOR
    _, curvature = rows.steps(best)
    covariance = np.linalg.inv(curvature + np.diag(deviation**-2.0))
    axes = np.linalg.cholesky(covariance)
    values = np.array([[-_objective(rows, best + axes @ (i, j)) for j in _STEPS] for i in _STEPS])
    highest = float(values.max())
    spacing = float(_STEPS[1] - _STEPS[0])
    cell = float(np.prod(np.diag(axes))) * spacing**2 / (2 * math.pi * float(np.prod(deviation)))
    return highest + math.log(float(np.exp(values - highest).sum()) * cell)


def _interval(rows: _Rows, best: Array, axis: int, most: float) -> tuple[float, float]:
    """Return which slopes (axis 0) or offsets (1) have a loss below `most`, the other one fitted.

    If labels are drawn at a slope and an offset, the mean likelihood is above theirs by a factor of
    20 in less than one of 20 cases.
    """
    _, curvature = rows.steps(best)
    deviation = math.sqrt(np.linalg.inv(curvature + 1e-12 * np.eye(2))[axis, axis])
    ends = []
    for side in (-1, 1):
        inside, outside = 0.0, deviation
        while outside < 1e6 and _least_loss(rows, best, axis, side * outside) < most:
            inside, outside = outside, 2 * outside
        for _ in range(30):
            middle = (inside + outside) / 2
            if _least_loss(rows, best, axis, side * middle) < most:
                inside = middle
            else:
                outside = middle
        ends.append(float(best[axis]) + side * outside)
    return ends[0], ends[1]


def _least_loss(rows: _Rows, best: Array, axis: int, moved: float) -> float:
    """Return the least loss where slope or offset is moved from the best by so much."""
    at = best.copy()
    at[axis] += moved
    other = 1 - axis
    for _ in range(20):
        gradient, curvature = rows.steps(at)
        step = gradient[other] / max(curvature[other, other], 1e-300)
        at[other] -= np.clip(step, -2, 2)
        if abs(step) < 1e-6 * (1 + abs(at[other])):
            break
    return rows.loss(*at.tolist())
