"""The dashboard as people open it: `streamlit run dashboard/app.py` in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageColor
from playwright.sync_api import Browser, Page, expect

from core.activations import sigmoid
from core.entropy import entropy, entropy_from_logits
from core.losses import binary_cross_entropy, categorical_cross_entropy
from dashboard import theme
from dashboard.state import SAMPLES, parse_logits
from tests.browser.servers import PAGES, wait_until_drawn

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_moving_a_control_shows_the_numbers_of_core(page: Page, address: str) -> None:
    page.goto(f"{address}/activations")
    wait_until_drawn(page, charts=PAGES["activations"])
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
    expect(page.get_by_text(f"At temperature 1.5 the softmax holds {bits:.3f}")).to_be_visible()


# Of each chart, all that is written in it, and how its marks are drawn.
PICTURES = """() => [...document.querySelectorAll(".stVegaLiteChart svg.marks")].map(drawn => [
    ...[...drawn.querySelectorAll("text")].map(text => text.textContent),
    ...[...drawn.querySelectorAll("path")].map(path => path.getAttribute("d")),
])"""


def pictures(page: Page) -> list[list[str]]:
    """Return what the charts are, once two looks a moment apart see the same."""
    page.wait_for_function(
        f"""() => {{
            const now = JSON.stringify(({PICTURES})()), same = now === window.before;
            window.before = now;
            return same;
        }}""",
        polling=700,
    )
    seen: list[list[str]] = page.evaluate(PICTURES)
    return seen


def test_pictures_that_follow_the_typing_are_those_of_a_page_drawn_anew(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/activations")
    wait_until_drawn(page, charts=PAGES["activations"])
    before = pictures(page)
    page.get_by_label("Logits", exact=True).fill("2, 0, 1, -3")
    page.wait_for_url("**logits=**")
    expect(page.get_by_test_id("stMetric").filter(has_text="Sum").first).to_contain_text(
        f"{sigmoid([2.0, 0.0, 1.0, -3.0]).sum():.3f}"
    )
    after = pictures(page)
    assert after != before

    other = page.context.new_page()
    other.goto(page.url)
    wait_until_drawn(other, charts=PAGES["activations"])
    assert pictures(other) == after


def test_home_has_a_name_too(page: Page, address: str) -> None:
    page.goto(f"{address}/home?present=1")
    wait_until_drawn(page, charts=PAGES[""])
    page.wait_for_url(f"{address}/?present=true")
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.locator("h1")).to_have_text("Cross-Entropy Lab")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_download_is_the_picture_in_the_theme_and_its_numbers(
    browser: Browser, address: str, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}/losses")
    wait_until_drawn(page, PAGES["losses"])
    page.get_by_role("button", name="Download", exact=True).first.click()
    taken = {}
    for kind in ("PNG", "SVG", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind, exact=True).click()
        taken[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(taken[kind])

    paper = page.get_by_test_id("stApp").evaluate(
        "element => getComputedStyle(element).backgroundColor"
    )
    with Image.open(taken["PNG"]) as opened:
        picture = opened.convert("RGBA")
    assert picture.getpixel((0, 0)) == (*ImageColor.getrgb(paper), 255)
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
    context.close()


def test_a_copied_link_opens_the_same_picture(page: Page, address: str) -> None:
    page.goto(f"{address}/losses")
    wait_until_drawn(page, charts=PAGES["losses"])
    field = page.get_by_label("Logits", exact=True)
    field.fill("2, 0, -1")
    field.press("Enter")
    wanted = f"{categorical_cross_entropy([2.0, 0, -1], 0):.4f}"
    expect(page.get_by_test_id("stMetric").filter(has_text="CCE (nats)")).to_contain_text(wanted)
    page.wait_for_url("**logits=**")
    assert parse_qs(urlsplit(page.url).query) == {"logits": ["2, 0, -1"]}

    other = page.context.new_page()
    other.goto(page.url)
    wait_until_drawn(other, charts=PAGES["losses"])
    expect(other.get_by_test_id("stMetric").filter(has_text="CCE (nats)")).to_contain_text(wanted)


def test_a_sample_button_moves_the_page_and_the_link(page: Page, address: str) -> None:
    page.goto(f"{address}/losses")
    wait_until_drawn(page, charts=PAGES["losses"])
    page.get_by_role("button", name=SAMPLES[2].title).click()
    logits = parse_logits(SAMPLES[2].logits)
    expect(page.get_by_test_id("stMetric").filter(has_text="CCE (nats)")).to_contain_text(
        f"{categorical_cross_entropy(logits, SAMPLES[2].label):.4f}"
    )
    page.wait_for_url("**logits=**")
    assert parse_qs(urlsplit(page.url).query)["logits"] == [SAMPLES[2].logits]


def test_logits_stay_when_the_page_changes(page: Page, address: str) -> None:
    page.goto(f"{address}/activations?logits=3,1")
    wait_until_drawn(page, charts=PAGES["activations"])
    field = page.get_by_label("Logits", exact=True)
    for entered in ("3,1", "5,2,1"):
        for name in ("Losses", "Activations"):
            page.get_by_test_id("stSidebarNavItems").get_by_role("link", name=name).click()
            expect(page.locator("h1")).to_have_text(name)
            expect(field).to_have_value(entered)
            page.wait_for_url(f"**/{name.lower()}?logits=**")
            assert parse_qs(urlsplit(page.url).query) == {"logits": [entered]}
        field.fill("5,2,1")
        field.press("Enter")
        page.wait_for_url("**logits=5**")
        total = sigmoid([5.0, 2.0, 1.0]).sum()
        expect(page.get_by_test_id("stMetric").filter(has_text="Sum").first).to_contain_text(
            f"{total:.3f}"
        )


def test_the_picture_follows_the_typing(page: Page, address: str) -> None:
    page.goto(f"{address}/losses?label=class+1")
    wait_until_drawn(page, charts=PAGES["losses"])
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
    page.goto(f"{address}/activations")
    wait_until_drawn(page, charts=PAGES["activations"])
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


def test_back_and_forward_move_the_field_with_the_address(page: Page, address: str) -> None:
    page.goto(f"{address}/activations?logits=3,1")
    wait_until_drawn(page, charts=PAGES["activations"])
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
        assert parse_qs(urlsplit(page.url).query) == {"logits": [entered]}
        wait_until_drawn(page, charts=PAGES[name.lower()])


def test_a_slider_of_the_distribution_moves_the_counts_and_the_link(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/entropy?counts=heads%3D3,tails%3D1")
    wait_until_drawn(page, charts=PAGES["entropy"])
    slider = page.get_by_role("slider", name="heads", exact=True)
    slider.focus()
    slider.press("ArrowRight")
    expect(page.get_by_label("Counts", exact=True)).to_have_value("heads=75.1, tails=24.9")
    page.wait_for_url(lambda url: "heads%3D75.1" in url)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(
        f"{entropy([0.751, 0.249], base=2):.4f}"
    )


def test_a_novel_stays_out_of_the_link_until_it_is_short(page: Page, address: str) -> None:
    page.goto(f"{address}/entropy?from=Text&text=ab")
    wait_until_drawn(page, charts=PAGES["entropy"])
    field = page.get_by_role("textbox", name="Text")
    field.fill("It was the best of times. " * 800)
    expect(page.get_by_text("The link leaves this out")).to_be_visible()
    page.wait_for_url(lambda url: "text=" not in url)
    field.fill("abb")
    page.wait_for_url(lambda url: "text=abb" in url)
    expect(page.get_by_text("The link leaves this out")).to_have_count(0)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(
        f"{entropy([1 / 3, 2 / 3], base=2):.4f}"
    )


def test_a_page_leaves_nothing_on_the_next(page: Page, address: str) -> None:
    page.goto(f"{address}/activations")
    wait_until_drawn(page, charts=PAGES["activations"])
    page.get_by_test_id("stSidebarNavItems").get_by_role("link", name="Runs").click()
    expect(page.locator("h1")).to_have_text("Runs")
    assert page.get_by_label("Logits", exact=True).count() == 0
    wait_until_drawn(page, charts=PAGES["runs"])
    expect(page).to_have_title("Runs · Cross-Entropy Lab")


def test_the_default_logits_stay_out_of_the_link(page: Page, address: str) -> None:
    page.goto(f"{address}/activations")
    wait_until_drawn(page, charts=PAGES["activations"])
    page.get_by_test_id("stSidebarNavItems").get_by_role("link", name="Losses").click()
    expect(page.locator("h1")).to_have_text("Losses")
    wait_until_drawn(page, charts=PAGES["losses"])
    assert page.url == f"{address}/losses"


def test_the_map_of_precision_is_a_link_and_reads_out(page: Page, address: str) -> None:
    page.goto(f"{address}/precision")
    wait_until_drawn(page, charts=1)
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

    other = page.context.new_page()
    other.goto(page.url)
    wait_until_drawn(other, charts=1)
    expect(other.get_by_role("heading", name="At −95")).to_be_visible()


def test_foreign_text_stays_text(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/losses?logits=![](//evil.example/p)")
    expect(page.get_by_text("can't be read")).to_be_visible()
    expect(page.get_by_text("evil.example")).to_be_visible()
    assert [url for url in asked if "evil.example" in url.split("?")[0]] == []


def test_runs_shows_the_curves_and_leads_into_mlflow(page: Page, address: str) -> None:
    page.goto(f"{address}/runs")
    wait_until_drawn(page, charts=PAGES["runs"])
    link = page.get_by_role("link", name="Open in the MLflow UI")
    assert "compareRunsMode=CHART" in (link.get_attribute("href") or "")
    page.get_by_role("combobox", name="Data set").click()
    page.get_by_role("option", name="breast_cancer").click()
    page.wait_for_url("**dataset=breast_cancer**")
    expect(page.get_by_text("hidden=0 ·").first).to_be_visible()
    wait_until_drawn(page, charts=PAGES["runs"])


def test_train_plays_and_its_link_opens_the_epoch_where_it_was_paused(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/train?sample=moons&hidden=8&seed=3&epoch=0&speed=2")
    wait_until_drawn(page, charts=PAGES["train"])
    page.get_by_role("button", name="Play").click()
    moved = page.get_by_text(re.compile(r"After epoch [1-9]\d*, on"))
    expect(moved).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_url(re.compile(r"[?&]epoch=[1-9]"))
    epoch = parse_qs(urlsplit(page.url).query)["epoch"][0]
    said = page.get_by_text(f"After epoch {epoch}, on the validation rows")
    expect(said).to_be_visible(timeout=30_000)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text(said.inner_text())).to_be_visible(timeout=30_000)


def test_a_formula_is_judged_as_it_is_typed_and_kept_in_the_link(page: Page, address: str) -> None:
    page.goto(f"{address}/gradients")
    wait_until_drawn(page, charts=PAGES["gradients"])
    expect(page.get_by_text("Right here: for every class")).to_be_visible()
    page.get_by_role("button", name="The lesson's slip").click()
    expect(page.get_by_text("It is off for 3 of 4 classes")).to_be_visible()
    page.wait_for_url("**formula=**")

    field = page.get_by_role("textbox", name="∂L/∂z =")
    field.fill("")
    field.press_sequentially("s - s[p]", delay=20)
    expect(page.get_by_text("It is off for 4 of 4 classes")).to_be_visible()
    expect(field).to_be_focused()
    page.wait_for_url("**formula=s+-+s%5Bp%5D**")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text("It is off for 4 of 4 classes")).to_be_visible()


def test_the_controls_of_losses_are_in_the_link(page: Page, address: str) -> None:
    page.goto(f"{address}/losses")
    wait_until_drawn(page, charts=PAGES["losses"])
    page.get_by_role("textbox", name="Target distribution").fill("3 1")
    slider = page.get_by_role("slider", name="Label smoothing")
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_url("**label_smoothing=0.01**")
    assert parse_qs(urlsplit(page.url).query) == {"target": ["3 1"], "label_smoothing": ["0.01"]}
    logits = parse_logits(SAMPLES[0].logits)
    wanted = categorical_cross_entropy(logits, [0.75, 0.25, 0, 0], label_smoothing=0.01)
    expect(page.get_by_test_id("stMetric").filter(has_text="CCE (nats)")).to_contain_text(
        f"{wanted:.4f}"
    )


def test_a_sample_of_diagnose_is_a_link(page: Page, address: str) -> None:
    page.goto(f"{address}/diagnose")
    wait_until_drawn(page, charts=PAGES["diagnose"])
    page.get_by_label("Sample", exact=True).click()
    page.get_by_role("option", name="Label off by one").click()
    found = page.get_by_text("with -1 added to each label")
    expect(found).to_be_visible()
    page.wait_for_url("**sample=**")
    assert parse_qs(urlsplit(page.url).query) == {"sample": ["Label off by one"]}
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text("with -1 added to each label")).to_be_visible(timeout=60_000)


def test_a_run_leads_to_its_diagnosis(page: Page, address: str) -> None:
    page.goto(f"{address}/runs")
    wait_until_drawn(page, charts=PAGES["runs"])
    link = page.get_by_role("link").filter(has_text="Diagnose").filter(has_text="·").first
    with page.context.expect_page() as opened:
        link.click()
    diagnosis = opened.value
    expect(diagnosis.locator("h1")).to_have_text("Diagnose", timeout=60_000)
    expect(diagnosis.get_by_role("heading", name="What was found")).to_be_visible(timeout=60_000)
    assert len(parse_qs(urlsplit(diagnosis.url).query)["run"][0]) == 32


def test_an_upload_stays_with_who_made_it(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/diagnose?from=Your+file")
    content = b"logit_cat,logit_dog,label\n" + b"3,-1,cat\n-2,1,dog\n0.5,1.5,cat\n" * 20
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": content}
    )
    expect(page.get_by_text("60 rows of 2 classes")).to_be_visible(timeout=60_000)
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    # Who opens the same address sees an empty field, and so does a reload.
    other = page.context.new_page()
    other.goto(page.url)
    for opened in (other, page):
        opened.reload()
        expect(opened.get_by_text("A row for each example")).to_be_visible(timeout=60_000)
        expect(opened.get_by_text("60 rows of 2 classes")).to_have_count(0)


# What axe-core finds in Streamlit's own DOM, which we can't mend.
STREAMLITS = (
    ("empty-table-header", "stDataFrame"),
    ("presentation-role-conflict", "stFileUploader"),
    # KaTeX's box, taller by a pixel than Streamlit lets it be.
    ("scrollable-region-focusable", "katex-display"),
    # A comment in code, and what is chosen of several: white on the colour of the dark theme that
    # words need to be read.
    ("color-contrast", "token comment"),
    ("color-contrast", "data-tag-index"),
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_accessible_fits_and_asks_nobody_else(
    browser: Browser, address: str, path: str, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}/{path}")
    wait_until_drawn(page, PAGES[path])
    background = page.get_by_test_id("stApp").evaluate(
        "element => getComputedStyle(element).backgroundColor"
    )
    brightness = sum(int(part) for part in background.strip("rgb()").split(", ")) / 3
    assert (brightness < 60) == (scheme == "dark")
    assert page.get_by_test_id("stException").count() == 0

    found = [
        (violation["id"], node["html"], node["failureSummary"])
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"]
        if not any(
            violation["id"] == rule and words in f"{node['html']} {node['target']}"
            for rule, words in STREAMLITS
        )
    ]
    assert found == []

    main = page.get_by_test_id("stMain")
    for width in (1280, 380):
        page.set_viewport_size({"width": width, "height": 900})
        wait_until_drawn(page, PAGES[path])
        page.wait_for_function(
            "main => main.scrollWidth <= main.clientWidth", arg=main.element_handle()
        )
    assert errors == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    context.close()
