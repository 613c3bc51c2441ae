"""What the scores are, and whether they go with the labels and the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

from core.diagnosis.chances import LEVEL, corrected, count_p_value, says
from core.diagnosis.exclusive import Sums
from core.diagnosis.records import COUNTED, Diagnosis, Evidence, Scores, Severity, rows_have
from core.diagnosis.summary import Summary
from core.words import counted

_AGREES = {
    "logits": {"logits", "log-probabilities", "ambiguous", "sigmoid"},
    "log-probabilities": {"log-probabilities"},
    "softmax": {"softmax", "one-hot"},
    "sigmoid": {"sigmoid", "softmax", "one-hot", "ambiguous"},
    "one-hot": {"one-hot"},
}
_LOOKS = {
    "logits": "logits",
    "log-probabilities": "log-probabilities: logsumexp is 0 in every row",
    "softmax": "softmax output: nothing negative, rows sum to 1",
    "sigmoid": "sigmoid output: inside [0, 1], but rows do not sum to 1",
    "one-hot": "hard predictions: a single 1 per row, and zeros",
    "ambiguous": "logits or probabilities: all lie in [0, 1]",
}


def kind_of_scores(summary: Summary, diagnosis: Diagnosis) -> Iterator[Evidence]:
    """Return what the scores are, and whether that was declared."""
    scores = diagnosis.scores
    rows = summary.counts.get("scored", 0)
    if rows == 0:
        return
    figures_seen = {**scores.shares, **{f"otherwise {k}": v for k, v in scores.otherwise.items()}}
    looks = _LOOKS[scores.found]
    if summary.one_column and scores.found == "sigmoid":
        looks = "sigmoid output: inside [0, 1]"
    if scores.found == "ambiguous" and summary.is_shifted():
        looks += (
            f", and {rows_have(summary.counts['single_zeros'], rows)} a single score of exactly 0, "
            "like logits that were shifted or scaled to begin there"
        )
    shift = ""
    if scores.otherwise and diagnosis.calibration is not None:
        other = "logits" if scores.reading == "probabilities" else "probabilities"
        shift = (
            f". Read as {other}, the loss would be {_nats(scores.otherwise['loss'])}, not "
            f"{_nats(diagnosis.calibration.nll)}, and the ECE {scores.otherwise['ece']:.3g}, not "
            f"{diagnosis.calibration.ece:.3g}"
        )
    declared = scores.declared
    if declared != "auto" and scores.found not in _AGREES[declared]:
        severity: Severity = "warning" if scores.found == "ambiguous" else "error"
        yield Evidence(
            "scores_contradict",
            severity,
            f"the scores were declared {declared} but look like {looks}{shift}",
            figures_seen,
            _contradicting(summary, declared),
            "every figure reads them as declared, and is wrong if they are not",
            "find out which of the two they are, and declare it"
            if scores.found == "ambiguous"
            else f"declare them {scores.found}, or find the step that changed them",
            f"counted over {counted(rows, 'row')}",
        )
    else:
        yield Evidence(
            "scores",
            "note",
            f"the scores {'may be' if scores.found == 'ambiguous' else 'look like'} {looks}{shift}",
            figures_seen,
            (),
            _about(scores, one_column=bool(summary.one_column)),
            "if this is wrong, declare what the scores are",
            f"counted over {counted(rows, 'row')}",
        )
    rounded = scores.shares["sum to 1"] - scores.shares["sum to 1 as exactly as the dtype can"]
    if scores.found == "softmax" and rounded > 0.01:
        yield Evidence(
            "rounded_probabilities",
            "note",
            f"{100 * rounded:.3g} % of the rows sum to 1 only to a few decimals",
            {"share": rounded},
            (),
            "probabilities were written with few digits, which makes small ones very inaccurate",
            "export logits, or probabilities with all their digits",
            COUNTED,
        )


def _about(scores: Scores, *, one_column: bool) -> str:
    """Return what to know of scores of this kind."""
    if scores.found == "one-hot":
        return "hard predictions don't say how sure the model is"
    if scores.found == "ambiguous":
        return (
            "the labels are far likelier if these are logits, so they are read as logits"
            if scores.reading == "logits"
            else "the labels do not clearly speak for logits, so these are read as probabilities"
        )
    if scores.reading == "probabilities" and (one_column or scores.found == "sigmoid"):
        return (
            "a probability gives its logit, log(p/(1 − p)), except for what rounding loses near 0 "
            "and 1"
        )
    if scores.reading == "probabilities":
        return (
            "probabilities give logits only up to a constant per row: the textbook formula depends "
            "on it, the loss and the temperature do not"
        )
    if scores.found == "log-probabilities":
        return (
            "log-softmax leaves log-probabilities unchanged, so a loss that applies softmax may "
            "take them as they are; one that applies sigmoid may not"
        )
    return "logits are what a loss should get: nothing has been rounded away yet"


def _nats(loss: float) -> str:
    return counted(loss, "nat", ".4g") if math.isfinite(loss) else "infinite"


def _contradicting(summary: Summary, declared: str) -> tuple[int, ...]:
    """Return rows that are not what was declared."""
    names = {"softmax": ("outside", "no_distribution"), "one-hot": ("outside", "no_distribution")}
    rows: list[int] = []
    for name in names.get(declared, ("outside",) if declared == "sigmoid" else ()):
        rows += summary.faults[name].rows if name in summary.faults else []
    return tuple(sorted(rows)[:5])


_WANTS = {
    "softmax + categorical": "logits",
    "sigmoid + binary": "logits",
    "categorical": "probabilities",
    "binary": "probabilities",
}


def pairings(summary: Summary, diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    """Return whether scores, labels and loss go together."""
    yield from _declared_loss(summary, diagnosis)
    kind = diagnosis.scores.found if diagnosis.scores.declared == "auto" else summary.kind
    losses = {pairing.loss: pairing.nats for pairing in diagnosis.pairings}
    softmax_alone = summary.loss is None and kind == "softmax" and not summary.one_column
    if softmax_alone and diagnosis.task == "exclusive":
        floor = diagnosis.floors["softmax of probabilities"]
        yield Evidence(
            "softmax_output",
            "note",
            f"the loss of these probabilities is {_nats(losses['categorical'])}; a loss that "
            f"applies softmax to them gives {_nats(losses['softmax + categorical'])}, and never "
            f"less than {floor:.4g}",
            {**losses, "floor": floor},
            (),
            "softmax applied twice flattens the output, and training stalls at that floor",
            "pass logits to such a loss (PyTorch CrossEntropyLoss, Keras from_logits=True); "
            "log-probabilities do no harm there either",
            COUNTED,
        )
    if summary.loss is None and kind == "softmax" and diagnosis.task == "multi-label":
        yield from _softmax_for_several(summary, diagnosis, sums)
    if kind == "sigmoid" and diagnosis.task == "exclusive" and not summary.one_column:
        yield Evidence(
            "one_vs_rest",
            "note",
            "each class has its own sigmoid, and each row one label",
            losses,
            (),
            "one-vs-rest is legitimate; its probabilities do not sum to 1, and were divided by "
            "their sum for the figures",
            "if the classes exclude each other, consider softmax + categorical cross-entropy",
            COUNTED,
        )
    soft_floor = diagnosis.floors.get("soft labels")
    if soft_floor is not None and "soft_loss" in sums:
        loss = float(sums["soft_loss"]) / float(sums["rows"])
        share = summary.label_smoothing()
        smoothed = f", smoothed by {share:.4g} over all classes" if share else ""
        yield Evidence(
            "soft_label_floor",
            "note",
            f"labels are soft{smoothed}: {soft_floor:.4g} of {_nats(loss)} are their own entropy",
            {"loss": loss, "floor": soft_floor, "divergence": loss - soft_floor},
            (),
            "cross-entropy is entropy plus divergence, and a model can lower only the divergence",
            f"judge the model by its divergence, {_nats(loss - soft_floor)}",
            COUNTED,
        )


def _softmax_for_several(summary: Summary, diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    rows, num_classes = float(sums["rows"]), diagnosis.num_classes
    each = float(sums["labels"].sum()) / rows
    # A row's labels may depend on each other: only their mean over the classes is held against 1/K.
    p_value = corrected(count_p_value(each * rows / num_classes, rows / num_classes, rows))
    if each <= 1 or p_value >= LEVEL:
        return
    losses = {pairing.loss: pairing.nats for pairing in diagnosis.pairings}
    yield Evidence(
        "softmax_for_several",
        "warning",
        f"each row's scores sum to 1, but rows have {counted(each, 'label', '.3g')} on average: "
        f"the loss is {_nats(losses['binary'])} as yes-no questions, "
        f"{losses['softmax + categorical']:.4g} as classes that compete",
        {**losses, "labels": each},
        _several_rows(summary),
        "under a softmax classes compete: where two labels apply, one above 1/2 leaves the other "
        "below it",
        "give each class its own sigmoid, and train with sigmoid + binary cross-entropy",
        says(p_value),
        p_value,
    )


def _several_rows(summary: Summary) -> tuple[int, ...]:
    fault = summary.faults.get("several_labels")
    return () if fault is None else tuple(fault.rows)


def _declared_loss(summary: Summary, diagnosis: Diagnosis) -> Iterator[Evidence]:
    if summary.loss is None:
        return
    chosen = next((p for p in diagnosis.pairings if p.loss == summary.loss), None)
    best = diagnosis.pairings[0]
    several = diagnosis.task == "multi-label"
    is_probability = diagnosis.scores.reading == "probabilities"
    wants_probability = _WANTS[summary.loss] == "probabilities"
    is_categorical = summary.loss.endswith("categorical")
    severity: Severity = "error"
    if several and is_categorical:
        means = "this loss makes classes compete: a row with two labels costs at least 2 ln 2 nats"
    elif summary.loss == "sigmoid + binary" and _is_log_probability(summary):
        means = (
            "σ(log p) = p/(1 + p) is never above 1/2: a softmax's log-probabilities are not the "
            "logits of separate questions"
        )
    elif is_probability and not wants_probability:
        means = (
            "an activation is applied twice, which flattens the scores and shrinks the gradients"
        )
        if is_categorical:
            floor = diagnosis.floors["softmax of probabilities"]
            means += f"; the loss cannot fall below {_nats(floor)}"
    elif not is_probability and wants_probability:
        means = "the loss takes the logarithm of logits: the result is NaN or meaningless"
    elif not several and not is_categorical and not summary.one_column:
        severity = "note"
        means = "one-vs-rest is legitimate; each class has more negatives than positives"
        if is_probability and summary.found_kind() == "softmax":
            severity = "warning"
            means = (
                "binary cross-entropy of softmax output and one-hot labels counts each miss twice"
            )
    else:
        return
    rows = _several_rows(summary) if several and is_categorical else ()
    value = math.nan if chosen is None else chosen.nats
    if diagnosis.scores.found == "ambiguous" and summary.kind == "auto":
        severity = "note"
    written = "is undefined" if math.isnan(value) else f"is {_nats(value)}"
    yield Evidence(
        "wrong_pairing" if severity != "note" else "one_vs_rest",
        severity,
        f"with {diagnosis.scores.reading} and {diagnosis.labels} labels, the declared loss "
        f"({summary.loss}) {written}; {best.loss} is {_nats(best.nats)}",
        {"declared": value, "fitting": best.nats},
        rows,
        means,
        f"use {best.loss} cross-entropy",
        COUNTED,
    )


def _is_log_probability(summary: Summary) -> bool:
    kind = summary.found_kind() if summary.kind == "auto" else summary.kind
    return kind == "log-probabilities"
