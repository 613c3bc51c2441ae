"""The textbook formulas beside those of core, in each dtype: which are right, and where."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby, product
from typing import Any

import numpy as np
import pandas as pd

from core import activations, losses, naive

Array = np.ndarray
Formula = Callable[[Array], Array]

TEXTBOOK, USUAL, OURS = "textbook", "log-sum-exp", "ours"
DTYPES: dict[str, type[np.floating]] = {
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
}

RIGHT, TOO_SMALL, OFF = "right to 1 %", "too small for the dtype", "off by more than 1 %"
ZERO, INFINITE, NAN = "0", "inf", "NaN"
# From the best to the worst.
OUTCOMES = (RIGHT, TOO_SMALL, OFF, ZERO, INFINITE, NAN)
WORST_TOLERATED = OUTCOMES.index(TOO_SMALL)
TOLERANCE = 0.01

# Logits on the map: evenly spaced in log1p(|x|/BEND), so that 10 and 700 are both seen.
REACH = 1000.0
BEND = 5.0
CELLS = 240
LOGITS_PER_CELL = 9
REFINED = 2000


def _of_rows(formula: Callable[[Array], Any]) -> Formula:
    """Return a formula of x that gives, for the logits (x, 0), what class 0 gets."""

    def of_first(x: Array) -> Array:
        given = formula(np.stack([x, np.zeros_like(x)], axis=-1))
        return np.asarray(given[..., 0] if given.ndim == 2 else given)

    return of_first


def _first_class(loss: Callable[..., Any]) -> Formula:
    return _of_rows(lambda rows: loss(rows, np.zeros(len(rows), dtype=int)))


def _with_target(loss: Callable[..., Any], target: float) -> Formula:
    return lambda x: loss(x, np.full_like(x, target))


FUNCTIONS: dict[str, dict[str, Formula]] = {
    "CCE": {
        TEXTBOOK: _first_class(naive.cce),
        USUAL: _first_class(naive.logsumexp_cce),
        OURS: _first_class(losses.categorical_cross_entropy),
    },
    "BCE, target 1": {
        TEXTBOOK: _with_target(naive.bce, 1),
        OURS: _with_target(losses.binary_cross_entropy, 1),
    },
    "BCE, target 0": {
        TEXTBOOK: _with_target(naive.bce, 0),
        OURS: _with_target(losses.binary_cross_entropy, 0),
    },
    "softmax": {TEXTBOOK: _of_rows(naive.softmax), OURS: _of_rows(activations.softmax)},
    "log-softmax": {
        TEXTBOOK: _of_rows(naive.log_softmax),
        USUAL: _of_rows(naive.logsumexp_log_softmax),
        OURS: _of_rows(activations.log_softmax),
    },
    "sigmoid": {TEXTBOOK: naive.sigmoid, OURS: activations.sigmoid},
}


def precision_map(function: str) -> pd.DataFrame:
    """Return how right each formula is along the logits, in each dtype.

    Columns: formula, dtype, start and end (logits), outcome, logit, value, truth. The last four are
    those of the worst of the cell's logits.
    """
    edges = even_edges(CELLS)
    inside = _from_even(np.linspace(-1, 1, CELLS * LOGITS_PER_CELL)).reshape(CELLS, LOGITS_PER_CELL)
    cells = np.arange(CELLS)
    parts = []
    for formula, dtype in product(FUNCTIONS[function], DTYPES):
        x, value, truth = _given(function, formula, dtype, inside.reshape(-1))
        severity = _severity(x, value, truth).reshape(inside.shape)
        worst = severity.argmax(axis=1)
        at = cells * LOGITS_PER_CELL + worst
        parts.append(
            pd.DataFrame(
                {
                    "formula": formula,
                    "dtype": dtype,
                    "start": edges[:-1],
                    "end": edges[1:],
                    "outcome": [OUTCOMES[i] for i in severity[cells, worst]],
                    "logit": x[at].astype(float),
                    "value": value[at].astype(float),
                    "truth": truth[at],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def breaks(function: str) -> pd.DataFrame:
    """Return where each formula first goes wrong on the way from 0, and where it gets worse.

    Columns: formula, dtype, side (above or below), outcome, logit: the nearest to 0, to a few
    millionths of itself, that gives this outcome.
    """
    found = []
    for formula, dtype, (side, sign) in product(
        FUNCTIONS[function], DTYPES, (("above", 1), ("below", -1))
    ):
        coarse = sign * _from_even(np.linspace(0, 1, REFINED))
        severity = _severity(*_given(function, formula, dtype, coarse))
        reached = np.maximum.accumulate(severity)
        for worse in sorted(set(reached[reached > WORST_TOLERATED].tolist())):
            first = int(np.argmax(severity == worse))
            fine = np.linspace(coarse[max(first - 1, 0)], coarse[first], REFINED)
            x, value, truth = _given(function, formula, dtype, fine)
            logit = float(x[np.argmax(_severity(x, value, truth) == worse)])
            found.append((formula, dtype, side, OUTCOMES[worse], logit))
    return pd.DataFrame(found, columns=["formula", "dtype", "side", "outcome", "logit"])


def at_logit(function: str, logit: float) -> pd.DataFrame:
    """Return what each formula gives for one logit in each dtype.

    Columns: formula, dtype, logit (as the dtype holds it), value, truth, outcome.
    """
    rows = []
    for dtype, formula in product(DTYPES, FUNCTIONS[function]):
        x, value, truth = _given(function, formula, dtype, np.array([logit]))
        outcome = OUTCOMES[_severity(x, value, truth)[0]]
        rows.append((formula, dtype, float(x[0]), float(value[0]), float(truth[0]), outcome))
    return pd.DataFrame(rows, columns=["formula", "dtype", "logit", "value", "truth", "outcome"])


def printed(value: float) -> str:
    """Return a figure as it comes, NaN and inf included."""
    return "NaN" if math.isnan(value) else f"{value + 0.0:.4g}"


def runs(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of a map with neighbours of one outcome joined.

    Columns: formula, dtype, outcome, start, middle and end (logits), cells (how many there were).
    """
    joined = []
    for of_run, group in groupby(
        cells.itertuples(), key=lambda cell: (cell.formula, cell.dtype, cell.outcome)
    ):
        members = list(group)
        middle = members[len(members) // 2].start
        joined.append((*of_run, members[0].start, middle, members[-1].end, len(members)))
    return pd.DataFrame(
        joined, columns=["formula", "dtype", "outcome", "start", "middle", "end", "cells"]
    )


def even_edges(num_bins: int) -> Array:
    """Return the edges of bins that are as wide each on the map, shape (num_bins + 1,)."""
    return _from_even(np.linspace(-1, 1, num_bins + 1))


def _given(function: str, formula: str, dtype: str, logits: Array) -> tuple[Array, Array, Array]:
    """Return the logits in the dtype, what the formula gives, and core's own in float64."""
    with np.errstate(over="ignore"):
        x = logits.astype(DTYPES[dtype])
    formulas = FUNCTIONS[function]
    return x, formulas[formula](x), formulas[OURS](x.astype(np.float64))


def _severity(x: Array, value: Array, truth: Array) -> Array:
    """Return the place in OUTCOMES of each value."""
    smallest = float(np.finfo(value.dtype).smallest_subnormal)
    got = value.astype(np.float64)
    with np.errstate(invalid="ignore"):
        error = np.abs(got - truth)
        is_same = (got == truth) | (np.isnan(got) & np.isnan(truth))
        is_right = is_same | (error <= TOLERANCE * np.abs(truth))
        # Even the nearest number of the dtype may be further off than the tolerance. Of a finite
        # logit none of these is truly 0.
        is_tiny = (np.abs(truth) < smallest / (2 * TOLERANCE)) & np.isfinite(x)
    conditions = [is_right & ~is_tiny, is_tiny & (error <= smallest)]
    outcomes = [OUTCOMES.index(outcome) for outcome in (RIGHT, TOO_SMALL, NAN, INFINITE, ZERO)]
    return np.select(
        [*conditions, np.isnan(got), np.isinf(got), got == 0], outcomes, OUTCOMES.index(OFF)
    )


def _from_even(even: Array) -> Array:
    """Return the logits at places from −1 to 1 along the map."""
    return np.sign(even) * BEND * np.expm1(np.abs(even) * math.log1p(REACH / BEND))
