"""How sure a finding is: bounds that hold for any number of rows, from counts and likelihoods.

Nothing here leans on a normal approximation, so a p-value holds for one row and for a million,
and for an event of one in ten thousand.
"""

from __future__ import annotations

import math

import numpy as np

from core._checks import Array

# For all checks of a diagnosis together; each has its share of it.
LEVEL = 1e-4
NUM_CHECKS = 14

__all__ = ["bernoulli_divergence", "count_p_value", "evidence_p_value", "share_interval"]


def bernoulli_divergence(a: float, b: float) -> float:
    """Return KL(a‖b) of two yes-no outcomes, in nats.

    Examples
    --------
    >>> bernoulli_divergence(0.5, 0.5), bernoulli_divergence(0.5, 0.0)
    (0.0, inf)
    """
    total = 0.0
    for p, q in ((a, b), (1 - a, 1 - b)):
        if p > 0:
            total += p * math.log(p / q) if q > 0 else math.inf
    return max(total, 0.0)


def count_p_value(seen: float, expected: float, num_rows: float) -> float:
    """Return how likely a count at least as far from `expected` is, at most.

    Parameters
    ----------
    seen : float
        How many of the rows had the outcome.
    expected : float
        The sum of the rows' probabilities of it.
    num_rows : float
        How many rows there are.

    Returns
    -------
    float
        An upper bound on the two-sided p-value, in [0, 1].

    Notes
    -----
    2 exp(−n KL(seen/n‖expected/n)), for independent rows whose probabilities may differ.

    References
    ----------
    Hoeffding (1963), "Probability inequalities for sums of bounded random variables",
    doi:10.1080/01621459.1963.10500830, theorem 1.

    Examples
    --------
    >>> count_p_value(500, 500, 1000)
    1.0
    >>> count_p_value(600, 500, 1000) < 1e-8
    True
    """
    if num_rows <= 0:
        return 1.0
    # Sums of probabilities are rounded: one part in ten million is no finding.
    slack = 1e-7 * num_rows
    gap = max(abs(seen - expected) - slack, 0.0)
    if gap == 0:
        return 1.0
    seen = expected + math.copysign(gap, seen - expected)
    mean = min(max(expected / num_rows, 0.0), 1.0)
    share = min(max(seen / num_rows, 0.0), 1.0)
    return min(1.0, 2 * math.exp(-num_rows * bernoulli_divergence(share, mean)))


def share_interval(count: float, num_rows: float, alpha: float = 0.05) -> tuple[float, float]:
    """Return an interval that holds the true share with probability 1 − alpha or more.

    Parameters
    ----------
    count : float
        How many of the rows had the outcome.
    num_rows : float
        How many there are.
    alpha : float
        How often the interval may miss.

    Returns
    -------
    low, high : float

    Notes
    -----
    All shares p with n KL(count/n‖p) ≤ log(2/alpha): somewhat wider than the exact interval.

    Examples
    --------
    >>> low, high = share_interval(50, 100)
    >>> round(low, 2), round(high, 2)
    (0.37, 0.63)
    """
    if num_rows <= 0:
        return 0.0, 1.0
    share = min(max(count / num_rows, 0.0), 1.0)
    most = math.log(2 / alpha) / num_rows
    ends = []
    for outside in (0.0, 1.0):
        inside = share
        for _ in range(60):
            middle = (inside + outside) / 2
            if bernoulli_divergence(share, middle) <= most:
                inside = middle
            else:
                outside = middle
        ends.append(inside)
    # An end that was never refused is the end of the range.
    return (0.0 if count <= 0 else ends[0], 1.0 if count >= num_rows else ends[1])


def evidence_p_value(log_ratios: Array) -> float:
    """Return a p-value from likelihood ratios of fixed alternatives against what is claimed.

    Parameters
    ----------
    log_ratios : ndarray
        log of (likelihood of the labels under an alternative)/(under the claimed probabilities),
        one for each alternative, all chosen before the labels were seen.

    Returns
    -------
    float
        In [0, 1].

    Notes
    -----
    If labels are drawn from the claimed probabilities each ratio is 1 on average, and so is their
    mean; Markov's inequality makes 1/mean a p-value, whatever the number of rows.

    References
    ----------
    Ramdas et al. (2023), "Game-theoretic statistics and safe anytime-valid inference",
    doi:10.1214/23-STS894.

    Examples
    --------
    >>> round(evidence_p_value(np.log([1.0, 39.0])), 9)
    0.05
    """
    highest = float(np.max(log_ratios))
    log_mean = highest + math.log(float(np.mean(np.exp(log_ratios - highest))))
    return min(1.0, math.exp(min(-log_mean, 0.0)))


def sequence_log_probability(counts: Array) -> float:
    """Return log of the probability of labels with these counts, knowing nothing but the classes.

    The mixture of Krichevsky and Trofimov (1981), doi:10.1109/TIT.1981.1056331: the product over
    the rows of (times the class was seen before + 1/2)/(rows before + K/2).

    Examples
    --------
    >>> round(math.exp(sequence_log_probability(np.array([1, 0]))), 12)
    0.5
    """
    num_classes = len(counts)
    total = math.lgamma(num_classes / 2) - math.lgamma(float(np.sum(counts)) + num_classes / 2)
    for count in counts:
        if count:
            total += math.lgamma(float(count) + 0.5) - math.lgamma(0.5)
    return total


def corrected(p_value: float) -> float:
    """Return a p-value corrected for the number of checks."""
    return min(1.0, NUM_CHECKS * p_value)


def says(p_value: float) -> str:
    """Return a corrected p-value in words."""
    bound = f"≤ {p_value:.2g}" if p_value > 0 else "too small for float64"
    return f"p {bound}, corrected for {NUM_CHECKS} checks"
