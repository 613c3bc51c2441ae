import multiprocessing
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from experiments import tracking


def test_runs_go_to_an_absolute_file_unless_the_variable_says_otherwise(monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking.tracking_uri() == f"sqlite:///{tracking.RUNS / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///some/mlflow.db")
    assert tracking.tracking_uri() == f"sqlite:///{Path.cwd() / 'some' / 'mlflow.db'}"
    assert tracking.artifact_root() == Path.cwd() / "some" / "artifacts"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5999/")
    assert tracking.tracking_uri() == "http://127.0.0.1:5999/"
    assert tracking.artifact_root() is None
    assert tracking.ui_address() == "http://127.0.0.1:5999"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg"])
def test_an_unreachable_server_is_named_at_once(monkeypatch, scheme: str) -> None:
    port = closed_port()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{scheme}://someone:secret@127.0.0.1:{port}/db")
    started = time.monotonic()
    with pytest.raises(
        tracking.TrackingError, match=re.escape(f"{scheme}://someone:…@127.0.0.1:{port}")
    ):
        tracking.connect()
    assert time.monotonic() - started < 10


def test_a_server_that_never_answers_is_named_within_ten_seconds(monkeypatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        started = time.monotonic()
        with pytest.raises(tracking.TrackingError, match=f"{uri} can't be reached: .*timed out"):
            tracking.list_runs()
        assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "uri", ["./mlruns", "sqlite:////proc/nowhere/mlflow.db", "nonsense://x", "http://[::1"]
)
def test_a_store_that_cannot_be_opened_is_named(monkeypatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(tracking.TrackingError) as raised:
        tracking.connect()
    assert uri in str(raised.value)
    assert "MLFLOW_TRACKING_URI" in str(raised.value)


def test_a_broken_database_is_named(store: str) -> None:
    path = Path(store.removeprefix("sqlite:///"))
    path.parent.mkdir()
    path.write_text("this is no database, " * 100)
    with pytest.raises(tracking.TrackingError, match="not a database"):
        tracking.list_runs()


def test_an_empty_store_has_no_runs() -> None:
    runs = tracking.list_runs()
    assert runs.empty
    assert "val_loss" in runs.columns


@pytest.mark.parametrize(
    ("error", "status"), [(None, "FINISHED"), (ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_run_ends_as_it_ended(error, status: str) -> None:
    def use() -> None:
        with tracking.track("a run", {"dataset": "digits", "hidden": 0}) as run:
            run.log_metrics({"train/loss": 2.0, "val/loss": 3.0}, step=0)
            run.log_metrics({"train/loss": 1.0, "val/loss": 2.5}, step=1)
            run.log_metrics({"final/val_loss": 2.5})
            if error:
                raise error

    if error:
        with pytest.raises(error):
            use()
    else:
        use()
    runs = tracking.list_runs()
    assert runs["status"].tolist() == [status]
    assert runs["name"].tolist() == ["a run"]
    assert runs["dataset"].tolist() == ["digits"]
    assert runs["model"].tolist() == ["linear"]
    assert runs["val_loss"].tolist() == [2.5]

    history = tracking.read_history(runs["run_id"].tolist())
    assert sorted(zip(history["split"], history["epoch"], history["loss"], strict=True)) == [
        ("train", 0, 2.0),
        ("train", 1, 1.0),
        ("val", 0, 3.0),
        ("val", 1, 2.5),
    ]


def test_a_deleted_experiment_is_restored_when_a_run_starts() -> None:
    with tracking.track("first", {}):
        pass
    client = tracking.connect()
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    with tracking.track("second", {}):
        pass
    assert "second" in tracking.list_runs()["name"].tolist()


def _log_one_run(uri: str, name: str) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = uri
    with tracking.track(name, {}) as run:
        run.log_metrics({"val/loss": 1.0})


def test_processes_that_start_at_once_on_a_fresh_file_all_log(store: str) -> None:
    # What they import they import once, and so they start even closer to each other.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "mlflow.store.tracking.sqlalchemy_store"])
    workers = [context.Process(target=_log_one_run, args=(store, f"run {i}")) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert sorted(tracking.list_runs()["name"]) == [f"run {i}" for i in range(8)]


def test_the_link_opens_charts_of_every_run_the_children_of_a_comparison_too() -> None:
    page, _, query = tracking.ui_link().partition("?")
    assert re.fullmatch(r"http://127\.0\.0\.1:5000/#/experiments/\d+/runs", page)
    assert parse_qs(query) == {
        "workflowType": ["machine_learning"],
        "compareRunsMode": ["CHART"],
        "orderByKey": ["metrics.`final/val_cross_entropy_bits`"],
        "orderByAsc": ["true"],
    }
    assert "orderByKey" not in tracking.ui_link(tracking.THEORY)


def test_the_link_of_a_comparison_shows_its_runs_alone() -> None:
    with tracking.track("a parent") as parent, tracking.track("a run", parent=parent.run_id) as run:
        pass
    query = parse_qs(tracking.ui_link(parent=parent.run_id).partition("?")[2])
    (shown,) = tracking.connect().search_runs(["1"], query["searchFilter"][0])
    assert shown.info.run_id == run.run_id


FIRST_USE = """
import sys
from mlflow.store.db import utils
make = utils._initialize_tables
def slowly(engine):
    make(engine)
    print("half-way", flush=True)
    sys.stdin.read()
utils._initialize_tables = slowly
from experiments import tracking
tracking.connect()
"""


def test_a_process_killed_while_it_makes_the_tables_leaves_no_broken_store() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FIRST_USE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "half-way" in process.stdout.readline()
        process.kill()
    with tracking.track("first", {}):
        pass
    assert tracking.list_runs()["name"].tolist() == ["first"]
