"""Claims about the model and its labels, each with a p-value that holds for any number of rows.

The p-values are against scores that mean what they say, and labels drawn from them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from core.diagnosis import figures
from core.diagnosis.advice import advice, may_be_margins
from core.diagnosis.chances import (
    LEVEL,
    NUM_CHECKS,
    corrected,
    count_p_value,
    says,
    share_interval,
)
from core.diagnosis.exclusive import Sums
from core.diagnosis.offset import offsets
from core.diagnosis.order import other_columns
from core.diagnosis.records import (
    COUNTED,
    Bits,
    Calibration,
    Diagnosis,
    Evidence,
    Temperature,
    rows_have,
    surprising,
)
from core.diagnosis.summary import Summary
from core.diagnosis.temperature import dependent, noise_of
from core.words import counted


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
        impossible = _infinite(diagnosis, infinite, is_note=kind == "one-hot")
        yield _follows(impossible, cause) if cause == "label_outside" else impossible
    if kind == "one-hot":
        return
    order = list(other_columns(summary, diagnosis, sums)) if exclusive else []
    found = [*_frequencies(diagnosis, sums)]
    if diagnosis.calibration is not None and diagnosis.calibration.temperature is not None:
        temperature = diagnosis.calibration.temperature
        offset = list(offsets(diagnosis, temperature, sums)) if exclusive else []
        found += offset
        where, do = advice(diagnosis, temperature, sums, has_offset=bool(offset))
        found += _calibration(
            diagnosis, diagnosis.calibration, temperature, sums, where=where, do=do
        )
        found += _label_errors(diagnosis, temperature, sums)
    if diagnosis.bits is not None:
        found += _base_rate(diagnosis, diagnosis.bits)
    if order and (not cause or (cause == "label_outside" and order[0].name == "off_by_one")):
        # Off by one is what puts labels outside.
        cause = order[0].name
    elif cause:
        order = [_follows(evidence, cause) for evidence in order]
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
        means=f"may follow from {cause}, so fix that first; {evidence.means}",
    )


def _infinite(diagnosis: Diagnosis, infinite: float, *, is_note: bool) -> Evidence:
    top = diagnosis.concentration.rows if diagnosis.concentration else None
    return Evidence(
        "impossible_label",
        "note" if is_note else "error",
        f"{rows_have(infinite, diagnosis.num_used)} a label to which the scores give probability 0",
        {"rows": infinite},
        () if top is None else surprising(diagnosis, np.isinf(top["loss"])),
        "their loss is infinite, and so is every mean that includes them; the temperature and the "
        "sums by class leave them out",
        "diagnose scores instead: hard predictions have no finite cross-entropy"
        if is_note
        else "check which classes are masked: the label's logit is −inf, or as low as a mask"
        if diagnosis.scores.reading == "logits"
        else "if the 0 was rounded (a float32 softmax is 0 below e^−104) or all but the top "
        "classes were cut off, export logits or log-probabilities; if scores are shares of votes "
        "(forests, nearest neighbours), smooth them so that no class gets 0",
        COUNTED,
    )


def _calibration(
    diagnosis: Diagnosis,
    found: Calibration,
    t: Temperature,
    sums: Sums,
    *,
    where: str,
    do: str,
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
    yield Evidence(
        "miscalibrated",
        "warning" if matters else "note",
        f"mean confidence {mean_confidence:.4g}, accuracy {diagnosis.accuracy:.4g}, ECE "
        f"{found.ece:.3g}; {where}",
        {
            "confidence": mean_confidence,
            "accuracy": diagnosis.accuracy,
            "ece": found.ece,
            **_temperatures(diagnosis, t),
            "loss": t.loss_before,
            "loss_after": t.loss_after,
        },
        surprising(diagnosis),
        "the model is overconfident on some rows and underconfident on others"
        if t.is_inside and over != (t.value > 1)
        else "the model is overconfident: it is wrong more often than it says"
        if over
        else "the model is underconfident: it is right more often than it says",
        do,
        f"the ECE in these bins is {found.ece_interval[0]:.3g} to {found.ece_interval[1]:.3g} "
        f"(95 % interval); {says(p_value)}",
        p_value,
    )


def _temperatures(diagnosis: Diagnosis, t: Temperature) -> dict[str, float]:
    """Return the temperature that is advised, and that of these rows where it is another."""
    if diagnosis.elsewhere is None:
        return {"temperature": t.value}
    return {"temperature": diagnosis.elsewhere.temperature, "own temperature": t.value}


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
    p_value = float(p_values[chosen[0]])
    # What one of two classes has too much the other one lacks.
    are_two = diagnosis.task == "exclusive" and len(p_values) == 2
    k = 1 if are_two else int(chosen[0])
    which = "the two classes" if are_two else f"{len(chosen)} of {len(p_values)} classes"
    which += " are not as frequent as predicted" + (":" if are_two else ", most clearly")
    seen, expected = float(sums["labels"][k]), float(sums["p"][k])
    low, high = share_interval(seen, rows)
    total = float(np.abs(sums["labels"] - sums["p"]).sum()) / rows / 2
    yield Evidence(
        "class_frequencies",
        "warning" if total > 0.01 else "note",
        f"{which} class {diagnosis.named(k)} with {counted(seen, 'label')}, where "
        f"{expected:,.1f} are predicted",
        {"classes": len(chosen), "class": k, "labels": seen, "predicted": expected, "moved": total},
        (),
        f"{100 * total:.2g} % of the probability goes to the wrong classes: the class mix differs "
        "from training, classes were weighted, or the scores are "
        + ("margins and not logits" if may_be_margins(diagnosis) else "miscalibrated"),
        "add log(share now/share in training) to each logit, or fit a bias per class on other rows",
        f"the share of class {diagnosis.named(k)} is {low:.4g} to {high:.4g} (95 % interval), and "
        f"{expected / rows:.4g} is predicted; {says(p_value)}",
        p_value,
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
            f"with about {100 * noise:g} % random labels, the scores fit better than at any "
            f"temperature (the best is {temperature.value:.3g})"
        )
    if corrected(2 * sure["p_value"]) < LEVEL:
        found |= sure
        low, high = share_interval(
            (sure["wrong"] - sure["expected"]) / together, sure["rows"] / together
        )
        seen.append(
            f"of {counted(sure['rows'], 'row')} with a confidence above 1 − {sure['doubt']:g}, "
            f"{sure['wrong']:,.0f} {'has' if sure['wrong'] == 1 else 'have'} another label; at "
            f"most {sure['expected']:.3g} are expected at that temperature "
            f"({100 * low:.2g} to {100 * high:.2g} % too many, 95 % interval)"
        )
    suspects = diagnosis.concentration.suspects["row"] if diagnosis.concentration else np.empty(0)
    yield Evidence(
        "label_errors",
        "warning",
        "; ".join(seen),
        found,
        tuple(int(i) for i in suspects[:5]),
        "overconfidence does not explain this: labels are wrong, or the model is sure of something "
        "that does not hold",
        "review the labels of the suspect rows, the most surprising first",
        says(p_value),
        p_value,
    )


def _base_rate(diagnosis: Diagnosis, bits: Bits) -> Iterator[Evidence]:
    p_value = corrected(bits.p_value)
    loss = "infinite"
    if math.isfinite(bits.loss):
        loss = f"{counted(bits.loss, 'bit', '.4g')} per row"
    if p_value < LEVEL:
        yield Evidence(
            "worse_than_base_rate",
            "warning",
            f"the loss is {loss}; predicting the class frequencies alone costs "
            f"{counted(bits.base_rate, 'bit', '.4g')}",
            {"loss": bits.loss, "base_rate": bits.base_rate, "saved": bits.saved},
            surprising(diagnosis),
            "the scores are worse than none: the same guess for every row would do better",
            "check that labels and columns match, that the scores are what they are read as, and "
            "the temperature",
            says(p_value),
            p_value,
        )
    elif math.isfinite(bits.loss) and bits.base_rate > 0:
        yield Evidence(
            "bits_saved",
            "note",
            f"the loss is {counted(bits.loss, 'bit', '.4g')} per row, {abs(bits.saved):.4g} "
            f"{'less' if bits.saved >= 0 else 'more'} than the {bits.base_rate:.4g} of predicting "
            "the class frequencies alone",
            {"loss": bits.loss, "base_rate": bits.base_rate, "saved": bits.saved},
            (),
            "bits saved can be compared across data sets and numbers of classes; the loss can't"
            if bits.saved >= 0
            else "these rows are too few to tell whether the scores are worse than none",
            "compare models by the bits that they save",
            COUNTED,
        )
