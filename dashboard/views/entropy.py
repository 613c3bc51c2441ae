"""Surprise, entropy, and the codes that reach it."""

from __future__ import annotations

import math
import re

import streamlit as st

from core.coding import decode, encode, expected_length, huffman_code
from dashboard import page, state
from dashboard.charts import entropy as charts
from dashboard.frames import entropy as frames
from dashboard.frames.common import written
from dashboard.sources import (
    KINDS,
    MAX_OUTCOMES,
    Source,
    count_text,
    parse_beside,
    parse_counts,
    source_of,
    with_share,
    written_counts,
    written_numbers,
)
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
MAX_SLIDERS = 8
MAX_LEAVES = 16
MAX_DRAWN = 1000

FROM = state.Choice("from", "Distribution from", "Counts as numbers, or a text to count in.")
KIND = state.Choice("kind", "Count its", "What an outcome is: a letter, a character or a word.")
ENTERED = state.Text(
    "counts",
    "Counts",
    PRESETS["Weather"],
    "Numbers, or name=number pairs, separated by commas, spaces or lines. Only their proportions "
    "count.",
)
COUNTED = state.Text(
    "text",
    "Text",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the "
    "age of foolishness",
    "Any text: what is counted in it becomes the distribution.",
)
OTHER = state.Text(
    "q",
    "q, which the code is made for (empty: uniform)",
    "",
    "As the counts: one number per outcome, or name=number pairs.",
)
YES = state.Choice("yes", "Yes means", "This outcome against all the others.")
LENGTH = state.Slider(
    "length", "Symbols in the message", 1000, 10, 10000, 10, "How many are drawn from p."
)
SEED = state.Slider("seed", "Seed", 0, 0, 99, 1, "Another seed, another message.")
BLOCK = state.Slider(
    "block", "Symbols in a block, n", 2, 1, frames.MAX_BLOCK_SIZE, 1, "How many share a word."
)


@st.fragment
def explore() -> None:
    """Show the distribution and everything that follows from it."""
    with page.controls():
        source = _source()
    if source is None:
        return
    _surprise(source)
    yes_or_no(source)
    occurring = source.occurring()
    _code(occurring)
    messages(occurring)
    wrong_code(source)


def _source() -> Source | None:
    """Show the controls of the distribution and return it, or say why there is none."""
    is_text = state.pick(FROM, [COUNTS, TEXT]) == TEXT
    try:
        if is_text:
            kind = state.pick(KIND, KINDS)
            return source_of(count_text(state.long_text(COUNTED), kind))
        with st.container(horizontal=True):
            for title, counts in PRESETS.items():
                st.button(title, key=f"preset {title}", on_click=_enter, args=(counts, ""))
        source = _read_while_typed(state.long_text(ENTERED))
    except ValueError as error:
        state.refuse("This is no distribution yet.", str(error))
        return None
    if 2 <= len(source.names) <= MAX_SLIDERS:
        _sliders(source)
    return source


def _read_while_typed(entered: str) -> Source:
    """Return the source in a text whose last word may still be on its way to a count."""
    try:
        return source_of(parse_counts(entered))
    except ValueError:
        last = re.search(r"[^\s,;]+$", entered)
        if last is None or _is_number(last[0].rpartition("=")[2]):
            raise
        source = source_of(parse_counts(entered[: last.start()]))
        st.caption("The last word is left out until it is a count.")
        return source


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _enter(counts: str, other: str) -> None:
    st.session_state[ENTERED.key] = counts
    st.session_state[OTHER.key] = other


def _sliders(source: Source) -> None:
    """Show a slider per outcome; each writes the counts anew, and they hold the state."""
    columns = st.columns(min(4, len(source.names)))
    for i, name in enumerate(source.names):
        key = f"share {i}"
        st.session_state[key] = _percent(source, i)
        columns[i % len(columns)].slider(
            state.plain(name),
            0.0,
            100.0,
            step=0.1,
            format="%.1f %%",
            key=key,
            on_change=_move,
            args=(source, i),
        )


def _percent(source: Source, i: int) -> float:
    return round(100 * float(source.p[i]), 1)


def _move(source: Source, i: int) -> None:
    percent = st.session_state[f"share {i}"]
    if percent == _percent(source, i):
        # Sliders that come back after a text say where they stand, and nobody moved them.
        return
    moved = with_share(source.p, i, percent / 100)
    st.session_state[ENTERED.key] = written_counts(source.names, 100 * moved)


def _surprise(source: Source) -> None:
    bits = frames.entropy_bits(source)
    rows = frames.surprises(source)
    st.header("Surprise and entropy")
    st.latex(
        r"\begin{aligned}\text{surprise} &= -\log_2 p_i \\ {\color{#0072B2}H(p)} "
        r"&= -\textstyle\sum_i p_i \log_2 p_i\end{aligned}"
    )
    with st.container(horizontal=True):
        st.metric("Entropy (bits)", written(bits["entropy"], 4))
        st.metric("Most it could be (bits)", written(bits["most"], 4), help="With all alike.")
        st.metric("Outcomes", len(source.names))
    drawn = rows.head(MAX_DRAWN)
    page.figure(
        charts.surprise_area(drawn, bits["entropy"], style.BLUE),
        "Each outcome as wide as its probability and as high as its surprise",
        "surprise",
        rows,
    )
    if len(rows) > MAX_DRAWN:
        st.caption(f"Drawn are the {MAX_DRAWN} most probable of {len(rows)} outcomes.")
    occurring = rows[rows["probability"] > 0]
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
        f"the mean surprise, the entropy: {written(bits['entropy'], 4)} bits. No lossless code "
        "takes fewer on average."
    )
    never = len(rows) - len(occurring)
    if never:
        st.caption(f"Of probability 0, and without width: {never}. Their surprise is infinite.")
    with st.expander("The numbers"):
        st.dataframe(rows, hide_index=True, alt="Outcome, probability, surprise and its term")


@st.fragment
def yes_or_no(source: Source) -> None:
    """Show one outcome against the others on the curve of the binary entropy."""
    st.header("Yes or no")
    with page.controls():
        yes = state.choose(YES, source.names[:MAX_DRAWN])
    p = float(source.p[source.names.index(yes)])
    bits = frames.yes_no_bits(p)
    curve = frames.binary_curve()
    page.figure(
        charts.binary_entropy_curve(curve, p, bits, style.BLUE),
        "The entropy of a yes-no question against the probability of yes",
        "binary entropy",
        curve,
    )
    st.markdown(
        f"Whether it is “{state.plain(yes)}”: yes with probability {written(p, 4)}, worth "
        f"{written(bits, 4)} bits. One bit at most, where yes and no are alike; none where the "
        "answer is known before."
    )


def _code(source: Source) -> None:
    st.header("The shortest code")
    code = huffman_code(source.p)
    table = frames.code_table(source, code)
    entropy = frames.entropy_bits(source)["entropy"]
    length = expected_length(code, source.p)
    st.latex(r"{\color{#0072B2}H} \le L = \textstyle\sum_i p_i\, \ell_i < {\color{#0072B2}H} + 1")
    with st.container(horizontal=True):
        st.metric("Entropy H (bits)", written(entropy, 4))
        st.metric("Huffman code L (bits)", written(length, 4))
        st.metric("Above the entropy (bits)", written(max(length - entropy, 0.0), 4))
    if len(source.names) == 1:
        st.markdown("One outcome has the empty word: there is nothing to say, and no tree.")
    elif len(source.names) > MAX_LEAVES:
        st.caption(
            f"A tree of {len(source.names)} leaves is too large to read: it is drawn up to "
            f"{MAX_LEAVES}. The table has every word."
        )
    else:
        branches = frames.tree(source, code)
        page.figure(
            charts.code_tree(branches, (style.BLUE, style.VERMILLION)),
            "The tree of the Huffman code: each outcome's word is the way to its leaf",
            "tree",
            branches,
        )
        st.markdown(
            "**Huffman's code** joins the two rarest until one is left. The way from the root to a "
            "leaf, :blue[**0**] or :orange[**1**] at each fork, is its word: no word begins "
            "another, so that a message needs no commas. A branch is as thick as its traffic."
        )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "probability": st.column_config.NumberColumn(format="%.4f"),
            "surprise_bits": st.column_config.NumberColumn("surprise (bits)", format="%.3f"),
            "length_bits": st.column_config.NumberColumn("length (bits)", format="%d"),
            "term_bits": st.column_config.NumberColumn("p × length", format="%.4f"),
        },
        alt="The word of each outcome",
    )


@st.fragment
def messages(source: Source) -> None:
    """Show a message from source to destination, and what ever longer ones cost."""
    st.header("From source to destination")
    with page.controls():
        columns = st.columns(3)
        with columns[0]:
            length = int(state.slider(LENGTH))
        with columns[1]:
            wanted = int(state.slider(BLOCK))
        with columns[2]:
            seed = int(state.slider(SEED))
    n = min(wanted, frames.largest_block(len(source.names)))
    code = huffman_code(source.p)
    symbols = frames.message(source, length, seed)
    bits = encode(symbols.tolist(), code)
    is_same = decode(bits, code, length) == symbols.tolist()
    shown = min(length, frames.WRITTEN_SYMBOLS)
    st.markdown(f"A message of {length} symbols; the first {shown}, with their words:")
    st.code(frames.written_message(source, code, symbols), language=None)
    entropy = frames.entropy_bits(source)["entropy"]
    st.markdown(
        f"Sent: {len(bits)} bits, {written(len(bits) / length, 4)} a symbol. Received and decoded: "
        + ("the same message, none lost." if is_same else "another message.")
    )
    grown = frames.growth(source, symbols, n)
    colours = dict(
        zip(
            grown["counted"].drop_duplicates(),
            (style.BLUE, style.VERMILLION, style.GREEN),
            strict=False,
        )
    )
    page.figure(
        charts.growth_curves(grown, entropy, colours),
        "Bits a symbol against the length of the message",
        "bits a symbol",
        grown,
    )
    ends = grown.groupby("counted", sort=False)["bits_per_symbol"].last()
    st.markdown(
        f"As the message grows, its mean **:blue[surprise]** tends to H = {written(entropy, 4)} "
        f"bits: here it ends at {written(ends['Surprise'], 4)}. The **:orange[Huffman code]** "
        f"tends to its own L, for it rounds each word to whole bits: {written(ends.iloc[1], 4)}."
        + (f" In **:green[blocks of {n}]** that share a word: {written(ends.iloc[2], 4)}."
           if len(ends) > 2 else "")
    )  # fmt: skip
    if n < wanted:
        st.caption(
            f"{len(source.names)} outcomes in blocks of {n + 1} would be more than "
            f"{frames.MAX_BLOCKS} words: n stays at {n}."
        )
    st.header("Blocks of n")
    st.latex(r"{\color{#0072B2}H} \le L_n < {\color{#0072B2}H} + \tfrac{1}{n}")
    blocks = frames.block_lengths(source)
    page.figure(
        charts.block_bars(blocks, n, (style.GREY, style.GREEN)),
        "Bits a symbol of Huffman codes over blocks, and the bounds H and H + 1/n",
        "blocks",
        blocks,
    )
    best = blocks.nsmallest(1, "bits_per_symbol").iloc[0]
    st.markdown(
        f"A word for each block of n symbols wastes less than one bit a block, 1/n a symbol: the "
        f"**grey room** that is left between H and H + 1/n. The least here is "
        f"{written(best['bits_per_symbol'], 4)} bits at n = {int(best['n'])}, where the code has "
        f"a word for each of {len(source.names)}ⁿ = {len(source.names) ** int(best['n'])} blocks."
    )


@st.fragment
def wrong_code(source: Source) -> None:
    """Show what messages from p cost in a code made for q."""
    st.header("The wrong code")
    with page.controls():
        with st.container(horizontal=True):
            for title, counts in (
                ("q uniform", ""),
                ("q = p", written_numbers(source.counts)),
                ("q = p backwards", written_numbers(source.counts[::-1])),
            ):
                st.button(
                    title,
                    key=title,
                    on_click=_enter_other,
                    args=(counts,),
                    disabled=len(source.names) > MAX_OUTCOMES,
                )
        entered = state.long_text(OTHER)
    try:
        other = parse_beside(entered, source)
    except ValueError as error:
        state.refuse("This q can't be read.", str(error))
        return
    costs = frames.costs(source, other)
    rows = frames.wrong_code(source, other)
    st.latex(
        r"\begin{aligned}H(p, q) &= -\textstyle\sum_i p_i \log_2 q_i \\ "
        r"&= {\color{#0072B2}H(p)} + {\color{#D55E00}\mathrm{KL}(p\,\|\,q)}\end{aligned}"
    )
    with st.container(horizontal=True):
        st.metric("H(p) (bits)", written(costs["entropy"], 4))
        st.metric("KL(p‖q) (bits)", written(costs["divergence"], 4))
        st.metric("Cross-entropy H(p, q) (bits)", written(costs["cross_entropy"], 4))
    page.figure(
        charts.wrong_code_area(
            rows.head(MAX_DRAWN),
            costs["entropy"],
            costs["cross_entropy"],
            (style.BLUE, style.VERMILLION),
        ),
        "The ideal word lengths for p as an area, and those for q over it",
        "wrong code",
        rows,
    )
    if math.isinf(costs["divergence"]):
        st.markdown(
            "q gives probability 0 to what does happen: its code has no word for that, and the "
            "cost is infinite."
        )
        return
    page.figure(
        charts.cost_bars(costs, (style.BLUE, style.VERMILLION, style.GREY)),
        "Bits a symbol by the code for p, and by the code for q",
        "cost",
        rows,
    )
    st.markdown(
        f"A word is as long as q thinks its outcome rare: **:orange[−log₂ q]**, too long where q "
        f"is below p, and too short, in pale, where it is above. Used on messages from p the code "
        f"takes {written(costs['cross_entropy'], 4)} bits a symbol, "
        f"**:blue[{written(costs['entropy'], 4)}]** that any code needs and "
        f"**:orange[{written(costs['divergence'], 4)}]** for the mistake. Rounded up to whole "
        f"bits, as Shannon did, {written(costs['whole_bits'], 4)}. A classifier that is trained by "
        "cross-entropy makes this smaller: its q comes nearer to p."
    )
    with st.expander("The numbers"):
        st.dataframe(rows, hide_index=True, alt="Each outcome's word lengths for p and for q")


def _enter_other(other: str) -> None:
    st.session_state[OTHER.key] = other


def show() -> None:
    """Show the page."""
    st.title("Entropy")
    st.markdown(
        "A source sends messages to a destination. The entropy is the smallest average size of "
        "their lossless encoding: rare news is long, frequent news short."
    )
    explore()
