"""What the frames and the pages share: names, figures, how dense a curve is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

CURVE_POINTS = 121
NATS_PER_BIT = math.log(2)


def class_names(num_classes: int) -> list[str]:
    """Return what the pages call the classes."""
    return [f"class {i}" for i in range(num_classes)]


def in_parts(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the rows of each name in a frame that has as many for each, in this order."""
    size = len(frame) // len(names)
    return {
        name: frame[i * size : (i + 1) * size].reset_index(drop=True)
        for i, name in enumerate(names)
    }


def written(value: float, decimals: int) -> str:
    """Return a figure as the pages write it."""
    value += 0.0  # Without the sign of -0.
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    is_readable = value == 0 or 0.5 * 10**-decimals <= abs(value) < 1e7
    return f"{value:.{decimals}f}" if is_readable else f"{value:.4g}"
