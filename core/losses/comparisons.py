"""What cross-entropy is compared with: focal loss and squared error, each with its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from core import _blocked, _checks
from core._checks import Array
from core.activations import log_sigmoid, sigmoid, sigmoid_derivative, softmax
from core.losses import _blocks
from core.losses.cross_entropy import (
    binary_cross_entropy_grad,
    categorical_cross_entropy_grad,
    categorical_cross_entropy_value_and_grad,
)


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
    >>> from core.losses import binary_cross_entropy
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
        value += _blocks.weighted(weight * q**gamma, surprise)
        # p · surprise goes to 0 where p does.
        slope = _blocks.weighted(p, surprise) * gamma + q
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
    >>> from core.losses import categorical_cross_entropy
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
        slope = factor * (q + gamma * _blocks.weighted(s, loss))
        value = _blocks.weighted(factor, loss)
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
