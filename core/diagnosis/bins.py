"""The bins of equal width of a calibration."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from core._checks import Array

NUM_CALIBRATION_BINS = 15


def calibration_bins(p: Array) -> Array:
    """Return the bin of equal width of each probability: above its lower edge, up to its upper.

    The same as a search in np.linspace(0, 1, 16), to the last bit, and several times as fast.

    Examples
    --------
    >>> calibration_bins(np.array([0.0, 0.5, 1.0])).tolist()
    [0, 7, 14]
    """
    scaled = p * p.dtype.type(NUM_CALIBRATION_BINS)
    bins = scaled.astype(np.int32)
    # A product is off by half a unit in its last place: only what is so near an edge needs a look.
    scaled -= np.rint(scaled)
    np.abs(scaled, out=scaled)
    near = np.nonzero(scaled <= 2 * NUM_CALIBRATION_BINS * np.finfo(p.dtype).eps)
    if len(near[0]):
        edges = bin_edges(p.dtype)
        values, few = p[near], np.minimum(bins[near], NUM_CALIBRATION_BINS - 1)
        few -= values <= edges[few]
        np.maximum(few, 0, out=few)
        few += values > edges[few + 1]
        bins[near] = np.minimum(few, NUM_CALIBRATION_BINS - 1)
    return bins


@lru_cache(maxsize=4)
def bin_edges(dtype: np.dtype[np.generic]) -> Array:
    """Return the edges, rounded down: a number of `dtype` above one is above the edge itself."""
    exact = np.linspace(0, 1, NUM_CALIBRATION_BINS + 1)
    edges = exact.astype(dtype)
    return np.where(edges > exact, np.nextafter(edges, -1), edges).astype(dtype)
