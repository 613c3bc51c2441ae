"""Where a training run stands, in a file that is whole or not there."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from experiments import models
from experiments.config import TrainConfig
from experiments.descent import Adam, State
from experiments.training import Epoch, SplitMetrics

# As numbers: as text they take fifteen times the room, and all are written after each epoch.
METRICS = attrgetter(*(field.name for field in fields(SplitMetrics)))


def save(path: Path, state: State, epochs: Sequence[Epoch]) -> None:
    """Write down a state and the epochs up to it, over what was there.

    Raises
    ------
    OSError
        If the disk does not take it.
    """
    params: dict[str, Any] = {f"params:{name}": value for name, value in state.params.items()}
    said = {
        "number": state.number,
        "steps": state.adam.steps,
        "rng": state.rng.bit_generator.state,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            said=np.array(json.dumps(said)),
            sum=state.adam.sum,
            square_sum=state.adam.square_sum,
            numbers=np.array([epoch.number for epoch in epochs]),
            train=np.array([METRICS(epoch.train) for epoch in epochs]),
            val=np.array([METRICS(epoch.val) for epoch in epochs]),
            **params,
        )
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load(path: Path, config: TrainConfig) -> tuple[State, list[Epoch]]:
    """Return the state that was saved, and the epochs up to it.

    Raises
    ------
    OSError
        If it can't be read.
    ValueError
        If it is none of ours.
    """
    try:
        return _load(path, config)
    except (KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a checkpoint of this version: {error}") from error


def _load(path: Path, config: TrainConfig) -> tuple[State, list[Epoch]]:
    with np.load(path, allow_pickle=False) as stored:
        said = json.loads(str(stored["said"]))
        adam_sum, square_sum = stored["sum"], stored["square_sum"]
        numbers, *splits = (stored[key].tolist() for key in ("numbers", "train", "val"))
        vector, params = models.in_one_vector(
            {
                key.removeprefix("params:"): stored[key]
                for key in stored.files
                if key.startswith("params:")
            }
        )
    adam = Adam(len(vector), config.learning_rate)
    adam.steps, adam.sum, adam.square_sum = said["steps"], adam_sum, square_sum
    rng = np.random.default_rng()
    rng.bit_generator.state = said["rng"]
    epochs = [
        Epoch(number, SplitMetrics(*train), SplitMetrics(*val), params)
        for number, train, val in zip(numbers, *splits, strict=True)
    ]
    return State(said["number"], vector, params, adam, rng), epochs
