import ast
import math
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from core import naive
from core.losses import categorical_cross_entropy
from dashboard.charts.mistakes import right_and_wrong
from dashboard.frames import mistakes as frames
from dashboard.parsing import parse_logits
from dashboard.views.mistakes import MISTAKES
from experiments.charts.style import to_svg
from tests.dashboard.test_pages import metrics, open_page


@pytest.mark.parametrize("head", ["softmax_twice_cce", "sigmoid_cce"])
@pytest.mark.parametrize("num_classes", [2, 3, 10, 1000])
def test_the_floor_is_that_of_the_formula_and_no_curve_goes_below(
    head: str, num_classes: int
) -> None:
    floor = frames.floor(head, num_classes)
    assert floor == pytest.approx(np.log(1 + (num_classes - 1) / math.e), rel=1e-12)
    curves = frames.head_curves(("softmax_cce", head), num_classes)
    least = curves.groupby("curve", sort=False)["loss"].min().tolist()
    assert least[0] < 1e-6
    assert floor <= least[1] < floor + 1e-4


def test_the_floor_of_ten_classes_is_the_number_that_nobody_can_explain() -> None:
    assert f"{frames.floor('softmax_twice_cce', 10):.3f}" == "1.461"


@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_what_knows_nothing_costs_ln_k(num_classes: int) -> None:
    assert frames.plateau(num_classes) == pytest.approx(np.log(num_classes))
    losses = frames.batch_losses(num_classes).pivot_table(
        index="rows", columns="curve", values="loss"
    )
    np.testing.assert_allclose(losses["mean"], np.log(num_classes))
    np.testing.assert_allclose(losses["sum"], losses.index * np.log(num_classes))
    at_k = frames.plateaus(100).groupby("curve", sort=False)["loss"].max().tolist()
    assert at_k == pytest.approx([np.log(100), np.log(1 + 99 / math.e)])


@pytest.mark.parametrize("num_classes", [2, 10])
def test_the_mean_of_k_binary_losses_hides_what_is_not_learned(num_classes: int) -> None:
    share = 1 / num_classes
    found = frames.averaged_bce(num_classes)
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert found["loss"] == pytest.approx(entropy)
    assert found["pull"] == pytest.approx((1 - share) / num_classes)
    assert found["pull of CCE"] == pytest.approx(1 - share)
    assert frames.share_right_by_saying_no(num_classes) == pytest.approx(1 - share)


def test_the_more_classes_the_better_the_mean_of_binary_losses_looks() -> None:
    curves = frames.averaged_losses(100)
    table = curves.pivot_table(index="classes", columns="curve", values="loss")
    np.testing.assert_allclose(table["CCE"], np.log(table.index))
    assert table["mean of K binary losses"].is_monotonic_decreasing
    assert table["mean of K binary losses"].loc[10] == frames.averaged_bce(10)["loss"]


def test_the_end_of_a_curve_is_marked_where_it_is() -> None:
    end = (101.5, "from here on: inf")
    spec = right_and_wrong(frames.naive_curves(3), "gap", "Gap", end=end).to_dict()
    rule, words = spec["vconcat"][1]["layer"][1:3]
    assert spec["datasets"][rule["data"]["name"]] == [{"gap": 101.5}]
    assert words["encoding"]["text"]["value"] == "from here on: inf"


def test_the_textbook_ends_where_a_probability_becomes_zero() -> None:
    curves = frames.naive_curves(10)
    of_core, of_textbook = (curves[curves["curve"] == name] for name in ("core", "textbook"))
    assert of_core["gap"].max() == frames.FARTHEST
    np.testing.assert_allclose(of_core["loss"].iloc[-1], frames.FARTHEST + np.log(9), rtol=1e-6)
    last = of_textbook["gap"].max()
    step = np.diff(of_core["gap"])[0]
    after = frames.naive_logits(10, np.array([last + step]))
    assert np.isinf(naive.cce(after, [0])).all()
    assert np.isfinite(categorical_cross_entropy(after, [0])).all()


def test_two_sigmoids_win_at_once() -> None:
    both = frames.two_winners(10)
    sums = both.groupby("activation")["probability"].sum()
    assert sums["softmax"] == pytest.approx(1)
    assert sums["sigmoid"] > 2
    assert ((both["activation"] == "sigmoid") & (both["probability"] > 0.5)).sum() == 2


def test_the_right_curve_is_drawn_first_and_solid() -> None:
    spec = right_and_wrong(frames.naive_curves(3), "gap", "Gap").to_dict()
    lines = spec["vconcat"][1]["layer"][0]["encoding"]
    assert lines["color"]["scale"]["domain"] == ["core", "textbook"]
    assert lines["strokeDash"]["scale"]["range"] == [[1, 0], [5, 4]]
    assert lines["x"]["title"] == "Gap"


@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_the_page_shows_the_numbers_of_core(num_classes: int) -> None:
    page = open_page("mistakes")
    if num_classes != 10:
        page.slider(key="classes").set_value(num_classes).run()
    assert not page.exception
    floor, plateau = frames.floor("sigmoid_cce", num_classes), np.log(num_classes)
    text = " ".join(element.value for element in page.markdown)
    assert text.count(f"starts at ln K = {plateau:.3f} and never falls below **{floor:.3f}**") == 2
    assert f"at 32 rows **{32 * plateau:.2f}**" in text
    formulas = [element.value for element in page.latex]
    wanted = f"\\ln\\left(1 + \\frac{{{num_classes} - 1}}{{e}}\\right) = {floor:.3f}}}"
    assert all(wanted in formula for formula in formulas[:2])
    assert f"tfrac{{1}}{{{num_classes}}}" in formulas[2]
    assert f"{frames.averaged_bce(num_classes)['loss']:.3f}" in formulas[2]
    assert f"\\ln {num_classes} = {plateau:.3f}" in formulas[2]
    assert metrics(page) == [
        f"{1 - 1 / num_classes:.1%}",
        f"{frames.averaged_bce(num_classes)['loss']:.3f}",
        f"{plateau:.3f}",
    ]
    assert len(page.get("vega_lite_chart")) == len(MISTAKES)
    links = [link.proto.url for link in page.get("link_button")]
    assert links == [mistake.link(num_classes) for mistake in MISTAKES]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
def test_the_fix_is_code_and_the_link_opens_a_page(mistake) -> None:
    assert ast.dump(ast.parse(mistake.wrong)) != ast.dump(ast.parse(mistake.right))
    link = urlsplit(mistake.link(10))
    query = {key: values[0] for key, values in parse_qs(link.query).items()}
    if link.path == "precision":
        # Another page's own test opens it.
        assert query == {"function": "CCE", "logit": "-110"}
        return
    page = open_page(link.path, **query)
    assert not page.error
    assert page.get("vega_lite_chart")
    if "second" in query:
        assert page.selectbox(key="second").value == query["second"]
    if "logits" in query:
        assert page.text_input(key="logits").value == query["logits"]
        assert len(parse_logits(query["logits"])) > 1
    if "rate" in query:
        assert page.number_input(key="rate").value == float(query["rate"])


def gradient_at_the_true_class(chain, logits: np.ndarray) -> float:
    """Return |dL/dz| at class 0 of a loss written out, by central differences."""
    step = np.zeros(len(logits))
    step[0] = 1e-5
    return abs(chain(logits + step) - chain(logits - step)) / 2e-5


@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_the_pulls_are_the_slopes_of_the_losses(num_classes: int) -> None:
    def soft(z: np.ndarray) -> np.ndarray:
        return np.exp(z) / np.exp(z).sum()

    chains = {
        "softmax_cce": lambda z: -np.log(soft(z)[0]),
        "softmax_twice_cce": lambda z: -np.log(soft(soft(z))[0]),
        "sigmoid_cce": lambda z: -np.log(soft(1 / (1 + np.exp(-z)))[0]),
    }
    wrong = np.full(num_classes, -frames.SURE / 2)
    wrong[1] += frames.SURE
    for head, chain in chains.items():
        found = frames.pulls(head, num_classes)
        untrained = gradient_at_the_true_class(chain, np.zeros(num_classes))
        assert found["untrained"] == pytest.approx(untrained, rel=1e-6)
        assert found["wrong"] == pytest.approx(
            gradient_at_the_true_class(chain, wrong), rel=1e-4, abs=1e-9
        )
    # What the words say of them.
    once, twice, sigmoids = (
        frames.pulls(head, num_classes)["untrained"]
        for head in ("softmax_cce", "softmax_twice_cce", "sigmoid_cce")
    )
    assert twice == pytest.approx(once / num_classes)
    assert sigmoids == pytest.approx(once / 4)


def test_the_constants_in_more_words_are_what_they_are_called() -> None:
    assert frames.untrained_bce() == pytest.approx(math.log(2))
    # In float32 1 + e^−x is rounded to 1 where e^−x is at most 2^−24.
    assert frames.where_sigmoid_is_one(np.float32) == pytest.approx(24 * math.log(2), abs=0.02)
    assert frames.lopsided_plateau(2) == pytest.approx(math.log(2))
    assert frames.lopsided_plateau(10) == pytest.approx(math.log(2) + 0.5 * math.log(9))
    for num_classes in (2, 10, 100):
        fall = frames.plateau(num_classes) - frames.floor("softmax_twice_cce", num_classes)
        assert 0 < fall < 1


@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_each_mistake_says_more_on_request_with_numbers_of_core(num_classes: int) -> None:
    page = open_page("mistakes", classes=str(num_classes))
    opens, closes = "<details><summary>More</summary>\n\n", "\n\n</details>"
    texts = [
        each.value.removeprefix(opens).removesuffix(closes).strip()
        for each in page.markdown
        if each.value.startswith(opens)
    ]
    assert texts == [mistake.more(num_classes).strip() for mistake in MISTAKES]
    plateau, floor = np.log(num_classes), np.log(1 + (num_classes - 1) / math.e)
    twice, sigmoid_first, one_hot, exclusive, zero, stuck, summed = texts
    assert f"From {plateau:.3f} to {floor:.3f}, by\n{plateau - floor:.3f} nats" in twice
    assert f"probability of {math.exp(-floor):.3f}" in twice
    assert f"the floor is\n{np.log(1 + 1 / math.e):.3f}" in sigmoid_first
    assert f"ln 2 = {math.log(2):.3f}" in one_hot
    assert f"−{math.log(99):.2f} for π = 0.01" in one_hot
    assert "sum to" in exclusive
    assert f"exceeds\n{7 * math.log(10):.1f}" in zero
    assert f"log2 K = {math.log2(num_classes):.3f}" in stuck
    assert f"{32 * plateau:.2f} at 32 rows" in summed


@pytest.mark.parametrize("num_classes", [2, 3, 100])
def test_what_is_live_has_as_many_classes(num_classes: int) -> None:
    one_hot, exclusive = (
        open_page(link.path, **{key: values[0] for key, values in parse_qs(link.query).items()})
        for link in (urlsplit(MISTAKES[i].link(num_classes)) for i in (2, 3))
    )
    texts = [page.text_input(key="logits").value or "" for page in (one_hot, exclusive)]
    logits = [parse_logits(text) for text in texts]
    assert [len(each) for each in logits] == [num_classes] * 2
    assert 1 / (1 + np.exp(-logits[0])) == pytest.approx(1 / num_classes, rel=1e-3)
    # The loss of the card, there as a sum.
    loss = num_classes * frames.averaged_bce(num_classes)["loss"]
    assert float(metrics(one_hot)[0]) == pytest.approx(loss, rel=1e-3)


def test_the_read_out_names_the_place_it_stands_at() -> None:
    losses = frames.batch_losses(10)
    drawn = to_svg(right_and_wrong(losses, "rows", "Rows in the batch", "log", "log"))
    assert f">Rows {losses['rows'].max()}<" in drawn
