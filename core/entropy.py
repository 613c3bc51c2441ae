"""Surprise and its averages: entropy, cross-entropy and Kullback-Leibler divergence.

Entropy is the smallest average size of a lossless encoding of messages from source to destination;
cross-entropy is the size when the code was made for another source, and the divergence is what
that mistake costs. Nats by default; `base=2` gives bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from core import _blocked, _checks
from core._checks import Array
from core._threads import Work

__all__ = [
    "binary_entropy",
    "cross_entropy",
    "entropy",
    "entropy_from_logits",
    "kl_divergence",
    "surprisal",
]


def surprisal(p: npt.ArrayLike, base: float = math.e) -> Array:
    """Return the surprise −log p of outcomes of probability `p`, in nats (bits with `base=2`).

    Parameters
    ----------
    p : array_like, any shape
        Probabilities in [0, 1].
    base : float
        The base of the logarithm.

    Returns
    -------
    ndarray, shape of `p`
        From 0 for what is certain to +inf for what is impossible.

    Raises
    ------
    ValueError
        If `p` is empty or has an entry outside [0, 1], or `base` is not a base of logarithms.
    TypeError
        If `p` is not made of real numbers.

    References
    ----------
    Shannon (1948), "A mathematical theory of communication",
    doi:10.1002/j.1538-7305.1948.tb01338.x.

    Examples
    --------
    >>> surprisal([1.0, 0.5, 0.125], base=2)
    array([0., 1., 3.])
    """
    values, dtype = _checks.as_float(p, "p")
    _checks.require_probabilities(values, "p")
    result = np.empty(values.shape, dtype)
    _blocked.compute_elements(
        partial(_surprisal, scale=_scale(base)), [values.reshape(-1)], [result.reshape(-1)]
    )
    return result[()]


def entropy(p: npt.ArrayLike, axis: int = -1, base: float = math.e) -> Array:
    """Return the entropy H(p) of each distribution along `axis`, in nats (bits with `base=2`).

    Parameters
    ----------
    p : array_like, shape (..., K, ...)
        Distributions: not negative, summing to 1 along `axis`.
    axis : int
        The axis of the outcomes.
    base : float
        The base of the logarithm.

    Returns
    -------
    ndarray
        One entropy per distribution, from 0 to log K.

    Raises
    ------
    ValueError
        If `p` is empty, is not made of distributions, or `base` is not a base of logarithms.
    TypeError
        If `p` is not made of real numbers.

    Notes
    -----
    H(p) = −Σ p log p, with 0 log 0 = 0. For the entropy of a softmax use `entropy_from_logits`:
    probabilities in float32 have already lost up to several percent of it.

    References
    ----------
    Shannon (1948), doi:10.1002/j.1538-7305.1948.tb01338.x.

    Examples
    --------
    >>> float(entropy([0.5, 0.25, 0.125, 0.125], base=2))
    1.75
    """
    values, dtype = _checks.as_float(p, "p")
    _checks.require_axis(values, axis, "p")
    return _per_distribution(_entropy, {"p": values}, axis, base, dtype)


def binary_entropy(p: npt.ArrayLike, base: float = math.e) -> Array:
    """Return the entropy of a yes-no outcome with P(yes) = p, elementwise, in nats.

    Parameters
    ----------
    p : array_like, any shape
        Probabilities in [0, 1].
    base : float
        The base of the logarithm; 2 gives bits.

    Returns
    -------
    ndarray, shape of `p`
        From 0 at p = 0 and p = 1 to log 2 at p = 1/2.

    Raises
    ------
    ValueError
        If `p` is empty or has an entry outside [0, 1], or `base` is not a base of logarithms.
    TypeError
        If `p` is not made of real numbers.

    Notes
    -----
    H(p) = −p log p − (1 − p) log(1 − p).

    Examples
    --------
    >>> binary_entropy([0.0, 0.5, 1.0], base=2)
    array([0., 1., 0.])
    """
    values, dtype = _checks.as_float(p, "p")
    _checks.require_probabilities(values, "p")
    result = np.empty(values.shape, dtype)
    _blocked.compute_elements(
        partial(_binary_entropy, scale=_scale(base)), [values.reshape(-1)], [result.reshape(-1)]
    )
    return result[()]


def cross_entropy(
    targets: npt.ArrayLike, probabilities: npt.ArrayLike, axis: int = -1, base: float = math.e
) -> Array:
    """Return the cross-entropy H(t, s) of each pair of distributions, in nats.

    It takes probabilities. To train, use `core.losses.categorical_cross_entropy`, which takes
    logits and loses nothing on confident rows.

    Parameters
    ----------
    targets : array_like, shape (..., K, ...)
        The distributions t that messages come from.
    probabilities : array_like, shape of `targets`
        The distributions s that the code was made for.
    axis : int
        The axis of the outcomes.
    base : float
        The base of the logarithm; 2 gives bits.

    Returns
    -------
    ndarray
        One value per pair; +inf where an outcome that happens was given probability 0.

    Raises
    ------
    ValueError
        If either is empty or not made of distributions, or their shapes differ.
    TypeError
        If either is not made of real numbers.

    Notes
    -----
    H(t, s) = −Σ t log s = H(t) + KL(t‖s), with 0 log 0 = 0.

    Examples
    --------
    >>> float(cross_entropy([0.5, 0.25, 0.25], [0.25, 0.25, 0.5], base=2))
    1.75
    """
    t, s, dtype = _checks.as_distributions(targets, probabilities, axis)
    pair = {"targets": t, "probabilities": s}
    return _per_distribution(_cross_entropy, pair, axis, base, dtype)


def kl_divergence(
    targets: npt.ArrayLike, probabilities: npt.ArrayLike, axis: int = -1, base: float = math.e
) -> Array:
    """Return the Kullback-Leibler divergence KL(t‖s) of each pair of distributions, in nats.

    Parameters
    ----------
    targets : array_like, shape (..., K, ...)
        The distributions t that messages come from.
    probabilities : array_like, shape of `targets`
        The distributions s that the code was made for.
    axis : int
        The axis of the outcomes.
    base : float
        The base of the logarithm; 2 gives bits.

    Returns
    -------
    ndarray
        One value per pair, 0 only where t = s; +inf where an outcome that happens was given
        probability 0.

    Raises
    ------
    ValueError
        If either is empty or not made of distributions, or their shapes differ.
    TypeError
        If either is not made of real numbers.

    Notes
    -----
    KL(t‖s) = Σ t log(t/s) = H(t, s) − H(t). Where t and s are within a factor of two the logarithm
    is log1p((t − s)/s), whose difference is exact, so that close distributions keep their digits.

    References
    ----------
    Kullback and Leibler (1951), "On information and sufficiency", doi:10.1214/aoms/1177729694.

    Examples
    --------
    >>> float(kl_divergence([1.0, 0.0], [0.25, 0.75], base=2))
    2.0
    """
    t, s, dtype = _checks.as_distributions(targets, probabilities, axis)
    pair = {"targets": t, "probabilities": s}
    return _per_distribution(_kl_divergence, pair, axis, base, dtype)


def entropy_from_logits(logits: npt.ArrayLike, axis: int = -1, base: float = math.e) -> Array:
    """Return the entropy of softmax(logits) along `axis`, in nats (bits with `base=2`).

    Parameters
    ----------
    logits : array_like, shape (..., K, ...)
        Unnormalised log-probabilities; log-probabilities will do.
    axis : int
        The axis of the classes.
    base : float
        The base of the logarithm.

    Returns
    -------
    ndarray
        One entropy per row, from 0 to log K.

    Raises
    ------
    ValueError
        If `logits` is empty or has no such axis, or `base` is not a base of logarithms.
    TypeError
        If `logits` is not made of real numbers.

    Notes
    -----
    H = log Σ e^{z_j − m} + Σ s_i (m − z_i), m the largest logit and s the softmax: a sum of
    non-negative terms, so a confident row keeps its digits.

    Examples
    --------
    >>> float(entropy_from_logits([5.0, 5.0, 5.0, 5.0], base=2))
    2.0
    """
    z, dtype = _checks.as_float(logits, "logits")
    _checks.require_axis(z, axis, "logits")
    return _per_distribution(_entropy_from_logits, {"logits": z}, axis, base, dtype)


class _Scale(NamedTuple):
    """The base of a logarithm: log2 is exact at powers of two, log(p)/log(2) is not."""

    log: np.ufunc
    divisor: float  # of `log`
    nats: float  # of a natural logarithm


def _scale(base: float) -> _Scale:
    base = _checks.require_base(base)
    return (
        _Scale(np.log2, 1.0, math.log(2))
        if base == 2
        else _Scale(np.log, math.log(base), math.log(base))
    )


def _per_distribution(
    compute: Callable[..., Array],
    inputs: dict[str, Array],
    axis: int,
    base: float,
    dtype: np.dtype[Any],
) -> Array:
    moved = [_blocked.with_last(array, axis) for array in inputs.values()]
    shape = moved[0].shape
    result = np.empty(shape[:-1], dtype)
    try:
        _blocked.compute_rows(
            partial(compute, scale=_scale(base)),
            [array.reshape(-1, shape[-1]) for array in moved],
            [result.reshape(-1)],
        )
    except _blocked.RefusedError:
        for name, array in inputs.items():
            _checks.require_distribution(array, name, axis)
        raise
    return result[()]


def _surprisal(work: Work, p: Array, out: Array, *, scale: _Scale) -> None:
    values = _blocked.load_flat(work, "log", p)
    scale.log(values, out=values)
    # 0 − log p rather than −log p: what is certain has surprise 0, not −0.
    np.subtract(0, values, out=values)
    np.divide(values, scale.divisor, out=out, casting="unsafe")


def _binary_entropy(work: Work, p: Array, out: Array, *, scale: _Scale) -> None:
    yes = p.astype(_blocked.working_dtype(p))
    no = 1 - yes
    yes_term = yes * -np.log(np.maximum(yes, _smallest(yes)))
    no_term = no * np.where(yes == 1, 0, -np.log1p(-yes))
    np.divide(yes_term + no_term, scale.nats, out=out, casting="unsafe")


def _entropy(work: Work, block: Array, out: Array, *, scale: _Scale) -> Array:
    p, _, axis = _blocked.load_distributions(work, "p", block, _blocked.working_dtype(block))
    logs = np.maximum(p, _smallest(p), out=work("logs", p.shape, p.dtype))
    scale.log(logs, out=logs)
    np.multiply(p, logs, out=logs)
    total = _blocked.sum_rows(work, "total", logs, axis)
    np.subtract(0, total, out=total)
    np.divide(total, scale.divisor, out=out, casting="unsafe")
    return _settled(total)


def _cross_entropy(work: Work, targets: Array, block: Array, out: Array, *, scale: _Scale) -> Array:
    t, s, axis = _load_pair(work, targets, block)
    with_target = t > 0
    logs = scale.log(s)
    # A probability of 0 costs nothing where its target is 0; NaN stays NaN.
    terms = np.where(with_target | np.isnan(t) | np.isnan(logs), t * logs, 0)
    total = _blocked.sum_rows(work, "total", terms, axis)
    np.subtract(0, total, out=total)
    np.divide(total, scale.divisor, out=out, casting="unsafe")
    return _settled(total)


def _kl_divergence(work: Work, targets: Array, block: Array, out: Array, *, scale: _Scale) -> Array:
    t, s, axis = _load_pair(work, targets, block)
    ratio = t / s
    # A ratio that leaves the range of the dtype is a difference of logarithms.
    ordinary = (ratio >= np.finfo(t.dtype).tiny) & np.isfinite(ratio)
    far = np.where(ordinary, np.log(ratio), np.log(t) - np.log(s))
    logs = np.where((ratio >= 0.5) & (ratio <= 2), np.log1p((t - s) / s), far)
    terms = np.where((t > 0) | np.isnan(t) | np.isnan(s), t * logs, 0)
    total = _blocked.sum_rows(work, "total", terms, axis)
    np.divide(total, scale.nats, out=out, casting="unsafe")
    return _settled(total)


def _entropy_from_logits(work: Work, block: Array, out: Array, *, scale: _Scale) -> Array:
    shifted, _, top, axis = _blocked.load_shifted(work, block)
    # e^d · |d| as two halves: e^d alone may be subnormal where the product is not.
    np.maximum(shifted, -_blocked.BEYOND_EXP, out=shifted)
    half = np.multiply(shifted, 0.5, out=work("half", shifted.shape, shifted.dtype))
    np.exp(half, out=half)
    np.multiply(shifted, half, out=shifted)
    np.multiply(shifted, half, out=shifted)
    np.multiply(half, half, out=half)
    expected = _blocked.sum_rows(work, "expected", shifted, axis)
    rest = _blocked.sum_rest(work, half, top)
    np.divide(expected, rest + 1, out=expected)
    np.log1p(rest, out=rest)
    np.subtract(rest, expected, out=rest)
    np.divide(rest, scale.nats, out=out, casting="unsafe")
    return rest


def _load_pair(work: Work, targets: Array, block: Array) -> tuple[Array, Array, int]:
    dtype = np.result_type(_blocked.working_dtype(targets), _blocked.working_dtype(block))
    t, _, axis = _blocked.load_distributions(work, "targets", targets, dtype)
    s, _, _ = _blocked.load_distributions(work, "probabilities", block, dtype)
    return t, s, axis


def _settled(total: Array) -> Array:
    """Of probabilities there are no limits left to put in."""
    return np.zeros_like(total)


def _smallest(p: Array) -> Any:
    return np.finfo(p.dtype).smallest_subnormal
