"""The textbook formulas agree where all is well, and fail as the pages say they do."""

from typing import Any

import numpy as np
import pytest

from core import naive
from core.activations import log_softmax, sigmoid, softmax
from core.losses import binary_cross_entropy, categorical_cross_entropy
from tests.core.cases import LOGITS, SOFT

LABELS = np.array([0, 1, 2, 1])


def test_they_agree_on_ordinary_logits() -> None:
    np.testing.assert_allclose(naive.sigmoid(LOGITS), sigmoid(LOGITS), rtol=1e-14)
    np.testing.assert_allclose(naive.softmax(LOGITS), softmax(LOGITS), rtol=1e-14)
    np.testing.assert_allclose(naive.log_softmax(LOGITS), log_softmax(LOGITS), rtol=1e-11)
    np.testing.assert_allclose(naive.logsumexp_log_softmax(LOGITS), log_softmax(LOGITS), rtol=1e-11)
    np.testing.assert_allclose(naive.bce(LOGITS, SOFT), binary_cross_entropy(LOGITS, SOFT))
    expected = categorical_cross_entropy(LOGITS, LABELS)
    np.testing.assert_allclose(naive.cce(LOGITS, LABELS), expected, rtol=1e-10)
    np.testing.assert_allclose(naive.logsumexp_cce(LOGITS, LABELS), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("dtype", "overflows"), [(np.float16, 12.0), (np.float32, 89.0), (np.float64, 710.0)]
)
def test_they_fail_where_the_exponential_leaves_the_dtype(dtype: Any, overflows: float) -> None:
    logits = np.array([overflows, 0.0], dtype=dtype)
    assert naive.softmax(logits).dtype == dtype
    assert np.isnan(naive.softmax(logits)[0])
    assert np.isfinite(softmax(logits)).all()
    assert np.isnan(naive.cce(logits, 0))
    assert np.isfinite(categorical_cross_entropy(logits, 0))


def test_the_usual_stable_form_rounds_a_confident_row_away() -> None:
    logits = np.array([20.0, 0.0], dtype=np.float32)
    assert naive.logsumexp_cce(logits, 0) == 0
    assert categorical_cross_entropy(logits, 0) == pytest.approx(np.exp(-20.0), rel=1e-6)


@pytest.mark.parametrize(
    ("dtype", "lost", "overflows"),
    [(np.float16, 8.0, 12.0), (np.float32, 17.0, 89.0), (np.float64, 37.0, 710.0)],
)
def test_the_usual_log_softmax_does_not_overflow_and_loses_the_largest_class(
    dtype: Any, lost: float, overflows: float
) -> None:
    logits = np.array([[lost, 0.0], [overflows, 0.0], [0.0, 0.0]], dtype=dtype)
    usual = naive.logsumexp_log_softmax(logits)
    assert usual.dtype == dtype
    assert usual[0].tolist() == [0, -lost]
    assert usual[1].tolist() == [0, -overflows]
    assert usual[2] == pytest.approx(np.log(0.5), rel=float(np.finfo(dtype).eps))
    assert log_softmax(logits)[0, 0] == pytest.approx(-np.exp(-lost), rel=1e-3)


def test_labels_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="labels must be class ids from 0 to 2; got 3"):
        naive.cce(LOGITS, [0, 1, 2, 3])
