"""A real `mlflow server`, and a proxy in front of it that loses replies."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# In the folder of a server: it makes one that is not there.
DATABASE = "server.db"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """An `mlflow server` that can be killed and started again on the same store and port."""

    def __init__(self, folder: Path, *, is_default: bool = False) -> None:
        self.folder = folder
        self.options = [] if is_default else ["--workers", "1"]
        self.variables = {} if is_default else {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1",
                "--port", str(self.port), *self.options,
                "--backend-store-uri", f"sqlite:///{self.folder / DATABASE}",
                "--artifacts-destination", str(self.folder / "artifacts"),
            ],
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **self.variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{self.address}/health", timeout=2).close()
                return
            time.sleep(0.1)
        raise AssertionError("the server did not start")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        if self._process and self.is_running:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it hang: it takes connections, and answers none."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    running = Server(folder)
    running.start()
    try:
        yield running
    finally:
        running.kill()


@contextmanager
def losing_proxy(upstream: int, replies_to_lose: int) -> Iterator[tuple[str, list[str]]]:
    """Give the address of a proxy that forwards all, but drops the first replies to log-batch."""
    lost: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=30)
            headers = {
                name: value for name, value in self.headers.items() if name.lower() != "host"
            }
            connection.request(self.command, self.path, body, headers)
            reply = connection.getresponse()
            content = reply.read()
            connection.close()
            if self.path.endswith("/runs/log-batch") and len(lost) < replies_to_lose:
                lost.append(self.path)
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.getheader("Content-Type") or "text/plain")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _forward  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}", lost
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
