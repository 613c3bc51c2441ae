"""Two heads while they train."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from experiments.charts import style
from experiments.charts.history import history_chart
from experiments.charts.predictions import pull_chart


def course_chart(history: pd.DataFrame, metric: str, epoch: int) -> alt.LayerChart:
    """Draw one metric up to an epoch, and faintly what is still to come.

    Parameters
    ----------
    history : DataFrame
        As `history_chart` takes it.
    metric : str
        The column to draw.
    epoch : int
        The one that is shown now.
    """
    so_far = history_chart(history[history["epoch"] <= epoch], metric)
    to_come = _to_come(history, metric, ["run:N", "split:N"])
    return alt.LayerChart(layer=[to_come, so_far, _now(epoch)])


def pull_course_chart(pulls: pd.DataFrame, epoch: int, most: float) -> alt.LayerChart:
    """Draw the gradient's pull up to an epoch, and faintly what is still to come.

    Parameters
    ----------
    pulls : DataFrame
        As `pull_chart` takes it.
    epoch : int
        The one that is shown now.
    most : float
        Where the axis ends, the same for charts that are compared.
    """
    so_far = pull_chart(pulls[pulls["epoch"] <= epoch])
    to_come = _to_come(pulls, "pull", ["classes:N"], alt.Scale(domain=[0, most]))
    return alt.LayerChart(layer=[to_come, so_far, _now(epoch)]).properties(height=260)


def boundary_chart(
    cells: pd.DataFrame, points: pd.DataFrame, class_names: Sequence[str]
) -> alt.LayerChart:
    """Draw which class a model takes each place for, and the points that it is judged by.

    Parameters
    ----------
    cells : DataFrame
        Columns x, x2, y, y2, class and confidence.
    points : DataFrame
        Columns x, y, class, predicted, confidence and answer ("right" or "wrong").
    class_names : sequence of str
        In the order of their colours.
    """
    colour = alt.Color(
        "class:N",
        title=None,
        scale=alt.Scale(domain=list(class_names), range=list(style.SERIES[: len(class_names)])),
        legend=alt.Legend(orient="top", symbolType="circle", symbolOpacity=1, symbolStrokeWidth=0),
    )
    confidence = alt.Tooltip("confidence:Q", format=".4f")
    plane = (
        alt.Chart(cells)
        .mark_rect(strokeWidth=0)
        .encode(
            x=alt.X("x:Q", title="x", scale=_fitted(cells, "x")),
            x2="x2:Q",
            y=alt.Y("y:Q", title="y", scale=_fitted(cells, "y")),
            y2="y2:Q",
            color=colour,
            # From one guess among the classes, hardly seen, to certain.
            opacity=alt.Opacity(
                "confidence:Q",
                scale=alt.Scale(domain=[1 / len(class_names), 1], range=[0.03, 0.55]),
                legend=None,
            ),
            tooltip=[alt.Tooltip("class:N", title="taken for"), confidence],
        )
    )
    rows = (
        alt.Chart(points)
        .mark_point(filled=True, size=34, opacity=1, stroke="white", strokeWidth=0.6)
        .encode(
            x="x:Q",
            y="y:Q",
            color=colour,
            shape=alt.Shape(
                "answer:N",
                scale=alt.Scale(domain=["right", "wrong"], range=["circle", "cross"]),
                legend=None,
            ),
            size=alt.Size(
                "answer:N",
                scale=alt.Scale(domain=["right", "wrong"], range=[34, 110]),
                legend=None,
            ),
            tooltip=["class", alt.Tooltip("predicted", title="taken for"), confidence],
        )
    )
    return (plane + rows).properties(height=340)


def _fitted(cells: pd.DataFrame, axis: str) -> alt.Scale:
    return alt.Scale(domain=[float(cells[axis].min()), float(cells[f"{axis}2"].max())], nice=False)


def _to_come(
    frame: pd.DataFrame, metric: str, detail: list[str], scale: alt.Scale | None = None
) -> alt.Chart:
    y = alt.Y(f"{metric}:Q") if scale is None else alt.Y(f"{metric}:Q", scale=scale)
    return (
        alt.Chart(frame)
        .mark_line(color=style.GREY, strokeWidth=1, opacity=0.35)
        .encode(x="epoch:Q", y=y, detail=detail)
    )


def _now(epoch: int) -> alt.Chart:
    now = alt.Chart(pd.DataFrame({"epoch": [epoch]}))
    return now.mark_rule(strokeDash=[2, 3], strokeWidth=1.5).encode(x="epoch:Q")
