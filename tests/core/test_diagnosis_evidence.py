"""Each kind of evidence appears where it must, and nothing is claimed of well-formed input."""

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale
from sklearn.svm import SVC, LinearSVC

from core.activations import log_softmax, sigmoid, softmax
from core.diagnosis import (
    Diagnosis,
    Elsewhere,
    Evidence,
    Summary,
    diagnose,
    explain_plateau,
    loss_floors,
)


def drawn(p: Any, rng: np.random.Generator) -> Any:
    """Return labels drawn from the stated probabilities."""
    steps = np.asarray(p, np.float64).cumsum(axis=1)
    above = rng.random((len(p), 1)) * steps[:, -1:] > steps
    return above.sum(axis=1).clip(max=p.shape[1] - 1)


def sample(num_rows: int = 5000, num_classes: int = 5, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (num_rows, num_classes))
    return logits, drawn(softmax(logits), rng)


def diagnosed(scores: Any, labels: Any, **options: Any) -> Diagnosis:
    summary = Summary(**options)
    summary.update(scores, labels)
    return diagnose(summary)


def evidence(found: Diagnosis, name: str) -> Evidence:
    named = [e for e in found.evidence if e.name == name]
    assert len(named) == 1, [e.name for e in found.evidence]
    return named[0]


def alarms(found: Diagnosis) -> list[str]:
    return [f"{e.name}: {e.seen}" for e in found.evidence if e.severity != "note"]


# --- Faults of the data ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "name", "severity"),
    [
        (math.nan, "nan", "error"),
        (math.inf, "infinite", "error"),
        (-math.inf, "minus_infinity", "note"),
    ],
)
def test_scores_that_are_no_numbers_are_counted_and_shown(
    value: float, name: str, severity: str
) -> None:
    logits, labels = sample()
    wrong = (labels[[3, 70, 4000]] + 1) % 5
    logits[[3, 70, 4000], wrong] = value
    found = diagnosed(logits, labels)
    seen = evidence(found, name)
    assert (seen.severity, seen.rows) == (severity, (3, 70, 4000))
    assert seen.figures["rows"] == 3
    assert found.num_used == (5000 if severity == "note" else 4997)
    assert not math.isnan(found.calibration.nll)  # type: ignore[union-attr]


def test_a_label_of_probability_0_is_an_infinite_loss() -> None:
    logits, labels = sample()
    p = softmax(logits)
    p[9] = np.eye(5)[(labels[9] + 1) % 5]
    found = diagnosed(p, labels)
    seen = evidence(found, "impossible_label")
    assert (seen.severity, seen.rows[0], seen.figures["rows"]) == ("error", 9, 1)
    assert found.calibration is not None
    assert found.calibration.nll == math.inf
    assert found.calibration.temperature is not None
    assert math.isfinite(found.calibration.temperature.loss_after)


def test_a_label_that_is_masked_is_told_of_its_mask() -> None:
    logits, labels = sample()
    logits[9, labels[9]] = -math.inf
    seen = evidence(diagnosed(logits, labels), "impossible_label")
    assert seen.seen.startswith("1 of 5,000 rows (0.02 %) has a label")
    assert "masked" in seen.do
    assert "masked" not in evidence(diagnosed(softmax(logits), labels), "impossible_label").do


def test_labels_out_of_range_are_counted_and_shown() -> None:
    logits, labels = sample()
    labels[[5, 6]] = 17, -3
    found = diagnosed(logits, labels)
    seen = evidence(found, "label_outside")
    assert (seen.severity, seen.rows, seen.figures["rows"]) == ("error", (5, 6), 2)
    assert found.num_used == 4998


@pytest.mark.parametrize("sharper", [1, 3])
def test_what_may_follow_from_labels_outside_steps_back(sharper: float) -> None:
    logits, labels = sample()
    # Numbers of the user's own, two of which are not those of columns.
    found = diagnosed(sharper * logits, np.array([0, 2, 4, 7, 9])[labels])
    assert [e.name for e in found.evidence if e.severity != "note"] == ["label_outside"]
    followers = [e for e in found.evidence if "may follow from label_outside" in e.means]
    assert {"miscalibrated", "class_frequencies"} <= {e.name for e in followers}
    # A few are marks or slips, and say nothing of the others.
    marked = labels.copy()
    marked[:40] = 255
    alone = alarms(diagnosed(3 * logits, marked))
    assert [said.split(":")[0] for said in alone] == ["label_outside", "miscalibrated"]


def test_labels_off_by_one_are_the_cause_of_labels_outside() -> None:
    logits, labels = sample()
    found = diagnosed(logits, labels + 1)
    assert [e.name for e in found.evidence if e.severity == "error"] == [
        "label_outside",
        "off_by_one",
    ]
    assert "may follow from off_by_one" in evidence(found, "class_frequencies").means


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("num_classes", [5, 200])
def test_labels_off_by_one_are_named_with_the_step_that_mends_them(
    step: int, num_classes: int
) -> None:
    logits, labels = sample(num_classes=num_classes)
    seen = evidence(diagnosed(logits, labels + step), "off_by_one")
    assert seen.severity == "error"
    assert seen.figures["step"] == -step
    assert seen.p_value is not None
    assert seen.p_value < 1e-4


def test_labels_off_by_one_of_two_classes_take_one_beyond() -> None:
    logits, labels = sample(num_classes=2)
    assert evidence(diagnosed(logits, labels + 1), "off_by_one").figures["step"] == -1
    swapped = diagnosed(logits[:, ::-1], labels)
    assert [e.name for e in swapped.evidence if e.severity == "error"] == ["permuted_columns"]


@pytest.mark.parametrize("num_classes", [3, 5, 200])
def test_negated_scores_are_upside_down_and_not_off_by_one(num_classes: int) -> None:
    logits, labels = sample(num_classes=num_classes)
    found = diagnosed(-logits, labels)
    seen = evidence(found, "upside_down")
    assert seen.figures["accuracy"] < seen.figures["by_chance"]
    # What follows from it is no finding of its own.
    assert alarms(found) == [f"upside_down: {seen.seen}"]
    assert "may follow from upside_down" in evidence(found, "miscalibrated").means


def test_permuted_columns_are_named_with_their_order() -> None:
    logits, labels = sample()
    order = [0, 3, 2, 4, 1]
    seen = evidence(diagnosed(logits[:, order], labels), "permuted_columns")
    assert seen.severity == "error"
    assert "1→4, 3→1, 4→3" in seen.seen
    assert "text" not in seen.means


def many_classes(num_classes: int, seed: int) -> tuple[Any, Any]:
    """Return 30 rows of each class, told apart as a good network does."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(num_classes), 30))
    logits = rng.normal(0, 1, (len(labels), num_classes)).astype(np.float32)
    logits[np.arange(len(labels)), labels] += rng.choice([3, 8], len(labels))
    return logits, labels


@pytest.mark.parametrize("num_classes", [129, 500])
def test_columns_in_the_order_of_text_are_found_among_many_classes(num_classes: int) -> None:
    logits, labels = many_classes(num_classes, 0)
    order = sorted(range(num_classes), key=str)
    seen = evidence(diagnosed(logits[:, order], labels), "permuted_columns")
    assert "sorted as text (0, 1, 10" in seen.means
    named = seen.seen
    at = {label: column for column, label in enumerate(order)}
    pairs = [pair.split("→") for pair in named[named.index("(") + 1 : named.index(")")].split(", ")]
    assert len(pairs) == 8
    assert all(at[int(label)] == int(column) for label, column in pairs)


@pytest.mark.parametrize(
    ("num_classes", "swapped"), [(100, (3, 50)), (129, (3, 50, 90)), (500, (3, 50))]
)
def test_a_few_columns_in_another_order_are_found_among_many_classes(
    num_classes: int, swapped: tuple[int, ...]
) -> None:
    logits, labels = (np.concatenate(parts) for parts in zip(
        many_classes(num_classes, 0), many_classes(num_classes, 1), strict=True
    ))  # fmt: skip
    order = np.arange(num_classes)
    order[list(swapped)] = np.roll(swapped, 1)
    # And a class that is taken for another one: no order mends that.
    taken = logits[labels == 7]
    taken[:, [3, 7]] = taken[:, [7, 3]]
    logits[labels == 7] = taken
    seen = evidence(diagnosed(logits[:, order], labels), "permuted_columns")
    assert seen.severity == "error"
    at = {order[column]: column for column in swapped}
    assert f"({', '.join(f'{k}→{at[k]}' for k in swapped)})" in seen.seen
    assert set(labels[list(seen.rows)]) <= set(swapped)


@pytest.mark.parametrize("num_classes", [100, 500])
@pytest.mark.parametrize("sharper", [1, 3])
def test_classes_that_are_taken_for_each_other_are_not_called_permuted(
    num_classes: int, sharper: float
) -> None:
    rng = np.random.default_rng(0)
    logits, labels = many_classes(num_classes, 0)
    # Of two classes each, scores say only which pair it is.
    pairs = labels // 2
    logits[:] = rng.normal(0, 1, logits.shape)
    for side in range(2):
        logits[np.arange(len(labels)), 2 * pairs + side] += 9 + rng.normal(0, 1, len(labels))
    found = diagnosed(sharper * logits, labels)
    assert 0.4 < found.accuracy < 0.6
    assert not [e for e in found.evidence if e.name == "permuted_columns"]


@pytest.mark.parametrize("num_classes", [129, 500])
def test_many_classes_in_their_order_or_without_one_are_not_called_permuted(
    num_classes: int,
) -> None:
    logits, labels = many_classes(num_classes, 1)
    rng = np.random.default_rng(2)
    for scores in (logits, -logits, rng.permutation(logits), 0.2 * logits):
        names = [e.name for e in diagnosed(scores, labels).evidence]
        assert "permuted_columns" not in names


def test_float_labels_are_read_and_noted_and_fractions_refused() -> None:
    logits, labels = sample()
    real = labels.astype(float)
    assert evidence(diagnosed(logits, real), "float_labels").severity == "note"
    real[[1, 2]] = 0.5, math.nan
    found = diagnosed(logits, real)
    assert evidence(found, "label_not_whole").rows == (1, 2)
    assert "float_labels" not in [each.name for each in found.evidence]


def test_a_constant_column_is_noted() -> None:
    logits, _ = sample()
    logits[:, 2] = 0
    labels = drawn(softmax(logits), np.random.default_rng(0))
    assert evidence(diagnosed(logits, labels), "constant_column").figures["columns"] == 1


def test_scores_that_never_change_are_a_warning() -> None:
    _, labels = sample()
    found = evidence(diagnosed(np.zeros((len(labels), 3)), labels % 3), "constant_column")
    assert found.severity == "warning"


def test_labels_of_minus_one_and_one_are_told_what_they_need() -> None:
    logits = np.random.default_rng(0).normal(size=50)
    labels = np.where(logits > 0, 1, -1)
    assert "map −1 to 0" in evidence(diagnosed(logits, labels), "label_outside").do


def test_duplicate_rows_are_counted_and_beyond_the_sketch_bounded() -> None:
    logits, labels = sample(2000)
    logits[1000:1100] = logits[:100]
    found = diagnosed(logits, labels)
    assert evidence(found, "duplicates").figures["repeats"] == 100
    assert evidence(found, "duplicates").sure == "an exact count"
    logits, labels = sample(60_000)
    assert "duplicates" not in [e.name for e in diagnosed(logits, labels).evidence]
    logits[50_000:] = logits[:10_000]
    seen = evidence(diagnosed(logits, labels), "duplicates")
    assert seen.figures["share_low"] < 0.2 < seen.figures["share_high"]
    assert seen.figures["repeats"] == pytest.approx(10_000, abs=4 * 0.016 * 60_000)


def unlike(kind: str) -> tuple[Any, Any]:
    """Return scores of which some are not what the others are, or all something else."""
    logits, labels = sample()
    p = softmax(logits)
    if kind == "no_distribution":
        p[40:60] *= 0.7
    elif kind == "outside_unit":
        p[40:50] = 3 * logits[40:50]
    elif kind == "mixed_scores":
        p[40:2000] = 3 * logits[40:2000]
    elif kind == "percentages":
        p *= 100
    else:
        return p.argmax(axis=1), labels
    return p, labels


@pytest.mark.parametrize(
    ("name", "severity", "rows"),
    [
        ("no_distribution", "warning", (40, 41, 42, 43, 44)),
        ("outside_unit", "error", (40, 41, 42, 43, 44)),
        ("mixed_scores", "error", (40, 41, 42, 43, 44)),
        ("percentages", "error", (0, 1, 2, 3, 4)),
        ("class_ids", "error", ()),
    ],
)
def test_rows_that_are_not_what_the_others_are_do_not_pass_in_silence(
    name: str, severity: str, rows: tuple[int, ...]
) -> None:
    found = diagnosed(*unlike(name))
    seen = evidence(found, name)
    assert (seen.severity, seen.rows) == (severity, rows)
    # What labels say of scores that are something else is no finding of its own.
    claimed = {"miscalibrated", "label_errors", "worse_than_base_rate", "class_frequencies"}
    assert not claimed & {e.name for e in found.evidence if e.severity != "note"}


def test_mixed_scores_are_found_in_any_order() -> None:
    scores, labels = unlike("mixed_scores")
    for order in (slice(None), slice(None, None, -1)):
        summary = Summary()
        for rows in np.array_split(np.arange(5000)[order], 7):
            for row in np.array_split(rows, 2):
                summary.update(scores[row], labels[row])
        assert evidence(diagnose(summary), "mixed_scores").figures["distributions"] >= 3040


def test_predicted_classes_of_two_are_hard_and_not_a_sigmoid() -> None:
    logits, labels = sample(num_classes=2)
    hard = logits.argmax(axis=1).astype(float)
    found = diagnosed(hard, labels)
    assert found.scores.found == "one-hot"
    assert alarms(found) == []
    assert evidence(found, "impossible_label").figures["rows"] == (hard != labels).sum()


# --- Scores and losses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "make"),
    [
        ("logits", softmax),
        ("logits", lambda z: np.eye(5)[z.argmax(axis=1)]),
        ("softmax", lambda z: z),
        ("softmax", sigmoid),
        ("softmax", log_softmax),
        ("sigmoid", lambda z: z),
        ("one-hot", softmax),
        ("log-probabilities", softmax),
    ],
)
def test_a_declared_kind_that_is_contradicted_is_an_error(declared: Any, make: Any) -> None:
    logits, labels = sample()
    seen = evidence(diagnosed(make(logits), labels, kind=declared), "scores_contradict")
    assert seen.severity == "error"
    if declared == "softmax":
        assert seen.rows[0] == 0


@pytest.mark.parametrize(
    ("declared", "make"),
    [
        ("logits", lambda z: z),
        ("logits", log_softmax),
        ("logits", sigmoid),  # a network may end in a sigmoid before its softmax
        ("softmax", softmax),
        ("log-probabilities", log_softmax),
    ],
)
def test_a_declared_kind_that_holds_is_not(declared: Any, make: Any) -> None:
    logits, labels = sample()
    found = diagnosed(make(logits), labels, kind=declared)
    assert "scores_contradict" not in [e.name for e in found.evidence]


@pytest.mark.parametrize(
    ("loss", "make", "severity"),
    [
        ("softmax + categorical", softmax, "error"),
        ("softmax + categorical", sigmoid, "error"),
        ("sigmoid + binary", softmax, "error"),
        ("sigmoid + binary", sigmoid, "error"),
        ("categorical", lambda z: z, "error"),
        ("binary", lambda z: z, "error"),
        ("binary", softmax, "warning"),
        ("sigmoid + binary", log_softmax, "error"),
        ("sigmoid + binary", lambda z: z, None),
        ("softmax + categorical", lambda z: z, None),
        ("softmax + categorical", log_softmax, None),
        ("categorical", softmax, None),
        ("binary", sigmoid, None),
    ],
)
def test_a_loss_that_does_not_fit_is_named(loss: Any, make: Any, severity: str | None) -> None:
    logits, labels = sample()
    found = diagnosed(make(logits), labels, loss=loss)
    if severity is None:
        assert "wrong_pairing" not in [e.name for e in found.evidence]
        return
    seen = evidence(found, "wrong_pairing")
    assert seen.severity == severity
    assert math.isfinite(seen.figures["fitting"])


def test_several_labels_a_row_do_not_go_with_a_softmax() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(-1, 1, (3000, 4))
    targets = (rng.random(logits.shape) < sigmoid(logits)).astype(int)
    found = diagnosed(logits, targets, loss="softmax + categorical")
    assert evidence(found, "wrong_pairing").severity == "error"
    assert alarms(diagnosed(logits, targets, loss="sigmoid + binary")) == []


def test_a_softmax_for_labels_that_may_hold_at_once_is_named_without_a_loss() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(-1, 1, (3000, 4))
    targets = (rng.random(logits.shape) < sigmoid(logits)).astype(int)
    seen = evidence(diagnosed(softmax(logits), targets), "softmax_for_several")
    assert seen.severity == "warning"
    assert seen.figures["labels"] == pytest.approx(targets.sum() / 3000)
    several = np.flatnonzero(targets.sum(axis=1) != 1)
    assert seen.rows == tuple(several[:5])
    assert "softmax_for_several" not in [
        e.name for e in diagnosed(sigmoid(logits), targets).evidence
    ]


def test_smoothed_labels_are_told_from_soft_ones() -> None:
    logits, labels = sample()
    smoothed = 0.9 * np.eye(5)[labels] + 0.02
    found = diagnosed(logits, smoothed.astype(np.float32))
    assert "smoothed by 0.1 over all classes" in evidence(found, "soft_label_floor").seen
    assert found.floors["label smoothing"] == pytest.approx(found.floors["soft labels"], rel=1e-5)
    found = diagnosed(logits, softmax(logits))
    assert "label smoothing" not in found.floors
    assert "smoothed" not in evidence(found, "soft_label_floor").seen


def test_sigmoid_on_exclusive_classes_is_a_note() -> None:
    logits, labels = sample()
    found = diagnosed(sigmoid(logits), labels)
    assert evidence(found, "one_vs_rest").severity == "note"
    assert alarms(found) == []


def test_softmax_twice_is_explained_by_its_floor() -> None:
    floor = math.log1p(9 / math.e)
    assert loss_floors(10)["softmax of probabilities"] == pytest.approx(floor)
    level, why = explain_plateau([2.3, 1.9, 1.47, 1.4655, 1.4654, 1.4653], loss_floors(10))
    assert list(why) == ["softmax of probabilities"]
    assert why["softmax of probabilities"] == pytest.approx(level - floor)
    assert explain_plateau([2.3, 1.9, 1.5, 1.2, 0.9], loss_floors(10))[1] == {}
    floors = loss_floors(4, [9, 1, 0, 0], label_smoothing=0.1, target_entropy=0.2)
    assert floors["equal scores"] == pytest.approx(math.log(4))
    assert floors["class frequencies"] == pytest.approx(0.325083, abs=1e-6)
    assert floors["soft labels"] == 0.2
    assert floors["label smoothing"] > 0.2


def test_a_loss_at_the_class_frequencies_is_noted() -> None:
    p = np.tile([0.7, 0.2, 0.1], (1000, 1))
    found = diagnosed(p, np.repeat([0, 1, 2], [700, 200, 100]))
    assert "class frequencies" in evidence(found, "near_floor").seen
    assert alarms(found) == []


# --- Claims ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sharper", "word"), [(1.6, "overconfident"), (0.6, "underconfident")])
@pytest.mark.parametrize("as_probabilities", [False, True])
def test_miscalibration_is_found_with_its_temperature(
    sharper: float, word: str, as_probabilities: bool
) -> None:
    logits, labels = sample()
    scores = softmax(sharper * logits) if as_probabilities else sharper * logits
    seen = evidence(diagnosed(scores, labels), "miscalibrated")
    assert seen.severity == "warning"
    assert word in seen.means
    assert seen.figures["temperature"] == pytest.approx(sharper, rel=0.1)


@pytest.mark.parametrize(
    ("sharper", "elsewhere", "seen", "do"),
    [
        (3, 2.0, "the best temperature of these rows is 3.0", "divide the logits by 2.000, as fit"),
        (3, 0.5, "the best temperature of these rows is 3.0", "0.500, raises the loss of these"),
        (0.4, 2.0, "the best temperature of these rows is 0.4", "2.000, raises the loss of these"),
        (0.02, 2.0, "the best temperature of these rows is below 1/8", "On val.npz the best tempe"),
        (40, 2.0, "the best temperature of these rows is above 8", "On val.npz the best tempera"),
    ],
)
def test_a_temperature_of_other_rows_is_advised_only_where_it_helps(
    sharper: float, elsewhere: float, seen: str, do: str
) -> None:
    logits, labels = sample()
    summary = Summary(kind="logits")
    summary.update(sharper * logits, labels)
    found = diagnose(summary, (), Elsewhere(elsewhere, "val.npz"))
    told = evidence(found, "miscalibrated")
    assert seen in told.seen
    assert do in told.do
    assert "val.npz" in told.do
    assert told.figures["temperature"] == elsewhere
    own = diagnose(summary).calibration.temperature.value  # type: ignore[union-attr]
    assert told.figures["own temperature"] == own


def binary(slope: float, offset: float, num_rows: int, seed: int, shift: float = 0) -> Any:
    """Return logits, and labels drawn from σ(slope z + offset)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(shift, 2, num_rows)
    return logits, (rng.random(num_rows) < sigmoid(slope * logits + offset)).astype(int)


@pytest.mark.parametrize("shape", ["one column", "two columns", "probabilities"])
@pytest.mark.parametrize(("slope", "offset"), [(0.6, -1.0), (1.0, 1.5), (2.5, 0.8)])
def test_slope_and_offset_of_two_classes_are_found(slope: float, offset: float, shape: str) -> None:
    logits, labels = binary(slope, offset, 5000, 0)
    scores = {
        "one column": logits,
        "two columns": np.stack([0.3 * logits, 1.3 * logits], axis=1),
        "probabilities": sigmoid(logits),
    }[shape]
    seen = evidence(diagnosed(scores, labels), "offset")
    assert seen.severity == "warning"
    model = LogisticRegression(C=np.inf).fit(logits[:, np.newaxis], labels)
    assert seen.figures["slope"] == pytest.approx(model.coef_[0, 0], abs=0.02)
    assert seen.figures["offset"] == pytest.approx(model.intercept_[0], abs=0.02)
    for name, true in (("slope", slope), ("offset", offset)):
        assert seen.figures[f"{name}_low"] < true < seen.figures[f"{name}_high"]
    p = sigmoid(seen.figures["slope"] * logits + seen.figures["offset"])
    loss = -np.log(np.where(labels == 1, p, 1 - p)).mean()
    assert seen.figures["loss_at_offset"] == pytest.approx(loss, rel=1e-4)
    assert ("change of the log-odds" in seen.do) == (slope == 1)
    assert "slope and offset" in evidence(diagnosed(scores, labels), "miscalibrated").do


@pytest.mark.parametrize("part", range(4))
def test_a_temperature_alone_is_called_no_offset(part: int) -> None:
    for seed in range(50 * part, 50 * part + 50):
        rng = np.random.default_rng(seed)
        num_rows = int(10 ** rng.uniform(0, 4.5))
        slope = 2.0 ** rng.uniform(-2.5, 2.5)
        logits, labels = binary(slope, 0, num_rows, seed, shift=rng.uniform(-8, 2))
        scores = logits if seed % 2 else sigmoid(logits).astype(np.float32)
        found = diagnosed(scores, labels, kind="logits" if seed % 2 else "sigmoid")
        assert "offset" not in [e.name for e in found.evidence], seed


def test_intervals_of_slope_and_offset_hold_the_true_ones() -> None:
    held = 0
    for seed in range(60):
        seen = evidence(diagnosed(*binary(0.7, 1.2, 600, seed)), "offset").figures
        held += seen["slope_low"] < 0.7 < seen["slope_high"]
        held += seen["offset_low"] < 1.2 < seen["offset_high"]
    assert held >= 114


def test_a_few_rows_that_an_offset_would_tell_apart_entirely_do_not_break_it() -> None:
    logits = np.linspace(-4, 4, 200)
    found = diagnosed(logits, (logits > 1).astype(int))
    for seen in found.evidence:
        assert all(math.isfinite(value) for value in seen.figures.values())
    assert evidence(found, "offset").figures["offset"] < -1
    assert found.checked["offset of the logit"] == "done"
    apart = diagnosed(logits, (logits > 0).astype(int))
    assert "no minimum" in apart.checked["offset of the logit"]


def test_another_mix_of_classes_is_found() -> None:
    logits, labels = sample(20_000)
    kept = (labels != 2) | (np.random.default_rng(0).random(len(labels)) < 0.3)
    seen = evidence(diagnosed(logits[kept], labels[kept]), "class_frequencies")
    assert (seen.severity, seen.figures["class"]) == ("warning", 2)


def test_scores_worse_than_the_class_frequencies_are_found() -> None:
    logits, labels = sample()
    shuffled = np.random.default_rng(0).permutation(labels)
    found = diagnosed(3 * logits, shuffled)
    assert evidence(found, "worse_than_base_rate").severity == "warning"


def test_planted_label_errors_are_found_and_overconfidence_is_not_called_so() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 5, (20_000, 10))
    labels = drawn(softmax(logits), rng)
    flipped = rng.random(len(labels)) < 0.02
    noisy = np.where(flipped, (labels + rng.integers(1, 10, len(labels))) % 10, labels)
    found = diagnosed(logits, noisy)
    assert evidence(found, "label_errors").severity == "warning"
    assert found.concentration is not None
    suspects = found.concentration.suspects["row"][:100]
    assert flipped[suspects].mean() >= 0.95
    assert "label_errors" not in [e.name for e in diagnosed(1.5 * logits, labels).evidence]


def test_label_errors_of_a_network_that_is_mostly_right_are_not_taken_for_overconfidence() -> None:
    # As a good image classifier: 15 of 16 right, and none surer than 1 − e^−6.
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 0.5, (10_000, 10))
    logits[np.arange(10_000), rng.integers(0, 10, 10_000)] += rng.choice([4, 7, 8], 10_000)
    labels = drawn(softmax(logits), rng)
    flipped = rng.random(10_000) < 0.02
    other = (labels + rng.integers(1, 10, 10_000)) % 10
    for sharper in (1.0, 1.1, 1.3, 1.7, 3.0):
        names = [e.name for e in diagnosed(sharper * logits, labels).evidence]
        assert "label_errors" not in names
        found = diagnosed(sharper * logits, np.where(flipped, other, labels))
        assert evidence(found, "label_errors").severity == "warning"


@pytest.mark.parametrize("num_classes", [2, 10, 200])
@pytest.mark.parametrize("sharper", [1.0, 1.5, 3.0])
def test_a_few_label_errors_are_told_from_any_temperature(num_classes: int, sharper: float) -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 5, (3000, num_classes))
    labels = drawn(softmax(logits), rng)
    assert "label_errors" not in [e.name for e in diagnosed(sharper * logits, labels).evidence]
    flipped = rng.random(len(labels)) < 0.03
    other = (labels + rng.integers(1, num_classes, len(labels))) % num_classes
    seen = evidence(diagnosed(sharper * logits, np.where(flipped, other, labels)), "label_errors")
    assert seen.p_value is not None
    assert seen.p_value < 1e-4


def test_overconfidence_beyond_the_grid_of_temperatures_is_not_called_label_errors() -> None:
    logits, labels = sample()
    found = diagnosed(30 * logits, labels)
    assert "label_errors" not in [e.name for e in found.evidence]
    assert "on a larger scale" in evidence(found, "miscalibrated").do


def test_no_temperature_is_advised_for_labels_that_the_scores_do_not_know() -> None:
    logits, labels = sample()
    seen = evidence(
        diagnosed(logits, np.random.default_rng(1).permutation(labels)), "miscalibrated"
    )
    assert "above 8" in seen.seen
    assert "say next to nothing about these labels" in seen.do
    assert "divide" not in seen.do


def test_logits_on_a_scale_too_small_for_the_grid_are_no_reason_to_divide() -> None:
    logits, labels = sample()
    seen = evidence(diagnosed(logits / 30, labels), "miscalibrated")
    assert "below 1/8" in seen.seen
    assert "by so little" in seen.do


def test_hard_predictions_have_no_temperature_and_pairs_that_cost_infinitely_much() -> None:
    logits, labels = sample()
    found = diagnosed(np.eye(5)[logits.argmax(axis=1)], labels, kind="softmax")
    assert "no temperature from 1/8 to 8 changes the loss" in evidence(found, "miscalibrated").seen
    assert "at an infinite loss" in evidence(found, "confused_pair").seen


def test_evidence_says_the_names_of_classes() -> None:
    logits, labels = sample(num_classes=3)
    logits[:, 2] = 7.5
    summary = Summary()
    summary.update(logits, labels)
    found = diagnose(summary, ["cat", "dog", "2"])
    assert "class 0 (cat)" in evidence(found, "class_frequencies").sure
    assert evidence(found, "constant_column").seen == "column 2 never changes"
    summary = Summary()
    summary.update(logits[:, ::-1], labels)
    found = diagnose(summary, ["cat", "dog", "hen"])
    assert evidence(found, "constant_column").seen == "column 0 (cat) never changes"


def test_labels_that_always_hold_together_raise_no_alarm_and_miscalibration_still_does() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = np.tile(rng.normal(0, 1, (60, 1)), 30)
        targets = np.tile(rng.random((60, 1)) < sigmoid(x[:, :1]), 30).astype(int)
        assert alarms(diagnosed(x, targets)) == []
    x = rng.normal(0, 1, (4000, 6))
    targets = (rng.random(x.shape) < sigmoid(x)).astype(int)
    assert evidence(diagnosed(3 * x, targets), "miscalibrated").severity == "warning"


def test_several_labels_are_held_against_their_base_rates() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(-1, 2, (3000, 4))
    targets = (rng.random(x.shape) < sigmoid(x)).astype(int)
    found = diagnosed(x, targets)
    assert found.bits is not None
    assert evidence(found, "bits_saved").figures["saved"] == found.bits.saved > 0
    worse = evidence(diagnosed(-3 * x, targets), "worse_than_base_rate")
    assert worse.p_value is not None
    assert worse.p_value < 1e-4


def test_labels_of_one_class_leave_no_bits_to_save() -> None:
    found = diagnosed(np.tile([4.0, 0.0, -1.0], (20, 1)), np.zeros(20, int))
    assert found.bits is not None
    assert found.bits.base_rate == 0
    assert "bits_saved" not in [item.name for item in found.evidence]


@pytest.mark.parametrize("num_classes", [2, 10])
def test_scores_that_know_nothing_of_labels_suspect_none(num_classes: int) -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (5000, num_classes))
    labels = drawn(softmax(logits), rng)
    for given, are_suspect in ((labels, True), (rng.permutation(labels), False)):
        held = diagnosed(logits, given).concentration
        assert held is not None
        assert (len(held.suspects) > 0) == are_suspect


def test_rare_positives_under_many_negatives_are_noted() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1, (20_000, 3)) + np.array([3.0, 3.0, -4.0])
    labels = drawn(softmax(logits), rng)
    assert evidence(diagnosed(logits, labels), "swamped_positives").figures["sigmoid"] > 10


def test_one_positive_is_called_swamped_only_where_counts_are_sure_of_it() -> None:
    targets = np.zeros((200, 2), int)
    targets[0] = 1
    x = np.full(targets.shape, -5.0)
    # Expected are 2.3 positives: its pull is small because it is told well.
    x[0] = 5
    assert not any(e.name == "swamped_positives" for e in diagnosed(x, targets).evidence)
    # Expected are 60.
    x[1:, 1] = -0.85
    seen = evidence(diagnosed(x, targets), "swamped_positives")
    assert seen.figures["class"] == 1
    assert seen.p_value is not None
    assert seen.p_value < 1e-4


# --- No false alarms ------------------------------------------------------------------------------


# Rows and classes at the ends of what is promised; others are drawn between them.
CORNERS = [(1, 2), (1, 1000), (2, 30), (100_000, 2), (20_000, 10), (3000, 100), (300, 1000)]
KINDS = [
    "logits", "log-probabilities", "softmax", "one-vs-rest", "several", "several logits",
    "one column", "one-hot", "soft labels",
]  # fmt: skip


def well_formed(kind: str, seed: int) -> tuple[Any, Any]:
    """Return scores of a kind and labels drawn from what they state."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    if seed < len(CORNERS):
        num_rows, num_classes = CORNERS[seed]
    else:
        while True:
            num_rows = int(10 ** rng.uniform(0, 5))
            num_classes = round(2 * 500 ** rng.random())
            if num_rows * num_classes <= 20_000:
                break
    dtype = rng.choice(np.array([np.float32, np.float64], dtype=object))
    spread = rng.choice([0.01, 1.0, 1.0]) * 10 ** rng.uniform(-1, 1)
    logits = rng.normal(0, spread, (num_rows, num_classes))
    logits += rng.normal(0, 1, num_classes) * rng.choice([0, 1, 2])
    if rng.random() < 0.4:
        logits[:, rng.integers(num_classes)] -= rng.uniform(2, 4) * math.log(10)
    logits = logits.astype(dtype)
    if kind.startswith("several"):
        logits -= dtype(rng.uniform(0, 9))
        p = sigmoid(logits)
        return logits if "logits" in kind else p, (rng.random(p.shape) < p).astype(int)
    if kind == "one column":
        p = sigmoid(logits[:, 0])
        return p, (rng.random(p.shape) < p).astype(int)
    if kind == "one-hot":
        top = logits.argmax(axis=1)
        return np.eye(num_classes, dtype=dtype)[top], drawn(softmax(logits), rng)
    if kind == "soft labels":
        return logits, softmax(logits + rng.normal(0, 0.5, logits.shape))
    p = softmax(logits)
    scores = {
        "logits": logits,
        "log-probabilities": log_softmax(logits),
        "softmax": p,
        "one-vs-rest": np.clip(dtype(rng.uniform(0.8, 1.2)) * p, 0, 1),
    }
    return scores[kind], drawn(p, rng)


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_well_formed_inputs_of_each_kind_raise_no_alarm(kind: str, part: int) -> None:
    for seed in range(part, 200, 2):
        scores, labels = well_formed(kind, seed)
        assert alarms(diagnosed(scores, labels)) == [], (kind, seed, scores.shape)


def test_rows_of_several_labels_among_others_of_one_are_noted() -> None:
    logits, labels = sample()
    targets = np.eye(5, dtype=int)[labels]
    targets[[7, 8]] = [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]
    found = diagnosed(logits, targets)
    assert (found.task, found.labels, found.num_used) == ("exclusive", "one-hot", 4998)
    assert evidence(found, "several_labels").rows == (7, 8)


def test_what_was_not_checked_is_said() -> None:
    logits, labels = sample()
    found = diagnosed(logits, softmax(logits))
    assert found.bits is None
    assert found.checked["calibration"] == "not done: labels are soft"
    found = diagnosed(softmax(logits), labels)
    assert "only up to a constant per row" in found.checked["precision of the textbook formula"]
    assert found.precision is None
    assert found.checked["calibration after temperature scaling"] == "not done: needs a second pass"
    found = diagnosed(logits, labels, temperature=1.1)
    assert found.checked["calibration after temperature scaling"] == "done"


# --- Outputs as people have them ------------------------------------------------------------------


def test_the_temperature_of_rows_with_a_finite_loss_has_their_mean_loss() -> None:
    logits, labels = sample(1000)
    p = softmax(2 * logits)
    p[np.arange(100), labels[:100]] = 0
    p[:100] /= p[:100].sum(axis=1, keepdims=True)
    found = diagnosed(p, labels)
    assert found.calibration is not None
    t = found.calibration.temperature
    assert t is not None
    kept = np.arange(100, 1000)
    for temperature, loss in ((1.0, t.loss_before), (t.value, t.loss_after)):
        rows = -log_softmax(np.log(p[kept]), temperature=temperature)[kept - 100, labels[kept]]
        assert loss == pytest.approx(rows.mean(), rel=1e-5)
    assert "the loss of the rows where it is finite falls" in evidence(found, "miscalibrated").seen


def test_probabilities_are_brought_to_a_temperature_by_a_power() -> None:
    logits, labels = sample()
    do = evidence(diagnosed(softmax(2 * logits), labels), "miscalibrated").do
    assert do.startswith("raise the probabilities to the power 1/2.0")
    assert evidence(diagnosed(2 * logits, labels), "miscalibrated").do.startswith("divide the log")


def test_scores_that_are_right_in_every_row_are_not_called_no_logits() -> None:
    logits, _ = sample()
    labels = logits.argmax(axis=1)
    for scores in (logits, softmax(logits)):
        seen = evidence(diagnosed(scores, labels), "miscalibrated")
        assert seen.seen.endswith(
            "every prediction is right, so the loss falls with the "
            f"temperature, to {seen.figures['loss_after']:.4g} nats at 1/8"
        )
        assert "whether these are" not in seen.do


def test_probabilities_far_too_sure_are_not_called_logits_on_another_scale() -> None:
    logits, labels = sample()
    seen = evidence(diagnosed(softmax(12 * logits), labels), "miscalibrated")
    assert "above 8" in seen.seen
    assert "whether these are logits" not in seen.do


def test_one_column_is_told_of_as_one_question() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 2, 2000)
    labels = (rng.random(2000) < sigmoid(z)).astype(int)
    for scores, fitting in ((sigmoid(z), "binary"), (z, "sigmoid + binary")):
        found = diagnosed(scores, labels)
        assert found.pairings[0].loss == fitting
        assert not any(
            "summed over classes" in p.why or "softmax would" in p.why for p in found.pairings
        )
        assert "sum to 1" not in evidence(found, "scores").seen
    assert not alarms(diagnosed(sigmoid(z), labels, kind="sigmoid"))
    diagnosed(sigmoid(z), labels, kind="softmax")


@pytest.mark.parametrize(("num_classes", "decimals"), [(10, 2), (5, 2), (100, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_softmax_written_with_few_decimals_is_a_softmax(
    num_classes: int, decimals: int, dtype: Any
) -> None:
    logits, _ = sample(num_classes=num_classes)
    p = softmax(logits)
    labels = drawn(p, np.random.default_rng(1))
    found = diagnosed(p.round(decimals).astype(dtype), labels)
    assert found.scores.found == "softmax"
    names = {e.name for e in found.evidence}
    assert "rounded_probabilities" in names
    assert not names & {"one_vs_rest", "no_distribution", "outside_unit"}


@pytest.mark.parametrize("num_rows", [30, 5000])
@pytest.mark.parametrize("most", [0.9, 1.0])
def test_logits_that_begin_at_0_in_each_row_are_not_taken_for_sigmoids(
    num_rows: int, most: float
) -> None:
    rng = np.random.default_rng(0)
    logits = rng.random((num_rows, 5))
    logits -= logits.min(axis=1, keepdims=True)
    logits *= most / (logits.max(axis=1, keepdims=True) if most == 1 else 1)
    labels = drawn(softmax(2 * logits), rng)
    summary = Summary()
    for rows in (slice(None, 7), slice(7, None)):
        summary.update(logits[rows], labels[rows])
    found = diagnose(summary)
    assert (found.scores.found, found.scores.reading) == ("ambiguous", "logits")
    seen = evidence(found, "scores")
    assert (
        f"{num_rows:,} of {num_rows:,} rows (100 %) have a single score of exactly 0" in seen.seen
    )
    assert "Read as probabilities, the loss would be infinite" in seen.seen
    assert alarms(found) == []
    # Labels that are never where the 0 is say nothing against probabilities.
    sure = diagnosed(logits, logits.argmax(axis=1))
    assert (sure.scores.found, sure.scores.reading) == ("ambiguous", "probabilities")


@pytest.mark.parametrize("num_classes", [3, 10, 1000])
def test_sigmoids_written_with_few_decimals_are_sigmoids_though_some_are_0(
    num_classes: int,
) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(-4, 2, (2000, num_classes))
    scores = sigmoid(logits).round(2)
    assert (scores.min(axis=1) == 0).mean() > 0.3
    found = diagnosed(scores, drawn(sigmoid(logits), rng))
    assert found.scores.found == "sigmoid"


def test_sigmoids_written_with_few_decimals_are_sigmoids() -> None:
    logits, labels = sample()
    assert diagnosed(sigmoid(logits).round(2), labels).scores.found == "sigmoid"


def test_a_softmax_cut_to_its_top_classes_is_no_sigmoid() -> None:
    logits, _ = sample(num_classes=10)
    p = softmax(3 * logits)
    labels = drawn(p, np.random.default_rng(1))
    p[p < np.sort(p, axis=1)[:, -3:-2]] = 0
    found = diagnosed(p, labels)
    assert found.scores.found == "softmax"
    assert "cut" in evidence(found, "no_distribution").do
    assert "one_vs_rest" not in {e.name for e in found.evidence}


def test_shares_of_votes_are_no_evidence_of_label_errors() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(0.3, 0.3, 3000)
    labels = (rng.random(3000) < p).astype(int)
    votes = rng.binomial(5, p) / 5
    found = diagnosed(np.stack([1 - votes, votes], axis=1), labels)
    assert evidence(found, "impossible_label").severity == "error"
    assert [e.severity for e in found.evidence if e.name == "label_errors"] in ([], ["note"])


def test_the_loss_at_a_temperature_far_below_1_is_that_loss_with_many_classes() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(1000, size=2000)
    logits = rng.normal(size=(2000, 1000))
    logits[np.arange(2000), labels] += 6
    found = diagnosed(logits, labels).calibration
    assert found is not None
    t = found.temperature
    assert t is not None
    assert t.is_inside
    losses = [
        -log_softmax(logits, temperature=temperature)[np.arange(2000), labels].mean()
        for temperature in (t.value, *np.geomspace(1 / 8, 8, 200))
    ]
    assert t.loss_after == pytest.approx(losses[0], rel=0.01)
    assert losses[0] < 1.001 * min(losses)


def test_decisions_between_pairs_of_classes_are_no_scores_of_classes() -> None:
    logits, _ = sample(2000, 6)
    labels = drawn(softmax(3 * logits), np.random.default_rng(1))
    first, second = np.triu_indices(6, 1)
    found = diagnosed(logits[:, first] - logits[:, second], labels)
    assert evidence(found, "one_vs_one").severity == "error"
    assert len(alarms(found)) == 1
    # Of fifteen classes of which six come.
    others = np.full((2000, 9), -9.0)
    assert not alarms(diagnosed(np.hstack([3 * logits, others]), labels))


def test_margins_of_a_support_vector_machine_are_not_taken_for_logits_in_the_advice() -> None:
    features, classes = make_classification(
        4000, 20, n_informative=8, flip_y=0.08, weights=[0.7], random_state=0
    )
    machine = LinearSVC(random_state=0).fit(features[:2000], classes[:2000])
    found = diagnosed(machine.decision_function(features[2000:]), classes[2000:])
    assert "Platt scaling" in evidence(found, "miscalibrated").do
    assert "margins" in evidence(found, "class_frequencies").means
    logits, labels = sample()
    assert "Platt" not in evidence(diagnosed(2 * logits, labels), "miscalibrated").do
    declared = diagnosed(0.5 * logits, labels, kind="logits")
    assert "Platt" not in evidence(declared, "miscalibrated").do


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_decisions_between_pairs_of_three_classes_are_told_by_who_wins(load: Any) -> None:
    features, classes = load(return_X_y=True)
    features = scale(features)
    machine = SVC(decision_function_shape="ovo").fit(features[::2], classes[::2])
    decisions, labels = machine.decision_function(features[1::2]), classes[1::2]
    found = diagnosed(decisions, labels)
    seen = evidence(found, "one_vs_one")
    assert len(alarms(found)) == 1
    assert seen.figures["rows"] == (machine.predict(features[1::2]) == labels).sum()
    ovr = SVC().fit(features[::2], classes[::2]).decision_function(features[1::2])
    assert "one_vs_one" not in [e.name for e in diagnosed(ovr, labels).evidence]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("centred", [False, True])
def test_three_scores_in_another_order_are_not_taken_for_pairs(
    sign: int, order: tuple[int, ...], centred: bool
) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        logits = rng.normal(0, 2, (int(10 ** (1 + seed * 0.8)), 3)) + rng.normal(0, 2, 3)
        labels = drawn(softmax(logits), rng)
        if centred:
            logits -= logits.mean(axis=1, keepdims=True)
        found = diagnosed(sign * logits[:, order], labels)
        assert "one_vs_one" not in [e.name for e in found.evidence]
