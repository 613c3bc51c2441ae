"""The literal `streamlit run dashboard/app.py`, and a real Chromium to open it with."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.find import find

ROOT = Path(__file__).parents[2]
# A page may take its time on a busy machine; who waits for the thing waits no longer than it takes.
expect.set_options(timeout=30_000)
# Page → how many charts it opens with.
PAGES = {
    "": 1,
    "entropy": 7,
    "activations": 5,
    "losses": 5,
    "gradients": 4,
    "precision": 1,
    "train": 3,
    "mistakes": 7,
    "runs": 1,
    "diagnose": 5,
}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@contextmanager
def dashboard(uri: str, app: Path = Path("dashboard/app.py"), **env: str) -> Iterator[str]:
    """Run the dashboard, or another app, on the store at `uri`; give its address.

    `env` is for the server: Streamlit's settings, as STREAMLIT_SERVER_BASE_URL_PATH.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    streamlit = Path(sys.executable).with_name("streamlit")
    process = subprocess.Popen(
        [streamlit, "run", app],
        cwd=ROOT,
        env={
            **os.environ,
            "MLFLOW_TRACKING_URI": uri,
            "STREAMLIT_SERVER_PORT": str(port),
            "STREAMLIT_SERVER_HEADLESS": "true",
            "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
            **env,
        },
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    below = env.get("STREAMLIT_SERVER_BASE_URL_PATH")
    address = f"http://127.0.0.1:{port}" + (f"/{below}" if below else "")
    try:
        assert process.stdout is not None
        # It prints its address when it listens.
        assert any(str(port) in line for line in process.stdout), "the dashboard did not start"
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=30).close()
        except urllib.error.URLError as error:
            raise AssertionError(f"{address} does not answer") from error
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        if process.stdout:
            process.stdout.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser without a screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(print), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def wait_until_drawn(page: Page, charts: int) -> None:
    """Return when the page is up, nothing runs any more, and every chart is drawn."""
    expect(page.locator("h1").first).to_be_visible(timeout=60_000)
    expect(page.locator(".stVegaLiteChart svg.marks, .stVegaLiteChart canvas")).to_have_count(
        charts, timeout=60_000
    )
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=60_000)
    expect(page.get_by_test_id("stSpinner")).to_have_count(0, timeout=60_000)
