"""One dashboard on the sample runs, and one browser, for all tests that look at pages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.servers import ROOT, chromium, dashboard


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    uri = f"sqlite:///{tmp_path_factory.mktemp('browser') / 'mlflow.db'}"
    subprocess.run(
        [sys.executable, "-m", "experiments", "demo"],
        cwd=ROOT,
        env={**os.environ, "MLFLOW_TRACKING_URI": uri},
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=240,
    )
    with dashboard(uri) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    yield opened
    context.close()
