import numpy as np
import pytest

from core.heads import HEADS
from experiments import models
from experiments.descent import Adam, State, run_epoch

RNG = np.random.default_rng(0)


def test_adams_first_step_is_the_learning_rate() -> None:
    params = np.array([1.0, 1.0], np.float32)
    Adam(2, learning_rate=0.1).update(params, np.array([5.0, -0.02], np.float32))
    np.testing.assert_allclose(params, [0.9, 1.1], rtol=1e-5)


def test_adams_steps_are_those_of_the_paper() -> None:
    params = RNG.normal(size=6).astype(np.float32)
    wanted = params.astype(np.float64)
    mean = square = np.zeros(6)
    adam = Adam(6, learning_rate=0.01)
    for t in range(1, 200):
        # From large gradients to such as ε is not small against, and one that is always 0.
        grad = (RNG.normal(size=6) * [1e3, 1, 1e-3, 1e-6, 1e-8, 0]).astype(np.float32)
        mean = 0.9 * mean + 0.1 * grad
        square = 0.999 * square + 0.001 * grad.astype(np.float64) ** 2
        wanted -= 0.01 * (mean / (1 - 0.9**t)) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
        adam.update(params, grad)
        np.testing.assert_allclose(params, wanted, atol=1e-5)


@pytest.mark.parametrize("hidden", [0, 8])
@pytest.mark.parametrize("batch_size", [7, 50])
def test_an_epoch_is_a_step_for_each_batch(hidden: int, batch_size: int) -> None:
    inputs = RNG.normal(size=(40, 5)).astype(np.float32)
    labels = RNG.integers(0, 3, 40)
    order = RNG.permutation(40)
    loss_value_and_grad = HEADS["softmax_cce"].loss_value_and_grad
    initial = models.init_params(RNG, 5, hidden, 3)
    vector, params = models.in_one_vector(initial)
    state = State(0, vector, params, Adam(len(vector), 0.01), RNG)
    run_epoch(state, loss_value_and_grad, inputs, labels, order, batch_size)
    assert state.number == 1

    wanted = {name: value.astype(np.float64) for name, value in initial.items()}
    adams = {name: Adam(value.size, 0.01) for name, value in initial.items()}
    for rows in np.split(order, range(batch_size, 40, batch_size)):
        logits, output_input = models.forward(wanted, inputs[rows])
        _, grad_logits = loss_value_and_grad(logits, labels[rows])
        grads = models.backward(wanted, inputs[rows], output_input, grad_logits / len(rows))
        for name, grad in grads.items():
            adams[name].update(wanted[name].reshape(-1), grad.reshape(-1))
    for name, value in wanted.items():
        np.testing.assert_allclose(state.params[name], value, rtol=1e-3, atol=1e-5)
        assert np.shares_memory(state.params[name], state.vector)
