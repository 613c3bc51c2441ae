"""The dashboard as it is served: `streamlit run dashboard/app.py`."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from dashboard.serving import Sooner, opened

app = st.App(
    Path(__file__).with_name("navigation.py"), middleware=[Middleware(Sooner)], lifespan=opened
)
