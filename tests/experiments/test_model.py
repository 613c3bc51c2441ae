"""The model that a run holds, as `mlflow models serve` serves it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.activations import softmax
from experiments import datasets, models, runs, tracking
from experiments.config import TrainConfig
from tests.experiments.servers import free_port


def test_a_served_model_answers_with_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    (tmp_path / "runs").mkdir()
    rows = datasets.load("iris", 0)
    config = TrainConfig("iris", "softmax_cce", num_epochs=3)
    finished = runs.train_and_track(config, rows, lambda epoch: None)
    port = free_port()
    # As the README has it.
    (said,) = re.findall(r"`(.* models serve .*?)`", (tracking.ROOT / "README.md").read_text())
    said = said.rpartition("`")[2].replace("RUN_ID", finished.run_id).replace("5002", str(port))
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    process = subprocess.Popen(
        ["sh", "-c", said],
        cwd=tmp_path,
        env={
            **os.environ,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # As in an activated environment: MLflow starts uvicorn by its name.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2).close()
                break
            time.sleep(0.2)
        asked = json.dumps({"dataframe_split": rows.val.features.to_dict(orient="split")})
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            asked.encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer = pd.DataFrame(json.load(reply)["predictions"])
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    logits, _ = models.forward(finished.last.params, rows.val.inputs)
    assert list(answer) == list(rows.class_names)
    np.testing.assert_allclose(answer, softmax(logits), rtol=1e-5)
