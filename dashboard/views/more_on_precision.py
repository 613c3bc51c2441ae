"""What a reader of the page Precision asks next: why, when it matters, what others do."""

from __future__ import annotations

import math

import numpy as np

from experiments.precision import DTYPES

# What bfloat16 keeps of float32: its range, and 8 of its 24 binary digits.
BFLOAT16_EPS = 2.0**-7

_MATTERS = """
**When does it matter?** Hardly for one step of training: a row whose loss is rounded to 0 would
have moved next to nothing. It does where such numbers are added up or compared: which of two
confident rows is the surer one, a likelihood ratio, what a student learns from a teacher, a
gradient that becomes exactly 0. Confident rows are no rarity: Guo et al. (2017, arXiv:1706.04599)
found modern networks overconfident. The page Diagnose counts yours.
"""
_LOG_OF_ONE = f"""
**And ours?** $\\mathrm{{log1p}}(y)$ is $\\log(1 + y)$ without that sum, as exact as y where y is
tiny (Goldberg, 1991, *What Every Computer Scientist Should Know About Floating-Point Arithmetic*,
theorem 4). The 1 is never added, so that nothing has to be taken off again.
{_MATTERS}"""
_OF_SOFTMAX = """
**What do frameworks do?** PyTorch, JAX and SciPy compute log-softmax as log-sum-exp; where they
differ from `core`, `docs/numerics.md` has the measured errors. `CrossEntropyLoss` is PyTorch's
`LogSoftmax` and `NLLLoss` in one. In mixed precision PyTorch's autocast takes `exp`,
`log_softmax` and `cross_entropy` back to float32, as its documentation lists.
"""
_OF_BCE = """
**What do frameworks do?** PyTorch's `BCELoss` takes p, and holds its logs at −100 or above;
`BCEWithLogitsLoss` takes the logit, “more numerically stable” in its own words. Keras clips p at
1e-7 unless `from_logits=True`. In mixed precision PyTorch's autocast takes
`binary_cross_entropy_with_logits` back to float32, and refuses `binary_cross_entropy`.
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
**Why does $1 + e^{{-x}}$ round to 1?** The next number after 1 is an eps away, and what is below
half an eps is lost in the sum: from x = {ends}. bfloat16 reaches as far as float32, with fewer
digits: {gone_from(BFLOAT16_EPS):.1f}.
"""


_OTHER_SIDE = """
**Never take p off 1.** 1 − σ(x) is σ(−x): computed as a sigmoid it has all its digits, as a
difference none once p is rounded to 1.
"""
_TWICE = """
**Twice does no harm.** The exponentials of its outputs sum to 1, so that their log-sum-exp is 0 and
a second log-softmax changes nothing. Of softmax that is not true: see Mistakes.
"""
_SOFTMAX = """
**Why may m be taken off?** The same number taken off every logit cancels in the fraction. After
that no exponential is above $e^0 = 1$, and one of them is exactly that: nothing overflows, and the
sum is never 0. Blanchard, Higham and Higham (2021, doi:10.1093/imanum/draa038) analyse how it
rounds; PyTorch, JAX and SciPy all do it.

**When does it matter?** In attention, where a softmax is taken of products that grow with their
length: Vaswani et al. (2017, arXiv:1706.03762) divide them by its square root. FlashAttention (Dao
et al., 2022, arXiv:2205.14135) sees the logits part by part, and carries the maximum along.

**What is left?** A row of nothing but −inf, as a mask that hides everything makes it, has no
maximum to take off: NaN in PyTorch, and here. A probability that is too small becomes 0,
and its log is lost: whoever needs the log takes log-softmax.
"""
_SIGMOID = """
**When does it matter?** The sigmoid itself is right to the last digits of the dtype nearly
everywhere. What is lost is lost afterwards, in the log: log σ(x) has a formula of its own, and a
loss that takes logits uses it. See the two BCEs on this page.

**What do frameworks do?** They have the log beside it: PyTorch `logsigmoid`, JAX `log_sigmoid`,
SciPy `log_expit`.
"""
