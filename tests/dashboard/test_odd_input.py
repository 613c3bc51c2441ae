"""Odd input on every page: a sentence, never a traceback, and the page still there."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from dashboard.state import MAX_LINKED
from dashboard.views import runs
from experiments import tracking

VIEWS = (
    *("entropy", "activations", "losses", "gradients", "precision", "train", "mistakes"),
    *("runs", "diagnose"),
)
WIDGETS = ("text_input", "slider", "selectbox", "multiselect", "button_group", "toggle")
# Texts that say something by being empty.
MAY_BE_EMPTY = {"target", "q", "scores", "labels"}
THOUSAND = ", ".join(str(i % 97) for i in range(1000))
# Bytes: what is sent for a page of a thousand classes; ten times that is drawn within seconds.
LITTLE = 1_000_000
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


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("empty", ["", "  ", ",;"])
def test_an_empty_field_is_a_sentence(view: str, empty: str) -> None:
    page = opened(view).run()
    for key, before in {str(field.key): field.value for field in page.text_input}.items():
        page.text_input(key=key).set_value(empty).run()
        assert not page.exception
        assert page.title
        assert page.error or (not empty.strip() and key in MAY_BE_EMPTY), key
        page.text_input(key=key).set_value(before).run()
        assert not page.error


@pytest.mark.parametrize(
    ("view", "key"),
    [
        ("activations", "logits"),
        ("losses", "logits"),
        ("gradients", "logits"),
        ("entropy", "counts"),
    ],
)
def test_a_thousand_classes_are_drawn_from_little_and_more_are_a_sentence(
    view: str, key: str
) -> None:
    page = opened(view)
    page.query_params[key] = THOUSAND
    page.run()
    assert not page.exception
    assert not page.error
    assert page.get("vega_lite_chart")
    assert sent(page) < LITTLE
    page.text_input(key=key).set_value(f"{THOUSAND}, 1").run()
    assert not page.exception
    assert "At most 1000" in page.text[-1].value


def test_a_file_of_a_thousand_classes_is_drawn_from_little() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (2000, 1000)).astype(np.float32)
    file = io.BytesIO()
    np.savez(file, logits=logits, labels=rng.integers(1000, size=2000))
    page = opened("diagnose")
    page.query_params["from"] = "Your file"
    page.run()
    page.file_uploader(key="upload 1").set_value(
        [("thousand.npz", file.getvalue(), "application/octet-stream")]
    )
    page.run()
    assert not page.exception
    assert any("2,000 rows of 1,000 classes" in each.value for each in page.markdown)
    assert sent(page) < LITTLE


def sent(page: AppTest) -> int:
    return sum(each.proto.ByteSize() for each in page.main if not isinstance(each, Block))


@pytest.fixture
def wine(store: str) -> Path:
    """Log a run, and return the file that it is in."""
    log_run("wine")
    return Path(store.removeprefix("sqlite:///"))


def log_run(dataset: str) -> None:
    with tracking.track(f"one · {dataset}", {"dataset": dataset, "head": "softmax_cce"}) as run:
        run.log_predictions(np.eye(3), np.arange(3), step=0, split="val")


def open_store(view: str) -> AppTest:
    page = opened(view)
    if view == "diagnose":
        page.query_params["from"] = "A run"
    page.run()
    assert not page.exception
    assert not page.error
    assert page.get("vega_lite_chart")
    return page


def look_again(page: AppTest) -> None:
    runs.list_runs.clear()
    runs.read_history.clear()
    page.run()
    assert not page.exception
    assert page.title


@pytest.mark.parametrize("view", ["runs", "diagnose"])
def test_a_store_that_is_damaged_under_an_open_page_is_a_sentence(view: str, wine: Path) -> None:
    page = open_store(view)
    for file in wine.parent.glob("mlflow.db*"):
        # In place: SQLite has the index in its memory, and a shorter file would end the process.
        with file.open("r+b") as damaged:
            damaged.write(b"no database " * (file.stat().st_size // 12))
    look_again(page)
    assert page.error[0].value in ("The runs can't be read.", "This run can't be diagnosed.")


@pytest.mark.parametrize("view", ["runs", "diagnose"])
def test_a_store_that_is_deleted_under_an_open_page_is_noticed(view: str, wine: Path) -> None:
    page = open_store(view)
    for file in wine.parent.glob("mlflow.db*"):
        file.unlink()
    look_again(page)
    # A diagnosis that was made stays with who looks at it.
    assert bool(page.get("vega_lite_chart")) == (view == "diagnose")

    log_run("iris")
    page = opened(view)
    if view == "diagnose":
        page.query_params["from"] = "A run"
    look_again(page)
    chosen = page.selectbox(key="dataset" if view == "runs" else "run chosen")
    assert len(chosen.options) == 1
    assert chosen.options[0].startswith("iris")


def test_a_server_that_is_down_is_a_sentence_on_diagnose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    page = opened("diagnose")
    page.query_params["from"] = "A run"
    page.run()
    assert not page.exception
    assert "http://127.0.0.1:9 can't be reached" in page.text[0].value


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
