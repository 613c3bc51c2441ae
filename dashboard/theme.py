"""How charts look on every page: sigmoid and its BCE in one colour, softmax and its CCE in another.

Words and marks in a chart do not follow the page's theme by themselves.
"""

from typing import Any

import altair as alt
import streamlit as st

from experiments.charts import style
from experiments.charts.plot import Plot, plot_of

SIGMOID = BCE = style.BLUE
SOFTMAX = CCE = style.VERMILLION
INK = {"light": "#31333f", "dark": "#d5d6dc"}
# Around a chart. Streamlit leaves 20 pixels under it where nothing is said.
PADDING = {"left": 0, "top": 0, "right": 0, "bottom": 2}
# What the page itself looks like: a file of a chart has no page behind it.
PAPER = {"light": "#ffffff", "dark": "#171614"}
GRID = {"light": "#e6eaf1", "dark": "#2f333d"}


def draw(chart: alt.TopLevelMixin | Plot, says: str) -> None:
    """Show a chart in the ink of the theme; `says` is its alternative text."""
    ink = INK[of_viewer()]
    plot = plot_of(chart)
    spec = {
        **plot.spec,
        "padding": PADDING,
        "config": {
            **plot.spec.get("config", {}),
            # Words for each point take a fifth of the time; `says` is for the whole.
            "aria": False,
            # Or a group of marks in an SVG would be a picture without a name.
            "mark": {"aria": False},
            "axis": {"labelColor": ink, "titleColor": ink},
            "legend": {"labelColor": ink},
            "text": {"color": ink},
            "rule": {"color": ink},
            "style": _styles(of_viewer()),
        },
        "datasets": dict(plot.tables),
    }
    st.vega_lite_chart(spec=spec, width="stretch", alt=says)


def of_viewer() -> str:
    """Return light or dark, as the viewer has the page."""
    return st.context.theme.type or "light"


def on_paper(chart: alt.TopLevelMixin | Plot, theme: str) -> Plot:
    """Return a chart that looks in a file as it does on a page in the theme, light or dark."""
    ink, grid = INK[theme], GRID[theme]
    words: dict[str, Any] = {"labelColor": ink, "titleColor": ink, "titleFontWeight": "normal"}
    sizes: dict[str, Any] = {"labelFontSize": 12, "titleFontSize": 14}
    plot = plot_of(chart)
    config = {
        **plot.spec.get("config", {}),
        "background": PAPER[theme],
        "padding": 16,
        "axis": {
            **words,
            **sizes,
            "gridColor": grid,
            "domain": False,
            "ticks": False,
            "labelPadding": 8,
        },
        "axisBand": {"grid": False},
        "legend": {**words, "labelFontSize": 14, "titleFontSize": 14},
        "title": {"color": ink},
        "header": {**words, **sizes},
        "view": {"stroke": None},
        "text": {"color": ink},
        "rule": {"color": ink},
        "style": _styles(theme),
    }
    return Plot({**plot.spec, "config": config}, plot.tables)


def _styles(theme: str) -> dict[str, Any]:
    # Points on a coloured ground stand out by a rim like the page.
    return {style.ON_PAPER: {"stroke": PAPER[theme]}}
