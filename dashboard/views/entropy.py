"""Surprise, entropy, and the codes that reach it."""

from __future__ import annotations

import re

import streamlit as st

from dashboard import lesson, links, page, samples, state
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

SUMMARY = "Surprise, entropy as the length of the shortest code, and the cost of a wrong code."

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

FROM = state.Choice("source", "Distribution from", "Counts that you enter, or a text to count in.")
KIND = state.Choice("unit", "What to count", "Each letter, character or word is an outcome.")
ENTERED = state.Text(
    "counts",
    "Counts",
    PRESETS["Weather"],
    "Numbers, or names with numbers, such as sunny=60, rain=15 or a table pasted from a "
    "spreadsheet. Only their proportions matter.",
)
COUNTED = state.Text(
    "text",
    "Text",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the "
    "age of foolishness",
    "Any text. The counts of what occurs in it become the distribution.",
)
YES = state.Choice("yes", "Yes means", "The outcome that counts as yes; all others count as no.")


@page.part
def explore() -> None:
    """Show the distribution and everything that follows from it."""
    with page.controls(), links.asking("sample counts"):
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
        samples.presets("Samples", "sample counts", list(PRESETS), held, _use_preset)
        source = _read_while_typed(entered)
    except ValueError as error:
        state.refuse("This is not a distribution yet.", str(error))
        return None
    shares.sliders(
        [state.plain(name) for name in source.names],
        source.p,
        "share",
        lambda percent: _write(written_counts(source.names, percent)),
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
        st.caption("The last entry is left out until it has a count.")
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
        r"\text{surprise of } i &= -\log_2 p_i",
        r"\blue{H(p)} &= -\textstyle\sum_i p_i \log_2 p_i",
        under="## Surprise and entropy",
    )
    total = lesson.weighted_sum(
        occurring["probability"],
        occurring["surprise_bits"],
        f":blue[{written(bits['entropy'], 4)}]",
    )
    lesson.beside(f":blue[*H*(*p*)] = {total}")
    lesson.figures(
        {
            "Entropy (bits)": written(bits["entropy"], 4),
            "Largest possible (bits)": written(bits["most"], 4),
            "Outcomes": str(len(source.names)),
        }
    )
    drawn = rows.head(codes.MAX_DRAWN)
    page.figure(
        charts.surprise_area(drawn, bits["entropy"], style.BLUE),
        "A bar for each outcome, as wide as its probability and as high as its surprise",
        "surprise",
        rows,
    )
    if len(rows) > codes.MAX_DRAWN:
        st.caption(f"Only the {codes.MAX_DRAWN} most probable of {len(rows)} outcomes are drawn.")
    if len(occurring) == 1:
        st.markdown(
            "A certain outcome is no surprise: the area is 0, and a message that can only say one "
            "thing needs no bits."
        )
        return
    first, last = occurring.iloc[0], occurring.iloc[-1]
    rarest, commonest = (written(row["surprise_bits"], 3) for row in (last, first))
    how = (
        f"Rare outcomes surprise more: “{state.plain(last['outcome'])}” by {rarest} bits, "
        f"“{state.plain(first['outcome'])}” by {commonest}."
        if last["probability"] < first["probability"]
        else f"All outcomes that occur are equally probable: each surprises by {commonest} bits."
    )
    st.markdown(
        f"{how} Each bar is as wide as its outcome is probable, so the total **:blue[area]** is "
        f"the mean surprise, the entropy: {written(bits['entropy'], 4)} bits."
    )
    lesson.more(
        "One bit is the surprise of an outcome with probability one half, such as heads of a fair "
        "coin; probability one quarter gives two bits. The surprises of independent outcomes add "
        "up, because their probabilities multiply. The entropy is the average surprise, and no "
        "uniquely decodable code is shorter on average (Shannon, 1948). It is largest when all "
        "outcomes are equally probable."
    )
    never = len(rows) - len(occurring)
    if never:
        st.caption(
            f"Outcomes with probability 0: {never}. They have no width, and an infinite surprise."
        )
    page.numbers(rows, "Each outcome, its probability, surprise, and part of the entropy")


@page.part
def yes_or_no(source: Source) -> None:
    """Show one outcome against the others on the curve of the binary entropy."""
    st.markdown("## Yes or no")
    with page.controls():
        yes = state.choose(YES, source.names[: codes.MAX_DRAWN])
    p = float(source.p[source.names.index(yes)])
    bits = frames.yes_no_bits(p)
    lesson.formula(r"\blue{H} = -p \log_2 p - (1 - p) \log_2 (1 - p)")
    lesson.beside(f":blue[*H* = {written(bits, 4)}] bits at *p* = {written(p, 4)}")
    curve = frames.binary_curve(p)
    page.figure(
        charts.binary_entropy_curve(curve, p, style.BLUE),
        "The entropy of a yes-no question against the probability of yes",
        "binary entropy",
        curve,
    )
    st.markdown(
        f"Is it “{state.plain(yes)}”? Yes with probability {written(p, 4)}: the answer is worth "
        f"{written(bits, 4)} bits on average. It is worth most, one bit, if yes and no are equally "
        "probable, and nothing if it is known beforehand."
    )


def show() -> None:
    """Show the page."""
    st.title("Entropy")
    st.markdown(
        "A source sends messages to a destination. Its entropy is the smallest average number of "
        "bits per symbol that encodes them without loss: frequent outcomes get short codewords, "
        "rare ones long ones."
    )
    explore()
