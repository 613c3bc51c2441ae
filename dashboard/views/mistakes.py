"""The bug gallery: classic mistakes, what one sees, why, and the fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from core.heads import HEADS
from dashboard import lesson, page, state, theme
from dashboard.charts.bars import activation_comparison
from dashboard.charts.mistakes import right_and_wrong
from dashboard.frames import mistakes as frames
from dashboard.frames.common import written
from dashboard.views import more_on_mistakes as more
from dashboard.views.train import titled

SUMMARY = "Bug gallery: the classic mistakes, each with its symptom, its cause and its fix."
CLASSES = state.Slider("classes", "Classes K", 10, 2, 100, 1, "How many classes each example has.")
# Of the bars; more say nothing new.
MOST_BARS = 5


@dataclass(frozen=True)
class Mistake:
    """One card: what is seen is shown by a function of K."""

    title: str
    show: Callable[[int], None]
    why: str
    more: Callable[[int], str]
    wrong: str
    right: str
    page: str  # where it is live
    query: Callable[[int], dict[str, str]]

    def link(self, num_classes: int) -> str:
        """Return where it can be seen live, in this dashboard."""
        return f"{self.page}?{urlencode(self.query(num_classes))}"


def show() -> None:
    """Show the page."""
    st.title("Mistakes")
    st.markdown(
        "Most heads that do not learn make one of these mistakes. None of them raises an error: "
        "each shows in a number that you have to know."
    )
    gallery()


@page.part
def gallery() -> None:
    """Show the control and the cards."""
    with page.controls():
        num_classes = int(state.slider(CLASSES))
    for mistake in MISTAKES:
        with st.container(border=True):
            st.header(mistake.title)
            seen, why = st.columns(2, gap="large")
            with seen:
                st.markdown("**What you see**")
                mistake.show(num_classes)
            with why:
                st.markdown(f"**Why**\n\n{mistake.why}")
                st.markdown("**The fix**")
                st.code(f"# wrong\n{mistake.wrong}\n# right\n{mistake.right}", wrap_lines=True)
                st.link_button(
                    f"See it live on {mistake.page.capitalize()}",
                    mistake.link(num_classes),
                    icon=":material/open_in_new:",
                )
                lesson.more(mistake.more(num_classes))


def _show_floor(head: str, num_classes: int) -> None:
    least, start = frames.floor(head, num_classes), frames.plateau(num_classes)
    st.markdown(
        f"The loss starts at ln K = {written(start, 3)} and never falls below "
        f"**{written(least, 3)}**, however right the model is:"
    )
    lesson.formula(
        rf"\orange{{\ln\left(1 + \frac{{{num_classes} - 1}}{{e}}\right) = {written(least, 3)}}}"
    )
    curves = frames.head_curves(("softmax_cce", head), num_classes)
    page.figure(
        right_and_wrong(curves, "logit", "Logit x of the true class (others: −x)"),
        f"The loss of {HEADS[head].title} stops falling at {written(least, 3)}",
        f"floor of {HEADS[head].title}",
        curves,
    )


def _show_softmax_twice(num_classes: int) -> None:
    _show_floor("softmax_twice_cce", num_classes)


def _show_sigmoid_cce(num_classes: int) -> None:
    _show_floor("sigmoid_cce", num_classes)


def _show_one_hot_bce(num_classes: int) -> None:
    found = frames.averaged_bce(num_classes)
    lesson.formula(
        rf"\orange{{L}} &= \orange{{\tfrac{{1}}{{{num_classes}}} \big(-\log \sigma(z_p)}}",
        r"&\quad \orange{{} - \textstyle\sum_n \log(1 - \sigma(z_n))\big)}",
        rf"&= \orange{{{written(found['loss'], 3)}}}",
        rf"\green{{\text{{CCE}}}} &= \green{{\ln {num_classes} = "
        rf"{written(frames.plateau(num_classes), 3)}}}",
    )
    st.markdown(
        f"A model that knows nothing looks good: it answers no for all {num_classes} classes, and "
        f"{num_classes - 1} of its {num_classes} answers are right."
    )
    with st.container(horizontal=True):
        st.metric("“Accuracy”", f"{frames.share_right_by_saying_no(num_classes):.1%}")
        st.metric("Loss (nats)", written(found["loss"], 3), help="The mean of the K losses.")
        st.metric(
            "CCE (nats)", written(frames.plateau(num_classes), 3), help="The CCE of the same model."
        )
    st.markdown(
        f"It also learns slowly: the mean leaves a pull of {written(found['pull'], 3)} on the true "
        f"class, where CCE has {written(found['pull of CCE'], 3)}. The more classes there are, "
        "the better it looks:"
    )
    curves = frames.averaged_losses(int(CLASSES.most))
    page.figure(
        right_and_wrong(curves, "classes", "Classes K (log scale)", x_scale="log"),
        "The loss of a model that knows nothing, against the number of classes",
        "one-hot under BCE",
        curves,
    )


def _show_exclusive_sigmoid(num_classes: int) -> None:
    both = frames.two_winners(num_classes)
    sums = both.groupby("activation")["probability"].sum()
    st.markdown(
        f"Two classes win at once, and the probabilities sum to **{written(sums['sigmoid'], 3)}**; "
        f"those of a softmax sum to {written(sums['softmax'], 3)}."
    )
    first = set(both["class"].head(min(num_classes, MOST_BARS)))
    bars = both[both["class"].isin(first)]
    page.figure(
        activation_comparison(bars, {"sigmoid": theme.SIGMOID, "softmax": theme.SOFTMAX}),
        "Sigmoid and softmax of logits of which two stand out",
        "two winners",
        bars,
    )


def _show_log_of_zero(num_classes: int) -> None:
    curves = frames.naive_curves(num_classes)
    last = curves.loc[curves["curve"] == "textbook", "gap"].max()
    lesson.formula(r"s_p = \frac{e^{z_p}}{\sum_j e^{z_j}} \to 0, \qquad \orange{-\log 0 = \infty}")
    st.markdown(
        f"Training goes well, and then the loss is `inf` and every weight `nan`. In float32 the "
        f"textbook formula gives no number once the true class's logit is more than "
        f"{written(last, 1)} behind:"
    )
    page.figure(
        right_and_wrong(
            curves,
            "gap",
            "How far the true class's logit is behind",
            end=(last, "from here on: inf"),
        ),
        f"The loss of the textbook formula ends at {written(last, 1)}",
        "log of zero",
        curves,
    )


def _show_plateau(num_classes: int) -> None:
    lesson.formula(
        rf"\green{{\ln {num_classes} = {written(frames.plateau(num_classes), 3)}}}",
        rf"\orange{{\ln\left(1 + \frac{{{num_classes} - 1}}{{e}}\right) = "
        rf"{written(frames.floor('softmax_twice_cce', num_classes), 3)}}}",
    )
    st.markdown(
        f"The loss stays at ln K = **{written(frames.plateau(num_classes), 3)}**, the cost of a "
        f"guess among {num_classes} classes. Do not confuse it with the floor of a softmax applied "
        f"twice, {written(frames.floor('softmax_twice_cce', num_classes), 3)}:"
    )
    curves = frames.plateaus(int(CLASSES.most))
    page.figure(
        right_and_wrong(curves, "classes", "Classes K (log scale)", x_scale="log"),
        "Where a loss stops falling, against the number of classes",
        "plateaus",
        curves,
    )


def _show_sum_for_mean(num_classes: int) -> None:
    losses = frames.batch_losses(num_classes)
    lesson.formula(
        r"\orange{\textstyle\sum_{i=1}^{N} L_i} \text{ instead of } "
        r"\green{\textstyle\frac{1}{N} \sum_{i=1}^{N} L_i}"
    )
    of_32 = losses[losses["rows"] == 32].set_index("curve")["loss"]
    st.markdown(
        f"The loss grows with the batch: at 32 rows **{written(of_32['sum'], 2)}** instead of "
        f"{written(of_32['mean'], 3)}. A smaller last batch looks like progress, and the gradient "
        "is multiplied by the number of rows."
    )
    page.figure(
        right_and_wrong(losses, "rows", "Rows in the batch (log scale)", "log", "log"),
        "The sum of the losses of a batch grows with it; their mean does not",
        "sum for mean",
        losses,
    )


def _train(head: str = "", **query: str) -> Callable[[int], dict[str, str]]:
    beside = {"second": titled(HEADS[head])} if head else {}
    return lambda num_classes: {"data": "digits", **beside, **query}


def _logits(values: np.ndarray, **query: str) -> dict[str, str]:
    return {"logits": ", ".join(f"{value:.4g}" for value in values), **query}


MISTAKES = (
    Mistake(
        "Softmax twice",
        _show_softmax_twice,
        "The loss applies softmax itself. Given probabilities, it takes them for logits between "
        "0 and 1: even the surest answer, 1 among zeros, becomes e/(e + K − 1). The order of the "
        "classes stays, so accuracy looks fine.",
        more.softmax_twice,
        "loss = cross_entropy(softmax(logits), labels)",
        "loss = cross_entropy(logits, labels)",
        "train",
        _train("softmax_twice_cce"),
    ),
    Mistake(
        "Sigmoid, then CCE",
        _show_sigmoid_cce,
        "The same floor for the same reason: a sigmoid also gives numbers between 0 and 1, so the "
        "softmax inside the loss sees logits that are at most 1 apart.",
        more.sigmoid_cce,
        "loss = cross_entropy(sigmoid(logits), labels)",
        "loss = cross_entropy(logits, labels)",
        "train",
        _train("sigmoid_cce"),
    ),
    Mistake(
        "One-hot targets under BCE",
        _show_one_hot_bce,
        "BCE asks K questions, and the answer to all but one is no. Averaged over the classes, "
        "the question that matters is one K-th of the loss and of the gradient, and accuracy "
        "counts the easy ones. With the sum, not the mean, it is one-vs-rest: a choice, not a "
        "mistake.",
        more.one_hot_bce,
        "loss = binary_cross_entropy(logits, one_hot).mean()",
        "loss = categorical_cross_entropy(logits, labels).mean()",
        "losses",
        lambda num_classes: _logits(frames.logits_of_shares(num_classes), label="class 0"),
    ),
    Mistake(
        "Sigmoid on exclusive classes",
        _show_exclusive_sigmoid,
        "A sigmoid answers for one class alone and knows nothing of the others. If exactly one "
        "class is true, the classes have to share a probability of 1.",
        more.exclusive_sigmoid,
        "probabilities = sigmoid(logits)",
        "probabilities = softmax(logits)",
        "activations",
        lambda num_classes: _logits(frames.two_winners_logits(num_classes)),
    ),
    Mistake(
        "Log of zero",
        _show_log_of_zero,
        "A probability that is small enough rounds to 0, and log 0 is −∞; its gradient is NaN, "
        "and so is every weight after the next step. An epsilon only hides it: the loss is then "
        "capped, and its gradient gone where it is needed most. Compute from logits.",
        more.log_of_zero,
        "loss = -log(softmax(logits)[label])",
        "loss = categorical_cross_entropy(logits, label)",
        "precision",
        lambda num_classes: {"function": "CCE", "logit": "-110"},
    ),
    Mistake(
        "The ln K plateau",
        _show_plateau,
        "ln K is the loss of the same probability for every class. A model that stays there learns "
        "nothing: its learning rate is far too low, its labels were shuffled apart from their "
        "rows, a layer has a dead gradient, or its inputs are all alike.",
        more.plateau,
        "x, y = shuffle(x), shuffle(y)",
        "x, y = shuffle(x, y)",
        "train",
        _train(rate="1e-06"),
    ),
    Mistake(
        "Sum instead of mean",
        _show_sum_for_mean,
        "A sum over the batch multiplies the gradient by the number of rows. Plain gradient "
        "descent then takes steps that much longer, and a learning rate that suits one batch size "
        "is wrong for the next; Adam divides the factor out, and only the curve looks odd. The "
        "link opens a learning rate 32 times as high.",
        more.sum_for_mean,
        "loss = categorical_cross_entropy(logits, labels).sum()",
        "loss = categorical_cross_entropy(logits, labels).mean()",
        "train",
        _train(rate="0.32"),
    ),
)
