"""Functions of one variable."""

from __future__ import annotations

import altair as alt
import pandas as pd

from experiments.charts import style


def curve_chart(frame: pd.DataFrame, x_title: str, y_title: str) -> alt.Chart:
    """Draw functions of x, a colour each.

    Parameters
    ----------
    frame : DataFrame
        Columns x, curve and value.
    x_title, y_title : str
        Of the axes.
    """
    curves = list(dict.fromkeys(frame["curve"]))
    legend = alt.Legend(orient="top", symbolType="stroke") if len(curves) > 1 else None
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("x:Q", title=x_title, scale=alt.Scale(nice=False)),
            y=alt.Y("value:Q", title=y_title),
            color=alt.Color(
                "curve:N",
                title=None,
                scale=alt.Scale(domain=curves, range=list(style.SERIES[: len(curves)])),
                legend=legend,
            ),
            tooltip=[
                "curve:N",
                alt.Tooltip("x:Q", title=x_title, format=".4g"),
                alt.Tooltip("value:Q", title=y_title, format=".4f"),
            ],
        )
        .properties(width="container", height=320)
    )
