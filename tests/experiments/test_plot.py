"""A chart is made once for each shape, and its numbers are those of the tables."""

from __future__ import annotations

import re

import altair as alt
import pandas as pd
import pytest

from experiments.charts import style
from experiments.charts.plot import Plot, first, plot_of, template

made: list[str] = []


@template
def _bars(bars: pd.DataFrame, colour: str) -> alt.Chart:
    made.append(colour)
    scale = alt.Scale(domainMin=0, domainMax=first("bars", "end"), nice=False)
    return alt.Chart(bars).mark_bar(color=colour).encode(x=alt.X("length:Q", scale=scale), y="name")


def _frame(*lengths: float) -> pd.DataFrame:
    names = [f"bar {i}" for i in range(len(lengths))]
    return pd.DataFrame({"name": names, "length": lengths, "end": 2 * max(lengths)})


def test_other_numbers_take_no_other_chart_and_another_shape_does() -> None:
    made.clear()
    some, more = _bars(_frame(1.0, 2.0), colour="red"), _bars(_frame(5.0, 7.0, 9.0), colour="red")
    assert some.spec is more.spec
    assert made == ["red"]
    assert more.tables["bars"]["length"].to_pylist() == [5, 7, 9]

    whole_numbers = _frame(1.0, 2.0).astype({"length": int})
    assert _bars(whole_numbers, colour="red").spec is not some.spec
    assert _bars(_frame(1.0), colour="blue").spec is not some.spec


def test_it_is_the_chart_that_the_same_numbers_give_when_it_is_made_for_them() -> None:
    frame = _frame(1.0, 2.5)
    plain = (
        alt.Chart(frame)
        .mark_bar(color="red")
        .encode(x=alt.X("length:Q", scale=alt.Scale(domain=[0, 5.0])), y="name")
    )
    _bars(_frame(40.0), colour="red")
    widths = [
        re.findall(r"M[\d.,]+h([\d.]+)v", style.to_svg(chart))
        for chart in (_bars(frame, colour="red"), plain)
    ]
    assert widths[0] == widths[1] != []


def test_what_is_drawn_cannot_hang_on_a_number() -> None:
    seen = []

    @template
    def curious(bars: pd.DataFrame) -> alt.Chart:
        seen.append(bars)
        return alt.Chart(bars).mark_point().encode(x="length:Q")

    curious(_frame(3.0, 4.0))
    assert [(len(bars), list(bars)) for bars in seen] == [(0, ["name", "length", "end"])]


def test_a_table_of_its_own_is_refused() -> None:
    @template
    def derived(bars: pd.DataFrame) -> alt.Chart:
        return alt.Chart(bars.assign(half=bars["length"] / 2)).mark_point().encode(x="half:Q")

    with pytest.raises(TypeError, match="expected a chart of bars, got one of name, length, end"):
        derived(_frame(1.0))


def test_rows_written_in_a_chart_stay_in_it() -> None:
    @template
    def titled(bars: pd.DataFrame) -> alt.LayerChart:
        title = alt.Chart(alt.InlineData([{"says": "a title"}])).mark_text().encode(text="says:N")
        return alt.Chart(bars).mark_point().encode(x="length:Q") + title

    plot = titled(_frame(1.0))
    assert list(plot.tables) == ["bars"]
    assert ">a title</text>" in style.to_svg(plot)
    # Others have their rows gathered as before.
    assert len(alt.Chart(_frame(1.0)).mark_point().encode(x="length").to_dict()["datasets"]) == 1


def test_a_chart_of_its_own_has_tables_by_their_places() -> None:
    frame = _frame(1.0)
    layers = [alt.Chart(each).mark_point().encode(x="length") for each in (frame, frame * 1)]
    plot = plot_of(alt.layer(*layers, layers[0]))
    assert isinstance(plot, Plot)
    assert list(plot.tables) == ["table 0", "table 1"]
    assert [layer["data"]["name"] for layer in plot.spec["layer"]] == [
        "table 0", "table 1", "table 0",
    ]  # fmt: skip
