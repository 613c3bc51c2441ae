"""Runs, trainings, and outputs of one's own: what is chosen is in the link, but no file is."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from experiments.predictions import shown
from tests.browser.pages import assert_link_becomes, assert_the_link_opens_the_same, opened, query
from tests.browser.servers import PAGES, wait_until_drawn

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-seen")]


def test_runs_shows_the_curves_and_leads_into_mlflow_and_to_a_diagnosis(
    page: Page, address: str
) -> None:
    opened(page, address, "runs")
    link = page.get_by_role("link", name="Open in the MLflow UI")
    assert "compareRunsMode=CHART" in (link.get_attribute("href") or "")
    diagnose = page.get_by_role("link").filter(has_text="Diagnose").filter(has_text="·").first
    with page.context.expect_page() as shown:
        diagnose.click()
    diagnosis = shown.value
    expect(diagnosis.locator("h1")).to_have_text("Diagnose", timeout=60_000)
    expect(diagnosis.get_by_role("heading", name="What was found")).to_be_visible(timeout=60_000)
    assert len(query(diagnosis)["run"][0]) == 32
    diagnosis.close()

    # A list that opens while the page scrolls to it closes again.
    data_set = page.get_by_role("combobox", name="Data set")
    data_set.scroll_into_view_if_needed()
    data_set.click()
    page.get_by_role("option", name="breast_cancer").click()
    page.wait_for_url("**dataset=breast_cancer**")
    expect(page.get_by_text("hidden=0 ·").first).to_be_visible()
    wait_until_drawn(page, charts=PAGES["runs"])
    chosen = page.get_by_test_id("stMultiSelect").locator("[data-tag-index]")
    expect(chosen).to_have_count(2)
    page.get_by_test_id("stMultiSelect").get_by_role("combobox").press("Backspace")
    expect(chosen).to_have_count(1)
    page.wait_for_url("**runs_breast_cancer=**")
    assert_the_link_opens_the_same(page)


def test_a_sample_of_diagnose_and_the_bins_are_a_link(page: Page, address: str) -> None:
    opened(page, address, "diagnose")
    choice = page.get_by_role("combobox", name="Sample")
    choice.fill("Label off by one")
    expect(page.get_by_role("option")).to_have_count(1)
    choice.press("Enter")
    expect(page.get_by_text("with 1 subtracted from each label")).to_be_visible()
    page.wait_for_url("**sample=**")
    assert_link_becomes(page, {"sample": ["Label off by one"]})
    page.get_by_role("radio", name="Equal mass").click()
    page.wait_for_url("**bins=**")
    expect(page.get_by_text("Each mark holds about equally many rows")).to_be_visible()
    assert_the_link_opens_the_same(page)

    # A second model beside the first, or below it where charts and formulas would be cut.
    page.get_by_role("radiogroup", name="Compare with").get_by_text("A sample").click()
    sides = page.get_by_test_id("stColumn").filter(has=page.get_by_role("combobox", name="Sample"))
    expect(sides).to_have_count(2)
    wait_until_drawn(page, 2 * PAGES["diagnose"])
    assert places_of(sides)[0]["y"] == places_of(sides)[1]["y"]
    page.set_viewport_size({"width": 1000, "height": 900})
    page.wait_for_function(
        "() => [...document.querySelectorAll('.stVegaLiteChart')].every(chart => "
        "chart.getBoundingClientRect().width > 320)"
    )
    assert places_of(sides)[0]["x"] == places_of(sides)[1]["x"]
    formulas = page.locator(".katex-display")
    assert formulas.count() == 12
    assert formulas.evaluate_all(
        "all => all.every(each => each.querySelector('.katex-html').scrollWidth "
        "<= each.closest('[data-testid=\"stVerticalBlock\"]').clientWidth)"
    )


def test_long_names_of_classes_fit_on_a_phone(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 380, "height": 900})
    page.goto(f"{address}/diagnose?from=Your+file")
    rng = np.random.default_rng(0)
    names = [f"class {'of a long name ' * 10}{k}" for k in range(3)]
    labels = rng.integers(3, size=300)
    rows = pd.DataFrame(rng.normal(size=(300, 3)) + 2 * np.eye(3)[labels], columns=names)
    rows["label"] = [names[label] for label in labels]
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(
        {"name": "own.csv", "mimeType": "text/csv", "buffer": rows.to_csv(index=False).encode()}
    )
    legend = page.locator(".stVegaLiteChart svg.marks").get_by_text("down, by the others")
    expect(legend).to_be_visible()
    for chart in page.locator(".stVegaLiteChart:has(svg.marks)").all():
        assert chart.evaluate(
            """chart => {
                const right = chart.getBoundingClientRect().right;
                return [...chart.querySelectorAll("text")].every(
                    text => text.getBoundingClientRect().right <= right + 1);
            }"""
        ), chart.get_attribute("aria-label")
    expect(
        page.get_by_text(f"The costliest: label a, {shown(names[0])}, predicted")
    ).to_be_visible()


def places_of(sides: Locator) -> list[FloatRect]:
    places = [each.bounding_box() for each in sides.all()]
    return [place for place in places if place is not None]


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
    page.reload()
    for seen in (other, page):
        expect(seen.get_by_text("One row per example")).to_be_visible(timeout=60_000)
        expect(seen.get_by_text("60 rows of 2 classes")).to_have_count(0)


def test_train_plays_and_its_link_opens_the_epoch_where_it_was_paused(
    page: Page, address: str
) -> None:
    opened(page, address, "train?data=moons&hidden=8&seed=3&epoch=0&speed=2")
    rate = page.get_by_label("Learning rate", exact=True)
    rate.fill("0.02")
    rate.press("Enter")
    page.wait_for_url("**rate=0.02**")
    wait_until_drawn(page, PAGES["train"])
    page.get_by_role("button", name="Play").click()
    moved = page.get_by_text(re.compile(r"After epoch [1-9]\d*, on"))
    expect(moved).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_url(re.compile(r"[?&]epoch=[1-9]"))
    epoch = query(page)["epoch"][0]
    said = page.get_by_text(f"After epoch {epoch}, on the validation rows")
    expect(said).to_be_visible(timeout=30_000)
    assert_the_link_opens_the_same(page)
