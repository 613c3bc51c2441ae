"""The loss of some rows under noise in their labels, at the temperatures that noise looks like.

Random labels make scores look overconfident, and a temperature would hide them. Which of the two
explains labels better is asked of the first rows, and of a short run out of each many. Any rows may
be asked, as long as both are asked of the same.
"""

from __future__ import annotations

import math

import numpy as np

from core._checks import Array
from core._threads import Work
from core.diagnosis.grid import powers, row_totals

# Shares of labels replaced by any class, evenly; none is what they are compared with.
NOISES = (0.0, 0.005, 0.01, 0.02, 0.08)
# Each β in sixteenths, and of which two powers e^{βd} is the product.
_PRODUCTS = {
    3: (1, 2), 4: (2, 2), 5: (4, 1), 6: (4, 2), 8: (4, 4), 10: (8, 2), 12: (8, 4), 16: (8, 8),
    17: (16, 1),
}  # fmt: skip
_FACTORS = {2: (1, 1, 2), 4: (2, 2, 3), 8: (4, 4, 4), 16: (8, 8, 5)}
NOISY_BETAS = np.array(list(_PRODUCTS)) / 16
# All rows with lower numbers; and of each period so many.
_FIRST_ROWS = 1 << 15
_PERIOD, _RUN = 1 << 17, 1 << 12


def add_noise(
    work: Work,
    sums: dict[str, Array],
    z: Array,
    axis: int,
    gap: Array,
    rows: Array,
    left_out: Array | None,
) -> None:
    """Add the loss of a sample of rows at every β, without and with noise.

    With probability p of its label a row costs −log((1 − ε) p + ε/K) where a share ε of labels is
    replaced by any of K classes.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    sums : dict of str to ndarray
        What is added to: of each of `NOISY_BETAS` and `NOISES` "noisy_losses", and "noisy_rows".
    z : ndarray, (K, rows) where `axis` is 0, else (rows, K)
        Logits less their row's maximum.
    axis : int
        The axis of the classes.
    gap : ndarray, shape (rows,)
        Of the label's logit below the maximum.
    rows : ndarray of int, shape (rows,)
        Their numbers.
    left_out : ndarray of bool, shape (rows,), optional
        Rows whose loss is infinite.
    """
    is_in = (rows < _FIRST_ROWS) | (rows & (_PERIOD - 1) < _RUN)
    if left_out is not None:
        is_in &= ~left_out
    chosen = np.flatnonzero(is_in)
    if len(chosen) == 0:
        return
    if len(chosen) < len(rows):
        z, gap = z.take(chosen, axis=1 - axis), gap[chosen]
    dtype, num_classes = z.dtype, z.shape[axis]
    product_of = "kr,kr->r" if axis == 0 else "rk,rk->r"
    factors = dict(powers(work, z, float(z.min()), _FACTORS))
    totals = work("odds_at_beta", (len(_PRODUCTS), len(gap)), dtype)
    for total, (first, second) in zip(totals, _PRODUCTS.values(), strict=True):
        np.einsum(product_of, factors[first], factors[second], out=total)
    p = np.multiply.outer((-NOISY_BETAS).astype(dtype), gap)
    np.divide(np.exp(p, out=p), totals, out=p)
    gaps = float(np.add.reduce(gap, dtype=np.float64))
    losses = np.empty((len(_PRODUCTS), len(NOISES)))
    losses[:, 0] = row_totals(np.log(totals, out=totals)) + NOISY_BETAS * gaps
    # From 5e-3/K to about 1 each: products of so many stay in range.
    together = 8 if num_classes <= 64 else 4
    length = len(gap) // together
    q = totals
    for i, noise in enumerate(NOISES[1:], start=1):
        np.add(p, dtype.type(noise / num_classes / (1 - noise)), out=q)
        products = np.multiply.reduce(
            q[:, : length * together].reshape(len(q), together, length), axis=1
        )
        logs = row_totals(np.log(products, out=products))
        logs += row_totals(np.log(q[:, length * together :]))
        losses[:, i] = -logs - len(gap) * math.log1p(-noise)
    sums["noisy_losses"], sums["noisy_rows"] = losses, np.array(len(gap))
