import math

import numpy as np
import pytest

from core.heads import HEADS, Head, heads_for
from tests.core.cases import finite_difference

LABELS = np.array([0, 1, 1, 0])


def logits_for(head: Head) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 3, (4, head.num_outputs(3)))


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_gradient_is_that_of_the_loss(head: Head) -> None:
    logits = logits_for(head)
    _, grad = head.loss_value_and_grad(logits, LABELS)
    wanted = finite_difference(lambda z: head.loss_value_and_grad(z, LABELS)[0], logits)
    np.testing.assert_allclose(grad, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_log_probabilities_are_those_of_distributions(head: Head) -> None:
    logits = logits_for(head)
    probabilities = np.exp(head.log_probabilities(logits))
    assert probabilities.shape == (4, 2 if head.task == "binary" else 3)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-14)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_the_loss_falls_when_the_true_class_gains(head: Head) -> None:
    logits = logits_for(head)
    value, grad = head.loss_value_and_grad(logits, LABELS)
    after, _ = head.loss_value_and_grad(logits - 0.01 * grad, LABELS)
    assert (after < value).all()


def test_one_vs_rest_divides_the_yes_answers_by_their_sum() -> None:
    head = HEADS["ovr_sigmoid_bce"]
    logits = np.array([[math.log(3), 0.0, -math.log(3)]])  # σ = 3/4, 1/2, 1/4
    np.testing.assert_allclose(
        np.exp(head.log_probabilities(logits)), [[0.5, 1 / 3, 1 / 6]], rtol=1e-14
    )
    value, _ = head.loss_value_and_grad(logits, np.array([0]))
    np.testing.assert_allclose(value, -np.log(0.75) - np.log(0.5) - np.log(0.75))


def test_heads_are_found_by_task() -> None:
    assert [head.name for head in heads_for("exclusive")] == ["softmax_cce", "ovr_sigmoid_bce"]
