"""Classification heads: an activation with the loss that trains it, and the task they fit.

Training and the pages choose from `HEADS`; nothing else pairs an activation with a loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core import _checks
from core._checks import Array
from core.activations import (
    log_sigmoid,
    log_softmax,
    sigmoid,
    sigmoid_derivative,
    softmax,
)
from core.losses import (
    binary_cross_entropy_value_and_grad,
    categorical_cross_entropy_value_and_grad,
    sigmoid_squared_error_value_and_grad,
    softmax_squared_error_value_and_grad,
)

__all__ = ["HEADS", "Head", "Task", "heads_for"]

Task = Literal["binary", "exclusive", "multi-label"]


@dataclass(frozen=True)
class Head:
    """An activation, the loss that trains it, and how to read its logits as probabilities.

    Parameters
    ----------
    name : str
        The key in `HEADS`.
    title : str
        For people: activation + loss.
    task : {"binary", "exclusive", "multi-label"}
        Two classes told apart by one logit; K exclusive classes with K logits; or K labels that
        may hold at once.
    meaning : str
        One sentence on what the head assumes or, for a mistake, on what is wrong with it.
    loss_value_and_grad : callable
        (logits, labels, *, class_weight=None, label_smoothing=0.0) → loss of each example in nats,
        shape (N,), and its gradient with respect to the logits, in their shape. Labels are class
        ids, or for multi-label 0 and 1, (N, K). A weight multiplies its class's terms.
    log_probabilities : callable
        logits → log-probabilities as the loss scores them: of the classes, shape (N, K), each row
        a distribution, so that accuracy and entropy compare across heads; for multi-label of
        each label, shape (N, K).
    is_mistake : bool
        Whether it is one of the heads that people build and should not.
    takes_options : bool
        Whether its loss takes `class_weight` and `label_smoothing`.
    """

    name: str
    title: str
    task: Task
    meaning: str
    loss_value_and_grad: Callable[..., tuple[Array, Array]]
    log_probabilities: Callable[[Array], Array]
    is_mistake: bool = False
    takes_options: bool = True

    def num_outputs(self, num_classes: int) -> int:
        """Return how many logits an example has: 1 for a binary head, else one per class."""
        return 1 if self.task == "binary" else num_classes


def _one_logit(logits: Array) -> Array:
    if logits.ndim != 2 or logits.shape[1] != 1:
        raise ValueError(f"logits of a binary head must have shape (N, 1); got {logits.shape}")
    return logits[:, 0]


def _binary_loss(
    logits: Array,
    labels: Array,
    *,
    class_weight: Array | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Array, Array]:
    x = _one_logit(logits)
    y = _checks.as_labels(labels, x.shape, 2, "labels")
    if class_weight is None:
        value, grad = binary_cross_entropy_value_and_grad(x, y, label_smoothing=label_smoothing)
        return value, grad[:, np.newaxis]
    # w₁ on the positive term and w₀ on the negative one: the ratio first, then w₀ on both.
    weights = _checks.as_weights(class_weight, "class_weight", 2, np.dtype(np.float64))
    _checks.require_positive(float(weights[0]), "class_weight of class 0")
    value, grad = binary_cross_entropy_value_and_grad(
        x, y, pos_weight=float(weights[1] / weights[0]), label_smoothing=label_smoothing
    )
    scale = x.dtype.type(weights[0])
    return value * scale, grad[:, np.newaxis] * scale


def _binary_log_probabilities(logits: Array) -> Array:
    _one_logit(logits)
    return np.concatenate([log_sigmoid(-logits), log_sigmoid(logits)], axis=-1)


def _one_vs_rest_loss(
    logits: Array,
    labels: Array,
    *,
    class_weight: Array | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Array, Array]:
    y = _checks.as_labels(labels, logits.shape[:-1], logits.shape[-1], "labels")
    one_hot = y[:, np.newaxis] == np.arange(logits.shape[-1])
    return _multi_label_loss(
        logits, one_hot, class_weight=class_weight, label_smoothing=label_smoothing
    )


def _one_vs_rest_log_probabilities(logits: Array) -> Array:
    # σ_i/Σ_j σ_j is the softmax of log σ.
    return log_softmax(log_sigmoid(logits))


def _multi_label_loss(
    logits: Array,
    labels: Array,
    *,
    class_weight: Array | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Array, Array]:
    value, grad = binary_cross_entropy_value_and_grad(
        logits, labels, label_smoothing=label_smoothing
    )
    if class_weight is not None:
        weights = _checks.as_weights(class_weight, "class_weight", value.shape[-1], value.dtype)
        value, grad = value * weights, grad * weights
    return value.sum(axis=-1), grad


def _softmax_twice_loss(logits: Array, labels: Array, **options: Any) -> tuple[Array, Array]:
    s = softmax(logits)
    value, outer = categorical_cross_entropy_value_and_grad(s, labels, **options)
    return value, s * (outer - (s * outer).sum(axis=-1, keepdims=True))


def _softmax_twice_log_probabilities(logits: Array) -> Array:
    return log_softmax(softmax(logits))


def _sigmoid_cce_loss(logits: Array, labels: Array, **options: Any) -> tuple[Array, Array]:
    value, outer = categorical_cross_entropy_value_and_grad(sigmoid(logits), labels, **options)
    return value, outer * sigmoid_derivative(logits)


def _sigmoid_cce_log_probabilities(logits: Array) -> Array:
    return log_softmax(sigmoid(logits))


def _binary_squared_error(logits: Array, labels: Array) -> tuple[Array, Array]:
    x = _one_logit(logits)
    y = _checks.as_labels(labels, x.shape, 2, "labels")
    value, grad = sigmoid_squared_error_value_and_grad(x, y)
    return value, grad[:, np.newaxis]


HEADS: dict[str, Head] = {
    head.name: head
    for head in (
        Head(
            "softmax_cce",
            "softmax + CCE",
            "exclusive",
            "The classes exclude each other: one distribution over all of them.",
            categorical_cross_entropy_value_and_grad,
            log_softmax,
        ),
        Head(
            "ovr_sigmoid_bce",
            "one-vs-rest sigmoid + BCE",
            "exclusive",
            "One yes-no question per class, each answered alone; the answers are divided by their "
            "sum to read them as a distribution.",
            _one_vs_rest_loss,
            _one_vs_rest_log_probabilities,
        ),
        Head(
            "sigmoid_bce",
            "sigmoid + BCE",
            "binary",
            "One yes-no question: one logit, the probability of the second class.",
            _binary_loss,
            _binary_log_probabilities,
        ),
        Head(
            "multi_label_sigmoid_bce",
            "sigmoid + BCE per label",
            "multi-label",
            "One yes-no question per label; any number of them may hold at once.",
            _multi_label_loss,
            log_sigmoid,
        ),
        Head(
            "softmax_twice_cce",
            "softmax twice + CCE",
            "exclusive",
            "The loss applies softmax itself: handed probabilities, it can't fall below "
            "ln(1 + (K − 1)/e).",
            _softmax_twice_loss,
            _softmax_twice_log_probabilities,
            is_mistake=True,
        ),
        Head(
            "sigmoid_cce",
            "sigmoid, then CCE",
            "exclusive",
            "The loss applies softmax to numbers between 0 and 1: it can't fall below "
            "ln(1 + (K − 1)/e).",
            _sigmoid_cce_loss,
            _sigmoid_cce_log_probabilities,
            is_mistake=True,
        ),
        Head(
            "softmax_squared_error",
            "softmax + squared error",
            "exclusive",
            "The gradient vanishes on a confident mistake, the one to learn from.",
            softmax_squared_error_value_and_grad,
            log_softmax,
            is_mistake=True,
            takes_options=False,
        ),
        Head(
            "sigmoid_squared_error",
            "sigmoid + squared error",
            "binary",
            "The gradient vanishes on a confident mistake, the one to learn from.",
            _binary_squared_error,
            _binary_log_probabilities,
            is_mistake=True,
            takes_options=False,
        ),
    )
}


def heads_for(task: Task, *, mistakes: bool = False) -> tuple[Head, ...]:
    """Return the heads that fit a task, in the order of the registry; with `mistakes` all of them.

    Examples
    --------
    >>> [head.name for head in heads_for("binary")]
    ['sigmoid_bce']
    """
    return tuple(
        head for head in HEADS.values() if head.task == task and (mistakes or not head.is_mistake)
    )
