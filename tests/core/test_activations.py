import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.activations import (
    log_sigmoid,
    log_softmax,
    logsumexp,
    sigmoid,
    sigmoid_derivative,
    softmax,
    softmax_jacobian,
)
from tests.core.cases import (
    INF,
    LOGITS,
    NAN,
    exact_softmax,
    finite_difference,
    relative_error,
)

EPS: dict[Any, float] = {dtype: float(np.finfo(dtype).eps) for dtype in (np.float32, np.float64)}
ROW_FUNCTIONS = [softmax, log_softmax, logsumexp]
ROWS = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=6),
    elements=st.floats(-50, 50),
)

EXTREME_ROWS = [
    [0.0, 40.0],
    [100.0, 0.0, -100.0],
    [745.0, 0.0],
    [1000.0, 999.0, -1000.0],
    [1e300, 0.0],
    [5e-324, 0.0],
    [3.0, 3.0, 3.0],
    [-0.5],
]


def test_sigmoid_has_exact_values() -> None:
    assert sigmoid(0.0) == 0.5
    assert sigmoid(math.log(3)) == pytest.approx(0.75, rel=1e-15)
    assert sigmoid([-INF, INF]).tolist() == [0, 1]
    assert sigmoid(-745.0) == pytest.approx(5e-324)


def test_softmax_has_exact_values() -> None:
    np.testing.assert_allclose(softmax(np.log([1, 2, 5])), [0.125, 0.25, 0.625], rtol=1e-15)
    assert softmax([7.0] * 4).tolist() == [0.25] * 4


@pytest.mark.parametrize(
    ("row", "dtype"),
    [
        (row, dtype)
        for row in EXTREME_ROWS
        for dtype in (np.float32, np.float64)
        if max(map(abs, row)) <= float(np.finfo(dtype).max)
    ],
)
def test_softmax_and_its_log_are_accurate_at_extremes(
    row: list[float], dtype: type[np.floating]
) -> None:
    logits = np.array(row, dtype=dtype)
    exact = exact_softmax(logits)
    tiny = np.finfo(dtype).smallest_subnormal
    spread = float(logits.max() - logits.min())
    for got, log_got, want in zip(softmax(logits), log_softmax(logits), exact, strict=True):
        bound = (8 + spread) * EPS[dtype]
        assert abs(mpmath.mpf(float(got)) - want) <= bound * want + len(row) * tiny
        log_want = mpmath.log(want)
        if log_want == 0:
            assert log_got == 0
        else:
            assert abs(mpmath.mpf(float(log_got)) - log_want) <= bound * abs(log_want) + tiny


def test_the_largest_class_of_a_confident_row_keeps_its_log() -> None:
    exact = -1 / (1 + exact_softmax([60.0, 0.0])[0] / exact_softmax([60.0, 0.0])[1])
    # log s = −log1p(e^−60), which is −e^−60 to 26 digits.
    assert relative_error(log_softmax([60.0, 0.0])[0], exact) < 1e-15


@pytest.mark.parametrize("x", [-800.0, -700.5, -37.0, -1e-9, 0.0, 1e-9, 37.0, 700.5])
def test_sigmoid_is_accurate_in_both_tails(x: float) -> None:
    want = exact_softmax([x, 0.0])[0]
    if sigmoid(x) >= np.finfo(float).tiny:
        assert relative_error(sigmoid(x), want) < 4 * EPS[np.float64]
    else:
        assert abs(float(want) - sigmoid(x)) <= 5e-324


def test_derivatives_agree_with_finite_differences() -> None:
    np.testing.assert_allclose(
        sigmoid_derivative(LOGITS), finite_difference(sigmoid, LOGITS), rtol=1e-6, atol=1e-9
    )
    jacobian = softmax_jacobian(LOGITS)
    for i in range(3):

        def output(z: np.ndarray, i: int = i) -> np.ndarray:
            return softmax(z)[..., i]

        wanted = finite_difference(output, LOGITS)
        np.testing.assert_allclose(jacobian[..., i, :], wanted, rtol=1e-6, atol=1e-10)


def test_derivatives_keep_both_tails() -> None:
    exact = exact_softmax([40.0, 0.0])
    assert relative_error(sigmoid_derivative(40.0), exact[0] * exact[1]) < 1e-15
    assert sigmoid_derivative(40.0) == sigmoid_derivative(-40.0)
    np.testing.assert_allclose(
        softmax_jacobian([40.0, 0.0])[0, 0], float(exact[0] * exact[1]), rtol=1e-14
    )
    np.testing.assert_allclose(softmax_jacobian(LOGITS).sum(axis=-1), 0, atol=1e-16)


def test_infinite_logits_have_their_limits() -> None:
    assert softmax([-INF, 0.0, 0.0]).tolist() == [0, 0.5, 0.5]
    assert softmax([INF, 0.0, 5.0]).tolist() == [1, 0, 0]
    assert log_softmax([INF, 0.0]).tolist() == [0, -INF]
    assert logsumexp([INF, 0.0]) == INF
    assert logsumexp([-INF, -INF]) == -INF
    assert log_sigmoid([-INF, INF]).tolist() == [-INF, 0]


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize("row", [[INF, INF, 0.0], [-INF, -INF, -INF], [NAN, 0.0, 1.0]])
def test_an_undefined_row_is_nan_and_leaves_the_others_alone(function, row) -> None:
    result = function([row, [0.0, 1.0, 2.0]])
    assert np.isnan(result[0]).all()
    np.testing.assert_array_equal(result[1], function([0.0, 1.0, 2.0]))


@pytest.mark.parametrize("function", ROW_FUNCTIONS)
def test_axis_is_the_axis_of_the_classes(function) -> None:
    by_row = function(LOGITS)
    by_column = function(LOGITS.T, axis=0)
    np.testing.assert_array_equal(by_column, by_row.T)


def test_temperature_divides_after_the_maximum_is_subtracted() -> None:
    np.testing.assert_allclose(softmax([2.0, 4.0], temperature=2.0), softmax([1.0, 2.0]))
    logits = np.array([1000.1, 1000.0], dtype=np.float32)
    exact = exact_softmax([float(logits[0]) / 0.3, float(logits[1]) / 0.3])
    assert relative_error(softmax(logits, temperature=0.3)[0], exact[0]) < 8 * EPS[np.float32]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_smallest_temperature_leaves_the_largest_class(dtype: Any) -> None:
    assert softmax(np.array([2, 2], dtype), temperature=1e-323).tolist() == [0.5, 0.5]
    assert softmax(np.array([1, 2], dtype), temperature=1e-323).tolist() == [0, 1]


@pytest.mark.parametrize("function", [sigmoid, log_sigmoid, softmax, log_softmax])
@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (np.float16, np.float16),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.int32, np.float64),
        (bool, np.float64),
    ],
)
def test_dtypes_are_kept(function, given, wanted) -> None:
    assert function(np.ones((2, 3), dtype=given)).dtype == wanted


@pytest.mark.parametrize("function", [sigmoid, log_sigmoid, *ROW_FUNCTIONS])
def test_inputs_are_not_modified(function) -> None:
    logits = np.array([[1.0, INF, 2.0], [3.0, 1.0, 2.0]])
    before = logits.copy()
    function(logits)
    np.testing.assert_array_equal(logits, before)


@given(ROWS, st.floats(-100, 100))
def test_softmax_does_not_change_when_all_logits_shift(logits: np.ndarray, shift: float) -> None:
    np.testing.assert_allclose(softmax(logits + shift), softmax(logits), rtol=1e-12, atol=1e-300)


@given(ROWS)
def test_softmax_sums_to_one_and_agrees_with_its_log(logits: np.ndarray) -> None:
    np.testing.assert_allclose(softmax(logits).sum(axis=-1), 1, rtol=1e-14)
    np.testing.assert_allclose(np.exp(log_softmax(logits)), softmax(logits), rtol=1e-13)


@given(st.floats(-700, 700), st.floats(-700, 700))
def test_softmax_of_two_is_the_sigmoid_of_the_difference(a: float, b: float) -> None:
    np.testing.assert_allclose(softmax([a, b])[0], sigmoid(a - b), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: softmax([]), ValueError, r"logits must not be empty; got shape \(0,\)"),
        (lambda: softmax(3.0), ValueError, "at least one axis"),
        (lambda: softmax([1.0, 2.0], axis=1), ValueError, "axis 1 does not exist"),
        (lambda: softmax([1.0], temperature=0.0), ValueError, "temperature must be .* got 0"),
        (lambda: softmax([1.0], temperature=NAN), ValueError, "temperature must be .* got nan"),
        (lambda: softmax([[1.0], [1.0, 2.0]]), ValueError, "rectangular"),
        (lambda: sigmoid(["a"]), TypeError, "x must be real numbers .* got dtype <U1"),
        (lambda: sigmoid([1j]), TypeError, "got dtype complex128"),
        (lambda: sigmoid(np.ma.masked_less([1.0, 2.0], 2)), TypeError, "x must not be a masked"),
        (lambda: logsumexp(np.zeros((2, 0))), ValueError, r"got shape \(2, 0\)"),
    ],
)
def test_bad_input_is_named(call, error, says) -> None:
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize(
    ("logits", "wanted"),
    [
        ([1000.0, 1.0], [0.0, -999.0]),
        (
            [0.0, 1.0, 2.0, 3.0],
            [-3.4401896985611953, -2.4401896985611953, -1.4401896985611953, -0.44018969856119533],
        ),
        (
            [100.0, 101.0, 102.0, 103.0],
            [-3.4401896985611953, -2.4401896985611953, -1.4401896985611953, -0.44018969856119533],
        ),
        ([1.0], [0.0]),
    ],
)
def test_reference_cases_of_scipy(logits: list[float], wanted: list[float]) -> None:
    # scipy, scipy/special/tests/test_log_softmax.py: from mpmath at 200 digits.
    np.testing.assert_allclose(log_softmax(logits), wanted, rtol=1e-13, atol=1e-300)
