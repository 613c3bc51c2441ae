"""Training as a generator of epoch records. It knows nothing of where they go."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from core.activations import sigmoid, softmax
from core.calibration import expected_calibration_error
from core.entropy import binary_entropy, entropy_from_logits
from core.heads import HEADS, Head
from core.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    label_smoothing_floor,
    sigmoid_squared_error,
    softmax_squared_error,
)
from experiments import models
from experiments.config import TrainConfig
from experiments.datasets import Dataset, Split
from experiments.descent import Adam, run_epoch
from experiments.descent import State as State
from experiments.models import Params

Array = np.ndarray


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
    logits, output_input = models.forward(params, split.inputs)
    loss, grad = head.loss_value_and_grad(logits, split.labels, **options)
    grads = models.backward(params, split.inputs, output_input, grad / len(grad))
    scores = _multi_label if head.task == "multi-label" else _exclusive
    values = scores(head, logits, split.labels, options.get("label_smoothing", 0.0))
    pull = np.abs(grad)
    is_true = _truth(head, logits, split.labels)
    return SplitMetrics(
        loss=_mean(loss),
        gradient_norm=math.sqrt(sum(float(np.vdot(part, part)) for part in grads.values())),
        positive_pull=_mean(np.where(is_true, pull, 0).sum(axis=-1)),
        negative_pull=_mean(np.where(is_true, 0, pull).sum(axis=-1)),
        **values,
    )


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
    both = np.stack([1 - p, p], axis=-1).reshape(-1, 2)
    return {
        "cross_entropy_bits": _mean(binary_cross_entropy(logits, labels).sum(axis=-1))
        / math.log(2),
        "kl_bits": _mean(smoothed) / math.log(2) - floor,
        **_entropies(binary_entropy(p, base=2).sum(axis=-1), is_right.all(axis=-1)),
        "accuracy": _mean(is_right),
        "brier": _mean(sigmoid_squared_error(logits, labels).sum(axis=-1)),
        "ece": expected_calibration_error(both, labels.reshape(-1)),
    }


def _entropies(bits: Array, is_right: Array) -> dict[str, float]:
    return {
        "entropy_bits": _mean(bits),
        "entropy_right_bits": _mean(bits[is_right]) if is_right.any() else math.nan,
        "entropy_wrong_bits": _mean(bits[~is_right]) if not is_right.all() else math.nan,
    }


def _truth(head: Head, logits: Array, labels: Array) -> Array:
    """Return which logits' classes are true, in their shape."""
    if head.task == "multi-label":
        return labels == 1
    if head.task == "binary":
        return labels[:, np.newaxis] == 1
    truth: Array = labels[:, np.newaxis] == np.arange(logits.shape[1])
    return truth


def _mean(values: Array) -> float:
    return float(values.mean(dtype=np.float64))


def _record(
    number: int, head: Head, params: Params, dataset: Dataset, options: Mapping[str, Any]
) -> Epoch:
    return Epoch(
        number,
        evaluate(head, params, dataset.train, options),
        evaluate(head, params, dataset.val, options),
        {name: value.copy() for name, value in params.items()},
    )
