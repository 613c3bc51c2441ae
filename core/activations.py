"""Sigmoid and softmax, and their logarithms.

An activation turns logits into probabilities. It is not a loss: the losses are in `core.losses`,
and they take logits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array
from core._rows import Shifted, shift_rows

__all__ = ["log_sigmoid", "log_softmax", "logsumexp", "sigmoid", "softmax"]


def sigmoid(x: npt.ArrayLike) -> Array:
    """Return the probability σ(x) of the positive class, elementwise.

    Parameters
    ----------
    x : array_like, any shape
        Logits, the log-odds of the positive class.

    Returns
    -------
    ndarray, shape of `x`
        Probabilities in [0, 1].

    Raises
    ------
    ValueError
        If `x` is empty.
    TypeError
        If `x` is not made of real numbers.

    Notes
    -----
    σ(x) = 1/(1 + e^−x), computed from e^−|x|, which never overflows and keeps the relative
    accuracy of both tails. Softmax over (x, 0) gives the same number.

    Examples
    --------
    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    z, dtype = _checks.as_float(x, "x")
    with np.errstate(under="ignore"):
        e = np.exp(-np.abs(z))
        result = np.where(z >= 0, 1, e) / (1 + e)
    return _checks.as_result(result, dtype)


def log_sigmoid(x: npt.ArrayLike) -> Array:
    """Return log σ(x), elementwise, in nats.

    Parameters
    ----------
    x : array_like, any shape
        Logits.

    Returns
    -------
    ndarray, shape of `x`
        Log-probabilities, at most 0.

    Raises
    ------
    ValueError
        If `x` is empty.
    TypeError
        If `x` is not made of real numbers.

    Notes
    -----
    log σ(x) = min(x, 0) − log1p(e^−|x|). log(1 − σ(x)) is log σ(−x).

    Examples
    --------
    >>> log_sigmoid([-1000.0, 0.0])
    array([-1.00000000e+03, -6.93147181e-01])
    """
    z, dtype = _checks.as_float(x, "x")
    with np.errstate(under="ignore"):
        result = np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))
    return _checks.as_result(result, dtype)


def softmax(logits: npt.ArrayLike, axis: int = -1, temperature: float = 1.0) -> Array:
    """Return the probabilities of exclusive classes along `axis`.

    Parameters
    ----------
    logits : array_like, shape (..., K, ...)
        Unnormalised log-probabilities.
    axis : int
        The axis of the K classes.
    temperature : float
        Divides the logits: above 1 flattens the distribution, below 1 sharpens it.

    Returns
    -------
    ndarray, shape of `logits`
        Non-negative, summing to 1 along `axis`.

    Raises
    ------
    ValueError
        If `logits` is empty or has no such axis, or `temperature` is not above 0.
    TypeError
        If `logits` is not made of real numbers.

    Notes
    -----
    softmax(z)_i = e^{z_i/T}/Σ_j e^{z_j/T}, with the maximum subtracted before the division by T.
    A logit of −inf has probability 0. One +inf takes all the probability; several of them, or
    nothing but −inf, is undefined: NaN.

    References
    ----------
    Bridle (1990), "Probabilistic interpretation of feedforward classification network outputs",
    doi:10.1007/978-3-642-76153-9_28.

    Examples
    --------
    >>> softmax([1.0, 1.0, -float("inf")])
    array([0.5, 0.5, 0. ])
    """
    dtype, rows, e = _rows(logits, axis, temperature)
    with np.errstate(under="ignore"):
        e /= (1 + rows.rest)[..., np.newaxis]
    return _checks.as_result(np.moveaxis(e, -1, axis), dtype)


def log_softmax(logits: npt.ArrayLike, axis: int = -1, temperature: float = 1.0) -> Array:
    """Return the log-probabilities of exclusive classes along `axis`, in nats.

    Parameters
    ----------
    logits : array_like, shape (..., K, ...)
        Unnormalised log-probabilities.
    axis : int
        The axis of the K classes.
    temperature : float
        Divides the logits.

    Returns
    -------
    ndarray, shape of `logits`
        At most 0.

    Raises
    ------
    ValueError
        If `logits` is empty or has no such axis, or `temperature` is not above 0.
    TypeError
        If `logits` is not made of real numbers.

    Notes
    -----
    z_i − m − log1p(Σ e^{z_j − m} without the largest term). Leaving that term, which is exactly 1,
    out of the sum keeps the largest class accurate where its probability rounds to 1.

    Examples
    --------
    >>> log_softmax([0.0, 100.0])
    array([-1.00000000e+02, -3.72007598e-44])
    """
    dtype, rows, _ = _rows(logits, axis, temperature)
    result = rows.shifted - np.log1p(rows.rest)[..., np.newaxis]
    return _checks.as_result(np.moveaxis(result, -1, axis), dtype)


def logsumexp(logits: npt.ArrayLike, axis: int = -1) -> Array:
    """Return log Σ e^z along `axis`, the normaliser of a softmax, in nats.

    Parameters
    ----------
    logits : array_like, shape (..., K, ...)
        Unnormalised log-probabilities.
    axis : int
        The axis to sum over; it is gone from the result.

    Returns
    -------
    ndarray
        One value per row.

    Raises
    ------
    ValueError
        If `logits` is empty or has no such axis.
    TypeError
        If `logits` is not made of real numbers.

    Notes
    -----
    m + log1p(Σ e^{z_j − m} without the largest term). The sum is +inf where a logit is +inf and
    −inf where all of them are −inf.

    Examples
    --------
    >>> float(logsumexp([1000.0, 1000.0]))
    1000.6931471805599
    """
    dtype, rows, _ = _rows(logits, axis, 1.0)
    with np.errstate(invalid="ignore"):
        result = rows.maximum + np.log1p(rows.rest)
    return _checks.as_result(np.where(np.isinf(rows.maximum), rows.maximum, result), dtype)


def _rows(
    logits: npt.ArrayLike, axis: int, temperature: float
) -> tuple[np.dtype[Any], Shifted, Array]:
    z, dtype = _checks.as_float(logits, "logits")
    _checks.require_axis(z, axis, "logits")
    temperature = _checks.require_positive(temperature, "temperature")
    rows, e = shift_rows(np.moveaxis(z, axis, -1), temperature)
    return dtype, rows, e
