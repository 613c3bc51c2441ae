import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.activations import softmax
from core.entropy import cross_entropy
from core.losses import (
    binary_cross_entropy,
    binary_cross_entropy_grad,
    categorical_cross_entropy,
    categorical_cross_entropy_grad,
    categorical_cross_entropy_value_and_grad,
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


BCE, CCE = binary_cross_entropy, categorical_cross_entropy


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: BCE([], []), ValueError, "logits must not be empty"),
        (lambda: BCE([1.0], [[1.0]]), ValueError, r"got logits \(1,\) and targets \(1, 1\)"),
        (lambda: BCE([1.0, 2.0], [0.0, 1.5]), ValueError, "targets must lie .* 1.5 at index 1"),
        (lambda: BCE([1.0], [-1]), ValueError, "got -1 at index 0"),
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
    ],
)
def test_bad_input_is_named(call, error, says) -> None:
    with pytest.raises(error, match=says):
        call()
