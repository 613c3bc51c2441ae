import numpy as np
import pytest

from core.activations import softmax
from core.calibration import expected_calibration_error, fit_temperature, reliability
from core.losses import categorical_cross_entropy


def test_a_case_worked_out_by_hand() -> None:
    p = [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.45, 0.55]]
    found = reliability(p, [0, 1, 1, 1], num_bins=4)
    assert found.counts.tolist() == [0, 0, 2, 2]
    np.testing.assert_allclose(found.confidence[2:], [0.575, 0.85])
    np.testing.assert_allclose(found.accuracy[2:], [1, 0.5])
    assert np.isnan(found.accuracy[:2]).all()
    wanted = (2 * (1 - 0.575) + 2 * (0.85 - 0.5)) / 4
    assert expected_calibration_error(p, [0, 1, 1, 1], num_bins=4) == pytest.approx(wanted)


@pytest.mark.parametrize("confidence", [0.5, 0.75, 1.0])
def test_an_edge_belongs_to_the_bin_below(confidence: float) -> None:
    counts = reliability([[confidence, 1 - confidence]], [0], num_bins=4).counts
    assert counts.argmax() == round(confidence * 4) - 1


def test_predictions_drawn_from_what_they_say_are_calibrated() -> None:
    rng = np.random.default_rng(0)
    p = softmax(rng.normal(0, 2, (200_000, 4)))
    labels = (rng.random((len(p), 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=3)
    assert expected_calibration_error(p, labels) < 0.01
    sharper = p**2 / (p**2).sum(axis=1, keepdims=True)
    assert expected_calibration_error(sharper, labels) > 0.05


def test_the_counts_are_all_rows_whatever_the_bins() -> None:
    p = softmax(np.random.default_rng(1).normal(size=(1000, 3)))
    labels = np.zeros(1000, int)
    for num_bins in (1, 7, 15):
        found = reliability(p, labels, num_bins)
        assert found.counts.sum() == 1000
        total = np.nansum(found.confidence * found.counts)
        assert total == pytest.approx(p.max(axis=1).sum())


@pytest.mark.parametrize(
    ("p", "labels", "num_bins", "says"),
    [
        ([0.5, 0.5], [0], 15, r"must have shape \(N, K\); got \(2,\)"),
        ([[0.5, 0.6]], [0], 15, "must sum to 1"),
        ([[0.5, 0.5]], [2], 15, "class ids from 0 to 1; got 2"),
        ([[0.5, 0.5]], [0, 1], 15, r"must have shape \(1,\)"),
        ([[0.5, 0.5]], [0], 0, "num_bins must be at least 1; got 0"),
    ],
)
def test_bad_input_is_refused(p, labels, num_bins, says) -> None:
    with pytest.raises(ValueError, match=says):
        expected_calibration_error(p, labels, num_bins)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_that_labels_were_drawn_with_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2 * temperature, (50_000, 5))
    p = softmax(logits, temperature=temperature)
    labels = (rng.random((len(p), 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=4)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.03)
    losses = [
        categorical_cross_entropy(logits / (found * by), labels).mean() for by in (0.99, 1, 1.01)
    ]
    assert min(losses) == losses[1]


def test_a_temperature_without_an_optimum_is_an_end_of_its_range() -> None:
    logits = np.array([[3.0, 0.0], [0.0, 3.0]])
    assert fit_temperature(logits, [0, 1]) == pytest.approx(0.01)
    assert fit_temperature(logits, [1, 0]) == pytest.approx(100)
    assert fit_temperature(np.zeros((2, 2)), [1, 0]) > 0


def test_a_temperature_needs_finite_logits() -> None:
    with pytest.raises(ValueError, match="logits must be finite"):
        fit_temperature([[np.inf, 0.0]], [0])
    with pytest.raises(ValueError, match=r"must have shape \(N, K\); got \(2,\)"):
        fit_temperature([1.0, 0.0], [0])
