"""Whether predicted probabilities are as often right as they say."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array
from core.activations import softmax

__all__ = ["Reliability", "expected_calibration_error", "fit_temperature", "reliability"]

_LEAST, _MOST = 1e-2, 1e2


class Reliability(NamedTuple):
    """Predictions by their confidence, the probability of the class that is predicted.

    Parameters
    ----------
    edges : ndarray, shape (num_bins + 1,)
        Bin i holds confidences above edges[i] and up to edges[i + 1].
    counts : ndarray of int, shape (num_bins,)
        How many predictions each bin holds.
    confidence, accuracy : ndarray, shape (num_bins,)
        Their mean confidence and the share that is right; NaN for an empty bin.
    """

    edges: Array
    counts: Array
    confidence: Array
    accuracy: Array


def reliability(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, num_bins: int = 15
) -> Reliability:
    """Return how confident predictions are and how often right, by bins of equal width.

    Parameters
    ----------
    probabilities : array_like, shape (N, K)
        Predicted distributions.
    labels : array_like of int, shape (N,)
        The classes that are true.
    num_bins : int
        How many bins [0, 1] is cut into.

    Returns
    -------
    Reliability

    Raises
    ------
    ValueError
        If a row is not a distribution, a label no class, a shape wrong, or `num_bins` below 1.
    TypeError
        If `labels` are not integers.

    Notes
    -----
    Confidence is the largest probability of a row; where several are largest, the first of them is
    the class predicted.

    References
    ----------
    Guo et al. (2017), "On calibration of modern neural networks", arXiv:1706.04599.

    Examples
    --------
    >>> reliability([[0.75, 0.25], [0.75, 0.25]], [0, 1], num_bins=4).accuracy[2]
    np.float64(0.5)
    """
    p, _ = _checks.as_float(probabilities, "probabilities")
    if p.ndim != 2:
        raise ValueError(f"probabilities must have shape (N, K); got {p.shape}")
    _checks.require_distribution(p, "probabilities")
    y = _checks.as_labels(labels, p.shape[:1], p.shape[1], "labels")
    if num_bins < 1:
        raise ValueError(f"num_bins must be at least 1; got {num_bins}")
    confidences = p.max(axis=1).astype(np.float64)
    is_right = p.argmax(axis=1) == y
    edges = np.linspace(0, 1, num_bins + 1)
    bins = np.clip(np.searchsorted(edges, confidences, side="left") - 1, 0, num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            edges,
            counts,
            np.bincount(bins, confidences, num_bins) / counts,
            np.bincount(bins, is_right, num_bins) / counts,
        )


def expected_calibration_error(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, num_bins: int = 15
) -> float:
    """Return how far confidence and accuracy are apart on average.

    Parameters
    ----------
    probabilities : array_like, shape (N, K)
        Predicted distributions.
    labels : array_like of int, shape (N,)
        The classes that are true.
    num_bins : int
        How many bins [0, 1] is cut into.

    Returns
    -------
    float
        From 0, calibrated, to 1.

    Raises
    ------
    ValueError
        If a row is not a distribution, a label no class, a shape wrong, or `num_bins` below 1.
    TypeError
        If `labels` are not integers.

    Notes
    -----
    ECE = Σ_b n_b/N |accuracy_b − confidence_b| over bins b of equal width. It is biased upwards on
    few rows, and depends on the bins.

    References
    ----------
    Guo et al. (2017), "On calibration of modern neural networks", arXiv:1706.04599.

    Examples
    --------
    >>> expected_calibration_error([[0.75, 0.25], [0.75, 0.25]], [0, 1])
    0.25
    """
    _, counts, confidence, accuracy = reliability(probabilities, labels, num_bins)
    held = counts > 0
    gaps = np.abs(accuracy[held] - confidence[held])
    return float(np.sum(counts[held] * gaps) / counts.sum())


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the temperature that makes softmax(logits/T) least surprised by the labels.

    Parameters
    ----------
    logits : array_like, shape (N, K)
        Unnormalised log-probabilities; log-probabilities will do.
    labels : array_like of int, shape (N,)
        The classes that are true, of rows that the model was not trained on.

    Returns
    -------
    float
        From 0.01, where every prediction is right, to 100, where scores say nothing.

    Raises
    ------
    ValueError
        If `logits` are not finite or a shape does not fit, or a label is no class.
    TypeError
        If `labels` are not integers.

    Notes
    -----
    The mean loss is convex in β = 1/T; its derivative is mean(Σ s_j z_j − z_y), the second one the
    mean variance of z under s. Newton's steps on β, kept inside the interval where the derivative
    changes its sign.

    References
    ----------
    Guo et al. (2017), "On calibration of modern neural networks", arXiv:1706.04599.

    Examples
    --------
    Right three times of four, and e times as likely: the odds 3 = e^{1/T}.

    >>> round(fit_temperature([[1.0, 0.0]] * 4, [0, 0, 0, 1]), 6)
    0.910239
    """
    z, _ = _checks.as_float(logits, "logits")
    if z.ndim != 2:
        raise ValueError(f"logits must have shape (N, K); got {z.shape}")
    if not np.isfinite(z).all():
        raise ValueError("logits must be finite")
    y = _checks.as_labels(labels, z.shape[:1], z.shape[1], "labels")
    z = z.astype(np.float64)
    gap = z - z.max(axis=1, keepdims=True)
    label_gap = gap[np.arange(len(y)), y]

    def derivatives(beta: float) -> tuple[float, float]:
        s = softmax(gap, temperature=1 / beta)
        mean = (s * gap).sum(axis=1)
        variance = (s * gap * gap).sum(axis=1) - mean * mean
        return float((mean - label_gap).mean()), float(variance.mean())

    low, high = 1 / _MOST, 1 / _LEAST
    if derivatives(high)[0] <= 0:
        return _LEAST
    if derivatives(low)[0] >= 0:
        return _MOST
    beta = 1.0
    for _ in range(100):
        slope, curvature = derivatives(beta)
        low, high = (beta, high) if slope < 0 else (low, beta)
        step = beta - slope / curvature if curvature > 0 else math.inf
        # A step that leaves the interval gives way to its geometric middle.
        if not low < step < high:
            step = math.sqrt(low * high)
        if abs(step - beta) <= 1e-12 * beta:
            break
        beta = step
    return 1 / beta
