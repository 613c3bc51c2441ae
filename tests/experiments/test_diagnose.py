"""`python -m experiments diagnose`: what it says, writes, logs, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from distributed import Client, LocalCluster

import experiments.cli
from core.activations import softmax
from core.losses import categorical_cross_entropy
from experiments import cluster, tracking
from experiments.cli import cli
from experiments.diagnosis import passes
from experiments.predictions import read
from tests.experiments.test_predictions import BAD

FOREIGN = ("<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\x1b[31mred")


def drawn(
    num_rows: int = 4000, num_classes: int = 3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and labels drawn from their softmax: nothing is wrong with them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (num_rows, num_classes))
    return logits, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def table(logits: np.ndarray, labels: np.ndarray, prefix: str = "logit") -> pd.DataFrame:
    names = [f"{prefix}_{i}" for i in range(logits.shape[1])]
    return pd.DataFrame(logits, columns=names).assign(label=labels)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["diagnose", *map(str, arguments)], catch_exceptions=False)


def evidence(path: Path, *arguments: object) -> dict[str, str]:
    result = run(path, "--json", "-", *arguments)
    return {item["name"]: item["severity"] for item in json.loads(result.stdout)["evidence"]}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.parquet"
    table(*drawn()).to_parquet(path)
    return path


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    """Return overconfident outputs, as logits: a warning."""
    logits, labels = drawn()
    path = tmp_path / "twice.parquet"
    table(3 * logits, labels).to_parquet(path)
    return path


def test_nothing_wrong_ends_with_0(good):
    result = run(good, "--fail-on", "warning")
    assert result.exit_code == 0
    assert "4,000 rows, 3 classes, integer labels" in result.stdout
    assert "Checked: NaN and infinite scores" in result.stdout
    assert "warning" not in result.stdout


def test_what_was_found_decides_the_exit_code(twice, tmp_path):
    assert run(twice).exit_code == 0
    assert run(twice, "--fail-on", "warning").exit_code == 1
    logits, labels = drawn()
    logits[7, 1] = np.nan
    table(logits, labels).to_parquet(tmp_path / "nan.parquet")
    result = run(tmp_path / "nan.parquet")
    assert result.exit_code == 1
    assert re.search(r"rows +7\n", result.stdout)


def test_row_numbers_can_be_pasted(tmp_path):
    logits, labels = drawn(num_rows=9000)
    logits[[1685, 4740], 1] = np.nan
    table(logits, labels).to_parquet(tmp_path / "nan.parquet")
    text = run(tmp_path / "nan.parquet", "--html", tmp_path / "report.html").stdout
    assert re.search(r"rows +1685, 4740\n", text)
    assert "<dt>rows</dt><dd>1685, 4740</dd>" in (tmp_path / "report.html").read_text()
    (most,) = re.findall(r"p\(label\).*\n +(\S+?)\*? ", text)
    assert most.isdigit()


def test_figures_are_those_of_the_core(good):
    logits, labels = drawn()
    figures = json.loads(run(good, "--json", "-").stdout)["figures"]
    p = softmax(logits)
    assert figures["nll"] == pytest.approx(categorical_cross_entropy(logits, labels).mean(), 1e-9)
    assert figures["accuracy"] == np.mean(logits.argmax(axis=1) == labels)
    assert figures["brier"] == pytest.approx(((p - np.eye(3)[labels]) ** 2).sum(axis=1).mean())


def test_the_second_pass_has_the_calibration_after_the_temperature(twice):
    held = json.loads(run(twice, "--json", "-").stdout)
    assert held["figures"]["temperature"] == pytest.approx(3, rel=0.1)
    assert held["figures"]["ece_after"] < held["figures"]["ece"] / 3
    logits, labels = drawn()
    scaled = 3 * logits / held["figures"]["temperature"]
    assert held["figures"]["nll_after"] == pytest.approx(
        categorical_cross_entropy(scaled, labels).mean(), 1e-6
    )
    assert held["checked"]["calibration after temperature scaling"] == "done"


def test_calibration_data_gives_the_temperature(twice, tmp_path):
    logits, labels = drawn(seed=1)
    table(2 * logits, labels).to_csv(tmp_path / "val.csv", index=False)
    held = json.loads(run(twice, "--calibration-data", tmp_path / "val.csv", "--json", "-").stdout)
    assert held["figures"]["temperature"] == pytest.approx(2, rel=0.1)
    assert held["temperature_fitted_on"].endswith("val.csv")
    (seen,) = (e for e in held["evidence"] if e["name"] == "miscalibrated")
    assert seen["figures"]["temperature"] == held["figures"]["temperature"]
    assert seen["figures"]["own temperature"] == pytest.approx(3, rel=0.1)
    assert f"divide the logits by {held['figures']['temperature']:.3f}" in seen["do"]
    assert seen["do"].endswith("val.csv")
    logits, labels = drawn(num_classes=4)
    table(logits, labels).to_csv(tmp_path / "other.csv", index=False)
    result = run(twice, "--calibration-data", tmp_path / "other.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "has 4 classes" in result.stderr


@pytest.mark.parametrize("missing", ["", "NA", "null", "NaN"])
def test_calibration_data_left_out_are_counted(missing, twice, tmp_path):
    logits, labels = drawn(num_rows=1200, seed=1)
    other, report = tmp_path / "val.csv", tmp_path / "report.html"
    given = [missing if row in (2, 3, 1000) else label for row, label in enumerate(labels)]
    table(logits, labels).assign(label=given).to_csv(other, index=False)
    held = json.loads(
        run(twice, "--calibration-data", other, "--json", "-", "--html", report).stdout
    )
    (note,) = held["notes"]
    said = "f 1,200 rows of calibration data in"
    assert said in note
    assert "val.csv, 3 could not be used" in note
    assert said in report.read_text()
    assert said in run(twice, "--calibration-data", other).stdout
    table(logits, labels).to_csv(other, index=False)
    assert said not in run(twice, "--calibration-data", other).stdout


def test_ids_of_calibration_data_are_the_classes_of_the_predictions(tmp_path):
    logits, labels = drawn(num_classes=4)
    ids = np.array([7, 20, 30, 41])
    table(3 * logits, ids[labels]).to_csv(tmp_path / "a.csv", index=False)
    others, held_out = drawn(num_classes=4, seed=1)
    # Of one class there is no row here: alone, these ids could not be matched with columns.
    kept = held_out != 1
    table(2 * others[kept], ids[held_out[kept]]).to_csv(tmp_path / "b.csv", index=False)
    calibrated = run(tmp_path / "a.csv", "--calibration-data", tmp_path / "b.csv", "--json", "-")
    assert json.loads(calibrated.stdout)["figures"]["temperature"] == pytest.approx(2, rel=0.2)
    table(others, held_out + 100).to_csv(tmp_path / "c.csv", index=False)
    refused = run(tmp_path / "a.csv", "--calibration-data", tmp_path / "c.csv")
    assert refused.exit_code == 2
    assert "which is none of 7, 20, 30, 41" in refused.stderr


@pytest.mark.parametrize("kind", ["parquet", "csv", "npz"])
def test_ids_that_the_first_batch_does_not_show_are_matched_too(tmp_path, kind):
    # Sorted by class, and 131,072 rows of the first one are more than a batch.
    labels = np.repeat([0, 1, 2], [140_000, 500, 500])
    logits = np.random.default_rng(0).normal(size=(len(labels), 3)).round(3)
    logits[np.arange(len(labels)), labels] += 2
    ids = np.array([0, 5, 7])[labels]
    path, ledger = tmp_path / f"a.{kind}", tmp_path / "ledger.csv"
    if kind == "npz":
        np.savez(path, logits=logits, labels=ids)
    elif kind == "csv":
        table(logits, ids).to_csv(path, index=False)
    else:
        table(logits, ids).to_parquet(path)
    result = run(path, "--json", "-", "--csv", ledger)
    held = json.loads(result.stdout)
    assert held["num_used"] == len(labels)
    assert held["class_names"] == ["0", "5", "7"]
    assert "0 → 0, 5 → 1, 7 → 2" in held["notes"][0]
    assert held["figures"]["accuracy"] == pytest.approx(np.mean(logits.argmax(axis=1) == labels))
    written = pd.read_csv(ledger)
    assert written["label"].tolist() == ids.tolist()
    # Where there are more ids than columns, nothing is matched, and the report says what to do.
    np.savez(tmp_path / "b.npz", logits=logits, labels=np.where(np.arange(len(ids)) % 9, ids, 4))
    more = run(tmp_path / "b.npz")
    assert "number the labels from 0 in the order of the columns" in " ".join(more.stdout.split())


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([0, 1, 2, 255], "One label, 255, lies outside 0…2. If it marks rows to ignore, remove"),
        ([0, 1, 2, -1], "One label, -1, lies outside 0…2."),
        ([0, 2, 2, 7], "One label, 7, lies outside 0…2."),
        ([1, 2, 3, 3], None),  # off by one
    ],
)
def test_a_single_label_outside_is_told_what_to_do_about(tmp_path, ids, said):
    logits, labels = drawn(num_classes=4)
    table(logits[:, :3], np.array(ids)[labels]).to_parquet(tmp_path / "a.parquet")
    text = " ".join(run(tmp_path / "a.parquet").stdout.split())
    assert "label_outside" in text
    assert said in text if said else "One label" not in text


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        ([[0.0, 0.0]], [0]),
        ([[0.5, 0.5]], [1]),
        ([[np.nan, 0.0], [1.0, 2.0]], [0, 1]),
        ([[0.0, 0.0]] * 2, [0, 1]),
        ([[1.0, 0.0], [0.0, 1.0]], [1, 1]),
        ([[3.0, 0.0, 1.0], [0.0, 1.0, 9.0]], [0, 17]),
        ([[0.2, 0.9, 0.1]], [[0, 1, 1]]),
    ],
)
def test_one_row_and_one_bit_are_singular(tmp_path, scores, labels):
    np.savez(tmp_path / "a.npz", scores=scores, labels=labels)
    said = run(tmp_path / "a.npz", "--html", tmp_path / "a.html", "--json", tmp_path / "a.json")
    shown = (tmp_path / "a.html").read_text().split("<script>")[0]
    for text in (said.stdout, shown, (tmp_path / "a.json").read_text()):
        plain = re.sub(r"\s+", " ", text)
        assert re.findall(r"(?<![\d.,-])1 (?:rows|bits|nats|labels|errors|notes)\b", plain) == []


def test_options_are_heard(tmp_path):
    logits, labels = drawn()
    path = tmp_path / "soft.csv"
    table(softmax(logits), labels, prefix="out").rename(columns={"label": "right"}).to_csv(path)
    assert run(path).exit_code == 2
    where = ("--scores", "out_*", "--labels", "right")
    assert run(path, *where).exit_code == 0
    # Softmax output, handed to a loss that applies it again, or declared to be logits.
    assert "error" in evidence(path, *where, "--loss", "softmax + categorical").values()
    assert set(evidence(path, *where, "--kind", "logits")) != set(evidence(path, *where))


def test_the_five_lines_of_the_readme(tmp_path):
    blocks = re.findall(r"```sh\n(.*?)```", (tracking.ROOT / "README.md").read_text(), re.DOTALL)
    (lines,) = [block for block in blocks if "diagnose" in block]
    ended = subprocess.run(
        ["sh", "-c", lines.replace(".venv/bin/python", sys.executable)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tracking.ROOT)},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "worse_than_base_rate" in ended.stdout
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize("option", ["--json", "--html", "--csv", "--calibration-data"])
def test_no_file_is_written_over_what_is_read(good, tmp_path, option):
    before = good.read_bytes()
    (tmp_path / "link").hardlink_to(good)
    other = tmp_path / "other.parquet"
    table(*drawn(seed=1)).to_parquet(other)
    arguments: list[object] = [option, tmp_path / "link"]
    if option == "--calibration-data":
        arguments = [option, other, "--csv", tmp_path / "x" / ".." / other.name]
        (tmp_path / "x").mkdir()
    result = run(good, *arguments)
    assert result.exit_code == 2
    assert "is already read or written; name another file" in result.stderr
    assert good.read_bytes() == before
    assert len(pd.read_parquet(other)) == 4000


def test_a_full_disk_leaves_the_report_before(good, tmp_path):
    before = tmp_path / "report.html"
    before.write_text("the one before")
    ended = subprocess.run(
        [sys.executable, "-m", "experiments", "diagnose", str(good), "--html", str(before)],
        cwd=tracking.ROOT, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip
    assert ended.returncode == 2
    assert "report.html: can't be written: File too large" in ended.stderr
    assert before.read_text() == "the one before"
    assert {path.name for path in tmp_path.iterdir()} == {"good.parquet", "report.html"}


def test_two_reports_do_not_go_to_one_file(good, tmp_path):
    result = run(good, "--json", tmp_path / "a", "--html", tmp_path / "a")
    assert (result.exit_code, result.stdout) == (2, "")
    assert not (tmp_path / "a").exists()
    assert run(good, "--json", "/dev/null", "--html", "/dev/null").exit_code == 0


def test_what_would_be_ignored_is_refused(good):
    assert "is empty; name one" in run(good, "--html", "").stderr
    assert "--split goes with --run" in run(good, "--split", "train").stderr


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_2(tmp_path, case):
    name, data, said = BAD[case]
    (tmp_path / name).write_bytes(data)
    result = run(tmp_path / name, "--csv", tmp_path / "ledger.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.search(said, result.stderr)
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "logit_0,logit_1,target_0,target_1,target_2\n1,2,0,0,1\n",
        "logit_0,logit_1,logit_2,target_0,target_1\n1,2,3,0,1\n",
    ],
)
def test_scores_and_labels_that_do_not_fit_each_other(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    result = run(tmp_path / "a.csv")
    assert result.exit_code == 2
    assert "columns of scores and" in result.stderr


def test_a_usage_error_is_2(good, tmp_path):
    assert run().exit_code == 2
    assert run(good, "--run", "0" * 32).exit_code == 2
    assert run("--run", "0" * 32).exit_code == 2
    result = run(good, "--html", tmp_path / "no" / "a.html")
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr
    assert "is a folder; name a file" in run(good, "--html", tmp_path).stderr


def test_no_traceback_as_a_process(tmp_path):
    (tmp_path / "a.csv").write_bytes(BAD["ragged"][1])
    ended = subprocess.run(
        [sys.executable, "-m", "experiments", "diagnose", str(tmp_path / "a.csv")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1


def test_the_ledger_is_of_all_rows(good, tmp_path):
    logits, labels = drawn()
    logits[3, 0] = np.nan
    for prefix in ("logit", "score"):
        # A name that does not say what scores are: then it is found out first.
        path = tmp_path / f"{prefix}.parquet"
        table(logits, labels, prefix).to_parquet(path)
        run(path, "--csv", tmp_path / "ledger.csv")
        ledger = pd.read_csv(tmp_path / "ledger.csv")
        kept = np.delete(np.arange(len(labels)), 3)
        assert ledger["row"].tolist() == kept.tolist()
        np.testing.assert_allclose(
            ledger["surprise_bits"],
            categorical_cross_entropy(logits[kept], labels[kept]) / np.log(2),
            rtol=1e-9,
        )
        assert not (tmp_path / "ledger.csv.part").exists()


def test_a_file_that_breaks_leaves_the_old_ledger(tmp_path):
    text = "logit_0,logit_1,label\n" + "1,2,0\n" * 10
    (tmp_path / "a.csv").write_text(text)
    run(tmp_path / "a.csv", "--csv", tmp_path / "ledger.csv")
    before = (tmp_path / "ledger.csv").read_text()
    (tmp_path / "a.csv").write_text(text + "1,x,0\n")
    assert run(tmp_path / "a.csv", "--csv", tmp_path / "ledger.csv").exit_code == 2
    assert (tmp_path / "ledger.csv").read_text() == before
    assert not (tmp_path / "ledger.csv.part").exists()


def test_a_pipe_takes_the_ledger_and_stays_one(tmp_path):
    logits, labels = drawn(num_rows=100)
    table(logits, labels).to_csv(tmp_path / "a.csv", index=False)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run(tmp_path / "a.csv", "--csv", pipe).exit_code == 0
        assert os.read(reader, 1 << 16).count(b"\n") == 101
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_terminal_of_no_width_gets_a_report(good, monkeypatch):
    monkeypatch.setenv("COLUMNS", "5")
    assert "Found: " in run(good).stdout


def test_rows_that_can_not_be_used_are_said_to_be_the_reason(tmp_path):
    logits, labels = drawn(num_rows=50)
    table(logits, np.minimum(labels, 1) + 7).to_csv(tmp_path / "a.csv", index=False)
    text = run(tmp_path / "a.csv").stdout
    assert "No row could be used" in text
    assert "Figures" not in text
    assert "ambiguous" not in text


def test_foreign_names_are_text_everywhere(tmp_path):
    logits, labels = drawn()
    frame = pd.DataFrame(logits, columns=[f"logit_{name}" for name in FOREIGN])
    path = tmp_path / "a.csv"
    frame.assign(label=np.array(FOREIGN)[labels]).to_csv(path, index=False)
    html, ledger = tmp_path / "a.html", tmp_path / "ledger.csv"
    result = run(path, "--html", html, "--csv", ledger)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert FOREIGN[0] not in html.read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html.read_text(encoding="utf-8")
    with ledger.open(encoding="utf-8", newline="") as file:
        held = {row["predicted"] for row in csv.DictReader(file)}
    assert held == {FOREIGN[0], f"'{FOREIGN[1]}", FOREIGN[2]}


def test_the_html_report_asks_the_internet_for_nothing(twice, tmp_path):
    path = tmp_path / "a.html"
    run(twice, "--html", path)
    text = path.read_text(encoding="utf-8")
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert "http" not in outside.replace("http-equiv", "")
    assert "default-src 'none'" in text
    for name in ("reliability", "concentration", "confusion", "budget", "precision"):
        assert f'id="{name}"' in text
    assert "at temperature" in text


def test_soft_labels_and_one_column(tmp_path):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (500, 3))
    soft = softmax(logits + rng.normal(0, 1, (500, 3)))
    names = [f"target_{i}" for i in range(3)]
    pd.concat(
        [pd.DataFrame(logits, columns=["logit_0", "logit_1", "logit_2"]),
         pd.DataFrame(soft, columns=names)], axis=1,
    ).to_parquet(tmp_path / "soft.parquet")  # fmt: skip
    result = run(tmp_path / "soft.parquet", "--html", tmp_path / "soft.html")
    assert "soft labels" in result.stdout
    assert "labels are soft, not drawn" in result.stdout
    pd.DataFrame(
        {"score": rng.random(500), "label": rng.integers(2, size=500)}
    ).to_csv(tmp_path / "one.csv")  # fmt: skip
    assert "2 classes" in run(tmp_path / "one.csv", "--html", tmp_path / "one.html").stdout


def test_no_usable_row(tmp_path):
    table(np.full((5, 3), np.nan), np.zeros(5, int)).to_parquet(tmp_path / "a.parquet")
    paths = ("--html", tmp_path / "a.html", "--json", tmp_path / "a.json")
    result = run(tmp_path / "a.parquet", *paths, "--csv", tmp_path / "ledger.csv")
    assert result.exit_code == 1
    assert "5 rows could not be used" in result.stdout
    assert json.loads((tmp_path / "a.json").read_text())["num_used"] == 0


def test_evidence_goes_to_mlflow(twice):
    result = run(twice, "--track")
    client = tracking.connect()
    experiment = client.get_experiment_by_name(tracking.DIAGNOSES)
    assert experiment is not None
    (found,) = client.search_runs([experiment.experiment_id])
    assert result.stdout.endswith(f" {tracking.run_link(found.info.run_id)}\n")
    assert "**Found: 1 warning" in found.data.tags["mlflow.note.content"]
    assert found.info.status == "FINISHED"
    assert found.data.tags["evidence.miscalibrated"].startswith("warning: mean confidence")
    assert found.data.metrics["diagnosis/warnings"] == 1
    assert found.data.metrics["diagnosis/temperature"] == pytest.approx(3, rel=0.1)
    held = {file.path for file in client.list_artifacts(found.info.run_id, "reports")}
    assert held == {"reports/diagnosis.html", "reports/diagnosis.json"}
    charts = {file.path for file in client.list_artifacts(found.info.run_id, "charts")}
    assert "charts/reliability.svg" in charts


def test_a_run_is_diagnosed_with_the_plateau_of_its_loss():
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=2000)
    with tracking.track("stuck", {"head": "softmax_cce"}) as stuck:
        for step, level in enumerate([2.0, 1.7, 1.5, 1.463, 1.462, 1.462, 1.462, 1.462]):
            stuck.log_metrics({"val/loss": level}, step)
        stuck.log_outputs(_outputs(rng.normal(size=(2000, 10)), labels), "val")
    result = run("--run", stuck.run_id)
    assert result.exit_code in (0, 1)
    said = " ".join(result.stdout.split())
    assert "the val loss settles at 1.462 nats" in said
    assert "softmax of probabilities, 1.461" in said
    with tracking.track("learnt", {"head": "softmax_twice_cce"}) as learnt:
        for step in range(8):
            # Rows that are wrong keep the loss of other rows above the floor.
            learnt.log_metrics({"train/loss": 1.463, "val/loss": 1.55}, step)
        learnt.log_outputs(_outputs(rng.normal(size=(2000, 10)), labels), "val")
    said = " ".join(run("--run", learnt.run_id).stdout.split())
    assert "the train loss settles at 1.463 nats" in said
    # Its loss is handed probabilities, and applies softmax to them.
    assert "error wrong_pairing" in said
    result = run("--run", stuck.run_id, "--split", "test")
    assert result.exit_code == 2
    assert "holds no outputs of 'test'; it has val" in result.stderr


def _outputs(logits, labels):
    from experiments import outputs

    return outputs.read(logits, labels)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster),
    ):
        yield str(cluster.scheduler_address)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_files_spread_over_a_cluster_give_the_same(scheduler, tmp_path, kind):
    logits, labels = drawn()
    logits[3500, 0] = np.nan
    whole = table(logits, labels)
    folder = tmp_path / "out"
    folder.mkdir()
    for i, rows in enumerate((slice(0, 1000), slice(1000, 1100), slice(1100, 4000))):
        path = folder / f"{i}.{kind}"
        whole[rows].to_parquet(path) if kind == "parquet" else whole[rows].to_csv(path, index=False)
    here = json.loads(run(folder, "--json", "-").stdout)
    there = run(folder, "--json", "-", "--scheduler", scheduler, "--csv", tmp_path / "ledger.csv")
    spread = json.loads(there.stdout)
    assert spread["figures"] == pytest.approx(here["figures"], rel=1e-9)
    assert spread["evidence"][0]["rows"] == [3500]
    assert len(pd.read_csv(tmp_path / "ledger.csv")) == 3999
    (folder / "1.csv").write_text("logit_0,logit_1,logit_2,label\n1,x,2,0\n")
    if kind == "csv":
        broken = run(folder, "--scheduler", scheduler)
        assert broken.exit_code == 2
        assert "1.csv: row 0 (line 2) holds x" in broken.stderr


def test_a_report_in_the_terminal_waits_for_no_charts_and_no_mlflow(good):
    told = subprocess.run(
        [
            sys.executable, "-c",
            "import sys; from experiments.cli import cli\n"
            "cli(sys.argv[1:], standalone_mode=False)\n"
            "print(sorted({'altair', 'mlflow', 'pandas'}.intersection(sys.modules)))",
            "diagnose", str(good), "--fail-on", "error",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "4,000 rows" in " ".join(told.stdout.split())
    assert told.stdout.splitlines()[-1] == "[]"


def test_only_json_goes_to_stdout(good):
    result = run(good, "--html", "-")
    assert result.exit_code == 2
    assert "only --json can go to stdout" in result.stderr


def test_no_scheduler_is_said(good, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    result = run(good, "--scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 2
    assert "can't be reached" in result.stderr


def test_each_pass_is_told_how_far_it_is(good):
    told: dict[str, int] = {}

    def on_rows(what: str, rows: int) -> None:
        told[what] = told.get(what, 0) + rows

    passes.diagnose_predictions(read(good), on_rows=on_rows)
    assert told == {"reading": 4000, "after the temperature": 4000}


# In the middle of a diagnosis, and while its command is still being imported.
@pytest.mark.parametrize("place", [(passes, "diagnose"), (experiments.cli, "import_module")])
def test_a_stop_is_no_finding_and_leaves_nothing(good, tmp_path, monkeypatch, capsys, place):
    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(*place, stopped)
    command = ["lab", "diagnose", str(good), "--csv", str(tmp_path / "a.csv")]
    monkeypatch.setattr(sys, "argv", [*command, "--scores", "logit_*"])
    with pytest.raises(SystemExit) as ended:
        experiments.cli.main()
    assert (ended.value.code, capsys.readouterr().err.strip()) == (130, "Stopped.")
