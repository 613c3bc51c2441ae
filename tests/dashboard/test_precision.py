"""The page Precision: what it shows is what core and its textbook twins give."""

import mpmath
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import naive
from core.activations import sigmoid
from core.losses import categorical_cross_entropy
from dashboard.precision_snippets import at_logit as as_code
from dashboard.views.more_on_precision import gone_from
from experiments.charts.precision import COLOURS, outcome_map
from experiments.precision import (
    DTYPES,
    FUNCTIONS,
    OURS,
    OUTCOMES,
    REACH,
    RIGHT,
    TEXTBOOK,
    TOO_SMALL,
    USUAL,
    at_logit,
    breaks,
    precision_map,
    printed,
    runs,
)
from tests.dashboard.test_pages import open_page, table_of

WITH_USUAL = ["CCE", "log-softmax"]


def broken_from(function: str, formula: str, dtype: str) -> dict[tuple[str, str], float]:
    found = breaks(function)
    found = found[(found["formula"] == formula) & (found["dtype"] == dtype)]
    events = zip(found["side"], found["outcome"], strict=True)
    return dict(zip(events, found["logit"], strict=True))


def text(page: AppTest) -> str:
    return " ".join(element.value for element in page.markdown)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_ours_is_right_wherever_the_dtype_has_numbers(function: str) -> None:
    cells = precision_map(function)
    assert set(cells["outcome"][cells["formula"] == OURS]) <= {RIGHT, TOO_SMALL}
    assert (breaks(function)["formula"] != OURS).all()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_textbook_formula_breaks_in_each_dtype(function: str) -> None:
    cells = precision_map(function)
    for formula in FUNCTIONS[function]:
        if formula != OURS:
            broken = cells[(cells["formula"] == formula) & ~cells["outcome"].isin([RIGHT])]
            assert set(broken["dtype"]) == set(DTYPES)
    assert (USUAL in FUNCTIONS[function]) == (function in WITH_USUAL)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_should_be_is_what_500_digits_give(function: str) -> None:
    exact = {
        "CCE": lambda x: mpmath.log1p(mpmath.exp(-x)),
        "BCE, target 1": lambda x: mpmath.log1p(mpmath.exp(-x)),
        "BCE, target 0": lambda x: mpmath.log1p(mpmath.exp(x)),
        "softmax": lambda x: 1 / (1 + mpmath.exp(-x)),
        "log-softmax": lambda x: -mpmath.log1p(mpmath.exp(-x)),
        "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    }[function]
    cells = precision_map(function)
    cells = cells[cells["truth"].abs() > 1e-300]
    with mpmath.workdps(500):
        for cell in cells.iloc[::17].itertuples():
            assert cell.truth == pytest.approx(float(exact(mpmath.mpf(cell.logit))), rel=1e-12)


def test_the_map_covers_its_reach_without_gaps() -> None:
    cells = precision_map("CCE")
    assert len(cells) <= 5000
    for _, stripe in cells.groupby(["formula", "dtype"]):
        assert stripe["start"].iloc[0] == pytest.approx(-REACH)
        assert stripe["end"].iloc[-1] == pytest.approx(REACH)
        assert stripe["start"].tolist()[1:] == stripe["end"].tolist()[:-1]
        assert stripe["logit"].between(stripe["start"] - 1, stripe["end"] + 1).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_exponential_overflows_where_the_dtype_ends(dtype: str) -> None:
    end = np.log(float(np.finfo(np.dtype(dtype)).max))
    above = broken_from("softmax", TEXTBOOK, dtype)["above", "NaN"]
    assert above == pytest.approx(end, rel=1e-3 if dtype == "float16" else 2e-6)
    below = broken_from("sigmoid", TEXTBOOK, dtype)["below", "0"]
    assert below == pytest.approx(-end, rel=1e-3 if dtype == "float16" else 2e-6)


def test_breaks_are_where_the_outcome_begins() -> None:
    found = broken_from("CCE", TEXTBOOK, "float32")
    assert list(found) == [
        ("above", "off by more than 1 %"),
        ("above", "0"),
        ("above", "NaN"),
        ("below", "inf"),
    ]
    for (side, outcome), logit in found.items():
        row = np.array([logit, 0], np.float32)
        assert printed(float(naive.cce(row, 0))) == outcome or outcome.startswith("off")
        nearer = np.array([logit - np.sign(logit) * 1e-3, 0], np.float32)
        assert printed(float(naive.cce(nearer, 0))) != outcome, side


@pytest.mark.parametrize("function", WITH_USUAL)
@pytest.mark.parametrize(("dtype", "confident"), [("float32", 20.0), ("float64", 40.0)])
def test_log_sum_exp_overflows_nowhere_and_loses_confident_rows(
    function: str, dtype: str, confident: float
) -> None:
    outcomes = {outcome for _, outcome in broken_from(function, USUAL, dtype)}
    assert outcomes == {"off by more than 1 %", "0"}
    rows = at_logit(function, confident).set_index(["dtype", "formula"])
    assert rows["outcome"][dtype, USUAL] == "0"
    assert rows["outcome"][dtype, OURS] == RIGHT


@pytest.mark.parametrize("logit", [np.inf, -np.inf, np.nan, 1e308, -0.0])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_ours_is_right_at_the_limits(function: str, logit: float) -> None:
    rows = at_logit(function, logit)
    ours = rows[rows["formula"] == OURS]
    assert set(ours["outcome"]) <= {RIGHT, TOO_SMALL}
    if np.isinf(logit):
        assert set(ours["outcome"]) == {RIGHT}


def test_runs_join_neighbours_of_one_outcome() -> None:
    cells = precision_map("sigmoid")
    joined = runs(cells)
    assert joined["cells"].sum() == len(cells)
    same = joined.shift()
    repeated = (
        joined[["formula", "dtype", "outcome"]] == same[["formula", "dtype", "outcome"]]
    ).all(axis=1)
    assert not repeated.any()


@pytest.mark.parametrize(
    ("value", "says"),
    [(np.nan, "NaN"), (-np.inf, "-inf"), (-0.0, "0"), (2.0611537e-9, "2.061e-09"), (20.0, "20")],
)
def test_figures_are_printed_as_they_come(value: float, says: str) -> None:
    assert printed(value) == says


def test_the_chart_marks_a_logit_that_is_on_the_map() -> None:
    cells = precision_map("CCE")
    spec = outcome_map(cells, 20.0).to_dict()
    rule = spec["layer"][3]
    assert rule["mark"]["type"] == "rule"
    assert spec["datasets"][rule["data"]["name"]] == [{"logit": 20.0}]
    for off in (None, np.nan, np.inf, 2 * REACH):
        assert len(outcome_map(cells, off).to_dict()["layer"]) == 3
    stripes = spec["layer"][0]["encoding"]
    assert stripes["color"]["scale"]["range"] == list(COLOURS.values())
    assert tuple(COLOURS) == OUTCOMES
    shown = [name for name in stripes["y"]["scale"]["domain"] if name.strip()]
    assert shown == [f"{formula} · {dtype}" for formula in FUNCTIONS["CCE"] for dtype in DTYPES]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("logit", ["20", "-95.5"])
def test_the_page_shows_the_numbers_of_each_formula(function: str, logit: str) -> None:
    page = open_page("precision", function=function, logit=logit)
    assert page.selectbox(key="function").value == function
    table = table_of(page)
    assert table["dtype"].tolist() == list(DTYPES)
    for formula, compute in FUNCTIONS[function].items():
        expected = [
            printed(float(compute(np.array([logit], dtype=dtype))[0])) for dtype in DTYPES.values()
        ]
        assert table[formula].tolist() == expected
    assert len(page.get("vega_lite_chart")) == 1


def test_moving_the_controls_moves_the_page() -> None:
    page = open_page("precision")
    row = np.array([20, 0], np.float32)
    table = table_of(page).set_index("dtype")
    assert table[OURS]["float32"] == "2.061e-09"
    assert printed(float(categorical_cross_entropy(row, 0))) == "2.061e-09"
    assert (table[USUAL]["float32"], table[TEXTBOOK]["float16"]) == ("0", "NaN")
    assert "overflows above 11.09 in float16, 88.72 in float32, 709.8 in float64" in text(page)
    assert "**textbook** is off by more than 1 % from 12.77 up, 0 from 16.64 up" in text(page)

    page.selectbox(key="function").select("sigmoid").run()
    page.text_input(key="logit").set_value("-89").run()
    assert not page.exception
    table = table_of(page).set_index("dtype")
    assert USUAL not in table
    assert table[TEXTBOOK]["float32"] == "0"
    assert table[OURS]["float32"] == printed(float(sigmoid(np.float32(-89))))
    assert "**textbook** is 0 from −88.72 down" in text(page)


@pytest.mark.parametrize(
    "logit", ["", "one", "1 2", "<b>2</b>", "![](//evil.example/p)", "0 " * 5000]
)
def test_what_is_no_number_gives_a_sentence_and_the_map(logit: str) -> None:
    page = open_page("precision", logit=logit)
    assert [error.value for error in page.error] == ["Your logit x can't be read."]
    assert not any(each.value.startswith("| ") for each in page.markdown)
    assert len(page.get("vega_lite_chart")) == 1


def test_a_number_still_being_typed_waits() -> None:
    page = open_page("precision", logit="2e-")
    assert "`2e-` is left out until it is a number." in [c.value for c in page.caption]
    assert [element.value for element in page.text] == [
        "Enter one number, with a point for decimals, for example: 20"
    ]


@pytest.mark.parametrize(
    ("logit", "says"),
    [
        ("nan", "NaN in, NaN out."),
        ("inf", "outside the map"),
        ("-1e308", "outside the map"),
        ("5000", "off"),
    ],
)
def test_odd_logits_give_a_sentence(logit: str, says: str) -> None:
    page = open_page("precision", logit=logit)
    assert not page.error
    assert says in text(page)
    assert len(table_of(page)) == len(DTYPES)


def test_a_broken_link_opens_on_the_defaults() -> None:
    broken = open_page("precision", function="tanh")
    assert table_of(broken).equals(table_of(open_page("precision")))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_logit_is_offered_as_code(function: str) -> None:
    page = open_page("precision", "as code", function=function, logit="-7.5")
    assert [each.value for each in page.code] == list(as_code(function, -7.5).values())
    assert not open_page("precision", "as code", function=function, logit="-inf").code


def test_one_and_a_tiny_number_are_one_where_the_map_says_so() -> None:
    # log(1 + e^−x) is 0 from there on: what log-sum-exp gives.
    for dtype, scalar in DTYPES.items():
        end = gone_from(float(np.finfo(scalar).eps))
        assert end == pytest.approx(broken_from("log-softmax", USUAL, dtype)["above", "0"], abs=0.1)
        assert scalar(1) + np.exp(-scalar(end + 0.1)) == scalar(1)
        assert scalar(1) + np.exp(-scalar(end - 0.1)) > scalar(1)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_says_more_on_request(function: str) -> None:
    page = open_page("precision", function=function)
    (more,) = [each.value for each in page.markdown if "<summary>More" in each.value]
    assert more.count("**") % 2 == 0
    assert "?**" in more
    has_sum = function not in ("softmax", "sigmoid")
    ends = "7.6 in float16, 16.6 in float32, 36.7 in float64"
    assert (ends in more) == has_sum
    # bfloat16 has 8 binary digits.
    assert (f"fewer digits:\nfrom x = {8 * np.log(2):.1f}." in more) == has_sum
