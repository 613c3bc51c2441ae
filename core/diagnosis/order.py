"""Whether labels go with other columns of scores than their own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations

import numpy as np

from core._checks import Array
from core.diagnosis.bins import NUM_CALIBRATION_BINS
from core.diagnosis.chances import LEVEL, corrected, count_p_value, says, share_interval
from core.diagnosis.exclusive import Sums
from core.diagnosis.per_row import MOST_PAIRED
from core.diagnosis.records import COUNTED, Diagnosis, Evidence, surprising
from core.diagnosis.sketches import SomePairs
from core.diagnosis.summary import Summary
from core.diagnosis.tally import Fault

# So unlikely must three columns be to be pairs by chance, where another order is as good.
_OTHER_ORDER = 0.01
# A p-value that came out as 0 is no more than this.
_LEAST = 5e-324


def other_columns(summary: Summary, diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    """Return whether labels go with other columns than their own: the first cause that fits."""
    found = next(_one_vs_one(diagnosis, sums), None)
    if found is None and "votes" in sums:
        found = next(_three_pairs(diagnosis, sums), None)
    if found is None:
        found = next(_off_by_one(summary, diagnosis, sums), None)
    if found is None and diagnosis.num_classes <= MOST_PAIRED:
        pairs = sums["pairs"].reshape((diagnosis.num_classes,) * 2)
        found = next(_permuted_columns(diagnosis, pairs, np.arange(len(pairs))), None)
    elif found is None:
        pairs = summary.tallies[summary.reading()].some_pairs.counts()
        classes = SomePairs.classes(diagnosis.num_classes)[: len(pairs)]
        found = next(_permuted_columns(diagnosis, pairs, classes), None)
        if found is None:
            some = summary.tallies[summary.reading()].some_of_each.predicted()
            found = next(_few_permuted(diagnosis, sums, some), None)
    if found is None:
        found = next(_upside_down(diagnosis, sums), None)
    if found is not None:
        yield found


def _one_vs_one(diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    """See whether columns are pairs of classes: as many, and the largest has the label in it."""
    num_columns, used = diagnosis.num_classes, float(diagnosis.num_used)
    num_labels = int(np.flatnonzero(sums["labels"])[-1]) + 1
    is_as_many = num_labels >= 4 and num_labels * (num_labels - 1) // 2 == num_columns
    if not is_as_many or num_columns > MOST_PAIRED:
        return
    label = np.arange(num_columns)[:, np.newaxis]
    has_label = np.logical_or(*(label == ends for ends in np.triu_indices(num_labels, 1)))
    held = float(sums["pairs"].reshape(num_columns, num_columns)[has_label].sum())
    p_value = corrected(count_p_value(held, 2 / num_labels * used, used))
    if held <= 2 / num_labels * used or held <= 2 * float(sums["right"]) or p_value >= LEVEL:
        return
    yield _pairs_of_classes(
        diagnosis,
        f"{num_labels} classes have {num_columns} pairs, as many as there are columns, and the "
        f"largest score is that of a pair with the label in {held:,.0f} of {used:,.0f} rows",
        {"columns": num_columns, "classes": num_labels, "rows": held},
        p_value,
    )


def _three_pairs(diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    """See whether three columns are the pairs 01, 02 and 12: the label wins both of its own."""
    # By label, largest column, least column, and whether the label wins.
    votes, used = sums["votes"].reshape(3, 3, 3, 2), float(diagnosis.num_used)
    held = float(votes[..., 1].sum())
    p_values = []
    for counts in (votes.sum(axis=2), votes.sum(axis=1)):
        for order in permutations(range(3)):
            # Rows that only the pairs explain, and those that only columns in this order do.
            lost, both = (float(count) for count in counts[range(3), order].sum(axis=0))
            alone, other = held - both, lost
            if alone <= other:
                return
            p_values.append(count_p_value(alone, (alone + other) / 2, alone + other))
    # A prediction is the likeliest class, so that it is right no less often than any other is.
    p_value = corrected(p_values[0])
    if p_value >= LEVEL or max(p_values) >= _OTHER_ORDER:
        return
    yield _pairs_of_classes(
        diagnosis,
        f"read as 0 against 1, 0 against 2 and 1 against 2, the three columns let the label win "
        f"both of its pairs in {held:,.0f} of {used:,.0f} rows; read as classes, its score is the "
        f"largest in {float(sums['right']):,.0f}",
        {"columns": 3, "classes": 3, "rows": held},
        p_value,
    )


def _pairs_of_classes(
    diagnosis: Diagnosis, seen: str, counted: dict[str, float], p_value: float
) -> Evidence:
    return Evidence(
        "one_vs_one",
        "error",
        seen,
        counted,
        surprising(diagnosis),
        "each column decides between two classes, not for one of them: every figure is wrong",
        'export one score per class (scikit-learn: decision_function_shape="ovr")',
        says(p_value),
        p_value,
    )


def _off_by_one(summary: Summary, diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    num_classes, right = diagnosis.num_classes, float(sums["right"])
    used = float(diagnosis.num_used)
    outside = summary.faults.get("label_outside", Fault())
    for step, name, key, unseen in (
        (1, "right_if_up", "label_is_minus_one", num_classes - 1),
        (-1, "right_if_down", "label_is_num_classes", 0),
    ):
        shifted, beyond = float(sums[name]), int(summary.counts.get(key, 0))
        # A label that would be moved out of range was none that is off by one.
        if sums["labels"][unseen] or shifted <= right:
            continue
        # A prediction is the likeliest class, so that it is right no less often than a neighbour.
        p_value = count_p_value(shifted, (shifted + right) / 2, shifted + right)
        if num_classes > 2:
            # And a neighbour is no more often meant than the other classes are.
            evenly = (used - right) / (num_classes - 1)
            if shifted <= evenly:
                continue
            p_value = max(p_value, count_p_value(shifted, evenly, used - right))
        elif not beyond:
            continue
        p_value = corrected(2 * p_value)
        if p_value >= LEVEL:
            continue
        end = "below the first" if step > 0 else "above the last"
        also = f", and {beyond:,} label{_lie(beyond)} one {end} class" if beyond else ""
        yield Evidence(
            "off_by_one",
            "error",
            f"accuracy is {right / used:.3g}, but {shifted / used:.3g} with 1 "
            f"{'added to' if step > 0 else 'subtracted from'} each label; label "
            f"{diagnosis.named(unseen)} never occurs{also}",
            {
                "accuracy": right / used,
                "shifted": shifted / used,
                "step": step,
                "outside": beyond,
            },
            tuple(outside.rows) if beyond else surprising(diagnosis),
            "labels and columns are numbered from different starts",
            _shift(step),
            says(p_value),
            p_value,
        )
    for step, key, unseen in (
        (-1, "label_is_num_classes", 0),
        (1, "label_is_minus_one", num_classes - 1),
    ):
        beyond = int(summary.counts.get(key, 0))
        if beyond and beyond == outside.count and not sums["labels"][unseen]:
            yield Evidence(
                "off_by_one",
                "error",
                f"label {diagnosis.named(unseen)} never occurs, and {beyond:,} "
                f"label{_lie(beyond)} one beyond the other end",
                {"outside": beyond, "step": step},
                tuple(outside.rows),
                "labels and columns seem to be numbered from different starts",
                f"{_shift(step)}, if that raises the accuracy",
                COUNTED,
            )


def _lie(count: int) -> str:
    return "s lie" if count != 1 else " lies"


def _shift(step: int) -> str:
    return "add 1 to each label" if step > 0 else "subtract 1 from each label"


def _upside_down(diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    """See whether predictions are right less often than if they knew nothing."""
    used, right = float(diagnosis.num_used), float(sums["right"])
    by_chance = float(np.dot(sums["labels"] / used, sums["predicted"]))
    if right >= by_chance:
        return
    p_value = count_p_value(right, by_chance, used)
    p_value = max(p_value, count_p_value(right, float(sums["top_confidence"].sum()), used))
    p_value = corrected(p_value)
    if p_value >= LEVEL:
        return
    low, high = share_interval(right, used)
    yield Evidence(
        "upside_down",
        "error",
        f"accuracy is {right / used:.3g}; the same predictions in random order would reach "
        f"{by_chance / used:.3g}",
        {"accuracy": right / used, "by_chance": by_chance / used},
        surprising(diagnosis),
        "the scores know the labels but say the opposite: they are negated, are distances or "
        "energies (lower is better), or their columns are in another order",
        "if lower is better, negate the scores; otherwise compare the order of columns and class "
        "ids",
        f"accuracy is {low:.3g} to {high:.3g} (95 % interval); {says(p_value)}",
        p_value,
    )


def _permuted_columns(diagnosis: Diagnosis, pairs: Array, classes: Array) -> Iterator[Evidence]:
    """See whether labels go with other columns than their own, one to one.

    Of rows of `classes`, `pairs` has the counts by label and prediction, shape (C, K).
    """
    if len(pairs) == 0:
        return
    num_classes, num_seen = pairs.shape[1], int(np.count_nonzero(pairs.sum(axis=1)))
    best = pairs.argmax(axis=1)
    is_whole = len(classes) == num_classes
    if is_whole:
        moved = _moved_in_circles(np.where(pairs.sum(axis=1) > 0, best, classes))
        if len(moved) < 2 or not _others_are_right(moved, np.diag(pairs), pairs.sum(axis=1)):
            return
    else:
        moved = np.flatnonzero((best != classes) & (pairs.sum(axis=1) > 0))
        # Each has a column to itself; some may be mistaken for a class that was not drawn.
        if 2 * len(moved) < max(num_seen, 4) or len(set(best[moved].tolist())) < len(moved):
            return
    elsewhere = float(pairs[moved, best[moved]].sum())
    own = float(pairs[moved, classes[moved]].sum())
    # For each class, the column was chosen among K after the labels were seen.
    p_value = count_p_value(elsewhere, (elsewhere + own) / 2, elsewhere + own)
    if num_classes > 2:
        # And that column more often than the others, or scores may just as well be upside down.
        others = float(pairs[moved].sum()) - own
        evenly = others / (num_classes - 1)
        p_value = max(p_value, count_p_value(elsewhere, evenly, others))
    chosen = math.log(num_classes) * len(moved)
    p_value = corrected(math.exp(min(0.0, math.log(max(p_value, _LEAST)) + chosen)))
    if p_value >= LEVEL:
        return
    listed = ", ".join(
        f"{diagnosis.named(classes[k])}→{diagnosis.named(best[k])}" for k in moved[:8]
    )
    which = "classes" if is_whole else f"of {num_seen} sampled classes"
    as_text = np.argsort(sorted(range(num_classes), key=str))
    is_as_text = bool((best[moved] == as_text[classes[moved]]).all())
    yield Evidence(
        "permuted_columns",
        "error",
        f"{len(moved)} {which} are mostly predicted as another class, one to one ({listed}): in "
        f"{elsewhere:,.0f} rows, against {own:,.0f} predicted as their own",
        {"classes": len(moved), "elsewhere": elsewhere, "own": own},
        surprising(diagnosis, np.isin(_labels_of(diagnosis), classes[moved])),
        "the columns of scores are in another order than the class ids"
        + (": sorted as text (0, 1, 10, …)" if is_as_text else "")
        + (", or scores are negated" if num_classes == 2 else ""),
        "reorder the columns to match the class ids (label → column)",
        says(p_value),
        p_value,
    )


def _few_permuted(diagnosis: Diagnosis, sums: Sums, some: Array) -> Iterator[Evidence]:
    """See whether a few among many classes go with each other's columns.

    `some` has the predictions of a few rows of each class. What moved is predicted as another class
    that moved far more often than as any other, and claimed in rows that have another label.
    """
    num_classes, used = diagnosis.num_classes, float(diagnosis.num_used)
    if len(some) == 0:
        return
    drawn = (some >= 0).sum(axis=1)
    # How many of its class each row shares its prediction with.
    shared = (some[:, :, np.newaxis] == some[:, np.newaxis]).sum(axis=2) * (some >= 0)
    seen, most = shared.max(axis=1), shared.argmax(axis=1)
    goes_to = np.where(seen > drawn / 4, some[np.arange(len(some)), most], np.arange(len(some)))
    moved = _moved_in_circles(goes_to)
    if len(moved) < 2 or not _others_are_right(moved, sums["right_by_class"], sums["labels"]):
        return
    elsewhere, sampled = float(seen[moved].sum()), float(drawn[moved].sum())
    own = float(sums["right_by_class"][moved].sum())
    labels = sums["labels"][moved]
    expected = float((drawn[moved] * sums["right_by_class"][moved] / labels).sum())
    p_value = count_p_value(elsewhere, max(expected, sampled / (num_classes - 1)), sampled)
    # Where the scores give one of these classes more than 1/15, it is as often right as they say.
    table = (num_classes, NUM_CALIBRATION_BINS)
    hits, claimed = (
        float(sums[name].reshape(table)[moved, 1:].sum()) for name in ("class_hits", "class_p")
    )
    if elsewhere <= expected or hits >= claimed:
        return
    p_value = max(p_value, count_p_value(hits, claimed, used))
    # The classes, and the column of each, were chosen among K after the labels were seen.
    chosen = math.log(num_classes) * len(moved)
    p_value = corrected(math.exp(min(0.0, math.log(max(p_value, _LEAST)) + chosen)))
    if p_value >= LEVEL:
        return
    listed = ", ".join(f"{diagnosis.named(k)}→{diagnosis.named(goes_to[k])}" for k in moved[:8])
    yield Evidence(
        "permuted_columns",
        "error",
        f"{len(moved)} of {num_classes:,} classes are predicted as one another ({listed}): "
        f"{elsewhere:,.0f} of {sampled:,.0f} of their rows that were drawn; {own:,.0f} of all "
        f"their {labels.sum():,.0f} rows are predicted as their own",
        {"classes": len(moved), "elsewhere": elsewhere, "drawn": sampled, "own": own},
        surprising(diagnosis, np.isin(_labels_of(diagnosis), moved)),
        "the columns of these classes are in another order than the class ids",
        "swap their columns to match the class ids (label → column)",
        says(p_value),
        p_value,
    )


def _moved_in_circles(goes_to: Array) -> Array:
    """Return what goes elsewhere and, by going on, comes back: one to one."""
    moved = np.flatnonzero(goes_to != np.arange(len(goes_to)))
    while True:
        # What nothing goes to is on no circle, nor is what leads out.
        left = moved[np.isin(moved, goes_to[moved]) & np.isin(goes_to[moved], moved)]
        if len(left) == len(moved):
            return moved
        moved = left


def _others_are_right(moved: Array, right: Array, labels: Array) -> bool:
    """Whether other classes are right twice as often as by chance: not of negated scores."""
    rows = float(labels.sum() - labels[moved].sum())
    return bool((right.sum() - right[moved].sum()) * len(labels) >= 2 * rows)


def _labels_of(diagnosis: Diagnosis) -> Array:
    rows = diagnosis.concentration.rows if diagnosis.concentration else None
    return np.empty(0, np.intp) if rows is None else rows["label"]
