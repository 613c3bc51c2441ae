"""What every kind of prediction file comes to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

import numpy as np

from experiments.errors import UserError

if TYPE_CHECKING:
    from experiments.predictions.columns import Columns

Array = np.ndarray

# What a batch may weigh: small enough to keep many, large enough to make calls cheap.
_BATCH_BYTES = 1 << 24
_MOST_ROWS = 1 << 17
# What stands in files for nothing.
MISSING = ("", "NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "None", "<NA>")


class PredictionsError(UserError):
    """A file that is no predictions: what was expected, what came, where, what to do."""


class Batch(NamedTuple):
    """A few rows.

    Parameters
    ----------
    scores : ndarray, shape (N, K), or (N, 1) for two classes
    labels : ndarray, shape (N,) or (N, K)
        Class ids, or targets.
    first_row : int
        The number of the first one; rows count from 0, through all files.
    """

    scores: Array
    labels: Array
    first_row: int


class Upload(NamedTuple):
    """A file that is no path."""

    name: str
    file: BinaryIO


@dataclass(frozen=True)
class Opened:
    """A path or an upload, the name that messages give it, and its ending in lower case."""

    name: str
    source: Path | BinaryIO
    suffix: str

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Give it as a file, read from its beginning; an upload stays open.

        Raises
        ------
        PredictionsError
            If it can't be opened.
        """
        if not isinstance(self.source, Path):
            self.source.seek(0)
            yield self.source
            return
        try:
            file = self.source.open("rb")
        except OSError as error:
            raise PredictionsError(
                f"{self.name}: can't be opened: {error.strerror or error}"
            ) from error
        with file:
            yield file


class Table(Protocol):
    """One file, of whatever kind. Nothing is read before it is asked for.

    Raises
    ------
    PredictionsError
        From each of these, if the file is broken.
    """

    @property
    def name(self) -> str:
        """What messages call it."""

    def num_rows(self) -> int | None:
        """Return how many rows it has; None where only reading all of it would tell."""

    def choose(self, scores: str, labels: str) -> Columns:
        """Return what to read: as the user says, or where that is "" by convention."""

    def require(self, columns: Columns) -> None:
        """Raise if it does not have these."""

    def num_scores(self, columns: Columns) -> int:
        """Return how many scores a row has."""

    def pairs(self, columns: Columns) -> Iterator[tuple[Array, Array]]:
        """Yield scores, shape (N, K), and labels as they stand, text too."""

    def labels(self, columns: Columns) -> Iterator[Array]:
        """Yield labels alone."""


def batch_rows(num_columns: int) -> int:
    """Return how many rows make a batch."""
    return int(np.clip(_BATCH_BYTES // (8 * max(num_columns, 1)), 64, _MOST_ROWS))


def listed(names: Iterable[str], most: int = 12) -> str:
    """Return foreign names for a message: shortened, and nothing in them that a terminal obeys."""
    given = list(names)
    said = ", ".join(shown(name) for name in given[:most])
    return said + f", … ({len(given):,} in all)" * (len(given) > most)


def shown(text: object, most: int = 40) -> str:
    """Return foreign text for a message."""
    plain = re.sub(r"[^\x20-\x7e\xa0-\u1fff\u2010-\u2027\u2030-\uffef]", "�", str(text))
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
