"""Bars, one per class."""

from __future__ import annotations

import altair as alt
import pandas as pd

MAX_LABELLED = 30


def probability_bars(frame: pd.DataFrame, colour: str) -> alt.LayerChart:
    """Draw the probability of each class, with its value at the bar's end.

    Parameters
    ----------
    frame : DataFrame
        Columns class, logit and probability.
    colour : str
        Of the bars.
    """
    return _bars(frame, "probability", "Probability", colour, alt.Scale(domain=[0, 1]), ".3f")


def term_bars(frame: pd.DataFrame, colour: str, most: float) -> alt.LayerChart:
    """Draw what each class adds to a loss.

    Parameters
    ----------
    frame : DataFrame
        Columns class, target, probability and term.
    colour : str
        Of the bars.
    most : float
        The end of the axis, the same for charts that are compared.
    """
    return _bars(frame, "term", "Adds to the loss (nats)", colour, alt.Scale(domain=[0, most]), ".3f")


def activation_comparison(frame: pd.DataFrame, colours: dict[str, str]) -> alt.Chart:
    """Draw sigmoid and softmax of the same logits next to each other.

    Parameters
    ----------
    frame : DataFrame
        Columns class, logit, activation and probability.
    colours : dict
        Activation → colour.
    """
    return (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("class:N", title=None, sort=None, axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("activation:N", sort=list(colours)),
            y=alt.Y("probability:Q", title="Probability", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "activation:N",
                title=None,
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["class:N", "logit:Q", "activation:N", alt.Tooltip("probability:Q", format=".4f")],
        )
        .properties(height=280)
    )


def _bars(
    frame: pd.DataFrame, column: str, title: str, colour: str, scale: alt.Scale, number: str
) -> alt.LayerChart:
    details = [name for name in ("class", "logit", "target", "probability", "term") if name in frame]
    base = alt.Chart(frame).encode(
        y=alt.Y("class:N", title=None, sort=None, axis=alt.Axis(labelLimit=120)),
        x=alt.X(f"{column}:Q", title=title, scale=scale),
        tooltip=[
            alt.Tooltip(name, format=".4g") if name != "class" else alt.Tooltip(name)
            for name in details
        ],
    )
    bars = base.mark_bar(color=colour)
    height = alt.Step(28 if len(frame) <= MAX_LABELLED else 4)
    if len(frame) > MAX_LABELLED:
        return alt.layer(bars.encode(y=alt.Y("class:N", sort=None, axis=None))).properties(
            height=height
        )
    values = base.mark_text(align="left", dx=4).encode(text=alt.Text(f"{column}:Q", format=number))
    return (bars + values).properties(height=height)
