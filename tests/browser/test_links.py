"""A control of each kind, moved as people do: the link follows, and opens the same picture.

That no control is left out is tested without a browser: tests/dashboard/test_links.py. A toggle is
moved in test_pictures.py; runs to choose, segments, and a number to type in test_own_data.py.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from core.entropy import entropy
from core.losses import categorical_cross_entropy
from dashboard.parsing import parse_logits
from dashboard.samples import SAMPLES
from tests.browser.pages import assert_link_becomes, assert_the_link_opens_the_same, opened

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-moved")]


def test_the_link_of_losses_follows_buttons_texts_and_sliders(page: Page, address: str) -> None:
    opened(page, address, "losses")
    cce = page.get_by_test_id("stMetric").filter(has_text="CCE (nats)")
    page.get_by_role("radio", name=SAMPLES[2].title).click()
    logits = parse_logits(SAMPLES[2].logits)
    expect(cce).to_contain_text(f"{categorical_cross_entropy(logits, SAMPLES[2].label):.4f}")
    page.wait_for_url("**logits=**")
    assert_link_becomes(page, {"logits": [SAMPLES[2].logits]})

    field = page.get_by_label("Logits", exact=True)
    field.fill("2, 0, -1")
    field.press("Enter")
    expect(cce).to_contain_text(f"{categorical_cross_entropy([2.0, 0, -1], 0):.4f}")
    page.wait_for_url("**logits=2**")
    assert_link_becomes(page, {"logits": ["2, 0, -1"]})

    page.get_by_role("textbox", name="Target distribution").fill("3 1")
    page.get_by_role("slider", name="Label smoothing").press("ArrowRight")
    page.wait_for_url("**label_smoothing=0.01**")
    assert_link_becomes(
        page, {"logits": ["2, 0, -1"], "target": ["3 1"], "label_smoothing": ["0.01"]}
    )
    wanted = categorical_cross_entropy([2.0, 0, -1], [0.75, 0.25, 0], label_smoothing=0.01)
    expect(cce).to_contain_text(f"{wanted:.4f}")
    assert_the_link_opens_the_same(page)


def test_a_slider_of_the_distribution_moves_the_counts_and_a_seed_the_message(
    page: Page, address: str
) -> None:
    opened(page, address, "entropy?counts=heads%3D3,tails%3D1")
    page.get_by_role("slider", name=re.compile("^heads")).press("ArrowRight")
    expect(page.get_by_label("Counts", exact=True)).to_have_value("heads=75.1, tails=24.9")
    page.wait_for_url(lambda url: "heads%3D75.1" in url)
    expect(page.get_by_role("cell").first).to_have_text(f"{entropy([0.751, 0.249], base=2):.4f}")
    message = page.locator(".st-key-message").get_by_text("heads")
    # Each codeword begins below the first letter of its outcome.
    assert "monospace" in message.evaluate("text => getComputedStyle(text).fontFamily")
    before = message.inner_text()
    page.get_by_role("slider", name="Seed").press("ArrowRight")
    page.wait_for_url("**seed=1**")
    expect(message).not_to_have_text(before)
    assert_the_link_opens_the_same(page)


def test_a_novel_stays_out_of_the_link_until_it_is_short(page: Page, address: str) -> None:
    opened(page, address, "entropy?source=Text&text=ab")
    field = page.get_by_role("textbox", name="Text")
    field.fill("It was the best of times. " * 800)
    expect(page.get_by_text("The link leaves this text out")).to_be_visible()
    page.wait_for_url(lambda url: "text=" not in url)
    field.fill("abb")
    page.wait_for_url(lambda url: "text=abb" in url)
    expect(page.get_by_text("The link leaves this text out")).to_have_count(0)
    expect(page.get_by_role("cell").first).to_have_text(f"{entropy([1 / 3, 2 / 3], base=2):.4f}")


def test_the_map_of_precision_is_a_link_and_reads_out(page: Page, address: str) -> None:
    opened(page, address, "precision")
    page.get_by_role("combobox", name="Function").click()
    page.get_by_role("option", name="sigmoid").click()
    page.wait_for_url("**function=sigmoid**")
    page.get_by_label("Your logit x", exact=True).fill("-95")
    page.wait_for_url("**logit=-95**")
    expect(page.get_by_text("0 in float32").first).to_be_visible()
    page.locator(".stVegaLiteChart g.mark-rect path").nth(40).hover(force=True)
    tooltip = page.locator("#vg-tooltip-element")
    for word in ("formula", "dtype", "logit", "gives", "should be", "outcome"):
        expect(tooltip).to_contain_text(word)
    expect(page.get_by_role("heading", name="At x = −95")).to_be_visible()
    assert_the_link_opens_the_same(page)


def test_a_formula_is_judged_as_it_is_typed_and_kept_in_the_link(page: Page, address: str) -> None:
    opened(page, address, "gradients")
    expect(page.get_by_text("Right for these logits: every class")).to_be_visible()
    page.get_by_role("radio", name="The lesson's slip").click()
    expect(page.get_by_text("It is wrong for 3 of 4 classes")).to_be_visible()
    page.wait_for_url("**formula=**")

    field = page.get_by_role("textbox", name="∂L/∂z =")
    field.fill("")
    field.press_sequentially("s - s[p]", delay=20)
    expect(page.get_by_text("It is wrong for 4 of 4 classes")).to_be_visible()
    expect(field).to_be_focused()
    page.wait_for_url("**formula=s+-+s%5Bp%5D**")
    assert_the_link_opens_the_same(page)
