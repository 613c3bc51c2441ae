"""What moves what: a heat map of derivatives."""

from __future__ import annotations

import math

import altair as alt
import numpy as np
import pandas as pd

from experiments.charts import style
from experiments.charts.plot import Plot, template

# p (1 − p) is never larger.
STEEPEST = 0.25
SIGNS = {"rises": style.GREEN, "falls": style.PURPLE}
MAX_WRITTEN = 6
SIDE = 300


def slope_map(frame: pd.DataFrame) -> Plot:
    """Draw the derivative of each output by each logit: the stronger, the steeper.

    Parameters
    ----------
    frame : DataFrame
        Columns output, logit and slope, one row per cell of a square.
    """
    num_classes = math.isqrt(len(frame))
    slopes = frame["slope"].to_numpy()
    drawn = {
        **frame,
        "size": np.abs(slopes),
        "sign": np.where(slopes < 0, "falls", "rises"),
        "written": [_written(slope) for slope in slopes],
    }
    return _slope_map(
        drawn,
        is_written=num_classes <= MAX_WRITTEN,
        side=min(56, SIDE // num_classes),
    )


@template
def _slope_map(slopes: pd.DataFrame, is_written: bool, side: int) -> alt.LayerChart:
    labels = alt.Axis(labelOverlap=True, labelFlush=False, labelAngle=0, ticks=False, domain=False)
    base = alt.Chart(slopes).encode(
        x=alt.X("logit:N", title="Logit of", sort=None, axis=labels),
        y=alt.Y("output:N", title="Output of", sort=None, axis=labels),
    )
    cells = base.mark_rect(stroke=style.GREY, strokeWidth=0.5, strokeOpacity=0.5).encode(
        color=alt.Color(
            "sign:N",
            title=None,
            scale=alt.Scale(domain=list(SIGNS), range=list(SIGNS.values())),
            legend=alt.Legend(orient="top", symbolStrokeWidth=0),
        ),
        # Words stay readable on the strongest, and 0 is the page itself, light or dark.
        fillOpacity=alt.FillOpacity(
            "size:Q",
            scale=alt.Scale(type="sqrt", domain=[0, STEEPEST], range=[0, 0.6]),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("output:N", title="output of"),
            alt.Tooltip("logit:N", title="logit of"),
            alt.Tooltip("slope:Q", format=".4~g"),
        ],
    )
    layers = [cells]
    if is_written:
        layers.append(base.mark_text().encode(text="written:N"))
    return alt.LayerChart(layer=layers).properties(height=alt.Step(side))


def _written(slope: float) -> str:
    """Return a slope short enough for a cell; only what is exactly 0 is 0."""
    if slope == 0:
        return "0"
    return f"{slope:+.2f}".replace("-", "−") if abs(slope) >= 0.005 else "≈ 0"
