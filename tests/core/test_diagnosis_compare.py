"""Two models on the same rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.diagnosis import Ledger, Summary, compare
from core.losses import categorical_cross_entropy


def ledger(logits: np.ndarray, labels: np.ndarray, first_row: int = 0) -> Ledger:
    found = Summary(kind="logits").update(logits, labels, first_row=first_row, ledger=True)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    first = rng.normal(0, 2, (500, 3))
    return first, first + rng.normal(0, 1, (500, 3)), rng.integers(0, 3, 500)


def test_the_difference_is_that_of_each_row(
    pair: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    first, second, labels = pair
    found = compare(ledger(first, labels), ledger(second, labels))
    gaps = categorical_cross_entropy(first, labels) - categorical_cross_entropy(second, labels)
    gaps /= math.log(2)
    assert found.num_rows == 500
    assert found.bits == pytest.approx(gaps.mean())
    error = gaps.std(ddof=1) / math.sqrt(500)
    assert (found.low, found.high) == pytest.approx(
        (gaps.mean() - 1.96 * error, gaps.mean() + 1.96 * error)
    )
    right, also = first.argmax(axis=1) == labels, second.argmax(axis=1) == labels
    assert (found.only_first, found.only_second) == ((right & ~also).sum(), (also & ~right).sum())
    swapped = compare(ledger(second, labels), ledger(first, labels))
    assert swapped.bits == pytest.approx(-found.bits)
    assert (swapped.only_first, swapped.only_second) == (found.only_second, found.only_first)
    assert swapped.p_value == pytest.approx(found.p_value)


def test_rows_are_matched_by_their_numbers(
    pair: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    first, second, labels = pair
    part = compare(ledger(first, labels), ledger(second[100:300], labels[100:300], first_row=100))
    alone = compare(
        ledger(first[100:300], labels[100:300]), ledger(second[100:300], labels[100:300])
    )
    assert part == alone


def test_a_clear_winner_has_a_small_p_value() -> None:
    labels = np.zeros(100, int)
    good, bad = np.tile([1.0, 0.0], (100, 1)), np.tile([0.0, 1.0], (100, 1))
    found = compare(ledger(good, labels), ledger(bad, labels))
    assert (found.only_first, found.only_second) == (100, 0)
    assert found.p_value < 1e-20
    assert compare(ledger(good, labels), ledger(good, labels)).p_value == 1


def test_an_impossible_label_leaves_no_mean() -> None:
    labels = np.array([1, 0])
    never = np.array([[0.0, -np.inf], [1.0, 0.0]])
    found = compare(ledger(never, labels), ledger(np.zeros((2, 2)), labels))
    assert math.isnan(found.bits)
    assert math.isnan(compare(ledger(never, labels), ledger(never, labels)).bits)


def test_other_rows_do_not_compare() -> None:
    scores = np.zeros((3, 2))
    first = ledger(scores, np.array([0, 1, 1]))
    with pytest.raises(ValueError, match="labels differ in 1 row, the first of them row 2"):
        compare(first, ledger(scores, np.array([0, 1, 0])))
    with pytest.raises(ValueError, match="share no row"):
        compare(first, ledger(scores, np.array([0, 1, 1]), first_row=3))
