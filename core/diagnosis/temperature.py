"""The temperature of least loss from losses on a grid, and noise in labels against it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from core._checks import Array
from core.diagnosis.chances import evidence_p_value
from core.diagnosis.exclusive import Sums
from core.diagnosis.grid import AT_ONE, BETAS
from core.diagnosis.noise import NOISES, NOISY_BETAS
from core.diagnosis.records import Temperature

_NODES = np.log2(BETAS)
_NEAR = 2.0 ** np.arange(-8, -1)  # of an octave
_NUM_NODES = 6
# Losses in float32 are means rounded to 1e-7, and those between nodes are no better: so much of
# each is no finding.
_SLACK = 5e-7
# Under noise a polynomial may be off too. Where labels were drawn at a temperature, for two to a
# thousand classes and up to six times too sharp, noise seemed better by 1e-4 at most beyond chance.
_SLACK_BETWEEN = 1e-4


def dependent(task: str, num_classes: int) -> int:
    """Return by how much the answers of a row may repeat each other.

    Labels that may hold at once need not be independent, whatever their probabilities. By Hölder's
    inequality a bound on the product of K dependent factors is that on each to the power 1/K, so
    that counts and log-likelihoods of all answers are worth a K-th.
    """
    return num_classes if task == "multi-label" else 1


def temperature_of(sums: Sums, together: int = 1) -> Temperature:
    """Return the temperature of least loss; `together` is `dependent` of the labels.

    Between the two nodes where the derivative changes its sign, the logarithm of the loss as a
    function of log β is the polynomial that has the values and two derivatives at three nodes on
    either side, or at those that there are. Of the loss itself, which may fall to a thousandth from
    node to node, a polynomial may be below 0.
    """
    num_rows = float(np.sum(sums["top_counts"])) - float(np.sum(sums["infinite"]))
    num_rows = max(num_rows, 1.0)
    values = sums["values_at_beta"] / num_rows
    # By log2 β.
    slopes = math.log(2) * BETAS * sums["slopes_at_beta"] / num_rows
    bends = (math.log(2) * BETAS) ** 2 * sums["curvatures_at_beta"] / num_rows
    nodes = np.stack([values, slopes, bends + math.log(2) * slopes])
    # Of several labels a row has an answer for each class.
    per_row = float(np.sum(sums["top_counts"])) / float(sums["rows"])
    # Alternatives near 1 too, between the nodes beside it: few rows tell large errors, many small.
    curve = _curve(nodes, AT_ONE)
    near = [curve(side * at) for side in (-1, 1) for at in _NEAR]
    others = np.concatenate([np.delete(values, AT_ONE), np.array(near) + values[AT_ONE]])
    p_value = evidence_p_value(num_rows / together * (values[AT_ONE] - others - _SLACK))
    is_inside = bool(slopes[0] < 0 < slopes[-1])
    if is_inside:
        left = int(np.flatnonzero(slopes < 0)[-1])
        position, least = _least_between(nodes, left)
        beta = 2.0**position
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


def _least_between(nodes: Array, left: int) -> tuple[float, float]:
    """Return where on the way to the next node the loss is least, as log2 β, and that loss."""
    values, slopes, bends = nodes
    # Where the loss rises again some label is not the likeliest: it is 0 at no node.
    logs = np.stack([np.log(values), slopes / values, bends / values - (slopes / values) ** 2])
    curve = _curve(logs, left)
    derivative = curve.deriv()
    low, high = 0.0, float(_NODES[left + 1] - _NODES[left])
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if derivative(middle) < 0 else (low, middle)
    return float(_NODES[left]) + low, float(values[left] * np.exp(curve(low)))


def _curve(nodes: Array, left: int) -> Any:
    """Return what has such values and derivatives, less its value at a node, by octaves from it."""
    first = max(left - _NUM_NODES // 2 + 1, 0)
    wanted = nodes[:, first : left + _NUM_NODES // 2 + 1].copy()
    # Less the loss at the node: its size would hide the differences.
    wanted[0] -= nodes[0, left]
    domain, inverse = _hermite(first, left)
    return np.polynomial.Chebyshev(inverse @ wanted.reshape(-1), domain=domain)


@lru_cache(maxsize=len(BETAS))
def _hermite(first: int, left: int) -> tuple[tuple[float, float], Array]:
    """Return what makes a polynomial of values and derivatives at the nodes from `first` on.

    In Chebyshev's basis, in which the equations are well conditioned.
    """
    at = (_NODES[first : left + _NUM_NODES // 2 + 1] - _NODES[left]).tolist()
    domain = (at[0], at[-1])
    terms = [np.polynomial.Chebyshev.basis(k, domain=domain) for k in range(3 * len(at))]
    columns = [[term.deriv(order)(x) for order in range(3) for x in at] for term in terms]
    return domain, np.linalg.inv(np.array(columns).T)


@lru_cache(maxsize=2)
def _between(first: float, parts: int) -> Array:
    """Return what makes losses at every 1/`parts` of β from `first` on of those at `NOISY_BETAS`.

    By a polynomial in log(β + 1/32), where the nodes are about evenly apart.
    """
    last = float(NOISY_BETAS[-1])
    betas = np.arange(round(first * parts), round(last * parts) + 1) / parts
    nodes, wanted = (np.log(at + 1 / 32) for at in (NOISY_BETAS, betas))
    domain = (float(nodes[0]), float(nodes[-1]))
    terms = [np.polynomial.Chebyshev.basis(k, domain=domain) for k in range(len(nodes))]
    at_nodes, at_betas = (np.stack([term(x) for term in terms]) for x in (nodes, wanted))
    matrix: Array = np.linalg.solve(at_nodes, at_betas).T
    return matrix


def noise_of(sums: Sums, temperature: Temperature) -> tuple[float, float]:
    """Return the p-value of some temperature explaining the labels, and the share of noise instead.

    The likelihood of labels of which a share ε was replaced by any class, against the highest that
    a temperature gives: on average at most 1 if labels are drawn at any temperature that the nodes
    of the noise enclose.

    References
    ----------
    Wasserman, Ramdas and Balakrishnan (2020), "Universal inference",
    doi:10.1073/pnas.1922664117.
    """
    beta = 1 / temperature.value
    if "noisy_losses" not in sums or not NOISY_BETAS[0] <= beta <= 1:
        return 1.0, 0.0
    by_beta = _between(float(NOISY_BETAS[0]), 256) @ sums["noisy_losses"][:, 0]
    least = int(by_beta.argmin())
    if least in (0, len(by_beta) - 1):
        # The sample's own temperature may lie beyond the nodes.
        return 1.0, 0.0
    losses = _between(0.25, 32) @ sums["noisy_losses"][:, 1:]
    slack = _SLACK_BETWEEN * float(sums["noisy_rows"])
    share = NOISES[1 + int(losses.argmin()) % (len(NOISES) - 1)]
    return evidence_p_value((by_beta[least] - losses - slack).reshape(-1)), share
