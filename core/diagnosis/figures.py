"""Figures from the sums of a summary: exact ones, and sketched ones with their bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core._checks import Array
from core.diagnosis.chances import (
    count_p_value,
    evidence_p_value,
    sequence_log_probability,
    share_interval,
)
from core.diagnosis.exclusive import AT_ONE, BETAS, MOST_PAIRED, NOISES, NUM_CALIBRATION_BINS, Sums
from core.diagnosis.records import (
    Bits,
    Budget,
    Calibration,
    Concentration,
    Precision,
    Temperature,
)
from core.diagnosis.sketches import BIN_WIDTH, TopRows, bin_low
from core.entropy import entropy

_STEP = math.log(BETAS[1] / BETAS[0])
_NEAR = 2.0 ** np.arange(-7, 0)  # of a step


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


def temperature_of(sums: Sums) -> Temperature:
    """Return the temperature of least loss.

    Between the two nodes where the derivative changes its sign, the loss as a function of log β
    is the polynomial of degree 11 that has the values and derivatives at the six nearest nodes.
    """
    num_rows = float(np.sum(sums["top_counts"])) - float(np.sum(sums["infinite"]))
    num_rows = max(num_rows, 1.0)
    values, slopes = sums["values_at_beta"] / num_rows, sums["slopes_at_beta"] / num_rows
    slopes = slopes * BETAS  # by log β
    per_row = num_rows / float(sums["rows"])
    # Alternatives near 1 too, between the nodes beside it: few rows tell large errors, many small.
    curve = _curve(values, slopes, AT_ONE)
    near = [curve(side * at) for side in (-1, 1) for at in _NEAR]
    others = np.concatenate([np.delete(values, AT_ONE), np.array(near) + values[AT_ONE]])
    # Losses in float32 are means rounded to 1e-7: so much of each is no finding.
    p_value = evidence_p_value(num_rows * (values[AT_ONE] - others - 2e-7))
    is_inside = bool(slopes[0] < 0 < slopes[-1])
    if is_inside:
        left = int(np.flatnonzero(slopes < 0)[-1])
        position, least = _least_between(values, slopes, left)
        beta = math.exp(math.log(BETAS[0]) + position * _STEP)
    else:
        end = 0 if slopes[0] >= 0 else -1
        beta, least = float(BETAS[end]), float(values[end])
    return Temperature(
        1 / beta,
        is_inside,
        float(values[AT_ONE]) * per_row,
        least * per_row,
        p_value,
        1 / BETAS,
        values * per_row,
    )


def _least_between(values: Array, slopes: Array, left: int) -> tuple[float, float]:
    curve = _curve(values, slopes, left)
    derivative = curve.deriv()
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if derivative(middle) < 0 else (low, middle)
    return left + low, float(values[left] + curve(low))


def _curve(values: Array, slopes: Array, left: int) -> Any:
    first = min(max(left - 2, 0), len(values) - 6)
    nodes = np.arange(6.0) + first - left
    powers = np.arange(12)
    matrix = np.concatenate(
        [nodes[:, np.newaxis] ** powers, powers * nodes[:, np.newaxis] ** np.maximum(powers - 1, 0)]
    )
    # Less the loss at the left node: its size would hide the differences.
    wanted = np.concatenate([values[first:][:6] - values[left], slopes[first:][:6] * _STEP])
    return np.polynomial.Polynomial(np.linalg.solve(matrix, wanted))


def calibration_of(sums: Sums, num_classes: int) -> Calibration:
    """Return reliability, errors, scores and temperature."""
    counts = sums["top_counts"]
    with np.errstate(invalid="ignore"):
        confidence = sums["top_confidence"] / counts
        accuracy = sums["top_right"] / counts
    low = high = 0.0
    held = np.flatnonzero(counts)
    for i in held:
        ends = share_interval(float(sums["top_right"][i]), float(counts[i]), 0.05 / len(held))
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
        temperature_of(sums),
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
    p_value = 1.0
    if is_exclusive:
        by_frequency = sequence_log_probability(sums["labels"])
        p_value = math.exp(min(0.0, -(by_frequency + float(np.sum(sums["loss"])))))
    nats = math.log(2)
    return Bits(loss / nats, base_rate / nats, (base_rate - loss) / nats, p_value)


def concentration_of(
    sums: Sums, top: TopRows, num_classes: int, *, is_exclusive: bool
) -> Concentration:
    """Return where the loss lies."""
    share, bounds = _half_share(sums)
    rows = top.rows
    with np.errstate(invalid="ignore", divide="ignore"):
        # Confident learning: believed is what has at least the mean probability of its own rows.
        believed = sums["label_p"] / sums["labels"]
        # Where labels may hold at once, every row answers every class's question.
        asked = sums["labels"] if is_exclusive else sums["rows"]
        surprise = sums["loss"] / asked / math.log(2)
    suspect = (
        (rows["label"] != rows["predicted"])
        & (rows["confidence"] >= believed[rows["predicted"]])
        & (rows["label_probability"] < believed[rows["label"]])
    )
    pairs = np.empty((0, 4))
    if "pairs" in sums and num_classes <= MOST_PAIRED:
        counts = sums["pairs"].reshape(num_classes, -1)
        costs = sums["pair_loss"].reshape(num_classes, -1) / math.log(2)
        labels, predicted = np.nonzero((counts > 0) & ~np.eye(num_classes, dtype=bool))
        order = np.argsort(-costs[labels, predicted], kind="stable")[:50]
        labels, predicted = labels[order], predicted[order]
        seen = counts[labels, predicted]
        pairs = np.stack([labels, predicted, seen, costs[labels, predicted] / seen], axis=1)
    right = sums.get("right_by_class", np.full(num_classes, math.nan))
    return Concentration(share, bounds, rows, rows[suspect], sums["labels"], right, surprise, pairs)


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
    return (above + wanted / mean) / num_rows, (fewest / num_rows, most / num_rows)


def budget_of(sums: Sums, *, is_exclusive: bool) -> Budget:
    """Return how hard the gradient pulls at each class's logit."""
    labels = sums["labels"].astype(float)
    positive, negative = labels - sums["label_p"], sums["p"] - sums["label_p"]
    if not is_exclusive:
        nothing = np.full(len(labels), math.nan)
        return Budget(nothing, nothing, positive, negative)
    return Budget(
        positive,
        np.maximum(negative, 0),
        labels - sums["label_sigmoid"],
        sums["sigmoid"] - sums["label_sigmoid"],
    )


def precision_of(sums: Sums) -> Precision:
    """Return the shares of rows on which the textbook formula and the usual one fail."""
    shares = [
        tuple((sums[name] / float(sums["rows"])).tolist())
        for name in ("textbook_overflow", "textbook_vanish", "textbook_zero", "usual_off")
    ]
    return Precision(*shares)


def base_rate_of(sums: Sums, *, is_exclusive: bool) -> float:
    """Return the entropy of the labels in nats: the loss of predicting their frequencies."""
    if is_exclusive:
        return float(entropy(sums["labels"] / sums["labels"].sum()))
    shares = np.clip(sums["labels"] / float(sums["rows"]), 0, 1)
    return float(np.sum(entropy(np.stack([shares, 1 - shares], axis=-1))))


def noise_of(sums: Sums, temperature: Temperature) -> tuple[float, float]:
    """Return the p-value of some temperature explaining the labels, and the share of noise instead.

    The likelihood of labels of which a share ε was replaced by any class, against the highest that
    a temperature gives: on average at most 1 if labels are drawn at any temperature of the grid.

    References
    ----------
    Wasserman, Ramdas and Balakrishnan (2020), "Universal inference",
    doi:10.1073/pnas.1922664117.
    """
    if "noisy_losses" not in sums or not temperature.is_inside:
        return 1.0, 0.0
    losses = sums["noisy_losses"]
    best = temperature.loss_after * float(sums["rows"])
    slack = 2e-7 * float(sums["rows"])
    share = NOISES[int(losses.argmin()) % len(NOISES)]
    return evidence_p_value((best - losses - slack).reshape(-1)), share


def contradictions_of(sums: Sums, num_classes: int, temperature: float) -> dict[str, float]:
    """Return what is against confident predictions beyond what a temperature would explain.

    With the odds R = Σ others/top of a row, at temperature T ≥ 1 they are at most
    (K − 1)^{1 − 1/T} R^{1/T}, by the inequality of power means: that bounds how often a network
    that is overconfident by T may be wrong.
    """
    power = 1 / max(temperature, 1.0)
    highest = bin_low(np.arange(len(sums["odds_counts"]))) * (1 + BIN_WIDTH)
    highest[0] = 2.0**-64
    odds = (num_classes - 1) ** (1 - power) * highest**power
    doubt = odds / (1 + odds)
    if temperature <= 1:
        doubt = sums["odds_doubt"] / np.maximum(sums["odds_counts"], 1)
    wrong = sums["odds_counts"] - sums["odds_right"]
    best = {"p_value": 1.0}
    limits = [10.0**-k for k in range(1, 9)]
    for limit in limits:
        chosen = highest <= limit
        num_rows = float(sums["odds_counts"][chosen].sum())
        seen = float(wrong[chosen].sum())
        expected = float((sums["odds_counts"] * doubt)[chosen].sum())
        if num_rows == 0 or seen <= expected:
            continue
        p_value = min(1.0, len(limits) * count_p_value(seen, expected, num_rows))
        if p_value < best["p_value"]:
            best = {
                "p_value": p_value,
                "rows": num_rows,
                "wrong": seen,
                "expected": expected,
                "doubt": limit,
            }
    return best
