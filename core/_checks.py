"""Shapes, dtypes and distributions: what a public function accepts, and how it says no."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# How far a distribution may be from summing to 1. The sum is taken in float64, so these only
# have to cover the rounding of the entries, a sloppy softmax before us, and decimals typed by hand.
_SUM_TOLERANCE = {2: 1e-2, 4: 1e-5, 8: 1e-6}  # by the bytes of a number


def as_float(values: npt.ArrayLike, name: str) -> tuple[Array, np.dtype[Any]]:
    """Return `values` as an array of real numbers, and the dtype that a result should have.

    float16, float32 and float64 stay; integers, booleans and Python lists give float64.
    """
    refuse_masked(values, name)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of numbers: {error}") from error
    if array.size == 0:
        raise ValueError(f"{name} must not be empty; got shape {array.shape}")
    if array.dtype.kind == "f" and array.dtype.itemsize <= 8:
        return array, array.dtype.newbyteorder("=")
    if array.dtype.kind in "iub":
        return array, np.dtype(np.float64)
    raise TypeError(
        f"{name} must be real numbers in float16, float32, float64 or an integer type; "
        f"got dtype {array.dtype}"
    )


def refuse_masked(values: npt.ArrayLike, name: str) -> None:
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array, whose mask would be lost: fill it or leave "
            "those rows out"
        )


def as_distributions(
    targets: npt.ArrayLike, probabilities: npt.ArrayLike, axis: int
) -> tuple[Array, Array, np.dtype[Any]]:
    """Return two arrays of distributions of one shape, and the dtype of a result of both."""
    t, t_dtype = as_float(targets, "targets")
    s, s_dtype = as_float(probabilities, "probabilities")
    require_same_shape(t, "targets", s, "probabilities")
    require_axis(t, axis, "targets")
    return t, s, np.result_type(t_dtype, s_dtype)


def as_result(array: Array, dtype: np.dtype[Any]) -> Array:
    """Return `array` in the dtype promised to the caller, a scalar where it has no axes."""
    with np.errstate(over="ignore", under="ignore"):
        result: Array = array.astype(dtype, copy=False)
    return result[()]


def require_same_shape(a: Array, a_name: str, b: Array, b_name: str) -> None:
    if a.shape != b.shape:
        raise ValueError(
            f"{a_name} and {b_name} must have the same shape; "
            f"got {a_name} {a.shape} and {b_name} {b.shape}"
        )


def require_axis(array: Array, axis: int, name: str) -> None:
    if array.ndim == 0:
        raise ValueError(f"{name} must have at least one axis; got a single number")
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(
            f"axis {axis} does not exist: {name} has {array.ndim} axes, shape {array.shape}"
        )


def require_probabilities(p: Array, name: str) -> None:
    """Every entry in [0, 1]; a NaN passes, and stays NaN in the result."""
    # fmin and fmax pass over NaN, and need no array of their own.
    if np.fmin.reduce(p, axis=None) < 0 or np.fmax.reduce(p, axis=None) > 1:
        index = _first((p < 0) | (p > 1))
        raise ValueError(f"{name} must lie between 0 and 1; got {float(p[index])!r}{_at(index)}")


def require_distribution(p: Array, name: str, axis: int = -1) -> None:
    """Entries in [0, 1] that sum to 1 along `axis`; a row with a NaN passes, and stays NaN."""
    require_axis(p, axis, name)
    require_probabilities(p, name)
    total = np.asarray(p.sum(axis=axis, dtype=np.float64))
    bad = np.abs(total - 1) > sum_tolerance(p)
    if bad.any():
        index = _first(bad)
        raise ValueError(
            f"{name} must sum to 1 along axis {axis}; got a sum of {total[index]:.6g}{_at(index)}"
        )


def sum_tolerance(p: Array) -> float:
    """Return how far from 1 the sum of a distribution may be."""
    return _SUM_TOLERANCE[p.dtype.itemsize if p.dtype.kind == "f" else 8]


def require_labels(labels: Array, shape: tuple[int, ...], name: str) -> None:
    """Integers of `shape`; whether they are class ids is left to `require_class_ids`."""
    if labels.shape != shape:
        raise ValueError(f"{name} must have shape {shape} to match logits; got {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"{name} of shape {shape} are read as class ids and must be integers; "
            f"got dtype {labels.dtype}"
        )


def require_class_ids(labels: Array, num_classes: int, name: str) -> None:
    """Every entry in 0…num_classes − 1."""
    if labels.min() < 0 or labels.max() >= num_classes:
        index = _first((labels < 0) | (labels >= num_classes))
        raise ValueError(
            f"{name} must be class ids from 0 to {num_classes - 1}; got {labels[index]}{_at(index)}"
        )


def as_labels(labels: npt.ArrayLike, shape: tuple[int, ...], num_classes: int, name: str) -> Array:
    """Return integer class ids of `shape`, each in 0…num_classes − 1."""
    refuse_masked(labels, name)
    array = np.asarray(labels)
    require_labels(array, shape, name)
    require_class_ids(array, num_classes, name)
    return array


def as_weights(weights: npt.ArrayLike, name: str, num_classes: int, dtype: np.dtype[Any]) -> Array:
    """Return finite, non-negative weights, one per class."""
    array, _ = as_float(weights, name)
    if array.shape != (num_classes,):
        raise ValueError(
            f"{name} must have shape ({num_classes},), one weight per class; got {array.shape}"
        )
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        raise ValueError(f"{name} must be finite and not negative; got {array[_first(bad)]}")
    with np.errstate(over="ignore"):
        return array.astype(dtype, copy=False)


def require_fraction(value: float, name: str) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie between 0 and 1; got {value}")
    return float(value)


def require_not_negative(value: float, name: str) -> float:
    if not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be a finite number of at least 0; got {value}")
    return float(value)


def require_positive(value: float, name: str) -> float:
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be a finite number above 0; got {value}")
    return float(value)


def require_base(base: float) -> float:
    if not (base > 0 and base != 1 and math.isfinite(base)):
        raise ValueError(f"base must be a finite number above 0 and not 1; got {base}")
    return float(base)


def _first(mask: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def _at(index: Sequence[int]) -> str:
    if not index:
        return ""
    return f" at index {index[0] if len(index) == 1 else tuple(index)}"
