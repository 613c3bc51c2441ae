"""All evidence of a diagnosis: faults, pairings, claims, and figures worth a note."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from core.diagnosis.chances import LEVEL, corrected, count_p_value, says
from core.diagnosis.claims import claims
from core.diagnosis.exclusive import Sums
from core.diagnosis.faults import faults
from core.diagnosis.pairing import kind_of_scores, pairings
from core.diagnosis.per_row import MOST_PAIRED
from core.diagnosis.records import COUNTED, Diagnosis, Evidence, Precision, Severity
from core.diagnosis.summary import Summary
from core.diagnosis.tally import Fault
from core.words import counted

_ABOUT_FLOORS = {
    "softmax of probabilities": "check whether an activation is applied twice",
    "equal scores": "check whether the scores depend on the input at all",
    "class frequencies": "check whether the model knows more than how frequent each class is",
    "label frequencies": "check whether the model knows more than how frequent each label is",
    "label smoothing": "judge the model by how far its loss is above this floor",
}
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}
# So many labels outside, and the others may be numbered otherwise than columns too.
_MANY = 0.01
# Scores that are not what they are read as.
_OTHER_SCORES = ("scores_contradict", "mixed_scores", "percentages", "class_ids")


def collect(summary: Summary, diagnosis: Diagnosis) -> tuple[Evidence, ...]:
    """Return all evidence, the most severe first."""
    found = [*faults(summary, diagnosis), *kind_of_scores(summary, diagnosis)]
    tally = summary.tallies.get(summary.reading())
    if tally is not None and tally.sums and diagnosis.num_used:
        sums = tally.sums
        found += [*pairings(summary, diagnosis, sums), *_figures(summary, diagnosis, sums)]
        soft = summary.counts.get("soft", 0) + summary.counts.get("soft_several", 0)
        if not soft:
            cause = next((e.name for e in found if e.name in _OTHER_SCORES), "")
            outside = summary.faults.get("label_outside", Fault()).count
            if not cause and outside > _MANY * summary.num_rows:
                cause = "label_outside"
            found += claims(summary, diagnosis, sums, cause)
    return tuple(sorted(found, key=lambda evidence: _ORDER[evidence.severity]))


def _figures(summary: Summary, diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    rows = diagnosis.num_used
    found = diagnosis.concentration
    if found is not None and rows >= 10 and found.half_share:
        low, high = found.half_bounds
        yield Evidence(
            "concentration",
            "note",
            f"{100 * found.half_share:.3g} % of the rows carry half of the loss",
            {"share": found.half_share, "low": low, "high": high},
            tuple(int(i) for i in found.rows["row"][:5]),
            "a few rows decide the mean loss, which says little about the others"
            if found.half_share < 0.05
            else "the loss is spread over many rows",
            "read the most surprising rows",
            f"guaranteed: {_range(100 * low, 100 * high)} %",
        )
        if len(found.pairs):
            label, predicted, count, surprise = found.pairs[0].tolist()
            shown = (found.rows["label"] == label) & (found.rows["predicted"] == predicted)
            among = (
                f" of the {len(found.rows):,} most surprising"
                if diagnosis.num_classes > MOST_PAIRED
                else ""
            )
            costs = (
                f"{counted(surprise, 'bit', '.3g')} each on average"
                if math.isfinite(surprise)
                else "at an infinite loss"
            )
            yield Evidence(
                "confused_pair",
                "note",
                f"the costliest confusion: {counted(count, 'row')}{among} of class "
                f"{diagnosis.named(label)} predicted as class {diagnosis.named(predicted)}, "
                f"{costs}",
                {"label": label, "predicted": predicted, "rows": count, "bits": surprise},
                tuple(int(i) for i in found.rows["row"][shown][:5]),
                "no other pair of label and prediction adds as much to the loss",
                "compare rows of both classes",
                COUNTED,
            )
    yield from _swamped(summary, diagnosis)
    precision = diagnosis.precision or diagnosis.answer_precision
    if precision is not None:
        yield from _precision(precision, diagnosis.task)
    loss = float(np.sum(sums["loss"])) / rows
    for name, floor in diagnosis.floors.items():
        if name != "soft labels" and floor > 0 and abs(loss - floor) < 0.003 * floor:
            yield Evidence(
                "near_floor",
                "note",
                f"the loss, {counted(loss, 'nat', '.4g')}, is within 0.3 % of a known floor: "
                f"{name}, {floor:.4g}",
                {"loss": loss, "floor": floor},
                (),
                "this may be chance; if training has stalled here, that floor may be why",
                _ABOUT_FLOORS[name],
                COUNTED,
            )


def _swamped(summary: Summary, diagnosis: Diagnosis) -> Iterator[Evidence]:
    budget = diagnosis.budget
    if budget is None:
        return
    counts = diagnosis.concentration.class_labels if diagnosis.concentration else np.empty(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = budget.sigmoid_negative / budget.sigmoid_positive
    # Logits trained under a softmax make no balanced sigmoids: there, only what is rare tells.
    has_sigmoid = diagnosis.task == "multi-label" or diagnosis.scores.found == "sigmoid"
    has_sigmoid |= summary.loss is not None and summary.loss.endswith("binary")
    most = diagnosis.num_used * (1.0 if has_sigmoid else 0.02)
    rare = np.flatnonzero((counts >= 1) & (counts <= most) & np.isfinite(ratio) & (ratio > 10))
    # The pulls differ by how many more positives the sigmoids expect than there are.
    expected = counts + budget.sigmoid_negative - budget.sigmoid_positive
    p_values = {
        int(k): corrected(
            len(counts)
            * count_p_value(float(counts[k]), float(expected[k]), float(diagnosis.num_used))
        )
        for k in rare
    }
    sure = [k for k, p_value in p_values.items() if p_value < LEVEL]
    if not sure:
        return
    k = max(sure, key=lambda k: float(ratio[k]))
    with np.errstate(divide="ignore", invalid="ignore"):
        softmax = budget.softmax_negative[k] / budget.softmax_positive[k]
    beside = f" (under softmax, {_times(softmax)} times)" if np.isfinite(softmax) else ""
    yield Evidence(
        "swamped_positives",
        "note",
        f"class {diagnosis.named(k)}: under sigmoid + binary cross-entropy, the negatives pull its "
        f"logit down {_times(ratio[k])} times as hard as its {counts[k]:,.0f} "
        f"positive{' pulls' if counts[k] == 1 else 's pull'} it up{beside}",
        {"class": k, "sigmoid": float(ratio[k]), "softmax": float(softmax)},
        _rows_of(diagnosis, k),
        "a fitted bias makes both pulls equal; here many easy negatives drown out rare positives",
        "use pos_weight, focal loss or resampling; if the classes are exclusive, use softmax",
        f"these sigmoids predict {expected[k]:,.1f} positives; {says(p_values[k])}",
        p_values[k],
    )


def _range(low: float, high: float) -> str:
    """Return both ends, or one number where they look the same."""
    ends = dict.fromkeys((f"{low:.4g}", f"{high:.4g}"))
    return " to ".join(ends)


def _times(ratio: float) -> str:
    """Return a ratio in three digits, without an exponent up to a million."""
    return f"{float(f'{ratio:.3g}'):,.0f}" if 1000 <= ratio < 1e6 else f"{ratio:.3g}"


def _rows_of(diagnosis: Diagnosis, label: int) -> tuple[int, ...]:
    """Return the most surprising rows of a class."""
    if diagnosis.concentration is None:
        return ()
    rows = diagnosis.concentration.rows
    return tuple(int(i) for i in rows["row"][rows["label"] == label][:5])


def _precision(precision: Precision, task: str) -> Iterator[Evidence]:
    fails = [
        sum(parts)
        for parts in zip(precision.overflow, precision.vanish, precision.zero, strict=True)
    ]
    if not any(fails) and not any(precision.usual_off):
        return
    half, single, double = (100 * share for share in fails)
    written, usual, what = "−log(e^z/Σe^z)", "m + log Σe^(z−m) − z", "rows"
    if task == "multi-label":
        written, usual = "−log σ, with σ = 1/(1+e^−x),", "max(x, 0) − xt + log(1+e^−|x|)"
        what = "answers"
    yield Evidence(
        "precision",
        "note",
        f"the textbook formula {written} gives inf, NaN or 0 on {half:.3g} % of the {what} in "
        f"float16, {single:.3g} % in float32 and {double:.3g} % in float64; the usual {usual} is "
        f"off by more than 1 % on {100 * precision.usual_off[0]:.3g} % in float32",
        {
            "float16": fails[0],
            "float32": fails[1],
            "float64": fails[2],
            "usual_float32": precision.usual_off[0],
            "usual_float64": precision.usual_off[1],
        },
        (),
        f"these {what} get no gradient, or a meaningless one",
        "compute the loss from logits, as core.losses does: it loses none of them",
        f"a count; {what} within rounding of a limit may fall on either side",
    )
