"""Entropy as an area, and what the wrong code adds to it."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from experiments.charts.plot import Columns, Plot, first, template
from experiments.charts.readout import Panel, places, read_out

# Above the bars of an area, for their names; and right of it, for what a rule says.
ROOF = 1.35
ROOM = 1.22
# About how many letters go into the width of a chart on a phone.
LETTERS_ACROSS = 40
NARROWEST_NAMED = 0.04
CODES = ("Code for p", "Code for q", "q in whole bits")
COST_PARTS = ("H(p)", "KL(p‖q)", "rounding up")


def surprise_area(frame: pd.DataFrame, bits: float, colour: str) -> Plot:
    """Draw each outcome as wide as its probability and as high as its surprise: the area is H.

    Parameters
    ----------
    frame : DataFrame
        Columns outcome, probability, surprise_bits and term_bits.
    bits : float
        The entropy.
    colour : str
        Of the bars.
    """
    bars = _side_by_side(frame)
    top = (float(bars["surprise_bits"].max()) or 1.0) * ROOF
    return _surprise_area(
        {**bars, "top": np.full(len(bars["start"]), top)},
        _levels({f"H {bits:.2f}": bits}),
        colour=colour,
        gap=_gap_between(bars),
    )


@template
def _surprise_area(
    bars: pd.DataFrame, levels: pd.DataFrame, colour: str, gap: float
) -> alt.LayerChart:
    read = tooltip("outcome", "probability", "surprise_bits", "term_bits")
    area = _bars(bars, "surprise_bits", "Surprise (bits)").encode(tooltip=read)
    return alt.LayerChart(
        layer=[_from_ground(area, colour, gap), *_names(bars), *_rules(levels)]
    ).properties(height=320)


def wrong_code_area(
    frame: pd.DataFrame, right: float, wrong: float, colours: tuple[str, str]
) -> Plot:
    """Draw the area of H, and over it the words of a code that was made for another source.

    What those are longer is drawn in the colour of the wrong code, what they are shorter pale.

    Parameters
    ----------
    frame : DataFrame
        Columns outcome, probability, q, surprise_bits, length_bits and difference_bits.
    right, wrong : float
        The entropy and the cross-entropy. An infinite one has no rule.
    colours : tuple of str
        Of the right code and the wrong one.
    """
    bars = _side_by_side(frame)
    lengths, surprises = bars["length_bits"], bars["surprise_bits"]
    is_finite = np.isfinite(lengths)
    top = (float(max(surprises.max(), lengths.max(where=is_finite, initial=0.0))) or 1.0) * ROOF
    # An infinite word is drawn to the ceiling. JSON has no infinity: its read-out is a text.
    drawn_length = np.where(is_finite, lengths, top)
    drawn: dict[str, Any] = {
        **bars,
        "top": np.full(len(lengths), top),
        "drawn_length": drawn_length,
        "both": np.minimum(drawn_length, surprises),
    }
    for column in ("length_bits", "difference_bits"):
        drawn[column] = [f"{bits:.4g}" if np.isfinite(bits) else "∞" for bits in bars[column]]
    levels = {f"H(p,q) {wrong:.2f}": wrong, f"H {right:.2f}": right}
    return _wrong_code_area(drawn, _levels(levels), colours=colours, gap=_gap_between(bars))


@template
def _wrong_code_area(
    bars: pd.DataFrame, levels: pd.DataFrame, colours: tuple[str, str], gap: float
) -> alt.LayerChart:
    read = [
        *tooltip("outcome", "probability", "q", "surprise_bits"),
        alt.Tooltip("length_bits:N"),
        alt.Tooltip("difference_bits:N"),
    ]
    both, wrong_bars = (
        _bars(bars, column, "Codeword length (bits)").encode(tooltip=read)
        for column in ("both", "drawn_length")
    )
    is_longer = "datum.drawn_length > datum.surprise_bits"
    between = wrong_bars.encode(y2="surprise_bits")
    return alt.LayerChart(
        layer=[
            _from_ground(both, colours[0], gap),
            between.transform_filter(is_longer).mark_rect(color=colours[1], opacity=0.7),
            between.transform_filter(f"!({is_longer})").mark_rect(color=colours[0], opacity=0.35),
            wrong_bars.mark_rule(color=colours[1], strokeWidth=3),
            *_names(bars),
            *_rules(levels),
        ]
    ).properties(height=320)


def cost_bars(costs: dict[str, float], colours: tuple[str, str, str]) -> Plot:
    """Draw what a symbol costs at best, by the ideal code for q, and by one of whole bits.

    Parameters
    ----------
    costs : dict
        entropy, divergence, cross_entropy and whole_bits, all finite.
    colours : tuple of str
        Of the entropy, the divergence, and the rounding up.
    """
    best, ideal, whole = CODES
    entropy, divergence, rounding = COST_PARTS
    right, wrong, most = costs["entropy"], costs["cross_entropy"], costs["whole_bits"]
    starts = np.array([0.0, 0.0, right, 0.0, right, wrong])
    ends = np.array([right, right, wrong, right, wrong, most])
    sums = (right, wrong, most)
    return _cost_bars(
        {
            "code": [best, ideal, ideal, whole, whole, whole],
            "part": [entropy, entropy, divergence, entropy, divergence, rounding],
            "start": starts,
            "end": ends,
            "bits": ends - starts,
        },
        {
            "code": CODES,
            "end": sums,
            "total": [f"{bits:.3f}" for bits in sums],
            "room": np.full(len(sums), (max(sums) or 1.0) * ROOM),
        },
        colours=colours,
    )


@template
def _cost_bars(
    parts: pd.DataFrame, totals: pd.DataFrame, colours: tuple[str, str, str]
) -> alt.LayerChart:
    scale = alt.Scale(domainMin=0, domainMax=first("totals", "room"), nice=False)
    y = alt.Y("code:N", title=None, sort=CODES)
    bars = (
        alt.Chart(parts)
        .mark_bar()
        .encode(
            y=y,
            x=alt.X(
                "start:Q",
                title="Bits per symbol",
                scale=scale,
                axis=alt.Axis(tickCount=6, format="~g"),
            ),
            x2="end",
            color=alt.Color(
                "part:N",
                title=None,
                sort=COST_PARTS,
                scale=alt.Scale(domain=COST_PARTS, range=colours),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=tooltip("code", "part", "bits"),
        )
    )
    sums = alt.Chart(totals).mark_text(align="left", dx=4).encode(y=y, x="end:Q", text="total:N")
    return (bars + sums).properties(height=alt.Step(34))


def binary_entropy_curve(curve: pd.DataFrame, current: float, colour: str) -> Plot:
    """Draw the entropy of a yes-no question, and where on it a probability stands now.

    Parameters
    ----------
    curve : DataFrame
        Columns probability, surprise_bits (of yes) and entropy_bits.
    current : float
        The probability now, one that the curve has.
    colour : str
        Of the curve.
    """
    named = {**curve, "curve": ["Yes or no"] * len(curve)}
    return _binary_entropy(places(named, "probability", current), colour=colour)


@template
def _binary_entropy(curve: pd.DataFrame, colour: str) -> alt.VConcatChart:
    panel = Panel(
        alt.X(
            "probability:Q",
            title="Probability of yes",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2~f"),
        ),
        alt.Y("entropy_bits:Q", title="Entropy (bits)", scale=alt.Scale(domain=[0, 1.05])),
        "Entropy against probability",
        height=280,
    )
    return read_out(
        curve,
        "probability",
        {"probability": "p", "surprise_bits": "surprise of yes", "entropy_bits": "entropy (bits)"},
        {"Yes or no": colour},
        [panel],
    )


def _side_by_side(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the rows that have a width: where each starts and ends, and how its name is written.

    Names stand under the ceiling, upright where their bars are too narrow.
    """
    occurs = frame["probability"].to_numpy() > 0
    drawn = {str(column): values.to_numpy()[occurs] for column, values in frame.items()}
    width = drawn["probability"]
    end = width.cumsum()
    start = end - width
    names = [short(name, 20) for name in drawn["outcome"]]
    letters = np.array([len(name) for name in names])
    return {
        **drawn,
        "start": start,
        "end": end,
        "middle": (start + end) / 2,
        "name": np.array(names),
        "is_named": width >= NARROWEST_NAMED,
        "is_upright": letters > width * LETTERS_ACROSS,
    }


def _bars(bars: pd.DataFrame, column: str, title: str) -> alt.Chart:
    return alt.Chart(bars).encode(
        x=alt.X(
            "start:Q",
            title="Probability",
            scale=alt.Scale(domain=[0, ROOM], nice=False),
            axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2~f", grid=False),
        ),
        x2="end",
        y=alt.Y(
            f"{column}:Q",
            title=title,
            scale=alt.Scale(domainMin=0, domainMax=first("bars", "top"), nice=False),
        ),
    )


def _names(bars: pd.DataFrame) -> list[alt.Chart]:
    base = alt.Chart(bars).encode(x="middle:Q", y=alt.value(4), text="name:N")
    across = base.transform_filter("datum.is_named && !datum.is_upright")
    upright = base.transform_filter("datum.is_named && datum.is_upright")
    return [
        across.mark_text(baseline="top"),
        upright.mark_text(angle=270, align="right", baseline="middle", limit=74),
    ]


def _levels(levels: dict[str, float]) -> Columns:
    """Return mean lengths by what is said of them, the upper first; infinite ones left out."""
    upper = next(iter(levels))
    finite = {says: bits for says, bits in levels.items() if np.isfinite(bits)}
    return {
        "says": list(finite),
        "bits": list(finite.values()),
        "start": np.zeros(len(finite)),
        "end": np.ones(len(finite)),
        "is_upper": [says == upper for says in finite],
    }


def _rules(levels: pd.DataFrame) -> list[alt.Chart]:
    """Return a rule at each level over the whole width, and its word at the right."""
    base = alt.Chart(levels)
    words = base.encode(x="end:Q", y="bits:Q", text="says:N")
    return [
        base.mark_rule(strokeDash=[6, 4], strokeWidth=2).encode(x="start:Q", x2="end", y="bits:Q"),
        words.transform_filter("datum.is_upper").mark_text(align="left", dx=4, dy=-8),
        words.transform_filter("!datum.is_upper").mark_text(align="left", dx=4, dy=8),
    ]


def _gap_between(bars: dict[str, np.ndarray]) -> float:
    # Many bars leave no room for lines between them.
    return 1.0 if len(bars["start"]) <= 60 else 0.0


def _from_ground(bars: alt.Chart, colour: str, gap: float) -> alt.Chart:
    return bars.mark_rect(color=colour, x2Offset=-gap).encode(y2=alt.datum(0))


def short(name: str, letters: int) -> str:
    """Return a name in at most so many letters."""
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def tooltip(*columns: str) -> list[alt.Tooltip]:
    """Return what columns say at the pointer: names as they are, figures in four digits."""
    words = ("outcome", "word", "code", "part")
    return [
        alt.Tooltip(f"{column}:N") if column in words else alt.Tooltip(f"{column}:Q", format=".4~g")
        for column in columns
    ]
