import re

import altair as alt
import numpy as np
import pandas as pd
import pytest

from dashboard import theme
from dashboard.charts.bars import activation_comparison, probability_bars, term_bars
from dashboard.charts.curves import entropy_against_temperature, loss_curves_chart
from dashboard.frames.activations import activations, entropy_curve
from dashboard.frames.losses import loss_curves, loss_terms, probability_curves
from experiments.charts import style

LOGITS = np.array([2.0, -1.0, 0.5])


def test_bars_share_their_scale_and_carry_their_values() -> None:
    terms = loss_terms(LOGITS, 0)
    for chart, most in (
        (term_bars(terms[terms["loss"] == "CCE"], "#000", 3.0), 3.0),
        (probability_bars(activations(LOGITS, 1.0).head(3), "#000"), 1),
    ):
        spec = chart.to_dict()
        bars, values = spec["layer"]
        scale = bars["encoding"]["x"]["scale"]
        assert (scale["domainMin"], scale["domainMax"]) == (0, {"expr": "data('bars')[0]['end']"})
        assert spec["datasets"]["bars"][0]["end"] > most
        assert values["encoding"]["text"]["field"] == "value"


def test_an_infinite_term_is_drawn_and_written() -> None:
    terms = loss_terms(np.array([np.inf, 1.0, 0.0]), 1)
    spec = term_bars(terms[terms["loss"] == "CCE"], "#000", 3.0).to_dict()
    drawn = next(iter(spec["datasets"].values()))
    assert [(row["length"], row["value"]) for row in drawn] == [
        (0, "left out: target 0"),
        (3.0, "∞"),
        (0, "left out: target 0"),
    ]


@pytest.mark.parametrize("num_classes", [31, 1000])
def test_many_classes_fit_on_a_page(num_classes: int) -> None:
    frame = activations(np.zeros(num_classes), 1.0).head(num_classes)
    spec = probability_bars(frame, "#000").to_dict()
    assert spec["height"] <= 600
    assert len(spec["layer"]) == 1


def test_curves_mark_where_things_stand_and_read_out_there() -> None:
    colours = {"CCE": "#000", "BCE, target 1": "#111", "BCE, target 0": "#111"}
    curves = loss_curves(LOGITS, 0)
    spec = loss_curves_chart(curves, probability_curves(LOGITS, 0), 2.0, colours).to_dict()
    table, *panels = spec["vconcat"]
    rows = spec["datasets"][panels[0]["layer"][0]["data"]["name"]]
    assert [(row["logit"], row["curve"]) for row in rows if row["now"]] == [
        (2.0, name) for name in curves["curve"].unique()
    ]
    # One selection for all charts, and none that the server hears of.
    (hover,) = spec["params"]
    assert hover["views"] == [panel["layer"][-1]["name"] for panel in panels]
    assert len(panels) == 3
    assert {len(rows) for rows in spec["datasets"].values()} <= set(range(5001))
    texts = [layer["encoding"]["text"].get("field") for layer in table["layer"][1:]]
    assert {"curve", "probability", "loss", "bits", "gradient"} <= set(texts)

    dashes = panels[0]["layer"][0]["encoding"]["strokeDash"]["scale"]
    dashed = [name for name, dash in zip(dashes["domain"], dashes["range"], strict=True) if dash[1]]
    assert dashed == ["BCE, target 0"]


def test_small_numbers_of_the_table_are_short() -> None:
    colours = {"CCE": "#000", "BCE, target 1": "#111", "BCE, target 0": "#111", "Focal": "#222"}
    logits = np.array([4.0, 1.0, 0.5, -1.0])
    curves = loss_curves(logits, 0)
    chart = loss_curves_chart(curves, probability_curves(logits, 0), 4.0, colours)
    written = re.findall(r">([^<>]+)</text>", style.to_svg(chart))
    focal = curves[(curves["curve"] == "Focal") & (curves["logit"] == 4)]["loss"].item()
    assert f"{focal:.1e}".replace("e-0", "e-") in written
    assert max(len(each) for each in written if each.startswith("0.")) <= len("0.00928")


def test_the_entropy_is_drawn_against_the_logarithm_of_the_temperature() -> None:
    curve = entropy_curve(LOGITS, 0.1, 10, 2.5)
    assert 2.5 in set(curve["temperature"])
    spec = entropy_against_temperature(curve, 2.5, 1.6, "#000").to_dict()
    assert spec["vconcat"][1]["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"


def test_the_comparison_names_both_activations() -> None:
    spec = activation_comparison(
        activations(LOGITS, 1.0), {"sigmoid": "#000", "softmax": "#111"}
    ).to_dict()
    assert spec["layer"][0]["encoding"]["color"]["scale"] == {
        "domain": ["sigmoid", "softmax"],
        "range": ["#000", "#111"],
    }


@pytest.mark.parametrize("name", ["light", "dark"])
def test_a_file_of_a_chart_has_the_ink_and_the_paper_of_the_theme(name: str) -> None:
    chart = alt.Chart(pd.DataFrame({"x": [1.0]})).mark_bar().encode(x="x")
    svg = style.to_svg(theme.on_paper(chart, name))
    assert f'fill="{theme.PAPER[name]}"' in svg
    assert f'fill="{theme.INK[name]}"' in svg
    assert style.to_png(theme.on_paper(chart, name)).startswith(b"\x89PNG")


def test_a_picture_takes_a_font_that_has_the_letters_of_the_formulas() -> None:
    chart = alt.Chart(pd.DataFrame({"says": ["KL(p‖q)"]})).mark_text().encode(text="says:N")
    svg = style.to_svg(theme.on_paper(chart, "light"))
    fonts = set(re.findall(r'font-family="([^"]+)"', svg))
    assert fonts == {style.FONT.replace('"', "&quot;")}
    assert "KL(p‖q)" in svg


@pytest.mark.parametrize("name", ["light", "dark"])
def test_points_on_a_plane_have_a_rim_like_the_page(name: str) -> None:
    points = alt.Chart(pd.DataFrame({"x": [1.0]})).mark_point(filled=True, style=style.ON_PAPER)
    svg = style.to_svg(theme.on_paper(points.encode(x="x:Q"), name))
    assert f'stroke="{theme.PAPER[name]}"' in svg
