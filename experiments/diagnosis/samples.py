"""Predictions with a classic mistake in them, made from a seed: what each looks like."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.diagnosis import Kind, Loss
from experiments.diagnosis import planted
from experiments.diagnosis.planted import CLASSES, Made
from experiments.predictions import Predictions, Upload, read

__all__ = ["CLASSES", "SAMPLES", "Sample"]


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


SAMPLES: dict[str, Sample] = {
    sample.key: sample
    for sample in (
        Sample(
            "overconfident",
            "Overconfident",
            "Good logits multiplied by 2.5, as training for too long leaves them.",
            planted.overconfident,
        ),
        Sample(
            "healthy",
            "Nothing planted",
            "Logits that are exactly right, and labels drawn from their softmax.",
            planted.drawn,
        ),
        Sample(
            "label_errors",
            "Label errors",
            "3 % of the labels were replaced by another class.",
            planted.label_errors,
        ),
        Sample(
            "softmax_twice",
            "Softmax twice",
            "Softmax output, given to a loss that applies softmax.",
            planted.probabilities,
            loss="softmax + categorical",
        ),
        Sample(
            "one_hot_bce",
            "One-hot under BCE",
            "Softmax output and one-hot labels under binary cross-entropy.",
            planted.one_hot_bce,
            loss="binary",
        ),
        Sample(
            "sigmoid_exclusive",
            "Sigmoid on exclusive classes",
            "A sigmoid for each class, where each row has one label.",
            planted.one_vs_rest,
        ),
        Sample(
            "multi_hot_cce",
            "Multi-hot under CCE",
            "Rows with several labels, under a loss whose classes compete.",
            planted.tags,
            loss="softmax + categorical",
        ),
        Sample(
            "softmax_multi_hot",
            "Softmax where several hold",
            "Softmax output, where a row may have several labels or none.",
            planted.softmax_tags,
        ),
        Sample(
            "off_by_one",
            "Label off by one",
            "Labels count from 1, columns from 0.",
            planted.off_by_one,
        ),
        Sample(
            "permuted_columns",
            "Permuted columns",
            "Three columns of scores are in a different order from the class ids.",
            planted.permuted,
        ),
        Sample(
            "rare_positives",
            "Rare positives",
            "Rows with several labels, one of them on 0.2 % of the rows, early in training.",
            planted.rare,
            loss="sigmoid + binary",
        ),
        Sample(
            "nan_rows",
            "NaN and inf",
            "Some rows are NaN, and some hold an infinity.",
            planted.not_a_number,
        ),
        Sample(
            "rounded_to_zero",
            "Probabilities of 0",
            "Softmax output went through float16, where small probabilities become 0.",
            planted.rounded_to_zero,
        ),
        Sample(
            "few_digits",
            "Few digits",
            "Probabilities written with three decimals.",
            planted.few_digits,
        ),
        Sample(
            "missing_labels",
            "Missing labels",
            "A join left 2 % of the labels empty and made the others floats.",
            planted.missing_labels,
        ),
        Sample(
            "constant",
            "Stuck at ln K",
            "A network that gives every row the same scores.",
            planted.constant,
        ),
        Sample(
            "shuffled",
            "Shuffled labels",
            "Labels were shuffled separately from their rows.",
            planted.shuffled,
        ),
        Sample(
            "other_mix",
            "Another mix of classes",
            "Trained on equally frequent classes, and used where dogs and owls are rare.",
            planted.other_mix,
        ),
        Sample(
            "soft_labels",
            "Soft labels",
            "A teacher's probabilities at temperature 2 as targets.",
            planted.soft,
        ),
        Sample(
            "duplicates",
            "Duplicate rows",
            "Every sixth row repeats another one.",
            planted.repeated,
        ),
        Sample(
            "very_confident",
            "Very confident",
            "Logits so far apart that the usual formulas lose the loss.",
            planted.very_confident,
        ),
        Sample(
            "percentages",
            "Percentages",
            "Softmax output times 100.",
            planted.percentages,
        ),
        Sample(
            "two_kinds",
            "Two kinds of scores",
            "Softmax output and logits in one file, joined from two exports.",
            planted.two_kinds,
        ),
        Sample(
            "left_out",
            "Probability left out",
            "In some rows part of the probability was cut off.",
            planted.left_out,
        ),
        Sample(
            "upside_down",
            "Upside down",
            "Energies instead of logits: the lower, the likelier.",
            planted.upside_down,
        ),
        Sample(
            "hard",
            "Hard predictions",
            "The predicted class as a 1 among zeros, instead of scores.",
            planted.hard,
        ),
        Sample(
            "below_zero",
            "Below 0 and above 1",
            "Softmax output, but a few rows lost 0.4 in a later step.",
            planted.below_zero,
        ),
        Sample(
            "predicted_classes",
            "Predicted classes",
            "The number of the predicted class instead of scores.",
            planted.predicted,
        ),
        Sample(
            "declared_logits",
            "Declared wrongly",
            "Softmax output that its owner calls logits.",
            planted.probabilities,
            kind="logits",
        ),
        Sample(
            "log_probabilities",
            "Log-softmax twice",
            "Log-probabilities, given to a loss that applies softmax: harmless.",
            planted.log_probabilities,
            loss="softmax + categorical",
        ),
    )
}
