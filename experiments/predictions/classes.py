"""What the labels of a file mean: which class each of them is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.words import counted
from experiments.predictions.columns import Columns, class_of
from experiments.predictions.common import MISSING, Array, PredictionsError, listed, shown
from experiments.predictions.several import read_cells

MOST_LABELS = 10_000
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Classes:
    """What the labels of a file mean.

    Parameters
    ----------
    names : tuple of str
    values : tuple
        What the labels column holds for each class; empty where it holds class ids.
    note : str
        That they are mapped, and how, or why not; "" where there is nothing to say.
    targets : dict of str to ndarray
        What a text with several labels in it means, shape (K,); empty where each has one.
    """

    names: tuple[str, ...]
    values: tuple[str | int, ...] = ()
    note: str = ""
    targets: dict[str, Array] = field(default_factory=dict, compare=False)

    def ids(self, labels: Array, where: str, first_row: int) -> Array:
        """Return class ids, or targets; NaN where a label is missing.

        Raises
        ------
        PredictionsError
            If a label is none of the classes.
        """
        if self.targets:
            different, at = np.unique(labels, return_inverse=True)
            return np.stack([self.targets[text] for text in different.tolist()])[at]
        are_text = any(isinstance(value, str) for value in self.values)
        if labels.dtype.kind == "U" and not are_text:
            if are_missing(labels):
                return np.full(len(labels), np.nan)
            raise PredictionsError(
                f"{where}: has labels of text, where those before are numbers; write all labels "
                "the same way"
            )
        if not self.values or labels.ndim == 2:
            return labels
        order = np.argsort(np.array(self.values))
        known = np.array(self.values)[order]
        at = np.minimum(np.searchsorted(known, labels), len(known) - 1)
        ids: Array = order[at]
        others = np.flatnonzero(known[at] != labels)
        if len(others) == 0:
            return ids
        held = labels[others]
        is_missing = np.isin(np.char.strip(held), MISSING) if are_text else np.isnan(held)
        if not is_missing.all():
            row = int(others[~is_missing][0])
            raise PredictionsError(
                f"{where}: row {first_row + row:,} has the label {shown(labels[row])}, which is "
                f"none of {listed(map(str, self.values))}"
            )
        ids = ids.astype(np.float64)
        ids[others] = np.nan
        return ids


def are_missing(labels: Array) -> bool:
    """Return whether each label is a text that stands for none."""
    return labels.dtype.kind == "U" and all(text.strip() in MISSING for text in labels.tolist())


def classes_of(
    columns: Columns, num_scores: int, first: Array, labels: Iterable[Array], where: str
) -> Classes:
    """Return what the labels mean, from all of them where that takes looking.

    Parameters
    ----------
    columns : Columns
    num_scores : int
        How many columns of scores there are; 1 for two classes.
    first : ndarray
        The first batch of labels.
    labels : iterable of ndarray
        The labels, batch by batch from the first; read only if they may be no class ids.
    where : str
        The file, for messages.

    Raises
    ------
    PredictionsError
        If text can't be matched with the classes.
    """
    num_classes = max(num_scores, 2)
    names = columns.class_names if len(columns.class_names) == num_classes else ()
    if first.dtype.kind == "U":
        scored = class_of(columns.scores[0]) if num_scores == 1 else ""
        return _named(names, num_classes, labels, where, scored)
    if first.ndim == 2:
        return Classes(names or _plain(num_classes))
    # Of CSV, labels are text as long as all are missing.
    numbers = (batch for batch in labels if batch.dtype.kind != "U")
    return _numbered(names, num_classes, first, numbers)


def classes_of_all(
    columns: Columns, num_scores: int, labels: Iterable[Array], where: str
) -> Classes:
    """Return what labels that are numbers mean, whatever the first batch of them holds.

    Raises
    ------
    PredictionsError
        As `classes_of`.
    """
    held, _ = _distinct((batch for batch in labels if batch.dtype.kind != "U"), MOST_LABELS)
    different = np.array(sorted(held), np.float64)
    classes = classes_of(columns, num_scores, different, [different], where)
    last = max(num_scores, 2) - 1
    outside = [value for value in held if not 0 <= value <= last]
    # One beyond an end, of labels that do not have the other end, may be off by one.
    is_complete = held >= set(range(last + 1))
    if classes.note or len(outside) != 1 or (outside[0] in (-1, last + 1) and not is_complete):
        return classes
    return replace(
        classes,
        note=f"one label, {outside[0]:.15g}, lies outside 0…{last}. If it marks rows to ignore, "
        "remove them; if it is a class, number the labels from 0 in the order of the columns",
    )


def _plain(num_classes: int) -> tuple[str, ...]:
    return tuple(map(str, range(num_classes)))


def _numbered(
    names: tuple[str, ...], num_classes: int, first: Array, labels: Iterable[Array]
) -> Classes:
    """Return the classes of labels that are numbers."""
    plain = Classes(names or _plain(num_classes))
    is_numbered = bool(names) and all(name.isdigit() for name in names)
    numbers = tuple(map(int, names)) if is_numbered else ()
    if is_numbered and sorted(numbers) != list(range(num_classes)):
        held, _ = _distinct(labels, num_classes)
        if not held <= set(numbers):
            return plain
        return Classes(names, numbers, f"labels are the numbers of the columns: {listed(names)}")
    # A single label outside is another thing: off by one, or a mark for rows to ignore.
    given = first[np.isfinite(first)]
    outside = set(given[(given < 0) | (given >= num_classes)].tolist())
    is_signed = num_classes == 2 and bool(outside) and bool((np.abs(given) == 1).all())
    if len(outside) < 2 and not is_signed:
        return plain
    held, are_more = _distinct(labels, num_classes)
    if held == {-1, 1} and num_classes == 2:
        return Classes(plain.names, (-1, 1), "labels are −1 and 1, read as classes 0 and 1")
    if is_signed:
        return plain
    ids = sorted(held)
    count = f"more than {num_classes:,}" if are_more else f"{len(ids):,}"
    renumber = "number the labels from 0 in the order of the columns"
    if names:
        renumber = f"name each column after its label, as in logit_{ids[-1]:.15g}"
    if names and not is_numbered:
        return Classes(
            names,
            (),
            f"labels are {_different(count, 'number')}, and the columns of scores have names: "
            f"{listed(names)}. Write the labels as these names",
        )
    if len(ids) != num_classes or ids[0] < 0 or any(i != int(i) for i in ids):
        return Classes(
            plain.names,
            (),
            f"labels are {_different(count, 'number')} ({listed(f'{i:.15g}' for i in ids)}) "
            f"for {num_classes:,} classes, so it can't be known which is which: {renumber}",
        )
    values = tuple(map(int, ids))
    pairs = listed(f"{value} → {i}" for i, value in enumerate(values))
    return Classes(
        tuple(map(str, values)),
        values,
        f"labels are ids, taken in ascending order as the columns: {pairs}. If the columns are in "
        f"another order, {renumber}",
    )


def _but_for_writing(names: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    """Return the label of each class where they differ from names only in how they are written."""
    labels = {_simplified(value): value for value in given}
    known = {_simplified(name) for name in names}
    if len(labels) < len(given) or len(known) < len(names) or not labels.keys() <= known:
        return ()
    return tuple(labels.get(_simplified(name), name) for name in names)


def _simplified(text: str) -> str:
    """Return text without case and spaces; of 2.0, which a column with gaps makes of 2, the 2."""
    if re.fullmatch(r"-?\d+(\.0+)?", text.strip()):
        return text.strip().partition(".")[0]
    return re.sub(r"[\s_.-]+", " ", text.casefold()).strip()


def _in_order(given: Iterable[str]) -> list[str]:
    """Return labels sorted; numbers as numbers, so that 10 comes after 9."""
    texts = sorted(given)
    if all(_NUMBER.fullmatch(text.strip()) for text in texts):
        texts.sort(key=float)
    return texts


def _different(count: str, noun: str) -> str:
    return counted(count, f"different {noun}")


def _named(
    names: tuple[str, ...],
    num_classes: int,
    labels: Iterable[Array],
    where: str,
    scored: str,
) -> Classes:
    """Return the classes of labels that are text; `scored` names the one that has a column."""
    plain = names or _plain(num_classes)
    held, are_more = _distinct(labels, MOST_LABELS)
    texts = {*map(str, held)}
    called = {_simplified(name) for name in (*plain, scored)}
    missing = {
        text for text in texts if text.strip() in MISSING and _simplified(text) not in called - {""}
    }
    given = _in_order(texts - missing)
    marks = listed(sorted({text.strip() for text in missing} - {""}))
    unlabelled = f"; {marks} among them: read as no label" if marks else ""
    if are_more:
        raise PredictionsError(
            f"{where}: more than {MOST_LABELS:,} different labels ({listed(given)}): "
            "this is not a column of classes"
        )
    if not given:
        return Classes(plain, plain)
    if set(given) <= set(plain):
        return Classes(plain, plain, f"labels are names of classes: {listed(plain)}{unlabelled}")
    if targets := read_cells(texts, plain):
        return Classes(plain, (), "cells of labels may hold several classes, or none", targets)
    if matched := _but_for_writing(plain, given):
        pairs = listed(f"{value} → {name}" for value, name in zip(matched, plain, strict=True))
        return Classes(
            plain,
            matched,
            f"labels are matched with names but for how they are written: {pairs}{unlabelled}",
        )
    if names and not all(name.isdigit() for name in names):
        strange = [value for value in given if value not in names]
        raise PredictionsError(
            f"{where}: label {shown(strange[0])} is none of the classes that the score columns "
            f"name: {listed(names)}. Write both the same way; leave a label empty where it is "
            "unknown, or a class that the model does not have"
        )
    odd = [value for value in given if not _NUMBER.fullmatch(value.strip())]
    if not odd and given[0].startswith("-") and {*map(_simplified, given)} != {"-1", "1"}:
        raise PredictionsError(
            f"{where}: label {shown(given[0])} lies below 0. If it marks rows without a label, "
            "leave those empty; otherwise number the labels from 0 in the order of the columns"
        )
    is_unlike = len(given) != num_classes or not {*given}.isdisjoint(plain)
    if is_unlike and 0 < len(odd) < len(given):
        raise PredictionsError(
            f"{where}: labels mix numbers and text: {listed(odd)} beside "
            f"{listed(_in_order({*given} - {*odd}))}. Write all the same way, and leave missing "
            "ones empty"
        )
    if len(given) != num_classes:
        leave = "; leave missing ones empty" if len(given) > num_classes else ""
        raise PredictionsError(
            f"{where}: {_different(str(len(given)), 'label')} ({listed(given)}{unlabelled}) for "
            f"{num_classes} classes: it is unclear which is which. Name each score column after "
            f"its class, as in logit_cat, or make the labels class ids from 0{leave}"
        )
    if scored == given[0] and num_classes == 2:
        both = (given[1], scored)
        return Classes(
            both, both, f"the scores are those of {shown(scored)}, by their name{unlabelled}"
        )
    pairs = listed(f"{value} → {i}" for i, value in enumerate(given))
    return Classes(
        tuple(given),
        tuple(given),
        f"labels are text, numbered in sorted order: {pairs}{unlabelled}",
    )


def values_of(labels: Iterable[Array]) -> set[str]:
    """Return the different labels as text; none where they are too many to be classes."""
    held, are_more = _distinct(labels, MOST_LABELS)
    if are_more:
        return set()
    return {value if isinstance(value, str) else f"{value:.15g}" for value in held}


def _distinct(labels: Iterable[Array], most: int) -> tuple[set[Any], bool]:
    """Return the different labels, and whether there are more than `most`; then not all of them."""
    held: set[Any] = set()
    for batch in labels:
        if batch.dtype.kind == "f":
            batch = batch[np.isfinite(batch)]
        held.update(np.unique(batch).reshape(-1).tolist())
        if len(held) > most:
            return held, True
    return held, False
