"""Odd input on every page: a sentence, never a traceback, and the page still there."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.state import MAX_LINKED

VIEWS = ("entropy", "activations", "losses", "gradients", "precision", "train", "mistakes", "runs")
WIDGETS = ("text_input", "slider", "selectbox", "multiselect", "button_group", "toggle")
GARBAGE = ("NaN", "![](//evil.example) <script> {{x}} \0 ∞ 1e999")


def opened(view: str) -> AppTest:
    return AppTest.from_string(
        "from dashboard.page import link\n"
        f"from dashboard.views import {view}\n"
        f"with link():\n    {view}.show()",
        default_timeout=60,
    )


def keys(page: AppTest) -> list[str]:
    found = {element.key for kind in WIDGETS for element in page.get(kind)}
    # A key with a blank is ours alone, and in no link.
    return sorted(key for key in found if key and " " not in key)


@pytest.fixture(autouse=True)
def _store(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.mark.parametrize("view", VIEWS)
def test_a_broken_link_opens_the_page_and_is_said(view: str) -> None:
    page = opened(view).run()
    assert not page.exception
    for garbage in GARBAGE:
        broken = opened(view)
        for key in keys(page):
            broken.query_params[key] = garbage
        broken.run()
        assert not broken.exception, garbage
        assert broken.title[0].value == page.title[0].value
        texts = {element.key for element in broken.text_input}
        said = " ".join(element.value for element in broken.text)
        # What a text holds is judged where it is read, and hides what follows from it.
        assert all(f"{key}=" in said for key in keys(broken) if key not in texts), garbage


@pytest.mark.parametrize("view", VIEWS)
def test_a_novel_of_a_megabyte_in_each_field_is_a_sentence(view: str) -> None:
    page = opened(view).run()
    novel = "It was the best of times, " * (1_000_000 // 26)
    for field in page.text_input:
        field.set_value(novel)
    page.run()
    assert not page.exception
    if page.text_input:
        assert any(f"up to {MAX_LINKED // 1024} KB" in caption.value for caption in page.caption)


def test_what_a_link_may_say_is_not_called_broken() -> None:
    page = opened("activations")
    # As it stands anyway, as a number may be written, and what is no control's.
    for key, value in (("temperature", "1.00"), ("logits", "3, 1"), ("utm_source", "mail")):
        page.query_params[key] = value
    page.run()
    assert not page.exception
    assert not any("The link has" in element.value for element in page.text)


def test_the_same_sample_on_both_sides_is_shown_twice() -> None:
    page = opened("diagnose")
    page.query_params["beside"] = "A sample"
    page.run()
    assert not page.exception
    sides = [page.selectbox(key=key).value for key in ("sample", "sample_2")]
    assert sides[0] == sides[1]
    assert len(page.get("vega_lite_chart")) % 2 == 0
