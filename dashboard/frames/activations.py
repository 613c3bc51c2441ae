"""Sigmoid and softmax of the same logits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.activations import (
    log_softmax,
    sigmoid,
    sigmoid_derivative,
    softmax,
    softmax_jacobian,
)
from core.entropy import binary_entropy, entropy, entropy_from_logits
from core.losses import binary_cross_entropy, categorical_cross_entropy
from dashboard.frames.common import CURVE_POINTS, class_names

ACTIVATIONS = ("sigmoid", "softmax")


def activations(logits: np.ndarray, temperature: float) -> pd.DataFrame:
    """Return both probabilities of each class: class, logit, activation, probability."""
    both = _tempered_sigmoid(logits, temperature), softmax(logits, temperature=temperature)
    return pd.DataFrame(
        {
            "class": class_names(len(logits)) * 2,
            "logit": np.tile(logits, 2),
            "activation": np.repeat(ACTIVATIONS, len(logits)),
            "probability": np.concatenate(both),
        }
    )


def entropy_bits(logits: np.ndarray, temperature: float) -> dict[str, float]:
    """Return the bits of all the sigmoids' answers, of the softmax, and the most a softmax has."""
    num_classes = len(logits)
    return {
        "most": float(entropy(np.full(num_classes, 1 / num_classes), base=2)),
        "sigmoid": float(binary_entropy(_tempered_sigmoid(logits, temperature), base=2).sum()),
        "softmax": float(_tempered_entropy(logits, temperature)),
    }


def entropy_curve(
    logits: np.ndarray, least: float, most: float, current: float = 1.0
) -> pd.DataFrame:
    """Return the softmax against the temperature: temperature, entropy_bits, largest.

    The largest is the probability of the likeliest class. One of the temperatures is `current`.
    """
    around = np.geomspace(least, most, CURVE_POINTS)
    # Exactly the ends, that one of them may be the current one.
    around[[0, -1]] = least, most
    temperatures = np.unique(np.append(around, current))
    # Log-probabilities are logits of the same distribution; divided they overflow to −inf alone.
    tempered = _tempered(log_softmax(logits), temperatures[:, np.newaxis])
    return pd.DataFrame(
        {
            "temperature": temperatures,
            "entropy_bits": entropy_from_logits(tempered, base=2),
            "largest": softmax(tempered).max(axis=1),
        }
    )


def slopes(logits: np.ndarray, temperature: float, most: int) -> pd.DataFrame:
    """Return the derivative of each output by each logit over the temperature.

    Columns: activation, output and logit (classes), slope. Of more than `most` classes, only those
    with the largest logits.
    """
    shown = np.sort(np.argsort(-logits, kind="stable")[:most])
    names = [class_names(len(logits))[i] for i in shown]
    # Log-probabilities are logits of the same distribution, already tempered without overflow.
    of_softmax = softmax_jacobian(log_softmax(logits, temperature=temperature))
    of_sigmoid = np.diag(sigmoid_derivative(_tempered(logits, temperature)))
    both = np.stack([of_sigmoid, of_softmax])[:, shown][:, :, shown]
    return pd.DataFrame(
        {
            "activation": np.repeat(ACTIVATIONS, len(names) ** 2),
            "output": np.tile(np.repeat(names, len(names)), 2),
            "logit": np.tile(names, 2 * len(names)),
            # 0 has no sign to show.
            "slope": both.ravel() + 0.0,
        }
    )


def two_class_identity(logits: np.ndarray, temperature: float) -> tuple[float, float]:
    """Return the softmax of the first of two classes, and the sigmoid of their difference."""
    with np.errstate(over="ignore"):
        difference = _tempered(logits[0] - logits[1], temperature)
    return float(softmax(logits, temperature=temperature)[0]), float(sigmoid(difference))


def costs(logits: np.ndarray, temperature: float) -> pd.DataFrame:
    """Return what the same probabilities cost if the likeliest class is true, or the unlikeliest.

    Columns: true_class, CCE and BCE (nats).
    """
    order = np.argsort(logits, kind="stable")
    labels = order[[-1, 0]]
    both = np.ones((2, 1))  # one row for each label
    log_probabilities = log_softmax(logits, temperature=temperature)
    targets = (labels[:, np.newaxis] == np.arange(len(logits))).astype(float)
    binary = binary_cross_entropy(both * _tempered(logits, temperature), targets)
    with np.errstate(over="ignore"):
        binary_sum = binary.sum(axis=1)
    names = class_names(len(logits))
    return pd.DataFrame(
        {
            "true_class": [names[label] for label in labels],
            "CCE": categorical_cross_entropy(both * log_probabilities, labels),
            "BCE": binary_sum,
        }
    )


def _tempered(logits: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return logits / temperature


def _tempered_sigmoid(logits: np.ndarray, temperature: float) -> np.ndarray:
    return sigmoid(_tempered(logits, temperature))


def _tempered_entropy(logits: np.ndarray, temperature: float) -> np.ndarray:
    # Log-probabilities are logits of the same distribution, already tempered without overflow.
    return entropy_from_logits(log_softmax(logits, temperature=temperature), base=2)
