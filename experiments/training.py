"""Training as a generator of epoch records. It knows nothing of where they go."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from core.heads import HEADS, Head
from experiments import models
from experiments.config import TrainConfig
from experiments.datasets import Dataset, Split
from experiments.descent import Adam, State, run_epoch
from experiments.errors import UserError
from experiments.models import Params
from experiments.outputs import Outputs

Array = np.ndarray


class DivergedError(UserError):
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


def start(config: TrainConfig, dataset: Dataset) -> State:
    """Return the state before training."""
    rng = np.random.default_rng(config.seed)
    num_outputs = HEADS[config.head].num_outputs(len(dataset.class_names))
    num_features = dataset.train.inputs.shape[1]
    vector, params = models.in_one_vector(
        models.init_params(rng, num_features, config.hidden, num_outputs)
    )
    return State(0, vector, params, Adam(len(vector), config.learning_rate), rng)


def train(config: TrainConfig, dataset: Dataset, state: State) -> Iterator[Epoch]:
    """Yield where `state` stands and after each epoch to come; it moves along.

    Same config, same numbers, also where the state was saved and loaded between.
    """
    head = HEADS[config.head]
    inputs, labels = dataset.train.inputs, dataset.train.labels
    options = loss_options(config, dataset)
    loss_value_and_grad = partial(head.loss_value_and_grad, **options)
    yield _record(state.number, head, state.params, dataset, options)
    while state.number < config.num_epochs:
        order = state.rng.permutation(len(labels))
        run_epoch(state, loss_value_and_grad, inputs, labels, order, config.batch_size)
        yield _record(state.number, head, state.params, dataset, options)


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
    with np.errstate(all="ignore"):
        logits, output_input = models.forward(params, split.inputs)
        loss, grad = head.loss_value_and_grad(logits, split.labels, **options)
    if not np.isfinite(loss).all():
        raise DivergedError("The loss is no longer a finite number: lower the learning rate.")
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
