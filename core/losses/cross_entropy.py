"""Binary and categorical cross-entropy from logits, each with its gradient."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from core import _blocked, _checks
from core._checks import Array
from core.activations import log_softmax
from core.losses import _blocks
from core.losses.targets import weighted_targets

_Wanted = Literal["value", "grad", "both"]


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
    weights = weighted_targets(t, class_weight, label_smoothing)
    terms = _blocks.weighted(weights, -log_softmax(z))
    return _checks.as_result(terms, dtype)


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
            partial(_blocks.binary_block, pos_weight=weights, smoothing=smoothing),
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
        compute = partial(_blocks.soft_block, class_weight=weights, smoothing=smoothing)
    else:
        _checks.require_labels(given, z.shape[:-1], "targets")
        per_row = given.reshape(-1)
        if smoothing:
            compute = partial(_blocks.smoothed_block, class_weight=weights, smoothing=smoothing)
        elif num_classes == 2:
            compute = partial(_blocks.pair_block, class_weight=weights)
        else:
            compute = partial(_blocks.hard_block, class_weight=weights)

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


def _unwrapped(result: Array | None) -> Any:
    return None if result is None else result[()]
