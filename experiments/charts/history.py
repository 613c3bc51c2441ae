"""Curves over the epochs of training runs."""

from __future__ import annotations

import altair as alt
import pandas as pd

from experiments.charts import style

TITLES = {
    "loss": "Loss (log scale)",
    "cross_entropy_bits": "Cross-entropy (bits, log scale)",
    "accuracy": "Accuracy",
    "entropy_bits": "Predictive entropy (bits)",
}
# Losses of heads that are compared differ by an order of magnitude, and fall by several.
SCALES = {
    "loss": alt.Scale(type="log", nice=False),
    "cross_entropy_bits": alt.Scale(type="log", nice=False),
    "accuracy": alt.Scale(zero=False),
    "entropy_bits": alt.Scale(zero=True),
}


def history_chart(history: pd.DataFrame, metric: str) -> alt.LayerChart:
    """Draw one metric over the epochs: a colour per run, dashes for the training rows.

    Parameters
    ----------
    history : DataFrame
        One row per run, split and epoch: columns run, split ("train" or "val"), epoch and
        the metrics.
    metric : str
        The column to draw, a key of `TITLES`.
    """
    runs = list(dict.fromkeys(history["run"]))
    colours = [style.SERIES[i % len(style.SERIES)] for i in range(len(runs))]
    lines = (
        alt.Chart(history)
        .mark_line(interpolate="linear", strokeWidth=2)
        .encode(
            # Which dash is which, at any width: a second legend goes where there is no room for it.
            x=alt.X(
                "epoch:Q",
                title="Epoch (solid: validation, dashed: training)",
                axis=alt.Axis(tickMinStep=1),
            ),
            y=alt.Y(
                f"{metric}:Q",
                title=TITLES[metric],
                scale=SCALES[metric],
                axis=alt.Axis(tickCount=5, format="~g", gridOpacity=style.LABELLED_ONLY),
            ),
            color=alt.Color(
                "run:N",
                title=None,
                scale=alt.Scale(domain=runs, range=colours),
                legend=alt.Legend(
                    orient="top",
                    columns=1,
                    labelLimit=0,
                    symbolType="stroke",
                    symbolStrokeWidth=3,
                    symbolSize=60,
                    labelFontSize=11,
                ),
            ),
            strokeDash=alt.StrokeDash(
                "split:N",
                title=None,
                scale=alt.Scale(domain=["val", "train"], range=[[1, 0], [4, 4]]),
                legend=None,
            ),
            detail=["run:N", "split:N"],
        )
    )
    hover = alt.selection_point(
        name="hover",
        fields=["epoch"],
        nearest=True,
        on="pointerover",
        empty=False,
        clear="pointerout",
    )
    points = (
        lines.mark_point(filled=True, size=50)
        .encode(
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            strokeDash=alt.value([1, 0]),
            tooltip=[
                alt.Tooltip("run:N", title="Run"),
                alt.Tooltip("split:N", title="Rows"),
                alt.Tooltip("epoch:Q", title="Epoch"),
                alt.Tooltip(f"{metric}:Q", title=TITLES[metric], format=".4f"),
            ],
        )
        .add_params(hover)
    )
    # Where the chart is fitted to its frame, the legend's lines are taken from the height.
    return (lines + points).properties(width="container", height=280 + 20 * len(runs))
