"""What is here, and the first picture."""

from collections.abc import Mapping

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard import theme
from dashboard.charts.bars import activation_comparison
from dashboard.frames.activations import activations
from dashboard.parsing import parse_logits
from dashboard.samples import SAMPLES

CARDS_IN_A_ROW = 3


def show(links: Mapping[StreamlitPage, str]) -> None:
    """Show the page, with a card for each other page: what it is there for."""
    st.title("Cross-Entropy Lab")
    st.markdown(
        "The last layer of a classifier gives one number per class, its **logits**. An activation "
        "turns them into probabilities, and a loss measures how much these differ from the truth. "
        "Here you see how sigmoid and softmax, binary cross-entropy (BCE) and categorical "
        "cross-entropy (CCE) behave, follow them through real training runs, and find what is "
        "wrong with the outputs of your own model."
    )

    logits = parse_logits(SAMPLES[0].logits)
    frame = activations(logits, temperature=1.0)
    sums = frame.groupby("activation")["probability"].sum()

    st.header("The same logits, two readings")
    theme.draw(
        activation_comparison(frame, {"sigmoid": theme.SIGMOID, "softmax": theme.SOFTMAX}),
        says=f"Sigmoid and softmax of the logits {SAMPLES[0].logits} as bars, class by class",
    )
    st.markdown(
        f"The logits here are {SAMPLES[0].logits}. :orange[**Softmax**] divides a probability of "
        f"1 among the classes: its bars sum to {sums['softmax']:.2f}. :blue[**Sigmoid**] answers a "
        f"separate yes-no question for each class: its bars sum to {sums['sigmoid']:.2f}."
    )

    st.header("The tour")
    st.markdown(
        "In this order, each page builds only on those before it. You can also start with any "
        "of them."
    )
    numbered = list(enumerate(links.items(), start=1))
    for first in range(0, len(numbered), CARDS_IN_A_ROW):
        row = numbered[first : first + CARDS_IN_A_ROW]
        for column, (number, (page, says)) in zip(st.columns(CARDS_IN_A_ROW), row, strict=False):
            with column.container(border=True, height="stretch"):
                st.page_link(
                    page, label=f"{number}. **{page.title}**", icon=":material/arrow_forward:"
                )
                st.caption(says)
