"""Gradients of the losses, each beside finite differences, and formulas that claim to be one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.activations import softmax
from core.differences import difference_error, numerical_gradient
from core.heads import HEADS
from core.losses import categorical_focal_loss_value_and_grad
from dashboard.expressions import evaluate
from dashboard.frames.common import NATS_PER_BIT, class_names
from dashboard.frames.losses import moved, moving_logit

# Each takes rows of logits and their labels, and returns values and gradients.
LOSSES: dict[str, Callable[..., tuple[Any, Any]]] = {
    "CCE": HEADS["softmax_cce"].loss_value_and_grad,
    "Squared error": HEADS["softmax_squared_error"].loss_value_and_grad,
    "Softmax twice": HEADS["softmax_twice_cce"].loss_value_and_grad,
    "BCE": HEADS["ovr_sigmoid_bce"].loss_value_and_grad,
    "Focal": categorical_focal_loss_value_and_grad,
}
# A formula may be this far from the finite difference, of the largest of them.
TOLERANCE = 1e-6
SLIP = "t * (s[p] - 1) + (1 - t) * exp(z[p]) / sum(exp(z))"


@dataclass(frozen=True)
class Check:
    """What a formula gives beside finite differences.

    Parameters
    ----------
    frame : DataFrame
        Columns class, formula, finite_difference, difference and verdict: "right", "wrong" or
        "no number".
    tolerance : float
        The largest difference that passes.
    can_tell : bool
        Whether the finite differences are larger than their own error: otherwise 0 would pass.
    """

    frame: pd.DataFrame
    tolerance: float
    can_tell: bool


def gradients(logits: np.ndarray, label: int, loss: str) -> pd.DataFrame:
    """Return the gradient of a loss at each logit, and the finite difference of its value.

    Columns: class, role (true or other), probability (softmax), gradient, finite_difference and
    deviation; the last two are NaN where a logit is not finite.
    """
    gradient = LOSSES[loss](logits[np.newaxis], np.array([label]))[1][0]
    numerical = np.full(len(logits), np.nan)
    if np.isfinite(logits).all():
        numerical = numerical_gradient(_value(label, loss), logits)
    return pd.DataFrame(
        {
            "class": class_names(len(logits)),
            "role": np.where(np.arange(len(logits)) == label, "true", "other"),
            "probability": softmax(logits),
            "gradient": gradient,
            "finite_difference": numerical,
            "deviation": np.abs(gradient - numerical),
        }
    )


def gradient_curves(logits: np.ndarray, label: int) -> pd.DataFrame:
    """Return each loss's gradient at the true class's logit while that moves.

    Columns: logit, curve, gradient, loss (nats, or a squared distance), bits (NaN for that; of BCE
    the sum over all classes), probability (softmax).
    """
    moving = moving_logit(logits, label)
    rows = moved(logits, label, moving)
    labels = np.full(len(rows), label)
    probability = softmax(rows)[:, label]
    values, grads = zip(*(loss(rows, labels) for loss in LOSSES.values()), strict=True)
    curve, value = np.repeat(list(LOSSES), len(moving)), np.concatenate(values)
    return pd.DataFrame(
        {
            "logit": np.tile(moving, len(LOSSES)),
            "curve": curve,
            "gradient": np.concatenate(grads)[:, label],
            "loss": value,
            "bits": np.where(curve == "Squared error", np.nan, value / NATS_PER_BIT),
            "probability": np.tile(probability, len(LOSSES)),
        }
    )


def check(formula: str, logits: np.ndarray, label: int, loss: str) -> Check:
    """Return what a formula for the gradient of a loss gives, beside finite differences.

    Parameters
    ----------
    formula : str
        In the names s (softmax), z (logits), t (one-hot target), p (the true class) and K.
    logits : ndarray, shape (K,)
        Finite.
    label : int
        The true class.
    loss : str
        A key of `LOSSES`.

    Raises
    ------
    ValueError
        If the text is no formula; what it says is for people.
    """
    num_classes = len(logits)
    names = {
        "s": softmax(logits),
        "z": logits,
        "t": np.arange(num_classes) == label,
        "p": label,
        "K": num_classes,
    }
    claimed = np.broadcast_to(evaluate(formula, names), num_classes)
    value = _value(label, loss)
    numerical = numerical_gradient(value, logits)
    error = difference_error(value, logits)
    largest = np.abs(numerical).max()
    tolerance = TOLERANCE * largest + error
    with np.errstate(over="ignore", invalid="ignore"):
        difference = claimed - numerical
    verdicts = np.where(np.abs(difference) <= tolerance, "right", "wrong")
    frame = pd.DataFrame(
        {
            "class": class_names(num_classes),
            "formula": claimed,
            "finite_difference": numerical,
            "difference": difference,
            "verdict": np.where(np.isfinite(difference), verdicts, "no number"),
        }
    )
    return Check(frame, float(tolerance), bool(largest > error))


def _value(label: int, loss: str) -> Callable[[np.ndarray], Any]:
    labels = np.array([label])
    return lambda z: LOSSES[loss](z[np.newaxis], labels)[0]
