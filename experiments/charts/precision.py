"""Where formulas are right, in stripes along the logits."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from experiments.charts import style
from experiments.precision import (
    BEND,
    INFINITE,
    NAN,
    OFF,
    OUTCOMES,
    REACH,
    RIGHT,
    TOO_SMALL,
    ZERO,
    printed,
    runs,
)

COLOURS = {
    RIGHT: style.GREEN,
    TOO_SMALL: style.GREY,
    OFF: style.YELLOW,
    ZERO: style.SKY,
    INFINITE: style.PURPLE,
    NAN: style.VERMILLION,
}
# As short as a phone's legend needs.
WORDS = {
    outcome: {RIGHT: "right", TOO_SMALL: "too small", OFF: "off by > 1 %"}.get(outcome, outcome)
    for outcome in OUTCOMES
}
# Cells that a letter takes on the narrowest page.
CELLS_PER_LETTER = 8
# Of a stripe in pixels, and how many of them one's own rows take.
STEP, ROOM = 24, 4
MARGIN = "Margin of the label over the others"


def outcome_map(cells: pd.DataFrame, logit: float | None) -> alt.LayerChart:
    """Draw a stripe for each formula and dtype, with a rule where a logit stands.

    Parameters
    ----------
    cells : DataFrame
        Columns formula, dtype, start, end, outcome, logit, value and truth.
    logit : float or None
        Not marked where it is off the map.
    """
    layers = _stripe_layers(cells, _stripes(cells))
    if logit is not None and math.isfinite(logit) and abs(logit) <= REACH:
        yours = alt.Chart(pd.DataFrame({"logit": [logit]})).encode(x="logit:Q")
        layers += [
            yours.mark_rule(strokeWidth=2),
            yours.mark_text(align="left", dx=6, dy=10).encode(
                y=alt.value(0), text=alt.value("yours")
            ),
        ]
    return alt.LayerChart(layer=layers).properties(height=alt.Step(STEP))


def own_rows_map(cells: pd.DataFrame, margins: pd.DataFrame) -> alt.LayerChart:
    """Draw the map with a histogram of one's own rows above it, on the same axis.

    Parameters
    ----------
    cells : DataFrame
        As of `outcome_map`, of CCE.
    margins : DataFrame
        Columns start, end, rows and share: see `experiments.diagnosis.frames.margin_frame`.
    """
    # Blank stripes make the room.
    blanks = [" " * (10 + i) for i in range(ROOM)]
    layers = _stripe_layers(cells, [*blanks, *_stripes(cells)], x_title=MARGIN)
    foot = ROOM * STEP
    # In pixels: the axis of the stripes has no numbers.
    drawn = margins.assign(top=foot - margins["share"] / margins["share"].max() * (foot - 8))
    bars = (
        alt.Chart(drawn)
        .mark_rect(color=style.GREY)
        .encode(
            x=alt.X("start:Q", title=MARGIN, scale=_x_scale()),
            x2="end:Q",
            y=alt.Y("top:Q", scale=None, axis=None),
            y2=alt.value(foot),
            tooltip=[
                alt.Tooltip("start:Q", title="margin from", format=".4~g"),
                alt.Tooltip("end:Q", title="to", format=".4~g"),
                alt.Tooltip("rows:Q", title="your rows", format=",d"),
                alt.Tooltip("share:Q", title="of all", format=".3~%"),
            ],
        )
    )
    title = (
        alt.Chart(pd.DataFrame({"word": ["your rows"]}))
        .mark_text(align="left", baseline="top")
        .encode(x=alt.value(4), y=alt.value(8), text="word:N")
    )
    return alt.LayerChart(layer=[*layers, bars, title]).properties(
        width="container", height=alt.Step(STEP)
    )


def _x_scale() -> alt.Scale:
    return alt.Scale(type="symlog", constant=BEND, domain=[-REACH, REACH], nice=False)


def _stripe_layers(
    cells: pd.DataFrame, stripes_shown: list[str], x_title: str = "Logit x"
) -> list[alt.Chart]:
    drawn = cells.assign(
        stripe=_stripe(cells),
        # JSON has no infinity.
        gives=[printed(value) for value in cells["value"]],
        should_be=[printed(truth) for truth in cells["truth"]],
    ).drop(columns=["value", "truth"])
    joined = runs(cells)
    joined = joined.assign(stripe=_stripe(joined), word=joined["outcome"].map(WORDS))
    y = alt.Y(
        "stripe:N",
        title=None,
        sort=None,
        scale=alt.Scale(domain=stripes_shown, paddingInner=0.12, paddingOuter=0),
        axis=alt.Axis(ticks=False, domain=False, labelLimit=200),
    )
    x = alt.X(
        "start:Q",
        title=x_title,
        scale=_x_scale(),
        axis=alt.Axis(
            values=[-1000, -300, -100, -30, -10, 0, 10, 30, 100, 300, 1000],
            format="~d",
            grid=False,
            labelFlush=True,
        ),
    )
    # Cells side by side would show their seams: the runs are seen, the cells answer the pointer.
    stripes = (
        alt.Chart(joined)
        .mark_rect()
        .encode(
            x=x,
            x2="end:Q",
            y=y,
            color=alt.Color(
                "word:N",
                title=None,
                scale=alt.Scale(
                    domain=list(WORDS.values()), range=[COLOURS[name] for name in OUTCOMES]
                ),
                legend=alt.Legend(orient="top", columns=3, columnPadding=4, labelFontSize=11),
            ),
        )
    )
    answers = (
        alt.Chart(drawn)
        .mark_rect(opacity=0)
        .encode(
            x=x,
            x2="end:Q",
            y=y,
            tooltip=[
                "formula:N",
                "dtype:N",
                alt.Tooltip("logit:Q", format=".6~g"),
                "gives:N",
                alt.Tooltip("should_be:N", title="should be"),
                "outcome:N",
            ],
        )
    )
    fitting = joined[joined["cells"] > CELLS_PER_LETTER * joined["word"].str.len()]
    words = (
        alt.Chart(fitting)
        .mark_text(color="black", fontSize=11)
        .encode(x="middle:Q", y=y, text="word:N")
    )
    return [stripes, words, answers]


def _stripe(frame: pd.DataFrame) -> pd.Series:
    return frame["formula"] + " · " + frame["dtype"]


def _stripes(cells: pd.DataFrame) -> list[str]:
    """Return the stripes from the top, with a blank one before each formula."""
    order: list[str] = []
    for blanks, (_, of_formula) in enumerate(cells.groupby("formula", sort=False), start=1):
        order += [" " * blanks, *_stripe(of_formula).unique()]
    return order
