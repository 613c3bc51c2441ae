"""What a training run is made of, checked when it is written down."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.heads import HEADS, heads_for
from experiments.datasets import DATASETS

# scikit-learn splits by 32-bit seeds.
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Parameters
    ----------
    dataset : str
        A key of `experiments.datasets.DATASETS`.
    head : str
        A key of `core.heads.HEADS` that fits the data set's task.
    hidden : int
        Units of the hidden layer; 0 is a linear model.
    num_epochs : int
    batch_size : int
    learning_rate : float
        Adam's step size.
    seed : int
        Of the split, the initial weights and the order of the batches.

    Raises
    ------
    ValueError
        If a name is unknown, the head does not fit the task, or a number is out of range.
    """

    dataset: str
    head: str
    hidden: int = 0
    num_epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 3e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dataset not in DATASETS:
            raise ValueError(f"dataset must be one of {', '.join(DATASETS)}; got {self.dataset!r}")
        if self.head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(HEADS)}; got {self.head!r}")
        task = DATASETS[self.dataset].task
        if HEADS[self.head] not in heads_for(task):
            fitting = ", ".join(head.name for head in heads_for(task))
            raise ValueError(
                f"head {self.head!r} does not fit {self.dataset}, whose task is {task}; "
                f"heads that do: {fitting}"
            )
        for name, least in (("hidden", 0), ("num_epochs", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}; got {value}")
        if self.seed > MAX_SEED:
            raise ValueError(f"seed must be at most {MAX_SEED}; got {self.seed}")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ValueError(
                f"learning_rate must be a finite number above 0; got {self.learning_rate}"
            )

    @property
    def model(self) -> str:
        """For people: what kind of model it is."""
        return f"hidden {self.hidden}" if self.hidden else "linear"

    @property
    def run_name(self) -> str:
        """For people: head, model and data set, what differs first."""
        return f"{HEADS[self.head].title} · {self.model} · {self.dataset}"
