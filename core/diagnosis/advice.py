"""What to do about scores that are too sure or not sure enough."""

from __future__ import annotations

import math

import numpy as np

from core.diagnosis.chances import LEVEL, corrected, count_p_value
from core.diagnosis.exclusive import Sums
from core.diagnosis.records import Diagnosis, Temperature
from core.words import counted

# What changes by less is rounding.
_SLACK = 1e-6


def advice(
    diagnosis: Diagnosis, t: Temperature, sums: Sums, *, has_offset: bool
) -> tuple[str, str]:
    """Return what a temperature does to the loss, and what to do about it."""
    of_which = " of the rows where it is finite" if np.sum(sums["infinite"]) else ""
    falls = f"the loss{of_which} falls from {t.loss_before:.4g} to {_nats(t.loss_after)}"
    other = diagnosis.elsewhere
    best = "the best temperature" + " of these rows" * (other is not None)
    if not t.is_inside:
        where, do = _beyond(diagnosis, t, sums, best, falls)
        if other is not None:
            do += (
                f". On {other.name} the best temperature is {other.temperature:.3f}, so check that "
                "both files are of the same model"
            )
        return where, do
    do = _to_temperature(diagnosis, t)
    if has_offset:
        do = f"fit slope and offset, as the finding offset says. For a temperature alone: {do}"
    elif may_be_margins(diagnosis) and t.value < 1:
        do += (
            ". If these are an SVM's margins (decision_function), they need a bias too: use "
            "Platt scaling (scikit-learn: CalibratedClassifierCV)"
        )
    return f"{best} is {t.value:.3f}, at which {falls}", do


def _nats(loss: float) -> str:
    return counted(loss, "nat", ".4g")


def _beyond(
    diagnosis: Diagnosis, t: Temperature, sums: Sums, best: str, falls: str
) -> tuple[str, str]:
    """Return the same where the least loss lies beyond the grid of temperatures."""
    is_probability = diagnosis.scores.reading == "probabilities"
    others = "" if diagnosis.elsewhere else "; fit a temperature on others"
    if t.loss_before - t.loss_after <= _SLACK:
        return (
            "no temperature from 1/8 to 8 changes the loss",
            "export scores that are not rounded to 0 and 1: those can't be calibrated afterwards",
        )
    if t.value < 1:
        if diagnosis.accuracy == 1:
            return (
                f"every prediction is right, so the loss falls with the temperature, to "
                f"{_nats(t.loss_after)} at 1/8",
                f"check whether the model was trained on these rows{others}",
            )
        if is_probability:
            return (
                f"{best} is below 1/8: {falls}",
                "check whether these are the model's own probabilities: ones this even are rarely "
                "right this often, so they may be other scores divided by their sum",
            )
        return (
            f"{best} is below 1/8: {falls}",
            "check whether these are logits: they differ by so little that they are more likely "
            "cosine similarities, probabilities, or logits divided by something",
        )
    if _knows_labels(diagnosis, t, sums):
        if is_probability:
            return (
                f"{best} is above 8: {falls}",
                "calibrate on other rows, for example by isotonic regression; naive Bayes on "
                "features that depend on each other is typically this overconfident",
            )
        return (
            f"{best} is above 8: {falls}",
            "check whether these are logits: they are on a larger scale, as scores of another kind "
            "or multiplied logits are. If they are, fit a larger temperature on other rows",
        )
    return (
        f"{best} is above 8: {falls}, and all classes come out nearly equal",
        "check whether rows, labels and columns belong together: the scores say next to nothing "
        "about these labels, and no temperature changes that",
    )


def _to_temperature(diagnosis: Diagnosis, t: Temperature) -> str:
    """Return which temperature to apply, and how."""
    other = diagnosis.elsewhere
    if other is None:
        return (
            f"{_apply(diagnosis, t.value)}; for an honest report, fit the temperature on other rows"
        )
    # The loss is convex in 1/T: on the other side of 1 than its minimum it is higher than at 1.
    if (other.temperature - 1) * (t.value - 1) < 0:
        return (
            f"check that {other.name} holds outputs of the same model on similar data: its "
            f"temperature, {other.temperature:.3f}, raises the loss of these rows"
        )
    return f"{_apply(diagnosis, other.temperature)}, as fitted on {other.name}"


def _apply(diagnosis: Diagnosis, temperature: float) -> str:
    """Return how the scores that were diagnosed are brought to a temperature, in words."""
    if diagnosis.scores.reading == "logits":
        return f"divide the logits by {temperature:.3f}"
    one_by_one = diagnosis.task == "multi-label" or diagnosis.num_classes == 2
    return (
        f"raise {'p and 1 − p' if one_by_one else 'the probabilities'} to the power "
        f"1/{temperature:.3f} and divide by their sum, or divide the logits by {temperature:.3f}"
    )


def may_be_margins(diagnosis: Diagnosis) -> bool:
    """Whether scores may be distances from a boundary: of any sign, and not called logits."""
    scores = diagnosis.scores
    return scores.found == "logits" and scores.declared == "auto"


def _knows_labels(diagnosis: Diagnosis, t: Temperature, sums: Sums) -> bool:
    """Whether predictions are right more often than if they knew nothing of the labels."""
    if diagnosis.task != "exclusive":
        return diagnosis.bits is not None and t.loss_after < math.log(2) * diagnosis.bits.base_rate
    used, right = float(diagnosis.num_used), float(sums["right"])
    by_chance = float(np.dot(sums["labels"] / used, sums["predicted"]))
    return right > by_chance and corrected(count_p_value(right, by_chance, used)) < LEVEL
