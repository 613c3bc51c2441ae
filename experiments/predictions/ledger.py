"""The ledger of all rows as CSV, written while it is made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from core.diagnosis import Ledger
from experiments.predictions.common import PredictionsError

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("label", pa.string()),
        ("predicted", pa.string()),
        ("surprise_bits", pa.float64()),
        ("label_probability", pa.float64()),
        ("confidence", pa.float64()),
    ]
)


class LedgerFile:
    """A CSV file that is there once it is complete: until then beside it, ending in .part.

    Parameters
    ----------
    path : Path
    class_names : sequence of str
        What stands for each class; nothing in them is a formula to a spreadsheet.

    Raises
    ------
    PredictionsError
        If it can't be written.
    """

    def __init__(self, path: Path, class_names: Sequence[str]) -> None:
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        if path.exists() and not path.is_file():
            # A device or a pipe is written to, never replaced by a file.
            self._part = path
        self._names = np.array([as_text(name) for name in class_names], dtype=object)
        try:
            self._writer = arrow_csv.CSVWriter(
                str(self._part),
                _SCHEMA,
                write_options=arrow_csv.WriteOptions(quoting_style="needed"),
            )
        except OSError as error:
            raise self._failed(error) from error

    def __enter__(self) -> LedgerFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._writer.close()
            if self._part == self._path:
                return
            if error is None:
                os.replace(self._part, self._path)
            else:
                self._part.unlink(missing_ok=True)
        except OSError as wrong:
            raise self._failed(wrong) from wrong

    def write(self, ledger: Ledger) -> None:
        """Add rows."""
        columns = [
            ledger.row,
            self._names[ledger.label],
            self._names[ledger.predicted],
            *(np.asarray(column, np.float64) for column in ledger[3:]),
        ]
        arrays = [
            pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)
        ]
        try:
            self._writer.write_batch(pa.record_batch(arrays, schema=_SCHEMA))
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> PredictionsError:
        return PredictionsError(
            f"{self._path}: the ledger can't be written: {error.strerror or error}; name another "
            "place"
        )


def as_text(name: str) -> str:
    """Return a foreign name that no spreadsheet takes for a formula."""
    is_negative = name[:1] == "-" and name[1:].isdigit()
    return f"'{name}" if name.startswith(_FORMULA) and not is_negative else name
