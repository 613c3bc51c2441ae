"""The figures of a diagnosis, each with its definition."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from core.diagnosis import Calibration
from core.words import counted
from experiments.diagnosis.passes import Diagnosed


@dataclass(frozen=True)
class Figure:
    """A number of the report.

    Parameters
    ----------
    key : str
        Its name in JSON and MLflow.
    title : str
    value : float
    shown : str
        The value for people, with its unit.
    meaning : str
        The definition.
    """

    key: str
    title: str
    value: float
    shown: str
    meaning: str


def figures_of(found: Diagnosed) -> tuple[Figure, ...]:
    """Return the figures of a diagnosis; those that are undefined are left out.

    Examples
    --------
    >>> from core.diagnosis import Summary, diagnose
    >>> summary = Summary()
    >>> summary.update([[2.0, 0.0], [0.0, -1.0]], [0, 1])
    >>> found = Diagnosed("two rows", ("0", "1"), (), summary, diagnose(summary))
    >>> [(figure.title, figure.shown) for figure in figures_of(found)][:2]
    [('Accuracy', '50 %'), ('Loss', '0.7201 nats')]
    """
    return tuple(figure for figure in _all(found) if not math.isnan(figure.value))


def _all(found: Diagnosed) -> Iterator[Figure]:
    diagnosis = found.diagnosis
    several = diagnosis.task == "multi-label"
    yield _figure(
        "accuracy", "Accuracy", diagnosis.accuracy, f"{100 * diagnosis.accuracy:.4g} %",
        "The share of probabilities, one per row and class, on the right side of 1/2."
        if several
        else "The share of rows whose highest score is that of their label.",
    )  # fmt: skip
    calibration = diagnosis.calibration
    if calibration is None:
        return
    yield _figure(
        "nll", "Loss", calibration.nll, _nats(calibration.nll),
        "Cross-entropy: the mean of −ln of the probability that the label was given, "
        + ("summed over the classes, each a question of its own." if several else "in nats."),
    )  # fmt: skip
    if diagnosis.bits is not None:
        bits = diagnosis.bits
        yield _figure(
            "loss_bits", "Loss in bits", bits.loss, counted(bits.loss, "bit", ".4g"),
            "The same loss to base 2: the mean surprise of a row.",
        )  # fmt: skip
        yield _figure(
            "base_rate_bits", "Base rate", bits.base_rate, counted(bits.base_rate, "bit", ".4g"),
            "What the loss would be if every row predicted the label frequencies: their entropy.",
        )  # fmt: skip
        yield _figure(
            "bits_saved", "Bits saved per row", bits.saved, counted(bits.saved, "bit", ".4g"),
            "Base rate minus loss: what the scores know beyond the frequencies. Comparable across "
            "data sets and numbers of classes.",
        )  # fmt: skip
    yield from _calibration(calibration)
    yield _figure(
        "temperature", "Temperature", found.temperature,
        f"{found.temperature:.4g}" + " of the calibration data" * bool(found.fitted_on),
        "Dividing the logits by it gives the smallest loss, "
        + (f"fitted on {found.fitted_on}." if found.fitted_on else "fitted on these same rows.")
        + " Above 1 the scores are overconfident.",
    )  # fmt: skip
    if found.after is not None:
        yield _figure(
            "nll_after", "Loss after temperature", found.after.nll, _nats(found.after.nll),
            "The loss of these rows with logits divided by the temperature.",
        )  # fmt: skip
        yield _figure(
            "ece_after", "ECE after temperature", found.after.ece, f"{found.after.ece:.4g}",
            "The expected calibration error of these rows with logits divided by the temperature.",
        )  # fmt: skip
    if diagnosis.concentration is not None:
        share = diagnosis.concentration.half_share
        low, high = (100 * end for end in diagnosis.concentration.half_bounds)
        yield _figure(
            "half_loss_share", "Rows with half the loss", share, f"{100 * share:.3g} %",
            "The smallest share of rows that carries half of the loss; "
            f"certainly between {low:.4g} and {high:.4g} %.",
        )  # fmt: skip


def _calibration(found: Calibration) -> Iterator[Figure]:
    low, high = found.ece_interval
    yield _figure(
        "ece", "ECE", found.ece, f"{found.ece:.4g}",
        "Expected calibration error: |accuracy − confidence| in 15 bins of equal width, weighted "
        f"by their rows. With at least 95 % confidence, between {low:.3g} and {high:.3g}.",
    )  # fmt: skip
    yield _figure(
        "mass_ece", "ECE, equal mass", found.mass_ece, f"{found.mass_ece:.4g}",
        "The same in 15 bins with equally many rows; exact to within "
        f"{found.mass_ece_bound:.2g}.",
    )  # fmt: skip
    yield _figure(
        "classwise_ece", "Classwise ECE", found.classwise_ece, f"{found.classwise_ece:.4g}",
        "The calibration error of each class's own probability, averaged over classes.",
    )  # fmt: skip
    yield _figure(
        "brier", "Brier score", found.brier, f"{found.brier:.4g}",
        "The mean of Σ (p − y)² over the classes of a row.",
    )  # fmt: skip


def _figure(key: str, title: str, value: float, shown: str, meaning: str) -> Figure:
    return Figure(key, title, float(value), shown, meaning)


def _nats(value: float) -> str:
    return counted(value, "nat", ".4g")
