"""Each page, in both themes and on a narrow screen: what must hold of all of them."""

from __future__ import annotations

import itertools
import re
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from core.heads import HEADS
from dashboard.views.train import titled
from tests.browser.pages import opened, wait_for_theme
from tests.browser.servers import PAGES, wait_until_drawn

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-seen")]

# What axe-core finds in Streamlit's own DOM, which we can't mend.
STREAMLITS = (
    ("empty-table-header", "stDataFrame"),
    ("presentation-role-conflict", "stFileUploader"),
    # KaTeX's box, taller by a pixel than Streamlit lets it be.
    ("scrollable-region-focusable", "katex-display"),
)
# It need not describe all that is right as well.
VIOLATIONS = {"resultTypes": ["violations"]}
# Axe takes its time: each theme and each width once.
CHECKED = {("dark", 1280), ("light", 380)}


def problems(page: Page) -> list[tuple[str, str, str]]:
    """Return what axe-core finds on a page, but for what is Streamlit's."""
    return [
        (violation["id"], node["html"], node["failureSummary"])
        for violation in Axe().run(page, options=VIOLATIONS).response["violations"]
        for node in violation["nodes"]
        if not any(
            violation["id"] == rule and words in f"{node['html']} {node['target']}"
            for rule, words in STREAMLITS
        )
    ]


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_accessible_fits_and_asks_nobody_else(
    page: Page, address: str, path: str
) -> None:
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.emulate_media(color_scheme="dark")
    opened(page, address, path)
    main = page.get_by_test_id("stMain")
    # The second time without a run of the page: what is shown follows the viewer's theme.
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        wait_for_theme(page, scheme)
        assert page.get_by_test_id("stException").count() == 0
        for width in (380, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            wait_until_drawn(page, PAGES[path])
            page.wait_for_function(
                "main => main.scrollWidth <= main.clientWidth", arg=main.element_handle()
            )
            page.wait_for_function(
                """() => [...document.querySelectorAll(".katex-display")].every(
                    formula => formula.scrollWidth <= formula.clientWidth + 4)"""
            )
            if (scheme, width) in CHECKED:
                assert problems(page) == []
    # Each chart says what it shows.
    for chart in page.get_by_test_id("stVegaLiteChart").all():
        assert chart.get_attribute("aria-label")
    assert errors == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_formulas_have_the_colours_of_words_in_the_theme_of_the_moment(
    page: Page, address: str
) -> None:
    opened(page, address, "activations?logits=2,0.5")
    seen = set()
    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        wait_for_theme(page, scheme)
        for colour, name in (("blue", "sigmoid"), ("orange", "softmax")):
            of_word = page.locator("p span", has_text=re.compile(f"^{name}$")).last.evaluate(
                "word => getComputedStyle(word).color"
            )
            inks = page.locator(f".katex [style*='color: {colour}']").evaluate_all(
                "signs => signs.map(sign => getComputedStyle(sign).color)"
            )
            assert set(inks) == {of_word}
            seen.add(of_word)
    assert len(seen) == 4


def test_words_on_pale_cells_stay_dark_on_a_dark_page(page: Page, address: str) -> None:
    page.emulate_media(color_scheme="dark")
    opened(page, address, "diagnose?sample=Overconfident")
    wait_for_theme(page, "dark")
    costs = page.locator(".stVegaLiteChart[aria-label^='Confused pairs']")
    fills = costs.locator(".mark-text.role-mark text").evaluate_all(
        "texts => texts.map(text => getComputedStyle(text).fill)"
    )
    assert set(fills) == {"rgb(0, 0, 0)", "rgb(255, 255, 255)"}


def test_home_has_a_name_too(page: Page, address: str) -> None:
    page.goto(f"{address}/home?present=1")
    wait_until_drawn(page, charts=PAGES[""])
    page.wait_for_url(f"{address}/?present=true")
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.locator("h1")).to_have_text("Cross-Entropy Lab")


def test_the_buttons_of_a_chart_cover_nothing_over_it(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 380, "height": 700})
    opened(page, address, "losses")
    chart = page.locator(".stVegaLiteChart").first
    chart.hover()
    buttons = page.get_by_test_id("stElementToolbar").first
    expect(buttons).to_have_css("opacity", "1")
    under, over = buttons.bounding_box(), chart.bounding_box()
    assert under is not None
    assert over is not None
    assert under["y"] >= over["y"] + over["height"]
    page.get_by_role("button", name="Fullscreen").first.click()
    page.get_by_role("button", name="Close fullscreen").click()
    expect(page.get_by_role("button", name="Close fullscreen")).to_have_count(0)


def test_figures_are_taken_along_by_the_keyboard(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 380, "height": 700})
    opened(page, address, "mistakes")
    menu = page.get_by_role("button", name="Download", exact=True)
    # In the line of the title.
    button, title = menu.bounding_box(), page.locator("h1").bounding_box()
    assert button is not None
    assert title is not None
    assert title["y"] < button["y"] + button["height"] / 2 < title["y"] + title["height"]
    menu.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="PNG", exact=True)).to_have_count(PAGES["mistakes"])
    assert dialog.evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
    assert problems(page) == []
    png = dialog.get_by_role("button", name="PNG", exact=True).first
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(png).to_be_focused()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".png")
    # While the file was made the button had lost the focus.
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="SVG", exact=True).first).to_be_focused()
    with page.expect_download():
        page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="CSV", exact=True).first).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(menu).to_be_focused()


def test_more_words_stay_open_while_a_control_moves(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 380, "height": 700})
    opened(page, address, "entropy?counts=3,1")
    more = page.locator("summary", has_text=re.compile("^More$")).last
    words = page.get_by_text("Rounded up to whole bits, as Shannon did")
    expect(words).to_be_hidden()
    more.press("Enter")
    expect(words).to_contain_text(f"takes {1:.4f} bits per symbol")
    page.get_by_role("textbox", name="q, the distribution the code is for").fill("1, 3")
    expect(words).to_contain_text(f"takes {0.75 * 2 + 0.25 * 1:.4f} bits per symbol")
    expect(words).to_be_visible()
    # As far from what is under it as what Streamlit folds.
    box = more.locator("..").bounding_box()
    under = page.locator("summary", has_text="The numbers").last.bounding_box()
    assert box is not None
    assert under is not None
    assert under["y"] - box["y"] - box["height"] == pytest.approx(16, abs=2)


@pytest.mark.parametrize("width", [1280, 380])
def test_heads_are_not_cut(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    chosen = {
        "First head": titled(HEADS["ovr_sigmoid_bce"]),
        "Second head": titled(HEADS["softmax_squared_error"]),
    }
    heads = urlencode({name.split()[0].lower(): head for name, head in chosen.items()})
    page.goto(f"{address}/train?data=blobs&hidden=0&epoch=1&{heads}")
    for name, head in chosen.items():
        choice = page.get_by_role("combobox", name=name)
        expect(choice).to_have_value(head)
        assert choice.evaluate("choice => choice.scrollWidth <= choice.clientWidth")


@pytest.mark.parametrize(("width", "is_in_a_line"), [(1280, True), (380, False)])
def test_names_of_runs_stand_beside_their_numbers_where_there_is_room(
    page: Page, address: str, width: int, is_in_a_line: bool
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, address, "runs")
    table = page.locator(".stVegaLiteChart svg.marks .mark-group").first
    words = table.locator(".mark-text.role-mark text")
    boxes = {
        text: box
        for word in words.all()
        if (text := word.text_content()) and (box := word.bounding_box())
    }
    name = max(boxes, key=len)
    heads = [boxes[head] for head in ("loss", "train", "bits", "entropy", "accuracy")]
    numbers = [box for text, box in boxes.items() if text.replace(".", "").isdigit()]
    assert len(numbers) > len(heads)
    beside = [box for box in numbers if abs(box["y"] - boxes[name]["y"]) < box["height"] / 2]
    assert len(beside) == (len(heads) if is_in_a_line else 0)
    for left, right in itertools.pairwise([*([boxes[name]] * is_in_a_line), *heads]):
        assert left["x"] + left["width"] < right["x"]
    for number in numbers:
        # Under its head, and beside its name.
        assert any(
            number["x"] + number["width"] == pytest.approx(head["x"] + head["width"], abs=2)
            for head in heads
        )
        if is_in_a_line:
            assert boxes[name]["x"] + boxes[name]["width"] < number["x"]


def test_a_table_wider_than_a_phone_scrolls_alone(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 380, "height": 900})
    opened(page, address, f"entropy?counts={'long' * 20}=3,b=1")
    table = page.locator(".stMarkdown table", has_text="codeword").locator("..")
    assert table.evaluate("table => table.scrollWidth > table.clientWidth")
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")


def test_names_of_figures_are_in_the_ink_of_words_and_in_a_line_on_a_phone(
    page: Page, address: str
) -> None:
    page.set_viewport_size({"width": 380, "height": 900})
    page.goto(f"{address}/entropy?counts=a=1,b=1,c=2&q=1,1,0")
    wait_until_drawn(page, charts=PAGES["entropy"] - 1)
    figures = page.locator(".stMarkdown table", has=page.locator("td > strong")).last
    expect(figures.locator("strong")).to_have_text(["1.5000", "∞", "∞"])
    ink = page.locator("p").last.evaluate("words => getComputedStyle(words).color")
    for name in figures.locator("th").all():
        expect(name).to_have_css("color", ink)
    lines = figures.locator("th").evaluate_all(
        """names => names.map(name => {
            const words = document.createRange();
            words.selectNodeContents(name);
            return words.getClientRects().length;
        })"""
    )
    assert lines == [1, 1, 1]
