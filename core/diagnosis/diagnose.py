"""From a summary to a diagnosis: the figures, the losses that fit, and the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from core.diagnosis import figures
from core.diagnosis.evidence import collect
from core.diagnosis.exclusive import Sums
from core.diagnosis.floors import loss_floors
from core.diagnosis.per_row import MOST_PAIRED
from core.diagnosis.records import Diagnosis, Elsewhere, Pairing, Scores
from core.diagnosis.sketches import SomePairs
from core.diagnosis.summary import Summary

__all__ = ["AFTER_TEMPERATURE", "diagnose"]

# A check of its own, which takes a second pass.
AFTER_TEMPERATURE = "calibration after temperature scaling"
_DONE = "done"


def diagnose(
    summary: Summary, class_names: Sequence[str] = (), elsewhere: Elsewhere | None = None
) -> Diagnosis:
    """Return what was checked, and what was found.

    Parameters
    ----------
    summary : Summary
    class_names : sequence of str, optional
        One for each class, for sentences to use beside its number.
    elsewhere : Elsewhere, optional
        A temperature fitted on other rows, to be advised in place of that of these.

    Returns
    -------
    Diagnosis
        Its `evidence` is sorted by severity. Without a usable row the figures are None; of a
        summary at a temperature, all but the calibration and the accuracy are.

    Examples
    --------
    >>> summary = Summary()
    >>> summary.update([[2.0, 0.0], [0.0, -1.0]], [0, 1])
    >>> round(diagnose(summary).calibration.nll, 4)
    0.7201
    """
    num_classes = summary.num_classes or 2
    key = summary.reading()
    tally = summary.tallies.get(key)
    is_exclusive = key[0] == "exclusive"
    scores = _scores(summary)
    empty = Diagnosis(
        summary.num_rows, 0, num_classes, key[0], _labels(summary), scores,
        (), {}, math.nan, None, None, None, None, None, (), {}, class_names=tuple(class_names),
        elsewhere=elsewhere,
    )  # fmt: skip
    if tally is None or not tally.sums:
        return replace(empty, evidence=collect(summary, empty), checked=_checked(summary, empty))
    sums = dict(tally.sums)
    accuracy = float(sums["right"]) / float(sums["top_counts"].sum())
    calibration = figures.calibration_of(sums, num_classes, key[0])
    if summary.temperature != 1:
        return replace(
            empty,
            num_used=int(sums["rows"]),
            accuracy=accuracy,
            calibration=calibration,
            checked={AFTER_TEMPERATURE: _DONE},
        )
    if summary.one_column:
        sums |= {f"sigmoid_{side}": sums[side] for side in ("positive", "negative")}
    base_rate = figures.base_rate_of(sums, is_exclusive=is_exclusive)
    fitted = calibration.temperature
    given = sum(summary.counts.get(name, 0) for name in ("one_hot", "soft"))
    soft = summary.counts["target_entropy"] / given if summary.counts.get("soft") else None
    floors = loss_floors(
        num_classes, sums["labels"] if is_exclusive else None, summary.label_smoothing(), soft
    )
    if not is_exclusive:
        floors = {"equal scores": num_classes * math.log(2), "label frequencies": base_rate}
    precision = figures.precision_of(sums) if "textbook_zero" in sums else None
    diagnosis = replace(
        empty,
        num_used=int(sums["rows"]),
        pairings=_pairings(summary, sums),
        floors=floors,
        accuracy=accuracy,
        bits=(
            None
            if soft is not None
            else figures.bits_of(sums, base_rate, is_exclusive=is_exclusive)
        ),
        calibration=calibration,
        concentration=figures.concentration_of(
            sums,
            tally.top,
            num_classes,
            is_exclusive=is_exclusive,
            # At no temperature better than frequencies: it knows nothing of any label.
            is_blind=fitted is not None and fitted.loss_after >= base_rate,
        ),
        budget=figures.budget_of(sums, is_exclusive=is_exclusive),
        precision=precision if is_exclusive else None,
        answer_precision=None if is_exclusive else precision,
    )
    return replace(
        diagnosis,
        evidence=collect(summary, diagnosis),
        checked=_checked(summary, diagnosis),
    )


def _labels(summary: Summary) -> str:
    names = {
        "one_hot": "one-hot",
        "multi_hot": "multi-hot",
        "soft": "soft",
        "soft_several": "soft, several",
    }
    if not any(summary.counts.get(name) for name in names):
        return "integer"
    if summary.task() == "multi-label":
        return "soft, several" if summary.counts.get("soft_several") else "multi-hot"
    return "soft" if summary.counts.get("soft") else "one-hot"


def _scores(summary: Summary) -> Scores:
    counts = summary.counts
    rows = max(counts.get("scored", 0), 1)
    found = summary.found_kind()
    shares = {
        "sum to 1": counts.get("distributions", 0) / rows,
        "sum to 1 as exactly as the dtype can": counts.get("exact_distributions", 0) / rows,
        "one 1 and zeros": counts.get("one_hot_scores", 0) / rows,
        "logsumexp 0": counts.get("log_probabilities", 0) / rows,
    }
    if found in ("softmax", "sigmoid", "one-hot", "ambiguous"):
        shares["inside [0, 1]"] = 1 - counts.get("outside", 0) / rows
    task, reading = summary.reading()
    other = summary.tallies.get((task, "logits" if reading == "probabilities" else "probabilities"))
    otherwise = {}
    if other is not None and other.sums:
        s = other.sums
        otherwise = {
            "loss": figures.mean_loss(s),
            "ece": figures.expected_error(s["top_counts"], s["top_confidence"], s["top_right"]),
            "brier": float(s["brier"] / s["rows"]),
        }
    return Scores(found, summary.kind, reading, shares, otherwise)


def _pairings(summary: Summary, sums: Sums) -> tuple[Pairing, ...]:
    """Return each loss with what it says of these scores, the one that fits first."""
    task, reading = summary.reading()
    other = summary.tallies.get((task, "logits"))
    loss = figures.mean_loss(sums)
    rows = float(sums["rows"])
    soft = float(sums["soft_loss"]) / rows if "soft_loss" in sums else loss
    as_logits = math.nan
    if other is not None and other.sums:
        as_logits = figures.mean_loss(other.sums)
    if task == "multi-label":
        wrong = float(sums["categorical_loss"]) / rows
        return (
            Pairing(
                "sigmoid + binary" if reading == "logits" else "binary",
                loss,
                True,
                "a row may have several labels, so each class is a yes-no question",
            ),
            *(
                ()
                if reading == "logits"
                else (
                    Pairing(
                        "sigmoid + binary",
                        as_logits,
                        False,
                        "the scores are probabilities already: sigmoid would be applied twice",
                    ),
                )
            ),
            Pairing(
                "softmax + categorical",
                wrong,
                False,
                "makes classes compete: a row with two labels costs at least 2 ln 2 nats",
            ),
        )
    # One column is one question, whose other answer is no second one.
    binary = loss if summary.one_column else float(sums["binary_loss"]) / rows
    if reading == "logits" and summary.one_column:
        return (
            Pairing("sigmoid + binary", binary, True, "one yes-no question, answered by its logit"),
            Pairing(
                "softmax + categorical", soft, True, "the same, as two classes with logits [0, z]"
            ),
            Pairing(
                "binary",
                math.nan,
                False,
                "takes the logarithm of probabilities, and these are logits",
            ),
        )
    if reading == "logits":
        return (
            Pairing("softmax + categorical", soft, True, "logits, and one label per row"),
            Pairing(
                "sigmoid + binary",
                binary,
                True,
                "a yes-no question per class (one-vs-rest, legitimate), summed over classes",
            ),
            Pairing(
                "categorical",
                math.nan,
                False,
                "takes the logarithm of probabilities, and these are logits",
            ),
        )
    if summary.one_column:
        return (
            Pairing("binary", binary, True, "one yes-no question, answered by its probability"),
            Pairing(
                "categorical", soft, True, "the same, as two classes with probabilities [1 − p, p]"
            ),
            Pairing(
                "sigmoid + binary",
                as_logits,
                False,
                "the scores are probabilities already: sigmoid would be applied twice",
            ),
        )
    sums_to_one = summary.found_kind() in ("softmax", "one-hot")
    return (
        Pairing(
            "categorical",
            soft,
            sums_to_one,
            "probabilities, and one label per row"
            if sums_to_one
            else "rows do not sum to 1; each was divided by its sum",
        ),
        Pairing(
            "binary",
            binary,
            not sums_to_one,
            "a yes-no question per class, summed over classes",
        ),
        Pairing(
            "softmax + categorical",
            as_logits,
            False,
            "the scores are probabilities already: softmax would be applied twice",
        ),
    )


def _checked(summary: Summary, diagnosis: Diagnosis) -> dict[str, str]:
    """Return each check, and "done" or why it was not."""
    exclusive = diagnosis.task == "exclusive"
    used = diagnosis.num_used > 0
    no_rows = "not done: no usable row"
    soft = summary.counts.get("soft", 0) + summary.counts.get("soft_several", 0) > 0
    drawn = "not done: labels are soft" if soft else _DONE
    one_class = "not done: a row may have several labels"
    paired = permuted = drawn if exclusive else one_class
    columns = "permuted columns"
    if exclusive and diagnosis.num_classes > MOST_PAIRED:
        paired = f"not done: above {MOST_PAIRED} classes"
        some = len(SomePairs.classes(diagnosis.num_classes))
        columns += f" ({some} classes, and some rows of each, sampled)" * (some > 0)
        permuted = permuted if some else "not done: too many classes"
    logits = diagnosis.scores.reading == "logits"
    fitted = diagnosis.calibration.temperature if diagnosis.calibration else None
    has_best = fitted is not None and fitted.is_inside
    offset = (
        drawn if has_best else "not done: the loss has no minimum between temperatures 1/8 and 8"
    )
    checks = {
        "NaN and infinite scores": _DONE,
        "labels out of range or not whole": _DONE,
        "duplicate rows": _DONE,
        "constant columns": _DONE if summary.num_rows > 1 else "not done: one row",
        "kind of scores": _DONE,
        "rows unlike the others": _DONE,
        "pairing of scores, labels and loss": _DONE,
        "calibration": drawn,
        **({"offset of the logit": offset} if exclusive and diagnosis.num_classes == 2 else {}),
        "class frequencies": drawn,
        "loss against the base rate": drawn,
        "labels off by one": drawn if exclusive else one_class,
        "accuracy below chance": drawn if exclusive else one_class,
        "columns that are pairs of classes": paired,
        columns: permuted,
        "confident rows contradicted by labels": drawn,
        "precision of the textbook formula": (
            _DONE
            if logits
            else "not done: probabilities give logits only up to a constant per row"
            if exclusive
            else "not done: probabilities have lost the logits to rounding"
        ),
        AFTER_TEMPERATURE: "not done: needs a second pass",
    }
    if used:
        return checks
    first = ("NaN and infinite scores", "labels out of range or not whole")
    return {name: value if name in first else no_rows for name, value in checks.items()}
