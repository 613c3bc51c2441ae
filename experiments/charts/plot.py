"""A chart in two: what is drawn, made once for all numbers, and the tables that hold them.

Altair takes tens of milliseconds to make what is drawn, which is too long to do at each key that
moves a number.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt
import pandas as pd

# Of each template: charts whose columns or looks differ.
KEPT = 128

# Column and dtype of each of a template's tables.
Shape: TypeAlias = tuple[tuple[str, str], ...]

# Altair's way with data and its theme are the same for all threads.
ALTAIR = threading.Lock()


@dataclass(frozen=True)
class Plot:
    """A chart of some numbers.

    Parameters
    ----------
    spec : dict
        Vega-Lite that names its tables. Plots share it: it is never changed.
    tables : dict
        Name → table.
    """

    spec: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]

    def to_dict(self) -> dict[str, Any]:
        """Return the whole as Vega-Lite, numbers included."""
        rows = {name: alt.to_values(table)["values"] for name, table in self.tables.items()}
        return {**self.spec, "datasets": rows}


def template(build: Callable[..., alt.TopLevelMixin]) -> Callable[..., Plot]:
    """Make a chart once for each shape of its tables and each look, and fill in the tables.

    Parameters
    ----------
    build : callable
        From tables, by position, and looks, by keyword and hashable, to a chart of these tables.
        The tables that it gets have columns and no rows, so that what is drawn can't hang on a
        number; `first` says where one stands.

    Returns
    -------
    callable
        From tables with rows, and looks, to a `Plot`.

    Raises
    ------
    TypeError
        When the chart draws another table than those it was given.
    """
    names = list(inspect.signature(build).parameters)

    @functools.lru_cache(KEPT)
    def spec_of(
        shapes: tuple[Shape, ...], looks: tuple[tuple[str, Hashable], ...]
    ) -> Mapping[str, Any]:
        empty = {
            name: pd.DataFrame({column: pd.Series(dtype=dtype) for column, dtype in shape})
            for name, shape in zip(names, shapes, strict=False)
        }
        plot = plot_of(build(*empty.values(), **dict(looks)), **empty)
        for name in plot.tables.keys() - empty.keys():
            columns = ", ".join(map(str, plot.tables[name]))
            raise TypeError(f"expected a chart of {', '.join(empty)}, got one of {columns} as well")
        return plot.spec

    @functools.wraps(build)
    def fill(*tables: pd.DataFrame, **looks: Hashable) -> Plot:
        shapes = tuple(
            tuple(zip(table.columns, map(str, table.dtypes), strict=True)) for table in tables
        )
        spec = spec_of(shapes, tuple(sorted(looks.items())))
        return Plot(spec, dict(zip(names, tables, strict=False)))

    return fill


def first(table: str, column: str) -> alt.ExprRef:
    """Return the number in a column's first row, for what a table decides: where an axis ends."""
    return alt.ExprRef(f"data({table!r})[0][{column!r}]")


def plot_of(chart: alt.TopLevelMixin | Plot, **tables: pd.DataFrame) -> Plot:
    """Return a chart as what is drawn and its tables.

    Those not given by name are named by their places: a chart of other numbers is the same but for
    its tables.
    """
    if isinstance(chart, Plot):
        return chart

    def named(data: Any) -> dict[str, str]:
        held = next((name for name, table in tables.items() if table is data), None)
        name = held or f"table {len(tables)}"
        tables[name] = data
        return {"name": name}

    with ALTAIR:
        alt.data_transformers.register("named", named)
        # Rows that are written in the chart itself stay there.
        alt.data_transformers.consolidate_datasets = False
        try:
            with alt.data_transformers.enable("named"), alt.theme.enable("none"):
                spec = chart.to_dict(validate=False)
        finally:
            alt.data_transformers.consolidate_datasets = True
    return Plot(spec, tables)
