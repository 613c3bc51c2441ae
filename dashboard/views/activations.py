"""The same logits through sigmoid and softmax."""

import streamlit as st

from dashboard import page, snippets, state, theme
from dashboard.charts.bars import probability_bars
from dashboard.charts.curves import entropy_against_temperature
from dashboard.frames.activations import activations, entropy_bits, entropy_curve
from dashboard.frames.common import written

# Bits: less is a flat line.
VISIBLE = 0.001
SUMMARY = "Your logits through sigmoid and softmax, with temperature."


@st.fragment
def compare() -> None:
    """Show the controls and what follows from them."""
    with page.controls():
        logits = state.logits()
        temperature = state.slider(state.TEMPERATURE)
    if logits is None:
        return

    frame = activations(logits, temperature)
    bits = entropy_bits(logits, temperature)
    undefined = frame["probability"].isna().any()
    if undefined:
        st.warning(
            "With these logits a softmax is undefined: it needs at least one that is above -inf, "
            "at most one that is +inf, and no NaN."
        )
    sums = frame.groupby("activation")["probability"].sum(min_count=len(logits))

    for column, name, colour, formula, counts in zip(
        st.columns(2),
        ("sigmoid", "softmax"),
        (theme.SIGMOID, theme.SOFTMAX),
        (
            r"\sigma(z_i) = \frac{1\vphantom{e^{z_i/T}}}{1 + e^{-z_i/T}\vphantom{\sum_j}}",
            r"\mathrm{softmax}(z)_i = \frac{e^{z_i/T}}{\sum_j e^{z_j/T}}",
        ),
        ("of all the yes-no answers", "of the one distribution"),
        strict=True,
    ):
        with column, st.container(border=True):
            st.header(name.capitalize())
            st.latex(formula)
            bars = frame[frame["activation"] == name]
            page.figure(
                probability_bars(bars, colour), f"Probability of each class by {name}", name, bars
            )
            with st.container(horizontal=True):
                st.metric("Sum", written(sums[name], 3))
                st.metric("Entropy (bits)", written(bits[name], 3), help=f"The entropy {counts}.")

    if len(logits) == 1:
        st.markdown(
            "With one class there is nothing to share: its **softmax** is 1 whatever the logit. "
            "**Sigmoid** asks one yes-no question. Both are activations, not losses."
        )
    else:
        st.markdown(
            "**Softmax** is one answer: raise a logit and every other class gives way. **Sigmoid** "
            f"asks {len(logits)} yes-no questions: each answer depends on its own logit alone, so "
            f"the sum can be anything from 0 to {len(logits)}. Both are activations, not losses."
        )

    st.header("Entropy against temperature")
    if undefined:
        st.markdown("Undefined, like the softmax.")
        return
    curve = entropy_curve(logits, state.TEMPERATURE.least, state.TEMPERATURE.most)
    page.figure(
        entropy_against_temperature(curve, temperature, bits["most"], theme.SOFTMAX),
        "Entropy of the softmax in bits against the temperature",
        "entropy against temperature",
        curve,
    )
    held = f"{written(bits['softmax'], 3)} of at most {bits['most']:.3f} bits"
    moves = curve["entropy_bits"].max() - curve["entropy_bits"].min() > VISIBLE
    st.markdown(
        f"At temperature {temperature:g} the softmax holds {held}. "
        + (
            "A lower temperature sharpens: only the largest logits keep their share. A higher one "
            "evens out."
            if moves
            else "With these logits no temperature shown changes that."
        )
    )
    with st.expander("The numbers"):
        st.dataframe(frame, hide_index=True, alt="Class, logit, activation and probability")
    page.as_code(snippets.activations(logits, temperature))


def show() -> None:
    """Show the page."""
    st.title("Activations")
    st.markdown("An activation turns logits into probabilities. The same logits, read in two ways:")
    compare()
