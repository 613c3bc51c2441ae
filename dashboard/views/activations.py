"""The same logits through sigmoid and softmax."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import lesson, links, page, samples, snippets, state, theme
from dashboard.charts.bars import MAX_LABELLED, probability_bars
from dashboard.charts.curves import entropy_against_temperature
from dashboard.charts.slopes import slope_map
from dashboard.frames.activations import (
    ACTIVATIONS,
    activations,
    costs,
    entropy_bits,
    entropy_curve,
    slopes,
    two_class_identity,
)
from dashboard.frames.common import class_names, in_parts, written

# Bits: less is a flat line.
VISIBLE = 0.001
# In a formula: more or longer powers do not fit beside a figure.
MAX_POWERS = 4
MOST_WRITTEN = 1000
TWO_CLASSES = "Two classes"
SUMMARY = "Sigmoid and softmax of your logits: sums, derivatives, temperature."


@page.part
def compare() -> None:
    """Show the controls and what follows from them."""
    with page.controls(), links.asking("logits"):
        logits = samples.logits()
        temperature = state.slider(state.TEMPERATURE)
    if logits is None:
        return

    frame = activations(logits, temperature)
    bits = entropy_bits(logits, temperature)
    undefined = frame["probability"].isna().any()
    if undefined:
        st.warning(
            "The softmax of these logits is undefined: at least one must be above -inf, at most "
            "one may be +inf, and none may be NaN."
        )
    rows = in_parts(frame, ACTIVATIONS)

    formulas = _formulas(logits, temperature, rows)
    for column, name, colour, counts in zip(
        st.columns(2, border=True),
        ACTIVATIONS,
        (theme.SIGMOID, theme.SOFTMAX),
        ("of all yes-no answers together", "of the distribution over the classes"),
        strict=True,
    ):
        with column:
            lesson.formula(*formulas[name], under=f"## {name.capitalize()}")
            bars = rows[name]
            page.figure(
                probability_bars(bars, colour), f"Probability of each class by {name}", name, bars
            )
            with st.container(horizontal=True):
                st.metric("Sum", written(bars["probability"].sum(skipna=False), 3))
                st.metric("Entropy (bits)", written(bits[name], 3), help=f"The entropy {counts}.")

    if len(logits) == 1:
        st.markdown(
            "With one class there is nothing to divide: its **softmax** is 1 whatever the logit. "
            "**Sigmoid** asks one yes-no question."
        )
    else:
        st.markdown(
            "**Softmax** gives one answer: raise a logit and every other class loses. **Sigmoid** "
            f"answers {len(logits)} yes-no questions: each answer depends on its own logit alone, "
            f"so the sum can be anything from 0 to {len(logits)}."
        )
    if np.isinf(logits).any():
        st.markdown(
            "A logit of −inf rules a class out: both activations give it 0. A logit of +inf makes "
            "a class certain: its sigmoid is 1 and the others keep theirs, but its softmax takes "
            "all."
        )
    if undefined:
        st.markdown("The rest of this page needs a softmax that is defined.")
        return
    _show_slopes(logits, temperature)
    _show_entropy(logits, temperature, bits)
    _show_two_classes(logits, temperature)
    _show_costs(logits, temperature)
    page.numbers(frame, "Class, logit, activation and probability")
    page.as_code(lambda: snippets.activations(logits, temperature))


def show() -> None:
    """Show the page."""
    st.title("Activations")
    st.markdown("An activation turns logits into probabilities. The same logits, read in two ways:")
    compare()


def _formulas(
    logits: np.ndarray, temperature: float, rows: dict[str, pd.DataFrame]
) -> dict[str, list[str]]:
    """Return both activations in lines, with the numbers of the first class where they are few."""
    formulas = {
        "sigmoid": [
            r"\blue{\sigma_i} &= \frac{1\vphantom{e^{z_i/T}}}{1 + e^{-z_i/T}\vphantom{\sum_j}}"
        ],
        "softmax": [r"\orange{s_i} &= \frac{e^{z_i/T}}{\sum_j e^{z_j/T}}"],
    }
    if len(logits) > MAX_POWERS or not (np.abs(logits) < MOST_WRITTEN).all():
        return formulas
    over = "" if temperature == 1 else f"/{temperature:g}"
    powers = [rf"e^{{{lesson.short(z)}{over}}}" for z in logits]
    first = {name: rows[name]["probability"][0] for name in ACTIVATIONS}
    minus = rf"e^{{{lesson.short(0.0 - logits[0])}{over}}}"
    formulas["sigmoid"].append(
        rf"\blue{{\sigma_0}} &= \frac{{1\vphantom{{{minus}}}}}{{1 + {minus}}} = "
        rf"\blue{{{lesson.number(first['sigmoid'])}}}"
    )
    formulas["softmax"].append(
        rf"\orange{{s_0}} &= \frac{{{powers[0]}}}{{{' + '.join(powers)}}} = "
        rf"\orange{{{lesson.number(first['softmax'])}}}"
    )
    return formulas


def _show_slopes(logits: np.ndarray, temperature: float) -> None:
    st.markdown(
        "## Which logit moves which output\n\nThe derivative of each output with respect to each "
        "logit, x = z/T (δ is 1 where i = j, else 0):"
    )
    frame = slopes(logits, temperature, MAX_LABELLED)
    rows = in_parts(frame, ACTIVATIONS)
    for column, name, formula in zip(
        st.columns(2, border=True),
        ACTIVATIONS,
        (
            r"\frac{\partial\,\sigma(x_i)}{\partial x_j} = \delta_{ij}\,\sigma(x_i)\,\sigma(-x_i)",
            r"\frac{\partial s_i}{\partial x_j} = s_i\,(\delta_{ij} - s_j)",
        ),
        strict=True,
    ):
        with column:
            lesson.formula(formula, under=f"**{name.capitalize()}**")
            page.figure(
                slope_map(rows[name]),
                f"The derivative of each {name} with respect to each logit",
                f"slopes of {name}",
                rows[name],
            )
    if len(logits) > MAX_LABELLED:
        st.caption(f"The {MAX_LABELLED} classes with the largest logits, of {len(logits)}.")

    top = class_names(len(logits))[int(logits.argmax())]
    of_top = {
        name: of_one[of_one["logit"] == top].set_index("output")["slope"]
        for name, of_one in rows.items()
    }
    own = {name: written(of_top[name][top], 3) for name in ACTIVATIONS}
    unit = "per unit" if temperature == 1 else "per unit of x = z/T"
    if len(logits) == 1:
        st.markdown(f"Its softmax never moves; its sigmoid rises by {own['sigmoid']} {unit}.")
        return
    others = of_top["softmax"].drop(top)
    st.markdown(
        f"Raise the logit of {top} a little: its **softmax** rises by {own['softmax']} {unit}, and "
        f"the others together lose as much, {others.idxmin()} the most: "
        f"{written(abs(others.min()), 3)}. Its **sigmoid** rises by {own['sigmoid']}, and no other "
        "class moves: off the diagonal, every derivative is exactly 0."
    )
    lesson.more(
        "Each softmax output depends on all the logits. Each column of the whole map sums to 0: "
        "what one class gains, the others lose. Each row sums to 0 too: add the same number to all "
        "logits, and nothing moves. No derivative exceeds one quarter, reached at probability one "
        "half. Near 0 and 1 both activations are flat, and a squared error learns slowly there."
    )


def _show_entropy(logits: np.ndarray, temperature: float, bits: dict[str, float]) -> None:
    lesson.formula(
        r"\orange{H(s)} = -\textstyle\sum_i s_i \log_2 s_i = "
        rf"\orange{{{lesson.number(bits['softmax'])}}}\;\text{{bits}}",
        under="## Entropy against temperature",
    )
    curve = entropy_curve(logits, state.TEMPERATURE.least, state.TEMPERATURE.most, temperature)
    page.figure(
        entropy_against_temperature(curve, temperature, bits["most"], theme.SOFTMAX),
        "Entropy of the softmax in bits against the temperature",
        "entropy against temperature",
        curve,
    )
    held = f"{written(bits['softmax'], 3)} bits, of at most {bits['most']:.3f}"
    moves = curve["entropy_bits"].max() - curve["entropy_bits"].min() > VISIBLE
    st.markdown(
        f"At temperature {temperature:g} the softmax has an entropy of {held}. "
        + (
            "A lower temperature sharpens it: only the largest logits keep their share. A higher "
            "one flattens it."
            if moves
            else "With these logits no temperature shown changes that."
        )
    )


def _show_two_classes(logits: np.ndarray, temperature: float) -> None:
    lesson.formula(
        r"\begin{aligned}\orange{s_0} &= \frac{e^{z_0}}{e^{z_0} + e^{z_1}}\\[1ex]"
        r"&= \frac{1}{1 + e^{-(z_0 - z_1)}} = \blue{\sigma(z_0 - z_1)}\end{aligned}",
        under="## With two classes, softmax is a sigmoid",
    )
    if len(logits) != 2:
        st.markdown(
            "A softmax of two classes is the sigmoid of the difference of their logits: one yes-no "
            f"question, not two. Here there are {len(logits)} classes."
        )
        st.button("Show it with two classes", key="two classes", on_click=_use_two_classes)
        return
    of_softmax, of_difference = two_class_identity(logits, temperature)
    each = activations(logits, temperature)["probability"]
    over = "" if temperature == 1 else f", each over {temperature:g}"
    st.markdown(
        f"Here z₀ = {logits[0]:g} and z₁ = {logits[1]:g}{over}: :orange[**softmax**] gives class 0 "
        f"the probability {written(of_softmax, 6)}, and :blue[**sigmoid**] of the difference is "
        f"{written(of_difference, 6)}. That is one question: which of the two? The sigmoids of the "
        f"two logits answer two questions, with {written(each[0], 3)} and "
        f"{written(each[1], 3)}."
    )


def _show_costs(logits: np.ndarray, temperature: float) -> None:
    says = (
        "Nothing so far depended on which class is true. **Softmax is an activation, not a loss**, "
        "like sigmoid: neither takes a target. A loss needs one. The same probabilities with two "
        "targets:"
        if len(logits) > 1
        else "Nothing so far depended on whether the class is true. Softmax and sigmoid are "
        "activations, not losses: a loss needs a target. The same probability, if it is true:"
    )
    st.markdown(f"## An activation, not a loss\n\n{says}")
    frame = costs(logits, temperature)
    if len(logits) == 1:
        frame = frame.head(1)
    for column, cost in zip(
        st.columns(len(frame), border=True), frame.to_dict("records"), strict=True
    ):
        with column:
            st.markdown(f"**If {cost['true_class']} is true**")
            with st.container(horizontal=True):
                st.metric("CCE of the softmax (nats)", written(cost["CCE"], 4))
                st.metric("BCE of the sigmoids (nats)", written(cost["BCE"], 4))
    if len(frame) > 1:
        likely, unlikely = frame["CCE"]
        st.markdown(
            f"One softmax, two targets: a CCE of {written(likely, 4)} nats, or of "
            f"{written(unlikely, 4)}."
        )
        lesson.more(
            "Many losses apply the activation themselves and expect logits: all those of `core` "
            "do, and so do PyTorch's `CrossEntropyLoss` and `BCEWithLogitsLoss`. “Softmax loss” is "
            "short for softmax followed by CCE. A softmax before a loss that applies its own "
            "squeezes the logits into 0 to 1: such a network learns slowly and never gets sure."
        )


def _use_two_classes() -> None:
    with links.click():
        samples.use_sample(TWO_CLASSES)
