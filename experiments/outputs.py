"""What a model's outputs come to: metrics, tables and charts of its logits and the labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.activations import sigmoid, softmax
from core.calibration import expected_calibration_error, reliability
from core.entropy import binary_entropy, entropy_from_logits
from core.heads import HEADS, Head
from core.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    label_smoothing_floor,
    sigmoid_squared_error,
    softmax_squared_error,
)
from experiments.charts.predictions import class_chart, confusion_chart, reliability_chart
from experiments.frames import class_frame, confusion_frame, label_frame, reliability_frame

Array = np.ndarray


@dataclass(frozen=True)
class Outputs:
    """Logits of rows, their labels, and the head that reads them.

    Parameters
    ----------
    head : Head
    logits : ndarray, shape (N, outputs)
    labels : ndarray
        Class ids, shape (N,); for multi-label 0 and 1, shape (N, K).
    class_names : tuple of str
    """

    head: Head
    logits: Array
    labels: Array
    class_names: tuple[str, ...] = ()

    @property
    def is_defined(self) -> bool:
        """Whether every row says something: no NaN, and nothing that is infinitely sure."""
        return bool((self.logits < np.inf).all() and (self.logits > -np.inf).any(axis=-1).all())

    def metrics(self, grad: Array, label_smoothing: float = 0.0) -> dict[str, float]:
        """Return means over the rows that compare across heads; information is in bits.

        Parameters
        ----------
        grad : ndarray, shape (N, outputs)
            Of each row's loss by its logits.
        label_smoothing : float
            Of the targets that `kl_bits` is the divergence from.
        """
        scores = _multi_label if self.head.task == "multi-label" else _exclusive
        pull, is_true = np.abs(grad), self._truth()
        return {
            "positive_pull": _mean(np.where(is_true, pull, 0).sum(axis=-1)),
            "negative_pull": _mean(np.where(is_true, 0, pull).sum(axis=-1)),
            **scores(self.head, self.logits, self.labels, label_smoothing),
        }

    def loss_and_metrics(self) -> dict[str, float]:
        """Return the loss in nats and `metrics`; what is undefined is left out."""
        loss, grad = self.head.loss_value_and_grad(self.logits, self.labels)
        values = {"loss": _mean(loss), **self.metrics(grad)}
        return {name: value for name, value in values.items() if not math.isnan(value)}

    def rows(self) -> pd.DataFrame:
        """Return a row per example: logit_0 …, and label, or for multi-label label_0 …."""
        rows = pd.DataFrame(
            self.logits, columns=[f"logit_{i}" for i in range(self.logits.shape[1])]
        )
        if self.labels.ndim == 1:
            return rows.assign(label=self.labels)
        return rows.assign(**{f"label_{i}": column for i, column in enumerate(self.labels.T)})

    def classes(self) -> pd.DataFrame:
        """Return what the rows of each class, or the answers for each label, look like."""
        if self.head.task == "multi-label":
            return label_frame(self.logits, self.labels, self.class_names)
        return class_frame(self._log_probabilities(), self.labels, self.class_names)

    def charts(self) -> dict[str, alt.TopLevelMixin]:
        """Return name → chart: reliability, classes, and of exclusive classes confusion."""
        charts: dict[str, alt.TopLevelMixin] = {"classes": class_chart(self.classes())}
        if self.head.task == "multi-label":
            found = reliability(_both_answers(self.logits), self.labels.reshape(-1))
        else:
            log_p = self._log_probabilities()
            found = reliability(softmax(log_p), self.labels)
            counts = confusion_frame(log_p.argmax(axis=-1), self.labels, self.class_names)
            charts["confusion"] = confusion_chart(counts)
        charts["reliability"] = reliability_chart(reliability_frame(found))
        return charts

    def _log_probabilities(self) -> Array:
        return self.head.log_probabilities(self.logits)

    def _truth(self) -> Array:
        """Return which logits' classes are true, in their shape."""
        if self.head.task == "multi-label":
            return self.labels == 1
        if self.head.task == "binary":
            return self.labels[:, np.newaxis] == 1
        truth: Array = self.labels[:, np.newaxis] == np.arange(self.logits.shape[1])
        return truth


def read(logits: Any, labels: Any, head: str = "", class_names: Iterable[str] = ()) -> Outputs:
    """Return outputs as a training loop of any framework has them.

    Parameters
    ----------
    logits : array_like, shape (N, K), (N, 1) or (N,)
        Of NumPy, pandas, PyTorch (on any device, in a graph or not) or JAX. One logit a row is
        that of a binary head.
    labels : array_like
        Class ids, shape (N,) or (N, 1); or 0 and 1, shape (N, K).
    head : str
        A key of `core.heads.HEADS`. By default sigmoid + BCE for one logit, softmax + CCE for
        class ids, sigmoid + BCE per label for rows of 0 and 1.
    class_names : iterable of str
        By default the class ids.

    Raises
    ------
    ValueError
        If the shapes do not fit each other or the head, a label is no class, or the rows of 0 and
        1 are one-hot and no head says whether they exclude each other.
    """
    z, y = as_array(logits), as_array(labels)
    if z.ndim == 1:
        z = z[:, np.newaxis]
    if z.ndim != 2 or not z.size:
        raise ValueError(f"logits must have shape (N, K), N and K at least 1; got {z.shape}")
    if z.dtype not in (np.float32, np.float64):
        z = z.astype(np.float32 if z.dtype.itemsize <= 2 else np.float64)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape not in ((len(z),), z.shape):
        raise ValueError(f"labels must have shape ({len(z)},) or {z.shape}; got {y.shape}")
    if y.dtype.kind == "f":
        if not np.array_equal(y, np.trunc(y)):
            raise ValueError(
                "labels must be whole numbers; for soft targets, log metrics with log_metrics"
            )
    elif y.dtype.kind not in "iub":
        raise ValueError(f"labels must be numbers; got {y.dtype}")
    y = y.astype(np.intp)
    chosen = _head(head, z, y)
    if y.ndim == 2 and chosen.task == "exclusive":
        if not _is_one_hot(y):
            raise ValueError(
                f"head {chosen.name!r} expects one class per row; the labels have several"
            )
        y = y.argmax(axis=1)
    num_classes = 2 if chosen.task == "binary" else z.shape[1]
    highest = 1 if chosen.task == "multi-label" else num_classes - 1
    if y.min() < 0 or y.max() > highest:
        raise ValueError(f"labels must lie from 0 to {highest}; got {y.min()} to {y.max()}")
    names = tuple(str(name) for name in class_names) or tuple(map(str, range(num_classes)))
    if len(names) != num_classes:
        raise ValueError(f"class_names must be {num_classes} names; got {len(names)}")
    return Outputs(chosen, z, y, names)


def as_array(values: Any) -> Array:
    """Return the numbers of an array of NumPy, pandas, PyTorch or JAX, copied to the host."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if "bfloat16" in str(values.dtype):
            values = values.float()
    array = np.asarray(values)
    # The caller may go on writing into its own.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array.copy()


def _head(name: str, logits: Array, labels: Array) -> Head:
    num_outputs = logits.shape[1]
    if name and name not in HEADS:
        raise ValueError(f"head must be one of {', '.join(HEADS)}; got {name!r}")
    if not name:
        if labels.ndim == 2 and _is_one_hot(labels):
            raise ValueError(
                "labels are one-hot: say head='softmax_cce' if the classes exclude each other, or "
                "'multi_label_sigmoid_bce' if any number of them may hold"
            )
        if labels.ndim == 2:
            name = "multi_label_sigmoid_bce"
        else:
            name = "sigmoid_bce" if num_outputs == 1 else "softmax_cce"
    head = HEADS[name]
    is_binary, is_multi = head.task == "binary", head.task == "multi-label"
    if is_binary != (num_outputs == 1) or (is_multi and labels.ndim == 1):
        raise ValueError(
            f"head {name!r} does not fit logits of shape {logits.shape} with labels of shape "
            f"{labels.shape}"
        )
    return head


def _is_one_hot(labels: Array) -> bool:
    return bool(((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all())


def _exclusive(head: Head, logits: Array, labels: Array, smoothing: float) -> dict[str, float]:
    # Log-probabilities are logits of the same distribution.
    log_p = head.log_probabilities(logits)
    floor = float(label_smoothing_floor(log_p.shape[1], smoothing, base=2))
    is_right = log_p.argmax(axis=-1) == labels
    bits = entropy_from_logits(log_p, base=2)
    smoothed = categorical_cross_entropy(log_p, labels, label_smoothing=smoothing)
    return {
        "cross_entropy_bits": _mean(categorical_cross_entropy(log_p, labels)) / math.log(2),
        "kl_bits": _mean(smoothed) / math.log(2) - floor,
        **_entropies(bits, is_right),
        "accuracy": _mean(is_right),
        "brier": _mean(softmax_squared_error(log_p, labels)),
        "ece": expected_calibration_error(softmax(log_p), labels),
    }


def _multi_label(head: Head, logits: Array, labels: Array, smoothing: float) -> dict[str, float]:
    p = sigmoid(logits)
    smoothed = binary_cross_entropy(logits, labels, label_smoothing=smoothing).sum(axis=-1)
    floor = labels.shape[1] * float(label_smoothing_floor(2, smoothing, base=2))
    is_right = (p > 0.5) == labels
    return {
        "cross_entropy_bits": _mean(binary_cross_entropy(logits, labels).sum(axis=-1))
        / math.log(2),
        "kl_bits": _mean(smoothed) / math.log(2) - floor,
        **_entropies(binary_entropy(p, base=2).sum(axis=-1), is_right.all(axis=-1)),
        "accuracy": _mean(is_right),
        "brier": _mean(sigmoid_squared_error(logits, labels).sum(axis=-1)),
        "ece": expected_calibration_error(_both_answers(logits), labels.reshape(-1)),
    }


def _both_answers(logits: Array) -> Array:
    """Return no and yes of each label as a distribution, shape (N · K, 2)."""
    return np.stack([sigmoid(-logits), sigmoid(logits)], axis=-1).reshape(-1, 2)


def _entropies(bits: Array, is_right: Array) -> Mapping[str, float]:
    return {
        "entropy_bits": _mean(bits),
        "entropy_right_bits": _mean(bits[is_right]) if is_right.any() else math.nan,
        "entropy_wrong_bits": _mean(bits[~is_right]) if not is_right.all() else math.nan,
    }


def _mean(values: Array) -> float:
    return float(values.mean(dtype=np.float64))
