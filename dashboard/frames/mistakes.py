"""What the classic mistakes look like, as figures and curves of core."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core import naive
from core.activations import sigmoid, softmax
from core.entropy import entropy
from core.heads import HEADS
from core.losses import binary_cross_entropy, categorical_cross_entropy
from dashboard.frames.common import CURVE_POINTS, class_names

# Beyond where e^−x is 0 in float32, and where a head is as sure as it gets.
FARTHEST = 120.0
SURE = 12.0
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)


def floor(head: str, num_classes: int) -> float:
    """Return the least loss of a head: that of the true class at +∞ and all others at −∞."""
    logits = np.full((1, num_classes), -np.inf)
    logits[0, 0] = np.inf
    value, _ = HEADS[head].loss_value_and_grad(logits, np.array([0]))
    return float(value[0])


def plateau(num_classes: int) -> float:
    """Return the loss of a model that has learned nothing: the true class as likely as any."""
    return float(categorical_cross_entropy(np.zeros(num_classes), 0))


def pulls(head: str, num_classes: int) -> dict[str, float]:
    """Return how hard the gradient pulls at the true class's logit.

    `untrained` is where all logits are alike, `wrong` where another class is `SURE` ahead of all
    others, half of it over 0 and half below.
    """
    logits = np.zeros((2, num_classes))
    logits[1] = -SURE / 2
    logits[1, 1] = SURE / 2
    _, grad = HEADS[head].loss_value_and_grad(logits, np.zeros(2, dtype=np.intp))
    return dict(zip(("untrained", "wrong"), np.abs(grad[:, 0]).tolist(), strict=True))


def where_sigmoid_is_one(dtype: type[np.floating]) -> float:
    """Return from which logit on, to a hundredth, the sigmoid is rounded to 1."""
    logits = np.arange(0, FARTHEST, 0.01, dtype=dtype)
    return float(logits[sigmoid(logits) == 1][0])


def head_curves(heads: tuple[str, ...], num_classes: int) -> pd.DataFrame:
    """Return the loss of heads while the true class's logit rises and the others fall.

    Columns: logit (of the true class; the others have its negative), curve, loss.
    """
    rising = np.linspace(0, SURE, CURVE_POINTS)
    logits = np.repeat(-rising[:, np.newaxis], num_classes, axis=1)
    logits[:, 0] = rising
    labels = np.zeros(len(rising), dtype=np.intp)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "logit": rising,
                    "curve": HEADS[head].title,
                    "loss": HEADS[head].loss_value_and_grad(logits, labels)[0],
                }
            )
            for head in heads
        ],
        ignore_index=True,
    )


def share_right_by_saying_no(num_classes: int) -> float:
    """Return which share of the K answers is right where each says no, to a one-hot target."""
    one_hot = np.eye(num_classes)[0]
    return float(((sigmoid(np.full(num_classes, -1.0)) > 0.5) == one_hot).mean())


def averaged_bce(num_classes: int) -> dict[str, float]:
    """Return the mean of the K binary losses, for a model that knows nothing but how many.

    `loss` is that of each class at its share 1/K; `pull` what the mean leaves of the gradient at
    the true class, and `pull of CCE` what CCE has there.
    """
    one_hot = np.eye(num_classes)[0]
    logits = logits_of_shares(num_classes)
    head = HEADS["multi_label_sigmoid_bce"]
    value, grad = head.loss_value_and_grad(logits[np.newaxis], one_hot[np.newaxis])
    _, of_cce = HEADS["softmax_cce"].loss_value_and_grad(logits[np.newaxis], np.array([0]))
    return {
        "loss": float(value[0]) / num_classes,
        "pull": abs(float(grad[0, 0])) / num_classes,
        "pull of CCE": abs(float(of_cce[0, 0])),
    }


def logits_of_shares(num_classes: int) -> np.ndarray:
    """Return the logits whose sigmoids are 1/K each: −ln(K − 1)."""
    return 0.0 - np.full(num_classes, np.log(num_classes - 1))


def untrained_bce() -> float:
    """Return the mean of the binary losses where all logits are 0; how many does not matter."""
    return float(binary_cross_entropy(0.0, 0.0))


def averaged_losses(most: int) -> pd.DataFrame:
    """Return what a model costs that knows nothing but how many classes: classes, curve, loss."""
    counts = np.unique(np.geomspace(2, most, CURVE_POINTS).round().astype(int))
    curves = {
        "CCE": [plateau(k) for k in counts],
        "mean of K binary losses": [averaged_bce(k)["loss"] for k in counts],
    }
    return pd.concat(
        [
            pd.DataFrame({"classes": counts, "curve": name, "loss": loss})
            for name, loss in curves.items()
        ],
        ignore_index=True,
    )


def two_winners(num_classes: int) -> pd.DataFrame:
    """Return both activations where two classes stand out.

    Columns: class, logit, activation, probability.
    """
    logits = two_winners_logits(num_classes)
    names = class_names(num_classes)
    return pd.concat(
        [
            pd.DataFrame(
                {"class": names, "logit": logits, "activation": name, "probability": values}
            )
            for name, values in (("sigmoid", sigmoid(logits)), ("softmax", softmax(logits)))
        ],
        ignore_index=True,
    )


def two_winners_logits(num_classes: int) -> np.ndarray:
    """Return logits of which two stand out."""
    return np.where(np.arange(num_classes) < 2, 3.0, -2.0)


def naive_curves(num_classes: int) -> pd.DataFrame:
    """Return CCE in float32 while the true class falls behind: gap, curve, loss.

    Where the textbook's formula gives no number or infinity, its curve has no point.
    """
    gaps = np.linspace(0, FARTHEST, CURVE_POINTS)
    logits = naive_logits(num_classes, gaps)
    labels = np.zeros(len(gaps), dtype=np.intp)
    curves = {
        "core": categorical_cross_entropy(logits, labels),
        "textbook": naive.cce(logits, labels),
    }
    frame = pd.concat(
        [pd.DataFrame({"gap": gaps, "curve": name, "loss": loss}) for name, loss in curves.items()],
        ignore_index=True,
    )
    return frame[np.isfinite(frame["loss"])].reset_index(drop=True)


def naive_logits(num_classes: int, gaps: np.ndarray) -> np.ndarray:
    """Return rows in float32 whose true class, the first, is behind all others by each gap."""
    logits = np.zeros((len(gaps), num_classes), dtype=np.float32)
    logits[:, 0] = -gaps
    return logits


def plateaus(most: int) -> pd.DataFrame:
    """Return where a loss stands still, against K: classes, curve, loss."""
    counts = np.unique(np.geomspace(2, most, CURVE_POINTS).round().astype(int))
    curves = {
        "ln K: nothing is learned": [float(entropy(np.full(k, 1 / k))) for k in counts],
        "ln(1 + (K − 1)/e): softmax twice": [floor("softmax_twice_cce", k) for k in counts],
    }
    return pd.concat(
        [
            pd.DataFrame({"classes": counts, "curve": name, "loss": loss})
            for name, loss in curves.items()
        ],
        ignore_index=True,
    )


def lopsided_plateau(num_classes: int) -> float:
    """Return the plateau where half of the rows are of one class, and the others share the rest."""
    shares = np.full(num_classes, 0.5 / (num_classes - 1))
    shares[0] = 0.5
    return float(entropy(shares))


def batch_losses(num_classes: int) -> pd.DataFrame:
    """Return the loss of a batch before training, summed and averaged: rows, curve, loss."""
    points = []
    for rows in BATCHES:
        labels = np.zeros(rows, dtype=np.intp)
        loss = categorical_cross_entropy(np.zeros((rows, num_classes)), labels)
        points += [(rows, "mean", float(loss.mean())), (rows, "sum", float(loss.sum()))]
    return pd.DataFrame(points, columns=["rows", "curve", "loss"])
