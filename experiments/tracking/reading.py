"""Runs read back from the store."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.heads import HEADS
from experiments.charts.history import TITLES
from experiments.tracking.store import (
    EXPERIMENT,
    TrackingError,
    connect,
    experiment_id,
    explained,
    ui_address,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

ERROR_TAG = "lab.error"
NO_DATASET = "(no data set named)"

_HISTORY_KEYS = [f"{split}/{metric}" for split in ("train", "val") for metric in TITLES]


@explained()
def ui_link(experiment: str = EXPERIMENT, parent: str = "") -> str:
    """Return the link to an experiment's runs, or to those of a parent, as charts in the MLflow UI.

    Raises
    ------
    TrackingError
        If the store can't be reached or read.
    """
    page = f"{ui_address()}/#/experiments/{experiment_id(connect(), experiment)}/runs"
    link = f"{page}?workflowType=machine_learning&compareRunsMode=CHART"
    if experiment != EXPERIMENT:
        return link
    # The UI hides the runs of a comparison under it, and their charts with them, unless sorted.
    key = urllib.parse.quote("metrics.`final/val_cross_entropy_bits`", safe="")
    link += f"&orderByKey={key}&orderByAsc=true"
    if not parent:
        return link
    only = urllib.parse.quote(f"tags.`mlflow.parentRunId` = '{parent}'", safe="")
    return f"{link}&searchFilter={only}"


@explained()
def comparison_link(run_ids: Sequence[str]) -> str:
    """Return the link to runs beside each other in the MLflow UI.

    Raises
    ------
    TrackingError
        If the store can't be reached or read.
    """
    experiment = experiment_id(connect(), EXPERIMENT)
    query = {"runs": json.dumps(list(run_ids)), "experiments": json.dumps([experiment])}
    return f"{ui_address()}/#/compare-runs?{urllib.parse.urlencode(query)}"


@explained()
def run_link(run_id: str) -> str:
    """Return the link to a run in the MLflow UI.

    Raises
    ------
    TrackingError
        If the store can't be reached or has no such run.
    """
    return f"{_link(connect().get_run(run_id))}?workflowType=machine_learning"


@explained()
def find_run(tag: str, value: str, experiment: str = EXPERIMENT) -> str:
    """Return the id of the newest run with a tag; "" where there is none.

    Raises
    ------
    TrackingError
        If the store can't be reached or read.
    """
    client = connect()
    searched = client.get_experiment_by_name(experiment)
    if searched is None:
        return ""
    found = client.search_runs([searched.experiment_id], f"tags.`{tag}` = '{value}'", max_results=1)
    return str(found[0].info.run_id) if found else ""


@dataclass(frozen=True)
class Child:
    """A run that is part of another."""

    run_id: str
    status: str
    metrics: dict[str, float]
    tags: dict[str, str]


@explained()
def children_of(run_id: str) -> list[Child]:
    """Return the runs that are part of another, the oldest first.

    Raises
    ------
    TrackingError
        If the store can't be reached or read.
    """
    client = connect()
    experiment = client.get_run(run_id).info.experiment_id
    found = _all_runs(
        client,
        experiment,
        f"tags.`mlflow.parentRunId` = '{run_id}'",
        order_by=["attributes.start_time ASC"],
    )
    return [
        Child(run.info.run_id, run.info.status, dict(run.data.metrics), dict(run.data.tags))
        for run in found
    ]


@explained()
def params_of(run_id: str) -> dict[str, str]:
    """Return what a run was made with, as text.

    Raises
    ------
    TrackingError
        If the store can't be reached or has no such run.
    """
    from mlflow.exceptions import MlflowException

    client = connect()
    try:
        return dict(client.get_run(run_id).data.params)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise TrackingError(
            f"The store has no run {run_id!r}: give its full id, 32 letters and digits"
        ) from error


@explained()
def download_predictions(run_id: str, split: str, folder: Path) -> Path:
    """Copy the outputs that a run stored of a split, as Parquet, and return where they are.

    Raises
    ------
    TrackingError
        If the store can't be reached, has no such run, or the run has none.
    """
    params_of(run_id)
    client = connect()
    held = [Path(file.path) for file in client.list_artifacts(run_id, "predictions")]
    path = f"predictions/{split}.parquet"
    if Path(path) not in held:
        others = ", ".join(file.stem for file in held)
        raise TrackingError(
            f"Run {run_id} holds no outputs of {split!r}"
            + (f"; it has {others}" if others else "")
            + ". Log them with run.log_predictions(logits, labels, step=…)"
        )
    return Path(client.download_artifacts(run_id, path, str(folder)))


@explained()
def read_losses(run_id: str, split: str) -> list[float]:
    """Return a run's losses of a split in nats, by step; empty where it logged none.

    Raises
    ------
    TrackingError
        If the store can't be reached or has no such run.
    """
    history = connect().get_metric_history(run_id, f"{split}/loss")
    return [point.value for point in sorted(history, key=lambda point: point.step)]


@explained()
def list_runs() -> pd.DataFrame:
    """Return the experiment's runs, newest first: who they are, how they ended, final values.

    `settings` holds the parameters of each, as text; `parent` and `parent_link` are "" where a run
    is part of no other.

    Raises
    ------
    TrackingError
        If the store can't be reached or read.
    """
    client = connect()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    found = [] if experiment is None else _all_runs(client, experiment.experiment_id)
    columns = [
        "run_id", "name", "parent", "parent_link", "status", "started", "dataset", "head", "model",
        "seed", "settings", *(f"val_{name}" for name in TITLES), "link",
    ]  # fmt: skip
    # A run of runs has no curves of its own.
    parent_ids = {run.data.tags.get("mlflow.parentRunId") for run in found}
    parents = {
        run.info.run_id: (f"{run.info.run_name} · {run.info.run_id[:6]}", _link(run))
        for run in found
        if run.info.run_id in parent_ids
    }
    rows = [_run_row(run, parents) for run in found if run.info.run_id not in parents]
    return pd.DataFrame(rows, columns=columns)


@explained()
def read_history(run_ids: Sequence[str]) -> pd.DataFrame:
    """Return the epochs of runs as one tidy frame: run (its id), split, epoch and the metrics.

    Raises
    ------
    TrackingError
        If the store can't be reached or read.
    """
    client = connect()
    points = [
        (
            run_id,
            key.split("/")[0],
            point.step,
            key.split("/")[1],
            point.value,
        )
        for run_id in run_ids
        for key in _HISTORY_KEYS
        for point in client.get_metric_history(run_id, key)
    ]
    index = ["run", "split", "epoch"]
    long = pd.DataFrame(points, columns=[*index, "metric", "value"])
    wide = long.pivot_table(index=index, columns="metric", values="value", sort=False).reset_index()
    return wide.reindex(columns=[*index, *TITLES])


def _all_runs(
    client: MlflowClient,
    experiment: str,
    filter_string: str = "",
    order_by: Sequence[str] = ("attributes.start_time DESC",),
) -> list[MlflowRun]:
    found: list[MlflowRun] = []
    token: str | None = ""
    while token is not None:
        page = client.search_runs(
            [experiment],
            filter_string,
            order_by=list(order_by),
            max_results=1000,
            page_token=token or None,
        )
        found.extend(page)
        token = page.token or None
    return found


def _run_row(run: MlflowRun, parents: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    params, metrics = run.data.params, run.data.metrics
    hidden = params.get("hidden", "")
    head = params.get("head", "")
    parent, parent_link = parents.get(run.data.tags.get("mlflow.parentRunId", ""), ("", ""))
    return {
        "run_id": run.info.run_id,
        "name": run.info.run_name,
        "parent": parent,
        "parent_link": parent_link,
        "status": run.info.status,
        "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
        "dataset": Path(params["dataset"]).stem if "dataset" in params else NO_DATASET,
        "head": HEADS[head].title if head in HEADS else head,
        "model": "linear" if hidden == "0" else f"hidden {hidden}" if hidden else "",
        "seed": params.get("seed", ""),
        "settings": dict(params),
        **{f"val_{name}": metrics.get(f"final/val_{name}", np.nan) for name in TITLES},
        "link": f"{_link(run)}/model-metrics?workflowType=machine_learning",
    }


def _link(run: MlflowRun) -> str:
    return f"{ui_address()}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
