import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.coding import (
    block_bits,
    block_code,
    block_distribution,
    decode,
    encode,
    expected_length,
    huffman_code,
    sample_message,
    shannon_lengths,
)
from core.entropy import entropy, kl_divergence

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any)


def distribution(counts: list[int]) -> np.ndarray:
    return np.array(counts) / sum(counts)


def test_powers_of_two_are_coded_at_their_entropy() -> None:
    p = [0.5, 0.25, 0.125, 0.125]
    assert huffman_code(p) == ("0", "10", "110", "111")
    assert expected_length(huffman_code(p), p) == entropy(p, base=2) == 1.75


def test_words_read_in_the_order_of_the_symbols() -> None:
    assert huffman_code([0.6, 0.2, 0.15, 0.05]) == ("0", "10", "110", "111")
    assert huffman_code([0.05, 0.15, 0.2, 0.6]) == ("000", "001", "01", "1")


def test_a_certain_symbol_needs_no_bits() -> None:
    code = huffman_code([0.0, 1.0])
    assert code == (None, "")
    assert expected_length(code, [0.0, 1.0]) == 0
    assert encode([1, 1, 1], code) == ""
    assert decode("", code, length=3) == [1, 1, 1]


@given(COUNTS)
def test_huffman_lies_within_a_bit_of_the_entropy_and_is_a_prefix_code(counts: list[int]) -> None:
    p = distribution(counts)
    code = huffman_code(p)
    bits = entropy(p, base=2)
    assert bits - 1e-12 <= expected_length(code, p) < bits + 1
    words = [word for word in code if word is not None]
    assert len(words) == np.count_nonzero(p)
    assert not any(a != b and b.startswith(a) for a in words for b in words)
    if len(words) > 1:
        assert sum(2.0 ** -len(word) for word in words) == 1


@given(COUNTS, st.data())
def test_a_message_comes_back(counts: list[int], data: st.DataObject) -> None:
    code = huffman_code(distribution(counts))
    symbols = [symbol for symbol, word in enumerate(code) if word is not None]
    message = data.draw(st.lists(st.sampled_from(symbols), max_size=50))
    assert decode(encode(message, code), code, length=len(message)) == message


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 100)), min_size=1, max_size=10))
def test_the_wrong_code_costs_the_divergence(pairs: list[tuple[int, int]]) -> None:
    counts = [a for a, _ in pairs]
    if not any(counts):
        counts[0] = 1
    p, q = distribution(counts), distribution([b for _, b in pairs])
    cost = entropy(p, base=2) + kl_divergence(p, q, base=2)
    assert cost - 1e-12 <= expected_length(shannon_lengths(q), p) < cost + 1


def test_shannon_lengths_are_the_surprise_rounded_up() -> None:
    assert shannon_lengths([0.5, 0.25, 0.25]).tolist() == [1, 2, 2]
    assert shannon_lengths([0.9, 0.1, 0.0]).tolist() == [1, 4, math.inf]


def test_longer_blocks_approach_the_entropy() -> None:
    p = [0.9, 0.1]
    bits = float(entropy(p, base=2))
    lengths = [block_code(p, n)[1] for n in range(1, 9)]
    for n, length in enumerate(lengths, start=1):
        assert bits <= length < bits + 1 / n
    assert lengths[-1] < bits + 0.02
    np.testing.assert_allclose(block_distribution(p, 3).sum(), 1)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any), st.integers(1, 5))
def test_the_bits_of_blocks_are_those_of_their_code(counts: list[int], n: int) -> None:
    p = distribution(counts)
    assert block_bits(p, n) == pytest.approx(block_code(p, n)[1], rel=1e-13)


def test_the_bits_of_blocks_need_no_words() -> None:
    p = [0.9, 0.1]
    bits = float(entropy(p, base=2))
    assert bits <= block_bits(p, 200) < bits + 1 / 200
    assert block_bits([0.25] * 4, 30) == 2
    assert block_bits([1.0, 0.0], 7) == 0
    assert block_bits([0.5, 0.5], 300) == 1


def test_a_symbol_without_a_word_costs_everything() -> None:
    assert expected_length(huffman_code([1.0, 0.0]), [0.5, 0.5]) == math.inf


def test_a_sampled_message_has_the_frequencies_of_its_source_and_comes_again() -> None:
    # Sums to 1 no better than decimals typed by hand.
    p = [0.5, 0.0, 0.3, 0.2 + 5e-7]
    message = sample_message(p, 100_000, np.random.default_rng(3))
    frequencies = np.bincount(message, minlength=4) / 100_000
    assert frequencies[1] == 0
    # Five standard deviations.
    np.testing.assert_allclose(frequencies, p, atol=5 * math.sqrt(0.25 / 100_000))
    np.testing.assert_array_equal(message, sample_message(p, 100_000, np.random.default_rng(3)))
    assert len(sample_message(p, 0, np.random.default_rng(3))) == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: huffman_code([]), "p must not be empty"),
        (lambda: huffman_code([[0.5, 0.5]]), r"one distribution, shape \(K,\); got shape \(1, 2\)"),
        (lambda: huffman_code([0.5, 0.4]), "p must sum to 1"),
        (lambda: expected_length(("0", "1"), [1.0]), "same shape"),
        (lambda: block_bits([0.5, 0.5], 0), "n must be at least 1; got 0"),
        (lambda: block_bits([0.5, 0.4], 1), "p must sum to 1"),
        (lambda: block_bits([0.1] * 10, 20), "blocks of 20 of 10 symbols are of 10015005 kinds"),
        (
            lambda: block_bits([0.5, 0.5], 1001),
            r"kinds of block and 2\^1000 blocks fit",
        ),
        (lambda: block_code([0.5, 0.5], 0), "n must be at least 1; got 0"),
        (lambda: block_code([0.5, 0.5], 21), "at most 1048576 blocks"),
        (lambda: encode([0, 2], ("0", "1")), "got 2 at index 1"),
        (lambda: encode([-1], ("0", "1")), "got -1 at index 0"),
        (lambda: encode([1], ("0", None)), "got 1 at index 0"),
        (lambda: decode("1", ("0", "10")), "'1' is left over"),
        (lambda: decode("", ("",)), "needs the length"),
        (lambda: sample_message([1.0], -1, np.random.default_rng(0)), "at least 0; got -1"),
        (lambda: sample_message([np.nan, 1], 1, np.random.default_rng(0)), "must not have a NaN"),
        (lambda: sample_message([0.5], 1, np.random.default_rng(0)), "p must sum to 1"),
    ],
)
def test_bad_input_is_named(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
