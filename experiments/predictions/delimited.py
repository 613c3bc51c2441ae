"""CSV: parsed block by block, columns of scores as numbers whatever the first rows hold."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from core.words import counted
from experiments.predictions import columns as names_of
from experiments.predictions.arrow import as_numpy
from experiments.predictions.classes import values_of
from experiments.predictions.columns import Columns
from experiments.predictions.common import MISSING, Array, Opened, PredictionsError, shown

_MOST_HEADER = 1 << 24
_LEAST_BLOCK = 1 << 22
_SAMPLE = 1 << 20
# A whole field, so that no comma in a text is taken for one.
_DECIMAL_COMMA = re.compile(
    rb"""(?:^|[;\t\r\n"])\s*[-+]?\d*,\d+(?:e[-+]?\d+)?\s*(?:[;\t\r\n"]|$)""", re.I
)
_DELIMITERS = ",;\t|"
_IN_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class CsvTable:
    """A table as text, with names in its first line; separated by commas, semicolons or tabs.

    Parameters
    ----------
    file : Opened
    """

    def __init__(self, file: Opened) -> None:
        self._file = file
        self._is_gzip = file.suffix.endswith(".gz")
        head, below, self._skipped = self._beginning()
        if not head.strip() and below.strip():
            raise PredictionsError(
                f"{self.name}: begins with an empty line; expected the column names there"
            )
        if not head.strip():
            raise PredictionsError(
                f"{self.name}: is empty; expected a line of column names, and rows of numbers "
                "below it"
            )
        if head.startswith(_IN_UTF_16) or b"\x00" in head:
            raise PredictionsError(
                f"{self.name}: expected text in UTF-8; it looks like UTF-16 or not like text at "
                "all. Save it as CSV UTF-8"
            )
        try:
            line = head.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise PredictionsError(
                f"{self.name}: expected text in UTF-8; byte {error.start:,} of the first line is "
                "not. Save it as CSV UTF-8"
            ) from error
        self._delimiter = max(_DELIMITERS, key=line.count)
        if self._delimiter not in line and " " in line.strip():
            self._delimiter = " "
        has_commas = self._delimiter != "," and _DECIMAL_COMMA.search(below)
        self._decimal_point = "," if has_commas else "."
        try:
            fields = next(csv.reader([line], delimiter=self._delimiter, skipinitialspace=True))
        except csv.Error as error:
            raise PredictionsError(
                f"{self.name}: expected the column names in the first line; it can't be read: "
                f"{shown(error, 100)}"
            ) from error
        self._names = [field.strip() for field in fields]
        self._header_bytes = len(head)
        if all(re.fullmatch(r"\s*[-+]?[\d.]+(e[-+]?\d+)?\s*", name, re.I) for name in self._names):
            names = [*(f"prob_{i}" for i in range(min(len(fields) - 1, 3))), "label"]
            raise PredictionsError(
                f"{self.name}: the first line holds numbers; expected the column names, such as "
                f"{','.join(names[:-1])}{',…' * (len(fields) > 4)},label. By convention "
                f"{names_of.CONVENTION}"
            )

    def _beginning(self) -> tuple[bytes, bytes, int]:
        """Return the line of names, some of what follows, and how many lines go before the rows."""
        skipped = 1
        try:
            with self._opened() as opened:
                head = opened.readline(_MOST_HEADER)
                while head.startswith(b"#"):
                    # A comment, or names as numpy.savetxt writes them.
                    following = opened.readline(_MOST_HEADER)
                    if not following or _are_alike(head, following):
                        return head.lstrip(b"# "), following + opened.read(_SAMPLE), skipped
                    head, skipped = following, skipped + 1
                below = opened.read(_SAMPLE)
        except (OSError, EOFError, zlib.error) as error:
            raise PredictionsError(
                f"{self.name}: is broken or cut off ({shown(error, 100)}). Write it again"
            ) from error
        if b"\r" in head.rstrip(b"\r\n"):
            # Lines as an old Mac ends them.
            head, _, below = (head + below).partition(b"\r")
        return head, below, skipped

    def _for_arrow(self, file: BinaryIO) -> object:
        native = _native(file)
        if not self._is_gzip:
            return native
        # What unpacks in Arrow would close an upload.
        is_native = isinstance(native, pa.OSFile)
        return (
            pa.CompressedInputStream(native, "gzip") if is_native else gzip.GzipFile(fileobj=file)
        )

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        with self._file.opened() as file:
            if not self._is_gzip:
                yield file
                return
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast("BinaryIO", unpacked)

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._file.name

    def num_rows(self) -> int | None:
        """Return None: only reading it tells."""
        return None

    def choose(self, scores: str, labels: str) -> Columns:
        """Return what to read."""
        return names_of.choose(self._names, scores, labels, self.name, self._values)

    def _values(self, name: str) -> set[str]:
        return values_of(self.labels(Columns((), (name,))))

    def require(self, columns: Columns) -> None:
        """Raise if it does not have these."""
        names_of.require(self._names, columns, self.name)

    def num_scores(self, columns: Columns) -> int:
        """Return how many scores a row has."""
        return len(columns.scores)

    def pairs(self, columns: Columns) -> Iterator[tuple[Array, Array]]:
        """Yield scores and labels."""
        num_scores = len(columns.scores)
        for batch in self._batches(columns.scores, columns.labels):
            arrays = [as_numpy(column) for column in batch]
            scores = np.array(arrays[:num_scores], np.float64).T
            yield scores, _labels(arrays[num_scores:])

    def labels(self, columns: Columns) -> Iterator[Array]:
        """Yield labels alone."""
        for batch in self._batches((), columns.labels):
            yield _labels([as_numpy(column) for column in batch])

    def _batches(self, scores: Sequence[str], labels: Sequence[str]) -> Iterator[list[pa.Array]]:
        """Yield the columns of a few rows; numbers, but for one of labels that is text."""
        row = 0
        kinds = dict.fromkeys((*scores, *labels), pa.float64())
        if len(labels) == 1:
            kinds[labels[0]] = pa.string()
        is_text: bool | None = None
        try:
            with self._file.opened() as file:
                for batch in self._reader(self._for_arrow(file), kinds):
                    columns = [batch.column(name) for name in kinds]
                    if len(labels) == 1:
                        column, is_text = self._read_labels(columns[-1], row, is_text)
                        columns[-1] = column
                    row += batch.num_rows
                    yield columns
        except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
            raise PredictionsError(f"{self.name}: {self._explained(str(error))}") from error

    def _reader(self, file: object, kinds: dict[str, pa.DataType]) -> arrow_csv.CSVStreamingReader:
        return arrow_csv.open_csv(
            file,
            # Without threads of its own it says which row is wrong.
            arrow_csv.ReadOptions(
                use_threads=False,
                block_size=max(_LEAST_BLOCK, 16 * self._header_bytes),
                column_names=self._names,
                skip_rows=self._skipped,
            ),
            arrow_csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=False),
            arrow_csv.ConvertOptions(
                column_types=kinds,
                include_columns=list(kinds),
                null_values=list(MISSING),
                decimal_point=self._decimal_point,
            ),
        )

    def _read_labels(
        self, column: pa.Array, row: int, is_text: bool | None
    ) -> tuple[pa.Array, bool | None]:
        """Return labels as numbers if they are, and whether they are text: None if not known yet.

        What may be missing stays text beside text, for a class may be called so.
        """
        import pyarrow.compute as pc

        column = pc.utf8_trim_whitespace(column)
        is_missing = pc.is_in(column, value_set=pa.array(MISSING))
        if is_text or pc.all(is_missing).as_py():
            return column, is_text
        given = pc.if_else(is_missing, pa.scalar(None, pa.string()), column)
        for kind in (pa.int64(), pa.float64()):
            try:
                return given.cast(kind), False
            except pa.ArrowInvalid:
                continue
        if is_text is False:
            at, text = next(
                (i, value) for i, value in enumerate(given.to_pylist()) if not _is_number(value)
            )
            raise PredictionsError(
                f"{self.name}: row {row + at:,} has the label {shown(text)}, where the rows before "
                "it have numbers; write all labels the same way, and leave missing ones empty"
            )
        return column, True

    def _explained(self, said: str) -> str:
        said = " ".join(said.split())
        # Arrow counts from 1, and the line of names.
        found = re.search(r"Row #(\d+)", said)
        where = f"row {int(found[1]) - 2:,} (line {int(found[1]):,})" if found else "a row"
        if "UTF8" in said:
            return f"{where} is not UTF-8; save the file as CSV UTF-8"
        if column := re.search(r"In CSV column #(\d+): .*invalid value '(.*)'", said):
            return (
                f"{where} holds {shown(column[2])} in column {shown(self._names[int(column[1])])}, "
                f"where a number is expected; {_mended(column[2])}"
            )
        if columns := re.search(r"Expected (\d+) columns, got (\d+)", said):
            return (
                f"{where} has {counted(columns[2], 'value')}, but the first line has "
                f"{counted(columns[1], 'name')}; "
                "every row must have as many"
            )
        return f"expected a CSV file; it can't be read: {shown(said, 160)}"


def _are_alike(head: bytes, row: bytes) -> bool:
    """Whether two lines have as many fields, more than one."""
    counts = [(head.count(mark), row.count(mark)) for mark in (b",", b";", b"\t", b"|")]
    in_head, in_row = max(counts)
    return in_head == in_row > 0


def _mended(text: str) -> str:
    """Return what to do about a score that is no number."""
    if text.lstrip().startswith("["):
        return "write one column per class, or lists of numbers in Parquet"
    if text.rstrip().endswith("%"):
        return "write shares without %, as 0.25 for 25 %"
    if re.fullmatch(r"[-+]?\d{1,3}([,' ]\d{3})+(\.\d*)?", text.strip()):
        return "write numbers without separators of thousands"
    return "correct it or leave the row out"


def _labels(arrays: Sequence[Array]) -> Array:
    if len(arrays) > 1:
        return np.array(arrays, np.float64).T
    return arrays[0].astype(str) if arrays[0].dtype.kind == "O" else arrays[0]


def _is_number(text: str | None) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


def _native(file: BinaryIO) -> BinaryIO | pa.OSFile:
    """Return a file of the disk as Arrow reads it without Python, and others as they are.

    Arrow reads ahead: where a thread of its own waits for Python while that ends, the process is
    aborted.
    """
    return pa.OSFile(os.fspath(file.name)) if isinstance(file, io.BufferedReader) else file
