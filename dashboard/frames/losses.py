"""The terms of both losses, and the losses while a logit moves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.activations import logsumexp, sigmoid, softmax
from core.losses import binary_cross_entropy, categorical_cross_entropy
from dashboard.frames.common import CURVE_POINTS, class_names

# In logits, beyond what stands and bends there.
CURVE_REACH = 6.0
FARTHEST_BEND = 40.0


def loss_terms(logits: np.ndarray, label: int) -> pd.DataFrame:
    """Return what each class adds to each loss: class, target, probability, loss, term (nats)."""
    names = class_names(len(logits))
    one_hot = (np.arange(len(logits)) == label).astype(float)
    categorical = np.zeros(len(logits))
    categorical[label] = categorical_cross_entropy(logits, label)
    binary = binary_cross_entropy(logits, one_hot)
    return pd.DataFrame(
        [
            (name, int(target), probability, loss, term)
            for loss, probabilities, terms in (
                ("BCE", sigmoid(logits), binary),
                ("CCE", softmax(logits), categorical),
            )
            for name, target, probability, term in zip(
                names, one_hot, probabilities, terms, strict=True
            )
        ],
        columns=["class", "target", "probability", "loss", "term"],
    )


def rivals(logits: np.ndarray, label: int) -> float:
    """Return the logit at which the true class has half of the softmax; −inf without others."""
    return float(logsumexp(np.delete(logits, label))) if len(logits) > 1 else -np.inf


def moving_logit(logits: np.ndarray, label: int) -> np.ndarray:
    """Return values for one logit: around where it stands, and past both bends.

    A bend, of the softmax or of the sigmoid, is left out where it is too far off to be seen.
    """
    current = float(logits[label])
    bends = [bend for bend in (0.0, rivals(logits, label)) if abs(bend - current) < FARTHEST_BEND]
    reach = np.array([current, *bends])
    return np.linspace(reach.min() - CURVE_REACH, reach.max() + CURVE_REACH, CURVE_POINTS)


def moved(logits: np.ndarray, label: int, values: np.ndarray) -> np.ndarray:
    """Return the logits once for each value that one of them takes, shape (N, K)."""
    rows = np.tile(logits, (len(values), 1))
    rows[:, label] = values
    return rows


def loss_curves(logits: np.ndarray, label: int) -> pd.DataFrame:
    """Return the losses while one logit moves: CCE's true one, and that of a BCE alone.

    Columns: logit, curve, loss (nats), probability. The logit moves around where the true class's
    stands, and past both bends where they are near enough to be seen.
    """
    moving = moving_logit(logits, label)
    rows = moved(logits, label, moving)
    curves = {
        "CCE": (
            categorical_cross_entropy(rows, np.full(CURVE_POINTS, label)),
            softmax(rows)[:, label],
        ),
        "BCE, target 1": (binary_cross_entropy(moving, np.ones(CURVE_POINTS)), sigmoid(moving)),
        "BCE, target 0": (binary_cross_entropy(moving, np.zeros(CURVE_POINTS)), sigmoid(moving)),
    }
    return pd.concat(
        [
            pd.DataFrame({"logit": moving, "curve": name, "loss": loss, "probability": p})
            for name, (loss, p) in curves.items()
        ],
        ignore_index=True,
    )
