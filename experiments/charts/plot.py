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
import pyarrow as pa

# Of each template: charts whose columns or looks differ.
KEPT = 128

# What a table is made of: by name, sequences as long as each other.
Columns: TypeAlias = pd.DataFrame | Mapping[str, Any]

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
        Name → Arrow table, which is sent to a browser as it is; from a DataFrame it takes long.
    """

    spec: Mapping[str, Any]
    tables: Mapping[str, pa.Table]

    def to_dict(self) -> dict[str, Any]:
        """Return the whole as Vega-Lite, numbers included."""
        rows = {
            name: alt.to_values(table.to_pandas())["values"] for name, table in self.tables.items()
        }
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
        From tables with rows, or their columns, and looks, to a `Plot`.

    Raises
    ------
    TypeError
        When the chart draws another table than those it was given.
    """
    names = list(inspect.signature(build).parameters)

    @functools.lru_cache(KEPT)
    def spec_of(
        schemas: tuple[pa.Schema, ...], looks: tuple[tuple[str, Hashable], ...]
    ) -> Mapping[str, Any]:
        empty = {
            name: schema.empty_table().to_pandas()
            for name, schema in zip(names, schemas, strict=False)
        }
        plot = plot_of(build(*empty.values(), **dict(looks)), **empty)
        for name in plot.tables.keys() - empty.keys():
            columns = ", ".join(plot.tables[name].column_names)
            raise TypeError(f"expected a chart of {', '.join(empty)}, got one of {columns} as well")
        return plot.spec

    @functools.wraps(build)
    def fill(*columns: Columns, **looks: Hashable) -> Plot:
        tables = {name: _table(each) for name, each in zip(names, columns, strict=False)}
        schemas = tuple(table.schema for table in tables.values())
        return Plot(spec_of(schemas, tuple(sorted(looks.items()))), tables)

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
    return Plot(spec, {name: _table(table) for name, table in tables.items()})


def _table(columns: Columns) -> pa.Table:
    # NaN is no number in JSON either, and null in both.
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
