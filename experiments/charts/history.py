"""Curves over the epochs of training runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from experiments.charts import style
from experiments.charts.readout import Panel, places, read_out
from experiments.frames import by_epoch

TITLES = {
    "loss": "Loss (log scale)",
    "cross_entropy_bits": "Cross-entropy (bits, log scale)",
    "accuracy": "Accuracy",
    "entropy_bits": "Predictive entropy (bits)",
}
# What the table calls them.
HEADS = {
    "loss": "loss",
    "cross_entropy_bits": "bits",
    "accuracy": "accuracy",
    "entropy_bits": "entropy",
}
# Losses of heads that are compared differ by an order of magnitude, and fall by several.
SCALES = {
    "loss": alt.Scale(type="log", nice=False),
    "cross_entropy_bits": alt.Scale(type="log", nice=False),
    "accuracy": alt.Scale(zero=False),
    "entropy_bits": alt.Scale(zero=True),
}
EPOCHS = "Epoch (solid: validation, dashed: training)"
DASHES = [4, 4]


def history_chart(
    history: pd.DataFrame, metrics: Sequence[str], height: int = 220
) -> alt.VConcatChart:
    """Draw metrics over the epochs, in linked charts: a colour per run, dashes for training rows.

    The table over them has each run's values on the validation rows, and of the first metric those
    on the training rows too.

    Parameters
    ----------
    history : DataFrame
        One row per run, split and epoch: columns run, split ("train" or "val"), epoch and
        the metrics.
    metrics : sequence of str
        The columns to draw, keys of `TITLES`.
    height : int
        Of a chart, in pixels.
    """
    drawn = by_epoch(history, metrics)
    runs = list(dict.fromkeys(drawn["curve"]))
    colours = {run: style.SERIES[i % len(style.SERIES)] for i, run in enumerate(runs)}
    first, *others = metrics
    axes = [*(epoch_axis(None) for _ in others), epoch_axis(EPOCHS)]
    # The last that all have.
    drawn = pd.DataFrame(places(drawn, "epoch", drawn.groupby("curve")["epoch"].max().min()))
    return read_out(
        drawn,
        "epoch",
        {
            "epoch": "Epoch",
            first: HEADS[first],
            f"train_{first}": "train",
            **{metric: HEADS[metric] for metric in others},
        },
        colours,
        [
            Panel(
                x,
                measured(metric),
                TITLES[metric],
                height=height,
                over=dashed(drawn, x, f"train_{metric}", colours),
            )
            for metric, x in zip(metrics, axes, strict=True)
        ],
    )


def epoch_axis(title: str | None) -> alt.X:
    """Return the axis of the epochs."""
    return alt.X(
        "epoch:Q",
        title=title,
        scale=alt.Scale(nice=False),
        axis=alt.Axis(tickMinStep=1, tickCount=12),
    )


def measured(metric: str) -> alt.Y:
    """Return the axis of a metric, a key of `TITLES`."""
    return alt.Y(
        f"{metric}:Q",
        title=None,
        scale=SCALES[metric],
        axis=alt.Axis(tickCount=5, format="~g", gridOpacity=style.LABELLED_ONLY),
    )


def dashed(
    drawn: pd.DataFrame, x: alt.X, column: str, colours: Mapping[str, str]
) -> tuple[alt.Chart, ...]:
    """Return what is drawn over a panel: another column's lines, dashed, and its points.

    Parameters
    ----------
    drawn : DataFrame
        Columns curve, epoch and `column`.
    x : alt.X
        Of the panel.
    column : str
    colours : dict
        Curve → colour.
    """
    colour = alt.Color(
        "curve:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None
    )
    lines = alt.Chart(drawn).mark_line(strokeWidth=1.5, strokeDash=DASHES)
    # Without data of their own: the rows that the pointer chooses.
    points = alt.Chart().mark_point(size=40, strokeWidth=1.5, opacity=1)
    y = alt.Y(f"{column}:Q", title=None)
    return tuple(marks.encode(x=x, y=y, color=colour) for marks in (lines, points))
