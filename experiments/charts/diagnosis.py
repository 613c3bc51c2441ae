"""Pictures of a diagnosis, for the page and the report; frames are `experiments.diagnosis.frames`.

What the user's file calls a class is data: it stands in axes and tooltips as text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from experiments.charts import style
from experiments.diagnosis.frames import NEGATIVE, POSITIVE, SIGMOID, SOFTMAX

# Of a matrix: more have no room for their numbers, or on a phone at all.
MOST_NUMBERED, MOST_IN_MATRIX = 10, 24
MOST_PAIRS = 15
# Letters of a class's name that stand side by side on a phone, too.
MOST_UPRIGHT = 4
COSTS = {"bits": "Total bits", "rows": "Rows, each infinitely surprising"}
# Of a log axis, which would leave out numbers that it has no room for, but not evenly.
MOST_TICKS = 6
# Of a line: what fewer rows say jumps about.
FEWEST_JOINED = 10
CONFIDENCE = "Confidence (probability of the predicted class)"
_COLOURS = (style.BLUE, style.GREEN)
_SHAPES = ("circle", "diamond")


def reliability_chart(bins: pd.DataFrame) -> alt.LayerChart:
    """Draw the share that is right against what the scores say, as given and after a temperature.

    Parameters
    ----------
    bins : DataFrame
        From `reliability_frame`.
    """
    names = list(dict.fromkeys(bins["scores"]))
    share = alt.Scale(domain=[0, 1])
    fifths = alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], format=".1~f")
    colour = alt.Color(
        "scores:N",
        title=None,
        scale=alt.Scale(domain=names, range=list(_COLOURS[: len(names)])),
        legend=alt.Legend(orient="top", symbolSize=80, symbolOpacity=1),
    )
    shape = alt.Shape(
        "scores:N",
        title=None,
        scale=alt.Scale(domain=names, range=list(_SHAPES[: len(names)])),
    )
    x = alt.X("confidence:Q", title=CONFIDENCE, scale=share, axis=fifths)
    base = alt.Chart(bins).encode(x=x, color=colour)
    y = alt.Y("accuracy:Q", title="Accuracy", scale=share, axis=fifths)
    intervals = base.mark_rule(strokeWidth=1.5, opacity=0.5).encode(
        y=alt.Y("low:Q", scale=share, title="Accuracy"), y2="high:Q"
    )
    lines = (
        base.transform_filter(f"datum.rows >= {FEWEST_JOINED}").mark_line(strokeWidth=2).encode(y=y)
    )
    points = base.mark_point(filled=True, opacity=1).encode(
        y=y,
        shape=shape,
        size=alt.Size(
            "rows:Q", scale=alt.Scale(type="sqrt", zero=True, range=[25, 260]), legend=None
        ),
        tooltip=[
            alt.Tooltip("scores:N", title="Scores"),
            alt.Tooltip("rows:Q", title="Rows", format=",d"),
            alt.Tooltip("confidence:Q", title="Confidence", format=".4f"),
            alt.Tooltip("accuracy:Q", title="Accuracy", format=".4f"),
            alt.Tooltip("low:Q", title="95 % from", format=".4f"),
            alt.Tooltip("high:Q", title="95 % to", format=".4f"),
        ],
    )
    diagonal = (
        alt.Chart(pd.DataFrame({"share": [0, 1]}))
        .mark_line(color=style.GREY, strokeDash=[4, 4])
        .encode(x=alt.X("share:Q", title=CONFIDENCE), y=alt.Y("share:Q", title="Accuracy"))
    )
    too_sure = pd.DataFrame({"x": [0.99], "y": [0.04], "word": ["overconfident"]})
    unsure = pd.DataFrame({"x": [0.01], "y": [0.96], "word": ["underconfident"]})
    sides = [
        alt.Chart(too_sure).mark_text(align="right", fontStyle="italic"),
        alt.Chart(unsure).mark_text(align="left", fontStyle="italic"),
    ]
    sides = [side.encode(x="x:Q", y="y:Q", text="word:N") for side in sides]
    return alt.LayerChart(layer=[diagonal, *sides, intervals, lines, points]).properties(
        width="container", height=340
    )


def concentration_chart(curve: pd.DataFrame, half_share: float) -> alt.LayerChart:
    """Draw how much of the loss the costliest rows carry, the costliest first.

    Parameters
    ----------
    curve : DataFrame
        From `concentration_frame`.
    half_share : float
        The share of rows with half of the loss.
    """
    least = float(curve["rows"].iloc[0])
    x = alt.X(
        "rows:Q",
        title="Share of the rows, costliest first (log scale)",
        scale=alt.Scale(type="log", domain=[min(least, 0.1), 1], nice=False),
        axis=alt.Axis(format="~p", values=[10.0**-i for i in range(9, -1, -1)], labelFlush=True),
    )
    y = alt.Y(
        "loss:Q",
        title="Share of the loss",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="~p", tickCount=5),
    )
    base = alt.Chart(curve).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("rows:Q", title="Share of the rows", format=".3~%"),
            alt.Tooltip("loss:Q", title="Share of the loss", format=".3~%"),
        ],
    )
    even = (
        alt.Chart(_even(min(least, 0.1)))
        .mark_line(color=style.GREY, strokeDash=[4, 4])
        .encode(x="rows:Q", y="loss:Q")
    )
    layers: list[alt.Chart] = [
        even,
        base.mark_area(color=style.VERMILLION, opacity=0.15),
        base.mark_line(color=style.VERMILLION, strokeWidth=2.5),
    ]
    if half_share > 0:
        half = alt.Chart(
            pd.DataFrame(
                {
                    "rows": [half_share],
                    "loss": [0.5],
                    "word": [f"half: {100 * half_share:.3g} % of the rows"],
                }
            )
        ).encode(x="rows:Q", y="loss:Q")
        is_right = math.log(max(half_share, 1e-300)) > math.log(min(least, 0.1)) / 2
        layers += [
            half.mark_point(color=style.VERMILLION, filled=True, size=90, opacity=1),
            half.mark_text(
                align="right" if is_right else "left", dx=-10 if is_right else 10, dy=-8
            ).encode(text="word:N"),
        ]
    return alt.LayerChart(layer=layers).properties(width="container", height=280)


def pair_chart(pairs: pd.DataFrame, class_names: Sequence[str]) -> alt.LayerChart:
    """Draw the confused pairs by what they cost: a matrix, or the costliest of many as bars.

    Parameters
    ----------
    pairs : DataFrame
        From `pair_frame`. Where some cost infinitely much, only these are drawn.
    class_names : sequence of str
        All of them, in the order of their ids.
    """
    tooltip = [
        alt.Tooltip("label:N", title="Label"),
        alt.Tooltip("predicted:N", title="Predicted"),
        alt.Tooltip("rows:Q", title="Rows", format=",d"),
    ]
    cost = "bits"
    if np.isinf(pairs["bits"]).any():
        # Beside what costs infinitely much, nothing else costs anything.
        pairs, cost = pairs.loc[np.isinf(pairs["bits"]), ["label", "predicted", "rows"]], "rows"
    else:
        tooltip += [
            alt.Tooltip("bits_each:Q", title="Bits per row", format=".3~f"),
            alt.Tooltip("bits:Q", title="Total bits", format=",.3~f"),
        ]
    if len(class_names) > MOST_IN_MATRIX:
        return _pair_bars(pairs.head(MOST_PAIRS), tooltip, cost)
    names = [str(name) for name in class_names]
    scale = alt.Scale(domain=names)
    is_short = len(names) <= MOST_NUMBERED and max(map(len, names)) <= MOST_UPRIGHT
    angle = 0 if is_short else alt.Undefined
    base = alt.Chart(pairs).encode(
        x=alt.X(
            "predicted:N",
            title="Predicted",
            scale=scale,
            axis=alt.Axis(labelLimit=90, labelAngle=angle),
        ),
        y=alt.Y("label:N", title="Label", scale=scale, axis=alt.Axis(labelLimit=110)),
        tooltip=tooltip,
    )
    most = float(pairs[cost].max()) if len(pairs) else 1.0
    colour = alt.Color(
        f"{cost}:Q",
        title=COSTS[cost],
        scale=alt.Scale(domain=[0, most], scheme="oranges"),
        legend=alt.Legend(orient="top", gradientLength=140, format="~s"),
    )
    layers = [base.mark_rect(cornerRadius=2).encode(color=colour)]
    if len(names) <= MOST_NUMBERED:
        layers.append(
            base.mark_text(fontSize=11).encode(
                text=alt.Text("rows:Q", format="~s"),
                color=alt.condition(
                    f"datum.{cost} > {most / 2}", alt.value("white"), alt.value("black")
                ),
            )
        )
    return alt.LayerChart(layer=layers).properties(width="container", height=alt.Step(28))


def budget_chart(pulls: pd.DataFrame) -> alt.LayerChart:
    """Draw how hard both sides pull at each class's logit: where they meet, its bias is fitted.

    Parameters
    ----------
    pulls : DataFrame
        From `budget_frame`, of as many classes as are to be seen.
    """
    losses = [name for name in (SOFTMAX, SIGMOID) if name in set(pulls["loss"])]
    colours = {SOFTMAX: style.VERMILLION, SIGMOID: style.BLUE}
    # A pull of 0 has no logarithm.
    drawn = pulls[pulls["pull"] > 0]
    classes = list(dict.fromkeys(pulls["class"]))
    # On a phone long names would push the legend over the edge.
    limit = alt.ExprRef("width < 350 ? 62 : 110")
    y = alt.Y(
        "class:N",
        title=None,
        sort=classes,
        axis=alt.Axis(labelLimit=limit, grid=False, ticks=False),
    )
    offset = alt.YOffset("loss:N", sort=losses, scale=alt.Scale(padding=0.5))
    x = alt.X(
        "pull:Q",
        title="Pull on the logit, Σ |p − y| (log scale)",
        scale=alt.Scale(type="log", nice=False, padding=14),
        axis=alt.Axis(format="~s", values=_ticks(drawn["pull"])),
    )
    colour = alt.Color(
        "loss:N",
        title=None,
        scale=alt.Scale(domain=losses, range=[colours[name] for name in losses]),
        legend=alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3, columns=1),
    )
    base = alt.Chart(drawn)
    lines = base.mark_line(strokeWidth=3, opacity=0.55).encode(
        x=x, y=y, yOffset=offset, color=colour, detail=["class:N", "loss:N"]
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=x,
        y=y,
        yOffset=offset,
        color=colour,
        shape=alt.Shape(
            "side:N",
            title=None,
            scale=alt.Scale(domain=[POSITIVE, NEGATIVE], range=["triangle-right", "circle"]),
            legend=alt.Legend(orient="top", columns=1, symbolFillColor=style.GREY, labelLimit=0),
        ),
        tooltip=[
            alt.Tooltip("class:N", title="Class"),
            alt.Tooltip("rows:Q", title="Its rows", format=",d"),
            alt.Tooltip("loss:N", title="Loss"),
            alt.Tooltip("side:N", title="Side"),
            alt.Tooltip("pull:Q", title="Σ |p − y|", format=",.4~g"),
        ],
    )
    return alt.LayerChart(layer=[lines, points]).properties(
        width="container", height=alt.Step(14 if len(losses) > 1 else 24)
    )


def _pair_bars(pairs: pd.DataFrame, tooltip: list[alt.Tooltip], cost: str) -> alt.LayerChart:
    drawn = pairs.assign(pair=pairs["label"] + " → " + pairs["predicted"])
    bars = (
        alt.Chart(drawn)
        .mark_bar(color=style.VERMILLION)
        .encode(
            y=alt.Y(
                "pair:N",
                title="Label → predicted",
                sort=list(drawn["pair"]),
                axis=alt.Axis(labelLimit=160),
            ),
            x=alt.X(f"{cost}:Q", title=COSTS[cost]),
            tooltip=tooltip,
        )
    )
    return alt.LayerChart(layer=[bars]).properties(width="container", height=alt.Step(20))


def _ticks(values: pd.Series[float]) -> list[float]:
    """Return where a log axis has its numbers: 1, 2, 5 of each power of ten, or fewer of them."""
    if values.empty:
        return []
    low, high = float(values.min()), float(values.max())
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in powers for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= MOST_TICKS:
            return ticks
    return ticks[:: -(-len(ticks) // MOST_TICKS)]


def _even(least: float) -> pd.DataFrame:
    """Return the curve of rows that all cost the same, dense enough for a log axis."""
    shares = [least ** (1 - i / 60) for i in range(61)]
    return pd.DataFrame({"rows": shares, "loss": shares})
