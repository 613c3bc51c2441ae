"""Reference rows to 500 digits: what core should give, and how far off it may be.

The recipe: take the logits exactly as the floats they are, exponentiate and sum with
`mpmath.mp.dps = 500`, enough for e^−1000 beside 1 with digits to spare, and for logits up to ±1e300
take what lies beyond e^−2000 as what it is, less than the smallest number of any dtype.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import mpmath
import numpy as np

from tests.core.cases import INF

mpmath.mp.dps = 500
BEYOND = mpmath.mpf(-5000)


@dataclass(frozen=True)
class Exact:
    """One row of logits, and the truth about it."""

    exponentials: list[Any]  # e^{z − m}
    shifted: list[Any]  # z − m, None for −inf
    total: Any
    log_total: Any

    @cached_property
    def softmax(self) -> list[Any]:
        return [e / self.total for e in self.exponentials]

    @cached_property
    def log_softmax(self) -> list[Any]:
        return [None if d is None else d - self.log_total for d in self.shifted]

    @property
    def entropy(self) -> Any:
        products = (
            e * d for e, d in zip(self.exponentials, self.shifted, strict=True) if d is not None
        )
        return self.log_total - mpmath.fsum(products) / self.total

    def not_label(self, label: int) -> Any:
        """Return 1 − s of the label."""
        return (self.total - self.exponentials[label]) / self.total


def exact_row(row: np.ndarray) -> Exact:
    """Return the truth about a row with at least one finite logit and no +inf."""
    finite = [float(z) for z in row if np.isfinite(z)]
    maximum = mpmath.mpf(max(finite))
    shifted = [None if np.isneginf(z) else mpmath.mpf(float(z)) - maximum for z in row]
    exponentials = [
        mpmath.mpf(0) if d is None or d < BEYOND else _exp(d)  # less than e^−5000
        for d in shifted
    ]
    total = mpmath.fsum(exponentials)
    others = total - 1
    log_total = mpmath.log1p(others) if others < 1e-3 else mpmath.log(total)
    return Exact(exponentials, shifted, total, log_total)


@lru_cache(maxsize=100_000)
def _exp(x: Any) -> Any:
    return mpmath.exp(x)


def rows_of(num_classes: int, dtype: Any, rng: np.random.Generator) -> np.ndarray:
    """Return rows of every kind: ordinary, extreme and random."""
    big = 1e300 if dtype == np.float64 else 1e30
    tiny = np.finfo(dtype).smallest_subnormal

    def pattern(*values: float) -> np.ndarray:
        return np.resize(np.array(values, dtype=dtype), num_classes)

    def dominant(gap: float) -> np.ndarray:
        row = np.zeros(num_classes)
        row[num_classes // 2] = gap
        return row

    rows = [
        pattern(0.0),
        pattern(-0.1, 0.0),
        dominant(1.0),
        dominant(40.0),
        dominant(-40.0),
        dominant(1000.0),
        rng.normal(0, 1, num_classes),
        rng.normal(0, 15, num_classes),
    ]
    if num_classes <= 100:
        rows += [
            pattern(3.0),
            pattern(40.0, -40.0),
            pattern(100.0, -100.0, 0.0),
            pattern(745.0, 0.0),
            pattern(88.0, 0.0),
            pattern(104.0, 0.5),
            pattern(1000.0, 999.0, -1000.0),
            pattern(big, -big),
            pattern(big, big),
            pattern(tiny, 0.0),
            pattern(-INF, 1.0, 0.0) if num_classes > 1 else pattern(1.0),
            dominant(5.0),
            dominant(745.0),
            dominant(-1000.0),
            dominant(big),
            rng.uniform(-800, 800, num_classes),
            rng.normal(0, 1e-6, num_classes),
            rng.normal(0, 100, num_classes),
        ]
    return np.array(rows).astype(dtype)


def spread(row: np.ndarray) -> float:
    """Return Δ, the range of the finite logits."""
    finite = row[np.isfinite(row)].astype(np.float64)
    return float(finite.max() - finite.min())


def require_close(got: Any, want: Any, delta: float, num_classes: int, what: str) -> None:
    """Raise unless |got − want| ≤ (8 + Δ)·eps·|want| + K·(smallest subnormal)."""
    info = np.finfo(got.dtype)
    if want is None:
        assert np.isinf(got), f"{what}: {got} for an infinity"
        return
    bound = (8 + delta) * float(info.eps) * abs(want) + num_classes * mpmath.mpf(
        float(info.smallest_subnormal)
    )
    if abs(want) > float(info.max):
        return
    error = abs(mpmath.mpf(float(got)) - want)
    assert error <= bound, (
        f"{what}: {got!r} for {mpmath.nstr(want, 20)}, {mpmath.nstr(error / bound, 5)} bounds off"
    )
