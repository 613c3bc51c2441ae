"""The command line: `python -m experiments`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext

import click
import pandas as pd
from tqdm import tqdm

from experiments import datasets, runs, serve, tracking
from experiments.config import TrainConfig
from experiments.runs import FinishedRun
from experiments.training import Epoch


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Training runs and entropy curves, logged to MLflow.

    Runs are kept in runs/ (SQLite), or where MLFLOW_TRACKING_URI says.
    """


@cli.command()
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the split, the weights and the batches. The same seed gives the same numbers.",
)
@click.option(
    "--serve",
    "and_serve",
    is_flag=True,
    help="Also start the MLflow UI and the dashboard, and keep them until Ctrl-C.",
)
def demo(seed: int, and_serve: bool) -> None:
    r"""Train the sample runs: both heads on digits, the binary one on breast cancer.

    \b
    Examples:
      python -m experiments demo
      python -m experiments demo --seed 1 --serve
    """
    with serve.servers(click.echo) if and_serve else nullcontext() as addresses:
        finished = [_train(config) for config in runs.demo_configs(seed)]
        click.echo(f"\n{_table(finished)}\n")
        if addresses is None:
            click.echo(f"Runs in the MLflow UI: {tracking.ui_link()}")
            if tracking.ui_address() == tracking.DEFAULT_UI:
                click.echo("Start it, and the dashboard, with: python -m experiments serve")
        else:
            _show_until_interrupt(addresses)


@cli.command(name="serve")
def serve_command() -> None:
    r"""Start the MLflow UI and the dashboard on 127.0.0.1, and stop both on Ctrl-C.

    \b
    Example:
      python -m experiments serve
    """
    with serve.servers(click.echo) as addresses:
        _show_until_interrupt(addresses)


def main() -> None:
    """Run the command line; what a user can mend is one line on stderr, never a traceback."""
    try:
        cli(prog_name="python -m experiments")
    except (tracking.TrackingError, serve.ServeError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


def _train(config: TrainConfig) -> FinishedRun:
    dataset = datasets.load(config.dataset, config.seed)
    # disable=None: a bar on a terminal, nothing elsewhere.
    with tqdm(
        total=config.num_epochs, desc=config.run_name, unit="epoch", leave=False, disable=None
    ) as bar:

        def show(epoch: Epoch) -> None:
            bar.set_postfix_str(f"val loss {epoch.val.loss:.4f}", refresh=False)
            bar.update(int(epoch.number > 0))

        finished = runs.train_and_track(config, dataset, show)
    click.echo(f"{config.run_name}: val accuracy {finished.last.val.accuracy:.1%}")
    return finished


def _table(finished: Sequence[FinishedRun]) -> str:
    rows = [
        {
            "run": run.config.run_name,
            "id": run.run_id[:8],
            "val loss (nats)": f"{run.last.val.loss:.4f}",
            "val accuracy": f"{run.last.val.accuracy:.1%}",
            "val entropy (bits)": f"{run.last.val.entropy_bits:.4f}",
        }
        for run in finished
    ]
    return pd.DataFrame(rows).to_string(index=False)


def _show_until_interrupt(addresses: serve.Addresses) -> None:
    click.echo(f"Dashboard:  {addresses.dashboard}")
    click.echo(f"MLflow UI:  {tracking.ui_link()}")
    click.echo("Ctrl-C stops both.")
    serve.wait_for_interrupt()
    click.echo("\nStopped.")
