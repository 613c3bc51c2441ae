"""The HTML report of a diagnosis as people open it: a file, in a real browser, without internet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Dialog, expect

from core.diagnosis import Summary, diagnose
from experiments.diagnosis.passes import Diagnosed
from experiments.report.page import to_html

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-seen")]

FOREIGN = ("<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "=1+1")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (2000, 3))
    summary = Summary(kind="logits")
    summary.update(3 * logits, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1))
    found = Diagnosed(FOREIGN[0], FOREIGN, (), summary, diagnose(summary))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(to_html(found), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 380])
def test_the_report_is_drawn_and_runs_nothing_of_the_file(
    browser: Browser, report: Path, scheme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.extend([line.text] * (line.type == "error")))

    def dismiss(dialog: Dialog) -> None:
        wrong.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.goto(report.as_uri())
    for name in ("reliability", "concentration", "confusion", "budget", "precision"):
        expect(page.locator(f"#{name} canvas, #{name} svg").first).to_be_visible(timeout=30_000)
    expect(page.get_by_role("heading", level=1)).to_have_text(FOREIGN[0])
    page.locator("details").first.locator("summary").click()
    expect(page.get_by_text("The share of rows whose highest score")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert wrong == []
    context.close()
