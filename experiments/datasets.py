"""Sample data: real tables, split into training and validation rows, and scaled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.heads import Task

VALIDATION_SHARE = 0.2


@dataclass(frozen=True)
class DatasetSpec:
    """A data set by name, before its rows are read."""

    name: str
    title: str
    task: Task
    source: str
    load: Callable[[], Any]


@dataclass(frozen=True)
class Split:
    """Some rows of a data set."""

    features: pd.DataFrame  # (N, D) as they came
    inputs: np.ndarray  # (N, D) float32, scaled
    labels: np.ndarray  # (N,) class ids


@dataclass(frozen=True)
class Dataset:
    """A data set with its rows, scaled by the mean and deviation of the training rows."""

    spec: DatasetSpec
    class_names: tuple[str, ...]
    train: Split
    val: Split
    mean: np.ndarray  # (D,)
    scale: np.ndarray  # (D,)


def _digits() -> Any:
    from sklearn.datasets import load_digits

    return load_digits(as_frame=True)


def _breast_cancer() -> Any:
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(as_frame=True)


DATASETS: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        DatasetSpec(
            "digits",
            "handwritten digits, 8 × 8 pixels, 10 classes",
            "exclusive",
            "https://doi.org/10.24432/C50P49",
            _digits,
        ),
        DatasetSpec(
            "breast_cancer",
            "breast cancer, 30 measurements, malignant or benign",
            "binary",
            "https://doi.org/10.24432/C5DW2B",
            _breast_cancer,
        ),
    )
}


def load(name: str, seed: int) -> Dataset:
    """Return a data set of `DATASETS`, split by `seed` with the classes in proportion.

    Raises
    ------
    KeyError
        If the name is not in `DATASETS`.
    """
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    spec = DATASETS[name]
    bunch = spec.load()
    features: pd.DataFrame = bunch.data
    labels = bunch.target.to_numpy().astype(np.intp)
    train_rows, val_rows = train_test_split(
        np.arange(len(labels)), test_size=VALIDATION_SHARE, random_state=seed, stratify=labels
    )
    scaler = StandardScaler().fit(features.iloc[train_rows].to_numpy())

    def split(rows: np.ndarray) -> Split:
        table = features.iloc[rows].reset_index(drop=True)
        inputs = scaler.transform(table.to_numpy()).astype(np.float32)
        return Split(table, inputs, labels[rows])

    return Dataset(
        spec,
        tuple(str(name) for name in bunch.target_names),
        split(train_rows),
        split(val_rows),
        scaler.mean_,
        scaler.scale_,
    )
