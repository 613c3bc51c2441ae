"""What a browser needs before a page can run, without the waits that Streamlit 1.67 has there."""

from __future__ import annotations

import asyncio
import re
import socket
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = Path(st.__file__).with_name("static")
# Streamlit's scripts for what the pages are made of. What is not there any more is not named ahead.
SCRIPTS = (
    "ArrowVegaLiteChart",
    "Button",
    "ButtonGroup",
    "Checkbox",
    "Html",
    "Metric",
    "NumberInput",
    "PageLink",
    "Selectbox",
    "Slider",
    "TextInput",
    "embed",
)
IMPORTED = re.compile(r"""(?:from|import)\s*["'`]\./([\w.~-]+\.js)["'`]""")
# Addresses to listen at, where no browser finds anything.
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104
# Streamlit looks for its server below a page's own address first, and waits before it looks beside
# it, where all its own files are.
BESIDE = '<script>window.__streamlit = {BACKEND_BASE_URL: new URL(".", location).href}</script>'


class Sooner:
    """Streamlit's server with nothing to wait for: an ASGI middleware.

    - Without it each answer of two parts takes 40 ms, until the browser has said that it has the
      first: asyncio leaves Nagle's algorithm on where the server was bound before it ran.
    - The scripts of a page are named in the HTML, where a browser would hear of most of them when
      the page has run.
    - A page's address says where the server is.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.base = st.get_option("server.baseUrlPath").strip("/")
        self.root, self.page = (index(is_page).encode() for is_page in (False, True))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as Streamlit does."""
        _without_delay(receive)
        place = scope.get("path", "").strip("/").removeprefix(self.base).strip("/")
        if scope["type"] != "http" or "/" in place:
            await self.app(scope, receive, send)
            return
        html = self.page if place else self.root
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
                        (b"content-length", str(len(html)).encode()),
                        (b"cache-control", b"no-cache"),
                    ]
            elif is_index:
                if message.get("more_body"):
                    return
                message["body"] = html
            await send(message)

        await self.app(scope, receive, replaced)


def index(is_page: bool) -> str:
    """Return Streamlit's HTML with the scripts that follow: at the root, or at a page's address."""
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    ahead = [
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}">'
        for name in _scripts()
        if name not in html
    ]
    html = html.replace("</head>", "\n".join([*ahead, "</head>"]))
    return html.replace("<head>", f"<head>\n{BESIDE}") if is_page else html


def _scripts() -> list[str]:
    """Return the files of `SCRIPTS` and all that they import."""
    folder = STATIC / "static" / "js"
    found = [path.name for name in SCRIPTS for path in sorted(folder.glob(f"{name}.*.js"))]
    for name in found:
        imported = IMPORTED.findall((folder / name).read_text(encoding="utf-8"))
        found.extend(each for each in dict.fromkeys(imported) if each not in found)
    return found


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
        await asyncio.to_thread(webbrowser.open, f"http://{host}:{port}/{base.strip('/')}")
    yield
