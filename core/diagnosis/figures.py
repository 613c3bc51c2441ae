"""Figures from the sums of a summary: exact ones, and sketched ones with their bounds."""

from __future__ import annotations

import math

import numpy as np

from core._checks import Array
from core.diagnosis.bins import NUM_CALIBRATION_BINS
from core.diagnosis.chances import (
    count_p_value,
    sequence_log_probability,
    share_interval,
)
from core.diagnosis.exclusive import Sums
from core.diagnosis.per_row import MOST_PAIRED
from core.diagnosis.records import (
    Bits,
    Budget,
    Calibration,
    Concentration,
    Precision,
    Temperature,
)
from core.diagnosis.sketches import BIN_WIDTH, TopRows, bin_low
from core.diagnosis.temperature import dependent, temperature_of
from core.entropy import entropy


def mean_loss(sums: Sums) -> float:
    """Return the mean loss of a row in nats; +inf where a label had probability 0."""
    if np.sum(sums["infinite"]):
        return math.inf
    return float(np.sum(sums["loss"]) / sums["rows"])


def expected_error(counts: Array, confidence: Array, right: Array) -> float:
    """Return Σ |right − confidence|/N over bins, from sums."""
    return float(np.abs(right - confidence).sum() / max(counts.sum(), 1))


def classwise_error(sums: Sums, num_classes: int) -> float:
    """Return the calibration error of each class's own probability, averaged over classes."""
    shape = (num_classes, NUM_CALIBRATION_BINS)
    predicted = np.array(sums["class_p"], float).reshape(shape)
    hits = sums["class_hits"].reshape(shape)
    # For exclusive classes what lies in the first bin was not visited: it is what is left.
    predicted[:, 0] = sums["p"] - predicted[:, 1:].sum(axis=1)
    return float(np.abs(hits - predicted).sum() / sums["rows"] / num_classes)


def calibration_of(sums: Sums, num_classes: int, task: str) -> Calibration:
    """Return reliability, errors, scores and temperature."""
    counts = sums["top_counts"]
    with np.errstate(invalid="ignore"):
        confidence = sums["top_confidence"] / counts
        accuracy = sums["top_right"] / counts
    low = high = 0.0
    held = np.flatnonzero(counts)
    together = dependent(task, num_classes)
    for i in held:
        right, rows = (float(values[i]) / together for values in (sums["top_right"], counts))
        ends = share_interval(right, rows, 0.05 / len(held))
        gap = abs(float(accuracy[i] - confidence[i]))
        width = max(float(accuracy[i]) - ends[0], ends[1] - float(accuracy[i]))
        low += counts[i] * max(0.0, gap - width)
        high += counts[i] * (gap + width)
    total = float(counts.sum())
    mass = _equal_mass(sums)
    return Calibration(
        np.linspace(0, 1, NUM_CALIBRATION_BINS + 1),
        counts,
        confidence,
        accuracy,
        mass[0],
        mass[1] / mass[0],
        mass[2] / mass[0],
        expected_error(counts, sums["top_confidence"], sums["top_right"]),
        (low / total, min(high / total, 1.0)),
        expected_error(*mass[:3]),
        mass[3],
        classwise_error(sums, num_classes),
        float(sums["brier"] / sums["rows"]),
        mean_loss(sums),
        temperature_of(sums, together) if "values_at_beta" in sums else None,
    )


def _equal_mass(sums: Sums) -> tuple[Array, Array, Array, float]:
    """Return counts and sums of bins of equal mass, and how far their error may be off.

    A bin ends with a bin of the sketch. How many rows lie beyond its exact end is known: of these
    no more are wrong than the bin of the sketch holds, and each of the others is off by its doubt.
    """
    counts = sums["odds_counts"]
    cumulative = np.cumsum(counts)
    total = int(cumulative[-1])
    wanted = total * np.arange(1, NUM_CALIBRATION_BINS) / NUM_CALIBRATION_BINS
    at = np.searchsorted(cumulative, wanted)
    # The nearer end of the bin of the sketch that the exact end cuts.
    before = cumulative[at] - counts[at]
    is_before = (wanted - before < cumulative[at] - wanted) & (before > 0)
    misplaced = np.where(is_before, wanted - before, cumulative[at] - wanted)
    wrong = np.minimum(misplaced, counts[at] - sums["odds_right"][at])
    odds = bin_low(at) * (1 + BIN_WIDTH)
    moved = np.maximum(wrong, misplaced * odds / (1 + odds)).sum()
    ends = np.unique(np.where(is_before, np.searchsorted(cumulative, before), at))
    starts = np.concatenate([[0], ends + 1])
    starts = starts[starts < len(counts)]
    confidence = counts - sums["odds_doubt"]
    columns = [
        np.add.reduceat(values, starts) for values in (counts, confidence, sums["odds_right"])
    ]
    held = columns[0] > 0
    held_columns = [column[held][::-1] for column in columns]
    return (
        held_columns[0],
        held_columns[1],
        held_columns[2],
        min(1.0, 2 * float(moved) / max(total, 1)),
    )


def bits_of(sums: Sums, base_rate: float, *, is_exclusive: bool) -> Bits:
    """Return the loss against the base rate; `base_rate` in nats."""
    loss = mean_loss(sums)
    if is_exclusive:
        by_frequency = sequence_log_probability(sums["labels"])
    else:
        yes, no = sums["labels"], float(sums["rows"]) - sums["labels"]
        by_frequency = sum(
            sequence_log_probability(np.array(pair)) for pair in zip(yes, no, strict=True)
        )
    together = 1 if is_exclusive else len(sums["labels"])
    p_value = math.exp(min(0.0, -(by_frequency + float(np.sum(sums["loss"]))) / together))
    nats = math.log(2)
    return Bits(loss / nats, base_rate / nats, (base_rate - loss) / nats, p_value)


def concentration_of(
    sums: Sums, top: TopRows, num_classes: int, *, is_exclusive: bool, is_blind: bool
) -> Concentration:
    """Return where the loss lies; no label is suspect to scores that are blind to labels."""
    share, bounds = _half_share(sums)
    rows = top.rows
    with np.errstate(invalid="ignore", divide="ignore"):
        # Confident learning: believed is what has at least the mean probability of its own rows.
        believed = 1 - sums["positive"] / sums["labels"]
        # Where labels may hold at once, every row answers every class's question.
        asked = sums["labels"] if is_exclusive else sums["rows"]
        surprise = np.where(sums["infinite"], math.inf, sums["loss"] / asked / math.log(2))
    suspect = (
        (not is_blind)
        & (rows["label"] != rows["predicted"])
        & (rows["confidence"] >= believed[rows["predicted"]])
        & (rows["label_probability"] < believed[rows["label"]])
    )
    pairs = _confused_pairs(sums, rows, num_classes) if is_exclusive else np.empty((0, 4))
    right = sums.get("right_by_class", np.full(num_classes, math.nan))
    return Concentration(share, bounds, rows, rows[suspect], sums["labels"], right, surprise, pairs)


def _confused_pairs(sums: Sums, rows: Array, num_classes: int) -> Array:
    """Return label, prediction, count and mean surprise in bits; above `MOST_PAIRED` of `rows`."""
    if num_classes > MOST_PAIRED:
        wrong = rows[rows["label"] != rows["predicted"]]
        both = np.stack([wrong["label"], wrong["predicted"]], axis=1)
        pairs, index, seen = np.unique(both, axis=0, return_inverse=True, return_counts=True)
        costs = np.bincount(index, wrong["loss"], len(pairs)) / math.log(2)
        labels, predicted = pairs[:, 0], pairs[:, 1]
    else:
        counts = sums["pairs"].reshape(num_classes, -1)
        labels, predicted = np.nonzero((counts > 0) & ~np.eye(num_classes, dtype=bool))
        seen = counts[labels, predicted]
        all_costs = sums["pair_loss"] / math.log(2)
        if "pair_infinite" in sums:
            all_costs = np.where(sums["pair_infinite"], math.inf, all_costs)
        costs = all_costs.reshape(num_classes, -1)[labels, predicted]
    # Of what costs infinitely much, what comes most often first.
    order = np.lexsort((predicted, labels, -seen, -costs))[:50]
    columns = (labels, predicted, seen, costs / seen)
    return np.stack([column[order] for column in columns], axis=1)


def _half_share(sums: Sums) -> tuple[float, tuple[float, float]]:
    """Return the share of rows with half the loss, and bounds that hold for certain."""
    counts, losses = sums["loss_counts"][::-1], sums["loss_sums"][::-1]
    num_rows = float(sums["rows"])
    infinite = num_rows - float(counts.sum())
    if infinite > 0:
        return infinite / num_rows, (infinite / num_rows, infinite / num_rows)
    half = float(losses.sum()) / 2
    if half <= 0:
        return 0.0, (0.0, 0.0)
    at = int(np.searchsorted(np.cumsum(losses), half))
    at = min(at, len(losses) - 1)
    above, wanted = float(counts[:at].sum()), half - float(losses[:at].sum())
    held = float(counts[at])
    low = float(bin_low(np.array([len(counts) - 1 - at]))[0])
    # The last bin has no upper end: one row may be all of it.
    high = low * (1 + BIN_WIDTH) if at else math.inf
    fewest = above + (wanted / high if math.isfinite(high) and high > 0 else 0.0)
    most = above + min(held, wanted / low if low > 0 else held)
    mean = float(losses[at]) / held
    # In whole rows: less than one too few would not do.
    share, low, high = (
        math.ceil(rows * (1 - 1e-9)) / num_rows for rows in (above + wanted / mean, fewest, most)
    )
    return share, (low, high)


def budget_of(sums: Sums, *, is_exclusive: bool) -> Budget:
    """Return how hard the gradient pulls at each class's logit."""
    positive, negative = sums["positive"], np.maximum(sums["negative"], 0)
    if not is_exclusive:
        nothing = np.full(len(positive), math.nan)
        return Budget(nothing, nothing, positive, negative)
    return Budget(positive, negative, sums["sigmoid_positive"], sums["sigmoid_negative"])


def precision_of(sums: Sums) -> Precision:
    """Return the shares of answers on which the textbook formula and the usual one fail."""
    # Of exclusive classes each row has one answer, else one for each class.
    shares = [
        tuple((sums[name] / float(sums["top_counts"].sum())).tolist())
        for name in ("textbook_overflow", "textbook_vanish", "textbook_zero", "usual_off")
    ]
    return Precision(*shares)


def base_rate_of(sums: Sums, *, is_exclusive: bool) -> float:
    """Return the entropy of the labels in nats: the loss of predicting their frequencies."""
    if is_exclusive:
        return float(entropy(sums["labels"] / sums["labels"].sum()))
    shares = np.clip(sums["labels"] / float(sums["rows"]), 0, 1)
    return float(np.sum(entropy(np.stack([shares, 1 - shares], axis=-1))))


def contradictions_of(
    sums: Sums, num_classes: int, found: Temperature, together: int
) -> dict[str, float]:
    """Return what is against confident predictions beyond what a temperature would explain.

    With the odds R = Σ others/top of a row, at temperature T ≥ 1 they are at most
    (K − 1)^{1 − 1/T} R^{1/T}, by the inequality of power means: that bounds how often a network
    that is overconfident by T may be wrong. Nothing is known of temperatures beyond the grid.
    """
    temperature, best = found.value, {"p_value": 1.0}
    if temperature > 1 and not found.is_inside:
        return best
    power = 1 / max(temperature, 1.0)
    highest = bin_low(np.arange(len(sums["odds_counts"]))) * (1 + BIN_WIDTH)
    highest[0] = 2.0**-64
    odds = (num_classes - 1) ** (1 - power) * highest**power
    doubt = odds / (1 + odds)
    if temperature <= 1:
        doubt = sums["odds_doubt"] / np.maximum(sums["odds_counts"], 1)
    wrong = sums["odds_counts"] - sums["odds_right"]
    limits = [10.0**-k for k in range(1, 9)]
    for limit in limits:
        chosen = highest <= limit
        num_rows = float(sums["odds_counts"][chosen].sum())
        seen = float(wrong[chosen].sum())
        expected = float((sums["odds_counts"] * doubt)[chosen].sum())
        if num_rows == 0 or seen <= expected:
            continue
        p_value = count_p_value(seen / together, expected / together, num_rows / together)
        p_value = min(1.0, len(limits) * p_value)
        if p_value < best["p_value"]:
            best = {
                "p_value": p_value,
                "rows": num_rows,
                "wrong": seen,
                "expected": expected,
                "doubt": limit,
            }
    return best
