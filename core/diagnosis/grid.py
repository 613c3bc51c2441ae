"""The loss of a block at a grid of temperatures.

β is 1/T. Between the nodes the loss is found from its value and two derivatives at them, by
`core.diagnosis.temperature`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np

from core._blocked import BEYOND_EXP
from core._checks import Array
from core._threads import Work

# In sixteenths of β: an octave apart, so that e^{βd} is the square of that of the node before; and
# half an octave where the loss of many classes bends most.
_NODES = (2, 3, 4, 8, 16, 32, 64, 128)
BETAS = np.array(_NODES) / 16
AT_ONE = _NODES.index(16)
# What stands for a logit of −inf: its exponential is 0 at every node.
LOWEST = -8 * BEYOND_EXP
# e^{βd} is a product of two that were there before, and takes the memory of one of no more use: all
# that a bite is worked on in has to stay in the cache.
_PRODUCTS = {
    2: (1, 1, 2), 3: (1, 2, 3), 4: (2, 2, 1), 8: (4, 4, 3), 16: (8, 8, 1), 32: (16, 16, 2),
    64: (32, 32, 3), 128: (64, 64, 1),
}  # fmt: skip


def add_temperatures(
    work: Work,
    sums: dict[str, Array],
    z: Array,
    lowest: float,
    e: Array,
    odds: Array,
    axis: int,
    gap: Array,
    left_out: Array | None,
    at_top: Array | None = None,
) -> None:
    """Add the loss at every β with two derivatives by β.

    The loss of a row is log(1 + Σ e^{βd}) + β gap, with d = z − max z and a sum over all classes
    but the top. With weights e^{βd}/(1 + Σ e^{βd}) its derivatives are the mean of d, to which the
    gap is added, and the variance of d.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    sums : dict of str to ndarray
        What is added to: of each of `BETAS` "values_at_beta", "slopes_at_beta" and
        "curvatures_at_beta".
    z : ndarray, (K, rows) where `axis` is 0, else (rows, K)
        Logits less their row's maximum, from `LOWEST` on.
    lowest : float
        The least of them.
    e : ndarray, shape of `z`
        Their exponentials, but 0 at the top.
    odds : ndarray, shape (rows,)
        The sum of these.
    axis : int
        The axis of the classes.
    gap : ndarray, shape (rows,)
        Of the label's logit below the maximum.
    left_out : ndarray of bool, shape (rows,), optional
        Rows whose loss is infinite.
    at_top : ndarray, shape (rows,), optional
        Where in `z`, flat, the tops are; None where `z` has only the other classes.
    """
    dtype = z.dtype
    product_of = "kr,kr->r" if axis == 0 else "rk,rk->r"
    sum_of = product_of[:2] + product_of[-3:]
    if left_out is not None:
        gap = np.where(left_out, 0, gap)
    gaps = float(np.add.reduce(gap, dtype=np.float64))
    squares = np.square(z, out=work("p", z.shape, dtype))
    totals, means, variances = (
        work(f"{name}_at_beta", (len(BETAS), len(gap)), dtype) for name in ("odds", "mean", "var")
    )
    totals[AT_ONE] = odds
    places = iter(range(len(BETAS)))
    for at, power in powers(work, z, lowest, _PRODUCTS, at_top, {16: e}):
        if at in _NODES:
            place = next(places)
            if place != AT_ONE:
                np.einsum(sum_of, power, out=totals[place])
            np.einsum(product_of, power, z, out=means[place])
            np.einsum(product_of, power, squares, out=variances[place])
    if left_out is not None:
        totals[:, left_out] = 0
        means[:, left_out] = variances[:, left_out] = 0
    logs = np.log1p(totals, out=work("logs", totals.shape, dtype))
    sums["values_at_beta"] = row_totals(logs) + BETAS * gaps
    np.add(totals, 1, out=totals)
    np.divide(means, totals, out=means)
    np.divide(variances, totals, out=variances)
    sums["slopes_at_beta"] = row_totals(means) + gaps
    np.subtract(variances, np.square(means, out=means), out=variances)
    sums["curvatures_at_beta"] = row_totals(variances)


def powers(
    work: Work,
    z: Array,
    lowest: float,
    products: Mapping[int, tuple[int, int, int]],
    at_top: Array | None = None,
    known: Mapping[int, Array] = MappingProxyType({}),
) -> Iterator[tuple[int, Array]]:
    """Yield e^{z/16} and its powers, each with its number.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    z : ndarray
        From `LOWEST` to 0.
    lowest : float
        The least of them.
    products : mapping of int to (int, int, int)
        Which powers, in order, of which two before each is the product, and in which memory it is.
    at_top : ndarray, optional
        Where in `z`, flat, to have 0.
    known : mapping of int to ndarray
        Powers that are there.
    """
    dtype = z.dtype
    # Products stay normal numbers: below this an exponential is nothing beside the top's 1.
    least = dtype.type(1e-18 if dtype.itemsize == 4 else 1e-150)
    lowest /= 16
    root = work("power_1", z.shape, dtype)
    np.exp(np.multiply(z, dtype.type(1 / 16), out=root), out=root)
    if at_top is not None:
        root.reshape(-1)[at_top] = 0
    if math.exp(lowest) < least:
        np.add(root, least, out=root)
    yield 1, root
    made = {1: root}
    for at, (first, second, place) in products.items():
        is_small = math.exp(at * lowest) < least
        if at in known and not is_small:
            made[at] = known[at]
        else:
            buffer = work(f"power_{place}", z.shape, dtype)
            made[at] = np.multiply(made[first], made[second], out=buffer)
            if is_small:
                np.add(buffer, least, out=buffer)
        yield at, made[at]


def row_totals(rows: Array) -> Array:
    """Return the sum of each row."""
    return np.add.reduce(rows, axis=1).astype(np.float64)
