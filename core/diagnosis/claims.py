"""Claims about the model and its labels, each with a p-value that holds for any number of rows.

The p-values are against scores that mean what they say, and labels drawn from them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from core.diagnosis import figures
from core.diagnosis.chances import (
    LEVEL,
    NUM_CHECKS,
    corrected,
    count_p_value,
    says,
    share_interval,
)
from core.diagnosis.exclusive import Sums
from core.diagnosis.order import other_columns
from core.diagnosis.records import (
    COUNTED,
    Bits,
    Calibration,
    Diagnosis,
    Evidence,
    Temperature,
    percent,
    surprising,
)
from core.diagnosis.summary import Summary
from core.diagnosis.temperature import dependent, noise_of

# What changes by less is rounding.
_SLACK = 1e-6


def claims(
    summary: Summary, diagnosis: Diagnosis, sums: Sums, cause: str = ""
) -> Iterator[Evidence]:
    """Return where labels contradict what the scores say; `cause` is what may be behind it."""
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
    order = list(other_columns(summary, diagnosis, sums)) if exclusive else []
    found = [*_frequencies(diagnosis, sums)]
    if diagnosis.calibration is not None and diagnosis.calibration.temperature is not None:
        temperature = diagnosis.calibration.temperature
        found += _calibration(diagnosis, diagnosis.calibration, temperature, sums)
        found += _label_errors(diagnosis, temperature, sums)
    if diagnosis.bits is not None:
        found += _base_rate(diagnosis, diagnosis.bits)
    if cause:
        order = [_follows(evidence, cause) for evidence in order]
    elif order:
        cause = order[0].name
    if infinite and not cause:
        # Where a 0 was written for a class, no temperature makes it likelier.
        found = [
            _follows(evidence, "impossible_label")
            if evidence.name == "label_errors"
            and evidence.figures.get("wrong", math.inf) <= infinite
            and "noise" not in evidence.figures
            else evidence
            for evidence in found
        ]
    if cause:
        # Of scores that are something else, or go with other labels, nothing more is known.
        found = [_follows(evidence, cause) for evidence in found]
    for evidence in (*order, *found):
        if loose and evidence.severity != "note":
            yield replace(evidence, severity="note")
        else:
            yield evidence


def _follows(evidence: Evidence, cause: str) -> Evidence:
    if evidence.severity == "note":
        return evidence
    return replace(
        evidence,
        severity="note",
        means=f"may follow from {cause}: mend that first; {evidence.means}",
    )


def _infinite(diagnosis: Diagnosis, infinite: float, *, is_note: bool) -> Evidence:
    top = diagnosis.concentration.rows if diagnosis.concentration else None
    return Evidence(
        "impossible_label",
        "note" if is_note else "error",
        f"{percent(infinite, diagnosis.num_used)} have a label that was given probability 0",
        {"rows": infinite},
        () if top is None else surprising(diagnosis, np.isinf(top["loss"])),
        "their loss is infinite, and so is every mean with them; they are left out of the "
        "temperature and of the sums by class",
        "hard predictions have no cross-entropy: hand in scores"
        if is_note
        else "hand in logits or log-probabilities if the 0 was rounded (a softmax in float32 is 0 "
        "below e^−104) or cut off with all but the top classes; shares of votes, as of forests and "
        "neighbours, need a smoothing that leaves no class 0",
        COUNTED,
    )


def _calibration(
    diagnosis: Diagnosis, found: Calibration, t: Temperature, sums: Sums
) -> Iterator[Evidence]:
    p_value = corrected(t.p_value)
    worst = 1.0
    held = np.flatnonzero(found.counts)
    together = dependent(diagnosis.task, diagnosis.num_classes)
    for i in held:
        p = count_p_value(
            float(sums["top_right"][i]) / together,
            float(sums["top_confidence"][i]) / together,
            float(found.counts[i]) / together,
        )
        worst = min(worst, p * len(held))
    p_value = min(p_value, corrected(worst))
    if p_value >= LEVEL:
        return
    mean_confidence = float(sums["top_confidence"].sum() / sums["top_counts"].sum())
    over = mean_confidence > diagnosis.accuracy
    matters = found.ece_interval[0] >= 0.01 or t.loss_before - t.loss_after > 0.01 * t.loss_before
    where, do = _advice(diagnosis, t, sums)
    yield Evidence(
        "miscalibrated",
        "warning" if matters else "note",
        f"mean confidence {mean_confidence:.4g}, accuracy {diagnosis.accuracy:.4g}, ECE "
        f"{found.ece:.3g}; {where}",
        {
            "confidence": mean_confidence,
            "accuracy": diagnosis.accuracy,
            "ece": found.ece,
            "temperature": t.value,
            "loss": t.loss_before,
            "loss_after": t.loss_after,
        },
        surprising(diagnosis),
        "the model is more often wrong than it says: overconfident"
        if over
        else "the model is more often right than it says: underconfident",
        do,
        f"ECE of these bins between {found.ece_interval[0]:.3g} and {found.ece_interval[1]:.3g} "
        f"(95 %); {says(p_value)}",
        p_value,
    )


def _advice(diagnosis: Diagnosis, t: Temperature, sums: Sums) -> tuple[str, str]:
    """Return what a temperature does to the loss, and what to do about it."""
    of_which = " of the rows where it is finite" if np.sum(sums["infinite"]) else ""
    falls = f"the loss{of_which} falls from {t.loss_before:.4g} to {t.loss_after:.4g} nats"
    is_probability = diagnosis.scores.reading == "probabilities"
    if t.is_inside:
        do = f"{apply_temperature(diagnosis, t.value)}, fitted on rows that are not used to report"
        if _may_be_margins(diagnosis) and t.value < 1:
            do += (
                "; margins, as of an SVM's decision_function, are no logits and need a bias too: "
                "Platt scaling (scikit-learn: CalibratedClassifierCV)"
            )
        return f"the temperature of least loss is {t.value:.3f}, where {falls}", do
    if t.loss_before - t.loss_after <= _SLACK:
        return (
            "no temperature from 1/8 to 8 changes the loss",
            "hand in scores that are not rounded to certainty: none can be mended afterwards",
        )
    if t.value < 1:
        if diagnosis.accuracy == 1:
            return (
                f"every prediction is right, so that the loss falls with the temperature, to "
                f"{t.loss_after:.4g} nats at 1/8",
                "see whether the model was trained on these rows; fit a temperature on others",
            )
        if is_probability:
            return (
                f"the temperature of least loss is below 1/8, where {falls}",
                "see whether these are the probabilities of the model: so even ones that are so "
                "often right are likelier to be scores of another kind, brought to a sum of 1",
            )
        return (
            f"the temperature of least loss is below 1/8, where {falls}",
            "see whether these are logits: they differ by so little that cosines, probabilities or "
            "logits divided by something are likelier",
        )
    if _knows_labels(diagnosis, t, sums):
        if is_probability:
            return (
                f"the temperature of least loss is above 8, where {falls}",
                "fit a calibration on other rows, an isotonic one say: naive Bayes on features "
                "that depend on each other, for one, is as sure as this",
            )
        return (
            f"the temperature of least loss is above 8, where {falls}",
            "see whether these are logits: they are on a larger scale, as scores of another kind "
            "or multiplied by something are; or fit a larger temperature on other rows",
        )
    return (
        f"the temperature of least loss is above 8, where {falls} and all classes come out alike",
        "no temperature mends it: the scores say next to nothing of these labels; see whether "
        "rows, labels and columns belong together",
    )


def apply_temperature(diagnosis: Diagnosis, temperature: float) -> str:
    """Return how the scores that were diagnosed are brought to a temperature, in words."""
    if diagnosis.scores.reading == "logits":
        return f"divide the logits by {temperature:.3f}"
    one_by_one = diagnosis.task == "multi-label" or diagnosis.num_classes == 2
    return (
        f"raise {'p and 1 − p' if one_by_one else 'the probabilities'} to the power "
        f"1/{temperature:.3f} and divide by their sum (or divide the logits by {temperature:.3f})"
    )


def _may_be_margins(diagnosis: Diagnosis) -> bool:
    """Whether scores may be distances from a boundary: of any sign, and not called logits."""
    scores = diagnosis.scores
    return scores.found == "logits" and scores.declared == "auto"


def _knows_labels(diagnosis: Diagnosis, t: Temperature, sums: Sums) -> bool:
    """Whether predictions are right more often than if they knew nothing of the labels."""
    if diagnosis.task != "exclusive":
        return diagnosis.bits is not None and t.loss_after < math.log(2) * diagnosis.bits.base_rate
    used, right = float(diagnosis.num_used), float(sums["right"])
    by_chance = float(np.dot(sums["labels"] / used, sums["predicted"]))
    return right > by_chance and corrected(count_p_value(right, by_chance, used)) < LEVEL


def _frequencies(diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    rows = float(sums["rows"])
    p_values = np.array(
        [
            count_p_value(float(seen), float(expected), rows)
            for seen, expected in zip(sums["labels"], sums["p"], strict=True)
        ]
    )
    p_values = np.minimum(1.0, p_values * len(p_values) * NUM_CHECKS)
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
        f"clearly class {diagnosis.named(k)}: {seen:,.0f} labels, {expected:,.1f} predicted",
        {"classes": len(chosen), "class": k, "labels": seen, "predicted": expected, "moved": total},
        (),
        f"{100 * total:.2g} % of the probability is given to the wrong classes: the mix of classes "
        "differs from that of training, classes were weighted, or "
        + (
            "the scores are margins and no logits"
            if _may_be_margins(diagnosis)
            else "confidence is wrong in one direction"
        ),
        "shift each logit by log(share now/share in training), or fit a bias on held-out rows",
        f"share of class {diagnosis.named(k)} between {low:.4g} and {high:.4g} (95 %), predicted "
        f"{expected / rows:.4g}; {says(float(p_values[k]))}",
        float(p_values[k]),
    )


def _label_errors(diagnosis: Diagnosis, temperature: Temperature, sums: Sums) -> Iterator[Evidence]:
    num_classes = diagnosis.num_classes if diagnosis.task == "exclusive" else 2
    together = dependent(diagnosis.task, diagnosis.num_classes)
    sure = figures.contradictions_of(sums, num_classes, temperature, together)
    noise_p, noise = noise_of(sums, temperature)
    p_value = corrected(2 * min(sure["p_value"], noise_p))
    if p_value >= LEVEL:
        return
    seen, found = [], {"p_value": p_value}
    if corrected(2 * noise_p) < LEVEL:
        found["noise"] = noise
        seen.append(
            f"labels of which about {100 * noise:g} % are any class fit these scores better than "
            f"every temperature does (the best is {temperature.value:.3g})"
        )
    if corrected(2 * sure["p_value"]) < LEVEL:
        found |= sure
        low, high = share_interval(
            (sure["wrong"] - sure["expected"]) / together, sure["rows"] / together
        )
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
        says(p_value),
        p_value,
    )


def _base_rate(diagnosis: Diagnosis, bits: Bits) -> Iterator[Evidence]:
    p_value = corrected(bits.p_value)
    if p_value < LEVEL:
        yield Evidence(
            "worse_than_base_rate",
            "warning",
            f"the scores cost {bits.loss:.4g} bits a row, the class frequencies alone "
            f"{bits.base_rate:.4g}",
            {"loss": bits.loss, "base_rate": bits.base_rate, "saved": bits.saved},
            surprising(diagnosis),
            "the labels would be cheaper to store without the model",
            "see whether labels and columns match, whether the scores are what they are read as, "
            "and the temperature",
            says(p_value),
            p_value,
        )
    elif math.isfinite(bits.loss) and bits.base_rate > 0:
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
