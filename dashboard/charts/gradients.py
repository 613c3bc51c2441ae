"""Gradients as bars, against a logit, and beside what a formula claims."""

from __future__ import annotations

import altair as alt
import pandas as pd

from dashboard.charts.bars import MAX_LABELLED
from dashboard.frames.common import written
from experiments.charts.readout import Panel, read_out

# Beside the longest bar, for the value written there.
ROOM = 1.35


def gradient_bars(frame: pd.DataFrame, colours: dict[str, str], reach: float) -> alt.LayerChart:
    """Draw the gradient at each logit: to the left what training pulls up, to the right down.

    Parameters
    ----------
    frame : DataFrame
        Columns class, role, probability, gradient, finite_difference and deviation.
    colours : dict
        Role → colour.
    reach : float
        The longest bar, the same for charts that are compared.
    """
    drawn = frame.assign(
        length=frame["gradient"].clip(-reach, reach).fillna(0),
        value=[written(value, 3) for value in frame["gradient"]],
    )
    base = _by_class(drawn, "length", "∂L/∂z", reach).encode(
        tooltip=[
            "class",
            *(
                alt.Tooltip(name, format=".4g")
                for name in ("probability", "gradient", "finite_difference", "deviation")
            ),
        ]
    )
    bars = base.mark_bar().encode(
        color=alt.Color(
            "role:N",
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            legend=None,
        )
    )
    return _labelled(base, bars, drawn)


def claim_bars(frame: pd.DataFrame, bar: str, colours: dict[str, str]) -> alt.LayerChart:
    """Draw finite differences as bars, and what a formula gives as marks on them.

    Parameters
    ----------
    frame : DataFrame
        Columns class, formula, finite_difference, difference and verdict.
    bar : str
        Colour of the bars.
    colours : dict
        Verdict → colour of its mark.
    """
    # A formula may be far off: the bars stay readable, and such a mark stands at the edge.
    longest = float(frame["finite_difference"].abs().max()) or 1.0
    reach = min(2 * longest, max(longest, frame["formula"].abs().max()))
    drawn = frame.assign(
        length=frame["finite_difference"], mark=frame["formula"].clip(-reach, reach)
    )
    base = _by_class(drawn, "length", "∂L/∂z", reach).encode(
        tooltip=[
            "class",
            *(
                alt.Tooltip(name, format=".6g")
                for name in ("formula", "finite_difference", "difference")
            ),
            "verdict",
        ]
    )
    bars = base.mark_bar(color=bar, opacity=0.45)
    ticks = (
        base.transform_filter("isValid(datum.mark)")
        .mark_tick(thickness=4, size=20, opacity=1)
        .encode(
            x=alt.X("mark:Q"),
            color=alt.Color(
                "verdict:N",
                title="Formula",
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                legend=alt.Legend(orient="top", symbolType="square"),
            ),
        )
    )
    height = alt.Step(28) if len(frame) <= MAX_LABELLED else 480
    return alt.LayerChart(layer=[bars, ticks]).properties(height=height)


def gradient_against_logit(
    curves: pd.DataFrame, current: float, colours: dict[str, str]
) -> alt.VConcatChart:
    """Draw gradients at the true class's logit against that, with a rule where it stands now.

    Parameters
    ----------
    curves : DataFrame
        Columns logit, curve, gradient, loss, bits and probability.
    current : float
        The logit now.
    colours : dict
        Curve → colour.
    """
    panel = Panel(
        alt.X("logit:Q", title="Logit of the true class", scale=alt.Scale(nice=False)),
        alt.Y("gradient:Q", title="∂L/∂z of the true class"),
        "Gradient against logit",
        height=260,
    )
    return read_out(
        curves,
        "logit",
        {
            "logit": "Logit",
            "probability": "p",
            "loss": "loss",
            "bits": "bits",
            "gradient": "∂L/∂z",
        },
        colours,
        [panel],
        current,
    )


def _by_class(drawn: pd.DataFrame, column: str, title: str, reach: float) -> alt.Chart:
    return alt.Chart(drawn).encode(
        y=alt.Y(
            "class:N",
            title=None,
            sort=None,
            axis=alt.Axis(labelLimit=120) if len(drawn) <= MAX_LABELLED else None,
        ),
        x=alt.X(
            f"{column}:Q",
            title=title,
            scale=alt.Scale(domain=[-reach * ROOM, reach * ROOM], nice=False),
            axis=alt.Axis(tickCount=5),
        ),
    )


def _labelled(base: alt.Chart, bars: alt.Chart, drawn: pd.DataFrame) -> alt.LayerChart:
    if len(drawn) > MAX_LABELLED:
        return alt.LayerChart(layer=[bars]).properties(height=480)
    texts = [
        base.transform_filter("datum.length < 0").mark_text(align="right", dx=-4),
        base.transform_filter("datum.length >= 0").mark_text(align="left", dx=4),
    ]
    texts = [text.encode(text="value:N") for text in texts]
    return alt.LayerChart(layer=[bars, *texts]).properties(height=alt.Step(28))
