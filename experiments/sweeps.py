"""Every configuration of a grid, each a run under one parent, on Dask."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from core.words import counted
from experiments import cluster, datasets, runs, tracking
from experiments.charts.sweeps import sweep_chart
from experiments.config import TrainConfig
from experiments.datasets import Dataset

SWEEP_TAG, CONFIG_TAG = "lab.sweep", "lab.config"

# What a grid may vary; the command line calls num_epochs epochs.
AXES = {
    field.name.removeprefix("num_"): field.name
    for field in fields(TrainConfig)
    if field.name not in ("dataset", "target", "mistakes")
}


def read_grid(lines: Sequence[str]) -> dict[str, list[Any]]:
    """Return the values of each axis, from lines such as "learning_rate=0.01,0.1".

    Raises
    ------
    ValueError
        If a line is none, an axis unknown or named twice, or a value not of its kind.
    """
    readers = {field.name: runs.READERS[field.type] for field in fields(TrainConfig)}
    grid: dict[str, list[Any]] = {}
    for line in lines:
        name, is_there, values = line.partition("=")
        axis = AXES.get(name.strip().replace("-", "_"))
        if not is_there or axis is None:
            raise ValueError(
                f"--grid {line}: expected NAME=VALUE,VALUE, where NAME is one of {', '.join(AXES)}"
            )
        if axis in grid:
            raise ValueError(
                f"--grid {line}: {name} was already given; give all its values in one --grid"
            )
        try:
            grid[axis] = list(dict.fromkeys(readers[axis](text) for text in values.split(",")))
        except ValueError as error:
            kind = next(f.type for f in fields(TrainConfig) if f.name == axis)
            wanted = {"int": "whole numbers", "float": "numbers"}.get(str(kind), "values")
            raise ValueError(
                f"--grid {line}: expected {wanted} after {name}=, separated by commas"
            ) from error
    return grid


@dataclass(frozen=True)
class Sweep:
    """A grid around one configuration.

    Parameters
    ----------
    base : dict
        The fields of a `TrainConfig` that stay.
    grid : dict
        Field → its values.
    """

    base: Mapping[str, Any]
    grid: Mapping[str, Sequence[Any]]

    @property
    def configs(self) -> list[TrainConfig]:
        """Every configuration.

        Raises
        ------
        ValueError
            If one is refused; the message says which.
        """
        configs = []
        for values in itertools.product(*self.grid.values()):
            chosen = dict(zip(self.grid, values, strict=True))
            try:
                configs.append(TrainConfig(**{**self.base, **chosen}))
            except ValueError as error:
                raise ValueError(f"{_label(chosen)}: {error}") from error
        return configs

    @property
    def name(self) -> str:
        """For people: what is swept, and where."""
        return f"sweep {' × '.join(self.grid)} · {self.configs[0].data_name}"

    @property
    def key(self) -> str:
        """The same for the same sweep."""
        grid = {name: list(values) for name, values in self.grid.items()}
        rows = Path(self.base["dataset"]).read_bytes() if self.base.get("target") else b""
        data = hashlib.sha256(rows).hexdigest()
        return _digest({"base": dict(self.base), "grid": grid, "data": data})

    def label(self, config: TrainConfig) -> str:
        """Return what sets a configuration apart from the others."""
        return _label({name: getattr(config, name) for name in self.grid})


@dataclass(frozen=True)
class Trial:
    """One configuration and the run it comes to."""

    config: TrainConfig
    label: str
    parent: str
    uri: str
    source: Mapping[str, str]

    @property
    def shared_key(self) -> int:
        """The seed, for the split depends on it."""
        return self.config.seed


@dataclass(frozen=True)
class Swept:
    """What became of a sweep: a row per configuration, the best first."""

    run_id: str
    table: pd.DataFrame
    num_done_before: int

    @property
    def num_failed(self) -> int:
        """How many configurations did not finish."""
        return int((self.table["status"] != "FINISHED").sum())

    @property
    def conclusion(self) -> str:
        """What the sweep shows, in a sentence or two."""
        done = self.table[self.table["status"] == "FINISHED"]
        if done.empty:
            return "No configuration finished."
        best = done.iloc[0]
        said = (
            f"{best['configuration']} predicts the validation rows best: "
            f"{counted(best['val_cross_entropy_bits'], 'bit', '.4g')} of cross-entropy per row, "
            f"{best['val_accuracy']:.1%} right"
        )
        if len(done) > 1:
            worst = done.iloc[-1]
            said += (
                f"; {worst['configuration']} does worst, with "
                f"{counted(worst['val_cross_entropy_bits'], 'bit', '.4g')}"
            )
        failed = f" {self.num_failed} failed; the tag lab.error says why." * bool(self.num_failed)
        return f"{said}.{failed}"


def run(
    sweep: Sweep,
    on_trial: Callable[[str, str], None],
    on_start: Callable[[int, int], None],
    scheduler: str = "",
    num_workers: int = 0,
) -> Swept:
    """Train what is missing of a sweep, and log what it shows.

    Parameters
    ----------
    sweep : Sweep
    on_trial : callable
        Called with each configuration and what became of it.
    on_start : callable
        Called once, with how many are to be trained and how many were before.
    scheduler : str
        The address of a Dask scheduler; by default processes of this machine.
    num_workers : int
        How many processes; by default one for each core.

    Raises
    ------
    TrackingError
        If the store can't be reached, or by the machines of a cluster.
    ClusterError
        If the scheduler can't be reached.
    """
    _require_reachable(scheduler)
    configs = sweep.configs
    with _parent(sweep) as parent:
        finished = {
            child.tags.get(CONFIG_TAG)
            for child in tracking.children_of(parent.run_id)
            if child.status == "FINISHED"
        }
        missing = [config for config in configs if _digest(asdict(config)) not in finished]
        on_start(len(missing), len(configs) - len(missing))
        if missing:
            for label, said in _train(sweep, missing, parent.run_id, scheduler, num_workers):
                on_trial(label, said)
        table = _table(sweep, configs, parent.run_id)
        swept = Swept(parent.run_id, table, len(configs) - len(missing))
        parent.log_table(table, "configurations")
        parent.log_chart(sweep_chart(table[table["status"] == "FINISHED"]), "configurations")
        parent.describe(f"{swept.conclusion}\n\n{_markdown(table)}")
    return swept


def _train(
    sweep: Sweep, configs: Sequence[TrainConfig], parent: str, scheduler: str, num_workers: int
) -> Iterator[tuple[str, str]]:
    uri, source = tracking.tracking_uri(), tracking.source()
    trials = [Trial(config, sweep.label(config), parent, uri, source) for config in configs]
    first = configs[0]
    data = {
        seed: datasets.load(first.dataset, seed, first.target)
        for seed in dict.fromkeys(config.seed for config in configs)
    }
    try:
        with cluster.connected(scheduler, num_workers) as client:
            for trial, came in cluster.spread(client, _train_one, trials, data):
                error = isinstance(came, Exception)
                yield trial.label, f"failed: {tracking.first_line(came)}" if error else str(came)
    except BaseException:
        with suppress(tracking.TrackingError):
            tracking.end_lost(parent, "KILLED", "the sweep was stopped")
        raise
    with suppress(tracking.TrackingError):
        tracking.end_lost(parent, "FAILED", "its worker was lost")


def _train_one(trial: Trial, dataset: Dataset) -> str:
    """Train one configuration, on whatever machine this is."""
    os.environ["MLFLOW_TRACKING_URI"] = trial.uri
    # The program is the one that sweeps, not the worker.
    tags = {**trial.source, CONFIG_TAG: _digest(asdict(trial.config))}
    finished = runs.train_and_track(
        trial.config,
        dataset,
        lambda epoch: None,
        trial.parent,
        name=f"{trial.label} · {trial.config.data_name}",
        tags=tags,
    )
    return f"val accuracy {finished.last.val.accuracy:.1%}"


def _parent(sweep: Sweep) -> Any:
    """Open the run that the sweep's are part of: that of an earlier start, or a new one."""
    found = tracking.find_run(SWEEP_TAG, sweep.key)
    if found:
        return tracking.resume(found, even_finished=True)
    base = {name: value for name, value in sweep.base.items() if name not in sweep.grid}
    grid = {name: ", ".join(map(str, values)) for name, values in sweep.grid.items()}
    return tracking.track(sweep.name, {**base, **grid}, tags={SWEEP_TAG: sweep.key})


def _require_reachable(scheduler: str) -> None:
    """Refuse a store that the machines of a cluster can't reach."""
    uri = tracking.tracking_uri()
    if not scheduler or (
        uri.startswith(("http://", "https://"))
        and (not cluster.is_loopback(uri) or cluster.is_loopback(scheduler))
    ):
        return
    is_database = "://" in uri and not uri.startswith(("sqlite", "file", "http"))
    if is_database:
        return
    raise tracking.TrackingError(
        f"The workers of {scheduler} can't reach the tracking store {uri}. Start a server that "
        "they can reach, `mlflow server --host 0.0.0.0 --backend-store-uri "
        f"{uri if uri.startswith('sqlite') else 'sqlite:///mlflow.db'}`, and set "
        "MLFLOW_TRACKING_URI to its address"
    )


def _table(sweep: Sweep, configs: Sequence[TrainConfig], parent: str) -> pd.DataFrame:
    """Return a row per configuration: the finished run of each, else its last."""
    by_config: dict[str, tracking.Child] = {}
    for child in tracking.children_of(parent):
        key = child.tags.get(CONFIG_TAG, "")
        if key not in by_config or by_config[key].status != "FINISHED":
            by_config[key] = child
    rows = []
    for config in configs:
        found = by_config.get(_digest(asdict(config)))
        metrics = found.metrics if found else {}
        rows.append(
            {
                "configuration": sweep.label(config),
                **{name: getattr(config, name) for name in sweep.grid},
                **{
                    f"val_{name}": metrics.get(f"final/val_{name}")
                    for name in ("loss", "cross_entropy_bits", "accuracy", "entropy_bits")
                },
                "status": found.status if found else "not started",
                "error": found.tags.get(tracking.ERROR_TAG, "") if found else "",
                "run_id": found.run_id if found else "",
            }
        )
    frame = pd.DataFrame(rows)
    return frame.sort_values("val_cross_entropy_bits", na_position="last", ignore_index=True)


def _markdown(table: pd.DataFrame) -> str:
    lines = ["| configuration | cross-entropy (bits) | accuracy | |", "|---|---|---|---|"]
    for row in table.to_dict("records"):
        if row["status"] == "FINISHED":
            figures = f"{row['val_cross_entropy_bits']:.4f} | {row['val_accuracy']:.1%} |"
        else:
            figures = f"| | {row['status']}: {row['error']}"
        lines.append(f"| {row['configuration']} | {figures} |")
    return "\n".join(lines)


def _label(chosen: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in chosen.items())


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
