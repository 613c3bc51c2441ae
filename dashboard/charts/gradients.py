"""Gradients as bars, against a logit, and beside what a formula claims."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from dashboard.charts.bars import MAX_LABELLED
from dashboard.charts.curves import LOGIT_COLUMNS
from dashboard.frames.common import written
from experiments.charts.plot import Plot, first, template
from experiments.charts.readout import Panel, places, read_out

# Beside the longest bar, for the value written there.
ROOM = 1.35


def gradient_bars(frame: pd.DataFrame, colours: dict[str, str], reach: float) -> Plot:
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
    gradient = frame["gradient"].to_numpy()
    drawn = {
        **frame,
        "length": np.where(np.isnan(gradient), 0.0, np.clip(gradient, -reach, reach)),
        "value": [written(value, 3) for value in gradient],
        "end": np.full(len(frame), reach * ROOM),
    }
    return _gradient_bars(
        drawn, colours=tuple(colours.items()), is_labelled=len(frame) <= MAX_LABELLED
    )


@template
def _gradient_bars(
    bars: pd.DataFrame, colours: tuple[tuple[str, str], ...], is_labelled: bool
) -> alt.LayerChart:
    base = _by_class(bars, is_labelled).encode(
        tooltip=[
            "class:N",
            *(
                alt.Tooltip(f"{name}:Q", format=".4g")
                for name in ("probability", "gradient", "finite_difference", "deviation")
            ),
        ]
    )
    roles, range_ = zip(*colours, strict=True)
    drawn = base.mark_bar().encode(
        color=alt.Color("role:N", scale=alt.Scale(domain=roles, range=range_), legend=None)
    )
    if not is_labelled:
        return alt.LayerChart(layer=[drawn]).properties(height=480)
    texts = [
        base.transform_filter("datum.length < 0").mark_text(align="right", dx=-4),
        base.transform_filter("datum.length >= 0").mark_text(align="left", dx=4),
    ]
    texts = [text.encode(text="value:N") for text in texts]
    return alt.LayerChart(layer=[drawn, *texts]).properties(height=alt.Step(28))


def claim_bars(frame: pd.DataFrame, bar: str, colours: dict[str, str]) -> Plot:
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
    drawn = {
        **frame,
        "length": frame["finite_difference"],
        "mark": np.clip(frame["formula"].to_numpy(), -reach, reach),
        "end": np.full(len(frame), reach * ROOM),
    }
    return _claim_bars(
        drawn, bar=bar, colours=tuple(colours.items()), is_labelled=len(frame) <= MAX_LABELLED
    )


@template
def _claim_bars(
    bars: pd.DataFrame, bar: str, colours: tuple[tuple[str, str], ...], is_labelled: bool
) -> alt.LayerChart:
    base = _by_class(bars, is_labelled, "∂L/∂z (bars: finite difference)").encode(
        tooltip=[
            "class:N",
            *(
                alt.Tooltip(f"{name}:Q", format=".6g")
                for name in ("formula", "finite_difference", "difference")
            ),
            "verdict:N",
        ]
    )
    verdicts, range_ = zip(*colours, strict=True)
    ticks = (
        base.transform_filter("isValid(datum.mark)")
        .mark_tick(thickness=4, size=20, opacity=1)
        .encode(
            x=alt.X("mark:Q"),
            color=alt.Color(
                "verdict:N",
                title="Formula",
                scale=alt.Scale(domain=verdicts, range=range_),
                legend=alt.Legend(orient="top", symbolType="square"),
            ),
        )
    )
    height = alt.Step(28) if is_labelled else 480
    return alt.LayerChart(layer=[base.mark_bar(color=bar, opacity=0.45), ticks]).properties(
        height=height
    )


def gradient_against_logit(curves: pd.DataFrame, current: float, colours: dict[str, str]) -> Plot:
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
    return _gradient_against_logit(places(curves, "logit", current), colours=tuple(colours.items()))


@template
def _gradient_against_logit(
    curves: pd.DataFrame, colours: tuple[tuple[str, str], ...]
) -> alt.VConcatChart:
    panel = Panel(
        alt.X("logit:Q", title="Logit of the true class", scale=alt.Scale(nice=False)),
        alt.Y("gradient:Q", title="∂L/∂z of the true class"),
        "Gradient against logit",
        height=260,
    )
    return read_out(curves, "logit", LOGIT_COLUMNS, dict(colours), [panel])


def _by_class(bars: pd.DataFrame, is_labelled: bool, title: str = "∂L/∂z") -> alt.Chart:
    """Return bars to both sides, their axis as long as the `end` of the first."""
    end = first("bars", "end")
    return alt.Chart(bars).encode(
        y=alt.Y(
            "class:N",
            title=None,
            sort=None,
            axis=alt.Axis(labelLimit=120) if is_labelled else None,
        ),
        x=alt.X(
            "length:Q",
            title=title,
            scale=alt.Scale(domainMin=alt.ExprRef(f"-{end.expr}"), domainMax=end, nice=False),
            axis=alt.Axis(tickCount=5),
        ),
    )
