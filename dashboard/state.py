"""Every control: its key in the URL, default, bounds and help; and how its text is read.

A page shows a control by the functions here, so that the same key means the same everywhere and
a link opens the same picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
import streamlit as st

from dashboard.frames.common import class_names

MAX_CLASSES = 1000
# Of one text in a link, in bytes: some mail and chat programs cut longer ones.
MAX_LINKED = 8192
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
    Sample("Two classes", "2, 0.5", 0),
    Sample("One ruled out", "2, 1, -inf", 0),
)


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
PARENT = Choice("part_of", "Part of", "The runs of one comparison or sweep, or all there are.")
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


def text(control: Text) -> str:
    """Show a line of text and return what it holds, without the spaces around it.

    What it holds follows the typing, key by key: a field that waits for Enter would give its value
    away when a link is tapped next, and Streamlit 1.67 then answers for the page just left.
    """
    return _typed(control).strip()


def pick(control: Choice, options: Sequence[str]) -> str:
    """Show a few options side by side, the first chosen at first, and return the chosen one."""
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
            f"The link leaves this out: it holds up to {MAX_LINKED // 1024} KB. Send the text "
            "along with it."
        )
    return entered


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
    return st.multiselect(
        control.label,
        options,
        default=default,
        key=f"{control.key}_{among}",
        help=control.help,
        bind="query-params",
    )


def plain(text: str) -> str:
    """Return Markdown that reads as `text`, which may be foreign."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def refuse(what: str, why: str) -> None:
    """Say that something can't be shown; `why` may hold foreign text, and is never Markdown."""
    st.error(what)
    st.text(why)


def logits() -> np.ndarray | None:
    """Show the logits' control and return what it holds, or say why that is no logits."""
    entered = _number_words(LOGITS)
    _samples(entered)
    st.session_state["page with logits"] = st.session_state.get("page", "")
    try:
        return parse_logits(entered)
    except ValueError as error:
        refuse("These logits can't be read.", str(error))
        return None


def number(control: Text) -> float | None:
    """Show a line for one number and return it, or say why what it holds is none."""
    entered = _number_words(control)
    try:
        if not entered:
            raise ValueError(f"Enter a number, for example: {control.default}")
        numbers = parse_logits(entered)
        if len(numbers) > 1:
            raise ValueError(f"Enter one number; there are {len(numbers)}.")
    except ValueError as error:
        refuse(f"{control.label} can't be read.", str(error))
        return None
    return float(numbers[0])


def use_sample(title: str) -> None:
    """Set the logits and the true class to those of a sample: for a click."""
    sample = next(each for each in SAMPLES if each.title == title)
    st.session_state[LOGITS.key] = sample.logits
    set_choice(LABEL, class_names(sample.label + 1)[-1])


def presets(
    label: str,
    key: str,
    titles: Sequence[str],
    held: str | None,
    enter: Callable[[str], None],
    of: Sequence[str],
    disabled: bool = False,
) -> None:
    """Show what can be entered by a click, and which of it is held now, if any.

    The state is in the controls whose keys `of` has: `enter` sets them, given a title, before the
    page runs again. A click on what is held enters it once more.
    """
    chosen = st.session_state.get(key)
    st.session_state.pop(_corrected(key), None)
    if chosen != held:
        st.session_state[key] = held
        st.session_state[_corrected(key)] = [chosen]
    st.session_state[f"{key} held"] = held, [st.session_state.get(each) for each in of]
    st.pills(
        label,
        titles,
        key=key,
        on_change=_enter,
        args=(key, enter, of),
        disabled=disabled,
        label_visibility="collapsed",
    )


def _enter(key: str, enter: Callable[[str], None], of: Sequence[str]) -> None:
    chosen = st.session_state[key]
    held, values = st.session_state[f"{key} held"]
    # A browser that has not heard yet what is held now says with each key typed what was before.
    is_typed = [st.session_state.get(each) for each in of] != values
    if is_typed and st.session_state.get(_corrected(key)) == [chosen]:
        return
    title = chosen or held
    if title is not None:
        enter(title)
        put_into_link()


def _corrected(key: str) -> str:
    return f"{key} corrected"


def put_into_link() -> None:
    """Send the link anew, after a click has set what controls hold.

    One that comes before the browser heard what the last one put into the link has still the link
    of before, and where that one fits, nothing would be sent.
    """
    st.query_params.update()


def _number_words(control: Text) -> str:
    """Show a line of numbers and return it, without a last word that more typing makes one."""
    finished, unfinished = split_unfinished(text(control))
    if unfinished:
        st.caption(f"`{unfinished}` is left out until it is a number.")
    return finished


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
        of=[LOGITS.key],
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
    numbers = _parse_numbers(entered, "Logit")
    if not len(numbers):
        raise ValueError("Enter at least one logit, for example: 2, 1, 0.1")
    return numbers


def parse_shares(entered: str, num_classes: int) -> np.ndarray:
    """Return a distribution over the classes from numbers in its proportions, shape (K,).

    Classes that are left out at the end have no share.

    Raises
    ------
    ValueError
        If something is not a number from 0 up, there are more than classes, or all are 0.
    """
    numbers = _parse_numbers(entered, "Share")
    if len(numbers) > num_classes:
        raise ValueError(f"There are {len(numbers)} shares for {num_classes} classes.")
    if not (np.isfinite(numbers) & (numbers >= 0)).all() or not numbers.any():
        raise ValueError("Shares are finite numbers from 0 up, and at least one is above 0.")
    shares = np.zeros(num_classes)
    # The largest first: a sum of numbers near the end of the range would leave it.
    shares[: len(numbers)] = numbers / numbers.max()
    return shares / shares.sum()


def _parse_numbers(entered: str, noun: str) -> np.ndarray:
    words = entered.replace(",", " ").replace(";", " ").split()
    if len(words) > MAX_CLASSES:
        raise ValueError(f"At most {MAX_CLASSES} {noun.lower()}s fit here; there are {len(words)}.")
    numbers = []
    for position, word in enumerate(words, start=1):
        try:
            numbers.append(float(word.replace("−", "-")))
        except ValueError:
            raise ValueError(
                f"{noun} {position} is {word[:30]!r}, which is not a number. "
                "Separate numbers by commas or spaces, with a point for decimals."
            ) from None
    return np.array(numbers)
