import math
from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import pytest

from core.entropy import entropy
from core.heads import heads_for
from experiments.config import TrainConfig
from experiments.datasets import DATASETS, Dataset, load
from experiments.frames import history_frame
from experiments.training import Epoch, loss_options, start
from experiments.training import train as train_from

CONFIG = TrainConfig("digits", "softmax_cce", hidden=8, num_epochs=3)


def train(config: TrainConfig, data: Dataset) -> Iterator[Epoch]:
    return train_from(config, data, start(config, data))


def test_same_seed_same_numbers() -> None:
    data = load("digits", seed=0)
    first, again = ([epoch.metrics() for epoch in train(CONFIG, data)] for _ in range(2))
    assert first == again
    other = TrainConfig("digits", "softmax_cce", hidden=8, num_epochs=3, seed=1)
    assert first != [epoch.metrics() for epoch in train(other, data)]


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(dataset, head, hidden)
        for dataset, head in (
            ("digits", "softmax_cce"),
            ("digits", "ovr_sigmoid_bce"),
            ("breast_cancer", "sigmoid_bce"),
        )
        for hidden in (0, 32)
    ],
    ids=lambda config: config.run_name,
)
def test_each_run_starts_from_ignorance_and_learns(config: TrainConfig) -> None:
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


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_can_be_learned(name: str) -> None:
    data = load(name, seed=0)
    head = heads_for(data.spec.task)[0]
    epochs = list(train(TrainConfig(name, head.name, hidden=64, num_epochs=20), data))
    before, after = epochs[0].val, epochs[-1].val
    assert after.cross_entropy_bits < 0.75 * before.cross_entropy_bits
    assert after.accuracy > before.accuracy + 0.1


def test_what_an_epoch_holds_is_consistent() -> None:
    config = TrainConfig("digits", "softmax_cce", num_epochs=2, label_smoothing=0.1)
    val = list(train(config, load("digits", seed=0)))[-1].val
    # Cross-entropy of the smoothed labels is their entropy and the divergence from them.
    spread = [0.91] + [0.01] * 9
    assert val.loss / math.log(2) == pytest.approx(val.kl_bits + entropy(spread, base=2), rel=1e-6)
    share = val.accuracy
    mixed = share * val.entropy_right_bits + (1 - share) * val.entropy_wrong_bits
    assert val.entropy_bits == pytest.approx(mixed, rel=1e-6)
    assert val.entropy_wrong_bits > val.entropy_right_bits
    # With softmax and CCE the gradient of a row sums to 0 over the classes, smoothing or not.
    assert 0 < val.ece < 1
    assert 0 < val.brier < 2
    assert val.gradient_norm > 0


def test_the_pulls_of_softmax_with_cce_are_equal() -> None:
    val = list(train(CONFIG, load("digits", seed=0)))[-1].val
    assert val.positive_pull == pytest.approx(val.negative_pull, rel=1e-4)
    assert val.kl_bits == pytest.approx(val.cross_entropy_bits)


def test_balanced_classes_weigh_the_same() -> None:
    data = load("breast_cancer", seed=0)
    config = TrainConfig("breast_cancer", "sigmoid_bce", class_weight="balanced")
    weights = loss_options(config, data)["class_weight"]
    counts = np.bincount(data.train.labels)
    assert weights * counts == pytest.approx([len(data.train.labels) / 2] * 2)


def test_what_is_undefined_is_no_metric() -> None:
    first = next(train(CONFIG, load("digits", seed=0)))
    broken = replace(first, val=replace(first.val, entropy_wrong_bits=math.nan))
    assert "val/entropy_wrong_bits" in first.metrics()
    assert "val/entropy_wrong_bits" not in broken.metrics()
    assert "final/val_entropy_wrong_bits" not in broken.final_metrics()


def test_metrics_have_slash_names_and_one_row_each_in_the_frame() -> None:
    epochs = list(train(CONFIG, load("digits", seed=0)))
    assert set(epochs[1].metrics()) == {
        f"{split}/{name}" for split in ("train", "val") for name in asdict(epochs[0].val)
    }
    frame = history_frame("a run", epochs)
    assert len(frame) == 2 * len(epochs)
    last = frame[(frame["split"] == "val") & (frame["epoch"] == 3)].iloc[0]
    assert last["loss"] == epochs[-1].metrics()["val/loss"]
    assert epochs[-1].final_metrics()["final/val_loss"] == last["loss"]
