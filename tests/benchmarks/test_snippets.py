"""What the pages offer as code gives the numbers of core, in every framework."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

from typing import Any

import numpy as np
import pytest

from core.activations import sigmoid, softmax
from core.losses import binary_cross_entropy, categorical_cross_entropy
from dashboard import snippets

FRAMEWORKS = ["NumPy", "PyTorch", "Keras", "JAX"]
LOGITS = [
    np.array([4.0, 1.0, 0.5, -1.0]),
    np.array([0.3]),
    np.array([40.0, -30.0, 7.5]),
    np.array([2.0, -np.inf, 1.0]),
    np.linspace(-3, 3, 300),
]


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(code, names)
    return names


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1")
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("logits", LOGITS, ids=[f"{len(z)} classes" for z in LOGITS])
def test_activations(framework: str, logits: np.ndarray) -> None:
    for temperature in (1.0, 2.5):
        names = run(snippets.activations(logits, temperature)[framework])
        tempered = sigmoid(logits / temperature)
        np.testing.assert_allclose(np.asarray(names["yes_no"]), tempered, rtol=1e-12)
        shares = softmax(logits, temperature=temperature)
        np.testing.assert_allclose(np.asarray(names["shares"]), shares, rtol=1e-12)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("logits", LOGITS, ids=[f"{len(z)} classes" for z in LOGITS])
def test_losses(framework: str, logits: np.ndarray) -> None:
    label = len(logits) - 1
    code = snippets.losses(logits, label)[framework]
    names = run(code)
    one_hot = np.eye(len(logits))[label]
    bce, cce = binary_cross_entropy(logits, one_hot).sum(), categorical_cross_entropy(logits, label)
    if "An infinite logit" in code:
        bce = np.nan
    np.testing.assert_allclose(np.asarray(names["bce"]), bce, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(names["cce"]), cce, rtol=1e-12, atol=1e-15)


def test_where_the_frameworks_end_a_term_as_the_snippets_say() -> None:
    import keras
    import torch
    import torch.nn.functional as F  # noqa: N812

    sure = torch.sigmoid(torch.tensor([-800.0], dtype=torch.float64))
    assert F.binary_cross_entropy(sure, torch.ones(1, dtype=torch.float64)).item() == 100
    clipped = keras.losses.binary_crossentropy(np.ones((1, 1)), np.zeros((1, 1)))
    assert float(clipped[0]) == pytest.approx(16.118, abs=1e-3)
