"""Streamlit's server without waits that it has in 1.67, and the browser that it opens."""

from __future__ import annotations

import functools
import mimetypes
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = Path(st.__file__).with_name("static")
FOREVER = "public, immutable, max-age=31536000"
# Addresses to listen at, where no browser finds anything.
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104
# Streamlit looks for its server below a page's own address first, and waits before it looks beside
# it, where all its own files are.
BESIDE = '<script>window.__streamlit = {BACKEND_BASE_URL: new URL(".", location).href}</script>'


class Sooner:
    """Streamlit's server with nothing to wait for: an ASGI middleware.

    - Without it each answer of two parts takes 40 ms, until the browser has said that it has the
      first: asyncio leaves Nagle's algorithm on where the server was bound before it ran.
    - Streamlit's scripts and fonts, more than a hundred for a first page, are kept in memory: its
      own way to each takes Python milliseconds, in which no page runs.
    - A page's HTML says where the server is.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.base = st.get_option("server.baseUrlPath").strip("/")
        self.files = {
            path.relative_to(STATIC).as_posix(): path for path in (STATIC / "static").rglob("*.*")
        }
        html = (STATIC / "index.html").read_text(encoding="utf-8")
        self.page = html.replace("<head>", f"<head>\n{BESIDE}").encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as Streamlit does."""
        _without_delay(receive)
        place = scope.get("path", "").strip("/").removeprefix(self.base).strip("/")
        if scope["type"] == "http" and scope["method"] == "GET" and place in self.files:
            await _kept(self.files[place])(scope, receive, send)
            return
        if scope["type"] != "http" or not place or "/" in place:
            await self.app(scope, receive, send)
            return
        is_index = False

        async def replaced(message: Message) -> None:
            nonlocal is_index
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                kind = headers.get(b"content-type", b"")
                is_index = message["status"] == 200 and kind.startswith(b"text/html")
                if is_index:
                    message["headers"] = [
                        (b"content-type", kind),
                        (b"content-length", str(len(self.page)).encode()),
                        (b"cache-control", b"no-cache"),
                    ]
            elif is_index:
                if message.get("more_body"):
                    return
                message["body"] = self.page
            await send(message)

        await self.app(scope, receive, replaced)


@functools.cache
def _kept(path: Path) -> Response:
    """Return a file whose name changes with its content."""
    kind, _ = mimetypes.guess_type(path)
    return Response(path.read_bytes(), media_type=kind, headers={"Cache-Control": FOREVER})


def _without_delay(receive: Receive) -> None:
    """Turn Nagle's algorithm off for the connection of a request, as uvicorn knows it."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    connection = transport and transport.get_extra_info("socket")
    if connection and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@asynccontextmanager
async def opened(app: st.App) -> AsyncIterator[None]:
    """Open a browser at the address, as `streamlit run` does for a script."""
    if not st.get_option("server.headless"):
        host, port, base = (
            st.get_option(f"server.{name}") for name in ("address", "port", "baseUrlPath")
        )
        host = "localhost" if host in (None, *EVERYWHERE) else host
        scheme = "https" if st.get_option("server.sslCertFile") else "http"
        address = f"{scheme}://{host}:{port}/{base.strip('/')}"
        # A browser in the terminal returns when it is closed; it needs the server before.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    yield
