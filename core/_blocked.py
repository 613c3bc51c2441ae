"""Row kernels on cache-sized blocks, spread over threads.

NumPy's loops release the interpreter's lock and run at full speed on data that is in the cache, so
a block goes through every step of a formula before the next one is read. Narrow rows are worked on
class-major, (K, rows), where every step is one long loop; wide ones stay as they are.

A kernel computes the ordinary rows without a branch. What comes out NaN (an infinite logit, an
infinite log beside a target of 0, a NaN) is computed again with its limits put in.
"""

from __future__ import annotations

import atexit
import itertools
import math
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np

from core._checks import Array, sum_tolerance

BLOCK_BYTES = 1024 * 1024
_PIECE_BYTES = 8 * 1024 * 1024
WIDEST_CLASS_MAJOR = 64
# NumPy sums this many in their order, however they lie; more, in an order that depends on it.
MOST_IN_ORDER = 7
# Along a short row a dot product is faster than a sum; it may add one term after the other.
WIDEST_DOT = 128

_NATIVE = (np.dtype(np.float32), np.dtype(np.float64))

# e^−x is 0 in every dtype from here on, so it can stand in for −inf where a product needs a number.
BEYOND_EXP = 2000.0


class Work:
    """The scratch arrays of one thread, by name; a name gives the same memory each time."""

    row_numbers: Array = np.arange(0)

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, np.dtype[Any]], Array] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return an uninitialised array."""
        dtype = np.dtype(dtype)
        size = 1
        for length in shape:
            size *= length
        buffer = self._buffers.get((name, dtype))
        if buffer is None or buffer.size < size:
            buffer = self._buffers[name, dtype] = self._new(size, dtype)
        return buffer[:size].reshape(shape)

    def _new(self, size: int, dtype: np.dtype[Any]) -> Array:
        return np.empty(size, dtype)


class _Lasting(Work):
    """Scratch arrays for many calls, cut from pieces that NumPy asks large pages for."""

    def __init__(self) -> None:
        super().__init__()
        self._piece = np.empty(0, np.uint8)

    def _new(self, size: int, dtype: np.dtype[Any]) -> Array:
        length = size * dtype.itemsize
        aligned = -(-length // 64) * 64
        if len(self._piece) < aligned:
            self._piece = np.empty(max(aligned, _PIECE_BYTES), np.uint8)
        buffer = self._piece[:length].view(dtype)
        self._piece = self._piece[aligned:]
        return buffer


class _Once(Work):
    """Scratch arrays for a single block: there is nothing to use again."""

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        return np.empty(shape, dtype)


class _Helpers:
    """Threads that do what they are handed.

    Not a pool of `concurrent.futures`: its locks are written in Python. Ctrl-C between two of their
    steps leaves one locked, and the process waits for its threads for ever. This queue has none.
    """

    def __init__(self, num_threads: int) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], None], SimpleQueue[Any]] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"core_{i}", daemon=True)
            for i in range(num_threads)
        ]
        for thread in self._threads:
            thread.start()

    def begin(self, call: Callable[[], None], ended: SimpleQueue[Any]) -> None:
        """Have a thread call it, and put into `ended` what it raised, or None."""
        self._calls.put((call, ended))

    def stop(self) -> None:
        """Let the threads end when what was begun is done."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (given := self._calls.get()) is not None:
            call, ended = given
            try:
                call()
            except BaseException as error:
                ended.put(error)
            else:
                ended.put(None)
            # Arrays are not held until the next call.
            del given, call, ended


class RefusedError(Exception):
    """A block holds what is no valid input; the caller looks what it is, and says so."""


Kernel = Callable[[Work, int, int], None]
Compute = Callable[..., Array]

_num_threads: int | None = None
_helpers: _Helpers | None = None


def set_num_threads(num_threads: int | None) -> None:
    """Set how many threads large arrays are spread over.

    Parameters
    ----------
    num_threads : int or None
        None, the default, is as many as the process may use. A worker of a pool, of processes or
        of threads, uses one whatever is set, for its pool already fills the machine.

    Raises
    ------
    ValueError
        If it is less than 1.

    Examples
    --------
    >>> set_num_threads(1)
    >>> set_num_threads(None)
    """
    global _num_threads
    if num_threads is not None and num_threads < 1:
        raise ValueError(f"num_threads must be at least 1, or None; got {num_threads}")
    _num_threads = num_threads
    _stop_helping()


def get_num_threads() -> int:
    """Return how many threads a call from here would use.

    Examples
    --------
    >>> get_num_threads() >= 1
    True
    """
    if threading.current_thread() is not threading.main_thread():
        return 1
    if multiprocessing.parent_process() is not None:
        return 1
    return _num_threads or _usable_cores()


def run(
    kernel: Kernel,
    num_rows: int,
    bytes_per_row: int,
    spare: list[Work] | None = None,
    most_rows: int = 0,
) -> None:
    """Call kernel(work, start, stop) for every block of rows.

    Scratch arrays are taken from `spare` and put back there, for the next call. A kernel that goes
    through its block in `bites` takes up to `most_rows` at once, if every thread gets some.
    """
    rows = _rows_per_block(bytes_per_row)
    rows = max(rows, min(most_rows, -(-num_rows // get_num_threads())))
    num_blocks = -(-num_rows // rows)
    if num_blocks == 1 and spare is None:
        with np.errstate(all="ignore"):
            kernel(_Once(), 0, num_rows)
        return
    threads = min(get_num_threads(), num_blocks)
    # As many blocks for each thread: the last of few would be waited for.
    num_blocks = -(-num_blocks // threads) * threads
    rows = min(rows, _off_powers_of_two(-(-num_rows // num_blocks)))
    # One counter for all threads: who is done first takes the next block.
    counter = itertools.count()
    starts = iter(lambda: next(counter) * rows, -1)
    begun, ended = 0, SimpleQueue[Any]()
    try:
        for _ in range(threads - 1):
            _helping().begin(partial(_call, kernel, starts, rows, num_rows, spare), ended)
            begun += 1
        _call(kernel, starts, rows, num_rows, spare)
    finally:
        errors = [ended.get() for _ in range(begun)]
        for error in filter(None, errors):
            raise error


def bites(start: int, stop: int, bytes_per_row: int, most_bytes: int) -> Iterator[slice]:
    """Yield the rows from `start` to `stop` in parts of about the same size."""
    rows = _rows_per_block(bytes_per_row, most_bytes)
    number = -(-(stop - start) // rows)
    rows = min(rows, _off_powers_of_two(-(-(stop - start) // number)))
    for first in range(start, stop, rows):
        yield slice(first, min(first + rows, stop))


def _rows_per_block(bytes_per_row: int, most_bytes: int = BLOCK_BYTES) -> int:
    rows = max(1, most_bytes // bytes_per_row)
    return rows if rows < 64 else _off_powers_of_two(rows - 32)


def _off_powers_of_two(rows: int) -> int:
    """Return so many rows or a few more.

    Columns a power of two apart share a few lines of the cache: writing rows of 64 back took six
    times as long.
    """
    return rows if rows < 64 else (rows + 15) // 32 * 32 + 16


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


def _call(kernel: Kernel, starts: Any, rows: int, num_rows: int, spare: list[Work] | None) -> None:
    work = Work() if spare is None else spare.pop() if spare else _Lasting()
    # The state of errors is a thread's own.
    with np.errstate(all="ignore"):
        for start in starts:
            if start >= num_rows:
                break
            kernel(work, start, min(start + rows, num_rows))
    if spare is not None:
        spare.append(work)


def _helping() -> _Helpers:
    global _helpers
    if _helpers is None:
        _helpers = _Helpers(max(1, get_num_threads() - 1))
    return _helpers


def _stop_helping() -> None:
    global _helpers
    helpers, _helpers = _helpers, None
    if helpers is not None:
        helpers.stop()


def _forget_helpers() -> None:
    global _helpers
    _helpers = None


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


atexit.register(_stop_helping)
# Threads don't survive a fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helpers)
