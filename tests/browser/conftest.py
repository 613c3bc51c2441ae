"""One dashboard, on the sample runs, and one browser for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.servers import chromium, dashboard
from tests.conftest import Demo


@pytest.fixture(scope="package")
def address(demo: Demo) -> Iterator[str]:
    with dashboard(demo.uri) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    yield opened
    context.close()
