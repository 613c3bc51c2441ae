"""The command line: `python -m experiments`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType

import click
import pandas as pd
from tqdm import tqdm

from experiments import datasets, runs, serve, tracking
from experiments.config import MAX_SEED, TrainConfig
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
    type=click.IntRange(0, MAX_SEED),
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
    """Train both heads on digits and the binary one on breast cancer, and log the runs.

    \b
    Examples:
      python -m experiments demo
      python -m experiments demo --seed 1 --serve
    """
    with _servers() if and_serve else nullcontext() as running:
        finished = [_train(config) for config in runs.demo_configs(seed)]
        click.echo(f"\n{_table(finished)}\n")
        click.echo(f"Runs in the MLflow UI: {tracking.ui_link()}")
        if running:
            _wait_for_interrupt(running)
        elif tracking.ui_address() == tracking.DEFAULT_UI:
            click.echo("Start it, and the dashboard, with: make serve")


@cli.command(name="serve")
def serve_command() -> None:
    """Start the MLflow UI and the dashboard, and stop both on Ctrl-C.

    \b
    Example:
      python -m experiments serve
    """
    with _servers() as running:
        _wait_for_interrupt(running)


def main() -> None:
    """Run the command line; what a user can mend is one line on stderr, never a traceback."""
    _stop_as_on_interrupt()
    try:
        cli(prog_name="python -m experiments")
    except (tracking.TrackingError, serve.ServeError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


def _stop_as_on_interrupt() -> None:
    """Let SIGTERM and a closed terminal end what runs as Ctrl-C does, nothing left behind."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)


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


@contextmanager
def _servers() -> Iterator[serve.Servers]:
    click.echo("Starting the dashboard and the MLflow UI …")
    with serve.servers(click.echo) as running:
        click.echo(f"Dashboard:  {running.dashboard}")
        click.echo(f"MLflow UI:  {tracking.ui_link()}")
        yield running


def _wait_for_interrupt(running: serve.Servers) -> None:
    click.echo("Ctrl-C stops the dashboard and the MLflow UI.")
    serve.wait_for_interrupt(running)
    click.echo("\nStopped.")
