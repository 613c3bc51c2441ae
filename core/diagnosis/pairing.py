"""What the scores are, and whether they go with the labels and the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

from core.diagnosis.chances import LEVEL, corrected, count_p_value, says
from core.diagnosis.exclusive import Sums
from core.diagnosis.records import COUNTED, Diagnosis, Evidence, Severity
from core.diagnosis.summary import Summary

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
    "softmax": "softmax output: not negative, rows sum to 1",
    "sigmoid": "sigmoid output: inside [0, 1], rows do not sum to 1",
    "one-hot": "hard one-hot predictions: a 1 and zeros",
    "ambiguous": "logits or probabilities, which they do not tell: all inside [0, 1]",
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
    shift = ""
    if scores.otherwise and diagnosis.calibration is not None:
        other = "logits" if scores.reading == "probabilities" else "probabilities"
        shift = (
            f"; read as {other} the loss would be {scores.otherwise['loss']:.4g} nats, not "
            f"{diagnosis.calibration.nll:.4g}, and ECE {scores.otherwise['ece']:.3g}, not "
            f"{diagnosis.calibration.ece:.3g}"
        )
    declared = scores.declared
    if declared != "auto" and scores.found not in _AGREES[declared]:
        severity: Severity = "warning" if scores.found == "ambiguous" else "error"
        yield Evidence(
            "scores_contradict",
            severity,
            f"scores were declared {declared} and look like {looks}{shift}",
            figures_seen,
            _contradicting(summary, declared),
            "every figure below reads them as declared, and would change",
            f"declare them {scores.found}, or find out which step changed them",
            f"counted over {rows:,} rows",
        )
    else:
        yield Evidence(
            "scores",
            "note",
            f"scores look like {looks}{shift}",
            figures_seen,
            (),
            "a probability gives its logit, log(p/(1 − p)), but for what is rounded away near "
            "0 and 1"
            if summary.one_column and scores.reading == "probabilities"
            else "probabilities give logits only up to a shift of each row: the loss and the "
            "temperature do not depend on it, the textbook formula does"
            if scores.reading == "probabilities"
            else "log-softmax of log-probabilities changes nothing: a loss that applies softmax "
            "takes them as they are, one that applies sigmoid does not"
            if scores.found == "log-probabilities"
            else "logits are what a loss should get: nothing is rounded away yet",
            "declare the kind of the scores if this is wrong",
            f"counted over {rows:,} rows",
        )
    rounded = scores.shares["sum to 1"] - scores.shares["sum to 1 as exactly as the dtype can"]
    if scores.found == "softmax" and rounded > 0.01:
        yield Evidence(
            "rounded_probabilities",
            "note",
            f"{100 * rounded:.3g} % of the rows sum to 1 only within what few decimals keep",
            {"share": rounded},
            (),
            "probabilities were written with few digits; small ones are then wrong by much",
            "write logits, or probabilities with all their digits",
            COUNTED,
        )


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
            f"as they are, the scores cost {losses['categorical']:.4g} nats; handed to a loss "
            f"that applies softmax {losses['softmax + categorical']:.4g}, never below {floor:.4g}",
            {**losses, "floor": floor},
            (),
            "softmax applied twice flattens the output, and training stalls on that floor",
            "hand logits to such a loss (PyTorch CrossEntropyLoss, Keras from_logits=True); "
            "log-probabilities do no harm there",
            COUNTED,
        )
    if summary.loss is None and kind == "softmax" and diagnosis.task == "multi-label":
        yield from _softmax_for_several(summary, diagnosis, sums)
    if kind == "sigmoid" and diagnosis.task == "exclusive" and not summary.one_column:
        yield Evidence(
            "one_vs_rest",
            "note",
            "scores of a sigmoid for each class, and one label a row",
            losses,
            (),
            "one-vs-rest is legitimate: probabilities do not sum to 1 and were divided by their "
            "sum to be compared",
            "softmax + categorical cross-entropy if the classes exclude each other",
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
            f"labels are soft{smoothed}: of {loss:.4g} nats {soft_floor:.4g} are their own entropy",
            {"loss": loss, "floor": soft_floor, "divergence": loss - soft_floor},
            (),
            "cross-entropy is entropy plus divergence: only the rest can be learned",
            "judge the model by the divergence",
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
        f"scores sum to 1 in a row, and rows have {each:.3g} labels on average: "
        f"{losses['binary']:.4g} nats as yes-no answers, {losses['softmax + categorical']:.4g} "
        "with classes that compete",
        {**losses, "labels": each},
        _several_rows(summary),
        "classes of a softmax compete: of two labels that hold neither can be given more than "
        "1/2 without taking it from the other",
        "a sigmoid for each class, and sigmoid + binary cross-entropy",
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
        means = "classes compete under it: a row with two labels can never cost less than 2 ln 2"
    elif summary.loss == "sigmoid + binary" and _is_log_probability(summary):
        means = (
            "σ(log p) = p/(1 + p) is never above 1/2: log-probabilities of a softmax are no logits "
            "of separate questions"
        )
    elif is_probability and not wants_probability:
        means = "the activation is applied twice: scores are flattened, gradients shrink"
        if is_categorical:
            floor = diagnosis.floors["softmax of probabilities"]
            means += f", and the loss cannot fall below {floor:.4g} nats"
    elif not is_probability and wants_probability:
        means = "it takes the logarithm of what are no probabilities: NaN, or a meaningless number"
    elif not several and not is_categorical and not summary.one_column:
        severity = "note"
        means = "one-vs-rest: legitimate, and each class's negatives outnumber its positives"
        if is_probability and summary.found_kind() == "softmax":
            severity = "warning"
            means = "one-hot labels under binary cross-entropy of a softmax count each miss twice"
    else:
        return
    rows = _several_rows(summary) if several and is_categorical else ()
    value = math.nan if chosen is None else chosen.nats
    if diagnosis.scores.found == "ambiguous" and summary.kind == "auto":
        severity = "note"
    written = "not defined" if math.isnan(value) else f"{value:.4g} nats"
    yield Evidence(
        "wrong_pairing" if severity != "note" else "one_vs_rest",
        severity,
        f"the loss is {summary.loss}, for {diagnosis.labels} labels and "
        f"{diagnosis.scores.reading}: {written}; {best.loss} gives {best.nats:.4g} nats",
        {"declared": value, "fitting": best.nats},
        rows,
        means,
        f"use {best.loss}",
        COUNTED,
    )


def _is_log_probability(summary: Summary) -> bool:
    kind = summary.found_kind() if summary.kind == "auto" else summary.kind
    return kind == "log-probabilities"
