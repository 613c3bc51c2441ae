"""Tests of one xdist_group are on one worker: they share a server, or must not run at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("number", range(6))
def test_a_group_stays_on_one_worker(number: int, shared: Path) -> None:
    with (shared / "workers").open("a") as file:
        file.write(os.environ.get("PYTEST_XDIST_WORKER", "the only one") + "\n")
    assert len(set((shared / "workers").read_text().splitlines())) == 1
