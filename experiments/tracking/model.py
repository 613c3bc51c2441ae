"""A trained classifier as MLflow keeps one: code and arrays, no pickle."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from experiments.config import TrainConfig
from experiments.datasets import Dataset
from experiments.models import Params
from experiments.tracking.store import ROOT

if TYPE_CHECKING:
    from mlflow import MlflowClient

NAME = "model"


def save(folder: Path, config: TrainConfig, dataset: Dataset, params: Params) -> None:
    """Write a classifier to a folder, with its signature, ready to be sent."""
    import mlflow

    example = dataset.val.features.head(3)
    answer = pd.DataFrame(
        np.zeros((len(example), len(dataset.class_names))), columns=list(dataset.class_names)
    )
    with tempfile.TemporaryDirectory() as arrays_folder, _quiet():
        arrays = Path(arrays_folder) / "arrays.npz"
        stored: dict[str, Any] = {
            "head": np.array(config.head),
            "class_names": np.array(dataset.class_names),
            "feature_names": np.array(dataset.train.features.columns.to_numpy(dtype=str)),
            "mean": dataset.mean,
            "scale": dataset.scale,
            **params,
        }
        np.savez(arrays, **stored)
        mlflow.pyfunc.save_model(
            path=str(folder),
            python_model=str(Path(__file__).with_name("logged_model.py")),
            artifacts={"arrays": str(arrays)},
            code_paths=[str(ROOT / "core"), str(ROOT / "experiments")],
            signature=mlflow.models.infer_signature(example, answer),
            pip_requirements=_requirements(),
        )


def send(client: MlflowClient, run_id: str, folder: Path) -> None:
    """Give a run the model in `folder`; what was sent before is not sent twice."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    run = client.get_run(run_id)
    found = client.search_logged_models(
        [run.info.experiment_id], filter_string=f"source_run_id = '{run_id}'"
    )
    logged = found[0] if found else None
    if logged is None:
        logged = client.create_logged_model(run.info.experiment_id, NAME, source_run_id=run_id)
    if logged.status != LoggedModelStatus.READY:
        described = Model.load(str(folder))
        described.model_id = described.model_uuid = logged.model_id
        described.run_id, described.artifact_path = run_id, logged.artifact_location
        described.save(str(folder / "MLmodel"))
        client.log_model_artifacts(logged.model_id, str(folder))
        client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    if not (run.outputs and run.outputs.model_outputs):
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])


def _requirements() -> list[str]:
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in ("mlflow", "numpy", "pandas")]


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # An example would be run through the model once more; the signature is given.
        warnings.filterwarnings("ignore", message=".*input example was not provided.*")
        yield
