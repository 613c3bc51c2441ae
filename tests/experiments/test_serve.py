import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.serve import HOST, ServeError, Servers, reserved_port, wait_for_interrupt


def test_a_free_port_is_taken_as_it_is() -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    said: list[str] = []
    with reserved_port(port, "page", said.append) as given:
        assert given == port
        assert said == []
        # Reserved, though nothing listens yet.
        with reserved_port(port, "other page", said.append) as other:
            assert other > port
            assert said == [f"Port {port} is taken: the other page is on {other}."]


def test_a_taken_port_gives_the_next_free_one_and_says_so() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        said: list[str] = []
        with reserved_port(port, "page", said.append) as other:
            assert other > port
    assert said == [f"Port {port} is taken: the page is on {other}."]


def test_a_server_that_dies_is_told_of(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    with subprocess.Popen(command) as living, subprocess.Popen(command) as dying:
        log = tmp_path / "dying.log"
        os.kill(dying.pid, signal.SIGKILL)
        with pytest.raises(ServeError, match=r"stopped by itself.*dying\.log"):
            wait_for_interrupt(Servers("", [(living, tmp_path / "living.log"), (dying, log)]))
        living.kill()
