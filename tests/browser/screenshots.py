"""Every page in both themes, on the sample runs: `make screenshots` writes docs/images."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.browser.servers import ROOT, chromium, dashboard, wait_until_drawn
from tests.browser.test_dashboard import PAGES

IMAGES = ROOT / "docs" / "images"
WIDTH = 1280


def main() -> None:
    """Train the sample runs on a store of their own, and take the pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
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
                    target = IMAGES / f"{path or 'home'}-{scheme}.png"
                    page.screenshot(path=target, animations="disabled")
                    page.close()
                    print(target.relative_to(ROOT))


if __name__ == "__main__":
    main()
