"""What smoothing and weights make of targets, and where they put floor and optimum."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array
from core.entropy import entropy


def smoothed_targets(targets: npt.ArrayLike, num_classes: int, label_smoothing: float) -> Array:
    """Return what label smoothing makes of targets: (1 − ε) t + ε/K.

    Parameters
    ----------
    targets : array_like, any shape
        Probabilities.
    num_classes : int
        K; 2 for a yes-no question.
    label_smoothing : float
        ε, how much of each target is spread evenly, in [0, 1].

    Returns
    -------
    ndarray, shape of `targets`

    Raises
    ------
    ValueError
        If a target or `label_smoothing` lies outside [0, 1], or `num_classes` is below 1.
    TypeError
        If `targets` is not made of real numbers.

    References
    ----------
    Szegedy et al. (2016), doi:10.1109/CVPR.2016.308.

    Examples
    --------
    >>> smoothed_targets([1.0, 0.0], 2, 0.5)
    array([0.75, 0.25])
    """
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1; got {num_classes}")
    t, dtype = _checks.as_float(targets, "targets")
    _checks.require_probabilities(t, "targets")
    smoothing = _checks.require_fraction(label_smoothing, "label_smoothing")
    return _checks.as_result((1 - smoothing) * t + smoothing / num_classes, dtype)


def label_smoothing_floor(
    num_classes: int, label_smoothing: npt.ArrayLike, base: float = math.e
) -> Array:
    """Return the least that a smoothed cross-entropy can be, in nats.

    Parameters
    ----------
    num_classes : int
        K; 2 for a yes-no question.
    label_smoothing : array_like, any shape
        How much of each target is spread evenly, in [0, 1].
    base : float
        The base of the logarithm; 2 gives bits.

    Returns
    -------
    ndarray, shape of `label_smoothing`
        From 0 to log K.

    Raises
    ------
    ValueError
        If `num_classes` is below 1, `label_smoothing` outside [0, 1] or `base` no base.
    TypeError
        If `label_smoothing` is not made of real numbers.

    Notes
    -----
    Cross-entropy is entropy plus divergence, so the floor is the entropy of the smoothed target
    (1 − ε) t + ε/K of a one-hot t.

    References
    ----------
    Szegedy et al. (2016), "Rethinking the Inception architecture for computer vision",
    arXiv:1512.00567.

    Examples
    --------
    >>> float(label_smoothing_floor(4, 1.0, base=2))
    2.0
    """
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1; got {num_classes}")
    smoothing, dtype = _checks.as_float(label_smoothing, "label_smoothing")
    _checks.require_probabilities(smoothing, "label_smoothing")
    spread = smoothing[..., np.newaxis] / num_classes
    one_hot = np.arange(num_classes) == 0
    targets = (1 - smoothing[..., np.newaxis]) * one_hot + spread
    return _checks.as_result(np.asarray(entropy(targets, base=base)), dtype)


def optimal_probabilities(
    targets: npt.ArrayLike,
    *,
    class_weight: npt.ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Array:
    """Return the softmax at which `categorical_cross_entropy` is least.

    Parameters
    ----------
    targets : array_like, shape (..., K)
        Distributions over the K classes.
    class_weight, label_smoothing
        As in `categorical_cross_entropy`.

    Returns
    -------
    ndarray, shape (..., K)
        Distributions; NaN where every class that is a target has the weight 0.

    Raises
    ------
    ValueError
        If a target is not a distribution, or an option is out of range.
    TypeError
        If an argument is not made of real numbers.

    Notes
    -----
    The gradient s Σ_j w_j t_j − w_i t_i is 0 where s_i = w_i t_i/Σ_j w_j t_j. A hard target stays
    where it is under every weight; of a smoothed one a weight takes a larger share than the
    smoothing left it.

    Examples
    --------
    >>> optimal_probabilities([1.0, 0.0], class_weight=[3, 1], label_smoothing=0.5)
    array([0.9, 0.1])
    """
    t, dtype = _checks.as_float(targets, "targets")
    weights = weighted_targets(t, class_weight, label_smoothing)
    with np.errstate(invalid="ignore", under="ignore"):
        shares = weights / weights.sum(axis=-1, keepdims=True)
    return _checks.as_result(shares, dtype)


def weighted_targets(t: Array, class_weight: npt.ArrayLike | None, label_smoothing: float) -> Array:
    """Return w_i t_i of each class, after smoothing."""
    _checks.require_distribution(t, "targets")
    num_classes = t.shape[-1]
    smoothed = smoothed_targets(t, num_classes, label_smoothing)
    if class_weight is None:
        return smoothed
    return smoothed * _checks.as_weights(class_weight, "class_weight", num_classes, smoothed.dtype)
