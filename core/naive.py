"""The textbook formulas, letter by letter: shown beside the ones that hold, never trained with.

Each computes in the dtype of its input, float16 included, and gives what a direct transcription
gives: infinities, NaN and zeros where the true value is an ordinary number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array

__all__ = [
    "bce",
    "cce",
    "log_softmax",
    "logsumexp_cce",
    "logsumexp_log_softmax",
    "sigmoid",
    "softmax",
]


def sigmoid(x: npt.ArrayLike) -> Array:
    """Return 1/(1 + e^−x): e^−x overflows on the left, and the probability becomes 0.

    Examples
    --------
    >>> sigmoid([-800.0, 0.0])
    array([0. , 0.5])
    """
    z = _as_is(x)
    with np.errstate(all="ignore"):
        result: Array = 1 / (1 + np.exp(-z))
    return result


def softmax(logits: npt.ArrayLike) -> Array:
    """Return e^z/Σe^z along the last axis: NaN where an e^z overflows.

    Examples
    --------
    >>> softmax([1000.0, 0.0])
    array([nan,  0.])
    """
    z = _as_is(logits)
    with np.errstate(all="ignore"):
        e = np.exp(z)
        result: Array = e / e.sum(axis=-1, keepdims=True, dtype=z.dtype)
    return result


def log_softmax(logits: npt.ArrayLike) -> Array:
    """Return log(softmax): −inf where a probability underflows, 0 where it rounds to 1.

    Examples
    --------
    >>> log_softmax([40.0, -800.0])
    array([  0., -inf])
    """
    with np.errstate(all="ignore"):
        result: Array = np.log(softmax(logits))
    return result


def bce(logits: npt.ArrayLike, targets: npt.ArrayLike) -> Array:
    """Return −t log σ(x) − (1 − t) log(1 − σ(x)), elementwise.

    Examples
    --------
    >>> bce([40.0], [0.0])
    array([inf])
    """
    z = _as_is(logits)
    t = np.asarray(targets, dtype=z.dtype)
    with np.errstate(all="ignore"):
        p = sigmoid(z)
        result: Array = -t * np.log(p) - (1 - t) * np.log(1 - p)
    return result


def cce(logits: npt.ArrayLike, labels: npt.ArrayLike) -> Array:
    """Return −log softmax(z) at the label.

    Examples
    --------
    >>> cce([[0.0, 800.0]], [0])
    array([inf])
    """
    return -_at_label(log_softmax(logits), labels)


def logsumexp_cce(logits: npt.ArrayLike, labels: npt.ArrayLike) -> Array:
    """Return m + log Σ e^{z − m} − z at the label: the usual stable form.

    It does not overflow, and rounds the loss of a confident row to 0.

    Examples
    --------
    >>> logsumexp_cce([[40.0, 0.0]], [0])
    array([0.])
    """
    z = _as_is(logits)
    with np.errstate(all="ignore"):
        m = z.max(axis=-1, keepdims=True)
        log_total = m[..., 0] + np.log(np.exp(z - m).sum(axis=-1, dtype=z.dtype))
        result: Array = log_total - _at_label(z, labels)
    return result


def logsumexp_log_softmax(logits: npt.ArrayLike) -> Array:
    """Return (z − m) − log Σ e^{z − m} along the last axis: the usual stable form.

    It does not overflow, and rounds the largest class of a confident row to 0.

    Examples
    --------
    >>> logsumexp_log_softmax([40.0, 0.0])
    array([  0., -40.])
    """
    z = _as_is(logits)
    with np.errstate(all="ignore"):
        shifted = z - z.max(axis=-1, keepdims=True)
        total = np.exp(shifted).sum(axis=-1, keepdims=True, dtype=z.dtype)
        result: Array = shifted - np.log(total)
    return result


def _as_is(values: npt.ArrayLike) -> Array:
    array, dtype = _checks.as_float(values, "logits")
    return array.astype(dtype, copy=False)


def _at_label(values: Array, labels: npt.ArrayLike) -> Any:
    index = _checks.as_labels(labels, values.shape[:-1], values.shape[-1], "labels")
    return np.take_along_axis(values, index[..., np.newaxis], axis=-1)[..., 0]
