"""The MLflow UI and the dashboard as two processes, started and stopped together."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from experiments import tracking
from experiments.errors import UserError

HOST = "127.0.0.1"
START_SECONDS = 90


class ServeError(UserError):
    """A server didn't start; the message says where its log is."""


@dataclass(frozen=True)
class Servers:
    """The servers that run: each process with its log."""

    dashboard: str
    processes: list[tuple[subprocess.Popen[bytes], Path]]


@contextmanager
def servers(say: Callable[[str], None]) -> Iterator[Servers]:
    """Start both servers, and stop them at the end.

    Where MLFLOW_TRACKING_URI is a server, that server's own UI is the MLflow UI.

    Raises
    ------
    TrackingError
        If the store can't be reached or opened.
    ServeError
        If a server doesn't answer.
    """
    tracking.connect()
    uri = tracking.tracking_uri()
    logs = tracking.RUNS / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServeError(f"The servers' logs can't be written to {logs}: {error}") from error
    with ExitStack() as stack:
        started = []
        if not uri.startswith(("http://", "https://")):
            port = stack.enter_context(reserved_port(5000, "MLflow UI", say))
            log = logs / f"mlflow-{port}.log"
            os.environ[tracking.UI_VARIABLE] = f"http://{HOST}:{port}"
            process = stack.enter_context(
                _process(_mlflow_command(uri, port), log, _mlflow_environment())
            )
            started.append((process, f"{tracking.ui_address()}/health", log))
        port = stack.enter_context(reserved_port(8501, "dashboard", say))
        log = logs / f"dashboard-{port}.log"
        dashboard = f"http://{HOST}:{port}"
        process = stack.enter_context(_process(_dashboard_command(port), log, {}))
        started.append((process, f"{dashboard}/_stcore/health", log))
        for process, health, log in started:
            _wait_until_it_answers(process, health, log)
        yield Servers(dashboard, [(process, log) for process, _, log in started])


@contextmanager
def reserved_port(wanted: int, purpose: str, say: Callable[[str], None]) -> Iterator[int]:
    """Give `wanted`, or the next port that is free, and say so.

    A lock on it keeps another start, whose server does not listen yet, from taking it too.

    Raises
    ------
    ServeError
        If a hundred ports are taken.
    """
    for port in range(wanted, wanted + 100):
        path = Path(tempfile.gettempdir()) / f"cross-entropy-lab-{os.getuid()}-{port}.lock"
        with path.open("w") as lock, socket.socket() as probe:
            # As the servers do, so that a port just left by an earlier one counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                probe.bind((HOST, port))
            except OSError:
                continue
            probe.close()
            if port != wanted:
                say(f"Port {wanted} is taken: the {purpose} is on {port}.")
            yield port
            return
    raise ServeError(f"No free port from {wanted} to {wanted + 99} for the {purpose}.")


def wait_for_interrupt(running: Servers) -> None:
    """Return on KeyboardInterrupt.

    Raises
    ------
    ServeError
        If one of the servers stops by itself.
    """
    try:
        while True:
            for process, log in running.processes:
                if process.poll() is not None:
                    raise ServeError(f"A server stopped by itself. Its output is in {log}")
            time.sleep(0.5)
    except KeyboardInterrupt:
        return


def _mlflow_command(uri: str, port: int) -> list[str]:
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", uri]
    root = tracking.artifact_root()
    return command if root is None else [*command, "--artifacts-destination", root.as_uri()]


def _mlflow_environment() -> dict[str, str]:
    return {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Background jobs serve features that are not used here, and cost gigabytes.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def _dashboard_command(port: int) -> list[str]:
    return [
        sys.executable, "-m", "streamlit", "run", "dashboard/app.py",
        "--server.address", HOST, "--server.port", str(port), "--server.headless", "true",
    ]  # fmt: skip


@contextmanager
def _process(
    command: list[str], log: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=tracking.ROOT,
            env={**os.environ, **environment, "MLFLOW_TRACKING_URI": tracking.tracking_uri()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C reaches this process alone, which then stops the others.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServeError(f"A server stopped while starting. Its output is in {log}")
        try:
            urllib.request.urlopen(address, timeout=2).close()  # noqa: S310
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ServeError(
        f"{address} doesn't answer after {START_SECONDS} s. The server's output is in {log}"
    )
