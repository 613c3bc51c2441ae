import pytest

from dashboard import links
from dashboard.parsing import parse_logits
from dashboard.samples import LOGITS, SAMPLES
from tests.dashboard.test_pages import open_page


def test_every_sample_can_be_read_and_has_its_class() -> None:
    for sample in SAMPLES:
        assert sample.label < len(parse_logits(sample.logits))


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


def test_a_click_remembers_what_it_changed_and_nothing_else() -> None:
    page = open_page("losses", logits="3, 1", label="class 0")
    page.button_group(key="sample logits").set_value(SAMPLES[1].title).run()
    # The true class is the same: a page that forgot it would run as a whole for nothing.
    assert page.session_state[links.SENT].changed == {LOGITS.key: (("3, 1",), SAMPLES[1].logits)}


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
    heard = page.number_input(key="logits heard").value
    page.text_input(key=LOGITS.key).set_value(typed[0]).run()
    assert page.button_group(key="sample logits").value != held
    page.button_group(key="sample logits").set_value(held)
    page.number_input(key="logits heard").set_value(heard)
    page.text_input(key=LOGITS.key).set_value(typed[1]).run()
    assert page.text_input(key=LOGITS.key).value == typed[1]
    assert page.button_group(key="sample logits").value is None
    assert page.selectbox(key="label").value == "class 1"
