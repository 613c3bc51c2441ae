"""Prediction files summarised by the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from core.diagnosis import Summary
from experiments import cluster
from experiments.diagnosis.rows import Fits, Rows, Settings, summed_here
from experiments.predictions import Predictions, PredictionsError


@dataclass(frozen=True)
class _Task:
    part: Predictions
    shared_key: str = ""


def summed_there(
    client: Any,
    predictions: Predictions,
    settings: Settings,
    temperature: float,
    on_rows: Callable[[int], None],
) -> Summary:
    """Return the summary of all rows, file by file; `on_rows` is told how many more are through."""
    parts = predictions.parts()
    if predictions.num_rows is None:
        counted = dict(_spread(client, _count, parts, None))
        parts = predictions.parts([counted[part] for part in parts])
    whole = Summary(None, settings.kind, settings.loss, temperature)
    for _, summary in _spread(client, _summarize, parts, (settings, temperature)):
        with Fits(predictions):
            whole.merge(summary)
        on_rows(summary.num_rows)
    return whole


def _spread(
    client: Any, work: Callable[..., Any], parts: tuple[Predictions, ...], shared: Any
) -> Iterator[tuple[Predictions, Any]]:
    tasks = [_Task(part) for part in parts]
    for task, result in cluster.spread(client, work, tasks, {"": shared}):
        if isinstance(result, PredictionsError):
            raise result
        if isinstance(result, Exception):
            raise cluster.ClusterError(
                f"{task.part.name}: a worker could not read this file: {result}. It must be at the "
                "same path on every worker"
            )
        yield task.part, result


def _summarize(task: _Task, shared: tuple[Settings, float]) -> Summary:
    settings, temperature = shared
    return summed_here(Rows(task.part), settings, temperature, lambda rows: None)


def _count(task: _Task, shared: None) -> int:
    return sum(len(batch.scores) for batch in task.part.batches())
