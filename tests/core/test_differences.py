import numpy as np
import pytest

from core.differences import difference_error, numerical_gradient
from core.heads import HEADS
from core.losses import categorical_cross_entropy, categorical_cross_entropy_grad
from tests.core.cases import LOGITS

ROWS = [
    *LOGITS,
    np.zeros(50),
    np.array([40.0, 0.0]),
    np.array([0.0, 40.0]),
    np.array([1e6, 1e6 - 1, 0.0]),
    np.array([1e300, 0.0]),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("name", [name for name in HEADS if HEADS[name].task == "exclusive"])
def test_what_it_says_of_its_error_holds(name: str, row: np.ndarray) -> None:
    def loss(z: np.ndarray) -> np.ndarray:
        return HEADS[name].loss_value_and_grad(z[np.newaxis], np.array([1]))[0]

    _, wanted = HEADS[name].loss_value_and_grad(row[np.newaxis], np.array([1]))
    off = np.abs(numerical_gradient(loss, row) - wanted[0]).max()
    assert off <= difference_error(loss, row)


def test_the_step_follows_the_size_of_the_value() -> None:
    # A step for logits near 1 would leave nothing of a loss of 1e12.
    logits = [1e12, 0.0, 0.0]
    found = numerical_gradient(lambda z: categorical_cross_entropy(z, 1), logits)
    np.testing.assert_allclose(found, categorical_cross_entropy_grad(logits, 1), atol=1e-3)
    assert difference_error(lambda z: categorical_cross_entropy(z, 1), logits) > 1e-3


def test_shapes_and_exact_values() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(numerical_gradient(lambda y: (y**3).sum(), x), 3 * x**2, rtol=1e-9)
    assert numerical_gradient(lambda y: 5 * y, 2) == pytest.approx(5, rel=1e-10)
    assert x.tolist() == [[1, 2], [3, 4]]


def test_a_function_may_keep_or_change_what_it_is_given() -> None:
    def squared(y: np.ndarray) -> float:
        y *= y
        return float(y.sum())

    np.testing.assert_allclose(numerical_gradient(squared, [1.0, 2.0]), [2, 4], rtol=1e-9)


def test_where_the_function_is_not_finite_nor_is_the_gradient() -> None:
    assert np.isnan(numerical_gradient(lambda y: np.nan, 1.0))
    assert numerical_gradient(lambda y: np.inf if y > 1 else 0.0, 1.0) == np.inf


@pytest.mark.parametrize(
    ("function", "x", "error", "says"),
    [
        (np.sum, [], ValueError, "must not be empty"),
        (np.sum, [1.0, np.inf], ValueError, "x must be finite"),
        (np.sum, ["a"], TypeError, "real numbers"),
        (np.square, [1.0, 2.0], ValueError, r"single number; got shape \(2,\)"),
    ],
)
def test_bad_input_is_refused(function, x, error, says) -> None:
    with pytest.raises(error, match=says):
        numerical_gradient(function, x)
    with pytest.raises(error, match=says):
        difference_error(function, x)
