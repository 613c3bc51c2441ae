"""Curves with a read-out that follows the pointer."""

from __future__ import annotations

import altair as alt
import pandas as pd


def loss_against_logit(
    curves: pd.DataFrame, current: float, colours: dict[str, str]
) -> alt.LayerChart:
    """Draw losses against a logit, with a rule where the true class's stands now.

    Parameters
    ----------
    curves : DataFrame
        Columns logit, curve, loss and probability.
    current : float
        The logit now.
    colours : dict
        Curve → colour; the second of one colour is dashed.
    """
    return _losses(curves, alt.X("logit:Q", title="Logit"), "logit", current, colours)


def loss_against_probability(
    curves: pd.DataFrame, current: float, colours: dict[str, str]
) -> alt.LayerChart:
    """Draw losses against a probability, with a rule where the true class's stands now.

    Parameters
    ----------
    curves, colours
        As in `loss_against_logit`.
    current : float
        The softmax of the true class now.
    """
    x = alt.X("probability:Q", title="Probability of the true class")
    return _losses(curves, x, "probability", current, colours)


def entropy_against_temperature(
    curve: pd.DataFrame, current: float, most: float, colour: str
) -> alt.LayerChart:
    """Draw the entropy of a softmax against its temperature, with a rule where it stands now.

    Parameters
    ----------
    curve : DataFrame
        Columns temperature and entropy_bits.
    current : float
        The temperature now.
    most : float
        The entropy of no preference at all, where the axis ends.
    colour : str
        Of the curve.
    """
    lines = (
        alt.Chart(curve)
        .mark_line(strokeWidth=2.5, color=colour)
        .encode(
            x=alt.X(
                "temperature:Q",
                title="Temperature (log scale)",
                scale=alt.Scale(type="log"),
                axis=alt.Axis(values=[0.1, 0.2, 0.5, 1, 2, 5, 10]),
            ),
            y=alt.Y(
                "entropy_bits:Q",
                title="Entropy of the softmax (bits)",
                scale=alt.Scale(domain=[0, most or 1.0], nice=False),
            ),
        )
    )
    return with_read_out(lines, curve, "temperature", ["temperature", "entropy_bits"], current)


def _losses(
    curves: pd.DataFrame, x: alt.X, column: str, current: float, colours: dict[str, str]
) -> alt.LayerChart:
    names = list(colours)
    seen = [list(colours.values())[:i].count(colour) for i, colour in enumerate(colours.values())]
    lines = (
        alt.Chart(curves)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=x.scale(nice=False),
            y=alt.Y("loss:Q", title="Loss"),
            color=alt.Color(
                "curve:N",
                title=None,
                sort=names,
                scale=alt.Scale(domain=names, range=list(colours.values())),
                legend=alt.Legend(
                    orient="top", columns=3, symbolType="stroke", symbolStrokeWidth=3
                ),
            ),
            strokeDash=alt.StrokeDash(
                "curve:N",
                title=None,
                sort=names,
                scale=alt.Scale(
                    domain=names, range=[[5, 4] if before else [1, 0] for before in seen]
                ),
            ),
        )
    )
    return with_read_out(lines, curves, column, ["curve", "logit", "probability", "loss"], current)


def with_read_out(
    lines: alt.Chart,
    frame: pd.DataFrame,
    x: str,
    columns: list[str],
    current: float | None = None,
) -> alt.LayerChart:
    """Return lines whose points tell their `columns` at the pointer, with a rule at `current`."""
    hover = alt.selection_point(
        name="hover", fields=[x], nearest=True, on="pointerover", empty=False, clear="pointerout"
    )
    points = (
        lines.mark_point(filled=True, size=70)
        .encode(
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            strokeDash=alt.value([1, 0]),
            tooltip=[
                alt.Tooltip(name, format=".4f")
                if pd.api.types.is_numeric_dtype(frame[name])
                else alt.Tooltip(name)
                for name in columns
            ],
        )
        .add_params(hover)
    )
    if current is None:
        return (lines + points).properties(height=320)
    now = alt.Chart(pd.DataFrame({x: [current]})).encode(x=f"{x}:Q")
    rule = now.mark_rule(strokeDash=[2, 3], strokeWidth=2)
    word = now.mark_text(align="left", dx=6, dy=6).encode(y=alt.value(0), text=alt.value("now"))
    return (lines + rule + word + points).properties(height=320)
