"""Epochs and predictions as tidy frames, ready to draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.activations import sigmoid
from core.calibration import Reliability
from core.entropy import binary_entropy, entropy_from_logits
from core.losses import binary_cross_entropy, categorical_cross_entropy

if TYPE_CHECKING:
    from experiments.training import Epoch


def history_frame(run: str, epochs: Sequence[Epoch]) -> pd.DataFrame:
    """Return one row per split and epoch: run, split, epoch and the metrics."""
    return pd.DataFrame(
        [
            {"run": run, "split": split, "epoch": epoch.number, **asdict(metrics)}
            for epoch in epochs
            for split, metrics in (("train", epoch.train), ("val", epoch.val))
        ]
    )


def by_epoch(history: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return one row per run and epoch: curve (the run), epoch, and the metrics of both splits.

    Those of the validation rows have their own names, those of the training rows "train_" before.

    Parameters
    ----------
    history : DataFrame
        Columns run, split ("train" or "val"), epoch and the metrics.
    metrics : sequence of str
        The columns to take.
    """
    keys = ["run", "epoch"]
    wide = history[keys].drop_duplicates()
    for split, prefix in (("val", ""), ("train", "train_")):
        rows = history[history["split"] == split]
        named = {metric: f"{prefix}{metric}" for metric in metrics}
        wide = wide.merge(rows[[*keys, *metrics]].rename(columns=named), "left", keys)
    return wide.rename(columns={"run": "curve"})


def pull_frame(epochs: Sequence[Epoch]) -> pd.DataFrame:
    """Return how hard the gradient pulls on the training rows: epoch, classes, pull."""
    return pd.DataFrame(
        [
            (epoch.number, classes, pull)
            for epoch in epochs
            for classes, pull in (
                ("true", epoch.train.positive_pull),
                ("others", epoch.train.negative_pull),
            )
        ],
        columns=["epoch", "classes", "pull"],
    )


def reliability_frame(found: Reliability) -> pd.DataFrame:
    """Return the bins that hold predictions: from, to, rows, confidence, accuracy."""
    frame = pd.DataFrame(
        {
            "from": found.edges[:-1],
            "to": found.edges[1:],
            "rows": found.counts,
            "confidence": found.confidence,
            "accuracy": found.accuracy,
        }
    )
    return frame[frame["rows"] > 0].reset_index(drop=True)


def confusion_frame(
    predicted: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
) -> pd.DataFrame:
    """Return how many rows of each class are taken for which: true, predicted, rows."""
    num_classes = len(class_names)
    counts = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return pd.DataFrame(
        {
            "true": np.repeat(class_names, num_classes),
            "predicted": np.tile(class_names, num_classes),
            "rows": counts,
        }
    )


def class_frame(
    log_probabilities: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
) -> pd.DataFrame:
    """Return what the rows of each class look like, in bits a row.

    Columns: class, rows, cross_entropy_bits, entropy_bits, accuracy. A class without rows is left
    out.
    """
    rows = pd.DataFrame(
        {
            "class": np.asarray(class_names)[labels],
            "cross_entropy_bits": categorical_cross_entropy(log_probabilities, labels)
            / math.log(2),
            "entropy_bits": entropy_from_logits(log_probabilities, base=2),
            "accuracy": (log_probabilities.argmax(axis=-1) == labels).astype(float),
        }
    )
    by_class = rows.groupby("class", sort=False)
    means = by_class.mean()
    means.insert(0, "rows", by_class.size())
    return means.reindex([name for name in class_names if name in means.index]).reset_index()


def label_frame(logits: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Return what the answers for each label look like, in bits a row.

    Columns: class, rows (on which it holds), cross_entropy_bits, entropy_bits, accuracy.
    """
    return pd.DataFrame(
        {
            "class": names,
            "rows": labels.sum(axis=0),
            "cross_entropy_bits": binary_cross_entropy(logits, labels).mean(axis=0) / math.log(2),
            "entropy_bits": binary_entropy(sigmoid(logits), base=2).mean(axis=0),
            "accuracy": ((logits > 0) == labels).mean(axis=0),
        }
    )
