"""Where a training run stands, in a file that is whole or not there."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from experiments.config import TrainConfig
from experiments.training import Adam, Epoch, SplitMetrics, State


def save(path: Path, state: State, epochs: Sequence[Epoch]) -> None:
    """Write down a state and the epochs up to it, over what was there.

    Raises
    ------
    OSError
        If the disk does not take it.
    """
    arrays: dict[str, Any] = {
        f"{part}:{name}": value
        for part, values in (
            ("params", state.params),
            ("mean", state.adam.mean),
            ("square", state.adam.square),
        )
        for name, value in values.items()
    }
    said = {
        "number": state.number,
        "steps": state.adam.steps,
        "rng": state.rng.bit_generator.state,
        "epochs": [[epoch.number, asdict(epoch.train), asdict(epoch.val)] for epoch in epochs],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, said=np.array(json.dumps(said)), **arrays)
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
        raise ValueError(f"{path} is no checkpoint of this version: {error}") from error


def _load(path: Path, config: TrainConfig) -> tuple[State, list[Epoch]]:
    with np.load(path, allow_pickle=False) as stored:
        said = json.loads(str(stored["said"]))
        parts: dict[str, dict[str, np.ndarray]] = {"params": {}, "mean": {}, "square": {}}
        for key in stored.files:
            part, _, name = key.partition(":")
            if name:
                parts[part][name] = stored[key]
    params = parts["params"]
    adam = Adam(params, config.learning_rate)
    adam.steps, adam.mean, adam.square = said["steps"], parts["mean"], parts["square"]
    rng = np.random.default_rng()
    rng.bit_generator.state = said["rng"]
    epochs = [
        Epoch(number, SplitMetrics(**train), SplitMetrics(**val), params)
        for number, train, val in said["epochs"]
    ]
    return State(said["number"], params, adam, rng), epochs
