"""Each page, run without a browser: what it shows is what core gives."""

import gc
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.activations import sigmoid, softmax
from core.entropy import entropy_from_logits
from core.losses import binary_cross_entropy, categorical_cross_entropy
from dashboard.page import settle
from dashboard.parsing import parse_logits
from dashboard.samples import SAMPLES
from experiments import tracking
from experiments.config import TrainConfig
from experiments.datasets import load
from experiments.runs import train_and_track

APP = Path(__file__).parents[2] / "dashboard" / "navigation.py"


def open_page(name: str, *unfolded: str, **query: str) -> AppTest:
    """Open a page by a link, with what is folded under some keys open."""
    page = AppTest.from_string(
        f"from dashboard.views import {name}\n{name}.show()", default_timeout=60
    )
    for key, value in query.items():
        page.query_params[key] = value
    for key in unfolded:
        page.session_state[key] = True
    page.run()
    assert not page.exception
    return page


def metrics(page: AppTest) -> list[str]:
    return [metric.value for metric in page.metric]


def table_of(page: AppTest) -> pd.DataFrame:
    """Return the words of the Markdown table on a page."""
    (table,) = (each.value for each in page.markdown if each.value.startswith("| "))
    heading, _, *rows = (
        [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in table.splitlines()
    )
    return pd.DataFrame(rows, columns=heading)


def run_code(code: str) -> dict[str, Any]:
    """Return the names after code of core's; that of other frameworks runs in `make bench`."""
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102
    return names


def test_home_says_what_is_here_and_shows_a_picture() -> None:
    # Its links lead to pages, which only the whole app has.
    page = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not page.exception
    assert page.title[0].value == "Cross-Entropy Lab"
    text = " ".join(element.value for element in page.markdown)
    logits = parse_logits(SAMPLES[0].logits)
    assert f"sum to {sigmoid(logits).sum():.2f}" in text
    assert len(page.get("vega_lite_chart")) == 1
    assert [link.proto.label for link in page.get("page_link")] == [
        "1. **Entropy**",
        "2. **Activations**",
        "3. **Losses**",
        "4. **Gradients**",
        "5. **Precision**",
        "6. **Train**",
        "7. **Mistakes**",
        "8. **Runs**",
        "9. **Diagnose**",
        "Next: Entropy",
    ]


@pytest.mark.parametrize("temperature", ["1.0", "2.5"])
def test_activations_shows_the_numbers_of_core(temperature: str) -> None:
    page = open_page("activations", "numbers", logits="3, 1, -2", temperature=temperature)
    scaled = np.array([3, 1, -2]) / float(temperature)
    shown = metrics(page)
    assert shown[0] == f"{sigmoid(scaled).sum():.3f}"
    assert shown[2] == "1.000"
    assert shown[3] == f"{entropy_from_logits(scaled, base=2):.3f}"
    table = page.dataframe[0].value
    softmax_rows = table[table["activation"] == "softmax"]
    np.testing.assert_array_equal(
        softmax_rows["probability"], softmax([3.0, 1, -2], temperature=float(temperature))
    )


def test_a_sample_sets_the_logits_and_the_class() -> None:
    page = open_page("losses")
    page.button_group(key="sample logits").set_value(SAMPLES[4].title).run()
    assert not page.exception
    assert page.text_input(key="logits").value == SAMPLES[4].logits
    assert page.selectbox(key="label").value == f"class {SAMPLES[4].label}"


def test_moving_the_temperature_moves_the_entropy() -> None:
    page = open_page("activations")
    page.slider(key="temperature").set_value(4.0).run()
    logits = parse_logits(SAMPLES[0].logits)
    assert metrics(page)[3] == f"{entropy_from_logits(logits / 4, base=2):.3f}"


@pytest.mark.parametrize("label", [0, 1, 2])
def test_losses_shows_the_numbers_of_core(label: int) -> None:
    page = open_page("losses", logits="3 1 -2", label=f"class {label}")
    one_hot = np.eye(3)[label]
    binary = binary_cross_entropy([3.0, 1, -2], one_hot).sum()
    categorical = categorical_cross_entropy([3.0, 1, -2], label)
    assert metrics(page)[:4] == [
        f"{binary:.4f}",
        f"{binary / np.log(2):.4f}",
        f"{categorical:.4f}",
        f"{categorical / np.log(2):.4f}",
    ]


@pytest.mark.parametrize("name", ["activations", "losses"])
@pytest.mark.parametrize(
    "logits",
    ["1", "inf, 1", "inf inf", "-inf -inf", "nan 1", "1e308 -1e308", " ".join(["0.5"] * 1000)],
)
def test_odd_logits_give_a_picture_or_a_sentence(name: str, logits: str) -> None:
    page = open_page(name, logits=logits)
    assert len(page.get("vega_lite_chart")) >= 2
    if logits in ("inf inf", "-inf -inf", "nan 1"):
        # Infinite binary terms beside a CCE that is undefined are two things to say.
        both = name == "losses" and "inf" in logits
        assert len(page.warning) == (2 if both else 1)


@pytest.mark.parametrize("name", ["activations", "losses"])
@pytest.mark.parametrize("logits", ["", "one two", "<script>", "0 " * 5000])
def test_what_is_no_logits_gives_a_sentence(name: str, logits: str) -> None:
    page = open_page(name, logits=logits)
    assert len(page.error) == 1
    assert not page.metric


@pytest.mark.parametrize(
    "query", [{"temperature": "hot"}, {"temperature": "-3"}, {"label": "class 77"}]
)
def test_a_broken_link_opens_on_the_defaults(query: dict[str, str]) -> None:
    name = "losses" if "label" in query else "activations"
    assert metrics(open_page(name, **query)) == metrics(open_page(name))


def test_runs_says_which_command_makes_some() -> None:
    page = open_page("runs")
    assert "python -m experiments demo" in page.info[0].value
    assert not page.get("vega_lite_chart")


def test_runs_says_what_is_wrong_with_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    page = open_page("runs")
    assert "http://127.0.0.1:9 can't be reached" in page.text[0].value


def test_runs_shows_the_curves_of_the_runs_chosen() -> None:
    config = TrainConfig("breast_cancer", "sigmoid_bce", num_epochs=2)
    finished = [
        train_and_track(config, load(config.dataset, 0), lambda epoch: None) for _ in range(2)
    ]
    page = open_page("runs")
    assert page.selectbox(key="dataset").value == "breast_cancer"
    # Two runs of one kind: the newest is drawn, the other can be chosen.
    options = [f"sigmoid + BCE · linear · {run.run_id[:8]}" for run in reversed(finished)]
    assert page.multiselect(key="runs_breast_cancer").options == options
    assert page.multiselect(key="runs_breast_cancer").value == options[:1]
    assert len(page.get("vega_lite_chart")) == 1
    table = page.dataframe[0].value
    assert table["val_loss"].tolist() == [run.last.val.loss for run in reversed(finished)]
    assert f"/runs/{finished[1].run_id}/" in table["link"][0]
    assert tracking.ui_link() in {link.proto.url for link in page.get("link_button")}

    page.multiselect(key="runs_breast_cancer").set_value([]).run()
    assert not page.exception
    assert not page.get("vega_lite_chart")
    assert "at least one run" in page.info[0].value


def test_a_nan_is_not_summed_over() -> None:
    page = open_page("losses", logits="nan, 1", label="class 1")
    text = " ".join(element.value for element in page.markdown)
    assert "and undefined for all other classes" in text


def test_a_confident_row_keeps_its_digits_on_the_page() -> None:
    assert "4.248e-18" in metrics(open_page("losses", logits="40, 0"))


@pytest.mark.parametrize(
    ("logits", "says"),
    [("5", "With one class"), ("2, 2", "no temperature shown changes that"), ("3, 1", "sharpens")],
)
def test_sentences_hold_for_what_is_shown(logits: str, says: str) -> None:
    page = open_page("activations", logits=logits)
    assert says in " ".join(element.value for element in page.markdown)


@pytest.mark.parametrize("name", ["activations", "losses"])
def test_no_chart_has_an_empty_strip_under_it(name: str) -> None:
    charts = open_page(name).get("vega_lite_chart")
    assert charts
    for chart in charts:
        assert json.loads(chart.proto.spec)["padding"]["bottom"] <= 4


def test_what_is_folded_is_made_when_it_is_opened() -> None:
    folded = open_page("losses")
    assert not [*folded.code, *folded.dataframe]
    opened = open_page("losses", "as code", "numbers")
    assert (len(opened.code), len(opened.dataframe)) == (4, 1)


@pytest.mark.parametrize("name", ["entropy", "losses", "mistakes", "train"])
def test_each_figure_can_be_taken_along(name: str) -> None:
    page = AppTest.from_string(
        "from dashboard.page import take_along\n"
        f"from dashboard.views import {name}\n"
        f"with take_along():\n    {name}.show()",
        default_timeout=60,
    ).run()
    assert not page.get("download_button")
    page.button(key="take").click().run()
    assert not page.exception
    labels = [each.proto.label for each in page.get("download_button")]
    assert labels == ["PNG", "SVG", "CSV"] * len(page.get("vega_lite_chart"))


def test_a_page_without_figures_has_no_menu_for_them() -> None:
    page = AppTest.from_file(str(APP), default_timeout=60).run()
    assert "take" not in [each.key for each in page.button]


def test_what_is_imported_is_no_garbage_to_look_for_after_every_run() -> None:
    gc.unfreeze()
    settle.clear()
    AppTest.from_file(str(APP), default_timeout=60).run()
    gc.collect()
    assert gc.get_freeze_count() > 10 * len(gc.get_objects())
