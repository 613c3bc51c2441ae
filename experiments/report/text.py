"""A diagnosis for a terminal: what was found first, then the figures, then what was checked."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

import click
import numpy as np

from core.diagnosis import Evidence
from core.words import counted
from experiments.diagnosis.passes import Diagnosed
from experiments.predictions import shown
from experiments.report.figures import figures_of

MOST_ROWS = 8
_KINDS = {
    "softmax": "softmax output",
    "sigmoid": "sigmoid output",
    "one-hot": "hard (one-hot) predictions",
}
_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def to_text(found: Diagnosed, width: int = 100) -> str:
    """Return the report; a terminal shows severities in colour.

    Examples
    --------
    >>> from core.diagnosis import Summary, diagnose
    >>> summary = Summary()
    >>> summary.update([[2.0, 0.0], [0.0, -1.0]], [0, 1])
    >>> text = to_text(Diagnosed("two rows", ("0", "1"), (), summary, diagnose(summary)))
    >>> print(click.unstyle(text).splitlines()[0])
    two rows: 2 rows, 2 classes, integer labels
    """
    return "\n".join(_lines(found, width))


def headline(found: Diagnosed) -> str:
    """Return what was read, in one line."""
    diagnosis = found.diagnosis
    unused = diagnosis.num_rows - diagnosis.num_used
    return (
        f"{_rows(diagnosis.num_rows)}, {diagnosis.num_classes:,} classes, "
        f"{diagnosis.labels} labels" + (f"; {_rows(unused)} could not be used" if unused else "")
    )


def _rows(count: int) -> str:
    return counted(count, "row")


def totals(evidence: Sequence[Evidence]) -> str:
    """Return how much was found of each severity."""
    counts = Counter(item.severity for item in evidence)
    said = [
        counted(f"{counts[name]}", name) for name in ("error", "warning", "note") if counts[name]
    ]
    return ", ".join(said) or "nothing"


def reading(found: Diagnosed) -> str:
    """Return how scores and labels were read, in a sentence."""
    scores = found.diagnosis.scores
    how = "inferred" if scores.declared == "auto" else f"declared {scores.declared}"
    labels = (
        "any number of labels may hold at once"
        if found.diagnosis.task == "multi-label"
        else "one label per row"
    )
    if not found.diagnosis.num_used:
        return f"No row could be used; scores would be read as {scores.reading}; {labels}."
    seen = (
        "Scores may be logits or probabilities"
        if scores.found == "ambiguous"
        else f"Scores look like {_KINDS.get(scores.found, scores.found)}"
    )
    return f"{seen} and are read as {scores.reading} ({how}); {labels}."


def unbroken(text: str) -> str:
    """Return text whose percentages and bounds do not break over a line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%").replace(
        "p ≤ ", "p\N{NO-BREAK SPACE}≤\N{NO-BREAK SPACE}"
    )


def _lines(found: Diagnosed, width: int) -> Iterator[str]:
    diagnosis = found.diagnosis
    yield click.style(f"{found.name}: {headline(found)}", bold=True)
    yield from _wrapped(reading(found), width)
    for note in found.notes:
        yield from _wrapped(f"{note[0].upper()}{note[1:]}.", width)
    if any(not name.isdigit() for name in found.class_names):
        names = [f"{i} {shown(name, 24)}" for i, name in enumerate(found.class_names[:12])]
        more = f", … ({len(found.class_names):,} in all)" if len(found.class_names) > 12 else ""
        yield from _wrapped(f"Classes: {', '.join(names)}{more}.", width)
    yield ""
    yield click.style(f"Found: {totals(diagnosis.evidence)}", bold=True)
    for evidence in diagnosis.evidence:
        yield ""
        yield from _evidence(evidence, width)
    figures = figures_of(found)
    if figures:
        yield ""
        yield click.style("Figures", bold=True)
    longest = max((len(figure.title) for figure in figures), default=0)
    for figure in figures:
        yield f"  {figure.title:<{longest}}  {figure.shown}"
    if diagnosis.pairings:
        yield ""
        yield click.style("Losses for these scores and labels", bold=True)
        for pairing in diagnosis.pairings:
            nats = "–" if np.isnan(pairing.nats) else counted(pairing.nats, "nat", ".4g")
            fits = "fits" if pairing.fits else "does not fit"
            yield from _wrapped(
                f"  {pairing.loss:<22} {nats:<12} {fits}: {pairing.why}", width, " " * 38
            )
    yield from _surprising(found)
    done = [name for name, said in diagnosis.checked.items() if said == "done"]
    yield ""
    yield from _wrapped(f"Checked: {', '.join(done)}.", width)
    for name, said in diagnosis.checked.items():
        if said != "done":
            yield from _wrapped(f"Not checked: {name} ({said.removeprefix('not done: ')}).", width)


def _evidence(evidence: Evidence, width: int) -> Iterator[str]:
    label = click.style(evidence.severity, fg=_COLOURS[evidence.severity], bold=True)
    first, *rest = _wrapped(f"{evidence.name}: {evidence.seen}", width - 9)
    yield f"{label:<{8 + len(label) - len(evidence.severity)}} {first}"
    yield from (" " * 9 + line for line in rest)
    rows = ", ".join(map(str, evidence.rows[:MOST_ROWS]))
    for name, said in (
        ("rows", rows),
        ("means", evidence.means),
        ("do", evidence.do),
        ("sure", evidence.sure),
    ):
        if said:
            yield from _wrapped(f"{'':9}{name:<6}{said}", width, " " * 15)


def _surprising(found: Diagnosed) -> Iterator[str]:
    held = found.diagnosis.concentration
    if held is None or not len(held.rows):
        return
    suspects = set(held.suspects["row"].tolist())
    yield ""
    marked = " (* the label may be wrong)" * bool(suspects)
    yield click.style(f"The most surprising rows{marked}", bold=True)
    several = found.diagnosis.task == "multi-label"
    of = "class that costs most" if several else "label → predicted"
    yield f"  {'row':>12}  {'bits':>7}  {'p(label)':>9}  {of}"
    for entry in held.rows[:MOST_ROWS]:
        row, bits = int(entry["row"]), float(entry["loss"]) / np.log(2)
        label, predicted = (
            shown(found.class_names[int(entry[name])], 24) for name in ("label", "predicted")
        )
        mark = "*" if row in suspects else " "
        yield (
            f"  {row:>12}{mark} {bits:>7.2f}  {entry['label_probability']:>9.2g}"
            f"  {label if several else f'{label} → {predicted}'}"
        )


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        unbroken(text),
        width,
        subsequent_indent=indent,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
