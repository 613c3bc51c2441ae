"""What is timed: operations, shapes, dtypes, logits and targets; and core's side of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.activations import log_softmax, sigmoid, softmax
from core.entropy import entropy
from core.losses import (
    binary_cross_entropy_value_and_grad,
    categorical_cross_entropy_value_and_grad,
)

SHAPES = [(1_000_000, 2), (1_000_000, 10), (100_000, 100), (10_000, 1000), (1_000, 10), (32, 10)]
DTYPES = ["float32", "float64"]
LOGITS = {"random": 1.0, "confident": 15.0}  # the deviation of the logits

# Operation → the kinds of targets it takes.
OPERATIONS: dict[str, list[str]] = {
    "CCE": ["labels", "soft"],
    "BCE": ["labels", "soft"],
    "softmax": [""],
    "log_softmax": [""],
    "sigmoid": [""],
    "entropy": [""],
}

CORE: dict[str, Callable[..., Any]] = {
    "CCE": categorical_cross_entropy_value_and_grad,
    "BCE": binary_cross_entropy_value_and_grad,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "sigmoid": sigmoid,
    "entropy": entropy,
}


@dataclass(frozen=True)
class Cell:
    """One line of the table."""

    operation: str
    shape: tuple[int, int]
    dtype: str
    logits: str
    targets: str

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return the inputs, the same each time."""
        rng = np.random.default_rng(0)
        num_rows, num_classes = self.shape
        logits = rng.normal(0, LOGITS[self.logits], self.shape).astype(self.dtype)
        if self.operation == "entropy":
            return (softmax(logits),)
        if not self.targets:
            return (logits,)
        if self.operation == "BCE":
            targets = rng.random(self.shape)
            if self.targets == "labels":
                targets = targets.round()
            return logits, targets.astype(self.dtype)
        if self.targets == "labels":
            return logits, rng.integers(0, num_classes, num_rows)
        return logits, softmax(rng.normal(0, 2, self.shape).astype(self.dtype))


def cells() -> Iterator[Cell]:
    """Yield every line of the table."""
    for operation, kinds in OPERATIONS.items():
        for shape in SHAPES:
            for dtype in DTYPES:
                for logits in LOGITS:
                    for targets in kinds:
                        yield Cell(operation, shape, dtype, logits, targets)
