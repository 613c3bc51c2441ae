"""What a model says of its validation rows: calibration, confusion, class by class."""

from __future__ import annotations

import altair as alt
import pandas as pd

from experiments.charts import style


def reliability_chart(bins: pd.DataFrame) -> alt.LayerChart:
    """Draw accuracy against confidence; on the diagonal a model is right as often as it says.

    Parameters
    ----------
    bins : DataFrame
        Columns from, to, rows, confidence and accuracy.
    """
    share = alt.Scale(domain=[0, 1])
    base = alt.Chart(bins)
    bars = base.mark_bar(color=style.BLUE, opacity=0.8).encode(
        x=alt.X("from:Q", title="Confidence", scale=share, bin="binned"),
        x2="to:Q",
        y=alt.Y("accuracy:Q", title="Accuracy", scale=share),
        tooltip=[
            "rows:Q",
            alt.Tooltip("confidence:Q", format=".4f"),
            alt.Tooltip("accuracy:Q", format=".4f"),
        ],
    )
    points = base.mark_point(color=style.VERMILLION, filled=True, size=50).encode(
        x="confidence:Q", y="accuracy:Q"
    )
    diagonal = (
        alt.Chart(pd.DataFrame({"share": [0, 1]}))
        .mark_line(color=style.GREY, strokeDash=[4, 4])
        .encode(x="share:Q", y="share:Q")
    )
    return (bars + points + diagonal).properties(width=360, height=360)


def confusion_chart(counts: pd.DataFrame) -> alt.LayerChart:
    """Draw how many rows of each class are taken for which.

    Parameters
    ----------
    counts : DataFrame
        Columns true, predicted and rows.
    """
    names = list(dict.fromkeys(counts["true"]))
    base = alt.Chart(counts).encode(
        x=alt.X("predicted:N", title="Predicted", sort=names),
        y=alt.Y("true:N", title="True", sort=names),
        tooltip=["true", "predicted", "rows"],
    )
    # A root: mistakes are few, and what to look at.
    scale = alt.Scale(type="sqrt", scheme="blues")
    cells = base.mark_rect().encode(color=alt.Color("rows:Q", scale=scale, legend=None))
    most = float(counts["rows"].max())
    words = base.mark_text().encode(
        text="rows:Q",
        color=alt.condition(f"datum.rows > {most / 3}", alt.value("white"), alt.value("black")),
    )
    return (cells + words).properties(width=alt.Step(34), height=alt.Step(34))


def class_chart(classes: pd.DataFrame) -> alt.Chart:
    """Draw how surprised and how unsure a model is, class by class.

    Parameters
    ----------
    classes : DataFrame
        Columns class, cross_entropy_bits and entropy_bits.
    """
    titles = {"cross_entropy_bits": "cross-entropy", "entropy_bits": "entropy of the prediction"}
    long = classes.melt("class", list(titles), var_name="measure", value_name="bits")
    long["measure"] = long["measure"].map(titles)
    return (
        alt.Chart(long)
        .mark_bar()
        .encode(
            y=alt.Y("class:N", title=None, sort=list(classes["class"])),
            yOffset=alt.YOffset("measure:N", sort=list(titles.values())),
            x=alt.X("bits:Q", title="Bits per row"),
            color=alt.Color(
                "measure:N",
                title=None,
                scale=alt.Scale(domain=list(titles.values()), range=[style.VERMILLION, style.BLUE]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["class", "measure", alt.Tooltip("bits:Q", format=".4f")],
        )
        .properties(width="container", height=alt.Step(14))
    )


def pull_chart(pulls: pd.DataFrame) -> alt.Chart:
    """Draw how hard the gradient pulls on the classes that are true and on the others.

    Parameters
    ----------
    pulls : DataFrame
        Columns epoch, classes ("true" or "others") and pull.
    """
    return (
        alt.Chart(pulls)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("epoch:Q", title="Epoch", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("pull:Q", title="Mean Σ |∂loss/∂logit|"),
            color=alt.Color(
                "classes:N",
                title=None,
                scale=alt.Scale(domain=["true", "others"], range=[style.GREEN, style.PURPLE]),
                legend=alt.Legend(
                    orient="top",
                    labelExpr="datum.label == 'true' ? 'true classes' : 'other classes'",
                ),
            ),
            strokeDash=alt.StrokeDash(
                "classes:N", scale=alt.Scale(domain=["true", "others"], range=[[1, 0], [5, 4]])
            ),
            tooltip=["epoch", "classes", alt.Tooltip("pull:Q", format=".4f")],
        )
        .properties(width="container", height=280)
    )
