"""The rules: when figures are evidence, what they mean, and what to do.

A claim about the model or the labels rests on a p-value that holds for any number of rows, against
scores that mean what they say and labels drawn from them; faults of the data are counted.
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
from core.diagnosis.records import Bits, Calibration, Diagnosis, Evidence, Precision, Severity
from core.diagnosis.summary import Fault, Summary

__all__ = ["LEVEL", "collect"]

# For all checks of a diagnosis together; each has its share of it.
LEVEL = 1e-4
_NUM_CHECKS = 8
_COUNTED = "counted: certain"
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def collect(summary: Summary, diagnosis: Diagnosis) -> tuple[Evidence, ...]:
    """Return all evidence, the most severe first."""
    found = [*_faults(summary), *_scores(summary, diagnosis)]
    tally = summary.tallies.get(summary.reading())
    if tally is not None and tally.sums and diagnosis.num_used:
        sums = tally.sums
        found += [*_losses(summary, diagnosis, sums), *_figures(diagnosis, sums)]
        soft = summary.counts.get("soft", 0) + summary.counts.get("soft_several", 0)
        if not soft:
            found += _claims(summary, diagnosis, sums)
    return tuple(sorted(found, key=lambda evidence: _ORDER[evidence.severity]))


def _corrected(p_value: float) -> float:
    return min(1.0, _NUM_CHECKS * p_value)


def _says(p_value: float) -> str:
    return f"p ≤ {p_value:.2g}, corrected for {_NUM_CHECKS} checks"


def _percent(count: float, total: float) -> str:
    return f"{count:,.0f} of {total:,.0f} rows ({100 * count / max(total, 1):.3g} %)"


# --- Faults of the data: counted ------------------------------------------------------------------

_FAULTS: dict[str, tuple[Severity, str, str, str]] = {
    "nan": (
        "error",
        "have a score that is NaN",
        "the network or the export failed there; the rows are left out of every figure",
        "look at these rows and at the step that made them; it often starts with log(0)",
    ),
    "infinite": (
        "error",
        "have a score of +inf, or nothing but −inf",
        "an exponential overflowed before the scores were written; the rows are left out",
        "export logits, not their exponentials, or compute in a wider dtype",
    ),
    "minus_infinity": (
        "note",
        "have a score of −inf",
        "a probability of exactly 0: right for a masked class, fatal if the class happens",
        "make sure that these classes are masked on purpose",
    ),
    "label_not_whole": (
        "error",
        "have a label that is NaN or no whole number",
        "it names no class; the rows are left out",
        "check how labels were joined or averaged; soft labels need one column for each class",
    ),
    "label_outside": (
        "error",
        "have a label that is no class",
        "labels must be 0…K − 1; the rows are left out",
        "map the labels to 0…K − 1, or see whether a column of scores is missing",
    ),
    "target_outside": (
        "error",
        "have targets outside [0, 1] or NaN",
        "they are no probabilities; the rows are left out",
        "check the columns that are read as targets",
    ),
}


def _faults(summary: Summary) -> Iterator[Evidence]:
    for name, (severity, seen, means, do) in _FAULTS.items():
        fault = summary.faults.get(name)
        if fault is None:
            continue
        yield Evidence(
            name,
            severity,
            f"{_percent(fault.count, summary.num_rows)} {seen}",
            {"rows": fault.count, "share": fault.count / summary.num_rows},
            tuple(fault.rows),
            means,
            do,
            _COUNTED,
        )
    floats = summary.counts.get("float_labels", 0)
    if floats:
        yield Evidence(
            "float_labels",
            "note",
            f"{_percent(floats, summary.num_rows)} have labels in a floating dtype",
            {"rows": floats},
            (),
            "whole numbers are read as class ids; a missing value often turns a column into floats",
            "store class ids as integers",
            _COUNTED,
        )
    yield from _constant_columns(summary)
    yield from _duplicates(summary)


def _constant_columns(summary: Summary) -> Iterator[Evidence]:
    if summary.counts.get("scored", 0) < 2 or len(summary.lows) == 0:
        return
    constant = np.flatnonzero(summary.lows == summary.highs)
    if len(constant) == 0:
        return
    every = len(constant) == len(summary.lows)
    listed = ", ".join(str(i) for i in constant[:10])
    yield Evidence(
        "constant_column",
        "note",
        "every column of scores is constant" if every else f"columns {listed} never change",
        {"columns": len(constant)},
        (),
        "the scores do not depend on the input"
        if every
        else "a dead output, or the reference class of a model that fixes one logit",
        "see whether the model is meant to have it; calibration below says if it costs anything",
        _COUNTED,
    )


def _duplicates(summary: Summary) -> Iterator[Evidence]:
    known = summary.distinct.result()
    scored = summary.counts.get("scored", 0)
    if known.num_sampled == 0:
        return
    low, high = share_interval(known.num_repeated, known.num_sampled)
    # Beyond four standard errors, repeats of a few rows show in the number of distinct ones.
    fewer = known.num_distinct * (1 + 4 * known.relative_error) < scored
    if known.num_repeated == 0 and not fewer:
        return
    repeated = max(scored - known.num_distinct, known.num_repeated)
    how = (
        _COUNTED
        if known.is_exact
        else f"from a sample of {known.num_sampled:,} distinct rows, {100 * low:.2g} to "
        f"{100 * high:.2g} % come more than once (95 %); the number of distinct rows has a "
        f"standard error of {100 * known.relative_error:.2g} %"
    )
    yield Evidence(
        "duplicates",
        "note",
        f"about {repeated:,.0f} of {scored:,} rows repeat the scores of another one",
        {
            "repeats": repeated,
            "distinct": known.num_distinct,
            "share_low": low,
            "share_high": high,
        },
        tuple(row for row, _ in known.examples),
        "repeated inputs, or scores so saturated or rounded that different inputs look the same",
        "if inputs repeat, remove them: figures count them twice, and a split may leak them",
        how,
    )


# --- What the scores are, and the loss they go to -------------------------------------------------

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


def _scores(summary: Summary, diagnosis: Diagnosis) -> Iterator[Evidence]:
    scores = diagnosis.scores
    rows = summary.counts.get("scored", 0)
    if rows == 0:
        return
    figures_seen = {**scores.shares, **{f"otherwise {k}": v for k, v in scores.otherwise.items()}}
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
            f"scores were declared {declared} and look like {_LOOKS[scores.found]}{shift}",
            figures_seen,
            (),
            "every figure below reads them as declared, and would change",
            f"declare them {scores.found}, or find out which step changed them",
            f"counted over {rows:,} rows",
        )
    else:
        yield Evidence(
            "scores",
            "note",
            f"scores look like {_LOOKS[scores.found]}{shift}",
            figures_seen,
            (),
            "probabilities give logits only up to a shift of each row: the loss and the "
            "temperature do not depend on it, the textbook formula does"
            if scores.reading == "probabilities"
            else "logits are what a loss should get: nothing is rounded away yet",
            "declare the kind of the scores if this is wrong",
            f"counted over {rows:,} rows",
        )
    rounded = scores.shares["sum to 1"] - scores.shares["sum to 1 as exactly as the dtype can"]
    if scores.found == "softmax" and rounded > 0.01:
        yield Evidence(
            "rounded_probabilities",
            "note",
            f"{100 * rounded:.3g} % of the rows sum to 1 only within {0.005}",
            {"share": rounded},
            (),
            "probabilities were written with few digits; small ones are then wrong by much",
            "write logits, or probabilities with all their digits",
            _COUNTED,
        )


_WANTS = {
    "softmax + categorical": "logits",
    "sigmoid + binary": "logits",
    "categorical": "probabilities",
    "binary": "probabilities",
}


def _losses(summary: Summary, diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
    yield from _declared_loss(summary, diagnosis)
    kind = diagnosis.scores.found if diagnosis.scores.declared == "auto" else summary.kind
    losses = {pairing.loss: pairing.nats for pairing in diagnosis.pairings}
    if summary.loss is None and kind == "softmax" and diagnosis.task == "exclusive":
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
            _COUNTED,
        )
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
            _COUNTED,
        )
    soft_floor = diagnosis.floors.get("soft labels")
    if soft_floor is not None and "soft_loss" in sums:
        loss = float(sums["soft_loss"]) / float(sums["rows"])
        yield Evidence(
            "soft_label_floor",
            "note",
            f"labels are soft: of {loss:.4g} nats {soft_floor:.4g} are their own entropy",
            {"loss": loss, "floor": soft_floor, "divergence": loss - soft_floor},
            (),
            "cross-entropy is entropy plus divergence: only the rest can be learned",
            "judge the model by the divergence",
            _COUNTED,
        )


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
        (),
        means,
        f"use {best.loss}",
        _COUNTED,
    )


# --- Claims: against scores that mean what they say -----------------------------------------------


def _claims(summary: Summary, diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
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
        found += _contradictions(diagnosis, diagnosis.calibration.temperature.value, sums)
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
        f"{_percent(infinite, diagnosis.num_used)} have a label that was given probability 0",
        {"rows": infinite},
        tuple(int(i) for i in top[:5]),
        "their loss is infinite, and so is every mean with them; they are left out of the "
        "temperature and of the sums by class",
        "hard predictions have no cross-entropy: hand in scores"
        if is_note
        else "keep log-probabilities: a softmax in float32 is 0 below e^−104",
        _COUNTED,
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


def _contradictions(diagnosis: Diagnosis, temperature: float, sums: Sums) -> Iterator[Evidence]:
    num_classes = diagnosis.num_classes if diagnosis.task == "exclusive" else 2
    found = figures.contradictions_of(sums, num_classes, temperature)
    p_value = _corrected(found["p_value"])
    if p_value >= LEVEL:
        return
    low, high = share_interval(found["wrong"] - found["expected"], found["rows"])
    suspects = diagnosis.concentration.suspects["row"] if diagnosis.concentration else np.empty(0)
    yield Evidence(
        "label_errors",
        "warning",
        f"of {found['rows']:,.0f} rows with less than {found['doubt']:g} of doubt "
        f"{found['wrong']:,.0f} have another label; {found['expected']:.3g} at most were to be "
        f"expected, overconfidence included (temperature {temperature:.3g})",
        found,
        tuple(int(i) for i in suspects[:5]),
        f"{100 * low:.2g} to {100 * high:.2g} % of labels where the model is surest are likely "
        "wrong, or it is sure for a reason that does not hold",
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
            _COUNTED,
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
                _COUNTED,
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


# --- Figures worth a note -------------------------------------------------------------------------


def _figures(diagnosis: Diagnosis, sums: Sums) -> Iterator[Evidence]:
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
            "a few rows decide the mean: it says little of the others"
            if found.half_share < 0.05
            else "the loss is spread over many rows",
            "read the most surprising rows",
            f"between {100 * low:.4g} and {100 * high:.4g} % for certain",
        )
        if len(found.pairs):
            label, predicted, count, surprise = found.pairs[0].tolist()
            yield Evidence(
                "confused_pair",
                "note",
                f"the dearest confusion: {count:,.0f} rows of class {label:.0f} predicted as "
                f"{predicted:.0f}, {surprise:.3g} bits each",
                {"label": label, "predicted": predicted, "rows": count, "bits": surprise},
                (),
                "this pair costs more than any other",
                "look at rows of both classes",
                _COUNTED,
            )
    yield from _swamped(diagnosis)
    if diagnosis.precision is not None:
        yield from _precision(diagnosis.precision)
    loss = float(np.sum(sums["loss"])) / rows
    for name, floor in diagnosis.floors.items():
        if name != "soft labels" and floor > 0 and abs(loss - floor) < 0.003 * floor:
            yield Evidence(
                "near_floor",
                "note",
                f"the loss, {loss:.4g} nats, is within 0.3 % of that of {name}, {floor:.4g}",
                {"loss": loss, "floor": floor},
                (),
                "a loss that stays there has a reason of its own",
                "see what the floor is named after",
                _COUNTED,
            )


def _swamped(diagnosis: Diagnosis) -> Iterator[Evidence]:
    budget = diagnosis.budget
    if budget is None:
        return
    counts = diagnosis.concentration.class_labels if diagnosis.concentration else np.empty(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = budget.sigmoid_negative / budget.sigmoid_positive
    rare = np.flatnonzero((counts >= 1) & np.isfinite(ratio) & (ratio > 10))
    if len(rare) == 0:
        return
    k = int(rare[np.argmax(ratio[rare])])
    softmax = budget.softmax_negative[k] / max(float(budget.softmax_positive[k]), 1e-300)
    beside = "" if math.isnan(softmax) else f"; under softmax {softmax:.3g} times"
    yield Evidence(
        "swamped_positives",
        "note",
        f"class {k}: under sigmoid + binary cross-entropy its negatives pull {ratio[k]:.3g} times "
        f"as hard as its {counts[k]:,.0f} positives{beside}",
        {"class": k, "sigmoid": float(ratio[k]), "softmax": float(softmax)},
        (),
        "at a fitted bias both pulls are equal: many easy negatives drown the rare positives",
        "pos_weight, focal loss or sampling; softmax if the classes exclude each other",
        _COUNTED,
    )


def _precision(precision: Precision) -> Iterator[Evidence]:
    fails = [
        sum(parts)
        for parts in zip(precision.overflow, precision.vanish, precision.zero, strict=True)
    ]
    if not any(fails) and not any(precision.usual_off):
        return
    half, single, double = (100 * share for share in fails)
    yield Evidence(
        "precision",
        "note",
        f"−log(e^z/Σe^z) written out is inf, NaN or 0 on {half:.3g} % of the rows in float16, "
        f"{single:.3g} % in float32, {double:.3g} % in float64; m + log Σe^(z−m) − z is off by "
        f"more than 1 % on {100 * precision.usual_off[0]:.3g} % in float32",
        {
            "float16": fails[0],
            "float32": fails[1],
            "float64": fails[2],
            "usual_float32": precision.usual_off[0],
            "usual_float64": precision.usual_off[1],
        },
        (),
        "these rows get no gradient, or one that is noise",
        "a loss from logits, such as core.losses.categorical_cross_entropy, loses none of them",
        "counted; rows within rounding of a limit may fall on either side",
    )
