"""A training run from its config to its place in MLflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from core.heads import HEADS
from experiments import tracking
from experiments.charts.history import history_chart
from experiments.config import TrainConfig
from experiments.curves import history_frame
from experiments.datasets import Dataset
from experiments.training import Epoch, train

# Both heads on exclusive classes, and the binary one, each linear and with a hidden layer.
DEMO = tuple(
    (dataset, head, hidden)
    for dataset, head in (
        ("digits", "softmax_cce"),
        ("digits", "ovr_sigmoid_bce"),
        ("breast_cancer", "sigmoid_bce"),
    )
    for hidden in (0, 32)
)


@dataclass(frozen=True)
class FinishedRun:
    """A run that is in MLflow."""

    run_id: str
    config: TrainConfig
    last: Epoch


def demo_configs(seed: int) -> list[TrainConfig]:
    """Return the sample runs."""
    return [TrainConfig(dataset, head, hidden, seed=seed) for dataset, head, hidden in DEMO]


def train_and_track(
    config: TrainConfig, dataset: Dataset, on_epoch: Callable[[Epoch], None]
) -> FinishedRun:
    """Train one classifier and log it whole: inputs, curves, charts and the model.

    Raises
    ------
    TrackingError
        If the store can't be reached or opened.
    """
    params = {**asdict(config), "optimizer": "adam", "num_classes": len(dataset.class_names)}
    with tracking.track(config.run_name, params, _description(config, dataset)) as run:
        run.log_dataset(dataset)
        epochs = []
        for epoch in train(config, dataset):
            run.log_metrics(epoch.metrics(), step=epoch.number)
            epochs.append(epoch)
            on_epoch(epoch)
        run.log_metrics(epochs[-1].final_metrics())
        history = history_frame(config.run_name, epochs)
        run.log_chart(history_chart(history, "entropy_bits"), "entropy_curve")
        run.log_chart(history_chart(history, "loss"), "loss_curve")
        run.log_model(config, dataset, epochs[-1].params)
    return FinishedRun(run.run_id, config, epochs[-1])


def _description(config: TrainConfig, dataset: Dataset) -> str:
    head = HEADS[config.head]
    return (
        f"**{head.title}** on {dataset.spec.title} ([source]({dataset.spec.source})); "
        f"{config.model} model.\n\n{head.meaning}\n\n"
        "Losses are in nats, entropies in bits. Charts: the artifact folder `charts`."
    )
