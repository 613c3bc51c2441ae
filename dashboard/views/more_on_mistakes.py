"""What a reader of the page Mistakes asks next: why it is so, when it matters, what others do."""

from __future__ import annotations

import math

import numpy as np

from dashboard.frames import mistakes as frames
from dashboard.frames.common import NATS_PER_BIT, written

# What Keras clips probabilities at, unless it is told that they are logits.
KERAS_EPSILON = 1e-7
# How likely each class is to a network with the starting bias of Lin et al. (2017).
PRIOR = 0.01


def softmax_twice(num_classes: int) -> str:
    """Return what comes after the floor of a softmax applied twice."""
    least, start = frames.floor("softmax_twice_cce", num_classes), frames.plateau(num_classes)
    twice, once = (frames.pulls(head, num_classes) for head in ("softmax_twice_cce", "softmax_cce"))
    return f"""
**How far can it fall?** From {written(start, 3)} to {written(least, 3)}, by
{written(start - least, 3)} nats; with any number of classes, by less than 1. At the floor the loss
takes the true class to have a probability of {written(math.exp(-least), 3)}.

**Why does it learn so slowly?** The gradient passes through a second softmax, whose derivatives
are products of probabilities. At the start it pulls the true class by
{written(twice["untrained"], 3)}, one K-th of CCE's {written(once["untrained"], 3)}. Where another
class is {frames.SURE:g} ahead, CCE pulls by {written(once["wrong"], 3)}, and this loss by
{written(twice["wrong"], 3)}: a confident mistake stays.

**Who applies the softmax?** PyTorch's `CrossEntropyLoss` and Optax's
`softmax_cross_entropy` expect logits. Keras expects probabilities unless `from_logits=True`: a
softmax layer before its loss is right without that option, and this mistake with it.

**Log-softmax twice does no harm.** Its outputs are logits whose exponentials already sum to 1,
so the second one leaves them as they are.
"""


def sigmoid_cce(num_classes: int) -> str:
    """Return what comes after the floor of a sigmoid before CCE."""
    found, right = (frames.pulls(head, num_classes) for head in ("sigmoid_cce", "softmax_cce"))
    ties = written(frames.where_sigmoid_is_one(np.float32), 1)
    return f"""
**Why the same floor?** At best the loss sees 1 for the true class and 0 for the others, and not
which function made them. With two classes the floor is
{written(frames.floor("sigmoid_cce", 2), 3)}, easily taken for a loss that is merely slow.

**What about the gradient?** It is multiplied by the derivative of the sigmoid, at most a quarter:
at the start it is {written(found["untrained"], 3)} instead of {written(right["untrained"], 3)}.
Where another class is {frames.SURE:g} ahead, it is {written(found["wrong"], 4)} instead of
{written(right["wrong"], 4)}.

**Does accuracy suffer?** A sigmoid keeps the order of the logits, so the most probable class stays
the same, until two sigmoids round to 1: in float32 from a logit of {ties} on. Then their order is
lost.

**What do frameworks do?** Without `from_logits=True`, Keras divides such outputs by their sum
before it takes the log: a loss without this floor, but not the one you meant. PyTorch's
`CrossEntropyLoss` does what is shown here. A sigmoid belongs before `BCELoss`, or better inside
`BCEWithLogitsLoss`.
"""


def one_hot_bce(num_classes: int) -> str:
    """Return what comes after one-hot targets under BCE."""
    start = written(frames.untrained_bce(), 3)
    return f"""
**How do you recognize it in a log?** The loss starts at ln 2 = {start} with any number of classes,
where CCE starts at ln K = {written(frames.plateau(num_classes), 3)}. It has fallen to
{written(frames.averaged_bce(num_classes)["loss"], 3)} once the bias alone has learned that every
class is rare.

**Which accuracy is it?** Keras' `BinaryAccuracy` and a threshold of 0.5 count answers, and “no” is
nearly always right. `CategoricalAccuracy` and an argmax count rows.

**Is BCE wrong, then?** Not with the sum over the classes, and not where several may hold. Wightman,
Touvron and Jégou (2021, arXiv:2110.00476) train ResNet-50 on ImageNet with BCE on purpose: mixed
images hold more than one class. Lin et al. (2017, arXiv:1708.02002) start from a bias of
−ln((1 − π)/π), −{written(math.log((1 - PRIOR) / PRIOR), 2)} for π = {PRIOR:g}, so that the many
negatives do not swamp the first steps. PyTorch's `BCEWithLogitsLoss` takes the mean over rows and
classes unless `reduction` says otherwise.
"""


def exclusive_sigmoid(num_classes: int) -> str:
    """Return what comes after sigmoids on exclusive classes."""
    both = frames.two_winners(num_classes)
    sums = both.groupby("activation")["probability"].sum()
    return f"""
**When does it matter?** Not for the most probable class: it is the same one. It matters as soon as
the numbers are used as probabilities: an expected cost, a threshold, a draw, a calibration error.
Here they sum to {written(sums["sigmoid"], 3)}; probabilities of exclusive classes sum to 1.

**Is one-vs-rest a mistake?** No. Rifkin and Klautau (2004, *In Defense of One-Vs-All
Classification*, JMLR 5) find it as accurate as more intricate schemes, if each classifier is well
tuned. To read the answers as one distribution, divide them by their sum, as scikit-learn's
`OneVsRestClassifier` does for exclusive classes. The page Train has that head too.

**And the other way round?** A softmax where several labels may hold is the worse mistake: only one
of them can have more than one half, and raising one lowers the others.

**With two classes** the softmax is the sigmoid of the difference of their logits: one logit is
enough, and a sigmoid on it is right.
"""


def log_of_zero(num_classes: int) -> str:
    """Return what comes after the log of a probability that was rounded to 0."""
    curves = frames.naive_curves(num_classes)
    last = curves.loc[curves["curve"] == "textbook", "gap"].max()
    tiniest = float(np.finfo(np.float32).smallest_subnormal)
    return f"""
**Why there?** The smallest positive float32 is {tiniest:.1e}; e^−x rounds to 0 soon after
x = {written(-math.log(tiniest), 1)}, and with {num_classes} classes the curve ends at
{written(last, 1)}. One row in a batch is enough: the mean is infinite, and its gradient is
1/0 · 0, which is NaN.

**What do frameworks do?** PyTorch's `BCELoss` clamps its logs at −100, as its documentation says.
Keras clips probabilities at {KERAS_EPSILON:g}, so no loss exceeds
{written(-math.log(KERAS_EPSILON), 1)}, and beyond it the gradient is 0: the rows that are most
wrong teach nothing. Both frameworks take logits too, and then need neither.

**Is the usual remedy enough?** Log-sum-exp subtracts the maximum first, and nothing overflows any
more; Blanchard, Higham and Higham (2021, doi:10.1093/imanum/draa038) analyse its rounding. The loss
of a confident row, a small difference of large numbers, is still lost: the page Precision shows
where.
"""


def plateau(num_classes: int) -> str:
    """Return what comes after the plateau at ln K."""
    half, nats = frames.lopsided_plateau(num_classes), frames.plateau(num_classes)
    return f"""
**Is the plateau always at ln K?** Only if the classes are equally frequent. Otherwise a model that
learns nothing from the input still learns how frequent they are, and stays at the entropy of those
frequencies: {written(half, 3)} with half of the rows in one of {num_classes} classes. In bits, ln K
is log2 K = {written(nats / NATS_PER_BIT, 3)}.

**Where should a loss start?** Near ln K: an untrained network knows nothing. Karpathy's *A Recipe
for Training Neural Networks* (2019) checks that before any training, and then that a single batch
can be learned by heart. A start far above means that the first logits of the last layer are too
large.

**And above it?** A loss that stays above ln K is worse than a guess. The model is sure and wrong:
look for shifted labels and permuted columns, as the page Diagnose does.

**A trap.** Shuffled labels show as a plateau of the validation loss. The training loss may go to 0
all the same: Zhang et al. (2017, arXiv:1611.03530) had networks learn random labels by heart.
"""


def sum_for_mean(num_classes: int) -> str:
    """Return what comes after a sum in place of a mean."""
    losses = frames.batch_losses(num_classes)
    per_row = losses[losses["curve"] == "sum"].set_index("rows")["loss"]
    return f"""
**How do you recognize it in a log?** By the start: {written(per_row[32], 2)} at 32 rows and
{written(per_row[64], 2)} at 64, where both should be ln K. Frameworks take the mean by
default: PyTorch's `reduction="mean"`, Keras' `"sum_over_batch_size"`.

**What does it affect?** Plain gradient descent, clipping by the norm of the gradient, and a weight
decay that is added to the loss and weighs less beside a sum. Adam hardly: its steps stay the same
if the gradient is scaled (Kingma and Ba, 2015, arXiv:1412.6980).

**Larger batches, larger steps?** Goyal et al. (2017, arXiv:1706.02677) scale the learning rate with
the batch size, with a mean and a warm-up. A sum does that by accident, and without the warm-up.

**A mean of means is not the mean.** Where batches have different numbers of rows, or sequences of
tokens, averaging their means gives the small ones more weight. Transformers accumulated gradients
like that until October 2024 (Hugging Face, *Fixing Gradient Accumulation*). Sum, and divide once by
the total count. With class weights, PyTorch divides by the sum of the labels' weights.
"""
