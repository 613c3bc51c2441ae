"""BCE and CCE on sample predictions."""

import numpy as np
import streamlit as st

from core.activations import softmax
from dashboard import page, snippets, state, theme
from dashboard.charts.bars import term_bars
from dashboard.charts.curves import loss_against_logit, loss_against_probability
from dashboard.charts.losses import optimum_bars, stacked_parts
from dashboard.frames.common import NATS_PER_BIT, class_names, written
from dashboard.frames.losses import (
    Options,
    compared,
    entropy_and_divergence,
    loss_curves,
    loss_terms,
    optimum,
    probability_curves,
    rivals,
)
from experiments.charts import style

SUMMARY = (
    "What each class adds to BCE and to CCE; smoothing, weights, and other losses beside them."
)
# Probability: less is the rounding of a figure.
VISIBLE = 0.00005
CURVES = {
    "CCE": theme.CCE,
    "BCE, target 1": theme.BCE,
    "BCE, target 0": theme.BCE,
    "Focal": style.GREY,
    "Squared error": style.GREEN,
}
PARTS = {
    "entropy": "H(t), the entropy of the target",
    "divergence": "KL(t‖s), what training can take away",
}
OPTIMA = {"target": style.GREEN, "best softmax": style.VERMILLION}

TARGET = state.Text(
    "target",
    "Target distribution",
    "",
    "Empty is a hard target: all for the true class. Or a soft one: a share for each class, such "
    "as 0.7, 0.2, 0.1; divided by their sum, and 0 for classes left out at the end.",
    placeholder="hard: all for the true class",
)
SMOOTHING = state.Slider(
    "label_smoothing",
    "Label smoothing",
    0.0,
    0.0,
    1.0,
    0.01,
    "How much of the target is spread evenly: over all classes for CCE, over yes and no for BCE.",
)
WEIGHT = state.Slider(
    "class_weight",
    "Class weight of the true class",
    1.0,
    0.1,
    10.0,
    0.1,
    "Multiplies what this class adds to CCE and BCE; the others keep 1.",
)
GAMMA = state.Slider(
    "gamma",
    "Focal γ",
    2.0,
    0.0,
    5.0,
    0.5,
    "How far the focal loss turns easy examples down; 0 is CCE.",
)


@st.fragment
def compare() -> None:
    """Show the controls and what follows from them."""
    with page.controls():
        logits = state.logits()
        if logits is None:
            return
        names = class_names(len(logits))
        label = names.index(state.choose(state.LABEL, names))
        entered = state.text(TARGET)
        smooth, weigh, focus = st.columns(3)
        with smooth:
            smoothing = state.slider(SMOOTHING)
        with weigh:
            weight = state.slider(WEIGHT)
        with focus:
            gamma = state.slider(GAMMA)
    finished, unfinished = state.split_unfinished(entered)
    if unfinished:
        st.caption(f"`{unfinished}` is left out until it is a number.")
    try:
        targets = state.parse_shares(finished, len(logits)) if finished.strip() else None
    except ValueError as error:
        state.refuse("This target can't be read.", str(error))
        return
    options = Options(targets, smoothing, weight, gamma)

    terms = loss_terms(logits, label, options)
    used = terms[terms["loss"] == "CCE"]
    is_hard = bool((used["target"] == (used["class"] == names[label])).all())
    is_plain = is_hard and weight == 1
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
        _formulas(is_hard, weight),
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
    times = "" if weight == 1 else f"{weight:g} times "
    if is_hard:
        left = (
            f"The one-hot target leaves **CCE** one term, {times}the surprise −log s_p of "
            f"{names[label]}: {surprise} nats."
        )
    else:
        left = (
            f"This target leaves **CCE** {int((used['target'] > 0).sum())} of {len(names)} terms, "
            f"one for each class with a share of it; {names[label]} adds {surprise} nats, "
            f"{times}its share {written(of_true['target']['CCE'], 4)} of the surprise."
        )
    st.markdown(f"{left} **BCE** adds {yes_no} nats for {names[label]}, {rest}")
    with st.expander("The numbers"):
        st.dataframe(terms, hide_index=True, alt="Every term of both losses")
    if is_plain and is_hard:
        page.as_code(snippets.losses(logits, label))

    beside = compared(logits, label, options)
    with st.container(border=True):
        st.header("Beside them")
        with st.container(horizontal=True):
            st.metric(
                "Focal loss (nats)",
                written(beside["focal"], 4),
                help="(1 − s_p)^γ (−log s_p), for the true class alone.",
            )
            st.metric(
                "Squared error",
                written(beside["squared error"], 4),
                help="Σ (s_i − t_i)², from 0 to 2, with the smoothed target.",
            )
        share = "" if is_plain else " Neither takes the class weight."
        st.markdown(
            "The **focal loss** is CCE times (1 − s_p)^γ, so that what is already right hardly "
            "counts. The **squared error** is a distance of probabilities: it never exceeds 2, "
            f"however sure the mistake.{share}"
        )

    if not np.isfinite(logits).all():
        return
    show_curves(logits, label, options, is_plain)
    show_parts(logits, label, options)
    show_optimum(logits, label, options, is_hard)


def show_curves(logits: np.ndarray, label: int, options: Options, is_plain: bool) -> None:
    """Show the losses against the true class's logit, and against its probability."""
    name = class_names(len(logits))[label]
    st.header("Loss against logit")
    curves = loss_curves(logits, label, options)
    page.figure(
        loss_against_logit(curves, float(logits[label]), CURVES),
        "CCE, BCE with the targets 1 and 0, focal loss and squared error, against the logit",
        "loss against logit",
        curves,
    )
    if len(logits) == 1:
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
        slope = (
            "Far on the wrong side of its bend each grows by nearly one nat per unit of logit: the "
            "gradient stays near 1 in size, so that no mistake is too large to learn from."
            if is_plain
            else "A weight makes its side of a curve steeper; where a target is not all or "
            "nothing, a curve turns up again on the side of too much confidence."
        )
        st.markdown(
            f"**CCE** is drawn for the logit of {name} while the others stay; it bends "
            f"where that overtakes all the others together, {cce}. **BCE** looks at one logit "
            f"alone, and bends {bce}. {slope}"
        )

    st.header("Loss against probability")
    curves = probability_curves(logits, label, options)
    page.figure(
        loss_against_probability(curves, float(softmax(logits)[label]), CURVES),
        "The same losses against the probability of the true class",
        "loss against probability",
        curves,
    )
    st.markdown(
        f"The same losses, against what {name} is given: its softmax, for BCE its sigmoid. "
        "With a hard target CCE and BCE with target 1 are one curve, −log of the probability, that "
        "climbs without end towards 0. The squared error stays finite there."
    )


def show_parts(logits: np.ndarray, label: int, options: Options) -> None:
    """Show how much of the cross-entropy is the target's own entropy."""
    st.header("Cross-entropy = entropy + KL")
    st.latex(r"H(t, s) = H(t) + \mathrm{KL}(t \,\|\, s)")
    parts = entropy_and_divergence(logits, label, options)
    page.figure(
        stacked_parts(parts, PARTS, [style.GREY, theme.CCE]),
        "Cross-entropy as entropy and divergence, in nats and in bits",
        "entropy and divergence",
        parts,
    )
    own, divergence = parts[parts["unit"] == "nats"]["value"]
    unweighted = "" if options.weight == 1 else " The class weight is left out here."
    if own == 0:
        says = (
            f"A hard target has no entropy: all {written(divergence, 4)} nats are divergence, and "
            "training can take all of it away."
        )
    else:
        says = (
            f"The target itself holds {written(own, 4)} nats, that no prediction can get below; "
            f"the divergence, {written(divergence, 4)} nats, is 0 where softmax and target are one."
        )
    st.markdown(f"{says} A bit is {NATS_PER_BIT:.4f} nats.{unweighted}")


def show_optimum(logits: np.ndarray, label: int, options: Options, is_hard: bool) -> None:
    """Show where CCE is least, and how weights move that."""
    st.header("Where CCE is least")
    st.latex(r"s_i^\ast = \frac{w_i t_i}{\sum_j w_j t_j}")
    best = optimum(logits, label, options)
    page.figure(
        optimum_bars(best, style.GREY, OPTIMA),
        "The softmax as bars, the target and the best softmax as marks",
        "optimum",
        best,
    )
    name, target, optimal = best["class"][label], best["target"][label], best["optimum"][label]
    if is_hard:
        says = (
            f"A hard target is best met with probability 1 for {name}, which no finite logits "
            "reach. A class weight only makes its loss larger: it moves nothing until the target "
            "is smoothed or soft."
        )
    elif abs(optimal - target) < VISIBLE:
        says = (
            f"The best softmax is the target itself: {written(optimal, 4)} for {name}. From there "
            "more confidence costs."
        )
    else:
        says = (
            f"A weight of {options.weight:g} moves the optimum: {name} is best given "
            f"{written(optimal, 4)}, where the target says {written(target, 4)}. Weights and "
            "smoothing together shift what a perfect model answers, and its calibration with it."
        )
    st.markdown(says)


def _formulas(is_hard: bool, weight: float) -> tuple[str, str]:
    """Return BCE and CCE as they are used: with weights, and with what a hard target leaves."""
    w = "" if weight == 1 else "w_i "
    binary = (
        rf"\begin{{aligned}}\textstyle\sum_i {w}\big(&{{-t_i}} \log \sigma(z_i) \\"
        r"&- (1 - t_i) \log \sigma(-z_i)\big)\end{aligned}"
    )
    only = rf"{w.replace('_i', '_p')}\log s_p" if is_hard else r"H(t, s)"
    only = f"-{only}" if is_hard else only
    last = rf"\\ &= {only}" if is_hard or weight == 1 else r"\\ &\phantom{=}"
    categorical = rf"\begin{{aligned}}&-\textstyle\sum_i {w}t_i \log s_i {last}\end{{aligned}}"
    return binary, categorical


def show() -> None:
    """Show the page."""
    st.title("Losses")
    st.markdown(
        "A loss says how surprised a prediction is by the truth. BCE asks about every class, CCE "
        "about the true one alone."
    )
    compare()
