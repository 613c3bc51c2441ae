"""Sigmoid and softmax of the same logits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.activations import log_softmax, sigmoid, softmax
from core.entropy import binary_entropy, entropy, entropy_from_logits
from dashboard.frames.common import CURVE_POINTS, class_names


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


def _tempered_sigmoid(logits: np.ndarray, temperature: float) -> np.ndarray:
    with np.errstate(over="ignore"):
        return sigmoid(logits / temperature)


def _tempered_entropy(logits: np.ndarray, temperature: float) -> np.ndarray:
    # Log-probabilities are logits of the same distribution, already tempered without overflow.
    return entropy_from_logits(log_softmax(logits, temperature=temperature), base=2)
