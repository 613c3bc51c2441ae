"""Batches of scores and labels as they come in: refused, or brought into shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array


class Batch(NamedTuple):
    """A batch whose shapes fit.

    Parameters
    ----------
    scores : ndarray, shape (N, K), or (N, 1) for two classes
    targets : ndarray, shape (N,) or (N, K)
    num_classes : int
    one_column : bool
    """

    scores: Array
    targets: Array
    num_classes: int
    one_column: bool


class ClassIds(NamedTuple):
    """The class of each row, 0 where it has none.

    Parameters
    ----------
    ids : ndarray of intp, shape (N,)
    usable : ndarray of bool, shape (N,), optional
        Which rows have a class; None where all do.
    counts : dict of str to int
    faults : list of (str, ndarray of int)
        The rows of the batch, counted from 0, that have each.
    """

    ids: Array
    usable: Array | None
    counts: dict[str, float]
    faults: list[tuple[str, Array]]


def as_batch(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    num_classes: int | None,
    one_column: bool | None,
) -> Batch:
    """Return a batch; `num_classes` and `one_column` are those of batches before, if any.

    Raises
    ------
    ValueError
        If shapes do not fit each other or the batches before.
    TypeError
        If either is not made of real numbers.
    """
    _checks.refuse_masked(scores, "scores")
    _checks.refuse_masked(labels, "labels")
    raw, targets = np.asarray(scores), np.asarray(labels)
    if raw.dtype.kind not in "fiub":
        raise TypeError(f"scores must be real numbers; got dtype {raw.dtype}")
    if targets.dtype.kind not in "fiub":
        raise TypeError(f"labels must be numbers; got dtype {targets.dtype}")
    if raw.ndim not in (1, 2):
        raise ValueError(f"scores must have shape (N, K) or (N,); got {raw.shape}")
    is_one = raw.ndim == 1 or raw.shape[1] == 1
    num_columns = 2 if is_one else raw.shape[1]
    if num_classes not in (None, num_columns):
        raise ValueError(f"scores must have {num_classes} columns; got {raw.shape}")
    if one_column not in (None, is_one):
        raise ValueError(f"scores had other columns before; got {raw.shape}")
    if is_one and targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.shape not in ((len(raw),), (len(raw), num_columns)):
        raise ValueError(
            f"labels must have shape ({len(raw)},) or ({len(raw)}, {num_columns}) to match "
            f"scores; got {targets.shape}"
        )
    if raw.dtype.kind != "f" or raw.dtype.itemsize > 8:
        raw = raw.astype(np.float64)
    return Batch(raw[:, np.newaxis] if raw.ndim == 1 else raw, targets, num_columns, is_one)


def class_ids(targets: Array, num_classes: int) -> ClassIds:
    """Return the class of each row, and what is wrong with the labels."""
    if targets.ndim == 2:
        return ClassIds(np.zeros(len(targets), np.intp), None, {}, [])
    counts: dict[str, float] = {}
    faults: list[tuple[str, Array]] = []
    whole = None
    if targets.dtype.kind == "f":
        whole = np.isfinite(targets) & (np.floor(targets) == targets)
        counts["float_labels"] = len(targets)
        ids = np.where(whole & (np.abs(targets) < 2**52), targets, -2).astype(np.int64)
        faults.append(("label_not_whole", np.flatnonzero(~whole)))
    else:
        ids = targets.astype(np.intp, copy=False)
        if ids.min() >= 0 and ids.max() < num_classes:
            return ClassIds(ids, None, counts, faults)
    inside = (ids >= 0) & (ids < num_classes)
    bad = ~inside if whole is None else ~inside & whole
    faults.append(("label_outside", np.flatnonzero(bad)))
    counts["label_is_num_classes"] = int(np.count_nonzero(bad & (ids == num_classes)))
    counts["label_is_minus_one"] = int(np.count_nonzero(bad & (ids == -1)))
    return ClassIds(np.where(inside, ids, 0), inside, counts, faults)
