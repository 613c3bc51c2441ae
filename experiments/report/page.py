"""A diagnosis as one HTML file that needs no internet, in the theme of whoever opens it."""

from __future__ import annotations

import math
from functools import lru_cache

import altair as alt
import jinja2
import numpy as np

from core.diagnosis import loss_histogram
from experiments.charts import diagnosis as charts
from experiments.charts.bundle import as_script, javascript
from experiments.charts.precision import own_rows_map
from experiments.diagnosis import frames
from experiments.diagnosis.passes import Diagnosed
from experiments.precision import precision_map
from experiments.report.figures import figures_of
from experiments.report.text import headline, reading, totals, unbroken

MOST_ROWS = 100
MOST_IN_BUDGET = 24

# After its libraries the bundle runs a snippet: this one hands out what draws.
_NOTHING_MORE = "window.vegaEmbed = vegaEmbed;"

_CAPTIONS = {
    "reliability": "How often predictions are right, against how confident they are.",
    "concentration": "How much of the loss the most surprising rows carry.",
    "confusion": "Which confusions cost most, in bits.",
    "budget": "How strongly the gradient pulls each class's logit up and down.",
    "precision": "Where the textbook formula breaks, and where these rows lie.",
}


def charts_of(found: Diagnosed) -> dict[str, alt.TopLevelMixin]:
    """Return name → chart of what there is to draw."""
    diagnosis, names = found.diagnosis, found.class_names
    made: dict[str, alt.TopLevelMixin] = {}
    if diagnosis.calibration is None or diagnosis.concentration is None:
        return made
    histogram = loss_histogram(found.summary)
    made["reliability"] = charts.reliability_chart(
        frames.reliability_frame(diagnosis.calibration, found.after, temperature=found.temperature)
    )
    curve = frames.concentration_frame(histogram)
    if len(curve):
        made["concentration"] = charts.concentration_chart(
            curve, diagnosis.concentration.half_share
        )
    pairs = frames.pair_frame(diagnosis, names)
    if len(pairs):
        made["confusion"] = charts.pair_chart(pairs, names)
    budget = frames.budget_frame(diagnosis, names)
    if len(budget):
        made["budget"] = charts.budget_chart(frames.most_lopsided(budget, MOST_IN_BUDGET))
    if diagnosis.precision is not None:
        made["precision"] = own_rows_map(precision_map("CCE"), frames.margin_frame(histogram))
    return made


def to_html(found: Diagnosed) -> str:
    """Return the page.

    Examples
    --------
    >>> from core.diagnosis import Summary, diagnose
    >>> summary = Summary()
    >>> summary.update([[2.0, 0.0], [0.0, -1.0]], [0, 1])
    >>> html = to_html(Diagnosed("<b>", ("0", "1"), (), summary, diagnose(summary)))
    >>> "<h1>&lt;b&gt;</h1>" in html, "https://" in html.split("<script>")[0]
    (True, False)
    """
    drawn = charts_of(found)
    checked = found.diagnosis.checked
    return _template().render(
        found=found,
        diagnosis=found.diagnosis,
        headline=headline(found),
        reading=reading(found),
        counted=totals(found.diagnosis.evidence),
        figures=figures_of(found),
        pairings=[
            (pairing, "–" if math.isnan(pairing.nats) else f"{pairing.nats:.4g}")
            for pairing in found.diagnosis.pairings
        ],
        rows=_rows(found),
        several=found.diagnosis.task == "multi-label",
        done=[name for name, said in checked.items() if said == "done"],
        not_done={
            name: said.removeprefix("not done: ")
            for name, said in checked.items()
            if said != "done"
        },
        captions={name: _CAPTIONS[name] for name in drawn},
        specs=as_script({name: _spec(chart) for name, chart in drawn.items()}),
        bundle=javascript(_NOTHING_MORE) if drawn else "",
    )


def _rows(found: Diagnosed) -> list[dict[str, object]]:
    held = found.diagnosis.concentration
    if held is None:
        return []
    suspects = set(held.suspects["row"].tolist())
    return [
        {
            "row": int(entry["row"]),
            "bits": float(entry["loss"]) / np.log(2),
            "p": float(entry["label_probability"]),
            "label": found.class_names[int(entry["label"])],
            "predicted": found.class_names[int(entry["predicted"])],
            "suspect": int(entry["row"]) in suspects,
        }
        for entry in held.rows[:MOST_ROWS]
    ]


def _spec(chart: alt.TopLevelMixin) -> dict[str, object]:
    spec: dict[str, object] = chart.to_dict()
    spec["background"] = "transparent"
    if not {"hconcat", "vconcat", "concat", "facet"} & spec.keys():
        spec.setdefault("width", "container")
    return spec


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("experiments.report", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        # Not what is marked as safe: scripts.
        finalize=lambda value: unbroken(value) if type(value) is str else value,
    )
    return environment.get_template("page.html")
