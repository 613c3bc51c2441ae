import numpy as np
import pytest

from core.heads import HEADS
from experiments import models
from tests.core.cases import finite_difference

RNG = np.random.default_rng(1)
X = RNG.normal(size=(5, 4))
LABELS = np.array([0, 2, 1, 1, 0])
HEAD = HEADS["softmax_cce"]


@pytest.mark.parametrize("hidden", [0, 6])
def test_backward_agrees_with_finite_differences(hidden: int) -> None:
    shapes = models.init_params(RNG, 4, hidden, 3)
    params = {name: RNG.normal(size=value.shape) for name, value in shapes.items()}

    logits, output_input = models.forward(params, X)
    _, grad_logits = HEAD.loss_value_and_grad(logits, LABELS)
    grads = models.backward(params, X, output_input, grad_logits)

    assert grads.keys() == params.keys()
    for name in params:

        def loss(value: np.ndarray, name: str = name) -> np.ndarray:
            logits, _ = models.forward({**params, name: value}, X)
            return HEAD.loss_value_and_grad(logits, LABELS)[0]

        wanted = finite_difference(loss, params[name])
        np.testing.assert_allclose(grads[name], wanted, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("hidden", [0, 6])
def test_a_new_model_knows_nothing(hidden: int) -> None:
    params = models.init_params(RNG, 4, hidden, 3)
    logits, _ = models.forward(params, X.astype(np.float32))
    assert (logits == 0).all()
    assert logits.dtype == np.float32
