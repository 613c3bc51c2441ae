"""BCE and CCE on sample predictions."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import lesson, page, snippets, state, theme
from dashboard.charts.bars import MAX_LABELLED, term_bars
from dashboard.charts.curves import loss_curves_chart
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
    surprises,
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
# Of a soft target that a button writes out.
SHARE = 0.7
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
        num_classes = 0 if logits is None else len(logits)
        names = class_names(num_classes)
        label = names.index(state.choose(state.LABEL, names)) if names else 0
        _target_buttons(num_classes, label)
        entered = state.text(TARGET)
        smooth, weigh, focus = st.columns(3)
        with smooth:
            smoothing = state.slider(SMOOTHING)
        with weigh:
            weight = state.slider(WEIGHT)
        with focus:
            gamma = state.slider(GAMMA)
    if logits is None:
        return
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

    formulas = _formulas(logits, label, terms, options, is_hard)
    for column, loss, colour in zip(
        st.columns(2), ("BCE", "CCE"), (theme.BCE, theme.CCE), strict=True
    ):
        with column, st.container(border=True):
            st.header({"BCE": "Binary cross-entropy", "CCE": "Categorical cross-entropy"}[loss])
            lesson.formula(*formulas[loss])
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
            f"The one-hot target leaves **CCE** one term, {times}the surprise $-\\log s_p$ of "
            f"{names[label]}: {surprise} nats."
        )
    else:
        left = (
            f"This target leaves **CCE** {int((used['target'] > 0).sum())} of {len(names)} terms, "
            f"one for each class with a share of it; {names[label]} adds {surprise} nats, "
            f"{times}its share {written(of_true['target']['CCE'], 4)} of the surprise."
        )
    st.markdown(f"{left} **BCE** adds {yes_no} nats for {names[label]}, {rest}")
    page.numbers(terms, "Every term of both losses")
    show_others(logits, label, options, is_plain)
    if np.isfinite(logits).all():
        show_curves(logits, label, options, is_plain)
    else:
        st.caption("Curves over a logit need logits that are all finite: they are left out here.")
    if np.isfinite(totals["CCE"]):
        show_parts(logits, label, options)
    if not np.isnan(totals["CCE"]):
        show_optimum(logits, label, options, is_hard)
    page.as_code(lambda: snippets.losses(logits, label, options))


def _target_buttons(num_classes: int, label: int) -> None:
    """Show buttons for the kinds of target, each with what it teaches."""
    has_soft = 2 <= num_classes <= MAX_LABELLED
    shares = np.zeros(max(num_classes, 2))
    shares[[label, (label + 1) % len(shares)]] = SHARE, 1 - SHARE
    soft = ", ".join(f"{share:g}" for share in shares)
    with st.container(horizontal=True):
        for title, target, smoothing, weight in (
            ("Hard target", "", 0.0, 1.0),
            ("Soft target", soft, 0.0, 1.0),
            ("Smoothed", "", 0.1, 1.0),
            ("Smoothed and weighted", "", 0.1, 3.0),
        ):
            st.button(
                title,
                key=f"target {title}",
                on_click=_set_target,
                args=(target, smoothing, weight),
                disabled=bool(target) and not has_soft,
            )


def _set_target(target: str, smoothing: float, weight: float) -> None:
    st.session_state[TARGET.key] = target
    st.session_state[SMOOTHING.key] = smoothing
    st.session_state[WEIGHT.key] = weight


def show_others(logits: np.ndarray, label: int, options: Options, is_plain: bool) -> None:
    """Show the losses that cross-entropy is compared with."""
    beside = compared(logits, label, options)
    focal, squared = (written(beside[name], 4) for name in ("focal", "squared error"))
    st.header("Focal loss and squared error")
    for column, name, formula, figure in zip(
        st.columns(2),
        ("Focal loss (nats)", "Squared error"),
        (
            rf"\gray{{(1 - s_p)^\gamma\,(-\log s_p)}},\quad \gamma = {lesson.short(options.gamma)}",
            r"\green{\textstyle\sum_i (s_i - t_i)^2}",
        ),
        (focal, squared),
        strict=True,
    ):
        with column, st.container(border=True):
            lesson.formula(formula)
            st.metric(name, figure)
    share = "" if is_plain else " Neither takes the class weight."
    st.markdown(
        "The **focal loss** turns down what is already right, by $(1 - s_p)^\\gamma$. The "
        "**squared error** is a distance of probabilities: it never exceeds 2, however sure the "
        f"mistake.{share}"
    )


def show_curves(logits: np.ndarray, label: int, options: Options, is_plain: bool) -> None:
    """Show the losses against the true class's logit, and against its probability."""
    name = class_names(len(logits))[label]
    st.header("Loss against logit and probability")
    curves = loss_curves(logits, label, options)
    against_probability = probability_curves(logits, label, options)
    page.figure(
        loss_curves_chart(curves, against_probability, float(logits[label]), CURVES),
        "CCE, BCE with the targets 1 and 0, focal loss and squared error: their values and "
        "gradients against the logit of the true class, and their values against its probability",
        "loss curves",
        pd.concat([curves, against_probability], ignore_index=True),
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
        st.markdown(
            f"**CCE** is drawn for the logit of {name} while the others stay; it bends "
            f"where that overtakes all the others together, {cce}. **BCE** looks at one logit "
            f"alone, and bends {bce}."
        )
        lesson.more(
            "Far on the wrong side of its bend each grows by nearly one nat per unit of logit: the "
            "gradient stays near 1 in size, so that no mistake is too large to learn from. The "
            "**squared error** is flat there: its gradient vanishes, and the surest mistakes are "
            "the ones that it does not correct."
            if is_plain
            else "A weight makes its side of a curve steeper. Where a target is not all or "
            "nothing, a curve turns up again on the side of too much confidence."
        )

    st.markdown(
        f"The last picture has the same losses against what {name} is given: its softmax, where "
        "the rule stands, and for BCE its sigmoid. With a hard target CCE and BCE with target 1 "
        "are one curve, −log of the probability, that climbs without end towards 0; the squared "
        "error stays finite."
    )


def show_parts(logits: np.ndarray, label: int, options: Options) -> None:
    """Show how much of the cross-entropy is the target's own entropy."""
    st.header("Cross-entropy = entropy + KL")
    parts = entropy_and_divergence(logits, label, options)
    lesson.formula(
        r"H(t, s) &= \gray{H(t)} + \orange{\mathrm{KL}(t \,\|\, s)}",
        *(
            rf"{lesson.number(of_unit['value'].sum(), 4)} &= \gray{{{lesson.number(own, 4)}}} + "
            rf"\orange{{{lesson.number(divergence, 4)}}}\;\text{{{unit}}}"
            for unit, of_unit in parts.groupby("unit", sort=False)
            for own, divergence in [of_unit["value"]]
        ),
    )
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
    best = optimum(logits, label, options)
    lesson.formula(
        r"\orange{s_i^\ast} = \frac{w_i\, \green{t_i}}{\sum_j w_j\, \green{t_j}}",
    )
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


def _formulas(
    logits: np.ndarray, label: int, terms: pd.DataFrame, options: Options, is_hard: bool
) -> dict[str, list[str]]:
    """Return BCE and CCE as they are used, in lines, with the numbers where they are few."""
    is_weighed = options.weight != 1
    w = r"w_i\, " if is_weighed else ""
    binary = [
        rf"&\blue{{\textstyle\sum_i {w}\big({{-t_i}} \log \sigma(z_i)}}",
        r"&\quad\blue{{} - (1 - t_i) \log \sigma(-z_i)\big)}",
    ]
    left = rf" = \orange{{-{w.replace('_i', '_p')}\log s_p}}" if is_hard else ""
    categorical = [rf"&\orange{{-\textstyle\sum_i {w}t_i \log s_i}}{left}"]
    if len(logits) <= lesson.MAX_TERMS and not terms["term"].isna().any():
        of_bce, of_cce = (terms[terms["loss"] == loss] for loss in ("BCE", "CCE"))
        binary += lesson.added([rf"\blue{{{lesson.number(term)}}}" for term in of_bce["term"]], 4)
        factors = [
            rf"{lesson.short(options.weight)} \cdot " if is_weighed and i == label else ""
            for i in range(len(logits))
        ]
        categorical += lesson.added(
            [
                rf"\{'orange' if target else 'gray'}"
                rf"{{{factor}{lesson.short(target)} \cdot {lesson.number(surprise)}}}"
                for factor, target, surprise in zip(
                    factors, of_cce["target"], surprises(logits), strict=True
                )
            ],
            2 if len(logits) > 2 else 1,
        )
    # As many lines, so that the bars below stand side by side.
    categorical += ["&"] * (len(binary) - len(categorical))
    return {"BCE": binary, "CCE": categorical}


def show() -> None:
    """Show the page."""
    st.title("Losses")
    st.markdown(
        "A loss says how surprised a prediction is by the truth. BCE asks about every class, CCE "
        "about the true one alone."
    )
    compare()
