"""Where a loss stops falling, and why: the value tells the mistake."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from core import _checks
from core._checks import Array
from core.entropy import entropy
from core.losses import label_smoothing_floor

__all__ = ["explain_plateau", "loss_floors"]


def loss_floors(
    num_classes: int,
    class_counts: npt.ArrayLike | None = None,
    label_smoothing: float = 0.0,
    target_entropy: float | None = None,
) -> dict[str, float]:
    """Return the mean losses in nats at which training gets stuck, by what is wrong.

    Parameters
    ----------
    num_classes : int
        K.
    class_counts : array_like, shape (K,), optional
        How many rows each class has.
    label_smoothing : float
        ε of the targets.
    target_entropy : float, optional
        The mean entropy of soft labels.

    Returns
    -------
    dict of str to float

    Raises
    ------
    ValueError
        If `num_classes` is below 2, the counts are not K numbers of at least 0, or
        `label_smoothing` lies outside [0, 1].

    Notes
    -----
    A softmax of probabilities is at most e/(e + K − 1), so a loss that applies softmax to the
    output of a softmax or of sigmoids never falls below ln(1 + (K − 1)/e). Equal scores cost ln K,
    the class frequencies the entropy of the labels.

    Examples
    --------
    >>> round(loss_floors(10)["softmax of probabilities"], 3)
    1.461
    """
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2; got {num_classes}")
    floors = {
        "softmax of probabilities": math.log1p((num_classes - 1) / math.e),
        "equal scores": math.log(num_classes),
    }
    if class_counts is not None:
        counts, _ = _checks.as_float(class_counts, "class_counts")
        if counts.shape != (num_classes,) or not (counts >= 0).all() or not counts.sum() > 0:
            raise ValueError(
                f"class_counts must be {num_classes} numbers of at least 0, not all 0; "
                f"got shape {counts.shape}"
            )
        floors["class frequencies"] = float(entropy(counts / counts.sum(dtype=np.float64)))
    if label_smoothing:
        floors["label smoothing"] = float(label_smoothing_floor(num_classes, label_smoothing))
    if target_entropy is not None:
        floors["soft labels"] = float(target_entropy)
    return floors


def explain_plateau(
    losses: npt.ArrayLike, floors: Mapping[str, float], tolerance: float = 0.01
) -> tuple[float, dict[str, float]]:
    """Return the level on which a history of losses ends, and the floors that are near it.

    Parameters
    ----------
    losses : array_like, shape (E,)
        Mean losses in nats, in the order of training; what is not finite is left out.
    floors : mapping of str to float
        From `loss_floors`.
    tolerance : float
        How near: as a share of the floor. So near must the last quarter stay to its own mean, or
        it is no plateau.

    Returns
    -------
    level : float
        NaN where the losses end on no plateau.
    explained : dict of str to float
        The floors near it, and how far above them the level is, in nats.

    Raises
    ------
    ValueError
        If `losses` is empty or has more than one axis.

    Examples
    --------
    >>> level, why = explain_plateau([2.3, 1.6, 1.464, 1.463, 1.462, 1.462], loss_floors(10))
    >>> sorted(why)
    ['softmax of probabilities']
    """
    history, _ = _checks.as_float(losses, "losses")
    if history.ndim != 1:
        raise ValueError(f"losses must have one axis; got shape {history.shape}")
    kept: Array = history[np.isfinite(history)]
    if len(kept) < 4:
        return math.nan, {}
    last = kept[-max(3, len(kept) // 4) :].astype(np.float64)
    level = float(last.mean())
    if np.abs(last - level).max() > tolerance * abs(level):
        return math.nan, {}
    near = {
        name: level - floor
        for name, floor in floors.items()
        if abs(level - floor) <= tolerance * max(floor, 1e-12)
    }
    return level, near
