"""The numbers of a page as code to copy, framework by framework.

Where a framework gives something else, a comment in its code says so. `make bench` runs each of
them and holds its numbers, and its comments, against core.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent

import numpy as np

from core.losses import categorical_cross_entropy
from dashboard.frames.losses import PLAIN, Options

# Of outcomes or classes: more numbers than that nobody copies.
MAX_WRITTEN = 1000
# Nats: below, a log-softmax in float64 has lost the digits that the page shows.
LOST = 1e-9


def entropies(p: np.ndarray, q: np.ndarray) -> dict[str, str]:
    """Return code that gives `entropy_bits`, `cross_bits` and `kl_bits` of two distributions."""
    # The last of 17 digits is the rounding of a quotient: 0.6, and not 0.6000000000000001.
    both = [_written([float(f"{share:.15g}") for share in shares]) for shares in (p, q)]
    arrays = {
        framework: "".join(
            f"\n                {name} = {make.format(numbers)}"
            for name, numbers in zip("pq", both, strict=True)
        )
        for framework, make in (
            ("NumPy", "{}"),
            ("PyTorch", "torch.tensor({}, dtype=torch.float64)"),
            ("Keras", 'ops.convert_to_tensor({}, dtype="float64")'),
            ("JAX", "jnp.array({})"),
        )
    }
    return _dedented(
        {
            "NumPy": f"""
                from core.entropy import cross_entropy, entropy, kl_divergence
{arrays["NumPy"]}
                entropy_bits = entropy(p, base=2)
                cross_bits = cross_entropy(p, q, base=2)
                kl_bits = kl_divergence(p, q, base=2)
                print(entropy_bits, cross_bits, kl_bits)
                """,
            "PyTorch": f"""
                import math
                import torch
{arrays["PyTorch"]}
                entropy_bits = torch.special.entr(p).sum() / math.log(2)
                cross_bits = -torch.xlogy(p, q).sum() / math.log(2)
                # F.kl_div(q.log(), p, reduction="sum") is this in nats, but nan where p and q
                # are both 0.
                kl_bits = (torch.xlogy(p, p) - torch.xlogy(p, q)).sum() / math.log(2)
                print(entropy_bits, cross_bits, kl_bits)
                """,
            "Keras": f"""
                import math
                from keras import ops
{arrays["Keras"]}
                occurs = p > 0
                log_p = ops.log(ops.where(occurs, p, ops.ones_like(p)))
                log_q = ops.log(ops.where(occurs, q, ops.ones_like(q)))
                entropy_bits = -ops.sum(p * log_p) / math.log(2)
                # keras.losses.categorical_crossentropy(p, q) and keras.losses.kl_divergence(p, q)
                # are these in nats, but clip at 1e-7: a q of 0 costs 16.1 nats there, and not inf.
                cross_bits = -ops.sum(p * log_q) / math.log(2)
                kl_bits = ops.sum(p * (log_p - log_q)) / math.log(2)
                print(entropy_bits, cross_bits, kl_bits)
                """,
            "JAX": f"""
                import jax
                import jax.numpy as jnp
                from jax.scipy.special import entr, rel_entr, xlogy

                jax.config.update("jax_enable_x64", True){arrays["JAX"]}
                entropy_bits = entr(p).sum() / jnp.log(2)
                cross_bits = -xlogy(p, q).sum() / jnp.log(2)
                kl_bits = rel_entr(p, q).sum() / jnp.log(2)
                print(entropy_bits, cross_bits, kl_bits)
                """,
        }
    )


def activations(logits: np.ndarray, temperature: float) -> dict[str, str]:
    """Return code that gives `yes_no`, the sigmoids, `shares`, the softmax, and its `bits`."""
    z = _written(logits)
    with np.errstate(over="ignore"):
        is_infinite = np.isposinf(logits / temperature).any()
    note = (
        "# A logit of +inf makes this softmax nan; core makes its share 1.\n                "
        if is_infinite
        else ""
    )
    shown = 'print(yes_no, yes_no.sum(), shares, shares.sum(), bits, sep="\\n")'
    return _dedented(
        {
            "NumPy": f"""
                from core.activations import log_softmax, sigmoid, softmax
                from core.entropy import entropy_from_logits

                logits = {z}
                temperature = {temperature!r}
                yes_no = sigmoid([logit / temperature for logit in logits])
                shares = softmax(logits, temperature=temperature)
                bits = entropy_from_logits(log_softmax(logits, temperature=temperature), base=2)
                {shown}
                """,
            "PyTorch": f"""
                import math
                import torch

                logits = torch.tensor({z}, dtype=torch.float64)
                temperature = {temperature!r}
                yes_no = torch.sigmoid(logits / temperature)
                {note}shares = torch.softmax(logits / temperature, dim=-1)
                bits = torch.special.entr(shares).sum() / math.log(2)
                {shown}
                """,
            "Keras": f"""
                import math
                from keras import ops

                logits = ops.convert_to_tensor({z}, dtype="float64")
                temperature = {temperature!r}
                yes_no = ops.sigmoid(logits / temperature)
                {note}shares = ops.softmax(logits / temperature, axis=-1)
                logs = ops.log(ops.where(shares > 0, shares, ops.ones_like(shares)))
                bits = -ops.sum(shares * logs) / math.log(2)
                print(yes_no, ops.sum(yes_no), shares, ops.sum(shares), bits, sep="\\n")
                """,
            "JAX": f"""
                import jax
                import jax.numpy as jnp
                from jax.scipy.special import entr

                jax.config.update("jax_enable_x64", True)
                logits = jnp.array({z})
                temperature = {temperature!r}
                yes_no = jax.nn.sigmoid(logits / temperature)
                {note}shares = jax.nn.softmax(logits / temperature)
                bits = entr(shares).sum() / jnp.log(2)
                {shown}
                """,
        }
    )


def losses(logits: np.ndarray, label: int, options: Options = PLAIN) -> dict[str, str]:
    """Return code that gives `bce`, summed over the classes, `cce`, `focal` and `squared`."""
    return {
        "NumPy": _losses_by_core(logits, label, options),
        "PyTorch": _losses_by_pytorch(logits, label, options),
        "Keras": _losses_by_keras(logits, label, options),
        "JAX": _losses_by_jax(logits, label, options),
    }


def _losses_by_core(logits: np.ndarray, label: int, options: Options) -> str:
    told = f", label_smoothing={options.label_smoothing!r}" if options.label_smoothing else ""
    weigh = "" if options.weight == 1 else ", class_weight=weights"
    binary = f"binary_cross_entropy(logits, targets{told})"
    target = "label" if _is_hard(options) else "targets"
    smoothed = (
        f"smoothed_targets(targets, len(logits), {options.label_smoothing!r})"
        if told
        else "targets"
    )
    names = [
        "binary_cross_entropy",
        "categorical_cross_entropy",
        "categorical_focal_loss",
        *(["smoothed_targets"] if told else []),
        "softmax_squared_error",
    ]
    return _lines(
        "import numpy as np",
        "from core.losses import (",
        *(f"    {name}," for name in names),
        ")",
        "",
        f"logits = {_written(logits)}",
        f"label = {label}",
        f"targets = {_targets(options, 'np.eye(len(logits))[label]', 'np.array({})')}",
        *_weights(logits, label, options, "np.array({})"),
        f"bce = {f'(weights * {binary})' if weigh else binary}.sum()",
        f"cce = categorical_cross_entropy(logits, {target}{weigh}{told})",
        f"focal = categorical_focal_loss(logits, label, gamma={options.gamma!r})",
        f"squared = softmax_squared_error(logits, {smoothed})",
        "print(bce, cce, focal, squared)",
    )


def _losses_by_pytorch(logits: np.ndarray, label: int, options: Options) -> str:
    weigh = "" if options.weight == 1 else ", weight=weights"
    target = "label" if _is_hard(options) else "targets"
    return _lines(
        "import torch",
        "import torch.nn.functional as F",
        "",
        f"logits = torch.tensor({_written(logits)}, dtype=torch.float64)",
        f"label = torch.tensor({label})",
        "targets = "
        + _targets(
            options,
            "F.one_hot(label, len(logits)).double()",
            "torch.tensor({}, dtype=torch.float64)",
        ),
        *_weights(logits, label, options, "torch.tensor({}, dtype=torch.float64)"),
        *_smoothing(options),
        *_notes(logits, label, options),
        "# Given probabilities, F.binary_cross_entropy would cap each term at 100.",
        "bce = F.binary_cross_entropy_with_logits("
        f'logits, {_binary(options)}{weigh}, reduction="sum")',
        *(
            ['# Its reduction="mean" would divide by the weight again.']
            if weigh and _is_hard(options)
            else []
        ),
        f'cce = F.cross_entropy(logits, {target}{weigh}, reduction="sum")',
        "log_s = F.log_softmax(logits, dim=-1)",
        f"focal = -((1 - log_s[label].exp()) ** {options.gamma!r}) * log_s[label]",
        "squared = ((log_s.exp() - targets) ** 2).sum()",
        "print(bce, cce, focal, squared)",
    )


def _losses_by_keras(logits: np.ndarray, label: int, options: Options) -> str:
    binary = f"ops.binary_crossentropy({_binary(options)}, logits, from_logits=True)"
    if _is_hard(options):
        weigh = "" if options.weight == 1 else f"{options.weight!r} * "
        cce = f"{weigh}losses.sparse_categorical_crossentropy(label, logits, from_logits=True)"
    elif options.weight == 1:
        cce = "losses.categorical_crossentropy(targets, logits, from_logits=True)"
    else:
        cce = "-ops.sum(weights * targets * log_s)"
    return _lines(
        "from keras import losses, ops",
        "",
        f'logits = ops.convert_to_tensor({_written(logits)}, dtype="float64")',
        f"label = ops.convert_to_tensor({label})",
        "targets = "
        + _targets(
            options,
            'ops.one_hot(label, len(logits), dtype="float64")',
            'ops.convert_to_tensor({}, dtype="float64")',
        ),
        *_weights(logits, label, options, 'ops.convert_to_tensor({}, dtype="float64")'),
        *_smoothing(options),
        *_notes(logits, label, options),
        "# Without from_logits Keras would clip probabilities at 1e-7, and cap each term at 16.1.",
        f"bce = ops.sum({'' if options.weight == 1 else 'weights * '}{binary})",
        "log_s = ops.log_softmax(logits)",
        *(
            [
                "# class_weight of Model.fit multiplies a whole example by its class's weight,",
                "# and not each class's share of a soft target, as here.",
            ]
            if options.weight != 1 and not _is_hard(options)
            else []
        ),
        f"cce = {cce}",
        f"focal = -((1 - ops.exp(log_s[label])) ** {options.gamma!r}) * log_s[label]",
        "squared = ops.sum((ops.exp(log_s) - targets) ** 2)",
        "print(bce, cce, focal, squared)",
    )


def _losses_by_jax(logits: np.ndarray, label: int, options: Options) -> str:
    weigh = "" if options.weight == 1 else "weights * "
    if _is_hard(options):
        terms = "jnp.where(targets == 1, yes, no)"
        bce = [f"bce = -{f'({weigh}{terms})' if weigh else terms}.sum()"]
        cce = f"-{'' if options.weight == 1 else f'{options.weight!r} * '}log_s[label]"
    else:
        terms = "jnp.where(t > 0, t * yes, 0) + jnp.where(t < 1, (1 - t) * no, 0)"
        bce = [f"t = {_binary(options)}", f"bce = -({weigh}({terms})).sum()"]
        cce = f"-({weigh}jnp.where(targets > 0, targets * log_s, 0)).sum()"
    return _lines(
        "import jax",
        "import jax.numpy as jnp",
        "",
        'jax.config.update("jax_enable_x64", True)',
        f"logits = jnp.array({_written(logits)})",
        f"label = {label}",
        f"targets = {_targets(options, 'jax.nn.one_hot(label, len(logits))', 'jnp.array({})')}",
        *_weights(logits, label, options, "jnp.array({})"),
        *_smoothing(options),
        *_notes(logits, label, options),
        "yes, no = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)",
        *bce,
        "log_s = jax.nn.log_softmax(logits)",
        f"cce = {cce}",
        f"focal = -((1 - jnp.exp(log_s[label])) ** {options.gamma!r}) * log_s[label]",
        "squared = ((jnp.exp(log_s) - targets) ** 2).sum()",
        "print(bce, cce, focal, squared)",
    )


def _is_hard(options: Options) -> bool:
    return options.targets is None and options.label_smoothing == 0


def _targets(options: Options, one_hot: str, array: str) -> str:
    return one_hot if options.targets is None else array.format(_written(options.targets))


def _weights(logits: np.ndarray, label: int, options: Options, array: str) -> list[str]:
    if options.weight == 1:
        return []
    weights = np.where(np.arange(len(logits)) == label, options.weight, 1.0)
    return [f"weights = {array.format(_written(weights))}"]


def _smoothing(options: Options) -> list[str]:
    smoothing = options.label_smoothing
    if not smoothing:
        return []
    return [
        "# Over yes and no for BCE, over the classes for CCE.",
        f"yes_no_targets = (1 - {smoothing!r}) * targets + {smoothing!r} / 2",
        f"targets = (1 - {smoothing!r}) * targets + {smoothing!r} / len(logits)",
    ]


def _binary(options: Options) -> str:
    return "yes_no_targets" if options.label_smoothing else "targets"


def _notes(logits: np.ndarray, label: int, options: Options) -> list[str]:
    """Return the comments on what no framework gives: limits, and losses near 0."""
    notes = []
    if not np.isfinite(logits).all():
        notes.append("# An infinite logit makes some of these nan, where core has the limit.")
    if _is_hard(options) and categorical_cross_entropy(logits, label) < LOST:
        notes.append("# A CCE this near 0 loses its digits to rounding here; core keeps them.")
    return notes


def _lines(*lines: str) -> str:
    return "\n".join(lines)


def _written(logits: Sequence[float] | np.ndarray) -> str:
    numbers = [
        repr(value) if np.isfinite(value) else f'float("{value}")' for value in map(float, logits)
    ]
    return f"[{', '.join(numbers)}]"


def _dedented(codes: dict[str, str]) -> dict[str, str]:
    return {framework: dedent(code).strip() for framework, code in codes.items()}
