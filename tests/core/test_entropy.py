import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.activations import softmax
from core.entropy import (
    binary_entropy,
    cross_entropy,
    entropy,
    entropy_from_logits,
    kl_divergence,
    surprisal,
)
from tests.core.cases import INF, NAN, exact_softmax, relative_error

PAIRS = hnp.arrays(np.float64, (2, 5), elements=st.floats(-20, 20)).map(softmax)


def test_a_fair_coin_holds_one_bit() -> None:
    assert entropy([0.5, 0.5], base=2) == 1
    assert binary_entropy(0.5, base=2) == 1
    assert surprisal(0.5, base=2) == 1
    assert entropy([0.5, 0.5]) == pytest.approx(math.log(2), rel=1e-15)


def test_exact_values() -> None:
    assert entropy([0.5, 0.25, 0.125, 0.125], base=2) == 1.75
    assert entropy([1.0, 0.0], base=2) == 0
    assert cross_entropy([0.5, 0.5], [0.125, 0.875], base=2) == pytest.approx(
        1.5 - math.log2(0.875) / 2
    )
    assert cross_entropy([1.0, 0.0], [0.0, 1.0]) == INF
    assert kl_divergence([1.0, 0.0], [0.0, 1.0]) == INF
    assert kl_divergence([0.0, 1.0], [0.5, 0.5], base=2) == 1
    # What happens in neither costs nothing.
    assert kl_divergence([0.5, 0.5, 0.0], [0.5, 0.5, 0.0]) == 0
    assert kl_divergence([0.0, 0.5, 0.5], [0.0, 1.0, 0.0]) == INF
    assert surprisal([0.0, 1.0]).tolist() == [INF, 0]
    assert not np.signbit(surprisal(1.0))


def test_the_entropy_of_a_confident_softmax_is_kept() -> None:
    # From float32 probabilities the entropy at a gap of 20 is 4.8 % low.
    logits = np.array([20.0, 0.0], dtype=np.float32)
    p = exact_softmax(logits)
    exact = -mpmath.fsum(x * mpmath.log(x) for x in p)
    assert relative_error(entropy_from_logits(logits), exact) < 28 * np.finfo(np.float32).eps
    assert relative_error(entropy(softmax(logits)), exact) > 0.04


@pytest.mark.parametrize("gap", [1.0, 40.0, 700.0, 745.0])
def test_entropy_from_logits_is_accurate(gap: float) -> None:
    p = exact_softmax([gap, 0.0, 0.0])
    exact = -mpmath.fsum(x * mpmath.log(x) for x in p)
    got = entropy_from_logits([gap, 0.0, 0.0])
    tolerance = (8 + gap) * np.finfo(float).eps * float(exact) + 3 * 5e-324
    assert abs(float(mpmath.mpf(float(got)) - exact)) <= tolerance


def test_entropy_from_logits_at_its_limits() -> None:
    assert entropy_from_logits([-INF, 0.0, 0.0], base=2) == pytest.approx(1, rel=1e-15)
    assert entropy_from_logits([INF, 0.0]) == 0
    assert np.isnan(entropy_from_logits([-INF, -INF]))
    result = entropy_from_logits([[NAN, 0.0], [0.0, 0.0]], base=2)
    assert np.isnan(result[0])
    assert result[1] == 1


def test_a_nan_stays_in_its_row() -> None:
    result = entropy([[NAN, 0.5], [0.5, 0.5]], base=2)
    assert np.isnan(result[0])
    assert result[1] == 1
    assert np.isnan(cross_entropy([0.0, 1.0], [NAN, 0.5]))


def test_kl_of_close_distributions_keeps_its_digits() -> None:
    t = np.array([0.5, 0.5])
    s = np.array([0.5 + 2.0**-40, 0.5 - 2.0**-40])
    exact = mpmath.fsum(
        mpmath.mpf(float(a)) * mpmath.log(mpmath.mpf(float(a)) / mpmath.mpf(float(b)))
        for a, b in zip(t, s, strict=True)
    )
    size = 2.0**-40  # Σ |t log(t/s)|
    assert abs(float(mpmath.mpf(float(kl_divergence(t, s))) - exact)) < 8 * 2.2e-16 * size


def test_kl_where_the_ratio_overflows() -> None:
    tiny = 1e-320
    exact = -math.log(tiny)
    assert kl_divergence([1.0, 0.0], [tiny, 1.0]) == pytest.approx(exact, rel=1e-15)


@given(PAIRS)
def test_cross_entropy_is_entropy_plus_divergence(pair: np.ndarray) -> None:
    t, s = pair
    assert cross_entropy(t, s) == pytest.approx(entropy(t) + kl_divergence(t, s), rel=1e-12)
    assert kl_divergence(t, s) >= -1e-15
    assert kl_divergence(t, t) == 0


@given(PAIRS)
def test_entropy_lies_between_nothing_and_log_k(pair: np.ndarray) -> None:
    bits = entropy(pair, base=2)
    assert (bits >= 0).all()
    assert (bits <= math.log2(5) * (1 + 1e-15)).all()


@given(st.floats(0, 1))
def test_binary_entropy_is_the_entropy_of_two(p: float) -> None:
    # 1 − p is rounded before `entropy` sees it, never inside `binary_entropy`.
    assert binary_entropy(p) == pytest.approx(entropy([p, 1 - p]), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("num_classes", [1000, 100_000])
def test_the_layout_of_the_memory_costs_no_digits(num_classes: int) -> None:
    p = np.full((num_classes, 3), 1 / num_classes, np.float32)
    wanted = pytest.approx([math.log(num_classes)] * 3, rel=1e-6)
    assert entropy(p, axis=0) == wanted
    assert cross_entropy(p, p, axis=0) == wanted
    assert entropy(np.asfortranarray(p.T)) == wanted
    assert entropy_from_logits(np.zeros((num_classes, 3), np.float32), axis=0) == wanted


def test_axis_and_dtype() -> None:
    p = np.array([[0.5, 1.0], [0.5, 0.0]], dtype=np.float32)
    result = entropy(p, axis=0, base=2)
    assert result.tolist() == [1, 0]
    assert result.dtype == np.float32
    assert cross_entropy(p, p.astype(np.float64), axis=0).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: entropy([0.5, 0.6]), "p must sum to 1 along axis -1; got a sum of 1.1"),
        (lambda: entropy([[0.5, 0.5], [0.3, 0.3]]), "got a sum of 0.6 at index 1"),
        (lambda: entropy([1.5, -0.5]), "p must lie between 0 and 1; got 1.5 at index 0"),
        (lambda: entropy([]), "p must not be empty"),
        (lambda: entropy([1.0], base=1), "base must be .* got 1"),
        (lambda: surprisal([0.5, 2.0]), "got 2.0 at index 1"),
        (lambda: binary_entropy(-0.1), "got -0.1"),
        (lambda: cross_entropy([0.5, 0.5], [1.0]), r"same shape; got targets \(2,\) and"),
        (lambda: kl_divergence([1.0, 0.0], [0.9, 0.0]), "probabilities must sum to 1"),
    ],
)
def test_bad_input_is_named(call, says) -> None:
    with pytest.raises(ValueError, match=says):
        call()
