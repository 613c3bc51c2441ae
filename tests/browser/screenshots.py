"""Every page in both themes, on the sample runs, and a comparison in the MLflow UI.

`make screenshots` writes whole pages into docs/images/pages, to look at, and into docs/images the
tops of those that the README shows.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.servers import PAGES, ROOT, chromium, dashboard, wait_until_drawn
from tests.experiments.servers import server

IMAGES = ROOT / "docs" / "images"
PAGES_WHOLE = IMAGES / "pages"
WIDTH = 1280
SHOWN = {
    "entropy-light",
    "losses-light",
    "gradients-light",
    "precision-dark",
    "train-dark",
    "mistakes-light",
    "runs-light",
    "diagnose-light",
}
SHOWN_HEIGHT = 1000


def main() -> None:
    """Train the sample runs on a store of their own, and take the pictures."""
    PAGES_WHOLE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{Path(folder) / 'mlflow.db'}"
        subprocess.run(
            [sys.executable, "-m", "experiments", "demo"],
            cwd=ROOT,
            env={**os.environ, "MLFLOW_TRACKING_URI": uri},
            check=True,
        )
        with dashboard(uri) as address, chromium() as browser:
            for scheme in ("light", "dark"):
                for path, charts in PAGES.items():
                    page = browser.new_page(
                        viewport={"width": WIDTH, "height": 900},
                        color_scheme="dark" if scheme == "dark" else "light",
                    )
                    page.goto(f"{address}/{path}")
                    wait_until_drawn(page, charts)
                    # The page scrolls inside the window: make the window as tall as the page.
                    height = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
                    page.set_viewport_size({"width": WIDTH, "height": height})
                    wait_until_drawn(page, charts)
                    name = f"{path or 'home'}-{scheme}"
                    target = PAGES_WHOLE / f"{name}.png"
                    page.screenshot(path=target, animations="disabled")
                    print(target.relative_to(ROOT))
                    if name in SHOWN:
                        page.screenshot(
                            path=IMAGES / f"{name}.png",
                            animations="disabled",
                            clip={"x": 0, "y": 0, "width": WIDTH, "height": SHOWN_HEIGHT},
                        )
                    page.close()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as running:
        take_comparison(running.address, IMAGES / "mlflow-compare.png")


def take_comparison(address: str, target: Path) -> None:
    """Compare the heads on digits, and take a picture of what the printed link shows."""
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "compare", "--dataset", "digits", "--mistakes"],
        cwd=ROOT,
        env={**os.environ, "MLFLOW_TRACKING_URI": address},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    (link,) = re.findall(r"http\S+", done.stdout)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(link)
        page.get_by_placeholder("Search metric charts").wait_for(timeout=60_000)
        # What is not the subject: the assistant, and the sections before the validation rows.
        page.get_by_role("button", name="Close", exact=True).click()
        for section in ("final", "train"):
            headers = page.locator("[role=button]")
            headers.filter(has_text=re.compile(rf"^\s*{section}\s*\(")).first.click()
        expect(page.get_by_text("val/cross_entropy_bits").first).to_be_visible()
        # Five runs in each of the six charts that are in sight.
        expect(page.locator(".scatterlayer .trace").nth(29)).to_be_attached(timeout=30_000)
        page.screenshot(path=target, animations="disabled")
        page.close()
    print(target.relative_to(ROOT))


if __name__ == "__main__":
    main()
