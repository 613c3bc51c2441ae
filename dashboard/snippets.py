"""The numbers of a page as code to copy, framework by framework.

`make bench` runs each of them and holds its numbers against those of core.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent

import numpy as np


def activations(logits: np.ndarray, temperature: float) -> dict[str, str]:
    """Return code that gives `yes_no`, the sigmoids, and `shares`, the softmax."""
    z = _written(logits)
    return _dedented(
        {
            "NumPy": f"""
                from core.activations import sigmoid, softmax

                logits = {z}
                temperature = {temperature!r}
                yes_no = sigmoid([logit / temperature for logit in logits])
                shares = softmax(logits, temperature=temperature)
                print(yes_no, yes_no.sum(), shares, shares.sum(), sep="\\n")
                """,
            "PyTorch": f"""
                import torch

                logits = torch.tensor({z}, dtype=torch.float64)
                temperature = {temperature!r}
                yes_no = torch.sigmoid(logits / temperature)
                shares = torch.softmax(logits / temperature, dim=-1)
                print(yes_no, yes_no.sum(), shares, shares.sum(), sep="\\n")
                """,
            "Keras": f"""
                from keras import ops

                logits = ops.convert_to_tensor({z}, dtype="float64")
                temperature = {temperature!r}
                yes_no = ops.sigmoid(logits / temperature)
                shares = ops.softmax(logits / temperature, axis=-1)
                print(yes_no, ops.sum(yes_no), shares, ops.sum(shares), sep="\\n")
                """,
            "JAX": f"""
                import jax
                import jax.numpy as jnp

                jax.config.update("jax_enable_x64", True)
                logits = jnp.array({z})
                temperature = {temperature!r}
                yes_no = jax.nn.sigmoid(logits / temperature)
                shares = jax.nn.softmax(logits / temperature)
                print(yes_no, yes_no.sum(), shares, shares.sum(), sep="\\n")
                """,
        }
    )


def losses(logits: np.ndarray, label: int) -> dict[str, str]:
    """Return code that gives `bce`, summed over the classes, and `cce`, in nats."""
    z = _written(logits)
    infinite = "" if np.isfinite(logits).all() else "An infinite logit makes it nan. "
    return _dedented(
        {
            "NumPy": f"""
                import numpy as np
                from core.losses import binary_cross_entropy, categorical_cross_entropy

                logits = {z}
                label = {label}
                one_hot = np.eye(len(logits))[label]
                bce = binary_cross_entropy(logits, one_hot).sum()
                cce = categorical_cross_entropy(logits, label)
                print(bce, cce)
                """,
            "PyTorch": f"""
                import torch
                import torch.nn.functional as F

                logits = torch.tensor({z}, dtype=torch.float64)
                label = torch.tensor({label})
                one_hot = F.one_hot(label, len(logits)).double()
                # {infinite}Of probabilities, F.binary_cross_entropy would end each term at 100.
                bce = F.binary_cross_entropy_with_logits(logits, one_hot, reduction="sum")
                cce = F.cross_entropy(logits, label)
                print(bce, cce)
                """,
            "Keras": f"""
                from keras import losses, ops

                logits = ops.convert_to_tensor({z}, dtype="float64")
                label = ops.convert_to_tensor({label})
                one_hot = ops.one_hot(label, len(logits), dtype="float64")
                # {infinite}Without from_logits Keras would clip the
                # probabilities at 1e-7, and end each term at 16.1.
                bce = ops.sum(ops.binary_crossentropy(one_hot, logits, from_logits=True))
                cce = losses.sparse_categorical_crossentropy(label, logits, from_logits=True)
                print(bce, cce)
                """,
            "JAX": f"""
                import jax
                import jax.numpy as jnp

                jax.config.update("jax_enable_x64", True)
                logits = jnp.array({z})
                label = {label}
                one_hot = jax.nn.one_hot(label, len(logits))
                yes, no = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
                bce = -jnp.where(one_hot == 1, yes, no).sum()
                cce = -jax.nn.log_softmax(logits)[label]
                print(bce, cce)
                """,
        }
    )


def _written(logits: Sequence[float] | np.ndarray) -> str:
    numbers = [
        repr(value) if np.isfinite(value) else f'float("{value}")' for value in map(float, logits)
    ]
    return f"[{', '.join(numbers)}]"


def _dedented(codes: dict[str, str]) -> dict[str, str]:
    return {framework: dedent(code).strip() for framework, code in codes.items()}
