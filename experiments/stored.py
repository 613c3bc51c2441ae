"""The outputs that a run stored, as its loss was handed them."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from core.activations import sigmoid, softmax
from core.diagnosis import Kind, Loss
from experiments import tracking
from experiments.predictions import Predictions, Upload, read

Array = np.ndarray


def handed_to_loss(head: str, logits: Array) -> tuple[Array, Kind, Loss | None]:
    """Return what a head's loss is handed for these logits, what that is, and the loss.

    Parameters
    ----------
    head : str
        A key of `core.heads.HEADS`, or anything else for logits of which no more is known.
    logits : ndarray, shape (N, outputs)

    Examples
    --------
    >>> handed_to_loss("softmax_twice_cce", np.zeros((1, 2)))
    (array([[0.5, 0.5]]), 'softmax', 'softmax + categorical')
    """
    if head == "softmax_twice_cce":
        return softmax(logits), "softmax", "softmax + categorical"
    if head == "sigmoid_cce":
        return sigmoid(logits), "sigmoid", "softmax + categorical"
    if head == "ovr_sigmoid_bce":
        return sigmoid(logits), "sigmoid", "binary"
    losses: dict[str, Loss] = {
        "softmax_cce": "softmax + categorical",
        "sigmoid_bce": "sigmoid + binary",
        "multi_label_sigmoid_bce": "sigmoid + binary",
    }
    return logits, "logits", losses.get(head)


def stored_predictions(
    run_id: str, head: str, split: str = "val"
) -> tuple[Predictions, Kind, Loss | None]:
    """Return what a run's loss was handed after the last epoch, what that is, and the loss.

    Parameters
    ----------
    run_id : str
    head : str
        The run's.
    split : str
        Of which rows.

    Raises
    ------
    TrackingError
        If the store can't be reached, has no such run, or the run holds none.
    PredictionsError
        If what it holds is no predictions.
    """
    file = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        path = tracking.download_predictions(run_id, split, Path(folder))
        columns: list[pd.DataFrame] = []
        _, kind, loss = handed_to_loss(head, np.zeros((1, 2)))
        for scores, labels, _ in read(path).batches():
            handed = pd.DataFrame(handed_to_loss(head, scores)[0]).add_prefix("score_")
            given = pd.DataFrame(labels)
            names = ["label"] if given.shape[1] == 1 else [f"label_{k}" for k in given]
            columns.append(handed.join(given.set_axis(names, axis=1)))
        pd.concat(columns, ignore_index=True).to_parquet(file, index=False)
    return read(Upload(f"run {run_id}, {split}.parquet", file)), kind, loss
