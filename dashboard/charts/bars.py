"""Bars, one per class."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from dashboard.frames.common import written
from experiments.charts.plot import Plot, first, template

MAX_LABELLED = 30
# Right of the longest bar, for the value written there.
ROOM = 1.2


def probability_bars(frame: pd.DataFrame, colour: str) -> Plot:
    """Draw the probability of each class, with its value at the bar's end.

    Parameters
    ----------
    frame : DataFrame
        Columns class, logit and probability.
    colour : str
        Of the bars.
    """
    return _bars(frame, "probability", "Probability", colour, 1.0)


def term_bars(frame: pd.DataFrame, colour: str, most: float) -> Plot:
    """Draw what each class adds to a loss.

    Parameters
    ----------
    frame : DataFrame
        Columns class, target, probability, loss and term. What a target of 0 takes out of CCE is
        said to be left out.
    colour : str
        Of the bars.
    most : float
        The longest bar, the same for charts that are compared. An infinite term is as long.
    """
    is_cce = frame["loss"].to_numpy() == "CCE"
    is_out = is_cce & (frame["target"].to_numpy() == 0) & (frame["term"].to_numpy() == 0)
    return _bars(frame, "term", "Adds to the loss (nats)", colour, most, is_out)


def activation_comparison(frame: pd.DataFrame, colours: dict[str, str]) -> Plot:
    """Draw sigmoid and softmax of the same logits next to each other.

    Parameters
    ----------
    frame : DataFrame
        Columns class, logit, activation and probability.
    colours : dict
        Activation → colour.
    """
    return _activation_comparison(frame, colours=tuple(colours.items()))


@template
def _activation_comparison(
    classes: pd.DataFrame, colours: tuple[tuple[str, str], ...]
) -> alt.LayerChart:
    names, range_ = zip(*colours, strict=True)
    base = alt.Chart(classes).encode(
        x=alt.X("class:N", title=None, sort=None, axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("activation:N", sort=names),
        y=alt.Y("probability:Q", title="Probability", scale=alt.Scale(domain=[0, 1])),
        tooltip=["class:N", "logit:Q", "activation:N", alt.Tooltip("probability:Q", format=".4f")],
    )
    bars = base.mark_bar().encode(
        color=alt.Color(
            "activation:N",
            title=None,
            scale=alt.Scale(domain=names, range=range_),
            legend=alt.Legend(orient="top"),
        )
    )
    values = base.mark_text(dy=-8).encode(text=alt.Text("probability:Q", format=".2f"))
    return (bars + values).properties(height=280)


def _bars(
    frame: pd.DataFrame,
    column: str,
    title: str,
    colour: str,
    most: float,
    is_out: np.ndarray | None = None,
) -> Plot:
    # JSON has no infinity: the bar is drawn as long as the longest, and its value is text.
    values = frame[column].to_numpy()
    texts = [written(value, 3) for value in values]
    if is_out is not None:
        texts = [
            "left out: target 0" if out else text for out, text in zip(is_out, texts, strict=True)
        ]
    drawn = {
        **frame,
        "length": np.where(np.isnan(values), 0.0, np.minimum(values, most)),
        "value": texts,
        "end": np.full(len(frame), most * ROOM),
    }
    return _class_bars(
        drawn,
        title=title,
        colour=colour,
        is_labelled=len(frame) <= MAX_LABELLED,
        is_probability=column == "probability",
    )


@template
def _class_bars(
    bars: pd.DataFrame, title: str, colour: str, is_labelled: bool, is_probability: bool
) -> alt.LayerChart:
    details = [name for name in ("logit", "target", "probability", "term") if name in bars]
    base = alt.Chart(bars).encode(
        y=alt.Y(
            "class:N", title=None, sort=None, axis=alt.Axis(labelLimit=120) if is_labelled else None
        ),
        x=alt.X(
            "length:Q",
            title=title,
            scale=alt.Scale(domainMin=0, domainMax=first("bars", "end"), nice=False),
            axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format="~g")
            if is_probability
            else alt.Axis(),
        ),
        tooltip=["class:N", *(alt.Tooltip(f"{name}:Q", format=".4g") for name in details)],
    )
    drawn = base.mark_bar(color=colour)
    if not is_labelled:
        return alt.LayerChart(layer=[drawn]).properties(height=480)
    texts = base.mark_text(align="left", dx=4).encode(text="value:N")
    return alt.LayerChart(layer=[drawn, texts]).properties(height=alt.Step(28))
