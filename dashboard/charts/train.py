"""Two heads while they train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from experiments.charts import style
from experiments.charts.history import dashed, epoch_axis, measured
from experiments.charts.plot import Plot, template
from experiments.charts.readout import Panel, places, read_out
from experiments.frames import by_epoch

# As on Losses: those of CCE, of BCE, of a squared error; the mistakes have others.
HEAD_COLOURS = {
    "softmax_cce": style.VERMILLION,
    "ovr_sigmoid_bce": style.BLUE,
    "sigmoid_bce": style.BLUE,
    "multi_label_sigmoid_bce": style.BLUE,
    "softmax_twice_cce": style.PURPLE,
    "sigmoid_cce": style.GREY,
    "softmax_squared_error": style.GREEN,
    "sigmoid_squared_error": style.GREEN,
}
METRICS = ("loss", "entropy_bits", "accuracy", "positive_pull", "negative_pull")
# Of the rows that it trains on: what moves the weights.
PULL_TRUE, PULL_OTHERS = "train_positive_pull", "train_negative_pull"


def course_chart(history: pd.DataFrame, epoch: int, colours: Mapping[str, str]) -> Plot:
    """Draw loss, entropy and pull up to an epoch, and faintly what is still to come.

    Parameters
    ----------
    history : DataFrame
        As `experiments.frames.by_epoch` takes it.
    epoch : int
        The one that is shown now.
    colours : dict
        Head → colour.
    """
    drawn = by_epoch(history, METRICS)
    is_done = drawn["epoch"] <= epoch
    drawn = pd.DataFrame(places(drawn, "epoch", drawn["epoch"][is_done].max()))
    return _courses(drawn, drawn[is_done], colours=tuple(colours.items()))


@template
def _courses(
    epochs: pd.DataFrame, so_far: pd.DataFrame, colours: tuple[tuple[str, str], ...]
) -> alt.VConcatChart:
    panels = [
        ("loss", "train_loss", measured("loss"), "Loss (log scale; dashed: training rows)"),
        (
            "entropy_bits",
            "train_entropy_bits",
            measured("entropy_bits"),
            "Predictive entropy (bits; dashed: training rows)",
        ),
        (
            PULL_TRUE,
            PULL_OTHERS,
            alt.Y(f"{PULL_TRUE}:Q", title=None, axis=alt.Axis(tickCount=5)),
            "Gradient pull on the true class (dashed: on the others)",
        ),
    ]
    axes = [*(epoch_axis(None) for _ in panels[1:]), epoch_axis("Epoch")]
    return read_out(
        epochs,
        "epoch",
        {
            "epoch": "Epoch",
            "loss": "loss",
            "entropy_bits": "entropy",
            "accuracy": "accuracy",
            PULL_TRUE: "pull: true",
            PULL_OTHERS: "others",
        },
        dict(colours),
        [
            Panel(
                x,
                y,
                title,
                height=150,
                lines=so_far,
                over=(
                    *(_to_come(epochs, x, each) for each in (solid, broken)),
                    *dashed(so_far, x, broken, dict(colours)),
                ),
            )
            for (solid, broken, y, title), x in zip(panels, axes, strict=True)
        ],
    )


def boundary_chart(cells: pd.DataFrame, points: pd.DataFrame, class_names: Sequence[str]) -> Plot:
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
    return _boundary(cells, points, class_names=tuple(class_names))


@template
def _boundary(
    cells: pd.DataFrame, points: pd.DataFrame, class_names: tuple[str, ...]
) -> alt.LayerChart:
    # As far as the cells go.
    fitted = alt.Scale(nice=False, zero=False)
    colour = alt.Color(
        "class:N",
        title=None,
        scale=alt.Scale(domain=class_names, range=style.SERIES[: len(class_names)]),
        legend=alt.Legend(
            orient="top", columns=3, symbolType="circle", symbolOpacity=1, symbolStrokeWidth=0
        ),
    )
    confidence = alt.Tooltip("confidence:Q", format=".4f")
    plane = (
        alt.Chart(cells)
        .mark_rect(strokeWidth=0)
        .encode(
            x=alt.X("x:Q", title="x", scale=fitted),
            x2="x2:Q",
            y=alt.Y("y:Q", title="y", scale=fitted),
            y2="y2:Q",
            color=colour,
            # From one guess among the classes, hardly seen, to certain.
            opacity=alt.Opacity(
                "confidence:Q",
                scale=alt.Scale(domain=[1 / len(class_names), 1], range=[0.03, 0.55]),
                legend=None,
            ),
            tooltip=[alt.Tooltip("class:N", title="predicted"), confidence],
        )
    )
    rows = (
        alt.Chart(points)
        .mark_point(filled=True, size=34, opacity=1, strokeWidth=0.6, style=style.ON_PAPER)
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
            tooltip=["class:N", alt.Tooltip("predicted:N", title="predicted"), confidence],
        )
    )
    return (plane + rows).properties(height=340)


def _to_come(drawn: pd.DataFrame, x: alt.X, column: str) -> alt.Chart:
    return (
        alt.Chart(drawn)
        .mark_line(color=style.GREY, strokeWidth=1, opacity=0.35)
        .encode(x=x, y=alt.Y(f"{column}:Q", title=None), detail="curve:N")
    )
