"""Mini-batch Adam as a generator of epoch records. It knows nothing of where they go."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.heads import HEADS, Head
from experiments import models
from experiments.config import TrainConfig
from experiments.datasets import Dataset, Split
from experiments.models import Params
from experiments.outputs import Outputs

Array = np.ndarray


class DivergedError(Exception):
    """The loss is no longer a finite number."""


@dataclass(frozen=True)
class SplitMetrics:
    """What one split says of the model, as means over its rows."""

    loss: float  # the head's own, nats
    cross_entropy_bits: float  # surprise of the labels; compares across heads
    kl_bits: float  # from the targets trained on, smoothing included, to what is predicted
    entropy_bits: float  # of what is predicted
    entropy_right_bits: float  # of the rows that are right; NaN where there is none
    entropy_wrong_bits: float
    accuracy: float  # share of rows, or for multi-label of labels, that are right
    brier: float
    ece: float
    gradient_norm: float  # of the loss by all parameters
    positive_pull: float  # Σ |∂loss/∂logit| of the classes that are true
    negative_pull: float  # and of the others


@dataclass(frozen=True)
class Epoch:
    """The state after an epoch; epoch 0 is the state before training."""

    number: int
    train: SplitMetrics
    val: SplitMetrics
    params: Params

    def metrics(self) -> dict[str, float]:
        """Return the metrics under slash-names, train/loss and so on; what is undefined is not."""
        return {
            f"{split}/{name}": value
            for split, values in (("train", self.train), ("val", self.val))
            for name, value in asdict(values).items()
            if math.isfinite(value)
        }

    def final_metrics(self) -> dict[str, float]:
        """Return what a finished run is compared by: final/val_loss and so on."""
        values = asdict(self.val)
        return {
            f"final/val_{name}": value for name, value in values.items() if math.isfinite(value)
        }


class Adam:
    """The optimiser of Kingma and Ba (2015), arXiv:1412.6980, with its usual constants."""

    def __init__(self, params: Params, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.steps = 0
        self.mean = {name: np.zeros_like(value) for name, value in params.items()}
        self.square = {name: np.zeros_like(value) for name, value in params.items()}

    def update(self, params: Params, grads: Params) -> None:
        """Move `params` one step, in place."""
        decay_mean, decay_square, epsilon = 0.9, 0.999, 1e-8
        self.steps += 1
        step = self.learning_rate / (1 - decay_mean**self.steps)
        square_scale = 1 / (1 - decay_square**self.steps)
        for name, grad in grads.items():
            self.mean[name] += (1 - decay_mean) * (grad - self.mean[name])
            self.square[name] += (1 - decay_square) * (grad * grad - self.square[name])
            root = np.sqrt(self.square[name] * np.float32(square_scale))
            params[name] -= np.float32(step) * self.mean[name] / (root + np.float32(epsilon))


@dataclass
class State:
    """All that training goes on from, bit for bit."""

    number: int  # of the last epoch that is through
    params: Params
    adam: Adam
    rng: np.random.Generator


def start(config: TrainConfig, dataset: Dataset) -> State:
    """Return the state before training."""
    rng = np.random.default_rng(config.seed)
    num_outputs = HEADS[config.head].num_outputs(len(dataset.class_names))
    num_features = dataset.train.inputs.shape[1]
    params = models.init_params(rng, num_features, config.hidden, num_outputs)
    return State(0, params, Adam(params, config.learning_rate), rng)


def train(config: TrainConfig, dataset: Dataset, state: State) -> Iterator[Epoch]:
    """Yield where `state` stands and after each epoch to come; it moves along.

    Same config, same numbers, also where the state was saved and loaded between.
    """
    head = HEADS[config.head]
    inputs, labels = dataset.train.inputs, dataset.train.labels
    options = loss_options(config, dataset)
    params = state.params
    yield _record(state.number, head, params, dataset, options)
    while state.number < config.num_epochs:
        order = state.rng.permutation(len(labels))
        for first in range(0, len(order), config.batch_size):
            rows = order[first : first + config.batch_size]
            x = inputs[rows]
            logits, output_input = models.forward(params, x)
            _, grad_logits = head.loss_value_and_grad(logits, labels[rows], **options)
            grads = models.backward(params, x, output_input, grad_logits / len(rows))
            state.adam.update(params, grads)
        state.number += 1
        yield _record(state.number, head, params, dataset, options)


def loss_options(config: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Return what the loss of a run is given besides logits and labels."""
    options: dict[str, Any] = {}
    if config.label_smoothing:
        options["label_smoothing"] = config.label_smoothing
    if config.class_weight == "balanced":
        labels = dataset.train.labels
        counts = labels.sum(axis=0) if labels.ndim == 2 else np.bincount(labels)
        options["class_weight"] = len(labels) / (len(counts) * np.maximum(counts, 1))
    return options


def evaluate(head: Head, params: Params, split: Split, options: Mapping[str, Any]) -> SplitMetrics:
    """Return what `split` says of a model with these parameters."""
    logits, output_input = models.forward(params, split.inputs)
    loss, grad = head.loss_value_and_grad(logits, split.labels, **options)
    if not np.isfinite(loss).all():
        raise DivergedError("The loss is no longer a finite number: try a lower learning rate.")
    grads = models.backward(params, split.inputs, output_input, grad / len(grad))
    outputs = Outputs(head, logits, split.labels)
    return SplitMetrics(
        loss=float(loss.mean(dtype=np.float64)),
        gradient_norm=math.sqrt(sum(float(np.vdot(part, part)) for part in grads.values())),
        **outputs.metrics(grad, options.get("label_smoothing", 0.0)),
    )


def _record(
    number: int, head: Head, params: Params, dataset: Dataset, options: Mapping[str, Any]
) -> Epoch:
    return Epoch(
        number,
        evaluate(head, params, dataset.train, options),
        evaluate(head, params, dataset.val, options),
        {name: value.copy() for name, value in params.items()},
    )
