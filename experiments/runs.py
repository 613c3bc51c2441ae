"""Training runs, from their config to MLflow."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import pandas as pd

from core.heads import HEADS
from experiments import checkpoints, models, tracking
from experiments.charts.history import history_chart
from experiments.charts.predictions import pull_chart
from experiments.charts.theory import curve_chart
from experiments.config import TrainConfig
from experiments.curves import Curve, theory
from experiments.datasets import Dataset
from experiments.descent import State
from experiments.frames import history_frame, pull_frame
from experiments.outputs import Outputs
from experiments.training import Epoch, start, train

CURVE_TAG = "lab.curve"
# Times the bits of the best: what is below is no difference on a few hundred rows.
ABOUT = 1.05

# MLflow keeps a parameter as text, and so does a command line.
READERS: dict[Any, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: text == "True",
}


@dataclass(frozen=True)
class FinishedRun:
    """A run that is in MLflow."""

    run_id: str
    config: TrainConfig
    epochs: tuple[Epoch, ...]

    @property
    def last(self) -> Epoch:
        """The state after training."""
        return self.epochs[-1]


def train_and_track(
    config: TrainConfig,
    dataset: Dataset,
    on_epoch: Callable[[Epoch], None],
    parent: str = "",
    name: str = "",
    tags: Mapping[str, str] | None = None,
) -> FinishedRun:
    """Train one classifier and log it whole: inputs, curves, charts and the model.

    Parameters
    ----------
    config : TrainConfig
    dataset : Dataset
        The rows of `config.dataset`.
    on_epoch : callable
        Called with each epoch when it is logged.
    parent : str
        The id of the run that this one is part of.
    name : str
        By default head, model and data set.
    tags : mapping, optional
        To find the run by.

    Raises
    ------
    TrackingError
        If the store can't be reached or opened.
    DivergedError
        If the loss is no longer a finite number.
    """
    params = {**asdict(config), "optimizer": "adam", "num_classes": len(dataset.class_names)}
    description = _description(config, dataset)
    name = name or config.run_name
    with tracking.track(name, params, description, parent, tags=tags) as run:
        run.log_dataset(dataset)
        return _train_and_log(run, config, dataset, start(config, dataset), [], on_epoch)


def config_of(run_id: str) -> TrainConfig:
    """Return the config of a run in the store.

    Raises
    ------
    TrackingError
        If the store can't be reached, or has no such run of a training.
    """
    params = tracking.params_of(run_id)
    try:
        return TrainConfig(
            **{field.name: READERS[field.type](params[field.name]) for field in fields(TrainConfig)}
        )
    except (KeyError, ValueError) as error:
        raise tracking.TrackingError(f"Run {run_id} can't be resumed: {error}") from error


def resume_and_track(
    run_id: str, config: TrainConfig, dataset: Dataset, on_epoch: Callable[[Epoch], None]
) -> FinishedRun:
    """Go on with a run whose process is gone, from its last checkpoint to the same end.

    Raises
    ------
    TrackingError
        If the store can't be reached, the run is finished or has no checkpoint.
    """
    path = tracking.checkpoint_path(run_id)
    if not path.exists():
        raise tracking.TrackingError(
            f"Run {run_id} has no checkpoint at {path}: it has finished, or ran on another machine"
        )
    try:
        state, epochs = checkpoints.load(path, config)
    except (OSError, ValueError) as error:
        raise tracking.TrackingError(f"Run {run_id} can't be resumed: {error}") from error
    with tracking.resume(run_id) as run:
        # Where it stands is yielded, and recorded, once more.
        return _train_and_log(run, config, dataset, state, epochs[:-1], on_epoch)


def _train_and_log(
    run: tracking.Run,
    config: TrainConfig,
    dataset: Dataset,
    state: State,
    epochs: list[Epoch],
    on_epoch: Callable[[Epoch], None],
) -> FinishedRun:
    path = tracking.checkpoint_path(run.run_id)
    for epoch in train(config, dataset, state):
        run.log_metrics(epoch.metrics(), step=epoch.number)
        epochs.append(epoch)
        try:
            checkpoints.save(path, state, epochs)
        except OSError as error:
            raise tracking.TrackingError(f"The checkpoint can't be written: {error}") from error
        on_epoch(epoch)
    run.log_metrics(epochs[-1].final_metrics())
    history = history_frame(config.run_name, epochs)
    run.log_chart(history_chart(history, ["entropy_bits"]), "entropy_curve")
    run.log_chart(history_chart(history, ["loss"]), "loss_curve")
    run.log_chart(pull_chart(pull_frame(epochs)), "gradient_pull")
    logits, _ = models.forward(epochs[-1].params, dataset.val.inputs)
    head = HEADS[config.head]
    run.log_outputs(Outputs(head, logits, dataset.val.labels, dataset.class_names), "val")
    run.log_model(config, dataset, epochs[-1].params)
    path.unlink()
    return FinishedRun(run.run_id, config, tuple(epochs))


@dataclass(frozen=True)
class Comparison:
    """Heads trained on the same rows from the same seed, as children of one run."""

    run_id: str
    children: tuple[FinishedRun, ...]

    @property
    def conclusion(self) -> str:
        """What the comparison shows, in a sentence or two."""
        best, *others = sorted(self.children, key=_bits)
        said = (
            f"{_title(best)} predicts the validation rows best: {_bits(best):.3f} bits of "
            f"cross-entropy per row, {best.last.val.accuracy:.1%} right"
        )
        for run in others:
            times = _bits(run) / _bits(best)
            needs = f"{times:.1f} times the bits" if times >= ABOUT else "about as many bits"
            said += f"; {_title(run)} needs {needs} ({run.last.val.accuracy:.1%})"
        return said + "."


def compare(
    configs: Sequence[TrainConfig], dataset: Dataset, train_child: Callable[..., FinishedRun]
) -> Comparison:
    """Train each config as a child of one run, which ends with what the comparison shows.

    Parameters
    ----------
    configs : sequence of TrainConfig
        Heads on the same data set and seed.
    dataset : Dataset
        Their rows.
    train_child : callable
        (config, dataset, parent) → the finished run.

    Raises
    ------
    TrackingError
        If the store can't be reached or opened.
    """
    first = configs[0]
    params = {"dataset": first.dataset, "hidden": first.hidden, "seed": first.seed}
    name = f"compare heads · {first.model} · {dataset.spec.name}"
    with tracking.track(name, params) as run:
        comparison = Comparison(
            run.run_id, tuple(train_child(config, dataset, run.run_id) for config in configs)
        )
        history = pd.concat(
            [history_frame(_title(child), child.epochs) for child in comparison.children],
            ignore_index=True,
        )
        for metric in ("cross_entropy_bits", "entropy_bits", "accuracy"):
            run.log_chart(history_chart(history, [metric]), metric)
        run.describe(_summary(comparison, dataset))
    return comparison


def track_theory() -> int:
    """Log each curve of the theory as a run: its points as a metric, and its chart.

    Those that the store has whole already stay as they are.

    Returns
    -------
    int
        How many were logged.

    Raises
    ------
    TrackingError
        If the store can't be reached or opened.
    """
    missing = [
        (curve, key)
        for curve in theory()
        if not tracking.find_run(CURVE_TAG, key := _digest(curve), tracking.THEORY)
    ]
    for curve, key in missing:
        description = (
            f"{curve.meaning}\n\nThe step of a metric is {curve.steps_per_unit} times the "
            f"{curve.x_title}. The chart is in the artifact folder `charts`."
        )
        params = {"x": curve.x_title, "y": curve.y_title, "steps_per_unit": curve.steps_per_unit}
        with tracking.track(curve.name, params, description, experiment=tracking.THEORY) as run:
            points = curve.frame[["curve", "value", "step"]].itertuples(index=False)
            run.log_points(
                [(f"{curve.name}/{_key(name)}", value, step) for name, value, step in points]
            )
            run.log_chart(curve_chart(curve.frame, curve.x_title, curve.y_title), curve.name)
            # The last: a run that was cut off has none.
            run.set_tags({CURVE_TAG: key})
    return len(missing)


def _digest(curve: Curve) -> str:
    said = "\n".join([curve.name, curve.meaning, curve.x_title, curve.y_title])
    points = curve.frame.to_csv(index=False, float_format="%.12g")
    return hashlib.sha256(f"{said}\n{points}".encode()).hexdigest()[:16]


def _key(curve: str) -> str:
    return curve.replace(" = ", "_").replace(" ", "_")


def _title(run: FinishedRun) -> str:
    return HEADS[run.config.head].title


def _bits(run: FinishedRun) -> float:
    return max(run.last.val.cross_entropy_bits, sys.float_info.min)


def _summary(comparison: Comparison, dataset: Dataset) -> str:
    lines = [
        f"{comparison.conclusion}\n\nThe validation rows of {dataset.spec.title}:\n",
        "| head | cross-entropy (bits) | accuracy | entropy (bits) | what it assumes |",
        "|---|---|---|---|---|",
    ]
    for child in comparison.children:
        val = child.last.val
        lines.append(
            f"| {_title(child)} | {val.cross_entropy_bits:.4f} | {val.accuracy:.1%} | "
            f"{val.entropy_bits:.4f} | {HEADS[child.config.head].meaning} |"
        )
    return "\n".join(lines)


def _description(config: TrainConfig, dataset: Dataset) -> str:
    head = HEADS[config.head]
    return (
        f"**{head.title}** on {dataset.spec.title} ([source]({dataset.spec.source})); "
        f"{config.model} model.\n\n{head.meaning}\n\n"
        "Losses are in nats, entropies in bits. Charts are in the artifact folder `charts`."
    )
