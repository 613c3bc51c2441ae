"""Lines of numbers as people type them: logits, and shares of classes."""

from __future__ import annotations

import re

import numpy as np

MAX_CLASSES = 1000
# Of a word that is no number.
LONGEST_QUOTED = 30
# A last word that more typing makes a number: -, 1e, 2e-, in, -infi, na.
UNFINISHED = re.compile(
    r"(?<![^\s,;])([-+−]|[-+−]?(\.|i|in|infi|infin|infini|infinit|n|na|(\d+\.?\d*|\.\d+)e[-+−]?))$",
    re.IGNORECASE,
)


def split_unfinished(entered: str) -> tuple[str, str]:
    """Return a line of text without, and only, a last word that is still being typed."""
    found = UNFINISHED.search(entered)
    return (entered[: found.start()], found[0]) if found else (entered, "")


def parse_logits(entered: str) -> np.ndarray:
    """Return the numbers in a line of text, shape (K,).

    Raises
    ------
    ValueError
        If there is none, more than a thousand, or something that is not a number.
    """
    numbers = _parse_numbers(entered, "Logit")
    if not len(numbers):
        raise ValueError("Enter at least one logit, for example: 2, 1, 0.1")
    return numbers


def parse_number(entered: str, example: str) -> float:
    """Return the one number in a line of text.

    Raises
    ------
    ValueError
        If there is none, or anything else; `example` is a number to enter instead.
    """
    words = entered.split()
    if len(words) == 1:
        try:
            return _read(words[0])
        except ValueError:
            pass
    says = f"{entered[:LONGEST_QUOTED]!r} is not a number. " if words else ""
    raise ValueError(f"{says}Enter one number, with a point for decimals, for example: {example}")


def parse_shares(entered: str, num_classes: int) -> np.ndarray:
    """Return a distribution over the classes from numbers in its proportions, shape (K,).

    Classes that are left out at the end have no share.

    Raises
    ------
    ValueError
        If something is not a number from 0 up, there are more than classes, or all are 0.
    """
    numbers = _parse_numbers(entered, "Share")
    if len(numbers) > num_classes:
        raise ValueError(f"There are {len(numbers)} shares for {num_classes} classes.")
    if not (np.isfinite(numbers) & (numbers >= 0)).all() or not numbers.any():
        raise ValueError("Shares are finite numbers from 0 up, and at least one is above 0.")
    shares = np.zeros(num_classes)
    # The largest first: a sum of numbers near the end of the range would leave it.
    shares[: len(numbers)] = numbers / numbers.max()
    return shares / shares.sum()


def _parse_numbers(entered: str, noun: str) -> np.ndarray:
    words = entered.replace(",", " ").replace(";", " ").split()
    if len(words) > MAX_CLASSES:
        raise ValueError(f"At most {MAX_CLASSES} {noun.lower()}s fit here; there are {len(words)}.")
    numbers = []
    for position, word in enumerate(words, start=1):
        try:
            numbers.append(_read(word))
        except ValueError:
            raise ValueError(
                f"{noun} {position} is {word[:LONGEST_QUOTED]!r}, which is not a number. "
                f"Separate {noun.lower()}s by commas or spaces, with a point for decimals."
            ) from None
    return np.array(numbers)


def _read(word: str) -> float:
    return float(word.replace("−", "-"))
