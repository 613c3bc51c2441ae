"""The tracked training runs: their curves, and the way into MLflow."""

from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from core.heads import HEADS
from dashboard import lesson, page, state
from dashboard.frames.common import written
from dashboard.frames.runs import side_by_side
from experiments import tracking
from experiments.charts import style
from experiments.charts.history import history_chart
from experiments.datasets import DATASETS

SUMMARY = "Training runs: compare their loss and entropy curves, and open them in MLflow."
EVERY_RUN = "every run on this data set"
DRAWN_AT_FIRST = 4
MOST_DRAWN = len(style.SERIES)
# Of a run's 32 digits: among thousands of runs hardly two begin with the same.
ID_SHOWN = 8
MEANINGS = {
    "loss": "**Loss**: each head's own, in nats, or for a squared error a squared distance. CCE "
    "and the sum of K binary losses are different sums: compare the shapes, not the heights.",
    "cross_entropy_bits": "**Cross-entropy**: how surprising the labels are under the predictions, "
    "in bits per row: the same scale for every head on this data set.",
    "entropy_bits": "**Predictive entropy**: how unsure the predictions are on average. Before "
    "training nothing is known: log₂ K bits for K classes, or one bit per label where any number "
    "of them may hold. One-vs-rest answers are divided by their sum first.",
    "accuracy": "**Accuracy**: the share of rows whose most probable class is the true one; where "
    "any number of labels may hold, the share of labels predicted right.",
}
FORMATS = {"val bits": ".4f", "val accuracy": ".1%", "val entropy": ".4f"}
# Of a setting or a name, beside others.
LONGEST_SHOWN = 40
MISTAKES = [head.title for head in HEADS.values() if head.is_mistake]


@st.cache_data(ttl=10, show_spinner="Reading the runs…")
def list_runs(uri: str) -> pd.DataFrame:
    """Return the runs of the store at `uri`, at most ten seconds old."""
    return tracking.list_runs()


@st.cache_data(ttl=10, max_entries=50, show_spinner="Reading the curves…")
def read_history(uri: str, run_ids: tuple[str, ...]) -> pd.DataFrame:
    """Return the curves of runs, at most ten seconds old."""
    return tracking.read_history(run_ids)


@st.cache_data(ttl=10, show_spinner=False)
def ui_answers(address: str) -> bool:
    """Return whether the MLflow UI answered in the last ten seconds."""
    return tracking.answers(address)


@page.part
def compare() -> None:
    """Show the runs to choose from, and the curves of those chosen."""
    uri = tracking.tracking_uri()
    try:
        runs = list_runs(uri)
        if runs.empty:
            st.info(
                "`python -m experiments demo` trains some, in under half a minute; `make demo` "
                "also starts the MLflow UI. Then reload this page.",
                title="There are no runs yet",
            )
            return
        with page.controls():
            runs, chosen = _choose(runs)
        of_label = dict(zip(runs["label"], runs["run_id"], strict=True))
        history = read_history(uri, tuple(of_label[label] for label in chosen[:MOST_DRAWN]))
        history["run"] = history["run"].map(
            {run.run_id: _drawn(run) for run in runs.itertuples() if run.label in chosen}
        )
        drawn = runs.set_index("label", drop=False).loc[chosen[:MOST_DRAWN]]
        together = tracking.comparison_link(list(drawn["run_id"]))
        link, theory = tracking.ui_link(), tracking.ui_link(tracking.THEORY)
    except tracking.TrackingError as error:
        state.refuse("The runs can't be read.", str(error))
        return

    with st.container(horizontal=True):
        st.link_button("Open in the MLflow UI", link, icon=":material/open_in_new:")
        if len(drawn) > 1:
            st.link_button("Compare these in MLflow", together, icon=":material/compare_arrows:")
        parents = set(runs["parent_link"])
        if len(parents) == 1 and "" not in parents:
            st.link_button("Their parent in MLflow", parents.pop(), icon=":material/account_tree:")
        st.link_button(
            "Curves of the theory in MLflow", theory, icon=":material/functions:", type="tertiary"
        )
    if not ui_answers(tracking.ui_address()):
        st.markdown(
            f"Nothing answers at `{tracking.ui_address()}` yet: `python -m experiments serve` "
            "starts the MLflow UI."
        )
    without = [name for name in map(_drawn, drawn.itertuples()) if name not in set(history["run"])]
    if not chosen:
        st.info("Choose at least one run.")
    if len(chosen) > MOST_DRAWN:
        st.caption(f"Only the first {MOST_DRAWN} of {len(chosen)} runs are drawn.")
    if without:
        st.text(f"No curve yet: {', '.join(without)}")
    if not history.empty:
        _show_epochs(history)
    st.markdown(
        "\n".join(
            f"- [Diagnose {state.plain(label)}]({diagnose_link(of_label[label])})"
            for label in chosen[:MOST_DRAWN]
        )
    )

    if len(drawn) > 1:
        _show_side_by_side(drawn)

    st.header("All runs on this data set")
    zone = st.context.timezone or "UTC"
    st.dataframe(
        runs.drop(columns="settings").assign(
            diagnosis=[diagnose_link(run_id) for run_id in runs["run_id"]]
        ),
        hide_index=True,
        column_order=[
            "link", "diagnosis", "started", "head", "model", "seed", "parent", "val_loss",
            "val_cross_entropy_bits", "val_accuracy", "val_entropy_bits", "status",
        ],
        column_config={
            "started": st.column_config.DatetimeColumn(
                f"started ({zone})", format="YYYY-MM-DD HH:mm", timezone=zone
            ),
            "parent": st.column_config.TextColumn("part of"),
            "val_loss": st.column_config.NumberColumn(
                "val loss", help="The head's own loss: nats, or a squared distance.", format="%.4f"
            ),
            "val_cross_entropy_bits": st.column_config.NumberColumn(
                "val bits", help="Mean cross-entropy, in bits per row.", format="%.4f"
            ),
            "val_accuracy": st.column_config.NumberColumn("val accuracy", format="percent"),
            "val_entropy_bits": st.column_config.NumberColumn(
                "val entropy", help="Mean predictive entropy, in bits.", format="%.4f"
            ),
            "diagnosis": st.column_config.LinkColumn(
                display_text="diagnose", help="Opens Diagnose on its validation outputs."
            ),
            "link": st.column_config.LinkColumn(
                "run",
                display_text=f"runs/(.{{{ID_SHOWN}}})",
                help="Opens the run in the MLflow UI.",
            ),
        },
        alt="The runs with their final values",
    )  # fmt: skip


def show() -> None:
    """Show the page."""
    st.title("Runs")
    st.markdown(
        "The training runs that MLflow keeps: compare their curves, and open or diagnose each of "
        "them."
    )
    compare()


def diagnose_link(run_id: str) -> str:
    """Return the link to the page Diagnose on a run's outputs."""
    return f"diagnose?{urlencode({'run': run_id})}"


def _choose(runs: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Show whose curves to draw; return the runs to choose from, and the labels chosen."""
    dataset = state.choose(state.DATASET, _datasets(runs))
    runs = runs[runs["dataset"] == dataset]
    runs = runs.assign(
        run=runs["run_id"].str[:ID_SHOWN], title=runs["name"].str.removesuffix(f" · {dataset}")
    )
    runs = runs.assign(label=[_label(run) for run in runs.itertuples()])
    worth_first = runs.assign(
        unfinished=runs["status"] != "FINISHED", mistake=runs["head"].isin(MISTAKES)
    ).sort_values(["unfinished", "mistake"], kind="stable")
    parents = [parent for parent in dict.fromkeys(runs["parent"]) if parent]
    parent = state.choose(state.PARENT, [EVERY_RUN, *parents]) if parents else EVERY_RUN
    if parent == EVERY_RUN:
        first = worth_first.drop_duplicates(["head", "model"]).head(DRAWN_AT_FIRST)
        among = dataset
    else:
        runs = runs[runs["parent"] == parent]
        first = worth_first[worth_first["parent"] == parent].head(MOST_DRAWN)
        among = parent.rpartition(" ")[2]
    chosen = state.choose_several(state.RUNS, among, list(runs["label"]), list(first["label"]))
    return runs, chosen


def _show_epochs(history: pd.DataFrame) -> None:
    # Runs of others log what they like.
    metrics = [name for name in MEANINGS if history[name].notna().any()]
    st.header("Epoch by epoch")
    page.figure(
        history_chart(history, metrics, height=180),
        "Loss, cross-entropy, entropy and accuracy of each run over the epochs",
        "epochs",
        history[["run", "split", "epoch", *metrics]],
    )
    st.markdown(
        "The pointer picks an epoch in all charts; the table above them has each run's values "
        "there, on the validation rows. Where the dashed training curve keeps falling and the "
        "validation curve does not, a run overfits: it learns its training rows by heart."
    )
    lesson.more("\n".join(f"- {MEANINGS[name]}" for name in metrics))


def _show_side_by_side(drawn: pd.DataFrame) -> None:
    st.header("Side by side")
    table = side_by_side(drawn)
    best, has_value = table.iloc[0], table["val bits"].notna().sum()
    if has_value > 1:
        best_run = drawn.set_index("run").loc[best["run"]]
        bits = written(best_run["val_cross_entropy_bits"], 4)
        lesson.formula(
            r"\text{val bits} &= \textstyle\frac{1}{N} \sum_{i=1}^{N} -\log_2 s_{i, y_i}",
            rf"&= {bits} \text{{ at best}}",
        )
        st.markdown(
            f"**{state.plain(best_run['label'])}** predicts the validation labels best: {bits} "
            "bits per row."
        )
    links = dict(zip(drawn["run"], drawn["link"], strict=True))
    shown = table.astype(object).where(table.notna(), "")
    shown = shown.map(lambda value: shorten(value) if isinstance(value, str) else value)
    shown["run"] = table["run"].map(lambda run: (run, links[run]))
    lesson.table(
        shown,
        {name: (state.plain(name), FORMATS.get(name, "")) for name in map(str, table)},
        "The settings in which the chosen runs differ, and their final values",
    )
    st.caption(
        "The settings that differ, and the final values (bits are per row); the best run first."
    )


def shorten(words: str) -> str:
    """Return words as they fit beside others."""
    return words if len(words) <= LONGEST_SHOWN else f"{words[: LONGEST_SHOWN - 1]}…"


def _datasets(runs: pd.DataFrame) -> list[str]:
    """Return the data sets that have runs: ours in their own order, then others by name."""
    found = set(runs["dataset"])
    return [name for name in DATASETS if name in found] + sorted(found - set(DATASETS))


def _label(run: Any) -> str:
    """Return what a run is called in the link too: it stays when a run ends."""
    ending = " · a mistake" if run.head in MISTAKES else ""
    return f"{run.title} · {run.run}{ending}"


def _drawn(run: Any) -> str:
    """Return what a run is called beside its curve: it says so where a run has not finished."""
    return run.label if run.status == "FINISHED" else f"{run.label} · {run.status.lower()}"
