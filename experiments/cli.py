"""The command line: `python -m experiments`."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from types import FrameType

import click

from experiments.errors import UserError

# Command → where it is. A diagnosis need not wait for the imports of a training.
_COMMANDS = {
    "train": "cli_train",
    "compare": "cli_train",
    "sweep": "cli_train",
    "curves": "cli_runs",
    "sync": "cli_runs",
    "demo": "cli_runs",
    "serve": "cli_runs",
    "diagnose": "cli_diagnose",
}


INTERRUPTED = 130


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = getattr(
            import_module(f"experiments.{_COMMANDS[name]}"), f"{name}_command"
        )
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Train classifiers, track the runs in MLflow, and diagnose the outputs of your own.

    Runs are stored in runs/ (SQLite), or in the store that MLFLOW_TRACKING_URI names.
    """


def main() -> None:
    """Run the command line; an error that a user can fix is one line on stderr, no traceback."""
    _stop_as_on_interrupt()
    try:
        sys.exit(cli.main(prog_name="python -m experiments", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        # Not the 1 that click ends with: of a diagnosis that would say that something was found.
        click.echo("Stopped.", err=True)
        sys.exit(INTERRUPTED)
    except UserError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except MemoryError as error:
        # NumPy says how much it asked for.
        click.echo(f"Error: There is not enough memory. {error}".rstrip(), err=True)
        sys.exit(1)


def _stop_as_on_interrupt() -> None:
    """Let SIGTERM and a closed terminal end a command as Ctrl-C does, with nothing left behind."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)
