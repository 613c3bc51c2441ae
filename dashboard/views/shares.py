"""Sliders that move a distribution; the text that it is entered as holds the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from dashboard import links
from dashboard.sources import with_share

MAX_SLIDERS = 8


def sliders(
    labels: Sequence[str],
    p: np.ndarray,
    key: str,
    enter: Callable[[np.ndarray], None],
) -> None:
    """Show a slider for each of two to eight shares, or say that there is none.

    Parameters
    ----------
    labels : sequence of str
        What the sliders are called.
    p : ndarray of shape (K,)
        The distribution as the text has it.
    key : str
        Of the sliders, with their number after it.
    enter : callable
        Writes a distribution in percent into the text, when a slider has moved it.
    """
    if not 2 <= len(p) <= MAX_SLIDERS:
        st.caption(f"There are sliders for 2 to {MAX_SLIDERS} outcomes.")
        return
    rows = st.container(horizontal=True, key=f"{key} sliders")
    for i, label in enumerate(labels):
        links.put_right(f"{key} {i}", _percent(p, i))
        rows.slider(
            label,
            0.0,
            100.0,
            step=0.1,
            format="%.1f %%",
            key=f"{key} {i}",
            on_change=_move,
            args=(p, i, key, enter),
        )


def _percent(p: np.ndarray, i: int) -> float:
    return round(100 * float(p[i]), 1)


def _move(
    p: np.ndarray,
    i: int,
    key: str,
    enter: Callable[[np.ndarray], None],
) -> None:
    percent = st.session_state[f"{key} {i}"]
    # Sliders that come back after a text say where they stand, and nobody moved them.
    if percent == _percent(p, i) or links.is_old(f"{key} {i}"):
        return
    with links.click():
        enter(100 * with_share(p, i, percent / 100))
