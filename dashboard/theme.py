"""What has which colour on every page: sigmoid with its BCE, softmax with its CCE."""

import streamlit as st

from experiments.charts import style

SIGMOID = BCE = style.BLUE
SOFTMAX = CCE = style.VERMILLION
MARK = style.GREY


def ink() -> str:
    """Return the colour of text inside charts, which the theme does not reach."""
    return "#edebe8" if st.context.theme.type == "dark" else "#2f2d2b"
