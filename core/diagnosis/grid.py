"""The loss of a block at a grid of temperatures, and with noise in its labels.

β is 1/T. Between the nodes the loss is found from its value and two derivatives at them, by
`core.diagnosis.temperature`.
"""

from __future__ import annotations

import math

import numpy as np

from core._blocked import BEYOND_EXP, Work
from core._checks import Array

# In sixteenths of β: an octave apart, so that e^{βd} is the square of that of the node before; and
# half an octave where the loss of many classes bends most.
_NODES = (2, 3, 4, 8, 16, 32, 64, 128)
BETAS = np.array(_NODES) / 16
AT_ONE = _NODES.index(16)
# What stands for a logit of −inf: its exponential is 0 at every node.
LOWEST = -8 * BEYOND_EXP
# Shares of labels replaced by any class, evenly: what is compared with every temperature.
NOISES = (0.005, 0.01, 0.02, 0.08)
# At which β in sixteenths: a polynomial has what lies between.
_NOISY = (3, 4, 5, 6, 8, 10, 12, 16, 17)
NOISY_BETAS = np.array(_NOISY) / 16
# e^{βd} is a product of two that were there before.
_PRODUCTS = {
    2: (1, 1), 3: (1, 2), 4: (2, 2), 5: (4, 1), 6: (4, 2), 8: (4, 4), 10: (8, 2), 12: (8, 4),
    16: (8, 8), 17: (16, 1), 32: (16, 16), 64: (32, 32), 128: (64, 64),
}  # fmt: skip
# Where the sums of each stand: nodes first, and what is noisy side by side.
_ORDER = (*sorted(_NODES, key=lambda at: at in _NOISY), *sorted({*_NOISY}.difference(_NODES)))
_PLACES = {at: i for i, at in enumerate(_ORDER)}
_OF_NODES = [_ORDER.index(at) for at in _NODES]
_FIRST_NOISY = len(_ORDER) - len(_NOISY)
_OF_NOISY = [_ORDER.index(at) - _FIRST_NOISY for at in _NOISY]
# In whose memory one is that has no memory of its own.
_INSTEAD = {32: 2, 64: 3, 128: 4}


def add_temperatures(
    work: Work,
    sums: dict[str, Array],
    z: Array,
    e: Array,
    axis: int,
    gap: Array,
    left_out: Array | None,
    at_top: Array | None = None,
    *,
    with_noise: bool = True,
) -> None:
    """Add the loss at every β with two derivatives by β, and the loss under noise.

    The loss of a row is log(1 + Σ e^{βd}) + β gap, with d = z − max z and a sum over all classes
    but the top. With weights e^{βd}/(1 + Σ e^{βd}) its derivatives are the mean of d, to which the
    gap is added, and the variance of d.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    sums : dict of str to ndarray
        What is added to: of each of `BETAS` "values_at_beta", "slopes_at_beta" and
        "curvatures_at_beta", of each of `NOISY_BETAS` and `NOISES` "noisy_losses".
    z : ndarray, (K, rows) where `axis` is 0, else (rows, K)
        Logits less their row's maximum, from `LOWEST` on.
    e : ndarray, shape of `z`
        Their exponentials, but 0 at the top.
    axis : int
        The axis of the classes.
    gap : ndarray, shape (rows,)
        Of the label's logit below the maximum.
    left_out : ndarray of bool, shape (rows,), optional
        Rows whose loss is infinite.
    at_top : ndarray, shape (rows,), optional
        Where in `z`, flat, the tops are; None where `z` has only the other classes.
    with_noise : bool
        Whether to add the loss under noise.
    """
    dtype, num_classes = z.dtype, z.shape[axis]
    product_of = "kr,kr->r" if axis == 0 else "rk,rk->r"
    sum_of = product_of[:2] + product_of[-3:]
    # Products stay normal numbers: below this an exponential is nothing beside the top's 1.
    least = dtype.type(1e-18 if dtype.itemsize == 4 else 1e-150)
    lowest = float(z.min()) / 16
    if left_out is not None:
        gap = np.where(left_out, 0, gap)
    gaps = float(np.add.reduce(gap, dtype=np.float64))
    root = work("power_1", z.shape, dtype)
    np.exp(np.multiply(z, dtype.type(1 / 16), out=root), out=root)
    if at_top is not None:
        root.reshape(-1)[at_top] = 0
    if math.exp(lowest) < least:
        np.add(root, least, out=root)
    powers = {1: root}
    squares = np.square(z, out=work("p", z.shape, dtype))
    odds = work("odds_at_beta", (len(_PLACES), len(gap)), dtype)
    means, variances = (work(name, (len(BETAS), len(gap)), dtype) for name in ("mean", "variance"))
    for at, (first, second) in _PRODUCTS.items():
        place = _PLACES[at]
        if at not in _NODES:
            np.einsum(product_of, powers[first], powers[second], out=odds[place])
            continue
        is_small = math.exp(at * lowest) < least
        if at == 16 and not is_small:
            powers[at] = e
        else:
            buffer = work(f"power_{_INSTEAD.get(at, at)}", z.shape, dtype)
            powers[at] = np.multiply(powers[first], powers[second], out=buffer)
            if is_small:
                np.add(buffer, least, out=buffer)
        np.einsum(sum_of, powers[at], out=odds[place])
        np.einsum(product_of, powers[at], z, out=means[place])
        np.einsum(product_of, powers[at], squares, out=variances[place])
    if left_out is not None:
        odds[:, left_out] = 0
        means[:, left_out] = variances[:, left_out] = 0
    of_nodes = odds[: len(BETAS)]
    logs = np.log1p(of_nodes, out=work("logs", of_nodes.shape, dtype))
    sums["values_at_beta"] = _sums(logs)[_OF_NODES] + BETAS * gaps
    totals = np.add(odds, 1, out=odds)
    np.divide(means, of_nodes, out=means)
    np.divide(variances, of_nodes, out=variances)
    sums["slopes_at_beta"] = _sums(means)[_OF_NODES] + gaps
    np.subtract(variances, np.square(means, out=means), out=variances)
    sums["curvatures_at_beta"] = _sums(variances)[_OF_NODES]
    if not with_noise:
        return
    p = work("label_p", (len(_NOISY), len(gap)), dtype)
    np.multiply.outer(np.array(_ORDER[_FIRST_NOISY:], dtype) / dtype.type(-16), gap, out=p)
    np.divide(np.exp(p, out=p), totals[_FIRST_NOISY:], out=p)
    if left_out is not None:
        p[:, left_out] = 1
    sums["noisy_losses"] = _noisy_losses(work, p, num_classes)[_OF_NOISY]


def _sums(rows: Array) -> Array:
    return np.add.reduce(rows, axis=1).astype(np.float64)


def _noisy_losses(work: Work, p: Array, num_classes: int) -> Array:
    """Return Σ −log((1 − ε) p + ε/K), by β and by the share ε of labels that are noise."""
    together = 8 if num_classes <= 64 else 4
    length = p.shape[1] // together
    q = work("noisy", p.shape, p.dtype)
    losses = np.empty((len(p), len(NOISES)))
    # From 5e-3/K to about 1 each: products of so many stay in range.
    for i, noise in enumerate(NOISES):
        np.add(p, p.dtype.type(noise / num_classes / (1 - noise)), out=q)
        factors = q[:, : length * together].reshape(len(q), together, length)
        products = np.multiply.reduce(factors, axis=1)
        logs = _sums(np.log(products, out=products)) + _sums(np.log(q[:, length * together :]))
        losses[:, i] = -logs - p.shape[1] * math.log1p(-noise)
    return losses
