"""A column of Arrow as an array of NumPy."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from experiments.predictions.common import Array


def as_numpy(column: pa.Array) -> Array:
    """Return the numbers of a column, or its texts as objects; NaN or None where it has none.

    Arrow's own way imports pandas, which takes as long as reading a million rows: numbers without
    gaps go by DLPack.
    """
    is_number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    if is_number and not column.null_count:
        shared: Array = np.from_dlpack(column)
        return shared
    array: Array = column.to_numpy(zero_copy_only=False)
    return array
