"""The temperature of least loss from losses on a grid, and noise in labels against it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core._checks import Array
from core.diagnosis.chances import evidence_p_value
from core.diagnosis.exclusive import AT_ONE, BETAS, NOISES, Sums
from core.diagnosis.records import Temperature

_STEP = math.log(BETAS[1] / BETAS[0])
_NEAR = 2.0 ** np.arange(-7, 0)  # of a step


def dependent(task: str, num_classes: int) -> int:
    """Return by how much the answers of a row may repeat each other.

    Labels that may hold at once need not be independent, whatever their probabilities. By Hölder's
    inequality a bound on the product of K dependent factors is that on each to the power 1/K, so
    that counts and log-likelihoods of all answers are worth a K-th.
    """
    return num_classes if task == "multi-label" else 1


def temperature_of(sums: Sums, together: int = 1) -> Temperature:
    """Return the temperature of least loss; `together` is `dependent` of the labels.

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
    p_value = evidence_p_value(num_rows / together * (values[AT_ONE] - others - 2e-7))
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
