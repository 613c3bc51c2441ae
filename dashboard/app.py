"""Navigation, and nothing else."""

from pathlib import Path

import streamlit as st

from dashboard.state import keep_logits

# A file: the browser would fetch the picture of an icon's name from the internet.
ICON = Path(__file__).parent / "icon.svg"

st.set_page_config(page_title="Cross-Entropy Lab", page_icon=ICON, layout="wide")

page = st.navigation(
    [
        st.Page("views/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("views/activations.py", title="Activations", icon=":material/bar_chart:"),
        st.Page("views/losses.py", title="Losses", icon=":material/show_chart:"),
        st.Page("views/runs.py", title="Runs", icon=":material/model_training:"),
    ]
)
keep_logits(page.url_path)
page.run()
