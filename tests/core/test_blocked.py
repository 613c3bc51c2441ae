"""Threads, forks, pools and memory: what large arrays are computed with."""

import multiprocessing
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from core import get_num_threads, set_num_threads
from core.activations import log_softmax, sigmoid, softmax
from core.entropy import entropy, entropy_from_logits
from core.losses import (
    binary_cross_entropy_value_and_grad,
    categorical_cross_entropy_value_and_grad,
)

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (200_000, 10)).astype(np.float32)
LABELS = RNG.integers(0, 10, len(LOGITS))
TARGETS = softmax(RNG.normal(0, 1, LOGITS.shape).astype(np.float32))
MIB = 1 << 20

CALLS: dict[str, Callable[[], Any]] = {
    "CCE": lambda: categorical_cross_entropy_value_and_grad(LOGITS, LABELS),
    "CCE of distributions": lambda: categorical_cross_entropy_value_and_grad(LOGITS, TARGETS),
    "CCE smoothed": lambda: categorical_cross_entropy_value_and_grad(
        LOGITS, LABELS, label_smoothing=0.1
    ),
    "BCE": lambda: binary_cross_entropy_value_and_grad(LOGITS, TARGETS),
    "softmax": lambda: softmax(LOGITS),
    "log_softmax": lambda: log_softmax(LOGITS),
    "sigmoid": lambda: sigmoid(LOGITS),
    "entropy": lambda: entropy(TARGETS),
    "entropy_from_logits": lambda: entropy_from_logits(LOGITS),
    "softmax of float16": lambda: softmax(LOGITS.astype(np.float16)),
}


def as_tuple(result: Any) -> tuple[np.ndarray, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    yield
    set_num_threads(None)


@pytest.mark.parametrize("name", CALLS)
def test_threads_change_nothing(name: str) -> None:
    set_num_threads(1)
    alone = as_tuple(CALLS[name]())
    set_num_threads(4)
    for first, second in zip(alone, as_tuple(CALLS[name]()), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", CALLS)
def test_memory_is_the_result_and_a_little_for_each_thread(name: str) -> None:
    set_num_threads(2)
    CALLS[name]()  # threads and what they import are there from now on
    tracemalloc.start()
    result = CALLS[name]()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    given = LOGITS.size * 2 if "float16" in name else 0
    assert peak <= sum(array.nbytes for array in as_tuple(result)) + given + 2 * 8 * MIB


def test_the_number_of_threads_can_be_set() -> None:
    set_num_threads(3)
    assert get_num_threads() == 3
    set_num_threads(None)
    assert get_num_threads() >= 1
    with pytest.raises(ValueError, match="num_threads must be at least 1, or None; got 0"):
        set_num_threads(0)


def _threads_and_sum(task: int) -> tuple[int, float]:
    value, _ = categorical_cross_entropy_value_and_grad(LOGITS, LABELS)
    return get_num_threads(), float(value.sum())


@pytest.mark.parametrize("kind", ["threads", "spawn", "fork"])
def test_a_worker_of_a_pool_uses_one_thread(kind: str) -> None:
    set_num_threads(2)
    expected = _threads_and_sum(0)[1]
    pool: Any
    if kind == "threads":
        pool = ThreadPoolExecutor(2)
    else:
        pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(kind))
    # The threads made above don't survive the fork: a child that waited for them would hang.
    with warnings.catch_warnings(), pool:
        warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork.*")
        answers = list(pool.map(_threads_and_sum, range(4), timeout=120))
    assert {count for count, _ in answers} == {1}
    assert {loss for _, loss in answers} == {expected}


INTERRUPTED = """
import numpy as np
from core import set_num_threads
from core.losses import categorical_cross_entropy
from tests.interrupts import interrupted_everywhere

logits, labels = np.ones((60_000, 10), np.float32), np.zeros(60_000, int)
set_num_threads(2)
categorical_cross_entropy(logits, labels)
assert interrupted_everywhere(lambda: categorical_cross_entropy(logits, labels)) > 100
assert np.allclose(categorical_cross_entropy(logits, labels), np.log(10))
"""


def test_an_interrupt_at_any_step_leaves_nothing_locked() -> None:
    subprocess.run([sys.executable, "-c", INTERRUPTED], check=True, timeout=120)


def test_an_error_in_a_block_far_down_is_found_and_named() -> None:
    targets = TARGETS.copy()
    targets[-3, 4] = 0.9
    with pytest.raises(ValueError, match=r"targets must sum to 1 .* at index 199997"):
        categorical_cross_entropy_value_and_grad(LOGITS, targets)
    targets[-3] = TARGETS[-3]
    targets[70_000, 1] = -0.5
    with pytest.raises(ValueError, match=r"targets must lie .* got -0.5 at index \(70000, 1\)"):
        categorical_cross_entropy_value_and_grad(LOGITS, targets)


@pytest.mark.parametrize(
    "form",
    [
        lambda z: np.asfortranarray(z),
        lambda z: z[::-1][::-1],
        lambda z: np.repeat(z, 2, axis=1)[:, ::2],
        lambda z: z.astype(z.dtype.newbyteorder(">")),
        lambda z: z.reshape(20, -1, z.shape[-1]),
    ],
    ids=["column-major", "reversed", "strided", "big-endian", "three axes"],
)
@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_the_form_of_the_input_changes_nothing(
    form: Callable[[np.ndarray], np.ndarray], num_classes: int
) -> None:
    logits = RNG.normal(0, 3, (400, num_classes)).astype(np.float32)
    labels = RNG.integers(0, num_classes, 400)
    shaped = form(logits)
    value, grad = categorical_cross_entropy_value_and_grad(
        shaped, labels.reshape(shaped.shape[:-1])
    )
    expected = categorical_cross_entropy_value_and_grad(logits, labels)
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value.reshape(-1), expected[0])
    np.testing.assert_array_equal(grad.reshape(logits.shape), expected[1])
    np.testing.assert_array_equal(log_softmax(shaped).reshape(logits.shape), log_softmax(logits))
