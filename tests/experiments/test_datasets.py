import numpy as np
import pytest

from experiments.datasets import DATASETS, load


@pytest.mark.parametrize("name", DATASETS)
def test_rows_are_split_in_proportion_and_scaled_by_the_training_rows(name: str) -> None:
    data = load(name, seed=0)
    rows = len(data.train.labels), len(data.val.labels)
    assert rows[1] == pytest.approx(0.2 * sum(rows), abs=1)
    shares = [
        np.bincount(split.labels, minlength=len(data.class_names)) / len(split.labels)
        for split in (data.train, data.val)
    ]
    np.testing.assert_allclose(shares[0], shares[1], atol=0.01)
    varying = data.train.inputs.std(axis=0) > 0
    np.testing.assert_allclose(data.train.inputs.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(data.train.inputs.std(axis=0)[varying], 1, atol=1e-4)
    np.testing.assert_allclose(
        data.val.inputs, (data.val.features - data.mean) / data.scale, rtol=1e-5, atol=1e-5
    )


def test_the_seed_chooses_the_split() -> None:
    first, again, other = (load("digits", seed).val.labels for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
