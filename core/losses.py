"""Binary and categorical cross-entropy, each with its gradient beside its value.

Losses take logits, return one value per example (BCE: per element) and never average: the caller
reduces. A gradient is that of each example's own loss with respect to its logits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array
from core._rows import shift_rows, weighted

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_grad",
    "binary_cross_entropy_value_and_grad",
    "categorical_cross_entropy",
    "categorical_cross_entropy_grad",
    "categorical_cross_entropy_value_and_grad",
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
    b = _binary(logits, targets, pos_weight, label_smoothing)
    return _checks.as_result(_binary_value(b), b.dtype)


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
    b = _binary(logits, targets, pos_weight, label_smoothing)
    return _checks.as_result(_binary_grad(b), b.dtype)


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
    b = _binary(logits, targets, pos_weight, label_smoothing)
    return _checks.as_result(_binary_value(b), b.dtype), _checks.as_result(_binary_grad(b), b.dtype)


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
    c = _categorical(logits, targets, class_weight, label_smoothing)
    return _checks.as_result(_categorical_value(c), c.dtype)


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
    negative class n, where s_n = e^{z_n}/Σ_j e^{z_j}. In general s Σt − t. At the largest logit the
    difference is taken as s (Σt − t) − t R/Z, which keeps −R/Z of a confident row.

    Examples
    --------
    >>> categorical_cross_entropy_grad([0.0, 0.0], 0)
    array([-0.5,  0.5])
    """
    c = _categorical(logits, targets, class_weight, label_smoothing)
    return _checks.as_result(_categorical_grad(c), c.dtype)


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
    c = _categorical(logits, targets, class_weight, label_smoothing)
    return (
        _checks.as_result(_categorical_value(c), c.dtype),
        _checks.as_result(_categorical_grad(c), c.dtype),
    )


class _Binary(NamedTuple):
    logits: Array
    decay: Array  # e^−|x|
    positive: Array  # weight of −log σ(x): w t
    negative: Array  # weight of −log σ(−x): 1 − t
    dtype: np.dtype[Any]


def _binary(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    pos_weight: npt.ArrayLike | None,
    label_smoothing: float,
) -> _Binary:
    x, dtype = _checks.as_float(logits, "logits")
    t, _ = _checks.as_float(targets, "targets")
    _checks.require_same_shape(x, "logits", t, "targets")
    _checks.require_probabilities(t, "targets")
    t = t.astype(x.dtype, copy=False)
    smoothing = _checks.require_fraction(label_smoothing, "label_smoothing")
    if smoothing:
        t = t * (1 - smoothing) + smoothing / 2
    positive = t
    if pos_weight is not None:
        num_classes = x.shape[-1] if x.ndim else 1
        weights = (
            np.broadcast_to(pos_weight, num_classes) if np.ndim(pos_weight) == 0 else pos_weight
        )
        positive = t * _checks.as_weights(weights, "pos_weight", num_classes, x.dtype)
    with np.errstate(under="ignore"):
        return _Binary(x, np.exp(-np.abs(x)), positive, 1 - t, dtype)


def _binary_value(b: _Binary) -> Array:
    tail = np.log1p(b.decay)
    return weighted(b.positive, np.maximum(-b.logits, 0) + tail) + weighted(
        b.negative, np.maximum(b.logits, 0) + tail
    )


def _binary_grad(b: _Binary) -> Array:
    larger = 1 / (1 + b.decay)
    with np.errstate(under="ignore"):
        smaller = b.decay * larger
        is_positive = b.logits >= 0
        return b.negative * np.where(is_positive, larger, smaller) - b.positive * np.where(
            is_positive, smaller, larger
        )


class _Categorical(NamedTuple):
    is_hard: bool
    targets: Array  # (...) class ids where hard, else (..., K) weighted distributions
    weights: Array | None  # (...) the weight of each class id, where there are any
    top: Array  # (..., 1)
    shifted: Array  # (..., K) z − m
    exponentials: Array  # (..., K) e^{z − m}
    rest: Array  # (...) Σ e^{z − m} without the top class
    dtype: np.dtype[Any]


def _categorical(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    class_weight: npt.ArrayLike | None,
    label_smoothing: float,
) -> _Categorical:
    z, dtype = _checks.as_float(logits, "logits")
    _checks.require_axis(z, -1, "logits")
    num_classes = z.shape[-1]
    smoothing = _checks.require_fraction(label_smoothing, "label_smoothing")
    class_weights = None
    if class_weight is not None:
        class_weights = _checks.as_weights(class_weight, "class_weight", num_classes, z.dtype)

    given = np.asarray(targets)
    is_hard = given.ndim != z.ndim
    weights = None
    if is_hard:
        given = _checks.as_labels(given, z.shape[:-1], num_classes, "targets")
        if smoothing:
            is_hard = False
            given = (given[..., np.newaxis] == np.arange(num_classes)).astype(z.dtype)
        elif class_weights is not None:
            weights = class_weights[given]
    else:
        given, given_dtype = _checks.as_float(given, "targets")
        _checks.require_same_shape(z, "logits", given, "targets")
        _checks.require_distribution(given, "targets", dtype=given_dtype)
        given = given.astype(z.dtype, copy=False)
    if not is_hard:
        if smoothing:
            given = given * (1 - smoothing) + smoothing / num_classes
        if class_weights is not None:
            given = given * class_weights

    rows, exponentials = shift_rows(z)
    return _Categorical(
        is_hard, given, weights, rows.top, rows.shifted, exponentials, rows.rest, dtype
    )


def _categorical_value(c: _Categorical) -> Array:
    if c.is_hard:
        label = c.targets[..., np.newaxis]
        value: Array = np.log1p(c.rest) - np.take_along_axis(c.shifted, label, axis=-1)[..., 0]
        return value if c.weights is None else weighted(c.weights, value)
    total = c.targets.sum(axis=-1)
    return weighted(c.targets, -c.shifted).sum(axis=-1) + total * np.log1p(c.rest)


def _categorical_grad(c: _Categorical) -> Array:
    normaliser = 1 + c.rest
    with np.errstate(under="ignore"):
        s: Array = c.exponentials / normaliser[..., np.newaxis]
        not_top = (c.rest / normaliser)[..., np.newaxis]  # 1 − s at the largest logit
        if c.is_hard:
            label = c.targets[..., np.newaxis]
            at_label = np.take_along_axis(s, label, axis=-1) - 1
            np.put_along_axis(s, label, np.where(label == c.top, -not_top, at_label), axis=-1)
            return s if c.weights is None else s * c.weights[..., np.newaxis]
        total = c.targets.sum(axis=-1, keepdims=True)
        grad = s * total - c.targets
        s_top = np.take_along_axis(s, c.top, axis=-1)
        t_top = np.take_along_axis(c.targets, c.top, axis=-1)
        np.put_along_axis(grad, c.top, s_top * (total - t_top) - t_top * not_top, axis=-1)
        return grad
