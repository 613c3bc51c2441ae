"""The page Losses with targets that are not hard, weights, and the losses beside."""

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.activations import sigmoid, softmax
from core.entropy import entropy, kl_divergence
from core.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    categorical_cross_entropy_grad,
    categorical_focal_loss,
    focal_loss,
    sigmoid_squared_error,
    softmax_squared_error,
)
from dashboard import snippets
from dashboard.charts.bars import term_bars
from dashboard.charts.losses import optimum_bars, stacked_parts
from dashboard.frames.losses import (
    Options,
    compared,
    entropy_and_divergence,
    loss_curves,
    loss_terms,
    optimum,
    probability_curves,
)
from tests.dashboard.test_pages import metrics, open_page, run_code

LOGITS = np.array([2.0, -1.0, 0.5])
SOFT = np.array([0.5, 0.3, 0.2])
# Options, and what core is told for them with class 1 as the true one.
CASES: list[tuple[Options, dict[str, Any], np.ndarray]] = [
    (Options(), {"class_weight": None}, np.eye(3)[1]),
    (Options(weight=3), {"class_weight": [1, 3, 1]}, np.eye(3)[1]),
    (Options(label_smoothing=0.1), {"label_smoothing": 0.1}, np.eye(3)[1]),
    (Options(SOFT, 0.2, 0.5), {"class_weight": [1, 0.5, 1], "label_smoothing": 0.2}, SOFT),
]
COLOURS = dict.fromkeys(("CCE", "BCE, target 1", "BCE, target 0", "Focal", "Squared error"), "#000")


def text(page: AppTest) -> str:
    return " ".join(element.value for element in page.markdown)


@pytest.mark.parametrize(("options", "told", "targets"), CASES)
def test_terms_sum_to_the_losses_of_core(options: Options, told: dict, targets) -> None:
    terms = loss_terms(LOGITS, 1, options)
    sums = terms.groupby("loss")["term"].sum()
    assert sums["CCE"] == pytest.approx(categorical_cross_entropy(LOGITS, targets, **told))
    binary = binary_cross_entropy(LOGITS, targets, label_smoothing=options.label_smoothing)
    assert sums["BCE"] == pytest.approx((binary * [1, options.weight, 1]).sum())


def test_the_table_holds_the_smoothed_targets() -> None:
    terms = loss_terms(LOGITS, 1, Options(label_smoothing=0.3))
    assert terms["target"].tolist() == pytest.approx([0.15, 0.85, 0.15, 0.1, 0.8, 0.1])
    assert loss_terms(LOGITS, 1)["target"].tolist() == [0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(("options", "told", "targets"), CASES)
def test_curves_are_those_of_core(options: Options, told: dict, targets) -> None:
    curves = loss_curves(LOGITS, 1, options)
    for _, row in curves.iloc[::37].iterrows():
        moved = LOGITS.copy()
        moved[1] = row["logit"]
        smoothing = options.label_smoothing
        smoothed = (1 - smoothing) * targets + smoothing / 3
        wanted = {
            "CCE": categorical_cross_entropy(moved, targets, **told),
            "Focal": categorical_focal_loss(moved, 1),
            "Squared error": softmax_squared_error(moved, smoothed),
            "BCE, target 1": options.weight
            * binary_cross_entropy(row["logit"], 1, label_smoothing=smoothing),
            "BCE, target 0": options.weight
            * binary_cross_entropy(row["logit"], 0, label_smoothing=smoothing),
        }
        assert row["loss"] == pytest.approx(wanted[row["curve"]], rel=1e-12)
        is_binary = row["curve"].startswith("BCE")
        probability = sigmoid(row["logit"]) if is_binary else softmax(moved)[1]
        assert row["probability"] == pytest.approx(probability, rel=1e-12)
        if row["curve"] == "Squared error":
            assert np.isnan(row["bits"])
        else:
            assert row["bits"] == pytest.approx(row["loss"] / np.log(2), rel=1e-12)


@pytest.mark.parametrize(("options", "told", "targets"), CASES)
def test_gradients_of_curves_are_their_slopes(options: Options, told: dict, targets) -> None:
    curves = loss_curves(LOGITS, 1, options)
    assert LOGITS[1] in set(curves["logit"])
    for _, curve in curves.groupby("curve"):
        slope = np.gradient(curve["loss"], curve["logit"], edge_order=2)
        np.testing.assert_allclose(curve["gradient"], slope, atol=2e-3 * options.weight)


@pytest.mark.parametrize("logits", [LOGITS, LOGITS + 500, np.array([1e6, 0, -1e6])])
def test_against_the_probability_hard_losses_are_functions_of_it_alone(logits) -> None:
    curves = probability_curves(logits, 1)
    for name in COLOURS:
        curve = curves[curves["curve"] == name]
        assert curve["probability"].min() < 0.01
        assert curve["probability"].max() > 0.99
    for name in ("CCE", "BCE, target 1"):
        curve = curves[curves["curve"] == name]
        np.testing.assert_allclose(curve["loss"], -np.log(curve["probability"]), rtol=1e-9)
    curve = curves[curves["curve"] == "Focal"]
    p = curve["probability"]
    np.testing.assert_allclose(curve["loss"], -((1 - p) ** 2) * np.log(p), rtol=1e-9)


def test_one_class_has_no_probability_to_move() -> None:
    curves = probability_curves(np.array([2.0]), 0)
    assert set(curves["curve"]) == {"BCE, target 1", "BCE, target 0"}


def test_with_two_classes_the_others_are_the_binary_ones() -> None:
    # One logit against 0 is a yes-no question; the squared error counts both of its answers.
    beside = compared(np.array([0.7, 0.0]), 0, Options(gamma=1.5))
    assert beside["focal"] == pytest.approx(focal_loss(0.7, 1, gamma=1.5))
    assert beside["squared error"] == pytest.approx(2 * sigmoid_squared_error(0.7, 1))


@pytest.mark.parametrize(("options", "told", "targets"), CASES)
@pytest.mark.parametrize("logits", [LOGITS, np.array([900.0, 0, 0]), np.array([0, 40.0, 0])])
def test_entropy_and_divergence_sum_to_the_cross_entropy(
    logits: np.ndarray, options: Options, told: dict, targets: np.ndarray
) -> None:
    parts = entropy_and_divergence(logits, 1, options).set_index(["unit", "part"])["value"]
    smoothing = options.label_smoothing
    wanted = categorical_cross_entropy(logits, targets, label_smoothing=smoothing)
    assert parts["nats"].sum() == pytest.approx(wanted, rel=1e-14)
    assert parts["bits"].sum() * np.log(2) == pytest.approx(wanted, rel=1e-14)
    smoothed = (1 - smoothing) * targets + smoothing / 3
    assert parts["nats", "entropy"] == pytest.approx(entropy(smoothed))
    if logits is LOGITS:
        assert parts["nats", "divergence"] == pytest.approx(
            kl_divergence(smoothed, softmax(logits))
        )


def test_the_optimum_is_where_the_gradient_vanishes() -> None:
    options, told, targets = CASES[3]
    best = optimum(LOGITS, 1, options)
    grad = categorical_cross_entropy_grad(np.log(best["optimum"]), targets, **told)
    np.testing.assert_allclose(grad, 0, atol=1e-15)
    # And where the drawn curve is lowest, moving this logit alone.
    curve = loss_curves(LOGITS, 1, options)
    curve = curve[curve["curve"] == "CCE"]
    lowest = curve["probability"].iloc[curve["loss"].argmin()]
    assert lowest == pytest.approx(best["optimum"][1], abs=0.02)


def test_the_parts_are_stacked_end_to_end() -> None:
    parts = entropy_and_divergence(LOGITS, 1, Options(label_smoothing=0.1))
    spec = stacked_parts(parts, {"entropy": "H", "divergence": "KL"}, ["#000", "#111"]).to_dict()
    bars = spec["datasets"][spec["layer"][0]["data"]["name"]]
    assert [bar["part"] for bar in bars] == ["H", "KL"] * 2
    for first, second in (bars[:2], bars[2:]):
        assert first["start"] == pytest.approx(0)
        assert second["start"] == pytest.approx(first["end"])
        assert second["end"] == pytest.approx(first["value"] + second["value"])


def test_marks_stand_on_the_bars_of_their_class() -> None:
    best = optimum(LOGITS, 1, Options(label_smoothing=0.1, weight=2))
    spec = optimum_bars(best, "#000", {"target": "#111", "best": "#222"}).to_dict()
    marks = spec["layer"][1]
    assert marks["transform"][0]["fold"] == ["target", "best"]
    assert [row["best"] for row in spec["datasets"]["classes"]] == (best["optimum"].tolist())
    assert (
        optimum_bars(
            optimum(np.zeros(1000), 0), "#000", {"target": "#111", "best": "#222"}
        ).to_dict()["height"]
        == 480
    )


def test_each_control_moves_the_page() -> None:
    page = open_page("losses", logits="2, -1, 0.5", label="class 1")
    assert len(page.get("vega_lite_chart")) == 5
    assert metrics(page)[4] == f"{categorical_focal_loss(LOGITS, 1):.4f}"
    assert metrics(page)[5] == f"{softmax_squared_error(LOGITS, 1):.4f}"
    assert "leaves **CCE** a single term, the surprise" in text(page)
    assert "A hard target has no entropy" in text(page)

    page.slider(key="gamma").set_value(0.5).run()
    assert metrics(page)[4] == f"{categorical_focal_loss(LOGITS, 1, gamma=0.5):.4f}"

    page.slider(key="class_weight").set_value(3.0).run()
    cce = categorical_cross_entropy(LOGITS, 1)
    assert metrics(page)[2] == f"{3 * cce:.4f}"
    assert "a single term, 3 times the surprise" in text(page)
    assert "does not move the optimum unless the target is smoothed" in text(page)

    page.slider(key="label_smoothing").set_value(0.1).run()
    told: dict[str, Any] = {"class_weight": [1, 3, 1], "label_smoothing": 0.1}
    assert metrics(page)[2] == f"{categorical_cross_entropy(LOGITS, 1, **told):.4f}"
    target = 0.9 + 0.1 / 3
    best = 3 * target / (3 * target + 0.2 / 3)
    assert f"is {best:.4f}, where the target says {target:.4f}" in text(page)
    assert "leaves **CCE** 3 of 3 terms" in text(page)

    page.text_input(key="target").set_value("5 3 2").run()
    assert not page.exception
    wanted = categorical_cross_entropy(LOGITS, SOFT, **told)
    assert metrics(page)[2] == f"{wanted:.4f}"
    own = entropy(0.9 * SOFT + 0.1 / 3)
    assert f"own entropy is {own:.4f} nats" in text(page)


def test_a_link_opens_the_same_picture() -> None:
    query = {"target": "5 3 2", "label_smoothing": "0.1", "class_weight": "3.0", "gamma": "1.0"}
    page = open_page("losses", logits="2, -1, 0.5", label="class 1", **query)
    wanted = categorical_cross_entropy(LOGITS, SOFT, class_weight=[1, 3, 1], label_smoothing=0.1)
    assert metrics(page)[2] == f"{wanted:.4f}"
    assert metrics(page)[4] == f"{categorical_focal_loss(LOGITS, 1, gamma=1):.4f}"


def test_a_smoothed_target_alone_is_its_own_optimum() -> None:
    page = open_page("losses", logits="2, -1, 0.5", label_smoothing="0.3")
    assert "The best softmax is the target itself: 0.8000 for class 0" in text(page)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("1 1 1 1", "4 shares for 3 classes"),
        ("a <b>", "Share 1 is 'a'"),
        ("0", "at least one is above 0"),
        ("x" * 20_000, "which is not a number"),
    ],
)
def test_what_is_no_target_gets_a_sentence(target: str, says: str) -> None:
    page = open_page("losses", logits="2, -1, 0.5", target=target)
    assert page.error[0].value == "This target can't be read."
    assert says in page.text[0].value
    assert len(page.text[0].value) < 200


@pytest.mark.parametrize(
    ("logits", "charts"),
    [
        ("1", 5),
        ("inf, 1", 3),
        ("-inf -inf", 2),
        # An infinite loss has no parts that a bar could hold.
        ("1e308 -1e308", 4),
        ("0.5 " * 1000, 5),
    ],
)
def test_odd_logits_with_every_option_give_a_picture(logits: str, charts: int) -> None:
    query = {"target": "1", "label_smoothing": "0.1", "class_weight": "3.0"}
    page = open_page("losses", logits=logits, **query)
    assert len(page.get("vega_lite_chart")) == charts
    captions = [caption.value for caption in page.caption]
    assert any("logits that are all finite" in says for says in captions) == ("inf" in logits)


def test_a_class_ruled_out_leaves_the_parts_and_the_optimum() -> None:
    page = open_page("losses", logits="2, 1, -inf")
    assert len(page.get("vega_lite_chart")) == 4
    cce = categorical_cross_entropy([2.0, 1.0, -np.inf], 0)
    assert f"all {cce:.4f} nats are divergence" in text(page)


def formulas(page: AppTest) -> str:
    return " ".join(element.value for element in page.markdown).replace("\N{NO-BREAK SPACE}", " ")


def test_the_sums_are_written_out_with_the_numbers_of_core() -> None:
    page = open_page("losses", logits="2, -1, 0.5", label="class 1")
    binary = binary_cross_entropy(LOGITS, np.eye(3)[1])
    assert f":blue[BCE] = {' + '.join(f':blue[{term:.3f}]' for term in binary)}" in formulas(page)
    surprises = categorical_cross_entropy(np.tile(LOGITS, (3, 1)), [0, 1, 2])
    terms = [
        f":{'orange' if i == 1 else 'gray'}[{int(i == 1)} · {surprise:.3f}]"
        for i, surprise in enumerate(surprises)
    ]
    assert f":orange[CCE] = {' + '.join(terms)}" in formulas(page)
    total = categorical_cross_entropy(LOGITS, 1)
    assert f"{total:.4f} = :gray[0.0000] + :orange[{total:.4f}] nats" in formulas(page)
    in_bits = f"{total / np.log(2):.4f}"
    assert f"{in_bits} = :gray[0.0000] + :orange[{in_bits}] bits" in formulas(page)

    page.slider(key="class_weight").set_value(3.0).run()
    assert f":orange[3 · 1 · {surprises[1]:.3f}]" in formulas(page)
    page.slider(key="label_smoothing").set_value(0.3).run()
    assert f":orange[3 · 0.8 · {surprises[1]:.3f}]" in formulas(page)
    assert f":orange[0.1 · {surprises[0]:.3f}]" in formulas(page)


def test_a_longer_sum_stands_in_lines_of_equal_length_in_both_losses() -> None:
    page = open_page("losses", logits="4, 1, 0.5, -1, 0")
    sums = [each.value for each in page.markdown if "CE] = " in each.value]
    assert [[line.count("[") for line in each.split("  \n")] for each in sums] == [[4, 2], [4, 2]]


@pytest.mark.parametrize("logits", ["inf, 1", "1, -inf", "1e308 -1e308", "-800, 3", "0"])
def test_nothing_has_no_sign(logits: str) -> None:
    page = open_page("losses", logits=logits)
    shown = [formulas(page), *metrics(page)]
    assert not any("-0.000" in text for text in shown)
    assert "0.000" in shown[0]


def test_a_sum_of_many_terms_is_not_written_out() -> None:
    assert "·" in formulas(open_page("losses", logits="1 " * 6))
    assert "·" not in formulas(open_page("losses", logits="1 " * 7))


def test_a_key_changes_no_formula() -> None:
    page = open_page("losses", logits="2, -1, 0.5")
    before = [each.value for each in page.markdown if "$" in each.value]
    page.text_input(key="logits").set_value("2, -1, 0.51").run()
    assert [each.value for each in page.markdown if "$" in each.value] == before


def test_a_target_of_0_is_said_to_leave_its_term_out() -> None:
    terms = loss_terms(LOGITS, 1)
    values = {}
    for loss in ("BCE", "CCE"):
        spec = term_bars(terms[terms["loss"] == loss], "#000", 3.0).to_dict()
        rows = next(iter(spec["datasets"].values()))
        values[loss] = ["left out" in row["value"] for row in rows]
    assert values == {"BCE": [False] * 3, "CCE": [True, False, True]}


@pytest.mark.parametrize(
    ("title", "told", "targets"),
    [
        ("Soft target", {}, [0.0, 0.7, 0.3]),
        ("Smoothed", {"label_smoothing": 0.1}, [0.0, 1.0, 0.0]),
        (
            "Smoothed and weighted",
            {"label_smoothing": 0.1, "class_weight": [1, 3, 1]},
            [0.0, 1.0, 0.0],
        ),
    ],
)
def test_a_kind_of_target_is_set_by_a_click(title: str, told: dict, targets: list[float]) -> None:
    page = open_page("losses", logits="2, -1, 0.5", label="class 1")
    hard = metrics(page)
    assert page.button_group(key="sample target").value == "Hard target"
    page.button_group(key="sample target").set_value(title).run()
    assert not page.exception
    assert page.button_group(key="sample target").value == title
    assert metrics(page)[2] == f"{categorical_cross_entropy(LOGITS, targets, **told):.4f}"
    page.button_group(key="sample target").set_value("Hard target").run()
    assert metrics(page) == hard


def test_one_class_has_no_soft_target() -> None:
    page = open_page("losses", logits="1")
    assert page.button_group(key="sample target").options == [
        "Hard target",
        "Smoothed",
        "Smoothed and weighted",
    ]
    assert "With one class the softmax is always 1, and CCE always 0." in text(page)


def test_the_code_follows_every_control() -> None:
    page = open_page("losses", "as code", logits="2, -1, 0.5", label="class 1")
    query = {"target": "5 3 2", "label_smoothing": "0.1", "class_weight": "3.0", "gamma": "1.0"}
    told = open_page("losses", "as code", logits="2, -1, 0.5", label="class 1", **query)
    for opened, options in ((page, Options()), (told, Options(SOFT, 0.1, 3.0, 1.0))):
        wanted = snippets.losses(LOGITS, 1, options)
        assert [code.value for code in opened.code] == list(wanted.values())
        names = run_code(wanted["NumPy"])
        figures = [names["bce"], names["cce"], names["focal"], names["squared"]]
        assert [metrics(opened)[i] for i in (0, 2, 4, 5)] == [f"{x:.4f}" for x in figures]


@pytest.mark.parametrize(
    "query", [{"label_smoothing": "2"}, {"class_weight": "0"}, {"gamma": "nan"}]
)
def test_a_broken_link_opens_on_the_defaults(query: dict[str, str]) -> None:
    assert metrics(open_page("losses", **query)) == metrics(open_page("losses"))


def test_what_is_no_logits_for_a_while_forgets_nothing() -> None:
    query = {"target": "5 3 2", "label_smoothing": "0.1", "class_weight": "3.0", "gamma": "1.0"}
    page = open_page("losses", logits="2, -1, 0.5", label="class 1", **query)
    before = metrics(page)
    page.text_input(key="logits").set_value("2, x, 0.5").run()
    assert len(page.error) == 1
    assert not page.metric
    page.text_input(key="logits").set_value("2, -1, 0.5").run()
    assert metrics(page) == before
