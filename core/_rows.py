"""Arithmetic on rows of logits that activations, entropies and losses share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core._checks import Array


class Shifted(NamedTuple):
    """The rows of an array of logits after their maximum m is subtracted.

    Softmax, log-softmax, log-sum-exp, cross-entropy and the entropy of a softmax are all short
    expressions in these, none of which cancels. That is why the sum leaves out the largest logit,
    whose own term is exactly 1: log Σ_j e^{z_j − m} = log1p(rest).
    """

    maximum: Array  # (...)     m
    top: Array  # (..., 1)      where m is
    shifted: Array  # (..., K)  z − m, at most 0
    rest: Array  # (...)        Σ e^{z_j − m} over all classes but `top`


def shift_rows(logits: Array, temperature: float = 1.0) -> tuple[Shifted, Array]:
    """Return the shifted rows of `logits` (last axis) and their exponentials e^{(z − m)/T}.

    A row with one +inf keeps that class alone; a row with several, or with nothing but −inf, has
    no limit and becomes NaN. NaN in, NaN out, for that row only.
    """
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        top = np.argmax(logits, axis=-1, keepdims=True)
        maximum = np.take_along_axis(logits, top, axis=-1)
        shifted = logits - maximum
        infinite = np.isposinf(maximum[..., 0])
        if infinite.any():
            is_inf = np.isposinf(logits[infinite])
            rows = np.where(is_inf, 0.0, -np.inf)
            rows[np.count_nonzero(is_inf, axis=-1) > 1] = np.nan
            shifted[infinite] = rows
        if temperature != 1.0:
            shifted /= temperature
        exponentials = np.exp(shifted)
        others = exponentials.copy()
        np.put_along_axis(others, top, 0, axis=-1)
        rest = others.sum(axis=-1)
        # The top class is left out of the sum, so a row that has no limit says so by its top.
        rest += 0 * np.take_along_axis(shifted, top, axis=-1)[..., 0]
    return Shifted(maximum[..., 0], top, shifted, rest), exponentials


def weighted(weights: Array, values: Array) -> Array:
    """Return weights · values, where a weight of 0 silences even an infinite value."""
    with np.errstate(invalid="ignore", under="ignore"):
        product = weights * values
    return np.where((weights == 0) & ~np.isnan(values), 0, product)
