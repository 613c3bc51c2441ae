import string

import numpy as np
import pytest

from dashboard.sources import (
    MAX_OUTCOMES,
    count_text,
    parse_beside,
    parse_counts,
    source_of,
    with_share,
    written_counts,
    written_numbers,
)


@pytest.mark.parametrize(
    ("entered", "counts"),
    [
        ("3, 1 4;1", {"x1": 3, "x2": 1, "x3": 4, "x4": 1}),
        ("heads=3 tails=1", {"heads": 3, "tails": 1}),
        ("heads = 3,\ntails= 1.5e1", {"heads": 3, "tails": 15}),
        ("not raining=3, it rains=1", {"not raining": 3, "it rains": 1}),
        ("a=1, a=2, b=0", {"a": 3, "b": 0}),
        ("a=1, 5", {"a": 1, "x2": 5}),
        ("x==2", {"x=": 2}),
        ("sunny\t60\nrain\t15", {"sunny": 60, "rain": 15}),
        ("sunny 60 rain 15 ", {"sunny": 60, "rain": 15}),
        ("sunny, 60; rain, 15", {"sunny": 60, "rain": 15}),
        ("sunny: 60, light rain: 15", {"sunny": 60, "light rain": 15}),
        (":red[x]=2, 12:30=1", {":red[x]": 2, "12:30": 1}),
        ("5", {"x1": 5}),
    ],
)
def test_counts_are_read_as_people_write_them(entered: str, counts: dict[str, float]) -> None:
    assert parse_counts(entered) == counts


@pytest.mark.parametrize(
    ("entered", "says"),
    [
        ("", "at least one count"),
        (" ,;\n", "at least one count"),
        ("1, two", "Count 2 is 'two', which is not a number"),
        ("sunny 60 rain", "Count 1 is 'sunny', which is not a number"),
        ("1 60 2 x", "Count 4 is 'x', which is not a number"),
        ("a=1, b=<b>", "Count 2 is '<b>'"),
        ("a=", "Count 1 is ''"),
        ("1, -1", "Count 2 is -1: it must be finite and not negative"),
        ("inf", "must be finite"),
        ("1 nan", "must be finite"),
        ("0, 0", "At least one count must be above 0"),
        ("1 " * (MAX_OUTCOMES + 1), f"At most {MAX_OUTCOMES} outcomes"),
    ],
)
def test_what_is_no_count_is_named(entered: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_counts(entered)


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("Letters", {"a": 3, "b": 1}),
        ("Characters", {"A": 2, "␣": 2, "a": 1, "b": 1, "!": 1, "↵": 1, "U+0007": 1}),
        ("Words", {"a": 2, "ab": 1}),
    ],
)
def test_a_text_is_counted(kind: str, counts: dict[str, float]) -> None:
    counted = count_text("A a Ab!\n\x07", kind)
    assert counted == counts
    assert list(counted.values()) == sorted(counts.values(), reverse=True)


def test_a_sign_that_stands_for_a_space_is_counted_with_it() -> None:
    assert count_text("␣ a", "Characters") == {"␣": 2, "a": 1}


def test_a_letter_with_its_accent_is_one_however_it_was_typed() -> None:
    assert count_text("e\u0301\u00e9e", "Letters") == {"\u00e9": 2, "e": 1}


def test_a_text_without_letters_says_so() -> None:
    with pytest.raises(ValueError, match="no letters to count"):
        count_text("1, 2", "Letters")


@pytest.mark.parametrize("counts", [[3, 1, 0], [1e308, 1e308, 1e308], [1e-320, 0, 1e-320]])
def test_a_source_sums_to_one_whatever_the_size_of_its_counts(counts: list[float]) -> None:
    source = source_of(dict(zip("abc", counts, strict=True)))
    assert source.p.sum() == pytest.approx(1, abs=1e-15)
    ratio = np.array(counts) / max(counts)
    np.testing.assert_allclose(source.p, ratio / ratio.sum())


def test_what_never_occurs_is_left_out() -> None:
    occurring = source_of({"a": 1, "b": 0, "c": 3}).occurring()
    assert occurring.names == ("a", "c")
    assert occurring.p.tolist() == [0.25, 0.75]


def test_a_second_distribution_is_read_by_place_or_by_name() -> None:
    source = source_of({"a": 1, "b": 2, "c": 1})
    assert parse_beside("  ", source).p.tolist() == pytest.approx([1 / 3] * 3)
    assert parse_beside("1 1 2", source).p.tolist() == [0.25, 0.25, 0.5]
    assert parse_beside("c=3, a=1", source).p.tolist() == [0.25, 0, 0.75]
    assert parse_beside("c=3, a=1", source).names == source.names
    assert parse_beside("c 3 b 2 a 1", source).p.tolist() == pytest.approx([1 / 6, 1 / 3, 1 / 2])


@pytest.mark.parametrize(
    ("entered", "says"),
    [
        ("1 2", "p has 3, q 2"),
        ("a=1, d=2", "'d', which is not an outcome"),
        ("1 2 x", "Count 3 is 'x'"),
        ("a 1 b 2 d 3", "'d', which is not an outcome"),
    ],
)
def test_what_is_no_second_distribution_is_named(entered: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_beside(entered, source_of({"a": 1, "b": 2, "c": 1}))


@pytest.mark.parametrize("names", [("a", "b c", "d"), ("x1", "x2", "x3")])
def test_counts_are_written_so_that_they_are_read_again(names: tuple[str, ...]) -> None:
    values = np.array([62.5, 0.0, 37.5])
    text = written_counts(names, values)
    assert parse_counts(text) == dict(zip(names, values, strict=True))
    assert ("=" in text) == (names[0] == "a")


def test_numbers_are_written_to_all_their_digits() -> None:
    source = source_of({",": 12.702, "=": 1e308, " ": 3.0})
    written = parse_beside(written_numbers(source.counts), source)
    assert written.p.tolist() == source.p.tolist()


def test_a_share_moves_and_the_others_keep_their_proportions() -> None:
    p = np.array([0.5, 0.3, 0.2])
    assert with_share(p, 0, 0.75).tolist() == pytest.approx([0.75, 0.15, 0.1])
    assert with_share(p, 1, 1.0).tolist() == [0, 1, 0]
    # Nothing else had a share: what is left goes to all alike.
    assert with_share(np.array([1.0, 0, 0]), 0, 0.5).tolist() == [0.5, 0.25, 0.25]


def test_every_printable_name_survives_its_own_text() -> None:
    names = [letter for letter in string.printable if letter not in string.whitespace + ",;="]
    text = ", ".join(f"{name}=2" for name in names)
    assert list(parse_counts(text)) == names
