"""Classification heads: an activation with the loss that trains it, and the task they fit.

Training and the pages choose from `HEADS`; nothing else pairs an activation with a loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core._checks import Array
from core.activations import log_sigmoid, log_softmax
from core.losses import (
    binary_cross_entropy_value_and_grad,
    categorical_cross_entropy_value_and_grad,
)

__all__ = ["HEADS", "Head", "Task", "heads_for"]

Task = Literal["binary", "exclusive"]


@dataclass(frozen=True)
class Head:
    """An activation, the loss that trains it, and how to read its logits as probabilities.

    Parameters
    ----------
    name : str
        The key in `HEADS`.
    title : str
        For people: activation + loss.
    task : {"binary", "exclusive"}
        Two classes told apart by one logit, or K exclusive classes with K logits.
    meaning : str
        One sentence on what the head assumes.
    loss_value_and_grad : callable
        (logits, labels) → loss of each example in nats, shape (N,), and its gradient with respect
        to the logits, in their shape.
    log_probabilities : callable
        logits → log-probabilities of the classes, shape (N, K), each row a distribution, so that
        accuracy and entropy compare across heads.
    """

    name: str
    title: str
    task: Task
    meaning: str
    loss_value_and_grad: Callable[[Array, Array], tuple[Array, Array]]
    log_probabilities: Callable[[Array], Array]

    def num_outputs(self, num_classes: int) -> int:
        """Return how many logits an example has: 1 for a binary head, else one per class."""
        return 1 if self.task == "binary" else num_classes


def _binary_loss(logits: Array, labels: Array) -> tuple[Array, Array]:
    value, grad = binary_cross_entropy_value_and_grad(logits[:, 0], labels)
    return value, grad[:, np.newaxis]


def _binary_log_probabilities(logits: Array) -> Array:
    return np.concatenate([log_sigmoid(-logits), log_sigmoid(logits)], axis=-1)


def _one_vs_rest_loss(logits: Array, labels: Array) -> tuple[Array, Array]:
    one_hot = labels[:, np.newaxis] == np.arange(logits.shape[-1])
    value, grad = binary_cross_entropy_value_and_grad(logits, one_hot)
    return value.sum(axis=-1), grad


def _one_vs_rest_log_probabilities(logits: Array) -> Array:
    # σ_i/Σ_j σ_j is the softmax of log σ.
    return log_softmax(log_sigmoid(logits))


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
    )
}


def heads_for(task: Task) -> tuple[Head, ...]:
    """Return the heads that fit a task, in the order of the registry.

    Examples
    --------
    >>> [head.name for head in heads_for("binary")]
    ['sigmoid_bce']
    """
    return tuple(head for head in HEADS.values() if head.task == task)
