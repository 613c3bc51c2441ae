import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core import losses
from core.activations import softmax
from core.entropy import cross_entropy
from core.losses import (
    binary_cross_entropy,
    binary_cross_entropy_grad,
    categorical_cross_entropy,
    categorical_cross_entropy_grad,
    categorical_cross_entropy_value_and_grad,
    label_smoothing_floor,
)
from tests.core.cases import (
    CALLS,
    INF,
    LOGITS,
    LOSSES,
    NAN,
    SOFT,
    exact_softmax,
    finite_difference,
    relative_error,
)


@pytest.mark.parametrize(("loss", "logits", "targets", "options"), CALLS)
def test_gradients_agree_with_finite_differences(
    loss: str, logits: Any, targets: Any, options: dict[str, Any]
) -> None:
    value, grad, value_and_grad = LOSSES[loss]
    wanted = finite_difference(lambda z: value(z, targets, **options), logits)
    np.testing.assert_allclose(grad(logits, targets, **options), wanted, rtol=1e-6, atol=1e-9)
    both = value_and_grad(logits, targets, **options)
    np.testing.assert_array_equal(both[0], value(logits, targets, **options))
    np.testing.assert_array_equal(both[1], grad(logits, targets, **options))


def test_exact_values() -> None:
    assert binary_cross_entropy(0.0, 1) == math.log(2)
    assert binary_cross_entropy(1000.0, 0) == 1000
    assert binary_cross_entropy(math.log(3), 1) == pytest.approx(math.log(4 / 3), rel=1e-15)
    assert categorical_cross_entropy([0.0] * 8, 3) == pytest.approx(3 * math.log(2), rel=1e-15)
    np.testing.assert_allclose(categorical_cross_entropy(np.log([1, 2, 5]), 1), math.log(4))
    assert categorical_cross_entropy([0.0, 0.0], 1, class_weight=[1, 3]) == 3 * math.log(2)
    assert binary_cross_entropy(0.0, 1, pos_weight=3) == 3 * math.log(2)


@pytest.mark.parametrize(
    ("logits", "targets", "mean"),
    [
        ([-1e9, 1e-9], [1, 0], 5e8),
        ([-1e9, 1e-9], [0, 1], 0.3465736),
        ([1e9, -1e-9], [1, 0], 0.3465736),
        ([1e9, -1e-9], [0, 1], 5e8),
        ([0.0, 0.0], [1, 0], 0.6931472),
    ],
)
def test_binary_reference_cases_of_optax(logits: Any, targets: Any, mean: float) -> None:
    # optax, optax/losses/_classification_test.py: sigmoid_binary_cross_entropy.
    assert binary_cross_entropy(logits, targets).mean() == pytest.approx(mean, rel=1e-6)


def test_categorical_reference_case_of_optax() -> None:
    # The same file: poly_loss_cross_entropy with epsilon 0 is cross-entropy.
    logits, targets = [0.14, 1.456, 2.356, -0.124, -2.47], [0.1, 0.15, 0.2, 0.25, 0.3]
    assert categorical_cross_entropy(logits, targets) == pytest.approx(2.8990, abs=5e-5)


def test_weights_and_smoothing_meet_as_in_pytorch() -> None:
    # What PyTorch 2.13.0 gives for F.cross_entropy(…, weight=…, label_smoothing=0.1) and for
    # F.binary_cross_entropy_with_logits(…, pos_weight=3), both with reduction="none".
    loss = categorical_cross_entropy(
        [[1.0, 2.0, 3.0], [0.5, -1.0, 0.25]],
        [0, 2],
        class_weight=[1.0, 2.0, 0.5],
        label_smoothing=0.1,
    )
    np.testing.assert_allclose(loss, [2.34773273051845344, 0.60999690562775144], rtol=1e-14)
    loss = binary_cross_entropy([-2.0, 0.0, 3.0], [1.0, 0.25, 0.0], pos_weight=3.0)
    wanted = [6.38078403312891851, 1.03972077083991787, 3.04858735157374205]
    np.testing.assert_allclose(loss, wanted, rtol=1e-14)


def test_the_negative_class_gets_its_own_exponential() -> None:
    # The lesson writes e^{S_p} in the numerator for the negative class; it is e^{S_n}.
    logits = np.log([1.0, 2.0, 5.0])
    np.testing.assert_allclose(
        categorical_cross_entropy_grad(logits, 0), [1 / 8 - 1, 2 / 8, 5 / 8], rtol=1e-15
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gap", [1.0, 10.0, 20.0, 40.0, 80.0])
@pytest.mark.parametrize("one_hot", [False, True])
def test_a_confident_row_keeps_its_loss_and_gradient(
    dtype: type[np.floating], gap: float, one_hot: bool
) -> None:
    logits = np.array([gap, 0.0, -1.0], dtype=dtype)
    target: Any = np.array([1, 0, 0], dtype=dtype) if one_hot else 0
    value, grad = categorical_cross_entropy_value_and_grad(logits, target)
    p = exact_softmax(logits)
    bound = (8 + gap + 1) * float(np.finfo(dtype).eps)
    assert relative_error(value, -mpmath.log(p[0])) < bound
    assert relative_error(grad[0], -(p[1] + p[2])) < bound
    assert relative_error(grad[1], p[1]) < bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("x", [-80.0, -20.0, -1e-3, 0.0, 1e-3, 20.0, 80.0])
@pytest.mark.parametrize("target", [0, 1])
def test_binary_loss_and_gradient_are_accurate(
    dtype: type[np.floating], x: float, target: int
) -> None:
    logit = dtype(x)
    yes, no = exact_softmax([float(logit), 0.0])
    eps = float(np.finfo(dtype).eps)
    wanted = -mpmath.log(yes if target else no)
    assert relative_error(binary_cross_entropy(logit, target), wanted) < 8 * eps
    slope = -no if target else yes
    assert relative_error(binary_cross_entropy_grad(logit, target), slope) < 8 * eps


def test_infinite_logits_have_their_limits() -> None:
    logits = [[-INF, 0.0, 0.0], [INF, 0.0, 0.0], [0.0, INF, 0.0], [INF, INF, 0.0], [-INF] * 3]
    value, grad = categorical_cross_entropy_value_and_grad(logits, [0, 0, 0, 0, 0])
    np.testing.assert_array_equal(value, [INF, 0, INF, NAN, NAN])
    np.testing.assert_array_equal(grad[:3], [[-1, 0.5, 0.5], [0, 0, 0], [-1, 1, 0]])
    assert np.isnan(grad[3:]).all()
    # A probability of 0 contributes nothing where its target is 0.
    assert categorical_cross_entropy([-INF, 0.0, 0.0], [0.0, 0.5, 0.5]) == math.log(2)
    np.testing.assert_array_equal(
        binary_cross_entropy([INF, INF, -INF, -INF, NAN], [1, 0, 1, 0, 1]), [0, INF, INF, 0, NAN]
    )


@pytest.mark.parametrize("targets", [[0, 1], [[1.0, 0.0], [0.0, 1.0]]])
def test_a_nan_stays_in_its_row(targets: Any) -> None:
    value, grad = categorical_cross_entropy_value_and_grad([[NAN, 0.0], [0.0, 0.0]], targets)
    assert np.isnan(value[0])
    assert np.isnan(grad[0]).all()
    assert value[1] == math.log(2)
    assert grad[1].tolist() == [0.5, -0.5]


def test_class_ids_and_one_hot_targets_agree() -> None:
    labels = np.array([0, 1, 2, 1])
    every: list[dict[str, Any]] = [{}, {"label_smoothing": 0.1}, {"class_weight": [1.0, 2.0, 3.0]}]
    for options in every:
        by_id = categorical_cross_entropy_value_and_grad(LOGITS, labels, **options)
        by_row = categorical_cross_entropy_value_and_grad(LOGITS, np.eye(3)[labels], **options)
        np.testing.assert_allclose(by_id[0], by_row[0], rtol=1e-14)
        np.testing.assert_allclose(by_id[1], by_row[1], rtol=1e-13, atol=1e-16)


def test_the_loss_is_the_cross_entropy_of_the_softmax() -> None:
    np.testing.assert_allclose(
        categorical_cross_entropy(LOGITS, SOFT), cross_entropy(SOFT, softmax(LOGITS)), rtol=1e-13
    )


def test_label_smoothing_mixes_in_the_uniform_distribution() -> None:
    smoothed = 0.9 * np.eye(3)[[2, 0, 1, 0]] + 0.1 / 3
    np.testing.assert_allclose(
        categorical_cross_entropy(LOGITS, [2, 0, 1, 0], label_smoothing=0.1),
        categorical_cross_entropy(LOGITS, smoothed),
    )
    np.testing.assert_allclose(
        binary_cross_entropy([1.0, -2.0], [1, 0], label_smoothing=0.1),
        binary_cross_entropy([1.0, -2.0], [0.95, 0.05]),
    )


@given(
    hnp.arrays(np.float64, (3, 4), elements=st.floats(-100, 100)),
    hnp.arrays(np.int64, 3, elements=st.integers(0, 3)),
)
def test_gradients_sum_to_zero_over_the_classes(logits: np.ndarray, labels: np.ndarray) -> None:
    grad = categorical_cross_entropy_grad(logits, labels)
    np.testing.assert_allclose(grad.sum(axis=-1), 0, atol=1e-15)


@given(st.floats(-500, 500), st.floats(-500, 500))
def test_two_classes_are_one_binary_question(a: float, b: float) -> None:
    np.testing.assert_allclose(
        categorical_cross_entropy([a, b], 0), binary_cross_entropy(a - b, 1), rtol=1e-13
    )


@pytest.mark.parametrize(("loss", "logits", "targets", "options"), CALLS)
def test_dtype_and_shape_follow_the_logits(
    loss: str, logits: Any, targets: Any, options: dict[str, Any]
) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        value, grad = LOSSES[loss][2](np.asarray(logits, dtype=dtype), targets, **options)
        assert value.dtype == grad.dtype == dtype
        assert grad.shape == np.shape(logits)
        assert value.shape == (grad.shape if loss == "binary" else grad.shape[:-1])


def test_inputs_are_not_modified() -> None:
    for loss, logits, targets, options in CALLS:
        logits, targets = np.array(logits, dtype=float), np.array(targets)
        before = logits.copy(), targets.copy()
        LOSSES[loss][2](logits, targets, **options)
        np.testing.assert_array_equal(logits, before[0])
        np.testing.assert_array_equal(targets, before[1])


@given(
    hnp.arrays(np.float64, 4, elements=st.floats(-50, 50)),
    st.integers(0, 3),
    st.floats(0.01, 10),
)
def test_the_loss_never_rises_with_the_true_logit(
    logits: np.ndarray, label: int, step: float
) -> None:
    raised = logits + step * (np.arange(4) == label)
    assert categorical_cross_entropy(raised, label) <= categorical_cross_entropy(logits, label)
    assert binary_cross_entropy(logits + step, np.ones(4)).sum() <= (
        binary_cross_entropy(logits, np.ones(4)).sum()
    )
    assert (softmax(raised)[label] - softmax(logits)[label]) >= -1e-16


COMPARED: list[tuple[Any, Any, dict[str, Any]]] = [
    (losses.focal_loss_value_and_grad, SOFT, {"gamma": 2.0}),
    (losses.focal_loss_value_and_grad, (SOFT > 0.4).astype(float), {"gamma": 0.5}),
    (losses.focal_loss_value_and_grad, SOFT, {"gamma": 0.0}),
    (losses.categorical_focal_loss_value_and_grad, [0, 1, 2, 1], {"gamma": 2.0}),
    (losses.categorical_focal_loss_value_and_grad, [0, 1, 2, 1], {"gamma": 0.5}),
    (losses.sigmoid_squared_error_value_and_grad, SOFT, {}),
    (losses.softmax_squared_error_value_and_grad, SOFT, {}),
    (losses.softmax_squared_error_value_and_grad, [0, 1, 2, 1], {}),
]


@pytest.mark.parametrize(("value_and_grad", "targets", "options"), COMPARED)
def test_what_they_are_compared_with_has_its_gradient(
    value_and_grad: Any, targets: Any, options: dict[str, Any]
) -> None:
    value, grad = value_and_grad(LOGITS, targets, **options)
    wanted = finite_difference(lambda z: value_and_grad(z, targets, **options)[0], LOGITS)
    np.testing.assert_allclose(grad, wanted, rtol=1e-6, atol=1e-9)
    for dtype in (np.float16, np.float32):
        small = value_and_grad(LOGITS.astype(dtype), targets, **options)
        assert small[0].dtype == small[1].dtype == dtype
        np.testing.assert_allclose(small[0], value, rtol=0.02, atol=1e-3)


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    np.testing.assert_allclose(
        losses.focal_loss(LOGITS, SOFT, gamma=0), binary_cross_entropy(LOGITS, SOFT), rtol=1e-14
    )
    np.testing.assert_allclose(
        losses.categorical_focal_loss(LOGITS, [0, 1, 2, 1], gamma=0),
        categorical_cross_entropy(LOGITS, [0, 1, 2, 1]),
        rtol=1e-14,
    )


def test_focal_loss_turns_easy_examples_down() -> None:
    # Lin et al. (2017): with γ = 2 an example with p_t = 0.9 has a hundredth of its loss.
    logit = math.log(9)
    assert losses.focal_loss(logit, 1) == pytest.approx(binary_cross_entropy(logit, 1) / 100)


def test_squared_error_is_the_brier_score() -> None:
    p = softmax(LOGITS)
    np.testing.assert_allclose(
        losses.softmax_squared_error(LOGITS, SOFT), ((p - SOFT) ** 2).sum(axis=-1), rtol=1e-12
    )
    assert losses.sigmoid_squared_error(math.log(3), 0) == pytest.approx(0.75**2)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_loss_at_its_limits(gamma: float) -> None:
    value, grad = losses.focal_loss_value_and_grad([INF, -INF, 800.0], [1, 0, 1], gamma=gamma)
    np.testing.assert_array_equal(value, [0, 0, 0])
    np.testing.assert_array_equal(grad, [0, 0, 0])
    value, grad = losses.categorical_focal_loss_value_and_grad([1000.0, 0.0], 0, gamma=gamma)
    assert value == 0
    assert grad.tolist() == [0, 0]


OPTIONS: list[dict[str, Any]] = [
    {},
    {"label_smoothing": 0.1},
    {"class_weight": [0.5, 1.0, 4.0]},
    {"class_weight": [0.5, 1.0, 4.0], "label_smoothing": 0.1},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_terms_sum_to_the_loss(options: dict[str, Any]) -> None:
    terms = losses.categorical_cross_entropy_terms(LOGITS, SOFT, **options)
    wanted = categorical_cross_entropy(LOGITS, SOFT, **options)
    np.testing.assert_allclose(terms.sum(axis=-1), wanted, rtol=1e-14)


def test_terms_keep_their_digits_and_their_limits() -> None:
    terms = losses.categorical_cross_entropy_terms([40.0, 0.0], [1, 0])
    assert terms.tolist() == [categorical_cross_entropy([40.0, 0.0], 0), 0]
    assert losses.categorical_cross_entropy_terms([-INF, 0.0], [0.0, 1.0]).tolist() == [0, 0]
    assert losses.categorical_cross_entropy_terms([-INF, 0.0], [0.5, 0.5]).tolist() == [INF, 0]
    small = losses.categorical_cross_entropy_terms(np.zeros(2, np.float32), [0.5, 0.5])
    assert small.dtype == np.float32


@pytest.mark.parametrize("options", OPTIONS)
def test_the_gradient_vanishes_at_the_optimum(options: dict[str, Any]) -> None:
    optimum = losses.optimal_probabilities(SOFT, **options)
    np.testing.assert_allclose(optimum.sum(axis=-1), 1, rtol=1e-14)
    with np.errstate(divide="ignore"):
        logits = np.log(optimum)
    grad = categorical_cross_entropy_grad(logits, SOFT, **options)
    np.testing.assert_allclose(grad, 0, atol=1e-14)
    at_best = categorical_cross_entropy(logits, SOFT, **options)
    for other in (LOGITS, logits + np.eye(3)[0] / 10, logits - np.eye(3)[1] / 10):
        assert (at_best <= categorical_cross_entropy(other, SOFT, **options) + 1e-14).all()


def test_a_weight_moves_the_optimum_of_a_smoothed_target_only() -> None:
    hard = losses.optimal_probabilities([1.0, 0.0, 0.0], class_weight=[9, 1, 1])
    assert hard.tolist() == [1, 0, 0]
    moved = losses.optimal_probabilities(
        [1.0, 0.0, 0.0], class_weight=[0.1, 1, 1], label_smoothing=0.3
    )
    np.testing.assert_allclose(moved, np.array([0.08, 0.1, 0.1]) / 0.28, rtol=1e-14)
    assert np.isnan(losses.optimal_probabilities([1.0, 0.0], class_weight=[0, 1])).all()


def test_smoothing_is_that_of_the_losses() -> None:
    for smoothing in (0.0, 0.1, 1.0):
        np.testing.assert_allclose(
            categorical_cross_entropy(LOGITS, losses.smoothed_targets(SOFT, 3, smoothing)),
            categorical_cross_entropy(LOGITS, SOFT, label_smoothing=smoothing),
            rtol=1e-14,
        )
        np.testing.assert_allclose(
            binary_cross_entropy(LOGITS, losses.smoothed_targets(SOFT, 2, smoothing)),
            binary_cross_entropy(LOGITS, SOFT, label_smoothing=smoothing),
            rtol=1e-14,
        )


BCE, CCE = binary_cross_entropy, categorical_cross_entropy


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: BCE([], []), ValueError, "logits must not be empty"),
        (lambda: BCE([1.0], [[1.0]]), ValueError, r"got logits \(1,\) and targets \(1, 1\)"),
        (lambda: BCE([1.0, 2.0], [0.0, 1.5]), ValueError, "targets must lie .* 1.5 at index 1"),
        (lambda: BCE([1.0], [-1]), ValueError, "got -1.0 at index 0"),
        (lambda: BCE([1.0], [1], pos_weight=[1, 2]), ValueError, r"pos_weight must have shape \(1"),
        (lambda: BCE([1.0], [1], pos_weight=-1), ValueError, "pos_weight must be finite .* -1"),
        (lambda: BCE([1.0], [1], label_smoothing=2), ValueError, "label_smoothing .* got 2"),
        (lambda: CCE(1.0, 0), ValueError, "at least one axis"),
        (lambda: CCE([[1.0, 2.0]], [2]), ValueError, "class ids from 0 to 1; got 2 at index 0"),
        (lambda: CCE([[1.0, 2.0]], [-1]), ValueError, "class ids from 0 to 1; got -1"),
        (lambda: CCE([[1.0, 2.0]], [0, 1]), ValueError, r"must have shape \(1,\) to match"),
        (lambda: CCE([[1.0, 2.0]], [0.0]), TypeError, "must be integers; got dtype float64"),
        (lambda: CCE([[1.0, 2.0]], [[0.5, 0.6]]), ValueError, "sum of 1.1 at index 0"),
        (lambda: CCE([[1.0, 2.0]], [[1.5, -0.5]]), ValueError, "targets must lie between 0 and 1"),
        (lambda: CCE([[1.0, 2.0]], [[1.0, 0.0, 0.0]]), ValueError, r"targets \(1, 3\)"),
        (lambda: CCE([[1.0, 2.0]], [0], class_weight=[1.0]), ValueError, "one weight per class"),
        (lambda: CCE([[1.0, 2.0]], [0], class_weight=[1, NAN]), ValueError, "finite"),
        (lambda: losses.focal_loss([1.0], [1], gamma=-1), ValueError, "gamma must be .* got -1"),
        (lambda: losses.focal_loss([1.0], [2]), ValueError, "targets must lie between 0 and 1"),
        (lambda: losses.sigmoid_squared_error([1.0], [[1]]), ValueError, "same shape"),
        (lambda: losses.softmax_squared_error([1.0, 2.0], 2), ValueError, "from 0 to 1; got 2"),
        (lambda: losses.categorical_cross_entropy_terms([1.0], [1, 0]), ValueError, "same shape"),
        (lambda: losses.optimal_probabilities([0.5, 0.6]), ValueError, "sum of 1.1"),
        (lambda: losses.optimal_probabilities([1], class_weight=[-1]), ValueError, "not negative"),
        (lambda: losses.smoothed_targets([1], 0, 0.1), ValueError, "num_classes must be at least"),
        (lambda: losses.smoothed_targets([2], 2, 0.1), ValueError, "targets must lie between"),
        (lambda: losses.smoothed_targets([1], 2, 2), ValueError, "label_smoothing .* got 2"),
    ],
)
def test_bad_input_is_named(call, error, says) -> None:
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("num_classes", [1, 2, 10])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_the_floor_of_smoothing_is_where_the_gradient_ends(
    num_classes: int, smoothing: float
) -> None:
    target = np.full(num_classes, smoothing / num_classes)
    target[0] += 1 - smoothing
    with np.errstate(divide="ignore"):
        logits = np.log(target)
    floor = label_smoothing_floor(num_classes, smoothing)
    loss = categorical_cross_entropy(logits, 0, label_smoothing=smoothing)
    assert floor == pytest.approx(loss, abs=1e-14)
    assert label_smoothing_floor(num_classes, [smoothing], base=2) * np.log(2) == pytest.approx(
        [floor]
    )


@pytest.mark.parametrize(
    ("num_classes", "smoothing", "says"),
    [(0, 0.1, "num_classes must be at least 1"), (2, 1.5, "must lie between 0 and 1; got 1.5")],
)
def test_a_floor_of_nothing_is_refused(num_classes: int, smoothing: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        label_smoothing_floor(num_classes, smoothing)
