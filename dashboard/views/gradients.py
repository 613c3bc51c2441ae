"""Gradients of the losses, checked against finite differences."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import gradient_snippets, lesson, links, page, samples, state, theme
from dashboard.charts.gradients import claim_bars, gradient_against_logit, gradient_bars
from dashboard.expressions import MAX_LENGTH
from dashboard.frames.common import class_names, written
from dashboard.frames.gradients import LOSSES, SLIP, check, gradient_curves, gradients
from experiments.charts import style

SUMMARY = "What pulls each logit up or down, checked by finite differences; your own formula too."

# The softmax of the true class, for the sentence on a confident mistake.
SURELY_WRONG = 0.05
ROLES = {"true": style.GREEN, "other": style.PURPLE}
UP, DOWN = rf"\color{{{style.GREEN}}} 1 - s_p", rf"\color{{{style.PURPLE}}} s_n"
VERDICTS = {"right": style.GREEN, "wrong": style.VERMILLION}
CURVES = {
    "CCE": theme.CCE,
    "Squared error": style.GREEN,
    "Softmax twice": style.PURPLE,
    "BCE": theme.BCE,
    "Focal": style.GREY,
}
FORMULAS = {
    "CCE": (
        r"\frac{\partial L}{\partial z_i} = \begin{cases}"
        rf"\color{{{style.GREEN}}} s_p - 1 & i = p \\"
        rf"\color{{{style.PURPLE}}} s_n = \dfrac{{e^{{z_n}}}}{{\sum_j e^{{z_j}}}} & i = n \ne p"
        r"\end{cases}"
    ),
    "Squared error": (
        r"\begin{gathered}\frac{\partial L}{\partial z_i} = 2 s_i (r_i - \textstyle\sum_j s_j r_j)"
        r"\\ r = s - t\end{gathered}"
    ),
    "Softmax twice": (
        r"\begin{gathered}\frac{\partial L}{\partial z_i} = s_i (r_i - \textstyle\sum_j s_j r_j)"
        r"\\ r = \mathrm{softmax}(s) - t\end{gathered}"
    ),
    "BCE": r"\frac{\partial L}{\partial z_i} = \sigma(z_i) - t_i",
    "Focal": (
        r"\begin{gathered}\frac{\partial L}{\partial z_i} ="
        r"(q^2 - 2 q s_p \log s_p)(s_i - t_i) \\ q = 1 - s_p\end{gathered}"
    ),
}
TITLES = {
    "CCE": "Categorical cross-entropy",
    "BCE": "Binary cross-entropy",
    "Focal": "Focal loss, γ = 2",
}
MEANINGS = {
    "Squared error": "It has a factor $s_i$: on a confident mistake $s_p$ is near 0, "
    "and the example that has most to teach pulls least.",
    "Softmax twice": "The loss applies softmax itself, but was given probabilities. The "
    "derivatives of both softmaxes shrink the gradient, and the loss can't reach 0.",
    "BCE": "Each logit has its own sigmoid and its own target, so the gradients need not sum to 0.",
    "Focal": "This is CCE's gradient times a factor that scales down what is already right.",
}


WHY = r"""
**Where $s_i - t_i$ comes from.** CCE is $L = -z_p + \log \sum_j e^{z_j}$ for the true class p. The
first term has the derivative −1 at $z_p$ and 0 elsewhere; the second has at each logit the
derivative $e^{z_i} / \sum_j e^{z_j} = s_i$. Their sum is $s_i - t_i$, with $t$ the one-hot target.

**Why the sum is 0.** Adding the same number to every logit changes neither softmax nor loss, so the
derivative in this direction is 0. BCE has no such direction: it treats each logit separately.

**How a finite difference checks it.** $(L(z + h) - L(z - h)) / 2h$ uses only values of the loss.
Where the formula agrees with it up to rounding, no sign and no index can be wrong.

**In matrices.** The softmax has the Jacobian $\mathrm{diag}(s) - s s^\top$, and −log has
the derivative $-1/s_p$: the factor $s_p$ cancels, and with it the reason why a gradient vanishes. A
squared error has no log, and keeps the factor.
"""


@dataclass(frozen=True)
class Preset:
    """A formula to try, and the loss whose gradient it claims to be."""

    title: str
    formula: str
    loss: str


PRESETS = (
    Preset("s − t", "s - t", "CCE"),
    Preset("The lesson's slip", SLIP, "CCE"),
    Preset("Squared error", "2 * s * (s - t - sum(s * (s - t)))", "Squared error"),
    Preset(
        "Softmax twice",
        "s * (exp(s) / sum(exp(s)) - t - sum(s * (exp(s) / sum(exp(s)) - t)))",
        "Softmax twice",
    ),
    Preset("Sigmoid", "1 / (1 + exp(-z)) - t", "BCE"),
    Preset("Focal", "((1 - s[p])**2 - 2 * (1 - s[p]) * s[p] * log(s[p])) * (s - t)", "Focal"),
)
CHECKED = {
    "class": ("class", ""),
    "formula": ("formula", ".4g"),
    "finite_difference": ("finite difference", ".4g"),
    "difference": ("difference", ".2g"),
    "verdict": ("verdict", ""),
}
BESIDE = state.Choice("compare", "Compare with", "The loss whose gradient stands beside CCE's.")
AGAINST = state.Choice(
    "of", "Gradient of", "The loss whose finite differences the formula is checked against."
)
FORMULA = state.Text(
    "formula",
    "∂L/∂z =",
    PRESETS[0].formula,
    "The gradient at class i, in s (the softmax), z (the logits), t (the one-hot target), p (the "
    "true class; s[p] is its probability) and K (the number of classes); with numbers, + - * / **, "
    f"parentheses, exp, log and sum. At most {MAX_LENGTH} characters.",
)


@page.part
def compare() -> None:
    """Show the controls and what follows from them."""
    with page.controls(), links.asking("logits"):
        logits = samples.logits()
        if logits is None:
            return
        names = class_names(len(logits))
        label = names.index(state.choose(state.LABEL, names))
        beside = state.choose(BESIDE, [loss for loss in LOSSES if loss != "CCE"])

    both = {loss: gradients(logits, label, loss) for loss in ("CCE", beside)}
    is_finite = bool(np.isfinite(logits).all())
    if any(frame["gradient"].isna().any() for frame in both.values()):
        st.warning(
            "A gradient here is undefined. A softmax needs at least one logit above -inf and at "
            "most one at +inf; nothing is defined for NaN."
        )
    reach = max(frame["gradient"].abs().max() for frame in both.values())
    reach = reach if reach > 0 else 1.0

    for column, (loss, frame) in zip(st.columns(2, border=True), both.items(), strict=True):
        with column:
            st.markdown(f"## {TITLES.get(loss, loss)}\n\n$$\n{FORMULAS[loss]}\n$$")
            page.figure(
                gradient_bars(frame, ROLES, reach),
                f"Gradient of {loss} with respect to each logit",
                f"gradient of {loss}",
                frame,
            )
            with st.container(horizontal=True):
                # What rounding leaves of a sum of 0 says nothing.
                st.metric("Sum", written(round(frame["gradient"].sum(skipna=False), 12) + 0.0, 3))
                if is_finite:
                    st.metric(
                        "Deviation from finite difference",
                        written(frame["deviation"].max(), 3),
                        help="The largest difference between the formula above and "
                        "(L(z + h) − L(z − h))/2h, computed from values of the loss alone.",
                    )

    at_true = {loss: frame["gradient"][label] for loss, frame in both.items()}
    cce = both["CCE"]
    if len(names) > 1 and not cce["gradient"].isna().any():
        pushed = cce.drop(label).sort_values("gradient").iloc[-1]
        st.markdown(
            f"Training steps against the gradient. CCE pulls the logit of {names[label]}, "
            f"the true class p, **up** by ${UP}$ = {written(-at_true['CCE'], 4)}, and pushes each "
            f"other class n **down** by its probability ${DOWN}$, {pushed['class']} the most: "
            f"{written(pushed['gradient'], 4)}. Ups and downs sum to 0. The **{beside}** gradient "
            f"at {names[label]} is {written(at_true[beside], 4).replace('-', '−')}. "
            f"{MEANINGS[beside]}"
        )
    elif len(names) == 1:
        st.markdown(
            "With one class the softmax is 1 whatever the logit: CCE has nothing to pull, and its "
            "gradient is 0. BCE asks a yes-no question and has a gradient."
        )
    numbers = pd.concat([frame.assign(loss=loss) for loss, frame in both.items()])
    page.numbers(
        numbers[["loss", *cce.columns]], "Gradients of both losses, with finite differences"
    )
    if is_finite:
        of_cce = cce["gradient"].to_numpy()
        page.as_code(lambda: gradient_snippets.gradients(logits, label, beside, of_cce))

    if not is_finite:
        st.info(
            "With finite logits this page also shows the gradient while a logit moves, and checks "
            "your own formula."
        )
        return
    # Its formulas would take a tenth of a second before anybody asks for them.
    page.folded("More", "why", lambda: st.markdown(WHY), icon=":material/school:")
    show_vanishing(logits, label)
    if len(names) > 1:
        show_slip(logits, label)
    check_formula(logits, label)


def show_vanishing(logits: np.ndarray, label: int) -> None:
    """Show which gradients are still there on a confident mistake."""
    st.markdown("## Where a gradient vanishes")
    curves = gradient_curves(logits, label)
    page.figure(
        gradient_against_logit(curves, float(logits[label]), CURVES),
        "Gradients at the true class's logit against that logit",
        "gradient against logit",
        curves,
    )
    if len(logits) == 1:
        st.markdown("With one class the softmax never moves: only **BCE** has a gradient.")
        return
    at_left = curves[curves["logit"] == curves["logit"].min()].set_index("curve")
    left = at_left["gradient"].abs()
    end = f"At the left end, {curves['logit'].min():.4g},".replace("-", "−")
    if at_left["probability"].max() > SURELY_WRONG:
        st.markdown(
            f"{end} the true class still has probability "
            f"{written(at_left['probability'].max(), 4)}: confident mistakes lie outside this "
            "chart."
        )
        return
    st.markdown(
        f"The other logits are fixed. {end} the network is sure and wrong: **CCE** still pulls "
        f"with {written(left['CCE'], 4)} and **BCE** with {written(left['BCE'], 4)}, the **squared "
        f"error** with {written(left['Squared error'], 4)} and a **softmax twice** with "
        f"{written(left['Softmax twice'], 4)}. Where the gradient vanishes, a classifier can't "
        "unlearn its mistake."
    )


def show_slip(logits: np.ndarray, label: int) -> None:
    """Show the lesson's derivative for the negative classes, and what it gives here."""
    st.markdown(
        "## A slip in a lesson, refuted\n\n$$\n"
        rf"\begin{{aligned}}\frac{{\partial L}}{{\partial z_n}} = {{}}&{{\color{{{style.PURPLE}}}"
        r"\frac{e^{z_n}}{\sum_j e^{z_j}}} = s_n \\[2.5ex]"
        r"&\color{gray}\text{and not }\cancel{\frac{e^{S_p}}{\sum_j e^{S_j}}} = s_p\end{aligned}"
        "\n$$"
    )
    tried = check(SLIP, logits, label, "CCE").frame
    wrong = tried[tried["verdict"] == "wrong"]
    told = (
        "The lesson that this lab grew from calls the logits S, and writes e^{S_p} in the "
        "numerator for the negative classes: each of them would be pushed by the probability of "
        "the true class. "
    )
    if len(wrong):
        worst = wrong.iloc[wrong["difference"].abs().argmax()]
        claimed, found = (written(worst[name], 4) for name in ("formula", "finite_difference"))
        told += (
            f"Tried here, it gives {claimed} for {worst['class']}, where the finite difference of "
            f"the loss is {found}; it is wrong for {len(wrong)} of {len(logits) - 1} negative "
            f"classes. Its gradient would sum to {written(tried['formula'].sum(), 4)}, and the sum "
            "must be 0: adding the same number to every logit changes no softmax."
        )
    elif (tried["verdict"] == "no number").any():
        told += "With these logits e^z overflows, so the formula as written gives no number."
    else:
        told += (
            "For these logits both formulas agree: every negative class has the probability of the "
            "true one, or one too close to tell apart. Other logits refute the slip."
        )
    # The lesson's sign for a power is no Markdown here.
    st.markdown(told.replace("e^{S_p}", "$e^{S_p}$").replace("e^z", "$e^z$"))


@page.part
def check_formula(logits: np.ndarray, label: int) -> None:
    """Show the field for a formula, and what finite differences say of it."""
    st.markdown("## Check your own formula")
    with page.controls(), links.asking("sample formula"):
        loss = state.choose(AGAINST, list(LOSSES))
        formula = state.text(FORMULA)
        samples.presets(
            "Samples of formulas",
            "sample formula",
            [preset.title for preset in PRESETS],
            next(
                (each.title for each in PRESETS if (each.formula, each.loss) == (formula, loss)),
                None,
            ),
            _use_preset,
        )
    try:
        checked = check(formula, logits, label, loss)
    except ValueError as error:
        state.refuse("This formula can't be read.", str(error))
        return

    frame = checked.frame
    verdicts = frame["verdict"].value_counts()
    wrong = frame[frame["verdict"] == "wrong"]
    within = f"within {written(checked.tolerance, 3)} of the finite difference of the loss"
    if "no number" in verdicts:
        st.warning(
            f"The formula has no finite value for {verdicts['no number']} of {len(frame)} classes: "
            "a division by zero, the log of a number that is not above 0, or an overflow."
        )
    if len(wrong):
        worst = wrong.iloc[wrong["difference"].abs().argmax()]
        st.error(
            f"Refuted: this is not the gradient of {loss}. It is wrong for {len(wrong)} of "
            f"{len(frame)} classes, most for {worst['class']}, where it gives "
            f"{written(worst['formula'], 4)} and the finite difference is "
            f"{written(worst['finite_difference'], 4)}."
        )
    elif not checked.can_tell:
        st.info(
            f"These logits can't decide it: the gradient of {loss} is too close to 0 everywhere, "
            "or the logits are too large, for a finite difference to see it. Try the sample Unsure."
        )
    elif "no number" not in verdicts:
        st.success(
            f"Right for these logits: every class is {within}. Other logits may still refute it."
        )
    page.figure(
        claim_bars(frame, style.GREY, VERDICTS),
        f"Finite differences of {loss} as bars, the formula as marks",
        "check of a formula",
        frame,
    )
    lesson.table(frame, CHECKED, "What the formula gives for each class, and the finite difference")


def show() -> None:
    """Show the page."""
    st.title("Gradients")
    st.markdown(
        "The gradient of a loss says which logits training pulls up and which it pushes down. Each "
        "formula here is checked against the loss itself, by finite differences."
    )
    compare()


def _use_preset(title: str) -> None:
    preset = next(each for each in PRESETS if each.title == title)
    st.session_state[FORMULA.key] = preset.formula
    state.set_choice(AGAINST, preset.loss)
