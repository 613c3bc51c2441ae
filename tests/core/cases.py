"""Sample inputs, references and finite differences, once for every test of core."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import mpmath
import numpy as np

from core import losses

INF = float("inf")
NAN = float("nan")

# Enough digits for e^−1000 to keep fifty of its own beside 1.
mpmath.mp.dps = 500

LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "binary": (
        losses.binary_cross_entropy,
        losses.binary_cross_entropy_grad,
        losses.binary_cross_entropy_value_and_grad,
    ),
    "categorical": (
        losses.categorical_cross_entropy,
        losses.categorical_cross_entropy_grad,
        losses.categorical_cross_entropy_value_and_grad,
    ),
}

LOGITS = np.array([[0.3, -1.2, 2.0], [5.0, -4.0, 0.0], [1.0, 1.0, 1.0], [-3.0, 7.5, 7.0]])
SOFT = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [0.9, 0.05, 0.05], [1 / 3, 1 / 3, 1 / 3]])

# loss, logits, targets, options: every form in which a loss is called.
CALLS: list[tuple[str, Any, Any, dict[str, Any]]] = [
    ("binary", LOGITS, SOFT, {}),
    ("binary", LOGITS, (SOFT > 0.4).astype(int), {}),
    ("binary", LOGITS, SOFT, {"pos_weight": 3.0}),
    ("binary", LOGITS, SOFT, {"pos_weight": [0.5, 1.0, 4.0], "label_smoothing": 0.2}),
    ("binary", LOGITS[0, 0], 1, {}),
    ("categorical", LOGITS, [0, 1, 2, 1], {}),
    ("categorical", LOGITS, SOFT, {}),
    ("categorical", LOGITS, [2, 0, 1, 0], {"label_smoothing": 0.1}),
    ("categorical", LOGITS, [2, 0, 1, 0], {"class_weight": [0.5, 1.0, 4.0]}),
    ("categorical", LOGITS, SOFT, {"class_weight": [0.5, 1.0, 4.0], "label_smoothing": 0.1}),
    ("categorical", LOGITS[1], 2, {}),
    ("categorical", LOGITS.reshape(2, 2, 3), [[0, 1], [2, 1]], {}),
]


def exact_softmax(row: Iterable[float]) -> list[mpmath.mpf]:
    """Return the softmax of one row to 500 digits."""
    exponentials = [mpmath.exp(mpmath.mpf(float(z))) for z in row]
    total = mpmath.fsum(exponentials)
    return [e / total for e in exponentials]


def relative_error(got: Any, exact: mpmath.mpf) -> float:
    """Return |got − exact| / |exact|."""
    return float(abs(mpmath.mpf(float(got)) - exact) / abs(exact))


def finite_difference(
    function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, step: float = 1e-6
) -> np.ndarray:
    """Return the central difference of Σ function(x) with respect to every entry of x."""
    x = np.asarray(x, dtype=float)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[index] += step
        below[index] -= step
        gradient[index] = (np.sum(function(above)) - np.sum(function(below))) / (2 * step)
    return gradient
