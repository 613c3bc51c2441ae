"""What the page Losses shows of its losses: others beside them, curves, parts and the optimum."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import lesson, page, theme
from dashboard.charts.curves import loss_curves_chart
from dashboard.charts.losses import optimum_bars, stacked_parts
from dashboard.frames.common import NATS_PER_BIT, class_names, written
from dashboard.frames.losses import (
    Options,
    compared,
    entropy_and_divergence,
    loss_curves,
    optimum,
    probability_curves,
    rivals,
)
from experiments.charts import style

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
    "divergence": "KL(t‖s), what training can remove",
}
OPTIMA = {"target": style.GREEN, "best softmax": style.VERMILLION}


def show_others(logits: np.ndarray, label: int, options: Options, is_plain: bool) -> None:
    """Show the losses that cross-entropy is compared with."""
    beside = compared(logits, label, options)
    focal, squared = (written(beside[name], 4) for name in ("focal", "squared error"))
    st.markdown("## Focal loss and squared error")
    for column, name, formula, figure in zip(
        st.columns(2, border=True),
        ("Focal loss (nats)", "Squared error"),
        (
            rf"\gray{{(1 - s_p)^\gamma\,(-\log s_p)}},\quad \gamma = {lesson.short(options.gamma)}",
            r"\green{\textstyle\sum_i (s_i - t_i)^2}",
        ),
        (focal, squared),
        strict=True,
    ):
        with column:
            lesson.formula(formula)
            st.metric(name, figure)
    share = "" if is_plain else " Neither uses the class weight."
    st.markdown(
        "The **focal loss** scales down what is already right, by $(1 - s_p)^\\gamma$. The "
        "**squared error** is a distance between probabilities: it never exceeds 2, however "
        f"confident the mistake.{share}"
    )


def show_curves(logits: np.ndarray, label: int, options: Options, is_plain: bool) -> None:
    """Show the losses against the true class's logit, and against its probability."""
    name = class_names(len(logits))[label]
    st.markdown("## Loss against logit and probability")
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
            f"at {bend:.4g}" + ("" if least <= bend <= most else ", outside this chart")
            for bend in (rivals(logits, label), 0.0)
        )
        st.markdown(
            f"**CCE** is drawn against the logit of {name}, with the others fixed; it bends "
            f"where that logit overtakes all the others together, {cce}. **BCE** depends on one "
            f"logit alone, and bends {bce}."
        )
        lesson.more(
            "Far on the wrong side of its bend, each grows by nearly one nat per unit of logit: "
            "the gradient stays near 1 in size, so no mistake is too large to learn from. The "
            "**squared error** is flat there: its gradient vanishes, and it does not correct the "
            "most confident mistakes."
            if is_plain
            else "A class weight makes its side of a curve steeper. Where a target is neither 0 "
            "nor 1, the curve rises again on the side of too much confidence."
        )

    st.markdown(
        f"The last chart has the same losses against the probability of {name}: its softmax, at "
        "the dotted line, and for BCE its sigmoid. With a hard target, CCE and BCE with target 1 "
        "are one curve, −log p, which grows without bound as p nears 0; the squared error stays "
        "finite."
    )


def show_parts(logits: np.ndarray, label: int, options: Options) -> None:
    """Show how much of the cross-entropy is the target's own entropy."""
    parts = entropy_and_divergence(logits, label, options)
    lesson.formula(
        r"H(t, s) = \gray{H(t)} + \orange{\mathrm{KL}(t \,\|\, s)}",
        under="## Cross-entropy = entropy + KL",
    )
    own, divergence, *in_bits = parts["value"]
    sums = [
        f"{written(entropy + rest, 4)} = :gray[{written(entropy, 4)}] + "
        f":orange[{written(rest, 4)}] {unit}"
        for unit, (entropy, rest) in (("nats", (own, divergence)), ("bits", in_bits))
    ]
    lesson.beside("  \n".join(sums))
    page.figure(
        stacked_parts(parts, PARTS, [style.GREY, theme.CCE]),
        "Cross-entropy as entropy and divergence, in nats and in bits",
        "entropy and divergence",
        parts,
    )
    unweighted = "" if options.weight == 1 else " The class weight is left out here."
    if own == 0:
        says = (
            f"A hard target has no entropy: all {written(divergence, 4)} nats are divergence, "
            "which training can remove."
        )
    else:
        says = (
            f"The target's own entropy is {written(own, 4)} nats, and no prediction gets below it; "
            f"the divergence, {written(divergence, 4)} nats, is 0 if the softmax is the target."
        )
    st.markdown(f"{says} One bit is {NATS_PER_BIT:.4f} nats.{unweighted}")


def show_optimum(logits: np.ndarray, label: int, options: Options, is_hard: bool) -> None:
    """Show where CCE is least, and how weights move that."""
    best = optimum(logits, label, options)
    lesson.formula(
        r"\orange{s_i^\ast} = \frac{w_i\, \green{t_i}}{\sum_j w_j\, \green{t_j}}",
        under="## Where CCE is smallest",
    )
    page.figure(
        optimum_bars(best, style.GREY, OPTIMA),
        "The softmax as bars, the target and the best softmax as marks",
        "optimum",
        best,
    )
    name, target, optimal = best["class"][label], best["target"][label], best["optimum"][label]
    if len(best) == 1:
        says = "With one class the softmax is always 1, and CCE always 0."
    elif is_hard:
        says = (
            f"For a hard target, the best prediction is probability 1 for {name}, which no finite "
            "logits reach. A class weight only scales the loss: it does not move the optimum "
            "unless the target is smoothed or soft."
        )
    elif abs(optimal - target) < VISIBLE:
        says = (
            f"The best softmax is the target itself: {written(optimal, 4)} for {name}. More "
            "confidence than that costs."
        )
    else:
        says = (
            f"A weight of {options.weight:g} moves the optimum: the best probability for {name} is "
            f"{written(optimal, 4)}, where the target says {written(target, 4)}. A weight on a "
            "soft target changes what a perfect model predicts, and so its calibration."
        )
    st.markdown(says)
