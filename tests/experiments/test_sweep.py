"""Sweeps on Dask: what fails, what is missing, a worker that is killed, a cluster."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from distributed import LocalCluster

import core
from experiments import cluster, sweeps, tracking
from tests.experiments.servers import Server, free_port

pytestmark = pytest.mark.usefixtures("tables")
ROOT = Path(__file__).parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "experiments", "sweep", "--dataset", "iris", *arguments]


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=240
    )


def children() -> list[tracking.Child]:
    parents = tracking.connect().search_runs(["1"], "tags.`lab.sweep` != ''")
    return [child for parent in parents for child in tracking.children_of(parent.info.run_id)]


def configurations(status: str) -> list[str]:
    return sorted(
        child.tags["mlflow.runName"].removesuffix(" · iris")
        for child in children()
        if child.status == status
    )


def test_one_that_fails_says_why_and_a_second_start_does_what_is_missing() -> None:
    grid = ["--epochs", "2", "--grid", "learning_rate=0.01,1e39", "--grid", "hidden=8,0"]
    grid += ["--workers", "1"]
    done = sweep(*grid)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    finished = ["learning_rate=0.01, hidden=0", "learning_rate=0.01, hidden=8"]
    too_long = ["learning_rate=1e+39, hidden=0", "learning_rate=1e+39, hidden=8"]
    assert configurations("FINISHED") == finished
    assert configurations("FAILED") == too_long
    failed = next(child for child in children() if child.status == "FAILED")
    assert failed.tags["lab.error"].startswith("DivergedError: The loss is no longer a finite")
    assert "learning_rate=1e+39, hidden=8: failed: The loss is no longer" in done.stdout
    assert re.search(r"learning_rate=0\.01, hidden=\d predicts the validation rows", done.stdout)
    assert "2 failed; the tag lab.error says why." in done.stdout

    again = sweep(*grid)
    assert "2 of 4 were trained before." in again.stdout
    assert configurations("FINISHED") == finished
    assert configurations("FAILED") == sorted(too_long * 2)
    parent = tracking.connect().get_run(failed.tags["mlflow.parentRunId"])
    assert parent.info.status == "FINISHED"
    assert "| learning_rate=0.01, hidden=0 |" in parent.data.tags["mlflow.note.content"]
    files = {item.path for item in tracking.connect().list_artifacts(parent.info.run_id, "charts")}
    assert files == {"charts/configurations.html", "charts/configurations.svg"}
    # A parent is no training run.
    assert parent.info.run_id not in set(tracking.list_runs()["run_id"])


def test_a_worker_killed_costs_its_tasks_time_and_nothing_else() -> None:
    with subprocess.Popen(
        command("--epochs", "60", "--hidden", "64", "--batch-size", "1", "--workers", "2",
                "--grid", "seed=0,1,2"),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        victim = 0
        while not victim and time.monotonic() < deadline and process.poll() is None:
            running = [child for child in children() if child.status == "RUNNING"]
            victim = int(running[0].tags["lab.process"].partition(":")[0]) if running else 0
            time.sleep(0.2)
        os.kill(victim, signal.SIGKILL)
        output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, output + errors
    assert configurations("FINISHED") == ["seed=0", "seed=1", "seed=2"]
    (lost,) = [child for child in children() if child.status != "FINISHED"]
    assert (lost.status, lost.tags["lab.error"]) == ("FAILED", "its worker was lost")
    assert "Traceback" not in errors
    for child in children():
        if child.status == "FINISHED":
            points = tracking.connect().get_metric_history(child.run_id, "val/loss")
            assert [point.step for point in points] == list(range(61))
    assert not list(tracking.spool_folder().iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_sweep_that_is_stopped_ends_its_runs_as_killed(number: signal.Signals) -> None:
    with subprocess.Popen(
        command("--epochs", "400", "--batch-size", "1", "--grid", "seed=0,1"),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        while not any(child.status == "RUNNING" for child in children()):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.2)
        # As a terminal does: to every process of the group; a service manager, to the first.
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "Traceback" not in errors
    assert {child.status for child in children()} == {"KILLED"}
    assert {child.tags["lab.error"] for child in children()} == {"the sweep was stopped"}


@pytest.mark.xdist_group("server")
def test_a_cluster_trains_through_a_server(
    running: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", running.address)
        arguments = ["--epochs", "1", "--grid", "seed=0,1", "--scheduler"]
        done = sweep(*arguments, cluster.scheduler_address)
        assert done.returncode == 0, done.stderr
        assert configurations("FINISHED") == ["seed=0", "seed=1"]


@pytest.mark.parametrize(
    ("uri", "scheduler", "says"),
    [
        ("", "tcp://127.0.0.1:1", "can't reach the tracking store sqlite:///"),
        ("http://127.0.0.1:5000", "tcp://10.0.0.7:8786", "can't reach the tracking store http:"),
        ("http://localhost:5000", "tcp://cluster:8786", "`mlflow server --host 0.0.0.0"),
    ],
)
def test_a_store_that_a_cluster_can_not_reach_is_refused(
    uri: str, scheduler: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    done = sweep("--grid", "hidden=0,8", "--scheduler", scheduler)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["hidden"], "expected NAME=VALUE,VALUE"),
        (["momentum=0.9"], "NAME is one of head, hidden, epochs, batch_size"),
        (["hidden=0", "hidden=1"], "hidden was already given"),
        (["hidden=0,wide"], "expected whole numbers after hidden="),
        (["epochs="], "expected whole numbers after epochs="),
    ],
)
def test_a_grid_that_is_none_is_refused(lines: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        sweeps.read_grid(lines)


def test_a_grid_is_every_combination_once() -> None:
    grid = sweeps.read_grid(["learning-rate=0.1,0.01", "epochs=1,2,2"])
    assert grid == {"learning_rate": [0.1, 0.01], "num_epochs": [1, 2]}
    sweep = sweeps.Sweep({"dataset": "iris", "head": "softmax_cce"}, grid)
    assert [sweep.label(config) for config in sweep.configs] == [
        "learning_rate=0.1, num_epochs=1",
        "learning_rate=0.1, num_epochs=2",
        "learning_rate=0.01, num_epochs=1",
        "learning_rate=0.01, num_epochs=2",
    ]


def test_a_configuration_that_is_none_is_refused_before_any_is_trained() -> None:
    done = sweep("--grid", "hidden=0,-1")
    assert done.returncode == 2
    assert "hidden=-1: hidden must be a whole number of at least 0" in done.stderr
    assert tracking.list_runs().empty


@dataclass(frozen=True)
class Task:
    number: int
    shared_key: str = "shared"


def threads_here(task: Task, shared: int) -> tuple[int, int, int]:
    return shared + task.number, core.get_num_threads(), len(os.sched_getaffinity(0))


def test_each_task_has_its_share_of_the_threads_and_what_is_shared() -> None:
    tasks = [Task(number) for number in range(4)]
    with cluster.connected(num_workers=2) as client:
        came = dict(cluster.spread(client, threads_here, tasks, {"shared": 10}))
    for task in tasks:
        number, threads, cores = came[task]
        assert number == 10 + task.number
        assert threads == max(1, cores // 2)


def test_a_scheduler_that_nobody_answers_at_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    address = f"tcp://127.0.0.1:{free_port()}"
    with (
        pytest.raises(cluster.ClusterError, match=f"{address} can't be reached"),
        cluster.connected(address),
    ):
        pass
