"""How fast the pages answer, beside a bare Streamlit app with as many charts of as many points.

`python -m tests.benchmarks.pages` prints, in one run and in turns, the first page load and the time
from a key to the last change of a picture.
"""

from __future__ import annotations

import json
import tempfile
from itertools import chain
from pathlib import Path
from statistics import median, quantiles

import pyarrow as pa
from playwright.sync_api import Browser, Page
from streamlit.testing.v1 import AppTest

from tests.browser.servers import chromium, dashboard

FIELDS = {
    "entropy": "Counts",
    "activations": "Logits",
    "losses": "Logits",
    "gradients": "Logits",
}
KEYS = 16
LOADS = 4
ASKED_RATIO = 1.25
# In the page: the milliseconds from a key to the last change in a chart, of those in half a second.
WATCH = """() => {
    window.pressed = 0; window.changed = 0;
    addEventListener("keydown", () => { pressed = changed = performance.now(); }, true);
    new MutationObserver(changes => {
        if (changes.some(each => each.target.parentElement?.closest(".stVegaLiteChart")))
            changed = performance.now();
    }).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""
# In the page: the milliseconds from its start to the frame that has all charts, and nothing runs.
DRAWN = """charts => document.querySelector("h1")
    && document.querySelectorAll(
        ".stVegaLiteChart svg.marks, .stVegaLiteChart canvas").length === charts
    && !document.querySelector("[data-testid=stStatusWidget], [data-testid=stSpinner]")
    && performance.now()"""
SETTLED = "() => changed > pressed && performance.now() - changed > 500"


def points_of(name: str) -> list[list[int]]:
    """Return how many rows each chart of each figure of a page has."""
    page = AppTest.from_string(
        f"from dashboard.views import {name}\n{name}.show()", default_timeout=60
    ).run()
    figures = []
    for element in page.get("vega_lite_chart"):
        # A figure with read-outs is a table, and one chart or several under it.
        num_charts = max(len(json.loads(element.proto.spec).get("vconcat", [])) - 1, 1)
        most = max(
            pa.ipc.open_stream(data).read_all().num_rows
            for data in [element.proto.data.data, *(e.data.data for e in element.proto.datasets)]
            if data
        )
        figures.append([most] * num_charts)
    return figures


def load(browser: Browser, url: str, charts: int) -> tuple[Page, float]:
    """Open a page in a context of its own; return it with the milliseconds until it is drawn."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(url, wait_until="commit")
    taken: float = page.wait_for_function(DRAWN, arg=charts, timeout=60_000).json_value()
    return page, taken


def press(page: Page, label: str) -> list[float]:
    """Return the milliseconds from each of some keys to the last change of a picture."""
    field = page.get_by_label(label, exact=True).first
    field.press("End")
    page.evaluate(WATCH)
    taken = []
    for i in range(KEYS):
        field.press("1" if i % 2 == 0 else "Backspace")
        page.wait_for_function(SETTLED, timeout=60_000)
        taken.append(page.evaluate("changed - pressed"))
    # The first ones warm up.
    return taken[4:]


def main() -> None:
    """Print a line for each page."""
    print(
        "| page | figures, charts | first page, ms (bare) | × | keypress, ms: median (bare) | × "
        "| 95 % | × | |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        uri = f"sqlite:///{Path(folder) / 'mlflow.db'}"
        for name, label in FIELDS.items():
            figures = points_of(name)
            points = list(chain.from_iterable(figures))
            bare_app = Path(__file__).with_name("bare.py")
            with (
                dashboard(uri) as address,
                dashboard(uri, bare_app, BARE_POINTS=json.dumps(points)) as bare,
            ):
                sides = (
                    (f"{address}/{name}", label, len(figures)),
                    (bare, "Field", len(points)),
                )
                loads: tuple[list[float], list[float]] = ([], [])
                keys: tuple[list[float], list[float]] = ([], [])
                for turn in range(LOADS + 1):
                    for side, (url, field, num_pictures) in enumerate(sides):
                        page, taken = load(browser, url, num_pictures)
                        if turn:
                            loads[side].append(taken)
                        if turn in (1, LOADS):
                            keys[side].extend(press(page, field))
                        page.context.close()
            first = [median(each) for each in loads]
            middle = [median(each) for each in keys]
            high = [quantiles(each, n=20)[-1] for each in keys]
            ratios = [each[0] / each[1] for each in (first, middle, high)]
            short = f"above {ASKED_RATIO}" if max(ratios) > ASKED_RATIO else ""
            cells = [
                f"{ours:.0f} ({theirs:.0f}) | {ratio:.2f}"
                for (ours, theirs), ratio in zip((first, middle, high), ratios, strict=True)
            ]
            print(
                f"| {name} | {len(figures)}, {len(points)} | {' | '.join(cells)} | {short} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
