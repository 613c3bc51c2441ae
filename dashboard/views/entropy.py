"""Surprise, entropy, and the codes that reach it."""

from __future__ import annotations

import re

import streamlit as st

from dashboard import lesson, page, samples, state
from dashboard.charts import entropy as charts
from dashboard.frames import entropy as frames
from dashboard.frames.common import written
from dashboard.sources import (
    KINDS,
    Source,
    count_text,
    is_number,
    parse_counts,
    source_of,
    written_counts,
)
from dashboard.views import codes, shares
from experiments.charts import style

SUMMARY = "Surprise, entropy as the shortest code, and what the wrong code costs."

PRESETS = {
    "Weather": "sunny=60, cloudy=20, rain=15, snow=5",
    "Fair coin": "heads=1, tails=1",
    "Bent coin": "heads=9, tails=1",
    "Loaded die": "one=1, two=1, three=1, four=1, five=1, six=5",
    "Powers of two": "a=8, b=4, c=2, d=1, e=1",
    # Beker and Piper (1982), "Cipher systems", in percent.
    "English letters": (
        "e=12.702, t=9.056, a=8.167, o=7.507, i=6.966, n=6.749, s=6.327, h=6.094, r=5.987, "
        "d=4.253, l=4.025, c=2.782, u=2.758, m=2.406, w=2.36, f=2.228, g=2.015, y=1.974, "
        "p=1.929, b=1.492, v=0.978, k=0.772, j=0.153, x=0.15, q=0.095, z=0.074"
    ),
    "No choice": "always=1",
}
COUNTS, TEXT = "Counts", "Text"

FROM = state.Choice("source", "Distribution from", "Counts as numbers, or a text to count in.")
KIND = state.Choice("unit", "Count its", "What an outcome is: a letter, a character or a word.")
ENTERED = state.Text(
    "counts",
    "Counts",
    PRESETS["Weather"],
    "Numbers, or names with numbers, such as sunny=60, rain=15 or a table pasted from a "
    "spreadsheet. Only their proportions count.",
)
COUNTED = state.Text(
    "text",
    "Text",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the "
    "age of foolishness",
    "Any text: what is counted in it becomes the distribution.",
)
YES = state.Choice("yes", "Yes means", "This outcome against all the others.")


@page.part
def explore() -> None:
    """Show the distribution and everything that follows from it."""
    with page.controls():
        source = _source()
    if source is None:
        return
    _surprise(source)
    yes_or_no(source)
    occurring = source.occurring()
    codes.shortest_code(occurring)
    codes.messages(occurring)
    codes.wrong_code(source)


def _source() -> Source | None:
    """Show the controls of the distribution and return it, or say why there is none."""
    is_text = state.pick(FROM, [COUNTS, TEXT]) == TEXT
    try:
        if is_text:
            kind = state.pick(KIND, KINDS)
            return source_of(count_text(state.long_text(COUNTED), kind))
        entered = state.long_text(ENTERED)
        held = next((title for title, counts in PRESETS.items() if counts == entered), None)
        samples.presets("Samples", "sample counts", list(PRESETS), held, _use_preset, [ENTERED.key])
        source = _read_while_typed(entered)
    except ValueError as error:
        state.refuse("This is no distribution yet.", str(error))
        return None
    shares.sliders(
        [state.plain(name) for name in source.names],
        source.p,
        "share",
        lambda percent: _write(written_counts(source.names, percent)),
        of=ENTERED.key,
    )
    return source


def _read_while_typed(entered: str) -> Source:
    """Return the source in a text whose last word may still be on its way to a count."""
    try:
        return source_of(parse_counts(entered))
    except ValueError:
        last = re.search(r"[^\s,;]+$", entered)
        if last is None or is_number(last[0].rpartition("=")[2]):
            raise
        source = source_of(parse_counts(entered[: last.start()]))
        st.caption("The last word is left out until it is a count.")
        return source


def _use_preset(title: str) -> None:
    _write(PRESETS[title])
    st.session_state[codes.OTHER.key] = ""


def _write(counts: str) -> None:
    st.session_state[ENTERED.key] = counts


def _surprise(source: Source) -> None:
    bits = frames.entropy_bits(source)
    rows = frames.surprises(source)
    occurring = rows[rows["probability"] > 0]
    lesson.formula(
        r"\blue{H(p)} &= -\textstyle\sum_i p_i \log_2 p_i",
        *lesson.weighted_sum(
            occurring["probability"],
            occurring["surprise_bits"],
            rf"\blue{{{lesson.number(bits['entropy'], 4)}}}",
        ),
        under="## Surprise and entropy\n\n$$\n\\text{surprise of } i = -\\log_2 p_i\n$$",
    )
    with st.container(horizontal=True):
        st.metric("Entropy (bits)", written(bits["entropy"], 4))
        st.metric("Most it could be (bits)", written(bits["most"], 4), help="With all alike.")
        st.metric("Outcomes", len(source.names))
    drawn = rows.head(codes.MAX_DRAWN)
    page.figure(
        charts.surprise_area(drawn, bits["entropy"], style.BLUE),
        "Each outcome as wide as its probability and as high as its surprise",
        "surprise",
        rows,
    )
    if len(rows) > codes.MAX_DRAWN:
        st.caption(f"Drawn are the {codes.MAX_DRAWN} most probable of {len(rows)} outcomes.")
    if len(occurring) == 1:
        st.markdown(
            "What is certain is no surprise: the area is 0, and a message that can only say one "
            "thing needs no bits."
        )
        return
    first, last = occurring.iloc[0], occurring.iloc[-1]
    rarest, commonest = (written(row["surprise_bits"], 3) for row in (last, first))
    how = (
        f"Rare outcomes surprise more: “{state.plain(last['outcome'])}” by {rarest} bits, "
        f"“{state.plain(first['outcome'])}” by {commonest}."
        if last["probability"] < first["probability"]
        else f"All that happen are alike: each surprises by {commonest} bits."
    )
    st.markdown(
        f"{how} Each bar is as wide as its outcome is probable, so that the **:blue[area]** is "
        f"the mean surprise, the entropy: {written(bits['entropy'], 4)} bits."
    )
    lesson.more(
        "A bit is a yes or a no that could as well be the other. What halves the room of what is "
        "possible surprises by one bit, what leaves a quarter by two: surprises of what happens "
        "independently add up, because their probabilities multiply. The entropy is the average "
        "surprise, and the average length below which no lossless code comes (Shannon, 1948). It "
        "is largest where all outcomes are alike."
    )
    never = len(rows) - len(occurring)
    if never:
        st.caption(f"Of probability 0, and without width: {never}. Their surprise is infinite.")
    page.numbers(rows, "Outcome, probability, surprise and its term")


@page.part
def yes_or_no(source: Source) -> None:
    """Show one outcome against the others on the curve of the binary entropy."""
    st.markdown("## Yes or no")
    with page.controls():
        yes = state.choose(YES, source.names[: codes.MAX_DRAWN])
    p = float(source.p[source.names.index(yes)])
    bits = frames.yes_no_bits(p)
    lesson.formula(
        r"\blue{H} &= -p \log_2 p - (1 - p) \log_2 (1 - p)",
        rf"&= \blue{{{lesson.number(bits, 4)}}}\;\text{{bits at }} p = {lesson.number(p, 4)}",
    )
    curve = frames.binary_curve(p)
    page.figure(
        charts.binary_entropy_curve(curve, p, style.BLUE),
        "The entropy of a yes-no question against the probability of yes",
        "binary entropy",
        curve,
    )
    st.markdown(
        f"Whether it is “{state.plain(yes)}”: yes with probability {written(p, 4)}, worth "
        f"{written(bits, 4)} bits. One bit at most, where yes and no are alike; none where the "
        "answer is known before."
    )


def show() -> None:
    """Show the page."""
    st.title("Entropy")
    st.markdown(
        "A source sends messages to a destination. The entropy is the smallest average size of "
        "their lossless encoding: rare news is long, frequent news short."
    )
    explore()
