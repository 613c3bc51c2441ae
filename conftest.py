"""What every test stands on: a store of its own, never the user's runs."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments import tracking
from experiments.tracking import store as stores

make_tables = stores._make_tables


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that is the same for all workers of a run of the tests."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def copy_tables(shared: Path) -> Callable[[Path], None]:
    """Return what makes a SQLite file an empty store: a copy of one that was made once."""
    empty = shared / "empty" / "mlflow.db"

    def copy(database: Path) -> None:
        # MLflow needs a second and more for each new file.
        empty.parent.mkdir(exist_ok=True)
        with empty.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not empty.exists():
                make_tables(empty)
        shutil.copyfile(empty, database)

    return copy


@pytest.fixture(autouse=True)
def store(
    tmp_path: Path, copy_tables: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> str:
    """Point MLFLOW_TRACKING_URI at a SQLite file that is not there yet, and return it."""
    monkeypatch.setattr(stores, "_make_tables", copy_tables)
    uri = f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.delenv(tracking.UI_VARIABLE, raising=False)
    return uri


@pytest.fixture
def tables(store: str, copy_tables: Callable[[Path], None]) -> None:
    """Have the store there: for a process of its own, that would make its tables itself."""
    database = Path(store.removeprefix("sqlite:///"))
    database.parent.mkdir()
    copy_tables(database)
