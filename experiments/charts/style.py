"""Colours and files of every chart.

The colours are those of Okabe and Ito (2008), "Color Universal Design", that also stand out from
both a white and a near-black background.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import vl_convert
from altair.utils.html import INLINE_HTML_TEMPLATE

from experiments.charts.bundle import as_script, javascript
from experiments.charts.plot import ALTAIR, Plot

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

# The style of marks with a rim of the page's own colour.
ON_PAPER = "on paper"

# Of a chart in a file, where it has none of its own.
WIDTH = 640
# A width, axes included, that is the page's: JSON Patch of Vega.
_OF_PAGE = "max(240, containerSize()[0])"
FOLLOWS = {
    "op": "add",
    "path": "/signals/-",
    "value": {
        "name": "width",
        "init": _OF_PAGE,
        "on": [{"events": "window:resize", "update": _OF_PAGE}],
    },
}

# Of pictures: the page's own where it is installed, else one that has ∂, γ and ‖. For a letter that
# it lacks a picture takes any font, serifs included, and for the whole label.
FONT = '"Source Sans 3", "Source Sans Pro", "DejaVu Sans", "Noto Sans", "Segoe UI", sans-serif'

SERIES = (BLUE, VERMILLION, GREEN, PURPLE, GREY)


def to_html(chart: alt.TopLevelMixin) -> str:
    """Return a page that shows the chart, with its interaction, without internet."""
    return _page_of(_spec_of(chart))


def to_svg(chart: alt.TopLevelMixin | Plot) -> str:
    """Return the chart as a picture, 640 wide where no width is its own."""
    return _picture_of(_spec_of(chart))


def to_files(chart: alt.TopLevelMixin) -> tuple[str, str]:
    """Return what `to_html` and `to_svg` do, in little more than half of the time of both."""
    spec = _spec_of(chart)
    return _page_of(spec), _picture_of(spec)


def to_png(chart: alt.TopLevelMixin | Plot) -> bytes:
    """Return the chart as a picture, at twice the pixels of `to_svg`."""
    png: bytes = vl_convert.vegalite_to_png(_of_fixed_width(_spec_of(chart)), scale=2)
    return png


def _spec_of(chart: alt.TopLevelMixin | Plot) -> dict[str, Any]:
    if isinstance(chart, Plot):
        return chart.to_dict()
    with ALTAIR:
        # Against the schema of Vega-Lite it takes twice as long; the tests do that.
        spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec


def _page_of(spec: dict[str, Any]) -> str:
    options: dict[str, Any] = {"mode": "vega-lite"}
    if "vconcat" in spec:
        # Charts below each other can't be told to be as wide as the page: what they become can.
        spec = {**spec, "vconcat": [{**part, "width": WIDTH} for part in spec["vconcat"]]}
        options["patch"] = [{"op": "remove", "path": "/width"}, FOLLOWS]
    # As Altair does, which would make the script in each process and let a name end it.
    html: str = INLINE_HTML_TEMPLATE.render(
        spec=as_script(spec),
        embed_options=as_script(options),
        mode="vega-lite",
        vegalite_version=alt.VEGALITE_VERSION,
        output_div="vis",
        vegaembed_script=javascript(),
    )
    return html


def _picture_of(spec: dict[str, Any]) -> str:
    svg: str = vl_convert.vegalite_to_svg(_of_fixed_width(spec))
    return svg


def _of_fixed_width(spec: dict[str, Any]) -> dict[str, Any]:
    config = {"font": FONT, **spec.get("config", {})}
    if "vconcat" in spec:
        return {**spec, "vconcat": [_of_width(part) for part in spec["vconcat"]], "config": config}
    is_one = not {"hconcat", "concat", "facet", "repeat"} & spec.keys()
    return {**(_of_width(spec) if is_one else spec), "config": config}


def _of_width(part: dict[str, Any]) -> dict[str, Any]:
    has_its_own = part.get("width", "container") != "container"
    return part if has_its_own else {**part, "width": WIDTH}
