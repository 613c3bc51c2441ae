"""Bounds hold as often as they say, and sketches hold the same in any order."""

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from core._checks import Array
from core._threads import Work
from core.activations import log_softmax
from core.diagnosis import Summary
from core.diagnosis.binary import one_vs_rest_sums
from core.diagnosis.bins import calibration_bins
from core.diagnosis.chances import (
    bernoulli_divergence,
    count_p_value,
    evidence_p_value,
    sequence_log_probability,
    share_interval,
)
from core.diagnosis.noise import NOISES, NOISY_BETAS
from core.diagnosis.records import Temperature
from core.diagnosis.sketches import (
    BIN_WIDTH,
    NUM_BINS,
    DistinctRows,
    SomePairs,
    TopRows,
    bin_low,
    magnitude_bins,
    row_hashes,
)
from core.diagnosis.some_of_each import SomeOfEach
from core.diagnosis.temperature import noise_of


@pytest.mark.parametrize("p", [1e-4, 0.03, 0.5, 0.97])
@pytest.mark.parametrize("num_rows", [1, 30, 5000])
def test_a_p_value_is_small_no_more_often_than_it_says(p: float, num_rows: int) -> None:
    counts = np.random.default_rng(0).binomial(num_rows, p, 20_000)
    values, index = np.unique(counts, return_inverse=True)
    p_values = np.array([count_p_value(float(c), p * num_rows, num_rows) for c in values])[index]
    for level in (0.5, 0.1, 0.01):
        assert np.mean(p_values <= level) <= level * 1.1 + 3e-4


@pytest.mark.parametrize("p", [0.003, 0.4, 1.0])
def test_an_interval_holds_the_share_as_often_as_it_says(p: float) -> None:
    counts = np.random.default_rng(1).binomial(200, p, 2000)
    ends = {c: share_interval(float(c), 200) for c in np.unique(counts)}
    held = np.mean([ends[c][0] <= p <= ends[c][1] for c in counts])
    assert held >= 0.95


def test_limits_of_the_bounds() -> None:
    assert bernoulli_divergence(0.3, 0.3) == 0
    assert count_p_value(0, 0, 0) == 1
    assert count_p_value(1, 0, 10) < 1e-5
    assert share_interval(0, 0) == (0, 1)
    assert share_interval(0, 10)[0] == 0
    assert share_interval(10, 10)[1] == 1
    assert evidence_p_value(np.array([-1e9, 1e9])) == 0
    # An even mixture over all sequences of two labels of length 3.
    chances = [sequence_log_probability(np.array([k, 3 - k])) for k in range(4)]
    total = sum(math.comb(3, k) * math.exp(chance) for k, chance in enumerate(chances))
    assert total == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bins_of_magnitude_hold_what_they_say(dtype: type) -> None:
    values: Any = np.exp(np.random.default_rng(0).uniform(-40, 12, 10_000)).astype(dtype)
    bins = magnitude_bins(values)
    assert (bin_low(bins) <= values).all()
    assert (values <= bin_low(bins) * (1 + BIN_WIDTH)).all()
    assert magnitude_bins(np.array([0, 1e30], dtype)).tolist() == [0, NUM_BINS - 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bins_of_calibration_are_those_of_a_search(dtype: type) -> None:
    edges = np.linspace(0, 1, 16)
    near = np.concatenate([np.nextafter(edges.astype(dtype), d) for d in (dtype(-1), dtype(2))])
    values: Any = np.concatenate([edges, near, np.random.default_rng(0).random(10_000)]).astype(
        dtype
    )
    values = values.clip(0, 1)
    wanted = np.clip(np.searchsorted(edges, values.astype(float), side="left") - 1, 0, 14)
    np.testing.assert_array_equal(calibration_bins(values), wanted)
    # However they lie.
    pairs = np.asfortranarray(values[:10_000].reshape(-1, 2))
    np.testing.assert_array_equal(calibration_bins(pairs), wanted[:10_000].reshape(-1, 2))


def test_rows_have_the_same_hash_in_either_layout_and_others_when_permuted() -> None:
    work = Work()
    values = np.random.default_rng(0).normal(size=(1000, 6))
    for dtype in (np.float16, np.float32, np.float64):
        # What was rounded has zeros for its last bits.
        rows = values.astype(dtype).astype(np.float32 if dtype == np.float16 else dtype)
        hashes = row_hashes(work, rows, 1)
        np.testing.assert_array_equal(hashes, row_hashes(work, np.ascontiguousarray(rows.T), 0))
        swapped = np.ascontiguousarray(rows[:, ::-1])
        assert len(np.unique(np.concatenate([hashes, row_hashes(work, swapped, 1)]))) == 2000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sign_of_a_zero_makes_no_other_row(dtype: type) -> None:
    rows: Any = np.array([[0.0, 1.0], [-0.0, 1.0]], dtype)
    for values, axis in ((rows, 1), (np.ascontiguousarray(rows.T), 0)):
        first, second = row_hashes(Work(), values, axis)
        assert first == second
    assert np.signbit(rows[1, 0])


def test_distinct_rows_are_the_same_sample_in_any_order() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 1 << 63, 30_000, dtype=np.uint64) * np.uint64(2)
    hashes[20_000:] = hashes[:10_000]
    rows = np.arange(30_000)
    results = []
    for seed in range(3):
        parts = np.array_split(np.random.default_rng(seed).permutation(30_000), 7)
        sketches = []
        for part in parts:
            sketch = DistinctRows(512)
            for few in np.array_split(part, 5):
                sketch.add(hashes[few], rows[few])
            sketches.append(sketch)
        whole = DistinctRows(512)
        for sketch in sketches:
            whole.merge(sketch)
        results.append(whole.result())
    assert results[0] == results[1] == results[2]
    assert results[0].num_sampled == 512
    assert results[0].num_distinct == pytest.approx(20_000, rel=4 * results[0].relative_error)
    assert results[0].num_repeated == pytest.approx(256, abs=4 * math.sqrt(128))
    assert all(count == 2 for _, count in results[0].examples)


@pytest.mark.parametrize("num_distinct", [100, 3000])
def test_distinct_rows_that_come_often_or_lie_close_are_all_counted(num_distinct: int) -> None:
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 1 << 40, num_distinct, dtype=np.uint64)
    which = np.concatenate([np.arange(num_distinct), rng.integers(0, num_distinct, 30_000)])
    sketch = DistinctRows(4096)
    sketch.add(kinds[which], np.arange(len(which)))
    found = sketch.result()
    assert (found.is_exact, found.num_distinct) == (True, num_distinct)
    most = int(np.bincount(which).argmax())
    assert found.examples[0] == (most, int(np.bincount(which)[most]))


def test_top_rows_are_the_same_in_any_order_ties_included() -> None:
    loss = np.random.default_rng(0).integers(0, 5, 5000).astype(float)
    wanted = np.lexsort((np.arange(5000), -loss))[:50]
    for seed in range(3):
        top = TopRows(50)
        for part in np.array_split(np.random.default_rng(seed).permutation(5000), 9):
            other = TopRows(50)
            columns = {name: part for name, _ in TopRows.FIELDS if name != "loss"}
            other.add(loss[part], columns)
            top.merge(other)
        np.testing.assert_array_equal(top.rows["row"], wanted)


@pytest.mark.parametrize(("num_classes", "num_counted"), [(129, 127), (1000, 16), (3000, 0)])
def test_some_pairs_are_counted_in_any_order(num_classes: int, num_counted: int) -> None:
    labels, predicted = np.random.default_rng(0).integers(0, num_classes, (2, 30_000))
    classes = SomePairs.classes(num_classes)
    assert len(classes) == num_counted
    expected = [np.bincount(predicted[labels == k], minlength=num_classes) for k in classes]
    for seed in range(3):
        whole = SomePairs()
        for part in np.array_split(np.random.default_rng(seed).permutation(30_000), 5):
            other = SomePairs()
            for few in np.array_split(part, 7):
                other.add(labels[few], predicted[few], num_classes)
            whole.merge(other)
        whole.merge(SomePairs())
        assert whole.counts().tolist() == [counts.tolist() for counts in expected]
        assert whole.counts().nbytes <= 1 << 17


def test_noise_is_asked_of_the_same_rows_however_batches_are_cut() -> None:
    rng = np.random.default_rng(0)
    num_rows = 150_000
    logits = rng.normal(0, 3, (num_rows, 3))
    # A mask may be −inf, and the row's own label then has no finite loss.
    logits[30_000:30_010, 2] = logits[132_000, 2] = -np.inf
    labels = rng.integers(0, 2, num_rows)
    labels[132_000] = 2
    whole, cut = Summary(), Summary()
    whole.update(logits, labels)
    starts = [0, 1, 32_767, 32_769, 100_003, 131_071, 135_168, num_rows]
    for start, stop in list(itertools.pairwise(starts))[::-1]:
        cut.update(logits[start:stop], labels[start:stop], first_row=start)

    rows = np.arange(num_rows)
    asked = (rows < 32_768) | (rows % 131_072 < 4096)
    asked[132_000] = False
    log_p = [
        log_softmax(beta * logits[asked])[np.arange(asked.sum()), labels[asked]]
        for beta in NOISY_BETAS
    ]
    wanted = [
        [-np.log((1 - noise) * np.exp(row) + noise / 3).sum() for noise in NOISES] for row in log_p
    ]
    for summary in (whole, cut):
        sums = summary.tallies["exclusive", "logits"].sums
        assert sums["noisy_rows"] == asked.sum()
        np.testing.assert_allclose(sums["noisy_losses"], wanted, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_classes", [3, 100])
@pytest.mark.parametrize("shift", [0.0, 30.0, 200.0, -12.0, -60.0])
def test_the_classes_but_the_label_cost_what_they_should_however_sure(
    shift: float, num_classes: int, dtype: type[np.floating[Any]]
) -> None:
    rng = np.random.default_rng(2)
    logits: Array = (rng.normal(0, 3, (500, num_classes)) + shift).astype(dtype)
    logits[7, 0] = -np.inf
    at_label = np.arange(500) * num_classes + rng.integers(1, num_classes, 500)
    z = logits.astype(np.float64)
    loss, p = np.logaddexp(0, z), np.exp(-np.logaddexp(0, -z))
    loss.reshape(-1)[at_label] = p.reshape(-1)[at_label] = 0
    by_class = at_label % num_classes * 500 + np.arange(500)
    tight = 1e-6 if dtype == np.float32 else 1e-13
    for axis, raw, places in ((1, logits, at_label), (0, logits.T.copy(), by_class)):
        # As in the threads that call it.
        with np.errstate(all="ignore"):
            sums = one_vs_rest_sums(
                Work(), raw, axis, places, float(raw.max()), is_probability=False
            )
        np.testing.assert_allclose(sums["binary_loss"], loss.sum(), rtol=tight)
        np.testing.assert_allclose(sums["sigmoid_negative"], p.sum(axis=0), rtol=10 * tight)


@pytest.mark.parametrize(("num_classes", "size"), [(129, 16), (1000, 16), (2048, 8), (2049, 0)])
def test_some_rows_of_each_class_are_the_same_in_any_order(num_classes: int, size: int) -> None:
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, num_classes, (2, 30_000))
    labels[labels == 5] = 6  # of one class there is no row
    results = []
    for seed in range(3):
        whole = SomeOfEach()
        for part in np.array_split(np.random.default_rng(seed).permutation(30_000), 5):
            other = SomeOfEach()
            for few in np.array_split(part, 7):
                other.add(labels[few], predicted[few], few, num_classes)
            whole.merge(other)
        whole.merge(SomeOfEach())
        results.append(whole.predicted())
    if size == 0:
        assert len(results[0]) == 0
        return
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    assert results[0].shape == (num_classes, size)
    rows = np.bincount(labels, minlength=num_classes)
    np.testing.assert_array_equal((results[0] >= 0).sum(axis=1), np.minimum(rows, size))
    for k in range(num_classes):
        held = results[0][k][results[0][k] >= 0]
        assert not Counter(held.tolist()) - Counter(predicted[labels == k].tolist())


def test_temperatures_beyond_the_nodes_of_noise_leave_it_unsaid() -> None:
    temperature = Temperature(1.1, True, 1.0, 0.9, 0.0, np.ones(1), np.ones(1))
    # Noise is better by a tenth of a nat a row; the sample's own loss is least at a node, or falls
    # to the last of them.
    inside = 1 + (NOISY_BETAS - 0.75) ** 2
    for own, is_said in ((inside, True), (2 - NOISY_BETAS, False)):
        losses = np.stack([own, *(own.min() - 0.1 + 0 * own for _ in NOISES[1:])], axis=1)
        sums = {"noisy_losses": 1000 * losses, "noisy_rows": np.array(1000)}
        p_value, share = noise_of(sums, temperature)
        assert (p_value < 1e-6) == is_said
        assert (share > 0) == is_said


def test_some_rows_of_each_class_are_drawn_evenly_and_the_same_in_any_order() -> None:
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 300, (2, 60_000))
    seen = []
    for seed in range(2):
        whole = SomeOfEach()
        for part in np.array_split(np.random.default_rng(seed).permutation(60_000), 5):
            some = SomeOfEach()
            for few in np.array_split(part, 3):
                some.add(labels[few], predicted[few], few, 300)
            whole.merge(some)
        seen.append(whole.predicted())
    np.testing.assert_array_equal(seen[0], seen[1])
    assert seen[0].shape == (300, 16)
    # Five standard deviations of the mean of so many even draws.
    spread = 300 / math.sqrt(12 * seen[0].size)
    assert seen[0].mean() == pytest.approx(149.5, abs=5 * spread)
