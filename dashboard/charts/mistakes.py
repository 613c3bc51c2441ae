"""What a mistake does to a curve."""

from __future__ import annotations

from typing import Literal

import altair as alt
import pandas as pd

from dashboard.frames.common import NATS_PER_BIT
from experiments.charts import style
from experiments.charts.plot import Plot, template
from experiments.charts.readout import Panel, places, read_out


def right_and_wrong(
    curves: pd.DataFrame,
    x: str,
    x_title: str,
    x_scale: Literal["linear", "log"] = "linear",
    y_scale: Literal["linear", "log"] = "linear",
    end: tuple[float, str] | None = None,
) -> Plot:
    """Draw the loss as it should be and as the mistake makes it, in this order of the curves.

    Parameters
    ----------
    curves : DataFrame
        Columns curve, loss and the one to draw it against.
    x, x_title : str
        That column, and what the axis says.
    x_scale, y_scale : {"linear", "log"}
    end : (float, str), optional
        Where the wrong curve ends, and how.
    """
    drawn = {**curves, "bits": curves["loss"] / NATS_PER_BIT}
    at, word = (None, None) if end is None else end
    return _right_and_wrong(
        places(drawn, x, float(curves[x].max())),
        {x: [at]},
        names=tuple(dict.fromkeys(curves["curve"])),
        x=x,
        x_title=x_title,
        x_scale=x_scale,
        y_scale=y_scale,
        word=word,
    )


@template
def _right_and_wrong(
    curves: pd.DataFrame,
    end: pd.DataFrame,
    names: tuple[str, ...],
    x: str,
    x_title: str,
    x_scale: Literal["linear", "log"],
    y_scale: Literal["linear", "log"],
    word: str | None,
) -> alt.VConcatChart:
    panel = Panel(
        alt.X(f"{x}:Q", title=x_title, scale=alt.Scale(type=x_scale, nice=False)),
        alt.Y(
            "loss:Q",
            title="Loss (nats)",
            scale=alt.Scale(type=y_scale),
            axis=alt.Axis(tickCount=5, gridOpacity=style.LABELLED_ONLY),
        ),
        "Loss, right and wrong",
        height=220,
        over=() if word is None else _end(end, x, word),
    )
    return read_out(
        curves,
        x,
        {x: x.capitalize(), "loss": "nats", "bits": "bits"},
        dict(zip(names, (style.GREEN, style.VERMILLION), strict=True)),
        [panel],
        dashed=names[1:],
    )


def _end(end: pd.DataFrame, x: str, word: str) -> tuple[alt.Chart, alt.Chart]:
    place = alt.Chart(end).encode(x=f"{x}:Q")
    return (
        place.mark_rule(color=style.VERMILLION, strokeDash=[5, 3], strokeWidth=2),
        place.mark_text(align="right", dx=-6, dy=8).encode(y=alt.value(0), text=alt.value(word)),
    )
