"""The row kernels of the losses; `core.losses` says what they compute."""

from __future__ import annotations

import numpy as np

from core import _blocked
from core._blocked import column
from core._checks import Array
from core._threads import Work


def binary_block(
    work: Work,
    logits: Array,
    targets: Array,
    value: Array | None,
    grad: Array | None,
    *,
    pos_weight: Array | None,
    smoothing: float,
) -> None:
    """Fill the binary cross-entropy of a block of elements, and its gradient."""
    # With a = |x|, e = e^−a, q = e/(1 + e) = σ(−a), `wrong` the weight of the side that a speaks
    # against (x ≥ 0: 1 − t; x < 0: w t) and `both` that of both sides (1 without weights):
    # loss = both log1p(e) + wrong a;  gradient = sign(x) (wrong − both q).
    dtype = _blocked.working_dtype(logits)
    x = logits
    if x.dtype != dtype or not x.flags.c_contiguous:
        x = _blocked.load_flat(work, "x", logits)
    t = targets
    if smoothing or t.dtype != dtype:
        t = work("t", x.shape, dtype)
        np.copyto(t, targets, casting="unsafe")
    if np.fmin.reduce(t, axis=None) < 0 or np.fmax.reduce(t, axis=None) > 1:
        raise _blocked.RefusedError
    if smoothing:
        np.multiply(t, 1 - smoothing, out=t)
        np.add(t, smoothing / 2, out=t)
    sign = _blocked.sign_bit(dtype)
    bits = x.view(sign.dtype)
    minus_a = work("minus_a", x.shape, dtype)
    np.bitwise_or(bits, sign, out=minus_a.view(sign.dtype))
    e = np.exp(minus_a, out=work("e", x.shape, dtype))
    # x ≥ 0, but told from the sign bit, as the sign of the gradient is below: −0 is on the left.
    is_right = np.less(bits, sign, out=work("is_right", x.shape, bool))
    wrong = work("wrong", x.shape, dtype)
    both = None
    if pos_weight is None:
        # t is in [0, 1], so the choice between 1 − t and t is a distance.
        np.copyto(wrong, is_right)
        np.subtract(wrong, t, out=wrong)
        np.abs(wrong, out=wrong)
    else:
        negative = 1 - t
        np.multiply(t, pos_weight, out=wrong)
        both = wrong + negative
        np.copyto(wrong, negative, where=is_right)
    if value is not None:
        tail = np.log1p(e, out=work("tail", x.shape, dtype))
        if both is not None:
            np.multiply(tail, both, out=tail)
        growing = np.multiply(minus_a, wrong, out=minus_a)
        if not np.isfinite(np.minimum.reduce(growing, axis=None)):
            # A weight of 0 silences even an infinite logit; a NaN is still in the tail.
            growing[wrong == 0] = 0
        np.subtract(tail, growing, out=value, casting="unsafe")
    if grad is not None:
        q = np.add(e, 1, out=work("q", x.shape, dtype))
        np.divide(e, q, out=q)
        if both is not None:
            np.multiply(q, both, out=q)
        np.subtract(wrong, q, out=wrong)
        side = np.bitwise_and(bits, sign, out=q.view(sign.dtype))
        signed = grad if grad.dtype == dtype else wrong
        np.bitwise_xor(wrong.view(sign.dtype), side, out=signed.view(sign.dtype))
        if signed is not grad:
            np.copyto(grad, signed, casting="unsafe")


def hard_block(
    work: Work,
    logits: Array,
    labels: Array,
    value: Array | None,
    grad: Array | None,
    *,
    class_weight: Array | None,
) -> Array:
    """Fill the cross-entropy of rows with one label each, and its gradient."""
    _refuse_other_than_class_ids(labels, logits.shape[1])
    weight = None if class_weight is None else class_weight[labels]
    return _hard_rows(work, logits, labels, value, grad, weight)


def _hard_rows(
    work: Work,
    logits: Array,
    labels: Array,
    value: Array | None,
    grad: Array | None,
    weight: Array | None,
) -> Array:
    e, _, _, axis = _blocked.load_shifted(work, logits)
    num_rows, num_classes = logits.shape
    # Where each row's label is in the flat block.
    at_label = work("at_label", (num_rows,), np.intp)
    np.copyto(at_label, labels, casting="unsafe")
    rows = _blocked.row_numbers(work, num_rows)
    if axis == 0:
        np.multiply(at_label, num_rows, out=at_label)
        np.add(at_label, rows, out=at_label)
    else:
        np.add(at_label, np.multiply(rows, num_classes), out=at_label)
    flat = e.reshape(-1)
    shifted_label = work("shifted_label", (num_rows,), e.dtype)
    flat.take(at_label, out=shifted_label, mode="clip")
    np.exp(e, out=e)
    e_label = np.exp(shifted_label, out=work("e_label", (num_rows,), e.dtype))
    flat[at_label] = 0
    others = _blocked.sum_rows(work, "others", e, axis)
    if value is not None:
        loss = np.subtract(e_label, 1, out=work("loss", (num_rows,), e.dtype))
        np.add(others, loss, out=loss)
        np.log1p(loss, out=loss)
        np.subtract(loss, shifted_label, out=loss)
        _store_weighted(value, loss, weight)
    needs_care = np.add(others, e_label, out=e_label)
    if grad is not None:
        inverse = np.divide(1, needs_care, out=work("inverse", (num_rows,), e.dtype))
        if weight is not None:
            np.multiply(inverse, weight, out=inverse)
        flat[at_label] = np.negative(others, out=others)
        _blocked.store_product(grad, e, inverse, axis)
    return needs_care


def pair_block(
    work: Work,
    logits: Array,
    labels: Array,
    value: Array | None,
    grad: Array | None,
    *,
    class_weight: Array | None,
) -> Array:
    """Fill the cross-entropy of rows of two logits, and its gradient."""
    _refuse_other_than_class_ids(labels, logits.shape[1])
    # Of two classes the softmax is the sigmoid of the difference x = z_label − z_other.
    dtype = _blocked.working_dtype(logits)
    num_rows = len(logits)
    side = work("side", (num_rows,), dtype)
    np.copyto(side, labels, casting="unsafe")
    np.multiply(side, 2, out=side)
    np.subtract(side, 1, out=side)
    x = np.subtract(
        logits[:, 1], logits[:, 0], out=work("x", (num_rows,), dtype), dtype=dtype, casting="unsafe"
    )
    np.multiply(x, side, out=x)
    e = np.abs(x, out=work("e", (num_rows,), dtype))
    np.negative(e, out=e)
    np.exp(e, out=e)
    weight = None if class_weight is None else class_weight[labels]
    if grad is not None:
        # σ(−x): 1/(1 + e) where x ≤ 0, else e/(1 + e).
        is_wrong = np.less_equal(x, 0, out=work("is_wrong", (num_rows,), bool))
        slope = np.maximum(e, is_wrong, out=work("slope", (num_rows,), dtype))
        denominator = np.add(e, 1, out=work("denominator", (num_rows,), dtype))
        np.divide(slope, denominator, out=slope)
        np.multiply(slope, side, out=slope)
        if weight is not None:
            np.multiply(slope, weight, out=slope)
        np.copyto(grad[:, 0], slope, casting="unsafe")
        np.negative(slope, out=grad[:, 1], casting="unsafe")
    if value is not None:
        loss = np.log1p(e, out=work("loss", (num_rows,), dtype))
        overtaken = np.minimum(x, 0, out=work("overtaken", (num_rows,), dtype))
        np.subtract(loss, overtaken, out=loss)
        _store_weighted(value, loss, weight)
    return x


def soft_block(
    work: Work,
    logits: Array,
    targets: Array,
    value: Array | None,
    grad: Array | None,
    *,
    class_weight: Array | None,
    smoothing: float,
) -> Array:
    """Fill the cross-entropy of rows with target distributions, and its gradient."""
    t, total, axis = _blocked.load_distributions(
        work, "targets", targets, _blocked.working_dtype(logits)
    )
    if smoothing or class_weight is not None:
        t, total = _reweighted(work, t, axis, class_weight, smoothing)
    needs_care = _distribution_loss(work, logits, t, total, axis, value, grad)
    # A one-hot row is a label, and as a label it keeps the digits of a confident gradient.
    rows = _one_hot_rows(work, t, total, axis)
    if len(rows):
        labels = targets[rows].argmax(axis=-1)
        weight = total[rows]
        value_rows = None if value is None else np.empty(len(rows), value.dtype)
        grad_rows = None if grad is None else np.empty((len(rows), logits.shape[1]), grad.dtype)
        needs_care[rows] = _hard_rows(Work(), logits[rows], labels, value_rows, grad_rows, weight)
        if value is not None:
            value[rows] = value_rows
        if grad is not None:
            grad[rows] = grad_rows
    return needs_care


def _one_hot_rows(work: Work, t: Array, total: Array, axis: int) -> Array:
    # A look at the block's largest target is cheaper than one at each row's.
    if np.fmax.reduce(t, axis=None) < 0.99 * np.fmin.reduce(total):
        return np.arange(0)
    if axis == 0 or t.shape[1] > _blocked.WIDEST_DOT:
        return np.flatnonzero(np.maximum.reduce(t, axis=axis) == total)
    # Σ t² is about (Σ t)² where one term is nearly all: those rows are looked at.
    squares = np.vecdot(t, t, out=work("squares", total.shape, t.dtype))
    near = np.flatnonzero(squares >= 0.99 * total * total)
    return near[np.maximum.reduce(t[near], axis=1) == total[near]] if len(near) else near


def smoothed_block(
    work: Work,
    logits: Array,
    labels: Array,
    value: Array | None,
    grad: Array | None,
    *,
    class_weight: Array | None,
    smoothing: float,
) -> Array:
    """Fill the cross-entropy of rows with smoothed labels, and its gradient."""
    _refuse_other_than_class_ids(labels, logits.shape[1])
    one_hot = labels[:, np.newaxis] == np.arange(logits.shape[1])
    t, axis = _blocked.load(work, "targets", one_hot, _blocked.working_dtype(logits))
    t, total = _reweighted(work, t, axis, class_weight, smoothing)
    return _distribution_loss(work, logits, t, total, axis, value, grad)


def _reweighted(
    work: Work, t: Array, axis: int, class_weight: Array | None, smoothing: float
) -> tuple[Array, Array]:
    """Targets after smoothing and weights, and their sums."""
    num_classes = t.shape[axis]
    t = np.multiply(t, 1 - smoothing, out=work("reweighted", t.shape, t.dtype))
    np.add(t, smoothing / num_classes, out=t)
    if class_weight is not None:
        np.multiply(t, class_weight[:, np.newaxis] if axis == 0 else class_weight, out=t)
    return t, _blocked.sum_rows(work, "reweighted_sum", t, axis)


def _distribution_loss(
    work: Work,
    logits: Array,
    t: Array,
    total: Array,
    axis: int,
    value: Array | None,
    grad: Array | None,
) -> Array:
    shifted, _, top, _ = _blocked.load_shifted(work, logits)
    e = np.exp(shifted, out=work("exponentials", shifted.shape, shifted.dtype))
    needs_care = rest = _blocked.sum_rest(work, e, top)
    if value is not None:
        loss = np.log1p(rest, out=work("loss", rest.shape, rest.dtype))
        np.multiply(loss, total, out=loss)
        np.subtract(loss, _blocked.dot_rows(work, "terms", t, shifted, axis), out=loss)
        np.copyto(value, loss, casting="unsafe")
        needs_care = loss
    if grad is not None:
        factor = np.add(rest, 1, out=work("factor", rest.shape, rest.dtype))
        np.divide(total, factor, out=factor)
        np.multiply(e, column(factor, axis), out=e)
        if axis == 1 and grad.dtype == e.dtype:
            np.subtract(e, t, out=grad)
        else:
            np.subtract(e, t, out=e)
            _blocked.store(grad, e, axis)
    return needs_care


def _refuse_other_than_class_ids(labels: Array, num_classes: int) -> None:
    if labels.min() < 0 or labels.max() >= num_classes:
        raise _blocked.RefusedError


def _store_weighted(out: Array, loss: Array, weight: Array | None) -> None:
    if weight is not None:
        # A weight of 0 silences even an infinite loss.
        loss = np.where((weight == 0) & ~np.isnan(loss), 0, loss * weight)
    np.copyto(out, loss, casting="unsafe")


def weighted(weights: Array, values: Array) -> Array:
    """Return weights · values, where a weight of 0 silences even an infinite value."""
    with np.errstate(invalid="ignore", under="ignore"):
        product = weights * values
    return np.where((weights == 0) & ~np.isnan(values), 0, product)
