import re

import altair as alt
import pandas as pd
import pytest

from core.heads import HEADS
from experiments import models
from experiments.charts import style
from experiments.charts.history import TITLES, history_chart
from experiments.charts.predictions import pull_chart
from experiments.charts.sweeps import sweep_chart
from experiments.charts.theory import curve_chart
from experiments.config import TrainConfig
from experiments.curves import theory
from experiments.datasets import load
from experiments.frames import history_frame, pull_frame
from experiments.outputs import Outputs
from experiments.training import start, train

HISTORY = pd.DataFrame(
    [
        {"run": run, "split": split, "epoch": epoch, "loss": 1 / (epoch + 1), "accuracy": 0.5,
         "entropy_bits": 2.0, "cross_entropy_bits": 1.0}
        for run in ("a", "b")
        for split in ("train", "val")
        for epoch in range(3)
    ]
)  # fmt: skip
LONG = " of a run that has a name with many letters in it"


@pytest.mark.parametrize("metrics", [*([metric] for metric in TITLES), list(TITLES)])
def test_history_draws_a_line_per_run_and_split_and_reads_both_out(metrics: list[str]) -> None:
    spec = history_chart(HISTORY, metrics).to_dict()
    table, *panels = spec["vconcat"]
    assert [panel["title"]["text"] for panel in panels] == [TITLES[metric] for metric in metrics]
    for panel, metric in zip(panels, metrics, strict=True):
        val, train, *_ = (layer for layer in panel["layer"] if layer["mark"]["type"] == "line")
        assert val["encoding"]["y"]["field"] == metric
        assert train["encoding"]["y"]["field"] == f"train_{metric}"
        assert train["mark"]["strokeDash"]
        for lines in (val, train):
            assert lines["encoding"]["color"]["scale"]["domain"] == ["a", "b"]
    (hover,) = spec["params"]
    assert hover["views"] == [panel["layer"][-1]["name"] for panel in panels]
    read = [layer["encoding"].get("text", {}).get("field") for layer in table["layer"]]
    assert {"curve", f"train_{metrics[0]}", *metrics} <= set(read)


def test_the_table_stands_at_the_last_epoch_that_all_runs_have() -> None:
    shorter = HISTORY[(HISTORY["run"] == "a") | (HISTORY["epoch"] < 2)]
    spec = history_chart(shorter, ["loss"]).to_dict()
    rows = spec["datasets"][spec["data"]["name"]]
    assert [(row["curve"], row["epoch"], row["loss"]) for row in rows if row["now"]] == [
        ("a", 1, 0.5),
        ("b", 1, 0.5),
    ]


def test_a_run_without_validation_rows_has_its_training_rows() -> None:
    spec = history_chart(HISTORY[HISTORY["split"] == "train"], ["loss"]).to_dict()
    rows = spec["datasets"][spec["data"]["name"]]
    assert [row["train_loss"] for row in rows if row["curve"] == "a"] == [1, 0.5, 1 / 3]
    assert {row["loss"] for row in rows} == {None}


@pytest.mark.parametrize(
    ("longer", "width", "is_over"),
    [("", 260, False), (LONG, 260, True), (LONG, 400, True), (LONG, 1200, False)],
)
def test_long_names_stand_over_their_numbers_where_there_is_no_room_beside(
    longer: str, width: int, is_over: bool
) -> None:
    named = HISTORY.assign(run=HISTORY["run"] + longer)
    spec = history_chart(named, ["loss", "accuracy"]).to_dict()
    for part in spec["vconcat"]:
        part["width"] = width
    svg = style.to_svg(alt.VConcatChart.from_dict(spec))
    name, number = (
        float(re.findall(rf"translate\([\d.]+,([\d.]+)\)[^>]*>{text}<", svg)[0])
        for text in (f"a{longer}", "0.333")
    )
    assert (name < number) == is_over
    assert (name == number) != is_over


@pytest.mark.parametrize("width", [260, 500])
def test_names_are_whole_but_for_those_that_no_line_holds(width: int) -> None:
    for longer, is_whole in ((LONG, True), (3 * LONG, False)):
        named = HISTORY.assign(run=HISTORY["run"] + longer)
        spec = history_chart(named, ["loss", "accuracy"]).to_dict()
        for part in spec["vconcat"]:
            part["width"] = width
        svg = style.to_svg(alt.VConcatChart.from_dict(spec))
        assert (f">a{longer}<" in svg) == is_whole
        assert ("…<" in svg) != is_whole


def test_charts_that_a_run_keeps_are_valid_vega_lite_and_the_same_in_both_files() -> None:
    config = TrainConfig(dataset="iris", head="softmax_cce", num_epochs=2)
    dataset = load("iris", 0)
    epochs = list(train(config, dataset, start(config, dataset)))
    logits, _ = models.forward(epochs[-1].params, dataset.val.inputs)
    said = Outputs(HEADS[config.head], logits, dataset.val.labels, dataset.class_names)
    curve = next(iter(theory()))
    bits = {"val_cross_entropy_bits": [0.5], "val_accuracy": [0.9], "val_entropy_bits": [0.4]}
    for chart in (
        *said.charts().values(),
        pull_chart(pull_frame(epochs)),
        history_chart(history_frame("a", epochs), ["loss"]),
        curve_chart(curve.frame, curve.x_title, curve.y_title),
        sweep_chart(pd.DataFrame({"configuration": ["hidden=0"], **bits})),
    ):
        chart.to_dict(validate=True)
        assert style.to_files(chart) == (style.to_html(chart), style.to_svg(chart))


def test_saved_charts_need_no_internet() -> None:
    html = style.to_html(history_chart(HISTORY, ["loss"]))
    assert "<script src=" not in html
    assert 'rel="stylesheet"' not in html
    assert "vegaEmbed" in html
