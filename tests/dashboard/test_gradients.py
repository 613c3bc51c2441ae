"""The page Gradients: what it shows is what core gives, and what is wrong is called wrong."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.activations import sigmoid, softmax
from core.losses import (
    categorical_cross_entropy_grad,
    categorical_focal_loss_grad,
    softmax_squared_error_grad,
)
from dashboard.charts.gradients import claim_bars, gradient_against_logit, gradient_bars
from dashboard.frames.common import written
from dashboard.frames.gradients import LOSSES, SLIP, check, gradient_curves, gradients
from dashboard.gradient_snippets import gradients as gradients_as_code
from dashboard.views.gradients import PRESETS, UP
from tests.dashboard.test_pages import metrics, open_page

LOGITS = np.array([2.0, -1.0, 0.5])
CONFIDENT_MISTAKE = np.array([-1.0, 5.0, 0.0, 1.0])


def text(page: AppTest) -> str:
    return " ".join(element.value for element in page.markdown)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("logits", [LOGITS, CONFIDENT_MISTAKE, np.zeros(40)])
def test_each_gradient_agrees_with_finite_differences(loss: str, logits: np.ndarray) -> None:
    frame = gradients(logits, 0, loss)
    assert frame["deviation"].max() < 1e-8
    assert frame["role"].tolist() == ["true"] + ["other"] * (len(logits) - 1)
    if loss != "BCE":
        assert frame["gradient"].sum() == pytest.approx(0, abs=1e-14)


def test_gradients_are_those_of_core() -> None:
    for loss, wanted in (
        ("CCE", categorical_cross_entropy_grad(LOGITS, 1)),
        ("Squared error", softmax_squared_error_grad(LOGITS, 1)),
        ("Focal", categorical_focal_loss_grad(LOGITS, 1)),
        ("BCE", sigmoid(LOGITS) - [0, 1, 0]),
    ):
        np.testing.assert_allclose(gradients(LOGITS, 1, loss)["gradient"], wanted, rtol=1e-14)


def test_without_finite_logits_there_is_a_gradient_but_no_difference() -> None:
    frame = gradients(np.array([np.inf, 0.0]), 1, "CCE")
    assert frame["gradient"].tolist() == [1, -1]
    assert frame["finite_difference"].isna().all()


@pytest.mark.parametrize("label", [0, 2])
def test_curves_pass_through_the_gradient(label: int) -> None:
    curves = gradient_curves(LOGITS, label)
    for loss in LOSSES:
        curve = curves[curves["curve"] == loss]
        for logit, gradient in curve[["logit", "gradient"]].to_numpy()[::60]:
            moved = LOGITS.copy()
            moved[label] = logit
            wanted = gradients(moved, label, loss)["gradient"][label]
            assert gradient == pytest.approx(wanted, rel=1e-12)


def test_squared_error_vanishes_where_cross_entropy_pulls() -> None:
    curves = gradient_curves(CONFIDENT_MISTAKE, 0)
    left = curves[curves["logit"] == curves["logit"].min()].set_index("curve")["gradient"]
    assert left["CCE"] < -0.99
    assert abs(left["Squared error"]) < 1e-3
    assert abs(left["Softmax twice"]) < 1e-3


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.title)
@pytest.mark.parametrize("logits", [LOGITS, CONFIDENT_MISTAKE])
def test_every_preset_but_the_slip_is_right(preset, logits: np.ndarray) -> None:
    checked = check(preset.formula, logits, 0, preset.loss)
    verdicts = checked.frame["verdict"].tolist()
    others = "wrong" if preset.formula == SLIP else "right"
    assert verdicts == ["right"] + [others] * (len(logits) - 1)
    assert checked.can_tell


def test_the_slip_gives_every_negative_class_the_probability_of_the_true_one() -> None:
    frame = check(SLIP, LOGITS, 0, "CCE").frame
    s = softmax(LOGITS)
    np.testing.assert_allclose(frame["formula"], [s[0] - 1, s[0], s[0]], rtol=1e-14)
    np.testing.assert_allclose(frame["finite_difference"], [s[0] - 1, s[1], s[2]], rtol=1e-9)


def test_a_small_gradient_is_no_licence_for_a_wrong_formula() -> None:
    # Squared error 18 logits off: every gradient is below 1e-7, and 0 is still not right.
    logits = np.array([0.0, 18.0, 0.0])
    assert gradients(logits, 0, "Squared error")["gradient"].abs().max() < 1e-6
    assert check("0", logits, 0, "Squared error").frame["verdict"][0] == "wrong"
    assert not check("0", np.array([40.0, 0.0]), 0, "CCE").can_tell


def test_what_has_no_value_has_no_verdict() -> None:
    frame = check("s / t", LOGITS, 1, "CCE").frame
    assert frame["verdict"].tolist() == ["no number", "wrong", "no number"]


def test_bars_point_both_ways_and_share_their_scale() -> None:
    spec = gradient_bars(
        gradients(LOGITS, 0, "CCE"), {"true": "#000", "other": "#111"}, 2
    ).to_dict()
    scale = spec["layer"][0]["encoding"]["x"]["scale"]
    assert (scale["domainMin"]["expr"], scale["domainMax"]["expr"]) == (
        "-data('bars')[0]['end']",
        "data('bars')[0]['end']",
    )
    drawn = spec["datasets"]["bars"]
    assert drawn[0]["end"] > 2
    assert [row["length"] for row in drawn] == gradients(LOGITS, 0, "CCE")["gradient"].tolist()
    assert len(spec["layer"]) == 3
    many = gradients(np.zeros(1000), 0, "CCE")
    spec = gradient_bars(many, {"true": "#000", "other": "#111"}, 1).to_dict()
    assert (len(spec["layer"]), spec["height"]) == (1, 480)


@pytest.mark.parametrize("formula", ["s * 1e9", "1 / t", "0 / 0", "0 * s"])
def test_a_wild_claim_keeps_the_bars_readable(formula: str) -> None:
    frame = check(formula, LOGITS, 0, "CCE").frame
    spec = claim_bars(frame, "#000", {"right": "#111", "wrong": "#222"}).to_dict()
    reach = spec["datasets"]["bars"][0]["end"]
    longest = frame["finite_difference"].abs().max()
    assert longest < reach <= 3 * longest
    marks = [row["mark"] for row in next(iter(spec["datasets"].values()))]
    assert all(mark is None or abs(mark) <= reach for mark in marks)


def test_the_curves_mark_where_things_stand() -> None:
    curves = gradient_curves(LOGITS, 0)
    spec = gradient_against_logit(curves, 2.0, dict.fromkeys(LOSSES, "#000")).to_dict()
    rows = spec["datasets"][spec["vconcat"][1]["layer"][0]["data"]["name"]]
    assert {row["logit"] for row in rows if row["now"]} == {2.0}
    for loss, value_and_grad in LOSSES.items():
        value, _ = value_and_grad(LOGITS[np.newaxis], np.array([0]))
        (now,) = [row for row in rows if row["now"] and row["curve"] == loss]
        assert now["loss"] == pytest.approx(value[0])


@pytest.mark.parametrize(
    ("label", "beside"), [(0, "Squared error"), (1, "Softmax twice"), (2, "BCE"), (0, "Focal")]
)
def test_the_page_shows_the_numbers_of_core(label: int, beside: str) -> None:
    page = open_page(
        "gradients", "numbers", logits="2 -1 0.5", label=f"class {label}", compare=beside
    )
    table = page.dataframe[0].value
    for loss in ("CCE", beside):
        shown = table[table["loss"] == loss]
        wanted = gradients(LOGITS, label, loss)
        np.testing.assert_array_equal(shown["gradient"], wanted["gradient"])
        assert written(wanted["deviation"].max(), 3) in metrics(page)
    s = softmax(LOGITS)
    assert f"**up** by ${UP}$ = {1 - s[label]:.4f}" in text(page)
    assert f"{np.delete(s, label).max():.4f}. Ups and downs sum to 0" in text(page)
    wanted = gradients(LOGITS, label, beside)["gradient"][label]
    assert f"The **{beside}** gradient at class {label} is {wanted:.4f}. ".replace(
        " -", " −"
    ) in text(page)


@pytest.mark.parametrize("beside", [loss for loss in LOSSES if loss != "CCE"])
def test_the_page_offers_its_own_loss_as_code(beside: str) -> None:
    page = open_page("gradients", "as code", logits="2 -1 0.5", label="class 1", compare=beside)
    offered = [each.value for each in page.code]
    assert offered == list(
        gradients_as_code(
            LOGITS, 1, beside, gradients(LOGITS, 1, "CCE")["gradient"].to_numpy()
        ).values()
    )
    assert not open_page("gradients", "as code", logits="inf 1").code


def test_the_page_refutes_the_slip_with_figures() -> None:
    s = softmax(CONFIDENT_MISTAKE)
    page = open_page("gradients", logits="-1, 5, 0, 1")
    assert f"it gives {s[0]:.4f} for class 1" in text(page)
    assert f"difference of the loss is {s[1]:.4f}; it is wrong for 3 of 3" in text(page)
    # Where all are equal the slip is no other number.
    page = open_page("gradients", logits="1 1 1")
    assert "For these logits both formulas agree" in text(page)
    page = open_page("gradients", logits="800 0 0")
    assert "so the formula as written gives no number" in text(page)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.title)
def test_a_preset_fills_the_field_and_is_judged(preset) -> None:
    page = open_page("gradients", of="Focal", formula="K")
    page.button_group(key="sample formula").set_value(preset.title).run()
    assert not page.exception
    assert page.text_input(key="formula").value == preset.formula
    assert page.selectbox(key="of").value == preset.loss
    if preset.formula == SLIP:
        assert "wrong for 3 of 4 classes" in page.error[0].value
        assert not page.success
    else:
        assert "Right for these logits" in page.success[0].value
        assert not page.error


def test_a_formula_of_ones_own_is_checked() -> None:
    page = open_page("gradients", logits="2 -1 0.5", formula="s", of="CCE")
    s = softmax(LOGITS)
    assert f"wrong for 1 of 3 classes, most for class 0, where it gives {s[0]:.4f}" in (
        page.error[0].value
    )
    rows = re.findall(r"\| class (\d) \| (\S+) \| (\S+) \| \S+ \| (\w+) \|", text(page))
    assert [row[-1] for row in rows] == ["wrong", "right", "right"]
    assert [float(row[1]) for row in rows] == pytest.approx(s, rel=1e-3)
    assert [float(row[2]) for row in rows] == pytest.approx(s - [1, 0, 0], rel=1e-3)
    page.text_input(key="formula").set_value("s[p]*(s-t)/s[p]").run()
    assert page.success


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("", "not complete"),
        ("__import__('os')", "is not a known name"),
        ("(" * 20_000, "this one has 20000"),
        ("9" * 400 + "**" * 50, "where a value should"),
        ("![](//evil.example)", "stands where a value should"),
    ],
)
def test_what_is_no_formula_gets_a_sentence(formula: str, says: str) -> None:
    page = open_page("gradients", formula=formula)
    assert page.error[0].value == "This formula can't be read."
    assert says in page.text[0].value


@pytest.mark.parametrize("formula", ["1/0", "s/t", "9**9**9**9", "log(0)"])
def test_a_formula_without_a_value_gets_a_sentence(formula: str) -> None:
    page = open_page("gradients", formula=formula)
    assert "no finite value" in page.warning[0].value
    assert not page.success


def test_logits_that_can_not_tell_are_said_to() -> None:
    assert "can't decide it" in open_page("gradients", logits="60 0", formula="0").info[0].value


@pytest.mark.parametrize(
    ("logits", "charts"),
    [
        ("1", 4),
        ("inf, 1", 2),
        ("inf inf", 2),
        ("-inf -inf", 2),
        ("nan 1", 2),
        ("1e308 -1e308", 4),
        ("1e6 0", 4),
        (" ".join(["0.5"] * 1000), 4),
    ],
)
def test_odd_logits_give_a_picture_and_a_sentence(logits: str, charts: int) -> None:
    page = open_page("gradients", logits=logits)
    assert len(page.get("vega_lite_chart")) == charts
    assert bool(page.warning) == (logits in ("inf inf", "-inf -inf", "nan 1"))


@pytest.mark.parametrize("query", [{"of": "magic"}, {"compare": "CCE"}, {"label": "class 77"}])
def test_a_broken_link_opens_on_the_defaults(query: dict[str, str]) -> None:
    assert metrics(open_page("gradients", **query)) == metrics(open_page("gradients"))
