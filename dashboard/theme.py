"""How charts look on every page: sigmoid and its BCE in one colour, softmax and its CCE in another.

Words and marks in a chart do not follow the page's theme by themselves.
"""

import altair as alt
import streamlit as st

from experiments.charts import style

SIGMOID = BCE = style.BLUE
SOFTMAX = CCE = style.VERMILLION
INK = {"light": "#31333f", "dark": "#d5d6dc"}


def draw(chart: alt.TopLevelMixin, says: str) -> None:
    """Show a chart in the ink of the theme; `says` is its alternative text."""
    ink = INK[st.context.theme.type or "light"]
    inked = chart.configure(
        axis=alt.AxisConfig(labelColor=ink, titleColor=ink),
        legend=alt.LegendConfig(labelColor=ink),
        text=alt.MarkConfig(color=ink),
        rule=alt.MarkConfig(color=ink),
    )
    st.altair_chart(inked, width="stretch", alt=says)
