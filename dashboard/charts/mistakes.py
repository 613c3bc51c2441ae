"""What a mistake does to a curve."""

from __future__ import annotations

from typing import Any, Literal

import altair as alt
import pandas as pd

from experiments.charts import style


def right_and_wrong(
    curves: pd.DataFrame,
    x: str,
    x_title: str,
    x_scale: Literal["linear", "log"] = "linear",
    y_scale: Literal["linear", "log"] = "linear",
) -> alt.LayerChart:
    """Draw the loss as it should be and as the mistake makes it, in this order of the curves.

    Parameters
    ----------
    curves : DataFrame
        Columns curve, loss and the one to draw it against.
    x, x_title : str
        That column, and what the axis says.
    x_scale, y_scale : {"linear", "log"}
    """
    names = list(dict.fromkeys(curves["curve"]))
    encoding: dict[str, Any] = {
        "x": alt.X(f"{x}:Q", title=x_title, scale=alt.Scale(type=x_scale, nice=False)),
        "y": alt.Y(
            "loss:Q",
            title="Loss (nats)",
            scale=alt.Scale(type=y_scale),
            axis=alt.Axis(tickCount=5, gridOpacity=style.LABELLED_ONLY),
        ),
        "color": alt.Color(
            "curve:N",
            title=None,
            scale=alt.Scale(domain=names, range=[style.GREEN, style.VERMILLION]),
            legend=alt.Legend(orient="top", columns=1, labelLimit=0, symbolType="stroke"),
        ),
    }
    hover = alt.selection_point(
        name="hover", fields=[x], nearest=True, on="pointerover", empty=False, clear="pointerout"
    )
    lines = (
        alt.Chart(curves)
        .mark_line(strokeWidth=2.5)
        .encode(
            **encoding,
            strokeDash=alt.StrokeDash(
                "curve:N", scale=alt.Scale(domain=names, range=[[1, 0], [5, 3]]), legend=None
            ),
        )
    )
    points = (
        alt.Chart(curves)
        .mark_point(filled=True, size=60)
        .encode(
            **encoding,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=["curve", alt.Tooltip(x, format=".4g"), alt.Tooltip("loss", format=".4f")],
        )
        .add_params(hover)
    )
    return (lines + points).properties(height=290)


def with_end(chart: alt.LayerChart, x: str, end: float, word: str) -> alt.LayerChart:
    """Mark on a chart of `right_and_wrong` where the wrong curve ends, and how."""
    at = alt.Chart(pd.DataFrame({x: [end]})).encode(x=f"{x}:Q")
    rule = at.mark_rule(color=style.VERMILLION, strokeDash=[5, 3], strokeWidth=2)
    words = at.mark_text(align="right", dx=-6, dy=8).encode(y=alt.value(0), text=alt.value(word))
    return chart + rule + words
