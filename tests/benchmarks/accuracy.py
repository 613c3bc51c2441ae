"""The error of core and of its peers on the same inputs: `make bench` prints the table.

Each number is the largest error over the rows of tests/core/exact.py, in units of the bound that
core is held to, (8 + Δ)·eps·|value| + K·(smallest subnormal): 1 is as far off as allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from scipy import special

from core.activations import log_softmax, softmax
from core.entropy import entropy_from_logits
from core.losses import categorical_cross_entropy_value_and_grad
from tests.core.exact import exact_row, rows_of, spread

jax.config.update("jax_enable_x64", True)

CLASSES = [10, 1000]
Answers = dict[str, np.ndarray]


def by_core(rows: np.ndarray, labels: np.ndarray) -> Answers:
    """Answers of core."""
    value, grad = categorical_cross_entropy_value_and_grad(rows, labels)
    return {
        "softmax": softmax(rows),
        "log-softmax": log_softmax(rows),
        "CCE": value,
        "CCE gradient": grad,
        "entropy of the softmax": entropy_from_logits(rows),
    }


def by_scipy(rows: np.ndarray, labels: np.ndarray) -> Answers:
    """Answers of SciPy."""
    log_s = special.log_softmax(rows, axis=-1)
    s = special.softmax(rows, axis=-1)
    index = np.arange(len(rows))
    grad = s.copy()
    grad[index, labels] -= 1
    return {
        "softmax": s,
        "log-softmax": log_s,
        "CCE": -log_s[index, labels],
        "CCE gradient": grad,
        "entropy of the softmax": special.entr(s).sum(axis=-1),
    }


def by_torch(rows: np.ndarray, labels: np.ndarray) -> Answers:
    """Answers of PyTorch."""
    logits = torch.from_numpy(rows.copy()).requires_grad_()
    value = F.cross_entropy(logits, torch.from_numpy(labels), reduction="none")
    (grad,) = torch.autograd.grad(value, logits, torch.ones_like(value))
    s = torch.softmax(logits, dim=-1).detach()
    return {
        "softmax": s.numpy(),
        "log-softmax": torch.log_softmax(logits, dim=-1).detach().numpy(),
        "CCE": value.detach().numpy(),
        "CCE gradient": grad.numpy(),
        "entropy of the softmax": torch.special.entr(s).sum(dim=-1).numpy(),
    }


def by_jax(rows: np.ndarray, labels: np.ndarray) -> Answers:
    """Answers of JAX."""

    def loss(logits: Any) -> Any:
        log_s = jax.nn.log_softmax(logits, axis=-1)
        return -jnp.take_along_axis(log_s, labels[:, None], axis=-1)[:, 0]

    value, pull = jax.vjp(loss, jnp.asarray(rows))
    s = jax.nn.softmax(jnp.asarray(rows), axis=-1)
    answers = {
        "softmax": s,
        "log-softmax": jax.nn.log_softmax(jnp.asarray(rows), axis=-1),
        "CCE": value,
        "CCE gradient": pull(jnp.ones_like(value))[0],
        "entropy of the softmax": jax.scipy.special.entr(s).sum(axis=-1),
    }
    return {name: np.asarray(answer) for name, answer in answers.items()}


LIBRARIES: dict[str, Callable[[np.ndarray, np.ndarray], Answers]] = {
    "core": by_core,
    "SciPy": by_scipy,
    "PyTorch": by_torch,
    "JAX": by_jax,
}


def truths(rows: np.ndarray, labels: np.ndarray) -> dict[str, list[Any]]:
    """Return what each answer should be, a list of numbers for each row."""
    exact = [exact_row(row) for row in rows]
    gradients = [list(row.softmax) for row in exact]
    for row, label, gradient in zip(exact, labels, gradients, strict=True):
        gradient[label] = -row.not_label(label)
    return {
        "softmax": [row.softmax for row in exact],
        "log-softmax": [row.log_softmax for row in exact],
        "CCE": [[-row.log_softmax[label]] for row, label in zip(exact, labels, strict=True)],
        "CCE gradient": gradients,
        "entropy of the softmax": [[row.entropy] for row in exact],
    }


def error_in_bounds(got: Any, want: Any, delta: float, num_classes: int) -> float:
    """Return |got − want| in units of the bound."""
    info = np.finfo(got.dtype)
    tiny = mpmath.mpf(float(info.smallest_subnormal))
    if abs(want) > float(info.max):
        return 0.0
    if not np.isfinite(got):
        return float("inf")
    bound = (8 + delta) * float(info.eps) * abs(want) + num_classes * tiny
    return float(abs(mpmath.mpf(float(got)) - want) / bound)


def main() -> None:
    """Print the table."""
    print("The largest error, in units of the bound that core is held to\n")
    print(f"| function | dtype | K | {' | '.join(LIBRARIES)} |")
    print(f"|---|---|---|{'---|' * len(LIBRARIES)}")
    lines: dict[tuple[str, str, int], list[float]] = {}
    for dtype in (np.float32, np.float64):
        for num_classes in CLASSES:
            rows = rows_of(num_classes, dtype, np.random.default_rng(num_classes))
            rows = rows[np.isfinite(rows).all(axis=-1)]
            labels = rows.argmax(axis=-1)
            wanted = truths(rows, labels)
            for answer in LIBRARIES.values():
                with np.errstate(all="ignore"):
                    answers = answer(rows, labels)
                for name, want in wanted.items():
                    got = answers[name].reshape(len(rows), -1)
                    worst = max(
                        error_in_bounds(got[i, j], value, spread(rows[i]), num_classes)
                        for i, row in enumerate(want)
                        for j, value in enumerate(row)
                    )
                    key = (name, np.dtype(dtype).name, num_classes)
                    lines.setdefault(key, []).append(worst)
    for (name, dtype_name, num_classes), errors in sorted(lines.items()):
        numbers = " | ".join(f"{error:.2g}" for error in errors)
        print(f"| {name} | {dtype_name} | {num_classes:,} | {numbers} |")


if __name__ == "__main__":
    main()
