"""The loss of a block at a grid of temperatures, and with noise in its labels.

β is 1/T. Between the nodes the loss is found from its value and two derivatives at them, by
`core.diagnosis.temperature`.
"""

from __future__ import annotations

import math

import numpy as np

from core._blocked import Work
from core._checks import Array

# An octave apart, so that e^{βd} is the square of that of the node before; and half an octave where
# the loss of many classes bends most.
BETAS = np.array([1 / 8, 3 / 16, 1 / 4, 1 / 2, 1, 2, 4, 8])
AT_ONE = 4
# Shares of labels replaced by any class, evenly: what is compared with every temperature.
NOISES = (0.005, 0.01, 0.02, 0.08)
# At which β, closer to each other towards the ends: a polynomial has what lies between.
NOISY_BETAS = np.array([16, 15, 14, 13, 12, 11, 10, 8, 6, 5, 4]) / 16
# In sixteenths of β: e^{βd} is a product of two that were there before. Each is kept in a buffer
# of the number that stands first, until the next that has the same; of 0 only the sum is wanted.
_PRODUCTS = (
    (2, 2, (1, 1)),
    (3, 3, (1, 2)),
    (4, 4, (2, 2)),
    (0, 5, (4, 1)),
    (0, 6, (4, 2)),
    (8, 8, (4, 4)),
    (0, 10, (8, 2)),
    (0, 11, (8, 3)),
    (16, 12, (8, 4)),
    (0, 13, (12, 1)),
    (0, 14, (12, 2)),
    (0, 15, (12, 3)),
    (16, 16, (8, 8)),
    (16, 32, (16, 16)),
    (16, 64, (32, 32)),
    (16, 128, (64, 64)),
)
# Where each stands among the sums: nodes first.
_NODES = tuple(round(16 * beta) for beta in BETAS.tolist())
_NOISY = tuple(round(16 * beta) for beta in NOISY_BETAS.tolist())
_PLACES = {at: i for i, at in enumerate(dict.fromkeys((*_NODES, *_NOISY)))}


def add_temperatures(
    work: Work, sums: dict[str, Array], z: Array, axis: int, gap: Array, left_out: Array | None
) -> None:
    """Add the loss at every β with two derivatives by β, and the loss under noise.

    The loss of a row is log Σ e^{βd} + β gap, with d = z − max z. With weights e^{βd}/Σ e^{βd} its
    derivatives are the mean of d, to which the gap is added, and the variance of d.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    sums : dict of str to ndarray
        What is added to: of each of `BETAS` "values_at_beta", "slopes_at_beta" and
        "curvatures_at_beta", of each of `NOISY_BETAS` and `NOISES` "noisy_losses".
    z : ndarray, (K, rows) where `axis` is 0, else (rows, K)
        Logits less their row's maximum; finite.
    axis : int
        The axis of the classes.
    gap : ndarray, shape (rows,)
        Of the label's logit below the maximum.
    left_out : ndarray of bool, shape (rows,), optional
        Rows whose loss is infinite.
    """
    dtype, num_classes = z.dtype, z.shape[axis]
    names = "kr,kr->r" if axis == 0 else "rk,rk->r"
    sum_of = names[:2] + names[-3:]
    # Products stay normal numbers: below this an exponential is nothing beside the top's 1.
    least = dtype.type(1e-18 if dtype.itemsize == 4 else 1e-150)
    lowest = float(z.min()) / 16
    if left_out is not None:
        gap = np.where(left_out, 0, gap)
    gaps = float(np.add.reduce(gap, dtype=np.float64))
    squares = np.square(z, out=work("squares", z.shape, dtype))
    power = work("power_1", z.shape, dtype)
    np.exp(np.multiply(z, dtype.type(1 / 16), out=power), out=power)
    if math.exp(lowest) < least:
        np.add(power, least, out=power)
    powers = {1: power}
    of_label = {1: np.exp(gap * dtype.type(-1 / 16))}
    totals = work("totals", (len(_PLACES), len(gap)), dtype)
    means, variances = (work(name, (len(BETAS), len(gap)), dtype) for name in ("mean", "variance"))
    for buffer, at, (first, second) in _PRODUCTS:
        place = _PLACES[at]
        if at <= 16:
            of_label[at] = of_label[first] * of_label[second]
        if not buffer:
            np.einsum(names, powers[first], powers[second], out=totals[place])
            continue
        power = work(f"power_{buffer}", z.shape, dtype)
        np.multiply(powers[first], powers[second], out=power)
        if math.exp(at * lowest) < least:
            np.add(power, least, out=power)
        powers[at] = power
        np.einsum(sum_of, power, out=totals[place])
        if place < len(BETAS):
            np.einsum(names, power, z, out=means[place])
            np.einsum(names, power, squares, out=variances[place])
    if left_out is not None:
        totals[:, left_out] = 1
        means[:, left_out] = variances[:, left_out] = 0
    of_nodes = totals[: len(BETAS)]
    np.divide(means, of_nodes, out=means)
    np.divide(variances, of_nodes, out=variances)
    sums["values_at_beta"] = _sums_of_logs(of_nodes, num_classes) + BETAS * gaps
    sums["slopes_at_beta"] = np.add.reduce(means, axis=1).astype(np.float64) + gaps
    np.subtract(variances, np.square(means, out=means), out=variances)
    sums["curvatures_at_beta"] = np.add.reduce(variances, axis=1).astype(np.float64)
    p = work("p", (len(_NOISY), len(gap)), dtype)
    for i, at in enumerate(_NOISY):
        np.divide(of_label[at], totals[_PLACES[at]], out=p[i])
    if left_out is not None:
        p[:, left_out] = 1
    sums["noisy_losses"] = np.stack([_noisy_losses(work, row, num_classes) for row in p])


def _noisy_losses(work: Work, p: Array, num_classes: int) -> Array:
    """Return Σ −log((1 − ε) p + ε/K) for each share ε of labels that are noise."""
    noises = np.array(NOISES)
    even = (noises / num_classes / (1 - noises)).astype(p.dtype)
    q = np.add(p, even[:, np.newaxis], out=work("noisy", (len(noises), len(p)), p.dtype))
    return -_sums_of_logs(q, num_classes) - len(p) * np.log1p(-noises)


def _sums_of_logs(values: Array, num_classes: int) -> Array:
    """Return Σ log of rows of values from 5e-3/K to K: of products, which stay in range."""
    together = 8 if num_classes <= 64 else 4
    length = values.shape[1] // together
    factors = values[:, : length * together].reshape(len(values), together, length)
    products = np.multiply.reduce(factors, axis=1)
    np.log(products, out=products)
    rest = np.log(values[:, length * together :])
    sums = np.add.reduce(products, axis=1) + np.add.reduce(rest, axis=1)
    return sums.astype(np.float64)
