"""Curves as tidy frames, ready to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from experiments.training import Epoch


def history_frame(run: str, epochs: Sequence[Epoch]) -> pd.DataFrame:
    """Return one row per split and epoch: run, split, epoch and the metrics."""
    return pd.DataFrame(
        [
            {"run": run, "split": split, "epoch": epoch.number, **asdict(metrics)}
            for epoch in epochs
            for split, metrics in (("train", epoch.train), ("val", epoch.val))
        ]
    )
