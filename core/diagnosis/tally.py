"""What is added up block by block: faults, sums and the rows of the ledger."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core._checks import Array
from core.diagnosis.blocks import Part
from core.diagnosis.exclusive import Sums
from core.diagnosis.sketches import NUM_BINS, SomePairs, TopRows, magnitude_bins
from core.diagnosis.some_of_each import SomeOfEach

NUM_EXAMPLES = 5


class Ledger(NamedTuple):
    """Rows of a batch, what each cost, and where.

    Parameters
    ----------
    row : ndarray of int
        Their numbers; rows that cannot be used are left out.
    label, predicted : ndarray of int
        For labels that may be several: the class of the row's greatest loss, twice.
    surprise : ndarray
        −log2 of the probability of the label, in bits.
    label_probability, confidence : ndarray
        The probability of the label, and of what is predicted.
    """

    row: Array
    label: Array
    predicted: Array
    surprise: Array
    label_probability: Array
    confidence: Array


class Fault:
    """How often something was wrong, and the first rows where it was."""

    def __init__(self) -> None:
        self.count = 0
        self.rows: list[int] = []

    def add(self, rows: Array) -> None:
        """Add the rows of a block that have it, in their order."""
        self.count += len(rows)
        few = rows[:NUM_EXAMPLES].tolist()
        self.rows = sorted({*self.rows, *few})[:NUM_EXAMPLES]

    def merge(self, other: Fault) -> None:
        """Add those of another part."""
        self.count += other.count
        self.rows = sorted({*self.rows, *other.rows})[:NUM_EXAMPLES]


class Tally:
    """The sums of one way to read scores and labels, its most surprising rows, and some pairs."""

    def __init__(self) -> None:
        self.sums: Sums = {}
        self.top = TopRows()
        self.some_pairs = SomePairs()
        self.some_of_each = SomeOfEach()

    def add(self, sums: Sums) -> None:
        """Add the sums of a block."""
        for name, values in sums.items():
            held = self.sums.get(name)
            self.sums[name] = np.array(values) if held is None else held + values

    def add_rows(self, part: Part) -> None:
        """Add the rows of a block, of which the most surprising are kept."""
        columns = {
            "row": part.rows,
            "label": part.labels,
            "predicted": part.predicted,
            "label_probability": part.per_row.label_probability,
            "confidence": part.per_row.confidence,
        }
        self.top.add(part.per_row.loss, columns)
        if len(part.sums.get("pairs", ())) == 4:
            self.add(_binary_sums(part.labels, part.per_row.loss))
        # Where there is no table of all pairs.
        if "right_by_class" in part.sums and "pairs" not in part.sums:
            num_classes = len(part.sums["right_by_class"])
            self.some_pairs.add(part.labels, part.predicted, num_classes)
            self.some_of_each.add(part.labels, part.predicted, part.rows, num_classes)

    def merge(self, other: Tally) -> None:
        """Add those of another part."""
        self.add(other.sums)
        self.top.merge(other.top)
        self.some_pairs.merge(other.some_pairs)
        self.some_of_each.merge(other.some_of_each)


def _binary_sums(labels: Array, loss: Array) -> Sums:
    """Return counts and sums of the loss of rows of two classes, by label and size of the loss."""
    bins = magnitude_bins(loss) + labels * NUM_BINS
    if np.isposinf(loss).any():
        bins, loss = bins[np.isfinite(loss)], loss[np.isfinite(loss)]
    return {
        "binary_counts": np.bincount(bins, minlength=2 * NUM_BINS),
        "binary_losses": np.bincount(bins, loss, 2 * NUM_BINS),
    }


def ledger_of(part: Part) -> Ledger:
    """Return the rows of a block, and what each cost."""
    return Ledger(
        part.rows,
        part.labels,
        part.predicted,
        part.per_row.loss / np.log(2),
        part.per_row.label_probability,
        part.per_row.confidence,
    )


def joined(parts: list[Ledger]) -> Ledger:
    """Return the parts of a ledger as one, sorted by row."""
    if not parts:
        whole, real = np.empty(0, np.int64), np.empty(0)
        return Ledger(whole, whole, whole, real, real, real)
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Ledger(*(column[order] for column in columns))
