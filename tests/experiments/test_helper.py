"""The second process of a diagnosis, which is a real one, with faults that are real too."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import set_num_threads
from core.diagnosis import diagnose
from experiments.diagnosis import helper, rows
from experiments.diagnosis.rows import Rows, Settings
from experiments.diagnosis.samples import SAMPLES
from experiments.predictions import Batch, Predictions, PredictionsError
from tests.experiments.pieces import assert_same, in_pieces

ROOT = Path(__file__).parents[2]


def helpers(of: psutil.Process) -> list[psutil.Process]:
    return [child for child in of.children() if "diagnosis.helper" in command_of(child)]


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""  # of one that has ended, but nobody has waited for it


def the_process() -> psutil.Process:
    (process,) = helpers(psutil.Process())
    return process


def started() -> helper.Helper:
    found = helper.helper_for(1)
    assert found is not None
    said = select.poll()
    said.register(found, select.POLLIN)
    assert said.poll(60_000)
    return found


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[helper.Helper]:
    """A second process that has started, for whatever is added up."""
    monkeypatch.setattr(helper, "_WORTHWHILE", 1)
    set_num_threads(2)
    yield started()
    helper.dismiss()
    set_num_threads(None)


def test_two_processes_add_up_what_one_does_and_tell_of_all_rows(
    beside: helper.Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = in_pieces(monkeypatch)
    told: list[int] = []
    all_rows = Rows(found)
    for temperature in (1.0, 1.7):
        told.clear()
        summary = rows.summed_here(all_rows, Settings(), temperature, told.append)
        assert beside.num_sent > 0.5 * summary.num_rows
        assert sum(told) == summary.num_rows == found.num_rows
        set_num_threads(1)
        alone = rows.summed_here(Rows(found), Settings(), temperature, lambda number: None)
        set_num_threads(2)
        assert_same(diagnose(summary), diagnose(alone))


@pytest.mark.parametrize("at", [0, 3, -1])
def test_when_it_is_killed_nothing_is_lost(
    at: int, beside: helper.Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = the_process()

    def kill(now: int) -> None:
        if now == at and process.is_running():
            process.kill()
            # Until its end of the socket is closed.
            process.wait(60)

    told: list[int] = []
    found = in_pieces(monkeypatch, kill)
    summary = rows.summed_here(Rows(found), Settings(), 1.0, told.append)
    assert not process.is_running()
    set_num_threads(1)
    alone = rows.summed_here(Rows(found), Settings(), 1.0, lambda number: None)
    assert_same(diagnose(summary), diagnose(alone))
    assert sum(told) == summary.num_rows


def test_one_that_has_no_memory_for_rows_is_not_waited_for(beside: helper.Helper) -> None:
    process = the_process()
    assert beside.is_ready()
    # An exabyte follows.
    beside._socket.sendall(helper._HEAD.pack(1 << 60, 0))
    process.wait(20)


def test_more_open_files_than_select_takes_are_no_fault_of_the_scores(
    beside: helper.Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper.dismiss()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, limits[1]), limits[1]))
    held: list[int] = []
    try:
        while not held or held[-1] < 1024:
            held.append(os.open(os.devnull, os.O_RDONLY))
        other = started()
        found = in_pieces(monkeypatch)
        summary = rows.summed_here(Rows(found), Settings(), 1.0, lambda number: None)
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert other.num_sent > 0.5 * summary.num_rows
    assert summary.num_rows == found.num_rows


def test_what_does_not_fit_is_refused_wherever_it_is_found(
    beside: helper.Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SAMPLES["healthy"].predictions()
    whole = next(found.batches())
    given = []

    def batches(predictions: Predictions) -> Iterator[Batch]:
        for start in range(1000):
            given.append(start)
            # What this process adds up has a label for each row.
            yield whole._replace(labels=whole.labels[:-1]) if start == 0 else whole

    monkeypatch.setattr(Predictions, "batches", batches)
    with pytest.raises(PredictionsError, match="labels must have shape"):
        rows.summed_here(Rows(found), Settings(), 1.0, lambda number: None)
    assert len(given) < 100


def test_one_that_hangs_does_not_keep_from_stopping(
    beside: helper.Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = the_process()

    def hang(at: int) -> None:
        if at == 2:
            process.suspend()
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)

    def stop(number: int) -> None:
        if process.status() == psutil.STATUS_STOPPED:
            raise KeyboardInterrupt

    found = in_pieces(monkeypatch, hang)
    with pytest.raises(KeyboardInterrupt):
        rows.summed_here(Rows(found), Settings(), 1.0, stop)
    assert not process.is_running()


def test_it_is_started_only_where_much_is_to_be_added_up() -> None:
    set_num_threads(2)
    try:
        rows.summed_here(Rows(SAMPLES["healthy"].predictions()), Settings(), 1.0, lambda n: None)
        assert not helpers(psutil.Process())
    finally:
        set_num_threads(None)


WAITS = """
import os, select, sys
from core import set_num_threads
from experiments.diagnosis import helper
helper._WORTHWHILE = 1
set_num_threads(2)
beside = helper.helper_for(1)
assert beside is not None
assert select.select([beside], [], [], 60)[0] and beside.is_ready()
"""


def test_it_ends_with_a_process_that_is_killed() -> None:
    code = WAITS + "print(beside._process.pid, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        process = psutil.Process(int(parent.stdout.readline()))
        assert process.is_running()
        parent.kill()
        process.wait(60)


def test_a_forked_process_leaves_it_alone() -> None:
    code = (
        WAITS
        + """
from core.diagnosis import Summary
child = os.fork()
if child == 0:
    assert helper._helper is None
    helper.dismiss()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
from experiments.predictions.common import Batch
import numpy as np
beside.begin(Summary())
rest = beside.rest_of(Batch(np.eye(10), np.arange(10), 0), 0.4)
assert (len(rest.scores), beside.end().num_rows) == (4, 6)
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_leaves_no_process(number: signal.Signals, tmp_path: Path):
    path = tmp_path / "large.parquet"
    logits = np.random.default_rng(0).normal(0, 3, (1000, 26_000)).astype(np.float32)
    columns = {f"logit_{i}": column for i, column in enumerate(logits)}
    labels = np.arange(26_000) % 1000
    pq.write_table(pa.table({**columns, "label": labels}), path, compression="none")
    with subprocess.Popen(
        [sys.executable, "-m", "experiments", "diagnose", str(path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as command:
        parent = psutil.Process(command.pid)
        while not (started := helpers(parent)):
            assert command.poll() is None
        os.killpg(command.pid, number)
        assert command.wait(60) == 130
        assert command.stderr is not None
        assert command.stderr.read().strip() == b"Stopped."
        started[0].wait(60)
