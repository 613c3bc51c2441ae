"""Typing, and moving from page to page: what was entered stays, and nothing else does."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from core.activations import sigmoid
from core.losses import categorical_cross_entropy
from dashboard.samples import SAMPLES
from tests.browser.pages import assert_link_becomes, opened
from tests.browser.servers import PAGES, wait_until_drawn

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-moved")]


def test_the_picture_follows_the_typing(page: Page, address: str) -> None:
    opened(page, address, "losses?label=class+1")
    field = page.get_by_label("Logits", exact=True)
    field.fill("")
    field.press_sequentially("3, -", delay=20)
    expect(page.get_by_text("is left out until it is a number")).to_be_visible()
    field.press_sequentially("2", delay=20)
    expect(page.get_by_test_id("stMetric").filter(has_text="CCE (nats)")).to_contain_text(
        f"{categorical_cross_entropy([3.0, -2.0], 1):.4f}"
    )
    expect(field).to_have_value("3, -2")
    expect(field).to_be_focused()
    # Fewer classes for a while do not lose the true one.
    expect(page.get_by_role("combobox", name="True class")).to_have_value("class 1")


@pytest.mark.parametrize("has_touch", [True, False])
def test_leaving_a_field_by_a_link_keeps_what_was_typed(
    browser: Browser, address: str, has_touch: bool
) -> None:
    context = browser.new_context(viewport={"width": 1024, "height": 800}, has_touch=has_touch)
    page = context.new_page()
    opened(page, address, "activations")
    field = page.get_by_label("Logits", exact=True)
    field.press("End")
    field.press_sequentially(", 7")
    link = page.get_by_test_id("stSidebarNavItems").get_by_role("link", name="Losses")
    if has_touch:
        link.tap()
    else:
        link.click()
    expect(page.locator("h1")).to_have_text("Losses")
    expect(page.get_by_label("Logits", exact=True)).to_have_value(f"{SAMPLES[0].logits}, 7")
    wait_until_drawn(page, charts=PAGES["losses"])
    context.close()


def test_logits_stay_when_the_page_changes(page: Page, address: str) -> None:
    opened(page, address, "activations?logits=3,1")
    field = page.get_by_label("Logits", exact=True)
    for entered in ("3,1", "5,2,1"):
        for name in ("Losses", "Activations"):
            page.get_by_test_id("stSidebarNavItems").get_by_role("link", name=name).click()
            expect(page.locator("h1")).to_have_text(name)
            expect(field).to_have_value(entered)
            page.wait_for_url(f"**/{name.lower()}?logits=**")
            assert_link_becomes(page, {"logits": [entered]})
        field.fill("5,2,1")
        field.press("Enter")
        page.wait_for_url("**logits=5**")
        total = sigmoid([5.0, 2.0, 1.0]).sum()
        expect(page.get_by_test_id("stMetric").filter(has_text="Sum").first).to_contain_text(
            f"{total:.3f}"
        )


def test_a_page_leaves_neither_default_logits_in_the_link_nor_anything_on_the_next(
    page: Page, address: str
) -> None:
    opened(page, address, "activations")
    pages = page.get_by_test_id("stSidebarNavItems")
    page.get_by_test_id("stMain").get_by_role("link", name="Next: Losses").click()
    expect(page.locator("h1")).to_have_text("Losses")
    wait_until_drawn(page, charts=PAGES["losses"])
    assert page.url == f"{address}/losses"
    page.get_by_test_id("stMain").get_by_role("link", name="Next: Gradients").click()
    expect(page.locator("h1")).to_have_text("Gradients")
    wait_until_drawn(page, charts=PAGES["gradients"])
    # Not where the last page was left, at its end.
    expect(page.locator("h1")).to_be_in_viewport()
    pages.get_by_role("link", name="Runs").click()
    expect(page.locator("h1")).to_have_text("Runs")
    assert page.get_by_label("Logits", exact=True).count() == 0
    wait_until_drawn(page, charts=PAGES["runs"])
    expect(page).to_have_title("Runs · Cross-Entropy Lab")


def test_back_and_forward_move_the_field_with_the_address(page: Page, address: str) -> None:
    opened(page, address, "activations?logits=3,1")
    field = page.get_by_label("Logits", exact=True)
    page.get_by_test_id("stSidebarNavItems").get_by_role("link", name="Losses").click()
    expect(page.locator("h1")).to_have_text("Losses")
    expect(field).to_have_value("3,1")
    field.fill("5,2")
    page.wait_for_url("**logits=5**")
    wait_until_drawn(page, charts=PAGES["losses"])
    for move, name, entered in (
        (page.go_back, "Activations", "3,1"),
        (page.go_forward, "Losses", "5,2"),
    ):
        move()
        expect(page.locator("h1")).to_have_text(name)
        expect(field).to_have_value(entered)
        assert_link_becomes(page, {"logits": [entered]})
        wait_until_drawn(page, charts=PAGES[name.lower()])


def test_back_takes_one_press_to_the_page_before_and_its_controls(page: Page, address: str) -> None:
    opened(page, address, "entropy?counts=3,1")
    for name, control in (("Activations", "Temperature"), ("Losses", "Label smoothing")):
        go_to(page, name)
        page.get_by_role("slider", name=control).press("ArrowRight")
        page.wait_for_url(f"**{control.lower().replace(' ', '_')}=**")
        page.get_by_role("radio", name=SAMPLES[2].title).click()
        expect(page.get_by_label("Logits", exact=True)).to_have_value(SAMPLES[2].logits)
    go_to(page, "Precision")
    page.wait_for_url(f"{address}/precision")
    for name, asked in (
        ("Losses", {"logits": [SAMPLES[2].logits], "label_smoothing": ["0.01"]}),
        ("Activations", {"logits": [SAMPLES[2].logits], "temperature": ["1.1"]}),
        ("Entropy", {"counts": ["3,1"]}),
    ):
        page.go_back()
        expect(page.locator("h1")).to_have_text(name)
        wait_until_over(page, name)
        assert_link_becomes(page, asked)
    expect(page.get_by_label("Counts", exact=True)).to_have_value("3,1")
    page.go_back()
    assert page.url == "about:blank"


@pytest.mark.parametrize(
    ("link", "known"), [("losses?present=1", "losses?present=true"), ("home", "")]
)
def test_back_from_a_link_that_was_put_right_leaves_the_dashboard(
    page: Page, address: str, link: str, known: str
) -> None:
    page.goto(f"{address}/{link}")
    wait_until_drawn(page, charts=PAGES[known.partition("?")[0]])
    assert page.url == f"{address}/{known}"
    page.go_back()
    assert page.url == "about:blank"


def go_to(page: Page, name: str) -> None:
    """Go to another page by the sidebar, and return when it is there, its link too."""
    page.get_by_test_id("stSidebarNavItems").get_by_role("link", name=name).click()
    expect(page.locator("h1")).to_have_text(name)
    wait_until_over(page, name)


def wait_until_over(page: Page, name: str) -> None:
    """Return when a page is drawn and its run over, at whose end the last page's link goes."""
    wait_until_drawn(page, charts=PAGES[name.lower()])
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def test_foreign_text_stays_text(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/losses?logits=![](//evil.example/p)")
    expect(page.get_by_text("can't be read")).to_be_visible()
    expect(page.get_by_text("evil.example")).to_be_visible()
    assert [url for url in asked if "evil.example" in url.split("?")[0]] == []


def test_addresses_in_foreign_names_are_no_links(page: Page, address: str) -> None:
    names = ["http://evil.example/a", "www.evil.example", "a@evil.example"]
    page.goto(f"{address}/entropy?counts=" + ",".join(f"{name}=1" for name in (*names, "b")))
    wait_until_drawn(page, charts=PAGES["entropy"])
    read = page.get_by_test_id("stMain").inner_text().replace("\N{WORD JOINER}", "")
    assert all(f"“{name}”" in read or f"\n{name}\t" in read for name in names)
    assert page.get_by_test_id("stMain").locator("a[href*=evil]").count() == 0
