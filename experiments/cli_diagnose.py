"""The command `diagnose`: what is wrong with the outputs of a classifier.

What most calls don't need is imported where it is used: with charts, MLflow and a progress bar a
call takes twice the time.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import click

from core.diagnosis import Evidence, Kind, Loss
from experiments import predictions, report
from experiments.diagnosis import passes
from experiments.diagnosis.passes import Diagnosed, OnRows
from experiments.diagnosis.rows import Settings
from experiments.errors import UserError
from experiments.predictions import Predictions, PredictionsError

FOUND, UNREADABLE = 1, 2
_FAILING = {"error": ("error",), "warning": ("error", "warning")}
_NARROWEST, _WIDEST = 40, 100


@click.command(name="diagnose")
@click.argument("files", nargs=-1, metavar="FILE…")
@click.option(
    "--scores", default="", help="The score columns: names or patterns, such as a,b or out_*."
)
@click.option(
    "--labels", default="", help="The label column; several if there is a target per class."
)
@click.option(
    "--kind",
    type=click.Choice(get_args(Kind)),
    default="auto",
    show_default=True,
    help="What the scores are; auto decides by names such as logit_0, else by the numbers.",
)
@click.option(
    "--loss", type=click.Choice(get_args(Loss)), help="The loss that the scores are passed to."
)
@click.option(
    "--calibration-data",
    "calibration",
    metavar="FILE",
    help="Other rows of the same model, to fit the temperature on.",
)
@click.option("--json", "json_path", metavar="PATH", help="Write everything as JSON; - is stdout.")
@click.option("--html", "html_path", metavar="PATH", help="Write the report as one HTML file.")
@click.option("--csv", "csv_path", metavar="PATH", help="Write the ledger: what each row costs.")
@click.option("--track", is_flag=True, help="Log the diagnosis to MLflow too.")
@click.option(
    "--run", "run_id", metavar="RUN_ID", help="Diagnose the outputs of a run, instead of a file."
)
@click.option(
    "--split",
    default="val",
    show_default=True,
    help="The outputs of the run to use.",
)
@click.option(
    "--scheduler", default="", help="Use the Dask cluster at this address, tcp://host:port."
)
@click.option(
    "--fail-on",
    type=click.Choice(list(_FAILING)),
    default="error",
    show_default=True,
    help="The least severe finding that makes the exit code 1.",
)
@click.pass_context
def diagnose_command(
    context: click.Context,
    files: tuple[str, ...],
    scores: str,
    labels: str,
    kind: Kind,
    loss: Loss | None,
    calibration: str | None,
    json_path: str | None,
    html_path: str | None,
    csv_path: str | None,
    track: bool,
    run_id: str | None,
    split: str,
    scheduler: str,
    fail_on: str,
) -> None:
    """Find out what is wrong with scores and labels.

    FILE is CSV, Parquet, NPZ, or two NPY files, the scores first. It may be a folder, a glob, or
    several files. Exit code: 0 if nothing was found at or above --fail-on, 1 if something was, 2 if
    the input could not be read.

    \b
    Examples:
      python -m experiments diagnose predictions.csv
      python -m experiments diagnose logits.npy labels.npy --html report.html
      python -m experiments diagnose test.npz --calibration-data val.npz --csv ledger.csv
      python -m experiments diagnose "out/*.parquet" --scheduler tcp://10.0.0.7:8786
      python -m experiments diagnose --run 0123456789abcdef0123456789abcdef --fail-on warning
    """
    if bool(files) == bool(run_id):
        raise click.UsageError("give either a file or --run RUN_ID")
    split_from = context.get_parameter_source("split")
    if split_from == click.core.ParameterSource.COMMANDLINE and not run_id:
        raise click.UsageError("--split goes with --run: a file has no splits")
    places = [path for path in (json_path, html_path, csv_path) if path is not None]
    with _unreadable():
        _require_places(json_path, html_path, csv_path)
        if run_id or track:
            from experiments.diagnosis import tracked
        outputs = None
        if run_id:
            outputs = tracked.outputs_of(run_id, split)
            found_in = outputs.predictions
            kind, loss = outputs.kind if kind == "auto" else kind, loss or outputs.loss
        else:
            found_in = predictions.read(files, scores=scores, labels=labels)
        other = predictions.read(calibration, scores=scores, labels=labels) if calibration else None
        _require_apart(places, found_in.paths + (other.paths if other else ()))
        with _progress(found_in, other) as on_rows:
            found = passes.diagnose_predictions(
                found_in,
                Settings(kind, loss),
                calibration=other,
                ledger=Path(csv_path) if csv_path else None,
                scheduler=scheduler,
                on_rows=on_rows,
            )
        if outputs:
            found = tracked.with_history(found, outputs)
        _write(json_path, html_path, found)
        if json_path != "-":
            width = shutil.get_terminal_size((_WIDEST, 24)).columns
            click.echo(report.to_text(found, min(max(_NARROWEST, width), _WIDEST)))
        said = [f"{name} {path}" for name, path in (
            ("JSON in", json_path), ("report in", html_path), ("ledger in", csv_path),
        ) if path and path != "-"]  # fmt: skip
        if said:
            click.echo(f"\nWritten: {', '.join(said)}.", err=json_path == "-")
        if track:
            link = tracked.log(found, run_id)
            click.echo(f"\nDiagnosis in the MLflow UI: {link}", err=json_path == "-")
    context.exit(FOUND if _fails(found.diagnosis.evidence, fail_on) else 0)


def _fails(evidence: Sequence[Evidence], fail_on: str) -> bool:
    return any(item.severity in _FAILING[fail_on] for item in evidence)


def _require_places(json_path: str | None, *others: str | None) -> None:
    """Refuse what can't be written to before anything is read."""
    for path in (json_path, *others):
        if path is None:
            continue
        folder = Path(path).absolute().parent
        if path == "-":
            if path in others:
                raise PredictionsError("-: only --json can go to stdout; name a file")
        elif not path:
            raise PredictionsError("the name of a file to write is empty; name one")
        elif Path(path).is_dir():
            raise PredictionsError(f"{path}: is a folder; name a file")
        elif not folder.is_dir():
            raise PredictionsError(f"{path}: there is no folder {folder}; make it or name another")


def _require_apart(places: Sequence[str], read: Sequence[Path]) -> None:
    """Refuse to write over what is read, or two things to one file."""
    files = [Path(place) for place in places if place != "-"]
    # A device takes all that comes.
    files = [file.resolve() for file in files if file.is_file() or not file.exists()]
    taken = {path.resolve() for path in read}
    for file in files:
        if file in taken or any(file.exists() and file.samefile(path) for path in taken):
            raise PredictionsError(f"{file.name}: is already read or written; name another file")
        taken.add(file)


def _write(json_path: str | None, html_path: str | None, found: Diagnosed) -> None:
    made = {}
    if json_path == "-":
        click.echo(report.to_json(found))
    elif json_path:
        made[json_path] = report.to_json(found)
    if html_path:
        from experiments.report import page

        made[html_path] = page.to_html(found)
    for path, text in made.items():
        try:
            _write_whole(Path(path).resolve(), text)
        except OSError as error:
            raise PredictionsError(
                f"{path}: can't be written: {error.strerror or error}; name another file"
            ) from error


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that it is whole, or what was there stays; a device is written to."""
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def _progress(found_in: Predictions, other: Predictions | None) -> Iterator[OnRows]:
    if not sys.stderr.isatty():
        yield lambda what, rows: None
        return
    from tqdm import tqdm

    totals = {"calibration data": other.num_rows if other else None}
    doing = ""
    with tqdm(unit="row", unit_scale=True, leave=False) as bar:

        def show(what: str, rows: int) -> None:
            nonlocal doing
            if what != doing:
                doing = what
                bar.set_description(what, refresh=False)
                bar.reset(totals.get(what, found_in.num_rows))
            bar.update(rows)

        yield show


@contextmanager
def _unreadable() -> Iterator[None]:
    """Turn what keeps a diagnosis from being made into one line, and the exit code for it."""
    try:
        yield
    except UserError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(UNREADABLE)
