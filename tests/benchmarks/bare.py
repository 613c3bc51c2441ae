"""A bare Streamlit app: a field in a fragment, and a line chart for each size asked for."""

import json
import os

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

st.set_page_config(layout="wide")


@st.fragment
def draw() -> None:
    """Show the field, and charts that follow what it holds."""
    entered = st.text_input("Field", "1", key="field", live="0ms", bind="query-params")
    for points in json.loads(os.environ["BARE_POINTS"]):
        x = np.arange(points)
        frame = pd.DataFrame({"x": x, "y": np.sin(x + len(entered))})
        st.altair_chart(alt.Chart(frame).mark_line().encode(x="x", y="y"))


st.title("Bare")
draw()
