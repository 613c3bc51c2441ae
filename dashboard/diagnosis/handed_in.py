"""Whose outputs the page Diagnose looks at: a file of the viewer's, a run, or a sample.

What is uploaded stays in the viewer's own session, and only while its page shows it: nothing here
is cached across sessions or written down.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import pandas as pd
import streamlit as st

from core.diagnosis import Kind, Ledger, Loss
from core.words import counted
from dashboard import state
from experiments import predictions, tracking
from experiments.diagnosis.frames import ledger_frame
from experiments.diagnosis.passes import Diagnosed, diagnose_predictions
from experiments.diagnosis.plateau import with_plateau
from experiments.diagnosis.rows import Settings
from experiments.diagnosis.samples import SAMPLES
from experiments.predictions import Predictions, PredictionsError, Upload
from experiments.stored import stored_predictions

FILE, RUN, SAMPLE, NOTHING = "Your file", "A run", "A sample", "Nothing"
SOURCES = (FILE, RUN, SAMPLE)
FIND_OUT, NOT_TOLD = "find out", "not told"
ENDINGS = ["csv", "tsv", "txt", "gz", "parquet", "pq", "npz", "npy"]
OF_TITLE = {sample.title: sample for sample in SAMPLES.values()}

KIND = state.Choice(
    "kind",
    "The scores are",
    "What the last layer gives. By default it is found out; if you say it and the scores "
    "contradict it, that is reported.",
)
LOSS = state.Choice(
    "loss",
    "They go into the loss",
    "“softmax + …” and “sigmoid + …” apply the activation themselves, as PyTorch's "
    "CrossEntropyLoss and BCEWithLogitsLoss do; “categorical” and “binary” take probabilities.",
)
SCORES = state.Text(
    "scores",
    "Columns of scores",
    "",
    "Names, or patterns such as out_*, separated by commas. By default, columns called logit_…, "
    "prob_… or score_…. In an NPZ, the names of arrays.",
    "found by their names",
)
LABELS = state.Text(
    "labels",
    "Columns of labels",
    "",
    "By default, label, target or y, or one column for each class: target_…",
    "found by their names",
)


@dataclass(frozen=True)
class Model:
    """A diagnosis, and whose it is.

    Parameters
    ----------
    name : str
        May be foreign, as a file's is.
    story : str
        What is known of it beforehand.
    found : Diagnosed
        Its names of classes may be foreign, too.
    rows : Ledger
        What each row cost.
    ledger : DataFrame
        The same, the most surprising row first, with the names of the classes.
    """

    name: str
    story: str
    found: Diagnosed
    rows: Ledger
    ledger: pd.DataFrame


def choose_model(which: int, source: str) -> Model | None:
    """Show the controls of the first or second model, and return it; None with a sentence.

    Parameters
    ----------
    which : int
        1 or 2.
    source : str
        One of SOURCES.
    """
    return {FILE: _file, RUN: _run, SAMPLE: _sample}[source](which)


def forget_others(kept: Sequence[Model | None]) -> None:
    """Drop the diagnoses that the page no longer shows."""
    held: dict[Hashable, Model] = st.session_state.get("diagnosed", {})
    # In place: Streamlit keeps what a new one would replace until the page runs again.
    for key in [key for key, model in held.items() if not any(model is one for one in kept)]:
        del held[key]


def _diagnosed(
    read: Predictions, kind: Kind, loss: Loss | None, name: str, story: str = ""
) -> Model:
    """Return a diagnosis of everything in a file, with the progress in sight."""
    bar = st.progress(0.0, "Reading…")
    parts: list[Ledger] = []
    doing, done = "", 0

    def say(what: str, rows: int) -> None:
        nonlocal doing, done
        done = rows if what != doing else done + rows
        doing = what
        share = min(done / read.num_rows, 1.0) if read.num_rows else 0.0
        bar.progress(share, f"{what.capitalize()}: {counted(done, 'row')}")

    try:
        found = diagnose_predictions(read, Settings(kind, loss), ledger=parts, on_rows=say)
    finally:
        bar.empty()
    rows = _joined(parts)
    ledger = ledger_frame(rows, found.class_names)
    ledger = ledger.sort_values("surprise", ascending=False, kind="stable", ignore_index=True)
    return Model(name, story, found, rows, ledger)


def _joined(parts: Sequence[Ledger]) -> Ledger:
    """Return a ledger in half the memory, at more digits than anyone reads."""
    if not parts:
        nothing = np.empty(0, np.int64)
        return Ledger(nothing, nothing, nothing, *(np.empty(0),) * 3)
    dtypes = (np.int64, np.int32, np.int32, np.float32, np.float32, np.float32)
    columns = zip(*parts, strict=True)
    return Ledger(
        *(
            np.concatenate([part.astype(dtype) for part in column])
            for column, dtype in zip(columns, dtypes, strict=True)
        )
    )


def _once(key: Hashable, make: Callable[[], Model]) -> Model:
    """Return a diagnosis of this session, made where there is none: reruns look at it again."""
    held: dict[Hashable, Model] = st.session_state.setdefault("diagnosed", {})
    if key not in held:
        held[key] = make()
    return held[key]


def _numbered(control: Any, which: int) -> Any:
    """Return a control of the second model: its key in the link ends in 2."""
    if which == 1:
        return control
    return type(control)(**{**vars(control), "key": f"{control.key}_{which}"})


def _declared(which: int) -> tuple[Kind, Loss | None]:
    left, right = st.columns(2)
    with left:
        kind = state.choose(_numbered(KIND, which), [FIND_OUT, *get_args(Kind)[1:]])
    with right:
        loss = state.choose(_numbered(LOSS, which), [NOT_TOLD, *get_args(Loss)])
    kinds: dict[str, Kind] = {name: name for name in get_args(Kind)}
    losses: dict[str, Loss] = {name: name for name in get_args(Loss)}
    return kinds.get(kind, "auto"), losses.get(loss)


def _sample(which: int) -> Model | None:
    sample_choice = state.Choice("sample", "Sample", "Predictions with a classic mistake in them.")
    title = state.choose(_numbered(sample_choice, which), list(OF_TITLE))
    sample = OF_TITLE[title]
    st.caption(sample.story)
    model = _once(
        ("sample", sample.key),
        lambda: _diagnosed(
            sample.predictions(), sample.kind, sample.loss, sample.title, sample.story
        ),
    )
    st.download_button(
        "This sample as CSV",
        lambda: sample.frame().to_csv(index=False).encode(),
        f"{sample.key}.csv",
        "text/csv",
        key=f"take sample {which}",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )
    return model


def _file(which: int) -> Model | None:
    uploads = st.file_uploader(
        "CSV, Parquet or NPZ with scores and labels, or two NPY: scores and labels",
        ENDINGS,
        accept_multiple_files=True,
        key=f"upload {which}",
        help="It is read in this session only, and not saved, kept, shared or sent anywhere.",
    )
    st.caption(
        "The file stays in your session until you close the page. A link can't hold it: whoever "
        "opens the address of this page has to upload the file too."
    )
    with st.expander("What you know about the file", icon=":material/tune:"):
        kind, loss = _declared(which)
        left, right = st.columns(2)
        with left:
            scores = state.text(_numbered(SCORES, which))
        with right:
            labels = state.text(_numbered(LABELS, which))
    if not uploads:
        _show_formats()
        return None
    key = ("file", tuple(file.file_id for file in uploads), scores, labels, kind, loss)
    try:
        return _once(key, lambda: _diagnosed_file(uploads, scores, labels, kind, loss))
    except PredictionsError as error:
        state.refuse("This file can't be read.", str(error))
    return None


def _show_formats() -> None:
    """Show what such a file looks like."""
    st.markdown("One row per example: what the last layer gave each class, and the label.")
    st.code("logit_cat,logit_dog,label\n2.5,-1.0,cat\n0.3,0.9,dog", language=None)
    st.markdown("Or, from your own loop:")
    st.code(
        "np.savez('out.npz', logits=logits, labels=labels)  # (N, K), and (N,) or (N, K)",
        wrap_lines=True,
    )


def _diagnosed_file(
    uploads: Sequence[Any], scores: str, labels: str, kind: Kind, loss: Loss | None
) -> Model:
    given = [Upload(file.name, file) for file in uploads]
    read = predictions.read(given, scores=scores, labels=labels)
    name = given[0].name if len(given) == 1 else f"{given[0].name} and {len(given) - 1} more"
    return _diagnosed(read, kind, loss, name)


def _run(which: int) -> Model | None:
    key = "run" if which == 1 else f"run_{which}"
    try:
        runs = tracking.list_runs()
        labels = {str(row.run_id): _run_label(row) for row in runs.itertuples()}
        wanted = st.query_params.get(key, "")
        if wanted and wanted not in labels:
            labels = {wanted: f"run {wanted[:40]}", **labels}
        if not labels:
            st.info("`python -m experiments demo` trains some.", title="There are no runs yet")
            return None
        ids = list(labels)
        run_id = st.selectbox(
            "Run",
            ids,
            ids.index(wanted) if wanted else 0,
            labels.__getitem__,
            key=f"{key} chosen",
            help="Its outputs on the validation rows after the last epoch, as its loss gets them.",
        )
        st.query_params[key] = run_id
        model = _once(("run", run_id), lambda: _diagnosed_run(run_id, labels[run_id]))
        if model.story:
            st.caption(model.story)
        return model
    except tracking.TrackingError as error:
        state.refuse("This run can't be diagnosed.", str(error))
    except PredictionsError as error:
        state.refuse("The predictions that this run stored can't be read.", str(error))
    return None


def _run_label(row: Any) -> str:
    model = f" · {row.model}" if row.model else ""
    return f"{row.dataset} · {row.head or row.name}{model} · {row.run_id[:6]}"


def _diagnosed_run(run_id: str, name: str) -> Model:
    params = tracking.params_of(run_id)
    read, kind, loss = stored_predictions(run_id, params.get("head", ""))
    story = f"The scores as its loss gets them: {kind}, into {loss}." if loss else ""
    model = _diagnosed(read, kind, loss, name, story)
    smoothing = float(params.get("label_smoothing", 0))
    histories = {split: tracking.read_losses(run_id, split) for split in ("train", "val")}
    return replace(model, found=with_plateau(model.found, histories, smoothing))
