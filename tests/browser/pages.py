"""The pages as they open, and what is seen of their charts."""

from __future__ import annotations

import contextlib
from urllib.parse import parse_qs, urlsplit

from PIL import ImageColor
from playwright.sync_api import Error, Page, expect

from dashboard import theme
from tests.browser.servers import PAGES, wait_until_drawn

LOOKS = 20
# Of each chart, all that is written in it, and how its marks are drawn; sorted, for a chart that is
# given other numbers keeps the ticks that it has, and adds new ones after them.
PICTURES = """() => [...document.querySelectorAll(".stVegaLiteChart svg.marks")].map(drawn => [
    ...[...drawn.querySelectorAll("text")].map(text => text.textContent).sort(),
    ...[...drawn.querySelectorAll("path")].map(path => path.getAttribute("d")).sort(),
])"""


def opened(page: Page, address: str, link: str) -> Page:
    """Open a link to a page, and return when all of it is drawn."""
    page.goto(f"{address}/{link}")
    wait_until_drawn(page, PAGES[link.partition("?")[0]])
    return page


def pictures(page: Page) -> list[list[str]]:
    """Return what the charts are, once two looks a moment apart see the same, all of them drawn."""
    page.wait_for_function(
        f"""() => {{
            const drawn = [...document.querySelectorAll(".stVegaLiteChart")].every(
                chart => chart.querySelector("svg.marks, canvas"));
            const now = JSON.stringify(({PICTURES})()), same = now === window.before;
            window.before = now;
            return same && drawn;
        }}""",
        polling=700,
    )
    seen: list[list[str]] = page.evaluate(PICTURES)
    return seen


def assert_the_link_opens_the_same(page: Page) -> None:
    """Open the address of a page as somebody else would, and compare charts and texts."""
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(viewport=page.viewport_size)
    other = context.new_page()
    other.goto(page.url)
    expect(other.locator(".stVegaLiteChart svg.marks").first).to_be_visible(timeout=60_000)
    # On a busy machine a chart can be seen twice before it follows, or be away while a page runs.
    for _ in range(LOOKS):
        if pictures(other) == pictures(page):
            break
    assert pictures(other) == pictures(page)
    assert lines(other) == lines(page)
    context.close()


def lines(page: Page) -> list[str]:
    """Return the texts of a page but for those in charts, and what its controls hold."""
    texts: str = page.get_by_test_id("stMain").evaluate(
        """main => {
            const charts = [...main.querySelectorAll("svg.marks")];
            charts.forEach(chart => chart.style.display = "none");
            const seen = [...main.querySelectorAll("input")].filter(
                input => !input.closest('[class*="-heard"]'));
            const held = seen.map(input => [input.ariaLabel, input.value, input.checked].join(" "));
            const texts = [main.innerText, ...held].join("\\n");
            charts.forEach(chart => chart.style.display = "");
            return texts;
        }"""
    )
    return texts.splitlines()


def query(page: Page) -> dict[str, list[str]]:
    """Return what the address of a page says beside its path."""
    return _query(page.url)


def _query(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


def assert_link_becomes(page: Page, asked: dict[str, list[str]]) -> None:
    """Assert that the address comes to say this beside its path, which may take some messages."""
    with contextlib.suppress(Error):
        page.wait_for_url(lambda url: _query(url) == asked)
    assert query(page) == asked


def wait_for_theme(page: Page, scheme: str) -> None:
    """Return when a page is in its theme, and the words of its charts with it."""
    paper = "rgb({}, {}, {})".format(*ImageColor.getrgb(theme.PAPER[scheme]))
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", paper)
    page.wait_for_function(
        """() => [...document.querySelectorAll(".stVegaLiteChart svg.marks")].every(chart => {
            const ink = getComputedStyle(chart).color;
            return [...chart.querySelectorAll("text")].some(
                text => getComputedStyle(text).fill === ink);
        })"""
    )


def wait_for_ink(page: Page, scheme: str) -> None:
    """Return when the page ran in its theme: its charts are drawn in that one's ink."""
    page.wait_for_function(
        """ink => [...document.querySelectorAll(".stVegaLiteChart svg.marks")].every(
            chart => chart.querySelector(`text[fill="${ink}"]`))""",
        arg=theme.INK[scheme],
    )
