"""The commands, on small data: what they print, what they log, what they refuse."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient
from mlflow.entities import Run

from experiments import tracking
from experiments.cli import cli
from experiments.curves import theory
from experiments.runs import CURVE_TAG


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def logged(name: str = tracking.EXPERIMENT) -> list[Run]:
    client = MlflowClient(tracking.tracking_uri())
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


def test_train_logs_a_run_with_what_it_was_told() -> None:
    done = invoke(
        "train", "--dataset", "iris", "--hidden", "8", "--epochs", "3", "--label-smoothing", "0.1",
        "--class-weight", "balanced",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "softmax + CCE · hidden 8 · iris: val accuracy" in done.output
    (run,) = logged()
    assert run.data.params["label_smoothing"] == "0.1"
    assert run.data.params["class_weight"] == "balanced"
    assert run.data.tags["mlflow.source.git.commit"]
    assert run.data.tags["version.numpy"]
    rows = pd.read_parquet(artifact(run, "predictions/val.parquet"))
    assert list(rows.columns) == ["logit_0", "logit_1", "logit_2", "label"]
    assert len(rows) == 30
    accuracy = (rows.iloc[:, :3].to_numpy().argmax(axis=1) == rows["label"]).mean()
    assert accuracy == run.data.metrics["final/val_accuracy"]
    assert artifact(run, "charts/confusion.svg").read_text().startswith("<svg")


def artifact(run: Run, path: str) -> Path:
    client = MlflowClient(tracking.tracking_uri())
    return Path(client.download_artifacts(run.info.run_id, path))


def test_compare_trains_every_head_as_a_child_and_says_what_it_shows() -> None:
    done = invoke("compare", "--dataset", "iris", "--epochs", "4", "--mistakes")
    assert done.exit_code == 0, done.output
    assert "predicts the validation rows best:" in done.output
    runs = logged()
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run is not parent]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {run.data.params["head"] for run in children} == {
        "softmax_cce", "ovr_sigmoid_bce", "softmax_twice_cce", "sigmoid_cce",
        "softmax_squared_error",
    }  # fmt: skip
    assert "| softmax twice + CCE |" in parent.data.tags["mlflow.note.content"]
    # A page of runs shows the children alone.
    assert set(tracking.list_runs()["run_id"]) == {run.info.run_id for run in children}


def test_compare_leaves_out_what_takes_no_smoothing_and_says_so() -> None:
    done = invoke(
        "compare", "--dataset", "iris", "--epochs", "1", "--mistakes", "--label-smoothing", "0.1"
    )
    assert done.exit_code == 0, done.output
    assert "Left out: softmax + squared error" in done.output
    heads = {run.data.params.get("head") for run in logged()}
    assert "softmax_squared_error" not in heads
    assert {"softmax_cce", "ovr_sigmoid_bce", "softmax_twice_cce", "sigmoid_cce"} <= heads


def test_curves_logs_the_theory() -> None:
    done = invoke("curves")
    assert done.exit_code == 0, done.output
    runs = {run.info.run_name: run for run in logged(tracking.THEORY)}
    assert set(runs) == {curve.name for curve in theory()}
    client = MlflowClient(tracking.tracking_uri())
    points = client.get_metric_history(runs["bce"].info.run_id, "bce/target_1")
    for point in (points[0], points[80], points[-1]):
        assert point.value == pytest.approx(np.logaddexp(0, -point.step / 10), rel=1e-12)
    assert [point.step for point in points] == list(range(-80, 81))
    assert artifact(runs["kl"], "charts/kl.html").exists()
    # They are no training runs.
    assert tracking.list_runs().empty

    # Those that are missing, or were cut off before they were whole, are logged again; no others.
    client.delete_run(runs["kl"].info.run_id)
    client.delete_tag(runs["cce"].info.run_id, CURVE_TAG)
    assert invoke("curves").exit_code == 0
    assert sorted(run.info.run_name for run in logged(tracking.THEORY)) == sorted(
        [*(curve.name for curve in theory()), "cce"]
    )
    assert "The store already has all of them." in invoke("curves").output
    assert len(logged(tracking.THEORY)) == len(theory()) + 1


def test_a_multi_label_set_trains() -> None:
    done = invoke("train", "--dataset", "topics", "--epochs", "2")
    assert done.exit_code == 0, done.output
    (run,) = logged()
    assert run.data.params["head"] == "multi_label_sigmoid_bce"
    rows = pd.read_parquet(artifact(run, "predictions/val.parquet"))
    assert list(rows.columns[-6:]) == [f"label_{i}" for i in range(6)]


def test_a_loss_beyond_all_bounds_is_printed_in_a_few_digits() -> None:
    done = invoke("train", "--dataset", "iris", "--epochs", "2", "--learning-rate", "1e30")
    assert done.exit_code == 0, done.output
    assert re.search(r" \d\.\d{3}e\+\d\d ", done.output)
    assert not re.search(r"\d{10}\.", done.output)


def test_ones_own_table_trains(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    pd.DataFrame({"a": range(40), "b": 1.0, "kind": ["x"] * 20 + ["y"] * 20}).to_csv(path)
    done = invoke("train", "--data", str(path), "--target", "kind", "--epochs", "2")
    assert done.exit_code == 0, done.output
    (run,) = logged()
    assert run.data.params["head"] == "sigmoid_bce"
    assert tracking.list_runs()["dataset"].tolist() == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--head", "sigmoid_bce"], "does not fit digits: it is for binary classes"),
        (["--head", "softmax_twice_cce"], "Allow it with --mistakes"),
        (["--learning-rate", "0"], "learning_rate must be a finite number above 0"),
        (["--data", "mine.csv"], "--data and --target go together"),
        (["--epochs", "0"], "0 is not in the range"),
        (["--hidden", "10000000000000000000"], "is not in the range"),
        (["--data", "", "--target", "kind"], "--data and --target must not be empty"),
        (["--data", "gone.csv", "--target", "kind"], "gone.csv can't be read: No such file"),
    ],
)
def test_what_can_not_be_trained_is_refused_in_a_line(arguments: list[str], says: str) -> None:
    done = invoke("train", *arguments)
    assert done.exit_code == 2
    assert says in done.output
    assert "Traceback" not in done.output


def test_an_empty_run_id_starts_no_new_run() -> None:
    done = invoke("train", "--resume", "")
    assert isinstance(done.exception, tracking.TrackingError)
    assert tracking.list_runs().empty


def test_too_little_memory_is_said_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    columns = pd.DataFrame(np.zeros((10, 2000)), columns=[f"c{i}" for i in range(2000)])
    columns.assign(kind=["x", "y"] * 5).to_csv(path, index=False)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "experiments", "train", "--data", str(path)),
            *("--target", "kind", "--hidden", "1000000", "--epochs", "1"),
        ],
        cwd=tracking.ROOT, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30)),
    )  # fmt: skip
    assert done.returncode == 1
    assert "Error: There is not enough memory. Unable to allocate" in done.stderr
    assert "Traceback" not in done.stderr
    assert [run.info.status for run in logged()] == ["FAILED"]


@pytest.mark.parametrize(
    "command", ["train", "compare", "curves", "sweep", "sync", "demo", "serve"]
)
def test_help_has_examples(command: str) -> None:
    done = invoke(command, "--help")
    assert done.exit_code == 0
    assert f"python -m experiments {command}" in done.output
