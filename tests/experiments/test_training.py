import math

import pytest

from core.heads import heads_for
from experiments.config import TrainConfig
from experiments.curves import history_frame
from experiments.datasets import DATASETS, load
from experiments.runs import demo_configs
from experiments.training import Adam, train

CONFIG = TrainConfig("digits", "softmax_cce", hidden=8, num_epochs=3)


def test_same_seed_same_numbers() -> None:
    data = load("digits", seed=0)
    first, again = ([epoch.metrics() for epoch in train(CONFIG, data)] for _ in range(2))
    assert first == again
    other = TrainConfig("digits", "softmax_cce", hidden=8, num_epochs=3, seed=1)
    assert first != [epoch.metrics() for epoch in train(other, data)]


@pytest.mark.parametrize("config", demo_configs(seed=0), ids=lambda config: config.run_name)
def test_each_demo_run_starts_from_ignorance_and_learns(config: TrainConfig) -> None:
    data = load(config.dataset, config.seed)
    num_classes = len(data.class_names)
    epochs = list(train(config, data))
    assert [epoch.number for epoch in epochs] == list(range(config.num_epochs + 1))

    before, after = epochs[0].val, epochs[-1].val
    assert before.entropy_bits == pytest.approx(math.log2(num_classes), rel=1e-6)
    nats = {
        "softmax_cce": math.log(num_classes),
        "ovr_sigmoid_bce": num_classes * math.log(2),
        "sigmoid_bce": math.log(2),
    }
    assert before.loss == pytest.approx(nats[config.head], rel=1e-6)
    assert after.loss < before.loss / 4
    assert after.accuracy > 0.93
    assert after.entropy_bits < before.entropy_bits


def test_every_data_set_has_a_demo_run_for_every_head_that_fits() -> None:
    shown = {(config.dataset, config.head) for config in demo_configs(seed=0)}
    assert shown == {
        (data.name, head.name) for data in DATASETS.values() for head in heads_for(data.task)
    }


def test_adams_first_step_is_the_learning_rate() -> None:
    import numpy as np

    params = {"w": np.array([1.0, 1.0], dtype=np.float32)}
    Adam(params, learning_rate=0.1).update(params, {"w": np.array([5.0, -0.02])})
    np.testing.assert_allclose(params["w"], [0.9, 1.1], rtol=1e-5)


def test_metrics_have_slash_names_and_one_row_each_in_the_frame() -> None:
    epochs = list(train(CONFIG, load("digits", seed=0)))
    assert set(epochs[0].metrics()) == {
        f"{split}/{name}"
        for split in ("train", "val")
        for name in ("loss", "accuracy", "entropy_bits")
    }
    frame = history_frame("a run", epochs)
    assert len(frame) == 2 * len(epochs)
    last = frame[(frame["split"] == "val") & (frame["epoch"] == 3)].iloc[0]
    assert last["loss"] == epochs[-1].metrics()["val/loss"]
    assert epochs[-1].final_metrics()["final/val_loss"] == last["loss"]
