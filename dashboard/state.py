"""Every control: its key in the URL, default, bounds and help; and how its text is read.

A page shows a control by the functions here, so that the same key means the same everywhere and
a link opens the same picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard.frames.common import class_names

MAX_CLASSES = 1000
# A last word that more typing makes a number: -, 1e, 2e-, in, -infi, na.
UNFINISHED = re.compile(
    r"(?<![^\s,;])([-+−]|[-+−]?(\.|i|in|infi|infin|infini|infinit|n|na|(\d+\.?\d*|\.\d+)e[-+−]?))$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sample:
    """Logits that a network might give for one example, and the class that is true."""

    title: str
    logits: str
    label: int


SAMPLES = (
    Sample("Confident and right", "4, 1, 0.5, -1", 0),
    Sample("Unsure", "1.2, 1, 0.9, 0.8", 0),
    Sample("Confident and wrong", "-1, 5, 0, 1", 0),
    Sample("Two at once", "3, 3, -2, -2", 0),
    Sample("Ten classes", "2.1, -0.3, 0.8, 4.2, -1.7, 0.1, 1.3, -2.2, 0.6, -0.9", 3),
)


@dataclass(frozen=True)
class Text:
    """A line of text."""

    key: str
    label: str
    default: str
    help: str


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


LOGITS = Text(
    "logits",
    "Logits",
    SAMPLES[0].logits,
    "One number per class, separated by commas or spaces, with a point for decimals; "
    "inf and -inf are numbers too.",
)
TEMPERATURE = Slider(
    "temperature",
    "Temperature",
    1.0,
    0.1,
    10.0,
    0.1,
    "Divides the logits: above 1 flattens, below 1 sharpens.",
)
LABEL = Choice("label", "True class", "The class that the example really is.")
DATASET = Choice("dataset", "Data set", "Runs on other data are left out.")
RUNS = Choice("runs", "Runs", "Which curves to draw over each other.")


def slider(control: Slider) -> float:
    """Show a slider and return its value."""
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


def choose(control: Choice, options: Sequence[str]) -> str:
    """Show a choice of one of `options`, the first by default, and return it.

    A choice that is no option for a while, as the last class while logits are typed, comes back.
    """
    memory = _memory(control)
    wanted = st.session_state.get(memory)
    if wanted in options:
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


def _memory(control: Choice) -> str:
    return f"{control.key} chosen"


def _remember(control: Choice) -> None:
    st.session_state[_memory(control)] = st.session_state[control.key]


def choose_several(
    control: Choice, among: str, options: Sequence[str], default: Sequence[str]
) -> list[str]:
    """Show a choice of several of `options`; each `among` has a choice of its own."""
    return st.multiselect(
        control.label,
        options,
        default=default,
        key=f"{control.key}_{among}",
        help=control.help,
        bind="query-params",
    )


def refuse(what: str, why: str) -> None:
    """Say that something can't be shown; `why` may hold foreign text, and is never Markdown."""
    st.error(what)
    st.text(why)


def logits() -> np.ndarray | None:
    """Show the logits' control and return what it holds, or say why that is no logits.

    What it holds follows the typing, key by key: a field that waits for Enter would give its value
    away when a link is tapped next, and Streamlit 1.67 then answers for the page just left.
    """
    _sample_buttons()
    entered = st.text_input(
        LOGITS.label,
        LOGITS.default,
        key=LOGITS.key,
        help=LOGITS.help,
        live="0ms",
        bind="query-params",
    ).strip()
    st.session_state["page with logits"] = st.session_state.get("page", "")
    finished, unfinished = split_unfinished(entered)
    if unfinished:
        st.caption(f"`{unfinished}` is left out until it is a number.")
    try:
        return parse_logits(finished)
    except ValueError as error:
        refuse("These logits can't be read.", str(error))
        return None


def keep_logits(page: str) -> None:
    """Tell the browser what the logits are where `page` comes after another that had them.

    On a busy machine it can forget its copy between the fields of two pages, and show the default.
    """
    came_from = st.session_state.pop("page with logits", page)
    if came_from != page and LOGITS.key in st.session_state:
        st.session_state[LOGITS.key] = st.session_state[LOGITS.key]
    st.session_state["page"] = page


def _sample_buttons() -> None:
    with st.container(horizontal=True):
        for sample in SAMPLES:
            st.button(
                sample.title, key=f"sample {sample.title}", on_click=_use_sample, args=(sample,)
            )


def split_unfinished(entered: str) -> tuple[str, str]:
    """Return a line of text without, and only, a last word that is still being typed."""
    found = UNFINISHED.search(entered)
    return (entered[: found.start()], found[0]) if found else (entered, "")


def parse_logits(entered: str) -> np.ndarray:
    """Return the numbers in a line of text, shape (K,).

    Raises
    ------
    ValueError
        If there is none, more than a thousand, or something that is not a number.
    """
    words = entered.replace(",", " ").replace(";", " ").split()
    if not words:
        raise ValueError("Enter at least one logit, for example: 2, 1, 0.1")
    if len(words) > MAX_CLASSES:
        raise ValueError(f"At most {MAX_CLASSES} logits fit here; there are {len(words)}.")
    numbers = []
    for position, word in enumerate(words, start=1):
        try:
            numbers.append(float(word.replace("−", "-")))
        except ValueError:
            raise ValueError(
                f"Logit {position} is {word[:30]!r}, which is not a number. "
                "Separate numbers by commas or spaces, with a point for decimals."
            ) from None
    return np.array(numbers)


def _use_sample(sample: Sample) -> None:
    st.session_state[LOGITS.key] = sample.logits
    st.session_state[LABEL.key] = class_names(sample.label + 1)[-1]
    _remember(LABEL)
