"""Every control of every page is in the link, and the link opens the same picture.

All controls of a page are moved at once, and the link is opened in a session of its own. That a
browser writes such links is tested in one: tests/browser/test_links.py.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import (
    Block,
    ButtonGroup,
    Element,
    Expander,
    Multiselect,
    Selectbox,
    Slider,
    Widget,
)

import dashboard.views
from core.heads import HEADS
from dashboard import links, state
from experiments import tracking
from tests.dashboard.test_pages import open_page

# One worker: what each case finds is asked again for all of them together.
pytestmark = pytest.mark.xdist_group("links")


@dataclass(frozen=True)
class Case:
    """A page, and the link by which it is opened before its controls are moved."""

    view: str
    start: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return "?".join([self.view, "&".join(f"{key}={value}" for key, value in self.start)])


PARENT = "compare heads · iris"
# What decides which other controls there are is moved by the link that a case starts from.
DECIDE = {"entropy source", "runs dataset", "runs part_of", "diagnose from", "diagnose beside"}
CASES = (
    Case("entropy"),
    Case("entropy", (("source", "Text"),)),
    Case("activations"),
    Case("losses"),
    Case("gradients"),
    Case("precision"),
    Case("train"),
    Case("mistakes"),
    Case("runs", (("dataset", "iris"),)),
    Case("runs", (("dataset", "iris"), ("part_of", PARENT))),
    Case("diagnose", (("beside", "A sample"),)),
    Case("diagnose", (("from", "A run"), ("beside", "A run"))),
    Case("diagnose", (("from", "Your file"), ("beside", "Your file"))),
)
# Where the last option, or a few steps, would not do.
VALUES: dict[str, Any] = {
    "logits": "2, -1, 0.5, 3",
    "counts": "sunny=5, cloudy=3, rain=1, snow=2",
    "text": "won another banana",
    "q": "1, 2, 3",
    "target": "3, 1, 0, 2",
    "formula": "s - 2 * t",
    "logit": "-95",
    "data": "iris",
    "first": HEADS["ovr_sigmoid_bce"].title,
    "second": f"{HEADS['softmax_twice_cce'].title} · a mistake",
    "rate": 0.02,
    "epoch": 7,
    "scores": "out_*",
    "scores_2": "p_*",
    "labels": "truth",
    "labels_2": "answer",
}
# Beside the picture that they turn, and there in a talk too.
IN_SIGHT = {"epoch", "speed", "bins", "bins_2", "rows", "rows_2"}
NUM_STEPS = 3


@pytest.fixture(scope="module")
def with_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Train what the pages Runs and Diagnose choose from."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('links') / 'mlflow.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        with tracking.track(PARENT, {"dataset": "iris"}) as parent:
            for seed in range(2):
                log_run("iris", seed, parent.run_id)
        for seed in range(2):
            log_run("wine", seed)
    yield uri
    moved.cache_clear()


def log_run(dataset: str, seed: int, parent: str = "") -> None:
    rng = np.random.default_rng(seed)
    settings = {"dataset": dataset, "head": "softmax_cce", "hidden": 0, "seed": seed}
    with tracking.track(f"softmax + CCE · {dataset}", settings, parent=parent) as run:
        for epoch in range(2):
            logits = rng.normal(size=(60, 3))
            run.log_predictions(logits, rng.integers(3, size=60), step=epoch, split="val")


@pytest.fixture(autouse=True)
def _store(with_runs: str, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", with_runs)


def opened(view: str, **query: Any) -> AppTest:
    page = AppTest.from_string(
        f"from dashboard.page import link\nfrom dashboard.views import {view}\n"
        f"with link():\n    {view}.show()",
        default_timeout=60,
    )
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    assert not any("The link has" in each.value for each in page.text)
    return page


def inside(block: Block, *around: str) -> Iterator[tuple[Element, tuple[str, ...]]]:
    """Yield each element of a page, with the titles of what it is folded into."""
    for node in block.children.values():
        if isinstance(node, Expander):
            assert not node.proto.expanded
            yield from inside(node, *around, node.label)
        elif isinstance(node, Block):
            yield from inside(node, *around)
        else:
            yield node, around


def controls(page: AppTest) -> dict[str, Widget]:
    """Return all that holds a value which somebody sees, by its key."""
    return {
        str(each.key): each
        for each, _ in inside(page.main)
        if isinstance(each, Widget)
        and each.type not in ("button", "download_button")
        and not str(each.key).endswith(links.HEARD)
    }


def bound(page: AppTest) -> dict[str, Widget]:
    """Return those that the browser keeps in the link; the page itself sets the others."""
    named = {key: each for key, each in controls(page).items() if " " not in key}
    assert all(each.proto.query_param_key == key for key, each in named.items())
    return named


def picture(page: AppTest) -> list[tuple[str, bytes]]:
    """Return what is to be seen but for controls: charts, tables, numbers and texts."""
    return [
        (each.type, each.proto.SerializeToString(deterministic=True))
        for each, _ in inside(page.main)
        if not isinstance(each, Widget)
    ]


def elsewhere(control: Any) -> Any:
    """Return a value that a control does not have."""
    key = str(control.key)
    if key in VALUES:
        return VALUES[key]
    match control:
        case Selectbox() | ButtonGroup():
            return next(each for each in reversed(control.options) if each != control.value)
        case Multiselect():
            rest = [each for each in control.options if each not in control.value]
            return rest or control.value[1:]
        case Slider():
            stands: Any = control.value
            by = NUM_STEPS * control.step
            return stands + (by if stands + by <= control.max else -by)
    raise AssertionError(f"{key} is a {control.type}, and no value is known to move it to")


def written(value: Any) -> str | list[str]:
    """Return a value as Streamlit writes it into a link."""
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def differences(page: AppTest, other: AppTest) -> list[str]:
    """Return which controls and what else two pages do not have in common."""
    here, there = controls(page), controls(other)
    lost = [key for key, each in here.items() if key not in there or there[key].value != each.value]
    for place, (ours, theirs) in enumerate(
        zip_longest(picture(page), picture(other), fillvalue=("nothing", b""))
    ):
        if ours != theirs:
            lost.append(f"{ours[0]} at {place}")
    return lost


@dataclass(frozen=True)
class Moved:
    """A page all of whose controls were moved, its link, and their keys."""

    page: AppTest
    link: dict[str, Any]
    controls: frozenset[str]
    moved: frozenset[str]


@cache
def moved(case: Case) -> Moved:
    """Open a page, and move all of its controls at once."""
    start = dict(case.start)
    if "part_of" in start:
        of_page = opened(case.view, dataset=start["dataset"]).selectbox(key="part_of")
        start["part_of"] = next(name for name in of_page.options if name.startswith(PARENT))
    page = opened(case.view, **start)
    before = controls(page)
    keys = frozenset(bound(page))
    to_move = frozenset(key for key in keys if f"{case.view} {key}" not in DECIDE)
    for key, control in before.items():
        if key in to_move or key.endswith(" chosen"):
            control.set_value(elsewhere(control))
    page.run()
    assert not page.exception
    now = bound(page)
    assert set(now) == keys, (
        "other controls came: a case should start from the link that shows them"
    )
    link = {
        # What the page writes into the link itself.
        **page.query_params,
        **{key: written(now[key].value) for key in to_move | start.keys() if key in now},
    }
    return Moved(page, link, keys, to_move | start.keys())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_link_opens_the_same_picture(case: Case) -> None:
    page, link = moved(case).page, moved(case).link
    lost = differences(page, opened(case.view, **link))
    assert not lost, f"the link {urlencode(link, doseq=True)} opens another picture: {lost}"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_in_a_talk_the_picture_is_the_same_and_controls_are_folded_away(case: Case) -> None:
    page, link = moved(case).page, moved(case).link
    talk = opened(case.view, **link, present="1")
    assert differences(page, talk) == []
    for each, around in inside(talk.main):
        if isinstance(each, Widget) and str(each.key) in moved(case).controls:
            assert ("Controls" in around) == (each.key not in IN_SIGHT), each.key


def test_a_key_is_the_same_control_on_every_page() -> None:
    # What one page leaves in a session, another puts into its own link.
    labels: dict[str, set[str]] = {}
    for case in CASES:
        for key, control in bound(moved(case).page).items():
            labels.setdefault(key, set()).add(control.proto.label)
    assert {key: names for key, names in labels.items() if len(names) > 1} == {}


def test_every_control_there_is_was_moved() -> None:
    views = [name for _, name, _ in pkgutil.iter_modules(dashboard.views.__path__)]
    pages = {
        name
        for name in views
        if hasattr(importlib.import_module(f"dashboard.views.{name}"), "SUMMARY")
    }
    assert {case.view for case in CASES} == pages
    for view in pages:
        of_page = [moved(case) for case in CASES if case.view == view]
        shown, tried = (
            frozenset().union(*(getattr(each, name) for each in of_page))
            for name in ("controls", "moved")
        )
        assert shown <= tried, f"not moved on {view}: {shown - tried}"

    tried = frozenset().union(*(moved(case).moved for case in CASES))
    declared = {
        value.key
        for _, name, _ in pkgutil.walk_packages(dashboard.__path__, "dashboard.")
        if name != "dashboard.navigation"
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, state.Text | state.Slider | state.Choice)
    }
    assert {
        key for key in declared if not any(f"{each}_".startswith(f"{key}_") for each in tried)
    } == set()


@pytest.mark.parametrize(
    ("name", "kind", "key", "value"),
    [
        ("activations", "slider", "temperature", 2.5),
        ("activations", "text_input", "logits", "3, 1"),
        ("train", "number_input", "rate", 0.5),
        ("entropy", "button_group", "source", "Text"),
    ],
)
def test_what_a_control_holds_comes_into_a_link_that_lacks_it(
    name: str, kind: str, key: str, value: object
) -> None:
    # As a browser comes whose link was overwritten by an answer to what it did before.
    page = open_page(name)
    getattr(page, kind)(key=key).set_value(value).run()
    assert page.query_params[key] == str(value)
    page.query_params.clear()
    page.run()
    assert page.query_params[key] == str(value)
