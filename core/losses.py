"""Binary and categorical cross-entropy and what they are compared with, each with its gradient.

Losses take logits, return one value per example (BCE: per element) and never average: the caller
reduces. A gradient is that of each example's own loss with respect to its logits.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from core import _blocked, _checks, _losses
from core._checks import Array
from core.activations import (
    log_sigmoid,
    log_softmax,
    sigmoid,
    sigmoid_derivative,
    softmax,
)
from core.entropy import entropy

_Wanted = Literal["value", "grad", "both"]

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_grad",
    "binary_cross_entropy_value_and_grad",
    "categorical_cross_entropy",
    "categorical_cross_entropy_grad",
    "categorical_cross_entropy_terms",
    "categorical_cross_entropy_value_and_grad",
    "categorical_focal_loss",
    "categorical_focal_loss_grad",
    "categorical_focal_loss_value_and_grad",
    "focal_loss",
    "focal_loss_grad",
    "focal_loss_value_and_grad",
    "label_smoothing_floor",
    "optimal_probabilities",
    "sigmoid_squared_error",
    "sigmoid_squared_error_grad",
    "sigmoid_squared_error_value_and_grad",
    "smoothed_targets",
    "softmax_squared_error",
    "softmax_squared_error_grad",
    "softmax_squared_error_value_and_grad",
]


def binary_cross_entropy(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    pos_weight: npt.ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Array:
    """Return the binary cross-entropy of each element, in nats.

    Parameters
    ----------
    logits : array_like, any shape
        Log-odds of the positive outcome.
    targets : array_like, shape of `logits`
        The outcomes, 0 or 1, or probabilities between them.
    pos_weight : array_like, a number or shape (K,)
        Multiplies the term of the positive outcome.
    label_smoothing : float
        Moves each target to t (1 − ε) + ε/2.

    Returns
    -------
    ndarray, shape of `logits`
        One loss per element.

    Raises
    ------
    ValueError
        If the shapes differ, a target lies outside [0, 1], or an option is out of range.
    TypeError
        If an argument is not made of real numbers.

    Notes
    -----
    −w t log σ(x) − (1 − t) log σ(−x), with log σ(x) = min(x, 0) − log1p(e^−|x|). PyTorch and Optax
    agree; Keras clips probabilities to [1e−7, 1 − 1e−7] unless told that they are logits.

    Examples
    --------
    >>> binary_cross_entropy([0.0, 1000.0, 1000.0], [1, 1, 0])
    array([6.93147181e-01, 0.00000000e+00, 1.00000000e+03])
    """
    return _binary(logits, targets, pos_weight, label_smoothing, "value")[0]


def binary_cross_entropy_grad(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    pos_weight: npt.ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Array:
    """Return the derivative of `binary_cross_entropy` with respect to each logit.

    Parameters
    ----------
    logits, targets, pos_weight, label_smoothing
        As in `binary_cross_entropy`.

    Returns
    -------
    ndarray, shape of `logits`

    Raises
    ------
    ValueError, TypeError
        As `binary_cross_entropy`.

    Notes
    -----
    σ(x) − t, written as (1 − t) σ(x) − w t σ(−x), which does not cancel where t is 0 or 1.

    Examples
    --------
    >>> binary_cross_entropy_grad([0.0, 0.0], [1, 0])
    array([-0.5,  0.5])
    """
    return _binary(logits, targets, pos_weight, label_smoothing, "grad")[1]


def binary_cross_entropy_value_and_grad(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    pos_weight: npt.ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Array, Array]:
    """Return `binary_cross_entropy` and its gradient from one pass.

    Parameters
    ----------
    logits, targets, pos_weight, label_smoothing
        As in `binary_cross_entropy`.

    Returns
    -------
    value, grad : ndarray, shape of `logits`

    Raises
    ------
    ValueError, TypeError
        As `binary_cross_entropy`.

    Examples
    --------
    >>> value, grad = binary_cross_entropy_value_and_grad([0.0], [1])
    >>> float(value[0]), float(grad[0])
    (0.6931471805599453, -0.5)
    """
    return _binary(logits, targets, pos_weight, label_smoothing, "both")


def categorical_cross_entropy(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    class_weight: npt.ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Array:
    """Return the categorical cross-entropy of each example, in nats.

    Parameters
    ----------
    logits : array_like, shape (..., K)
        Unnormalised log-probabilities. Not the output of a softmax.
    targets : array_like, shape (...) or (..., K)
        Integer class ids, or distributions over the K classes.
    class_weight : array_like, shape (K,)
        Multiplies each class's term of the target, after smoothing.
    label_smoothing : float
        Moves each target distribution to (1 − ε) t + ε/K.

    Returns
    -------
    ndarray, shape (...)
        One loss per example.

    Raises
    ------
    ValueError
        If the shapes do not fit, a class id is not in 0…K−1, a target is not a distribution, or an
        option is out of range.
    TypeError
        If class ids are not integers or an argument is not made of real numbers.

    Notes
    -----
    CE = −Σ t_i log softmax(z)_i. With one class y: (m − z_y) + log1p(R + (e_y − 1)), where m is the
    largest logit, e_j = e^{z_j − m} and R = Σ_{j≠y} e_j. The usual log Σ e_j − z_y rounds R away on
    a confident row. `class_weight` follows PyTorch, which then divides a mean by the sum of the
    weights of the labels; Keras weights whole examples, the same for one-hot targets only.

    References
    ----------
    Good (1952), "Rational decisions", doi:10.1111/j.2517-6161.1952.tb00104.x.
    Szegedy et al. (2016), "Rethinking the Inception architecture for computer vision",
    doi:10.1109/CVPR.2016.308 (label smoothing).

    Examples
    --------
    >>> categorical_cross_entropy([[0.0, 0.0], [100.0, 0.0]], [0, 0])
    array([6.93147181e-01, 3.72007598e-44])
    """
    return _categorical(logits, targets, class_weight, label_smoothing, "value")[0]


def categorical_cross_entropy_grad(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    class_weight: npt.ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Array:
    """Return the gradient of `categorical_cross_entropy` with respect to each example's logits.

    Parameters
    ----------
    logits, targets, class_weight, label_smoothing
        As in `categorical_cross_entropy`.

    Returns
    -------
    ndarray, shape (..., K)

    Raises
    ------
    ValueError, TypeError
        As `categorical_cross_entropy`.

    Notes
    -----
    With s = softmax(z) and a one-hot target: s_p − 1 for the positive class p, s_n for each
    negative class n, where s_n = e^{z_n}/Σ_j e^{z_j}; s_p − 1 is −R/(R + e_p), with R the sum of
    the other exponentials, which keeps its digits on a confident row. In general s Σt − t.

    Examples
    --------
    >>> categorical_cross_entropy_grad([0.0, 0.0], 0)
    array([-0.5,  0.5])
    """
    return _categorical(logits, targets, class_weight, label_smoothing, "grad")[1]


def categorical_cross_entropy_value_and_grad(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    class_weight: npt.ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Array, Array]:
    """Return `categorical_cross_entropy` and its gradient from one pass over the exponentials.

    Parameters
    ----------
    logits, targets, class_weight, label_smoothing
        As in `categorical_cross_entropy`.

    Returns
    -------
    value : ndarray, shape (...)
    grad : ndarray, shape (..., K)

    Raises
    ------
    ValueError, TypeError
        As `categorical_cross_entropy`.

    Examples
    --------
    >>> value, grad = categorical_cross_entropy_value_and_grad([[0.0, 0.0]], [1])
    >>> float(value[0]), grad
    (0.6931471805599453, array([[ 0.5, -0.5]]))
    """
    return _categorical(logits, targets, class_weight, label_smoothing, "both")


def categorical_cross_entropy_terms(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    class_weight: npt.ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Array:
    """Return what each class adds to `categorical_cross_entropy`, in nats.

    Parameters
    ----------
    logits : array_like, shape (..., K)
        Unnormalised log-probabilities.
    targets : array_like, shape (..., K)
        Distributions over the K classes.
    class_weight, label_smoothing
        As in `categorical_cross_entropy`.

    Returns
    -------
    ndarray, shape (..., K)
        w_i t_i (−log s_i), which sums to the loss; 0 where a target or a weight is.

    Raises
    ------
    ValueError
        If the shapes differ, a target is not a distribution, or an option is out of range.
    TypeError
        If an argument is not made of real numbers.

    Examples
    --------
    >>> print(categorical_cross_entropy_terms([0.0, 0.0], [0.75, 0.25]).round(4))
    [0.5199 0.1733]
    """
    z, dtype = _checks.as_float(logits, "logits")
    t, _ = _checks.as_float(targets, "targets")
    _checks.require_same_shape(z, "logits", t, "targets")
    weights = _weighted_targets(t, class_weight, label_smoothing)
    terms = _weighted(weights, -log_softmax(z))
    return _checks.as_result(terms, dtype)


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
    weights = _weighted_targets(t, class_weight, label_smoothing)
    with np.errstate(invalid="ignore", under="ignore"):
        shares = weights / weights.sum(axis=-1, keepdims=True)
    return _checks.as_result(shares, dtype)


def focal_loss(logits: npt.ArrayLike, targets: npt.ArrayLike, *, gamma: float = 2.0) -> Array:
    """Return the focal loss of each element, in nats: BCE with easy elements turned down.

    Parameters
    ----------
    logits : array_like, any shape
        Log-odds of the positive outcome.
    targets : array_like, shape of `logits`
        The outcomes, 0 or 1, or probabilities between them.
    gamma : float
        How far: 0 is binary cross-entropy.

    Returns
    -------
    ndarray, shape of `logits`
        One loss per element.

    Raises
    ------
    ValueError
        If the shapes differ, a target lies outside [0, 1], or `gamma` is negative.
    TypeError
        If an argument is not made of real numbers.

    Notes
    -----
    −t (1 − p)^γ log p − (1 − t) p^γ log(1 − p), with p = σ(x). The factor α of the paper is
    `pos_weight` of BCE by another name, and left out.

    References
    ----------
    Lin et al. (2017), "Focal loss for dense object detection", doi:10.1109/ICCV.2017.324.

    Examples
    --------
    >>> focal_loss([0.0], [1.0], gamma=2.0) == binary_cross_entropy([0.0], [1.0]) / 4
    array([ True])
    """
    return focal_loss_value_and_grad(logits, targets, gamma=gamma)[0]


def focal_loss_grad(logits: npt.ArrayLike, targets: npt.ArrayLike, *, gamma: float = 2.0) -> Array:
    """Return the derivative of `focal_loss` with respect to each logit.

    With q = 1 − p it is −q^γ (γ p (−log p) + q) for the target 1, and the mirror image for 0.

    Examples
    --------
    >>> focal_loss_grad([0.0], [1.0], gamma=0.0)
    array([-0.5])
    """
    return focal_loss_value_and_grad(logits, targets, gamma=gamma)[1]


def focal_loss_value_and_grad(
    logits: npt.ArrayLike, targets: npt.ArrayLike, *, gamma: float = 2.0
) -> tuple[Array, Array]:
    """Return `focal_loss` and its gradient.

    Examples
    --------
    >>> value, grad = focal_loss_value_and_grad([0.0], [0.0], gamma=0.0)
    >>> grad
    array([0.5])
    """
    x, dtype, t = _elements(logits, targets)
    gamma = _checks.require_not_negative(gamma, "gamma")
    value = np.zeros_like(x)
    grad = np.zeros_like(x)
    for sign, weight in ((1, t), (-1, 1 - t)):
        p, q = sigmoid(sign * x), sigmoid(-sign * x)
        surprise = -log_sigmoid(sign * x)
        value += _weighted(weight * q**gamma, surprise)
        # p · surprise goes to 0 where p does.
        slope = _weighted(p, surprise) * gamma + q
        grad -= sign * weight * q**gamma * slope
    return _checks.as_result(value, dtype), _checks.as_result(grad, dtype)


def categorical_focal_loss(
    logits: npt.ArrayLike, labels: npt.ArrayLike, *, gamma: float = 2.0
) -> Array:
    """Return the focal loss of each example of exclusive classes, in nats.

    Parameters
    ----------
    logits : array_like, shape (..., K)
        Unnormalised log-probabilities.
    labels : array_like, shape (...)
        Integer class ids.
    gamma : float
        How far easy examples are turned down: 0 is categorical cross-entropy.

    Returns
    -------
    ndarray, shape (...)
        One loss per example.

    Raises
    ------
    ValueError
        If the shapes do not fit, a class id is not in 0…K−1, or `gamma` is negative.
    TypeError
        If class ids are not integers or logits not real numbers.

    Notes
    -----
    (1 − s_y)^γ (−log s_y), with s the softmax: the form of Lin et al. (2017), with the softmax in
    place of the sigmoid.

    Examples
    --------
    >>> categorical_focal_loss([0.0, 0.0], 0) == categorical_cross_entropy([0.0, 0.0], 0) / 4
    np.True_
    """
    return categorical_focal_loss_value_and_grad(logits, labels, gamma=gamma)[0]


def categorical_focal_loss_grad(
    logits: npt.ArrayLike, labels: npt.ArrayLike, *, gamma: float = 2.0
) -> Array:
    """Return the gradient of `categorical_focal_loss` with respect to each example's logits.

    With q = 1 − s_y and L = −log s_y it is (q^γ + γ s_y q^{γ−1} L) times the gradient s − t of
    the cross-entropy.

    Examples
    --------
    >>> categorical_focal_loss_grad([0.0, 0.0], 0, gamma=0.0)
    array([-0.5,  0.5])
    """
    return categorical_focal_loss_value_and_grad(logits, labels, gamma=gamma)[1]


def categorical_focal_loss_value_and_grad(
    logits: npt.ArrayLike, labels: npt.ArrayLike, *, gamma: float = 2.0
) -> tuple[Array, Array]:
    """Return `categorical_focal_loss` and its gradient.

    Examples
    --------
    >>> value, grad = categorical_focal_loss_value_and_grad([0.0, 0.0], 1, gamma=0.0)
    >>> grad
    array([ 0.5, -0.5])
    """
    z, dtype = _checks.as_float(logits, "logits")
    z = z.astype(_blocked.working_dtype(z), copy=False)
    gamma = _checks.require_not_negative(gamma, "gamma")
    _checks.require_axis(z, -1, "logits")
    y = _checks.as_labels(labels, z.shape[:-1], z.shape[-1], "labels")
    loss, residual = categorical_cross_entropy_value_and_grad(z, y)
    loss, index = np.asarray(loss), np.asarray(y)[..., np.newaxis]
    q = -np.take_along_axis(residual, index, axis=-1)[..., 0]
    with np.errstate(all="ignore"):
        s = np.exp(-loss)
        factor = q**gamma
        # (q^γ + γ s q^{γ−1} L)(s_j − t_j): |s_j − t_j| is at most q, which takes the q^{−1}.
        share = np.where(q[..., np.newaxis] == 0, 0, residual / q[..., np.newaxis])
        slope = factor * (q + gamma * _weighted(s, loss))
        value = _weighted(factor, loss)
        grad = slope[..., np.newaxis] * share
    return _checks.as_result(value, dtype), _checks.as_result(grad, dtype)


def sigmoid_squared_error(logits: npt.ArrayLike, targets: npt.ArrayLike) -> Array:
    """Return (σ(x) − t)² of each element: the Brier score of a yes-no forecast.

    Parameters
    ----------
    logits : array_like, any shape
        Log-odds of the positive outcome.
    targets : array_like, shape of `logits`
        The outcomes, 0 or 1, or probabilities between them.

    Returns
    -------
    ndarray, shape of `logits`
        From 0 to 1.

    Raises
    ------
    ValueError
        If the shapes differ or a target lies outside [0, 1].
    TypeError
        If an argument is not made of real numbers.

    References
    ----------
    Brier (1950), "Verification of forecasts expressed in terms of probability",
    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> sigmoid_squared_error([0.0], [1.0])
    array([0.25])
    """
    return sigmoid_squared_error_value_and_grad(logits, targets)[0]


def sigmoid_squared_error_grad(logits: npt.ArrayLike, targets: npt.ArrayLike) -> Array:
    """Return the derivative 2 (σ − t) σ (1 − σ): it vanishes where the error is largest.

    Examples
    --------
    >>> sigmoid_squared_error_grad([0.0], [1.0])
    array([-0.25])
    """
    return sigmoid_squared_error_value_and_grad(logits, targets)[1]


def sigmoid_squared_error_value_and_grad(
    logits: npt.ArrayLike, targets: npt.ArrayLike
) -> tuple[Array, Array]:
    """Return `sigmoid_squared_error` and its gradient.

    Examples
    --------
    >>> value, grad = sigmoid_squared_error_value_and_grad([0.0], [0.0])
    >>> grad
    array([0.25])
    """
    x, dtype, t = _elements(logits, targets)
    residual = binary_cross_entropy_grad(x, t)
    with np.errstate(under="ignore"):
        value, grad = residual**2, 2 * residual * sigmoid_derivative(x)
    return _checks.as_result(value, dtype), _checks.as_result(grad, dtype)


def softmax_squared_error(logits: npt.ArrayLike, targets: npt.ArrayLike) -> Array:
    """Return Σ (s_i − t_i)² of each example: the Brier score of a forecast of K classes.

    Parameters
    ----------
    logits : array_like, shape (..., K)
        Unnormalised log-probabilities.
    targets : array_like, shape (...) or (..., K)
        Integer class ids, or distributions over the K classes.

    Returns
    -------
    ndarray, shape (...)
        From 0 to 2.

    Raises
    ------
    ValueError
        If the shapes do not fit, a class id is not in 0…K−1, or a target is not a distribution.
    TypeError
        If class ids are not integers or an argument is not made of real numbers.

    References
    ----------
    Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> float(softmax_squared_error([0.0, 0.0], 0))
    0.5
    """
    return softmax_squared_error_value_and_grad(logits, targets)[0]


def softmax_squared_error_grad(logits: npt.ArrayLike, targets: npt.ArrayLike) -> Array:
    """Return the gradient 2 s_i (r_i − Σ_j s_j r_j), r = s − t: it vanishes on a confident mistake.

    Examples
    --------
    >>> softmax_squared_error_grad([0.0, 0.0], 0)
    array([-0.5,  0.5])
    """
    return softmax_squared_error_value_and_grad(logits, targets)[1]


def softmax_squared_error_value_and_grad(
    logits: npt.ArrayLike, targets: npt.ArrayLike
) -> tuple[Array, Array]:
    """Return `softmax_squared_error` and its gradient.

    Examples
    --------
    >>> value, grad = softmax_squared_error_value_and_grad([0.0, 0.0], 1)
    >>> grad
    array([ 0.5, -0.5])
    """
    z, dtype = _checks.as_float(logits, "logits")
    z = z.astype(_blocked.working_dtype(z), copy=False)
    residual = categorical_cross_entropy_grad(z, targets)
    s = softmax(z)
    with np.errstate(under="ignore"):
        value = (residual**2).sum(axis=-1)
        mean = (s * residual).sum(axis=-1, keepdims=True)
        grad = 2 * s * (residual - mean)
    return _checks.as_result(value, dtype), _checks.as_result(grad, dtype)


def _elements(logits: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[Array, np.dtype[Any], Array]:
    x, dtype = _checks.as_float(logits, "logits")
    t, _ = _checks.as_float(targets, "targets")
    _checks.require_same_shape(x, "logits", t, "targets")
    _checks.require_probabilities(t, "targets")
    working = _blocked.working_dtype(x)
    return x.astype(working, copy=False), dtype, t.astype(working, copy=False)


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


def _binary(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    pos_weight: npt.ArrayLike | None,
    label_smoothing: float,
    wanted: _Wanted,
) -> tuple[Array, Array]:
    x, dtype = _checks.as_float(logits, "logits")
    t, _ = _checks.as_float(targets, "targets")
    _checks.require_same_shape(x, "logits", t, "targets")
    smoothing = _checks.require_fraction(label_smoothing, "label_smoothing")
    weights = None
    shape: tuple[int, ...] = (-1,)
    if pos_weight is not None:
        num_classes = x.shape[-1] if x.ndim else 1
        shape = (-1, num_classes)
        if np.ndim(pos_weight) == 0:
            pos_weight = np.broadcast_to(pos_weight, num_classes)
        weights = _checks.as_weights(
            pos_weight, "pos_weight", num_classes, _blocked.working_dtype(x)
        )
    value = np.empty(x.shape, dtype) if wanted != "grad" else None
    grad = np.empty(x.shape, dtype) if wanted != "value" else None
    try:
        _blocked.compute_elements(
            partial(_losses.binary_block, pos_weight=weights, smoothing=smoothing),
            [x.reshape(shape), t.reshape(shape)],
            [None if out is None else out.reshape(shape) for out in (value, grad)],
        )
    except _blocked.RefusedError:
        _checks.require_probabilities(t, "targets")
        raise
    return _unwrapped(value), _unwrapped(grad)


def _categorical(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    class_weight: npt.ArrayLike | None,
    label_smoothing: float,
    wanted: _Wanted,
) -> tuple[Array, Array]:
    z, dtype = _checks.as_float(logits, "logits")
    _checks.require_axis(z, -1, "logits")
    num_classes = z.shape[-1]
    smoothing = _checks.require_fraction(label_smoothing, "label_smoothing")
    weights = None
    if class_weight is not None:
        weights = _checks.as_weights(
            class_weight, "class_weight", num_classes, _blocked.working_dtype(z)
        )
    _checks.refuse_masked(targets, "targets")
    given = np.asarray(targets)
    if given.ndim == z.ndim:
        given, _ = _checks.as_float(given, "targets")
        _checks.require_same_shape(z, "logits", given, "targets")
        per_row: Array = given.reshape(-1, num_classes)
        compute = partial(_losses.soft_block, class_weight=weights, smoothing=smoothing)
    else:
        _checks.require_labels(given, z.shape[:-1], "targets")
        per_row = given.reshape(-1)
        if smoothing:
            compute = partial(_losses.smoothed_block, class_weight=weights, smoothing=smoothing)
        elif num_classes == 2:
            compute = partial(_losses.pair_block, class_weight=weights)
        else:
            compute = partial(_losses.hard_block, class_weight=weights)

    value = np.empty(z.shape[:-1], dtype) if wanted != "grad" else None
    grad = np.empty(z.shape, dtype) if wanted != "value" else None
    try:
        _blocked.compute_rows(
            compute,
            [z.reshape(-1, num_classes), per_row],
            [
                None if value is None else value.reshape(-1),
                None if grad is None else grad.reshape(-1, num_classes),
            ],
        )
    except _blocked.RefusedError:
        if given.ndim == z.ndim:
            _checks.require_distribution(given, "targets")
        _checks.require_class_ids(given, num_classes, "targets")
        raise
    return _unwrapped(value), _unwrapped(grad)


def _weighted_targets(
    t: Array, class_weight: npt.ArrayLike | None, label_smoothing: float
) -> Array:
    _checks.require_distribution(t, "targets")
    num_classes = t.shape[-1]
    smoothed = smoothed_targets(t, num_classes, label_smoothing)
    if class_weight is None:
        return smoothed
    return smoothed * _checks.as_weights(class_weight, "class_weight", num_classes, smoothed.dtype)


def _weighted(weights: Array, values: Array) -> Array:
    """Return weights · values, where a weight of 0 silences even an infinite value."""
    with np.errstate(invalid="ignore", under="ignore"):
        product = weights * values
    return np.where((weights == 0) & ~np.isnan(values), 0, product)


def _unwrapped(result: Array | None) -> Any:
    return None if result is None else result[()]
