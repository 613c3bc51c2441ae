"""Play, pause and step: how the page Train goes from epoch to epoch."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

import streamlit as st

from dashboard import links, state
from dashboard.frames.train import NUM_EPOCHS

EPOCH = state.Slider("epoch", "Epoch", NUM_EPOCHS, 0, NUM_EPOCHS, 1, "0 is before training.")
SPEED = state.Slider("speed", "Epochs per second", 4, 2, 20, 2, "How fast Play goes.")

TICK_SECONDS = 0.5
# What plays goes on from where it was seen last, however long the page was left.
LONGEST_TICK_SECONDS = 3.0
# In the session: where it plays.
PLAYED = "played"


@dataclass(frozen=True)
class Played:
    """Where it plays: the epoch, with how much of the next has passed, and when that was."""

    epoch: float
    at: float


def is_playing() -> bool:
    """Return whether the epoch moves by itself."""
    return PLAYED in st.session_state


def epoch_shown() -> int:
    """Show play, pause and step with the epoch that they move, and return it."""
    playing: Played | None = st.session_state.get(PLAYED)
    with st.container(horizontal=True), links.asking("step"):
        st.button(
            "Play" if playing is None else "Pause",
            icon=":material/play_arrow:" if playing is None else ":material/pause:",
            key="play",
            on_click=_play if playing is None else _pause,
        )
        st.button("Step", icon=":material/skip_next:", key="step", on_click=_step)
    columns = st.columns(2)
    with columns[1]:
        state.slider(SPEED)
    with columns[0]:
        if playing is None:
            return int(state.slider(EPOCH))
        # The slider would leave each epoch in the browser's history.
        epoch = int(playing.epoch)
        st.progress(epoch / NUM_EPOCHS, f"Epoch {epoch} of {NUM_EPOCHS}")
        return epoch


def play_on() -> None:
    """Go on by the time that has passed, so that a busy machine skips epochs, not seconds."""
    playing, now = st.session_state[PLAYED], monotonic()
    passed = min(now - playing.at, LONGEST_TICK_SECONDS)
    speed = st.session_state.get(SPEED.key, SPEED.default)
    st.session_state[PLAYED] = Played(playing.epoch + passed * speed, now)
    if st.session_state[PLAYED].epoch >= NUM_EPOCHS:
        _pause()


def _play() -> None:
    epoch = st.session_state[EPOCH.key]
    if epoch != EPOCH.default and EPOCH.key not in st.query_params:
        # A tick took the press on Pause along, which the browser then said once more by itself.
        return
    st.session_state[PLAYED] = Played(0.0 if epoch == NUM_EPOCHS else epoch, monotonic())


def _pause() -> None:
    if PLAYED in st.session_state:
        st.session_state[EPOCH.key] = min(int(st.session_state.pop(PLAYED).epoch), NUM_EPOCHS)


def _step() -> None:
    with links.click():
        _pause()
        st.session_state[EPOCH.key] = min(st.session_state[EPOCH.key] + 1, NUM_EPOCHS)
