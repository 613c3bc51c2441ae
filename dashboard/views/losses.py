"""BCE and CCE on sample predictions."""

import numpy as np
import streamlit as st

from dashboard import page, snippets, state, theme
from dashboard.charts.bars import term_bars
from dashboard.charts.curves import loss_against_logit
from dashboard.frames.common import NATS_PER_BIT, class_names, written
from dashboard.frames.losses import loss_curves, loss_terms, rivals

SUMMARY = "What each class adds to BCE and to CCE, and the loss against the logit."


@st.fragment
def compare() -> None:
    """Show the controls and what follows from them."""
    with page.controls():
        logits = state.logits()
        if logits is None:
            return
        names = class_names(len(logits))
        label = names.index(state.choose(state.LABEL, names))

    terms = loss_terms(logits, label)
    totals = terms.groupby("loss")["term"].sum(min_count=len(logits))
    if terms["term"].isna().any():
        st.warning(
            "A loss here is undefined. CCE needs at least one logit that is above -inf and at most "
            "one that is +inf; neither loss is defined for NaN."
        )
    if np.isinf(terms["term"]).any():
        st.warning(
            "A loss here is infinite: what is true is left with no probability at all, or logits "
            "are further apart than numbers reach."
        )
    longest = terms["term"].replace(np.inf, np.nan).max()

    for column, loss, colour, formula in zip(
        st.columns(2),
        ("BCE", "CCE"),
        (theme.BCE, theme.CCE),
        (
            r"\begin{aligned}\textstyle\sum_i &-t_i \log \sigma(z_i) \\"
            r"&- (1 - t_i) \log \sigma(-z_i)\end{aligned}",
            r"\begin{aligned}&-\textstyle\sum_i t_i \log s_i \\ &= -\log s_p\end{aligned}",
        ),
        strict=True,
    ):
        with column, st.container(border=True):
            st.header({"BCE": "Binary cross-entropy", "CCE": "Categorical cross-entropy"}[loss])
            st.latex(formula)
            bars = terms[terms["loss"] == loss]
            page.figure(
                term_bars(bars, colour, longest if longest > 0 else 1.0),
                f"What each class adds to the {loss}, in nats",
                f"terms of {loss}",
                bars,
            )
            with st.container(horizontal=True):
                st.metric(f"{loss} (nats)", written(totals[loss], 4))
                st.metric(f"{loss} (bits)", written(totals[loss] / NATS_PER_BIT, 4))

    of_true = terms[terms["class"] == names[label]].set_index("loss")
    is_other = (terms["class"] != names[label]) & (terms["loss"] == "BCE")
    of_others = terms["term"][is_other].sum(skipna=False)
    surprise, yes_no = (written(of_true["term"][loss], 4) for loss in ("CCE", "BCE"))
    rest = (
        f"and {written(of_others, 4)} for what it says of the other {len(names) - 1}."
        if len(names) > 1
        else "and there is no other class."
    )
    st.markdown(
        f"The one-hot target leaves **CCE** one term, the surprise −log s_p of {names[label]}: "
        f"{surprise} nats. **BCE** adds {yes_no} nats for {names[label]}, {rest}"
    )
    with st.expander("The numbers"):
        st.dataframe(terms, hide_index=True, alt="Every term of both losses")
    page.as_code(snippets.losses(logits, label))

    if not np.isfinite(logits).all():
        return
    st.header("Loss against logit")
    curves = loss_curves(logits, label)
    page.figure(
        loss_against_logit(
            curves,
            float(logits[label]),
            {"CCE": theme.CCE, "BCE, target 1": theme.BCE, "BCE, target 0": theme.BCE},
        ),
        "CCE, and BCE with the targets 1 and 0, against the logit",
        "loss against logit",
        curves,
    )
    if len(names) == 1:
        st.markdown(
            "With one class there is nothing to choose from: its softmax is 1 and CCE is 0, "
            "whatever the logit. A yes-no question needs a sigmoid with BCE."
        )
    else:
        least, most = curves["logit"].min(), curves["logit"].max()
        cce, bce = (
            f"at {bend:.4g}" + ("" if least <= bend <= most else ", off this picture")
            for bend in (rivals(logits, label), 0.0)
        )
        st.markdown(
            f"**CCE** is drawn for the logit of {names[label]} while the others stay; it bends "
            f"where that overtakes all the others together, {cce}. **BCE** looks at one logit "
            f"alone, and bends {bce}. Far on the wrong side of its bend "
            "each grows by nearly one nat per unit of logit: the gradient stays near 1 in size, so "
            "that no mistake is too large to learn from."
        )


def show() -> None:
    """Show the page."""
    st.title("Losses")
    st.markdown(
        "A loss says how surprised a prediction is by the truth. BCE asks about every class, CCE "
        "about the true one alone."
    )
    compare()
