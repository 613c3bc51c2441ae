"""BCE and CCE on sample predictions."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import lesson, links, page, parsing, samples, snippets, state, theme
from dashboard.charts.bars import MAX_LABELLED, term_bars
from dashboard.frames.common import NATS_PER_BIT, class_names, in_parts, written
from dashboard.frames.losses import LOSSES, Options, loss_terms, surprises
from dashboard.views import loss_pictures

SUMMARY = "What each class adds to BCE and CCE; label smoothing, class weights and other losses."
TARGET = state.Text(
    "target",
    "Target distribution",
    "",
    "Leave it empty for a hard target: all of it on the true class. For a soft target, enter a "
    "share for each class, such as 0.7, 0.2, 0.1: shares are divided by their sum, and classes "
    "left out at the end get 0.",
    placeholder="hard: all on the true class",
)
# Of a soft target that a click writes out.
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
    "Multiplies what this class adds to CCE and BCE; all other classes have weight 1.",
)
GAMMA = state.Slider(
    "gamma",
    "Focal γ",
    2.0,
    0.0,
    5.0,
    0.5,
    "How strongly the focal loss scales down easy examples; 0 is CCE.",
)

# A target distribution, label smoothing, and the class weight of the true class.
Kind = tuple[str, float, float]
TITLES = {"BCE": "Binary cross-entropy", "CCE": "Categorical cross-entropy"}


@page.part
def compare() -> None:
    """Show the controls and what follows from them."""
    with page.controls(), links.asking("logits"):
        logits = samples.logits()
        num_classes = 0 if logits is None else len(logits)
        names = class_names(num_classes)
        label = names.index(state.choose(state.LABEL, names)) if names else 0
        entered = state.text(TARGET)
        with st.container(horizontal=True):
            smoothing = state.slider(SMOOTHING)
            weight = state.slider(WEIGHT)
            gamma = state.slider(GAMMA)
        _kinds(num_classes, label, (entered, smoothing, weight))
    if logits is None:
        return
    finished = state.without_unfinished(entered)
    try:
        targets = parsing.parse_shares(finished, len(logits)) if finished.strip() else None
    except ValueError as error:
        state.refuse("This target can't be read.", str(error))
        return
    options = Options(targets, smoothing, weight, gamma)

    terms = loss_terms(logits, label, options)
    rows = in_parts(terms, LOSSES)
    used = rows["CCE"]["target"].to_numpy()
    is_hard = bool((used == (np.arange(len(names)) == label)).all())
    is_plain = is_hard and weight == 1
    totals = {loss: of_loss["term"].sum(skipna=False) for loss, of_loss in rows.items()}
    if terms["term"].isna().any():
        st.warning(
            "A loss here is undefined. CCE needs at least one logit above -inf and at most one at "
            "+inf; neither loss is defined for NaN."
        )
    if np.isinf(terms["term"]).any():
        st.warning(
            "A loss here is infinite: the prediction gives the truth no probability at all, or the "
            "logits are too far apart for a floating-point number."
        )
    longest = terms["term"].replace(np.inf, np.nan).max()

    formulas = _formulas(options, is_hard)
    sums = _sums(logits, label, rows, options)
    for column, loss, colour in zip(
        st.columns(2, border=True), LOSSES, (theme.BCE, theme.CCE), strict=True
    ):
        with column:
            lesson.formula(*formulas[loss], under=f"## {TITLES[loss]}")
            if sums:
                lesson.beside(sums[loss])
            bars = rows[loss]
            page.figure(
                term_bars(bars, colour, longest if longest > 0 else 1.0),
                f"What each class adds to the {loss}, in nats",
                f"terms of {loss}",
                bars,
            )
            with st.container(horizontal=True):
                st.metric(f"{loss} (nats)", written(totals[loss], 4))
                st.metric(f"{loss} (bits)", written(totals[loss] / NATS_PER_BIT, 4))

    surprise, yes_no = (written(rows[loss]["term"][label], 4) for loss in ("CCE", "BCE"))
    of_others = rows["BCE"]["term"].drop(label).sum(skipna=False)
    rest = (
        f"and {written(of_others, 4)} for all other classes."
        if len(names) > 1
        else "and there is no other class."
    )
    times = "" if weight == 1 else f"{weight:g} times "
    if is_hard:
        left = (
            f"The one-hot target leaves **CCE** a single term, {times}the surprise −log sₚ of "
            f"{names[label]}: {surprise} nats."
        )
    else:
        left = (
            f"This target leaves **CCE** {int((used > 0).sum())} of {len(names)} terms, "
            f"one for each class that has a share; {names[label]} adds {surprise} nats, "
            f"{times}its share {written(used[label], 4)} times its surprise."
        )
    st.markdown(f"{left} **BCE** adds {yes_no} nats for {names[label]}, {rest}")
    page.numbers(terms, "Every term of both losses")
    loss_pictures.show_others(logits, label, options, is_plain)
    if np.isfinite(logits).all():
        loss_pictures.show_curves(logits, label, options, is_plain)
    else:
        st.caption("The curves against a logit are left out: they need logits that are all finite.")
    if np.isfinite(totals["CCE"]):
        loss_pictures.show_parts(logits, label, options)
    if not np.isnan(totals["CCE"]):
        loss_pictures.show_optimum(logits, label, options, is_hard)
    page.as_code(lambda: snippets.losses(logits, label, options))


def _kinds(num_classes: int, label: int, entered: Kind) -> None:
    """Show the kinds of target, each of which teaches something."""
    kinds = {
        "Hard target": ("", 0.0, 1.0),
        "Soft target": (_soft_target(num_classes, label), 0.0, 1.0),
        "Smoothed": ("", 0.1, 1.0),
        "Smoothed and weighted": ("", 0.1, 3.0),
    }
    if not 2 <= num_classes <= MAX_LABELLED:
        del kinds["Soft target"]
    samples.presets(
        "Kinds of target",
        "sample target",
        list(kinds),
        next((title for title, kind in kinds.items() if kind == entered), None),
        lambda title: _set_target(*kinds[title]),
    )


def _set_target(target: str, smoothing: float, weight: float) -> None:
    st.session_state[TARGET.key] = target
    st.session_state[SMOOTHING.key] = smoothing
    st.session_state[WEIGHT.key] = weight


def _soft_target(num_classes: int, label: int) -> str:
    shares = np.zeros(max(num_classes, 2))
    shares[[label, (label + 1) % len(shares)]] = SHARE, 1 - SHARE
    return ", ".join(f"{share:g}" for share in shares)


def _formulas(options: Options, is_hard: bool) -> dict[str, list[str]]:
    """Return BCE and CCE as they are used, in as many lines: their bars stand side by side."""
    w = "" if options.weight == 1 else r"w_i\, "
    return {
        "BCE": [
            rf"&\blue{{\textstyle\sum_i {w}\big({{-t_i}} \log \sigma(z_i)}}",
            r"&\quad\blue{{} - (1 - t_i) \log \sigma(-z_i)\big)}",
        ],
        "CCE": [
            rf"&\orange{{-\textstyle\sum_i {w}t_i \log s_i}}",
            rf"&\quad = \orange{{-{w.replace('_i', '_p')}\log s_p}}" if is_hard else "&",
        ],
    }


def _sums(
    logits: np.ndarray, label: int, rows: dict[str, pd.DataFrame], options: Options
) -> dict[str, str] | None:
    """Return BCE and CCE with their numbers, in as many lines; nothing where these are many."""
    is_undefined = any(of_loss["term"].hasnans for of_loss in rows.values())
    if len(logits) > lesson.MAX_TERMS or is_undefined:
        return None
    binary = [f":blue[{written(term, 3)}]" for term in rows["BCE"]["term"]]
    categorical = []
    for i, (target, surprise) in enumerate(
        zip(rows["CCE"]["target"], surprises(logits), strict=True)
    ):
        factors = [lesson.typed(target), written(surprise, 3)]
        if i == label and options.weight != 1:
            factors.insert(0, lesson.typed(options.weight))
        categorical.append(f":{'orange' if target else 'gray'}[{lesson.product(*factors)}]")
    return {
        "BCE": f":blue[BCE] = {_in_lines(binary)}",
        "CCE": f":orange[CCE] = {_in_lines(categorical)}",
    }


def _in_lines(terms: list[str]) -> str:
    """Return a sum in lines of at most three terms, as long as each other."""
    num_lines = -(-len(terms) // 3)
    size = -(-len(terms) // num_lines)
    lines = [lesson.added(terms[start : start + size]) for start in range(0, len(terms), size)]
    return "  \n+\N{NO-BREAK SPACE}".join(lines)


def show() -> None:
    """Show the page."""
    st.title("Losses")
    st.markdown(
        "A loss says how surprising the truth is under the prediction. BCE asks about every class, "
        "CCE about the true one alone."
    )
    compare()
