"""From a path, a folder, a glob, a pair or an upload to batches of scores and labels."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from pathlib import Path
from typing import TypeAlias

from core.diagnosis import Kind
from core.words import counted
from experiments.predictions.arrays import NpyPair, NpzTable
from experiments.predictions.classes import Classes, are_missing, classes_of, classes_of_all
from experiments.predictions.columns import Columns
from experiments.predictions.common import (
    Batch,
    Opened,
    PredictionsError,
    Table,
    Upload,
    listed,
    shown,
)
from experiments.predictions.delimited import CsvTable
from experiments.predictions.parquet import ParquetTable

Source: TypeAlias = str | Path | Upload | Sequence[str | Path | Upload]

_TABLES: dict[str, Callable[[Opened], Table]] = {
    ".csv": CsvTable,
    ".tsv": CsvTable,
    ".txt": CsvTable,
    ".csv.gz": CsvTable,
    ".tsv.gz": CsvTable,
    ".txt.gz": CsvTable,
    ".parquet": ParquetTable,
    ".pq": ParquetTable,
    ".npz": NpzTable,
}
SUFFIXES = (*_TABLES, ".npy")
MOST_NAME = 80
MOST_SCORES = 100_000
_EXPECTED = "expected .csv, .parquet, .npz, or two .npy: scores and labels"


# What is no prediction file, and how it becomes one.
_CONVERTED = {
    "": ". Give it the ending of what it is, such as .csv",
    **dict.fromkeys((".json", ".jsonl"), ". With pandas: read_json(…).to_parquet(…)"),
    **dict.fromkeys((".xlsx", ".xls"), ". Save the sheet as CSV UTF-8"),
    **dict.fromkeys((".feather", ".arrow"), ". With pandas: read_feather(…).to_parquet(…)"),
    **dict.fromkeys(
        (".pkl", ".pickle", ".pt", ".pth", ".joblib"),
        ". Pickle is never loaded, because it could run code. Where you trust the file, load it "
        "and save the arrays with numpy.savez(path, logits=…, labels=…)",
    ),
    **dict.fromkeys((".h5", ".hdf5", ".mat"), ". Load it and save the arrays with numpy.savez(…)"),
}


@dataclass(frozen=True)
class Predictions:
    """Scores and labels that are read when they are asked for; made by `read`.

    Parameters
    ----------
    name : str
        What they are called.
    tables : tuple
        The files.
    columns : Columns
    classes : Classes
    num_scores : int
        K; 1 where one column says yes or no.
    first_row : int
        The number of the first row.
    paths : tuple of Path
        Where the files are; none of an upload.
    """

    name: str
    tables: tuple[Table, ...]
    columns: Columns
    classes: Classes
    num_scores: int
    first_row: int = 0
    paths: tuple[Path, ...] = ()

    @property
    def num_rows(self) -> int | None:
        """How many rows there are; None where only reading them would tell, as of CSV."""
        known = [count for table in self.tables if (count := table.num_rows()) is not None]
        return sum(known) if len(known) == len(self.tables) else None

    @property
    def kind(self) -> Kind:
        """What names say that the scores are, as `core.diagnosis.Summary` takes it."""
        return self.columns.kind

    @property
    def class_names(self) -> tuple[str, ...]:
        """A name for each class: two for a single column of scores."""
        return self.classes.names

    @property
    def notes(self) -> tuple[str, ...]:
        """What was made of the file beyond its numbers."""
        return tuple(note for note in (self.columns.note, self.classes.note) if note)

    def batches(self) -> Iterator[Batch]:
        """Yield all rows, a few at a time; again from the beginning with each call.

        Raises
        ------
        PredictionsError
            If a file is broken further on, or has no rows.
        """
        row = self.first_row
        for table in self.tables:
            for scores, labels in table.pairs(self.columns):
                if scores.shape[1] != self.num_scores:
                    raise PredictionsError(
                        f"{table.name}: rows have {counted(scores.shape[1], 'score')}, but "
                        f"those before have {self.num_scores}"
                    )
                if len(scores):
                    yield Batch(scores, self.classes.ids(labels, table.name, row), row)
                row += len(scores)
        if row == self.first_row:
            raise PredictionsError(f"{self.name}: has no rows; expected at least one")

    def of_all_labels(self) -> Predictions:
        """Return them with what labels mean decided by all of them, not by the first batch.

        Of rows sorted by class the first batch may show no label that is an id.

        Raises
        ------
        PredictionsError
            If a file is broken further on.
        """
        labels = chain.from_iterable(table.labels(self.columns) for table in self.tables)
        classes = classes_of_all(self.columns, self.num_scores, labels, self.name)
        return replace(self, classes=classes)

    def parts(self, counts: Sequence[int] | None = None) -> tuple[Predictions, ...]:
        """Return each file by itself; the number of its first row counts on from those before.

        Parameters
        ----------
        counts : sequence of int, optional
            The rows of each, where the files do not say.
        """
        held = counts or [table.num_rows() or 0 for table in self.tables]
        firsts = accumulate(held, initial=self.first_row)
        return tuple(
            replace(self, name=table.name, tables=(table,), first_row=row)
            for table, row in zip(self.tables, firsts, strict=False)
        )


def read(source: Source, *, scores: str = "", labels: str = "") -> Predictions:
    r"""Return the scores and labels of a file, or of several; only names are looked at yet.

    Parameters
    ----------
    source : str, Path, Upload, or a sequence of them
        A file, a folder, a glob such as "out/*.parquet", or several files with the same columns.
        Two NPY files are scores and labels.
    scores, labels : str
        Names of columns or patterns such as "out_*", separated by commas; for NPZ, names of
        arrays. By default they are found by convention.

    Raises
    ------
    PredictionsError
        If something is wrong with it, in one sentence.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "out.csv"
    >>> _ = path.write_text("logit_cat,logit_dog,label\n2.5,-1,cat\n0.5,1,dog\n")
    >>> found = read(path)
    >>> found.class_names, found.kind
    (('cat', 'dog'), 'logits')
    >>> [batch.labels.tolist() for batch in found.batches()]
    [[0, 1]]
    """
    given = [source] if isinstance(source, str | Path | Upload) else list(source)
    files = list(chain.from_iterable(map(_files, given)))
    if not files:
        raise PredictionsError(f"no file given; {_EXPECTED}")
    tables = _tables(files)
    try:
        columns = tables[0].choose(scores, labels)
    except PredictionsError as error:
        place = files[0].source
        parts = place.parts if isinstance(place, Path) else ()
        if not any("=" in part for part in parts[:-1]):
            raise
        raise PredictionsError(
            f"{error}. What names of folders say, as label=0 does, is not read: write it into a "
            "column of the files"
        ) from error
    for table in tables[1:]:
        table.require(columns)
    name = tables[0].name if len(tables) == 1 else f"{_name(given)} ({len(tables):,} files)"
    num_scores = tables[0].num_scores(columns)
    if num_scores > MOST_SCORES:
        raise PredictionsError(
            f"{name}: has {num_scores:,} scores a row; at most {MOST_SCORES:,} are read"
        )
    first = None
    for batch in chain.from_iterable(table.labels(columns) for table in tables):
        first = batch if len(batch) else first
        if not are_missing(batch):
            break
    if first is None:
        raise PredictionsError(f"{name}: has no rows; expected at least one")
    classes = classes_of(
        columns,
        num_scores,
        first,
        chain.from_iterable(table.labels(columns) for table in tables),
        name,
    )
    paths = tuple(file.source for file in files if isinstance(file.source, Path))
    return Predictions(name, tables, columns, classes, num_scores, paths=paths)


def _files(source: str | Path | Upload) -> list[Opened]:
    if isinstance(source, Upload):
        return [Opened(shown(Path(source.name).name, 80), source.file, _suffix(source.name))]
    path = Path(source)
    if str(source) and path.is_dir():
        found = [
            file
            for file in sorted(path.rglob("*"))
            if _suffix(file) in SUFFIXES
            and not any(part[0] in "._" for part in file.relative_to(path).parts)
        ]
        if not found:
            raise PredictionsError(
                f"{shown(path, 80)}: is a folder without a file that can be read; {_EXPECTED}"
            )
    elif not str(source):
        raise PredictionsError(f"no file given; {_EXPECTED}")
    elif not path.exists() and glob.has_magic(str(source)):
        found = [Path(file) for file in sorted(glob.glob(str(source), recursive=True))]
        if not found:
            raise PredictionsError(f"{shown(source, 80)}: no file matches this pattern")
    elif not path.exists():
        raise PredictionsError(f"{shown(path, 80)}: there is no such file")
    else:
        found = [path]
    return [Opened(_tail(file), file.absolute(), _suffix(file)) for file in found]


def _tables(files: Sequence[Opened]) -> tuple[Table, ...]:
    suffixes = {file.suffix for file in files}
    for file in files:
        if file.suffix not in SUFFIXES:
            raise PredictionsError(
                f"{file.name}: {shown(file.suffix) or 'a file without extension'} can't be read; "
                f"{_EXPECTED}{_CONVERTED.get(file.suffix, '')}"
            )
    if ".npy" in suffixes and len(suffixes) == 1:
        if len(files) != 2:
            raise PredictionsError(
                f"{files[0].name}: an NPY file holds one array; give two of them, scores first and "
                f"labels second; got {counted(len(files), 'file')}"
            )
        return (NpyPair(*_scores_first(files)),)
    kinds = {_TABLES.get(suffix, NpyPair) for suffix in suffixes}
    if len(kinds) > 1:
        raise PredictionsError(
            f"{files[0].name}: files of several kinds ({listed(sorted(suffixes))}); give those of "
            "one kind, and remove the others"
        )
    return tuple(_TABLES[file.suffix](file) for file in files)


def _scores_first(files: Sequence[Opened]) -> Sequence[Opened]:
    """Return a pair in its order; one out of a folder by its names."""
    stems = [Path(file.name).stem.lower() for file in files]
    swapped = any(word in stems[0] for word in ("label", "target", "y_true")) and not any(
        word in stems[1] for word in ("label", "target", "y_true")
    )
    return files[::-1] if swapped else files


def _name(given: Sequence[str | Path | Upload]) -> str:
    first = given[0]
    return _tail(first.name if isinstance(first, Upload) else first)


def _suffix(name: str | Path) -> str:
    path = Path(name)
    ending = path.suffix.lower()
    return Path(path.stem).suffix.lower() + ending if ending == ".gz" else ending


def _tail(path: str | Path) -> str:
    """Return a path for a message: of a long one, the end."""
    text = str(path)
    return shown(text if len(text) <= MOST_NAME else f"…{text[1 - MOST_NAME :]}", MOST_NAME)
