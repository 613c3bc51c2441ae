"""The formulas of the page Diagnose: their numbers are those of plain references."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import log_loss

from core.diagnosis import Diagnosis, Summary, diagnose
from dashboard.diagnosis import formulas
from experiments.diagnosis.frames import budget_frame, pair_frame
from experiments.diagnosis.samples import CLASSES, SAMPLES
from tests.dashboard.test_pages import open_page

Array = np.ndarray


def diagnosed(key: str) -> tuple[Array, Array, Diagnosis]:
    sample = SAMPLES[key]
    scores, labels = sample.arrays()
    summary = Summary(kind=sample.kind, loss=sample.loss)
    summary.update(scores, labels)
    return np.asarray(scores, dtype=float), labels, diagnose(summary, CLASSES)


def soft(logits: Array) -> Array:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def entropy_bits(shares: Array) -> float:
    held = shares[shares > 0]
    return float(-(held * np.log2(held)).sum())


def calibration_error(probabilities: Array, labels: Array) -> float:
    """Return ECE as it is written: Σ n_b/N |acc_b − conf_b| over 15 bins of equal width."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    ends = np.linspace(0, 1, 16)
    total = 0.0
    for low, high in pairwise(ends):
        held = (confidence > low) & (confidence <= high)
        if held.any():
            total += held.mean() * abs(right[held].mean() - confidence[held].mean())
    return total


def figures(line: str) -> list[float]:
    """Return the numbers of a line that have decimals."""
    return [float(each) for each in re.findall(r"-?\d+\.\d+", line)]


def test_calibration_and_loss_stand_there_before_and_after_the_temperature() -> None:
    logits, labels, found = diagnosed("overconfident")
    temperature = 2.5
    summary = Summary(kind="logits")
    summary.update(logits / temperature, labels)
    after = diagnose(summary, CLASSES).calibration
    assert found.calibration is not None
    lines = formulas.calibration(found.calibration, after, temperature, equal_mass=False)
    both = [soft(logits), soft(logits / temperature)]
    assert figures(lines[1]) == pytest.approx(
        [calibration_error(p, labels) for p in both], abs=6e-5
    )
    losses = [figure for line in lines[2:4] for figure in figures(line)]
    assert losses == pytest.approx([log_loss(labels, p) for p in both], abs=6e-5)
    assert figures(lines[4]) == [temperature]
    of_mass = formulas.calibration(found.calibration, after, temperature, equal_mass=True)
    assert figures(of_mass[1])[0] == pytest.approx(found.calibration.mass_ece, abs=6e-5)
    assert of_mass[1] != lines[1]
    assert len(formulas.calibration(found.calibration, None, np.nan, equal_mass=False)) == 2


def test_bits_are_those_of_the_frequencies_less_those_of_the_scores() -> None:
    logits, labels, found = diagnosed("overconfident")
    base = entropy_bits(np.bincount(labels) / len(labels))
    loss = log_loss(labels, soft(logits)) / np.log(2)
    wanted = [base, loss, base - loss]
    shown = [figure for line in formulas.bits(found) for figure in figures(line)]
    assert shown == pytest.approx(wanted, abs=6e-5)


def test_bits_of_labels_that_may_hold_at_once_are_summed_over_classes() -> None:
    logits, labels, found = diagnosed("rare_positives")
    shares = labels.mean(axis=0)
    base = sum(entropy_bits(np.array([share, 1 - share])) for share in shares)
    # log(1 + e^x) − t x
    nats = (np.logaddexp(0, logits) - labels * logits).sum(axis=1).mean()
    wanted = [base, nats / np.log(2), base - nats / np.log(2)]
    lines = formulas.bits(found)
    assert "H(f_k, 1 - f_k)" in lines[0]
    assert [figure for line in lines for figure in figures(line)] == pytest.approx(wanted, abs=6e-5)
    assert wanted[2] < 0


def test_soft_labels_have_an_entropy_of_their_own() -> None:
    logits, targets, found = diagnosed("soft_labels")
    own = np.mean([entropy_bits(row) for row in targets]) * np.log(2)
    loss = -(targets * np.log(soft(logits))).sum(axis=1).mean()
    _, terms, in_all = formulas.bits(found)
    assert figures(terms) == pytest.approx([own, loss - own], abs=6e-5)
    assert figures(in_all) == pytest.approx([loss], abs=6e-5)
    assert "nats" in in_all


def test_an_infinite_loss_is_written_as_one() -> None:
    _, _, found = diagnosed("hard")
    base, loss, saved = formulas.bits(found)[1::2]
    assert len(figures(base)) == 1
    assert r"= \orange{\infty}" in loss
    assert r"= \green{-\infty}" in saved
    pair = pair_frame(found, CLASSES).iloc[0]
    assert r"\cdot \infty" in formulas.confusion(pair)[1]


@pytest.mark.parametrize("sample", ["overconfident", "soft_labels"])
def test_the_costliest_pair_costs_its_rows_times_their_surprise(sample: str) -> None:
    logits, labels, found = diagnosed(sample)
    labels = labels.argmax(axis=1) if labels.ndim > 1 else labels
    p = soft(logits)
    pair = pair_frame(found, CLASSES).iloc[0]
    a, b = CLASSES.index(pair["label"]), CLASSES.index(pair["predicted"])
    surprise = -np.log2(p[(labels == a) & (p.argmax(axis=1) == b), a])
    _, product, cost = formulas.confusion(pair)
    assert f"= {len(surprise)} " in product
    assert figures(product) == pytest.approx([surprise.mean()], abs=6e-5)
    assert figures(cost) == pytest.approx([surprise.sum()], abs=0.06)


def test_half_of_the_loss_lies_in_the_share_that_stands_there() -> None:
    logits, labels, found = diagnosed("overconfident")
    losses = np.sort(-np.log(soft(logits))[np.arange(len(labels)), labels])[::-1]
    fewest = np.searchsorted(losses.cumsum(), losses.sum() / 2) + 1
    assert found.concentration is not None
    share = figures(formulas.concentration(found.concentration)[1])
    # The share is known to a hundredth of a loss's size.
    assert share == pytest.approx([100 * fewest / len(losses)], rel=0.02)


def test_both_sides_of_the_pull_are_summed_over_classes() -> None:
    logits, labels, found = diagnosed("overconfident")
    lines = formulas.budget(budget_frame(found, CLASSES))
    is_own = np.eye(logits.shape[1], dtype=bool)[labels]
    sides = [
        [(1 - p)[is_own].sum(), p[~is_own].sum()] for p in (soft(logits), 1 / (1 + np.exp(-logits)))
    ]
    shown = [figure for line in lines[2:] for figure in figures(line)]
    assert shown == pytest.approx([*sides[0], *sides[1]], abs=0.06)
    # Under a softmax what pulls up and what pulls down is as much.
    assert sides[0][0] == pytest.approx(sides[0][1])
    _, _, several = diagnosed("rare_positives")
    only = formulas.budget(budget_frame(several, CLASSES))
    assert len(only) == 4
    assert r"\blue" in only[2]


@pytest.mark.parametrize(
    ("sample", "wanted"),
    [
        (
            "overconfident",
            ["H(f)", r"\text{ECE}", "L_{(i)}", r"C_{a \to b}", r"\text{up}_k", "x &= z_y"],
        ),
        ("rare_positives", ["H(f)", r"\text{ECE}", "L_{(i)}", r"\text{up}_k"]),
        (
            "soft_labels",
            ["H(t)", r"\text{ECE}", "L_{(i)}", r"C_{a \to b}", r"\text{up}_k", "x &= z_y"],
        ),
        # Rows of infinite loss carry all of it, and there is no picture.
        ("hard", ["H(f)", r"\text{ECE}", r"C_{a \to b}", r"\text{up}_k"]),
    ],
)
def test_each_picture_has_its_formula_and_no_more(sample: str, wanted: list[str]) -> None:
    page = open_page("diagnose", sample=SAMPLES[sample].title)
    shown = [each.value for each in page.latex]
    assert len(shown) == len(wanted)
    for says, formula in zip(wanted, shown, strict=True):
        assert says in formula
    _, _, found = diagnosed(sample)
    for line in formulas.bits(found):
        for figure in re.findall(r"\d+\.\d+", line):
            assert figure in shown[0]


def test_bins_of_equal_mass_have_their_own_error_in_the_formula() -> None:
    page = open_page("diagnose", sample=SAMPLES["overconfident"].title, bins="Equal mass")
    _, _, found = diagnosed("overconfident")
    assert found.calibration is not None
    assert f"{found.calibration.mass_ece:.4f}" in page.latex[1].value
