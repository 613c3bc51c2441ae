"""BCE and CCE on sample predictions."""

import numpy as np
import streamlit as st

from dashboard import frames, state, theme
from dashboard.charts.bars import term_bars
from dashboard.charts.curves import loss_against_logit

CURVE_REACH = 8.0


@st.fragment
def compare() -> None:
    """Show the controls and what follows from them."""
    state.sample_buttons()
    entered = state.text(state.LOGITS)
    try:
        logits = state.parse_logits(entered)
    except ValueError as error:
        state.refuse("These logits can't be read.", str(error))
        return
    names = frames.class_names(len(logits))
    label = names.index(state.choose(state.LABEL, names))

    terms = frames.loss_terms(logits, label)
    totals = terms.groupby("loss")["term"].sum(min_count=len(logits))
    if not np.isfinite(totals.to_numpy()).all():
        st.warning(
            "A loss here is infinite or undefined: an infinite logit either takes all the "
            "probability from the true class, or leaves no distribution at all."
        )
    longest = terms["term"].replace(np.inf, np.nan).max()
    most = 1.15 * longest if longest > 0 else 1.0

    for column, loss, colour, formula in zip(
        st.columns(2),
        ("BCE", "CCE"),
        (theme.BCE, theme.CCE),
        (
            r"\sum_i -t_i \log \sigma(z_i) - (1 - t_i) \log \sigma(-z_i)",
            r"-\sum_i t_i \log s_i = -\log s_p",
        ),
        strict=True,
    ):
        with column, st.container(border=True):
            st.subheader({"BCE": "Binary cross-entropy", "CCE": "Categorical cross-entropy"}[loss])
            st.latex(formula)
            st.altair_chart(
                term_bars(terms[terms["loss"] == loss], colour, theme.INK, most),
                alt=f"What each class adds to the {loss}, in nats",
            )
            left, right = st.columns(2)
            left.metric(f"{loss} (nats)", f"{totals[loss]:.4f}")
            right.metric(f"{loss} (bits)", f"{totals[loss] / frames.NATS_PER_BIT:.4f}")

    is_true = terms["class"] == names[label]
    of_true = terms[is_true].set_index("loss")
    probability = of_true["probability"]
    of_others = terms["term"][~is_true & (terms["loss"] == "BCE")].sum()
    st.markdown(
        f"The one-hot target leaves **CCE** one term, the surprise of {names[label]}: "
        f"−log {probability['CCE']:.6g} = {of_true['term']['CCE']:.4f} nats. **BCE** keeps all "
        f"{len(logits)}: {of_true['term']['BCE']:.4f} nats for {names[label]}, and "
        f"{of_others:.4f} for what it says of the others."
    )
    with st.expander("The numbers"):
        st.dataframe(terms, hide_index=True, alt="Every term of both losses")

    if not np.isfinite(logits).all():
        return
    st.subheader("Loss against logit")
    curves = frames.loss_curves(
        logits, label, logits[label] - CURVE_REACH, logits[label] + CURVE_REACH
    )
    st.altair_chart(
        loss_against_logit(
            curves,
            float(logits[label]),
            {"CCE": theme.CCE, "BCE, target 1": theme.BCE, "BCE, target 0": theme.BCE},
            theme.MARK,
        ),
        alt="CCE, and BCE with the targets 1 and 0, against the logit of the true class",
    )
    st.markdown(
        "Far on the wrong side every loss grows in proportion to the logit, so its slope, the "
        "gradient, stays near 1: a mistake is never too large to learn from. CCE's bend is where "
        "the true class overtakes all the others together; BCE's is always at 0."
    )


st.title("Losses")
st.markdown(
    "A loss says how surprised a prediction is by the truth. BCE asks every class, CCE only the "
    "true one."
)
compare()
