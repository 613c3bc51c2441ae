"""What a page says beside its pictures: formulas in their colours, tables, more on request."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import streamlit as st

from dashboard.frames.common import written
from dashboard.state import plain

COLOURS = ("blue", "orange", "green", "violet", "gray")
# More terms than that nobody adds up.
MAX_TERMS = 6
# Of a table that does not scroll.
MAX_ROWS = 16


def formula(*lines: str, under: str = "") -> None:
    r"""Show lines of LaTeX below each other, aligned at &; \blue{…} is as blue as `:blue[…]`.

    So are \orange, \green, \violet and \gray, which page.css makes stand out in either theme. What
    Markdown they stand under is part of the same element: each takes a browser milliseconds. A
    formula that stays takes none; `beside` shows what a key changes.
    """
    body = r" \\[0.3em] ".join(lines)
    for colour in COLOURS:
        body = body.replace(rf"\{colour}{{", rf"\textcolor{{{colour}}}{{")
    aligned = rf"\begin{{aligned}}{body}\end{{aligned}}"
    if under:
        st.markdown(f"{under}\n\n$$\n{aligned}\n$$")
    else:
        st.latex(aligned)


def beside(text: str) -> None:
    """Show the numbers of the formula above, as Markdown: at a key nothing is typeset again."""
    st.markdown(text, text_alignment="center")


def more(text: str) -> None:
    """Offer more words than the two sentences that a picture needs.

    One element, which page.css makes look as an expander, that is three. What the words have of
    HTML stands there as text.
    """
    words = text.replace("<", r"\<")
    st.markdown(
        f"<details><summary>More</summary>\n\n{words}\n\n</details>", unsafe_allow_html=True
    )


def figures(values: Mapping[str, str]) -> None:
    """Show figures under their names, which page.css makes look as metrics, in one element.

    Parameters
    ----------
    values : dict
        Name → figure, words of ours.
    """
    rows = (values, ["---"] * len(values), [f"**{value}**" for value in values.values()])
    st.markdown("\n".join(f"| {' | '.join(row)} |" for row in rows))


def table(frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]], says: str) -> None:
    """Show a table: of few rows as Markdown, which a browser draws at once, of more to scroll in.

    Parameters
    ----------
    frame : DataFrame
    columns : dict
        Column → its heading, and how its numbers are formatted; "" for words and, among few rows,
        for pairs of words and an address of ours.
    says : str
        The alternative text of a table to scroll in.
    """
    if len(frame) > MAX_ROWS:
        st.dataframe(
            frame[list(columns)],
            hide_index=True,
            column_config={
                column: st.column_config.NumberColumn(heading, format=f"%{form}")
                if form
                else heading
                for column, (heading, form) in columns.items()
            },
            alt=says,
        )
        return
    forms = [form for _, form in columns.values()]
    lines = [
        [heading for heading, _ in columns.values()],
        ["--:" if form else "---" for form in forms],
        *(
            [_cell(value, form) for value, form in zip(row, forms, strict=True)]
            for row in zip(*(frame[column] for column in columns), strict=True)
        ),
    ]
    st.markdown("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def _cell(value: str | float | tuple[str, str], form: str) -> str:
    if isinstance(value, tuple):
        words, address = value
        return f"[{plain(words)}]({address})"
    if isinstance(value, str):
        return plain(" ".join(value.split()))
    return format(value + 0, form) if math.isfinite(value) else written(value, 0)


def number(value: float, decimals: int = 3) -> str:
    """Return a figure in LaTeX, as `written` gives it to the rest of the page."""
    return _latex(written(value, decimals))


def short(value: float) -> str:
    """Return a number in LaTeX as one would type it: 4, 0.5, -1."""
    return _latex(typed(value))


def typed(value: float) -> str:
    """Return a number as one would type it: 4, 0.5, -1."""
    text = written(value, 3)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def product(*factors: str) -> str:
    """Return factors in a line that does not break."""
    return "\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}".join(factors)


def added(terms: Sequence[str]) -> str:
    """Return a sum that breaks before a plus."""
    return " +\N{NO-BREAK SPACE}".join(terms)


def weighted_sum(weights: Iterable[float], values: Iterable[float], result: str) -> str:
    """Return a sum of products and what it gives; of many terms only that."""
    terms = [
        product(typed(weight), typed(value)) for weight, value in zip(weights, values, strict=True)
    ]
    return f"{added(terms)} = {result}" if len(terms) <= MAX_TERMS else result


def _latex(text: str) -> str:
    text = text.replace("∞", r"\infty").replace("undefined", r"\text{undefined}")
    mantissa, is_power, exponent = text.partition("e")
    if not is_power or not re.fullmatch(r"[-+]?\d+", exponent):
        return text
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
