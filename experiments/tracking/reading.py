"""Runs read back from the store."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.heads import HEADS
from experiments.charts.history import TITLES
from experiments.tracking.store import (
    EXPERIMENT,
    connect,
    experiment_id,
    explained,
    ui_address,
)

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

NO_DATASET = "(no data set named)"

_HISTORY_KEYS = [f"{split}/{metric}" for split in ("train", "val") for metric in TITLES]


@explained()
def ui_link(experiment: str = EXPERIMENT) -> str:
    """Return the link to an experiment's runs, as charts, in the MLflow UI.

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
    return f"{link}&orderByKey={key}&orderByAsc=true"


@explained()
def params_of(run_id: str) -> dict[str, str]:
    """Return what a run was made with, as text.

    Raises
    ------
    TrackingError
        If the store can't be reached or has no such run.
    """
    return dict(connect().get_run(run_id).data.params)


@explained()
def list_runs() -> pd.DataFrame:
    """Return the experiment's runs, newest first: who they are, how they ended, final values.

    Raises
    ------
    TrackingError
        If the store can't be reached or read.
    """
    client = connect()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    found: list[MlflowRun] = []
    token: str | None = ""
    while experiment is not None and token is not None:
        page = client.search_runs(
            [experiment.experiment_id],
            order_by=["attributes.start_time DESC"],
            max_results=1000,
            page_token=token or None,
        )
        found.extend(page)
        token = page.token or None
    columns = [
        "run_id", "name", "status", "started", "dataset", "head", "model", "seed",
        *(f"val_{name}" for name in TITLES), "link",
    ]  # fmt: skip
    # A run of runs has no curves of its own.
    parents = {run.data.tags.get("mlflow.parentRunId") for run in found}
    rows = [_run_row(run) for run in found if run.info.run_id not in parents]
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


def _run_row(run: MlflowRun) -> dict[str, Any]:
    params, metrics = run.data.params, run.data.metrics
    hidden = params.get("hidden", "")
    head = params.get("head", "")
    return {
        "run_id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
        "dataset": Path(params["dataset"]).stem if "dataset" in params else NO_DATASET,
        "head": HEADS[head].title if head in HEADS else head,
        "model": "linear" if hidden == "0" else f"hidden {hidden}" if hidden else "",
        "seed": params.get("seed", ""),
        **{f"val_{name}": metrics.get(f"final/val_{name}", np.nan) for name in TITLES},
        "link": (
            f"{ui_address()}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
            "/model-metrics?workflowType=machine_learning"
        ),
    }
