"""Codes as trees, messages as curves, blocks as bars."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from dashboard.charts.entropy import short, tooltip
from experiments.charts.plot import Plot, first, template
from experiments.charts.readout import Panel, places, read_out


def code_tree(branches: pd.DataFrame, colours: tuple[str, str]) -> Plot:
    """Draw a prefix code as a tree from left to right, its branches as thick as their traffic.

    Parameters
    ----------
    branches : DataFrame
        Columns word, bit, outcome, probability, depth, parent_depth, row and parent_row.
    colours : tuple of str
        Of a branch for 0 and one for 1.
    """
    depths = branches["depth"].to_numpy()
    leaves = branches["outcome"].notna()
    drawn = {
        **branches,
        "middle": (depths + branches["parent_depth"].to_numpy()) / 2,
        "label": [
            f"{short(name, 14)}  {p:.3g}" if is_leaf else ""
            for name, p, is_leaf in zip(
                branches["outcome"], branches["probability"], leaves, strict=True
            )
        ],
    }
    return _code_tree(
        drawn, colours=colours, deepest=int(depths.max()), num_leaves=int(leaves.sum())
    )


@template
def _code_tree(
    branches: pd.DataFrame, colours: tuple[str, str], deepest: int, num_leaves: int
) -> alt.LayerChart:
    base = alt.Chart(branches).encode(
        color=alt.Color(
            "bit:N", scale=alt.Scale(domain=["0", "1"], range=list(colours)), legend=None
        ),
        strokeWidth=alt.StrokeWidth(
            "probability:Q", scale=alt.Scale(domain=[0, 1], range=[1.5, 10]), legend=None
        ),
        tooltip=tooltip("outcome", "word", "probability"),
    )
    x = alt.X(
        "parent_depth:Q",
        title="Bits sent",
        # A third of the width is for the names of the deepest leaves.
        scale=alt.Scale(domain=[0, deepest * 1.5], nice=False),
        axis=alt.Axis(values=list(range(deepest + 1)), format="d", grid=False),
    )
    y = alt.Y("row:Q", axis=None, scale=alt.Scale(reverse=True, padding=16, nice=False, zero=False))
    across = base.mark_rule(strokeCap="round").encode(x=x, x2="depth", y=y)
    down = base.mark_rule(strokeCap="round").encode(x=x, y=y, y2="parent_row")
    words = alt.Chart(branches)
    bits = words.mark_text(dy=-11).encode(x="middle:Q", y=y, text="bit:N")
    names = (
        words.transform_filter("datum.outcome !== null")
        .mark_text(align="left", dx=8)
        .encode(x="depth:Q", y=y, text="label:N")
    )
    return alt.LayerChart(layer=[down, across, bits, names]).properties(height=70 + 44 * num_leaves)


def growth_curves(frame: pd.DataFrame, bits: float, colours: dict[str, str]) -> Plot:
    """Draw the bits a symbol against the length of the message, with a rule at the entropy.

    Parameters
    ----------
    frame : DataFrame
        Columns symbols, counted, bits_per_symbol and above_entropy.
    bits : float
        The entropy.
    colours : dict
        What is counted → colour.
    """
    values, symbols = frame["bits_per_symbol"].to_numpy(), frame["symbols"].to_numpy()
    low, high = min(float(values.min()), bits), max(float(values.max()), bits)
    # Also a message that never varies has a height to be drawn in.
    room = max(0.05 * (high - low), 0.25 - (high - low) / 2)
    most = symbols.max()
    drawn = {
        "symbols": symbols,
        "curve": frame["counted"],
        "bits_per_symbol": values,
        "above_entropy": frame["above_entropy"],
        "low": np.full(len(frame), low - room),
        "high": np.full(len(frame), high + room),
        "most": np.full(len(frame), float(most)),
    }
    level = {"bits_per_symbol": [bits], "says": [f"H {bits:.2f}"]}
    return _growth(places(drawn, "symbols", most), level, colours=tuple(colours.items()))


@template
def _growth(
    grown: pd.DataFrame, level: pd.DataFrame, colours: tuple[tuple[str, str], ...]
) -> alt.VConcatChart:
    rule = alt.Chart(level).encode(y="bits_per_symbol:Q")
    panel = Panel(
        alt.X(
            "symbols:Q",
            title="Symbols sent (log scale)",
            scale=alt.Scale(type="log", domainMin=1, domainMax=first("grown", "most"), nice=False),
            axis=alt.Axis(values=[10**power for power in range(6)], format="~s"),
        ),
        alt.Y(
            "bits_per_symbol:Q",
            title=None,
            scale=alt.Scale(
                domainMin=first("grown", "low"), domainMax=first("grown", "high"), nice=False
            ),
            axis=alt.Axis(format=".1f", tickCount=6),
        ),
        "Bits per symbol while the message grows",
        height=280,
        over=(
            rule.mark_rule(strokeDash=[6, 4], strokeWidth=2),
            rule.mark_text(align="left", dx=4, dy=9).encode(x=alt.value(0), text="says:N"),
        ),
    )
    return read_out(
        grown,
        "symbols",
        {"symbols": "Symbols", "bits_per_symbol": "bits per symbol", "above_entropy": "over H"},
        dict(colours),
        [panel],
    )


def block_bars(frame: pd.DataFrame, current: int, colours: tuple[str, str]) -> Plot:
    """Draw what blocks cost against their size, between H and H + 1/n.

    Parameters
    ----------
    frame : DataFrame
        Columns n, bits_per_symbol, entropy_bits and bound_bits.
    current : int
        The size now, whose point is filled.
    colours : tuple of str
        Of the room that the theorem leaves, and of what the code takes.
    """
    bits = float(frame["entropy_bits"].min())
    drawn = {
        **frame,
        "now": frame["n"].to_numpy() == current,
        # Room below for the points that stand on H.
        "low": np.full(len(frame), bits - 0.12),
        "high": np.full(len(frame), bits + 1),
    }
    return _block_bars(drawn, colours=colours)


@template
def _block_bars(blocks: pd.DataFrame, colours: tuple[str, str]) -> alt.LayerChart:
    base = alt.Chart(blocks).encode(
        x=alt.X("n:O", title="Symbols in a block, n", axis=alt.Axis(labelAngle=0)),
        tooltip=tooltip("n", "entropy_bits", "bits_per_symbol", "bound_bits"),
    )
    y = alt.Y(
        "entropy_bits:Q",
        title="Bits per symbol",
        scale=alt.Scale(
            domainMin=first("blocks", "low"), domainMax=first("blocks", "high"), nice=False
        ),
    )
    room = base.mark_bar(color=colours[0], opacity=0.35, size=18).encode(y=y, y2="bound_bits")
    cost = base.mark_point(size=110, color=colours[1], strokeWidth=2.5, opacity=1).encode(
        y="bits_per_symbol:Q",
        fill=alt.condition("datum.now", alt.value(colours[1]), alt.value("transparent")),
    )
    values = base.mark_text(dy=-14).encode(
        y="bits_per_symbol:Q", text=alt.Text("bits_per_symbol:Q", format=".3f")
    )
    return alt.LayerChart(layer=[room, cost, values]).properties(height=280)
