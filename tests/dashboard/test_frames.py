import numpy as np
import pytest

from core.activations import sigmoid, softmax
from core.entropy import binary_entropy, entropy_from_logits
from core.losses import binary_cross_entropy, categorical_cross_entropy
from dashboard import frames

LOGITS = np.array([2.0, -1.0, 0.5])


def test_activations_are_those_of_core() -> None:
    frame = frames.activations(LOGITS, temperature=2.0)
    by_name = frame.groupby("activation")["probability"].apply(list)
    assert by_name["sigmoid"] == sigmoid(LOGITS / 2).tolist()
    assert by_name["softmax"] == softmax(LOGITS, temperature=2.0).tolist()
    assert frame["class"].tolist() == ["class 0", "class 1", "class 2"] * 2


def test_entropies_are_those_of_core() -> None:
    bits = frames.entropy_bits(LOGITS, temperature=2.0)
    assert bits["softmax"] == pytest.approx(entropy_from_logits(LOGITS / 2, base=2), rel=1e-14)
    assert bits["sigmoid"] == pytest.approx(binary_entropy(sigmoid(LOGITS / 2), base=2).sum())
    assert bits["most"] == pytest.approx(np.log2(3))


def test_the_entropy_curve_passes_through_the_entropy_at_temperature_one() -> None:
    curve = frames.entropy_curve(LOGITS, 0.1, 10.0)
    middle = curve.iloc[(curve["temperature"] - 1).abs().argmin()]
    assert middle["temperature"] == pytest.approx(1)
    assert middle["entropy_bits"] == pytest.approx(entropy_from_logits(LOGITS, base=2))
    assert curve["entropy_bits"].is_monotonic_increasing


def test_terms_sum_to_the_losses_of_core() -> None:
    terms = frames.loss_terms(LOGITS, label=1)
    sums = terms.groupby("loss")["term"].sum()
    assert sums["CCE"] == pytest.approx(categorical_cross_entropy(LOGITS, 1))
    assert sums["BCE"] == pytest.approx(binary_cross_entropy(LOGITS, [0, 1, 0]).sum())
    only = terms[(terms["loss"] == "CCE") & (terms["term"] != 0)]
    assert only["class"].tolist() == ["class 1"]


def test_loss_curves_are_those_of_core_where_the_logit_stands() -> None:
    curves = frames.loss_curves(LOGITS, 1, -9.0, 7.0)
    now = curves[np.isclose(curves["logit"], LOGITS[1])].set_index("curve")
    assert now["loss"]["CCE"] == pytest.approx(categorical_cross_entropy(LOGITS, 1))
    assert now["loss"]["BCE, target 1"] == pytest.approx(binary_cross_entropy(LOGITS[1], 1))
    assert now["loss"]["BCE, target 0"] == pytest.approx(binary_cross_entropy(LOGITS[1], 0))
    assert now["probability"]["CCE"] == pytest.approx(softmax(LOGITS)[1])
