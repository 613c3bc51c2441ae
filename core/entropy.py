"""Surprise and its averages: entropy, cross-entropy and Kullback-Leibler divergence.

Entropy is the smallest average size of a lossless encoding of messages from source to destination;
cross-entropy is the size when the code was made for another source, and the divergence is what
that mistake costs. Nats by default; `base=2` gives bits.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array
from core._rows import shift_rows, weighted

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
    return _checks.as_result(_surprisal(values, base), dtype)


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
    _checks.require_distribution(values, "p", axis, dtype)
    return _checks.as_result(weighted(values, _surprisal(values, base)).sum(axis=axis), dtype)


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
    scale = math.log(_checks.require_base(base))
    with np.errstate(divide="ignore"):
        no = weighted(1 - values, -np.log1p(-values))
    yes = weighted(values, _surprisal(values, math.e))
    return _checks.as_result((yes + no) / scale, dtype)


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
    t, s, dtype = _checks.as_common_float(targets, "targets", probabilities, "probabilities")
    _checks.require_distribution(t, "targets", axis, dtype)
    _checks.require_distribution(s, "probabilities", axis, dtype)
    return _checks.as_result(weighted(t, _surprisal(s, base)).sum(axis=axis), dtype)


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
    t, s, dtype = _checks.as_common_float(targets, "targets", probabilities, "probabilities")
    _checks.require_distribution(t, "targets", axis, dtype)
    _checks.require_distribution(s, "probabilities", axis, dtype)
    scale = math.log(_checks.require_base(base))
    with np.errstate(all="ignore"):
        ratio = t / s
        close = np.log1p((t - s) / s)
        # A ratio that leaves the range of the dtype is a difference of logarithms.
        ordinary = (ratio >= np.finfo(t.dtype).tiny) & np.isfinite(ratio)
        far = np.where(ordinary, np.log(ratio), np.log(t) - np.log(s))
        logs = np.where((ratio >= 0.5) & (ratio <= 2), close, far)
    return _checks.as_result(weighted(t, logs).sum(axis=axis) / scale, dtype)


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
    scale = math.log(_checks.require_base(base))
    rows, _ = shift_rows(np.moveaxis(z, axis, -1))
    with np.errstate(invalid="ignore", under="ignore"):
        # e^d · |d| as two halves: e^d alone may be subnormal where the product is not.
        half = np.exp(rows.shifted / 2)
        terms = weighted(half, -rows.shifted) * half
        result = np.log1p(rows.rest) + terms.sum(axis=-1) / (1 + rows.rest)
    return _checks.as_result(result / scale, dtype)


def _surprisal(p: Array, base: float) -> Array:
    base = _checks.require_base(base)
    with np.errstate(divide="ignore"):
        # log2 is exact at powers of two; log(p)/log(2) is not.
        logarithm = np.log2(p) if base == 2 else np.log(p) / math.log(base)
    return 0 - logarithm
