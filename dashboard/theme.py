"""What has which colour on every page: sigmoid with its BCE, softmax with its CCE."""

import streamlit as st

from experiments.charts import style

SIGMOID = BCE = style.BLUE
SOFTMAX = CCE = style.VERMILLION


def ink() -> str:
    """Return the colour of words and marks in charts, which do not follow the theme themselves."""
    return "#d5d6dc" if st.context.theme.type == "dark" else "#31333f"
