"""Predictions with a classic mistake in them, made from a seed: what each looks like."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.activations import log_softmax, sigmoid, softmax
from core.diagnosis import Kind, Loss
from experiments.predictions import Predictions, Upload, read

Array = np.ndarray
Made = tuple[Array, Array]

CLASSES = ("cat", "dog", "fox", "hen", "owl")
# Where the classes lie: rows are their class's place plus noise, and the logits are then exactly
# those of the posterior. Cats and dogs are near each other, and so are hens and owls.
_PLACES = np.array(
    [[0.0, 2.4, 0.3], [1.5, 2.2, 0.0], [1.2, -0.6, 2.6], [-2.6, -0.8, 0.0], [-2.4, -2.0, 1.0]]
)
_ROWS = 4000


@dataclass(frozen=True)
class Sample:
    """Scores and labels as someone might hand them in.

    Parameters
    ----------
    key : str
        Its name in a link.
    title : str
    story : str
        What went wrong, in a sentence.
    make : callable
        Scores of shape (N, 5), or (N, 1) for two classes, and labels, from a random generator.
    kind, loss : str
        What its owner says of the scores, and of the loss that they go to.
    """

    key: str
    title: str
    story: str
    make: Callable[[np.random.Generator], Made]
    kind: Kind = "auto"
    loss: Loss | None = None

    def arrays(self) -> Made:
        """Return scores and labels, the same each time."""
        # One seed for all: most of them are the same rows, and compare row by row.
        return self.make(np.random.default_rng(2013))

    def frame(self) -> pd.DataFrame:
        """Return them as a file has them: a column of scores for each class, and the labels."""
        scores, labels = self.arrays()
        if scores.shape[1] == 1:
            return pd.DataFrame({"score": scores[:, 0], "label": labels})
        # A few rows astray do not make logits of probabilities.
        is_logit = np.mean(np.all((scores >= 0) & (scores <= 1), axis=1)) < 0.99
        prefix = "logit" if self.kind == "logits" or is_logit else "prob"
        frame = pd.DataFrame(scores, columns=[f"{prefix}_{name}" for name in CLASSES])
        if labels.ndim == 1:
            return frame.assign(label=labels)
        return frame.assign(**{f"target_{name}": labels[:, k] for k, name in enumerate(CLASSES)})

    def predictions(self) -> Predictions:
        """Return them read as such a file is, Parquet, in which numbers keep their dtype."""
        file = io.BytesIO()
        self.frame().to_parquet(file, index=False)
        return read(Upload(f"{self.key}.parquet", file))


def _drawn(rng: np.random.Generator, num_rows: int = _ROWS, apart: float = 1.0) -> Made:
    """Return the right logits, float32, and labels of rows whose classes lie `apart`."""
    labels = rng.integers(0, len(CLASSES), num_rows)
    places = apart * _PLACES
    seen = places[labels] + rng.normal(size=(num_rows, 3))
    logits = seen @ places.T - np.square(places).sum(axis=1) / 2
    return logits.astype(np.float32), labels


def _one_hot(labels: Array) -> Array:
    return np.eye(len(CLASSES), dtype=np.int64)[labels]


def _overconfident(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return 2.5 * logits, labels


def _label_errors(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng, apart=1.6)
    wrong = rng.random(len(labels)) < 0.03
    labels[wrong] = (labels[wrong] + rng.integers(1, len(CLASSES), wrong.sum())) % len(CLASSES)
    return logits, labels


def _probabilities(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return softmax(logits), labels


def _one_hot_bce(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return softmax(logits), _one_hot(labels)


def _one_vs_rest(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    p = softmax(logits.astype(np.float64))
    odds = np.log(p) - np.log1p(-p)
    return sigmoid(odds + rng.normal(0, 0.4, odds.shape)).astype(np.float32), labels


def _off_by_one(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return logits, labels + 1


def _permuted(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return logits[:, [0, 1, 3, 4, 2]], labels


def _tags(rng: np.random.Generator) -> Made:
    logits = rng.normal(-0.8, 2.0, (_ROWS, len(CLASSES))).astype(np.float32)
    return logits, (rng.random(logits.shape) < sigmoid(logits)).astype(np.int64)


def _softmax_tags(rng: np.random.Generator) -> Made:
    logits, targets = _tags(rng)
    return softmax(logits), targets


def _rare(rng: np.random.Generator) -> Made:
    shares = np.array([0.4, 0.25, 0.1, 0.03, 0.002])
    targets = (rng.random((5 * _ROWS, len(CLASSES))) < shares).astype(np.int64)
    logits = rng.normal(0, 0.3, targets.shape) + 0.4 * targets
    return logits.astype(np.float32), targets


def _not_a_number(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    logits[rng.integers(0, len(logits), 23)] = np.nan
    logits[rng.integers(0, len(logits), 9), rng.integers(0, len(CLASSES), 9)] = np.inf
    return logits, labels


def _rounded_to_zero(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng, apart=2.2)
    wrong = rng.integers(0, len(labels), 40)
    labels[wrong] = (labels[wrong] + 2) % len(CLASSES)
    return softmax(logits).astype(np.float16).astype(np.float32), labels


def _few_digits(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return softmax(logits.astype(np.float64)).round(3), labels


def _missing_labels(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    joined = labels.astype(np.float64)
    joined[rng.random(len(joined)) < 0.02] = np.nan
    return logits, joined


def _constant(rng: np.random.Generator) -> Made:
    _, labels = _drawn(rng)
    return np.tile(np.array([0.05, -0.02, 0.01, -0.04, 0.0], np.float32), (len(labels), 1)), labels


def _shuffled(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return logits, rng.permutation(labels)


def _other_mix(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng, 2 * _ROWS)
    kept = rng.random(len(labels)) < np.array([1.0, 0.2, 0.6, 1.0, 0.1])[labels]
    return logits[kept], labels[kept]


def _soft(rng: np.random.Generator) -> Made:
    logits, _ = _drawn(rng)
    teacher = logits.astype(np.float64) + rng.normal(0, 0.5, logits.shape)
    return logits, softmax(teacher, temperature=2.0)


def _repeated(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    again = rng.integers(0, len(labels), len(labels) // 5)
    return np.concatenate([logits, logits[again]]), np.concatenate([labels, labels[again]])


def _very_confident(rng: np.random.Generator) -> Made:
    return _drawn(rng, apart=3.5)


def _percentages(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return 100 * softmax(logits), labels


def _two_kinds(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    half = len(labels) // 2
    return np.concatenate([softmax(logits[:half]), logits[half:]]), labels


def _left_out(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    p = softmax(logits)
    rows = rng.random(len(p)) < 0.005
    p[rows] = np.where(p[rows] < p[rows].max(axis=1, keepdims=True), 0.5 * p[rows], p[rows])
    return p, labels


def _upside_down(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return -logits, labels


def _hard(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return _one_hot(logits.argmax(axis=1)).astype(np.float32), labels


def _below_zero(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    p = softmax(logits)
    p[rng.choice(len(p), 12, replace=False)] -= 0.4
    return p, labels


def _predicted(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return logits.argmax(axis=1)[:, np.newaxis], (labels > 1).astype(np.int64)


def _log_probabilities(rng: np.random.Generator) -> Made:
    logits, labels = _drawn(rng)
    return log_softmax(logits), labels


SAMPLES: dict[str, Sample] = {
    sample.key: sample
    for sample in (
        Sample(
            "overconfident",
            "Overconfident",
            "Right logits times 2.5, as training too long leaves them.",
            _overconfident,
        ),
        Sample(
            "healthy",
            "Nothing planted",
            "Logits that are exactly right, and labels drawn from their softmax.",
            _drawn,
        ),
        Sample(
            "label_errors",
            "Label errors",
            "3 % of the labels were replaced by another class.",
            _label_errors,
        ),
        Sample(
            "softmax_twice",
            "Softmax twice",
            "Softmax output, handed to a loss that applies softmax.",
            _probabilities,
            loss="softmax + categorical",
        ),
        Sample(
            "one_hot_bce",
            "One-hot under BCE",
            "Softmax output and one-hot labels under binary cross-entropy.",
            _one_hot_bce,
            loss="binary",
        ),
        Sample(
            "sigmoid_exclusive",
            "Sigmoid on exclusive classes",
            "A sigmoid for each class, where each row has one label.",
            _one_vs_rest,
        ),
        Sample(
            "multi_hot_cce",
            "Multi-hot under CCE",
            "Labels that may hold at once, under a loss whose classes compete.",
            _tags,
            loss="softmax + categorical",
        ),
        Sample(
            "softmax_multi_hot",
            "Softmax where several hold",
            "Softmax output, where a row may have several labels or none.",
            _softmax_tags,
        ),
        Sample(
            "off_by_one",
            "Label off by one",
            "Labels count from 1, columns from 0.",
            _off_by_one,
        ),
        Sample(
            "permuted_columns",
            "Permuted columns",
            "Three columns of scores stand in another order than the class ids.",
            _permuted,
        ),
        Sample(
            "rare_positives",
            "Rare positives",
            "Labels that may hold at once, one of them on 0.2 % of the rows, early in training.",
            _rare,
            loss="sigmoid + binary",
        ),
        Sample(
            "nan_rows",
            "NaN and inf",
            "Some rows are NaN, and some hold an infinity.",
            _not_a_number,
        ),
        Sample(
            "rounded_to_zero",
            "Probabilities of 0",
            "Softmax output went through float16, where small probabilities become 0.",
            _rounded_to_zero,
        ),
        Sample(
            "few_digits",
            "Few digits",
            "Probabilities written with three decimals.",
            _few_digits,
        ),
        Sample(
            "missing_labels",
            "Missing labels",
            "A join left 2 % of the labels empty and made the others floats.",
            _missing_labels,
        ),
        Sample(
            "constant",
            "Stuck at ln K",
            "A network that gives every row the same scores.",
            _constant,
        ),
        Sample(
            "shuffled",
            "Shuffled labels",
            "Labels were shuffled apart from their rows.",
            _shuffled,
        ),
        Sample(
            "other_mix",
            "Another mix of classes",
            "Trained on classes in equal parts, and used where dogs and owls are rare.",
            _other_mix,
        ),
        Sample(
            "soft_labels",
            "Soft labels",
            "A teacher's probabilities at temperature 2 as targets.",
            _soft,
        ),
        Sample(
            "duplicates",
            "Duplicate rows",
            "Every sixth row repeats another one.",
            _repeated,
        ),
        Sample(
            "very_confident",
            "Very confident",
            "Logits so far apart that the usual formulas lose the loss.",
            _very_confident,
        ),
        Sample(
            "percentages",
            "Percentages",
            "Softmax output times 100.",
            _percentages,
        ),
        Sample(
            "two_kinds",
            "Two kinds of scores",
            "Softmax output and logits in one file, as two exports joined.",
            _two_kinds,
        ),
        Sample(
            "left_out",
            "Probability left out",
            "In some rows part of the probability was cut off.",
            _left_out,
        ),
        Sample(
            "upside_down",
            "Upside down",
            "Energies for logits: the lower, the likelier.",
            _upside_down,
        ),
        Sample(
            "hard",
            "Hard predictions",
            "The predicted class as a 1 and zeros, in place of scores.",
            _hard,
        ),
        Sample(
            "below_zero",
            "Below 0 and above 1",
            "Softmax output, of which a few rows lost 0.4 in a later step.",
            _below_zero,
        ),
        Sample(
            "predicted_classes",
            "Predicted classes",
            "The number of the predicted class, where a score was wanted.",
            _predicted,
        ),
        Sample(
            "declared_logits",
            "Declared wrongly",
            "Softmax output that its owner calls logits.",
            _probabilities,
            kind="logits",
        ),
        Sample(
            "log_probabilities",
            "Log-softmax twice",
            "Log-probabilities, handed to a loss that applies softmax: harmless.",
            _log_probabilities,
            loss="softmax + categorical",
        ),
    )
}
