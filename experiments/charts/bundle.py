"""Vega, Vega-Lite and what embeds them as one script, for pages that need no internet."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

import altair as alt
import vl_convert

VERSION = f"v{'_'.join(alt.VEGALITE_VERSION.split('.')[:2])}"


@cache
def javascript(snippet: str | None = None) -> str:
    """Return the script, with a snippet in place of what makes the embedding known to the page.

    To make it takes a second and a half of the processor: it is kept in the user's cache, a file
    for each version and snippet. Where that can't be, it is made in each process.
    """
    said = f"{version('vl-convert-python')} {VERSION} {snippet}"
    name = f"vega-{hashlib.sha256(said.encode()).hexdigest()[:16]}.js"
    try:
        folder = _folder()
        kept = folder / name
        if kept.exists():
            return kept.read_bytes().decode()
        script = _made(snippet)
        folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, also where two processes make it at once.
        with tempfile.TemporaryDirectory(dir=folder) as beside:
            whole = Path(beside) / name
            whole.write_bytes(script.encode())
            whole.replace(kept)
    except (OSError, RuntimeError, ValueError):
        return _made(snippet)
    return script


def as_script(value: object) -> str:
    r"""Return JSON that can't end the script it stands in: names in a user's file are data.

    Examples
    --------
    >>> print(as_script("</script>"))
    "\u003c/script\u003e"
    """
    return (
        json.dumps(value, allow_nan=False)
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )


def _made(snippet: str | None) -> str:
    said = {} if snippet is None else {"snippet": snippet}
    script: str = vl_convert.javascript_bundle(**said, vl_version=VERSION)
    return script


def _folder() -> Path:
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if named else Path.home() / ".cache") / "cross-entropy-lab"
