"""Figures of a diagnosis equal plain references, however the rows were cut, ordered and merged."""

import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, log_loss

from core import naive, set_num_threads
from core.activations import log_softmax, sigmoid, softmax
from core.calibration import expected_calibration_error, fit_temperature
from core.diagnosis import Diagnosis, Summary, diagnose
from core.entropy import entropy
from core.losses import (
    binary_cross_entropy,
    binary_cross_entropy_grad,
    categorical_cross_entropy,
    categorical_cross_entropy_grad,
)

SHAPES = [(1, 2), (7, 3), (30_000, 5), (3000, 70), (1500, 200)]


def sample(num_rows: int, num_classes: int, scale: float = 2.0, seed: int = 0) -> tuple[Any, Any]:
    """Return logits and labels drawn from a sharper softmax than theirs."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, scale, (num_rows, num_classes))
    drawn = softmax(logits, temperature=0.8)
    above = rng.random((num_rows, 1)) > drawn.cumsum(axis=1)
    return logits, above.sum(axis=1).clip(max=num_classes - 1)


def diagnosed(scores: Any, labels: Any, **options: Any) -> Diagnosis:
    summary = Summary(**options)
    summary.update(scores, labels)
    return diagnose(summary)


def plain_ece(confidence: Any, is_right: Any, bins: int = 15) -> float:
    edges = np.linspace(0, 1, bins + 1)
    total = 0.0
    for low, high in itertools.pairwise(edges):
        held = (confidence > low) & (confidence <= high)
        if low == 0:
            held |= confidence == 0
        total += abs(np.sum(is_right[held] - confidence[held]))
    return total / len(confidence)


def plain_classwise_ece(p: Any, labels: Any) -> float:
    return float(np.mean([plain_ece(p[:, k], labels == k) for k in range(p.shape[1])]))


@pytest.mark.parametrize(("num_rows", "num_classes"), SHAPES)
@pytest.mark.parametrize("as_probabilities", [False, True])
def test_exact_figures_equal_plain_references(
    num_rows: int, num_classes: int, as_probabilities: bool
) -> None:
    logits, labels = sample(num_rows, num_classes)
    p = softmax(logits)
    found = diagnosed(p if as_probabilities else logits, labels)
    calibration = found.calibration
    assert found.scores.found == ("softmax" if as_probabilities else "logits")
    assert calibration is not None
    assert found.concentration is not None
    assert found.bits is not None
    classes = np.arange(num_classes)
    one_hot = labels[:, np.newaxis] == classes
    is_right = p.argmax(axis=1) == labels
    assert found.accuracy == pytest.approx(is_right.mean(), abs=1e-12)
    nll = log_loss(labels, p, labels=classes)
    assert calibration.nll == pytest.approx(nll, abs=1e-6)
    assert calibration.brier == pytest.approx(((p - one_hot) ** 2).sum(axis=1).mean(), abs=1e-6)
    assert calibration.ece == pytest.approx(expected_calibration_error(p, labels), abs=1e-6)
    assert calibration.ece == pytest.approx(plain_ece(p.max(axis=1), is_right), abs=1e-6)
    assert calibration.classwise_ece == pytest.approx(plain_classwise_ece(p, labels), abs=1e-6)
    counts = np.bincount(labels, minlength=num_classes)
    assert found.concentration.class_labels.tolist() == counts.tolist()
    base_rate = float(entropy(counts / num_rows, base=2))
    assert found.bits.saved == pytest.approx(base_rate - nll / np.log(2), abs=1e-6)
    if num_rows == 30_000:
        confusion = confusion_matrix(labels, p.argmax(axis=1), labels=classes)
        for label, predicted, count, _ in found.concentration.pairs:
            assert confusion[int(label), int(predicted)] == count


@pytest.mark.parametrize(("num_rows", "num_classes"), SHAPES[1:])
def test_float32_figures_are_as_close_as_float32_is(num_rows: int, num_classes: int) -> None:
    logits, labels = sample(num_rows, num_classes)
    wide, narrow = diagnosed(logits, labels), diagnosed(logits.astype(np.float32), labels)
    assert wide.calibration is not None
    assert narrow.calibration is not None
    assert narrow.calibration.nll == pytest.approx(wide.calibration.nll, rel=1e-6)
    assert narrow.calibration.brier == pytest.approx(wide.calibration.brier, rel=1e-6)


@pytest.mark.parametrize("scale", [0.5, 2.0, 12.0])
@pytest.mark.parametrize(("num_rows", "num_classes"), [(20_000, 2), (20_000, 10), (3000, 300)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_temperature_of_one_pass_is_that_of_a_search(
    scale: float, num_rows: int, num_classes: int, dtype: Any
) -> None:
    rng = np.random.default_rng(3)
    true = rng.normal(0, 1.5, (num_rows, num_classes))
    labels = (rng.random((num_rows, 1)) > softmax(true).cumsum(axis=1)).sum(axis=1)
    labels = labels.clip(max=num_classes - 1)
    logits = (scale * true).astype(dtype) / 2
    found = diagnosed(logits, labels).calibration
    assert found is not None
    assert found.temperature is not None
    wanted = fit_temperature(logits, labels)
    assert found.temperature.is_inside
    assert found.temperature.value == pytest.approx(wanted, abs=1e-3, rel=1e-3)
    after = categorical_cross_entropy(logits.astype(float) / wanted, labels).mean()
    assert found.temperature.loss_after == pytest.approx(after, abs=1e-5)


def test_a_temperature_off_the_grid_is_said_to_be_so() -> None:
    logits = np.array([[5.0, 0.0], [0.0, 5.0]] * 10)
    found = diagnosed(logits, np.array([0, 1] * 10)).calibration
    assert found is not None
    assert found.temperature is not None
    assert not found.temperature.is_inside
    assert found.temperature.value == pytest.approx(1 / 8)


def test_a_second_pass_has_the_calibration_after_the_temperature() -> None:
    logits, labels = sample(20_000, 6, scale=4)
    for scores in (logits, softmax(logits)):
        found = diagnosed(scores, labels, temperature=2.5)
        after, p = found.calibration, softmax(logits, temperature=2.5)
        assert after is not None
        assert after.temperature is None
        assert (found.bits, found.evidence, found.accuracy) == (
            None, (), np.mean(p.argmax(axis=1) == labels),
        )  # fmt: skip
        assert after.ece == pytest.approx(expected_calibration_error(p, labels), abs=1e-6)
        assert after.nll == pytest.approx(log_loss(labels, p), abs=1e-6)
        first = diagnosed(p, labels, kind="softmax").calibration
        assert first is not None
        assert after.mass_ece == pytest.approx(first.mass_ece, abs=1e-6)
        assert after.classwise_ece == pytest.approx(first.classwise_ece, abs=1e-6)
        assert after.brier == pytest.approx(first.brier, abs=1e-6)


def test_equal_mass_bins_are_within_their_bound_of_bins_cut_exactly() -> None:
    logits, labels = sample(30_000, 4)
    found = diagnosed(logits, labels).calibration
    assert found is not None
    p = softmax(logits)
    confidence = p.max(axis=1)
    order = np.argsort(confidence)
    off = (p.argmax(axis=1) == labels) - confidence
    exact = sum(abs(part.sum()) for part in np.array_split(off[order], 15)) / len(off)
    assert abs(found.mass_ece - exact) <= found.mass_ece_bound < 0.04
    assert found.mass_counts.sum() == 30_000
    assert (np.diff(found.mass_confidence) > 0).all()


@pytest.mark.parametrize("scale", [0.5, 5.0, 30.0])
def test_half_of_the_loss_lies_within_its_bounds(scale: float) -> None:
    logits, labels = sample(20_000, 5, scale)
    found = diagnosed(logits, labels).concentration
    assert found is not None
    losses = np.sort(categorical_cross_entropy(logits, labels))[::-1]
    exact = (np.searchsorted(losses.cumsum(), losses.sum() / 2) + 1) / len(losses)
    low, high = found.half_bounds
    assert low - 1e-12 <= exact <= high + 1e-12
    assert high - low < 0.002
    assert low <= found.half_share <= high


def test_the_most_surprising_rows_are_those_of_the_ledger() -> None:
    logits, labels = sample(20_000, 5)
    summary = Summary()
    ledger = summary.update(logits, labels, first_row=100, ledger=True)
    assert ledger is not None
    losses = categorical_cross_entropy(logits, labels)
    np.testing.assert_allclose(ledger.surprise, losses / np.log(2), rtol=1e-12)
    np.testing.assert_array_equal(ledger.row, np.arange(20_000) + 100)
    np.testing.assert_allclose(ledger.confidence, softmax(logits).max(axis=1), rtol=1e-12)
    found = diagnose(summary).concentration
    assert found is not None
    wanted = np.argsort(-losses, kind="stable")[: len(found.rows)] + 100
    np.testing.assert_array_equal(found.rows["row"], wanted)


@pytest.mark.parametrize(("gap", "dtype", "rtol"), [(0, float, 1e-9), (20, np.float32, 1e-5)])
def test_the_budget_is_the_sum_of_gradients(gap: float, dtype: type, rtol: float) -> None:
    logits, labels = sample(5000, 4)
    one_hot = (labels[:, np.newaxis] == np.arange(4)).astype(float)
    # A network that is sure and right still pulls: 1 less its probabilities would be 0 in float32.
    handed = (logits + gap * (2 * one_hot - 1)).astype(dtype)
    logits = handed.astype(float)
    found = diagnosed(handed, labels).budget
    assert found is not None
    for gradient, positive, negative in (
        (
            categorical_cross_entropy_grad(logits, labels),
            found.softmax_positive,
            found.softmax_negative,
        ),
        (
            binary_cross_entropy_grad(logits, one_hot),
            found.sigmoid_positive,
            found.sigmoid_negative,
        ),
    ):
        np.testing.assert_allclose(positive, -(gradient * one_hot).sum(axis=0), rtol=rtol)
        np.testing.assert_allclose(negative, (gradient * (1 - one_hot)).sum(axis=0), rtol=rtol)


def test_the_calibration_error_of_a_sure_network_in_float32_is_no_rounding() -> None:
    logits, labels = sample(5000, 4)
    handed = (logits + 20 * (labels[:, np.newaxis] == np.arange(4))).astype(np.float32)
    p = softmax(handed.astype(float))
    found = diagnosed(handed, labels).calibration
    assert found is not None
    assert found.ece == pytest.approx(
        plain_ece(p.max(axis=1), p.argmax(axis=1) == labels), rel=1e-5
    )
    assert 0 < found.ece < 1e-6


def test_the_budget_of_several_labels_is_the_sum_of_gradients() -> None:
    rng = np.random.default_rng(6)
    targets = rng.integers(0, 2, (2000, 3))
    logits = (rng.normal(18, 1, targets.shape) * (2 * targets - 1)).astype(np.float32)
    found = diagnosed(logits, targets)
    gradient = binary_cross_entropy_grad(logits.astype(float), targets)
    assert found.budget is not None
    positive, negative = found.budget.sigmoid_positive, found.budget.sigmoid_negative
    np.testing.assert_allclose(positive, -(gradient * targets).sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(negative, (gradient * (1 - targets)).sum(axis=0), rtol=1e-5)


def test_each_pairing_has_its_loss() -> None:
    logits, labels = sample(5000, 4)
    one_hot = (labels[:, np.newaxis] == np.arange(4)).astype(float)
    binary = binary_cross_entropy(logits, one_hot).sum(axis=1).mean()
    said = {p.loss: p.nats for p in diagnosed(logits, labels).pairings}
    assert said["softmax + categorical"] == pytest.approx(
        categorical_cross_entropy(logits, labels).mean()
    )
    assert said["sigmoid + binary"] == pytest.approx(binary)
    p = softmax(logits)
    said = {p.loss: p.nats for p in diagnosed(p, labels).pairings}
    assert said["softmax + categorical"] == pytest.approx(
        categorical_cross_entropy(p, labels).mean()
    )
    assert said["binary"] == pytest.approx(
        -(one_hot * np.log(p) + (1 - one_hot) * np.log1p(-p)).sum(axis=1).mean()
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [30.0, 3000.0])
def test_logits_beyond_the_exponential_have_their_binary_loss_and_pulls(
    dtype: Any, scale: float
) -> None:
    logits, labels = sample(2000, 3, scale)
    logits = logits.astype(dtype)
    one_hot = (labels[:, np.newaxis] == np.arange(3)).astype(int)
    found = diagnosed(logits, labels, kind="logits")
    said = {p.loss: p.nats for p in found.pairings}
    exact = logits.astype(float)
    assert said["sigmoid + binary"] == pytest.approx(
        binary_cross_entropy(exact, one_hot).sum(axis=1).mean(), rel=1e-6, abs=0
    )
    gradient = binary_cross_entropy_grad(exact, one_hot)
    assert found.budget is not None
    for pull, answers in (
        (found.budget.sigmoid_positive, -gradient * one_hot),
        (found.budget.sigmoid_negative, gradient * (1 - one_hot)),
    ):
        np.testing.assert_allclose(pull, answers.sum(axis=0), rtol=1e-6)


def test_the_loss_of_a_sure_and_right_network_in_float32_is_no_rounding() -> None:
    rng = np.random.default_rng(9)
    labels = rng.integers(0, 3, 2000)
    one_hot = (labels[:, np.newaxis] == np.arange(3)).astype(int)
    logits = (rng.normal(18, 1, (2000, 3)) * (2 * one_hot - 1)).astype(np.float32)
    exclusive = categorical_cross_entropy(logits.astype(float), labels).mean()
    binary = binary_cross_entropy(logits.astype(float), one_hot).sum(axis=1).mean()
    said = {p.loss: p.nats for p in diagnosed(logits, labels).pairings}
    assert said["softmax + categorical"] == pytest.approx(exclusive, rel=1e-6, abs=0)
    assert said["sigmoid + binary"] == pytest.approx(binary, rel=1e-6, abs=0)
    several = one_hot.copy()
    several[:1000, 0] = 1
    logits[:, 0] = 18 * (2 * several[:, 0] - 1)
    found = diagnosed(logits, several)
    assert found.task == "multi-label"
    said = {p.loss: p.nats for p in found.pairings}
    assert said["sigmoid + binary"] == pytest.approx(
        binary_cross_entropy(logits.astype(float), several).sum(axis=1).mean(), rel=1e-6, abs=0
    )
    assert said["softmax + categorical"] == pytest.approx(
        -(several * log_softmax(logits.astype(float))).sum(axis=1).mean(), rel=1e-6, abs=0
    )


@pytest.mark.parametrize("scale", [1.0, 10.0, 60.0])
def test_precision_agrees_with_the_textbook_twins(scale: float) -> None:
    logits, labels = sample(20_000, 5, scale)
    logits = logits.astype(np.float32)
    found = diagnosed(logits, labels).precision
    assert found is not None
    exact = categorical_cross_entropy(logits.astype(float), labels)
    for i, dtype in enumerate((np.float16, np.float32, np.float64)):
        with np.errstate(over="ignore"):
            written = naive.cce(logits.astype(dtype), labels)
        fails = ~np.isfinite(written) | ((written == 0) & (exact > 0))
        said = found.overflow[i] + found.vanish[i] + found.zero[i]
        # float16 also rounds the logits, which moves rows over the limits.
        assert said == pytest.approx(fails.mean(), abs=0.005)
    usual = naive.logsumexp_cce(logits, labels)
    off = np.abs(usual - exact) > 0.01 * exact
    assert found.usual_off[0] == pytest.approx(off.mean(), abs=0.005)


@pytest.mark.parametrize("scale", [1.0, 10.0, 60.0])
def test_precision_of_several_labels_agrees_with_the_textbook_twin(scale: float) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(0, scale, (5000, 4)).astype(np.float32)
    targets = (rng.random(x.shape) < sigmoid(x)).astype(int)
    found = diagnosed(x, targets).answer_precision
    assert found is not None
    exact = binary_cross_entropy(x.astype(float), targets)
    for i, dtype in enumerate((np.float16, np.float32, np.float64)):
        written = naive.bce(x.astype(dtype), targets)
        fails = ~np.isfinite(written) | ((written == 0) & (exact > 0))
        said = found.overflow[i] + found.vanish[i] + found.zero[i]
        assert said == pytest.approx(fails.mean(), abs=0.005)
    usual = np.maximum(x, 0) - x * targets.astype(np.float32) + np.log(1 + np.exp(-np.abs(x)))
    off = np.abs(usual - exact) > 0.01 * exact
    assert found.usual_off[0] == pytest.approx(off.mean(), abs=0.005)


def test_confused_pairs_are_those_of_the_rows() -> None:
    for num_classes in (6, 200):
        logits, labels = sample(4000, num_classes)
        found = diagnosed(logits, labels).concentration
        assert found is not None
        rows = np.arange(4000) if num_classes == 6 else found.rows["row"]
        losses = categorical_cross_entropy(logits, labels)[rows] / np.log(2)
        label, predicted = labels[rows], logits[rows].argmax(axis=1)
        costs = []
        for y, k, count, bits in found.pairs:
            both = (label == y) & (predicted == k)
            assert count == both.sum()
            assert bits == pytest.approx(losses[both].mean())
            costs.append(count * bits)
        assert costs == sorted(costs, reverse=True)
        assert len(costs) == min(50, num_classes * (num_classes - 1))


def test_a_class_or_pair_with_an_infinite_loss_has_an_infinite_mean() -> None:
    logits, labels = sample(3000, 4)
    p = softmax(logits)
    p[9] = np.eye(4)[(labels[9] + 1) % 4]
    found = diagnosed(p, labels).concentration
    assert found is not None
    assert found.pairs[0].tolist()[:2] == [labels[9], (labels[9] + 1) % 4]
    assert np.isinf(found.pairs[:, 3]).tolist() == [True] + [False] * (len(found.pairs) - 1)
    assert np.flatnonzero(np.isinf(found.class_surprise)).tolist() == [labels[9]]


def as_figures(summary: Summary) -> dict[str, Any]:
    found = diagnose(summary)
    assert found.calibration is not None
    assert found.concentration is not None
    assert found.budget is not None
    calibration = found.calibration
    assert calibration.temperature is not None
    return {
        "nll": calibration.nll,
        "ece": calibration.ece,
        "mass": calibration.mass_ece,
        "classwise": calibration.classwise_ece,
        "temperature": calibration.temperature.value,
        "half": found.concentration.half_share,
        "rows": found.concentration.rows["row"].tolist(),
        "pull": found.budget.sigmoid_negative.tolist(),
        "names": sorted((e.name, e.rows) for e in found.evidence),
        "distinct": summary.distinct.result(),
    }


@pytest.mark.parametrize("kind", ["logits", "softmax", "multi-hot"])
def test_order_cuts_and_merges_make_no_difference(kind: str) -> None:
    logits, labels = sample(12_000, 4)
    logits[5000] = logits[100]
    logits[7, 2] = np.nan
    scores = softmax(logits) if kind == "softmax" else logits
    targets: Any = labels
    if kind == "multi-hot":
        targets = (np.random.default_rng(0).random(logits.shape) < sigmoid(logits)).astype(int)
    whole = Summary()
    whole.update(scores, targets)
    cuts = [0, 1, 2, 1000, 5500, 5501, 12_000]
    parts = []
    for start, stop in itertools.pairwise(cuts):
        part = Summary()
        part.update(scores[start:stop], targets[start:stop], first_row=start)
        parts.append(part)
    for order in ([0, 1, 2, 3, 4, 5], [5, 2, 0, 4, 1, 3]):
        merged = Summary()
        for i in order:
            merged.merge(parts[i])
        wanted, got = as_figures(whole), as_figures(merged)
        for name in wanted:
            if isinstance(wanted[name], float):
                assert got[name] == pytest.approx(wanted[name], rel=1e-9), name
            elif name == "pull":
                np.testing.assert_allclose(got[name], wanted[name], rtol=1e-9)
            else:
                assert got[name] == wanted[name], name


def test_what_scores_are_does_not_depend_on_the_order_of_batches() -> None:
    logits, labels = sample(3000, 3)
    first = softmax(logits[:1000])
    both = [(first, labels[:1000], 0), (logits[1000:], labels[1000:], 1000)]
    found = []
    for batches in (both, both[::-1]):
        summary = Summary()
        for scores, ids, row in batches:
            summary.update(scores, ids, first_row=row)
        found.append((summary.found_kind(), as_figures(summary)["nll"]))
    assert found[0][0] == found[1][0] == "logits"
    assert found[0][1] == pytest.approx(found[1][1])


def test_several_labels_a_row_are_scored_as_questions_of_their_own() -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(-1, 2, (8000, 6))
    targets = (rng.random(logits.shape) < sigmoid(logits)).astype(int)
    exact = binary_cross_entropy(logits, targets).sum(axis=1)
    for scores in (logits, sigmoid(logits)):
        found = diagnosed(scores, targets)
        assert found.task == "multi-label"
        assert found.labels == "multi-hot"
        assert found.calibration is not None
        assert found.calibration.nll == pytest.approx(exact.mean(), rel=1e-9)
        assert found.calibration.brier == pytest.approx(
            ((sigmoid(logits) - targets) ** 2).sum(axis=1).mean()
        )
        p = sigmoid(logits)
        columns = [plain_ece(p[:, k], targets[:, k]) for k in range(6)]
        assert found.calibration.classwise_ece == pytest.approx(np.mean(columns), abs=1e-9)
        x = logits.reshape(-1, 1)
        wanted = fit_temperature(np.concatenate([0 * x, x], axis=1), targets.reshape(-1))
        assert found.calibration.temperature is not None
        assert found.calibration.temperature.value == pytest.approx(wanted, abs=1e-3)
        assert found.budget is not None
        assert np.isnan(found.budget.softmax_positive).all()


def test_one_column_is_the_second_of_two_classes() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(0, 2, 5000)
    labels = (rng.random(5000) < sigmoid(x)).astype(int)
    for scores in (x, x[:, np.newaxis], sigmoid(x)):
        found = diagnosed(scores, labels)
        assert found.num_classes == 2
        assert found.calibration is not None
        assert found.calibration.nll == pytest.approx(binary_cross_entropy(x, labels).mean())


def test_soft_labels_leave_their_own_entropy() -> None:
    logits, _ = sample(2000, 4)
    targets = softmax(logits + 0.1)
    found = diagnosed(logits, targets)
    assert found.labels == "soft"
    assert found.floors["soft labels"] == pytest.approx(entropy(targets).mean())
    assert found.pairings[0].nats == pytest.approx(
        categorical_cross_entropy(logits, targets).mean()
    )


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda z: z, "logits"),
        (log_softmax, "log-probabilities"),
        (softmax, "softmax"),
        (lambda z: softmax(z).astype(np.float16), "softmax"),
        (lambda z: softmax(z).round(4), "softmax"),
        (sigmoid, "sigmoid"),
        (lambda z: np.eye(5)[z.argmax(axis=1)], "one-hot"),
        (lambda z: np.maximum(z, 0), "logits"),
        (lambda z: sigmoid(z[:2]), "ambiguous"),
    ],
)
def test_what_the_scores_are(make: Any, kind: str) -> None:
    logits, labels = sample(500, 5)
    scores = make(logits)
    assert diagnosed(scores, labels[: len(scores)]).scores.found == kind


def test_memory_does_not_grow_with_rows() -> None:
    def held(value: Any) -> int:
        if isinstance(value, np.ndarray):
            return value.nbytes
        if isinstance(value, dict):
            return sum(held(entry) for entry in value.values())
        if isinstance(value, list | tuple):
            return sum(held(entry) for entry in value)
        return held(vars(value)) if hasattr(value, "__dict__") else 0

    sizes = []
    summary = Summary()
    for seed in range(2):
        logits, labels = sample(50_000, 10, seed=seed)
        summary.update(logits, labels)
        diagnose(summary)
        sizes.append(held(summary))
    assert sizes[1] < 1.2 * sizes[0]
    assert sizes[1] < 500_000


@pytest.mark.parametrize(
    ("scores", "labels", "error", "says"),
    [
        ([[1.0, 2.0]], [0, 1], ValueError, r"labels must have shape \(1,\) or \(1, 2\)"),
        ([[[1.0]]], [0], ValueError, r"scores must have shape \(N, K\)"),
        ([["a", "b"]], [0], TypeError, "scores must be real numbers"),
        ([[1.0, 2.0]], ["cat"], TypeError, "labels must be numbers"),
    ],
)
def test_bad_input_is_refused(scores: Any, labels: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        Summary().update(scores, labels)


def test_bad_options_are_refused() -> None:
    with pytest.raises(ValueError, match="kind must be one of"):
        Summary(kind="scores")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="loss must be one of"):
        Summary(loss="hinge")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="num_classes must be at least 2"):
        Summary(num_classes=1)
    summary = Summary(num_classes=3)
    with pytest.raises(ValueError, match="must have 3 columns"):
        summary.update([[1.0, 2.0]], [0])
    with pytest.raises(ValueError, match="kind differs"):
        summary.merge(Summary(kind="logits"))


def test_nothing_is_a_diagnosis_too() -> None:
    summary = Summary()
    assert diagnose(summary).num_rows == 0
    summary.update(np.empty((0, 3)), np.empty(0, int))
    summary.update([[np.nan, 1.0, 2.0]], [0])
    found = diagnose(summary)
    assert (found.num_rows, found.num_used, found.calibration) == (1, 0, None)
    assert [e.name for e in found.evidence] == ["nan"]
    assert found.checked["calibration"] == "not done: no usable row"


def test_a_summary_goes_between_processes() -> None:
    logits, labels = sample(1000, 4)
    summary = Summary()
    summary.update(logits[:500], labels[:500])
    there = pickle.loads(pickle.dumps(summary))  # noqa: S301
    there.update(logits[500:], labels[500:])
    whole = diagnosed(logits, labels)
    assert diagnose(there).accuracy == whole.accuracy
    assert there.num_rows == 1000


def test_rows_without_any_probability_say_nothing_where_classes_are_exclusive() -> None:
    logits, labels = sample(200, 4)
    p = sigmoid(logits)
    p[[4, 9]] = 0
    found = diagnosed(p, labels)
    assert found.num_used == 198
    assert [(e.name, e.rows) for e in found.evidence if e.severity == "error"] == [
        ("no_probability", (4, 9))
    ]
    targets = (np.random.default_rng(0).random(p.shape) < p).astype(int)
    assert diagnosed(p, targets).num_used == 200


@pytest.mark.parametrize(("middle", "spread"), [(0.0, 1e-9), (0.3, 0.01)])
def test_logits_inside_the_unit_interval_are_not_taken_for_probabilities(
    middle: float, spread: float
) -> None:
    rng = np.random.default_rng(0)
    logits = middle + spread * rng.normal(size=3000)
    found = diagnosed(logits, (rng.random(3000) < sigmoid(logits)).astype(int))
    assert found.scores.found in ("logits", "ambiguous")
    assert found.scores.reading == "logits"
    assert [e.name for e in found.evidence if e.severity != "note"] == []


@pytest.mark.parametrize(
    "make",
    [
        lambda z: z.astype(np.float32),
        lambda z: z.astype(">f8"),
        np.asfortranarray,
        lambda z: np.repeat(z, 2, axis=1)[:, ::2],
        lambda z: z.astype(np.longdouble),
    ],
)
def test_dtype_and_layout_make_no_difference(make: Any) -> None:
    logits, labels = sample(3000, 5)
    found = diagnosed(make(logits), labels).calibration
    assert found is not None
    assert found.nll == pytest.approx(log_loss(labels, softmax(logits)), rel=1e-6)


def test_threads_make_no_difference() -> None:
    logits, labels = sample(200_000, 5)
    one = []
    for threads in (1, 4):
        set_num_threads(threads)
        try:
            summary = Summary()
            summary.update(logits, labels)
            one.append(as_figures(summary))
        finally:
            set_num_threads(None)
    assert one[0]["nll"] == pytest.approx(one[1]["nll"], rel=1e-12)
    assert one[0]["rows"] == one[1]["rows"]
    assert one[0]["names"] == one[1]["names"]


@pytest.mark.parametrize("is_probability", [False, True])
def test_one_column_is_one_question(is_probability: bool) -> None:
    rng = np.random.default_rng(7)
    z, labels = rng.normal(0, 2, 300), rng.integers(0, 2, 300)
    p = 1 / (1 + np.exp(-z))
    summary = Summary(kind="sigmoid" if is_probability else "logits")
    summary.update(p if is_probability else z, labels)
    found = diagnose(summary)
    nats = {pairing.loss: pairing.nats for pairing in found.pairings}
    loss = -np.where(labels == 1, np.log(p), np.log1p(-p)).mean()
    assert nats["binary" if is_probability else "sigmoid + binary"] == pytest.approx(loss)
    assert found.budget is not None
    assert found.budget.sigmoid_positive[1] == pytest.approx((1 - p)[labels == 1].sum())
    assert found.budget.sigmoid_negative[1] == pytest.approx(p[labels == 0].sum())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_class_masked_by_the_least_number_is_one_masked_by_minus_infinity(dtype: Any) -> None:
    logits, labels = sample(2000, 3)
    infinite, least = (
        np.column_stack([2 * logits, np.full(len(logits), low)]).astype(dtype)
        for low in (-np.inf, np.finfo(dtype).min)
    )
    found = [diagnosed(scores, labels, kind="logits") for scores in (infinite, least)]
    expected, same = (each.calibration.temperature for each in found if each.calibration)
    assert expected is not None
    assert same is not None
    assert expected.is_inside
    assert same.value == pytest.approx(expected.value, rel=1e-6)
    assert same.loss_after == pytest.approx(expected.loss_after, rel=1e-6)
    names = [{evidence.name for evidence in each.evidence} for each in found]
    assert names[0] - {"minus_infinity"} == names[1]


@pytest.mark.parametrize("several", [False, True])
def test_losses_too_large_to_add_up_are_infinite(several: bool) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(500, 3)) * 1e307
    labels = rng.integers(2, size=(500, 3)) if several else rng.integers(3, size=500)
    found = diagnosed(logits, labels)
    assert found.calibration is not None
    assert found.calibration.nll == np.inf
    assert found.evidence[0].name == "impossible_label"
    assert np.isfinite(found.calibration.brier)


def test_several_labels_cost_what_they_cost_however_low_their_logits() -> None:
    logits = np.array([[-1e6, 3.0], [2.0, -4e5], [1e5, 1.0], [-1.0, -2.0]] * 5)
    targets = np.array([[1, 0], [0, 1], [0, 1], [1, 1]] * 5)
    found = diagnosed(logits, targets, kind="logits")
    assert found.calibration is not None
    assert found.calibration.nll == pytest.approx(
        binary_cross_entropy(logits, targets).sum(axis=1).mean(), rel=1e-12
    )
    logits[0, 0] = -np.inf
    assert diagnosed(logits, targets, kind="logits").evidence[0].name == "impossible_label"


def test_a_soft_target_on_a_masked_class_costs_infinity() -> None:
    logits = np.array([[0.0, 1.0, -np.inf], [2.0, 0.0, 1.0]] * 10)
    masked, touched = np.array([[0.5, 0.5, 0.0]] * 20), np.array([[0.5, 0.4, 0.1]] * 20)
    losses = [diagnosed(logits, t, kind="logits").pairings[0].nats for t in (masked, touched)]
    expected = categorical_cross_entropy(logits, masked).mean()
    assert losses == [pytest.approx(expected, rel=1e-12), np.inf]


def test_memory_to_work_in_is_kept_inside_with_alone_and_changes_nothing() -> None:
    logits, labels = sample(30_000, 10)
    plain, held = Summary(), Summary()
    with held:
        for first in range(0, len(labels), 10_000):
            part = slice(first, first + 10_000)
            for summary in (plain, held):
                summary.update(logits[part], labels[part])
        assert held._scratch
    assert held._scratch is None
    assert diagnose(held).evidence == diagnose(plain).evidence
