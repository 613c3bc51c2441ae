"""NPZ archives and NPY files: arrays read a stretch at a time, nothing unpickled."""

from __future__ import annotations

import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from core.words import counted
from experiments.predictions import columns as names_of
from experiments.predictions.columns import Columns
from experiments.predictions.common import (
    Array,
    Opened,
    PredictionsError,
    batch_rows,
    listed,
    shown,
)

# What zipfile raises of bytes that are no zip.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, LookupError,
    NotImplementedError,
)  # fmt: skip
_COPY_BYTES = 1 << 22


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype


@dataclass(frozen=True)
class _Stored:
    """An array in a file: what it is called, and how to open it."""

    where: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]

    def header(self) -> _Header:
        with self._at_data() as (_, header):
            return header

    def batches(self, rows: int) -> Iterator[Array]:
        """Yield a few rows at a time."""
        with self._at_data() as (file, header):
            num_rows = header.shape[0]
            if header.is_fortran and len(header.shape) > 1:
                yield from self._of_columns(file, header, rows)
                return
            width = int(np.prod(header.shape[1:], dtype=np.int64)) * header.dtype.itemsize
            for first in range(0, num_rows, rows):
                count = min(rows, num_rows - first)
                data = self._read(file, count * width, f"row {first:,}")
                batch = np.frombuffer(data, header.dtype).reshape(count, *header.shape[1:])
                yield batch.astype(header.dtype.newbyteorder("="), copy=False)

    def _of_columns(self, file: IO[bytes], header: _Header, rows: int) -> Iterator[Array]:
        # Column after column: rows lie together only once all of it is at hand.
        with tempfile.TemporaryFile() as spilled:
            left = int(np.prod(header.shape, dtype=np.int64)) * header.dtype.itemsize
            while left:
                data = self._read(file, min(left, _COPY_BYTES), "the array")
                spilled.write(data)
                left -= len(data)
            spilled.flush()
            held = np.memmap(spilled, header.dtype, "r", shape=header.shape, order="F")
            for first in range(0, header.shape[0], rows):
                yield np.ascontiguousarray(
                    held[first : first + rows], header.dtype.newbyteorder("=")
                )

    def _read(self, file: IO[bytes], wanted: int, where: str) -> bytes:
        data = file.read(wanted)
        if len(data) < wanted:
            raise PredictionsError(f"{self.where}: is cut off at {where}. Write it again")
        return data

    @contextmanager
    def _at_data(self) -> Iterator[tuple[IO[bytes], _Header]]:
        try:
            with self.open() as file:
                yield file, self._header(file)
        except _BROKEN as error:
            raise PredictionsError(
                f"{self.where}: is broken or cut off ({shown(error, 100)}). Write it again"
            ) from error
        except RuntimeError as error:
            # What zipfile says of a password.
            raise PredictionsError(f"{self.where}: can't be read: {shown(error, 100)}") from error

    def _header(self, file: IO[bytes]) -> _Header:
        try:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            header = _Header(*read(file))
        except (ValueError, KeyError, SyntaxError, TypeError) as error:
            raise PredictionsError(
                f"{self.where}: expected an array as numpy.save writes it; it has no such header. "
                "Write it again"
            ) from error
        if header.dtype.hasobject:
            raise PredictionsError(
                f"{self.where}: is an array of Python objects, which are never loaded, because "
                "they could run code. Save numbers, array.astype(float), or text, "
                "array.astype(str)"
            )
        if header.dtype.kind not in "fiubUS":
            from_torch = header.dtype.kind == "V" and header.dtype.itemsize == 2
            raise PredictionsError(
                f"{self.where}: expected numbers; it holds {header.dtype}"
                + ", as bfloat16 does. Save it as float32" * from_torch
            )
        if not header.shape or len(header.shape) > 2:
            raise PredictionsError(
                f"{self.where}: expected shape (N, K), or (N,); it has {header.shape}"
                + ". Reshape scores to (-1, K) and labels to (-1,)" * (len(header.shape) > 2)
            )
        return header


class _Arrays:
    """Scores and labels as two arrays."""

    name: str

    def _stored(self, key: str) -> _Stored:
        raise NotImplementedError

    def _both(self, columns: Columns) -> tuple[_Header, _Header]:
        return self._stored(columns.scores[0]).header(), self._stored(columns.labels[0]).header()

    def _checked(self, columns: Columns) -> Columns:
        scores, labels = self._both(columns)
        if scores.dtype.kind in "US":
            raise PredictionsError(f"{self.name}: scores must be numbers; they are text")
        if scores.shape[0] != labels.shape[0]:
            raise PredictionsError(
                f"{self.name}: {counted(scores.shape[0], 'row')} of scores and "
                f"{labels.shape[0]:,} of labels; expected equally many"
                + ". Transpose the scores: save scores.T"
                * (scores.shape[1:] == labels.shape)
            )
        width = self._width(scores)
        if len(labels.shape) == 2 and labels.shape[1] not in (1, width):
            raise PredictionsError(
                f"{self.name}: labels have shape {labels.shape} and scores {scores.shape}; "
                f"expected ({labels.shape[0]},) or {scores.shape}"
            )
        if len(labels.shape) == 2 and labels.dtype.kind in "US":
            raise PredictionsError(f"{self.name}: text labels must have shape (N,)")
        if width == 0:
            raise PredictionsError(f"{self.name}: scores have no columns: shape {scores.shape}")
        return columns

    @staticmethod
    def _width(header: _Header) -> int:
        return header.shape[1] if len(header.shape) == 2 else 1

    def require(self, columns: Columns) -> None:
        """Raise if it does not have these."""
        self._checked(columns)

    def num_scores(self, columns: Columns) -> int:
        """Return how many scores a row has."""
        return self._width(self._stored(columns.scores[0]).header())

    def pairs(self, columns: Columns) -> Iterator[tuple[Array, Array]]:
        """Yield scores and labels."""
        scores, labels = self._both(columns)
        rows = batch_rows(self._width(scores) + self._width(labels))
        for some, their in zip(
            self._stored(columns.scores[0]).batches(rows),
            self._stored(columns.labels[0]).batches(rows),
            strict=True,
        ):
            yield some.reshape(len(some), -1), _labels(their)

    def labels(self, columns: Columns) -> Iterator[Array]:
        """Yield labels alone."""
        stored = self._stored(columns.labels[0])
        for batch in stored.batches(batch_rows(self._width(stored.header()))):
            yield _labels(batch)


class NpzTable(_Arrays):
    """An archive of arrays, as `numpy.savez` writes it.

    Parameters
    ----------
    file : Opened
    """

    def __init__(self, file: Opened) -> None:
        self._file = file
        self.name = file.name
        self._num_rows: int | None = None
        with self._archive() as archive:
            names = archive.namelist()
        self._keys = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]
        if not self._keys:
            raise PredictionsError(
                f"{self.name}: is a zip, but not an NPZ: it holds {listed(names) or 'nothing'}, "
                "and no array. Write it with numpy.savez(path, logits=…, labels=…)"
            )

    def num_rows(self) -> int | None:
        """Return how many rows it has."""
        return self._num_rows

    def choose(self, scores: str, labels: str) -> Columns:
        """Return what to read."""
        options = ((scores, "scores"), (labels, "labels"))
        try:
            keys = tuple(
                names_of.pick_key(self._keys, option, wanted, self.name)
                for option, wanted in options
            )
            columns = Columns((keys[0],), (keys[1],), names_of.kind_of(keys[0]))
        except PredictionsError:
            found = None if scores or labels else self._by_shape()
            if found is None:
                raise
            columns = found
        self.require(columns)
        return columns

    def require(self, columns: Columns) -> None:
        """Raise if it does not have these."""
        names_of.require(self._keys, columns, self.name)
        super().require(columns)
        self._num_rows = self._both(columns)[0].shape[0]

    def _by_shape(self) -> Columns | None:
        """Return the one pair of arrays that are numbers, (N, K), and labels, (N,)."""
        try:
            headers = {key: self._stored(key).header() for key in self._keys}
        except PredictionsError:
            return None
        pairs = [
            (wide, flat)
            for wide, of_wide in headers.items()
            for flat, of_flat in headers.items()
            if len(of_wide.shape) == 2
            and of_wide.shape[1] > 1
            and of_wide.dtype.kind == "f"
            and of_flat.shape == of_wide.shape[:1]
            and of_flat.dtype.kind in "iuUS"
        ]
        if len(pairs) != 1:
            return None
        wide, flat = pairs[0]
        note = f"by their shapes, array {shown(wide)} holds the scores and {shown(flat)} the labels"
        return Columns((wide,), (flat,), names_of.kind_of(wide), note=note)

    @contextmanager
    def _archive(self) -> Iterator[zipfile.ZipFile]:
        with self._file.opened() as file:
            try:
                archive = zipfile.ZipFile(file)
            except _BROKEN as error:
                raise PredictionsError(
                    f"{self.name}: expected an NPZ archive; it is broken, cut off or something "
                    "else. Write it with numpy.savez(path, logits=…, labels=…)"
                ) from error
            with archive:
                yield archive

    def _stored(self, key: str) -> _Stored:
        @contextmanager
        def opened() -> Iterator[IO[bytes]]:
            with self._archive() as archive, archive.open(f"{key}.npy") as member:
                yield member

        return _Stored(f"{self.name}, array {shown(key)}", opened)


class NpyPair(_Arrays):
    """A file of scores and one of labels, as `numpy.save` writes them.

    Parameters
    ----------
    scores, labels : Opened
    """

    def __init__(self, scores: Opened, labels: Opened) -> None:
        self._files = {"scores": scores, "labels": labels}
        self.name = f"{scores.name} and {labels.name}"

    def num_rows(self) -> int | None:
        """Return how many rows it has."""
        return self._stored("scores").header().shape[0]

    def choose(self, scores: str, labels: str) -> Columns:
        """Return what to read."""
        first, second = (self._stored(key).header() for key in ("scores", "labels"))
        is_swapped = second.shape[1:] > (1,) and second.dtype.kind == "f"
        note = ""
        if is_swapped and len(first.shape) == 1 and first.dtype.kind in "iuUS":
            self._files = {"scores": self._files["labels"], "labels": self._files["scores"]}
            note = f"by their shapes, the scores are in {self._files['scores'].name}"
        stem = Path(self._files["scores"].name).stem
        return self._checked(Columns(("scores",), ("labels",), names_of.kind_of(stem), note=note))

    def _stored(self, key: str) -> _Stored:
        return _Stored(self._files[key].name, self._files[key].opened)


def _labels(batch: Array) -> Array:
    if batch.dtype.kind == "S":
        try:
            return np.char.decode(batch, "utf-8")
        except UnicodeDecodeError as error:
            raise PredictionsError(
                "labels are bytes that are not UTF-8; save them as text"
            ) from error
    return batch[:, 0] if batch.ndim == 2 and batch.shape[1] == 1 else batch
