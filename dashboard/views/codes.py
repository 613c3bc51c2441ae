"""What the page Entropy shows of codes: the shortest, messages sent in it, and the wrong one."""

from __future__ import annotations

import math

import streamlit as st

from core.coding import decode, encode, expected_length, huffman_code
from dashboard import lesson, links, page, samples, snippets, state
from dashboard.charts import codes as charts
from dashboard.charts.entropy import cost_bars, wrong_code_area
from dashboard.frames import entropy as frames
from dashboard.frames.common import written
from dashboard.sources import MAX_OUTCOMES, Source, parse_beside, written_numbers
from dashboard.views import shares
from experiments.charts import style

MAX_LEAVES = 16
MAX_DRAWN = 1000

TABLE = {
    "outcome": ("outcome", ""),
    "probability": ("p", ".4f"),
    "surprise_bits": ("surprise (bits)", ".3f"),
    "word": ("codeword", ""),
    "length_bits": ("length ℓ (bits)", ".0f"),
    "term_bits": ("p × ℓ", ".4f"),
}
OTHER = state.Text(
    "q",
    "q, the distribution the code is for (empty: uniform)",
    "",
    "Entered like the counts: one number per outcome, or name=number pairs.",
)
LENGTH = state.Slider(
    "length", "Symbols in the message", 1000, 10, 10000, 10, "How many symbols are drawn from p."
)
SEED = state.Slider("seed", "Seed", 0, 0, 99, 1, "Each seed draws a different message.")
BLOCK = state.Slider(
    "block",
    "Symbols in a block, n",
    2,
    1,
    frames.MAX_BLOCK_SIZE,
    1,
    "How many symbols share a codeword.",
)
# Bits: less is the rounding of a sum.
VISIBLE = 1e-9


def shortest_code(source: Source) -> None:
    """Show Huffman's code as tree and table."""
    code = huffman_code(source.p)
    table = frames.code_table(source, code)
    entropy = frames.entropy_bits(source)["entropy"]
    length = expected_length(code, source.p)
    lesson.formula(
        r"L &= \textstyle\sum_i p_i\, \ell_i",
        r"\blue{H} &\le L < \blue{H} + 1",
        under="## The shortest code",
    )
    total = lesson.weighted_sum(table["probability"], table["length_bits"], written(length, 4))
    lesson.beside(f"*L* = {total}")
    lesson.figures(
        {
            "Entropy H (bits)": written(entropy, 4),
            "Huffman code L (bits)": written(length, 4),
            "Above the entropy (bits)": written(max(length - entropy, 0.0), 4),
        }
    )
    if len(source.names) == 1:
        st.markdown(
            "A single outcome gets the empty codeword: there is nothing to say, and no tree to "
            "draw."
        )
    elif len(source.names) > MAX_LEAVES:
        st.caption(
            f"The tree is drawn for up to {MAX_LEAVES} outcomes: with {len(source.names)} it is "
            "too large to read. The table has every codeword."
        )
    else:
        branches = frames.tree(source, code)
        page.figure(
            charts.code_tree(branches, (style.BLUE, style.VERMILLION)),
            "The tree of the Huffman code: each outcome's codeword is the path to its leaf",
            "tree",
            branches,
        )
        st.markdown(
            "**Huffman's algorithm** joins the two least probable branches until one tree is left. "
            "The path from the root to an outcome, :blue[**0**] or :orange[**1**] at each fork, is "
            "its codeword."
        )
        lesson.more(
            "No codeword is the start of another, so a message needs no commas. A branch is as "
            "thick as it is probable, and the last ones joined are nearest the root. No such code "
            "with a codeword for each outcome is shorter on average (Huffman, 1952). Its mean "
            "length L equals the entropy if all probabilities are powers of one half, as in "
            "“Powers of two”; otherwise it is greater, because a codeword has whole bits."
        )
    lesson.table(table, TABLE, "The codeword of each outcome")


@page.part
def messages(source: Source) -> None:
    """Show a message from source to destination, and what ever longer ones cost."""
    st.markdown("## From source to destination")
    with page.controls(), st.container(horizontal=True):
        length = int(state.slider(LENGTH))
        wanted = int(state.slider(BLOCK))
        seed = int(state.slider(SEED))
    n = min(wanted, frames.largest_block(len(source.names)))
    code = huffman_code(source.p)
    symbols = frames.message(source, length, seed)
    bits = encode(symbols.tolist(), code)
    is_same = decode(bits, code, length) == symbols.tolist()
    shown = min(length, frames.WRITTEN_SYMBOLS)
    st.markdown(f"A message of {length} symbols. The first {shown}, with their codewords:")
    # As `st.code` looks, which would fetch a highlighter of 1.5 MB before anything is drawn.
    with st.container(key="message"):
        st.text(frames.written_message(source, code, symbols))
    entropy = frames.entropy_bits(source)["entropy"]
    st.markdown(
        f"Sent: {len(bits)} bits, {written(len(bits) / length, 4)} per symbol. Received and "
        "decoded: " + ("the same message, nothing lost." if is_same else "another message.")
    )
    grown = frames.growth(source, symbols, n)
    # Of each curve the last value.
    ends = dict(zip(grown["counted"], grown["bits_per_symbol"], strict=True))
    colours = dict(zip(ends, (style.BLUE, style.VERMILLION, style.GREEN), strict=False))
    page.figure(
        charts.growth_curves(grown, entropy, colours),
        "Bits per symbol against the length of the message",
        "bits per symbol",
        grown,
    )
    surprise, takes, *of_blocks = (written(end, 4) for end in ends.values())
    huffman = (
        f"The **:orange[Huffman code]** takes exactly as much, {takes}: these probabilities are "
        "powers of one half."
        if expected_length(code, source.p) - entropy < VISIBLE
        else "The **:orange[Huffman code]** approaches its own mean length L, because its "
        f"codewords have whole bits: here {takes}."
    )
    in_blocks = (
        f" With **:green[blocks of {n}]** that share a codeword: {of_blocks[0]}."
        if of_blocks
        else ""
    )
    st.markdown(
        f"As the message grows, its mean **:blue[surprise]** approaches H = {written(entropy, 4)} "
        f"bits: here it ends at {surprise}. {huffman}{in_blocks}"
    )
    if n < wanted:
        st.caption(
            f"{len(source.names)} outcomes in blocks of {n + 1} would need more than "
            f"{frames.MAX_BLOCKS} codewords: n stays at {n}."
        )
    lesson.formula(
        r"\blue{H} \le \green{L_n} < \blue{H} + \gray{\tfrac{1}{n}}", under="## Blocks of n"
    )
    blocks = frames.block_lengths(source)
    page.figure(
        charts.block_bars(blocks, n, (style.GREY, style.GREEN)),
        "Bits per symbol of Huffman codes over blocks, and the bounds H and H + 1/n",
        "blocks",
        blocks,
    )
    best = blocks.iloc[blocks["bits_per_symbol"].argmin()]
    st.markdown(
        "One codeword per block of n symbols wastes less than one bit per block, 1/n per symbol: "
        "the code stays within the :gray[**grey bar**] from H to H + 1/n. The least here is "
        f"{written(best['bits_per_symbol'], 4)} bits at n = {int(best['n'])}, with a "
        f"codeword for each of {len(source.names)}ⁿ = {len(source.names) ** int(best['n'])} blocks."
    )


@page.part
def wrong_code(source: Source) -> None:
    """Show what messages from p cost in a code made for q."""
    st.markdown("## The wrong code")
    with page.controls(), links.asking("sample q"):
        entered = state.long_text(OTHER)
        ready = {
            "q uniform": "",
            "q = p": written_numbers(source.counts),
            "q = p reversed": written_numbers(source.counts[::-1]),
        }
        samples.presets(
            "Samples of q",
            "sample q",
            list(ready),
            next((title for title, counts in ready.items() if counts == entered), None),
            lambda title: _enter_other(ready[title]),
            disabled=len(source.names) > MAX_OUTCOMES,
        )
        try:
            other = parse_beside(entered, source)
        except ValueError as error:
            state.refuse("This q can't be read.", str(error))
            return
        shares.sliders(
            [f"q of {state.plain(name)}" for name in source.names],
            other.p,
            "q share",
            lambda percent: _enter_other(written_numbers(percent, 4)),
        )
    costs = frames.costs(source, other)
    rows = frames.wrong_code(source, other)
    right, more, wrong = (
        written(costs[name], 4) for name in ("entropy", "divergence", "cross_entropy")
    )
    lesson.formula(
        r"\orange{\mathrm{KL}(p\,\|\,q)} &= \textstyle\sum_i p_i \log_2 (p_i / q_i)",
        r"H(p, q) &= -\textstyle\sum_i p_i \log_2 q_i",
        r"&= \blue{H(p)} + \orange{\mathrm{KL}(p\,\|\,q)}",
    )
    lesson.beside(f"*H*(*p*, *q*) = :blue[{right}] + :orange[{more}] = {wrong}")
    lesson.figures(
        {"H(p) (bits)": right, "KL(p‖q) (bits)": more, "Cross-entropy H(p, q) (bits)": wrong}
    )
    page.figure(
        wrong_code_area(
            rows.head(MAX_DRAWN),
            costs["entropy"],
            costs["cross_entropy"],
            (style.BLUE, style.VERMILLION),
        ),
        "The ideal codeword lengths for p as an area, and those for q over it",
        "wrong code",
        rows,
    )
    if math.isinf(costs["divergence"]):
        st.markdown(
            "q gives probability 0 to an outcome that does occur: its code has no codeword for it, "
            "and the cost is infinite."
        )
    else:
        page.figure(
            cost_bars(costs, (style.BLUE, style.VERMILLION, style.GREY)),
            "Bits per symbol with the code for p, and with the code for q",
            "cost",
            rows,
        )
        st.markdown(
            "The code for q gives each outcome **:orange[−log₂ q]** bits: too many where q is "
            "below p, too few (pale) where q is above. On messages from p it takes "
            f"{wrong} bits per symbol: **:blue[{right}]** that any code needs, and "
            f"**:orange[{more}]** for the wrong distribution."
        )
        lesson.more(
            f"Rounded up to whole bits, as Shannon did, the code for q takes "
            f"{written(costs['whole_bits'], 4)} bits per symbol. KL is never negative, is 0 only "
            "if q = p, and usually changes if p and q are swapped. Training a classifier with "
            "cross-entropy makes it smaller: p is the truth, q is the prediction, and H(p) is the "
            "part that no training removes."
        )
    page.numbers(
        rows, "The codeword lengths of each outcome for p and for q", key="numbers of both"
    )
    if len(source.names) <= snippets.MAX_WRITTEN:
        page.as_code(lambda: snippets.entropies(source.p, other.p))
    else:
        st.caption(f"Copy as code takes up to {snippets.MAX_WRITTEN} outcomes.")


def _enter_other(other: str) -> None:
    st.session_state[OTHER.key] = other
