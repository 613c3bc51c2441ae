"""The pointer reads out curves: in all charts of a figure, in the browser alone."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from core.losses import categorical_cross_entropy
from experiments.charts import style
from experiments.charts.history import history_chart
from tests.browser.servers import PAGES, wait_until_drawn

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-seen")]

# In the page: moves the pointer over a chart; the frames until its words are others.
MOVE = """async element => {
    const svg = element.querySelector("svg.marks");
    const places = svg.querySelector("g.mark-path.role-mark");
    places.scrollIntoView({block: "center"});
    const box = places.getBoundingClientRect();
    const at = {clientX: box.x + 0.4 * box.width, clientY: box.y + 0.5 * box.height, bubbles: true};
    const words = () => [...svg.querySelectorAll("text")].map(each => each.textContent).join();
    const before = words();
    const target = document.elementFromPoint(at.clientX, at.clientY);
    target.dispatchEvent(new PointerEvent("pointerover", at));
    for (let frames = 1; frames < 60; frames++) {
        await new Promise(requestAnimationFrame);
        if (words() !== before) return frames;
    }
    return null;
}"""


@pytest.mark.parametrize(
    ("path", "which", "charts", "heads"),
    [
        ("losses", 2, 3, ["p", "loss", "bits", "∂L/∂z"]),
        ("gradients", 2, 1, ["p", "loss", "bits", "∂L/∂z"]),
        ("activations", 4, 1, ["largest p", "bits"]),
        ("entropy", 1, 1, ["surprise of yes", "entropy (bits)"]),
        ("entropy", 3, 1, ["bits per symbol", "over H"]),
        ("train", 2, 3, ["loss", "entropy", "accuracy", "pull: true", "others"]),
        ("mistakes", 0, 1, ["nats", "bits"]),
        ("runs", 0, 4, ["loss", "train", "bits", "entropy", "accuracy"]),
    ],
)
def test_the_pointer_reads_out_all_linked_charts_without_the_server(
    page: Page, address: str, path: str, which: int, charts: int, heads: list[str]
) -> None:
    sent: list[str | bytes] = []
    page.on("websocket", lambda it: it.on("framesent", lambda message: sent.append(message)))
    page.goto(f"{address}/{path}")
    wait_until_drawn(page, charts=PAGES[path])
    chart = page.locator(".stVegaLiteChart").nth(which)
    for head in heads:
        written = chart.locator("svg.marks text").filter(
            has_text=re.compile(f"^{re.escape(head)}$")
        )
        expect(written.first).to_be_visible()
    # Every place has room of its own, in which it is the nearest.
    places_of = chart.locator("svg.marks g[class*=voronoi]").first.locator("path")
    assert all(places_of.evaluate_all("paths => paths.map(path => !!path.getAttribute('d'))"))
    rules = chart.locator("g.mark-rule.role-mark line[opacity='0.5']")
    expect(rules).to_have_count(charts)
    places = "lines => lines.map(line => line.getAttribute('transform'))"
    at_rest = rules.evaluate_all(places)
    del sent[:]
    assert chart.evaluate(MOVE) == 1
    pointed = rules.evaluate_all(places)
    assert len(pointed) == charts
    assert all(before != now for before, now in zip(at_rest, pointed, strict=True))
    assert sent == []


def test_places_outlive_a_key_and_read_out_what_it_changed(page: Page, address: str) -> None:
    page.goto(f"{address}/losses")
    wait_until_drawn(page, charts=PAGES["losses"])
    chart = page.locator(".stVegaLiteChart").nth(2)
    words = chart.locator("svg.marks text")
    rooms = chart.locator("svg.marks g[class*=voronoi] path").element_handles()
    page.get_by_label("Logits", exact=True).fill("4, 1, 0.5, 3")
    page.wait_for_url("**logits=4**")
    loss = f"{categorical_cross_entropy([4.0, 1.0, 0.5, 3.0], 0):.3f}"
    expect(words.filter(has_text=re.compile(f"^{loss}$")).first).to_be_visible()
    wait_until_drawn(page, charts=PAGES["losses"])
    assert rooms
    assert all(room.evaluate("room => room.isConnected") for room in rooms)
    assert chart.evaluate(MOVE) == 1
    pointed = words.all_text_contents()

    page.reload()
    wait_until_drawn(page, charts=PAGES["losses"])
    assert chart.evaluate(MOVE) == 1
    assert sorted(words.all_text_contents()) == sorted(pointed)


def test_each_run_is_read_out_at_the_epoch_of_the_pointer(
    page: Page, address: str, tmp_path: Path
) -> None:
    page.goto(f"{address}/runs")
    wait_until_drawn(page, charts=PAGES["runs"])
    chart = page.locator(".stVegaLiteChart")
    assert chart.evaluate(MOVE) == 1
    words = chart.locator("text").all_text_contents()
    (epoch,) = [int(word.split()[1]) for word in words if re.fullmatch(r"Epoch \d+", word)]
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    download.value.save_as(tmp_path / "epochs.csv")
    rows = pd.read_csv(tmp_path / "epochs.csv")
    assert 0 < epoch < rows["epoch"].max()

    there = rows[rows["epoch"] == epoch].pivot_table(index="run", columns="split")
    assert len(there) == 4
    assert set(there.index) <= set(words)
    for column, split in (
        *((metric, "val") for metric in ("loss", "cross_entropy_bits", "entropy_bits")),
        ("accuracy", "val"),
        ("loss", "train"),
    ):
        for value in there[column, split]:
            assert any(
                float(word) == pytest.approx(value, rel=0.006) for word in words if is_number(word)
            ), (column, split, value)


def test_a_saved_figure_is_as_wide_as_its_page_and_follows_the_pointer(
    page: Page, tmp_path: Path
) -> None:
    history = pd.DataFrame(
        {"run": "a", "split": "val", "epoch": range(20), "loss": range(20, 0, -1)}
    )
    path = tmp_path / "loss_curve.html"
    path.write_text(style.to_html(history_chart(history, ["loss"])), encoding="utf-8")
    page.goto(path.as_uri())
    drawn = page.locator("#vis svg.marks")
    for width in (380, 1000):
        page.set_viewport_size({"width": width, "height": 500})
        page.wait_for_function(
            """([drawn, width]) => {
                const right = drawn.getBoundingClientRect().right;
                return right <= width && right > width - 80;
            }""",
            arg=[drawn.element_handle(), width],
        )
    assert page.locator("#vis").evaluate(MOVE) == 1


@pytest.mark.parametrize("width", [380, 1280])
def test_a_long_name_takes_no_room_from_the_curves(page: Page, tmp_path: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 500})
    right = {}
    for name in ("short", "long " * 60):
        history = pd.concat(
            pd.DataFrame({"run": run, "split": "val", "epoch": range(20), "loss": range(20, 0, -1)})
            for run in (name, "one-vs-rest sigmoid + BCE")
        )
        path = tmp_path / "loss_curve.html"
        path.write_text(style.to_html(history_chart(history, ["loss"])), encoding="utf-8")
        page.goto(path.as_uri())
        lines = page.locator("#vis svg.marks .mark-line path").first
        expect(lines).to_be_visible()
        box = lines.bounding_box()
        assert box is not None
        right[name] = box["x"] + box["width"]
    assert len(set(right.values())) == 1
    assert right["short"] > 0.85 * width


def is_number(word: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?(e[-−]?\d+)?", word) is not None
