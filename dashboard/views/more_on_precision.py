"""What a reader of the page Precision asks next: why, when it matters, what others do."""

from __future__ import annotations

import math

import numpy as np

from experiments.precision import DTYPES

# What bfloat16 keeps of float32: its range, and 8 of its 24 binary digits.
BFLOAT16_EPS = 2.0**-7

_MATTERS = """
**When does it matter?** Hardly for one step of training: a row whose loss rounds to 0 would have
moved almost nothing. It matters where such numbers are added up or compared: which of two confident
rows is the surer one, a likelihood ratio, what a student network learns from its teacher, a
gradient that becomes exactly 0. Confident rows are common: Guo et al. (2017, arXiv:1706.04599)
found modern networks overconfident. The page Diagnose counts yours.
"""
_LOG_OF_ONE = f"""
**And ours?** $\\mathrm{{log1p}}(y)$ is $\\log(1 + y)$ without that sum, and as exact as y
where y is tiny (Goldberg, 1991, *What Every Computer Scientist Should Know About Floating-Point
Arithmetic*, theorem 4). The 1 is never added, so no digit of y is lost.
{_MATTERS}"""
_OF_SOFTMAX = """
**What do frameworks do?** PyTorch, JAX and SciPy compute log-softmax as log-sum-exp;
`docs/numerics.md` has their measured errors beside those of `core`. PyTorch's `CrossEntropyLoss` is
its `LogSoftmax` and `NLLLoss` in one. In mixed precision, PyTorch's autocast runs `exp`,
`log_softmax` and `cross_entropy` in float32, as its documentation lists.
"""
_OF_BCE = """
**What do frameworks do?** PyTorch's `BCELoss` takes p, and clamps its logs at −100;
`BCEWithLogitsLoss` takes the logit, “more numerically stable” in its own words. Keras clips p at
1e-7 unless `from_logits=True`. In mixed precision, PyTorch's autocast runs
`binary_cross_entropy_with_logits` in float32, and refuses `binary_cross_entropy`.
"""


def more(function: str) -> str:
    """Return what there is to say of a function beside its map, as Markdown."""
    return {
        "CCE": _rounds_to_one() + _LOG_OF_ONE + _OF_SOFTMAX,
        "log-softmax": _rounds_to_one() + _LOG_OF_ONE + _OF_SOFTMAX + _TWICE,
        "BCE, target 1": _rounds_to_one() + _LOG_OF_ONE + _OF_BCE,
        "BCE, target 0": _rounds_to_one() + _OTHER_SIDE + _LOG_OF_ONE + _OF_BCE,
        "softmax": _SOFTMAX,
        "sigmoid": _OTHER_SIDE + _SIGMOID,
    }[function]


def gone_from(eps: float) -> float:
    """Return from which x on e^−x is lost when it is added to 1: half an eps, and below."""
    return math.log(2 / eps)


def _rounds_to_one() -> str:
    ends = ", ".join(
        f"{gone_from(float(np.finfo(dtype).eps)):.1f} in {name}" for name, dtype in DTYPES.items()
    )
    return f"""
**Why does $1 + e^{{-x}}$ round to 1?** The next number after 1 is one eps away, and an addend
below half an eps is lost: from x = {ends}. bfloat16 has the range of float32 with fewer digits:
from x = {gone_from(BFLOAT16_EPS):.1f}.
"""


_OTHER_SIDE = """
**Never subtract p from 1.** 1 − σ(x) is σ(−x): as a sigmoid it has all its digits, as a difference
none once p has rounded to 1.
"""
_TWICE = """
**Twice does no harm.** The exponentials of its outputs sum to 1, so their log-sum-exp is 0 and a
second log-softmax changes nothing. For softmax that is not true: see Mistakes.
"""
_SOFTMAX = """
**Why may m be subtracted?** The same number subtracted from every logit cancels in the fraction.
Then no exponential is above $e^0 = 1$, and one of them is exactly that: nothing overflows, and the
sum is never 0. Blanchard, Higham and Higham (2021, doi:10.1093/imanum/draa038) analyse its
rounding; PyTorch, JAX and SciPy all do it.

**When does it matter?** In attention, where softmax is applied to dot products that grow with the
length of their vectors: Vaswani et al. (2017, arXiv:1706.03762) divide them by its square root.
FlashAttention (Dao et al., 2022, arXiv:2205.14135) reads the logits in blocks, and carries the
maximum along.

**What remains?** A row of nothing but −inf, as left by a mask that hides everything, has no finite
maximum to subtract: NaN in PyTorch, and here. A probability that is too small becomes 0, and its
log is lost: if you need the log, take log-softmax.
"""
_SIGMOID = """
**When does it matter?** The sigmoid itself is right to the last digits of the dtype nearly
everywhere. Digits are lost afterwards, in the log: log σ(x) has a formula of its own, and a loss
that takes logits uses it. See the two BCEs on this page.

**What do frameworks do?** They have its log as well: PyTorch `logsigmoid`, JAX `log_sigmoid`,
SciPy `log_expit`.
"""
