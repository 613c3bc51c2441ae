"""The page Activations: slopes, the identity of two classes, and what a target makes of them."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.activations import sigmoid, sigmoid_derivative, softmax, softmax_jacobian
from core.entropy import entropy_from_logits
from core.losses import binary_cross_entropy, categorical_cross_entropy
from dashboard.charts.bars import MAX_LABELLED
from dashboard.charts.slopes import STEEPEST, slope_map
from dashboard.frames.activations import costs, slopes, two_class_identity
from dashboard.samples import SAMPLES
from tests.core.cases import finite_difference
from tests.dashboard.test_pages import metrics, open_page, run_code

LOGITS = np.array([2.0, -1.0, 0.5])
TWO = next(sample for sample in SAMPLES if sample.title == "Two classes")


def matrix(frame_of: str, logits: np.ndarray, temperature: float) -> np.ndarray:
    frame = slopes(logits, temperature, MAX_LABELLED)
    of_one = frame[frame["activation"] == frame_of]["slope"].to_numpy()
    return of_one.reshape(len(logits), len(logits))


def text(page: AppTest) -> str:
    return " ".join(element.value for element in page.markdown)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_slopes_are_those_of_core(temperature: float) -> None:
    x = LOGITS / temperature
    np.testing.assert_allclose(
        matrix("softmax", LOGITS, temperature), softmax_jacobian(x), rtol=1e-12
    )
    of_sigmoid = matrix("sigmoid", LOGITS, temperature)
    np.testing.assert_array_equal(of_sigmoid, np.diag(sigmoid_derivative(x)))


def test_a_row_is_an_output_and_a_column_a_logit() -> None:
    for name, activation in (("softmax", softmax), ("sigmoid", sigmoid)):
        for output in range(3):
            weights = np.eye(3)[output]
            expected = finite_difference(partial(_weighted, activation, weights), LOGITS)
            np.testing.assert_allclose(matrix(name, LOGITS, 1.0)[output], expected, atol=1e-9)


def _weighted(
    activation: Callable[..., np.ndarray], weights: np.ndarray, z: np.ndarray
) -> np.ndarray:
    return weights * activation(z)


@pytest.mark.parametrize(
    "logits", [[1.0], [np.inf, 1.0], [-np.inf, 1.0, 0.0], [1e308, -1e308], [0.0, 0.0]]
)
def test_columns_sum_to_nothing_and_no_zero_has_a_sign(logits: list[float]) -> None:
    of_softmax = matrix("softmax", np.array(logits), 0.1)
    np.testing.assert_allclose(of_softmax.sum(axis=0), 0, atol=1e-15)
    of_sigmoid = matrix("sigmoid", np.array(logits), 0.1)
    for slope in (of_softmax, of_sigmoid):
        assert not np.signbit(slope[slope == 0]).any()
        assert np.abs(slope).max() <= STEEPEST


def test_of_many_classes_the_largest_logits_are_drawn() -> None:
    logits = np.linspace(-1, 1, 40)
    frame = slopes(logits, 1.0, 30)
    assert frame["logit"].unique().tolist() == [f"class {i}" for i in range(10, 40)]
    assert len(frame) == 2 * 30**2
    drawn = frame[frame["activation"] == "softmax"]["slope"].to_numpy().reshape(30, 30)
    np.testing.assert_allclose(drawn, softmax_jacobian(logits)[10:, 10:], rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("logits", [[2.0, 0.5], [-40.0, 3.0], [np.inf, 0.0], [1e308, -1e308]])
def test_a_softmax_of_two_is_a_sigmoid(logits: list[float], temperature: float) -> None:
    of_softmax, of_difference = two_class_identity(np.array(logits), temperature)
    assert of_softmax == softmax(logits, temperature=temperature)[0]
    assert of_softmax == pytest.approx(of_difference, rel=1e-13)


def test_costs_are_the_losses_of_core() -> None:
    frame = costs(LOGITS, 2.0)
    assert frame["true_class"].tolist() == ["class 0", "class 1"]
    for label in (0, 1):
        categorical = categorical_cross_entropy(LOGITS / 2, label)
        assert frame["CCE"][label] == pytest.approx(categorical, rel=1e-12)
        assert frame["BCE"][label] == binary_cross_entropy(LOGITS / 2, np.eye(3)[label]).sum()
    assert costs(np.array([1e308, -1e308]), 1.0)["BCE"].tolist() == [0, np.inf]
    assert costs(np.array([40.0, 0.0]), 1.0)["CCE"][0] == pytest.approx(np.exp(-40), rel=1e-12)


def test_the_slope_map_writes_what_fits_and_says_only_of_0_that_it_is_0() -> None:
    frame = slopes(np.array([10.0, 0.0]), 1.0, MAX_LABELLED)
    spec = slope_map(frame[frame["activation"] == "softmax"]).to_dict()
    drawn = next(iter(spec["datasets"].values()))
    assert [cell["written"] for cell in drawn] == ["≈ 0"] * 4
    assert [cell["sign"] for cell in drawn] == ["rises", "falls", "falls", "rises"]
    spec = slope_map(frame[frame["activation"] == "sigmoid"]).to_dict()
    written = [cell["written"] for cell in next(iter(spec["datasets"].values()))]
    assert written == ["≈ 0", "0", "0", "+0.25"]
    many = slopes(np.zeros(30), 1.0, MAX_LABELLED)
    spec = slope_map(many[many["activation"] == "softmax"]).to_dict()
    assert len(spec["layer"]) == 1
    assert spec["height"]["step"] * 30 <= 300


@pytest.mark.parametrize("temperature", ["1.0", "2.0"])
def test_the_page_says_how_much_the_others_pay(temperature: str) -> None:
    page = open_page("activations", logits="3, 1, -2", temperature=temperature)
    x = np.array([3.0, 1, -2]) / float(temperature)
    jacobian = softmax_jacobian(x)
    assert f"its **softmax** rises by {jacobian[0, 0]:.3f} per unit" in text(page)
    assert f"class 1 the most: {-jacobian[1, 0]:.3f}." in text(page)
    assert f"Its **sigmoid** rises by {sigmoid_derivative(x[0]):.3f}" in text(page)
    assert ("per unit of x = z/T" in text(page)) == (temperature == "2.0")
    assert len(page.get("vega_lite_chart")) == 5


def test_more_classes_than_are_drawn_are_told() -> None:
    page = open_page("activations", logits=" ".join(["0.5"] * 31))
    assert "The 30 classes with the largest logits, of 31." in [c.value for c in page.caption]
    page = open_page("activations", logits=" ".join(["0.5"] * 30))
    assert not page.caption


def test_two_classes_show_their_identity_and_others_offer_it() -> None:
    page = open_page("activations")
    assert "Here there are 4 classes." in text(page)
    page.button(key="two classes").click().run()
    assert not page.exception
    assert page.text_input(key="logits").value == TWO.logits
    assert "two classes" not in [button.key for button in page.button]
    z = np.array([2.0, 0.5])
    figure = f"{softmax(z)[0]:.6f}"
    assert f"{sigmoid(z[0] - z[1]):.6f}" == figure
    assert text(page).count(figure) == 2
    page.slider(key="temperature").set_value(3.0).run()
    assert text(page).count(f"{sigmoid(0.5):.6f}") == 2


def test_the_activation_has_no_loss_and_two_targets_give_two() -> None:
    page = open_page("activations", logits="3, 1, -2")
    assert "**Softmax is an activation, not a loss**" in text(page)
    row = [3.0, 1, -2]
    expected = []
    for label in (0, 2):
        expected.append(f"{categorical_cross_entropy(row, label):.4f}")
        expected.append(f"{binary_cross_entropy(row, np.eye(3)[label]).sum():.4f}")
    assert metrics(page)[4:] == expected
    assert f"a CCE of {expected[0]} nats, or of {expected[2]}" in text(page)


def test_a_class_ruled_out_costs_everything() -> None:
    page = open_page("activations", logits="2, 1, -inf")
    assert "rules a class out" in text(page)
    assert metrics(page)[6:] == ["∞", "∞"]
    assert not page.warning


def test_one_class_has_one_target_and_a_softmax_that_never_moves() -> None:
    page = open_page("activations", logits="5")
    assert len(metrics(page)) == 6
    assert metrics(page)[4] == "0.0000"
    assert "Its softmax never moves" in text(page)


def latex(page: AppTest) -> str:
    return " ".join(element.value for element in [*page.latex, *page.markdown])


@pytest.mark.parametrize(("temperature", "over"), [("1.0", ""), ("2.0", "/2")])
def test_the_formulas_are_written_out_with_the_numbers_of_core(temperature: str, over: str) -> None:
    page = open_page("activations", logits="3, 1, -2", temperature=temperature)
    x = np.array([3.0, 1, -2]) / float(temperature)
    powers = [f"e^{{{z}{over}}}" for z in (3, 1, -2)]
    assert rf"\frac{{{powers[0]}}}{{{' + '.join(powers)}}}" in latex(page)
    assert f"{{1 + e^{{-3{over}}}}}" in latex(page)
    bits = entropy_from_logits(x, base=2)
    for figure in (sigmoid(x)[0], softmax(x)[0], bits):
        assert f"{{{figure:.3f}}}" in latex(page)


@pytest.mark.parametrize("logits", ["1 " * 5, "inf, 1", "1e308 0", "nan 1"])
def test_powers_that_do_not_fit_are_not_written_out(logits: str) -> None:
    assert r"\sigma_0" not in latex(open_page("activations", logits=logits))


@pytest.mark.parametrize("query", [{}, {"logits": "0, -inf"}, {"temperature": "0.3"}])
def test_the_code_gives_the_numbers_of_the_page(query: dict[str, str]) -> None:
    page = open_page("activations", "as code", **query)
    names = run_code(page.code[0].value)
    figures = [names["yes_no"].sum(), names["shares"].sum(), names["bits"]]
    assert [metrics(page)[i] for i in (0, 2, 3)] == [f"{figure:.3f}" for figure in figures]
    assert len(page.code) == 4
