"""Curves that read out at the pointer: the charts of a figure follow it together, in the browser.

A figure has one table, a line per curve, and under it one chart or several. The table is the
legend too. Where no pointer is, it shows where things stand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from experiments.charts.plot import Columns

ROW = 20
# Of the table's width: where the numbers begin, beside the names or under them, and what a swatch
# takes of the names.
NAMES = 0.34
HEAD = 0.18
SWATCH = 0.07
# In pixels: what a letter takes, with some to spare, what a number does, and a table on a phone.
LETTER = 5
NUMBER = 10 * LETTER
PHONE = 320
# Of letters: what is longer is cut where it stands beside numbers.
LONGEST = 60
# What is less is written with an exponent.
SMALL = 0.001


@dataclass(frozen=True)
class Panel:
    """One chart of a figure.

    Parameters
    ----------
    x, y : alt.X, alt.Y
        Of columns that the figure's frame has.
    title : str
        What stands above it.
    height : int
        In pixels.
    lines : DataFrame or None
        What its lines are drawn from, where that is not the figure's frame.
    over : tuple of Chart
        Layers over the lines.
    """

    x: alt.X
    y: alt.Y
    title: str
    height: int = 200
    lines: pd.DataFrame | None = None
    over: tuple[alt.Chart, ...] = ()


def places(columns: Columns, by: str, current: float) -> dict[str, Any]:
    """Return the columns of a frame as `read_out` takes it.

    Parameters
    ----------
    columns : DataFrame or dict
        curve and `by`, and a row per curve and point.
    by : str
        The column that the charts share: the pointer chooses one of its values in all of them.
    current : float
        The value of `by` where things stand now, one that the frame has: marked in each chart,
        and what the table shows where no pointer is.

    Returns
    -------
    dict
        The same and two more: now, whether it is the row of a current value; and place, whether it
        is the first of its value.
    """
    values = np.asarray(columns[by])
    place = np.zeros(len(values), dtype=bool)
    place[np.unique(values, return_index=True)[1]] = True
    return {**columns, "now": values == current, "place": place}


def read_out(
    frame: pd.DataFrame,
    by: str,
    columns: Mapping[str, str],
    colours: Mapping[str, str],
    panels: Sequence[Panel],
    dashed: Collection[str] = (),
) -> alt.VConcatChart:
    """Draw curves in linked charts, over them a table of their values at the pointer.

    Parameters
    ----------
    frame : DataFrame
        Of `places`, with the columns of the table and the panels.
    by : str
        The column that the charts share.
    columns : dict
        Column → the head that the table gives it; the first is `by`, above the names.
    colours : dict
        Curve → colour, in the order of the table; the second of one colour is dashed.
    panels : sequence of Panel
    dashed : collection of str
        Curves that are dashed too.
    """
    looks = _colour_and_dash(colours, dashed)
    charts: list[alt.Chart | alt.LayerChart] = [_table(by, columns, list(colours), looks)]
    charts += [_panel(frame, by, panel, looks) for panel in panels]
    figure = alt.VConcatChart(
        data=frame,
        # Here and once: the browser looks for the rows to show each time that the pointer moves.
        # Where nothing is chosen, a test that takes that for everything lets those of now through.
        transform=[
            alt.FilterTransform(
                {
                    "and": [
                        {"param": "hover", "empty": True},
                        {"or": [{"param": "hover", "empty": False}, "datum.now"]},
                    ]
                }
            )
        ],
        vconcat=charts,
        spacing=12,
        # The width is that of the page, axes included.
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )
    # One selection for all: Altair has given the views their names by now.
    figure.params = [
        alt.TopLevelSelectionParameter(
            name="hover",
            select=alt.PointSelectionConfig(
                type="point", fields=[by], nearest=True, on="pointerover", clear="pointerout"
            ),
            views=[panel.layer[-1].name for panel in figure.vconcat[1:]],
        )
    ]
    return figure


def _table(
    by: str, columns: Mapping[str, str], names: Sequence[str], looks: dict[str, Any]
) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, 1], nice=False)
    y = alt.Y("curve:N", sort=names, title=None, axis=None)
    # A curve that has no value there still has its name.
    key = alt.InlineData([{"curve": name} for name in names])
    (_, first), *numbers = columns.items()
    parts = [i / len(numbers) for i in range(1, len(numbers) + 1)]
    is_longer = max(map(len, names)) > LONGEST
    name = LETTER * min(max(map(len, names)), LONGEST)
    # Long names have a line to themselves, over the numbers, where the table is narrow.
    is_above = name + NUMBER > PHONE * (NAMES + (1 - NAMES) * parts[0] - SWATCH)
    row, start = (2 * ROW - 4, HEAD) if is_above else (ROW, NAMES)
    width = "item.mark.group.width"
    is_narrow = f"{width} < {round((name + NUMBER * len(numbers)) / (1 - SWATCH))}"

    def off(pixels: float) -> dict[str, str] | float:
        return {"expr": f"{is_narrow} ? {pixels} : 0"} if is_above else 0.0

    def beside(part: float) -> dict[str, str] | float:
        # Where there is room for both in a line, the numbers share what the names leave.
        further = SWATCH + (1 - SWATCH) * part - (start + (1 - start) * part)
        moved = f"{further:.4g} * {width} + {name * (1 - part):.4g}"
        return {"expr": f"{is_narrow} ? 0 : {moved}"} if is_above else 0.0

    # A name that overflows would take its width from all charts of the figure. Where there is no
    # browser letters are taken for wider than they are, so that no other name has a limit.
    rest = f"({1 - SWATCH} * {width} - {name})"
    room = f"{is_narrow} ? {1 - SWATCH} * {width} : {name} + {rest} / {len(numbers)} - {NUMBER}"

    def at(place: float) -> alt.XDatum:
        return alt.XDatum(place, scale=scale, axis=None, title=None)

    text: dict[str, Any] = {"baseline": "middle", "fontSize": 11}
    layers: list[alt.Chart] = [
        _marks(
            "rule",
            {"strokeWidth": 3, "yOffset": off(3 - ROW / 2)},
            key,
            x=at(0.0),
            x2=alt.X2Datum(SWATCH - 0.02),
            y=y,
            **looks,
        ),
        _marks(
            "text",
            {
                "align": "left",
                "dy": off(3 - ROW / 2),
                **({"limit": {"expr": room}} if is_longer else {}),
                **text,
            },
            key,
            x=at(SWATCH),
            y=y,
            text=alt.Text("curve:N"),
        ),
        _marks(
            "text",
            {"align": "left", "fontWeight": "bold", **text},
            transform=[
                {"aggregate": [{"op": "count", "as": "of one place"}], "groupby": [by]},
                {"calculate": f"{first + ' '!r} + format(datum[{by!r}], '.4~g')", "as": "head"},
            ],
            x=at(0.0),
            y=alt.YValue(-ROW / 2),
            text=alt.Text("head:N"),
        ),
    ]
    for (column, head), part in zip(numbers, parts, strict=True):
        end = start + (1 - start) * part
        layers.append(
            _marks(
                "text",
                {"align": "right", "dx": beside(part), "dy": off(ROW / 2 - 3), **text},
                transform=[
                    {"filter": f"isValid(datum[{column!r}])"},
                    # On a phone the zeros of 0.000530 would run into the number before.
                    {
                        "calculate": f"abs(datum[{column!r}]) < {SMALL} && datum[{column!r}] !== 0 "
                        f"? format(datum[{column!r}], '.1e') : format(datum[{column!r}], '.3g')",
                        "as": column,
                    },
                ],
                x=at(end),
                y=y,
                text=alt.Text(f"{column}:N"),
            )
        )
        layers.append(
            _marks(
                "text",
                {"align": "right", "dx": beside(part), "fontWeight": "bold", **text},
                alt.InlineData([{"head": head}]),
                x=at(end),
                y=alt.YValue(-ROW / 2),
                text=alt.Text("head:N"),
            )
        )
    return alt.LayerChart(
        layer=layers, height=row * len(names), view=alt.ViewBackground(stroke=None)
    )


def _panel(frame: pd.DataFrame, by: str, panel: Panel, looks: dict[str, Any]) -> alt.LayerChart:
    return alt.LayerChart(
        layer=[
            _marks(
                "line",
                {"strokeWidth": 2.5},
                frame if panel.lines is None else panel.lines,
                x=panel.x,
                y=panel.y,
                **looks,
            ),
            *panel.over,
            _marks(
                "rule",
                {"strokeDash": [2, 3], "strokeWidth": 2},
                frame,
                transform=[{"filter": "datum.now && datum.place"}],
                x=panel.x,
            ),
            _marks("rule", {"opacity": 0.5}, transform=[{"filter": "datum.place"}], x=panel.x),
            _marks(
                "point",
                {"filled": True, "size": 60, "opacity": 1},
                x=panel.x,
                y=panel.y,
                color=looks["color"],
            ),
            # One point a place: the pointer is nearest to a place, wherever the curves are.
            _marks(
                "point",
                {"opacity": 0, "size": 1, "tooltip": None},
                frame,
                transform=[
                    {"filter": "datum.place"},
                    {"window": [{"op": "row_number", "as": "nth"}]},
                    {"calculate": f"{panel.height / 2} + (datum.nth % 2) / 1000", "as": "off"},
                ],
                name="places",
                # The marks of a place, and what the pointer meets around it, outlive its numbers.
                key=alt.Key(by),
                x=panel.x,
                # Off a straight line by less than is seen: Vega loses the nearest point on one.
                y=alt.Y("off:Q", axis=None, scale=None),
            ),
        ],
        height=panel.height,
        title=alt.Title(panel.title, anchor="start", frame="group", fontSize=13, offset=8),
    )


def _marks(
    kind: Literal["rule", "text", "line", "point"],
    looks: Mapping[str, Any],
    data: pd.DataFrame | alt.InlineData | None = None,
    transform: Sequence[Mapping[str, Any]] = (),
    name: str = "",
    **encoding: Any,
) -> alt.Chart:
    """Return a layer."""
    return alt.Chart(
        alt.Undefined if data is None else data,
        mark=alt.MarkDef(type=kind, **looks),
        encoding=alt.FacetedEncoding(**encoding),
        transform=[dict(each) for each in transform] or alt.Undefined,
        name=name or alt.Undefined,
    )


def _colour_and_dash(colours: Mapping[str, str], dashed: Collection[str]) -> dict[str, Any]:
    names, values = list(colours), list(colours.values())
    dashes = [
        [5, 4] if name in dashed or values[i] in values[:i] else [1, 0]
        for i, name in enumerate(names)
    ]
    return {
        "color": alt.Color(
            "curve:N", sort=names, scale=alt.Scale(domain=names, range=values), legend=None
        ),
        "strokeDash": alt.StrokeDash(
            "curve:N", sort=names, scale=alt.Scale(domain=names, range=dashes), legend=None
        ),
    }
