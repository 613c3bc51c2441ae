"""Parquet: columns of numbers straight into arrays, a few row groups' pages at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.words import counted
from experiments.predictions import columns as names_of
from experiments.predictions.arrow import as_numpy
from experiments.predictions.classes import values_of
from experiments.predictions.columns import Columns
from experiments.predictions.common import (
    Array,
    Opened,
    PredictionsError,
    batch_rows,
    shown,
)

# Of the file, a column at a time: a whole row group need not fit.
_BUFFER_BYTES = 1 << 18


class ParquetTable:
    """A Parquet file: a column for each score, or one of lists.

    Parameters
    ----------
    file : Opened
    """

    def __init__(self, file: Opened) -> None:
        self._file = file
        with self._opened() as parquet:
            self._num_rows = int(parquet.metadata.num_rows)
            self._schema = parquet.schema_arrow

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._file.name

    def num_rows(self) -> int | None:
        """Return how many rows it has."""
        return self._num_rows

    def choose(self, scores: str, labels: str) -> Columns:
        """Return what to read."""
        chosen = names_of.choose(self._schema.names, scores, labels, self.name, self._values)
        self._require_types(chosen)
        return chosen

    def _values(self, name: str) -> set[str]:
        return values_of(self.labels(Columns((), (name,))))

    def require(self, columns: Columns) -> None:
        """Raise if it does not have these."""
        names_of.require(self._schema.names, columns, self.name)
        self._require_types(columns)

    def num_scores(self, columns: Columns) -> int:
        """Return how many scores a row has; of lists, as the first one has."""
        if len(columns.scores) > 1 or not _is_list(self._type(columns.scores[0])):
            return len(columns.scores)
        with self._opened() as parquet:
            for batch in parquet.iter_batches(1, columns=list(columns.scores)):
                return len(batch.column(0)[0].as_py() or [])
        return 0

    def pairs(self, columns: Columns) -> Iterator[tuple[Array, Array]]:
        """Yield scores and labels."""
        num_scores = len(columns.scores)
        row = 0
        for batch in self._batches(columns.all, self.num_scores(columns) + len(columns.labels)):
            held = [batch.column(name) for name in columns.all]
            yield (
                self._scores(held[:num_scores], columns.scores, row),
                self._labels(held[num_scores:], columns.labels, row),
            )
            row += batch.num_rows

    def labels(self, columns: Columns) -> Iterator[Array]:
        """Yield labels alone."""
        row = 0
        for batch in self._batches(columns.labels, len(columns.labels)):
            held = [batch.column(name) for name in columns.labels]
            yield self._labels(held, columns.labels, row)
            row += batch.num_rows

    def _batches(self, names: Sequence[str], width: int) -> Iterator[pa.RecordBatch]:
        with self._opened() as parquet:
            # In one thread: the others are at work on the batch before.
            yield from parquet.iter_batches(
                batch_rows(width), columns=list(names), use_threads=False
            )
        # Arrow keeps what it has read into, as much as a row group.
        pa.default_memory_pool().release_unused()

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        try:
            with (
                self._file.opened() as file,
                _without_python(self._file.source, file) as source,
                closing(_parquet(source)) as parquet,
            ):
                yield parquet
        except (pa.ArrowException, OSError, ValueError, LookupError) as error:
            said = " ".join(str(error).split())
            raise PredictionsError(
                f"{self.name}: expected a Parquet file; it is broken or cut off "
                f"({shown(said, 120)}). Write it again"
            ) from error

    def _type(self, name: str) -> pa.DataType:
        return self._schema.field(name).type

    def _require_types(self, columns: Columns) -> None:
        for name in columns.scores:
            held = self._type(name)
            inner = held.value_type if _is_list(held) and len(columns.scores) == 1 else held
            if not _is_number(inner):
                raise PredictionsError(
                    f"{self.name}: scores must be numbers; column {shown(name)} holds "
                    f"{shown(held, 80)}"
                    + ". Spark: write pyspark.ml.functions.vector_to_array(column)"
                    * pa.types.is_struct(held)
                )
        for name in columns.labels:
            held = self._type(name)
            inner = held.value_type if _is_list(held) or pa.types.is_dictionary(held) else held
            if not (_is_number(inner) or _is_text(inner)):
                raise PredictionsError(
                    f"{self.name}: labels must be numbers or text; column {shown(name)} holds "
                    f"{held}"
                )
            if len(columns.labels) > 1 and not _is_number(held):
                raise PredictionsError(
                    f"{self.name}: several columns of labels must be numbers; column {shown(name)} "
                    f"holds {held}"
                )

    def _scores(self, held: Sequence[pa.Array], names: Sequence[str], row: int) -> Array:
        if len(held) == 1 and _is_list(held[0].type):
            return self._of_lists(held[0], names[0], row)
        return _side_by_side(held)

    def _labels(self, held: Sequence[pa.Array], names: Sequence[str], row: int) -> Array:
        if len(held) > 1:
            return _side_by_side(held)
        column = held[0]
        if _is_list(column.type) and not _is_text(column.type.value_type):
            lists = self._of_lists(column, names[0], row)
            return lists[:, 0] if lists.shape[1] == 1 else lists
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if _is_number(column.type):
            return _numbers(column)
        if _is_list(column.type):
            import pyarrow.compute as pc

            texts = column.cast(pa.list_(pa.string()))
            return as_numpy(pc.binary_join(texts, "|").fill_null("")).astype(str)
        return as_numpy(column.cast(pa.string()).fill_null("")).astype(str)

    def _of_lists(self, column: pa.Array, name: str, row: int) -> Array:
        import pyarrow.compute as pc

        lengths = as_numpy(pc.list_value_length(column).fill_null(-1))
        if len(lengths) == 0:
            return np.empty((0, 0))
        wrong = np.flatnonzero(lengths != max(int(lengths[0]), 1))
        if len(wrong):
            at = int(wrong[0])
            raise PredictionsError(
                f"{self.name}: row {row + at:,} of column {shown(name)} is a list of "
                f"{counted(max(int(lengths[at]), 0), 'number')}; expected "
                f"{max(int(lengths[0]), 1)} in each. Several classes of a row are a 0 or 1 for "
                "each class, or a list of their names"
            )
        return _numbers(column.flatten()).reshape(len(lengths), -1)


@contextmanager
def _without_python(source: Path | BinaryIO, file: BinaryIO) -> Iterator[BinaryIO | pa.NativeFile]:
    """Give a path as a file of Arrow's: reading Python's takes Python's lock, again and again."""
    if not isinstance(source, Path):
        yield file
        return
    with pa.OSFile(str(source)) as native:
        yield native


def _parquet(file: object) -> pq.ParquetFile:
    return pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)


def _side_by_side(held: Sequence[pa.Array]) -> Array:
    arrays = [_numbers(column) for column in held]
    # A column at a time is how they come, and how few classes are worked on.
    together = np.empty((len(arrays), len(arrays[0])), np.result_type(*arrays))
    for row, array in zip(together, arrays, strict=True):
        row[:] = array
    return together.T


def _numbers(column: pa.Array) -> Array:
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    array = as_numpy(column)
    # Booleans with gaps come as objects.
    return array.astype(np.float64) if array.dtype.kind == "O" else array


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_floating(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        # Of a column without a value nobody knows what it would hold.
        or pa.types.is_null(kind)
    )
