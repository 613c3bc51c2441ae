"""One dashboard, on the sample runs, and one browser for all tests of a group.

There are two groups, about as long as each other: with all tests in one, every other worker would
be idle before it is through.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

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


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Give what pages share: Streamlit's scripts are fetched and compiled once."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as shared:
        yield shared


@pytest.fixture
def page(context: BrowserContext, address: str) -> Iterator[Page]:
    opened = context.new_page()
    # All but the scripts is as in a browser that was never there.
    context.new_cdp_session(opened).send(
        "Storage.clearDataForOrigin", {"origin": address, "storageTypes": "all"}
    )
    yield opened
    for each in context.pages:
        each.close()
