"""What every test stands on: a store of its own, never the user's runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import tracking


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Point MLFLOW_TRACKING_URI at an empty SQLite file, and return it."""
    uri = f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.delenv(tracking.UI_VARIABLE, raising=False)
    return uri
