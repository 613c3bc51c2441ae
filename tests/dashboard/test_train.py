import shlex
from concurrent.futures import Future

import numpy as np
import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from core.activations import softmax
from core.heads import HEADS, heads_for
from dashboard import lesson
from dashboard.charts.train import HEAD_COLOURS, PULL_OTHERS, boundary_chart, course_chart
from dashboard.frames import train as frames
from dashboard.views import play
from dashboard.views import train as views
from dashboard.views.keep import JOB, Job
from dashboard.views.train import titled
from experiments import cli, models, runs, tracking
from experiments.config import TrainConfig
from experiments.datasets import DATASETS, load
from experiments.training import start, train
from tests.dashboard.test_pages import metrics, open_page

CONFIG = TrainConfig("moons", "sigmoid_bce", 8, 3, learning_rate=0.03)
DIVERGING = TrainConfig("blobs", "ovr_sigmoid_bce", 32, 3, learning_rate=1e20)


def epoch_of(page: AppTest) -> int:
    epoch = page.slider(key="epoch").value
    assert isinstance(epoch, int)
    return epoch


def expected(config: TrainConfig, epoch: int) -> list[str]:
    dataset = load(config.dataset, config.seed)
    val = list(train(config, dataset, start(config, dataset)))[epoch].val
    return [f"{val.loss:.4f}", f"{val.entropy_bits:.3f}", f"{val.accuracy:.1%}"]


def test_a_course_is_the_training_epoch_by_epoch() -> None:
    dataset = load("moons", 0)
    course = frames.course(CONFIG, dataset)
    wanted = list(train(CONFIG, dataset, start(CONFIG, dataset)))
    assert [epoch.val for epoch in course.epochs] == [epoch.val for epoch in wanted]
    assert course.at(2) is course.epochs[2]
    assert course.at(60) is course.epochs[-1]
    assert not course.problem


def test_a_training_that_breaks_off_keeps_what_it_had() -> None:
    course = frames.course(DIVERGING, load("blobs", 0))
    assert 0 < len(course.epochs) <= DIVERGING.num_epochs
    assert "lower the learning rate" in course.problem


@pytest.mark.parametrize(
    "config", [CONFIG, TrainConfig("blobs", "sigmoid_cce", 4, 2, mistakes=True)]
)
def test_the_boundary_is_what_the_model_says_in_the_middle_of_each_cell(
    config: TrainConfig,
) -> None:
    dataset = load(config.dataset, 0)
    course = frames.course(config, dataset)
    cells = frames.boundary(course, 2, dataset)
    assert len(cells) == frames.CELLS**2
    middles = np.stack([cells[["x", "x2"]].mean(axis=1), cells[["y", "y2"]].mean(axis=1)], axis=1)
    inputs = ((middles - dataset.mean) / dataset.scale).astype(np.float32)
    logits, _ = models.forward(course.at(2).params, inputs)
    p = softmax(HEADS[config.head].log_probabilities(logits))
    np.testing.assert_allclose(cells["confidence"], p.max(axis=1), rtol=1e-4)
    agree = np.array(dataset.class_names)[p.argmax(axis=1)] == cells["class"]
    assert agree.mean() > 0.999
    for split in (dataset.train, dataset.val):
        for name in ("x", "y"):
            assert cells[name].min() < split.features[name].min()
            assert cells[f"{name}2"].max() > split.features[name].max()


def test_points_are_wrong_where_the_accuracy_says_so() -> None:
    dataset = load("moons", 0)
    course = frames.course(CONFIG, dataset)
    points = frames.points(course, 1, dataset, dataset.val)
    assert (points["answer"] == "right").mean() == pytest.approx(course.at(1).val.accuracy)
    assert ((points["class"] == points["predicted"]) == (points["answer"] == "right")).all()


def test_charts_draw_up_to_the_epoch_and_stay_small() -> None:
    dataset = load("moons", 0)
    course = frames.course(CONFIG, dataset)
    chart = course_chart(frames.histories([course]), 1, {course.title: "#000"})
    spec = chart.to_dict()
    table, *panels = spec["vconcat"]
    for panel, columns in zip(
        panels,
        [
            ("loss", "train_loss"),
            ("entropy_bits", "train_entropy_bits"),
            ("train_positive_pull", "train_negative_pull"),
        ],
        strict=True,
    ):
        lines = [layer for layer in panel["layer"] if layer["mark"]["type"] == "line"]
        last = {
            (line["encoding"]["y"]["field"], "opacity" in line["mark"]): max(
                row["epoch"] for row in spec["datasets"][line["data"]["name"]]
            )
            for line in lines
        }
        assert last == {
            (column, is_to_come): CONFIG.num_epochs if is_to_come else 1
            for column in columns
            for is_to_come in (False, True)
        }
    # What the table shows where no pointer is.
    (now,) = [row for row in spec["datasets"][spec["data"]["name"]] if row["now"]]
    assert (now["epoch"], now["loss"]) == (1, course.at(1).val.loss)
    assert now[PULL_OTHERS] == course.at(1).train.negative_pull
    read = [layer["encoding"].get("text", {}).get("field") for layer in table["layer"]]
    assert {"loss", "entropy_bits", "accuracy", "train_positive_pull", PULL_OTHERS} <= set(read)
    cells = frames.boundary(course, 1, dataset)
    spec = boundary_chart(
        cells, frames.points(course, 1, dataset, dataset.val), dataset.class_names
    ).to_dict()
    assert sum(len(rows) for rows in spec["datasets"].values()) <= 5000
    opacity = spec["layer"][0]["encoding"]["opacity"]["scale"]["domain"]
    assert opacity == [0.5, 1]


@pytest.mark.parametrize(
    ("query", "epoch"),
    [
        ({}, 60),
        ({"epoch": "7"}, 7),
        ({"epoch": "0", "hidden": "0", "rate": "0.1", "seed": "3"}, 0),
        ({"epoch": "5", "data": "moons"}, 5),
    ],
)
def test_train_shows_the_epoch_of_the_link(query: dict[str, str], epoch: int) -> None:
    page = open_page("train", **query)
    name = query.get("data", "spirals")
    heads = heads_for(DATASETS[name].task, mistakes=True)[:2]
    wanted = [
        expected(
            TrainConfig(
                name,
                head.name,
                int(query.get("hidden", 32)),
                60,
                learning_rate=float(query.get("rate", 0.01)),
                seed=int(query.get("seed", 0)),
                mistakes=True,
            ),
            epoch,
        )
        for head in heads
    ]
    assert metrics(page) == wanted[0] + wanted[1]
    assert [header.value for header in page.header[:2]] == [head.title for head in heads]
    assert len(page.get("vega_lite_chart")) == 3
    text = " ".join(element.value for element in page.markdown)
    assert f"After epoch {epoch}, on the validation rows" in text


@pytest.mark.parametrize("name", ["spirals", "moons", "wine", "topics"])
def test_heads_that_fit_are_offered_and_mistakes_say_so(name: str) -> None:
    page = open_page("train", data=name, epoch="1")
    heads = heads_for(DATASETS[name].task, mistakes=True)
    first = page.selectbox(key="first")
    assert first.options == [titled(head) for head in heads]
    assert all(("a mistake" in titled(head)) == head.is_mistake for head in heads)
    is_planar = name in ("spirals", "blobs", "moons")
    shown = min(len(heads), 2)
    assert len(page.get("vega_lite_chart")) == 1 + (shown if is_planar else 0)
    captions = " ".join(caption.value for caption in page.caption)
    assert ("a boundary can only be drawn for two" in captions) == (not is_planar)
    if len(heads) > 1:
        # One head is not compared with itself.
        assert first.value not in page.selectbox(key="second").options


def test_play_goes_at_its_speed_whatever_the_machine_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(play, "monotonic", lambda: now)
    page = open_page("train", epoch="50", speed="4")
    page.button(key="play").click().run()
    assert page.button(key="play").label == "Pause"
    for passed, epoch in ((0.5, 52), (0.25, 53), (0.1, 53), (0.15, 54), (1.0, 58)):
        now += passed
        page.run()
        assert not page.exception
        assert f"After epoch {epoch}, on" in " ".join(each.value for each in page.markdown)
    # However long the page was left.
    now += 1000
    page.run()
    assert page.button(key="play").label == "Play"
    assert epoch_of(page) == 60


def test_play_pause_and_step_move_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(play, "monotonic", lambda: now)
    page = open_page("train", epoch="58", speed="2")
    page.button(key="step").click().run()
    assert epoch_of(page) == 59
    page.button(key="play").click().run()
    now += 0.5
    page.run()
    assert not page.exception
    # It ends by itself, and starts again from the beginning.
    assert epoch_of(page) == 60
    page.button(key="play").click().run()
    assert "After epoch 0, on" in " ".join(element.value for element in page.markdown)
    now += 1000
    page.run()
    # A page that was left for long goes on from where it was seen.
    assert f"After epoch {2 * int(play.LONGEST_TICK_SECONDS)}, on" in " ".join(
        element.value for element in page.markdown
    )
    page.button(key="play").click().run()
    paused = epoch_of(page)
    assert paused == 2 * play.LONGEST_TICK_SECONDS
    now += 5
    page.run()
    assert epoch_of(page) == paused
    page.button(key="play").click().run()
    now += 1
    page.button(key="step").click().run()
    assert paused < epoch_of(page) < 60
    assert page.button(key="play").label == "Play"


def test_in_a_talk_play_stays_in_sight() -> None:
    page = open_page("train", present="1", epoch="3")
    folded = page.expander[0]
    assert folded.label == "Controls"
    assert {box.key for box in folded.selectbox} == {"data", "first", "second"}
    assert not folded.button
    assert {button.key for button in page.button} >= {"play", "step"}


def test_each_head_has_its_loss_as_a_formula() -> None:
    assert views.LATEX.keys() == HEADS.keys() == HEAD_COLOURS.keys()
    page = open_page("train", data="moons", epoch="1")
    heads = heads_for(DATASETS["moons"].task, mistakes=True)
    for written, head in zip(page.latex, heads, strict=True):
        ink, _, body = views.LATEX[head.name].partition("{")
        colour = ink.rpartition("\\")[2]
        assert colour in lesson.COLOURS
        assert rf"\textcolor{{{colour}}}{{{body}" in written.value


def test_heads_that_are_compared_have_a_colour_each() -> None:
    for spec in DATASETS.values():
        colours = [HEAD_COLOURS[head.name] for head in heads_for(spec.task, mistakes=True)]
        assert len(set(colours)) == len(colours)


def test_the_command_gives_the_figures_of_the_page() -> None:
    query = {"data": "iris", "hidden": "4", "rate": "0.05", "seed": "7"}
    page = open_page("train", **query, second="softmax + squared error · a mistake")
    for line, shown in zip(page.code[0].value.splitlines(), metrics(page)[::3], strict=True):
        assert line.startswith("python -m experiments train ")
        done = CliRunner().invoke(cli.cli, shlex.split(line)[3:])
        assert done.exit_code == 0, done.output
        newest = tracking.list_runs().iloc[0]
        assert f"{newest['val_loss']:.4f}" == shown


def test_a_learning_rate_that_is_too_high_is_a_sentence() -> None:
    page = open_page("train", data="blobs", rate="1e20")
    assert "stopped after 1 epoch." in page.error[0].value
    assert "lower the learning rate" in page.text[0].value


@pytest.mark.parametrize(
    "query",
    [{"epoch": "many"}, {"rate": "-1"}, {"data": "faces"}, {"first": "<b>"}, {"hidden": "1e9"}],
)
def test_a_broken_link_opens_on_the_defaults(query: dict[str, str]) -> None:
    assert metrics(open_page("train", **query)) == metrics(open_page("train"))


def test_both_heads_go_to_mlflow_as_children_of_one_run() -> None:
    page = open_page("train", data="moons", hidden="0")
    page.button(key="log").click().run()
    job = page.session_state[JOB]
    conclusion, links = job.future.result(timeout=120)
    page.run()
    assert not page.exception
    assert page.success[0].value == conclusion
    buttons = {link.proto.label: link.proto.url for link in page.get("link_button")}
    assert buttons == links
    assert list(links) == ["The comparison", "sigmoid + BCE", "sigmoid + squared error"]
    run_ids = [link.partition("?")[0].rpartition("/")[2] for link in links.values()]
    parent = run_ids[0]
    children = tracking.children_of(parent)
    assert set(run_ids) == {
        parent,
        *(child.run_id for child in children),
    }
    shown = sorted(f"{child.metrics['final/val_loss']:.4f}" for child in children)
    assert shown == sorted(metrics(page)[::3])
    assert not page.button(key="log").disabled


def test_a_press_that_is_said_twice_logs_once() -> None:
    page = open_page("train", data="moons", hidden="0")
    # As after the first press, before a run could disable the button.
    page.session_state[JOB] = job = Job(Future(), [], 1)
    page.button(key="log").click().run()
    assert page.session_state[JOB] is job
    assert page.button(key="log").disabled


def test_a_store_that_is_gone_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    page = open_page("train", data="moons")
    page.button(key="log").click().run()
    with pytest.raises(tracking.TrackingError):
        page.session_state[JOB].future.result(timeout=60)
    page.run()
    assert page.error[0].value == "This can't be logged."
    assert "http://127.0.0.1:9 can't be reached" in page.text[0].value


def test_a_full_disk_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "compare", full)
    page = open_page("train", data="moons", hidden="0")
    page.button(key="log").click().run()
    with pytest.raises(OSError, match="No space left"):
        page.session_state[JOB].future.result(timeout=60)
    page.run()
    assert not page.exception
    assert "free some space" in page.error[0].value
    assert "No space left" in page.text[0].value
    assert not page.button(key="log").disabled
