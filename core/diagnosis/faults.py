"""Faults of the data: counted, whatever the model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.diagnosis.chances import share_interval
from core.diagnosis.records import COUNTED, Evidence, Severity, percent
from core.diagnosis.summary import Summary

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
    "no_probability": (
        "error",
        "have scores that are all 0",
        "read as probabilities they say nothing; the rows are left out of the losses",
        "see whether scores are missing there, or declare what they are",
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
    "several_labels": (
        "note",
        "have no label or several, where the others have one",
        "they have no place among exclusive classes: the rows are left out",
        "see whether labels may hold at once; if so, each class is a question of its own",
    ),
    "target_outside": (
        "error",
        "have targets outside [0, 1] or NaN",
        "they are no probabilities; the rows are left out",
        "check the columns that are read as targets",
    ),
}


def faults(summary: Summary) -> Iterator[Evidence]:
    """Return what is wrong with the rows themselves."""
    task, reading = summary.reading()
    ignored = {"no_probability"} if reading == "logits" else set()
    if task == "multi-label":
        ignored.add("several_labels")
    for name, (severity, seen, means, do) in _FAULTS.items():
        fault = summary.faults.get(name)
        if fault is None or name in ignored:
            continue
        yield Evidence(
            name,
            severity,
            f"{percent(fault.count, summary.num_rows)} {seen}",
            {"rows": fault.count, "share": fault.count / summary.num_rows},
            tuple(fault.rows),
            means,
            do,
            COUNTED,
        )
    floats = summary.counts.get("float_labels", 0)
    if floats:
        yield Evidence(
            "float_labels",
            "note",
            f"{percent(floats, summary.num_rows)} have labels in a floating dtype",
            {"rows": floats},
            (),
            "whole numbers are read as class ids; a missing value often turns a column into floats",
            "store class ids as integers",
            COUNTED,
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
