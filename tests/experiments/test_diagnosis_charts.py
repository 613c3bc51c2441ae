"""The pictures of a diagnosis: frames hold what the figures say, charts what the frames hold."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from core.activations import softmax
from core.calibration import reliability
from core.diagnosis import Diagnosis, LossHistogram, Summary, diagnose, loss_histogram
from core.diagnosis.spread import margin_of_loss
from core.losses import categorical_cross_entropy
from experiments.charts import diagnosis as charts
from experiments.charts import style
from experiments.charts.precision import ROOM, STEP, own_rows_map
from experiments.diagnosis import frames
from experiments.precision import REACH, precision_map

FOREIGN = ("cat", "<b>dog</b>", "=1+1", "a [link](http://x.example)", "")


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (4000, 5))
    labels = (softmax(logits / 2).cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    return logits, labels


@pytest.fixture(scope="module")
def summary(rows: tuple[np.ndarray, np.ndarray]) -> Summary:
    found = Summary()
    found.update(*rows)
    return found


@pytest.fixture(scope="module")
def diagnosis(summary: Summary) -> Diagnosis:
    return diagnose(summary)


def several() -> Diagnosis:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (500, 4))
    summary = Summary()
    summary.update(logits, (rng.random((500, 4)) < 0.5).astype(int))
    return diagnose(summary)


def values(chart: Any, layer: int) -> list[dict[str, Any]]:
    spec = chart.to_dict()
    name = spec["layer"][layer].get("data", spec.get("data"))["name"]
    found: list[dict[str, Any]] = spec["datasets"][name]
    return found


def test_the_histogram_holds_every_row_once(
    summary: Summary, rows: tuple[np.ndarray, np.ndarray]
) -> None:
    losses = categorical_cross_entropy(*rows)
    found = loss_histogram(summary)
    assert found.counts.sum() == len(losses)
    assert found.sums.sum() == pytest.approx(losses.sum(), rel=1e-9)
    for low, high, count in zip(found.low, found.high, found.counts, strict=True):
        assert np.count_nonzero((losses >= low) & (losses < high)) == count


def test_the_histogram_of_nothing_has_no_bins() -> None:
    assert len(loss_histogram(Summary()).counts) == 0
    empty = frames.margin_frame(loss_histogram(Summary()))
    assert empty.empty


def test_an_impossible_label_is_counted_apart() -> None:
    summary = Summary(kind="softmax")
    summary.update([[1.0, 0.0], [0.5, 0.5]], [1, 1])
    found = loss_histogram(summary)
    assert (found.infinite, found.counts.sum()) == (1, 1)
    assert frames.concentration_frame(found).empty
    margins = frames.margin_frame(found)
    assert (margins["start"].iloc[0], margins["rows"].sum()) == (-REACH, 2)


@pytest.mark.parametrize("margin", [-900.0, -3.0, -1e-9, 0.0, 1.0, 30.0, 40.0])
def test_the_margin_is_what_the_loss_was_made_of(margin: float) -> None:
    loss = categorical_cross_entropy(np.array([margin, 0.0]), 0)
    assert float(margin_of_loss(loss)) == pytest.approx(margin, rel=1e-9, abs=1e-12)


def test_margins_have_limits_and_no_loss_is_negative() -> None:
    assert margin_of_loss([0.0, math.inf]).tolist() == [math.inf, -math.inf]
    with pytest.raises(ValueError, match="0 or more"):
        margin_of_loss([-1.0])


def test_margins_of_rows_lie_in_their_bins(
    summary: Summary, rows: tuple[np.ndarray, np.ndarray]
) -> None:
    margins = margin_of_loss(categorical_cross_entropy(*rows))
    found = frames.margin_frame(loss_histogram(summary))
    assert found["rows"].sum() == len(margins)
    assert found["share"].sum() == pytest.approx(1)
    # The sketch may put a row that is 1/32 off beyond an end.
    for edge in (-10.0, -1.0, 1.0, 10.0):
        known = found.loc[found["end"] <= edge, "rows"].sum()
        assert known <= np.count_nonzero(margins <= edge * (1 + math.copysign(0.1, edge)) + 0.1)


def test_reliability_before_and_after_is_that_of_core(
    rows: tuple[np.ndarray, np.ndarray], diagnosis: Diagnosis
) -> None:
    assert diagnosis.calibration is not None
    assert diagnosis.calibration.temperature is not None
    temperature = diagnosis.calibration.temperature.value
    second = Summary(temperature=temperature)
    second.update(*rows)
    after = diagnose(second).calibration
    frame = frames.reliability_frame(diagnosis.calibration, after, temperature=temperature)
    for scores, divisor in (
        (frames.AS_GIVEN, 1.0),
        (f"at temperature {temperature:.3g}", temperature),
    ):
        expected = reliability(softmax(rows[0], temperature=divisor), rows[1])
        held = expected.counts > 0
        part = frame[frame["scores"] == scores]
        assert part["rows"].tolist() == expected.counts[held].tolist()
        np.testing.assert_allclose(part["confidence"], expected.confidence[held])
        np.testing.assert_allclose(part["accuracy"], expected.accuracy[held])
    assert (frame["low"] <= frame["accuracy"]).all()
    assert (frame["accuracy"] <= frame["high"]).all()
    spec = charts.reliability_chart(frame).to_dict()
    points = spec["layer"][-1]["encoding"]
    assert points["color"]["scale"]["domain"] == list(dict.fromkeys(frame["scores"]))
    assert len(values(charts.reliability_chart(frame), -1)) == len(frame)
    mass = frames.reliability_frame(diagnosis.calibration, equal_mass=True)
    assert mass["rows"].max() < 2 * mass["rows"].min()
    assert set(mass["scores"]) == {frames.AS_GIVEN}


def test_the_concentration_passes_through_half(summary: Summary, diagnosis: Diagnosis) -> None:
    curve = frames.concentration_frame(loss_histogram(summary))
    assert curve["rows"].is_monotonic_increasing
    assert curve.iloc[-1].tolist() == pytest.approx([1, 1])
    assert diagnosis.concentration is not None
    half = diagnosis.concentration.half_share
    assert np.interp(half, curve["rows"], curve["loss"]) == pytest.approx(0.5, abs=0.01)
    chart = charts.concentration_chart(curve, half)
    (marked,) = values(chart, -1)
    assert marked == {"rows": half, "loss": 0.5, "word": f"half: {100 * half:.3g} % of the rows"}
    # No row costs anything: nothing is marked.
    assert len(charts.concentration_chart(curve, 0.0).to_dict()["layer"]) == 3


def test_a_long_curve_is_thinned_to_what_a_screen_shows() -> None:
    low = np.geomspace(1e-9, 10, 2000)
    many = LossHistogram(low, low * 1.01, np.ones(2000, int), low, 0)
    curve = frames.concentration_frame(many)
    assert len(curve) == 400
    assert curve.iloc[-1].tolist() == pytest.approx([1, 1])


def test_confused_pairs_are_counted_and_named(
    rows: tuple[np.ndarray, np.ndarray], diagnosis: Diagnosis
) -> None:
    logits, labels = rows
    pairs = frames.pair_frame(diagnosis, FOREIGN)
    assert pairs["bits"].is_monotonic_decreasing
    first = pairs.iloc[0]
    label, predicted = FOREIGN.index(first["label"]), FOREIGN.index(first["predicted"])
    at = (labels == label) & (logits.argmax(axis=1) == predicted)
    bits = categorical_cross_entropy(logits[at], labels[at]).sum() / math.log(2)
    assert (first["rows"], first["bits"]) == (at.sum(), pytest.approx(bits))
    assert pairs["bits"].tolist() == pytest.approx((pairs["rows"] * pairs["bits_each"]).tolist())
    chart = charts.pair_chart(pairs, FOREIGN)
    spec = chart.to_dict()
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == list(FOREIGN)
    assert len(spec["layer"]) == 2
    assert [row["rows"] for row in values(chart, 0)] == pairs["rows"].tolist()


@pytest.mark.parametrize(("num_classes", "mark"), [(24, "rect"), (25, "bar"), (128, "bar")])
def test_many_classes_are_pairs_as_bars(num_classes: int, mark: str) -> None:
    rng = np.random.default_rng(2)
    summary = Summary()
    summary.update(rng.normal(0, 1, (3000, num_classes)), rng.integers(0, num_classes, 3000))
    names = [str(k) for k in range(num_classes)]
    pairs = frames.pair_frame(diagnose(summary), names)
    spec = charts.pair_chart(pairs, names).to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]] == [mark]
    assert len(next(iter(spec["datasets"].values()))) <= 50


@pytest.mark.parametrize("num_classes", [3, 30])
def test_pairs_that_cost_infinitely_much_are_drawn_by_their_rows(num_classes: int) -> None:
    rng = np.random.default_rng(2)
    summary = Summary()
    summary.update(
        np.eye(num_classes)[rng.integers(0, num_classes, 900)], rng.integers(0, num_classes, 900)
    )
    names = [str(k) for k in range(num_classes)]
    chart = charts.pair_chart(frames.pair_frame(diagnose(summary), names), names)
    spec = chart.to_dict()
    assert "Infinity" not in json.dumps(spec)
    assert "infinitely surprising" in json.dumps(spec["layer"][0]["encoding"])
    assert "bits" not in values(chart, 0)[0]


def test_names_of_a_few_letters_stand_upright() -> None:
    for names, is_upright in ((("cat", "dog"), True), (("abyssinian", "dog"), False)):
        summary = Summary()
        summary.update([[1.0, 0.0], [0.0, 1.0]], [1, 0])
        spec = charts.pair_chart(frames.pair_frame(diagnose(summary), names), names).to_dict()
        assert ("labelAngle" in spec["layer"][0]["encoding"]["x"]["axis"]) == is_upright


@pytest.mark.parametrize("highest", [2.0, 900.0, 1e9])
def test_the_axis_of_the_pulls_has_numbers_to_its_ends(
    highest: float, rows: tuple[np.ndarray, np.ndarray], diagnosis: Diagnosis
) -> None:
    budget = frames.budget_frame(diagnosis, FOREIGN)
    budget["pull"] *= highest / budget["pull"].max()
    low = budget["pull"].min()
    ticks = charts.budget_chart(budget).to_dict()["layer"][1]["encoding"]["x"]["axis"]["values"]
    assert 1 <= len(ticks) <= charts.MOST_TICKS
    assert low <= ticks[0]
    assert highest / 10 < ticks[-1] <= highest


def test_the_budget_is_what_both_sides_pull(
    rows: tuple[np.ndarray, np.ndarray], diagnosis: Diagnosis
) -> None:
    logits, labels = rows
    p = softmax(logits)
    budget = frames.budget_frame(diagnosis, FOREIGN)
    ours = budget[(budget["class"] == FOREIGN[1]) & (budget["loss"] == frames.SOFTMAX)]
    by_side = ours.set_index("side")["pull"]
    assert by_side[frames.POSITIVE] == pytest.approx((1 - p[labels == 1, 1]).sum())
    assert by_side[frames.NEGATIVE] == pytest.approx(p[labels != 1, 1].sum())
    assert (budget["signed"].abs() == budget["pull"]).all()
    spec = charts.budget_chart(budget).to_dict()
    assert spec["layer"][1]["encoding"]["x"]["scale"]["type"] == "log"
    assert spec["layer"][1]["encoding"]["y"]["sort"] == list(FOREIGN)


def test_what_has_no_softmax_shows_sigmoids_alone() -> None:
    budget = frames.budget_frame(several(), FOREIGN[:4])
    assert set(budget["loss"]) == {frames.SIGMOID}
    colour = charts.budget_chart(budget).to_dict()["layer"][0]["encoding"]["color"]
    assert colour["scale"] == {"domain": [frames.SIGMOID], "range": [style.BLUE]}


def test_the_most_lopsided_classes_come_first() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 1, (2000, 30))
    labels = rng.integers(0, 29, 2000)
    labels[:3] = 29
    summary = Summary()
    summary.update(logits, labels)
    budget = frames.budget_frame(diagnose(summary), [str(k) for k in range(30)])
    few = frames.most_lopsided(budget, 12)
    assert few["class"].iloc[0] == "29"
    assert few["class"].nunique() == 12
    assert len(frames.most_lopsided(budget, 40)) == len(budget)


def test_own_rows_stand_over_the_map(summary: Summary) -> None:
    margins = frames.margin_frame(loss_histogram(summary))
    spec = own_rows_map(precision_map("CCE"), margins).to_dict()
    *stripes, bars, _ = spec["layer"]
    assert len(stripes) == 3
    assert bars["encoding"]["x"]["scale"] == stripes[0]["encoding"]["x"]["scale"]
    # Blank stripes make the room that the bars stand in.
    blanks = [name for name in stripes[0]["encoding"]["y"]["scale"]["domain"] if not name.strip()]
    assert len(blanks) == ROOM + 3
    assert bars["encoding"]["y2"] == {"value": ROOM * STEP}
    drawn = spec["datasets"][bars["data"]["name"]]
    assert sum(row["rows"] for row in drawn) == 4000
    assert min(row["top"] for row in drawn) == 8


def test_shares_of_rows_that_fail_are_those_of_the_figures(diagnosis: Diagnosis) -> None:
    table = frames.precision_frame(diagnosis)
    assert diagnosis.precision is not None
    assert table["dtype"].tolist() == ["float16", "float32", "float64"]
    assert tuple(table["zero"]) == diagnosis.precision.zero
    assert tuple(table["usual_off"][1:]) == diagnosis.precision.usual_off
    answers = several()
    assert answers.answer_precision is not None
    assert tuple(frames.precision_frame(answers)["zero"]) == answers.answer_precision.zero
    probabilities = Summary()
    probabilities.update(np.full((50, 2), 0.5), np.zeros(50, int))
    assert frames.precision_frame(diagnose(probabilities)).empty


def test_classes_and_ledger_carry_names(rows: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = rows
    summary = Summary()
    ledger = summary.update(logits, labels, ledger=True)
    assert ledger is not None
    table = frames.ledger_frame(ledger, FOREIGN)
    assert table["row"].tolist() == list(range(4000))
    assert table["label"].astype(str).tolist() == [FOREIGN[k] for k in labels]
    bits = categorical_cross_entropy(logits, labels) / math.log(2)
    np.testing.assert_allclose(table["surprise"], bits)
    classes = frames.class_frame(diagnose(summary), FOREIGN)
    assert classes["rows"].sum() == 4000
    at = labels == 2
    assert classes["right"][2] == pytest.approx((logits[at].argmax(axis=1) == 2).mean())
    assert classes["bits"][2] == pytest.approx(bits[at].mean())


def test_no_chart_holds_what_json_has_not(summary: Summary, diagnosis: Diagnosis) -> None:
    assert diagnosis.calibration is not None
    for chart in (
        charts.reliability_chart(frames.reliability_frame(diagnosis.calibration)),
        charts.concentration_chart(frames.concentration_frame(loss_histogram(summary)), 0.1),
        charts.pair_chart(frames.pair_frame(diagnosis, FOREIGN), FOREIGN),
        charts.budget_chart(frames.budget_frame(diagnosis, FOREIGN)),
        own_rows_map(precision_map("CCE"), frames.margin_frame(loss_histogram(summary))),
    ):
        assert json.dumps(chart.to_dict(), allow_nan=False)
        assert style.to_svg(chart).startswith("<svg")
