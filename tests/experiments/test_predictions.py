"""Prediction files: what is read of each kind, and what is said of those that can't be."""

from __future__ import annotations

import gzip
import io
import pickle
import subprocess
import sys
import threading
import zipfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.diagnosis import Summary
from experiments.predictions import Predictions, PredictionsError, Upload, read

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(50, 3)).astype(np.float32)
LABELS = RNG.integers(3, size=50)


def frame(names: Sequence[str] = ("logit_0", "logit_1", "logit_2")) -> pd.DataFrame:
    return pd.DataFrame(LOGITS, columns=list(names)).assign(label=LABELS)


def whole(found: Predictions) -> tuple[np.ndarray, np.ndarray]:
    batches = list(found.batches())
    firsts = np.cumsum([0, *(len(batch.scores) for batch in batches[:-1])])
    assert [batch.first_row for batch in batches] == firsts.tolist()
    return (
        np.concatenate([batch.scores for batch in batches]),
        np.concatenate([batch.labels for batch in batches]),
    )


def written(folder: Path, kind: str) -> Path | list[Path]:
    path = folder / f"out.{kind}"
    if kind == "csv":
        frame().to_csv(path, index=False)
    elif kind == "parquet":
        frame().to_parquet(path, index=False)
    elif kind == "npz":
        np.savez_compressed(path, logits=LOGITS, labels=LABELS)
    else:
        np.save(folder / "logits.npy", LOGITS)
        np.save(folder / "y.npy", LABELS)
        return [folder / "logits.npy", folder / "y.npy"]
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz", "npy"])
def test_every_kind_gives_the_same_rows_twice(tmp_path, kind):
    found = read(written(tmp_path, kind))
    for _ in range(2):
        scores, labels = whole(found)
        np.testing.assert_allclose(scores, LOGITS, rtol=1e-7)
        np.testing.assert_array_equal(labels, LABELS)
    assert found.kind == "logits"
    assert found.class_names == ("0", "1", "2")
    assert found.num_rows == (None if kind == "csv" else 50)
    if kind != "csv":
        assert scores.dtype == np.float32


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
def test_an_upload_is_read_as_its_file_is(tmp_path, kind):
    path = written(tmp_path, kind)
    assert isinstance(path, Path)
    found = read(Upload(f"C:/mine/out.{kind}", io.BytesIO(path.read_bytes())))
    for _ in range(2):
        np.testing.assert_array_equal(whole(found)[1], LABELS)


def test_many_batches_count_on(tmp_path):
    scores = RNG.normal(size=(300_000, 2))
    labels = RNG.integers(2, size=300_000)
    np.savez(tmp_path / "a.npz", logits=scores, labels=labels)
    table = pd.DataFrame(scores, columns=["logit_0", "logit_1"]).assign(label=labels)
    table.to_parquet(tmp_path / "a.parquet")
    table.to_csv(tmp_path / "a.csv", index=False)
    for kind in ("npz", "parquet", "csv"):
        found = read(tmp_path / f"a.{kind}")
        assert len(list(found.batches())) > 1
        np.testing.assert_allclose(whole(found)[0], scores, rtol=1e-12)
        np.testing.assert_array_equal(whole(found)[1], labels)


def test_folder_and_glob_are_one_data_set(tmp_path):
    (tmp_path / "deep" / "_temporary").mkdir(parents=True)
    frame()[:20].to_parquet(tmp_path / "a.parquet")
    frame()[20:].to_parquet(tmp_path / "deep" / "b.parquet")
    frame().to_parquet(tmp_path / "deep" / "_temporary" / "c.parquet")
    for source in (tmp_path, str(tmp_path / "**/[ab].parquet")):
        found = read(source)
        assert found.num_rows == 50
        np.testing.assert_array_equal(whole(found)[1], LABELS)
        assert [part.first_row for part in found.parts()] == [0, 20]
        # Parts go to other processes.
        part = pickle.loads(pickle.dumps(found.parts()[1]))  # noqa: S301
        assert next(part.batches()).first_row == 20


def test_files_of_a_set_must_have_the_same_columns(tmp_path):
    frame().to_parquet(tmp_path / "a.parquet")
    frame().rename(columns={"logit_2": "x"}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(PredictionsError, match=r"b\.parquet: has no logit_2"):
        read(tmp_path)


def test_fortran_order_and_byte_order(tmp_path):
    np.savez(tmp_path / "a.npz", logits=np.asfortranarray(LOGITS.astype(">f8")), labels=LABELS)
    scores, _ = whole(read(tmp_path / "a.npz"))
    assert scores.dtype.isnative
    np.testing.assert_array_equal(scores, LOGITS.astype(float))


def test_columns_are_in_the_order_of_their_numbers(tmp_path):
    names = [f"prob_{i}" for i in (10, 2, 1, 0, 3, 4, 5, 6, 7, 8, 9)]
    pd.DataFrame(np.tile(np.arange(11.0), (4, 1)), columns=names).assign(y=0).to_csv(
        tmp_path / "a.csv", index=False
    )
    found = read(tmp_path / "a.csv")
    assert whole(found)[0][0].tolist() == [3, 2, 1, 4, 5, 6, 7, 8, 9, 10, 0]
    assert found.kind == "auto"


def test_named_targets_follow_the_scores(tmp_path):
    (tmp_path / "a.csv").write_text("prob_dog,prob_cat,target_cat,target_dog\n0.9,0.2,0,1\n")
    assert whole(read(tmp_path / "a.csv"))[1].tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("scores", "label"),
    [
        (("0", "1", "2"), "label"),
        (("p0", "p1", "p2"), "y"),
        (("class_1", "class_2", "class_3"), "label"),
        (("LABEL_0", "LABEL_1", "LABEL_2"), "labels"),
        (("probs[0]", "probs[1]", "probs[2]"), "label_idx"),
        (("pred_prob_a", "pred_prob_b", "pred_prob_c"), "Actual"),
        (("p0", "p1", "p2"), "True Label"),
        (("p0", "p1", "p2"), "ground-truth"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_that_can_only_be_scores_and_labels_are_found(tmp_path, scores, label, kind):
    # In another order, and beside others.
    table = frame(scores)[[scores[2], scores[0], scores[1]]].assign(
        id=np.arange(50), x7=0.5, predicted=0, label_name="cat", **{label: LABELS}
    )
    path = tmp_path / f"a.{kind}"
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    found = read(path)
    given, ids = whole(found)
    if scores[0][-1].isdigit() or scores[0][-1] == "]":
        np.testing.assert_allclose(given, LOGITS, rtol=1e-6)
    else:
        assert found.class_names == ("c", "a", "b")
    np.testing.assert_array_equal(ids, LABELS)


@pytest.mark.parametrize("name", ["p", "y_hat", "log_odds", "decision_function"])
def test_one_column_that_can_only_be_the_score_is_found(tmp_path, name):
    table = pd.DataFrame({name: LOGITS[:, 0], "label": LABELS > 0, "x1": 1.0})
    table.to_parquet(tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    np.testing.assert_array_equal(whole(found)[0][:, 0], LOGITS[:, 0])
    assert found.kind == ("logits" if name == "log_odds" else "auto")


def test_predictions_beside_targets_of_the_same_names_are_the_scores(tmp_path):
    table = pd.DataFrame(LOGITS, columns=["pred_a", "pred_b", "pred_c"])
    hot = np.eye(3, dtype=int)[LABELS]
    targets = {f"true_{name}": hot[:, i] for i, name in enumerate("abc")}
    table.assign(**dict(reversed(targets.items()))).to_csv(tmp_path / "a.csv", index=False)
    scores, found = whole(read(tmp_path / "a.csv"))
    np.testing.assert_allclose(scores, LOGITS, rtol=1e-6)
    np.testing.assert_array_equal(found, hot)


@pytest.mark.parametrize("scored", ["ham", "spam"])
def test_a_column_called_after_one_of_two_classes_is_its_score(tmp_path, scored):
    labels = np.where(LABELS > 0, "spam", "ham")
    table = pd.DataFrame({f"prob_{scored}": LOGITS[:, 0], "label": labels})
    table.to_csv(tmp_path / "a.csv", index=False)
    found = read(tmp_path / "a.csv")
    np.testing.assert_array_equal(whole(found)[1], labels == scored)
    assert found.class_names[1] == scored


def test_two_arrays_in_the_other_order_are_told_by_their_shapes(tmp_path):
    np.save(tmp_path / "one.npy", LABELS)
    np.save(tmp_path / "two.npy", LOGITS)
    found = read([tmp_path / "one.npy", tmp_path / "two.npy"])
    scores, ids = whole(found)
    np.testing.assert_array_equal(scores, LOGITS)
    np.testing.assert_array_equal(ids, LABELS)
    assert found.notes[0].startswith("by their shapes, the scores are in ")
    assert found.notes[0].endswith("two.npy")
    # Soft labels beside scores of one column for two classes are no such case.
    np.save(tmp_path / "three.npy", LOGITS[:, 0])
    with pytest.raises(PredictionsError, match="labels have shape"):
        read([tmp_path / "three.npy", tmp_path / "two.npy"])


def test_what_folders_say_and_files_of_several_kinds_are_refused_with_what_to_do(tmp_path):
    (tmp_path / "out" / "label=0").mkdir(parents=True)
    scores = frame().drop(columns="label")
    scores.to_parquet(tmp_path / "out" / "label=0" / "a.parquet", index=False)
    with pytest.raises(PredictionsError, match="write it into a column of the files"):
        read(tmp_path / "out")
    np.save(tmp_path / "a.npy", LOGITS)
    frame().assign(label=LABELS).to_csv(tmp_path / "a.csv")
    with pytest.raises(PredictionsError, match="files of several kinds"):
        read([tmp_path / "a.csv", tmp_path / "a.npy"])
    (tmp_path / "out" / "noending").write_bytes(GOOD_CSV)
    with pytest.raises(PredictionsError, match="Give it the ending of what it is"):
        read(tmp_path / "out" / "noending")


def test_columns_called_as_the_labels_are_the_scores(tmp_path):
    names = ["cat", "big dog", "eel"]
    table = frame(names).assign(id=np.arange(50), label=np.array(names)[LABELS])
    table.to_csv(tmp_path / "a.csv", index=False)
    found = read(tmp_path / "a.csv")
    np.testing.assert_array_equal(whole(found)[1], LABELS)
    assert found.notes[0] == "scores are taken from the columns cat, big dog, eel"
    # Of features nothing is known.
    frame(["x0", "x1", "x2"]).assign(label=LABELS).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(PredictionsError, match=r"as in --scores x0,x1,x2$"):
        read(tmp_path / "b.csv")
    frame(["my a", "my b", "my c"]).assign(z=LABELS).to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(PredictionsError, match=r'as in --scores "my a,my b,my c,z"$'):
        read(tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (("y_pred", "y_true"), ""),
        (("preds", "gts"), ""),
        (("arr_0", "arr_1"), "by their shapes, array arr_0 holds the scores and arr_1 the labels"),
    ],
)
def test_arrays_that_can_only_be_scores_and_labels_are_found(tmp_path, names, note):
    held = dict(zip(names, (LOGITS, LABELS), strict=True))
    np.savez(tmp_path / "a.npz", **held)
    found = read(tmp_path / "a.npz")
    scores, ids = whole(found)
    np.testing.assert_array_equal(scores, LOGITS)
    np.testing.assert_array_equal(ids, LABELS)
    assert found.notes == ((note,) if note else ())
    np.savez(tmp_path / "b.npz", a=LOGITS, b=LOGITS, c=LABELS)
    with pytest.raises(PredictionsError, match=r"it holds a, b, c\. Name it with --scores"):
        read(tmp_path / "b.npz")


NAMED_CELLS = [
    ["cat|eel", "", "dog"],
    ["eel; cat", "none", "dog"],
    ["['cat', 'eel']", "[]", "['dog']"],
]
HOT_CELLS = [["[1, 0, 1]", "[0, 0, 0]", "[0, 1, 0]"], ["1 0 1", "0 0 0", "0 1 0"]]


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        *product(["csv", "parquet"], NAMED_CELLS + HOT_CELLS),
        # There no column has a name.
        *product(["npz"], HOT_CELLS),
    ],
)
def test_several_labels_in_one_cell_are_targets(tmp_path, kind, cells):
    labels = np.array(cells)[LABELS]
    table = frame(["prob_cat", "prob_dog", "prob_eel"]).assign(label=labels)
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "parquet":
        table.to_parquet(path)
    else:
        np.savez(path, probs=LOGITS, labels=labels)
    found = read(path)
    expected = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]])[LABELS]
    np.testing.assert_array_equal(whole(found)[1], expected)
    assert found.notes == ("cells of labels may hold several classes, or none",)
    # Parts are keys where files are counted on a cluster.
    assert len({*found.parts()}) == 1


def test_lists_of_names_and_other_kinds_of_text_are_labels(tmp_path):
    columns = {f"prob_{name}": LOGITS[:, i] for i, name in enumerate(("cat", "dog", "eel"))}
    lists = [[["cat", "eel"], [], ["dog"]][k] for k in LABELS]
    pq.write_table(pa.table({**columns, "label": lists}), tmp_path / "a.parquet")
    expected = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]])[LABELS]
    np.testing.assert_array_equal(whole(read(tmp_path / "a.parquet"))[1], expected)
    words = pa.array(np.array(["cat", "dog", "eel"])[LABELS])
    for labels in (words.cast(pa.binary()), words.cast(pa.string_view())):
        pq.write_table(pa.table({**columns, "label": labels}), tmp_path / "b.parquet")
        np.testing.assert_array_equal(whole(read(tmp_path / "b.parquet"))[1], LABELS)
    alone = pa.table({"logits": list(LOGITS), "label": [[int(k)] for k in LABELS]})
    pq.write_table(alone, tmp_path / "c.parquet")
    np.testing.assert_array_equal(whole(read(tmp_path / "c.parquet"))[1], LABELS)


def test_names_that_differ_in_case_and_spaces_are_matched(tmp_path):
    table = frame(["prob_Big_Cat", "prob_Dog", "prob_eel"])
    table.assign(label=np.array(["big cat", "dog", "eel"])[LABELS]).to_csv(
        tmp_path / "a.csv", index=False
    )
    found = read(tmp_path / "a.csv")
    np.testing.assert_array_equal(whole(found)[1], LABELS)
    assert "big cat → Big_Cat, dog → Dog, eel → eel" in found.notes[0]
    table.assign(label=np.array(["dog", "Dog", "eel"])[LABELS]).to_csv(
        tmp_path / "b.csv", index=False
    )
    with pytest.raises(PredictionsError, match="is none of the classes"):
        read(tmp_path / "b.csv")


def test_options_name_columns(tmp_path):
    frame(("m_a", "m_b", "m_c")).assign(other=1.0, label=LABELS).to_csv(
        tmp_path / "a.csv", index=False
    )
    found = read(tmp_path / "a.csv", scores="m_*", labels="label")
    assert found.class_names == ("a", "b", "c")
    np.testing.assert_allclose(whole(found)[0], LOGITS, rtol=1e-7)
    with pytest.raises(PredictionsError, match="no column is called nothing_\\*"):
        read(tmp_path / "a.csv", scores="nothing_*", labels="label")


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
def test_text_labels_are_mapped_and_it_is_said(tmp_path, kind):
    names = np.array(["cat", "dog", "eel"])
    path = tmp_path / f"a.{kind}"
    table = frame(("logit_dog", "logit_eel", "logit_cat")).assign(label=names[LABELS])
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "parquet":
        table.astype({"label": "category"}).to_parquet(path)
    else:
        np.savez(path, logits=LOGITS, labels=names[LABELS])
    found = read(path)
    if kind == "npz":
        # The archive names no classes: they are in the order of their names.
        np.testing.assert_array_equal(whole(found)[1], LABELS)
        assert "cat → 0, dog → 1, eel → 2" in found.notes[0]
    else:
        np.testing.assert_array_equal(whole(found)[1], np.array([2, 0, 1])[LABELS])
        assert found.notes == ("labels are names of classes: dog, eel, cat",)


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
@pytest.mark.parametrize("ids", [[100, 317, 205], [5, 1, 9]])
def test_ids_are_taken_in_ascending_order_and_it_is_said(tmp_path, kind, ids):
    path, labels = tmp_path / f"a.{kind}", np.sort(ids)[LABELS]
    if kind == "csv":
        frame().assign(label=labels).to_csv(path, index=False)
    elif kind == "parquet":
        frame().assign(label=labels).to_parquet(path)
    else:
        np.savez(path, logits=LOGITS, labels=labels)
    found = read(path)
    np.testing.assert_array_equal(whole(found)[1], LABELS)
    low, middle, high = sorted(ids)
    assert found.class_names == (f"{low}", f"{middle}", f"{high}")
    assert f"{low} → 0, {middle} → 1, {high} → 2" in found.notes[0]


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([1, 2, 3], None),  # off by one
        ([0, 1, 255], None),  # a mark for rows to ignore
        ([-1, 0, 1], None),
        ([100, 205, 205], "2 different numbers (100, 205) for 3 classes"),
        ([-7, 100, 205], "3 different numbers (-7, 100, 205)"),
        ([100.5, 205, 317], "3 different numbers (100.5, 205, 317)"),
    ],
)
def test_labels_that_may_be_something_else_stay_as_they_are(tmp_path, ids, said):
    labels = np.array(ids)[LABELS]
    frame().assign(label=labels).to_parquet(tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    np.testing.assert_array_equal(whole(found)[1], labels)
    assert found.class_names == ("0", "1", "2")
    if said is None:
        assert found.notes == ()
    else:
        assert said in found.notes[0]


def test_more_ids_than_columns_and_ids_beside_names_are_told_how_to_match(tmp_path):
    frame().assign(label=np.arange(50) + 100).to_parquet(tmp_path / "a.parquet")
    assert "more than 3 different numbers" in read(tmp_path / "a.parquet").notes[0]
    named = frame(("logit_cat", "logit_dog", "logit_eel")).assign(label=LABELS + 100)
    named.to_parquet(tmp_path / "b.parquet")
    found = read(tmp_path / "b.parquet")
    assert found.class_names == ("cat", "dog", "eel")
    assert "Write the labels as these names" in found.notes[0]


def test_columns_named_after_ids_are_matched_and_gaps_stay(tmp_path):
    table = frame(("logit_317", "logit_100", "logit_205"))
    labels = np.array([317, 100, 205], float)[LABELS]
    labels[3] = np.nan
    table.assign(label=labels).to_csv(tmp_path / "a.csv", index=False)
    scores, ids = whole(read(tmp_path / "a.csv"))
    expected = np.array([2.0, 0.0, 1.0])[LABELS]
    expected[3] = np.nan
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_allclose(scores, LOGITS[:, [1, 2, 0]], rtol=1e-6)


def test_one_hot_labels_beside_columns_with_other_numbers_are_left_alone(tmp_path):
    hot = np.eye(3, dtype=int)[LABELS]
    table = pd.DataFrame(LOGITS, columns=["logit_0", "logit_1", "logit_5"])
    table.assign(**{f"target_{k}": hot[:, i] for i, k in enumerate((0, 1, 5))}).to_csv(
        tmp_path / "a.csv", index=False
    )
    np.testing.assert_array_equal(whole(read(tmp_path / "a.csv"))[1], hot)


@pytest.mark.parametrize("dtype", [int, float])
def test_minus_one_and_one_are_two_classes(tmp_path, dtype):
    labels = np.where(LABELS > 0, 1, -1).astype(dtype)
    np.savez(tmp_path / "a.npz", scores=LOGITS[:, 0], labels=labels)
    found = read(tmp_path / "a.npz")
    np.testing.assert_array_equal(whole(found)[1], LABELS > 0)
    assert found.notes == ("labels are −1 and 1, read as classes 0 and 1",)
    labels[:] = -1  # as where labels are missing
    np.savez(tmp_path / "b.npz", scores=LOGITS[:, 0], labels=labels)
    assert whole(read(tmp_path / "b.npz"))[1].min() == -1


def test_lists_of_logits(tmp_path):
    table = pa.table({"logits": LOGITS.tolist(), "label": LABELS})
    pq.write_table(table, tmp_path / "a.parquet")
    scores, _ = whole(read(tmp_path / "a.parquet"))
    np.testing.assert_array_equal(scores, LOGITS)
    ragged = pa.table({"logits": [[1.0, 2.0], [1.0]], "label": [0, 1]})
    pq.write_table(ragged, tmp_path / "b.parquet")
    with pytest.raises(PredictionsError, match="row 1 of column logits is a list of 1"):
        whole(read(tmp_path / "b.parquet"))


def test_gaps_are_nan_and_infinities_stay(tmp_path):
    (tmp_path / "a.csv").write_text("logit_0,logit_1,label\n,inf,0\nNaN,-inf,\n1,2,1\n")
    scores, labels = whole(read(tmp_path / "a.csv"))
    np.testing.assert_array_equal(scores, [[np.nan, np.inf], [np.nan, -np.inf], [1, 2]])
    np.testing.assert_array_equal(labels, [0, np.nan, 1])


@pytest.mark.parametrize(
    "text",
    [
        "a, y\n0.5, 1\n 0.25 , 0 \n",
        "a,y\r0.5,1\r0.25,0\r",
        '"a","y"\n"0.5","1"\n"0.25","0"\n',
        "a;y\n0,5;1\n0,25;0\n",
        "a\ty\n0.5\t1\n0.25\t0\n",
        "a\ty\n0,5\t1\n0,25\t0\n",
        "\ufeffa,y\r\n0.5,1\r\n0.25,0\r\n",
    ],
)
def test_other_separators(tmp_path, text):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8", newline="")
    scores, labels = whole(read(tmp_path / "a.csv", scores="a"))
    assert scores.tolist() == [[0.5], [0.25]]
    assert labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    "text",
    [
        "# names as numpy.savetxt writes them\n# logit_0,logit_1,label\n1.5,2,0\n-3,4,1\n",
        "# made by hand, once\nlogit_0|logit_1|label\n1.5|2|0\n-3|4|1\n",
        "#;logit_0;logit_1;label\n0;1,5;2;0\n1;-3;4;1\n",
        "logit_0 logit_1 label\n1.5 2 0\n-3 4 1\n",
    ],
)
@pytest.mark.parametrize("ending", [".csv", ".txt.gz"])
def test_comments_and_other_marks_and_gzip(tmp_path, text, ending):
    path = tmp_path / f"a{ending}"
    data = text.encode()
    path.write_bytes(gzip.compress(data) if ending.endswith(".gz") else data)
    for source in (path, Upload(path.name, io.BytesIO(path.read_bytes())), tmp_path):
        scores, labels = whole(read(source))
        assert scores.tolist() == [[1.5, 2], [-3, 4]]
        assert labels.tolist() == [0, 1]


def test_a_gzip_that_is_cut_off_far_in_is_said(tmp_path):
    rows = np.random.default_rng(0).normal(size=(200_000, 2)).round(6)
    table = pd.DataFrame(rows, columns=["logit_0", "logit_1"]).assign(label=1)
    table.to_csv(tmp_path / "a.csv.gz", index=False)
    data = (tmp_path / "a.csv.gz").read_bytes()
    (tmp_path / "a.csv.gz").write_bytes(data[:-1000])
    with pytest.raises(
        PredictionsError, match=r"a\.csv\.gz: expected a CSV file; it can't be read"
    ):
        list(read(tmp_path / "a.csv.gz").batches())
    with pytest.raises(PredictionsError, match=r"can't be read: .*ended before"):
        list(read(Upload("a.csv.gz", io.BytesIO(data[:-1000]))).batches())


def test_a_decimal_comma_below_whole_numbers(tmp_path):
    (tmp_path / "a.csv").write_text("logit_0;logit_1;y\r\n1;2;0\r\n0,5;-1,25e1;1\r\n")
    assert whole(read(tmp_path / "a.csv"))[0].tolist() == [[1, 2], [0.5, -12.5]]


def test_a_comma_in_a_label_is_no_decimal_comma(tmp_path):
    (tmp_path / "a.csv").write_text('logit_0;logit_1;y\n0.5;1;"Paris, 7, 8"\n1.5;2;Rome\n')
    scores, labels = whole(read(tmp_path / "a.csv"))
    assert scores.tolist() == [[0.5, 1], [1.5, 2]]
    assert labels.tolist() == [0, 1]


def test_ten_thousand_columns(tmp_path):
    names = [f"logit_{i}" for i in range(10_000)]
    rows = RNG.normal(size=(20, 10_000)).round(3)
    pd.DataFrame(rows, columns=names).assign(label=0).to_csv(tmp_path / "a.csv", index=False)
    scores, _ = whole(read(tmp_path / "a.csv"))
    np.testing.assert_array_equal(scores, rows)
    renamed = [f"c{i}" for i in range(10_000)]
    pd.DataFrame(rows, columns=renamed).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(PredictionsError, match=r"no column of scores among c0, .*10,000 in all"):
        read(tmp_path / "b.csv")


def zipped(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return held.getvalue()


def saved(**arrays: object) -> bytes:
    held = io.BytesIO()
    given: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    np.savez(held, **given)
    return held.getvalue()


def parquet(table: dict[str, object]) -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table(table), held)
    return held.getvalue()


GOOD_CSV = b"logit_0,logit_1,label\n1,2,0\n3,4,1\n"
BAD: dict[str, tuple[str, bytes, str]] = {
    "empty csv": ("a.csv", b"", "is empty"),
    "empty parquet": ("a.parquet", b"", "expected a Parquet file"),
    "empty npz": ("a.npz", b"", "expected an NPZ archive"),
    "empty line first": ("a.csv", b"\n\n" + GOOD_CSV, "begins with an empty line"),
    "names alone": ("a.csv", b"logit_0,logit_1,label\n", "has no rows"),
    "no rows": ("a.parquet", parquet({"logit_0": [], "logit_1": [], "label": []}), "be numbers"),
    "no rows npz": ("a.npz", saved(logits=np.zeros((0, 2)), labels=[]), "has no rows"),
    "no names": ("a.csv", b"1,2,0\n3,4,1\n", "first line holds numbers"),
    "cut parquet": ("a.parquet", parquet({"logit_0": [1.0], "label": [0]})[:-30], "cut off"),
    "cut npz": ("a.npz", saved(logits=LOGITS, labels=LABELS)[:-400], "cut off"),
    "zip of text": ("a.npz", zipped(readme=b"hello"), "not an NPZ: it holds readme"),
    "bad member": ("a.npz", zipped(**{"logits.npy": b"no", "labels.npy": b"no"}), "no such header"),
    "short member": (
        "a.npz",
        zipped(**{"logits.npy": np.lib.format.magic(1, 0), "labels.npy": b""}),
        "no such header",
    ),
    "objects": (
        "a.npz",
        saved(logits=np.array([[1, "x"]], object), labels=[0]),
        "Python objects, which are never loaded",
    ),
    "complex": ("a.npz", saved(logits=np.ones((1, 2), complex), labels=[0]), "expected numbers"),
    "cube": ("a.npz", saved(logits=np.ones((1, 2, 3)), labels=[0]), r"\(1, 2, 3\)"),
    "two lengths": ("a.npz", saved(logits=np.ones((3, 2)), labels=[0]), "3 rows of scores and 1"),
    "no key": ("a.npz", saved(x=np.ones((3, 2)), labels=[0]), "called logits.*it holds x, labels"),
    "two keys": ("a.npz", saved(logits=1, probs=1, y=1), "logits, probs may all be the scores"),
    "mixed types": ("a.csv", GOOD_CSV + b"5,cat,1\n", r"\(line 4\) holds cat in column logit_1"),
    "mixed labels": ("a.csv", GOOD_CSV + b"5,6,cat\n", "mix numbers and text: cat beside 0, 1"),
    "ragged": ("a.csv", GOOD_CSV + b"5,6\n", r"row 2 \(line 4\) has 2 values.* 3 names"),
    "utf-16": ("a.csv", GOOD_CSV.decode().encode("utf-16"), "UTF-16"),
    "latin-1 names": ("a.csv", "logit_é,logit_b,label\n1,2,0\n".encode("latin-1"), "UTF-8"),
    "latin-1 label": ("a.csv", GOOD_CSV + "1,2,é\n".encode("latin-1"), "is not UTF-8"),
    "binary csv": ("a.csv", bytes(range(256)) * 4, "UTF-16 or not like text"),
    "no scores": ("a.csv", b"x,label\n1,0\n", "no column of scores among x"),
    "no labels": ("a.csv", b"logit_0,logit_1\n1,0\n", "no column of labels among logit_0"),
    "two prefixes": ("a.csv", b"logit_0,logit_1,prob_0,prob_1,y\n1,2,3,4,0\n", "may all be"),
    "twice": ("a.csv", b"logit_0,logit_0,label\n1,2,0\n", "two columns called logit_0"),
    "labels of text": ("a.csv", b"logit_0,logit_1,label\n1,2,a\n1,2,b\n1,2,c\n", "3 different"),
    "unknown label": ("a.csv", b"logit_cat,logit_dog,label\n1,2,eel\n", "eel is none of the cl"),
    "label of no class": (
        "a.csv", b"logit_cat,logit_dog,label\n1,2,cat\n1,2,?\n", "leave a label empty where it is",
    ),
    "numbers and a mark": ("a.csv", b"logit_0,logit_1,label\n1,2,0\n1,2,?\n", "missing ones empty"),
    "text scores": ("a.parquet", parquet({"logit_0": ["a"], "label": [0]}), "must be numbers"),
    "dates": (
        "a.parquet",
        parquet({"logit_0": [1.0], "label": np.array(["2020-01-01"], "M8[s]")}),
        "labels must be numbers or text",
    ),
    "other ending": ("a.xlsx", b"PK", r"\.xlsx can't be read"),
    "old end of a comment": ("a.csv", b"# a,b\r,c\nlogit_0,logit_1,label\n1,2,0\n", "column names"),
    "no gzip": ("a.csv.gz", b"hello", "is broken or cut off"),
    "cut gzip": ("a.csv.gz", gzip.compress(GOOD_CSV)[:-9], "is broken or cut off"),
    "json": ("a.jsonl", b"{}", r"read_json\(…\)\.to_parquet"),
    "pickle": ("a.pkl", b"", "Pickle is never loaded"),
    "lists as text": ("a.csv", b'logits,label\n"[1, 2]",0\n', "one column per class, or lists"),
    "percents": ("a.csv", b"prob_0,prob_1,label\n25%,75%,0\n", "write shares without %"),
    "thousands": ("a.csv", b'logit_0,logit_1,label\n"1,234.5",2,0\n', "separators of thousands"),
    "columns as rows": ("a.npz", saved(logits=np.ones((2, 9)), labels=np.ones(9, int)), "scores.T"),
    "bfloat16": ("a.npz", saved(logits=np.zeros((2, 2), "V2"), labels=[0, 1]), "as bfloat16 does"),
    "vectors of Spark": (
        "a.parquet",
        parquet({"probability": [{"type": 1, "values": [0.5, 0.5]}], "label": [0]}),
        "vector_to_array",
    ),
    "one npy": ("a.npy", b"", "holds one array"),
}  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_label_of_text_may_be_missing(tmp_path, ending):
    names = np.array(["cat", "dog", "eel"])
    labels = pd.Series(names[LABELS]).where(np.arange(50) % 10 != 3)
    table = frame(("logit_cat", "logit_dog", "logit_eel")).assign(label=labels)
    path = tmp_path / f"a.{ending}"
    if ending == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    _, given = whole(read(path))
    np.testing.assert_array_equal(given, np.where(labels.isna(), np.nan, LABELS))


ANIMALS = ["cat", "dog", "eel"]
LARGE = 280_000


def labelled(path: Path, labels: Any, classes: Sequence[str]) -> Path:
    """Write logits that are the row's number, for as many classes as there are names."""
    scores = np.repeat(np.arange(len(labels), dtype=np.float32)[:, None], len(classes), axis=1)
    table = pd.DataFrame(scores, columns=list(classes)).assign(label=list(labels))
    if path.suffix == ".npz":
        np.savez(path, logits=scores, labels=np.array(labels, str))
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("gap", [slice(0, LARGE - 9), slice(9, None), slice(None)])
def test_whole_batches_of_labels_of_text_may_be_missing(tmp_path, ending, gap):
    labels = np.resize(np.array(ANIMALS, object), LARGE)
    ids = np.resize([0.0, 1.0, 2.0], LARGE)
    labels[gap], ids[gap] = None, np.nan
    found = read(labelled(tmp_path / f"a.{ending}", labels, [f"logit_{name}" for name in ANIMALS]))
    assert len(list(found.batches())) > 1
    np.testing.assert_array_equal(whole(found)[1], ids)
    assert ("labels are names" in str(found.notes)) == (not np.isnan(ids).all())


def test_a_file_without_a_label_may_stand_before_one_with_labels_of_text(tmp_path):
    names = [f"logit_{name}" for name in ANIMALS]
    for ending in ("csv", "parquet"):
        files = [
            labelled(tmp_path / f"{i}.{ending}", labels, names)
            for i, labels in enumerate([[None] * 3, ["eel", None, "cat"]])
        ]
        np.testing.assert_array_equal(whole(read(files))[1], [np.nan] * 3 + [2, np.nan, 0])


@pytest.mark.parametrize("ending", ["csv", "parquet", "npz"])
@pytest.mark.parametrize("mark", ["NA", "nan", "None", "null", "<NA>", " "])
def test_a_text_for_nothing_is_no_label_in_any_kind_of_file(tmp_path, ending, mark):
    labels = ["eel", mark, "cat", "dog"]
    found = read(labelled(tmp_path / f"a.{ending}", labels, ["logit_0", "logit_1", "logit_2"]))
    np.testing.assert_array_equal(whole(found)[1], [2, np.nan, 0, 1])
    assert (f"{mark} among them: read as no label" in found.notes[0]) == (mark != " ")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["NA", "None", "none", "-"])
def test_a_class_may_be_called_as_nothing_is(tmp_path, ending, name):
    label = "None" if name == "none" else name
    labels = [label, label, "cat", "", "<NA>"]
    found = read(labelled(tmp_path / f"a.{ending}", labels, ["logit_cat", f"logit_{name}"]))
    np.testing.assert_array_equal(whole(found)[1], [1, 1, 0, np.nan, np.nan])


@pytest.mark.parametrize(("first", "form"), [(0, "{}.0"), (1, "{}"), (1, "{}.0")])
def test_numbers_as_text_are_in_the_order_of_numbers(tmp_path, first, form):
    labels = [form.format(i + first) for i in range(12)] + ["nan"]
    names = [f"logit_{i}" for i in range(12)]
    for ending in ("parquet", "npz"):
        found = read(labelled(tmp_path / f"a.{ending}", labels, names))
        np.testing.assert_array_equal(whole(found)[1], [*range(12), np.nan])


def test_minus_one_as_text_is_a_class_only_beside_one(tmp_path):
    path = labelled(tmp_path / "a.parquet", ["-1", "0", "2"], ["logit_0", "logit_1", "logit_2"])
    with pytest.raises(PredictionsError, match="-1 lies below 0"):
        read(path)
    path = labelled(tmp_path / "b.parquet", ["-1.0", "1.0", None], ["logit_0", "logit_1"])
    np.testing.assert_array_equal(whole(read(path))[1], [0, 1, np.nan])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_called_as_the_labels_are_found_beside_missing_ones(tmp_path, ending):
    found = read(labelled(tmp_path / f"a.{ending}", ["dog", None, "cat"], ["cat", "dog"]))
    np.testing.assert_array_equal(whole(found)[1], [1, np.nan, 0])


@pytest.mark.parametrize("case", BAD)
def test_bad_file_is_one_sentence(tmp_path, case):
    name, data, said = BAD[case]
    (tmp_path / name).write_bytes(data)
    for source in (tmp_path / name, Upload(name, io.BytesIO(data))):
        with pytest.raises(PredictionsError, match=said) as caught:
            list(read(source).batches())
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_pickles_are_not_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "opened",))

    (tmp_path / "a.npy").write_bytes(pickle.dumps(Bomb()))
    np.save(tmp_path / "b.npy", LABELS)
    np.savez(tmp_path / "a.npz", logits=np.array([Bomb()], object), labels=[0])
    for source in ([tmp_path / "a.npy", tmp_path / "b.npy"], tmp_path / "a.npz"):
        with pytest.raises(PredictionsError):
            read(source)
    assert not (tmp_path / "opened").exists()


INTERRUPTED = """
import sys
from core import set_num_threads
from experiments.diagnosis.rows import Rows, Settings, summed_here
from experiments.predictions import read
from tests.interrupts import interrupted_everywhere

found = read(sys.argv[1])
assert interrupted_everywhere(lambda: list(Rows(found))) > 100
assert sum(len(batch.scores) for batch in Rows(found)) == 50

set_num_threads(2)


def summary():
    return summed_here(Rows(found), Settings(), 1.0, lambda rows: None)


assert interrupted_everywhere(summary) > 50
assert summary().num_rows == 50
"""


def test_an_interrupt_at_any_step_of_reading_leaves_nothing_waiting(tmp_path):
    path = written(tmp_path, "parquet")
    subprocess.run([sys.executable, "-c", INTERRUPTED, str(path)], check=True, timeout=120)


def test_missing_files(tmp_path):
    for source, said in (
        (tmp_path / "no.csv", "no such file"),
        (tmp_path / "*.csv", "no file matches"),
        (tmp_path, "folder without a file"),
    ):
        with pytest.raises(PredictionsError, match=said):
            read(source)


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    (tmp_path / "a.csv").write_text("\x1b[31mred,<script>,=cmd()\n1,2,3\n")
    with pytest.raises(PredictionsError) as caught:
        read(tmp_path / "a.csv")
    assert "\x1b" not in str(caught.value)
    assert "<script>, =cmd()" in str(caught.value)


def test_batches_are_as_a_summary_takes_them(tmp_path):
    found = read(written(tmp_path, "parquet"))
    summary, direct = Summary(kind=found.kind), Summary(kind="logits")
    for batch in found.batches():
        summary.update(batch.scores, batch.labels, first_row=batch.first_row)
    direct.update(LOGITS, LABELS)
    assert summary.num_rows == 50
    key = direct.reading()
    np.testing.assert_allclose(
        summary.tallies[key].sums["loss"], direct.tallies[key].sums["loss"], rtol=1e-12
    )


def test_labels_that_turn_into_text_are_named(tmp_path):
    # Further on than the first block, where numbers have been handed out already.
    good = "1.25,2.5,1\n" * 500_000
    (tmp_path / "a.csv").write_text(f"logit_0,logit_1,label\n{good}1,2,cat\n")
    with pytest.raises(PredictionsError, match="row 500,000 has the label cat"):
        list(read(tmp_path / "a.csv").batches())


def test_damaged_files_are_refused_or_read(tmp_path):
    """Bytes changed, cut out, put in, cut off: nothing but a `PredictionsError` is raised."""
    names = np.array(["a", "b", "c"])
    text = frame(("logit_a", "logit_b", "logit_c")).assign(label=names[LABELS])
    good = {
        "a.csv": text.to_csv(index=False).encode(),
        "a.npz": saved(logits=LOGITS, labels=LABELS),
    }
    text.to_parquet(tmp_path / "a.parquet")
    good["a.parquet"] = (tmp_path / "a.parquet").read_bytes()
    rng = np.random.default_rng(0)
    said = []
    for turn in range(300):
        name = list(good)[turn % 3]
        data = bytearray(good[name])
        for at in rng.integers(len(data), size=rng.choice([1, 2, 9])):
            junk = rng.bytes(int(rng.integers(9)))
            data[at : at + int(rng.choice([0, 1, 9, len(data)], p=[0.3, 0.3, 0.3, 0.1]))] = junk
        try:
            list(read(Upload(name, io.BytesIO(bytes(data)))).batches())
        except PredictionsError as error:
            said.append((name, str(error)))
    assert len(said) > 100
    assert all(name in sentence and "\n" not in sentence for name, sentence in said)


def test_no_thread_of_arrow_reads_a_csv_file_through_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "long.csv"
    path.write_text("logit_0,logit_1,label\n" + "0.5,1.5,0\n" * 200_000)
    readers = []

    class Watched(io.BufferedReader):
        def read(self, size: int | None = -1, /) -> bytes:
            readers.append(threading.current_thread())
            return super().read(size)

    monkeypatch.setattr(Path, "open", lambda path, mode: Watched(io.FileIO(path)))
    assert sum(len(batch.scores) for batch in read(path).batches()) == 200_000
    # One that waits for Python while that ends aborts the process: in one of seven, of a long file
    # that is wrong at its beginning.
    assert set(readers) <= {threading.current_thread()}
