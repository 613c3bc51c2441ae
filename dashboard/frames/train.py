"""Two heads while they train: their epochs, and what they make of the plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.activations import softmax
from core.heads import HEADS
from experiments import models
from experiments.config import TrainConfig
from experiments.datasets import Dataset, Split
from experiments.frames import history_frame
from experiments.training import DivergedError, Epoch, start, train

NUM_EPOCHS = 60
# A side of the plane: with the points few enough for a chart.
CELLS = 48
# Around the points, of the width that they take.
MARGIN = 0.06


@dataclass(frozen=True)
class Course:
    """A training from its start to its end, or to where it broke off."""

    config: TrainConfig
    epochs: tuple[Epoch, ...]
    problem: str  # why it broke off; "" where it did not

    @property
    def title(self) -> str:
        """The head, for people."""
        return HEADS[self.config.head].title

    def at(self, number: int) -> Epoch:
        """Return an epoch, or the last before it that there is."""
        return self.epochs[min(number, len(self.epochs) - 1)]


def course(config: TrainConfig, dataset: Dataset) -> Course:
    """Return all epochs of a training, up to the one at which the loss is finite no more."""
    epochs: list[Epoch] = []
    try:
        for epoch in train(config, dataset, start(config, dataset)):
            epochs.append(epoch)
    except DivergedError as error:
        return Course(config, tuple(epochs), str(error))
    return Course(config, tuple(epochs), "")


def histories(courses: list[Course]) -> pd.DataFrame:
    """Return the epochs of trainings as one tidy frame: run, split, epoch and the metrics."""
    return pd.concat(
        [history_frame(each.title, each.epochs) for each in courses], ignore_index=True
    )


def is_planar(dataset: Dataset) -> bool:
    """Return whether the rows of a data set are points of a plane."""
    return dataset.train.inputs.shape[1] == 2


def boundary(course: Course, number: int, dataset: Dataset) -> pd.DataFrame:
    """Return the plane in cells with what a model says at the middle of each.

    Columns: x, x2, y, y2, class (the most probable one), confidence (its probability).
    """
    points = np.concatenate([dataset.train.features, dataset.val.features])
    least, most = points.min(axis=0), points.max(axis=0)
    margin = MARGIN * (most - least)
    x, y = np.linspace(least - margin, most + margin, CELLS + 1).T
    left, low = (edges.ravel() for edges in np.meshgrid(x[:-1], y[:-1]))
    right, high = (edges.ravel() for edges in np.meshgrid(x[1:], y[1:]))
    middles = np.stack([(left + right) / 2, (low + high) / 2], axis=1)
    inputs = ((middles - dataset.mean) / dataset.scale).astype(np.float32)
    predicted, confidence = _predicted(course, number, inputs)
    return pd.DataFrame(
        {
            "x": left,
            "x2": right,
            "y": low,
            "y2": high,
            "class": np.asarray(dataset.class_names)[predicted],
            "confidence": confidence,
        }
    )


def points(course: Course, number: int, dataset: Dataset, split: Split) -> pd.DataFrame:
    """Return the rows of a split as points: x, y, class, predicted, confidence, answer."""
    names = np.asarray(dataset.class_names)
    predicted, confidence = _predicted(course, number, split.inputs)
    return pd.DataFrame(
        {
            "x": split.features["x"],
            "y": split.features["y"],
            "class": names[split.labels],
            "predicted": names[predicted],
            "confidence": confidence,
            "answer": np.where(predicted == split.labels, "right", "wrong"),
        }
    )


def _predicted(course: Course, number: int, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(all="ignore"):
        logits, _ = models.forward(course.at(number).params, inputs)
    # Log-probabilities are logits of the same distribution.
    probabilities = softmax(HEADS[course.config.head].log_probabilities(logits))
    return probabilities.argmax(axis=-1), probabilities.max(axis=-1)
