"""How charts look on every page: sigmoid and its BCE in one colour, softmax and its CCE in another.

Words and marks in a chart do not follow the page's theme by themselves.
"""

import altair as alt
import streamlit as st

from experiments.charts import style

SIGMOID = BCE = style.BLUE
SOFTMAX = CCE = style.VERMILLION
INK = {"light": "#31333f", "dark": "#d5d6dc"}
# Around a chart. Streamlit leaves 20 pixels under it where nothing is said.
PADDING = {"left": 0, "top": 0, "right": 0, "bottom": 2}


def draw(chart: alt.TopLevelMixin, says: str) -> None:
    """Show a chart in the ink of the theme; `says` is its alternative text."""
    ink = INK[st.context.theme.type or "light"]
    spec, tables = style.to_spec(chart)
    spec["padding"] = PADDING
    spec["config"] = {
        **spec.get("config", {}),
        "axis": {"labelColor": ink, "titleColor": ink},
        "legend": {"labelColor": ink},
        "text": {"color": ink},
        "rule": {"color": ink},
    }
    # Where the spec is what it was, the browser keeps the picture and swaps its tables.
    st.vega_lite_chart(spec={**spec, "datasets": tables}, width="stretch", alt=says)
