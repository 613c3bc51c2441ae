import math

import numpy as np
import pytest

from core.heads import HEADS, Head, heads_for
from tests.core.cases import finite_difference

LABELS = np.array([0, 1, 1, 0])
MANY = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
ALL = pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
RIGHT = [head for head in HEADS.values() if not head.is_mistake]


def logits_for(head: Head) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 3, (4, head.num_outputs(3)))


def labels_for(head: Head) -> np.ndarray:
    return MANY if head.task == "multi-label" else LABELS


@ALL
def test_gradient_is_that_of_the_loss(head: Head) -> None:
    logits, labels = logits_for(head), labels_for(head)
    value, grad = head.loss_value_and_grad(logits, labels)
    assert value.shape == (4,)
    wanted = finite_difference(lambda z: head.loss_value_and_grad(z, labels)[0], logits)
    np.testing.assert_allclose(grad, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "head", [head for head in HEADS.values() if head.takes_options], ids=lambda head: head.name
)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_gradient_with_weights_and_smoothing_is_that_of_the_loss(
    head: Head, smoothing: float
) -> None:
    logits, labels = logits_for(head), labels_for(head)
    weights = np.array([0.5, 3.0, 1.25])[: 2 if head.task == "binary" else 3]

    def loss(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return head.loss_value_and_grad(z, labels, class_weight=weights, label_smoothing=smoothing)

    wanted = finite_difference(lambda z: loss(z)[0], logits)
    np.testing.assert_allclose(loss(logits)[1], wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["softmax_cce", "sigmoid_bce"])
def test_a_weight_multiplies_the_loss_of_its_class(name: str) -> None:
    head = HEADS[name]
    logits = logits_for(head)
    weights = np.array([0.5, 3.0, 1.25])[: 2 if head.task == "binary" else 3]
    plain, _ = head.loss_value_and_grad(logits, LABELS)
    weighted, _ = head.loss_value_and_grad(logits, LABELS, class_weight=weights)
    np.testing.assert_allclose(weighted, plain * weights[LABELS], rtol=1e-14)


@ALL
def test_log_probabilities_are_those_of_distributions(head: Head) -> None:
    probabilities = np.exp(head.log_probabilities(logits_for(head)))
    assert probabilities.shape == (4, 2 if head.task == "binary" else 3)
    assert (probabilities <= 1).all()
    if head.task != "multi-label":
        np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-14)


@ALL
def test_the_loss_falls_down_the_gradient(head: Head) -> None:
    logits, labels = logits_for(head), labels_for(head)
    value, grad = head.loss_value_and_grad(logits, labels)
    after, _ = head.loss_value_and_grad(logits - 0.01 * grad, labels)
    assert (after < value).all()


@pytest.mark.parametrize("head", RIGHT, ids=lambda head: head.name)
def test_a_right_head_learns_from_a_confident_mistake_and_rests_when_it_is_right(
    head: Head,
) -> None:
    labels = labels_for(head)
    if head.task == "binary":
        wrong = 40.0 * (1 - 2 * labels[:, np.newaxis])
    else:
        truth = labels if head.task == "multi-label" else np.eye(3)[labels]
        wrong = 40.0 * (1 - 2 * truth)
    _, grad = head.loss_value_and_grad(wrong, labels)
    assert (np.abs(grad).max(axis=-1) > 0.4).all()
    value, grad = head.loss_value_and_grad(-wrong, labels)
    assert (value < 1e-10).all()
    assert (np.abs(grad) < 1e-10).all()


@pytest.mark.parametrize("name", ["softmax_twice_cce", "sigmoid_cce"])
@pytest.mark.parametrize("num_classes", [2, 10, 1000])
def test_a_second_softmax_has_a_floor(name: str, num_classes: int) -> None:
    logits = np.full((1, num_classes), -800.0)
    logits[0, 0] = 800
    value, _ = HEADS[name].loss_value_and_grad(logits, np.array([0]))
    assert value[0] == pytest.approx(math.log(1 + (num_classes - 1) / math.e), rel=1e-14)


@pytest.mark.parametrize("name", ["softmax_squared_error", "sigmoid_squared_error"])
def test_squared_error_learns_nothing_from_a_confident_mistake(name: str) -> None:
    head = HEADS[name]
    logits = np.array([[-40.0]]) if head.task == "binary" else np.array([[0.0, 40.0]])
    label = np.array([1 if head.task == "binary" else 0])
    value, grad = head.loss_value_and_grad(logits, label)
    assert value[0] > 0.99
    assert np.abs(grad).max() < 1e-16


def test_one_vs_rest_divides_the_yes_answers_by_their_sum() -> None:
    head = HEADS["ovr_sigmoid_bce"]
    logits = np.array([[math.log(3), 0.0, -math.log(3)]])  # σ = 3/4, 1/2, 1/4
    np.testing.assert_allclose(
        np.exp(head.log_probabilities(logits)), [[0.5, 1 / 3, 1 / 6]], rtol=1e-14
    )
    value, _ = head.loss_value_and_grad(logits, np.array([0]))
    np.testing.assert_allclose(value, -np.log(0.75) - np.log(0.5) - np.log(0.75))


@pytest.mark.parametrize("name", ["softmax_cce", "ovr_sigmoid_bce", "softmax_twice_cce"])
@pytest.mark.parametrize("labels", [[0, 3], [0, -1], [0, 1, 2]])
def test_labels_that_are_no_class_are_refused(name: str, labels: list[int]) -> None:
    with pytest.raises(ValueError, match=r"class ids from 0 to 2|must have shape \(2,\)"):
        HEADS[name].loss_value_and_grad(np.zeros((2, 3)), np.array(labels))


def test_a_binary_head_has_one_logit() -> None:
    head = HEADS["sigmoid_bce"]
    with pytest.raises(ValueError, match=r"must have shape \(N, 1\); got \(2, 3\)"):
        head.loss_value_and_grad(np.zeros((2, 3)), np.array([0, 1]))
    with pytest.raises(ValueError, match="class ids from 0 to 1; got 2"):
        head.loss_value_and_grad(np.zeros((2, 1)), np.array([0, 2]))


def test_heads_are_found_by_task_and_mistakes_only_when_asked_for() -> None:
    assert [head.name for head in heads_for("exclusive")] == ["softmax_cce", "ovr_sigmoid_bce"]
    assert [head.name for head in heads_for("multi-label")] == ["multi_label_sigmoid_bce"]
    assert {head.name for head in heads_for("exclusive", mistakes=True)} == {
        "softmax_cce",
        "ovr_sigmoid_bce",
        "softmax_twice_cce",
        "sigmoid_cce",
        "softmax_squared_error",
    }
