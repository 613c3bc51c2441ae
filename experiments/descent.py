"""Mini-batch Adam: where training stands, a step and an epoch. It needs NumPy and `core` only."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments import models
from experiments.models import Params

Array = np.ndarray


class Adam:
    """The optimiser of Kingma and Ba (2015), arXiv:1412.6980, with its usual constants."""

    def __init__(self, num_params: int, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.steps = 0
        # Decayed sums: all that makes means of them is a number, which is put into the step.
        self.sum = np.zeros(num_params, np.float32)
        self.square_sum = np.zeros(num_params, np.float32)
        self._move = np.empty(num_params, np.float32)

    def update(self, params: Array, grad: Array) -> None:
        """Move `params`, a vector, one step, in place; `grad` is overwritten."""
        decay, square_decay, epsilon = 0.9, 0.999, 1e-8
        self.steps += 1
        to_mean = (1 - decay) / (1 - decay**self.steps)
        to_root = math.sqrt((1 - square_decay) / (1 - square_decay**self.steps))
        self.sum *= decay
        self.sum += grad
        self.square_sum *= square_decay
        self.square_sum += np.multiply(grad, grad, out=grad)
        # mean / (root + ε), with both sides of the fraction divided by `to_root`.
        move = np.sqrt(self.square_sum, out=self._move)
        move += epsilon / to_root
        np.divide(self.sum, move, out=move)
        move *= self.learning_rate * to_mean / to_root
        params -= move


@dataclass
class State:
    """All that training goes on from, bit for bit."""

    number: int  # of the last epoch that is through
    vector: Array  # every parameter, one after the other
    params: Params  # the same memory by name
    adam: Adam
    rng: np.random.Generator


def run_epoch(
    state: State,
    loss_value_and_grad: Callable[[Array, Array], tuple[Array, Array]],
    inputs: Array,
    labels: Array,
    order: Array,
    batch_size: int,
) -> None:
    """Move `state` on by an epoch: a step for each batch of the rows in this order."""
    grad, grads = models.in_one_vector(state.params)
    # A step that is too long shows in the loss, which is looked at when the epoch is through.
    with np.errstate(all="ignore"):
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            # `take` is two to three times as fast as an index.
            x = inputs.take(rows, axis=0)
            logits, output_input = models.forward(state.params, x)
            _, grad_logits = loss_value_and_grad(logits, labels.take(rows, axis=0))
            models.backward(state.params, x, output_input, grad_logits / len(rows), out=grads)
            state.adam.update(state.vector, grad)
    state.number += 1
