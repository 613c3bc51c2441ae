"""Points are kept: the server killed, replies lost, the process killed."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner, Result

from experiments import datasets, runs, tracking
from experiments.cli import cli
from experiments.config import TrainConfig
from experiments.training import Epoch
from tests.experiments.servers import Server, losing_proxy

pytestmark = pytest.mark.usefixtures("tables")
ROOT = Path(__file__).parents[2]
with_server = pytest.mark.xdist_group("server")


@pytest.fixture
def running(running: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Return a server that runs, for runs here; spools are of one test."""
    monkeypatch.setattr("experiments.tracking.store.RUNS", tmp_path / "runs")
    # A dead server is known after one try, not after three.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", running.address)
    return running


def points_of(run_id: str, key: str = "train/loss") -> list[tuple[int, float]]:
    history = tracking.connect().get_metric_history(run_id, key)
    return [(point.step, point.value) for point in history]


def status_of(run_id: str) -> str:
    status: str = tracking.connect().get_run(run_id).info.status
    return status


def waiting() -> list[Path]:
    return sorted(tracking.spool_folder().glob("*.jsonl"))


def log(run: tracking.Run, steps: range) -> None:
    for step in steps:
        run.log_metrics({"train/loss": 1 / (step + 1)}, step)


EVERY = [(step, 1 / (step + 1)) for step in range(60)]


@with_server
def test_a_server_killed_and_back_has_every_point_once(running: Server) -> None:
    with tracking.track("a run", {}) as run:
        log(run, range(20))
        running.kill()
        log(run, range(20, 40))
        running.start()
        log(run, range(40, 60))
    assert points_of(run.run_id) == EVERY
    assert status_of(run.run_id) == "FINISHED"
    assert waiting() == []


@with_server
def test_what_a_dead_server_did_not_take_waits_for_sync(
    running: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), tracking.track("a run", {}) as run:
        log(run, range(20))
        running.kill()
        log(run, range(20, 60))
    assert "`python -m experiments sync` sends it" in caplog.text
    assert len(waiting()) == 1
    with pytest.raises(tracking.TrackingError, match="can't be reached"):
        list(tracking.sync())
    assert len(waiting()) == 1

    running.start()
    (synced,) = tracking.sync()
    assert (synced.run_id, synced.status, synced.problem) == (run.run_id, "FINISHED", "")
    assert points_of(run.run_id) == EVERY
    assert status_of(run.run_id) == "FINISHED"
    assert waiting() == []
    assert list(tracking.sync()) == []


@with_server
def test_a_run_that_is_resumed_needs_no_server_to_go_on(running: Server) -> None:
    with tracking.track("a run", {}) as run:
        log(run, range(30))
    with tracking.resume(run.run_id, even_finished=True) as again:
        running.kill()
        # Ten steps once more; and a name that the store has not seen.
        log(again, range(20, 60))
        again.log_metrics({"final/val_loss": 0.5})
    running.start()
    (synced,) = tracking.sync()
    assert (synced.run_id, synced.status) == (run.run_id, "FINISHED")
    assert points_of(run.run_id) == EVERY
    assert points_of(run.run_id, "final/val_loss") == [(0, 0.5)]


@with_server
def test_a_run_ends_beside_a_server_that_hangs(
    running: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("experiments.spool.PATIENCE", 1.0)
    with ExitStack() as hanging, caplog.at_level(logging.WARNING):
        with tracking.track("a run", {}) as run:
            hanging.enter_context(running.stopped())
            log(run, range(60))
        assert "has not received the end of run" in caplog.text
        assert len(waiting()) == 1
    (synced,) = tracking.sync()
    assert (synced.run_id, synced.status) == (run.run_id, "FINISHED")
    assert points_of(run.run_id) == EVERY


@with_server
def test_a_batch_whose_reply_is_lost_is_stored_once(
    running: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with losing_proxy(running.port, replies_to_lose=2) as (address, lost):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with tracking.track("a run", {}) as run:
            log(run, range(60))
        assert len(lost) == 2
        assert points_of(run.run_id) == EVERY
        assert status_of(run.run_id) == "FINISHED"


KILLED = """
import sys
from experiments import tracking
with tracking.track("a run", {}) as run:
    for step in range(60):
        run.log_metrics({"train/loss": 1 / (step + 1)}, step)
    print(run.run_id, flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_leaves_its_points_and_sync_ends_its_run() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        (path,) = waiting()
        deadline = time.monotonic() + 30
        while path.read_bytes().count(b"\n") < 61 and time.monotonic() < deadline:
            time.sleep(0.01)
        # Of a process that lives nothing is touched.
        assert list(tracking.sync()) == []
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    # As a line that was being written when the process died.
    with path.open("ab") as file:
        file.write(b'["train/loss", 0.1')
    assert status_of(run_id) == "RUNNING"
    (synced,) = tracking.sync()
    assert (synced.run_id, synced.status) == (run_id, "FAILED")
    assert points_of(run_id) == EVERY
    assert status_of(run_id) == "FAILED"


HANGING = """
import sys
from pathlib import Path
from experiments import tracking
from experiments.tracking import store
store.RUNS = Path(sys.argv[1])
with tracking.track("a run", {}) as run:
    input()
    for step in range(60):
        run.log_metrics({"train/loss": 1 / (step + 1)}, step)
    print(run.run_id, flush=True)
    sys.stdin.read()
"""


@with_server
def test_points_are_on_disk_before_a_server_that_hangs_has_them(running: Server) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, str(tracking.spool_folder().parent)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        deadline = time.monotonic() + 60
        while not waiting() and time.monotonic() < deadline:
            time.sleep(0.01)
        with running.stopped():
            process.stdin.write("\n")
            process.stdin.flush()
            run_id = process.stdout.readline().strip()
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    (synced,) = tracking.sync()
    assert (synced.run_id, synced.num_points, synced.status) == (run_id, 60, "FAILED")
    assert points_of(run_id) == EVERY


ABANDONED = """
import os
from experiments import tracking
with tracking.track("a run", {}) as run:
    print(run.run_id, flush=True)
    run._sender.close()
    os.unlink(run._spool.path)
    os.kill(os.getpid(), 9)
"""


def test_a_run_whose_process_is_gone_and_left_nothing_is_ended_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ABANDONED], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    run_id = done.stdout.strip()
    client = tracking.connect()
    tags = client.get_run(run_id).data.tags
    elsewhere = client.create_run(
        client.get_run(run_id).info.experiment_id,
        tags={"lab.host": "elsewhere", "lab.process": tags["lab.process"]},
    ).info.run_id
    with tracking.track("alive", {}) as mine:
        (synced,) = tracking.sync()
        assert (synced.run_id, synced.num_points, synced.status) == (run_id, 0, "FAILED")
        assert status_of(mine.run_id) == status_of(elsewhere) == "RUNNING"
    assert status_of(run_id) == "FAILED"
    assert list(tracking.sync()) == []


@with_server
def test_a_server_gone_at_the_end_costs_no_chart_and_no_model(running: Server) -> None:
    config = TrainConfig("iris", "softmax_cce", num_epochs=3)
    dataset = datasets.load("iris", 0)
    whole = runs.train_and_track(config, dataset, lambda epoch: None)

    def kill_at_the_end(epoch: Epoch) -> None:
        if epoch.number == 3:
            running.kill()

    cut = runs.train_and_track(config, dataset, kill_at_the_end)
    running.start()
    (synced,) = tracking.sync()
    assert (synced.run_id, synced.status, synced.problem) == (cut.run_id, "FINISHED", "")
    assert curves_of(cut.run_id) == curves_of(whole.run_id)
    assert files_of(cut.run_id) == files_of(whole.run_id)
    client = tracking.connect()
    found = client.get_run(cut.run_id)
    assert found.inputs is not None
    assert len(found.inputs.dataset_inputs) == 2
    assert found.outputs is not None
    (model,) = found.outputs.model_outputs
    assert client.get_logged_model(model.model_id).status.value == "READY"
    rows = dataset.val.features
    mlflow.set_tracking_uri(running.address)
    loaded, twin = (
        mlflow.pyfunc.load_model(f"runs:/{run_id}/model") for run_id in (cut.run_id, whole.run_id)
    )
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
    assert loaded.predict(rows).equals(twin.predict(rows))
    assert list(tracking.spool_folder().iterdir()) == []


def files_of(run_id: str) -> set[str]:
    client = tracking.connect()
    return {
        item.path
        for folder in ("charts", "tables", "predictions")
        for item in client.list_artifacts(run_id, folder)
    }


def test_what_another_store_is_owed_stays(monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    folder = tracking.spool_folder()
    folder.mkdir(parents=True)
    (folder / "abc.jsonl").write_text('{"store": "http://elsewhere"}\n["loss", 1.0, 1, 1]\n')
    (synced,) = tracking.sync()
    assert (synced.status, synced.num_points) == ("", 0)
    assert "belongs to the store http://elsewhere" in synced.problem
    assert len(waiting()) == 1


def test_a_run_that_is_no_more_is_named_and_kept() -> None:
    with tracking.track("a run", {}):
        pass
    folder = tracking.spool_folder()
    store = tracking.tracking_uri()
    (folder / ("0" * 32 + ".jsonl")).write_text(f'{{"store": "{store}"}}\n["loss", 1.0, 1, 1]\n')
    (synced,) = tracking.sync()
    assert "not found" in synced.problem
    assert len(waiting()) == 1


def test_points_that_the_store_refuses_hold_up_none_of_the_others() -> None:
    with tracking.track("a run", {}) as run:
        pass
    points = [f'["{key}", {step}.0, 1, {step}]' for step in range(3) for key in ("a/./b", "loss")]
    lines = [f'{{"store": "{tracking.tracking_uri()}"}}', *points, ""]
    (tracking.spool_folder() / f"{run.run_id}.jsonl").write_text("\n".join(lines))
    (synced,) = tracking.sync()
    assert (synced.problem, waiting()) == ("", [])
    assert points_of(run.run_id, "loss") == [(0, 0.0), (1, 1.0), (2, 2.0)]
    found = tracking.connect().get_run(run.run_id)
    assert found.data.tags["lab.refused"].startswith("points: ")


def test_a_value_that_is_not_finite_is_counted_and_the_chart_stays_whole() -> None:
    with tracking.track("a run", {}) as run:
        for step, value in enumerate([1.0, float("nan"), 2.0, float("inf")]):
            run.log_metrics({"train/loss": value}, step)
    assert points_of(run.run_id) == [(0, 1.0), (2, 2.0)]
    tags = tracking.connect().get_run(run.run_id).data.tags
    assert tags["not_finite.train/loss"] == "2: nan at step 1, inf at step 3"


FULL = """
import resource, sys
from pathlib import Path
from experiments.spool import Point, Sender, Spool

sent = []
is_gone = sys.argv[2] == "gone"
def send(entries):
    if is_gone:
        raise ConnectionError
    sent.extend(entries)
sender = Sender(Spool(Path(sys.argv[1])), send)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, unlimited[1]))
points = [Point("train/loss", 1 / (step + 1), 0, step) for step in range(200)]
for point in points:
    sender.add([point])
print(type(sender.spool.disk_error).__name__, end=" ")
if sys.argv[2] == "room":
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    sender.add([])
print(sender.close(), sender.spool.num_unwritten, sent == points)
"""


@pytest.mark.parametrize(
    ("then", "outcome"),
    [
        ("room", "OSError True 0 True"),
        ("none", "OSError True 0 True"),
        ("gone", r"OSError False [1-9]\d* False"),
    ],
)
def test_what_a_full_disk_does_not_take_goes_to_the_store_and_is_told_of_where_that_is_gone(
    tmp_path: Path, then: str, outcome: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "run.jsonl"), then],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert re.fullmatch(outcome, done.stdout.strip()), done.stdout + done.stderr


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "experiments", "train", *arguments]


def resume(run_id: str) -> Result:
    return CliRunner().invoke(cli, ["train", "--resume", run_id])


def curves_of(run_id: str) -> dict[str, list[tuple[int, float]]]:
    client = tracking.connect()
    keys = client.get_run(run_id).data.metrics
    return {key: points_of(run_id, key) for key in keys}


def test_a_killed_training_resumes_to_the_end_of_an_uninterrupted_one() -> None:
    options = ["--dataset", "digits", "--hidden", "16", "--epochs", "12", "--seed", "5"]
    # In a process of its own as well: threads of BLAS, as tests may have set them, round products.
    subprocess.run(command(*options), cwd=ROOT, check=True, capture_output=True)
    (whole,) = tracking.list_runs()["run_id"]

    process = subprocess.Popen(command(*options), cwd=ROOT, stdout=subprocess.DEVNULL)
    checkpoints = tracking.checkpoint_path("").parent
    deadline = time.monotonic() + 60
    while not list(checkpoints.glob("*.npz")) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (killed,) = set(tracking.list_runs()["run_id"]) - {whole}
    assert status_of(killed) == "RUNNING"

    done = subprocess.run(
        command("--resume", killed), cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "softmax + CCE · hidden 16 · digits" in done.stdout
    assert status_of(killed) == "FINISHED"
    assert curves_of(killed) == curves_of(whole)
    assert not list(checkpoints.glob("*"))
    assert waiting() == []

    again = resume(killed)
    assert isinstance(again.exception, tracking.TrackingError)
    assert "has no checkpoint" in str(again.exception)


def test_resume_goes_alone() -> None:
    done = CliRunner().invoke(cli, ["train", "--resume", "abc", "--epochs", "3"])
    assert done.exit_code == 2
    assert "--resume goes alone" in done.stderr


def test_a_checkpoint_that_is_none_is_refused_in_a_line() -> None:
    options = ["--dataset", "iris", "--epochs", "1"]
    assert CliRunner().invoke(cli, ["train", *options]).exit_code == 0
    (run_id,) = tracking.list_runs()["run_id"]
    for content in (b"", b"no archive", b"PK\x05\x06" + bytes(18)):
        tracking.checkpoint_path(run_id).write_bytes(content)
        done = resume(run_id)
        assert isinstance(done.exception, tracking.TrackingError)
        assert f"Run {run_id} can't be resumed" in str(done.exception)
