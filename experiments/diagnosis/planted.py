"""Scores and labels with a classic mistake in each, from a random generator."""

from __future__ import annotations

import numpy as np

from core.activations import log_softmax, sigmoid, softmax

Array = np.ndarray
Made = tuple[Array, Array]

CLASSES = ("cat", "dog", "fox", "hen", "owl")
# Where the classes lie: rows are their class's place plus noise, and the logits are then exactly
# those of the posterior. Cats and dogs are near each other, and so are hens and owls.
_PLACES = np.array(
    [[0.0, 2.4, 0.3], [1.5, 2.2, 0.0], [1.2, -0.6, 2.6], [-2.6, -0.8, 0.0], [-2.4, -2.0, 1.0]]
)
_ROWS = 4000


def drawn(rng: np.random.Generator, num_rows: int = _ROWS, apart: float = 1.0) -> Made:
    """Return the right logits, float32, and labels of rows whose classes lie `apart`."""
    labels = rng.integers(0, len(CLASSES), num_rows)
    places = apart * _PLACES
    seen = places[labels] + rng.normal(size=(num_rows, 3))
    logits = seen @ places.T - np.square(places).sum(axis=1) / 2
    return logits.astype(np.float32), labels


def _one_hot(labels: Array) -> Array:
    return np.eye(len(CLASSES), dtype=np.int64)[labels]


def overconfident(rng: np.random.Generator) -> Made:
    """Return logits times 2.5."""
    logits, labels = drawn(rng)
    return 2.5 * logits, labels


def label_errors(rng: np.random.Generator) -> Made:
    """Return labels of which 3 % are another class."""
    logits, labels = drawn(rng, apart=1.6)
    wrong = rng.random(len(labels)) < 0.03
    labels[wrong] = (labels[wrong] + rng.integers(1, len(CLASSES), wrong.sum())) % len(CLASSES)
    return logits, labels


def probabilities(rng: np.random.Generator) -> Made:
    """Return softmax output."""
    logits, labels = drawn(rng)
    return softmax(logits), labels


def one_hot_bce(rng: np.random.Generator) -> Made:
    """Return softmax output and one-hot labels."""
    logits, labels = drawn(rng)
    return softmax(logits), _one_hot(labels)


def one_vs_rest(rng: np.random.Generator) -> Made:
    """Return sigmoids that are each nearly right, and one label a row."""
    logits, labels = drawn(rng)
    p = softmax(logits.astype(np.float64))
    odds = np.log(p) - np.log1p(-p)
    return sigmoid(odds + rng.normal(0, 0.4, odds.shape)).astype(np.float32), labels


def off_by_one(rng: np.random.Generator) -> Made:
    """Return labels that count from 1."""
    logits, labels = drawn(rng)
    return logits, labels + 1


def permuted(rng: np.random.Generator) -> Made:
    """Return columns of which three stand in another order."""
    logits, labels = drawn(rng)
    return logits[:, [0, 1, 3, 4, 2]], labels


def tags(rng: np.random.Generator) -> Made:
    """Return logits of labels that may hold at once."""
    logits = rng.normal(-0.8, 2.0, (_ROWS, len(CLASSES))).astype(np.float32)
    return logits, (rng.random(logits.shape) < sigmoid(logits)).astype(np.int64)


def softmax_tags(rng: np.random.Generator) -> Made:
    """Return a softmax of labels that may hold at once."""
    logits, targets = tags(rng)
    return softmax(logits), targets


def rare(rng: np.random.Generator) -> Made:
    """Return labels of which one is rare, early in training."""
    shares = np.array([0.4, 0.25, 0.1, 0.03, 0.002])
    targets = (rng.random((5 * _ROWS, len(CLASSES))) < shares).astype(np.int64)
    logits = rng.normal(0, 0.3, targets.shape) + 0.4 * targets
    return logits.astype(np.float32), targets


def not_a_number(rng: np.random.Generator) -> Made:
    """Return logits with rows of NaN and infinities."""
    logits, labels = drawn(rng)
    logits[rng.integers(0, len(logits), 23)] = np.nan
    logits[rng.integers(0, len(logits), 9), rng.integers(0, len(CLASSES), 9)] = np.inf
    return logits, labels


def rounded_to_zero(rng: np.random.Generator) -> Made:
    """Return probabilities through float16."""
    logits, labels = drawn(rng, apart=2.2)
    wrong = rng.integers(0, len(labels), 40)
    labels[wrong] = (labels[wrong] + 2) % len(CLASSES)
    return softmax(logits).astype(np.float16).astype(np.float32), labels


def few_digits(rng: np.random.Generator) -> Made:
    """Return probabilities with three decimals."""
    logits, labels = drawn(rng)
    return softmax(logits.astype(np.float64)).round(3), labels


def missing_labels(rng: np.random.Generator) -> Made:
    """Return labels with gaps, as floats."""
    logits, labels = drawn(rng)
    joined = labels.astype(np.float64)
    joined[rng.random(len(joined)) < 0.02] = np.nan
    return logits, joined


def constant(rng: np.random.Generator) -> Made:
    """Return the same scores in every row."""
    _, labels = drawn(rng)
    return np.tile(np.array([0.05, -0.02, 0.01, -0.04, 0.0], np.float32), (len(labels), 1)), labels


def shuffled(rng: np.random.Generator) -> Made:
    """Return labels apart from their rows."""
    logits, labels = drawn(rng)
    return logits, rng.permutation(labels)


def other_mix(rng: np.random.Generator) -> Made:
    """Return rows of another mix of classes than the scores expect."""
    logits, labels = drawn(rng, 2 * _ROWS)
    kept = rng.random(len(labels)) < np.array([1.0, 0.2, 0.6, 1.0, 0.1])[labels]
    return logits[kept], labels[kept]


def soft(rng: np.random.Generator) -> Made:
    """Return a teacher's probabilities as labels."""
    logits, _ = drawn(rng)
    teacher = logits.astype(np.float64) + rng.normal(0, 0.5, logits.shape)
    return logits, softmax(teacher, temperature=2.0)


def repeated(rng: np.random.Generator) -> Made:
    """Return rows of which every sixth repeats another."""
    logits, labels = drawn(rng)
    again = rng.integers(0, len(labels), len(labels) // 5)
    return np.concatenate([logits, logits[again]]), np.concatenate([labels, labels[again]])


def very_confident(rng: np.random.Generator) -> Made:
    """Return logits far apart."""
    return drawn(rng, apart=3.5)


def percentages(rng: np.random.Generator) -> Made:
    """Return softmax output times 100."""
    logits, labels = drawn(rng)
    return 100 * softmax(logits), labels


def two_kinds(rng: np.random.Generator) -> Made:
    """Return softmax output and logits in one."""
    logits, labels = drawn(rng)
    half = len(labels) // 2
    return np.concatenate([softmax(logits[:half]), logits[half:]]), labels


def left_out(rng: np.random.Generator) -> Made:
    """Return distributions some of which lost a part."""
    logits, labels = drawn(rng)
    p = softmax(logits)
    rows = rng.random(len(p)) < 0.005
    p[rows] = np.where(p[rows] < p[rows].max(axis=1, keepdims=True), 0.5 * p[rows], p[rows])
    return p, labels


def upside_down(rng: np.random.Generator) -> Made:
    """Return negated logits."""
    logits, labels = drawn(rng)
    return -logits, labels


def hard(rng: np.random.Generator) -> Made:
    """Return a 1 and zeros for scores."""
    logits, labels = drawn(rng)
    return _one_hot(logits.argmax(axis=1)).astype(np.float32), labels


def below_zero(rng: np.random.Generator) -> Made:
    """Return softmax output of which a few rows are below 0."""
    logits, labels = drawn(rng)
    p = softmax(logits)
    p[rng.choice(len(p), 12, replace=False)] -= 0.4
    return p, labels


def predicted(rng: np.random.Generator) -> Made:
    """Return the predicted class as the one score."""
    logits, labels = drawn(rng)
    return logits.argmax(axis=1)[:, np.newaxis], (labels > 1).astype(np.int64)


def log_probabilities(rng: np.random.Generator) -> Made:
    """Return log-probabilities."""
    logits, labels = drawn(rng)
    return log_softmax(logits), labels
