"""What pages are made of: controls that a talk tucks away, figures to take along, code to copy."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import links, theme
from experiments.charts import style
from experiments.charts.plot import Plot

# Of a value in a link that is none.
LONGEST_QUOTED = 40
Arguments = ParamSpec("Arguments")


def is_presented() -> bool:
    """Return whether this is a talk, with the controls tucked away: ?present=1 in the link."""
    return bool(st.session_state.get("present", st.query_params.get("present") == "1"))


def present_switch() -> None:
    """Show the switch for a talk; it stays from page to page."""
    links.keep("present", False)
    st.toggle(
        "Present",
        key="present",
        help="For a talk: folds away the controls of every page.",
        bind="query-params",
    )


@st.cache_resource(show_spinner=False)
def settle(num_modules: int) -> None:
    """Keep what is imported out of later garbage collections, once for each number of modules.

    Streamlit collects after every run, and while it does nothing is sent: 90 ms at every key, for
    all that is imported here and is no garbage.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def link() -> Iterator[None]:
    """Run a page, and say over it which values of the link that it was opened by are none."""
    is_opened = "opened" not in st.session_state
    asked = {key: st.query_params.get_all(key) for key in st.query_params} if is_opened else {}
    place = st.empty()
    yield
    st.session_state["opened"] = True
    # Streamlit takes out of the address what a control can't be, and what it is anyway.
    lost = [
        f"{key}={', '.join(values)[:LONGEST_QUOTED]}"
        for key, values in asked.items()
        if key not in st.query_params and not _is(st.session_state.get(key), values)
    ]
    if lost:
        place.text(
            f"The link has values that no control here accepts: {', '.join(lost)}. The defaults "
            "are shown instead."
        )


def _is(held: object, asked: list[str]) -> bool:
    """Return whether what a control holds is what a link asked for."""
    if isinstance(held, list):
        return [str(each) for each in held] == asked
    try:
        return str(held) == asked[-1] or float(str(held)) == float(asked[-1])
    except ValueError:
        return str(held).lower() == asked[-1].lower()


@contextmanager
def controls() -> Iterator[None]:
    """Hold the controls of a page: in sight, or in a talk folded, where they keep their state."""
    with st.expander("Controls", icon=":material/tune:") if is_presented() else nullcontext():
        yield


@dataclass(frozen=True)
class Figure:
    """A chart that a page shows, the name of its files, and its numbers."""

    chart: alt.TopLevelMixin | Plot
    name: str
    data: pd.DataFrame


# What a page, or a part of it, shows in this order: figures, and lists of what its own parts show.
Shown = list["Figure | Shown"]
_shown: ContextVar[Shown | None] = ContextVar("shown", default=None)


def part(
    show: Callable[Arguments, None], run_every: float | None = None
) -> Callable[Arguments, None]:
    """Return a part of a page: a fragment, which a control in it runs again without the rest."""

    @wraps(show)
    def placed(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        mine: Shown = []
        is_placed = False
        around = _shown.get()
        if around is not None:
            around.append(mine)

        def run() -> None:
            mine.clear()
            with links.run(is_part=True) if is_placed else nullcontext(), _showing(mine):
                show(*args, **kwargs)

        # Streamlit tells fragments in the same place apart by their names.
        run.__qualname__ = show.__qualname__
        st.fragment(run, run_every=run_every)()
        is_placed = True

    return placed


@contextmanager
def _showing(mine: Shown) -> Iterator[None]:
    token = _shown.set(mine)
    try:
        yield
    finally:
        _shown.reset(token)


def figure(chart: alt.TopLevelMixin | Plot, says: str, name: str, data: pd.DataFrame) -> None:
    """Show a chart, which can be taken along by the menu of the page.

    Parameters
    ----------
    chart : alt.Chart or Plot
    says : str
        Its alternative text.
    name : str
        Of the files, and in the menu; no other figure on the page has it.
    data : DataFrame
        The numbers that it shows.
    """
    theme.draw(chart, says)
    shown = _shown.get()
    if shown is not None:
        shown.append(Figure(chart, name, data))


@contextmanager
def take_along() -> Iterator[None]:
    """Run a page, and put a menu beside its title by which its figures can be taken along.

    One for all of them: each costs a browser milliseconds at every key.
    """
    place = st.container(key="take-along")
    shown: Shown = []
    with _showing(shown):
        yield
    if shown:
        with place:
            _menu(shown)


@st.fragment
def _menu(shown: Shown) -> None:
    if st.button("Download", icon=":material/download:", type="tertiary", key="take"):
        _offer(shown)


@st.dialog("Download")
def _offer(shown: Shown) -> None:
    figures = list(_figures(shown))
    if not figures:
        st.markdown("This page shows no figure now.")
    # Made later, where nobody knows any more which theme the viewer has.
    seen_in = theme.of_viewer()
    for each in figures:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{each.name[0].upper()}{each.name[1:]}", width="stretch")
            _downloads(shown, each, seen_in)


def _figures(shown: Shown) -> Iterator[Figure]:
    """Yield all that is shown, in the order of the page."""
    for each in shown:
        if isinstance(each, Figure):
            yield each
        else:
            yield from _figures(each)


def _downloads(shown: Shown, listed: Figure, seen_in: str) -> None:
    def now() -> Figure:
        # Controls may have moved since the menu was opened.
        return next((each for each in _figures(shown) if each.name == listed.name), listed)

    makers: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
        ("PNG", "image/png", lambda: style.to_png(theme.on_paper(now().chart, seen_in))),
        (
            "SVG",
            "image/svg+xml",
            lambda: style.to_svg(theme.on_paper(now().chart, seen_in)).encode(),
        ),
        ("CSV", "text/csv", lambda: now().data.to_csv(index=False).encode()),
    )
    for kind, mime, make in makers:
        # Made when it is asked for, and nothing on the page moves.
        st.download_button(
            kind,
            make,
            f"{listed.name}.{kind.lower()}",
            mime,
            key=f"take {listed.name} {kind}",
            on_click="ignore",
            type="tertiary",
        )


def folded(label: str, key: str, show: Callable[[], object], icon: str | None = None) -> None:
    """Offer something that is made when somebody opens it: at each key it would cost time."""
    fold = st.expander(label, key=key, icon=icon, on_change="rerun")
    if fold.open:
        with fold:
            show()


def numbers(frame: pd.DataFrame, says: str, key: str = "numbers") -> None:
    """Offer a table of what the charts show; `says` is its alternative text."""
    folded("The numbers", key, lambda: st.dataframe(frame, hide_index=True, alt=says))


def as_code(snippets: Callable[[], Mapping[str, str]]) -> None:
    """Offer the page's numbers as code, one tab per framework."""
    folded("Copy as code", "as code", lambda: _tabs(snippets()), icon=":material/code:")


def _tabs(snippets: Mapping[str, str]) -> None:
    for tab, code in zip(st.tabs(list(snippets)), snippets.values(), strict=True):
        tab.code(code, language="python")
