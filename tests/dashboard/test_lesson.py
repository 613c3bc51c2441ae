"""Formulas, and the colours that a style sheet and a theme have to agree on."""

import re
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import lesson

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("colour", lesson.COLOURS)
def test_a_colour_of_formulas_is_that_of_words_in_each_theme(colour: str) -> None:
    themes = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    style = (ROOT / "dashboard" / "page.css").read_text()
    rule = re.search(rf'"color: {colour}"\] {{\s+color: light-dark\((.+), (.+)\) !important', style)
    assert rule is not None
    assert rule.groups() == tuple(themes[name][f"{colour}TextColor"] for name in ("light", "dark"))


def test_more_words_are_never_html() -> None:
    page = AppTest.from_string(
        "from dashboard import lesson\nlesson.more('<img src=x onerror=alert(1)> and **bold**')"
    ).run()
    words = page.markdown[0].value
    assert re.findall(r"(?<!\\)<(/?\w+)", words) == ["details", "summary", "/summary", "/details"]
    assert "**bold**" in words
