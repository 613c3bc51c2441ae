"""What a training run is made of, checked when it is written down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from core.heads import HEADS, heads_for
from experiments import datasets
from experiments.datasets import DatasetSpec

# scikit-learn splits by 32-bit seeds.
MAX_SEED = 2**32 - 1
MAX_HIDDEN = 1_000_000
CLASS_WEIGHTS = ("none", "balanced")


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Parameters
    ----------
    dataset : str
        A key of `experiments.datasets.DATASETS`; with `target`, the path of a table.
    head : str
        A key of `core.heads.HEADS` for the data set's task.
    hidden : int
        Units of the hidden layer; 0 is a linear model.
    num_epochs : int
    batch_size : int
    learning_rate : float
        Adam's step size.
    label_smoothing : float
        From 0 to 1: how much of each target is spread evenly.
    class_weight : {"none", "balanced"}
        Balanced weighs each class's term of the loss by N/(K · its rows).
    seed : int
        Of the split, the initial weights and the order of the batches.
    target : str
        The column of the classes, where `dataset` is the path of a table.
    mistakes : bool
        Whether a head that is a mistake is let through.

    Raises
    ------
    ValueError
        If a name is unknown, the head does not fit the task or the options, or a number is out of
        range.
    """

    dataset: str
    head: str
    hidden: int = 0
    num_epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 3e-3
    label_smoothing: float = 0.0
    class_weight: str = "none"
    seed: int = 0
    target: str = ""
    mistakes: bool = False

    def __post_init__(self) -> None:
        self._require_fitting_head(self.spec)
        for name, least in (("hidden", 0), ("num_epochs", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}; got {value}")
        for name, most in (("hidden", MAX_HIDDEN), ("seed", MAX_SEED)):
            value = getattr(self, name)
            if value > most:
                raise ValueError(f"{name} must be at most {most}; got {value}")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ValueError(
                f"learning_rate must be a finite number above 0; got {self.learning_rate}"
            )
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(
                f"label_smoothing must lie between 0 and 1; got {self.label_smoothing}"
            )
        if self.class_weight not in CLASS_WEIGHTS:
            raise ValueError(
                f"class_weight must be one of {', '.join(CLASS_WEIGHTS)}; got {self.class_weight!r}"
            )

        head = HEADS[self.head]
        if not head.takes_options and (self.label_smoothing or self.class_weight != "none"):
            raise ValueError(
                f"head {head.name!r} takes neither label_smoothing nor class_weight: its loss is "
                "not a cross-entropy"
            )

    def _require_fitting_head(self, spec: DatasetSpec) -> None:
        if self.head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(HEADS)}; got {self.head!r}")
        head = HEADS[self.head]
        fitting = ", ".join(head.name for head in heads_for(spec.task))
        if head.task != spec.task:
            raise ValueError(
                f"head {head.name!r} does not fit {spec.name}: it is for {head.task} classes, and "
                f"this data set has {spec.task} ones; heads that fit: {fitting}"
            )
        if head.is_mistake and not self.mistakes:
            raise ValueError(
                f"head {head.name!r} is a mistake: {head.meaning} Allow it with --mistakes; "
                f"heads that fit: {fitting}"
            )

    @property
    def spec(self) -> DatasetSpec:
        """The data set, before its rows are read."""
        return datasets.spec_of(self.dataset, self.target)

    @property
    def model(self) -> str:
        """For people: what kind of model it is."""
        return f"hidden {self.hidden}" if self.hidden else "linear"

    @property
    def run_name(self) -> str:
        """For people: head, model and data set, what differs first."""
        return f"{HEADS[self.head].title} · {self.model} · {self.data_name}"

    @property
    def data_name(self) -> str:
        """For people: the data set, or the name of the file."""
        return Path(self.dataset).stem if self.target else self.dataset
