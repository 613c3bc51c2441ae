"""The workers of pytest-xdist: each collects the same tests, and those of a group stay together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("number", range(6))
def test_a_group_stays_on_one_worker(number: int, shared: Path) -> None:
    """Tests of one group share a server, or must not run at once."""
    with (shared / "workers").open("a") as file:
        file.write(os.environ.get("PYTEST_XDIST_WORKER", "the only one") + "\n")
    assert len(set((shared / "workers").read_text().splitlines())) == 1


def test_the_tests_have_the_same_names_later(request: pytest.FixtureRequest) -> None:
    """The workers do not start at the same second, nor with the same hashes of strings."""
    items = request.session.items
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    collected = subprocess.run(
        [*command, *sorted({str(item.path) for item in items})],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert collected.returncode == 0, collected.stdout + collected.stderr
    names = set(collected.stdout.splitlines())
    for name in (item.nodeid for item in items):
        # With a loadgroup, a worker writes the group behind the name.
        assert name in names or name.rpartition("@")[0] in names
