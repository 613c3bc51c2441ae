"""A distribution as people write it: counts with or without names, or a text to count in."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

MAX_OUTCOMES = 1000
KINDS = ("Letters", "Characters", "Words")
# What is counted, but can't be seen in a chart.
SHOWN_AS = {" ": "␣", "\n": "↵", "\r": "␍", "\t": "⇥"}


@dataclass(frozen=True, eq=False)
class Source:
    """The outcomes that messages are made of, how often each was counted, and its probability."""

    names: tuple[str, ...]
    counts: np.ndarray
    p: np.ndarray

    def occurring(self) -> Source:
        """Return the source without what never happens."""
        occurs = self.p > 0
        names = tuple(name for name, is_in in zip(self.names, occurs, strict=True) if is_in)
        return Source(names, self.counts[occurs], self.p[occurs])


def parse_counts(entered: str) -> dict[str, float]:
    """Return the counts in a text, by outcome: numbers, or names with numbers.

    A name is set off from its number by =, and where there is none, by a colon or by space alone.

    Raises
    ------
    ValueError
        If there is none above 0, more than a thousand, or something that is no count.
    """
    pieces = _pieces(entered)
    if not pieces:
        raise ValueError("Enter at least one count, for example: sunny=6, rainy=4")
    counts: dict[str, float] = {}
    for position, piece in enumerate(pieces, start=1):
        name, _, number = piece.rpartition("=")
        name = name or default_name(position)
        counts[name] = counts.get(name, 0.0) + _read_count(number, position)
    if len(counts) > MAX_OUTCOMES:
        raise ValueError(f"At most {MAX_OUTCOMES} outcomes fit here; there are {len(counts)}.")
    if not any(counts.values()):
        raise ValueError("At least one count must be above 0.")
    return counts


def count_text(text: str, kind: str) -> dict[str, float]:
    """Return how often each letter, character or word of a text occurs, the most frequent first.

    Raises
    ------
    ValueError
        If there is nothing to count.
    """
    # A letter with its accent is one, however it was typed.
    text = unicodedata.normalize("NFC", text)
    if kind == "Words":
        found = Counter(re.findall(r"\w+", text.casefold()))
    elif kind == "Letters":
        found = Counter(filter(str.isalpha, text.casefold()))
    else:
        found = Counter(text)
    if not found:
        raise ValueError(f"The text has no {kind.lower()} to count.")
    counts: dict[str, float] = {}
    for item, count in found.most_common():
        name = SHOWN_AS.get(item, item if item.isprintable() else f"U+{ord(item):04X}")
        counts[name] = counts.get(name, 0.0) + count
    return counts


def source_of(counts: Mapping[str, float]) -> Source:
    """Return the distribution in proportion to counts, of which one at least is above 0."""
    values = np.array(list(counts.values()))
    # By the largest first: the sum of huge counts is beyond numbers.
    shares = values / values.max()
    return Source(tuple(counts), values, shares / shares.sum())


def parse_beside(entered: str, source: Source) -> Source:
    """Return a second distribution over the outcomes of `source`; an empty text is the uniform.

    Raises
    ------
    ValueError
        As `parse_counts`; if a name is no outcome, or there is not one number per outcome.
    """
    if not entered.strip():
        return source_of(dict.fromkeys(source.names, 1.0))
    counts = parse_counts(entered)
    is_by_place = "=" not in entered and list(counts) == [
        default_name(position) for position in range(1, len(counts) + 1)
    ]
    if is_by_place:
        if len(counts) != len(source.names):
            raise ValueError(
                f"q needs one number per outcome: p has {len(source.names)}, q {len(counts)}."
            )
        return source_of(dict(zip(source.names, counts.values(), strict=True)))
    unknown = [name for name in counts if name not in source.names]
    if unknown:
        raise ValueError(f"q has {unknown[0][:30]!r}, which is not an outcome of p.")
    return source_of({name: counts.get(name, 0.0) for name in source.names})


def written_counts(names: tuple[str, ...], values: np.ndarray) -> str:
    """Return a text that `parse_counts` reads as these numbers."""
    is_plain = list(names) == [default_name(i) for i in range(1, len(names) + 1)]
    return ", ".join(
        f"{value:.4g}" if is_plain else f"{name}={value:.4g}"
        for name, value in zip(names, values, strict=True)
    )


def written_numbers(counts: np.ndarray, digits: int = 15) -> str:
    """Return counts without names, which any outcome can have; by default to all their digits."""
    return ", ".join(f"{count:.{digits}g}" for count in counts)


def with_share(p: np.ndarray, outcome: int, share: float) -> np.ndarray:
    """Return `p` with one outcome at `share`; the others keep their proportions."""
    others = np.delete(p, outcome)
    total = others.sum()
    spread = others / total if total > 0 else np.full(len(others), 1 / len(others))
    return np.insert(spread * (1 - share), outcome, share)


def default_name(position: int) -> str:
    """Return what an outcome without a name is called."""
    return f"x{position}"


def is_number(word: str) -> bool:
    """Return whether a word reads as a number, finite or not."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def _pieces(entered: str) -> list[str]:
    """Return the numbers and the name=number pairs in a text."""
    if "=" not in entered:
        entered = re.sub(r"[^\S\n]*:(?=\s)[^\S\n]*", "=", entered)
    if "=" not in entered:
        words = re.split(r"[\s,;]+", entered.strip(" \t\r\n,;"))
        names, numbers = words[::2], words[1::2]
        # A table that is pasted into a line: its cells take turns.
        if (
            len(names) == len(numbers)
            and not any(map(is_number, names))
            and all(map(is_number, numbers))
        ):
            return [f"{name}={number}" for name, number in zip(names, numbers, strict=True)]
    pieces: list[str] = []
    for piece in re.split(r"[,;\n]", re.sub(r"[^\S\n]*=[^\S\n]*", "=", entered)):
        # A name may hold spaces where its pair is set off by a comma or a line.
        is_pair = re.fullmatch(r"[^=]+=\S*\s*", piece) is not None
        pieces += [piece.strip()] if is_pair else piece.split()
    return pieces


def _read_count(word: str, position: int) -> float:
    try:
        count = float(word.strip())
    except ValueError:
        raise ValueError(
            f"Count {position} is {word[:30]!r}, which is not a number. Separate counts by commas, "
            "with a point for decimals, and a name from its number by =."
        ) from None
    if not 0 <= count < np.inf:
        raise ValueError(f"Count {position} is {word[:30]}: it must be finite and not negative.")
    return count
