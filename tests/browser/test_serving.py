"""The dashboard behind a path of its own, and what a browser asks of it before a page runs."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from dashboard import serving
from tests.browser.servers import PAGES, dashboard, wait_until_drawn
from tests.conftest import Demo

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-moved")]

SAID = b"BACKEND_BASE_URL"


@pytest.fixture(scope="module")
def below(demo: Demo) -> Iterator[str]:
    with dashboard(demo.uri, STREAMLIT_SERVER_BASE_URL_PATH="lab") as address:
        yield address


def get(address: str, method: str = "GET") -> tuple[dict[str, str], bytes]:
    request = urllib.request.Request(address, method=method, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def test_a_page_says_where_its_server_is_and_the_root_and_the_rest_are_streamlits(
    below: str,
) -> None:
    for page in ("entropy", "runs?dataset=x", "home"):
        headers, html = get(f"{below}/{page}")
        assert SAID in html
        assert headers["cache-control"] == "no-cache"
        assert int(headers["content-length"]) == len(html)
        assert "content-encoding" not in headers
    _, root = get(below)
    assert SAID not in root
    of_head, nothing = get(f"{below}/entropy", "HEAD")
    assert (int(of_head["content-length"]), nothing) == (len(html), b"")
    headers, body = get(f"{below}/favicon.png")
    assert headers["content-type"] == "image/png"
    assert body.startswith(b"\x89PNG")
    assert get(f"{below}/_stcore/health")[1] == b"ok"


def test_streamlits_own_files_are_what_they_are(below: str) -> None:
    for file in (
        next(serving.STATIC.glob("static/js/embed.*.js")),
        next(serving.STATIC.glob("static/css/*.css")),
        next(serving.STATIC.glob("static/media/*.woff2")),
    ):
        address = f"{below}/{file.relative_to(serving.STATIC).as_posix()}"
        for _ in range(2):
            headers, body = get(address)
            assert body == file.read_bytes()
            assert "immutable" in headers["cache-control"]
        of_head, _ = get(address, "HEAD")
        # Which Streamlit answers.
        assert of_head["content-type"] == headers["content-type"]
        assert of_head["content-length"] == headers["content-length"]
    assert get(f"{below}/static/js/none.js")[0]["content-type"].startswith("text/html")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        get(f"{below}/static/%2e%2e/index.html")


def test_a_page_knows_where_its_server_is(below: str, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.removeprefix(below)))
        page.goto(f"{below}/entropy")
        wait_until_drawn(page, PAGES["entropy"])
    assert [each for each in asked if "_stcore/health" in each] == ["/_stcore/health"]
