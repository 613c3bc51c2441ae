"""The parts of a cross-entropy, and where it is least."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from dashboard.charts.bars import MAX_LABELLED, ROOM
from dashboard.frames.common import written
from experiments.charts.plot import Plot, first, template

OPTIMUM_COLUMNS = ("probability", "target", "optimum")


def stacked_parts(frame: pd.DataFrame, names: dict[str, str], colours: list[str]) -> Plot:
    """Draw entropy and divergence stacked to the cross-entropy, a bar for each unit.

    Parameters
    ----------
    frame : DataFrame
        Columns unit, part and value; the parts of a unit follow each other.
    names : dict
        Part → what the legend calls it, in the order of the stack.
    colours : list
        Of the parts.
    """
    units = tuple(dict.fromkeys(frame["unit"]))
    # Numbers alone place the parts: a part of 0 has its label left out, not on the other's.
    values = frame["value"].to_numpy().reshape(len(units), -1)
    ends = values.cumsum(axis=1)
    sums = ends[:, -1]
    return _stacked_parts(
        {
            **frame,
            "part": [names[part] for part in frame["part"]],
            "start": (ends - values).ravel(),
            "end": ends.ravel(),
        },
        {
            "unit": units,
            "value": sums,
            "text": [
                f"{written(value, 4)} {unit}" for unit, value in zip(units, sums, strict=True)
            ],
            "end": np.full(len(units), (float(sums.max()) or 1.0) * 1.3),
        },
        units=units,
        names=tuple(names.values()),
        colours=tuple(colours),
    )


@template
def _stacked_parts(
    parts: pd.DataFrame,
    totals: pd.DataFrame,
    units: tuple[str, ...],
    names: tuple[str, ...],
    colours: tuple[str, ...],
) -> alt.LayerChart:
    y = alt.Y("unit:N", title=None, sort=units)
    bars = (
        alt.Chart(parts)
        .mark_bar()
        .encode(
            y=y,
            x=alt.X(
                "start:Q",
                title="Cross-entropy",
                scale=alt.Scale(domainMin=0, domainMax=first("totals", "end"), nice=False),
            ),
            x2="end:Q",
            color=alt.Color(
                "part:N",
                title=None,
                sort=names,
                scale=alt.Scale(domain=names, range=colours),
                legend=alt.Legend(orient="top", columns=1, labelLimit=320),
            ),
            tooltip=["unit:N", "part:N", alt.Tooltip("value:Q", format=".4g")],
        )
    )
    texts = (
        alt.Chart(totals)
        .mark_text(align="left", dx=4)
        .encode(y=y, x=alt.X("value:Q"), text="text:N")
    )
    return alt.LayerChart(layer=[bars, texts]).properties(height=alt.Step(36))


def optimum_bars(frame: pd.DataFrame, bar: str, colours: dict[str, str]) -> Plot:
    """Draw the softmax as bars, with marks for the target and for where the loss is least.

    Parameters
    ----------
    frame : DataFrame
        Columns class, target, optimum and probability.
    bar : str
        Colour of the bars.
    colours : dict
        What the legend calls target and optimum → colour, in that order.
    """
    named = {
        **frame,
        **{name: frame[old] for name, old in zip(colours, OPTIMUM_COLUMNS[1:], strict=True)},
    }
    return _optimum_bars(
        named, bar=bar, colours=tuple(colours.items()), is_labelled=len(frame) <= MAX_LABELLED
    )


@template
def _optimum_bars(
    classes: pd.DataFrame, bar: str, colours: tuple[tuple[str, str], ...], is_labelled: bool
) -> alt.LayerChart:
    names, range_ = zip(*colours, strict=True)
    y = alt.Y(
        "class:N", title=None, sort=None, axis=alt.Axis(labelLimit=120) if is_labelled else None
    )
    x = alt.X(
        "probability:Q",
        title="Probability (bars: the softmax now)",
        scale=alt.Scale(domain=[0, ROOM], nice=False),
        axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format="~g"),
    )
    tooltip = ["class:N", *(alt.Tooltip(f"{name}:Q", format=".4f") for name in OPTIMUM_COLUMNS)]
    bars = alt.Chart(classes).mark_bar(color=bar, opacity=0.45).encode(y=y, x=x, tooltip=tooltip)
    marks = (
        alt.Chart(classes)
        .transform_fold(list(names), as_=["mark", "at"])
        .mark_tick(thickness=4, opacity=1)
        .encode(
            y=y,
            x="at:Q",
            color=alt.Color(
                "mark:N",
                title=None,
                sort=names,
                scale=alt.Scale(domain=names, range=range_),
                legend=alt.Legend(orient="top", symbolType="square", symbolSize=100),
            ),
            # Where both stand on one place, both are seen.
            size=alt.Size(
                "mark:N", sort=names, scale=alt.Scale(domain=names, range=[24, 12]), legend=None
            ),
            tooltip=tooltip,
        )
    )
    height = alt.Step(28) if is_labelled else 480
    return alt.LayerChart(layer=[bars, marks]).properties(height=height)
