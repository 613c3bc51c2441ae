"""Who is faster than the server: what it sends late puts nothing wrong into the link."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.activations import sigmoid
from dashboard.parsing import parse_logits
from dashboard.samples import SAMPLES, Sample
from dashboard.views.entropy import PRESETS
from dashboard.views.gradients import PRESETS as FORMULAS
from tests.browser.pages import assert_link_becomes, opened, query

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-moved")]

# A title that no page has: the page takes it when it has heard all that was said before it.
HEARD = "all was heard"


class Wire:
    """What the server says to a page, which can be held back for a while."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._is_holding = False
        self._held: list[bytes] = []
        self._browsers: list[WebSocketRoute] = []
        self._servers: list[WebSocketRoute] = []
        self._said: list[bytes] = []
        page.route_web_socket(re.compile("/_stcore/stream"), self._stand_between)

    def _stand_between(self, browser: WebSocketRoute) -> None:
        self._browsers.append(browser)
        self._servers.append(browser.connect_to_server())
        self._servers[-1].on_message(self._hear)
        browser.on_message(self._say)

    def _say(self, message: str | bytes) -> None:
        assert isinstance(message, bytes)
        self._said.append(message)
        self._servers[-1].send(message)

    def _hear(self, message: str | bytes) -> None:
        if self._is_holding:
            assert isinstance(message, bytes)
            self._held.append(message)
        else:
            self._browsers[-1].send(message)

    def hold(self) -> None:
        """Keep from now on what the server says."""
        self._is_holding = True

    def wait_for_runs(self, number: int) -> None:
        """Return when as many runs are over, since it is held, as `number`."""
        while sum(self._is_end(message) for message in self._held) < number:
            self._page.wait_for_timeout(20)

    @staticmethod
    def _is_end(message: bytes) -> bool:
        return ForwardMsg.FromString(message).HasField("script_finished")

    def release(self) -> None:
        """Say all that was held, in one breath, and return when the page has heard it."""
        self._is_holding = False
        self._say_held(len(self._held))

    def release_run(self) -> None:
        """Say what was held of the first run that is over, and hold the rest."""
        ends = (i for i, message in enumerate(self._held, start=1) if self._is_end(message))
        self._say_held(next(ends))

    def _say_held(self, number: int) -> None:
        last = ForwardMsg()
        last.page_config_changed.title = HEARD
        for message in (*self._held[:number], last.SerializeToString()):
            self._browsers[-1].send(message)
        del self._held[:number]
        expect(self._page).to_have_title(HEARD)

    def say_again(self, key: str) -> None:
        """Say to the server once more what the page said when a button was pressed."""
        self._servers[-1].send(
            next(
                message
                for message in reversed(self._said)
                for widget in BackMsg.FromString(message).rerun_script.widget_states.widgets
                if widget.id.endswith(f"-{key}") and widget.trigger_value
            )
        )


@pytest.fixture
def wire(page: Page) -> Wire:
    return Wire(page)


def test_the_link_follows_clicks_that_are_faster_than_the_server(
    page: Page, address: str, wire: Wire
) -> None:
    opened(page, address, "activations")
    wire.hold()
    for number, sample in enumerate((*SAMPLES[1:5], SAMPLES[0]), start=1):
        page.get_by_role("radio", name=sample.title).click()
        wire.wait_for_runs(number)
    wire.release()
    expect(page.get_by_test_id("stMetric").filter(has_text="Sum").first).to_contain_text(
        f"{sigmoid(parse_logits(SAMPLES[0].logits)).sum():.3f}"
    )
    expect(page.get_by_label("Logits", exact=True)).to_have_value(SAMPLES[0].logits)
    page.wait_for_url(f"{address}/activations")
    # A chart that the browser no longer had would have ended the session.
    page.get_by_role("radio", name=SAMPLES[2].title).click()
    expect(page.get_by_label("Logits", exact=True)).to_have_value(SAMPLES[2].logits)


def test_a_page_that_is_left_keeps_its_link(page: Page, address: str, wire: Wire) -> None:
    opened(page, address, "entropy?counts=3,1")
    wire.hold()
    page.get_by_test_id("stSidebarNavItems").get_by_role("link", name="Activations").click()
    wire.wait_for_runs(1)
    wire.release()
    expect(page.locator("h1")).to_have_text("Activations")
    page.wait_for_url(f"{address}/activations")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Entropy")
    expect(page.get_by_label("Counts", exact=True)).to_have_value("3,1")
    assert_link_becomes(page, {"counts": ["3,1"]})


@pytest.mark.parametrize("sample", [SAMPLES[2], SAMPLES[0]], ids=lambda sample: sample.title)
def test_a_slider_moved_before_a_click_was_answered_and_the_click_both_count(
    page: Page, address: str, wire: Wire, sample: Sample
) -> None:
    opened(page, address, "activations?logits=3,1")
    wire.hold()
    page.get_by_role("radio", name=sample.title).click()
    wire.wait_for_runs(1)
    page.get_by_role("slider", name="Temperature").press("ArrowRight")
    wire.wait_for_runs(2)
    wire.release()
    page.wait_for_url("**temperature=1.1**")
    expect(page.get_by_label("Logits", exact=True)).to_have_value(sample.logits)
    expect(page.get_by_test_id("stMetric").filter(has_text="Sum").first).to_contain_text(
        f"{sigmoid(parse_logits(sample.logits) / 1.1).sum():.3f}"
    )
    logits = {} if sample is SAMPLES[0] else {"logits": [sample.logits]}
    assert_link_becomes(page, {**logits, "temperature": ["1.1"]})


def type_unanswered(page: Page, address: str, wire: Wire) -> tuple[Locator, str]:
    """Add a logit on Activations, hold the answer, and return the field and what it should say."""
    opened(page, address, "activations")
    field = page.get_by_label("Logits", exact=True)
    typed = f"{SAMPLES[0].logits}, 7"
    wire.hold()
    field.fill(typed)
    wire.wait_for_runs(1)
    return field, typed


def test_a_slider_moved_before_what_is_typed_was_answered_and_the_text_both_count(
    page: Page, address: str, wire: Wire
) -> None:
    field, typed = type_unanswered(page, address, wire)
    page.get_by_role("slider", name="Temperature").press("ArrowRight")
    wire.wait_for_runs(2)
    wire.release()
    assert_link_becomes(page, {"logits": [typed], "temperature": ["1.1"]})
    expect(field).to_have_value(typed)


def test_a_page_left_before_what_is_typed_was_answered_keeps_it(
    page: Page, address: str, wire: Wire
) -> None:
    field, typed = type_unanswered(page, address, wire)
    page.get_by_test_id("stSidebarNavItems").get_by_role("link", name="Losses").click()
    wire.wait_for_runs(2)
    wire.release()
    expect(page.locator("h1")).to_have_text("Losses")
    expect(field).to_have_value(typed)
    assert_link_becomes(page, {"logits": [typed]})
    # From here on the browser has heard all, and a click is one.
    page.get_by_role("radio", name=SAMPLES[0].title).click()
    expect(field).to_have_value(SAMPLES[0].logits)
    assert_link_becomes(page, {})


def test_a_share_goes_back_to_where_it_was_before_another_moved_it(
    page: Page, address: str
) -> None:
    opened(page, address, "entropy?counts=1,1,2")
    field = page.get_by_label("Counts", exact=True)
    first, third = (page.get_by_role("slider", name=re.compile(f"^x{i}")) for i in (1, 3))
    for share in ("50.1", "50.2"):
        third.press("ArrowRight")
        expect(field).to_have_value(re.compile(f", {share}$"))
    expect(first).to_have_value("24.9")
    first.press("ArrowRight")
    expect(field).to_have_value(re.compile("^25, "))
    assert_link_becomes(page, {"counts": [field.input_value()]})


def test_a_choice_made_before_the_last_one_was_answered_counts(
    page: Page, address: str, wire: Wire
) -> None:
    opened(page, address, "losses")
    field = page.get_by_role("combobox", name="True class")
    wire.hold()
    for number, label in enumerate(("class 1", "class 2"), start=1):
        field.click()
        page.get_by_role("option", name=label).click()
        wire.wait_for_runs(number)
    wire.release_run()
    page.get_by_role("slider", name="Focal γ").press("ArrowRight")
    wire.wait_for_runs(2)
    wire.release()
    assert_link_becomes(page, {"label": ["class 2"], "gamma": ["2.5"]})
    expect(field).to_have_value("class 2")


def test_shares_that_stood_elsewhere_before_a_text_was_answered_do_not_change_it(
    page: Page, address: str, wire: Wire
) -> None:
    opened(page, address, "entropy")
    field = page.get_by_label("Counts", exact=True)
    wire.hold()
    for number, counts in enumerate(("3, 1", "3, 1, 4"), start=1):
        field.fill(counts)
        wire.wait_for_runs(number)
    wire.release()
    expect(page.get_by_role("slider", name=re.compile("^x3"))).to_have_value("50")
    expect(field).to_have_value("3, 1, 4")
    assert_link_becomes(page, {"counts": ["3, 1, 4"]})


def test_a_share_moved_before_another_control_was_answered_counts(
    page: Page, address: str, wire: Wire
) -> None:
    opened(page, address, "entropy?counts=1,1,2")
    field = page.get_by_label("Counts", exact=True)
    wire.hold()
    for number, name in enumerate(("x1", "Symbols in a block, n"), start=1):
        page.get_by_role("slider", name=re.compile(f"^{name}")).press("ArrowRight")
        wire.wait_for_runs(number)
    wire.release()
    page.wait_for_url("**block=3**")
    expect(field).to_have_value(re.compile(r"^25\.1, "))
    assert_link_becomes(page, {"counts": [field.input_value()], "block": ["3"]})


def test_a_sample_clicked_before_a_share_was_answered_counts(
    page: Page, address: str, wire: Wire
) -> None:
    opened(page, address, "entropy?counts=1,1,2")
    wire.hold()
    page.get_by_role("slider", name=re.compile("^x1")).press("ArrowRight")
    wire.wait_for_runs(1)
    page.get_by_role("radio", name="Bent coin", exact=True).click()
    wire.wait_for_runs(2)
    wire.release()
    expect(page.get_by_label("Counts", exact=True)).to_have_value(PRESETS["Bent coin"])
    page.wait_for_url("**counts=heads**")
    assert_link_becomes(page, {"counts": [PRESETS["Bent coin"]]})


def test_a_slider_moved_before_a_step_was_answered_and_the_step_both_count(
    page: Page, address: str, wire: Wire
) -> None:
    opened(page, address, "train?data=moons&hidden=8&epoch=5")
    wire.hold()
    page.get_by_role("button", name="Step").click()
    wire.wait_for_runs(1)
    page.get_by_role("slider", name="Hidden units").press("ArrowRight")
    wire.wait_for_runs(2)
    wire.release()
    expect(page.get_by_text("After epoch 6, on")).to_be_visible()
    page.wait_for_url("**hidden=12**")
    assert_link_becomes(page, {"data": ["moons"], "hidden": ["12"], "epoch": ["6"]})


def test_each_press_on_step_counts(page: Page, address: str, wire: Wire) -> None:
    opened(page, address, "train?data=moons&hidden=8&epoch=5")
    wire.hold()
    for presses in (1, 2, 3):
        page.get_by_role("button", name="Step").click()
        wire.wait_for_runs(presses)
    wire.release()
    expect(page.get_by_text("After epoch 8, on")).to_be_visible()
    assert_link_becomes(page, {"data": ["moons"], "hidden": ["8"], "epoch": ["8"]})


def test_a_slider_can_go_back_to_where_it_was_before_a_step(page: Page, address: str) -> None:
    opened(page, address, "train?data=moons&hidden=8&epoch=5")
    page.get_by_role("button", name="Step").click()
    expect(page.get_by_text("After epoch 6, on")).to_be_visible()
    page.wait_for_url("**epoch=6**")
    page.get_by_role("slider", name=re.compile("^Epoch(?!s)")).press("ArrowLeft")
    expect(page.get_by_text("After epoch 5, on")).to_be_visible()
    assert_link_becomes(page, {"data": ["moons"], "hidden": ["8"], "epoch": ["5"]})


@pytest.mark.parametrize("clicks", [("Sigmoid",), ("The lesson's slip", "Sigmoid")], ids=len)
def test_what_is_typed_before_clicks_were_answered_counts(
    page: Page, address: str, wire: Wire, clicks: tuple[str, ...]
) -> None:
    opened(page, address, "gradients")
    field = page.get_by_role("textbox", name="∂L/∂z =")
    wire.hold()
    for number, click in enumerate(clicks, start=1):
        page.get_by_role("radio", name=click).click()
        wire.wait_for_runs(number)
    for number, typed in enumerate(("s", "s - t - s[p]"), start=len(clicks) + 1):
        field.fill(typed)
        wire.wait_for_runs(number)
    wire.release()
    assert_link_becomes(page, {"formula": ["s - t - s[p]"], "of": ["BCE"]})
    expect(field).to_have_value("s - t - s[p]")
    expect(page.get_by_text("this is not the gradient of BCE")).to_be_visible()
    # From here on the browser has heard all, and what a click replaced can be typed again.
    field.fill(FORMULAS[0].formula)
    assert_link_becomes(page, {"of": ["BCE"]})
    expect(field).to_have_value(FORMULAS[0].formula)


def test_what_is_typed_after_a_click_stays_in_the_link(
    page: Page, address: str, wire: Wire
) -> None:
    opened(page, address, "gradients")
    page.get_by_role("radio", name="The lesson's slip").click()
    page.wait_for_url("**formula=**")
    field = page.get_by_role("textbox", name="∂L/∂z =")
    wire.hold()
    field.fill("")
    wire.wait_for_runs(1)
    field.fill("s")
    wire.wait_for_runs(2)
    field.fill("s - s[p]")
    wire.wait_for_runs(3)
    wire.release()
    page.wait_for_url("**formula=s+-+s%5Bp%5D**")
    expect(page.get_by_text("It is wrong for 4 of 4 classes")).to_be_visible()
    expect(field).to_have_value("s - s[p]")


def test_a_press_on_pause_that_a_tick_took_along_counts_once(
    page: Page, address: str, wire: Wire
) -> None:
    opened(page, address, "train?data=moons&hidden=8&epoch=0&speed=2")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_text(re.compile(r"After epoch [1-9]\d*, on"))).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    page.wait_for_url(re.compile(r"[?&]epoch=[1-9]"))
    paused = query(page)
    wire.hold()
    wire.say_again("play")
    wire.wait_for_runs(1)
    wire.release()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert_link_becomes(page, paused)
