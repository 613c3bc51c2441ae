"""Colours and files of every chart.

The colours are those of Okabe and Ito (2008), "Color Universal Design", that also stand out from
both a white and a near-black background.
"""

from __future__ import annotations

import altair as alt
import vl_convert

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
GREY = "#808080"

SERIES = (BLUE, VERMILLION, GREEN, PURPLE, GREY)


def to_html(chart: alt.TopLevelMixin) -> str:
    """Return a page that shows the chart, with its interaction, without internet."""
    html: str = chart.to_html(inline=True)
    return html


def to_svg(chart: alt.TopLevelMixin) -> str:
    """Return the chart as a picture, 640 wide where it would fill its frame."""
    spec = chart.to_dict()
    if spec.get("width") == "container":
        spec["width"] = 640
    svg: str = vl_convert.vegalite_to_svg(spec)
    return svg
