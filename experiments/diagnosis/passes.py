"""Prediction files diagnosed: pass by pass, here or on the workers of a cluster."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from core.diagnosis import (
    AFTER_TEMPERATURE,
    Calibration,
    Diagnosis,
    Elsewhere,
    Kind,
    Ledger,
    Summary,
    diagnose,
)
from core.words import counted
from experiments import cluster
from experiments.diagnosis.rows import Fits, Rows, Settings, summed_here
from experiments.diagnosis.workers import summed_there
from experiments.predictions import (
    LedgerFile,
    Predictions,
    PredictionsError,
    shown,
)

_FIND_OUT = Settings()

# (what is being done, rows more that are through)
OnRows = Callable[[str, int], None]


@dataclass(frozen=True)
class Diagnosed:
    """What a file's diagnosis is made of.

    Parameters
    ----------
    name : str
        The file.
    class_names, notes : tuple of str
        As of `Predictions`; a note more where calibration data were left out.
    summary : Summary
    diagnosis : Diagnosis
    after : Calibration or None
        Of the same rows at `temperature`.
    temperature : float
        NaN where none could be fitted.
    fitted_on : str
        Other rows that the temperature is of; "" for the same.
    """

    name: str
    class_names: tuple[str, ...]
    notes: tuple[str, ...]
    summary: Summary
    diagnosis: Diagnosis
    after: Calibration | None = None
    temperature: float = math.nan
    fitted_on: str = ""


def diagnose_predictions(
    predictions: Predictions,
    settings: Settings = _FIND_OUT,
    *,
    calibration: Predictions | None = None,
    ledger: Path | list[Ledger] | None = None,
    scheduler: str = "",
    on_rows: OnRows = lambda what, rows: None,
) -> Diagnosed:
    """Return what is wrong with predictions.

    Every row is gone through once for nearly all of it, and once more at the fitted temperature;
    what fits in a few megabytes is kept from the first time.

    Parameters
    ----------
    predictions : Predictions
    settings : Settings
        What they do not say is taken from the names in the file.
    calibration : Predictions, optional
        Other rows, to fit the temperature on.
    ledger : Path or list of Ledger, optional
        A CSV file to write what each row costs to, or a list to fill with it, batch by batch.
    scheduler : str
        A Dask cluster to spread the files over; the ledger is written by this process.
    on_rows : callable
        Told how far it is.

    Raises
    ------
    PredictionsError
        If a file can't be read, or scores and labels do not fit each other.
    ClusterError
        If nobody answers at `scheduler`.
    """
    settings = Settings(
        predictions.kind if settings.kind == "auto" else settings.kind, settings.loss
    )
    rows = Rows(predictions)
    with ExitStack() as stack:
        client = stack.enter_context(cluster.connected(scheduler)) if scheduler else None

        def summed(what: str, rows: Rows, settings: Settings, temperature: float = 1.0) -> Summary:
            if client is None:
                return summed_here(rows, settings, temperature, partial(on_rows, what))
            return summed_there(client, rows.of, settings, temperature, partial(on_rows, what))

        # Only rows whose reading is known before the first of them have a ledger in this pass.
        at_once = client is None and settings.kind != "auto" and _can_be_replaced(ledger)

        def first_pass(what: str) -> Summary:
            if ledger is not None and at_once:
                return _with_ledger(rows, settings, ledger, what, on_rows)
            return summed(what, rows, settings)

        summary = first_pass("reading")
        if "label_outside" in summary.faults and not predictions.classes.values:
            predictions = predictions.of_all_labels()
            if predictions.classes.values:
                rows = Rows(predictions)
                summary = first_pass("reading again")
        names = tuple(shown(name) for name in predictions.class_names)
        diagnosis = diagnose(summary, names)
        known = Settings(_declared(summary), settings.loss)
        if ledger is not None and not at_once:
            _with_ledger(rows, known, ledger, "ledger", on_rows)
        found = Diagnosed(
            predictions.name, predictions.class_names, predictions.notes, summary, diagnosis
        )
        fitted = diagnosis
        if calibration is not None:
            calibration = _labelled_alike(calibration, predictions)
            fitted = diagnose(summed("calibration data", Rows(calibration), known))
            if fitted.num_classes != diagnosis.num_classes:
                raise PredictionsError(
                    f"{calibration.name}: has {fitted.num_classes} classes and {predictions.name} "
                    f"{diagnosis.num_classes}; fit the temperature on outputs of the same model"
                )
            if unused := fitted.num_rows - fitted.num_used:
                note = (
                    f"of {counted(fitted.num_rows, 'row')} of calibration data in "
                    f"{calibration.name}, {unused:,} could not be used: diagnose that file to see "
                    "why"
                )
                found = replace(found, notes=(*found.notes, note))
        value, why_not = _fitted_temperature(fitted)
        if why_not and calibration is not None:
            why_not += f", in {calibration.name}"
        elif calibration is not None:
            diagnosis = diagnose(summary, names, Elsewhere(value, calibration.name))
        if why_not:
            return replace(found, diagnosis=checked(diagnosis, AFTER_TEMPERATURE, why_not))
        after = diagnose(summed("after the temperature", rows, known, value)).calibration
        return replace(
            found,
            diagnosis=checked(diagnosis, AFTER_TEMPERATURE, "done"),
            after=after,
            temperature=value,
            fitted_on=calibration.name if calibration is not None else "",
        )


def _with_ledger(
    rows: Rows, settings: Settings, ledger: Path | list[Ledger], what: str, on_rows: OnRows
) -> Summary:
    summary = Summary(None, settings.kind, settings.loss)
    with ExitStack() as stack:
        stack.enter_context(summary)
        if isinstance(ledger, list):
            ledger.clear()
        write = (
            ledger.append
            if isinstance(ledger, list)
            else stack.enter_context(LedgerFile(ledger, rows.of.class_names)).write
        )
        for batch in rows:
            with Fits(rows.of):
                entries = summary.update(
                    batch.scores, batch.labels, first_row=batch.first_row, ledger=True
                )
            if entries is not None:
                write(entries)
            on_rows(what, len(batch.scores))
    return summary


def _can_be_replaced(ledger: Path | list[Ledger] | None) -> bool:
    """Whether a ledger may be made twice: a pipe takes nothing back."""
    return not isinstance(ledger, Path) or ledger.is_file() or not ledger.exists()


def _labelled_alike(calibration: Predictions, predictions: Predictions) -> Predictions:
    """Return calibration data whose ids are the classes that they are in the predictions."""
    mine, theirs = predictions.classes.values, calibration.classes.values
    are_ids = all(isinstance(value, int) for value in (*mine, *theirs))
    if not mine or not are_ids:
        return calibration
    return replace(calibration, classes=predictions.classes)


def _declared(summary: Summary) -> Kind:
    """Return a kind by which every batch is read as all of them together are."""
    if summary.kind != "auto":
        return summary.kind
    if summary.reading()[1] == "logits":
        return "logits"
    found = summary.found_kind()
    return "softmax" if found == "softmax" else "one-hot" if found == "one-hot" else "sigmoid"


def _fitted_temperature(fitted: Diagnosis) -> tuple[float, str]:
    """Return a temperature, or why there is none."""
    if fitted.calibration is None or fitted.calibration.temperature is None:
        return math.nan, "not done: no usable row"
    if fitted.labels.startswith("soft"):
        return math.nan, "not done: labels are soft, not drawn"
    if not fitted.calibration.temperature.is_inside:
        return math.nan, "not done: the loss has no minimum between temperatures 1/8 and 8"
    return fitted.calibration.temperature.value, ""


def checked(diagnosis: Diagnosis, name: str, said: str) -> Diagnosis:
    """Return a diagnosis with one more check that was done, or why not."""
    return replace(diagnosis, checked={**diagnosis.checked, name: said})
