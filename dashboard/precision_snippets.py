"""One logit of the page Precision as code to copy: the textbook's formula and the library's own.

`make bench` runs each of them and holds its numbers, and its comments, against core.
"""

from __future__ import annotations

from textwrap import dedent

# In which the frameworks compute on every machine.
DTYPES = ("float32", "float64")
ROWS = ("CCE", "softmax", "log-softmax")

CORE = {
    "CCE": ("naive.cce(z, 0)", "losses.categorical_cross_entropy(z, 0)"),
    "BCE, target 1": ("naive.bce(z, 1)", "losses.binary_cross_entropy(z, z.dtype.type(1))"),
    "BCE, target 0": ("naive.bce(z, 0)", "losses.binary_cross_entropy(z, z.dtype.type(0))"),
    "softmax": ("naive.softmax(z)[0]", "activations.softmax(z)[0]"),
    "log-softmax": ("naive.log_softmax(z)[0]", "activations.log_softmax(z)[0]"),
    "sigmoid": ("naive.sigmoid(z)", "activations.sigmoid(z)"),
}
# With the framework's exp and log put in.
TEXTBOOK = {
    "CCE": "-{log}({exp}(z[0]) / ({exp}(z[0]) + {exp}(z[1])))",
    "BCE, target 1": "-1 * {log}(1 / (1 + {exp}(-z))) - 0 * {log}(1 - 1 / (1 + {exp}(-z)))",
    "BCE, target 0": "-0 * {log}(1 / (1 + {exp}(-z))) - 1 * {log}(1 - 1 / (1 + {exp}(-z)))",
    "softmax": "{exp}(z[0]) / ({exp}(z[0]) + {exp}(z[1]))",
    "log-softmax": "{log}({exp}(z[0]) / ({exp}(z[0]) + {exp}(z[1])))",
    "sigmoid": "1 / (1 + {exp}(-z))",
}
PYTORCH = {
    "CCE": "F.cross_entropy(z, torch.tensor(0))",
    "BCE, target 1": "F.binary_cross_entropy_with_logits(z, torch.ones_like(z))",
    "BCE, target 0": "F.binary_cross_entropy_with_logits(z, torch.zeros_like(z))",
    "softmax": "F.softmax(z, dim=-1)[0]",
    "log-softmax": "F.log_softmax(z, dim=-1)[0]",
    "sigmoid": "torch.sigmoid(z)",
}
KERAS = {
    "CCE": "ops.sparse_categorical_crossentropy([0], z[None], from_logits=True)[0]",
    "BCE, target 1": "ops.binary_crossentropy(ops.ones_like(z), z, from_logits=True)",
    "BCE, target 0": "ops.binary_crossentropy(ops.zeros_like(z), z, from_logits=True)",
    "softmax": "ops.softmax(z)[0]",
    "log-softmax": "ops.log_softmax(z)[0]",
    "sigmoid": "ops.sigmoid(z)",
}
JAX = {
    "CCE": "-jax.nn.log_softmax(z)[0]",
    "BCE, target 1": "-jax.nn.log_sigmoid(z)",
    "BCE, target 0": "-jax.nn.log_sigmoid(-z)",
    "softmax": "jax.nn.softmax(z)[0]",
    "log-softmax": "jax.nn.log_softmax(z)[0]",
    "sigmoid": "jax.nn.sigmoid(z)",
}


def at_logit(function: str, logit: float) -> dict[str, str]:
    """Return code that gives `found`: dtype → what the textbook and the library give.

    Parameters
    ----------
    function : str
        A key of `CORE`.
    logit : float
        Finite.
    """
    given = f"[{logit!r}, 0.0]" if function in ROWS else repr(logit)
    by_core, core = CORE[function]
    written = TEXTBOOK[function]
    codes = {
        "NumPy": f"""
            import numpy as np
            from core import activations, losses, naive

            found = {{}}
            for dtype in ("float16", "float32", "float64"):
                z = np.array({given}, dtype=dtype)
                found[dtype] = float({by_core}), float({core})
            """,
        "PyTorch": f"""
            import torch
            import torch.nn.functional as F

            found = {{}}
            for dtype in (torch.float32, torch.float64):
                z = torch.tensor({given}, dtype=dtype)
                textbook = {written.format(exp="torch.exp", log="torch.log")}
                library = {PYTORCH[function]}
                found[str(dtype).removeprefix("torch.")] = float(textbook), float(library)
            """,
        "Keras": f"""
            from keras import ops

            found = {{}}
            for dtype in {DTYPES}:
                z = ops.convert_to_tensor({given}, dtype=dtype)
                textbook = {written.format(exp="ops.exp", log="ops.log")}
                library = {KERAS[function]}
                found[dtype] = float(textbook), float(library)
            """,
        "JAX": f"""
            import jax
            import jax.numpy as jnp

            jax.config.update("jax_enable_x64", True)
            found = {{}}
            for dtype in {DTYPES}:
                z = jnp.array({given}, dtype=dtype)
                textbook = {written.format(exp="jnp.exp", log="jnp.log")}
                library = {JAX[function]}
                found[dtype] = float(textbook), float(library)
            """,
    }
    return {
        framework: "\n".join([dedent(code).strip(), *_notes(function, framework), "print(found)"])
        for framework, code in codes.items()
    }


def _notes(function: str, framework: str) -> list[str]:
    """Return the comments on where the library loses what core keeps."""
    if framework == "NumPy":
        return []
    if function in ("CCE", "log-softmax"):
        return ["# The library uses log-sum-exp, which rounds the loss of a confident row to 0."]
    if function == "BCE, target 0" and framework in ("PyTorch", "Keras"):
        who = "Keras on PyTorch" if framework == "Keras" else "PyTorch"
        return [f"# {who} uses x - log(sigmoid(x)), which rounds the loss to 0 far left of 0."]
    return []
