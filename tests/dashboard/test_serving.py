"""How the dashboard is served, over real connections. tests/browser has the rest."""

from __future__ import annotations

import os
import select
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.sync.client import connect

from dashboard import serving
from tests.browser.servers import dashboard


async def tells_its_delay(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what TCP_NODELAY is for the connection that asks."""
    if scope["type"] == "lifespan":
        return
    connection = receive.__self__.transport.get_extra_info("socket")  # type: ignore[attr-defined]
    is_off = str(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": is_off})
        await send({"type": "websocket.close"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": is_off.encode()})


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve an app at a port that is bound before, as Streamlit does; give where."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                ws="websockets-sansio",
                lifespan="off",
                log_level="error",
            )
        )
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        try:
            yield f"127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)


def delays(app: ASGIApp) -> tuple[bytes, bytes]:
    with served(app) as where:
        with urllib.request.urlopen(f"http://{where}/", timeout=30) as answer:
            said = answer.read()
        with connect(f"ws://{where}/") as messages:
            return said, messages.recv(timeout=30, decode=False)


def test_no_answer_waits_for_the_browser_to_have_the_one_before() -> None:
    assert delays(tells_its_delay) == (b"0", b"0")
    assert delays(serving.Sooner(tells_its_delay)) == (b"1", b"1")


@pytest.mark.skipif(os.name == "nt", reason="a pipe with a name")
def test_a_browser_that_stays_open_does_not_keep_the_server_from_starting(tmp_path: Path) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    reading = os.open(told, os.O_RDONLY | os.O_NONBLOCK)
    os.mkfifo(tmp_path / "never")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{told}"\nexec cat "{tmp_path / "never"}"\n')
    browser.chmod(0o700)
    try:
        with dashboard(
            f"sqlite:///{tmp_path / 'mlflow.db'}",
            STREAMLIT_SERVER_HEADLESS="false",
            BROWSER=f"{browser} %s",
        ) as address:
            assert select.select([reading], [], [], 60)[0]
            assert os.read(reading, 1000).decode().strip().rstrip("/") == address
    finally:
        os.close(reading)
