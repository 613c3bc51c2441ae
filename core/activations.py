"""Sigmoid and softmax, and their logarithms.

An activation turns logits into probabilities. It is not a loss: the losses are in `core.losses`,
and they take logits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from core import _blocked, _checks
from core._checks import Array
from core._threads import Work

__all__ = [
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "sigmoid",
    "sigmoid_derivative",
    "softmax",
    "softmax_jacobian",
]


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
    σ(x) = 1/(1 + e^−x), and e^x in the left tail, where e^−x overflows: both tails keep their
    relative accuracy. Softmax over (x, 0) gives the same number.

    Examples
    --------
    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    return _elementwise(_sigmoid, x)


def sigmoid_derivative(x: npt.ArrayLike) -> Array:
    """Return dσ/dx = σ(x) σ(−x), elementwise.

    Parameters
    ----------
    x : array_like, any shape
        Logits.

    Returns
    -------
    ndarray, shape of `x`
        From 0 in both tails to 1/4 at 0.

    Raises
    ------
    ValueError
        If `x` is empty.
    TypeError
        If `x` is not made of real numbers.

    Notes
    -----
    σ(x) (1 − σ(x)) = e/(1 + e)² with e = e^−|x|: nothing is taken from 1, so the right tail is as
    accurate as the left.

    Examples
    --------
    >>> float(sigmoid_derivative(0.0))
    0.25
    """
    return _elementwise(_sigmoid_derivative, x)


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
    return _elementwise(_log_sigmoid, x)


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
    return _rowwise(_softmax, logits, axis, temperature)


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
    return _rowwise(_log_softmax, logits, axis, temperature)


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
    z, dtype = _checks.as_float(logits, "logits")
    _checks.require_axis(z, axis, "logits")
    moved = _blocked.with_last(z, axis)
    rows = moved.reshape(-1, moved.shape[-1])
    result = np.empty(len(rows), dtype)
    _blocked.compute_rows(_logsumexp, [rows], [result])
    limits = rows.max(axis=-1)
    infinite = np.isinf(limits)
    result[infinite] = limits[infinite]
    return result.reshape(moved.shape[:-1])[()]


def softmax_jacobian(logits: npt.ArrayLike) -> Array:
    """Return the derivative of each softmax output by each logit of its row.

    Parameters
    ----------
    logits : array_like, shape (..., K)
        Unnormalised log-probabilities.

    Returns
    -------
    ndarray, shape (..., K, K)
        Entry i, j is ∂s_i/∂z_j. Symmetric; every row and column sums to 0.

    Raises
    ------
    ValueError
        If `logits` is empty or a single number.
    TypeError
        If `logits` is not made of real numbers.

    Notes
    -----
    ∂s_i/∂z_j = s_i (δ_ij − s_j). On the diagonal 1 − s_i is the sum of the others, so that it keeps
    its digits where s_i is close to 1.

    Examples
    --------
    >>> softmax_jacobian([0.0, 0.0])
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    z, dtype = _checks.as_float(logits, "logits")
    _checks.require_axis(z, -1, "logits")
    s = softmax(z.astype(_blocked.working_dtype(z), copy=False))
    jacobian = -s[..., :, np.newaxis] * s[..., np.newaxis, :]
    classes = np.arange(s.shape[-1])
    jacobian[..., classes, classes] = 0
    jacobian[..., classes, classes] = -jacobian.sum(axis=-1)
    return _checks.as_result(jacobian, dtype)


def _elementwise(compute: Callable[[Work, Array, Array], None], x: npt.ArrayLike) -> Array:
    z, dtype = _checks.as_float(x, "x")
    result = np.empty(z.shape, dtype)
    _blocked.compute_elements(compute, [z.reshape(-1)], [result.reshape(-1)])
    return result[()]


def _rowwise(
    compute: Callable[..., Array], logits: npt.ArrayLike, axis: int, temperature: float
) -> Array:
    z, dtype = _checks.as_float(logits, "logits")
    _checks.require_axis(z, axis, "logits")
    temperature = _checks.require_positive(temperature, "temperature")
    moved = _blocked.with_last(z, axis)
    result = np.empty(moved.shape, dtype)
    num_classes = moved.shape[-1]
    _blocked.compute_rows(
        partial(compute, temperature=temperature),
        [moved.reshape(-1, num_classes)],
        [result.reshape(-1, num_classes)],
    )
    return result if moved is z else np.moveaxis(result, -1, axis)


def _decay(work: Work, x: Array) -> Array:
    """Return e^−|x|."""
    decay = _blocked.load_flat(work, "decay", x)
    np.abs(decay, out=decay)
    np.negative(decay, out=decay)
    return np.exp(decay, out=decay)


def _sigmoid(work: Work, x: Array, out: Array) -> None:
    dtype = _blocked.working_dtype(x)
    e = work("e", x.shape, dtype)
    np.negative(x, out=e, dtype=dtype, casting="unsafe")
    np.exp(e, out=e)
    np.add(e, 1, out=e)
    np.divide(1, e, out=out, casting="unsafe")
    # Where e^−x overflows, σ(x) is e^x, which has not underflowed yet.
    overflow = -math.log(np.finfo(dtype).max)
    if np.fmin.reduce(x, axis=None) < overflow:
        left = np.flatnonzero(x < overflow)
        out[left] = np.exp(x[left].astype(dtype))


def _sigmoid_derivative(work: Work, x: Array, out: Array) -> None:
    e = _decay(work, x)
    larger = np.add(e, 1, out=work("larger", x.shape, e.dtype))
    np.divide(1, larger, out=larger)
    np.multiply(e, larger, out=e)
    np.multiply(e, larger, out=out, casting="unsafe")


def _log_sigmoid(work: Work, x: Array, out: Array) -> None:
    e = _decay(work, x)
    np.log1p(e, out=e)
    left = _blocked.load_flat(work, "left", x)
    np.minimum(left, 0, out=left)
    np.subtract(left, e, out=out, casting="unsafe")


def _softmax(work: Work, block: Array, out: Array, *, temperature: float) -> Array:
    e, _, _, axis = _blocked.load_shifted(work, block)
    _divide(e, temperature)
    np.exp(e, out=e)
    total = _blocked.sum_rows(work, "total", e, axis)
    np.divide(1, total, out=total)
    _blocked.store_product(out, e, total, axis)
    return total


def _log_softmax(work: Work, block: Array, out: Array, *, temperature: float) -> Array:
    shifted, _, top, axis = _blocked.load_shifted(work, block)
    _divide(shifted, temperature)
    e = np.exp(shifted, out=work("exponentials", shifted.shape, shifted.dtype))
    log_total = _blocked.sum_rest(work, e, top)
    np.log1p(log_total, out=log_total)
    np.subtract(shifted, _blocked.column(log_total, axis), out=shifted)
    _blocked.store(out, shifted, axis)
    return log_total


def _divide(shifted: Array, temperature: float) -> None:
    if temperature != 1:
        # What is less than the dtype's smallest number would be 0 in it.
        least = float(np.finfo(shifted.dtype).smallest_subnormal)
        np.divide(shifted, max(temperature, least), out=shifted)


def _logsumexp(work: Work, block: Array, out: Array) -> Array:
    e, maximum, top, _ = _blocked.load_shifted(work, block)
    np.exp(e, out=e)
    log_total = _blocked.sum_rest(work, e, top)
    np.log1p(log_total, out=log_total)
    np.add(maximum, log_total, out=out, casting="unsafe")
    return log_total
