"""Arrays of core → tidy frames for the pages."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from core.activations import log_softmax, logsumexp, sigmoid, softmax
from core.entropy import binary_entropy, entropy, entropy_from_logits
from core.losses import binary_cross_entropy, categorical_cross_entropy

CURVE_POINTS = 241
# In logits, beyond what stands and bends there.
CURVE_REACH = 6.0
FARTHEST_BEND = 40.0
NATS_PER_BIT = math.log(2)


def class_names(num_classes: int) -> list[str]:
    """Return what the pages call the classes."""
    return [f"class {i}" for i in range(num_classes)]


def written(value: float, decimals: int) -> str:
    """Return a figure as the pages write it."""
    if math.isnan(value):
        return "undefined"
    if value == math.inf:
        return "∞"
    is_readable = value == 0 or 0.5 * 10**-decimals <= abs(value) < 1e7
    return f"{value:.{decimals}f}" if is_readable else f"{value:.4g}"


def activations(logits: np.ndarray, temperature: float) -> pd.DataFrame:
    """Return both probabilities of each class: class, logit, activation, probability."""
    names = class_names(len(logits))
    both = {
        "sigmoid": _tempered_sigmoid(logits, temperature),
        "softmax": softmax(logits, temperature=temperature),
    }
    return pd.DataFrame(
        [
            (name, logit, activation, probability)
            for activation, probabilities in both.items()
            for name, logit, probability in zip(names, logits, probabilities, strict=True)
        ],
        columns=["class", "logit", "activation", "probability"],
    )


def entropy_bits(logits: np.ndarray, temperature: float) -> dict[str, float]:
    """Return the bits of all the sigmoids' answers, of the softmax, and the most a softmax has."""
    num_classes = len(logits)
    return {
        "most": float(entropy(np.full(num_classes, 1 / num_classes), base=2)),
        "sigmoid": float(binary_entropy(_tempered_sigmoid(logits, temperature), base=2).sum()),
        "softmax": float(_tempered_entropy(logits, temperature)),
    }


def entropy_curve(logits: np.ndarray, least: float, most: float) -> pd.DataFrame:
    """Return the entropy of the softmax against the temperature: temperature, entropy_bits."""
    temperatures = np.geomspace(least, most, CURVE_POINTS)
    bits = [_tempered_entropy(logits, temperature) for temperature in temperatures]
    return pd.DataFrame({"temperature": temperatures, "entropy_bits": bits})


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


def loss_curves(logits: np.ndarray, label: int) -> pd.DataFrame:
    """Return the losses while one logit moves: CCE's true one, and that of a BCE alone.

    Columns: logit, curve, loss (nats), probability. The logit moves around where the true class's
    stands, and past both bends where they are near enough to be seen.
    """
    current = float(logits[label])
    bends = [bend for bend in (0.0, rivals(logits, label)) if abs(bend - current) < FARTHEST_BEND]
    reach = np.array([current, *bends])
    moving = np.linspace(reach.min() - CURVE_REACH, reach.max() + CURVE_REACH, CURVE_POINTS)
    rows = np.tile(logits, (CURVE_POINTS, 1))
    rows[:, label] = moving
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


def _tempered_sigmoid(logits: np.ndarray, temperature: float) -> np.ndarray:
    with np.errstate(over="ignore"):
        return sigmoid(logits / temperature)


def _tempered_entropy(logits: np.ndarray, temperature: float) -> np.ndarray:
    # Log-probabilities are logits of the same distribution, already tempered without overflow.
    return entropy_from_logits(log_softmax(logits, temperature=temperature), base=2)
