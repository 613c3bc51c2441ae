"""Every kind of control: its key in the URL, default, bounds and help, and how it is shown.

A page shows a control by the functions here, so that the same key means the same everywhere and
a link opens the same picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import streamlit as st

from dashboard import links, parsing

# Of one text in a link, in bytes: some mail and chat programs cut longer ones.
MAX_LINKED = 8192
# Where an address goes on after its http:, its www or its name.
ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)


@dataclass(frozen=True)
class Text:
    """A line of text."""

    key: str
    label: str
    default: str
    help: str
    placeholder: str = ""


@dataclass(frozen=True)
class Slider:
    """A number between bounds."""

    key: str
    label: str
    default: float
    least: float
    most: float
    step: float
    help: str


@dataclass(frozen=True)
class Choice:
    """One or several of options that the page knows."""

    key: str
    label: str
    help: str


TEMPERATURE = Slider(
    "temperature",
    "Temperature",
    1.0,
    0.1,
    10.0,
    0.1,
    "Divides the logits: above 1 flattens the distribution, below 1 sharpens it.",
)
LABEL = Choice("label", "True class", "The class that the example really belongs to.")
DATASET = Choice("dataset", "Data set", "Only runs on this data set are listed.")
PARENT = Choice("part_of", "Part of", "The runs of one comparison or sweep, or all runs.")
RUNS = Choice("runs", "Runs", "The runs whose curves are drawn together.")


def slider(control: Slider) -> float:
    """Show a slider and return its value."""
    links.keep(control.key, control.default)
    value: float = st.slider(
        control.label,
        control.least,
        control.most,
        control.default,
        control.step,
        key=control.key,
        help=control.help,
        bind="query-params",
    )
    return value


def text(control: Text) -> str:
    """Show a line of text and return what it holds, without the spaces around it.

    What it holds follows the typing, key by key: a field that waits for Enter would give its value
    away when a link is tapped next, and Streamlit 1.67 then answers for the page just left.
    """
    return _typed(control).strip()


def pick(control: Choice, options: Sequence[str]) -> str:
    """Show a few options side by side, the first chosen at first, and return the chosen one."""
    links.keep(control.key, options[0])
    chosen: str = st.segmented_control(
        control.label,
        options,
        default=options[0],
        required=True,
        key=control.key,
        help=control.help,
        bind="query-params",
    )
    return chosen


def long_text(control: Text) -> str:
    """Show a field for what may be long, and return what it holds, as it is typed."""
    return _typed(control)


def _typed(control: Text) -> str:
    """Show a line of text; what is too long for a link is left out of it, and the page says so."""
    held = st.session_state.get(control.key, control.default)
    fits = len(quote(held)) <= MAX_LINKED
    was_left_out = f"{control.key} left out"
    if fits and st.session_state.pop(was_left_out, False):
        # The browser puts only a value that it is told into the link.
        st.session_state[control.key] = held
    if fits:
        links.keep(control.key, control.default)
    entered: str = st.text_input(
        control.label,
        control.default,
        key=control.key,
        help=control.help,
        placeholder=control.placeholder or None,
        live="0ms",
        bind="query-params" if fits else None,
    )
    if not fits:
        st.session_state[was_left_out] = True
        st.caption(
            f"The link leaves this text out: it holds up to {MAX_LINKED // 1024} KB. Send the text "
            "along with the link."
        )
    return entered


def choose(control: Choice, options: Sequence[str]) -> str:
    """Show a choice of one of `options`, the first by default, and return it.

    A choice that is no option for a while, as the last class while logits are typed, comes back.
    """
    memory = _memory(control)
    wanted = st.session_state.get(memory)
    # A browser that is told what it said itself takes back what was chosen since.
    if wanted in options and st.session_state.get(control.key) != wanted:
        st.session_state[control.key] = wanted
    chosen = st.selectbox(
        control.label,
        options,
        key=control.key,
        help=control.help,
        on_change=_remember,
        args=(control,),
        bind="query-params",
    )
    if wanted is None or wanted in options:
        st.session_state[memory] = chosen
    return chosen


def set_choice(control: Choice, option: str) -> None:
    """Choose `option` before the page runs again, as a button's callback does."""
    st.session_state[control.key] = option
    _remember(control)


def _memory(control: Choice) -> str:
    return f"{control.key} chosen"


def _remember(control: Choice) -> None:
    st.session_state[_memory(control)] = st.session_state[control.key]


def choose_several(
    control: Choice, among: str, options: Sequence[str], default: Sequence[str]
) -> list[str]:
    """Show a choice of several of `options`; each `among` has a choice of its own."""
    key = f"{control.key}_{among}"
    links.keep(key, list(default))
    return st.multiselect(
        control.label,
        options,
        default=default,
        key=key,
        help=control.help,
        bind="query-params",
    )


def plain(text: str) -> str:
    """Return Markdown that reads as `text`, which may be foreign."""
    # Streamlit makes links of addresses, however they are escaped: a word joiner breaks them.
    unlinked = ADDRESS.sub("\N{WORD JOINER}", text)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", unlinked)


def refuse(what: str, why: str) -> None:
    """Say that something can't be shown; `why` may hold foreign text, and is never Markdown."""
    st.error(what)
    st.text(why)


def number(control: Text) -> float | None:
    """Show a line for one number and return it, or say why what it holds is none."""
    entered = number_words(control)
    try:
        return parsing.parse_number(entered, control.default)
    except ValueError as error:
        refuse(f"{control.label} can't be read.", str(error))
        return None


def number_words(control: Text) -> str:
    """Show a line of numbers and return it, without a last word that more typing makes one."""
    return without_unfinished(text(control))


def without_unfinished(entered: str) -> str:
    """Return a line of numbers without a last word that more typing makes one, and say so."""
    finished, unfinished = parsing.split_unfinished(entered)
    if unfinished:
        st.caption(f"`{unfinished}` is left out until it is a number.")
    return finished
