"""Entropy as the shortest lossless encoding: prefix codes, their lengths and their messages.

A code is a tuple of words over 0 and 1, one per symbol; None where a symbol has none, because it
never occurs.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array
from core.entropy import surprisal

__all__ = [
    "Code",
    "block_bits",
    "block_code",
    "block_distribution",
    "decode",
    "encode",
    "expected_length",
    "huffman_code",
    "sample_message",
    "shannon_lengths",
]

Code = tuple[str | None, ...]

MAX_BLOCKS = 1 << 20
# Of which there is one number for all of a kind: beyond this it is no float any more.
MAX_LOG2_BLOCKS = 1000


def huffman_code(p: npt.ArrayLike) -> Code:
    """Return a prefix code of the smallest expected length for symbols drawn from `p`.

    Parameters
    ----------
    p : array_like, shape (K,)
        The probability of each symbol.

    Returns
    -------
    tuple of str or None
        The word of each symbol. A symbol of probability 0 has none; a symbol that is alone has the
        empty word, for there is nothing to say. Of equals, the earlier symbol is merged first.

    Raises
    ------
    ValueError
        If `p` is not one distribution.
    TypeError
        If `p` is not made of real numbers.

    Notes
    -----
    The two rarest symbols are merged until one is left. H ≤ L < H + 1 bits.

    References
    ----------
    Huffman (1952), "A method for the construction of minimum-redundancy codes",
    doi:10.1109/JRPROC.1952.273898.

    Examples
    --------
    >>> huffman_code([0.5, 0.25, 0.25, 0.0])
    ('0', '10', '11', None)
    """
    probabilities = _one_distribution(p, "p")
    symbols = np.flatnonzero(probabilities)
    num_words = len(symbols)
    # Groups are numbered: those of one symbol first, then the merged ones as they come.
    heap = list(zip(probabilities[symbols].tolist(), range(num_words), strict=True))
    heapq.heapify(heap)
    earliest = list(range(num_words))
    halves: list[tuple[int, int]] = []
    while len(heap) > 1:
        share, rarest = heapq.heappop(heap)
        other_share, second = heap[0]
        # The earlier group gets 0, so that the words read in the order of the symbols.
        is_first = earliest[rarest] < earliest[second]
        halves.append((rarest, second) if is_first else (second, rarest))
        earliest.append(min(earliest[rarest], earliest[second]))
        heapq.heapreplace(heap, (share + other_share, num_words + len(halves) - 1))
    words = [""] * (num_words + len(halves))
    for group in range(len(words) - 1, num_words - 1, -1):
        first, other = halves[group - num_words]
        words[first], words[other] = words[group] + "0", words[group] + "1"
    code: list[str | None] = [None] * len(probabilities)
    for symbol, word in zip(symbols.tolist(), words, strict=False):
        code[symbol] = word
    return tuple(code)


def shannon_lengths(q: npt.ArrayLike) -> Array:
    """Return the word lengths ⌈−log₂ q⌉ in bits, the integers nearest above the surprise.

    Parameters
    ----------
    q : array_like, shape (K,)
        The distribution that the code is made for.

    Returns
    -------
    ndarray, shape (K,)
        Whole numbers as floats; +inf where `q` is 0.

    Raises
    ------
    ValueError
        If `q` is not one distribution.
    TypeError
        If `q` is not made of real numbers.

    Notes
    -----
    A prefix code of these lengths exists, for Σ 2^−l ≤ 1. Used on messages from p it costs
    H(p) + KL(p‖q) ≤ L < H(p) + KL(p‖q) + 1 bits a symbol.

    References
    ----------
    Shannon (1948), doi:10.1002/j.1538-7305.1948.tb01338.x, section 9.

    Examples
    --------
    >>> shannon_lengths([0.5, 0.3, 0.2])
    array([1., 2., 3.])
    """
    lengths: Array = np.ceil(surprisal(_one_distribution(q, "q"), base=2))
    return lengths


def expected_length(code: Code | npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Return how many bits a symbol from `p` takes on average.

    Parameters
    ----------
    code : tuple of str or None, or array_like of shape (K,)
        A code, or the lengths of its words in bits.
    p : array_like, shape (K,)
        The probability of each symbol.

    Returns
    -------
    float
        Σ p l; +inf where a symbol that occurs has no word.

    Raises
    ------
    ValueError
        If `p` is not one distribution, or has not one probability per word.
    TypeError
        If `p` is not made of real numbers.

    Examples
    --------
    >>> expected_length(huffman_code([0.5, 0.25, 0.25]), [0.5, 0.25, 0.25])
    1.5
    """
    probabilities = _one_distribution(p, "p")
    if isinstance(code, tuple) and all(word is None or isinstance(word, str) for word in code):
        lengths = np.array([np.inf if word is None else len(word) for word in code])
    else:
        lengths = np.asarray(code, dtype=float)
    _checks.require_same_shape(lengths, "code", probabilities, "p")
    occurs = probabilities > 0
    return float(probabilities[occurs] @ lengths[occurs])


def block_distribution(p: npt.ArrayLike, n: int) -> Array:
    """Return the probability of each block of `n` independent symbols, in lexical order.

    Parameters
    ----------
    p : array_like, shape (K,)
        The probability of each symbol.
    n : int
        Symbols in a block.

    Returns
    -------
    ndarray, shape (Kⁿ,)

    Raises
    ------
    ValueError
        If `p` is not one distribution, `n` is less than 1, or there are more than 2²⁰ blocks.
    TypeError
        If `p` is not made of real numbers.

    Examples
    --------
    >>> block_distribution([0.75, 0.25], 2)
    array([0.5625, 0.1875, 0.1875, 0.0625])
    """
    probabilities = _one_distribution(p, "p")
    if n < 1:
        raise ValueError(f"n must be at least 1; got {n}")
    if len(probabilities) ** n > MAX_BLOCKS:
        raise ValueError(
            f"at most {MAX_BLOCKS} blocks fit; {len(probabilities)} symbols in blocks of {n} are "
            f"{len(probabilities) ** n}"
        )
    blocks = probabilities
    for _ in range(n - 1):
        blocks = np.multiply.outer(blocks, probabilities).reshape(-1)
    return blocks


def block_code(p: npt.ArrayLike, n: int) -> tuple[Code, float]:
    """Return a Huffman code over blocks of `n` symbols, and its bits a symbol.

    Parameters
    ----------
    p : array_like, shape (K,)
        The probability of each symbol.
    n : int
        Symbols in a block.

    Returns
    -------
    code : tuple of str or None
        The word of each block, in the order of `block_distribution`.
    bits_per_symbol : float
        H ≤ L < H + 1/n: longer blocks come as near to the entropy as one likes.

    Raises
    ------
    ValueError, TypeError
        As `block_distribution`.

    Examples
    --------
    >>> [round(block_code([0.9, 0.1], n)[1], 4) for n in (1, 2, 4)]
    [1.0, 0.645, 0.4926]
    """
    blocks = block_distribution(p, n)
    code = huffman_code(blocks)
    return code, expected_length(code, blocks) / n


def block_bits(p: npt.ArrayLike, n: int) -> float:
    """Return the bits a symbol of a Huffman code over blocks of `n` symbols, without its words.

    Parameters
    ----------
    p : array_like, shape (K,)
        The probability of each symbol.
    n : int
        Symbols in a block.

    Returns
    -------
    float
        What `block_code` returns with the words, up to rounding.

    Raises
    ------
    ValueError
        If `p` is not one distribution, `n` is less than 1, or there are more than 2²⁰ kinds of
        block or 2¹⁰⁰⁰ blocks.
    TypeError
        If `p` is not made of real numbers.

    Notes
    -----
    A code's expected length is the sum of all merged probabilities. Blocks that hold each symbol
    equally often are equally probable, C(n + K − 1, n) kinds for Kⁿ blocks, and while they are the
    rarest they merge in pairs, all at once.

    Examples
    --------
    >>> [round(block_bits([0.9, 0.1], n), 4) for n in (1, 2, 100)]
    [1.0, 0.645, 0.4693]
    """
    heap = _kinds_of_blocks(_one_distribution(p, "p"), n)
    heapq.heapify(heap)
    merged = []
    while True:
        share, count = heapq.heappop(heap)
        if count > 1:
            pairs, count = divmod(count, 2)
            merged.append(2 * share * pairs)
            heapq.heappush(heap, (2 * share, pairs))
        if count and not heap:
            return math.fsum(merged) / n
        if count:
            other, others = heap[0]
            merged.append(share + other)
            heapq.heapreplace(heap, (share + other, 1))
            if others > 1:
                heapq.heappush(heap, (other, others - 1))


def _kinds_of_blocks(probabilities: Array, n: int) -> list[tuple[float, int]]:
    """Return the probability of a block of each kind that occurs, and how many there are."""
    if n < 1:
        raise ValueError(f"n must be at least 1; got {n}")
    num_symbols = int(np.count_nonzero(probabilities))
    num_kinds = math.comb(n + num_symbols - 1, n)
    if num_kinds > MAX_BLOCKS or n * math.log2(num_symbols) > MAX_LOG2_BLOCKS:
        raise ValueError(
            f"at most {MAX_BLOCKS} kinds of block and 2^{MAX_LOG2_BLOCKS} blocks fit; blocks of "
            f"{n} of {num_symbols} symbols are of {num_kinds} kinds"
        )
    # Filled by symbol after symbol: how many places are taken, the probability, the number.
    kinds = [(0, 1.0, 1)]
    for probability in probabilities[probabilities > 0].tolist():
        kinds = [
            (taken + times, share * probability**times, count * math.comb(n - taken, times))
            for taken, share, count in kinds
            for times in range(n - taken + 1)
        ]
    return [(share, count) for taken, share, count in kinds if taken == n]


def encode(message: Sequence[int], code: Code) -> str:
    """Return the words of a message, one after the other.

    Parameters
    ----------
    message : sequence of int
        Symbols 0…K−1.
    code : tuple of str or None
        The word of each symbol.

    Returns
    -------
    str
        Zeros and ones.

    Raises
    ------
    ValueError
        If the message holds a symbol that has no word.

    Examples
    --------
    >>> encode([0, 2, 1], ("0", "10", "11"))
    '01110'
    """
    words = []
    for position, symbol in enumerate(message):
        word = code[symbol] if 0 <= symbol < len(code) else None
        if word is None:
            raise ValueError(
                f"message must be of symbols that have a word; got {symbol} at index {position}"
            )
        words.append(word)
    return "".join(words)


def decode(bits: str, code: Code, length: int | None = None) -> list[int]:
    """Return the message whose words are `bits`.

    Parameters
    ----------
    bits : str
        Zeros and ones.
    code : tuple of str or None
        A prefix code.
    length : int, optional
        How many symbols the message has; needed where one symbol has the empty word.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If the bits are no message in this code, or a length is needed and missing.

    Examples
    --------
    >>> decode("01110", ("0", "10", "11"))
    [0, 2, 1]
    """
    symbols = {word: symbol for symbol, word in enumerate(code) if word is not None}
    if "" in symbols:
        if length is None or bits:
            raise ValueError(
                "a code whose only word is empty needs the length of the message, and no bits"
            )
        return [symbols[""]] * length
    message = []
    word = ""
    for bit in bits:
        word += bit
        if word in symbols:
            message.append(symbols[word])
            word = ""
    if word:
        raise ValueError(f"bits must end with a whole word; {word[:40]!r} is left over")
    return message


def sample_message(p: npt.ArrayLike, length: int, rng: np.random.Generator) -> Array:
    """Return a message of independent symbols drawn from `p`.

    Parameters
    ----------
    p : array_like, shape (K,)
        The probability of each symbol.
    length : int
        How many symbols.
    rng : numpy.random.Generator
        Where chance comes from: one seed, one message.

    Returns
    -------
    ndarray of int, shape (length,)
        Symbols 0…K−1, none of probability 0.

    Raises
    ------
    ValueError
        If `p` is not one distribution, has a NaN, or `length` is negative.
    TypeError
        If `p` is not made of real numbers.

    Notes
    -----
    By the law of large numbers, the mean surprise of its symbols tends to H(p).

    Examples
    --------
    >>> sample_message([0.0, 1.0], 3, np.random.default_rng(0))
    array([1, 1, 1])
    """
    probabilities = _one_distribution(p, "p")
    if np.isnan(probabilities).any():
        raise ValueError("p must not have a NaN")
    if length < 0:
        raise ValueError(f"length must be at least 0; got {length}")
    # NumPy is stricter about the sum than a distribution has to be here.
    return rng.choice(len(probabilities), size=length, p=probabilities / probabilities.sum())


def _one_distribution(p: npt.ArrayLike, name: str) -> Array:
    values, _ = _checks.as_float(p, name)
    values = values.astype(np.float64)
    if values.ndim != 1:
        raise ValueError(f"{name} must be one distribution, shape (K,); got shape {values.shape}")
    _checks.require_distribution(values, name)
    return values
