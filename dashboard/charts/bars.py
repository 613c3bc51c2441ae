"""Bars, one per class."""

from __future__ import annotations

import altair as alt
import pandas as pd

MAX_LABELLED = 30


def probability_bars(frame: pd.DataFrame, colour: str, ink: str) -> alt.LayerChart:
    """Draw the probability of each class, with its value at the bar's end.

    Parameters
    ----------
    frame : DataFrame
        Columns class, logit and probability.
    colour, ink : str
        Of the bars, and of the values written beside them.
    """
    return _bars(frame, "probability", "Probability", colour, ink, 1)


def term_bars(frame: pd.DataFrame, colour: str, ink: str, most: float) -> alt.LayerChart:
    """Draw what each class adds to a loss.

    Parameters
    ----------
    frame : DataFrame
        Columns class, target, probability and term.
    colour, ink : str
        Of the bars, and of the values written beside them.
    most : float
        The end of the axis, the same for charts that are compared.
    """
    return _bars(frame, "term", "Adds to the loss (nats)", colour, ink, most)


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
            tooltip=[
                "class:N",
                "logit:Q",
                "activation:N",
                alt.Tooltip("probability:Q", format=".4f"),
            ],
        )
        .properties(height=280)
    )


def _bars(
    frame: pd.DataFrame, column: str, title: str, colour: str, ink: str, most: float
) -> alt.LayerChart:
    details = [name for name in ("logit", "target", "probability", "term") if name in frame]
    is_labelled = len(frame) <= MAX_LABELLED
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "class:N", title=None, sort=None, axis=alt.Axis(labelLimit=120) if is_labelled else None
        ),
        x=alt.X(f"{column}:Q", title=title, scale=alt.Scale(domain=[0, most])),
        tooltip=["class", *(alt.Tooltip(name, format=".4g") for name in details)],
    )
    bars = base.mark_bar(color=colour)
    if not is_labelled:
        return alt.LayerChart(layer=[bars]).properties(height=480)
    values = base.mark_text(align="left", dx=4, color=ink).encode(
        text=alt.Text(f"{column}:Q", format=".3f")
    )
    return alt.LayerChart(layer=[bars, values]).properties(height=alt.Step(28))
