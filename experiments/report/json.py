"""A diagnosis as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.diagnosis.passes import Diagnosed
from experiments.report.figures import figures_of


def to_json(found: Diagnosed) -> str:
    """Return everything that was found and checked.

    JSON has no NaN and no infinities: what is undefined is null, infinities are "inf" and "-inf".

    Examples
    --------
    >>> from core.diagnosis import Summary, diagnose
    >>> summary = Summary()
    >>> summary.update([[2.0, 0.0], [0.0, -1.0]], [0, 1])
    >>> held = json.loads(to_json(Diagnosed("two", ("0", "1"), (), summary, diagnose(summary))))
    >>> held["num_rows"], held["figures"]["accuracy"]
    (2, 0.5)
    """
    held = {
        "name": found.name,
        "notes": found.notes,
        "figures": {figure.key: figure.value for figure in figures_of(found)},
        "temperature_fitted_on": found.fitted_on or "the same rows",
        **_plain(found.diagnosis),
        "class_names": found.class_names,
        "calibration_after_temperature": found.after,
    }
    return json.dumps(_plain(held), ensure_ascii=False, indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, np.ndarray):
        if value.dtype.names:
            return [
                dict(zip(value.dtype.names, _plain(list(row)), strict=True))
                for row in value.tolist()
            ]
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
