"""Gradients without a formula: what an analytic one is checked against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array

__all__ = ["difference_error", "numerical_gradient"]

_EPS = float(np.finfo(np.float64).eps)
# |third derivative|/6 and the rounding of both values, in steps squared: more than a softmax needs.
_CAUTION = 10.0


def numerical_gradient(function: Callable[[Array], npt.ArrayLike], x: npt.ArrayLike) -> Array:
    """Return the gradient of `function` at `x` by central differences, in float64.

    Parameters
    ----------
    function : callable
        Takes a float64 array of the shape of `x`, returns a number.
    x : array_like, any shape
        Finite numbers.

    Returns
    -------
    ndarray, shape of `x`
        NaN or infinite where the function is.

    Raises
    ------
    ValueError
        If `x` is empty or not finite, or `function` does not return a single number.
    TypeError
        If `x` is not made of real numbers.

    Notes
    -----
    (f(x + h) − f(x − h))/2h costs two calls per entry. A larger h truncates more, about h², and a
    smaller one rounds more, about eps·S/h, where S is the largest of |f(x)|, |x_i| and 1. Both are
    alike at h = (eps·S)^(1/3); h is never below the spacing of numbers at S. The divisor is the
    difference of the two points as they are stored.

    References
    ----------
    Press et al. (2007), "Numerical recipes", third edition, section 5.7.

    Examples
    --------
    >>> print(numerical_gradient(lambda x: (x**2).sum(), [1.0, -3.0]).round(6))
    [ 2. -6.]
    """
    point = _point(x)
    step = _step(function, point)
    gradient = np.empty_like(point)
    with np.errstate(all="ignore"):
        for index in np.ndindex(point.shape):
            above, below = point.copy(), point.copy()
            above[index] += step
            below[index] -= step
            rise = _value(function, above) - _value(function, below)
            gradient[index] = rise / (above[index] - below[index])
    return gradient[()]


def difference_error(function: Callable[[Array], npt.ArrayLike], x: npt.ArrayLike) -> float:
    """Return how far `numerical_gradient` may be off: what it can't tell from 0.

    Parameters
    ----------
    function, x
        As in `numerical_gradient`.

    Returns
    -------
    float
        Ten times the step squared: an estimate for functions that bend no faster than a softmax.

    Raises
    ------
    ValueError, TypeError
        As `numerical_gradient`.

    Examples
    --------
    >>> difference_error(lambda x: (x**2).sum(), [1.0]) < 1e-9
    True
    """
    step = _step(function, _point(x))
    return _CAUTION * step * step


def _point(x: npt.ArrayLike) -> Array:
    values, _ = _checks.as_float(x, "x")
    if not np.isfinite(values).all():
        raise ValueError("x must be finite")
    return values.astype(np.float64)


def _step(function: Callable[[Array], npt.ArrayLike], point: Array) -> float:
    value = abs(_value(function, point))
    size = max(1.0, float(np.abs(point).max()), value if np.isfinite(value) else 0.0)
    return max(float(np.cbrt(_EPS * size)), float(np.spacing(size)))


def _value(function: Callable[[Array], npt.ArrayLike], point: Array) -> float:
    # A copy: a function may write on what it is given.
    value = np.asarray(function(point.copy()))
    if value.size != 1:
        raise ValueError(f"function must return a single number; got shape {value.shape}")
    return float(value.reshape(()))
