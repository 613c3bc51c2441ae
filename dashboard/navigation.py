"""Navigation, and nothing else."""

import sys
from functools import partial
from pathlib import Path

import streamlit as st

from dashboard import links
from dashboard.page import link, present_switch, settle, take_along
from dashboard.samples import keep_logits
from dashboard.views import (
    activations,
    diagnose,
    entropy,
    gradients,
    home,
    losses,
    mistakes,
    precision,
    runs,
    train,
)

# A file: the browser would fetch the picture of an icon's name from the internet.
HERE = Path(__file__).parent
st.set_page_config(page_icon=HERE / "icon.svg", layout="wide")
st.html(HERE / "page.css")

VIEWS = {
    st.Page(view.show, title=title, icon=f":material/{icon}:", url_path=title.lower()): view
    for view, title, icon in (
        (entropy, "Entropy", "functions"),
        (activations, "Activations", "bar_chart"),
        (losses, "Losses", "show_chart"),
        (gradients, "Gradients", "trending_down"),
        (precision, "Precision", "grid_on"),
        (train, "Train", "play_circle"),
        (mistakes, "Mistakes", "bug_report"),
        (runs, "Runs", "model_training"),
        (diagnose, "Diagnose", "troubleshoot"),
    )
}
show_home = partial(home.show, {page: view.SUMMARY for page, view in VIEWS.items()})
home_page = st.Page(show_home, title="Home", icon=":material/home:", default=True)
SHOWS = {home_page: show_home, **{page: view.show for page, view in VIEWS.items()}}
# The default page has no path of its own: Streamlit would say that there is no page /home.
home_by_name = st.Page(show_home, title="Home", url_path="home", visibility="hidden")

page = st.navigation([*SHOWS, home_by_name])
with st.sidebar:
    switch = st.container()
    st.html(f"<script>{(HERE / 'page.js').read_text()}</script>", unsafe_allow_javascript=True)
if page is home_by_name or st.query_params.get("present") == "1":
    st.stop()  # until the script has put right what a link may say
st.set_page_config(page_title=f"{page.title} · Cross-Entropy Lab")

is_next = st.session_state.get("page", page.url_path) != page.url_path
keep_logits(page.url_path)
with switch:
    present_switch()
if is_next:
    # Streamlit leaves it scrolled to where the last page was; the path makes it another script.
    st.sidebar.html(
        "<script>document.querySelector('[data-testid=\"stMain\"]').scrollTo(0, 0)"
        f" // {page.url_path}</script>",
        unsafe_allow_javascript=True,
    )

# `page.run()` would make the logits of two pages two controls with two histories. A place for each
# page: what the last one showed goes at once, also while the next one is still reading.
places = {each: st.container() if each is page else st.empty() for each in SHOWS}
with places[page]:
    with links.run(), link(), take_along():
        SHOWS[page]()
    following = list(SHOWS)[list(SHOWS).index(page) + 1 :]
    if following:
        st.page_link(following[0], label=f"Next: {following[0].title}", icon=":material/east:")

settle(len(sys.modules))
