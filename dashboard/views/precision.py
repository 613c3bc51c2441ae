"""Where the textbook formulas break, and where ours do not."""

import math

import pandas as pd
import streamlit as st

from dashboard import lesson, page, precision_snippets, state
from dashboard.views import more_on_precision
from experiments.charts.precision import outcome_map
from experiments.precision import (
    DTYPES,
    FUNCTIONS,
    OURS,
    REACH,
    TEXTBOOK,
    USUAL,
    at_logit,
    breaks,
    precision_map,
    printed,
)

SUMMARY = "Where the textbook formulas give inf, NaN or a false 0 in each dtype, and ours do not."
FUNCTION = state.Choice(
    "function", "Function", "What is computed from the logits (x, 0), or from x."
)
LOGIT = state.Text(
    "logit", "Your logit x", "20", "It is marked on the map; inf and -inf are numbers too."
)
BCE_TEXTBOOK = (
    r"\begin{gathered} p = 1/(1 + e^{-x}) \\ -t \log p - (1 - t) \log(1 - p) \end{gathered}"
)
LATEX = {
    "CCE": {
        TEXTBOOK: r"-\log \frac{e^x}{e^x + e^0}",
        USUAL: r"m + \log\left(e^{x - m} + e^{-m}\right) - x",
        OURS: r"\mathrm{log1p}\left(e^{-|x|}\right) - \min(x, 0)",
    },
    "BCE, target 1": {
        TEXTBOOK: BCE_TEXTBOOK,
        OURS: r"\mathrm{log1p}\left(e^{-|x|}\right) - \min(x, 0)",
    },
    "BCE, target 0": {
        TEXTBOOK: BCE_TEXTBOOK,
        OURS: r"\mathrm{log1p}\left(e^{-|x|}\right) + \max(x, 0)",
    },
    "softmax": {
        TEXTBOOK: r"\frac{e^x}{e^x + e^0}",
        OURS: r"\frac{e^{x - m}}{e^{x - m} + e^{-m}}",
    },
    "log-softmax": {
        TEXTBOOK: r"\log \frac{e^x}{e^x + e^0}",
        USUAL: r"(x - m) - \log\left(e^{x - m} + e^{-m}\right)",
        OURS: r"(x - m) - \mathrm{log1p}\left(e^{-|x|}\right)",
    },
    "sigmoid": {
        TEXTBOOK: r"\frac{1}{1 + e^{-x}}",
        OURS: r"\frac{1}{1 + e^{-x}} \text{, or } e^x \text{ where } e^{-x} = \infty",
    },
}
CONFIDENT = (
    "On the right, class 0 is predicted with confidence: its probability rounds to 1, and log 1 "
    "is 0. Further on $e^x$ overflows, and inf/inf is NaN. On the left, its probability becomes 0, "
    "whose log is infinite. **Log-sum-exp** never overflows, but $1 + e^{-x}$ still rounds to 1: "
    "the small loss of a confident row is lost."
)
WHY = {
    "CCE": CONFIDENT,
    "log-softmax": CONFIDENT,
    "BCE, target 1": (
        "On the right, p rounds to 1, and the term that should be 0 is 0 · log 0, which is NaN. On "
        "the left, $e^{-x}$ overflows: p is 0, and the loss infinite."
    ),
    "BCE, target 0": (
        "On the right, p rounds to 1, and −log(1 − p) is infinite where the loss is about x. On "
        "the left, 1 − p rounds to 1 and the loss to 0; further on $e^{-x}$ overflows, and 0 · log "
        "0 is NaN."
    ),
    "softmax": (
        "On the right, $e^x$ overflows, and inf/inf is NaN. On the left, it goes to 0 as the "
        "probability does. Subtracting the maximum m first is the whole cure."
    ),
    "sigmoid": (
        "On the left, $e^{-x}$ overflows, and p becomes 0 where the dtype still has numbers for it."
    ),
}
DIRECTION = {"above": "up", "below": "down"}
# What most networks are trained in.
USUAL_DTYPE = "float32"


@page.part
def compare() -> None:
    """Show the controls and what follows from them."""
    with page.controls():
        left, right = st.columns(2)
        with left:
            function = state.choose(FUNCTION, list(FUNCTIONS))
        with right:
            logit = state.number(LOGIT)

    for column, (formula, latex) in zip(
        st.columns(len(LATEX[function])), LATEX[function].items(), strict=True
    ):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{formula.capitalize()}**")
            st.latex(latex)
    st.caption(_of_what(function))

    cells = precision_map(function)
    page.figure(
        outcome_map(cells, logit),
        f"Where each formula of {function} is right and where it breaks, in each dtype, by logit",
        f"precision of {function}",
        cells,
    )
    found = breaks(function)
    st.markdown(f"{_overflows()} {WHY[function]}")
    st.markdown(
        f"In {USUAL_DTYPE}, going outwards from 0, "
        + "; ".join(
            f"**{formula}** is {_breaking(found, formula, USUAL_DTYPE)}"
            for formula in FUNCTIONS[function]
        )
        + "."
    )
    with st.expander("Where each formula breaks, in every dtype"):
        st.markdown(
            "\n".join(
                f"- **{formula.capitalize()}, {dtype}**: {_breaking(found, formula, dtype)}."
                for formula in FUNCTIONS[function]
                for dtype in DTYPES
            )
        )
    lesson.more(more_on_precision.more(function))

    if logit is not None:
        _show_yours(function, logit)
        if math.isfinite(logit):
            page.as_code(lambda: precision_snippets.at_logit(function, logit))
    with st.expander("What counts as right"):
        st.markdown(
            "The logit is rounded to the dtype, and each formula is computed in that dtype. The "
            "reference is `core` in float64 at the same rounded logit, which the tests compare "
            "with 500 digits. *Right* is within 1 % of it. *Too small for the dtype* is as close "
            "as the dtype gets: its smallest numbers are 6e-08 in float16, 1.4e-45 in float32 and "
            "4.9e-324 in float64. A cell of the map shows the worst of its logits, and so does "
            "the pointer."
        )


def show() -> None:
    """Show the page."""
    st.title("Precision")
    st.markdown(
        "A formula that is right on paper can overflow, or lose its digits, in a computer. Each "
        "stripe is a formula in a dtype, a number format; its colour says what comes out."
    )
    compare()


def _of_what(function: str) -> str:
    if function in ("CCE", "softmax", "log-softmax"):
        what = {"CCE": "the loss if class 0 is true"}.get(function, f"the {function} of class 0")
        return f"For two logits, (x, 0), {what}; x is the gap between them, and m the larger one."
    return "For one logit, x."


def _overflows() -> str:
    found = breaks("softmax")
    ends = found[found["formula"] == TEXTBOOK]
    said = ", ".join(f"{end.logit:.4g} in {end.dtype}" for end in ends.itertuples())
    return f"$e^x$ overflows above {said}."


def _breaking(found: pd.DataFrame, formula: str, dtype: str) -> str:
    """Return where a formula goes wrong in a dtype, on both sides of 0."""
    breaking = found[(found["formula"] == formula) & (found["dtype"] == dtype)]
    if breaking.empty:
        return (
            f"right to 1 % from −{REACH:g} to {REACH:g}, down to the smallest numbers of the dtype"
        )
    return ", ".join(
        f"{event.outcome} from {event.logit:.4g} {DIRECTION[str(event.side)]}".replace(" -", " −")
        for event in breaking.itertuples()
    )


def _show_yours(function: str, logit: float) -> None:
    st.header(f"At x = {logit:g}".replace("-", "−"))
    rows = at_logit(function, logit)
    of_each = {formula: rows[rows["formula"] == formula] for formula in FUNCTIONS[function]}
    ours = of_each[OURS]
    columns = {
        **{formula: of_formula["value"] for formula, of_formula in of_each.items()},
        "should be": ours["truth"],
        "x in the dtype": ours["logit"],
    }
    table = {name: [printed(figure) for figure in figures] for name, figures in columns.items()}
    lesson.table(
        pd.DataFrame({"dtype": list(DTYPES), **table}),
        {name: (name, "") for name in ("dtype", *table)},
        "What each formula gives",
    )
    if math.isnan(logit):
        st.markdown("NaN in, NaN out.")
        return
    st.markdown(
        "\n".join(
            f"- **{formula.capitalize()}**: {_outcomes(of_formula)}."
            for formula, of_formula in of_each.items()
        )
        + ("" if abs(logit) <= REACH else "\n\nThis logit is outside the map.")
    )


def _outcomes(of_formula: pd.DataFrame) -> str:
    return ", ".join(f"{row.outcome} in {row.dtype}" for row in of_formula.itertuples())
