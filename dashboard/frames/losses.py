"""The terms of both losses, the losses while a logit moves, and where they are least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from core.activations import log_softmax, logsumexp, sigmoid, softmax
from core.entropy import entropy, kl_divergence
from core.losses import (
    binary_cross_entropy,
    binary_cross_entropy_value_and_grad,
    categorical_cross_entropy,
    categorical_cross_entropy_terms,
    categorical_cross_entropy_value_and_grad,
    categorical_focal_loss,
    categorical_focal_loss_value_and_grad,
    optimal_probabilities,
    smoothed_targets,
    softmax_squared_error,
    softmax_squared_error_value_and_grad,
)
from dashboard.frames.common import CURVE_POINTS, NATS_PER_BIT, class_names

# In logits, beyond what stands and bends there.
CURVE_REACH = 6.0
FARTHEST_BEND = 40.0
LOSSES = ("BCE", "CCE")
# Of each curve its losses, their gradients and the probabilities.
Curves: TypeAlias = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Options:
    """What the losses are told besides the logits and the true class.

    Parameters
    ----------
    targets : ndarray, shape (K,), or None
        A distribution, before it is smoothed; None is the one-hot of the true class.
    label_smoothing : float
        In [0, 1].
    weight : float
        Class weight of the true class; the others have 1.
    gamma : float
        How far the focal loss turns easy examples down.
    """

    targets: np.ndarray | None = None
    label_smoothing: float = 0.0
    weight: float = 1.0
    gamma: float = 2.0


PLAIN = Options()


def loss_terms(logits: np.ndarray, label: int, options: Options = PLAIN) -> pd.DataFrame:
    """Return what each class adds to each loss: class, target, probability, loss, term (nats).

    The target is the smoothed one.
    """
    num_classes = len(logits)
    targets = _targets(num_classes, label, options)
    weights = _class_weight(num_classes, label, options)
    smoothing = options.label_smoothing
    categorical = categorical_cross_entropy_terms(
        logits, targets, class_weight=weights, label_smoothing=smoothing
    )
    binary = _binary(logits, targets, weights, smoothing)
    return pd.DataFrame(
        {
            "class": class_names(num_classes) * 2,
            "target": np.concatenate(
                [
                    smoothed_targets(targets, num_outcomes, smoothing)
                    for num_outcomes in (2, num_classes)
                ]
            ),
            "probability": np.concatenate([sigmoid(logits), softmax(logits)]),
            "loss": np.repeat(LOSSES, num_classes),
            "term": np.concatenate([binary, categorical]),
        }
    )


def surprises(logits: np.ndarray) -> np.ndarray:
    """Return what each class would cost if it were true, −log s_i in nats, shape (K,)."""
    return -log_softmax(logits)


def compared(logits: np.ndarray, label: int, options: Options = PLAIN) -> dict[str, float]:
    """Return the focal loss of the true class, and the squared error from the smoothed target."""
    targets = _smoothed(len(logits), label, options)
    return {
        "focal": float(categorical_focal_loss(logits, label, gamma=options.gamma)),
        "squared error": float(softmax_squared_error(logits, targets)),
    }


def rivals(logits: np.ndarray, label: int) -> float:
    """Return the logit at which the true class has half of the softmax; −inf without others."""
    return float(logsumexp(np.delete(logits, label))) if len(logits) > 1 else -np.inf


def moving_logit(logits: np.ndarray, label: int) -> np.ndarray:
    """Return values for one logit, rising: around where it stands, that too, and past both bends.

    A bend, of the softmax or of the sigmoid, is left out where it is too far off to be seen.
    """
    current = float(logits[label])
    bends = [bend for bend in (0.0, rivals(logits, label)) if abs(bend - current) < FARTHEST_BEND]
    reach = np.array([current, *bends])
    around = np.linspace(reach.min() - CURVE_REACH, reach.max() + CURVE_REACH, CURVE_POINTS)
    return np.unique(np.append(around, current))


def moved(logits: np.ndarray, label: int, values: np.ndarray) -> np.ndarray:
    """Return the logits once for each value that one of them takes, shape (N, K)."""
    rows = np.tile(logits, (len(values), 1))
    rows[:, label] = values
    return rows


def loss_curves(logits: np.ndarray, label: int, options: Options = PLAIN) -> pd.DataFrame:
    """Return the losses while the true class's logit moves, the others staying where they are.

    Columns: logit, curve, loss (nats, or a squared distance), bits (NaN for that), gradient (at
    this logit), probability (softmax; for BCE, which looks at that logit alone, sigmoid). The logit
    moves around where it stands, and past both bends where they are near enough to be seen.
    """
    moving = moving_logit(logits, label)
    curves = _softmax_curves(logits, label, options, moving) | _sigmoid_curves(options, moving)
    return _frame(curves, moving)


def probability_curves(logits: np.ndarray, label: int, options: Options = PLAIN) -> pd.DataFrame:
    """Return the columns of `loss_curves`, from a probability near 0 to one near 1 each.

    One class alone has no softmax but 1, and only the curves of BCE.
    """
    reach = np.linspace(-CURVE_REACH, CURVE_REACH, CURVE_POINTS)
    curves = _sigmoid_curves(options, reach)
    if len(logits) > 1:
        # From the rivals' place: near huge numbers no logit lies between those that tell.
        with np.errstate(over="ignore"):
            shifted = logits - rivals(logits, label)
        curves = _softmax_curves(shifted, label, options, reach) | curves
    return _frame(curves, reach)


def entropy_and_divergence(
    logits: np.ndarray, label: int, options: Options = PLAIN
) -> pd.DataFrame:
    """Return the two parts of the cross-entropy without weights: unit, part and value."""
    targets = _smoothed(len(logits), label, options)
    own = float(entropy(targets))
    divergence = float(kl_divergence(targets, softmax(logits)))
    if own == 0 or np.isinf(divergence):
        # From the logits: a probability near 1 has too few digits, and one may underflow to 0.
        divergence = float(categorical_cross_entropy(logits, targets)) - own
    nats = np.array([own, divergence])
    return pd.DataFrame(
        {
            "unit": ["nats", "nats", "bits", "bits"],
            "part": ["entropy", "divergence"] * 2,
            "value": np.concatenate([nats, nats / NATS_PER_BIT]),
        }
    )


def optimum(logits: np.ndarray, label: int, options: Options = PLAIN) -> pd.DataFrame:
    """Return where CCE is least: class, target (smoothed), optimum, probability (now)."""
    num_classes = len(logits)
    return pd.DataFrame(
        {
            "class": class_names(num_classes),
            "target": _smoothed(num_classes, label, options),
            "optimum": optimal_probabilities(
                _targets(num_classes, label, options),
                class_weight=_class_weight(num_classes, label, options),
                label_smoothing=options.label_smoothing,
            ),
            "probability": softmax(logits),
        }
    )


def _softmax_curves(logits: np.ndarray, label: int, options: Options, moving: np.ndarray) -> Curves:
    num_classes = len(logits)
    rows = moved(logits, label, moving)
    targets = np.tile(_targets(num_classes, label, options), (len(rows), 1))
    smoothed = np.tile(_smoothed(num_classes, label, options), (len(rows), 1))
    curves = {
        "CCE": categorical_cross_entropy_value_and_grad(
            rows,
            targets,
            class_weight=_class_weight(num_classes, label, options),
            label_smoothing=options.label_smoothing,
        ),
        "Focal": categorical_focal_loss_value_and_grad(
            rows, np.full(len(rows), label), gamma=options.gamma
        ),
        "Squared error": softmax_squared_error_value_and_grad(rows, smoothed),
    }
    probability = softmax(rows)[:, label]
    return {name: (value, grad[:, label], probability) for name, (value, grad) in curves.items()}


def _sigmoid_curves(options: Options, moving: np.ndarray) -> Curves:
    curves = {}
    probability = sigmoid(moving)
    for target in (1, 0):
        value, grad = binary_cross_entropy_value_and_grad(
            moving, np.full(len(moving), target), label_smoothing=options.label_smoothing
        )
        with np.errstate(over="ignore"):
            loss, gradient = options.weight * value, options.weight * grad
        curves[f"BCE, target {target}"] = loss, gradient, probability
    return curves


def _binary(
    logits: np.ndarray, targets: np.ndarray, weights: np.ndarray | float, smoothing: float
) -> np.ndarray:
    with np.errstate(over="ignore"):
        return weights * binary_cross_entropy(logits, targets, label_smoothing=smoothing)


def _frame(curves: Curves, moving: np.ndarray) -> pd.DataFrame:
    """Return all curves as one frame, the columns of `loss_curves`."""
    loss, gradient, probability = map(np.concatenate, zip(*curves.values(), strict=True))
    curve = np.repeat(list(curves), len(moving))
    return pd.DataFrame(
        {
            "logit": np.tile(moving, len(curves)),
            "curve": curve,
            "loss": loss,
            "bits": np.where(curve == "Squared error", np.nan, loss / NATS_PER_BIT),
            "gradient": gradient,
            "probability": probability,
        }
    )


def _targets(num_classes: int, label: int, options: Options) -> np.ndarray:
    if options.targets is not None:
        return options.targets
    return (np.arange(num_classes) == label).astype(float)


def _smoothed(num_classes: int, label: int, options: Options) -> np.ndarray:
    targets = _targets(num_classes, label, options)
    return smoothed_targets(targets, num_classes, options.label_smoothing)


def _class_weight(num_classes: int, label: int, options: Options) -> np.ndarray:
    return np.where(np.arange(num_classes) == label, options.weight, 1.0)
