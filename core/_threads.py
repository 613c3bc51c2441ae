"""Blocks of rows spread over threads, and the scratch arrays that each of these works in."""

from __future__ import annotations

import atexit
import itertools
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import Any

import numpy as np

from core._checks import Array

BLOCK_BYTES = 1024 * 1024
_PIECE_BYTES = 8 * 1024 * 1024


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


Kernel = Callable[[Work, int, int], None]

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
