"""How charts look on every page: sigmoid and its BCE in one colour, softmax and its CCE in another.

Words and marks in a chart do not follow the page's theme by themselves.
"""

from typing import Any

import altair as alt
import streamlit as st

from experiments.charts import style

SIGMOID = BCE = style.BLUE
SOFTMAX = CCE = style.VERMILLION
INK = {"light": "#31333f", "dark": "#d5d6dc"}
# Around a chart. Streamlit leaves 20 pixels under it where nothing is said.
PADDING = {"left": 0, "top": 0, "right": 0, "bottom": 2}
# What the page itself looks like: a file of a chart has no page behind it.
PAPER = {"light": "#ffffff", "dark": "#171614"}
GRID = {"light": "#e6eaf1", "dark": "#2f333d"}


def draw(chart: alt.TopLevelMixin, says: str) -> None:
    """Show a chart in the ink of the theme; `says` is its alternative text."""
    ink = INK[of_viewer()]
    spec, tables = style.to_spec(chart)
    spec["padding"] = PADDING
    spec["config"] = {
        **spec.get("config", {}),
        "axis": {"labelColor": ink, "titleColor": ink},
        "legend": {"labelColor": ink},
        "text": {"color": ink},
        "rule": {"color": ink},
    }
    st.vega_lite_chart(spec={**spec, "datasets": tables}, width="stretch", alt=says)


def of_viewer() -> str:
    """Return light or dark, as the viewer has the page."""
    return st.context.theme.type or "light"


def on_paper(chart: alt.TopLevelMixin, theme: str) -> alt.TopLevelMixin:
    """Return a chart that looks in a file as it does on a page in the theme, light or dark."""
    ink, grid = INK[theme], GRID[theme]
    words: dict[str, Any] = {"labelColor": ink, "titleColor": ink, "titleFontWeight": "normal"}
    sizes: dict[str, Any] = {"labelFontSize": 12, "titleFontSize": 14}
    return chart.configure(
        background=PAPER[theme],
        padding=16,
        axis=alt.AxisConfig(
            **words, **sizes, gridColor=grid, domain=False, ticks=False, labelPadding=8
        ),
        axisBand=alt.AxisConfig(grid=False),
        legend=alt.LegendConfig(**words, labelFontSize=14, titleFontSize=14),
        title=alt.TitleConfig(color=ink),
        header=alt.HeaderConfig(**words, **sizes),
        view=alt.ViewConfig(stroke=None),
        text=alt.MarkConfig(color=ink),
        rule=alt.MarkConfig(color=ink),
    )
