"""Linear and one-hidden-layer classifiers: forward beside backward."""

from __future__ import annotations

import numpy as np

Params = dict[str, np.ndarray]


def init_params(
    rng: np.random.Generator, num_features: int, hidden: int, num_outputs: int
) -> Params:
    """Return float32 weights and biases; `hidden` 0 is a linear model.

    The output layer starts at zero, so that training starts from the uniform prediction: a loss
    of ln K and an entropy of log2 K bits.
    """
    params: Params = {}
    width = num_features
    if hidden:
        # He initialisation, which keeps the variance through a ReLU.
        params["hidden_weight"] = rng.normal(0, np.sqrt(2 / width), (width, hidden))
        params["hidden_bias"] = np.zeros(hidden)
        width = hidden
    params["output_weight"] = np.zeros((width, num_outputs))
    params["output_bias"] = np.zeros(num_outputs)
    return {name: value.astype(np.float32) for name, value in params.items()}


def in_one_vector(params: Params) -> tuple[np.ndarray, Params]:
    """Return all parameters in one vector, a copy, and each by name as a view of it."""
    vector = np.concatenate([value.reshape(-1) for value in params.values()])
    views: Params = {}
    first = 0
    for name, value in params.items():
        views[name] = vector[first : first + value.size].reshape(value.shape)
        first += value.size
    return vector, views


def forward(params: Params, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits, shape (N, outputs), and what the output layer saw."""
    if "hidden_weight" in params:
        x = x @ params["hidden_weight"]
        x += params["hidden_bias"]
        np.maximum(x, 0, out=x)
    logits = x @ params["output_weight"]
    logits += params["output_bias"]
    return logits, x


def backward(
    params: Params,
    x: np.ndarray,
    output_input: np.ndarray,
    grad_logits: np.ndarray,
    out: Params | None = None,
) -> Params:
    """Return the gradient of every parameter, given that of the logits; in `out`, where given."""
    # A product with ones is the fastest sum over rows.
    ones = np.ones(len(x), grad_logits.dtype)
    into = out or {}
    grads = {
        "output_weight": np.dot(output_input.T, grad_logits, out=into.get("output_weight")),
        "output_bias": np.dot(ones, grad_logits, out=into.get("output_bias")),
    }
    if "hidden_weight" in params:
        grad_hidden = grad_logits @ params["output_weight"].T
        grad_hidden *= output_input > 0
        grads["hidden_weight"] = np.dot(x.T, grad_hidden, out=into.get("hidden_weight"))
        grads["hidden_bias"] = np.dot(ones, grad_hidden, out=into.get("hidden_bias"))
    return grads
