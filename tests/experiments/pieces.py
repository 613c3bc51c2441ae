"""A sample in many small batches, and two diagnoses of it that must be the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from core.diagnosis import Diagnosis
from experiments.diagnosis.samples import SAMPLES
from experiments.predictions import Batch, Predictions

FEW = 37
Happens = Callable[[int], None]


def in_pieces(monkeypatch: pytest.MonkeyPatch, happens: Happens = lambda at: None) -> Predictions:
    """Return a sample that is read in many small batches, each after something has happened."""
    found = SAMPLES["nan_rows"].predictions()
    whole = next(found.batches())

    def batches(predictions: Predictions) -> Iterator[Batch]:
        for at, start in enumerate(range(0, len(whole.scores), FEW)):
            happens(at)
            few = slice(start, start + FEW)
            yield Batch(whole.scores[few], whole.labels[few], start)
        happens(-1)

    monkeypatch.setattr(Predictions, "batches", batches)
    return found


def assert_same(one: Diagnosis, other: Diagnosis) -> None:
    assert [(each.name, each.rows) for each in one.evidence] == [
        (each.name, each.rows) for each in other.evidence
    ]
    assert one.num_rows == other.num_rows
    assert one.calibration is not None
    assert other.calibration is not None
    assert one.calibration.nll == pytest.approx(other.calibration.nll, rel=1e-6)
    np.testing.assert_array_equal(one.calibration.counts, other.calibration.counts)
