import numpy as np
import pandas as pd
import pytest

from core.activations import sigmoid, softmax
from core.entropy import binary_entropy, entropy_from_logits
from core.losses import binary_cross_entropy, categorical_cross_entropy
from dashboard.frames.activations import (
    ACTIVATIONS,
    activations,
    entropy_bits,
    entropy_curve,
    slopes,
)
from dashboard.frames.common import in_parts, written
from dashboard.frames.losses import LOSSES, loss_curves, loss_terms, rivals

LOGITS = np.array([2.0, -1.0, 0.5])


def test_activations_are_those_of_core() -> None:
    frame = activations(LOGITS, temperature=2.0)
    by_name = frame.groupby("activation")["probability"].apply(list)
    assert by_name["sigmoid"] == sigmoid(LOGITS / 2).tolist()
    assert by_name["softmax"] == softmax(LOGITS, temperature=2.0).tolist()
    assert frame["class"].tolist() == ["class 0", "class 1", "class 2"] * 2


def test_entropies_are_those_of_core() -> None:
    bits = entropy_bits(LOGITS, temperature=2.0)
    assert bits["softmax"] == pytest.approx(entropy_from_logits(LOGITS / 2, base=2), rel=1e-14)
    assert bits["sigmoid"] == pytest.approx(binary_entropy(sigmoid(LOGITS / 2), base=2).sum())
    assert bits["most"] == pytest.approx(np.log2(3))


def test_the_entropy_curve_passes_through_the_entropy_at_temperature_one() -> None:
    curve = entropy_curve(LOGITS, 0.1, 10.0)
    middle = curve.iloc[(curve["temperature"] - 1).abs().argmin()]
    assert middle["temperature"] == pytest.approx(1)
    assert middle["entropy_bits"] == pytest.approx(entropy_from_logits(LOGITS, base=2))
    assert curve["entropy_bits"].is_monotonic_increasing


def test_terms_sum_to_the_losses_of_core() -> None:
    terms = loss_terms(LOGITS, label=1)
    sums = terms.groupby("loss")["term"].sum()
    assert sums["CCE"] == pytest.approx(categorical_cross_entropy(LOGITS, 1))
    assert sums["BCE"] == pytest.approx(binary_cross_entropy(LOGITS, [0, 1, 0]).sum())
    only = terms[(terms["loss"] == "CCE") & (terms["term"] != 0)]
    assert only["class"].tolist() == ["class 1"]


@pytest.mark.parametrize(
    ("frame", "column", "names"),
    [
        (loss_terms(LOGITS, 1), "loss", LOSSES),
        (activations(LOGITS, 1.0), "activation", ACTIVATIONS),
        (slopes(LOGITS, 1.0, 2), "activation", ACTIVATIONS),
    ],
)
def test_parts_are_the_rows_of_each_name(frame, column, names) -> None:
    parts = in_parts(frame, names)
    for name in names:
        expected = frame[frame[column] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(parts[name], expected)
    assert sum(map(len, parts.values())) == len(frame)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_loss_curves_are_those_of_core(label: int) -> None:
    curves = loss_curves(LOGITS, label)
    for name, target in (("BCE, target 1", 1), ("BCE, target 0", 0)):
        curve = curves[curves["curve"] == name]
        logit = curve["logit"].to_numpy()
        expected = binary_cross_entropy(logit, np.full_like(logit, target))
        np.testing.assert_array_equal(curve["loss"], expected)
    curve = curves[curves["curve"] == "CCE"]
    for logit, loss, probability in curve[["logit", "loss", "probability"]].to_numpy()[::40]:
        moved = LOGITS.copy()
        moved[label] = logit
        assert loss == pytest.approx(categorical_cross_entropy(moved, label), rel=1e-12)
        assert probability == pytest.approx(softmax(moved)[label], rel=1e-12)


def test_loss_curves_reach_past_where_they_stand_and_bend() -> None:
    logit = loss_curves(np.array([-3.0, 9.0]), 0)["logit"]
    assert logit.min() < -3
    assert logit.max() > 9
    logit = loss_curves(np.array([1e6, 0.0]), 0)["logit"]
    assert logit.min() > 1e6 - 10


def test_rivals_halve_the_softmax() -> None:
    moved = LOGITS.copy()
    moved[1] = rivals(LOGITS, 1)
    assert softmax(moved)[1] == pytest.approx(0.5)
    assert rivals(np.array([3.0]), 0) == -np.inf


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.25, "1.250"),
        (np.inf, "∞"),
        (-np.inf, "-∞"),
        (np.nan, "undefined"),
        (-0.5, "-0.500"),
        (0.0, "0.000"),
        (4.24835e-18, "4.248e-18"),
        (1e300, "1e+300"),
    ],
)
def test_figures_are_written(value: float, text: str) -> None:
    assert written(value, 3) == text
