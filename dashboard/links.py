"""The link of a page, where the browser is faster than the server and they cross on their way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf

import streamlit as st

# In the session: what the browser may not have heard of yet, and how often there was such a thing.
SENT = "link sent"
NUMBER = "links sent"
HEARD = " heard"
# Key → what it held before, which the browser may still say, and what it holds.
Changed = dict[str, tuple[tuple[object, ...], object]]


@dataclass(frozen=True)
class Sent:
    """What a click set, or what was said since, until the browser is known to have heard it."""

    # From 1, in the order of the session.
    number: int
    # Whether it was sent in this run.
    is_now: bool
    changed: Changed
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
def asking(of: str) -> Iterator[None]:
    """Have the browser say with all that it sends what it has heard, where clicks are offered.

    It is a field that page.css hides, and holds the number of the last thing said. What is said in
    here is counted.
    """
    yield
    key = f"{of}{HEARD}"
    number = st.session_state.get(NUMBER, 0)
    if st.session_state.get(key) != number:
        st.session_state[key] = number
    st.number_input(key, step=1, key=key, label_visibility="collapsed")


def put_right(key: str, value: object) -> None:
    """Set what a control is about to show, where it follows from what others hold.

    A browser that has not heard of it yet says once more what the control held before, and nobody
    chose that: see `is_old`. Within `asking`.
    """
    if key not in st.session_state:
        st.session_state[key] = value
        return
    held = st.session_state[key]
    if held == value:
        return
    befores = _befores(key)
    st.session_state[key] = value
    st.session_state[f"{key} before"] = [*befores, held], _next_number()


def is_old(key: str) -> bool:
    """Return whether a control that was put right says what it held before, in its callback."""
    return st.session_state[key] in _befores(key)


def _befores(key: str) -> list[object]:
    """Return what a browser may still say of a control that was put right."""
    befores, number = st.session_state.get(f"{key} before", ([], 0))
    return befores if _heard() < number else []


@contextmanager
def click() -> Iterator[None]:
    """Set what controls hold, in the callback of a click, and send the link.

    A browser that did not hear yet what the last click put into the link comes with the link of
    before, and where that one fits, nothing would be sent.
    """
    sent = _unheard()
    unheard = _said_again(sent) if sent else {}
    before = dict(st.session_state.items())
    yield
    changed = dict(unheard)
    for name, value in st.session_state.items():
        key = str(name)
        if isinstance(value, str | int | float) and before.get(key) != value:
            befores, _ = unheard.get(key, ((), None))
            changed[key] = ((*befores, before.get(key)), value)
    st.query_params.update()
    _send(changed, is_late=False)


@contextmanager
def run(is_part: bool = False) -> Iterator[None]:
    """Run a page or a part of it, in which what a click did and the browser did not hear stands.

    Such a browser says with the next control moved what all of them held before, and hears the
    answer to the click when that control has moved on: it is told again what all of them hold. A
    part may not have the controls that the click set, and only the page can say so.
    """
    sent = _unheard()
    if sent and not sent.is_now:
        sent = _send(_said_again(sent), is_late=True)
        if is_part:
            st.rerun()
    yield
    if sent:
        st.session_state[SENT] = replace(sent, is_now=False, is_late=False)
        if sent.is_late:
            st.query_params.update()


def _unheard() -> Sent | None:
    """Return what the browser has not heard of, if there is such a thing."""
    sent: Sent | None = st.session_state.get(SENT)
    if sent is None or sent.is_now or _heard() < sent.number:
        return sent
    del st.session_state[SENT]
    return None


def _heard() -> float:
    """Return the number of the last thing that the browser has heard: all, if it is not asked."""
    return max(
        (held for key, held in st.session_state.items() if str(key).endswith(HEARD)),
        default=inf,
    )


def _next_number() -> int:
    number: int = st.session_state.get(NUMBER, 0) + 1
    st.session_state[NUMBER] = number
    return number


def _said_again(sent: Sent) -> Changed:
    """Set what controls hold to what was set or said last, and return it as `Sent.changed`."""
    changed: Changed = {}
    for key, (befores, last) in sent.changed.items():
        held = st.session_state.get(key)
        if held not in (*befores, last):
            befores, last = (*befores, last), held
        changed[key] = befores, last
        st.session_state[key] = last
    return changed


def _send(changed: Changed, is_late: bool) -> Sent:
    st.session_state[SENT] = sent = Sent(_next_number(), True, changed, is_late)
    return sent
