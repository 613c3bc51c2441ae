"""What pages are made of: controls that a talk tucks away, figures to take along, code to copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import theme
from experiments.charts import style
from experiments.charts.plot import Plot

# Of a value in a link that is none.
LONGEST_QUOTED = 40


def is_presented() -> bool:
    """Return whether this is a talk, with the controls tucked away: ?present=1 in the link."""
    return bool(st.session_state.get("present", st.query_params.get("present") == "1"))


def present_switch() -> None:
    """Show the switch for a talk; it stays from page to page."""
    st.toggle(
        "Present",
        key="present",
        help="For a talk: folds the controls of every page away.",
        bind="query-params",
    )


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
            f"The link has values that no control here can take: {', '.join(lost)}. What stands "
            "there instead is the default."
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
    with st.expander("Controls", icon=":material/tune:") if is_presented() else st.container():
        yield


def figure(chart: alt.TopLevelMixin | Plot, says: str, name: str, data: pd.DataFrame) -> None:
    """Show a chart with a menu to take it along: PNG, SVG, and its numbers as CSV.

    Parameters
    ----------
    chart : alt.Chart or Plot
    says : str
        Its alternative text.
    name : str
        Of the files; no other figure on the page has it.
    data : DataFrame
        The numbers that it shows.
    """
    theme.draw(chart, says)
    # Made later, where nobody knows any more which theme the viewer has.
    seen_in = theme.of_viewer()
    menu = st.popover(
        "Download",
        icon=":material/download:",
        type="tertiary",
        key=f"take {name}",
        on_change="rerun",
    )
    if menu.open:
        with menu:
            _downloads(chart, name, data, seen_in)


def _downloads(
    chart: alt.TopLevelMixin | Plot, name: str, data: pd.DataFrame, seen_in: str
) -> None:
    makers: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
        ("PNG", "image/png", lambda: style.to_png(theme.on_paper(chart, seen_in))),
        ("SVG", "image/svg+xml", lambda: style.to_svg(theme.on_paper(chart, seen_in)).encode()),
        ("CSV", "text/csv", lambda: data.to_csv(index=False).encode()),
    )
    for kind, mime, make in makers:
        # Made when it is asked for, and nothing on the page moves.
        st.download_button(
            kind,
            make,
            f"{name}.{kind.lower()}",
            mime,
            key=f"take {name} {kind}",
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
