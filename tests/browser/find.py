"""Find a browser for the tests: `python -m tests.browser.find` prints its path.

In this order: BROWSER_PATH; a Chromium or Chrome on the PATH or where macOS keeps it; Playwright's
own download; and, as root on Debian, the package `chromium`, which is then installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS = (
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)
NOT_FOUND = (
    "No browser for the browser tests: install Chromium or Chrome, or set BROWSER_PATH to one, or "
    "run `.venv/bin/playwright install chromium`; `make test BROWSER=0` leaves these tests out."
)


class BrowserNotFoundError(Exception):
    """There is no browser; the message says what to do."""


def find(say: Callable[[str], None]) -> Path:
    """Return the path of a browser, installing Debian's where that is possible.

    Raises
    ------
    BrowserNotFoundError
        If BROWSER_PATH names none, or there is none and none can be installed.
    """
    named = os.environ.get("BROWSER_PATH")
    if named:
        if not (Path(named).is_file() and os.access(named, os.X_OK)):
            raise BrowserNotFoundError(f"BROWSER_PATH is {named}, which is not a program.")
        return Path(named)
    found = _installed()
    if found is None and _can_install():
        say("Installing Debian's package chromium for the browser tests.")
        for command in (
            ["apt-get", "update", "--quiet=2"],
            ["apt-get", "install", "--yes", "--quiet=2", "chromium"],
        ):
            subprocess.run(
                command,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                check=False,
            )
        found = _installed()
    if found is None:
        raise BrowserNotFoundError(NOT_FOUND)
    return found


def _installed() -> Path | None:
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    if on_path:
        return Path(on_path)
    return next((path for path in (*MACOS, *_downloaded()) if path.exists()), None)


def _downloaded() -> list[Path]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return [Path(playwright.chromium.executable_path)]


def _can_install() -> bool:
    return os.geteuid() == 0 and _is_debian() and bool(shutil.which("apt-get"))


def _is_debian() -> bool:
    return Path("/etc/debian_version").exists()


if __name__ == "__main__":
    try:
        print(find(lambda line: print(line, file=sys.stderr)))
    except BrowserNotFoundError as error:
        sys.exit(str(error))
