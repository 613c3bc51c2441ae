"""What is wrong with the outputs of one's own classifier: evidence, pictures, and the ledger."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import page, state
from dashboard.diagnosis.evidence import show_evidence, show_figures, show_losses, show_side_by_side
from dashboard.diagnosis.handed_in import (
    FILE,
    NOTHING,
    RUN,
    SAMPLE,
    Model,
    choose_model,
    forget_others,
)
from dashboard.diagnosis.ledger import show_ledger
from dashboard.diagnosis.pictures import PICTURES

SUMMARY = "Your own scores and labels: what they are, which loss fits them, and what is wrong."
FROM = state.Choice("from", "Look at", "Where the scores and labels come from.")
BESIDE = state.Choice("beside", "Compare with", "A second model, shown beside the first.")


def show() -> None:
    """Show the page."""
    st.title("Diagnose")
    st.markdown(
        "Hand in the scores of your classifier and the labels. The page says what the scores are, "
        "which loss fits them, and what is wrong."
    )
    look()


@page.part
def look() -> None:
    """Show the controls and what follows from them."""
    with page.controls():
        models = _choose()
    forget_others(models)
    chosen = [model for model in models if model is not None]
    if not chosen:
        return
    if len(chosen) > 1:
        show_side_by_side(chosen[0], chosen[1])
    st.header("What was found")
    for which, (column, model) in enumerate(zip(_places(chosen, "found"), chosen, strict=True), 1):
        with column:
            if len(chosen) == 1:
                show_figures(model)
            show_evidence(model, which)
    st.header("Which loss fits")
    for column, model in zip(_places(chosen, "losses"), chosen, strict=True):
        with column:
            show_losses(model)
    for title, draw in PICTURES.items():
        st.header(title)
        places = _places(chosen, draw.__name__)
        for which, (column, model) in enumerate(zip(places, chosen, strict=True), 1):
            with column:
                draw(model, which)
    st.header("The ledger")
    st.markdown("The surprise of each row. Click a column heading to sort by it.")
    for which, (column, model) in enumerate(zip(_places(chosen, "ledger"), chosen, strict=True), 1):
        with column:
            show_ledger(model, which)


def _choose() -> list[Model | None]:
    """Show where the outputs come from; return the first model, and the second if one is wanted."""
    if "run" in st.query_params:
        st.session_state.setdefault(FROM.key, RUN)
    if "run_2" in st.query_params:
        st.session_state.setdefault(BESIDE.key, RUN)
    with st.container(horizontal=True):
        source = state.pick(FROM, [SAMPLE, FILE, RUN])
        beside = state.pick(BESIDE, [NOTHING, SAMPLE, FILE, RUN])
    for chosen, key in ((source, "run"), (beside, "run_2")):
        if chosen != RUN and key in st.query_params:
            del st.query_params[key]
    if beside == NOTHING:
        return [choose_model(1, source)]
    models = []
    for which, (column, chosen) in enumerate(
        zip(_both_sides("sources"), (source, beside), strict=True), 1
    ):
        with column:
            models.append(choose_model(which, chosen))
    return models


def _places(models: Sequence[Model], of: str) -> list[st.delta_generator.DeltaGenerator]:
    """Return a place for each model in a part of the page; of two each has its name on top."""
    if len(models) == 1:
        return [st.container()]
    places = _both_sides(of)
    for place, model in zip(places, models, strict=True):
        place.markdown(f"**{state.plain(model.name)}**")
    return places


def _both_sides(of: str) -> list[st.delta_generator.DeltaGenerator]:
    """Return two places beside each other, or where page.css finds them too narrow below."""
    with st.container(key=f"beside {of}"):
        return list(st.columns(2, gap="large"))
