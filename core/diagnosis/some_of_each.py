"""A few rows of each class, evenly drawn: what they are predicted as, among many classes."""

from __future__ import annotations

import numpy as np

from core._checks import Array
from core.diagnosis.sketches import mixed_bits

# A row in 64 bits, that sorts by class and then by hash: class, 42 bits of the hash, prediction.
_CLASS_BITS = 11
_HASH_MASK = np.uint64(((1 << 42) - 1) << _CLASS_BITS)
_PREDICTED = np.uint64((1 << _CLASS_BITS) - 1)
_AT_CLASS = np.uint64(64 - _CLASS_BITS)
_NOTHING = np.uint64(0xFFFFFFFFFFFFFFFF)


class SomeOfEach:
    """For each class, what those of its rows are predicted as whose number has the least hash.

    16 of each, or as many as fit in a table of 16,384 cells; none where fewer than eight would fit.
    The same whatever the order of rows and merges.
    """

    _CELLS = 1 << 14
    _FEWEST, _MOST = 8, 16
    _MOST_PENDING = 1 << 14

    def __init__(self) -> None:
        # By class, ascending.
        self._rows = np.empty((0, 0), np.uint64)
        self._pending: list[Array] = []
        self._num_pending = 0

    def predicted(self) -> Array:
        """Return predictions, shape (K, rows of each); −1 where a class has fewer rows."""
        self._settle()
        found = (self._rows & _PREDICTED).astype(np.intp)
        return np.where(self._rows == _NOTHING, -1, found)

    def add(self, labels: Array, predicted: Array, rows: Array, num_classes: int) -> None:
        """Add rows, by their numbers."""
        size = min(self._CELLS // num_classes, self._MOST)
        if size < self._FEWEST:
            return
        if len(self._rows) == 0:
            self._rows = np.full((num_classes, size), _NOTHING)
        packed = mixed_bits(rows.astype(np.uint64))
        packed &= _HASH_MASK
        packed |= labels.astype(np.uint64) << _AT_CLASS
        packed |= predicted.astype(np.uint64)
        self._keep(packed[packed < self._rows[:, -1].take(labels)])

    def merge(self, other: SomeOfEach) -> None:
        """Add what another one holds."""
        other._settle()
        if len(self._rows) == 0:
            self._rows = np.full_like(other._rows, _NOTHING)
        self._keep(_held(other._rows))

    def _keep(self, packed: Array) -> None:
        if len(packed) == 0:
            return
        self._pending.append(packed)
        self._num_pending += len(packed)
        if self._num_pending > self._MOST_PENDING:
            self._settle()

    def _settle(self) -> None:
        if not self._pending:
            return
        packed = np.sort(np.concatenate([_held(self._rows), *self._pending]))
        self._pending, self._num_pending = [], 0
        labels = (packed >> _AT_CLASS).astype(np.intp)
        counts = np.bincount(labels, minlength=len(self._rows))
        place = np.arange(len(packed)) - (np.cumsum(counts) - counts)[labels]
        least = place < self._rows.shape[1]
        self._rows = np.full_like(self._rows, _NOTHING)
        self._rows[labels[least], place[least]] = packed[least]


def _held(rows: Array) -> Array:
    return rows[rows != _NOTHING]
