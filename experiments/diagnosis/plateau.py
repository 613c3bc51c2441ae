"""Why a history of losses ends where it does, told beside a diagnosis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.diagnosis import Evidence, explain_plateau, loss_floors
from core.words import counted
from experiments.diagnosis.passes import Diagnosed, checked

# A loss that ends here has learnt nothing, or has one activation too many.
_STUCK = ("softmax of probabilities", "equal scores")


def with_plateau(
    found: Diagnosed, histories: Mapping[str, Sequence[float]], label_smoothing: float = 0.0
) -> Diagnosed:
    """Return a diagnosis with why a history of losses ends where it does, if that can be told.

    Parameters
    ----------
    found : Diagnosed
    histories : mapping of str to sequence of float
        Mean losses in nats, in the order of training, by what they are of; the first that ends
        near a floor is told of.
    label_smoothing : float
        Of the training.
    """
    diagnosis = found.diagnosis
    floors = dict(diagnosis.floors)
    if label_smoothing and diagnosis.task == "exclusive":
        floors |= loss_floors(diagnosis.num_classes, None, label_smoothing)
    ends = {what: explain_plateau(losses, floors) for what, losses in histories.items() if losses}
    explained = [(what, level, near) for what, (level, near) in ends.items() if near]
    if not explained:
        is_level = any(math.isfinite(level) for level, _ in ends.values())
        said = "done" if is_level else "not done: the history ends on no plateau"
        return replace(found, diagnosis=checked(diagnosis, "plateau of the loss", said))
    what, level, near = explained[0]
    name = min(near, key=lambda key: abs(near[key]))
    evidence = Evidence(
        "plateau",
        "warning" if name in _STUCK else "note",
        f"the {what} loss settles at {counted(level, 'nat', '.4g')}, {abs(near[name]):.2g} "
        f"{'above' if near[name] >= 0 else 'below'} a known floor: {name}, {floors[name]:.4g}",
        {"level": level, "floor": floors[name]},
        (),
        "training stays at that floor until its cause is fixed"
        if name in _STUCK
        else "the loss is as low as the labels or their smoothing allow",
        "pass logits to a loss that applies its activation itself, once"
        if name == _STUCK[0]
        else "check that gradients reach the weights and that inputs differ"
        if name == _STUCK[1]
        else "compare models by how far they stay above the floor",
        "measured: within 1 % of the floor",
    )
    order = ("error", "warning", "note")
    held = sorted((*diagnosis.evidence, evidence), key=lambda e: order.index(e.severity))
    diagnosis = checked(replace(diagnosis, evidence=tuple(held)), "plateau of the loss", "done")
    return replace(found, diagnosis=diagnosis)
