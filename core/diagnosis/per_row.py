"""Many rows with one true class each: the sums of what was kept of them.

Everything here is one number a row: a step is worth its call, and a thread's turn, only for many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core._checks import Array
from core.diagnosis.bins import NUM_CALIBRATION_BINS, calibration_bins
from core.diagnosis.exclusive import Depth, Kept, Sums, largest_exponent, largest_loss
from core.diagnosis.grid import LOWEST
from core.diagnosis.roundings import add_row_precision
from core.diagnosis.sketches import NUM_BINS, magnitude_bins

# Above this many classes a table of confused pairs would outgrow the rest of the summary.
MOST_PAIRED = 128


class PerRow(NamedTuple):
    """What rows are in the ledger: loss in nats, +inf where it is."""

    loss: Array
    label_probability: Array
    confidence: Array


class _Wrong(NamedTuple):
    """The rows that are predicted wrong: where they are, and what is known of them."""

    at: Array
    labels: Array
    predicted: Array
    loss: Array
    label_probability: Array
    confidence: Array


def joined(parts: Sequence[Kept]) -> Kept:
    """Return what was kept of several times a few rows as one."""
    if len(parts) == 1:
        return parts[0]
    return Kept(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def row_sums(
    kept: Kept, num_classes: int, *, is_probability: bool, depth: Depth
) -> tuple[Sums, PerRow]:
    """Return the sums of rows that `core.diagnosis.exclusive` does not have, and the rows.

    Parameters
    ----------
    kept : Kept
    num_classes : int
    is_probability : bool
        Whether scores are probabilities.
    depth : str
        As there.
    """
    labels, predicted, odds = kept.labels, kept.predicted, kept.odds
    gap = kept.gap
    is_infinite = gap > largest_loss(gap.dtype)
    any_infinite = bool(is_infinite.any())
    if any_infinite:
        gap = np.where(is_infinite, -LOWEST, gap).astype(gap.dtype)
    log_total = np.log1p(odds)
    loss = log_total + gap
    confidence = 1 / (1 + odds)
    label_probability = np.exp(-gap) * confidence
    doubt = odds * confidence
    finite_loss = loss
    if any_infinite:
        label_probability[is_infinite] = 0
        finite_loss = np.where(is_infinite, 0, loss)
        loss[is_infinite] = np.inf
    at = np.flatnonzero(predicted != labels)
    columns = (labels, predicted, finite_loss, label_probability, confidence)
    wrong = _Wrong(at, *(values[at] for values in columns))
    sums: Sums = {
        "rows": np.array(len(labels)),
        "right": np.array(len(labels) - len(at)),
        "infinite": (
            np.bincount(labels, is_infinite, num_classes) if any_infinite else np.zeros(num_classes)
        ),
        "brier": _brier(doubt, wrong),
    }
    if depth != "all":
        sums["loss"] = np.array(np.add.reduce(finite_loss, dtype=np.float64))
    per_row = PerRow(loss, label_probability, confidence)
    bins = calibration_bins(confidence)
    sums["top_right"] = -np.bincount(bins[at], minlength=NUM_CALIBRATION_BINS)
    if depth == "some":
        sums["top_counts"] = np.bincount(bins, minlength=NUM_CALIBRATION_BINS)
        doubts = np.bincount(bins, doubt, NUM_CALIBRATION_BINS)
        sums["top_confidence"] = sums["top_counts"] - doubts
        sums["top_right"] += sums["top_counts"]
        return sums, per_row
    _add_bins(sums, kept, num_classes, bins, doubt, wrong)
    sums["top_right"] += sums["top_counts"]
    _add_odds(sums, odds, doubt, at)
    if depth == "calibration":
        return sums, per_row
    sums["loss"] = np.bincount(labels, finite_loss, num_classes)
    _add_pairs(sums, wrong, is_infinite[at] if any_infinite else None)
    by_size = magnitude_bins(finite_loss)
    sums["loss_counts"] = np.bincount(by_size, minlength=NUM_BINS)
    sums["loss_sums"] = np.bincount(by_size, finite_loss, NUM_BINS)
    if any_infinite:
        sums["loss_counts"][0] -= np.count_nonzero(is_infinite)
    _add_own_questions(sums, labels, kept.label_score, num_classes, is_probability=is_probability)
    if not is_probability:
        add_row_precision(sums, kept.maximum, kept.label_score, log_total, odds, loss)
    return sums, per_row


def _brier(doubt: Array, wrong: _Wrong) -> Array:
    """Return Σ (p − t)² less Σ p² of all but the predictions.

    There (p − t)² is the doubt squared where the prediction is right. Where it is wrong it is p²,
    and that of the label p² − 2p + 1.
    """
    right = np.add.reduce(np.square(doubt), dtype=np.float64)
    missed = np.square(wrong.confidence) - np.square(doubt[wrong.at])
    missed += 1 - 2 * wrong.label_probability
    return np.array(right + np.add.reduce(missed, dtype=np.float64))


def _add_bins(
    sums: Sums, kept: Kept, num_classes: int, bins: Array, doubt: Array, wrong: _Wrong
) -> None:
    """Add predictions by bin, each class by bin of its own probability, and the gradient's pull.

    What is left to 1 is added up, for a sum of confidences would round it away. The first bin of a
    class is all rows less the others.
    """
    size = num_classes * NUM_CALIBRATION_BINS
    cells = kept.predicted * NUM_CALIBRATION_BINS + bins
    counts = np.bincount(cells, minlength=size)
    doubts = np.bincount(cells, doubt, size)
    tops = counts - doubts
    table = (num_classes, NUM_CALIBRATION_BINS)
    sums["top_counts"] = counts.reshape(table).sum(axis=0)
    sums["top_confidence"] = tops.reshape(table).sum(axis=0)
    sums["predicted"] = counts.reshape(table).sum(axis=1)
    sums["p"] = tops.reshape(table).sum(axis=1)
    # Right predictions are hits of the bin that they are in.
    in_bins = wrong.labels * NUM_CALIBRATION_BINS + calibration_bins(wrong.label_probability)
    sums["class_hits"] = (
        counts - np.bincount(cells[wrong.at], minlength=size) + np.bincount(in_bins, minlength=size)
    )
    # Σ (1 − p) at the label, and Σ p elsewhere.
    sums["positive"] = (
        doubts.reshape(table).sum(axis=1)
        - np.bincount(wrong.predicted, doubt[wrong.at], num_classes)
        + np.bincount(wrong.labels, 1 - wrong.label_probability, num_classes)
    )
    sums["negative"] = np.bincount(wrong.predicted, wrong.confidence, num_classes) - np.bincount(
        wrong.labels, wrong.label_probability, num_classes
    )
    above = kept.classes * NUM_CALIBRATION_BINS
    above += calibration_bins(kept.probabilities)
    sums["class_p"] = tops + np.bincount(above, kept.probabilities, size)


def _add_pairs(sums: Sums, wrong: _Wrong, is_infinite: Array | None) -> None:
    """Add what is predicted instead of what: counts by class, and by pair where they are few."""
    num_classes = len(sums["predicted"])
    right = sums["predicted"] - np.bincount(wrong.predicted, minlength=num_classes)
    sums["right_by_class"] = right
    sums["labels"] = right + np.bincount(wrong.labels, minlength=num_classes)
    for shift, name in ((1, "right_if_up"), (-1, "right_if_down")):
        sums[name] = np.array(np.count_nonzero(wrong.labels + shift == wrong.predicted))
    if num_classes > MOST_PAIRED:
        return
    pairs = wrong.labels * num_classes + wrong.predicted
    sums["pairs"] = np.bincount(pairs, minlength=num_classes**2)
    sums["pairs"][:: num_classes + 1] = right
    sums["pair_loss"] = np.bincount(pairs, wrong.loss, num_classes**2)
    if is_infinite is not None:
        sums["pair_infinite"] = np.bincount(pairs, is_infinite, num_classes**2)


def _add_own_questions(
    sums: Sums, labels: Array, label_score: Array, num_classes: int, *, is_probability: bool
) -> None:
    """Add what binary cross-entropy makes of the labels; `label_score` is log σ or a logit."""
    if is_probability:
        log_p = np.minimum(label_score, 0)
        loss, doubt = -log_p, -np.expm1(log_p)
    else:
        most = label_score.dtype.type(largest_exponent(label_score.dtype))
        decay = np.exp(-np.clip(label_score, -most, most))
        loss, doubt = np.log1p(decay), decay / (1 + decay)
        if label_score.min() < -most:
            loss += np.maximum(-label_score - most, 0)
    sums["binary_loss"] = np.add.reduce(loss, dtype=np.float64)
    sums["sigmoid_positive"] = np.bincount(labels, doubt, num_classes)


def _add_odds(sums: Sums, odds: Array, doubt: Array, wrong: Array) -> None:
    """Add the counts of odds by size; `doubt` is 1 − confidence, not rounded."""
    bins = magnitude_bins(odds)
    sums["odds_counts"] = np.bincount(bins, minlength=NUM_BINS)
    sums["odds_right"] = sums["odds_counts"] - np.bincount(bins[wrong], minlength=NUM_BINS)
    sums["odds_doubt"] = np.bincount(bins, doubt, NUM_BINS)
