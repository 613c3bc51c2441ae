"""Surprise, codes and messages of a source."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.coding import (
    Code,
    block_bits,
    block_code,
    encode,
    expected_length,
    huffman_code,
    sample_message,
    shannon_lengths,
)
from core.entropy import binary_entropy, cross_entropy, entropy, kl_divergence, surprisal
from dashboard.frames.common import CURVE_POINTS
from dashboard.sources import Source

MAX_BLOCKS = 8192
MAX_BLOCK_SIZE = 10
# Of the part of a message that is written out.
WRITTEN_SYMBOLS = 24
WRITTEN_WIDTH = 36


def surprises(source: Source) -> pd.DataFrame:
    """Return each outcome: outcome, probability, surprise_bits, and what it adds to H, term_bits.

    The most probable first. What never happens has infinite surprise, and adds nothing.
    """
    order = _by_probability(source)
    bits = surprisal(source.p, base=2)
    terms = np.where(source.p > 0, source.p * np.where(source.p > 0, bits, 0), 0)
    return pd.DataFrame(
        {
            "outcome": [source.names[i] for i in order],
            "probability": source.p[order],
            "surprise_bits": bits[order],
            "term_bits": terms[order],
        }
    )


def entropy_bits(source: Source) -> dict[str, float]:
    """Return the entropy of a source, and the most that so many outcomes can have."""
    num_outcomes = len(source.p)
    return {
        "entropy": float(entropy(source.p, base=2)),
        "most": float(entropy(np.full(num_outcomes, 1 / num_outcomes), base=2)),
    }


def binary_curve(current: float = 0.5) -> pd.DataFrame:
    """Return the entropy of a yes-no question: probability, surprise_bits (of yes), entropy_bits.

    One of the probabilities is `current`.
    """
    p = np.unique(np.append(np.linspace(0, 1, CURVE_POINTS), current))
    return pd.DataFrame(
        {
            "probability": p,
            "surprise_bits": surprisal(p, base=2),
            "entropy_bits": binary_entropy(p, base=2),
        }
    )


def yes_no_bits(p: float) -> float:
    """Return the entropy of a yes-no question in bits."""
    return float(binary_entropy(p, base=2))


def code_table(source: Source, code: Code) -> pd.DataFrame:
    """Return the code: outcome, probability, surprise_bits, word, length_bits, term_bits.

    Rows are as in `surprises`, and a term is the probability times the length. `source` has only
    outcomes that occur.
    """
    order = _by_probability(source)
    lengths = np.array([len(word or "") for word in code])
    return pd.DataFrame(
        {
            "outcome": [source.names[i] for i in order],
            "probability": source.p[order],
            "surprise_bits": surprisal(source.p, base=2)[order],
            "word": [code[i] for i in order],
            "length_bits": lengths[order],
            "term_bits": (source.p * lengths)[order],
        }
    )


def tree(source: Source, code: Code) -> pd.DataFrame:
    """Return the branches of a code's tree, a row for each: where it starts, turns and ends.

    Columns: word, bit, outcome (None inside the tree), probability, depth, parent_depth, row,
    parent_row. Leaves stand in rows in the order of their words, a parent between its children.
    """
    leaves = sorted(
        (word, name, float(p))
        for word, name, p in zip(code, source.names, source.p, strict=True)
        if word is not None
    )
    rows = {word: float(row) for row, (word, _, _) in enumerate(leaves)}
    shares = {word: p for word, _, p in leaves}
    names = {word: name for word, name, _ in leaves}
    inside = {word[:depth] for word, _, _ in leaves for depth in range(len(word))}
    for word in sorted(inside, key=len, reverse=True):
        rows[word] = (rows[word + "0"] + rows[word + "1"]) / 2
        shares[word] = shares[word + "0"] + shares[word + "1"]
    return pd.DataFrame(
        [
            (word, word[-1], names.get(word), shares[word], len(word), len(word) - 1,
             rows[word], rows[word[:-1]])
            for word in sorted(rows)
            if word
        ],
        columns=["word", "bit", "outcome", "probability", "depth", "parent_depth", "row",
                 "parent_row"],
    )  # fmt: skip


def message(source: Source, length: int, seed: int) -> np.ndarray:
    """Return a message drawn from a source, as the numbers of its outcomes."""
    return sample_message(source.p, length, np.random.default_rng(seed))


def written_message(source: Source, code: Code, symbols: np.ndarray) -> str:
    """Return how a message starts, with its words below it, in lines that fit on a phone."""
    lines: list[tuple[str, str]] = [("", "")]
    for symbol in symbols[:WRITTEN_SYMBOLS]:
        name = source.names[symbol]
        name = name if len(name) < WRITTEN_WIDTH else f"{name[: WRITTEN_WIDTH - 2]}…"
        word = encode([int(symbol)], code)
        width = max(len(name), len(word)) + 1
        above, below = lines[-1]
        if above and len(above) + width > WRITTEN_WIDTH:
            lines.append(("", ""))
            above, below = "", ""
        lines[-1] = above + name.ljust(width), below + word.ljust(width)
    return "\n\n".join(f"{above.rstrip()}\n{below.rstrip()}" for above, below in lines)


def largest_block(num_outcomes: int) -> int:
    """Return the most symbols in a block whose code is still quickly made."""
    fitting = [n for n in range(1, MAX_BLOCK_SIZE + 1) if num_outcomes**n <= MAX_BLOCKS]
    return max(fitting, default=1)


def growth(source: Source, symbols: np.ndarray, n: int) -> pd.DataFrame:
    """Return the bits a symbol while a message grows.

    Columns: symbols, counted, bits_per_symbol and above_entropy, how far that is from the entropy.
    `counted` says of what: of its surprise, of its Huffman words, of words for blocks of `n`, where
    only whole blocks are. `source` has only outcomes that occur.
    """
    lengths = np.array([len(word or "") for word in huffman_code(source.p)])
    counted = {
        "Surprise": (1, surprisal(source.p, base=2)[symbols]),
        "Huffman code": (1, lengths[symbols]),
    }
    if n > 1:
        words, _ = block_code(source.p, n)
        whole = symbols[: len(symbols) // n * n].reshape(-1, n)
        blocks = np.ravel_multi_index(tuple(whole.T), (len(source.p),) * n)
        counted[f"Blocks of {n}"] = (n, np.array([len(word or "") for word in words])[blocks])
    # The same lengths for all, so that they are read out together.
    seen = np.unique(np.geomspace(1, len(symbols), CURVE_POINTS).round().astype(int))
    places = {name: seen[seen >= size] for name, (size, _) in counted.items()}
    means = []
    for name, (size, bits) in counted.items():
        sent = places[name] // size
        means.append(np.cumsum(bits)[sent - 1] / (sent * size))
    bits_per_symbol = np.concatenate(means)
    return pd.DataFrame(
        {
            "symbols": np.concatenate(list(places.values())),
            "counted": [name for name, at in places.items() for _ in at],
            "bits_per_symbol": bits_per_symbol,
            "above_entropy": bits_per_symbol - float(entropy(source.p, base=2)),
        }
    )


def block_lengths(source: Source) -> pd.DataFrame:
    """Return what longer blocks cost: n, bits_per_symbol, entropy_bits, and their bound H + 1/n.

    `source` has only outcomes that occur.
    """
    bits = float(entropy(source.p, base=2))
    sizes = range(1, largest_block(len(source.p)) + 1)
    return pd.DataFrame(
        {
            "n": list(sizes),
            "bits_per_symbol": [block_bits(source.p, n) for n in sizes],
            "entropy_bits": bits,
            "bound_bits": [bits + 1 / n for n in sizes],
        }
    )


def wrong_code(source: Source, other: Source) -> pd.DataFrame:
    """Return both ideal lengths of each outcome's word, the right one's and that of q.

    Columns: outcome, probability, q, surprise_bits, length_bits (−log₂ q), difference_bits (what
    q's costs more on average), the most probable first.
    """
    order = _by_probability(source)
    place = {name: i for i, name in enumerate(other.names)}
    beside = [place[name] for name in source.names]
    bits, lengths = surprisal(source.p, base=2), surprisal(other.p, base=2)[beside]
    occurs = source.p > 0
    more = np.where(occurs, lengths, 0) - np.where(occurs, bits, 0)
    return pd.DataFrame(
        {
            "outcome": [source.names[i] for i in order],
            "probability": source.p[order],
            "surprise_bits": bits[order],
            "q": other.p[beside][order],
            "length_bits": lengths[order],
            "difference_bits": (source.p * more)[order],
        }
    )


def costs(source: Source, other: Source) -> dict[str, float]:
    """Return the bits a symbol from p takes: at best, and by codes made for q."""
    return {
        "entropy": float(entropy(source.p, base=2)),
        "divergence": float(kl_divergence(source.p, other.p, base=2)),
        "cross_entropy": float(cross_entropy(source.p, other.p, base=2)),
        "whole_bits": expected_length(shannon_lengths(other.p), source.p),
    }


def _by_probability(source: Source) -> np.ndarray:
    """Return the numbers of the outcomes, the most probable first."""
    return np.argsort(-source.p, kind="stable")
