"""A diagnosis in pictures, each with what it means in a sentence or two."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.diagnosis import loss_histogram
from core.words import counted
from dashboard import lesson, page, state
from dashboard.diagnosis import formulas
from dashboard.diagnosis.handed_in import Model
from experiments.charts import diagnosis as charts
from experiments.charts.precision import own_rows_map
from experiments.diagnosis import frames
from experiments.precision import precision_map
from experiments.predictions import shown
from experiments.report import unbroken

WIDTH, MASS = "Equal width", "Equal mass"
MOST_CLASSES = 12
OF_ROWS = (
    "A row lies at its margin x: the logit of its label minus the logsumexp of the others. The "
    "table has the share of your rows that fail. NaN: an exponential overflows, which depends on "
    "the logits themselves and not on their margin; inf: the probability rounds to 0; 0: it rounds "
    "to 1; log-sum-exp: m + log Σe^(z − m) − z is off by more than 1 %."
)
OF_ANSWERS = (
    "Shares of all answers, one for each row and class. NaN or inf: e^−x overflows; inf: 1 − σ(x) "
    "rounds to 0; 0: the probability rounds to 1; log-sum-exp: log(1 + e^−|x|) is off by more than "
    "1 %. The page Precision has the map of both answers."
)
FAILURES = {
    "overflow": "Textbook NaN",
    "vanish": "Textbook inf",
    "zero": "Textbook 0",
    "usual_off": "Log-sum-exp",
}


def show_calibration(model: Model, which: int) -> None:
    """Show the reliability as given, and after the temperature."""
    found, after = model.found.diagnosis.calibration, model.found.after
    if found is None:
        st.markdown("No row could be used.")
        return
    key = "bins" if which == 1 else f"bins_{which}"
    bins = state.pick(
        state.Choice(key, "Bins", "15 bins of equal width, or with equally many rows."),
        [WIDTH, MASS],
    )
    table = frames.reliability_frame(
        found, after, temperature=model.found.temperature, equal_mass=bins == MASS
    )
    lesson.formula(
        *formulas.calibration(found, after, model.found.temperature, equal_mass=bins == MASS)
    )
    page.figure(
        charts.reliability_chart(table),
        "Accuracy against confidence, as given and at the fitted temperature",
        f"reliability {which}",
        table,
    )
    low, high = found.ece_interval
    says = (
        "On the dashed line a model is right as often as it says. Larger marks hold more rows, "
        "those of ten or more are joined, and the thin lines are 95 % intervals. The ECE of these "
        f"bins is {found.ece:.3g}, with at least 95 % confidence between {low:.3g} and {high:.3g}."
    )
    if bins == MASS:
        says = (
            "Each mark holds about equally many rows. The ECE of these bins is "
            f"{found.mass_ece:.3g}, at most {found.mass_ece_bound:.2g} off; of bins of equal width "
            f"it is {found.ece:.3g}."
        )
    if after is not None:
        says += (
            " In green: ECE and loss with the logits divided by T. T is fitted on these rows, so "
            "on others a little less is gained."
        )
    st.caption(unbroken(says))


def show_concentration(model: Model, which: int) -> None:
    """Show how much of the loss the costliest rows carry."""
    found = model.found.diagnosis.concentration
    histogram = loss_histogram(model.found.summary)
    curve = frames.concentration_frame(histogram)
    if found is None:
        st.markdown("No row could be used.")
        return
    if curve.empty:
        st.markdown(
            f"All of the loss is in {counted(histogram.infinite, 'row')}: it is infinite there."
            if histogram.infinite
            else "No row has any loss."
        )
        return
    lesson.formula(*formulas.concentration(found))
    page.figure(
        charts.concentration_chart(curve, found.half_share),
        "Share of the loss that the most surprising rows carry",
        f"concentration {which}",
        curve,
    )
    low, high = (f"{100 * end:.3g}" for end in found.half_bounds)
    bounds = "" if low == high else f" (certainly between {low} and {high}\N{NO-BREAK SPACE}%)"
    st.caption(
        f"The costliest {100 * found.half_share:.3g}\N{NO-BREAK SPACE}% of the rows carry half of "
        f"the loss{bounds}. The further the curve lies above the dashed line, where all "
        "rows would cost the same, the less the mean says about most rows."
    )


def show_confusion(model: Model, which: int) -> None:
    """Show which pairs of classes cost most, and what each class costs."""
    if model.found.diagnosis.concentration is None:
        st.markdown("No row could be used.")
        return
    pairs = frames.pair_frame(model.found.diagnosis, model.found.class_names)
    if pairs.empty:
        st.markdown(
            "No pair is confused."
            if model.found.diagnosis.task == "exclusive"
            and model.found.diagnosis.num_classes <= 128
            else "Several labels may hold at once: no class is taken for another."
            if model.found.diagnosis.task != "exclusive"
            else "Pairs are not counted for more than 128 classes."
        )
    else:
        first = pairs.iloc[0]
        label, predicted = shown(first["label"]), shown(first["predicted"])
        lesson.formula(*formulas.confusion(first))
        page.figure(
            charts.pair_chart(pairs, model.found.class_names),
            "Confused pairs of classes by what they cost",
            f"confusion {which}",
            pairs,
        )
        rows = counted(first["rows"], "row")
        st.caption(
            state.plain(
                "The surprise of wrongly predicted rows, by label and prediction; the "
                f"numbers count rows. The costliest: label a, {label}, predicted as b, "
                f"{predicted}: {rows} with "
                f"{counted(_bits(first['bits_each']), 'bit')} each."
            )
        )
    classes = frames.class_frame(model.found.diagnosis, model.found.class_names)
    with st.expander("Class by class", icon=":material/table_rows:"):
        st.dataframe(
            classes,
            column_config={
                "_index": st.column_config.NumberColumn("#", help="The class's number."),
                "rows": st.column_config.NumberColumn(help="Rows with this label.", format="%d"),
                "right": st.column_config.NumberColumn(
                    help="The share of them that is predicted right.", format="percent"
                ),
                "bits": st.column_config.NumberColumn(
                    help="Their mean surprise, −log2 of the label's probability; where labels may "
                    "hold at once, that of all rows.",
                    format="%.3f",
                ),
            },
            alt="What each class costs",
        )


def show_budget(model: Model, which: int) -> None:
    """Show how hard both sides pull at each class's logit."""
    everything = frames.budget_frame(model.found.diagnosis, model.found.class_names)
    if everything.empty:
        st.markdown("No row could be used.")
        return
    table = frames.most_lopsided(everything, MOST_CLASSES)
    lesson.formula(*formulas.budget(everything))
    page.figure(
        charts.budget_chart(table),
        "The pull of its own rows and of the others at each class's logit, by loss",
        f"gradient budget {which}",
        everything,
    )
    num_classes = everything["class"].nunique()
    part = (
        f" Only the {table['class'].nunique()} most lopsided of {num_classes:,} classes are drawn."
        if len(table) < len(everything)
        else ""
    )
    st.caption(
        "Rows of a class pull its logit up, all others push it down; the formula sums over all "
        "classes. Where both marks meet, the bias of a class is fitted; a long bar to a circle on "
        f"the right is a class whose positives are swamped by negatives.{part}"
    )


def show_precision(model: Model, which: int) -> None:
    """Show one's own rows over the map of where formulas break, and the shares that fail."""
    diagnosis = model.found.diagnosis
    table = frames.precision_frame(diagnosis)
    if table.empty:
        why = diagnosis.checked["precision of the textbook formula"]
        st.markdown(f"{why[0].upper()}{why[1:]}.")
        return
    if diagnosis.precision is not None:
        margins = frames.margin_frame(loss_histogram(model.found.summary))
        lesson.formula(*formulas.margin())
        page.figure(
            own_rows_map(precision_map("CCE"), margins),
            "Your rows over the map of where each formula of the loss is right",
            f"precision {which}",
            margins,
        )
    shares = {
        title: ["—" if math.isnan(share) else f"{100 * share:.3g} %" for share in table[name]]
        for name, title in FAILURES.items()
    }
    st.table(
        pd.DataFrame({"dtype": table["dtype"], **shares}),
        border="horizontal",
        hide_index=True,
        alt="The share on which each formula fails",
    )
    st.caption(unbroken(OF_ROWS if diagnosis.precision is not None else OF_ANSWERS))


PICTURES: dict[str, Callable[[Model, int], None]] = {
    "Is it right as often as it says?": show_calibration,
    "Which rows carry the loss?": show_concentration,
    "Which classes are confused?": show_confusion,
    "Which rows pull at which logit?": show_budget,
    "What would a textbook formula lose?": show_precision,
}


def _bits(each: float) -> str:
    return f"{each:.3g}" if math.isfinite(each) else "infinitely many"
