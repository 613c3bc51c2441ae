"""The formulas behind the figures of a diagnosis, with its numbers, in the colours of its pictures.

Each returns lines of LaTeX for `lesson.formula`, short enough for one of two models side by side.
"""

from __future__ import annotations

import pandas as pd

from core.diagnosis import Calibration, Concentration, Diagnosis
from dashboard import lesson
from experiments.diagnosis.frames import NEGATIVE, POSITIVE, SIGMOID, SOFTMAX

COLOURS = {SOFTMAX: "orange", SIGMOID: "blue"}
SHORT = {SOFTMAX: "softmax", SIGMOID: "sigmoid"}


def calibration(
    given: Calibration, after: Calibration | None, temperature: float, *, equal_mass: bool
) -> list[str]:
    """Return the calibration error of the bins that are drawn, and what the temperature does.

    Parameters
    ----------
    given : Calibration
    after : Calibration or None
        Of the same rows at `temperature`.
    temperature : float
    equal_mass : bool
        Whether the bins that are drawn hold as many predictions each.
    """
    error = "mass_ece" if equal_mass else "ece"
    lines = [
        r"\text{ECE} &= \textstyle\sum_b \frac{n_b}{N}\,"
        r"\lvert \mathrm{acc}_b - \mathrm{conf}_b \rvert",
        rf"&= \blue{{{lesson.number(getattr(given, error), 4)}}}",
    ]
    if after is None:
        return lines
    lines[-1] += rf" \to \green{{{lesson.number(getattr(after, error), 4)}}}"
    return [
        *lines,
        rf"L &= \blue{{{lesson.number(given.nll, 4)}}}\;\text{{nats}}",
        rf"&\to \green{{{lesson.number(after.nll, 4)}}}\;\text{{nats}}",
        rf"z &\to \green{{z / T}},\ \green{{T = {lesson.number(temperature)}}}",
    ]


def bits(diagnosis: Diagnosis) -> list[str]:
    """Return what the labels cost by their frequencies, and by the scores: entropy + divergence.

    In bits a row; of soft labels, which have an entropy of their own, in nats as their evidence.
    """
    if diagnosis.bits is not None:
        found = diagnosis.bits
        is_exclusive = diagnosis.task == "exclusive"
        entropy = r"-\sum_k f_k \log_2 f_k" if is_exclusive else r"\sum_k H(f_k, 1 - f_k)"
        base, loss, saved = (
            lesson.number(figure, 4) for figure in (found.base_rate, found.loss, found.saved)
        )
        return [
            rf"\gray{{H(f)}} &= \textstyle {entropy}",
            rf"&= \gray{{{base}}}",
            r"\orange{H(t, p)} &= \gray{H(t)} + \orange{\mathrm{KL}(t \,\|\, p)}",
            rf"&= \orange{{{loss}}}",
            r"\green{\text{saved}} &= \gray{H(f)} - \orange{H(t, p)}",
            rf"&= \green{{{saved}}}\;\text{{bits}}",
        ]
    for evidence in diagnosis.evidence:
        if evidence.name == "soft_label_floor":
            loss, own, divergence = (
                lesson.number(evidence.figures[name], 4) for name in ("loss", "floor", "divergence")
            )
            return [
                r"H(t, p) &= \gray{H(t)} + \orange{\mathrm{KL}(t \,\|\, p)}",
                rf"&= \gray{{{own}}} + \orange{{{divergence}}}",
                rf"&= {loss}\;\text{{nats}}",
            ]
    return []


def concentration(found: Concentration) -> list[str]:
    """Return what share of the rows carries half of the loss, the costliest first."""
    share = lesson.number(100 * found.half_share, 2)
    return [
        r"\tfrac{1}{2} \textstyle\sum_{i=1}^{N} L_{(i)} &= \textstyle\sum_{i=1}^{m} L_{(i)}",
        rf"\orange{{m / N}} &= \orange{{{share}\,\%}}",
    ]


def confusion(pair: pd.Series) -> list[str]:
    """Return what a confused pair costs, the label a taken for b.

    Parameters
    ----------
    pair : Series
        A row of `pair_frame`.
    """
    each = lesson.number(pair["bits_each"], 4)
    return [
        r"C_{a \to b} &= \sum_{\substack{y_i = a \\ \hat{y}_i = b}} -\log_2 p_{ia}",
        rf"&= {pair['rows']} \cdot {each}",
        rf"&= \orange{{{lesson.number(pair['bits'], 1)}}}\;\text{{bits}}",
    ]


def budget(pulls: pd.DataFrame) -> list[str]:
    """Return both sides of the pull at a class's logit, and what they come to over all classes.

    Parameters
    ----------
    pulls : DataFrame
        From `budget_frame`, of all classes.
    """
    totals = pulls.groupby(["loss", "side"], sort=False)["pull"].sum()
    return [
        r"\text{up}_k &= \textstyle\sum_{y_i = k} (1 - p_{ik})",
        r"\text{down}_k &= \textstyle\sum_{y_i \ne k} p_{ik}",
        *(
            rf"{name} {before} \{COLOURS[loss]}{{{lesson.number(totals[loss, side], 1)}}}"
            rf"\;\text{{{way}}}"
            for loss in dict.fromkeys(pulls["loss"])
            for name, before, side, way in (
                (rf"\{COLOURS[loss]}{{\text{{{SHORT[loss]}}}}}", "&:", POSITIVE, "up"),
                ("", r"&\hphantom{{}:{}}", NEGATIVE, "down"),
            )
        ),
    ]


def margin() -> list[str]:
    """Return where on the map a row lies, and what it costs there."""
    return [
        r"x &= z_y - \log \textstyle\sum_{j \ne y} e^{z_j}",
        r"L &= \log(1 + e^{-x})",
    ]
