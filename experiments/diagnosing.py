"""Prediction files diagnosed: pass by pass, here or spread over a cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from core.diagnosis import (
    AFTER_TEMPERATURE,
    Calibration,
    Diagnosis,
    Evidence,
    Kind,
    Ledger,
    Loss,
    Summary,
    diagnose,
    explain_plateau,
    loss_floors,
)
from experiments import cluster
from experiments.predictions import (
    Batch,
    LedgerFile,
    Predictions,
    PredictionsError,
    shown,
)

# (what is being done, rows more that are through)
OnRows = Callable[[str, int], None]

# Rows of so many bytes are kept for the second pass: a million of ten float32.
_MOST_KEPT = 1 << 26

# A loss that ends here has learnt nothing, or has one activation too many.
_STUCK = ("softmax of probabilities", "equal scores")


@dataclass(frozen=True)
class Settings:
    """How scores are to be read.

    Parameters
    ----------
    kind, loss
        As `core.diagnosis.Summary` takes them.
    """

    kind: Kind = "auto"
    loss: Loss | None = None


@dataclass(frozen=True)
class Diagnosed:
    """What a file's diagnosis is made of.

    Parameters
    ----------
    name : str
        The file.
    class_names, notes : tuple of str
        As of `Predictions`.
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
    settings: Settings = Settings(),
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
        A CSV file to write what each row costs to, or a list to append it to, batch by batch.
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
    rows = _Rows(predictions)
    with ExitStack() as stack:
        client = stack.enter_context(cluster.connected(scheduler)) if scheduler else None

        def summed(what: str, rows: _Rows, settings: Settings, temperature: float = 1.0) -> Summary:
            if client is None:
                return _summed_here(rows, settings, temperature, partial(on_rows, what))
            return _summed_there(client, rows.of, settings, temperature, what, on_rows)

        # Only rows whose reading is known before the first of them have a ledger in this pass.
        at_once = ledger is not None and client is None and settings.kind != "auto"
        if at_once and ledger is not None:
            summary = _with_ledger(rows, settings, ledger, "reading", on_rows)
        else:
            summary = summed("reading", rows, settings)
        diagnosis = diagnose(summary, tuple(shown(name) for name in predictions.class_names))
        known = Settings(_declared(summary), settings.loss)
        if ledger is not None and not at_once:
            _with_ledger(rows, known, ledger, "ledger", on_rows)
        found = Diagnosed(
            predictions.name, predictions.class_names, predictions.notes, summary, diagnosis
        )
        fitted = diagnosis
        if calibration is not None:
            fitted = diagnose(summed("calibration data", _Rows(calibration), known))
            if fitted.num_classes != diagnosis.num_classes:
                raise PredictionsError(
                    f"{calibration.name}: has {fitted.num_classes} classes and {predictions.name} "
                    f"{diagnosis.num_classes}; a temperature is fitted on outputs of the same model"
                )
        value, why_not = _fitted_temperature(fitted)
        if calibration is not None and not why_not:
            diagnosis = _fitted_elsewhere(diagnosis, value, calibration.name)
        if why_not:
            return replace(found, diagnosis=_checked(diagnosis, AFTER_TEMPERATURE, why_not))
        after = diagnose(summed("after the temperature", rows, known, value)).calibration
        return replace(
            found,
            diagnosis=_checked(diagnosis, AFTER_TEMPERATURE, "done"),
            after=after,
            temperature=value,
            fitted_on=calibration.name if calibration is not None else "",
        )


def summarize(
    predictions: Predictions,
    settings: Settings,
    temperature: float = 1.0,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> Summary:
    """Return the summary of all rows, in this process.

    Parameters
    ----------
    predictions : Predictions
    settings : Settings
    temperature : float
        As `core.diagnosis.Summary` takes it.
    on_rows : callable
        Told how many rows more are through.

    Raises
    ------
    PredictionsError
        If a file can't be read, or scores and labels do not fit each other.
    """
    return _summed_here(_Rows(predictions), settings, temperature, on_rows)


def with_plateau(
    found: Diagnosed, histories: Mapping[str, Sequence[float]], label_smoothing: float = 0.0
) -> Diagnosed:
    """Return a diagnosis with why a history of losses ends where it does, if that can be told.

    Parameters
    ----------
    found : Diagnosed
    histories : mapping of str to sequence of float
        Mean losses in nats, in the order of training, by what they are of; the first that ends
        near a floor is told of.
    label_smoothing : float
        Of the training.
    """
    diagnosis = found.diagnosis
    floors = dict(diagnosis.floors)
    if label_smoothing and diagnosis.task == "exclusive":
        floors |= loss_floors(diagnosis.num_classes, None, label_smoothing)
    ends = {what: explain_plateau(losses, floors) for what, losses in histories.items() if losses}
    explained = [(what, level, near) for what, (level, near) in ends.items() if near]
    if not explained:
        is_level = any(math.isfinite(level) for level, _ in ends.values())
        said = "done" if is_level else "not done: the history ends on no plateau"
        return replace(found, diagnosis=_checked(diagnosis, "plateau of the loss", said))
    what, level, near = explained[0]
    name = min(near, key=lambda key: abs(near[key]))
    evidence = Evidence(
        "plateau",
        "warning" if name in _STUCK else "note",
        f"the {what} loss ends on {level:.4g} nats, {abs(near[name]):.2g} "
        f"{'above' if near[name] >= 0 else 'below'} the floor of {name}, {floors[name]:.4g}",
        {"level": level, "floor": floors[name]},
        (),
        "no training gets below that floor: the loss stays until its reason is mended"
        if name in _STUCK
        else "the loss has come to where labels or smoothing let it come",
        "hand logits to a loss that applies its activation itself, once"
        if name == _STUCK[0]
        else "see whether gradients reach the weights, and whether inputs differ"
        if name == _STUCK[1]
        else "compare models by what is left above the floor",
        "counted: within 1 % of the floor",
    )
    order = ("error", "warning", "note")
    held = sorted((*diagnosis.evidence, evidence), key=lambda e: order.index(e.severity))
    diagnosis = _checked(replace(diagnosis, evidence=tuple(held)), "plateau of the loss", "done")
    return replace(found, diagnosis=diagnosis)


class _Rows:
    """The batches of predictions; few are kept when they were read to the end."""

    def __init__(self, predictions: Predictions) -> None:
        self.of = predictions
        self._held: list[Batch] | None = None

    def __iter__(self) -> Iterator[Batch]:
        if self._held is not None:
            yield from self._held
            return
        held: list[Batch] = []
        weight = 0
        for batch in _read_ahead(self.of):
            weight += batch.scores.nbytes + batch.labels.nbytes
            if weight <= _MOST_KEPT:
                held.append(batch)
            else:
                held.clear()
            yield batch
        if weight <= _MOST_KEPT:
            self._held = held


def _read_ahead(predictions: Predictions) -> Iterator[Batch]:
    """Yield batches, the next of which is being read meanwhile."""
    batches = predictions.batches()
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def _summed_here(
    rows: _Rows, settings: Settings, temperature: float, on_rows: Callable[[int], None]
) -> Summary:
    summary = Summary(None, settings.kind, settings.loss, temperature)
    with summary:
        for batch in rows:
            with _Fits(rows.of):
                summary.update(batch.scores, batch.labels, first_row=batch.first_row)
            on_rows(len(batch.scores))
    return summary


def _with_ledger(
    rows: _Rows, settings: Settings, ledger: Path | list[Ledger], what: str, on_rows: OnRows
) -> Summary:
    summary = Summary(None, settings.kind, settings.loss)
    with ExitStack() as stack:
        stack.enter_context(summary)
        write = (
            ledger.append
            if isinstance(ledger, list)
            else stack.enter_context(LedgerFile(ledger, rows.of.class_names)).write
        )
        for batch in rows:
            with _Fits(rows.of):
                entries = summary.update(
                    batch.scores, batch.labels, first_row=batch.first_row, ledger=True
                )
            if entries is not None:
                write(entries)
            on_rows(what, len(batch.scores))
    return summary


@dataclass(frozen=True)
class _Task:
    part: Predictions
    shared_key: str = ""


def _summed_there(
    client: Any,
    predictions: Predictions,
    settings: Settings,
    temperature: float,
    what: str,
    on_rows: OnRows,
) -> Summary:
    parts = predictions.parts()
    if predictions.num_rows is None:
        counted = dict(_spread(client, _count, parts, None))
        parts = predictions.parts([counted[part] for part in parts])
    whole = Summary(None, settings.kind, settings.loss, temperature)
    for _, summary in _spread(client, _summarize, parts, (settings, temperature)):
        with _Fits(predictions):
            whole.merge(summary)
        on_rows(what, summary.num_rows)
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
                f"{task.part.name}: a worker could not read it: {result}. Files must be at the "
                "same path on every worker"
            )
        yield task.part, result


def _summarize(task: _Task, shared: tuple[Settings, float]) -> Summary:
    return summarize(task.part, *shared)


def _count(task: _Task, shared: None) -> int:
    return sum(len(batch.scores) for batch in task.part.batches())


class _Fits:
    """Says of which file it is that scores and labels do not fit each other."""

    def __init__(self, predictions: Predictions) -> None:
        self._name = predictions.name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError | TypeError):
            raise PredictionsError(f"{self._name}: {error}") from error


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
        return math.nan, "not done: no temperature from 1/8 to 8 has the least loss"
    return fitted.calibration.temperature.value, ""


def _fitted_elsewhere(diagnosis: Diagnosis, value: float, name: str) -> Diagnosis:
    """Return a diagnosis that advises the temperature of other rows, not that of its own."""
    evidence = tuple(
        replace(
            item,
            do=f"divide the logits by {value:.3f}, as fitted on {name}",
            figures={**item.figures, "temperature": value, "own temperature": own},
            seen=item.seen.replace("the temperature of least loss", "their own temperature"),
        )
        if item.name == "miscalibrated" and (own := item.figures.get("temperature"))
        else item
        for item in diagnosis.evidence
    )
    return replace(diagnosis, evidence=evidence)


def _checked(diagnosis: Diagnosis, name: str, said: str) -> Diagnosis:
    return replace(diagnosis, checked={**diagnosis.checked, name: said})
