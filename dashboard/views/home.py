"""What is here, and the first picture."""

import streamlit as st

from dashboard import frames, state, theme
from dashboard.charts.bars import activation_comparison

st.title("Cross-Entropy Lab")
st.markdown(
    "See how sigmoid and softmax, binary and categorical cross-entropy behave; follow what they do "
    "in real training runs."
)

logits = state.parse_logits(state.SAMPLES[0].logits)
frame = frames.activations(logits, temperature=1.0)
sums = frame.groupby("activation")["probability"].sum()

st.subheader("The same logits, two readings")
st.altair_chart(
    activation_comparison(frame, {"sigmoid": theme.SIGMOID, "softmax": theme.SOFTMAX}),
    alt="Sigmoid and softmax of the logits 4, 1, 0.5 and -1 as bars, class by class",
)
st.markdown(
    f":orange[**Softmax**] shares one probability among the classes: its bars sum to "
    f"{sums['softmax']:.2f}. :blue[**Sigmoid**] answers one yes-no question per class: here its "
    f"bars sum to {sums['sigmoid']:.2f}."
)

st.subheader("Where to go")
for column, (page, label, says) in zip(
    st.columns(3),
    (
        (
            "activations",
            "Activations",
            "Your logits through sigmoid and softmax, with temperature.",
        ),
        (
            "losses",
            "Losses",
            "What each class adds to BCE and to CCE, and the loss against the logit.",
        ),
        ("runs", "Runs", "Training runs on real data: their loss and entropy curves, and MLflow."),
    ),
    strict=True,
):
    with column.container(border=True, height="stretch"):
        st.page_link(f"views/{page}.py", label=f"**{label}**", icon=":material/arrow_forward:")
        st.caption(says)
