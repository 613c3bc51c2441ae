"""The page Entropy, its frames and its charts: what they show is what core gives."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.coding import block_code, decode, expected_length, huffman_code, shannon_lengths
from core.entropy import binary_entropy, cross_entropy, entropy, kl_divergence, surprisal
from dashboard import snippets
from dashboard.charts import codes
from dashboard.charts import entropy as charts
from dashboard.frames import entropy as frames
from dashboard.sources import Source, parse_counts, source_of
from dashboard.state import MAX_LINKED, plain
from dashboard.views.codes import MAX_LEAVES
from dashboard.views.entropy import COUNTED, PRESETS
from experiments.charts import style
from tests.dashboard.test_pages import open_page, run_code

WEATHER = source_of(parse_counts(PRESETS["Weather"]))
HALF_EMPTY = source_of({"a": 1.0, "b": 0.0, "c": 3.0})
LETTERS = source_of(parse_counts(PRESETS["English letters"]))
ONE = source_of({"always": 1.0})
SOURCES = [WEATHER, HALF_EMPTY, LETTERS, ONE]
COLOURS = ("#000", "#111")


def text_of(page: AppTest) -> str:
    return " ".join(element.value for element in page.markdown)


def metrics(page: AppTest) -> list[str]:
    """Return what stands under names in the page's small tables of figures."""
    tables = [each.value for each in page.markdown if "| **" in each.value]
    return [value for table in tables for value in re.findall(r"\*\*(.+?)\*\*", table)]


def captions(page: AppTest) -> str:
    return " ".join(element.value for element in page.caption)


@pytest.mark.parametrize("source", SOURCES)
def test_the_area_is_the_entropy(source: Source) -> None:
    frame = frames.surprises(source)
    assert frame["term_bits"].sum() == pytest.approx(float(entropy(source.p, base=2)), abs=1e-14)
    assert frame["probability"].is_monotonic_decreasing
    spec = charts.surprise_area(frame, 1.0, "#000").to_dict()
    rows = spec["datasets"][spec["layer"][0]["data"]["name"]]
    area = sum((row["end"] - row["start"]) * row["surprise_bits"] for row in rows)
    assert area == pytest.approx(float(entropy(source.p, base=2)), abs=1e-12)
    assert rows[-1]["end"] == pytest.approx(1)
    # An outcome that never happens has no width, and JSON no infinity.
    assert len(rows) == np.count_nonzero(source.p)


def test_narrow_bars_have_their_names_upright_or_none() -> None:
    def written(source: Source) -> tuple[set[str], set[str]]:
        svg = style.to_svg(charts.surprise_area(frames.surprises(source), 1.0, "#000"))
        texts = re.findall(r"<text ([^>]*)>([^<]+)</text>", svg)
        names = [(name, "rotate(270)" in how) for how, name in texts if name in source.names]
        return {name for name, up in names if not up}, {name for name, up in names if up}

    assert written(WEATHER) == ({"sunny", "cloudy", "rain"}, {"snow"})
    alike = source_of(dict.fromkeys((f"outcome {i}" for i in range(1000)), 1.0))
    assert written(alike) == (set(), set())


@pytest.mark.parametrize("source", SOURCES)
def test_the_code_table_is_the_code_of_core(source: Source) -> None:
    source = source.occurring()
    code = huffman_code(source.p)
    table = frames.code_table(source, code)
    assert dict(zip(table["outcome"], table["word"], strict=True)) == dict(
        zip(source.names, code, strict=True)
    )
    assert table["term_bits"].sum() == pytest.approx(expected_length(code, source.p))


def test_the_tree_leads_to_each_outcome_by_its_word() -> None:
    source = LETTERS.occurring()
    code = huffman_code(source.p)
    branches = frames.tree(source, code).set_index("word")
    leaves = branches.dropna(subset="outcome")
    assert dict(zip(leaves["outcome"], leaves.index, strict=True)) == dict(
        zip(source.names, code, strict=True)
    )
    assert sorted(leaves["row"]) == list(range(len(source.names)))
    for word, branch in branches.iterrows():
        word = str(word)
        assert (branch["bit"], branch["depth"]) == (word[-1], len(word))
        if branch["outcome"] is None or branch["outcome"] != branch["outcome"]:
            children = [branches.loc[word + bit] for bit in "01"]
            assert branch["probability"] == pytest.approx(
                sum(child["probability"] for child in children)
            )
            assert {child["parent_row"] for child in children} == {branch["row"]}


def test_every_leaf_of_the_tree_is_labelled() -> None:
    branches = frames.tree(WEATHER, huffman_code(WEATHER.p))
    spec = codes.code_tree(branches, COLOURS).to_dict()
    rows = spec["datasets"][spec["data"]["name"]]
    assert [row["label"] for row in rows if row["label"]] == [
        "sunny  0.6", "cloudy  0.2", "rain  0.15", "snow  0.05",
    ]  # fmt: skip


def test_a_written_message_is_the_message() -> None:
    code = huffman_code(WEATHER.p)
    symbols = frames.message(WEATHER, 100, seed=5)
    lines = frames.written_message(WEATHER, code, symbols).split("\n")
    assert max(map(len, lines)) <= frames.WRITTEN_WIDTH
    names = " ".join(lines[0::3]).split()
    sent = "".join("".join(lines[1::3]).split())
    expected = symbols[: frames.WRITTEN_SYMBOLS].tolist()
    assert names == [WEATHER.names[i] for i in expected]
    assert decode(sent, code) == expected


def test_a_long_name_is_cut_in_a_written_message() -> None:
    source = source_of({"n" * 500: 1.0, "b": 1.0})
    written = frames.written_message(source, ("0", "1"), np.array([0, 1]))
    assert written.split("\n")[0] == f"{'n' * (frames.WRITTEN_WIDTH - 2)}…"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_growth_ends_at_the_means_of_the_message_and_tends_to_those_of_core(n: int) -> None:
    symbols = frames.message(WEATHER, 10_000, seed=1)
    grown = frames.growth(WEATHER, symbols, n)
    ends = grown.groupby("counted", sort=False).last()
    code = huffman_code(WEATHER.p)
    surprises = surprisal(WEATHER.p, base=2)[symbols]
    words = np.array([len(word or "") for word in code])[symbols]
    assert ends.loc["Surprise", "bits_per_symbol"] == pytest.approx(surprises.mean())
    assert ends.loc["Huffman code", "bits_per_symbol"] == pytest.approx(words.mean())
    assert list(ends.index[2:]) == ([f"Blocks of {n}"] if n > 1 else [])
    assert len(grown) < 5000
    for name, mean in (
        ("Surprise", float(entropy(WEATHER.p, base=2))),
        ("Huffman code", expected_length(code, WEATHER.p)),
        (f"Blocks of {n}", block_code(WEATHER.p, n)[1]),
    ):
        if name in ends.index:
            # About five standard deviations of a mean of ten thousand.
            assert ends.loc[name, "bits_per_symbol"] == pytest.approx(mean, abs=0.05)


def test_blocks_are_those_of_core_and_within_their_bounds() -> None:
    frame = frames.block_lengths(WEATHER)
    assert frame["n"].tolist() == list(range(1, frames.largest_block(4) + 1))
    assert len(frame) == 6
    for row in frame.itertuples():
        coded = block_code(WEATHER.p, int(str(row.n)))[1]
        assert row.bits_per_symbol == pytest.approx(coded, rel=1e-14)
    assert (frame["bits_per_symbol"] >= frame["entropy_bits"]).all()
    assert (frame["bits_per_symbol"] < frame["bound_bits"]).all()


@pytest.mark.parametrize(("num_outcomes", "n"), [(1, 10), (2, 10), (90, 2), (91, 1), (10**6, 1)])
def test_blocks_stay_few_enough_to_code(num_outcomes: int, n: int) -> None:
    assert frames.largest_block(num_outcomes) == n


def test_the_wrong_code_is_charged_by_outcome() -> None:
    other = source_of(dict(zip(HALF_EMPTY.names, [1.0, 1.0, 2.0], strict=True)))
    frame = frames.wrong_code(HALF_EMPTY, other)
    divergence = float(kl_divergence(HALF_EMPTY.p, other.p, base=2))
    assert frame["difference_bits"].sum() == pytest.approx(divergence)
    costs = frames.costs(HALF_EMPTY, other)
    assert costs["cross_entropy"] == pytest.approx(costs["entropy"] + costs["divergence"])
    assert costs["whole_bits"] == expected_length(shannon_lengths(other.p), HALF_EMPTY.p)


def test_an_infinite_word_is_drawn_to_the_ceiling() -> None:
    other = source_of({"a": 0.0, "b": 1.0, "c": 1.0})
    frame = frames.wrong_code(HALF_EMPTY, other)
    spec = charts.wrong_code_area(frame, 0.8, np.inf, COLOURS).to_dict()
    rows = spec["datasets"][spec["layer"][0]["data"]["name"]]
    drawn = {row["outcome"]: (row["drawn_length"], row["length_bits"]) for row in rows}
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domainMax"] == {
        "expr": "data('bars')[0]['top']"
    }
    top = rows[0]["top"]
    assert drawn == {"c": (1.0, "1"), "a": (top, "∞")}


def test_cost_bars_add_up() -> None:
    costs = {"entropy": 1.5, "divergence": 0.25, "cross_entropy": 1.75, "whole_bits": 2.0}
    spec = charts.cost_bars(costs, ("#000", "#111", "#222")).to_dict()
    rows = spec["datasets"][spec["layer"][0]["data"]["name"]]
    totals: dict[str, float] = {}
    for row in rows:
        totals[row["code"]] = totals.get(row["code"], 0) + row["bits"]
    assert list(totals.values()) == [1.5, 1.75, 2.0]


@pytest.mark.parametrize("current", [0.0, 0.3, 1.0])
def test_the_binary_curve_marks_where_it_stands(current: float) -> None:
    curve = frames.binary_curve(current)
    np.testing.assert_array_equal(
        curve["entropy_bits"], binary_entropy(curve["probability"].to_numpy(), base=2)
    )
    bits = frames.yes_no_bits(current)
    spec = charts.binary_entropy_curve(curve, current, "#000").to_dict()
    rows = spec["datasets"][spec["vconcat"][1]["layer"][0]["data"]["name"]]
    now = [(row["probability"], row["entropy_bits"]) for row in rows if row["now"]]
    assert now == [(current, bits)]


@pytest.mark.parametrize("title", list(PRESETS))
def test_a_preset_shows_the_numbers_of_core(title: str) -> None:
    page = open_page("entropy")
    page.button_group(key="sample counts").set_value(title).run()
    assert not page.exception
    p = source_of(parse_counts(PRESETS[title])).p
    uniform = np.full(len(p), 1 / len(p))
    bits = float(entropy(p, base=2))
    length = expected_length(huffman_code(p), p)
    assert metrics(page) == [
        f"{bits:.4f}",
        f"{np.log2(len(p)):.4f}",
        str(len(p)),
        f"{bits:.4f}",
        f"{length:.4f}",
        f"{length - bits:.4f}",
        f"{bits:.4f}",
        f"{kl_divergence(p, uniform, base=2):.4f}",
        f"{cross_entropy(p, uniform, base=2):.4f}",
    ]
    has_tree = 1 < len(p) <= MAX_LEAVES
    assert len(page.get("vega_lite_chart")) == 6 + has_tree
    assert ("The tree is drawn for" in captions(page)) == (len(p) > MAX_LEAVES)


def test_a_slider_moves_the_counts() -> None:
    page = open_page("entropy")
    page.slider(key="share 0").set_value(20.0).run()
    assert not page.exception
    assert page.text_input(key="counts").value == "sunny=20, cloudy=40, rain=30, snow=10"
    assert metrics(page)[0] == f"{entropy([0.2, 0.4, 0.3, 0.1], base=2):.4f}"
    assert page.slider(key="share 1").value == 40.0


@pytest.mark.parametrize(
    ("kind", "names"), [("Letters", ["a", "b"]), ("Words", ["a", "ba"]), ("Characters", ["a", "␣"])]
)
def test_a_text_is_counted_on_the_page(kind: str, names: list[str]) -> None:
    page = open_page("entropy", source="Text", unit=kind, text="a ba a")
    assert re.findall(r"^\| (\S+) \| 0\.", text_of(page), re.MULTILINE)[:2] == names
    assert page.text_input(key="text").value == "a ba a"


def test_a_text_has_a_sample_to_start_from() -> None:
    page = open_page("entropy", source="Text")
    letters = [letter for letter in COUNTED.default.casefold() if letter.isalpha()]
    _, counts = np.unique(letters, return_counts=True)
    assert metrics(page)[0] == f"{entropy(counts / counts.sum(), base=2):.4f}"


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ("a=3, b=1", "“b” by 2.000 bits, “a” by 0.415"),
        ("a=1, b=1, c=0", "each surprises by 1.000 bits"),
        ("a=1", "A certain outcome is no surprise"),
    ],
)
def test_sentences_hold_for_what_is_shown(counts: str, says: str) -> None:
    assert says in text_of(open_page("entropy", counts=counts))


def test_one_outcome_against_the_rest() -> None:
    page = open_page("entropy", yes="rain")
    assert f"worth {binary_entropy(0.15, base=2):.4f} bits" in text_of(page)


@pytest.mark.parametrize(
    ("length", "seed", "block"), [("1000", "0", "2"), ("250", "7", "3"), ("10", "99", "1")]
)
def test_a_message_is_sent_as_its_controls_say(length: str, seed: str, block: str) -> None:
    page = open_page("entropy", length=length, seed=seed, block=block)
    symbols = frames.message(WEATHER, int(length), int(seed))
    code = huffman_code(WEATHER.p)
    sent = sum(len(code[symbol] or "") for symbol in symbols)
    assert page.text[-1].value == frames.written_message(WEATHER, code, symbols)
    assert f"Sent: {sent} bits, {sent / int(length):.4f} per symbol" in text_of(page)
    assert "the same message, nothing lost" in text_of(page)
    assert (f"blocks of {block}]" in text_of(page)) == (block != "1")
    grown = frames.growth(WEATHER, symbols, int(block))
    for bits in grown.groupby("counted")["bits_per_symbol"].last():
        assert f"{bits:.4f}" in text_of(page)


def test_q_is_read_off_against_p() -> None:
    page = open_page("entropy", q="1 1 1 5")
    q = np.array([1, 1, 1, 5]) / 8
    assert metrics(page)[6:] == [
        f"{entropy(WEATHER.p, base=2):.4f}",
        f"{kl_divergence(WEATHER.p, q, base=2):.4f}",
        f"{cross_entropy(WEATHER.p, q, base=2):.4f}",
    ]
    page.button_group(key="sample q").set_value("q = p").run()
    assert metrics(page)[7] == "0.0000"
    page.button_group(key="sample q").set_value("q = p reversed").run()
    assert metrics(page)[7] == f"{kl_divergence(WEATHER.p, WEATHER.p[::-1], base=2):.4f}"


def test_a_slider_of_q_moves_the_wrong_code_and_the_others_keep_their_proportions() -> None:
    page = open_page("entropy", "as code", q="1 1 2 4")
    assert [page.slider(key=f"q share {i}").value for i in range(4)] == [12.5, 12.5, 25.0, 50.0]
    assert page.slider(key="q share 3").label == "q of snow"
    page.slider(key="q share 3").set_value(20.0).run()
    assert not page.exception
    q = np.array([0.2, 0.2, 0.4, 0.2])
    assert page.text_input(key="q").value == "20, 20, 40, 20"
    assert metrics(page)[6:] == [
        f"{entropy(WEATHER.p, base=2):.4f}",
        f"{kl_divergence(WEATHER.p, q, base=2):.4f}",
        f"{cross_entropy(WEATHER.p, q, base=2):.4f}",
    ]
    # p stays, and what is copied as code is what stands there.
    assert metrics(page)[0] == f"{entropy(WEATHER.p, base=2):.4f}"
    figures = run_code(page.code[0].value)
    assert figures["kl_bits"] == pytest.approx(kl_divergence(WEATHER.p, q, base=2), rel=1e-12)

    # Nothing in q for what does happen.
    page.slider(key="q share 0").set_value(0.0).run()
    assert page.text_input(key="q").value == "0, 25, 50, 25"
    assert metrics(page)[7:] == ["∞", "∞"]
    page.slider(key="share 0").set_value(20.0).run()
    assert page.text_input(key="q").value == "0, 25, 50, 25"


def test_so_many_outcomes_have_no_sliders_of_q() -> None:
    page = open_page("entropy", counts=PRESETS["English letters"])
    assert not [each for each in page.slider if each.label.startswith("q of")]
    assert captions(page).count("There are sliders for 2 to 8 outcomes") == 2


@pytest.mark.parametrize(
    "query",
    [
        {"counts": PRESETS["English letters"]},
        {"source": "Text", "unit": "Characters", "text": "a=b, c; d :e"},
    ],
)
def test_the_right_code_costs_exactly_nothing_more(query: dict[str, str]) -> None:
    page = open_page("entropy", **query)
    page.button_group(key="sample q").set_value("q = p").run()
    assert not page.error
    assert metrics(page)[7] == "0.0000"


def test_a_talk_folds_the_controls() -> None:
    page = open_page("entropy", present="1")
    folded = [block for block in page.expander if block.label == "Controls"]
    assert len(folded) == 4
    assert metrics(page) == metrics(open_page("entropy"))


def test_a_q_that_rules_out_what_happens_costs_without_end() -> None:
    page = open_page("entropy", q="sunny=1")
    assert metrics(page)[7:] == ["∞", "∞"]
    assert "no codeword for it" in text_of(page)


@pytest.mark.parametrize("q", ["1 2", "fog=1", "x", "1 1 1 -1"])
def test_what_is_no_q_leaves_the_rest_of_the_page(q: str) -> None:
    page = open_page("entropy", q=q)
    assert len(page.error) == 1
    assert len(metrics(page)) == 6


@pytest.mark.parametrize(
    "query",
    [
        {"counts": "always=1"},
        {"counts": "heads=1, tails=0"},
        {"counts": "0 0 0 1 1"},
        {"counts": " ".join(["2"] * 1000)},
        {"counts": "1e308 1e308 1e-320"},
        {"counts": "![](//evil.example/p)=1, :red[x]=2, $x$=3, <b>=4"},
        {"source": "Text", "text": "a"},
        {"source": "Text", "text": "".join(map(chr, range(0x4E00, 0x4E00 + 2500)))},
        {"source": "Text", "text": "It was the best of times. " * 800, "unit": "Words"},
    ],
)
def test_odd_sources_give_a_picture(query: dict[str, str]) -> None:
    page = open_page("entropy", **query)
    assert not page.error
    assert len(page.get("vega_lite_chart")) >= 6
    assert len(metrics(page)) == 9


@pytest.mark.parametrize(
    "query",
    [
        {"counts": ""},
        {"counts": "1, two, 3"},
        {"counts": "<script>"},
        {"counts": "nan 1"},
        {"counts": "1 -1"},
        {"counts": "0 0"},
        {"counts": "1 " * 1001},
        {"source": "Text", "text": "123"},
    ],
)
def test_what_is_no_source_gives_a_sentence(query: dict[str, str]) -> None:
    page = open_page("entropy", **query)
    assert len(page.error) == 1
    assert not metrics(page)


@pytest.mark.parametrize("word", ["sn", "snow=", "snow=-", "snow=."])
def test_a_word_still_being_typed_is_left_out(word: str) -> None:
    page = open_page("entropy", counts=f"sunny=3, rain=1, {word}")
    assert metrics(page)[0] == f"{entropy([0.75, 0.25], base=2):.4f}"
    assert "left out until it has a count" in captions(page)


@pytest.mark.parametrize(
    "query",
    [{"source": "Nowhere"}, {"seed": "x"}, {"block": "99"}, {"length": "-1"}, {"yes": "fog"}],
)
def test_a_broken_link_opens_on_the_defaults(query: dict[str, str]) -> None:
    page, default = open_page("entropy", **query), open_page("entropy")
    assert metrics(page) == metrics(default)
    assert page.text[-1].value == default.text[-1].value


def test_blocks_too_many_to_code_are_said() -> None:
    page = open_page("entropy", counts=PRESETS["English letters"], block="3")
    assert "n stays at 2" in captions(page)


def test_a_text_too_long_for_a_link_is_left_out_of_it_and_the_page_says_so() -> None:
    page = open_page("entropy", source="Text")
    novel = "It was the best of times. " * 800
    page.text_input(key="text").set_value(novel).run()
    assert not page.exception
    assert "The link leaves this text out: it holds up to 8 KB" in captions(page)
    assert "text" not in page.query_params
    page.text_input(key="text").set_value("a" * MAX_LINKED).run()
    assert "The link leaves this text out" not in captions(page)


def test_foreign_names_are_no_markdown() -> None:
    joiner = "\N{WORD JOINER}"
    assert plain("http://a.b") == rf"http\:{joiner}\/\/a\.b"
    assert plain("Www.a.b x@a.b") == rf"Www{joiner}\.a\.b x{joiner}\@a\.b"
    assert plain("![](//evil) a_b :red[x]") == (r"\!\[\]\(\/\/evil\) a\_b \:red\[x\]")
    page = open_page("entropy", counts="![](//evil)=1, b=2")
    assert "![](//evil)" not in text_of(page)
    assert r"\!\[\]\(\/\/evil\)" in text_of(page)


def formulas(page: AppTest) -> str:
    return " ".join(element.value for element in page.markdown).replace("\N{NO-BREAK SPACE}", " ")


def test_the_sums_are_written_out_with_the_numbers_of_core() -> None:
    page = open_page("entropy", counts="a=6, b=3, c=1, d=0", q="1 1 1 1", yes="b")
    p, q = np.array([0.6, 0.3, 0.1]), np.array([0.25] * 3)
    own, wrong = entropy(p, base=2), -(p * np.log2(q)).sum()
    terms = zip(p, surprisal(p, base=2), strict=True)
    sum_of_surprises = " + ".join(f"{probability:g} · {bits:.3f}" for probability, bits in terms)
    assert f":blue[*H*(*p*)] = {sum_of_surprises} = :blue[{own:.4f}]" in formulas(page)
    words = zip(p, huffman_code(p), strict=True)
    sum_of_words = " + ".join(f"{probability:g} · {len(word or '')}" for probability, word in words)
    length = expected_length(huffman_code(p), p)
    assert f"*L* = {sum_of_words} = {length:.4f}" in formulas(page)
    more = kl_divergence([*p, 0], [0.25] * 4, base=2)
    assert f"*H*(*p*, *q*) = :blue[{own:.4f}] + :orange[{more:.4f}] = {wrong:.4f}" in formulas(page)
    yes_no = binary_entropy(0.3, base=2)
    assert f":blue[*H* = {yes_no:.4f}] bits at *p* = 0.3000" in formulas(page)


def test_a_sum_of_many_terms_is_not_written_out() -> None:
    assert "·" in formulas(open_page("entropy", counts="1 " * 6))
    assert "·" not in formulas(open_page("entropy", counts=PRESETS["English letters"]))


def test_a_key_changes_no_formula() -> None:
    page = open_page("entropy", counts="a=6, b=3, c=1")
    before = [each.value for each in page.markdown if "$" in each.value]
    page.text_input(key="counts").set_value("a=6, b=3, c=12").run()
    assert [each.value for each in page.markdown if "$" in each.value] == before


@pytest.mark.parametrize("q", ["", "1 1 1 5", "sunny=1", "60 20 15 5"])
def test_the_code_gives_the_numbers_of_the_page(q: str) -> None:
    page = open_page("entropy", "as code", q=q)
    offered = [code.value for code in page.code]
    assert len(offered) == 4
    names = run_code(offered[0])
    figures = [names["entropy_bits"], names["kl_bits"], names["cross_bits"]]
    wanted = ["∞" if np.isinf(figure) else f"{figure:.4f}" for figure in figures]
    assert metrics(page)[6:] == wanted
    assert "p = [0.6, 0.2, 0.15, 0.05]\n" in offered[0]


def test_more_outcomes_than_anybody_copies_are_no_code() -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + snippets.MAX_WRITTEN + 1)))
    page = open_page("entropy", "as code", source="Text", text=text)
    assert not page.code
    assert f"Copy as code takes up to {snippets.MAX_WRITTEN} outcomes." in captions(page)


def test_what_is_no_source_for_a_while_forgets_nothing() -> None:
    page = open_page("entropy", q="1 1 1 5", length="250", seed="7", block="3", yes="rain")
    before = metrics(page), page.text[-1].value, text_of(page)
    page.text_input(key="counts").set_value("sunny=60, two").run()
    page.text_input(key="counts").set_value("sunny=x, rain=1").run()
    assert not metrics(page)
    page.text_input(key="counts").set_value(PRESETS["Weather"]).run()
    assert not page.exception
    # Of the outcome that was asked about there is no other place.
    page.selectbox(key="yes").set_value("rain").run()
    assert (metrics(page), page.text[-1].value, text_of(page)) == before


def test_counts_wait_while_a_text_is_counted() -> None:
    page = open_page("entropy", counts="a=3, b=1")
    page.segmented_control(key="source").set_value("Text").run()
    page.text_input(key="text").set_value("a ba a").run()
    page.segmented_control(key="unit").set_value("Words").run()
    assert metrics(page)[0] == f"{entropy([2 / 3, 1 / 3], base=2):.4f}"
    page.segmented_control(key="source").set_value("Counts").run()
    assert metrics(page)[0] == f"{entropy([0.75, 0.25], base=2):.4f}"
    page.segmented_control(key="source").set_value("Text").run()
    assert metrics(page)[0] == f"{entropy([2 / 3, 1 / 3], base=2):.4f}"
    assert not page.exception


def test_where_huffman_meets_the_entropy_the_page_says_so() -> None:
    page = open_page("entropy", counts=PRESETS["Fair coin"])
    assert "takes exactly as much, 1.0000: these probabilities are powers" in text_of(page)
    assert "powers of one half." not in text_of(open_page("entropy"))


def test_a_message_that_never_varies_has_a_height() -> None:
    source = source_of({"a": 1.0, "b": 1.0})
    grown = frames.growth(source, frames.message(source, 100, 0), 1)
    spec = codes.growth_curves(grown, 1.0, dict.fromkeys(grown["counted"], "#000")).to_dict()
    assert {(row["low"], row["high"]) for row in spec["datasets"]["grown"]} == {(0.75, 1.25)}
