"""The configurations of a sweep beside each other."""

from __future__ import annotations

import altair as alt
import pandas as pd

from experiments.charts import style


def sweep_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw the cross-entropy that each configuration comes to, the best first.

    Parameters
    ----------
    table : DataFrame
        Columns configuration, val_cross_entropy_bits, val_accuracy, val_entropy_bits.
    """
    bars = (
        alt.Chart(table)
        .mark_bar(color=style.BLUE)
        .encode(
            y=alt.Y(
                "configuration:N",
                title=None,
                sort=list(table["configuration"]),
                axis=alt.Axis(labelLimit=400),
            ),
            x=alt.X("val_cross_entropy_bits:Q", title="Validation cross-entropy (bits)"),
            tooltip=[
                "configuration:N",
                alt.Tooltip("val_cross_entropy_bits:Q", title="Cross-entropy (bits)", format=".4f"),
                alt.Tooltip("val_accuracy:Q", title="Accuracy", format=".1%"),
                alt.Tooltip("val_entropy_bits:Q", title="Entropy (bits)", format=".4f"),
            ],
        )
    )
    figures = bars.mark_text(align="left", dx=4).encode(
        text=alt.Text("val_cross_entropy_bits:Q", format=".4f")
    )
    return alt.LayerChart(layer=[bars, figures], width="container", height=alt.Step(22))
