"""Two models on the same rows: which one is less surprised, and how sure that is."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from core.diagnosis.chances import count_p_value
from core.diagnosis.tally import Ledger
from core.words import counted

__all__ = ["Comparison", "compare"]


class Comparison(NamedTuple):
    """How two models differ on rows that both have.

    Parameters
    ----------
    num_rows : int
    bits : float
        Mean surprise of the first less that of the second, in bits a row: below 0 the first is
        better. NaN where a surprise is infinite.
    low, high : float
        The mean ± 1.96 standard errors of the rows' differences.
    only_first, only_second : int
        Rows that only the one predicts right.
    p_value : float
        Of these two counts, if either model were as likely to be the one.
    """

    num_rows: int
    bits: float
    low: float
    high: float
    only_first: int
    only_second: int
    p_value: float


def compare(first: Ledger, second: Ledger) -> Comparison:
    """Return how two models differ, row by row.

    Parameters
    ----------
    first, second : Ledger
        Of the same rows; those that only one has are left out.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If they share no row, or a row has another label in each.

    Notes
    -----
    Differences of pairs: what makes a row hard for both cancels. The counts are those of McNemar
    (1947), doi:10.1007/BF02295996.

    Examples
    --------
    >>> from core.diagnosis import Summary
    >>> logits, labels = np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]]), [0, 1, 0, 1]
    >>> sure = Summary(kind="logits").update(3 * logits, labels, ledger=True)
    >>> unsure = Summary(kind="logits").update(logits, labels, ledger=True)
    >>> round(compare(sure, unsure).bits, 3)
    -0.382
    """
    rows, at_first, at_second = np.intersect1d(first.row, second.row, return_indices=True)
    if len(rows) == 0:
        raise ValueError("the models share no row")
    labels = first.label[at_first]
    differ = np.flatnonzero(labels != second.label[at_second])
    if len(differ):
        raise ValueError(
            f"labels differ in {counted(len(differ), 'row')}, the first of them row "
            f"{rows[differ[0]]:,}: "
            "these are not the same rows"
        )
    with np.errstate(invalid="ignore"):
        gaps = first.surprise[at_first].astype(float) - second.surprise[at_second]
    is_right = first.predicted[at_first] == labels
    also = second.predicted[at_second] == labels
    only_first = int(np.count_nonzero(is_right & ~also))
    only_second = int(np.count_nonzero(also & ~is_right))
    either = only_first + only_second
    mean = error = math.nan
    if np.isfinite(gaps).all():
        mean = float(gaps.mean())
        error = float(gaps.std(ddof=1)) / math.sqrt(len(gaps)) if len(gaps) > 1 else math.nan
    return Comparison(
        len(rows),
        mean,
        mean - 1.96 * error,
        mean + 1.96 * error,
        only_first,
        only_second,
        count_p_value(only_first, either / 2, either),
    )
