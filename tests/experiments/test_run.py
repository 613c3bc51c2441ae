"""What a loop of one's own logs: predictions of any framework, joined runs, what is refused."""

from __future__ import annotations

import logging
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from core.heads import HEADS
from core.losses import categorical_cross_entropy
from experiments import datasets, models, tracking, training
from experiments.config import TrainConfig

pytestmark = pytest.mark.usefixtures("tables")
ROOT = Path(__file__).parents[2]
LOGITS = np.array([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3], [-1.0, 4.0, 0.0], [0.0, 0.0, 3.0]])
LABELS = np.array([0, 2, 1, 1])


class Tensor:
    """Stands as a tensor on a device, in a graph, does: only the copy on the host is an array."""

    def __init__(self, values: Any, where: str = "graph") -> None:
        self.values, self.where = np.asarray(values), where
        self.dtype = self.values.dtype

    def detach(self) -> Tensor:
        return Tensor(self.values, "device")

    def cpu(self) -> Tensor:
        return Tensor(self.values, "host" if self.where == "device" else self.where)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.where != "host":
            raise TypeError(f"a tensor of the {self.where} is no array")
        return self.values


def metrics_of(run_id: str) -> dict[str, float]:
    return dict(tracking.connect().get_run(run_id).data.metrics)


def logged(*arguments: Any, **options: Any) -> str:
    with tracking.track("mine") as run:
        run.log_predictions(*arguments, step=0, **options)
    return run.run_id


def test_predictions_come_to_what_training_says_of_the_same_model() -> None:
    for head in ("softmax_cce", "ovr_sigmoid_bce", "softmax_twice_cce"):
        config = TrainConfig("iris", head, num_epochs=2, mistakes=True)
        dataset = datasets.load("iris", 0)
        *_, last = training.train(config, dataset, training.start(config, dataset))
        logits, _ = models.forward(last.params, dataset.val.inputs)
        found = metrics_of(logged(logits, dataset.val.labels, head=head))
        said = {key: value for key, value in last.metrics().items() if key.startswith("val/")}
        del said["val/gradient_norm"]
        assert found == pytest.approx(said, rel=1e-6)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (LOGITS.tolist(), LABELS.tolist()),
        (pd.DataFrame(LOGITS), pd.Series(LABELS)),
        (Tensor(LOGITS), Tensor(LABELS)),
        (LOGITS, LABELS[:, np.newaxis]),
        (LOGITS, LABELS.astype(np.float32)),
    ],
    ids=["lists", "pandas", "tensors", "column of labels", "float labels"],
)
def test_arrays_of_every_kind_say_the_same(logits: Any, labels: Any) -> None:
    found = metrics_of(logged(logits, labels))
    assert found["val/loss"] == pytest.approx(categorical_cross_entropy(LOGITS, LABELS).mean())
    assert found["val/accuracy"] == 0.75


def test_one_logit_is_binary_and_rows_of_zeros_and_ones_are_labels_of_their_own() -> None:
    x = np.array([2.0, -1.0, 0.5])
    y = np.array([1, 0, 0])
    found = metrics_of(logged(x, y))
    bce = np.log1p(np.exp(np.where(y == 1, -x, x)))
    assert found["val/loss"] == pytest.approx(bce.mean())
    several = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 0], [1, 1, 1]])
    found = metrics_of(logged(LOGITS, several))
    bce = np.log1p(np.exp(np.where(several == 1, -LOGITS, LOGITS)))
    assert found["val/loss"] == pytest.approx(bce.sum(axis=1).mean())
    assert found["val/cross_entropy_bits"] == pytest.approx(bce.sum(axis=1).mean() / math.log(2))


@pytest.mark.parametrize(
    ("logits", "labels", "options", "says"),
    [
        (LOGITS, np.eye(3)[LABELS], {}, "one-hot: say head='softmax_cce'"),
        (LOGITS, [0, 1, 2], {}, r"labels must have shape \(4,\) or \(4, 3\); got \(3,\)"),
        (LOGITS, [0, 1, 2, 3], {}, "from 0 to 2; got 0 to 3"),
        (LOGITS, [0, 1, 2, 0.5], {}, "whole numbers"),
        (LOGITS, list("abca"), {}, "labels must be numbers"),
        (np.zeros((0, 3)), [], {}, "N and K at least 1"),
        (LOGITS, LABELS, {"head": "sigmoid_bce"}, "does not fit logits"),
        (LOGITS, LABELS, {"head": "hinge"}, "head must be one of"),
        (LOGITS, LABELS, {"class_names": ["a"]}, "class_names must be 3 names; got 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    logits: Any, labels: Any, options: dict[str, Any], says: str
) -> None:
    with tracking.track("mine") as run, pytest.raises(ValueError, match=says):
        run.log_predictions(logits, labels, step=0, **options)


def test_one_hot_labels_go_with_a_head_that_says_so() -> None:
    one_hot = np.eye(3)[LABELS]
    assert metrics_of(logged(LOGITS, one_hot, head="softmax_cce")) == metrics_of(
        logged(LOGITS, LABELS)
    )


def test_logits_that_are_not_finite_are_counted_and_the_loop_goes_on() -> None:
    with tracking.track("mine") as run:
        run.log_predictions(LOGITS, LABELS, step=0)
        run.log_predictions(LOGITS * np.nan, LABELS, step=1)
    assert tracking.connect().get_run(run.run_id).data.tags["not_finite.val/loss"] == (
        "1: nan at step 1"
    )
    assert len(tracking.connect().get_metric_history(run.run_id, "val/loss")) == 1


def test_the_last_outputs_of_each_split_are_kept_as_rows_table_and_charts() -> None:
    with tracking.track("mine") as run:
        for step in range(3):
            run.log_predictions(LOGITS * step, LABELS, step=step, class_names="abc")
            run.log_predictions(LOGITS, LABELS, step=step, split="train")
    client = tracking.connect()
    names = {
        item.path
        for folder in ("predictions", "charts", "tables")
        for item in client.list_artifacts(run.run_id, folder)
    }
    charts = {f"charts/{name}.{kind}" for name in CHARTS for kind in ("html", "svg")}
    assert names == charts | {
        "predictions/val.parquet",
        "predictions/train.parquet",
        "tables/classes.json",
        "tables/train_classes.json",
    }
    rows = pd.read_parquet(client.download_artifacts(run.run_id, "predictions/val.parquet"))
    np.testing.assert_array_equal(rows[["logit_0", "logit_1", "logit_2"]], LOGITS * 2)
    np.testing.assert_array_equal(rows["label"], LABELS)
    experiment = client.get_run(run.run_id).info.experiment_id
    table = client.load_table(experiment, "tables/classes.json", run_ids=[run.run_id])
    assert list(table["class"]) == ["a", "b", "c"]
    assert len(client.get_metric_history(run.run_id, "train/loss")) == 3


CHARTS = [
    f"{split}{name}" for split in ("", "train_") for name in ("classes", "confusion", "reliability")
]


def test_what_the_caller_writes_into_its_array_afterwards_is_not_logged() -> None:
    logits = LOGITS.copy()
    with tracking.track("mine") as run:
        run.log_predictions(logits, LABELS, step=0)
        logits[:] = 0
    path = tracking.connect().download_artifacts(run.run_id, "predictions/val.parquet")
    np.testing.assert_array_equal(pd.read_parquet(path)["logit_0"], LOGITS[:, 0])


def test_a_run_that_mlflow_opened_is_joined_and_stays_open(tmp_path: Path) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    mlflow.set_tracking_uri(elsewhere)  # sets MLFLOW_TRACKING_URI too
    try:
        with mlflow.start_run() as theirs:
            with tracking.track("mine", {"learning_rate": 0.1}) as run:
                run.log_metrics({"train/loss": 1.0}, step=0)
            assert run.run_id == theirs.info.run_id
            client = MlflowClient(elsewhere)
            assert client.get_run(run.run_id).info.status == "RUNNING"
            with pytest.raises(RuntimeError), tracking.track():
                raise RuntimeError
            assert client.get_run(run.run_id).info.status == "RUNNING"
            mlflow.log_metric("train/loss", 0.5, step=1)
        found = client.get_run(run.run_id)
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
    assert found.info.status == "FINISHED"
    assert found.data.params == {"learning_rate": "0.1"}
    history = client.get_metric_history(run.run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(0, 1.0), (1, 0.5)]


@pytest.mark.parametrize(
    "name", ["a//b", "/a", "a/", "", "a$", "a" * 251, "../a", "a/./b", "a/../b", ".", "a/.."]
)
def test_a_name_that_mlflow_would_refuse_is_refused_when_it_is_logged(name: str) -> None:
    with tracking.track("mine") as run, pytest.raises(ValueError, match="the name of a metric"):
        run.log_metrics({name: 1.0})


def test_every_name_that_is_let_through_is_taken() -> None:
    names = ["train/loss", "a b", "a-b_c.d:e", "ä", "a" * 250, "a/b/c", ".a"]
    with tracking.track("mine") as run:
        run.log_metrics(dict.fromkeys(names, 1.0))
    assert set(metrics_of(run.run_id)) == set(names)


def test_what_mlflow_refuses_for_ever_is_told_of_and_holds_nothing_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING), tracking.track("mine", {"a": 1}) as run:
        run.log_params({"a": 2})
        run.log_metrics({"loss": 1.0})
    assert "MLflow refuses params" in caplog.text
    found = tracking.connect().get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"a": "1"}
    assert found.data.metrics == {"loss": 1.0}
    assert found.data.tags["lab.refused"].startswith("params: ")


def test_one_param_that_is_refused_leaves_the_others() -> None:
    with tracking.track("mine", {"a": 1, "": 2, "b": 3}) as run:
        pass
    found = tracking.connect().get_run(run.run_id)
    assert found.data.params == {"a": "1", "b": "3"}
    assert found.info.status == "FINISHED"


def test_more_params_and_tags_than_one_call_takes_are_all_there() -> None:
    many = {f"p{i}": str(i) for i in range(250)}
    with tracking.track("mine", many) as run:
        run.set_tags(many)
    found = tracking.connect().get_run(run.run_id)
    assert found.data.params == many
    assert many.items() <= found.data.tags.items()
    assert "lab.refused" not in found.data.tags


def test_a_step_beyond_64_bits_is_refused_when_it_is_logged() -> None:
    with tracking.track("mine") as run:
        run.log_metrics({"loss": 1.0}, step=2**63 - 1)
        with pytest.raises(ValueError, match="within 64 bits"):
            run.log_metrics({"loss": 1.0}, step=2**63)
    assert metrics_of(run.run_id) == {"loss": 1.0}


def test_a_run_that_has_ended_takes_no_more() -> None:
    with tracking.track("mine") as run:
        pass
    with pytest.raises(ValueError, match="has ended"):
        run.log_metrics({"loss": 1.0})


MINE = """
from experiments import tracking
with tracking.track("mine") as run:
    print(run.run_id)
"""


def test_a_program_of_ones_own_is_the_source_with_its_own_commit(tmp_path: Path) -> None:
    program = tmp_path / "project" / "mine.py"
    program.parent.mkdir()
    program.write_text(MINE)

    def git(*arguments: str) -> str:
        who = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        return subprocess.run(
            ["git", *who, *arguments],
            cwd=program.parent,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.strip()

    git("init", "--quiet")
    git("add", "mine.py")
    git("commit", "--quiet", "--message", "mine")
    done = subprocess.run(
        [sys.executable, str(program)], cwd=ROOT, check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    tags = tracking.connect().get_run(done.stdout.strip()).data.tags
    assert tags["mlflow.source.name"] == str(program)
    assert tags["mlflow.source.git.commit"] == git("rev-parse", "HEAD")


def test_an_exit_that_is_no_failure_ends_a_run_finished() -> None:
    with pytest.raises(SystemExit), tracking.track("mine") as run:
        sys.exit(0)
    found = tracking.connect().get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert "lab.error" not in found.data.tags


def test_an_error_ends_a_run_failed_and_says_which() -> None:
    with pytest.raises(ZeroDivisionError), tracking.track("mine") as run:
        run.log_metrics({"loss": 1 / 0})
    found = tracking.connect().get_run(run.run_id)
    assert found.info.status == "FAILED"
    assert found.data.tags["lab.error"] == "ZeroDivisionError: division by zero"


LOOP = """
import sys
from experiments import tracking
with tracking.track("mine") as run:
    for step in range(60):
        run.log_metrics({"train/loss": 1 / (step + 1)}, step)
        run.log_predictions([[1.0, 0.0]], [0], step=step)
    print(run.run_id, flush=True)
    sys.stdin.read()
"""


def test_sigterm_ends_a_run_as_killed_with_everything_flushed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOOP],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    client = tracking.connect()
    assert client.get_run(run_id).info.status == "KILLED"
    assert len(client.get_metric_history(run_id, "train/loss")) == 60
    assert [item.path for item in client.list_artifacts(run_id, "predictions")] == [
        "predictions/val.parquet"
    ]
    assert not list(tracking.spool_folder().iterdir())


def test_heads_that_are_logged_are_those_of_the_registry() -> None:
    for name, head in HEADS.items():
        z = LOGITS[:, :1] if head.task == "binary" else LOGITS
        y = (LOGITS > 0).astype(int) if head.task == "multi-label" else LABELS % (z.shape[1] + 1)
        y = np.minimum(y, 1) if head.task == "binary" else y
        assert math.isfinite(metrics_of(logged(z, y, head=name))["val/loss"])
