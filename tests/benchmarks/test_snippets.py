"""What the pages offer as code gives the numbers of core, in every framework."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.activations import sigmoid, softmax
from core.entropy import cross_entropy, entropy, entropy_from_logits, kl_divergence
from dashboard import snippets
from dashboard.frames.losses import Options, compared, loss_terms

FRAMEWORKS = ["NumPy", "PyTorch", "Keras", "JAX"]
LOGITS = [
    np.array([4.0, 1.0, 0.5, -1.0]),
    np.array([0.3]),
    np.array([40.0, -30.0, 7.5]),
    np.array([2.0, -np.inf, 1.0]),
    np.linspace(-3, 3, 300),
]
# Targets stand for soft ones of as many classes as there are logits.
OPTIONS = [
    Options(),
    Options(weight=2.7),
    Options(label_smoothing=0.1, gamma=0.5),
    Options(label_smoothing=0.1, weight=2.7),
    Options(np.ones(1)),
    Options(np.ones(1), 0.25, 0.3, 0.0),
]


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(code, names)
    return names


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([0.6, 0.2, 0.15, 0.05], [0.25] * 4),
        ([0.5, 0.5, 0.0], [0.5, 0.25, 0.25]),
        ([0.5, 0.5, 0.0], [0.7, 0.3, 0.0]),
        ([0.5, 0.5], [1.0, 0.0]),
        ([1.0], [1.0]),
        ([0.3, 0.7], [0.3, 0.7]),
        ([1e-300, 1.0], [0.5, 0.5]),
        (np.arange(1, 301) / 45150, np.arange(300, 0, -1) / 45150),
    ],
)
def test_entropies(framework: str, p: list[float], q: list[float]) -> None:
    names = run(snippets.entropies(np.asarray(p), np.asarray(q))[framework])
    for name, wanted in (
        ("entropy_bits", entropy(p, base=2)),
        ("cross_bits", cross_entropy(p, q, base=2)),
        ("kl_bits", kl_divergence(p, q, base=2)),
    ):
        np.testing.assert_allclose(np.asarray(names[name]), wanted, rtol=1e-12, atol=1e-15)


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
        bits = entropy_from_logits(logits / temperature, base=2)
        np.testing.assert_allclose(np.asarray(names["bits"]), bits, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_logit_of_inf_is_nan_where_the_comment_says_so(framework: str) -> None:
    code = snippets.activations(np.array([np.inf, 1.0]), 1.0)[framework]
    shares = np.asarray(run(code)["shares"])
    assert np.isnan(shares).any() == ("makes this softmax nan" in code) == (framework != "NumPy")


@pytest.mark.filterwarnings("ignore:In loss categorical_crossentropy, expected")
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("logits", LOGITS, ids=[f"{len(z)} classes" for z in LOGITS])
def test_losses(framework: str, logits: np.ndarray, options: Options) -> None:
    label = len(logits) - 1
    if options.targets is not None:
        shares = np.arange(1.0, len(logits) + 1)
        options = replace(options, targets=shares / shares.sum())
    code = snippets.losses(logits, label, options)[framework]
    names = run(code)
    terms = loss_terms(logits, label, options).groupby("loss")["term"].sum()
    beside = compared(logits, label, options)
    for name, wanted in (
        ("bce", terms["BCE"]),
        ("cce", terms["CCE"]),
        ("focal", beside["focal"]),
        ("squared", beside["squared error"]),
    ):
        given = float(names[name])
        if np.isnan(given) and framework != "NumPy":
            assert "An infinite logit makes some of these nan" in code
        else:
            np.testing.assert_allclose(given, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_loss_near_nothing_is_lost_where_the_comment_says_so(framework: str) -> None:
    code = snippets.losses(np.array([40.0, 0.0]), 0)[framework]
    given = float(run(code)["cce"])
    is_lost = framework != "NumPy"
    assert ("loses its digits" in code) == is_lost
    assert (given == 0) == is_lost
    assert given == pytest.approx(np.exp(-40), rel=1e-12, abs=1e-15 if is_lost else 0)


def test_where_the_frameworks_end_a_term_as_the_snippets_say() -> None:
    import keras
    import torch
    import torch.nn.functional as F  # noqa: N812

    sure = torch.sigmoid(torch.tensor([-800.0], dtype=torch.float64))
    assert F.binary_cross_entropy(sure, torch.ones(1, dtype=torch.float64)).item() == 100
    clipped = keras.losses.binary_crossentropy(np.ones((1, 1)), np.zeros((1, 1)))
    assert float(clipped[0]) == pytest.approx(16.118, abs=1e-3)


def test_where_the_frameworks_differ_on_distributions_as_the_snippets_say() -> None:
    import keras
    import torch
    import torch.nn.functional as F  # noqa: N812

    p, q = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])
    assert torch.isnan(F.kl_div(q.log(), p, reduction="sum"))
    sure, wrong = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    for loss in (keras.losses.categorical_crossentropy, keras.losses.kl_divergence):
        assert float(loss(sure, wrong)[0]) == pytest.approx(16.118, abs=1e-3)


def test_pytorch_divides_by_the_weight_as_the_snippet_says() -> None:
    import torch
    import torch.nn.functional as F  # noqa: N812

    logits, label, weight = torch.tensor([[1.0, 0.0]]), torch.tensor([0]), torch.tensor([3.0, 1.0])
    plain = F.cross_entropy(logits, label)
    assert F.cross_entropy(logits, label, weight=weight) == pytest.approx(plain.item())
    total = F.cross_entropy(logits, label, weight=weight, reduction="sum")
    assert total == pytest.approx(3 * plain.item())
