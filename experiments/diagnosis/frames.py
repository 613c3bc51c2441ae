"""A diagnosis as tidy frames: what its pictures and tables are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.diagnosis import (
    Calibration,
    Diagnosis,
    Ledger,
    LossHistogram,
    margin_of_loss,
)
from core.diagnosis.chances import share_interval
from experiments.precision import DTYPES, REACH, even_edges

AS_GIVEN = "as given"
SOFTMAX, SIGMOID = "softmax + CCE", "sigmoid + BCE"
POSITIVE, NEGATIVE = "up, by its own rows", "down, by the others"
# A curve needs no more points than a screen has columns.
_MOST_POINTS = 400
_MARGIN_BINS = 120


def reliability_frame(
    calibration: Calibration,
    after: Calibration | None = None,
    *,
    temperature: float = math.nan,
    equal_mass: bool = False,
) -> pd.DataFrame:
    """Return the bins that hold predictions.

    Parameters
    ----------
    calibration : Calibration
    after : Calibration, optional
        Of the same rows at `temperature`.
    temperature : float
    equal_mass : bool
        Whether bins hold as many predictions each, or are as wide each.

    Returns
    -------
    DataFrame
        Columns scores ("as given" or "at temperature …"), rows, confidence, accuracy, and low and
        high: the 95 % interval of the share that is right, bin by bin.
    """
    parts = [(AS_GIVEN, calibration)]
    if after is not None:
        parts.append((f"at temperature {temperature:.3g}", after))
    frames = []
    for scores, found in parts:
        columns = (
            (found.mass_counts, found.mass_confidence, found.mass_accuracy)
            if equal_mass
            else (found.counts, found.confidence, found.accuracy)
        )
        frame = pd.DataFrame(dict(zip(("rows", "confidence", "accuracy"), columns, strict=True)))
        frame.insert(0, "scores", scores)
        frames.append(frame[frame["rows"] > 0])
    frame = pd.concat(frames, ignore_index=True)
    ends = [
        share_interval(float(share * rows), float(rows))
        for share, rows in zip(frame["accuracy"], frame["rows"], strict=True)
    ]
    return frame.assign(low=[low for low, _ in ends], high=[high for _, high in ends])


def concentration_frame(histogram: LossHistogram) -> pd.DataFrame:
    """Return how much of the loss the costliest rows carry: columns rows and loss, shares.

    Without a row where a loss is infinite: then these rows carry all of it.
    """
    total = float(histogram.sums.sum())
    if histogram.infinite or total <= 0:
        return pd.DataFrame({"rows": [], "loss": []}, dtype=float)
    rows = np.cumsum(histogram.counts[::-1]) / histogram.counts.sum()
    loss = np.cumsum(histogram.sums[::-1]) / total
    kept = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_POINTS)).astype(int))
    return pd.DataFrame({"rows": rows[kept], "loss": loss[kept]})


def pair_frame(diagnosis: Diagnosis, class_names: Sequence[str]) -> pd.DataFrame:
    """Return the confused pairs, the one that cost most first.

    Columns label, predicted, rows, bits_each (mean surprise of a row), bits (of all of them).
    """
    found = diagnosis.concentration
    pairs = np.empty((0, 4)) if found is None else found.pairs
    names = np.asarray(class_names, dtype=object)
    return pd.DataFrame(
        {
            "label": names[pairs[:, 0].astype(int)],
            "predicted": names[pairs[:, 1].astype(int)],
            "rows": pairs[:, 2].astype(int),
            "bits_each": pairs[:, 3],
            "bits": pairs[:, 2] * pairs[:, 3],
        }
    )


def budget_frame(diagnosis: Diagnosis, class_names: Sequence[str]) -> pd.DataFrame:
    """Return how hard the gradient pulls at each class's logit, by loss and side.

    Columns class, rows, loss, side, pull (Σ |p − y|) and signed (negative on the negative side).
    """
    budget, held = diagnosis.budget, diagnosis.concentration
    columns = ["class", "rows", "loss", "side", "pull", "signed"]
    if budget is None or held is None:
        return pd.DataFrame(columns=columns)
    parts = [
        pd.DataFrame(
            {
                "class": class_names,
                "rows": held.class_labels,
                "loss": loss,
                "side": side,
                "pull": pull,
                "signed": pull if side == POSITIVE else -pull,
            }
        )
        for loss, side, pull in (
            (SOFTMAX, POSITIVE, budget.softmax_positive),
            (SOFTMAX, NEGATIVE, budget.softmax_negative),
            (SIGMOID, POSITIVE, budget.sigmoid_positive),
            (SIGMOID, NEGATIVE, budget.sigmoid_negative),
        )
        if not np.isnan(pull).all()
    ]
    return pd.concat(parts, ignore_index=True)


def most_lopsided(budget: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the part of a `budget_frame` with the classes whose sides differ most under sigmoids.

    The most lopsided first; all of them in their own order where there are no more than `most`.
    """
    if budget["class"].nunique() <= most:
        return budget
    sigmoid = budget[budget["loss"] == SIGMOID].set_index("class")
    positive = sigmoid.loc[sigmoid["side"] == POSITIVE, "pull"]
    negative = sigmoid.loc[sigmoid["side"] == NEGATIVE, "pull"]
    pulls_at_all = (positive > 0) & (negative > 0)
    ratio = negative[pulls_at_all] / positive[pulls_at_all]
    chosen = list(ratio.sort_values(ascending=False, kind="stable").index[:most])
    place = {name: i for i, name in enumerate(chosen)}
    kept = budget[budget["class"].isin(chosen)]
    return kept.sort_values("class", key=lambda c: c.map(place), kind="stable", ignore_index=True)


def precision_frame(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return the shares of rows on which a formula fails: dtype, overflow, vanish, zero, usual_off.

    Where labels may hold at once, shares of answers, one for each row and class. `usual_off` is NaN
    where it was not counted.
    """
    found = diagnosis.precision or diagnosis.answer_precision
    if found is None:
        return pd.DataFrame(columns=["dtype", "overflow", "vanish", "zero", "usual_off"])
    return pd.DataFrame(
        {
            "dtype": list(DTYPES),
            "overflow": found.overflow,
            "vanish": found.vanish,
            "zero": found.zero,
            "usual_off": [math.nan, *found.usual_off],
        }
    )


def margin_frame(histogram: LossHistogram) -> pd.DataFrame:
    """Return the rows by their margin, the x of the precision map: start, end, rows, share.

    The margin is the label's logit less the logsumexp of the others. Rows beyond the map lie in
    its outermost bins.
    """
    if not len(histogram.counts):
        return pd.DataFrame(columns=["start", "end", "rows", "share"])
    edges = even_edges(_MARGIN_BINS)
    # What has no end, or begins at 0, is known by its other end only.
    middle = np.sqrt(histogram.low * histogram.high)
    middle = np.where(histogram.low == 0, histogram.high, middle)
    middle = np.where(np.isinf(histogram.high), histogram.low, middle)
    margins = np.clip(margin_of_loss(middle), -REACH, REACH)
    at = np.clip(np.searchsorted(edges, margins, side="right") - 1, 0, _MARGIN_BINS - 1)
    counts = np.bincount(at, histogram.counts, _MARGIN_BINS)
    counts[0] += histogram.infinite
    held = np.flatnonzero(counts)
    return pd.DataFrame(
        {
            "start": edges[held],
            "end": edges[held + 1],
            "rows": counts[held].astype(int),
            "share": counts[held] / counts.sum(),
        }
    )


def class_frame(diagnosis: Diagnosis, class_names: Sequence[str]) -> pd.DataFrame:
    """Return what the rows of each class come to: class, rows, right (a share), bits (mean)."""
    found = diagnosis.concentration
    if found is None:
        return pd.DataFrame(columns=["class", "rows", "right", "bits"])
    with np.errstate(invalid="ignore", divide="ignore"):
        right = found.class_right / found.class_labels
    return pd.DataFrame(
        {
            "class": class_names,
            "rows": found.class_labels,
            "right": right,
            "bits": found.class_surprise,
        }
    )


def ledger_frame(ledger: Ledger, class_names: Sequence[str]) -> pd.DataFrame:
    """Return the ledger with the names of the classes, in the order of rows.

    Columns row, label, predicted, surprise (bits), label_probability, confidence.
    """
    names = pd.Index(class_names)
    return pd.DataFrame(
        {
            "row": ledger.row,
            "label": pd.Categorical.from_codes(ledger.label.astype(int), names),
            "predicted": pd.Categorical.from_codes(ledger.predicted.astype(int), names),
            "surprise": ledger.surprise,
            "label_probability": ledger.label_probability,
            "confidence": ledger.confidence,
        }
    )
