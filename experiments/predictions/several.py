"""Several labels in one cell of text: cat|dog, [0, 1, 0], ["cat", "dog"]."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from experiments.predictions.common import MISSING, Array

_MARKS = ("|", ";", ",", " ")
_NOTHING = {"none", "[]", *map(str.lower, MISSING)}


def read_cells(texts: Collection[str], names: Sequence[str]) -> dict[str, Array] | None:
    """Return the targets that each text means, or None where they are no labels of several classes.

    Parameters
    ----------
    texts : collection of str
        All different cells of a column.
    names : sequence of str
        What the classes are called.
    """
    for mark in _MARKS:
        cells = {text: [text] if text in names else _parts(text, mark) for text in texts}
        found = _hot(cells, len(names)) or _named(cells, names)
        if found:
            return found
    return None


def _parts(text: str, mark: str) -> list[str]:
    if text.strip().lower() in _NOTHING:
        return []
    inside = text.strip().strip("[](){}")
    parts = [part.strip().strip("'\"").strip() for part in inside.split(mark)]
    return [part for part in parts if part or mark != " "]


def _hot(cells: dict[str, list[str]], num_classes: int) -> dict[str, Array] | None:
    """Return targets where each cell has a 0 or a 1 for each class."""
    flags = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "False": 0.0, "True": 1.0}
    given = [parts for parts in cells.values() if parts]
    if not given or any(len(parts) != num_classes or not {*parts} <= {*flags} for parts in given):
        return None
    nothing = ["0"] * num_classes
    return {
        text: np.array([flags[part] for part in parts or nothing]) for text, parts in cells.items()
    }


def _named(cells: dict[str, list[str]], names: Sequence[str]) -> dict[str, Array] | None:
    """Return targets where each cell has the names of its classes, and some have several."""
    at = {name: i for i, name in enumerate(names)}
    if not any(len(parts) > 1 for parts in cells.values()):
        return None
    if any(part not in at for parts in cells.values() for part in parts):
        return None
    found = {}
    for text, parts in cells.items():
        found[text] = np.zeros(len(names))
        found[text][[at[part] for part in parts]] = 1.0
    return found
