from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.datasets import DATASETS, load, spec_of


@pytest.mark.parametrize("name", DATASETS)
def test_rows_are_split_in_proportion_and_scaled_by_the_training_rows(name: str) -> None:
    data = load(name, seed=0)
    rows = len(data.train.labels), len(data.val.labels)
    assert rows[1] == pytest.approx(0.2 * sum(rows), abs=1)
    if data.spec.task == "multi-label":
        assert data.train.labels.shape == (rows[0], len(data.class_names))
        assert set(np.unique(data.train.labels)) == {0, 1}
    else:
        shares = [
            np.bincount(split.labels, minlength=len(data.class_names)) / len(split.labels)
            for split in (data.train, data.val)
        ]
        np.testing.assert_allclose(shares[0], shares[1], atol=0.02)
    varying = data.train.inputs.std(axis=0) > 0
    np.testing.assert_allclose(data.train.inputs.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(data.train.inputs.std(axis=0)[varying], 1, atol=1e-4)
    np.testing.assert_allclose(
        data.val.inputs, (data.val.features - data.mean) / data.scale, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_of_ones_own(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine.{suffix}"
    frame = pd.DataFrame({"a": range(30), "kind": ["no", "yes", "maybe"] * 10, "b": 1.5})
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    data = load(str(path), seed=0, target="kind")
    assert data.class_names == ("maybe", "no", "yes")
    assert (data.spec.name, data.spec.task) == ("mine", "exclusive")
    assert list(data.train.features.columns) == ["a", "b"]
    kinds = frame.set_index("a")["kind"]
    for split in (data.train, data.val):
        named = np.array(data.class_names)[split.labels]
        assert (kinds.loc[split.features["a"]].to_numpy() == named).all()


def test_two_classes_make_a_binary_task(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    pd.DataFrame({"a": range(20), "is_it": [True, False] * 10}).to_csv(path, index=False)
    assert spec_of(str(path), "is_it").task == "binary"


@pytest.mark.parametrize(
    ("table", "target", "says"),
    [
        ("a,kind\n" + "1,x\n2,y\n" * 5, "sort", "no column 'sort'; it has a, kind"),
        ("a,kind\n" + "red,x\n2,y\n" * 5, "kind", "column 'a' of mine.csv must hold numbers"),
        ("a,kind\n" + "1,x\n,y\n" * 5, "kind", "5 missing or infinite values"),
        ("a,kind\n" + "1,x\n" * 5, "kind", "at least 2 classes; got 1"),
        ("a,kind\n" + "1,x\n" * 5 + "2,y\n", "kind", "at least 5 rows .* 'y' has 1"),
        ("kind\n" + "x\ny\n" * 5, "kind", "needs at least one row, and columns other than 'kind'"),
        ("", "kind", "can't be read"),
    ],
)
def test_a_table_that_is_none_is_refused(
    tmp_path: Path, table: str, target: str, says: str
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(table)
    with pytest.raises(ValueError, match=says):
        load(str(path), 0, target)


@pytest.mark.parametrize(("name", "says"), [("gone.csv", "can't be read"), ("a.txt", "must be a")])
def test_a_file_that_is_not_there_or_not_a_table_is_refused(name: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        load(name, 0, "kind")


def test_the_seed_chooses_the_split() -> None:
    first, again, other = (load("digits", seed).val.labels for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
