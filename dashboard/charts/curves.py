"""Losses and entropies as curves, with a read-out that follows the pointer."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from experiments.charts.plot import Plot, first, template
from experiments.charts.readout import Panel, places, read_out

LOGIT_COLUMNS = {
    "logit": "Logit",
    "probability": "p",
    "loss": "loss",
    "bits": "bits",
    "gradient": "∂L/∂z",
}


def loss_curves_chart(
    curves: pd.DataFrame,
    against_probability: pd.DataFrame,
    current: float,
    colours: dict[str, str],
) -> Plot:
    """Draw losses and their gradients against a logit, and the losses against a probability.

    Parameters
    ----------
    curves : DataFrame
        Columns logit, curve, loss, bits, gradient and probability.
    against_probability : DataFrame
        The same losses where the whole range of the probability is seen.
    current : float
        The logit now.
    colours : dict
        Curve → colour; the second of one colour is dashed.
    """
    return _loss_curves(
        places(curves, "logit", current), against_probability, colours=tuple(colours.items())
    )


@template
def _loss_curves(
    curves: pd.DataFrame, against_probability: pd.DataFrame, colours: tuple[tuple[str, str], ...]
) -> alt.VConcatChart:
    logit = alt.X("logit:Q", title="Logit of the true class", scale=alt.Scale(nice=False))
    loss = alt.Y("loss:Q", title="Loss")
    return read_out(
        curves,
        "logit",
        LOGIT_COLUMNS,
        dict(colours),
        [
            Panel(logit, loss, "Loss against logit", height=170),
            Panel(logit, alt.Y("gradient:Q", title="∂L/∂z"), "Gradient against logit", height=120),
            Panel(
                alt.X(
                    "probability:Q",
                    title="Probability of the true class",
                    scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2~f"),
                ),
                loss,
                "Loss against probability",
                height=170,
                lines=against_probability,
            ),
        ],
    )


def entropy_against_temperature(
    curve: pd.DataFrame, current: float, most: float, colour: str
) -> Plot:
    """Draw the entropy of a softmax against its temperature, with a rule where it stands now.

    Parameters
    ----------
    curve : DataFrame
        Columns temperature, entropy_bits and largest, the probability of the likeliest class.
    current : float
        The temperature now.
    most : float
        The entropy of no preference at all, where the axis ends.
    colour : str
        Of the curve.
    """
    drawn = {
        **curve,
        "curve": ["Softmax"] * len(curve),
        "most": np.full(len(curve), most or 1.0),
    }
    return _entropy_against_temperature(places(drawn, "temperature", current), colour=colour)


@template
def _entropy_against_temperature(curve: pd.DataFrame, colour: str) -> alt.VConcatChart:
    panel = Panel(
        alt.X(
            "temperature:Q",
            title="Temperature (log scale)",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(values=[0.1, 0.2, 0.5, 1, 2, 5, 10]),
        ),
        alt.Y(
            "entropy_bits:Q",
            title="Entropy of the softmax (bits)",
            scale=alt.Scale(domainMin=0, domainMax=first("curve", "most"), nice=False),
        ),
        "Entropy against temperature",
        height=260,
    )
    return read_out(
        curve,
        "temperature",
        {"temperature": "Temperature", "largest": "largest p", "entropy_bits": "bits"},
        {"Softmax": colour},
        [panel],
    )
