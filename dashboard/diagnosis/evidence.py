"""A diagnosis in words: what was found and what was checked, and the losses beside each other."""

from __future__ import annotations

import math
from collections import Counter

import pandas as pd
import streamlit as st

from core.diagnosis import Evidence, Severity, compare
from core.words import counted
from dashboard import lesson, state
from dashboard.diagnosis import formulas
from dashboard.diagnosis.definitions import FIGURES, FLOORS
from dashboard.diagnosis.handed_in import Model
from dashboard.frames.common import written
from experiments.report import figures_of, reading, unbroken

OF_HARD = (
    "In bits per row: the cost of the class frequencies f alone, the cost of the probabilities p, "
    "and the saving. Hard labels t have no entropy of their own: the whole cost of p is divergence."
)
OF_SOFT = "Soft labels t have an entropy that no p gets below: only the rest can be learned."
MAIN = ("accuracy", "nll", "bits_saved", "ece", "temperature", "ece_after")
COLOURS = {"error": "red", "warning": "orange", "note": "blue"}
ICONS = {"error": "error", "warning": "warning", "note": "info"}


def show_figures(model: Model) -> None:
    """Show the figures to know a model by, each with its definition."""
    figures = figures_of(model.found)
    if not figures:
        return
    with st.container(horizontal=True):
        for figure in figures:
            if figure.key in MAIN:
                st.metric(figure.title, figure.shown, help=figure.meaning)
    with st.expander("All figures, and what they are", icon=":material/function:"):
        _table(
            {
                "Figure": [figure.title for figure in figures],
                "Value": [figure.shown for figure in figures],
                "What it is": [figure.meaning for figure in figures],
            },
            "All figures, and what they are",
        )


def show_side_by_side(first: Model, second: Model) -> None:
    """Show the figures of two models beside each other, and their difference row by row."""
    st.header("Side by side")
    both = [{each.key: each for each in figures_of(one.found)} for one in (first, second)]
    either = both[0] | both[1]
    names = [first.name, second.name if second.name != first.name else f"{second.name} (2)"]
    table = {"Figure": [figure.title for figure in either.values()]}
    for name, figures in zip(names, both, strict=True):
        table[state.plain(name)] = [
            figures[key].shown if key in figures else "undefined" for key in either
        ]
    table["What it is"] = [figure.meaning for figure in either.values()]
    _table(table, "Figures of both models")
    try:
        found = compare(first.rows, second.rows)
    except ValueError as error:
        st.caption("Only the figures can be compared, not the rows:")
        st.text(str(error))
        return
    rows = f"On the {counted(found.num_rows, 'row')} that both have, "
    if math.isnan(found.bits):
        st.markdown(f"{rows}a label was given probability 0, so the difference has no mean.")
    elif found.low == found.high == 0:
        st.markdown(f"{rows}both models are equally surprised.")
    else:
        better = "less" if found.bits < 0 else "more"
        low, high = (f"{end:.3g}".replace("-", "−") for end in (found.low, found.high))
        st.markdown(
            f"{rows}the first is **{counted(abs(found.bits), 'bit', '.3g')} per row {better}** "
            f"surprised than the second (95 % interval of the difference from {low} to {high}: "
            "mean ± 1.96 standard errors of the pairs)."
        )
    if found.only_first == found.only_second == 0:
        st.markdown("Both are right on the same rows.")
        return
    st.markdown(
        f"Only the first is right on {counted(found.only_first, 'row')}, only the second on "
        f"{found.only_second:,}. If both were equally likely, counts so far apart would have a "
        f"probability of at most {found.p_value:.2g}."
    )


def show_evidence(model: Model, which: int) -> None:
    """Show what was found, the most severe first, and what was checked."""
    diagnosis = model.found.diagnosis
    st.markdown(_summary(model))
    for note in model.found.notes:
        st.markdown(state.plain(_sentence(note)))
    for number, evidence in enumerate(diagnosis.evidence):
        if evidence.severity == "note":
            with st.expander(f"{_badge('note')} {state.plain(_sentence(evidence.seen))}"):
                _details(evidence, f"{which} {number}")
        else:
            with st.container(border=True):
                st.markdown(
                    f"{_badge(evidence.severity)} **{state.plain(_sentence(evidence.seen))}**"
                )
                _details(evidence, f"{which} {number}")
    with st.expander("What was checked, and what was not", icon=":material/checklist:"):
        outcomes = diagnosis.checked
        _table(
            {"Check": list(outcomes), "Outcome": list(outcomes.values())},
            "Each check, and whether it was done",
        )


def show_losses(model: Model) -> None:
    """Show what each loss says of the scores, and where losses get stuck."""
    diagnosis = model.found.diagnosis
    if not diagnosis.pairings:
        st.markdown("No row could be used.")
        return
    st.markdown(f"Labels: **{state.plain(diagnosis.labels)}**. {state.plain(reading(model.found))}")
    _table(
        {
            "Loss": [pairing.loss for pairing in diagnosis.pairings],
            "Fits": ["yes" if pairing.fits else "no" for pairing in diagnosis.pairings],
            "Nats": [written(pairing.nats, 4) for pairing in diagnosis.pairings],
            "Why": [pairing.why for pairing in diagnosis.pairings],
        },
        "Each loss, whether it fits, and what it says",
    )
    in_bits = formulas.bits(diagnosis)
    if in_bits:
        lesson.formula(*in_bits)
        st.caption(OF_SOFT if diagnosis.bits is None else OF_HARD)
    with st.expander("Where a loss gets stuck, and why", icon=":material/vertical_align_bottom:"):
        _table(
            {
                "Stuck at": list(diagnosis.floors),
                "Nats": [written(value, 4) for value in diagnosis.floors.values()],
                "What it is": [FLOORS.get(name, "") for name in diagnosis.floors],
            },
            "The floors of the loss",
        )


def _summary(model: Model) -> str:
    """Return what was looked at and how much came out of it; nothing is ever called right."""
    diagnosis = model.found.diagnosis
    counts = Counter(evidence.severity for evidence in diagnosis.evidence)
    done = sum(outcome == "done" for outcome in diagnosis.checked.values())
    unused = diagnosis.num_rows - diagnosis.num_used
    rows = f"{counted(diagnosis.num_rows, 'row')} of {diagnosis.num_classes:,} classes"
    left_out = f", {unused:,} of which could not be used" if unused else ""
    if not counts["error"] and not counts["warning"]:
        found = f", but {_counted(counts)}" if counts["note"] else ""
        return (
            f"{done} checks on {rows}{left_out} found no error and no warning{found}. "
            "They can't find what they do not look at."
        )
    return f"{done} checks on {rows}{left_out} found **{_counted(counts)}**."


def _counted(counts: Counter[Severity]) -> str:
    severities: tuple[Severity, ...] = ("error", "warning", "note")
    said = [counted(str(counts[name]), name) for name in severities if counts[name]]
    return ", ".join(said) or "nothing"


def _badge(severity: Severity) -> str:
    return f":{COLOURS[severity]}-badge[:material/{ICONS[severity]}: {severity}]"


def _details(evidence: Evidence, key: str) -> None:
    st.markdown(
        f"{state.plain(_sentence(evidence.means))}\n\n"
        f"**What to do:** {state.plain(_sentence(evidence.do))}"
    )
    rows = f" Rows {', '.join(map(str, evidence.rows))}." if evidence.rows else ""
    st.caption(state.plain(f"{_sentence(evidence.sure)}{rows}"))
    if evidence.figures:
        with st.popover("The figures", icon=":material/function:", type="tertiary", key=key):
            _table(
                {
                    "Figure": list(evidence.figures),
                    "Value": [_figure(value) for value in evidence.figures.values()],
                    "What it is": [FIGURES.get(name, "") for name in evidence.figures],
                },
                "The figures of this evidence, and what they are",
            )


def _table(columns: dict[str, list[str]], says: str) -> None:
    """Show a few lines of text, wrapped; what stands in them is text and no Markdown."""
    frame = pd.DataFrame(
        {name: [state.plain(unbroken(cell)) for cell in cells] for name, cells in columns.items()}
    )
    st.table(frame, border="horizontal", hide_index=True, alt=says)


def _sentence(text: str) -> str:
    """Return a clause as a sentence; a formula that begins it stays as it is."""
    is_word, text = text[:2].isalpha() or text.startswith("a "), unbroken(text)
    return (text[0].upper() if is_word else text[:1]) + text[1:] + "."


def _figure(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"
