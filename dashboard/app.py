"""Navigation, and nothing else."""

from functools import partial
from pathlib import Path

import streamlit as st

from dashboard.state import keep_logits
from dashboard.views import activations, home, losses, mistakes, runs, train

# A file: the browser would fetch the picture of an icon's name from the internet.
ICON = Path(__file__).parent / "icon.svg"
st.set_page_config(page_icon=ICON, layout="wide")

VIEWS = {
    st.Page(view.show, title=title, icon=f":material/{icon}:", url_path=title.lower()): view
    for view, title, icon in (
        (activations, "Activations", "bar_chart"),
        (losses, "Losses", "show_chart"),
        (train, "Train", "play_circle"),
        (mistakes, "Mistakes", "bug_report"),
        (runs, "Runs", "model_training"),
    )
}
show_home = partial(home.show, {page: view.SUMMARY for page, view in VIEWS.items()})
SHOWS = {
    st.Page(show_home, title="Home", icon=":material/home:", url_path="home", default=True): (
        show_home
    ),
    **{page: view.show for page, view in VIEWS.items()},
}

page = st.navigation(list(SHOWS))
st.set_page_config(page_title=f"{page.title} · Cross-Entropy Lab")

keep_logits(page.url_path)

# `page.run()` would make the logits of two pages two controls with two histories. A place for each
# page: what the last one showed goes at once, also while the next one is still reading.
places = {each: st.container() if each is page else st.empty() for each in SHOWS}
with places[page]:
    SHOWS[page]()
