"""Sample data and one's own tables, split into training and validation rows, and scaled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.heads import Task

VALIDATION_SHARE = 0.2


@dataclass(frozen=True)
class Table:
    """Rows as they came: what is known of each, and what it is."""

    features: pd.DataFrame  # (N, D)
    labels: np.ndarray  # (N,) class ids; multi-label (N, K) of 0 and 1
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class DatasetSpec:
    """A data set by name, before its rows are read."""

    name: str
    title: str
    task: Task
    source: str
    load: Callable[[int], Table]  # seed → rows; what was measured is the same for every seed


@dataclass(frozen=True)
class Split:
    """Some rows of a data set."""

    features: pd.DataFrame  # (N, D) as they came
    inputs: np.ndarray  # (N, D) float32, scaled
    labels: np.ndarray  # (N,) class ids; multi-label (N, K) of 0 and 1


@dataclass(frozen=True)
class Dataset:
    """A data set with its rows, scaled by the mean and deviation of the training rows."""

    spec: DatasetSpec
    class_names: tuple[str, ...]
    train: Split
    val: Split
    mean: np.ndarray  # (D,)
    scale: np.ndarray  # (D,)


def _measured(name: str, seed: int) -> Table:
    from sklearn import datasets

    bunch: Any = getattr(datasets, f"load_{name}")(as_frame=True)
    return Table(
        bunch.data,
        bunch.target.to_numpy().astype(np.intp),
        tuple(str(name) for name in bunch.target_names),
    )


def _plane(points: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> Table:
    features = pd.DataFrame(points, columns=["x", "y"])
    return Table(features, labels.astype(np.intp), class_names)


def _moons(seed: int) -> Table:
    from sklearn.datasets import make_moons

    points, labels = make_moons(1000, noise=0.2, random_state=seed)
    return _plane(points, labels, ("upper", "lower"))


def _blobs(seed: int) -> Table:
    from sklearn.datasets import make_blobs

    centers = 4 * np.stack([np.cos(angles := np.arange(5) * 2 * np.pi / 5), np.sin(angles)], axis=1)
    points, labels = make_blobs(1000, centers=centers, cluster_std=1.3, random_state=seed)
    return _plane(points, labels, tuple(f"blob {i}" for i in range(5)))


def _spirals(seed: int) -> Table:
    rng = np.random.default_rng(seed)
    labels = np.arange(1200) % 3
    radius = np.sqrt(rng.uniform(0.02, 1, 1200))
    angle = 2 * np.pi * (labels / 3 + radius) + rng.normal(0, 0.15, 1200)
    points = radius[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _plane(points, labels, ("arm 0", "arm 1", "arm 2"))


def _topics(seed: int) -> Table:
    from sklearn.datasets import make_multilabel_classification

    counts, labels = make_multilabel_classification(
        1500, n_features=30, n_classes=6, n_labels=2, length=60, random_state=seed
    )
    features = pd.DataFrame(counts, columns=[f"word {i}" for i in range(30)])
    return Table(features, labels.astype(np.intp), tuple(f"topic {i}" for i in range(6)))


DATASETS: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        DatasetSpec(
            "digits",
            "handwritten digits, 8 × 8 pixels, 10 classes",
            "exclusive",
            "https://doi.org/10.24432/C50P49",
            partial(_measured, "digits"),
        ),
        DatasetSpec(
            "breast_cancer",
            "breast cancer, 30 measurements, malignant or benign",
            "binary",
            "https://doi.org/10.24432/C5DW2B",
            partial(_measured, "breast_cancer"),
        ),
        DatasetSpec(
            "wine",
            "wine, 13 measurements, 3 cultivars",
            "exclusive",
            "https://doi.org/10.24432/C5PC7J",
            partial(_measured, "wine"),
        ),
        DatasetSpec(
            "iris",
            "iris flowers, 4 measurements, 3 species",
            "exclusive",
            "https://doi.org/10.24432/C56C76",
            partial(_measured, "iris"),
        ),
        DatasetSpec(
            "moons",
            "two half-moons in the plane",
            "binary",
            "sklearn.datasets.make_moons",
            _moons,
        ),
        DatasetSpec(
            "blobs",
            "five round clouds in the plane that overlap",
            "exclusive",
            "sklearn.datasets.make_blobs",
            _blobs,
        ),
        DatasetSpec(
            "spirals",
            "three spiral arms in the plane",
            "exclusive",
            "experiments.datasets",
            _spirals,
        ),
        DatasetSpec(
            "topics",
            "word counts of made-up documents, any number of 6 topics each",
            "multi-label",
            "sklearn.datasets.make_multilabel_classification",
            _topics,
        ),
    )
}


def spec_of(dataset: str, target: str = "") -> DatasetSpec:
    """Return a data set of `DATASETS`, or that of a CSV or Parquet file with a target column.

    Parameters
    ----------
    dataset : str
        A key of `DATASETS`; with `target`, the path of a file.
    target : str
        The column of the file that holds the classes; every other column must be a number.
        Two classes make a binary task, more an exclusive one.

    Raises
    ------
    ValueError
        If there is no such data set, or the file can't be read as such a table.
    """
    if target:
        path = Path(dataset).expanduser().absolute()
        table = read_table(path, target)
        task: Task = "binary" if len(table.class_names) == 2 else "exclusive"
        title = f"{path.name}, {len(table.features):,} rows, {len(table.class_names)} classes"
        return DatasetSpec(path.stem, title, task, path.as_uri(), lambda seed: table)
    if dataset not in DATASETS:
        raise ValueError(f"dataset must be one of {', '.join(DATASETS)}; got {dataset!r}")
    return DATASETS[dataset]


@lru_cache(maxsize=1)
def read_table(path: Path, target: str) -> Table:
    """Return the rows of a CSV or Parquet file.

    Raises
    ------
    ValueError
        If the file can't be read, has no such column, or is no table of numbers and classes.
    """
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": pd.read_csv,
        ".parquet": pd.read_parquet,
    }
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path.name} must be a .csv or .parquet file")
    try:
        frame = readers[path.suffix.lower()](path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"{path} can't be read: {why}") from error
    if target not in frame:
        columns = ", ".join(str(column) for column in frame.columns[:20])
        raise ValueError(f"{path.name} has no column {target!r}; it has {columns}")
    features = frame.drop(columns=target)
    if features.empty:
        raise ValueError(f"{path.name} needs at least one row, and columns other than {target!r}")
    for column in features:
        if not pd.api.types.is_numeric_dtype(features[column]):
            raise ValueError(
                f"column {column!r} of {path.name} must hold numbers: encode it or drop it"
            )
    unknown = int(frame.isna().to_numpy().sum() + np.isinf(features.to_numpy(float)).sum())
    if unknown:
        raise ValueError(f"{path.name} has {unknown} missing or infinite values: fill or drop them")
    labels, names = pd.factorize(frame[target], sort=True)
    counts = np.bincount(labels)
    if len(counts) < 2:
        raise ValueError(f"column {target!r} must hold at least 2 classes; got {len(counts)}")
    least = int(np.ceil(1 / VALIDATION_SHARE))
    if counts.min() < least:
        raise ValueError(
            f"each class in {target!r} needs at least {least} rows for the split; "
            f"{str(names[int(counts.argmin())])!r} has {counts.min()}"
        )
    features.columns = features.columns.map(str)
    return Table(
        features.astype(np.float64), labels.astype(np.intp), tuple(str(name) for name in names)
    )


def load(dataset: str, seed: int, target: str = "") -> Dataset:
    """Return a data set split by `seed`, exclusive classes in proportion.

    Raises
    ------
    ValueError
        If there is no such data set, or the file can't be read as a table with `target`.
    """
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    spec = spec_of(dataset, target)
    table = spec.load(seed)
    train_rows, val_rows = train_test_split(
        np.arange(len(table.labels)),
        test_size=VALIDATION_SHARE,
        random_state=seed,
        stratify=table.labels if table.labels.ndim == 1 else None,
    )
    scaler = StandardScaler().fit(table.features.iloc[train_rows].to_numpy())

    def split(rows: np.ndarray) -> Split:
        features = table.features.iloc[rows].reset_index(drop=True)
        inputs = scaler.transform(features.to_numpy()).astype(np.float32)
        return Split(features, inputs, table.labels[rows])

    return Dataset(
        spec, table.class_names, split(train_rows), split(val_rows), scaler.mean_, scaler.scale_
    )
