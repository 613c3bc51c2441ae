"""The peers' side: for each, operation → a function that prepares a call on its own arrays.

A peer gets its inputs in its own form before the clock starts, and gives its results in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks.cells import Cell

Call = Callable[[], Any]


def numpy_call(function: Callable[..., Any], *arrays: Any) -> Call:
    """Return a call of a function of arrays."""
    return lambda: function(*arrays)


def scipy_call(cell: Cell, *arrays: np.ndarray) -> Call | None:
    """SciPy: special functions; a loss with its gradient as one would write it with them."""
    from scipy import special

    def cce(logits: np.ndarray, targets: np.ndarray) -> Any:
        log_s = special.log_softmax(logits, axis=-1)
        grad = np.exp(log_s)
        if targets.ndim == 1:
            rows = np.arange(len(targets))
            grad[rows, targets] -= 1
            return -log_s[rows, targets], grad
        return -(targets * log_s).sum(axis=-1), grad - targets

    def bce(logits: np.ndarray, targets: np.ndarray) -> Any:
        value = -targets * special.log_expit(logits) - (1 - targets) * special.log_expit(-logits)
        return value, special.expit(logits) - targets

    functions: dict[str, Callable[..., Any]] = {
        "CCE": cce,
        "BCE": bce,
        "softmax": lambda z: special.softmax(z, axis=-1),
        "log_softmax": lambda z: special.log_softmax(z, axis=-1),
        "sigmoid": special.expit,
        "entropy": lambda p: special.entr(p).sum(axis=-1),
    }
    return numpy_call(functions[cell.operation], *arrays)


def sklearn_call(cell: Cell, *arrays: np.ndarray) -> Call | None:
    """scikit-learn: its compiled losses (labels for CCE, K from 3), its softmax."""
    import os

    from sklearn._loss.loss import HalfBinomialLoss, HalfMultinomialLoss
    from sklearn.utils.extmath import softmax

    threads = len(os.sched_getaffinity(0))
    if cell.operation == "softmax":
        return numpy_call(softmax, *arrays)
    if cell.operation == "CCE" and cell.targets == "labels" and cell.shape[1] > 2:
        loss = HalfMultinomialLoss(n_classes=cell.shape[1])
        logits, labels = arrays
        y = labels.astype(cell.dtype)
        return lambda: loss.loss_gradient(y, logits, n_threads=threads)
    if cell.operation == "BCE":
        binary = HalfBinomialLoss()
        logits, targets = arrays[0].reshape(-1), arrays[1].reshape(-1)
        return lambda: binary.loss_gradient(targets, logits, n_threads=threads)
    return None


def torch_call(cell: Cell, *arrays: np.ndarray) -> Call | None:
    """PyTorch on the CPU: functional losses with autograd."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    tensors = [torch.from_numpy(array.copy()) for array in arrays]
    if cell.operation in ("CCE", "BCE"):
        logits, targets = tensors
        logits.requires_grad_()
        loss = F.cross_entropy if cell.operation == "CCE" else F.binary_cross_entropy_with_logits

        def value_and_grad() -> Any:
            value = loss(logits, targets, reduction="none")
            (grad,) = torch.autograd.grad(value, logits, torch.ones_like(value))
            return value.detach(), grad

        return value_and_grad
    functions: dict[str, Callable[..., Any]] = {
        "softmax": lambda z: torch.softmax(z, dim=-1),
        "log_softmax": lambda z: torch.log_softmax(z, dim=-1),
        "sigmoid": torch.sigmoid,
        "entropy": lambda p: torch.special.entr(p).sum(dim=-1),
    }
    return numpy_call(functions[cell.operation], *tensors)


def jax_call(cell: Cell, *arrays: np.ndarray) -> Call | None:
    """JAX on the CPU: compiled, its compilation and the copy to its arrays not counted."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    on_device = [jnp.asarray(array) for array in arrays]

    def cce(logits: Any, targets: Any) -> Any:
        log_s = jax.nn.log_softmax(logits, axis=-1)
        if targets.ndim == 1:
            return -jnp.take_along_axis(log_s, targets[:, None], axis=-1)[:, 0]
        return -(targets * log_s).sum(axis=-1)

    def bce(logits: Any, targets: Any) -> Any:
        no = jax.nn.log_sigmoid(-logits)
        return -targets * jax.nn.log_sigmoid(logits) - (1 - targets) * no

    def with_gradient(loss: Any) -> Any:
        def both(logits: Any, targets: Any) -> Any:
            value, pull = jax.vjp(lambda z: loss(z, targets), logits)
            return value, pull(jnp.ones_like(value))[0]

        return both

    functions: dict[str, Callable[..., Any]] = {
        "CCE": with_gradient(cce),
        "BCE": with_gradient(bce),
        "softmax": lambda z: jax.nn.softmax(z, axis=-1),
        "log_softmax": lambda z: jax.nn.log_softmax(z, axis=-1),
        "sigmoid": jax.nn.sigmoid,
        "entropy": lambda p: jax.scipy.special.entr(p).sum(axis=-1),
    }
    compiled = jax.jit(functions[cell.operation])
    return lambda: jax.block_until_ready(compiled(*on_device))


PEERS: dict[str, Callable[..., Call | None]] = {
    "PyTorch": torch_call,
    "JAX": jax_call,
    "scikit-learn": sklearn_call,
    "SciPy": scipy_call,
}
