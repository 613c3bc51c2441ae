"""What is made once for all tests of a run, whichever worker they are on."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from experiments import tracking

ROOT = Path(__file__).parents[1]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name the content of a file by its argument: it may hold the time, as a zip does."""
    return argname if isinstance(val, bytes) else None


def pytest_sessionfinish() -> None:
    """Delete the folder that Streamlit's AppTest leaves to the end of the process, which warns."""
    if app_test := sys.modules.get("streamlit.testing.v1.app_test"):
        app_test.TMP_DIR.cleanup()


@dataclass(frozen=True)
class Demo:
    """The sample runs as `python -m experiments demo` leaves them, and what it printed."""

    uri: str
    stdout: str
    stderr: str

    @property
    def folder(self) -> Path:
        """Where the file and its artifacts are; who looks at them leaves them as they are."""
        return Path(self.uri.removeprefix("sqlite:///")).parent


@pytest.fixture(scope="session")
def demo(shared: Path) -> Demo:
    """Run the demo, or take what another worker ran."""
    folder = shared / "demo"
    folder.mkdir(exist_ok=True)
    ran = folder / "ran.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ran.exists():
            uri = f"sqlite:///{folder / 'mlflow.db'}"
            environment = {**os.environ, "MLFLOW_TRACKING_URI": uri}
            environment.pop(tracking.UI_VARIABLE, None)
            done = subprocess.run(
                [sys.executable, "-m", "experiments", "demo", "--seed", "3"],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            ran.write_text(json.dumps(asdict(Demo(uri, done.stdout, done.stderr))))
    return Demo(**json.loads(ran.read_text()))
