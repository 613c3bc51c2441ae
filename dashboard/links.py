"""The link of a page, where the browser is faster than the server and they cross on their way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import streamlit as st

# In the session: the last click that sent the link.
SENT = "link sent"


@dataclass(frozen=True)
class Sent:
    """That a click sent the link, in this run or in the last one."""

    is_now: bool
    # Key → what it held before the click and after it.
    changed: dict[str, tuple[object, object]]
    # Whether a browser was seen that had not heard of it.
    is_late: bool = False


def keep(key: str, default: object) -> None:
    """Put into the link what a control is about to show, if it is missing there.

    What a browser did before it heard the answer to a click comes with the link of before.
    """
    held = st.session_state.get(key, default)
    if held != default and key not in st.query_params:
        st.session_state[key] = held


@contextmanager
def click() -> Iterator[None]:
    """Set what controls hold, in the callback of a click, and send the link.

    A browser that did not hear yet what the last click put into the link comes with the link of
    before, and where that one fits, nothing would be sent.
    """
    before = dict(st.session_state.items())
    yield
    changed: dict[str, tuple[object, object]] = {
        str(key): (before.get(key), value)
        for key, value in st.session_state.items()
        if isinstance(value, str | int | float) and before.get(key) != value
    }
    st.query_params.update()
    st.session_state[SENT] = Sent(True, changed)


@contextmanager
def run(is_part: bool = False) -> Iterator[None]:
    """Run a page or a part of it, in which what a click did in the run before stands.

    A browser that had not heard of it says with the next control moved what all of them held
    before, and hears the link of the click when that control has moved on. A part may not have
    the controls that the click set, and only the page can say again what they hold.
    """
    sent: Sent | None = st.session_state.get(SENT)
    is_late = sent is not None and sent.is_late
    if sent and not sent.is_now:
        for key, (before, after) in sent.changed.items():
            held = st.session_state.get(key)
            is_late |= held == before
            if held in (before, after):
                st.session_state[key] = after
        if is_late and is_part:
            st.session_state[SENT] = replace(sent, is_late=True)
            st.rerun()
    yield
    if sent and sent.is_now:
        st.session_state[SENT] = replace(sent, is_now=False)
    elif sent:
        del st.session_state[SENT]
        if is_late:
            st.query_params.update()
