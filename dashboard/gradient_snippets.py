"""The gradients of the page Gradients as code to copy: by formula in core, elsewhere by autograd.

`make bench` runs each of them and holds its numbers against core.
"""

from __future__ import annotations

from textwrap import dedent, indent

import numpy as np

# The softmax of the true class leaves of s_p − 1 what its own rounding does not take.
LOST = 1e-9

CORE = {
    "Squared error": "softmax_squared_error_grad(logits, label)",
    "Softmax twice": 'HEADS["softmax_twice_cce"].loss_value_and_grad([logits], [label])[1][0]',
    "BCE": "binary_cross_entropy_grad(logits, np.eye(len(logits))[label])",
    "Focal": "categorical_focal_loss_grad(logits, label, gamma=2.0)",
}
CORE_IMPORTS = {
    "Squared error": "from core.losses import "
    "categorical_cross_entropy_grad, softmax_squared_error_grad",
    "Softmax twice": "from core.heads import HEADS\n"
    "from core.losses import categorical_cross_entropy_grad",
    "BCE": "from core.losses import binary_cross_entropy_grad, categorical_cross_entropy_grad",
    "Focal": "from core.losses import categorical_cross_entropy_grad, categorical_focal_loss_grad",
}
PYTORCH = {
    "Squared error": "((torch.softmax(logits, dim=-1) - one_hot) ** 2).sum()",
    "Softmax twice": "F.cross_entropy(torch.softmax(logits, dim=-1), label)",
    "BCE": 'F.binary_cross_entropy_with_logits(logits, one_hot, reduction="sum")',
    "Focal": "(1 - torch.exp(-cross_entropy(logits))) ** 2 * cross_entropy(logits)",
}
KERAS = {
    "Squared error": "ops.sum((ops.softmax(logits) - one_hot) ** 2)",
    "Softmax twice": "cross_entropy(ops.softmax(logits))",
    "BCE": "ops.sum(ops.binary_crossentropy(one_hot, logits, from_logits=True))",
    "Focal": "(1 - ops.exp(-cross_entropy(logits))) ** 2 * cross_entropy(logits)",
}
JAX = {
    "Squared error": "((jax.nn.softmax(z) - one_hot) ** 2).sum()",
    "Softmax twice": "cross_entropy(jax.nn.softmax(z))",
    "BCE": "-jnp.where(one_hot == 1, jax.nn.log_sigmoid(z), jax.nn.log_sigmoid(-z)).sum()",
    "Focal": "(1 - jnp.exp(-cross_entropy(z))) ** 2 * cross_entropy(z)",
}


def gradients(logits: np.ndarray, label: int, loss: str, of_cce: np.ndarray) -> dict[str, str]:
    """Return code that gives `cce_grad` and `other_grad`, the gradient of another loss.

    Parameters
    ----------
    logits : ndarray, shape (K,)
        Finite.
    label : int
        The true class.
    loss : str
        A key of `CORE`.
    of_cce : ndarray, shape (K,)
        The gradient of CCE, for what the code says of its digits.
    """
    z = logits.tolist()
    is_lost = len(logits) > 1 and abs(of_cce[label]) < LOST
    note = "# A gradient this near 0 loses its digits to rounding here; core keeps them."
    lost = f"\n{note}" if is_lost else ""
    codes = {
        "NumPy": f"""
            import numpy as np
            {indent(CORE_IMPORTS[loss], " " * 12).strip()}

            logits = np.array({z})
            label = {label}
            cce_grad = categorical_cross_entropy_grad(logits, label)
            other_grad = {CORE[loss]}
            """,
        "PyTorch": f"""
            import torch
            import torch.nn.functional as F

            logits = torch.tensor({z}, dtype=torch.float64, requires_grad=True)
            label = torch.tensor({label})
            one_hot = F.one_hot(label, len(logits)).double()

            def cross_entropy(logits):
                return F.cross_entropy(logits, label)

            (cce_grad,) = torch.autograd.grad(cross_entropy(logits), logits)
            other = {PYTORCH[loss]}
            (other_grad,) = torch.autograd.grad(other, logits)
            """,
        "Keras": f"""
            import os

            # Keras leaves gradients to its backend: this one is PyTorch.
            os.environ["KERAS_BACKEND"] = "torch"
            import torch
            from keras import losses, ops

            logits = torch.tensor({z}, dtype=torch.float64, requires_grad=True)
            label = torch.tensor({label})
            one_hot = ops.one_hot(label, len(logits), dtype="float64")

            def cross_entropy(logits):
                return losses.sparse_categorical_crossentropy(label, logits, from_logits=True)

            (cce_grad,) = torch.autograd.grad(cross_entropy(logits), logits)
            other = {KERAS[loss]}
            (other_grad,) = torch.autograd.grad(other, logits)
            """,
        "JAX": f"""
            import jax
            import jax.numpy as jnp

            jax.config.update("jax_enable_x64", True)
            logits = jnp.array({z})
            label = {label}
            one_hot = jax.nn.one_hot(label, len(logits))

            def cross_entropy(z):
                return -jax.nn.log_softmax(z)[label]

            def other(z):
                return {JAX[loss]}

            cce_grad = jax.grad(cross_entropy)(logits)
            other_grad = jax.grad(other)(logits)
            """,
    }
    return {
        framework: f"{dedent(code).strip()}{'' if framework == 'NumPy' else lost}\n"
        'print(cce_grad, other_grad, sep="\\n")'
        for framework, code in codes.items()
    }
