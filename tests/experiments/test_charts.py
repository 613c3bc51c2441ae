import pandas as pd
import pytest

from experiments.charts import style
from experiments.charts.history import TITLES, history_chart

HISTORY = pd.DataFrame(
    [
        {"run": run, "split": split, "epoch": epoch, "loss": 1 / (epoch + 1), "accuracy": 0.5,
         "entropy_bits": 2.0}
        for run in ("a", "b")
        for split in ("train", "val")
        for epoch in range(3)
    ]
)  # fmt: skip


@pytest.mark.parametrize("metric", TITLES)
def test_history_draws_a_line_per_run_and_split(metric: str) -> None:
    spec = history_chart(HISTORY, metric).to_dict()
    lines = spec["layer"][0]
    assert lines["mark"]["type"] == "line"
    assert lines["encoding"]["y"]["field"] == metric
    assert lines["encoding"]["y"]["title"] == TITLES[metric]
    assert lines["encoding"]["color"]["scale"]["domain"] == ["a", "b"]
    assert lines["encoding"]["strokeDash"]["scale"]["domain"] == ["val", "train"]
    assert len(next(iter(spec["datasets"].values()))) == len(HISTORY)


def test_saved_charts_need_no_internet() -> None:
    html = style.to_html(history_chart(HISTORY, "loss"))
    assert "<script src=" not in html
    assert 'rel="stylesheet"' not in html
    assert "vegaEmbed" in html
