import math

import pytest

from dashboard.state import (
    LOGITS,
    MAX_CLASSES,
    SAMPLES,
    parse_logits,
    parse_shares,
    split_unfinished,
)
from tests.dashboard.test_pages import open_page


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


def test_every_sample_can_be_read_and_has_its_class() -> None:
    for sample in SAMPLES:
        assert sample.label < len(parse_logits(sample.logits))


@pytest.mark.parametrize("word", ["-", "+", "−", ".", "-.", "1e", "2.5e-", "i", "-in", "n", "na"])
def test_a_number_still_being_typed_is_left_out(word: str) -> None:
    assert split_unfinished(f"1, 2, {word}") == ("1, 2, ", word)
    assert split_unfinished(word) == ("", word)


@pytest.mark.parametrize("entered", ["1, 2", "1,", "1.", "-1e-3", "inf", "nan", "- 1", "one", "3i"])
def test_what_no_typing_makes_a_number_is_kept(entered: str) -> None:
    assert split_unfinished(entered) == (entered, "")


def test_what_the_field_holds_is_chosen_of_the_samples() -> None:
    for logits, chosen in ((SAMPLES[2].logits, SAMPLES[2].title), ("3, 1", None)):
        page = open_page("activations", logits=logits)
        assert page.button_group(key="sample logits").value == chosen
    samples = page.button_group(key="sample logits")
    samples.set_value(SAMPLES[4].title).run()
    assert page.text_input(key=LOGITS.key).value == SAMPLES[4].logits
    page.text_input(key=LOGITS.key).set_value("2, 1").run()
    assert page.button_group(key="sample logits").value is None
    page.button_group(key="sample logits").set_value(SAMPLES[1].title).run()
    assert page.text_input(key=LOGITS.key).value == SAMPLES[1].logits


def test_a_click_on_the_sample_that_is_held_enters_it_again() -> None:
    page = open_page("losses", logits=SAMPLES[4].logits, label="class 1")
    samples = page.button_group(key="sample logits")
    assert samples.value == SAMPLES[4].title
    # What the browser sends for a click on what is chosen.
    samples.set_value(None).run()
    assert page.button_group(key="sample logits").value == SAMPLES[4].title
    assert page.text_input(key=LOGITS.key).value == SAMPLES[4].logits
    assert page.selectbox(key="label").value == f"class {SAMPLES[4].label}"


@pytest.mark.parametrize(
    ("before", "typed"), [(SAMPLES[0].logits, ("4", "4, 1")), ("4, 2", (SAMPLES[0].logits, "4, 1"))]
)
def test_typing_counts_though_the_browser_still_says_which_sample_was_held(
    before: str, typed: tuple[str, str]
) -> None:
    page = open_page("losses", logits=before, label="class 1")
    held = page.button_group(key="sample logits").value
    page.text_input(key=LOGITS.key).set_value(typed[0]).run()
    assert page.button_group(key="sample logits").value != held
    page.button_group(key="sample logits").set_value(held)
    page.text_input(key=LOGITS.key).set_value(typed[1]).run()
    assert page.text_input(key=LOGITS.key).value == typed[1]
    assert page.button_group(key="sample logits").value is None
    assert page.selectbox(key="label").value == "class 1"
