"""The page Diagnose: evidence as core gives it, and nothing kept of what is handed in."""

from __future__ import annotations

import gc
import io
import pickle
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.activations import softmax
from core.diagnosis import Summary, diagnose
from core.losses import categorical_cross_entropy
from dashboard.diagnosis.definitions import FIGURES, FLOORS
from dashboard.diagnosis.handed_in import Model
from dashboard.views.runs import diagnose_link
from experiments.config import TrainConfig
from experiments.datasets import load
from experiments.diagnosis.samples import CLASSES, SAMPLES, Sample
from experiments.runs import train_and_track
from tests.dashboard.test_pages import open_page

FILE = "Your file"
SAYS_ALL_IS_WELL = ("ok", "okay", "healthy", "all good", "looks good", "no problem", "passed")


def words(page: AppTest) -> str:
    kinds = ("markdown", "caption", "text", "error", "expander")
    return " ".join(
        str(getattr(element, "value", "") or getattr(element, "label", ""))
        for kind in kinds
        for element in page.get(kind)
    )


def as_read(text: str) -> str:
    """Return Markdown without the backslashes that make it text."""
    return text.replace("\\", "").replace("\N{NO-BREAK SPACE}%", " %")


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def csv(scores: np.ndarray, labels: np.ndarray, names: list[str]) -> bytes:
    head = ",".join([*names, "label"])
    rows = [
        ",".join([*map(str, row), str(label)]) for row, label in zip(scores, labels, strict=True)
    ]
    return "\n".join([head, *rows]).encode()


def upload(page: AppTest, *files: tuple[str, bytes], which: int = 1) -> AppTest:
    page.file_uploader(key=f"upload {which}").set_value(
        [(name, content, "application/octet-stream") for name, content in files]
    )
    page.run()
    assert not page.exception
    return page


def some_rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (300, 3))
    return logits, (softmax(logits).cumsum(axis=1) < rng.random((300, 1))).sum(axis=1)


@pytest.mark.parametrize("key", ["overconfident", "softmax_twice", "rare_positives", "hard"])
def test_a_sample_shows_the_evidence_of_core(key: str) -> None:
    sample = SAMPLES[key]
    page = open_page("diagnose", sample=sample.title)
    scores, labels = sample.arrays()
    kind = sample.predictions().kind if sample.kind == "auto" else sample.kind
    summary = Summary(kind=kind, loss=sample.loss)
    summary.update(scores, labels)
    found = diagnose(summary, CLASSES)
    text = as_read(words(page))
    places = [text.find(evidence.seen[1:]) for evidence in found.evidence]
    assert -1 not in places
    for evidence in found.evidence:
        assert evidence.means[1:] in text
        assert evidence.do[1:] in text
        if evidence.rows:
            assert f"Rows {', '.join(map(str, evidence.rows))}." in text
    assert metrics(page)["Accuracy"] == f"{100 * found.accuracy:.4g} %"


def test_the_most_severe_evidence_comes_first() -> None:
    page = open_page("diagnose", sample=SAMPLES["off_by_one"].title)
    badges = [
        severity
        for element in page.markdown
        for severity in ("error", "warning")
        if f"badge[:material/{severity}" in element.value
    ]
    assert badges[0] == "error"
    assert badges == sorted(badges)
    assert sum(" note" in expander.label for expander in page.expander) >= 1


def test_where_nothing_is_found_it_says_what_was_looked_at() -> None:
    page = open_page("diagnose", sample=SAMPLES["healthy"].title)
    text = words(page)
    summary = Summary(kind=SAMPLES["healthy"].kind)
    summary.update(*SAMPLES["healthy"].arrays())
    checks = diagnose(summary).checked
    said = f"{len(checks)} checks on 4,000 rows of 5 classes found no error and no warning"
    assert said in text
    assert "They can't find what they do not look at." in text
    spoken = set(text.lower().replace(".", " ").replace(",", " ").split())
    assert not spoken & set(SAYS_ALL_IS_WELL)
    outcomes = next(table.value for table in page.table if "Check" in table.value)
    assert len(outcomes) == len(checks)
    assert set(outcomes["Outcome"]) == {"done"}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=list(SAMPLES))
def test_every_figure_has_its_definition(sample: Sample) -> None:
    scores, labels = sample.arrays()
    summary = Summary(kind=sample.kind, loss=sample.loss)
    summary.update(scores, labels)
    found = diagnose(summary)
    for evidence in found.evidence:
        assert set(evidence.figures) <= set(FIGURES), evidence.name
    assert set(found.floors) <= set(FLOORS)


def test_pictures_are_drawn_and_bins_can_be_chosen() -> None:
    page = open_page("diagnose")
    assert len(page.get("vega_lite_chart")) == 5
    page.segmented_control(key="bins").set_value("Equal mass").run()
    assert not page.exception
    assert "Each mark holds about equally many rows" in words(page)


def test_the_ledger_is_sorted_and_can_be_cut() -> None:
    page = open_page("diagnose", sample=SAMPLES["label_errors"].title)
    logits, labels = SAMPLES["label_errors"].arrays()
    bits = categorical_cross_entropy(logits.astype(float), labels) / np.log(2)
    ledger = page.dataframe[-1].value
    assert ledger["row"].tolist()[:5] == np.argsort(-bits, kind="stable")[:5].tolist()
    np.testing.assert_allclose(ledger["surprise"][:50], np.sort(bits)[::-1][:50], rtol=1e-5)
    page.segmented_control(key="rows").set_value("Predicted wrong").run()
    wrong = page.dataframe[-1].value
    assert len(wrong) == (logits.argmax(axis=1) != labels).sum()
    page.segmented_control(key="rows").set_value("Likely label errors").run()
    suspects = page.dataframe[-1].value
    assert 0 < len(suspects) < len(wrong)
    assert (suspects["label"].astype(str) != suspects["predicted"].astype(str)).all()


def test_two_models_stand_side_by_side() -> None:
    names = SAMPLES["overconfident"].title, SAMPLES["healthy"].title
    page = open_page("diagnose", sample=names[0], beside="A sample", sample_2=names[1])
    assert len(page.get("vega_lite_chart")) == 10
    assert not page.metric
    table = page.table[0].value
    for column, key in zip(names, ("overconfident", "healthy"), strict=True):
        logits, labels = SAMPLES[key].arrays()
        nats = categorical_cross_entropy(logits.astype(float), labels).mean()
        assert f"{nats:.4g} nats" in [as_read(cell) for cell in table[column]]
    text = words(page)
    assert "On the 4,000 rows that both have, the first is" in text
    assert "bits per row more** surprised" in text
    assert "Both are right on the same rows." in text


def test_a_model_beside_itself_is_equally_surprised() -> None:
    text = words(open_page("diagnose", beside="A sample"))
    assert "On the 4,000 rows that both have, both models are equally surprised." in text


def test_models_of_other_rows_compare_by_their_figures_alone() -> None:
    page = open_page("diagnose", beside="A sample", sample_2=SAMPLES["label_errors"].title)
    assert "these are not the same rows" in words(page)


def test_a_file_is_diagnosed_as_core_does() -> None:
    logits, labels = some_rows()
    page = open_page("diagnose", **{"from": FILE})
    assert "A link can't hold it" in words(page)
    assert not page.get("vega_lite_chart")
    upload(page, ("mine.csv", csv(logits, labels, ["logit_cat", "logit_dog", "logit_owl"])))
    nats = categorical_cross_entropy(logits, labels).mean()
    assert metrics(page)["Loss"] == f"{nats:.4g} nats"
    assert set(page.dataframe[-1].value["label"].astype(str)) == {"cat", "dog", "owl"}

    page.selectbox(key="loss").select("binary").run()
    text = as_read(words(page))
    assert "With logits and integer labels, the declared loss (binary) is undefined" in text


def test_arrays_and_pairs_are_files_too() -> None:
    logits, labels = some_rows(1)
    archive, first, second = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(archive, logits=logits, labels=labels)
    np.save(first, logits)
    np.save(second, labels)
    wanted = f"{categorical_cross_entropy(logits, labels).mean():.4g} nats"
    for files in (
        [("out.npz", archive.getvalue())],
        [("logits.npy", first.getvalue()), ("labels.npy", second.getvalue())],
    ):
        page = upload(open_page("diagnose", **{"from": FILE}), *files)
        assert metrics(page)["Loss"] == wanted


def test_columns_can_be_named() -> None:
    logits, labels = some_rows(2)
    content = csv(logits, labels, ["out_a", "out_b", "out_c"]).replace(b",label", b",truth")
    page = upload(open_page("diagnose", **{"from": FILE}), ("mine.csv", content))
    assert [error.value for error in page.error] == ["This file can't be read."]
    page.text_input(key="scores").set_value("out_*").run()
    page.text_input(key="labels").set_value("truth").run()
    assert not page.error
    assert metrics(page)["Accuracy"] == f"{100 * (logits.argmax(axis=1) == labels).mean():.4g} %"


def pickled() -> bytes:
    file = io.BytesIO()
    objects = np.array([{"a": 1}, None], dtype=object)
    np.savez(file, logits=objects, labels=np.array([0, 1]))
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "hello")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("names.csv", b"logit_0,logit_1,label\n"),
        ("ragged.csv", b"logit_0,logit_1,label\n1,2,0\n1,2\n"),
        ("words.csv", b"logit_0,logit_1,label\n1,two,0\n"),
        ("none.csv", b"a,b\n1,2\n"),
        ("html.csv", b"<script>alert(1)</script>,![](//evil.example/p)\n1,2\n"),
        ("cut.parquet", b"PAR1" + bytes(40)),
        ("no.npz", zipped()),
        ("object.npz", pickled()),
        ("pickle.npz", pickle.dumps([1, 2])),
        ("one.npy", b"\x93NUMPY"),
        ("bytes.csv", b"\xff\xfe\x00\x01"),
    ],
)
def test_what_is_no_predictions_gives_a_sentence(name: str, content: bytes) -> None:
    page = upload(open_page("diagnose", **{"from": FILE}), (name, content))
    assert [error.value for error in page.error] == ["This file can't be read."]
    assert len(page.text) == 1
    assert "Traceback" not in page.text[0].value
    assert name in page.text[0].value
    assert not page.get("vega_lite_chart")


def test_shapes_that_do_not_fit_give_a_sentence() -> None:
    archive = io.BytesIO()
    np.savez(archive, logits=np.zeros((4, 3)), labels=np.zeros((4, 2)))
    page = upload(open_page("diagnose", **{"from": FILE}), ("out.npz", archive.getvalue()))
    assert len(page.error) == 1
    assert len(page.text) == 1


def test_foreign_names_are_text() -> None:
    logits, labels = some_rows(3)
    names = ["logit_<b>x</b>", "logit_![](//evil.example/p)", "logit_=1+1"]
    page = open_page("diagnose", **{"from": FILE})
    upload(page, ("[a](http://evil.example).csv", csv(logits, labels, names)))
    assert not page.error
    for element in (*page.markdown, *page.caption):
        assert "<b>x" not in element.value
        assert "![](" not in element.value
        assert "[a](" not in element.value
        assert not element.proto.allow_html
    shown = set(page.dataframe[-1].value["label"].astype(str))
    assert shown == {"<b>x</b>", "![](//evil.example/p)", "=1+1"}


def models_alive() -> int:
    gc.collect()
    return sum(isinstance(each, Model) for each in gc.get_objects())


def test_nothing_of_a_file_is_kept_or_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    logits, labels = some_rows(4)
    content = csv(logits, labels, ["logit_a", "logit_b", "logit_c"])
    before = models_alive()
    page = upload(open_page("diagnose", **{"from": FILE}), ("mine.csv", content))
    assert models_alive() == before + 1
    assert not list(folder.iterdir())
    # Another viewer, who uploads nothing, sees nothing.
    other = open_page("diagnose", **{"from": FILE})
    assert not other.metric
    assert "diagnosed" not in other.session_state or not other.session_state["diagnosed"]
    # The same bytes in another session are read again: there is no cache between them.
    upload(other, ("mine.csv", content))
    assert models_alive() == before + 2
    # What is replaced or taken away is gone.
    upload(page, ("other.csv", csv(*some_rows(5), ["logit_a", "logit_b", "logit_c"])))
    assert models_alive() == before + 2
    page.file_uploader(key="upload 1").set_value(None).run()
    assert not page.session_state["diagnosed"]
    del other
    assert models_alive() <= before + 1


@pytest.mark.parametrize("head", ["softmax_cce", "softmax_twice_cce"])
def test_a_run_is_diagnosed_from_its_link(head: str) -> None:
    config = TrainConfig("iris", head, num_epochs=2, mistakes=True)
    run = train_and_track(config, load(config.dataset, 0), lambda epoch: None)
    assert diagnose_link(run.run_id) == f"diagnose?run={run.run_id}"
    page = open_page("diagnose", run=run.run_id)
    assert page.segmented_control(key="from").value == "A run"
    assert page.selectbox(key="run chosen").value == run.run_id
    text = as_read(words(page))
    assert ("An activation is applied twice" in text) == (head == "softmax_twice_cce")
    found = page.session_state["diagnosed"]["run", run.run_id].found.diagnosis
    assert found.checked["plateau of the loss"] != ""
    assert metrics(page)["Accuracy"] == f"{100 * run.last.val.accuracy:.4g} %"

    page.segmented_control(key="from").set_value("A sample").run()
    assert not page.exception
    assert "run" not in page.query_params
    runs = open_page("runs")
    assert any(f"({diagnose_link(run.run_id)})" in each.value for each in runs.markdown)
    assert runs.dataframe[0].value["diagnosis"].tolist() == [diagnose_link(run.run_id)]


@pytest.mark.parametrize("run_id", ["0" * 32, "../../etc/passwd", "<b>x</b>"])
def test_a_run_that_is_none_gives_a_sentence(run_id: str) -> None:
    page = open_page("diagnose", run=run_id)
    assert [error.value for error in page.error] == ["This run can't be diagnosed."]
    assert len(page.text) == 1
    assert not page.get("vega_lite_chart")


def test_without_runs_it_says_which_command_makes_some() -> None:
    page = open_page("diagnose", **{"from": "A run"})
    assert "python -m experiments demo" in page.info[0].value


def test_a_store_that_is_gone_gives_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    page = open_page("diagnose", **{"from": "A run"})
    assert "http://127.0.0.1:9 can't be reached" in page.text[0].value


@pytest.mark.parametrize(
    "query", [{"sample": "none"}, {"from": "nowhere"}, {"beside": "x"}, {"bins": "<b>"}]
)
def test_a_broken_link_opens_on_the_defaults(query: dict[str, str]) -> None:
    assert metrics(open_page("diagnose", **query)) == metrics(open_page("diagnose"))


def test_where_no_row_can_be_used_nothing_is_said_of_pairs() -> None:
    page = open_page("diagnose", **{"from": FILE})
    scores = np.full((20, 3), np.nan)
    upload(page, ("nan.csv", csv(scores, np.arange(20) % 3, ["logit_a", "logit_b", "logit_c"])))
    text = words(page)
    assert "No pair is confused" not in text
    # Losses, calibration, rows, classes, pulls, and the ledger.
    assert text.count("No row could be used.") == 6
    assert not page.latex


def test_a_sentence_begins_with_a_capital_also_where_its_first_word_is_a() -> None:
    at = open_page("diagnose", sample=SAMPLES["rare_positives"].title)
    assert "A fitted bias makes both pulls equal" in words(at)
