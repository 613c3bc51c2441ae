"""The ledger of a model: what each row cost, to sort and to take along."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.words import counted
from dashboard import state
from dashboard.diagnosis.definitions import LEDGER
from dashboard.diagnosis.handed_in import Model
from experiments.predictions import as_text

EVERY, WRONG, SUSPECT = "Every row", "Predicted wrong", "Likely label errors"


def show_ledger(model: Model, which: int) -> None:
    """Show the ledger, or the part of it that is asked for."""
    found = model.found.diagnosis.concentration
    if found is None:
        st.markdown("No row could be used.")
        return
    key = "rows" if which == 1 else f"rows_{which}"
    part = state.pick(
        state.Choice(key, "Which rows", "The rows of the ledger to show."), [EVERY, WRONG, SUSPECT]
    )
    ledger = model.ledger
    if part == WRONG:
        ledger = ledger[ledger["label"] != ledger["predicted"]]
    elif part == SUSPECT:
        ledger = ledger[ledger["row"].isin(found.suspects["row"])]
        st.caption(
            "Of the thousand most surprising rows, those whose label the model doubts, while it "
            "believes another class as much as it does on that class's own rows."
        )
    st.caption(
        f"{len(ledger):,} of {counted(len(model.ledger), 'row')}, the most surprising first."
    )
    st.dataframe(
        ledger,
        hide_index=True,
        height=320,
        lazy=True,
        column_config={
            "row": st.column_config.NumberColumn("row", help=LEDGER["row"], format="%d"),
            "label": st.column_config.TextColumn("label", help=LEDGER["label"]),
            "predicted": st.column_config.TextColumn("predicted", help=LEDGER["predicted"]),
            "surprise": st.column_config.NumberColumn(
                "surprise (bits)", help=LEDGER["surprise"], format="%.3f"
            ),
            "label_probability": st.column_config.NumberColumn(
                "p(label)", help=LEDGER["label_probability"], format="%.4g"
            ),
            "confidence": st.column_config.NumberColumn(
                "confidence", help=LEDGER["confidence"], format="%.4f"
            ),
        },
        alt="The rows and the surprise of each",
    )
    st.download_button(
        "Download these rows as CSV",
        lambda: _as_csv(ledger),
        "ledger.csv",
        "text/csv",
        key=f"take ledger {which}",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )


def _as_csv(ledger: pd.DataFrame) -> bytes:
    """Return the rows as CSV, in which no class's name is a formula to a spreadsheet."""
    named = {name: ledger[name].astype(str).map(as_text) for name in ("label", "predicted")}
    return ledger.assign(**named).to_csv(index=False).encode()
