"""Faults of the data: counted, whatever the model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.diagnosis.blocks import MOST_OUTSIDE
from core.diagnosis.chances import share_interval
from core.diagnosis.records import COUNTED, Diagnosis, Evidence, Severity, percent, rows_have
from core.diagnosis.summary import Summary

_FAULTS: dict[str, tuple[Severity, str, str, str]] = {
    "nan": (
        "error",
        "a score of NaN",
        "the network or the export failed on these rows; they are left out of every figure",
        "look at these rows and find the step that made them; log(0) is a common source",
    ),
    "infinite": (
        "error",
        "a score of +inf, or only −inf",
        "an exponential overflowed before the scores were written; these rows are left out",
        "export logits instead of their exponentials, or compute in a wider dtype",
    ),
    "minus_infinity": (
        "note",
        "a score of −inf",
        "the probability is exactly 0: right for a masked class, an infinite loss for a label",
        "make sure that these classes are masked on purpose",
    ),
    "no_probability": (
        "error",
        "a score of 0 for every class",
        "zeros can't be read as probabilities; these rows are left out of the losses",
        "check whether scores are missing there, or declare what they are",
    ),
    "label_not_whole": (
        "error",
        "no label, or one that is not a whole number",
        "such a label names no class; these rows are left out",
        "check how the labels were joined or averaged; soft labels need one column per class",
    ),
    "label_outside": (
        "error",
        "a label outside {classes}",
        "no column of scores belongs to such a label; these rows are left out",
        "map the labels to {classes}, or check whether a column of scores is missing",
    ),
    "several_labels": (
        "note",
        "no label or more than one; the others have exactly one",
        "the classes are read as exclusive, so these rows are left out",
        "correct these rows; if rows may have several labels, treat each class as a question",
    ),
    "target_outside": (
        "error",
        "targets outside [0, 1] or NaN",
        "targets are probabilities and must lie in [0, 1]; these rows are left out",
        "check which columns are read as targets",
    ),
}


def faults(summary: Summary, diagnosis: Diagnosis) -> Iterator[Evidence]:
    """Return what is wrong with the rows themselves."""
    task, reading = summary.reading()
    ignored = {"no_probability"} if reading == "logits" else set()
    if task == "multi-label":
        ignored.add("several_labels")
    for name, (severity, seen, means, do) in _FAULTS.items():
        fault = summary.faults.get(name)
        if fault is None or name in ignored:
            continue
        if name == "label_outside" and summary.num_classes == 2:
            below = summary.counts.get("label_is_minus_one", 0) == fault.count
            do = "if the labels are −1 and 1, map −1 to 0" if below else do
        classes = f"0…{(summary.num_classes or 2) - 1}"
        yield Evidence(
            name,
            severity,
            f"{rows_have(fault.count, summary.num_rows)} {seen.format(classes=classes)}",
            {"rows": fault.count, "share": fault.count / summary.num_rows},
            tuple(fault.rows),
            means,
            do.format(classes=classes),
            COUNTED,
        )
    floats = summary.counts.get("float_labels", 0)
    # Where labels are missing, that is why, and it is said already.
    if floats and "label_not_whole" not in summary.faults:
        yield Evidence(
            "float_labels",
            "note",
            f"{rows_have(floats, summary.num_rows)} floating-point labels",
            {"rows": floats},
            (),
            "whole numbers are read as class ids; a missing value often turns a column into floats",
            "store class ids as integers",
            COUNTED,
        )
    yield from _other_kinds(summary, reading)
    yield from _constant_columns(summary, diagnosis)
    yield from _duplicates(summary)


def _other_kinds(summary: Summary, reading: str) -> Iterator[Evidence]:
    """Return rows that are not what the others are."""
    counts, found = summary.counts, summary.found_kind()
    scored = counts.get("scored", 0)
    outside = counts.get("outside", 0)
    exact = counts.get("exact_distributions", 0)
    if found == "logits" and exact >= MOST_OUTSIDE and exact >= (scored - outside) / 2:
        yield Evidence(
            "mixed_scores",
            "error",
            f"{percent(exact, scored)} sum to 1 as exactly as their dtype allows, and "
            f"{outside:,.0f} have a score outside [0, 1]",
            {"distributions": exact, "outside": outside},
            _rows(summary, "outside"),
            "two kinds of scores are mixed, such as softmax output and logits, or some rows are "
            f"broken; all were read as {reading}",
            "find out which files or steps these rows come from, and export one kind of scores",
            COUNTED,
        )
    elif reading == "probabilities" and found != "logits" and 0 < outside < scored:
        yield Evidence(
            "outside_unit",
            "error",
            f"{rows_have(outside, scored)} a score outside [0, 1]; the others do not",
            {"rows": outside, "share": outside / scored},
            _rows(summary, "outside"),
            "probabilities cannot lie there; these rows are left out of every figure",
            "look at these rows and find the step that made them",
            COUNTED,
        )
    loose = scored - outside - counts.get("distributions", 0)
    if found == "softmax" and loose > 0:
        yield Evidence(
            "no_distribution",
            "warning",
            f"{rows_have(loose, scored)} scores that do not sum to 1; the others sum to 1",
            {"rows": loose, "share": loose / scored},
            _rows(summary, "no_distribution"),
            "these rows are not distributions; each was divided by its sum",
            "look for classes that were left out, or probabilities that were cut off or rounded",
            COUNTED,
        )
    if scored and counts.get("percentages", 0) >= 0.99 * scored:
        yield Evidence(
            "percentages",
            "error",
            f"{percent(counts['percentages'], scored)} sum to 100",
            {"rows": counts["percentages"]},
            _rows(summary, "outside"),
            "these are percentages but were read as logits, so every figure is wrong",
            "divide the scores by 100",
            COUNTED,
        )
    is_whole = bool(summary.one_column) and counts.get("whole", 0) == scored >= 10
    if is_whole and summary.lows.min() >= 0 and summary.highs.max() >= 2:
        yield Evidence(
            "class_ids",
            "error",
            f"the only column of scores holds whole numbers, up to {summary.highs.max():.0f}",
            {"rows": scored, "highest": float(summary.highs.max())},
            (),
            "these look like predicted classes, and a loss needs a score for each class",
            "export logits or probabilities, one column per class",
            COUNTED,
        )


def _rows(summary: Summary, name: str) -> tuple[int, ...]:
    return tuple(summary.faults[name].rows) if name in summary.faults else ()


def _constant_columns(summary: Summary, diagnosis: Diagnosis) -> Iterator[Evidence]:
    if summary.counts.get("scored", 0) < 2 or len(summary.lows) == 0:
        return
    constant = np.flatnonzero(summary.lows == summary.highs)
    if len(constant) == 0:
        return
    every = len(constant) == len(summary.lows)
    # The class frequencies are an honest answer to every input; the same score for all is none.
    says_nothing = every and len(constant) > 1 and summary.lows.min() == summary.lows.max()
    listed = ", ".join(
        str(i) if summary.one_column else diagnosis.named(i) for i in constant[:10].tolist()
    )
    if len(constant) > 10:
        listed += f" and {len(constant) - 10:,} more"
    yield Evidence(
        "constant_column",
        "warning" if says_nothing else "note",
        "all scores are the same number"
        if says_nothing
        else "every row has the same scores"
        if every
        else f"column{'s' * (len(constant) > 1)} {listed} never change{'s' * (len(constant) == 1)}",
        {"columns": len(constant)},
        (),
        "the scores do not depend on the input"
        if every
        else "a dead output, or the reference class of a model that fixes one logit",
        "check whether this is intended; the calibration figures show whether it costs anything",
        COUNTED,
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
        COUNTED
        if known.is_exact
        else f"in a sample of {known.num_sampled:,} distinct rows, {100 * low:.2g} to "
        f"{100 * high:.2g} % occur more than once (95 % interval); the number of distinct rows has "
        f"a standard error of {100 * known.relative_error:.2g} %"
    )
    yield Evidence(
        "duplicates",
        "note",
        f"{'' if known.is_exact else 'about '}{repeated:,.0f} of {scored:,} rows "
        f"{'repeats' if repeated == 1 else 'repeat'} the scores of another row",
        {
            "repeats": repeated,
            "distinct": known.num_distinct,
            "share_low": low,
            "share_high": high,
        },
        tuple(row for row, _ in known.examples),
        "inputs repeat, or scores are so saturated or rounded that different inputs look the same",
        "if inputs repeat, remove them: every figure counts them again, and a split may leak them",
        how,
    )
