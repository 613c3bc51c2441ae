"""The page Runs: what it draws and says is what the store holds, whoever wrote it there."""

import json
import re
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.frames.runs import side_by_side
from dashboard.views import runs as views
from experiments import tracking
from tests.dashboard.test_pages import open_page, table_of

HOSTILE = "**bold** <script>alert(1)<script> ![x](evil) $\\frac{1}{2}$ :red[x]"
BITS = {"softmax_cce": [2.0, 0.5], "softmax_twice_cce": [2.0, 1.5]}


def log_run(name: str, parent: str = "", **params: object) -> str:
    """Log a run of two epochs, and return its id."""
    settings = {"dataset": "wine", "head": "softmax_cce", "hidden": 0, "seed": 0, **params}
    bits = BITS[str(settings["head"])]
    with tracking.track(f"{name} · wine", settings, parent=parent) as run:
        for epoch, value in enumerate(bits):
            run.log_metrics(
                {
                    "val/loss": value * np.log(2),
                    "val/cross_entropy_bits": value,
                    "val/entropy_bits": value / 2,
                    "val/accuracy": 1 - value / 4,
                },
                step=epoch,
            )
        run.log_metrics({"final/val_cross_entropy_bits": bits[-1], "final/val_accuracy": 0.9})
    return run.run_id


def drawn(page: AppTest) -> tuple[list[str], list[str]]:
    """Return the runs and the columns that the linked charts draw."""
    (chart,) = page.get("vega_lite_chart")
    _, *panels = json.loads(chart.proto.spec)["vconcat"]
    lines = [panel["layer"][0]["encoding"] for panel in panels]
    (runs,) = {tuple(line["color"]["scale"]["domain"]) for line in lines}
    return list(runs), [line["y"]["field"] for line in lines]


def links(page: AppTest) -> dict[str, str]:
    return {link.proto.label: link.proto.url for link in page.get("link_button")}


def test_the_children_of_a_run_are_drawn_over_each_other() -> None:
    log_run("alone")
    with tracking.track("compare heads · wine", {"dataset": "wine"}) as parent:
        right = log_run("right", parent.run_id)
        wrong = log_run("wrong", parent.run_id, head="softmax_twice_cce")
    page = open_page("runs")
    part_of = page.selectbox(key="part_of")
    name = f"compare heads · wine · {parent.run_id[:6]}"
    assert part_of.options == [views.EVERY_RUN, name]
    assert "Their parent in MLflow" not in links(page)
    # A run of runs has no curve of its own, and is none of the runs.
    table = page.dataframe[-1].value
    assert parent.run_id not in set(table["run_id"])
    assert table["parent"].tolist() == [name, name, ""]

    part_of.set_value(name).run()
    assert not page.exception
    chosen = page.multiselect(key=f"runs_{parent.run_id[:6]}")
    labels = [f"right · {right[:8]}", f"wrong · {wrong[:8]} · a mistake"]
    assert sorted(chosen.value) == sorted(chosen.options) == labels
    curves, metrics = drawn(page)
    assert metrics == ["loss", "cross_entropy_bits", "entropy_bits", "accuracy"]
    assert sorted(curves) == labels

    assert links(page)["Their parent in MLflow"].endswith(f"/runs/{parent.run_id}")
    query = parse_qs(links(page)["Compare these in MLflow"].partition("?")[2])
    assert sorted(json.loads(query["runs"][0])) == sorted([right, wrong])
    experiment = tracking.connect().get_run(right).info.experiment_id
    assert json.loads(query["experiments"][0]) == [experiment]

    chosen.set_value(labels[:1]).run()
    assert drawn(page)[0] == labels[:1]
    assert "Compare these in MLflow" not in links(page)


def test_the_runs_chosen_stand_side_by_side_with_what_tells_them_apart() -> None:
    log_run("worse", head="softmax_twice_cce", learning_rate=0.1)
    best = log_run("better", learning_rate=0.01)
    page = open_page("runs")
    table = table_of(page)
    address = tracking.run_link(best).partition("?")[0]
    assert table["run"][0].startswith(f"[{best[:8]}]({address}")
    assert table["name"][0] == "better"
    assert table.columns.tolist() == [
        *("run", "name", "head", "learning_rate"),
        *("val bits", "val accuracy", "val entropy"),
    ]
    assert table["learning_rate"].tolist() == ["0.01", "0.1"]
    assert table["val bits"].tolist() == ["0.5000", "1.5000"]
    text = " ".join(each.value for each in page.markdown)
    assert re.search(r"better.* predicts the validation labels best: 0\.5000 bits per row", text)


def test_a_run_without_a_value_comes_last_and_foreign_settings_keep_apart() -> None:
    runs = pd.DataFrame(
        {
            "run": ["a", "b"],
            "title": ["first", "second"],
            "status": ["RUNNING", "FINISHED"],
            "settings": [{"run": "1", "name": "2", "same": "x"}, {"same": "x", "val bits": "7"}],
            "val_cross_entropy_bits": [np.nan, 1.0],
            "val_accuracy": [np.nan, 0.5],
            "val_entropy_bits": [np.nan, 0.1],
        }
    )
    table = side_by_side(runs)
    assert table["run"].tolist() == ["b", "a"]
    assert table["run (setting)"].tolist() == ["", "1"]
    assert table["name (setting)"].tolist() == ["", "2"]
    assert table["val bits (setting)"].tolist() == ["7", ""]
    assert table["status"].tolist() == ["FINISHED", "RUNNING"]
    assert "same" not in table


def test_a_run_that_still_runs_keeps_its_place_in_a_link_when_it_ends() -> None:
    client = tracking.connect()
    done = log_run("done")
    experiment = client.get_run(done).info.experiment_id
    run_id = client.create_run(experiment, run_name="slow · wine").info.run_id
    client.log_param(run_id, "dataset", "wine")
    labels = [f"slow · {run_id[:8]}", f"done · {done[:8]}"]
    query = {"runs_wine": labels[0]}
    page = open_page("runs", **query)
    assert page.multiselect(key="runs_wine").value == labels[:1]
    assert page.text[0].value == f"No curve yet: {labels[0]} · running"
    assert not page.get("vega_lite_chart")

    client.log_metric(run_id, "val/loss", 1.0, step=0)
    client.set_terminated(run_id)
    views.list_runs.clear()
    views.read_history.clear()
    page = open_page("runs", **query)
    assert page.multiselect(key="runs_wine").value == labels[:1]
    assert not page.text
    assert drawn(page)[0] == labels[:1]


def test_foreign_names_are_words_and_nothing_else() -> None:
    log_run(HOSTILE, learning_rate=HOSTILE)
    log_run("other", head="softmax_twice_cce")
    with tracking.track(HOSTILE, {"dataset": HOSTILE}) as run:
        run.log_metrics({"val/loss": 1.0, "train/loss": float("nan")}, step=0)
    page = open_page("runs")
    assert page.selectbox(key="dataset").options == ["wine", HOSTILE]
    # Markdown holds it escaped; elsewhere it is text.
    said = [each.value for each in (*page.markdown, *page.caption)]
    assert not any(
        part in text for text in said for part in ("<script>", "![x]", "$\\frac", ":red[")
    )
    assert any("bold" in text for text in said)
    page.selectbox(key="dataset").set_value(HOSTILE).run()
    assert not page.exception
    # It has no other metric, and a chart without a curve says nothing.
    assert drawn(page)[1] == ["loss"]


def test_more_runs_than_colours_are_said_to_be() -> None:
    ids = [log_run("one", seed=seed) for seed in range(views.MOST_DRAWN + 1)]
    page = open_page("runs")
    every = page.multiselect(key="runs_wine").options
    assert len(every) == len(ids)
    page.multiselect(key="runs_wine").set_value(every).run()
    assert not page.exception
    assert any(f"first {views.MOST_DRAWN} of {len(ids)}" in each.value for each in page.caption)
    assert table_of(page).columns[2] == "seed"


@pytest.mark.parametrize(
    "query", [{"dataset": "nowhere"}, {"part_of": "none"}, {"runs_wine": "no such run"}]
)
def test_a_broken_link_opens_on_what_there_is(query: dict[str, str]) -> None:
    run_id = log_run("one")
    page = open_page("runs", **query)
    assert page.selectbox(key="dataset").value == "wine"
    assert set(page.multiselect(key="runs_wine").value) <= {f"one · {run_id[:8]}"}
