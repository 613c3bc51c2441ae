"""Every function within its bound of the truth, on every kind of row: see tests/core/exact.py."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from core.activations import log_sigmoid, log_softmax, sigmoid, softmax
from core.entropy import entropy, entropy_from_logits, kl_divergence
from core.losses import (
    binary_cross_entropy_value_and_grad,
    categorical_cross_entropy_value_and_grad,
)
from tests.core.exact import exact_row, require_close, rows_of, spread

DTYPES = [np.float32, np.float64]
CLASSES = [1, 2, 3, 10, 65, 100, 1000, 10_000]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", CLASSES)
def test_rows(num_classes: int, dtype: Any) -> None:
    rows = rows_of(num_classes, dtype, np.random.default_rng(num_classes))
    labels = np.arange(len(rows)) % num_classes
    tops = rows.argmax(axis=-1)
    s, log_s, bits = softmax(rows), log_softmax(rows), entropy_from_logits(rows)
    by_label = {
        name: categorical_cross_entropy_value_and_grad(rows, chosen)
        for name, chosen in (("label", labels), ("top", tops))
    }
    one_hot = (labels[:, np.newaxis] == np.arange(num_classes)).astype(dtype)
    by_label["one-hot"] = categorical_cross_entropy_value_and_grad(rows, one_hot)

    for i, row in enumerate(rows):
        truth = exact_row(row)
        delta = spread(row)
        # Of a large row some classes stand for all; the largest and the label are among them.
        shown = sorted({*range(min(num_classes, 100)), int(tops[i]), int(labels[i])})

        def check(got: Any, want: Any, what: str, delta: float = delta, i: int = i) -> None:
            require_close(got, want, delta, num_classes, f"{what} of row {i}")

        exact_s, exact_log_s = truth.softmax, truth.log_softmax
        for j in shown:
            check(s[i, j], exact_s[j], f"softmax {j}")
            check(log_s[i, j], exact_log_s[j], f"log_softmax {j}")
        check(bits[i], truth.entropy, "entropy_from_logits")
        for name, chosen in (("label", labels), ("top", tops), ("one-hot", labels)):
            value, grad = by_label[name]
            label = int(chosen[i])
            loss = exact_log_s[label]
            check(value[i], None if loss is None else -loss, f"CCE by {name}")
            for j in shown:
                want = -truth.not_label(label) if j == label else exact_s[j]
                check(grad[i, j], want, f"CCE gradient {j} by {name}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_elements(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    big = 1e300 if dtype == np.float64 else 1e30
    tiny = float(np.finfo(dtype).smallest_subnormal)
    edges = [0.0, tiny, 1e-30, 1e-8, 0.5, 1.0, 17.0, 37.0, 40.0, 88.0, 100.0, 104.0, 710.0, 745.0]
    edges += [1000.0, big]
    x = np.concatenate([edges, np.negative(edges), rng.normal(0, 10, 60), rng.normal(0, 0.01, 20)])
    x = x.astype(dtype)
    targets = {"0": np.zeros_like(x), "1": np.ones_like(x), "soft": rng.random(len(x), dtype)}
    p, log_p = sigmoid(x), log_sigmoid(x)
    losses = {name: binary_cross_entropy_value_and_grad(x, t) for name, t in targets.items()}
    for i, logit in enumerate(x):
        pair = exact_row(np.array([logit, 0], dtype=np.float64))
        yes, no = pair.softmax
        surprise_yes, surprise_no = (-value for value in pair.log_softmax)
        require_close(p[i], yes, 0, 1, f"sigmoid({logit})")
        require_close(log_p[i], -surprise_yes, 0, 1, f"log_sigmoid({logit})")
        for name, (value, grad) in losses.items():
            t = mpmath.mpf(float(targets[name][i]))
            want = t * surprise_yes + (1 - t) * surprise_no
            require_close(value[i], want, 0, 2, f"BCE({logit}, {name})")
            if name == "soft":
                # The two terms cancel: the bound is relative to their size.
                distance = abs(mpmath.mpf(float(grad[i])) - (yes - t))
                assert distance <= 8 * float(np.finfo(dtype).eps) * (yes + t)
            else:
                require_close(grad[i], yes if name == "0" else -no, 0, 1, f"BCE gradient({logit})")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [2, 10, 100, 1000])
def test_soft_targets(num_classes: int, dtype: Any) -> None:
    rng = np.random.default_rng(num_classes)
    rows = rows_of(num_classes, dtype, rng)
    rows = rows[np.isfinite(rows).all(axis=-1) & (np.abs(rows).max(axis=-1) < 1e20)]
    targets = softmax(rng.normal(0, 3, rows.shape).astype(dtype))
    value, grad = categorical_cross_entropy_value_and_grad(rows, targets)
    eps = float(np.finfo(dtype).eps)
    for i, row in enumerate(rows):
        truth = exact_row(row)
        t = [mpmath.mpf(float(x)) for x in targets[i]]
        total = mpmath.fsum(t)
        want = mpmath.fsum(-a * b for a, b in zip(t, truth.log_softmax, strict=True))
        require_close(value[i], want, spread(row), num_classes, f"soft CCE of row {i}")
        for j in range(min(num_classes, 50)):
            s = truth.softmax[j] * total
            distance = abs(mpmath.mpf(float(grad[i, j])) - (s - t[j]))
            assert distance <= (8 + spread(row)) * eps * (s + t[j])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [1, 2, 10, 100, 10_000])
def test_distributions(num_classes: int, dtype: Any) -> None:
    rng = np.random.default_rng(num_classes)
    p = softmax(rows_of(num_classes, dtype, rng))
    p = p[np.isfinite(p).all(axis=-1)]
    q = softmax(rng.normal(0, 1, p.shape).astype(dtype))
    near = softmax(np.log(np.maximum(q, 1e-30)) * dtype(1.0001))
    h, kl, kl_near = entropy(p), kl_divergence(p, q), kl_divergence(q, near)
    eps = float(np.finfo(dtype).eps)
    # A ratio of two floats is no nearer to 1 than 2^−53: 60 digits are as good as 500, and faster.
    with mpmath.workdps(60):
        for i in range(len(p)):
            in_p, in_q, in_near = ([mpmath.mpf(float(x)) for x in row[i]] for row in (p, q, near))
            want = -mpmath.fsum(x * mpmath.log(x) for x in in_p if x)
            require_close(h[i], want, 0, num_classes, f"entropy of row {i}")
            for got, a, b in ((kl[i], in_p, in_q), (kl_near[i], in_q, in_near)):
                terms = [x * mpmath.log(x / y) for x, y in zip(a, b, strict=True) if x]
                distance = abs(mpmath.mpf(float(got)) - mpmath.fsum(terms))
                assert distance <= 8 * eps * mpmath.fsum(map(abs, terms)) + num_classes * (
                    mpmath.mpf(float(np.finfo(dtype).smallest_subnormal))
                )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("num_classes", [2, 8, 10, 64, 65, 300])
def test_a_row_is_the_same_alone_and_among_a_million(num_classes: int, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    num_rows = 3_000_000 // num_classes // np.dtype(dtype).itemsize
    rows = rng.normal(0, 5, (num_rows, num_classes)).astype(dtype)
    rows[::97, 0] = -np.inf
    rows[::101, 1] = np.inf
    rows[::103] = np.nan
    labels = rng.integers(0, num_classes, num_rows)
    value, grad = categorical_cross_entropy_value_and_grad(rows, labels)
    s = softmax(rows)
    log_s = log_softmax(rows)
    for i in [*range(0, num_rows, 997), 97, 101, 103, num_rows - 1]:
        alone = categorical_cross_entropy_value_and_grad(rows[i], labels[i])
        np.testing.assert_array_equal(value[i], alone[0])
        np.testing.assert_array_equal(grad[i], alone[1])
        np.testing.assert_array_equal(s[i], softmax(rows[i]))
        np.testing.assert_array_equal(log_s[i], log_softmax(rows[i]))
