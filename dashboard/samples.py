"""What is entered by a click: logits for every page, and a row of presets for any field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import links
from dashboard.frames.common import class_names
from dashboard.parsing import parse_logits
from dashboard.state import LABEL, Text, number_words, refuse, set_choice


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
    Sample("Two classes", "2, 0.5", 0),
    Sample("One ruled out", "2, 1, -inf", 0),
)

LOGITS = Text(
    "logits",
    "Logits",
    SAMPLES[0].logits,
    "One number per class, separated by commas or spaces, with a point for decimals; "
    "inf and -inf are numbers too.",
)


def logits() -> np.ndarray | None:
    """Show the logits' control and return what it holds, or say why that is no logits.

    Within `links.asking`, for the samples.
    """
    entered = number_words(LOGITS)
    _samples(entered)
    st.session_state["page with logits"] = st.session_state.get("page", "")
    try:
        return parse_logits(entered)
    except ValueError as error:
        refuse("These logits can't be read.", str(error))
        return None


def use_sample(title: str) -> None:
    """Set the logits and the true class to those of a sample: for a click."""
    sample = next(each for each in SAMPLES if each.title == title)
    st.session_state[LOGITS.key] = sample.logits
    set_choice(LABEL, class_names(sample.label + 1)[-1])


def keep_logits(page: str) -> None:
    """Tell the browser what the logits are where `page` comes after another that had them.

    On a busy machine it can forget its copy between the fields of two pages, and show the default.
    """
    came_from = st.session_state.pop("page with logits", page)
    if came_from != page and LOGITS.key in st.session_state:
        st.session_state[LOGITS.key] = st.session_state[LOGITS.key]
    st.session_state["page"] = page


def _samples(entered: str) -> None:
    presets(
        "Samples",
        "sample logits",
        [sample.title for sample in SAMPLES],
        next((sample.title for sample in SAMPLES if sample.logits == entered), None),
        use_sample,
    )


def presets(
    label: str,
    key: str,
    titles: Sequence[str],
    held: str | None,
    enter: Callable[[str], None],
    disabled: bool = False,
) -> None:
    """Show what can be entered by a click, and which of it is held now, if any.

    The state is in the controls that `enter` sets, given a title, before the page runs again. A
    click on what is held enters it once more. Within `links.asking`.
    """
    links.put_right(key, held)
    st.pills(
        label,
        titles,
        key=key,
        on_change=_enter,
        args=(key, held, enter),
        disabled=disabled,
        label_visibility="collapsed",
    )


def _enter(key: str, held: str | None, enter: Callable[[str], None]) -> None:
    if links.is_old(key):
        return
    title = st.session_state[key] or held
    if title is not None:
        with links.click():
            enter(title)
