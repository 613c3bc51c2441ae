"""Mini-batch Adam as a generator of epoch records. It knows nothing of where they go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from core.entropy import entropy_from_logits
from core.heads import HEADS, Head
from experiments import models
from experiments.config import TrainConfig
from experiments.datasets import Dataset, Split
from experiments.models import Params


@dataclass(frozen=True)
class SplitMetrics:
    """What one split says of the model."""

    loss: float  # mean of the head's own loss, nats
    accuracy: float
    entropy_bits: float  # mean entropy of the predicted distributions


@dataclass(frozen=True)
class Epoch:
    """The state after an epoch; epoch 0 is the state before training."""

    number: int
    train: SplitMetrics
    val: SplitMetrics
    params: Params

    def metrics(self) -> dict[str, float]:
        """Return the metrics under slash-names: train/loss, val/accuracy and so on."""
        return {
            f"{split}/{name}": value
            for split, values in (("train", self.train), ("val", self.val))
            for name, value in asdict(values).items()
        }

    def final_metrics(self) -> dict[str, float]:
        """Return what a finished run is compared by: final/val_loss and so on."""
        return {f"final/val_{name}": value for name, value in asdict(self.val).items()}


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


def train(config: TrainConfig, dataset: Dataset) -> Iterator[Epoch]:
    """Yield the state before training and after each epoch; same config, same numbers."""
    head = HEADS[config.head]
    rng = np.random.default_rng(config.seed)
    inputs, labels = dataset.train.inputs, dataset.train.labels
    params = models.init_params(
        rng, inputs.shape[1], config.hidden, head.num_outputs(len(dataset.class_names))
    )
    adam = Adam(params, config.learning_rate)
    yield _record(0, head, params, dataset)
    for number in range(1, config.num_epochs + 1):
        order = rng.permutation(len(labels))
        for start in range(0, len(order), config.batch_size):
            rows = order[start : start + config.batch_size]
            x = inputs[rows]
            logits, output_input = models.forward(params, x)
            _, grad_logits = head.loss_value_and_grad(logits, labels[rows])
            adam.update(params, models.backward(params, x, output_input, grad_logits / len(rows)))
        yield _record(number, head, params, dataset)


def evaluate(head: Head, params: Params, split: Split) -> SplitMetrics:
    """Return what `split` says of a model with these parameters."""
    logits, _ = models.forward(params, split.inputs)
    loss, _ = head.loss_value_and_grad(logits, split.labels)
    log_probabilities = head.log_probabilities(logits)
    return SplitMetrics(
        loss=float(loss.mean(dtype=np.float64)),
        accuracy=float(np.mean(log_probabilities.argmax(axis=-1) == split.labels)),
        entropy_bits=float(entropy_from_logits(log_probabilities, base=2).mean(dtype=np.float64)),
    )


def _record(number: int, head: Head, params: Params, dataset: Dataset) -> Epoch:
    return Epoch(
        number,
        evaluate(head, params, dataset.train),
        evaluate(head, params, dataset.val),
        {name: value.copy() for name, value in params.items()},
    )
