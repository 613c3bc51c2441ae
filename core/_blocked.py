"""Row kernels on cache-sized blocks, spread over threads.

NumPy's loops release the interpreter's lock and run at full speed on data that is in the cache, so
a block goes through every step of a formula before the next one is read. Narrow rows are worked on
class-major, (K, rows), where every step is one long loop; wide ones stay as they are.

A kernel computes the ordinary rows without a branch. What comes out NaN (an infinite logit, an
infinite log beside a target of 0, a NaN) is computed again with its limits put in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from core._checks import Array, sum_tolerance
from core._threads import Work, run

WIDEST_CLASS_MAJOR = 64
# NumPy sums this many in their order, however they lie; more, in an order that depends on it.
MOST_IN_ORDER = 7
# Along a short row a dot product is faster than a sum; it may add one term after the other.
WIDEST_DOT = 128

_NATIVE = (np.dtype(np.float32), np.dtype(np.float64))

# e^−x is 0 in every dtype from here on, so it can stand in for −inf where a product needs a number.
BEYOND_EXP = 2000.0


class RefusedError(Exception):
    """A block holds what is no valid input; the caller looks what it is, and says so."""


Compute = Callable[..., Array]


def with_last(array: Array, axis: int) -> Array:
    """Return a view with `axis` moved to the end."""
    return array if axis in (-1, array.ndim - 1) else np.moveaxis(array, axis, -1)


def compute_rows(
    compute: Compute, inputs: Sequence[Array], outputs: Sequence[Array | None]
) -> None:
    """Fill `outputs` block by block; rows that come out NaN again, with their limits put in.

    `compute(work, *inputs, *outputs)` returns one number a row, NaN where the row needs care. The
    first input are logits, (N, K); the others have a row for each of theirs.
    """
    logits = inputs[0]
    num_rows, num_classes = logits.shape
    dtype = working_dtype(logits)

    def kernel(work: Work, start: int, stop: int) -> None:
        ins, outs = inputs, outputs
        if stop - start < num_rows:
            ins = [array[start:stop] for array in inputs]
            outs = [None if array is None else array[start:stop] for array in outputs]
        checked = compute(work, *ins, *outs)
        # A sum is cheaper than a look at each, and a NaN makes it NaN.
        if not math.isnan(np.add.reduce(checked)):
            return
        bad = np.isnan(checked)
        if not bad.any():
            return  # +inf and −inf
        again = [array[bad] for array in ins]
        again[0] = _with_limits(again[0].astype(dtype), again[1:])
        fixed = [None if out is None else np.empty_like(out[bad]) for out in outs]
        compute(work, *again, *fixed)
        for out, values in zip(outs, fixed, strict=True):
            if out is not None:
                out[bad] = values

    run(kernel, num_rows, max(1, num_classes) * dtype.itemsize)


def compute_elements(
    compute: Callable[..., None], inputs: Sequence[Array], outputs: Sequence[Array | None]
) -> None:
    """Fill `outputs` block by block along the first axis: compute(work, *inputs, *outputs)."""
    first = inputs[0]

    def kernel(work: Work, start: int, stop: int) -> None:
        compute(
            work,
            *(array[start:stop] for array in inputs),
            *(None if array is None else array[start:stop] for array in outputs),
        )

    per_row = 1
    for length in first.shape[1:]:
        per_row *= length
    run(kernel, len(first), per_row * working_dtype(first).itemsize)


def working_dtype(array: Array) -> np.dtype[Any]:
    """Return what to compute in: float16 in float32, and what is no float in float64."""
    dtype = array.dtype
    if dtype in _NATIVE:
        return dtype
    if dtype.kind != "f":
        return np.dtype(np.float64)
    return np.dtype(np.float32) if dtype.itemsize < 4 else dtype.newbyteorder("=")


def sign_bit(dtype: np.dtype[Any]) -> Any:
    """Return the unsigned integer, as wide as a float of `dtype`, that is its sign bit alone."""
    return np.uint32(1 << 31) if dtype.itemsize == 4 else np.uint64(1 << 63)


# --- Steps of the row kernels. `axis` is that of the classes: 0 class-major, 1 row-major. ---------


def load(work: Work, name: str, block: Array, dtype: np.dtype[Any]) -> tuple[Array, int]:
    """Return a copy of a block of rows in the layout to work in, and the axis of the classes."""
    rows, num_classes = block.shape
    if num_classes <= WIDEST_CLASS_MAJOR:
        loaded = work(name, (num_classes, rows), dtype)
        np.copyto(loaded, block.T, casting="unsafe")
        return loaded, 0
    loaded = work(name, (rows, num_classes), dtype)
    np.copyto(loaded, block, casting="unsafe")
    return loaded, 1


def load_flat(work: Work, name: str, block: Array) -> Array:
    """Return a copy of a block in its own layout, in the dtype to work in."""
    loaded = work(name, block.shape, working_dtype(block))
    np.copyto(loaded, block, casting="unsafe")
    return loaded


def load_distributions(
    work: Work, name: str, block: Array, dtype: np.dtype[Any]
) -> tuple[Array, Array, int]:
    """Return a block of distributions to read from, their sums, and the axis of the classes.

    Raises
    ------
    RefusedError
        If an entry is negative or a row does not sum to 1; NaN passes.
    """
    if block.shape[1] > WIDEST_CLASS_MAJOR and block.dtype == dtype and block.flags.c_contiguous:
        p, axis = block, 1
    else:
        p, axis = load(work, name, block, dtype)
    total = sum_rows(work, f"{name}_sum", p, axis)
    distance = np.subtract(total, 1, out=work("distance", total.shape, dtype))
    np.abs(distance, out=distance)
    if np.fmin.reduce(p, axis=None) < 0 or np.fmax.reduce(distance) > sum_tolerance(block):
        raise RefusedError
    return p, total, axis


class Rows(NamedTuple):
    """A block of logits less their row's maximum."""

    shifted: Array
    maximum: Array  # one a row
    top: Array | None  # row-major: where the maximum is in the flat block
    axis: int


def load_shifted(work: Work, block: Array) -> Rows:
    """Return a block of logits less their row's maximum, in the layout to work in."""
    num_rows, num_classes = block.shape
    dtype = working_dtype(block)
    maximum = work("maximum", (num_rows,), dtype)
    if num_classes <= WIDEST_CLASS_MAJOR:
        shifted, _ = load(work, "shifted", block, dtype)
        np.maximum.reduce(shifted, axis=0, out=maximum)
        np.subtract(shifted, maximum, out=shifted)
        return Rows(shifted, maximum, None, 0)
    shifted = work("shifted", block.shape, dtype)
    if block.dtype != dtype or not block.flags.c_contiguous:
        np.copyto(shifted, block, casting="unsafe")
        block = shifted
    # Along a contiguous row argmax is faster than max, and NumPy has both stop at a NaN.
    top = np.argmax(block, axis=1, out=work("top", (num_rows,), np.intp))
    np.add(top, row_numbers(work, num_rows) * num_classes, out=top)
    block.reshape(-1).take(top, out=maximum, mode="clip")
    np.subtract(block, maximum[:, np.newaxis], out=shifted)
    return Rows(shifted, maximum, top, 1)


def row_numbers(work: Work, num_rows: int) -> Array:
    """Return 0, 1, 2, …, made once for each thread."""
    if len(work.row_numbers) < num_rows:
        work.row_numbers = np.arange(num_rows)
    return work.row_numbers[:num_rows]


def flat_places(work: Work, classes: Array, block: Array, axis: int) -> Array:
    """Return where in a block, flat, each row's class is."""
    num_classes, num_rows = block.shape[axis], block.shape[1 - axis]
    rows = row_numbers(work, num_rows)
    return classes * num_rows + rows if axis == 0 else rows * num_classes + classes


def column(per_row: Array, axis: int) -> Array:
    """Return one number a row so that it broadcasts over the row's classes."""
    return per_row if axis == 0 else per_row[:, np.newaxis]


def sum_rows(work: Work, name: str, terms: Array, axis: int) -> Array:
    """Return the sum of each row, by halves: its rounding grows with log K, not with K."""
    if axis == 1:
        out = work(name, (len(terms),), terms.dtype)
        if terms.shape[1] > WIDEST_DOT:
            return np.add.reduce(terms, axis=1, out=out)
        ones = work("ones", (terms.shape[1],), terms.dtype)
        ones[:] = 1
        return np.vecdot(terms, ones, out=out)
    half = len(terms)
    if half > MOST_IN_ORDER:
        length, half = half, half // 2
        folded = work("folded", (half, *terms.shape[1:]), terms.dtype)
        np.add(terms[:half], terms[half : 2 * half], out=folded)
        if length % 2:
            folded[0] += terms[-1]
        terms = folded
    while half > MOST_IN_ORDER:
        length, half = half, half // 2
        terms[:half] += terms[half : 2 * half]
        if length % 2:
            terms[0] += terms[length - 1]
    return np.add.reduce(terms[:half], axis=0, out=work(name, terms.shape[1:], terms.dtype))


def dot_rows(work: Work, name: str, a: Array, b: Array, axis: int) -> Array:
    """Return the sum of a · b over each row; `b` may be overwritten."""
    if axis == 1 and a.shape[1] <= WIDEST_DOT:
        return np.vecdot(a, b, out=work(name, (len(a),), a.dtype))
    return sum_rows(work, name, np.multiply(a, b, out=b), axis)


def square_rows(a: Array, axis: int) -> Array:
    """Return the sum of squares of each row."""
    result: Array = np.einsum("kr,kr->r" if axis == 0 else "rk,rk->r", a, a)
    return result


def sum_rest(work: Work, exponentials: Array, top: Array | None) -> Array:
    """Return Σ e^{z − m} of each row without one of its largest terms, which is exactly 1.

    Taking 1 from the whole sum would round away what a confident row has left.
    """
    if top is not None:
        flat = exponentials.reshape(-1)
        flat[top] = 0
        rest = sum_rows(work, "rest", exponentials, 1)
        flat[top] = np.where(np.isnan(rest), rest, 1)
        return rest
    # ⌊e⌋ is 1 at the largest logits and 0 elsewhere, so the fractions are summed by themselves.
    floor = np.floor(exponentials, out=work("floor", exponentials.shape, exponentials.dtype))
    largest = sum_rows(work, "largest", floor, 0)
    fractions = np.subtract(exponentials, floor, out=floor)
    rest = sum_rows(work, "rest", fractions, 0)
    np.subtract(largest, 1, out=largest)
    np.add(rest, largest, out=rest)
    return rest


def store(block: Array, values: Array, axis: int) -> None:
    """Write values back to a block of the result, in its layout and dtype."""
    np.copyto(block, values.T if axis == 0 else values, casting="unsafe")


def store_product(block: Array, values: Array, per_row: Array, axis: int) -> None:
    """Write values · per_row back to a block of the result; `values` is overwritten."""
    if axis == 1 and block.dtype == values.dtype:
        np.multiply(values, per_row[:, np.newaxis], out=block)
        return
    np.multiply(values, column(per_row, axis), out=values)
    store(block, values, axis)


def _with_limits(logits: Array, others: Sequence[Array]) -> Array:
    """Return rows shifted by their maximum so that a kernel gives their limits.

    One +inf takes all the probability. Several, or nothing but −inf, is undefined: NaN. −inf where
    a distribution among `others` is 0 becomes a number whose exponential is 0.
    """
    infinite = np.isposinf(logits)
    count = infinite.sum(axis=-1)
    logits[count > 0] = np.where(infinite[count > 0], 0, -np.inf)
    logits[count > 1] = np.nan
    maximum = logits.max(axis=-1, keepdims=True)
    logits -= maximum
    for other in others:
        if other.shape == logits.shape:
            logits[np.isneginf(logits) & (other == 0)] = -BEYOND_EXP
    return logits
