"""Bars, one per class."""

from __future__ import annotations

import altair as alt
import pandas as pd

from dashboard.frames.common import written

MAX_LABELLED = 30
# Right of the longest bar, for the value written there.
ROOM = 1.2


def probability_bars(frame: pd.DataFrame, colour: str) -> alt.LayerChart:
    """Draw the probability of each class, with its value at the bar's end.

    Parameters
    ----------
    frame : DataFrame
        Columns class, logit and probability.
    colour : str
        Of the bars.
    """
    return _bars(frame, "probability", "Probability", colour, 1.0)


def term_bars(frame: pd.DataFrame, colour: str, most: float) -> alt.LayerChart:
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
    is_out = (frame["loss"] == "CCE") & (frame["target"] == 0) & (frame["term"] == 0)
    return _bars(frame, "term", "Adds to the loss (nats)", colour, most, is_out)


def activation_comparison(frame: pd.DataFrame, colours: dict[str, str]) -> alt.LayerChart:
    """Draw sigmoid and softmax of the same logits next to each other.

    Parameters
    ----------
    frame : DataFrame
        Columns class, logit, activation and probability.
    colours : dict
        Activation → colour.
    """
    base = alt.Chart(frame).encode(
        x=alt.X("class:N", title=None, sort=None, axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("activation:N", sort=list(colours)),
        y=alt.Y("probability:Q", title="Probability", scale=alt.Scale(domain=[0, 1])),
        tooltip=["class:N", "logit:Q", "activation:N", alt.Tooltip("probability:Q", format=".4f")],
    )
    bars = base.mark_bar().encode(
        color=alt.Color(
            "activation:N",
            title=None,
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
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
    is_out: pd.Series | None = None,
) -> alt.LayerChart:
    details = [name for name in ("logit", "target", "probability", "term") if name in frame]
    is_labelled = len(frame) <= MAX_LABELLED
    # JSON has no infinity: the bar is drawn as long as the longest, and its value is text.
    values = pd.Series([written(value, 3) for value in frame[column]], index=frame.index)
    drawn = frame.assign(
        length=frame[column].clip(upper=most).fillna(0),
        value=values if is_out is None else values.mask(is_out, "left out: target 0"),
    )
    base = alt.Chart(drawn).encode(
        y=alt.Y(
            "class:N", title=None, sort=None, axis=alt.Axis(labelLimit=120) if is_labelled else None
        ),
        x=alt.X(
            "length:Q",
            title=title,
            scale=alt.Scale(domain=[0, most * ROOM], nice=False),
            axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format="~g")
            if column == "probability"
            else alt.Axis(),
        ),
        tooltip=["class", *(alt.Tooltip(name, format=".4g") for name in details)],
    )
    bars = base.mark_bar(color=colour)
    if not is_labelled:
        return alt.LayerChart(layer=[bars]).properties(height=480)
    texts = base.mark_text(align="left", dx=4).encode(text="value:N")
    return alt.LayerChart(layer=[bars, texts]).properties(height=alt.Step(28))
