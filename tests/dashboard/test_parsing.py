import math

import pytest

from dashboard.parsing import (
    LONGEST_QUOTED,
    MAX_CLASSES,
    parse_logits,
    parse_number,
    parse_shares,
    split_unfinished,
)


@pytest.mark.parametrize(
    ("entered", "logits"),
    [
        ("1, 2, 3", [1, 2, 3]),
        ("1 2\t3", [1, 2, 3]),
        ("1;−2.5", [1, -2.5]),
        ("1e300,-inf,Infinity", [1e300, -math.inf, math.inf]),
        ("7", [7]),
    ],
)
def test_numbers_are_read_as_people_write_them(entered: str, logits: list[float]) -> None:
    assert parse_logits(entered).tolist() == logits


@pytest.mark.parametrize(
    ("entered", "says"),
    [
        ("", "at least one logit"),
        (" , ", "at least one logit"),
        ("1, two", "Logit 2 is 'two', which is not a number"),
        ("1 <b>2</b>", "Logit 2 is '<b>2</b>'"),
        ("0 " * (MAX_CLASSES + 1), f"At most {MAX_CLASSES} logits"),
    ],
)
def test_what_is_no_number_is_named(entered: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_logits(entered)


@pytest.mark.parametrize(
    ("entered", "shares"),
    [
        ("0.5 0.25 0.25", [0.5, 0.25, 0.25]),
        ("3, 1", [0.75, 0.25, 0]),
        ("0 2", [0, 1, 0]),
        ("1e308 1e308", [0.5, 0.5, 0]),
        ("5e-324", [1, 0, 0]),
    ],
)
def test_shares_are_divided_by_their_sum(entered: str, shares: list[float]) -> None:
    assert parse_shares(entered, 3).tolist() == shares


@pytest.mark.parametrize(
    ("entered", "says"),
    [
        ("1 1 1 1", "4 shares for 3 classes"),
        ("1 -1", "from 0 up"),
        ("inf", "finite numbers"),
        ("nan 1", "finite numbers"),
        ("0 0", "at least one is above 0"),
        (" , ", "at least one is above 0"),
        ("1 <b>", "Share 2 is '<b>', which is not a number"),
        ("0 " * (MAX_CLASSES + 1), f"At most {MAX_CLASSES} shares"),
    ],
)
def test_what_is_no_share_is_named(entered: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_shares(entered, 3)


@pytest.mark.parametrize(
    ("entered", "number"), [("20", 20.0), (" −95.5 ", -95.5), ("1e3", 1000.0), ("-inf", -math.inf)]
)
def test_one_number_is_read(entered: str, number: float) -> None:
    assert parse_number(entered, "7") == number


@pytest.mark.parametrize("entered", ["", "one", "1,5", "1 2", "<b>2</b>", "0 " * 5000])
def test_who_enters_no_number_is_asked_for_one_and_for_no_list(entered: str) -> None:
    with pytest.raises(ValueError, match="Enter one number, with a point for decimals") as told:
        parse_number(entered, "7")
    says = str(told.value)
    assert says.endswith(" for example: 7")
    assert "eparate" not in says
    assert says.startswith(
        f"{entered[:LONGEST_QUOTED]!r} is not a number. " if entered else "Enter"
    )


def test_what_separates_entries_is_said_of_them() -> None:
    with pytest.raises(ValueError, match="Separate logits by"):
        parse_logits("1; two")
    with pytest.raises(ValueError, match="Separate shares by"):
        parse_shares("1; two", 3)


@pytest.mark.parametrize("word", ["-", "+", "−", ".", "-.", "1e", "2.5e-", "i", "-in", "n", "na"])
def test_a_number_still_being_typed_is_left_out(word: str) -> None:
    assert split_unfinished(f"1, 2, {word}") == ("1, 2, ", word)
    assert split_unfinished(word) == ("", word)


@pytest.mark.parametrize("entered", ["1, 2", "1,", "1.", "-1e-3", "inf", "nan", "- 1", "one", "3i"])
def test_what_no_typing_makes_a_number_is_kept(entered: str) -> None:
    assert split_unfinished(entered) == (entered, "")
