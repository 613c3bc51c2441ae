"""What was planted in the samples is found, and what a head hands its loss is what it costs."""

from __future__ import annotations

import io
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from core import set_num_threads
from core.activations import softmax
from core.calibration import expected_calibration_error
from core.diagnosis import Ledger, Summary, diagnose
from core.heads import HEADS
from core.losses import categorical_cross_entropy
from experiments.config import TrainConfig
from experiments.datasets import load
from experiments.diagnosis import rows
from experiments.diagnosis.passes import diagnose_predictions
from experiments.diagnosis.rows import Settings
from experiments.diagnosis.samples import CLASSES, SAMPLES, Sample
from experiments.predictions import Batch, Predictions, PredictionsError, Upload, read
from experiments.runs import train_and_track
from experiments.stored import handed_to_loss, stored_predictions
from tests.experiments.pieces import assert_same, in_pieces

# Sample → evidence that must be found in it.
PLANTED = {
    "overconfident": {"miscalibrated"},
    "healthy": set[str](),
    "label_errors": {"label_errors"},
    "softmax_twice": {"wrong_pairing"},
    "one_hot_bce": {"wrong_pairing"},
    "sigmoid_exclusive": {"one_vs_rest"},
    "multi_hot_cce": {"wrong_pairing"},
    "off_by_one": {"off_by_one", "label_outside"},
    "permuted_columns": {"permuted_columns"},
    "rare_positives": {"swamped_positives", "class_frequencies"},
    "nan_rows": {"nan", "infinite"},
    "rounded_to_zero": {"impossible_label", "rounded_probabilities"},
    "few_digits": {"rounded_probabilities", "softmax_output"},
    "missing_labels": {"label_not_whole"},
    "constant": {"constant_column", "near_floor"},
    "shuffled": {"worse_than_base_rate"},
    "other_mix": {"class_frequencies"},
    "soft_labels": {"soft_label_floor"},
    "duplicates": {"duplicates"},
    "very_confident": {"precision"},
    "softmax_multi_hot": {"softmax_for_several"},
    "percentages": {"percentages"},
    "two_kinds": {"mixed_scores"},
    "left_out": {"no_distribution"},
    "upside_down": {"upside_down"},
    "hard": {"scores", "impossible_label"},
    "below_zero": {"outside_unit"},
    "predicted_classes": {"class_ids"},
    "declared_logits": {"scores_contradict"},
    "log_probabilities": {"scores", "bits_saved"},
}
# What is right, or legitimate: no more than a note.
HARMLESS = {"healthy", "sigmoid_exclusive", "log_probabilities", "soft_labels", "duplicates"}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=list(SAMPLES))
def test_what_was_planted_is_found(sample: Sample) -> None:
    ledgers: list[Ledger] = []
    settings = Settings(sample.kind, sample.loss)
    found = diagnose_predictions(sample.predictions(), settings, ledger=ledgers)
    evidence = found.diagnosis.evidence
    assert PLANTED[sample.key] <= {each.name for each in evidence}
    severities = [each.severity for each in evidence]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    if sample.key in HARMLESS:
        assert set(severities) == {"note"}
    assert sum(len(part.row) for part in ledgers) == found.diagnosis.num_used


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=list(SAMPLES))
def test_a_sample_is_the_same_each_time_and_as_a_file(sample: Sample) -> None:
    scores, labels = sample.arrays()
    again = sample.arrays()
    np.testing.assert_array_equal(scores, again[0])
    np.testing.assert_array_equal(labels, again[1])
    file = io.BytesIO(sample.frame().to_csv(index=False).encode())
    found = read(Upload("sample.csv", file))
    assert found.class_names == (CLASSES if scores.shape[1] > 1 else ("0", "1"))
    (batch,) = found.batches()
    np.testing.assert_allclose(batch.scores, scores, rtol=1e-6, equal_nan=True)
    np.testing.assert_allclose(batch.labels, labels, rtol=1e-9, equal_nan=True)


def test_a_sample_read_as_a_file_keeps_its_numbers() -> None:
    for sample in SAMPLES.values():
        scores, labels = sample.arrays()
        (batch,) = sample.predictions().batches()
        assert batch.scores.dtype == scores.dtype
        np.testing.assert_array_equal(batch.scores, scores)
        np.testing.assert_array_equal(batch.labels, labels)


@pytest.mark.parametrize(("most", "times"), [(1 << 20, 1), (0, 2)])
def test_few_rows_are_read_once_and_many_for_each_pass(
    most: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_to_the_end = 0
    every = Predictions.batches

    def counted(predictions: Predictions) -> Iterator[Batch]:
        nonlocal read_to_the_end
        yield from every(predictions)
        read_to_the_end += 1

    sample = SAMPLES["overconfident"].predictions()
    wanted = diagnose_predictions(sample)
    monkeypatch.setattr(rows, "_MOST_KEPT", most)
    monkeypatch.setattr(Predictions, "batches", counted)
    found = diagnose_predictions(sample)
    assert read_to_the_end == times
    assert found.after is not None
    assert wanted.after is not None
    assert (found.temperature, found.after.ece) == (wanted.temperature, wanted.after.ece)


@contextmanager
def threads(number: int) -> Iterator[None]:
    set_num_threads(number)
    try:
        yield
    finally:
        set_num_threads(None)


def test_any_number_of_threads_adds_up_the_same_and_tells_of_all_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = in_pieces(monkeypatch)
    starts = [batch.first_row for batch in found.batches()]
    assert len(starts) > 50
    told: list[tuple[int, threading.Thread]] = []
    seen = []
    for num_threads in (1, 2, 7):
        all_rows = rows.Rows(found)
        with threads(num_threads):
            summary = rows.summed_here(
                all_rows,
                Settings(),
                1.0,
                lambda number: told.append((number, threading.current_thread())),
            )
        assert [batch.first_row for batch in all_rows] == starts
        seen.append(diagnose(summary))
    assert sum(number for number, _ in told) == 3 * (found.num_rows or 0)
    assert {thread for _, thread in told} == {threading.current_thread()}
    for other in seen[1:]:
        assert_same(seen[0], other)


def test_rows_that_will_be_too_many_are_not_held_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = in_pieces(monkeypatch)
    first = next(found.batches())
    monkeypatch.setattr(rows, "_MOST_KEPT", 5 * (first.scores.nbytes + first.labels.nbytes))
    every = Predictions.batches

    def copied(predictions: Predictions) -> Iterator[Batch]:
        for batch in every(predictions):
            yield batch._replace(scores=batch.scores.copy())

    monkeypatch.setattr(Predictions, "batches", copied)
    batches = rows.Rows(found).batches()
    held = weakref.ref(next(batches).scores)
    next(batches)
    assert held() is None


def test_what_is_broken_further_on_stops_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SAMPLES["healthy"].predictions()
    whole = next(found.batches())

    def batches(predictions: Predictions) -> Iterator[Batch]:
        for start in range(5):
            yield whole._replace(first_row=start * len(whole.scores))
        raise PredictionsError("cut off")

    monkeypatch.setattr(Predictions, "batches", batches)
    with threads(3), pytest.raises(PredictionsError, match="cut off"):
        rows.summed_here(rows.Rows(found), Settings(), 1.0, lambda number: None)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("adding")]


def test_rows_that_do_not_fit_stop_the_threads_that_have_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = SAMPLES["healthy"].predictions()
    whole = next(found.batches())
    given = []

    def batches(predictions: Predictions) -> Iterator[Batch]:
        for start in range(1000):
            given.append(start)
            yield whole._replace(scores=whole.scores[1:]) if start == 0 else whole

    monkeypatch.setattr(Predictions, "batches", batches)
    with threads(2), pytest.raises(PredictionsError, match="labels must have shape"):
        rows.summed_here(rows.Rows(found), Settings(), 1.0, lambda number: None)
    assert len(given) < 100


def test_a_ledger_can_be_held() -> None:
    logits, labels = SAMPLES["overconfident"].arrays()
    ledgers: list[Ledger] = []
    found = diagnose_predictions(SAMPLES["overconfident"].predictions(), ledger=ledgers)
    (ledger,) = ledgers
    bits = categorical_cross_entropy(logits.astype(float), labels) / np.log(2)
    np.testing.assert_allclose(ledger.surprise, bits, rtol=1e-3, atol=1e-6)
    assert found.temperature == pytest.approx(2.5, abs=0.1)
    assert found.after is not None
    p = softmax(logits.astype(float), temperature=found.temperature)
    assert found.after.ece == pytest.approx(expected_calibration_error(p, labels), abs=1e-4)


@pytest.mark.parametrize("name", [n for n in HEADS if HEADS[n].takes_options])
def test_a_loss_is_handed_what_its_head_hands_it(name: str) -> None:
    head = HEADS[name]
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (200, 1 if head.task == "binary" else 4))
    labels = rng.integers(0, 2 if head.task == "binary" else 4, 200)
    if head.task == "multi-label":
        labels = rng.integers(0, 2, logits.shape)
    value, _ = head.loss_value_and_grad(logits, labels)
    scores, kind, loss = handed_to_loss(name, logits)
    summary = Summary(kind=kind, loss=loss)
    summary.update(scores, labels)
    found = diagnose(summary)
    nats = {pairing.loss: pairing.nats for pairing in found.pairings}
    assert nats[str(loss)] == pytest.approx(float(value.mean()))
    wrong = {each.name for each in found.evidence if each.severity == "error"}
    assert ("wrong_pairing" in wrong) == head.is_mistake


def test_of_an_unknown_head_logits_are_all_that_is_known() -> None:
    logits = np.zeros((2, 3))
    assert handed_to_loss("mine", logits) == (logits, "logits", None)


@pytest.mark.parametrize("head", ["softmax_cce", "softmax_twice_cce"])
def test_a_run_is_read_back_as_its_loss_was_handed_it(head: str) -> None:
    config = TrainConfig("iris", head, num_epochs=2, mistakes=True)
    run = train_and_track(config, load(config.dataset, 0), lambda epoch: None)
    found, kind, loss = stored_predictions(run.run_id, head)
    assert found.kind == "auto"
    diagnosis = diagnose_predictions(found, Settings(kind, loss)).diagnosis
    nats = {pairing.loss: pairing.nats for pairing in diagnosis.pairings}
    assert nats[str(loss)] == pytest.approx(run.last.val.loss, rel=1e-4)
