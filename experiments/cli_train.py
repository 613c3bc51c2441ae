"""The commands that train: `train`, `compare`, `sweep`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import pandas as pd
from tqdm import tqdm

from core.heads import HEADS, heads_for
from experiments import datasets, runs, sweeps, tracking
from experiments.config import CLASS_WEIGHTS, MAX_HIDDEN, MAX_SEED, TrainConfig
from experiments.datasets import Dataset
from experiments.runs import FinishedRun
from experiments.training import Epoch

Command = Callable[..., None]


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


MOST_WRITTEN_OUT = 1e6
SEED = click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    default=0,
    show_default=True,
    help="Seeds the split, the weights and the batches; the same seed gives the same numbers.",
)
DATA = _options(
    click.option(
        "--dataset",
        type=click.Choice(list(datasets.DATASETS)),
        default="digits",
        show_default=True,
        help="A sample data set.",
    ),
    click.option(
        "--data",
        type=click.Path(dir_okay=False),
        help="Your own table instead: .csv or .parquet, all columns but the target numeric.",
    ),
    click.option("--target", help="The column of your table with the classes."),
)
TRAINING = _options(
    click.option(
        "--hidden",
        type=click.IntRange(0, MAX_HIDDEN),
        default=0,
        show_default=True,
        help="Units in the hidden layer; 0 gives a linear model.",
    ),
    click.option(
        "--epochs",
        "num_epochs",
        type=click.IntRange(1),
        default=30,
        show_default=True,
        help="Passes over the training rows.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1),
        default=32,
        show_default=True,
        help="Rows in a training step.",
    ),
    click.option(
        "--learning-rate", type=float, default=3e-3, show_default=True, help="Adam's step size."
    ),
    click.option(
        "--label-smoothing",
        type=float,
        default=0.0,
        show_default=True,
        help="The share of each target that is spread evenly over the classes, from 0 to 1.",
    ),
    click.option(
        "--class-weight",
        type=click.Choice(CLASS_WEIGHTS),
        default="none",
        show_default=True,
        help="balanced gives rare classes as much weight as frequent ones.",
    ),
    SEED,
)


@click.command(name="train")
@DATA
@click.option(
    "--head",
    type=click.Choice(list(HEADS)),
    help="Activation and loss; by default the first that fits the data.",
)
@TRAINING
@click.option("--mistakes", is_flag=True, help="Accept a head that is a mistake.")
@click.option(
    "--resume",
    metavar="RUN_ID",
    help="Continue a run whose process was killed, with its own settings.",
)
@click.pass_context
def train_command(
    context: click.Context,
    dataset: str,
    data: str | None,
    target: str | None,
    head: str | None,
    resume: str | None,
    **options: Any,
) -> None:
    """Train one classifier and log the run.

    \b
    Examples:
      python -m experiments train --dataset digits --hidden 32
      python -m experiments train --dataset iris --head ovr_sigmoid_bce --label-smoothing 0.1
      python -m experiments train --data table.csv --target kind --class-weight balanced
      python -m experiments train --resume 0123456789abcdef0123456789abcdef
    """
    if resume is not None:
        _require_alone(context, "resume")
        config = runs.config_of(resume)
        finished = _train(config, _load(config), resume=resume)
        click.echo(f"\n{_table([finished])}\n")
        say_where()
        return
    with _refused():
        dataset, target = _chosen_data(dataset, data, target)
        head = head or heads_for(datasets.spec_of(dataset, target).task)[0].name
        config = TrainConfig(dataset, head, target=target, **options)
    finished = _train(config, _load(config))
    click.echo(f"\n{_table([finished])}\n")
    say_where()


@click.command(name="compare")
@DATA
@TRAINING
@click.option("--mistakes", is_flag=True, help="Include the heads that are common mistakes.")
def compare_command(
    dataset: str, data: str | None, target: str | None, mistakes: bool, **options: Any
) -> None:
    """Train every head that fits the data, and compare them.

    All use the same rows and seed, and are children of one run.

    \b
    Examples:
      python -m experiments compare --dataset digits --mistakes
      python -m experiments compare --data table.parquet --target kind --hidden 32
    """
    with _refused():
        dataset, target = _chosen_data(dataset, data, target)
        heads = heads_for(datasets.spec_of(dataset, target).task, mistakes=mistakes)
        is_plain = not options["label_smoothing"] and options["class_weight"] == "none"
        configs = [
            TrainConfig(dataset, head.name, target=target, mistakes=mistakes, **options)
            for head in heads
            if head.takes_options or is_plain
        ]
    for head in heads:
        if not (head.takes_options or is_plain):
            click.echo(f"Left out: {head.title}, which takes neither smoothing nor class weights.")
    say_where(parent=compared(configs).run_id)


@click.command(name="sweep")
@DATA
@click.option(
    "--head",
    type=click.Choice(list(HEADS)),
    help="Activation and loss; by default the first that fits the data.",
)
@TRAINING
@click.option("--mistakes", is_flag=True, help="Accept heads that are mistakes.")
@click.option(
    "--grid",
    "lines",
    multiple=True,
    required=True,
    metavar="NAME=VALUE,VALUE",
    help=f"A setting and its values; may be repeated. NAME is one of {', '.join(sweeps.AXES)}.",
)
@click.option(
    "--workers",
    "num_workers",
    type=click.IntRange(1),
    help="How many processes to start; by default one per core.",
)
@click.option(
    "--scheduler", default="", help="Use the Dask cluster at this address, tcp://host:port."
)
def sweep_command(
    dataset: str,
    data: str | None,
    target: str | None,
    head: str | None,
    lines: tuple[str, ...],
    num_workers: int | None,
    scheduler: str,
    **options: Any,
) -> None:
    """Train every configuration of a grid.

    Several are trained at once, as children of one run. Run again, a sweep trains only what is
    missing. A configuration that fails reports why, and the others continue.

    \b
    Examples:
      python -m experiments sweep --grid learning_rate=0.001,0.01,0.1 --grid hidden=0,32
      python -m experiments sweep --dataset iris --grid head=softmax_cce,ovr_sigmoid_bce
      python -m experiments sweep --grid batch_size=16,64,256 --scheduler tcp://10.0.0.7:8786
    """
    if num_workers and scheduler:
        raise click.UsageError(
            "--workers and --scheduler exclude each other: a cluster has its own workers"
        )
    with _refused():
        dataset, target = _chosen_data(dataset, data, target)
        head = head or heads_for(datasets.spec_of(dataset, target).task)[0].name
        base = {"dataset": dataset, "head": head, "target": target, **options}
        sweep = sweeps.Sweep(base, sweeps.read_grid(lines))
        # Every one is checked before the first is trained.
        _ = sweep.configs
    swept = swept_over(sweep, scheduler, num_workers or 0)
    say_where(parent=swept.run_id)
    if swept.num_failed:
        sys.exit(1)


def compared(configs: Sequence[TrainConfig]) -> runs.Comparison:
    """Train each configuration as a child of one run, and print what that shows."""
    comparison = runs.compare(configs, _load(configs[0]), _train)
    click.echo(f"\n{_table(comparison.children)}\n\n{comparison.conclusion}\n")
    return comparison


def swept_over(sweep: sweeps.Sweep, scheduler: str = "", num_workers: int = 0) -> sweeps.Swept:
    """Train every configuration of a grid, and print how each did."""
    total = len(sweep.configs)
    with tqdm(total=total, desc=sweep.name, unit="run", leave=False, disable=None) as bar:

        def start(num_missing: int, num_done: int) -> None:
            if num_done:
                tqdm.write(f"{num_done} of {total} were trained before.")
            bar.reset(num_missing)

        def show(label: str, said: str) -> None:
            tqdm.write(f"{label}: {said}")
            bar.update()

        swept = sweeps.run(sweep, show, start, scheduler, num_workers)
    click.echo(f"\n{_swept_table(swept)}\n\n{swept.conclusion}\n")
    return swept


@contextmanager
def _refused() -> Iterator[None]:
    """Turn what a config refuses into one line."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _chosen_data(dataset: str, data: str | None, target: str | None) -> tuple[str, str]:
    if (data is None) != (target is None):
        raise click.UsageError(
            "--data and --target go together: give a table and its column of classes"
        )
    if data is None or target is None:
        return dataset, ""
    if not (data and target):
        raise click.UsageError("--data and --target must not be empty")
    return data, target


def say_where(experiment: str = tracking.EXPERIMENT, parent: str = "") -> None:
    """Print the link to the runs of an experiment."""
    click.echo(f"Runs in the MLflow UI: {tracking.ui_link(experiment, parent)}")
    if tracking.ui_address() == tracking.DEFAULT_UI:
        click.echo("If nothing answers there, `make serve` starts it, with the dashboard.")


def _require_alone(context: click.Context, name: str) -> None:
    for other in context.params:
        source = context.get_parameter_source(other)
        if other != name and source == click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} goes alone: the run keeps its own settings")


def _load(config: TrainConfig) -> Dataset:
    return datasets.load(config.dataset, config.seed, config.target)


def _train(
    config: TrainConfig, dataset: Dataset, parent: str = "", resume: str | None = None
) -> FinishedRun:
    # disable=None: a bar on a terminal, nothing elsewhere.
    with tqdm(
        total=config.num_epochs, desc=config.run_name, unit="epoch", leave=False, disable=None
    ) as bar:

        def show(epoch: Epoch) -> None:
            bar.set_postfix_str(f"val loss {epoch.val.loss:.4f}", refresh=False)
            bar.update(epoch.number - bar.n)

        if resume:
            finished = runs.resume_and_track(resume, config, dataset, show)
        else:
            finished = runs.train_and_track(config, dataset, show, parent)
    click.echo(f"{config.run_name}: val accuracy {finished.last.val.accuracy:.1%}")
    return finished


def _table(finished: Sequence[FinishedRun]) -> str:
    rows = [
        {
            "run": run.config.run_name,
            "id": run.run_id,
            "val loss": _short(run.last.val.loss),
            "val cross-entropy (bits)": _short(run.last.val.cross_entropy_bits),
            "val accuracy": f"{run.last.val.accuracy:.1%}",
            "val entropy (bits)": f"{run.last.val.entropy_bits:.4f}",
        }
        for run in finished
    ]
    return pd.DataFrame(rows).to_string(index=False)


def _short(value: float) -> str:
    return f"{value:.4f}" if value < MOST_WRITTEN_OUT else f"{value:.4g}"


def _swept_table(swept: sweeps.Swept) -> str:
    rows = [
        {
            "configuration": row["configuration"],
            "id": row["run_id"],
            "status": row["status"],
            "val cross-entropy (bits)": f"{row['val_cross_entropy_bits']:.5g}",
            "val accuracy": f"{row['val_accuracy']:.1%}",
        }
        for row in swept.table.to_dict("records")
    ]
    return pd.DataFrame(rows).replace({"nan": "", "nan%": ""}).to_string(index=False)
