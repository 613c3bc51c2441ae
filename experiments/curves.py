"""The theory as curves: entropy, surprisal, losses and divergences as tidy frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.entropy import (
    binary_entropy,
    entropy_from_logits,
    kl_divergence,
    surprisal,
)
from core.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    label_smoothing_floor,
)

LOGITS = (2.0, 1.0, 0.1)


@dataclass(frozen=True)
class Curve:
    """Functions of one variable.

    Parameters
    ----------
    name : str
        Of the run, the chart and the section of the metrics.
    steps_per_unit : int
        MLflow counts steps in whole numbers: step = x · steps_per_unit.
    meaning : str
        Markdown: what it is, with its formula.
    frame : DataFrame
        Columns x, curve, value and step, one row a point.
    x_title, y_title : str
        With the units.
    """

    name: str
    steps_per_unit: int
    meaning: str
    frame: pd.DataFrame
    x_title: str
    y_title: str


def theory() -> list[Curve]:
    """Return every curve, computed by core."""
    shares = np.arange(101) / 100
    some = shares[1:]
    logits = np.arange(-80, 81) / 10
    temperatures = np.arange(1, 101) / 10
    return [
        _curve(
            "entropy",
            100,
            "The entropy of a yes-no question, H(p) = −p log₂ p − (1 − p) log₂(1 − p): most "
            "where both answers are as likely.",
            shares,
            {"bits": binary_entropy(shares, base=2)},
            "p",
            "H(p) (bits)",
        ),
        _curve(
            "surprisal",
            100,
            "The surprise of an outcome of probability p, −log₂ p: the bits that its shortest "
            "code takes.",
            some,
            {"bits": surprisal(some, base=2)},
            "p",
            "−log₂ p (bits)",
        ),
        _curve(
            "bce",
            10,
            "Binary cross-entropy of a logit x, −log σ(x) where the target is 1 and −log σ(−x) "
            "where it is 0: linear where it is wrong, nearly 0 where it is right.",
            logits,
            {
                "target 1": binary_cross_entropy(logits, np.ones_like(logits)),
                "target 0": binary_cross_entropy(logits, np.zeros_like(logits)),
            },
            "logit",
            "BCE (nats)",
        ),
        _curve(
            "cce",
            100,
            "Categorical cross-entropy of the probability that the true class got, −log s_p.",
            some,
            {"nats": _cce_of(some)},
            "probability of the true class",
            "CCE (nats)",
        ),
        _curve(
            "kl",
            100,
            "KL(t‖s), what a code for s costs on messages from t beyond their entropy: 0 only "
            "where s = t.",
            shares[1:-1],
            {f"t = {t}": _kl_of(t, shares[1:-1]) for t in (0.5, 0.9)},
            "s",
            "KL (bits)",
        ),
        _curve(
            "temperature",
            10,
            f"The entropy of softmax(z/T) for z = {', '.join(map(str, LOGITS))}: from one answer "
            "to log₂ 3 bits, every class alike.",
            temperatures,
            {"bits": entropy_from_logits(np.array(LOGITS) / temperatures[:, np.newaxis], base=2)},
            "temperature T",
            "Entropy of the softmax (bits)",
        ),
        _curve(
            "smoothing",
            100,
            "The least that a cross-entropy can be with label smoothing ε over K classes: the "
            "entropy of the smoothed target. A loss that stays there has nothing left to learn.",
            shares,
            {f"K = {k}": label_smoothing_floor(k, shares) for k in (2, 10, 100)},
            "label smoothing ε",
            "Floor of the loss (nats)",
        ),
    ]


def _curve(
    name: str,
    steps_per_unit: int,
    meaning: str,
    x: np.ndarray,
    values: dict[str, np.ndarray],
    x_title: str,
    y_title: str,
) -> Curve:
    steps = np.round(x * steps_per_unit).astype(int)
    curves = [
        pd.DataFrame({"x": x, "curve": curve, "value": value, "step": steps})
        for curve, value in values.items()
    ]
    frame = pd.concat(curves, ignore_index=True)
    return Curve(name, steps_per_unit, meaning, frame, x_title, y_title)


def _cce_of(probability: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        logits = np.log(np.stack([probability, 1 - probability], axis=-1))
    return categorical_cross_entropy(logits, np.zeros(len(probability), dtype=int))


def _kl_of(target: float, shares: np.ndarray) -> np.ndarray:
    predicted = np.stack([shares, 1 - shares], axis=-1)
    targets = np.broadcast_to([target, 1 - target], predicted.shape)
    return kl_divergence(targets, predicted, base=2)
