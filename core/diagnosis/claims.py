"""Claims about the model and its labels, each with a p-value that holds for any number of rows.

The p-values are against scores that mean what they say, and labels drawn from them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from core._checks import Array
from core.diagnosis import figures
from core.diagnosis.chances import count_p_value, share_interval
from core.diagnosis.exclusive import MOST_PAIRED, Sums
from core.diagnosis.records import (
    COUNTED,
    Bits,
    Calibration,
    Diagnosis,
    Evidence,
    Temperature,
    percent,
)
from core.diagnosis.summary import Summary
from core.diagnosis.tally import Fault

# For all checks of a diagnosis together; each has its share of it.
LEVEL = 1e-4
_NUM_CHECKS = 8


def claims(summary: Summary, diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    """Return where labels contradict what the scores say."""
    exclusive = diagnosis.task == "exclusive"
    kind = summary.found_kind() if summary.kind == "auto" else summary.kind
    # Divided by their sum, sigmoids of exclusive classes are not what the model claims.
    loose = exclusive and (
        kind == "one-hot"
        or (kind == "sigmoid" and not summary.one_column)
        or diagnosis.scores.found == "ambiguous"
    )
    infinite = float(np.sum(sums["infinite"]))
    if infinite:
        yield _infinite(diagnosis, infinite, is_note=kind == "one-hot")
    if kind == "one-hot":
        return
    found = [*_frequencies(diagnosis, sums)]
    if diagnosis.calibration is not None:
        found += _calibration(diagnosis, diagnosis.calibration, sums)
        found += _label_errors(diagnosis, diagnosis.calibration.temperature, sums)
    if exclusive:
        found += _permutations(summary, diagnosis, sums)
        if diagnosis.bits is not None:
            found += _base_rate(diagnosis.bits)
    for evidence in found:
        if loose and evidence.severity != "note":
            yield replace(evidence, severity="note")
        else:
            yield evidence


def _infinite(diagnosis: Diagnosis, infinite: float, *, is_note: bool) -> Evidence:
    top = diagnosis.concentration.rows["row"] if diagnosis.concentration else np.empty(0)
    return Evidence(
        "impossible_label",
        "note" if is_note else "error",
        f"{percent(infinite, diagnosis.num_used)} have a label that was given probability 0",
        {"rows": infinite},
        tuple(int(i) for i in top[:5]),
        "their loss is infinite, and so is every mean with them; they are left out of the "
        "temperature and of the sums by class",
        "hard predictions have no cross-entropy: hand in scores"
        if is_note
        else "keep log-probabilities: a softmax in float32 is 0 below e^−104",
        COUNTED,
    )


def _calibration(diagnosis: Diagnosis, found: Calibration, sums: Sums) -> Iterator[Evidence]:
    t = found.temperature
    p_value = _corrected(t.p_value)
    worst = 1.0
    held = np.flatnonzero(found.counts)
    for i in held:
        p = count_p_value(
            float(sums["top_right"][i]), float(sums["top_confidence"][i]), float(found.counts[i])
        )
        worst = min(worst, p * len(held))
    p_value = min(p_value, _corrected(worst))
    if p_value >= LEVEL:
        return
    mean_confidence = float(sums["top_confidence"].sum() / sums["top_counts"].sum())
    over = mean_confidence > diagnosis.accuracy
    matters = found.ece_interval[0] >= 0.01 or t.loss_before - t.loss_after > 0.01 * t.loss_before
    bound = "" if t.is_inside else (" or more" if t.value > 1 else " or less")
    yield Evidence(
        "miscalibrated",
        "warning" if matters else "note",
        f"mean confidence {mean_confidence:.4g}, accuracy {diagnosis.accuracy:.4g}, ECE "
        f"{found.ece:.3g}; the temperature of least loss is {t.value:.3f}{bound}, where the loss "
        f"falls from {t.loss_before:.4g} to {t.loss_after:.4g} nats",
        {
            "confidence": mean_confidence,
            "accuracy": diagnosis.accuracy,
            "ece": found.ece,
            "temperature": t.value,
            "loss": t.loss_before,
            "loss_after": t.loss_after,
        },
        (),
        "the model is more often wrong than it says: overconfident"
        if over
        else "the model is more often right than it says: underconfident",
        f"divide the logits by {t.value:.3f}, fitted on rows that are not used to report",
        f"ECE of these bins between {found.ece_interval[0]:.3g} and {found.ece_interval[1]:.3g} "
        f"(95 %); {_says(p_value)}",
        p_value,
    )


def _frequencies(diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    rows = float(sums["rows"])
    p_values = np.array(
        [
            count_p_value(float(seen), float(expected), rows)
            for seen, expected in zip(sums["labels"], sums["p"], strict=True)
        ]
    )
    p_values = np.minimum(1.0, p_values * len(p_values) * _NUM_CHECKS)
    chosen = np.argsort(p_values, kind="stable")
    chosen = chosen[p_values[chosen] < LEVEL]
    if len(chosen) == 0:
        return
    k = int(chosen[0])
    seen, expected = float(sums["labels"][k]), float(sums["p"][k])
    low, high = share_interval(seen, rows)
    total = float(np.abs(sums["labels"] - sums["p"]).sum()) / rows / 2
    yield Evidence(
        "class_frequencies",
        "warning" if total > 0.01 else "note",
        f"{len(chosen)} of {len(p_values)} classes happen more or less often than predicted, most "
        f"clearly class {k}: {seen:,.0f} labels, {expected:,.1f} predicted",
        {"classes": len(chosen), "class": k, "labels": seen, "predicted": expected, "moved": total},
        (),
        f"{100 * total:.2g} % of the probability is given to the wrong classes: the mix of classes "
        "differs from that of training, or classes were weighted",
        "shift each logit by log(share now/share in training), or fit a bias on held-out rows",
        f"share of class {k} between {low:.4g} and {high:.4g} (95 %), predicted "
        f"{expected / rows:.4g}; {_says(float(p_values[k]))}",
        float(p_values[k]),
    )


def _label_errors(diagnosis: Diagnosis, temperature: Temperature, sums: Sums) -> Iterator[Evidence]:
    num_classes = diagnosis.num_classes if diagnosis.task == "exclusive" else 2
    sure = figures.contradictions_of(sums, num_classes, temperature.value)
    noise_p, noise = figures.noise_of(sums, temperature)
    p_value = _corrected(2 * min(sure["p_value"], noise_p))
    if p_value >= LEVEL:
        return
    seen, found = [], {"p_value": p_value}
    if _corrected(2 * noise_p) < LEVEL:
        found["noise"] = noise
        seen.append(
            f"labels of which about {100 * noise:g} % are any class fit these scores better than "
            f"every temperature does (the best is {temperature.value:.3g})"
        )
    if _corrected(2 * sure["p_value"]) < LEVEL:
        found |= sure
        low, high = share_interval(sure["wrong"] - sure["expected"], sure["rows"])
        seen.append(
            f"of {sure['rows']:,.0f} rows with less than {sure['doubt']:g} of doubt "
            f"{sure['wrong']:,.0f} have another label, {sure['expected']:.3g} at most to be "
            f"expected at that temperature ({100 * low:.2g} to {100 * high:.2g} % too many, 95 %)"
        )
    suspects = diagnosis.concentration.suspects["row"] if diagnosis.concentration else np.empty(0)
    yield Evidence(
        "label_errors",
        "warning",
        "; ".join(seen),
        found,
        tuple(int(i) for i in suspects[:5]),
        "overconfidence does not explain it: labels are wrong, or the model is sure for a reason "
        "that does not hold",
        "read the suspects, the most surprising first",
        _says(p_value),
        p_value,
    )


def _base_rate(bits: Bits) -> Iterator[Evidence]:
    p_value = _corrected(bits.p_value)
    if p_value < LEVEL:
        yield Evidence(
            "worse_than_base_rate",
            "warning",
            f"the scores cost {bits.loss:.4g} bits a row, the class frequencies alone "
            f"{bits.base_rate:.4g}",
            {"loss": bits.loss, "base_rate": bits.base_rate, "saved": bits.saved},
            (),
            "the labels would be cheaper to store without the model",
            "see whether labels and columns match, whether the scores are what they are read as, "
            "and the temperature",
            _says(p_value),
            p_value,
        )
    elif math.isfinite(bits.loss):
        yield Evidence(
            "bits_saved",
            "note",
            f"{bits.saved:.4g} bits a row saved: {bits.loss:.4g} against {bits.base_rate:.4g} of "
            "the class frequencies",
            {"loss": bits.loss, "base_rate": bits.base_rate, "saved": bits.saved},
            (),
            "this compares across data sets and numbers of classes, the loss itself does not",
            "compare models by it",
            COUNTED,
        )


def _permutations(summary: Summary, diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    right = float(sums["right"])
    faults = summary.counts
    for name, step in (("right_if_up", 1), ("right_if_down", -1)):
        shifted = float(sums[name])
        if shifted <= right:
            continue
        # A prediction is the likeliest class, so that it is right no less often than a neighbour.
        p_value = count_p_value(shifted, (shifted + right) / 2, shifted + right)
        p_value = _corrected(2 * p_value)
        if p_value >= LEVEL:
            continue
        unseen = 0 if step == -1 else diagnosis.num_classes - 1
        beyond = faults.get("label_is_num_classes" if step == -1 else "label_is_minus_one", 0)
        also = f", {beyond:,} labels lie one outside" if beyond else ""
        if not sums["labels"][unseen]:
            also += f", and label {unseen} never comes"
        yield Evidence(
            "off_by_one",
            "error",
            f"accuracy is {right / diagnosis.num_used:.3g}, and {shifted / diagnosis.num_used:.3g} "
            f"with {step:+d} added to each label{also}",
            {
                "accuracy": right / diagnosis.num_used,
                "shifted": shifted / diagnosis.num_used,
                "step": step,
                "outside": beyond,
            },
            (),
            "labels and columns count from different numbers",
            f"add {step:+d} to each label",
            _says(p_value),
            p_value,
        )
        return
    outside = summary.faults.get("label_outside", Fault())
    for step, key, unseen in (
        (-1, "label_is_num_classes", 0),
        (1, "label_is_minus_one", diagnosis.num_classes - 1),
    ):
        beyond = faults.get(key, 0)
        if beyond and beyond == outside.count and not sums["labels"][unseen]:
            yield Evidence(
                "off_by_one",
                "error",
                f"label {unseen} never comes, and {beyond:,} labels lie one beyond the other end",
                {"outside": beyond, "step": step},
                tuple(outside.rows),
                "labels seem to count from another number than columns",
                f"add {step:+d} to each label if accuracy rises by it",
                COUNTED,
            )
            return
    if diagnosis.num_classes <= MOST_PAIRED:
        yield from _permuted_columns(diagnosis, sums["pairs"].reshape((diagnosis.num_classes,) * 2))


def _permuted_columns(diagnosis: Diagnosis, pairs: Array) -> Iterator[Evidence]:
    """See whether labels go with other columns than their own, one to one."""
    best = pairs.argmax(axis=1)
    moved = np.flatnonzero((best != np.arange(len(pairs))) & (pairs.sum(axis=1) > 0))
    # Each moved class must have its column to itself, among those that moved.
    if len(moved) < 2 or sorted(best[moved].tolist()) != moved.tolist():
        return
    elsewhere, own = float(pairs[moved, best[moved]].sum()), float(pairs[moved, moved].sum())
    # For each class, the column was chosen among K after the labels were seen.
    p_value = count_p_value(elsewhere, (elsewhere + own) / 2, elsewhere + own)
    p_value = _corrected(min(1.0, p_value * float(len(pairs)) ** len(moved)))
    if p_value >= LEVEL:
        return
    listed = ", ".join(f"{k}→{int(best[k])}" for k in moved[:8])
    yield Evidence(
        "permuted_columns",
        "error",
        f"rows of {len(moved)} classes are predicted as another class, one to one ({listed}): "
        f"{elsewhere:,.0f} times, as their own {own:,.0f} times",
        {"classes": len(moved), "elsewhere": elsewhere, "own": own},
        (),
        "columns of scores are in another order than class ids",
        "order the columns as the labels are encoded (label → column above)",
        _says(p_value),
        p_value,
    )


def _corrected(p_value: float) -> float:
    return min(1.0, _NUM_CHECKS * p_value)


def _says(p_value: float) -> str:
    return f"p ≤ {p_value:.2g}, corrected for {_NUM_CHECKS} checks"
