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


def table(num_rows: int) -> AppTest:
    return AppTest.from_string(
        f"""
import numpy as np, pandas as pd
from dashboard import lesson
words = ["a|b", "<b>*c*\\n</b>"] + ["d"] * ({num_rows} - 2)
numbers = [-0.0, np.inf, *np.arange({num_rows} - 2) / 8]
frame = pd.DataFrame({{"word": words, "of_it": numbers, "not shown": 0}})
lesson.table(frame, {{"word": ("Word", ""), "of_it": ("Of it", ".2f")}}, "Words")
"""
    ).run()


def test_a_table_of_few_rows_is_markdown_in_which_foreign_words_stay_words() -> None:
    page = table(lesson.MAX_ROWS)
    assert not page.dataframe
    lines = page.markdown[0].value.splitlines()
    assert lines[:4] == [
        "| Word | Of it |",
        "| --- | --: |",
        r"| a\|b | 0.00 |",
        r"| \<b\>\*c\* \<\/b\> | ∞ |",
    ]
    assert len(lines) == lesson.MAX_ROWS + 2
    assert lines[-1] == "| d | 1.62 |"


def test_a_table_of_more_rows_scrolls() -> None:
    page = table(lesson.MAX_ROWS + 1)
    assert not page.markdown
    shown = page.dataframe[0].value
    assert list(shown) == ["word", "of_it"]
    assert len(shown) == lesson.MAX_ROWS + 1
