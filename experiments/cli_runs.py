"""The commands beside training: `curves`, `sync`, `demo`, `serve`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import click

from core.heads import heads_for
from core.words import counted
from experiments import runs, serve, sweeps, tracking
from experiments.cli_train import SEED, compared, say_where, swept_over
from experiments.config import TrainConfig

DEMO_HIDDEN = (0, 32)


@click.command(name="curves")
def curves_command() -> None:
    """Log the theoretical curves as runs.

    Entropy, surprisal, BCE, CCE, KL divergence, temperature and label smoothing. Curves that the
    store already has are not logged again.

    \b
    Example:
      python -m experiments curves
    """
    if not runs.track_theory():
        click.echo("The store already has all of them.")
    say_where(tracking.THEORY)


@click.command(name="sync")
def sync_command() -> None:
    """Send what interrupted runs could not send.

    The store was away, or the process of the run was killed: the run's data is still on this
    machine. Runs whose process is gone are ended.

    \b
    Example:
      python -m experiments sync
    """
    synced = list(tracking.sync())
    for run in synced:
        if run.problem:
            click.echo(f"{run.run_id}: not sent, but kept: {run.problem}", err=True)
        else:
            click.echo(f"{run.run_id}: {counted(run.num_points, 'point')} sent, {run.status}")
    if not synced:
        click.echo("Nothing is waiting to be sent.")
    if any(run.problem for run in synced):
        sys.exit(1)


@click.command(name="demo")
@SEED
@click.option(
    "--serve",
    "and_serve",
    is_flag=True,
    help="Also run the MLflow UI and the dashboard, until Ctrl-C.",
)
def demo_command(seed: int, and_serve: bool) -> None:
    """Train the sample runs.

    Compares the heads on digits, sweeps a small grid on breast cancer, and logs the theoretical
    curves.

    \b
    Examples:
      python -m experiments demo
      python -m experiments demo --seed 1 --serve
    """
    with _servers() if and_serve else nullcontext() as running:
        for hidden in DEMO_HIDDEN:
            compared(
                [
                    TrainConfig("digits", head.name, hidden, seed=seed)
                    for head in heads_for("exclusive")
                ]
            )
        base = {"dataset": "breast_cancer", "head": "sigmoid_bce", "seed": seed}
        swept_over(sweeps.Sweep(base, {"hidden": DEMO_HIDDEN}))
        runs.track_theory()
        if running:
            click.echo(f"Runs in the MLflow UI: {tracking.ui_link()}")
            _wait_for_interrupt(running)
        else:
            say_where()


@click.command(name="serve")
def serve_command() -> None:
    """Run the MLflow UI and the dashboard, until Ctrl-C.

    \b
    Example:
      python -m experiments serve
    """
    with _servers() as running:
        _wait_for_interrupt(running)


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
