"""What is kept of a stream in bounded memory, whatever its length, order and cuts.

Each holds the same after any order of additions and merges (sums up to rounding).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from core._checks import Array
from core._threads import Work

__all__ = [
    "Distinct", "DistinctRows", "SomePairs", "TopRows", "bin_low", "magnitude_bins", "row_hashes",
]  # fmt: skip

# Bins of a positive number by its bits: 32 to an octave, so that a bin is at most 1/32 wide.
_PER_OCTAVE = 5
_LOWEST, _HIGHEST = -64, 20
NUM_BINS = ((_HIGHEST - _LOWEST) << _PER_OCTAVE) + 2
BIN_WIDTH = 2.0**-_PER_OCTAVE
_BITS: dict[int, tuple[np.dtype[Any], int, int]] = {
    4: (np.dtype(np.int32), 23, 127),
    8: (np.dtype(np.int64), 52, 1023),
}


def magnitude_bins(values: Array) -> Array:
    """Return the bin of each number: 0 below 2^−64, the last from 2^20, by 1/32 octaves between.

    The bits of a float, as an integer, grow with it: shifted, they are the bin.

    Examples
    --------
    >>> magnitude_bins(np.array([0.0, 2.0**-64, np.inf])).tolist() == [0, 1, NUM_BINS - 1]
    True
    """
    integer, mantissa, bias = _BITS[values.dtype.itemsize]
    bins = values.view(integer) >> (mantissa - _PER_OCTAVE)
    bins -= ((_LOWEST + bias) << _PER_OCTAVE) - 1
    return np.clip(bins, 0, NUM_BINS - 1, out=bins).astype(np.intp, copy=False)


def bin_low(bins: Array) -> Array:
    """Return the least number of each bin.

    Examples
    --------
    >>> float(bin_low(magnitude_bins(np.array([1.5])))[0])
    1.5
    """
    octave, part = np.divmod(np.asarray(bins) - 1, 1 << _PER_OCTAVE)
    low = np.ldexp(1 + part * BIN_WIDTH, octave + _LOWEST)
    return np.where(np.asarray(bins) == 0, 0.0, low)


def row_hashes(work: Work, values: Array, axis: int) -> Array:
    """Return 64 bits of each row; rows of the same numbers have the same ones.

    Parameters
    ----------
    work : Work
        The thread's scratch arrays.
    values : ndarray of float32 or float64, (K, rows) where `axis` is 0, else (rows, K)
        Contiguous.
    axis : int
        The axis of the classes.

    Returns
    -------
    ndarray of uint64, shape (rows,)
    """
    word = np.dtype(f"u{values.dtype.itemsize}")
    # −0 + 0 is 0, which has other bits.
    bits = np.add(values, 0, out=work("z", values.shape, values.dtype)).view(word)
    mixed = work("e", values.shape, values.dtype).view(word)
    np.right_shift(bits, word.type(word.itemsize * 4), out=mixed)
    np.bitwise_xor(mixed, bits, out=mixed)
    terms = "kr,k->r" if axis == 0 else "rk,k->r"
    halves = [
        np.einsum(terms, mixed, factors).astype(np.uint64)
        for factors in _factors(values.shape[axis]).astype(word)
    ]
    halves[1] <<= np.uint64(32)
    halves[0] ^= halves[1]
    return mixed_bits(halves[0])


@lru_cache(maxsize=8)
def _factors(num_classes: int) -> Array:
    # The same in every process, for summaries to merge.
    numbers = mixed_bits(np.arange(1, 2 * num_classes + 1, dtype=np.uint64))
    return (numbers >> np.uint64(32) | np.uint64(1)).reshape(2, num_classes)


def mixed_bits(words: Array) -> Array:
    """Spread the bits of `words`, in place: the finaliser of SplitMix64."""
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


class Distinct(NamedTuple):
    """What `DistinctRows` knows of the rows.

    Parameters
    ----------
    is_exact : bool
        Whether every row is in the sample.
    num_sampled, num_repeated : int
        Distinct rows in the sample, and how many of them came more than once.
    num_distinct : float
        Distinct rows in all; an estimate where not exact.
    relative_error : float
        Its standard error, as a share of it.
    examples : list of (int, int)
        The first row and the count of what came most often.
    """

    is_exact: bool
    num_sampled: int
    num_repeated: int
    num_distinct: float
    relative_error: float
    examples: list[tuple[int, int]]


class DistinctRows:
    """The `size` distinct rows of least hash, how often each came, and where it came first.

    A hash that is among the least at the end was so all along, so its count is complete: the
    sample is one of distinct rows drawn evenly, whatever the order.
    """

    def __init__(self, size: int = 4096) -> None:
        self.size = size
        self._hashes = np.empty(0, np.uint64)
        self._counts = np.empty(0, np.int64)
        self._rows = np.empty(0, np.int64)
        self._pending: list[tuple[Array, Array, Array]] = []
        self._num_pending = 0
        self._is_full = False
        self.limit = np.uint64(0xFFFFFFFFFFFFFFFF)

    def add(self, hashes: Array, rows: Array, counts: Array | None = None) -> None:
        """Add rows by their hashes and numbers."""
        if self._is_full:
            low = np.flatnonzero(hashes <= self.limit)
            hashes, rows = hashes[low], rows[low]
            counts = None if counts is None else counts[low]
        if len(hashes) == 0:
            return
        counts = np.ones(len(hashes), np.int64) if counts is None else counts
        self._pending.append((hashes, counts, rows))
        self._num_pending += len(hashes)
        if self._num_pending > self.size:
            self._settle()

    def merge(self, other: DistinctRows) -> None:
        """Add what another one holds."""
        other._settle()
        if other._is_full:
            self.limit = min(self.limit, other.limit)
        self.add(other._hashes, other._rows, other._counts)
        self._is_full |= other._is_full
        self._settle()

    def result(self) -> Distinct:
        """Return what is known."""
        self._settle()
        num = len(self._hashes)
        estimate = float(num)
        if self._is_full:
            estimate = (num - 1) / (float(self._hashes[-1]) / 2.0**64)
        order = np.argsort(-self._counts, kind="stable")[:5]
        return Distinct(
            not self._is_full,
            num,
            int(np.sum(self._counts > 1)),
            estimate,
            1 / math.sqrt(max(num - 2, 1)) if self._is_full else 0.0,
            [(int(self._rows[i]), int(self._counts[i])) for i in order if self._counts[i] > 1],
        )

    def _settle(self) -> None:
        parts = [(self._hashes, self._counts, self._rows), *self._pending]
        hashes, counts, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
        self._pending, self._num_pending = [], 0
        if not self._is_full and len(hashes) > 4 * self.size:
            # Of many the least hashes are about evenly apart: most need no sorting.
            few = np.flatnonzero(hashes <= np.uint64(2**64 * 2 * self.size // len(hashes)))
            if len(np.unique(hashes[few])) > self.size:
                hashes, counts, rows = hashes[few], counts[few], rows[few]
        order = np.argsort(hashes)
        hashes, counts, rows = hashes[order], counts[order], rows[order]
        starts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)])
        self._hashes = hashes[starts]
        if len(starts):
            counts, rows = np.add.reduceat(counts, starts), np.minimum.reduceat(rows, starts)
        self._counts, self._rows = counts, rows
        if self._is_full:
            self._cut(int(np.searchsorted(self._hashes, self.limit, side="right")))
        if len(self._hashes) > self.size:
            self._is_full = True
            self._cut(self.size)
        if self._is_full and len(self._hashes) == self.size:
            self.limit = min(self.limit, self._hashes[-1])

    def _cut(self, length: int) -> None:
        self._hashes = self._hashes[:length]
        self._counts = self._counts[:length]
        self._rows = self._rows[:length]


class TopRows:
    """The rows of greatest surprise: at equal surprise those that came first by number."""

    FIELDS = (
        ("row", np.int64),
        ("label", np.int64),
        ("predicted", np.int64),
        ("loss", np.float64),
        ("label_probability", np.float64),
        ("confidence", np.float64),
    )

    def __init__(self, size: int = 1000) -> None:
        self.size = size
        self._rows = np.empty(0, np.dtype(list(self.FIELDS)))
        self._pending: list[Array] = []
        self._num_pending = 0
        self._least = -math.inf

    @property
    def rows(self) -> Array:
        """The rows as records, the most surprising first."""
        self._settle()
        return self._rows

    def add(self, loss: Array, columns: dict[str, Array]) -> None:
        """Add rows of this loss; `columns` has the other fields, one entry a row."""
        chosen = np.flatnonzero(loss >= self._least)
        if len(chosen) > self.size:
            # Only a tie with the least of the greatest can still matter.
            highest = loss[chosen]
            limit = np.partition(highest, len(highest) - self.size)[len(highest) - self.size]
            chosen = chosen[highest >= limit]
        if len(chosen) == 0:
            return
        records = np.empty(len(chosen), self._rows.dtype)
        records["loss"] = loss[chosen]
        for name, values in columns.items():
            records[name] = values[chosen]
        self._keep(records)

    def merge(self, other: TopRows) -> None:
        """Add what another one holds."""
        self._keep(other.rows)

    def _keep(self, records: Array) -> None:
        self._pending.append(records)
        self._num_pending += len(records)
        if self._num_pending > self.size:
            self._settle()

    def _settle(self) -> None:
        if not self._pending:
            return
        together = np.concatenate([self._rows, *self._pending])
        self._pending, self._num_pending = [], 0
        order = np.lexsort((together["row"], -together["loss"]))[: self.size]
        self._rows = together[order]
        if len(self._rows) == self.size:
            self._least = float(self._rows["loss"][-1])


class SomePairs:
    """How often rows of some classes are predicted as which class.

    Of as many classes as fit in a table of 16,384 cells, 16 of a thousand; drawn before any
    row is seen, and none where fewer than eight would fit.
    """

    _CELLS = 1 << 14
    _FEWEST = 8
    _MOST_PENDING = 4096

    def __init__(self) -> None:
        self._counts = np.empty((0, 0), np.int64)
        self._pending: list[Array] = []
        self._num_pending = 0

    @classmethod
    def classes(cls, num_classes: int) -> Array:
        """Return the classes whose rows are counted, of so many."""
        return _some_classes(num_classes, cls._CELLS // num_classes, cls._FEWEST)

    def counts(self) -> Array:
        """Return counts, shape (C, K), by label and prediction; of no class before the first."""
        self._settle()
        return self._counts

    def add(self, labels: Array, predicted: Array, num_classes: int) -> None:
        """Add rows."""
        classes = self.classes(num_classes)
        if len(classes) == 0:
            return
        if len(self._counts) == 0:
            self._counts = np.zeros((len(classes), num_classes), np.int64)
        at = np.searchsorted(classes, labels)
        held = np.flatnonzero(classes.take(at, mode="clip") == labels)
        self._pending.append(at[held] * num_classes + predicted[held])
        self._num_pending += len(held)
        if self._num_pending > self._MOST_PENDING or len(self._pending) > self._MOST_PENDING:
            self._settle()

    def merge(self, other: SomePairs) -> None:
        """Add what another one holds."""
        mine, theirs = self.counts(), other.counts()
        if len(theirs):
            self._counts = mine + theirs if len(mine) else theirs.copy()

    def _settle(self) -> None:
        if self._pending:
            cells = np.concatenate(self._pending)
            self._counts += np.bincount(cells, minlength=self._counts.size).reshape(
                self._counts.shape
            )
        self._pending, self._num_pending = [], 0


@lru_cache(maxsize=8)
def _some_classes(num_classes: int, most: int, fewest: int) -> Array:
    if most < fewest:
        return np.empty(0, np.intp)
    # The same in every process, for summaries to merge.
    order = np.argsort(mixed_bits(np.arange(1, num_classes + 1, dtype=np.uint64)))
    return np.sort(order[:most])
