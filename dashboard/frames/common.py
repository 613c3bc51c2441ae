"""What the frames and the pages share: names, figures, how dense a curve is."""

from __future__ import annotations

import math

CURVE_POINTS = 121
NATS_PER_BIT = math.log(2)


def class_names(num_classes: int) -> list[str]:
    """Return what the pages call the classes."""
    return [f"class {i}" for i in range(num_classes)]


def written(value: float, decimals: int) -> str:
    """Return a figure as the pages write it."""
    value += 0.0  # Without the sign of -0.
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    is_readable = value == 0 or 0.5 * 10**-decimals <= abs(value) < 1e7
    return f"{value:.{decimals}f}" if is_readable else f"{value:.4g}"
