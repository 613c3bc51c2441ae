"""Colours and files of every chart.

The colours are those of Okabe and Ito (2008), "Color Universal Design", that also stand out from
both a white and a near-black background.
"""

from __future__ import annotations

import threading
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
GREY = "#808080"
SKY = "#56B4E9"
YELLOW = "#F0E442"

# Of a log scale's lines those that have a number: the others are a grey haze.
LABELLED_ONLY: dict[str, Any] = {
    "condition": {"test": "datum.label !== ''", "value": 1},
    "value": 0.15,
}

SERIES = (BLUE, VERMILLION, GREEN, PURPLE, GREY)


# Altair's way with data and its theme are the same for all threads.
_lock = threading.Lock()


def to_spec(chart: alt.TopLevelMixin) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return the chart as Vega-Lite, and its tables by the names that it has for them.

    Tables are named by their places: a chart of other numbers is the same but for its tables.
    """
    tables: dict[str, pd.DataFrame] = {}

    def named(data: Any) -> dict[str, str]:
        held = next((name for name, table in tables.items() if table is data), None)
        name = held or f"table {len(tables)}"
        tables[name] = data
        return {"name": name}

    with _lock:
        alt.data_transformers.register("named", named)
        with alt.data_transformers.enable("named"), alt.theme.enable("none"):
            spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec, tables


def to_html(chart: alt.TopLevelMixin) -> str:
    """Return a page that shows the chart, with its interaction, without internet."""
    with _lock:
        html: str = chart.to_html(inline=True)
    return html


def to_svg(chart: alt.TopLevelMixin) -> str:
    """Return the chart as a picture, 640 wide where no width is its own."""
    svg: str = vl_convert.vegalite_to_svg(_of_fixed_width(chart))
    return svg


def to_png(chart: alt.TopLevelMixin) -> bytes:
    """Return the chart as a picture, at twice the pixels of `to_svg`."""
    png: bytes = vl_convert.vegalite_to_png(_of_fixed_width(chart), scale=2)
    return png


def _of_fixed_width(chart: alt.TopLevelMixin) -> dict[str, Any]:
    with _lock:
        spec: dict[str, Any] = chart.to_dict()
    is_one = not {"hconcat", "vconcat", "concat", "facet", "repeat"} & spec.keys()
    for part in [spec] if is_one else spec.get("vconcat", []):
        if part.get("width", "container") == "container":
            part["width"] = 640
    return spec
