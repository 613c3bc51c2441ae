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


def forward(params: Params, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits, shape (N, outputs), and what the output layer saw."""
    if "hidden_weight" in params:
        x = np.maximum(x @ params["hidden_weight"] + params["hidden_bias"], 0)
    return x @ params["output_weight"] + params["output_bias"], x


def backward(
    params: Params, x: np.ndarray, output_input: np.ndarray, grad_logits: np.ndarray
) -> Params:
    """Return the gradient of every parameter, given that of the logits."""
    grads = {
        "output_weight": output_input.T @ grad_logits,
        "output_bias": grad_logits.sum(axis=0),
    }
    if "hidden_weight" in params:
        grad_hidden = (grad_logits @ params["output_weight"].T) * (output_input > 0)
        grads["hidden_weight"] = x.T @ grad_hidden
        grads["hidden_bias"] = grad_hidden.sum(axis=0)
    return grads
