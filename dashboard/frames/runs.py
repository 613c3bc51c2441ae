"""What tells tracked runs apart."""

from __future__ import annotations

import pandas as pd

FINAL = {
    "val_cross_entropy_bits": "val bits",
    "val_accuracy": "val accuracy",
    "val_entropy_bits": "val entropy",
}


def side_by_side(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the settings in which runs differ, and how each ended, the best first.

    Parameters
    ----------
    runs : DataFrame
        Columns run, title, status, settings (name → text) and those of `FINAL`.

    Returns
    -------
    DataFrame
        Columns run, name, the settings by name, status where it differs, and the values of
        `FINAL`; "" where a run has no such setting. What no run has a value for comes last.
    """
    names = dict.fromkeys(name for settings in runs["settings"] for name in settings)
    table = pd.DataFrame({"run": runs["run"], "name": runs["title"]})
    ours = (*FINAL.values(), *table, "status")
    for name in names:
        values = [settings.get(name, "") for settings in runs["settings"]]
        if len(set(values)) > 1:
            # Foreign settings may be called like our own columns.
            table[f"{name} (setting)" if name in ours else name] = values
    if len(set(runs["status"])) > 1:
        table["status"] = runs["status"]
    for column, title in FINAL.items():
        table[title] = runs[column]
    return table.sort_values("val bits", na_position="last", kind="stable").reset_index(drop=True)
