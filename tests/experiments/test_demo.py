"""The main job, as a user runs it."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from experiments.datasets import load
from tests.conftest import ROOT, Demo

COMMAND = [sys.executable, "-m", "experiments"]


def client(uri: str):
    from mlflow import MlflowClient

    return MlflowClient(uri)


def runs_of(uri: str):
    """Give the runs that trained something, and their experiment."""
    experiment = client(uri).get_experiment_by_name("Cross-Entropy Lab")
    found = client(uri).search_runs([experiment.experiment_id], "tags.`mlflow.parentRunId` != ''")
    return found, experiment


def test_it_prints_a_line_and_a_row_per_run_and_the_link(demo: Demo) -> None:
    runs, experiment = runs_of(demo.uri)
    for run in runs:
        # Of a sweep, what sets a run apart.
        said = run.info.run_name.removesuffix(" · breast_cancer")
        assert f"\n{said}: val accuracy" in f"\n{demo.stdout}"
        assert run.info.run_id[:8] in demo.stdout
    assert demo.stdout.count("predicts the validation rows best") == 3
    assert f"/#/experiments/{experiment.experiment_id}/runs?workflowType" in demo.stdout
    assert "\r" not in demo.stdout + demo.stderr
    assert "Warning" not in demo.stderr


def test_mlflows_own_client_reads_the_runs_back(demo: Demo) -> None:
    uri, folder = demo.uri, demo.folder
    runs, experiment = runs_of(uri)
    assert experiment.artifact_location == (folder / "artifacts").as_uri()
    assert {
        (run.data.params["dataset"], run.data.params["head"], run.data.params["hidden"])
        for run in runs
    } == {
        ("digits", "softmax_cce", "0"),
        ("digits", "softmax_cce", "32"),
        ("digits", "ovr_sigmoid_bce", "0"),
        ("digits", "ovr_sigmoid_bce", "32"),
        ("breast_cancer", "sigmoid_bce", "0"),
        ("breast_cancer", "sigmoid_bce", "32"),
    }
    for run in runs:
        assert run.info.status == "FINISHED"
        assert run.data.params["seed"] == "3"
        contexts = [entry.tags[0].value for entry in run.inputs.dataset_inputs]
        assert contexts == ["training", "validation"]
        assert all(entry.dataset.digest for entry in run.inputs.dataset_inputs)
        for key in ("loss", "accuracy", "entropy_bits"):
            for split in ("train", "val"):
                points = client(uri).get_metric_history(run.info.run_id, f"{split}/{key}")
                assert [point.step for point in points] == list(range(31))
            assert run.data.metrics[f"final/val_{key}"] == run.data.metrics[f"val/{key}"]
        charts = client(uri).list_artifacts(run.info.run_id, "charts")
        assert {chart.path for chart in charts} == {
            f"charts/{name}.{suffix}"
            for name in (
                "classes", "confusion", "entropy_curve", "gradient_pull", "loss_curve",
                "reliability",
            )
            for suffix in ("html", "svg")
        }  # fmt: skip


def test_it_leaves_the_parents_and_the_theory_too(demo: Demo) -> None:
    uri = demo.uri
    children, experiment = runs_of(uri)
    everything = client(uri).search_runs([experiment.experiment_id])
    parents = {run.info.run_name for run in everything} - {run.info.run_name for run in children}
    assert parents == {
        "compare heads · linear · digits",
        "compare heads · hidden 32 · digits",
        "sweep hidden · breast_cancer",
    }
    theory = client(uri).get_experiment_by_name("Cross-Entropy Lab: theory")
    assert len(client(uri).search_runs([theory.experiment_id])) == 7


def test_the_model_loads_in_a_fresh_process_and_predicts_what_was_measured(
    demo: Demo, tmp_path: Path
) -> None:
    uri = demo.uri
    runs, _ = runs_of(uri)
    run = next(
        run
        for run in runs
        if run.data.params["head"] == "ovr_sigmoid_bce" and run.data.params["hidden"] == "32"
    )
    assert not list((demo.folder / "artifacts").rglob("*.pkl"))
    data = load("digits", seed=3)
    data.val.features.to_parquet(tmp_path / "features.parquet")
    script = (
        "import mlflow, pandas as pd\n"
        f"mlflow.set_tracking_uri({uri!r})\n"
        f"model = mlflow.pyfunc.load_model('models:/{run.outputs.model_outputs[0].model_id}')\n"
        f"table = pd.read_parquet({str(tmp_path / 'features.parquet')!r})\n"
        f"model.predict(table).to_parquet({str(tmp_path / 'answer.parquet')!r})\n"
    )
    # Far from the checkout, so that the code is that of the model.
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=120)
    import pandas as pd

    probabilities = pd.read_parquet(tmp_path / "answer.parquet")
    assert list(probabilities.columns) == list(data.class_names)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    accuracy = (probabilities.to_numpy().argmax(axis=1) == data.val.labels).mean()
    assert accuracy == pytest.approx(run.data.metrics["final/val_accuracy"], abs=0.003)


def lose_a_table(database: Path) -> None:
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        connection.execute("ALTER TABLE runs RENAME TO gone")


def overwrite(database: Path) -> None:
    for file in database.parent.glob("mlflow.db*"):
        # In place: SQLite has the index in its memory, and a shorter file would end the process.
        with file.open("r+b") as opened:
            opened.write(b"no database " * (file.stat().st_size // 12))


@pytest.mark.parametrize("break_it", [lose_a_table, overwrite])
def test_a_store_that_breaks_while_training_is_one_line(
    break_it: Callable[[Path], None], tmp_path: Path, copy_tables: Callable[[Path], None]
) -> None:
    database = tmp_path / "mlflow.db"
    copy_tables(database)
    process = subprocess.Popen(
        [*COMMAND, "demo"],
        cwd=ROOT,
        env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{database}", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "val accuracy" in process.stdout.readline()
    break_it(database)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"Error: The tracking store sqlite:///{database} can't be used" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["demo", "--seed", "-1"], 2, "-1 is not in the range 0<=x<=4294967295"),
        (["train-everything"], 2, "No such command"),
        (["demo"], 1, "Error: The tracking server http://127.0.0.1:9 can't be reached"),
        (["serve"], 1, "Error: The tracking server http://127.0.0.1:9 can't be reached"),
    ],
)
def test_what_a_user_can_mend_is_one_line(arguments, code: int, says: str) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


# One after the other: beside each other one takes the address that the other has given up.
@pytest.mark.xdist_group("serve")
@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_shows_both_and_stops_both(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "serve"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    addresses = {}
    for line in process.stdout:
        if found := re.match(r"(Dashboard|MLflow UI): +(http://127\.0\.0\.1:\d+)", line):
            addresses[found[1]] = found[2]
        if line.startswith("Ctrl-C"):
            break
    assert set(addresses) == {"Dashboard", "MLflow UI"}
    for address in addresses.values():
        assert urllib.request.urlopen(address, timeout=10).status == 200
    process.send_signal(number)
    assert process.wait(timeout=30) == 0
    process.stdout.close()
    for address in addresses.values():
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(address, timeout=10)
