"""What charts show: the numbers of core, under the pointer and as files too."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Page, expect

from core.activations import sigmoid
from core.entropy import entropy_from_logits
from core.losses import binary_cross_entropy
from dashboard import theme
from dashboard.parsing import parse_logits
from dashboard.samples import SAMPLES
from tests.browser.pages import (
    assert_link_becomes,
    assert_the_link_opens_the_same,
    opened,
    pictures,
    wait_for_ink,
    wait_for_theme,
)
from tests.browser.servers import wait_until_drawn

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-seen")]


def test_what_moving_controls_shows_are_the_numbers_of_core_and_the_pictures_of_a_page_drawn_anew(
    page: Page, address: str
) -> None:
    opened(page, address, "activations")
    logits = parse_logits(SAMPLES[0].logits)
    sums = page.get_by_test_id("stMetric").filter(has_text="Sum")
    # On a busy machine a chart's picture can come before the number beside it.
    expect(sums.nth(0)).to_contain_text(f"{sigmoid(logits).sum():.3f}")
    expect(sums.nth(1)).to_contain_text("1.000")

    slider = page.get_by_role("slider", name="Temperature")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    bits = entropy_from_logits(logits / 1.5, base=2)
    expect(page.get_by_test_id("stMetric").filter(has_text="Entropy").nth(1)).to_contain_text(
        f"{bits:.3f}"
    )
    expect(
        page.get_by_text(f"At temperature 1.5 the softmax has an entropy of {bits:.3f}")
    ).to_be_visible()

    before = pictures(page)
    page.get_by_label("Logits", exact=True).fill("2, 0, 1, -3")
    page.wait_for_url("**logits=**")
    expect(sums.first).to_contain_text(f"{sigmoid(parse_logits('2, 0, 1, -3') / 1.5).sum():.3f}")
    assert pictures(page) != before

    page.get_by_test_id("stSidebar").get_by_text("Present").click()
    page.wait_for_url("**present=true**")
    expect(page.get_by_label("Logits", exact=True)).to_be_hidden()
    assert_link_becomes(
        page,
        {
            "logits": ["2, 0, 1, -3"],
            "temperature": ["1.5"],
            "present": ["true"],
        },
    )
    assert_the_link_opens_the_same(page)


def test_a_download_is_the_picture_in_the_theme_and_its_numbers(
    page: Page, address: str, tmp_path: Path
) -> None:
    opened(page, address, "losses")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        wait_for_theme(page, scheme)
        page.keyboard.press("r")
        wait_for_ink(page, scheme)
        page.get_by_role("button", name="Download", exact=True).click()
        taken = {kind: take(page, "Terms of BCE", kind, tmp_path) for kind in ("PNG", "SVG", "CSV")}
        close_menu(page)

        with Image.open(taken["PNG"]) as opened_picture:
            picture = opened_picture.convert("RGBA")
        assert picture.getpixel((0, 0)) == (*ImageColor.getrgb(theme.PAPER[scheme]), 255)
        colours = {colour for _, colour in picture.getcolors(1 << 20) or []}
        assert (*ImageColor.getrgb(theme.BCE), 255) in colours
        svg = taken["SVG"].read_text()
        assert svg.startswith("<svg")
        for part in ("Adds to the loss (nats)", "class 3", theme.PAPER[scheme], theme.INK[scheme]):
            assert part in svg
        table = pd.read_csv(taken["CSV"])
        losses = binary_cross_entropy(parse_logits(SAMPLES[0].logits), [1, 0, 0, 0])
        assert table["term"].tolist() == pytest.approx(losses.tolist(), rel=1e-14)
        assert taken["CSV"].name == "terms of BCE.csv"


def test_the_menu_has_the_figures_of_a_part_that_ran_alone(
    page: Page, address: str, tmp_path: Path
) -> None:
    opened(page, address, "entropy?counts=a%3D1,b%3D1")
    field = page.get_by_role("textbox", name="q, the distribution the code is for")
    shown = ["Surprise", "Binary entropy", "Tree", "Bits per symbol", "Blocks", "Wrong code"]
    for q, says, names, shares in (
        ("1, 0", "q gives probability 0", shown, [1.0, 0.0]),
        ("1, 3", "The code for q gives each outcome", [*shown, "Cost"], [0.25, 0.75]),
    ):
        field.fill(q)
        expect(page.get_by_text(says)).to_be_visible()
        wait_until_drawn(page, charts=len(names))
        page.get_by_role("button", name="Download", exact=True).click()
        rows = page.get_by_role("dialog").get_by_test_id("stMarkdown")
        expect(rows).to_have_text(names)
        table = pd.read_csv(take(page, "Wrong code", "CSV", tmp_path))
        assert table["q"].tolist() == shares
        close_menu(page)


def take(page: Page, figure: str, kind: str, folder: Path) -> Path:
    """Take a figure along by the menu, which is open; return the file, in a folder."""
    row = page.get_by_role("dialog").get_by_test_id("stHorizontalBlock").filter(has_text=figure)
    with page.expect_download() as download:
        row.get_by_role("button", name=kind, exact=True).click()
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target


def close_menu(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
