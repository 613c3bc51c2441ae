"""The records a diagnosis is made of; `core.diagnosis.figures` fills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core._checks import Array
from core.words import counted

__all__ = [
    "Bits",
    "Budget",
    "Calibration",
    "Concentration",
    "Diagnosis",
    "Elsewhere",
    "Evidence",
    "Pairing",
    "Precision",
    "Scores",
    "Severity",
    "Temperature",
]

Severity = Literal["note", "warning", "error"]

# How sure what was counted is.
COUNTED = "an exact count"


def percent(count: float, total: float) -> str:
    """Return a count of rows in words, with its share."""
    share = 100 * count / max(total, 1)
    return f"{count:,.0f} of {counted(total, 'row')} ({share:.3g} %)"


def rows_have(count: float, total: float) -> str:
    """Return a count of rows, with the verb for what they have."""
    return f"{percent(count, total)} {'has' if count == 1 else 'have'}"


@dataclass(frozen=True)
class Evidence:
    """One thing that was found.

    Parameters
    ----------
    name : str
        The key of its kind, the same from run to run.
    severity : {"note", "warning", "error"}
    seen : str
        What was seen, with counts.
    figures : mapping of str to float
        The numbers of that sentence.
    rows : tuple of int
        A few row numbers where it can be looked at.
    means, do : str
        What it means, and what to do.
    sure : str
        How sure: an interval or a p-value from the counts, or that it was counted.
    p_value : float or None
        Of what is claimed by the scores, corrected for the number of checks; None where counted.
    """

    name: str
    severity: Severity
    seen: str
    figures: Mapping[str, float]
    rows: tuple[int, ...]
    means: str
    do: str
    sure: str
    p_value: float | None = None


@dataclass(frozen=True)
class Scores:
    """What the scores are.

    Parameters
    ----------
    found : str
        What they look like: "logits", "log-probabilities", "softmax", "sigmoid", "one-hot" or
        "ambiguous".
    declared : str
        What the user says; "auto" for nothing.
    reading : {"logits", "probabilities"}
        How the figures read them.
    shares : mapping of str to float
        The share of rows inside [0, 1], summing to 1, and so on.
    otherwise : mapping of str to float
        Loss, ECE, Brier of the other reading; empty where it is ruled out.
    """

    found: str
    declared: str
    reading: str
    shares: Mapping[str, float]
    otherwise: Mapping[str, float]


@dataclass(frozen=True)
class Pairing:
    """A loss for these scores and labels, and what it says of them.

    Parameters
    ----------
    loss : str
    nats : float
        The mean loss of an example; NaN where it is not defined.
    fits : bool
    why : str
    """

    loss: str
    nats: float
    fits: bool
    why: str


@dataclass(frozen=True)
class Temperature:
    """The temperature of least loss, from the losses on a grid.

    Parameters
    ----------
    value : float
    is_inside : bool
        Whether the least loss lies on the grid, from 1/8 to 8; else `value` is its end.
    loss_before, loss_after : float
        Mean loss in nats.
    p_value : float
        Of temperature 1 being the right one, from likelihood ratios.
    temperatures, losses : ndarray
        The grid.
    """

    value: float
    is_inside: bool
    loss_before: float
    loss_after: float
    p_value: float
    temperatures: Array
    losses: Array


@dataclass(frozen=True)
class Elsewhere:
    """A temperature fitted on other rows of the same model.

    Parameters
    ----------
    temperature : float
    name : str
        What those rows are called.
    """

    temperature: float
    name: str


@dataclass(frozen=True)
class Calibration:
    """Whether probabilities are as often right as they say.

    Parameters
    ----------
    edges, counts, confidence, accuracy : ndarray
        Reliability in bins of equal width.
    mass_counts, mass_confidence, mass_accuracy : ndarray
        In bins of equal mass, from most doubt to least.
    ece, mass_ece, classwise_ece, brier, nll : float
        `nll` is +inf where a label was given probability 0.
    ece_interval : tuple of float
        Holds the error of these bins with 95 % or more.
    mass_ece_bound : float
        How far `mass_ece` may be from that of bins cut exactly.
    temperature : Temperature or None
        None where the logits were divided by one already.
    """

    edges: Array
    counts: Array
    confidence: Array
    accuracy: Array
    mass_counts: Array
    mass_confidence: Array
    mass_accuracy: Array
    ece: float
    ece_interval: tuple[float, float]
    mass_ece: float
    mass_ece_bound: float
    classwise_ece: float
    brier: float
    nll: float
    temperature: Temperature | None


@dataclass(frozen=True)
class Bits:
    """The loss against a base rate, in bits an example.

    Parameters
    ----------
    loss : float
        Cross-entropy = entropy of the labels + divergence.
    base_rate : float
        The loss of the class frequencies: the entropy of the labels.
    saved : float
        base_rate − loss.
    p_value : float
        Of the scores being right, against labels told by their frequencies alone.
    """

    loss: float
    base_rate: float
    saved: float
    p_value: float


@dataclass(frozen=True)
class Concentration:
    """Where the loss lies.

    Parameters
    ----------
    half_share : float
        The share of rows that carry half of the loss.
    half_bounds : tuple of float
        It lies between these for certain.
    rows : ndarray of records
        The most surprising rows: row, label, predicted, loss, label_probability, confidence.
    suspects : ndarray of records
        Those of them whose label the model doubts and another class it believes; none where at no
        temperature it does better than the frequencies of the labels.
    class_labels, class_right, class_surprise : ndarray, shape (K,)
        Rows of each class, how many are right, and their mean surprise in bits; where labels may
        hold at once, that of all rows.
    pairs : ndarray, shape (P, 4)
        Label, prediction, count, mean surprise in bits, the pair that cost most first. Above 128
        classes those among `rows`.
    """

    half_share: float
    half_bounds: tuple[float, float]
    rows: Array
    suspects: Array
    class_labels: Array
    class_right: Array
    class_surprise: Array
    pairs: Array


@dataclass(frozen=True)
class Budget:
    """Σ |p − y| by class, which is how hard the gradient pulls at its logit.

    Parameters
    ----------
    softmax_positive, softmax_negative : ndarray, shape (K,)
        Under softmax and categorical cross-entropy: up by rows of the class, down by the others.
    sigmoid_positive, sigmoid_negative : ndarray, shape (K,)
        The same under sigmoid and binary cross-entropy.
    """

    softmax_positive: Array
    softmax_negative: Array
    sigmoid_positive: Array
    sigmoid_negative: Array


@dataclass(frozen=True)
class Precision:
    """The share of rows, or of yes-no answers, on which a formula fails, by dtype.

    For float16, float32 and float64. Of answers the formulas are −log σ(x) and −log(1 − σ(x)),
    with σ = 1/(1 + e^−x), and max(x, 0) − xt + log(1 + e^−|x|).

    Parameters
    ----------
    overflow : tuple of float
        −log(e^z/Σe^z) is NaN or inf because an exponential overflows.
    vanish : tuple of float
        It is inf because the probability rounds to 0.
    zero : tuple of float
        It is 0 because the probability rounds to 1.
    usual_off : tuple of float
        For float32 and float64: m + log Σe^{z − m} − z is off by more than 1 %.
    """

    overflow: tuple[float, ...]
    vanish: tuple[float, ...]
    zero: tuple[float, ...]
    usual_off: tuple[float, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What was checked, and what was found.

    Parameters
    ----------
    num_rows, num_used, num_classes : int
    task : {"exclusive", "multi-label"}
    labels : str
        "integer", "one-hot", "multi-hot", "soft" or "soft, several".
    scores : Scores
    pairings : tuple of Pairing
    floors : mapping of str to float
        The least mean loss in nats that a mistake or the labels leave.
    accuracy : float
    bits, calibration, concentration, budget, precision
        None where there is nothing to say, or not in this way; `precision` is that of rows.
    evidence : tuple of Evidence
        The most severe first.
    checked : mapping of str to str
        Each check, and "done" or why not.
    answer_precision : Precision or None
        Where labels may hold at once: of each class's answer.
    class_names : tuple of str
        What classes are called, if they have names.
    elsewhere : Elsewhere or None
        The temperature to advise, in place of that of these rows.
    """

    num_rows: int
    num_used: int
    num_classes: int
    task: str
    labels: str
    scores: Scores
    pairings: tuple[Pairing, ...]
    floors: Mapping[str, float]
    accuracy: float
    bits: Bits | None
    calibration: Calibration | None
    concentration: Concentration | None
    budget: Budget | None
    precision: Precision | None
    evidence: tuple[Evidence, ...]
    checked: Mapping[str, str]
    answer_precision: Precision | None = None
    class_names: tuple[str, ...] = ()
    elsewhere: Elsewhere | None = None

    def named(self, label: float) -> str:
        """Return a class for a sentence: its number, and its name if it has another."""
        number = str(int(label))
        name = self.class_names[int(label)] if self.class_names else number
        return number if name == number else f"{number} ({name})"


def surprising(diagnosis: Diagnosis, chosen: Array | None = None) -> tuple[int, ...]:
    """Return the most surprising rows, of those chosen."""
    if diagnosis.concentration is None:
        return ()
    rows = diagnosis.concentration.rows["row"]
    return tuple(int(i) for i in (rows if chosen is None else rows[chosen])[:5])
