"""What draws in pages without internet: Altair's own script, made once for all processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import altair as alt
import pytest
import vl_convert

from experiments.charts import bundle, style


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle.javascript.cache_clear()
    yield tmp_path / "cache"
    bundle.javascript.cache_clear()


def test_a_page_is_the_one_that_altair_makes() -> None:
    chart = alt.Chart(alt.Data(values=[{"a": 1}])).mark_bar().encode(x="a:Q")
    theirs = alt.utils.spec_to_html(
        chart.to_dict(),
        mode="vega-lite",
        vega_version=alt.VEGA_VERSION,
        vegalite_version=alt.VEGALITE_VERSION,
        vegaembed_version=alt.VEGAEMBED_VERSION,
        template="inline",
    )
    assert style.to_html(chart) == theirs


def test_it_is_made_once_and_read_by_the_next_process(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = {snippet: bundle.javascript(snippet) for snippet in (None, "window.a = vegaEmbed;")}
    assert len(list((cache / "cross-entropy-lab").iterdir())) == len(set(scripts.values())) == 2
    bundle.javascript.cache_clear()
    monkeypatch.setattr(vl_convert, "javascript_bundle", None)
    assert {snippet: bundle.javascript(snippet) for snippet in scripts} == scripts


def test_a_cache_that_can_not_be_used_is_done_without(cache: Path) -> None:
    cache.write_text("no folder")
    script = bundle.javascript()
    assert "vegaEmbed" in script
    cache.unlink()

    bundle.javascript.cache_clear()
    assert bundle.javascript() == script
    (kept,) = (cache / "cross-entropy-lab").iterdir()
    kept.write_bytes(b"\xff")
    bundle.javascript.cache_clear()
    assert bundle.javascript() == script


def test_a_name_can_not_end_the_script_it_stands_in() -> None:
    def page(name: str) -> str:
        values = alt.Data(values=[{"a": name}])
        return style.to_html(alt.Chart(values).mark_bar().encode(x="a:N"))

    hostile = page("</script><script>alert(1)</script><!--")
    assert hostile.count("script>") == page("a").count("script>")
    assert "<!--" not in hostile
    assert r"\u003c/script\u003e\u003cscript\u003ealert(1)" in hostile
