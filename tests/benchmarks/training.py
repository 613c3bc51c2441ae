"""Time an epoch of training against each peer's: `make bench`, or one peer with its name.

One process per peer. In it ours and the peer start from the same weights and take turns, an epoch
each, over the same rows in the same order; in the end their losses must agree.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import product
from statistics import median
from typing import Any

import numpy as np

from core.heads import HEADS
from core.losses import categorical_cross_entropy
from experiments import models
from experiments.descent import Adam, State, run_epoch
from experiments.models import Params

NUM_CLASSES = 10
LEARNING_RATE = 1e-3  # what Adam starts from in both peers
SEED = 1
NUM_EPOCHS = {"digits": 20, "synthetic": 7}
BARS = {32: 2.0, 1024: 1.0}  # batch size → how many times as fast as a peer ours should be

Order = Callable[[], np.ndarray]  # gives the rows of the next epoch


@dataclass(frozen=True)
class Cell:
    """One line of the table."""

    data: str
    hidden: int
    batch_size: int

    @property
    def layers(self) -> list[str]:
        """How `experiments.models` names them."""
        return ["hidden", "output"] if self.hidden else ["output"]


CELLS = [Cell(*values) for values in product(NUM_EPOCHS, (0, 128), BARS)]


@cache
def rows_of(data: str) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs, (N, 64) in float32, and labels, the same each time."""
    if data == "digits":
        from sklearn.datasets import load_digits
        from sklearn.preprocessing import StandardScaler

        pixels, labels = load_digits(return_X_y=True)
        return StandardScaler().fit_transform(pixels).astype(np.float32), labels
    rng = np.random.default_rng(SEED)
    inputs = rng.normal(size=(100_000, 64))
    scores = inputs @ rng.normal(size=(64, NUM_CLASSES))
    labels = (scores + rng.gumbel(0, 3, scores.shape)).argmax(axis=1)
    return inputs.astype(np.float32), labels


@dataclass
class Turns:
    """Seconds of an epoch each: the peer's, and ours after every one of them."""

    our_epoch: Callable[[], None]
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    started: float = 0.0

    def start(self) -> None:
        """Have the peer's first epoch begin."""
        self.started = time.perf_counter()

    def ended(self) -> None:
        """Take the time of the peer's epoch, and our turn; then its next one begins."""
        now = time.perf_counter()
        self.theirs.append(now - self.started)
        self.our_epoch()
        self.started = time.perf_counter()
        self.ours.append(self.started - now)


def our_epoch(cell: Cell, initial: Params, order: Order) -> tuple[Params, Callable[[], None]]:
    """Return parameters, and an epoch of what `experiments.training` runs, which moves them."""
    inputs, labels = rows_of(cell.data)
    vector, params = models.in_one_vector(initial)
    state = State(0, vector, params, Adam(len(vector), LEARNING_RATE), np.random.default_rng())
    loss = HEADS["softmax_cce"].loss_value_and_grad
    return params, lambda: run_epoch(state, loss, inputs, labels, order(), cell.batch_size)


def torch_epochs(cell: Cell, initial: Params, order: Order, turns: Turns, **adam: Any) -> Params:
    """Train as one does with PyTorch, the rows of each batch out of one tensor."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    inputs, labels = (torch.from_numpy(array) for array in rows_of(cell.data))
    layers: list[Any] = []
    for name in cell.layers:
        layer = torch.nn.Linear(*initial[f"{name}_weight"].shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(initial[f"{name}_weight"].T))
            layer.bias.copy_(torch.from_numpy(initial[f"{name}_bias"]))
        layers.append(layer)
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1]) if cell.hidden else layers[0]
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, **adam)
    turns.start()
    for _ in range(NUM_EPOCHS[cell.data]):
        for rows in torch.from_numpy(order()).split(cell.batch_size):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        turns.ended()
    return _params(
        cell,
        [layer.weight.detach().numpy().T for layer in layers],
        [layer.bias.detach().numpy() for layer in layers],
    )


def sklearn_epochs(
    cell: Cell, initial: Params, order: Order, turns: Turns, *, shuffle: bool
) -> Params:
    """Fit an `MLPClassifier`; the orders that it draws by itself are those of `reshuffled`."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    class Timed(MLPClassifier):
        # It calls this at the end of an epoch to see whether to stop. To go by epochs with
        # `partial_fit` would have it check and encode all rows each time.
        def _update_no_improvement_count(self, *_: Any) -> None:
            if self.max_iter > 1:
                turns.ended()

    model = Timed(
        [cell.hidden] if cell.hidden else [],
        alpha=0,
        batch_size=cell.batch_size,
        learning_rate_init=LEARNING_RATE,
        max_iter=1,
        shuffle=shuffle,
        random_state=SEED,
        warm_start=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # The first fit makes the weights that are replaced; the second starts Adam anew.
        model.fit(*rows_of(cell.data))
        model.coefs_ = [initial[f"{name}_weight"].copy() for name in cell.layers]
        model.intercepts_ = [initial[f"{name}_bias"].copy() for name in cell.layers]
        model.set_params(max_iter=NUM_EPOCHS[cell.data])
        turns.start()
        model.fit(*rows_of(cell.data))
    return _params(cell, model.coefs_, model.intercepts_)


def _params(cell: Cell, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> Params:
    params: Params = {}
    for name, weight, bias in zip(cell.layers, weights, biases, strict=True):
        params |= {f"{name}_weight": weight, f"{name}_bias": bias}
    return params


def permuted(num_rows: int) -> Order:
    """Draw orders as `experiments.training` does."""
    return partial(np.random.default_rng(SEED).permutation, num_rows)


def reshuffled(num_rows: int) -> Order:
    """Shuffle the last order again, as scikit-learn does."""
    from sklearn.utils import check_random_state, shuffle

    rng = check_random_state(SEED)
    order = np.arange(num_rows)

    def following() -> np.ndarray:
        nonlocal order
        order = shuffle(order, random_state=rng)
        return order

    return following


def unshuffled(num_rows: int) -> Order:
    """Leave the rows where they are."""
    return partial(np.arange, num_rows)


@dataclass(frozen=True)
class Peer:
    """Ways to train with a library, of which the fastest counts, and the orders they go by."""

    orders: Callable[[int], Order]
    ways: list[Callable[..., Params]]


PEERS = {
    "PyTorch": Peer(
        permuted,
        [torch_epochs, partial(torch_epochs, foreach=True), partial(torch_epochs, fused=True)],
    ),
    "scikit-learn": Peer(reshuffled, [partial(sklearn_epochs, shuffle=True)]),
    "scikit-learn, unshuffled": Peer(unshuffled, [partial(sklearn_epochs, shuffle=False)]),
}


def compare(peer: str) -> None:
    """Print a line of JSON per cell and way: seconds an epoch and final losses, ours and theirs."""
    orders = PEERS[peer].orders
    for index, cell in enumerate(CELLS):
        num_rows, num_features = rows_of(cell.data)[0].shape
        rng = np.random.default_rng(SEED)
        initial = models.init_params(rng, num_features, cell.hidden, NUM_CLASSES)
        for way in PEERS[peer].ways:
            ours, epoch = our_epoch(cell, initial, orders(num_rows))
            turns = Turns(epoch)
            theirs = way(cell, initial, orders(num_rows), turns)
            losses = [_loss(ours, cell), _loss(theirs, cell)]
            _require_agreement(peer, cell, *losses)
            print(
                json.dumps([index, median(turns.ours), median(turns.theirs), *losses]), flush=True
            )


def report(peers: Iterable[str]) -> None:
    """Run every peer in a process of its own, and print the table of ratios."""
    ours: dict[Cell, list[float]] = {cell: [] for cell in CELLS}
    ratios: dict[Cell, dict[str, float]] = {cell: {} for cell in CELLS}
    losses: dict[Cell, dict[str, str]] = {cell: {} for cell in CELLS}
    for peer in peers:
        print(f"training beside {peer} …", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.training", peer],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        for line in done.stdout.splitlines():
            index, our_seconds, peer_seconds, our_loss, peer_loss = json.loads(line)
            cell = CELLS[index]
            ours[cell].append(our_seconds)
            ratio = peer_seconds / our_seconds
            ratios[cell][peer] = min(ratio, ratios[cell].get(peer, math.inf))
            losses[cell][peer] = f"{our_loss:.4g}, {peer_loss:.4g}"

    names = list(peers)
    print("Epochs per second, relative to each peer (medians; above 1, the lab is faster)\n")
    print(f"| rows | hidden | batch | the lab, epochs/s | {' | '.join(names)} | |")
    print(f"|---|---|---|---|{'---|' * len(names)}---|")
    for cell, by_peer in ratios.items():
        columns = " | ".join(f"{by_peer[name]:.2f}" for name in names)
        print(
            f"| {_title(cell)} | {1 / median(ours[cell]):.3g} | {columns} "
            f"| {_verdict(cell, by_peer)} |"
        )
    print("\nThe mean loss over all rows at the end: the lab's, the peer's\n")
    print(f"| rows | hidden | batch | epochs | {' | '.join(names)} |")
    print(f"|---|---|---|---|{'---|' * len(names)}")
    for cell, said in losses.items():
        columns = " | ".join(said[name] for name in names)
        print(f"| {_title(cell)} | {NUM_EPOCHS[cell.data]} | {columns} |")
    short = [cell for cell, by_peer in ratios.items() if _verdict(cell, by_peer)]
    print(f"\n- {len(short)} of {len(ratios)} cells miss their target.")


def _title(cell: Cell) -> str:
    shape = "{:,} × {:,}".format(*rows_of(cell.data)[0].shape)
    return f"{cell.data}, {shape} | {cell.hidden or 'none'} | {cell.batch_size:,}"


def _verdict(cell: Cell, by_peer: dict[str, float]) -> str:
    """Return `short` where a cell misses its bar, and which bar that is."""
    bar = BARS[cell.batch_size]
    return "" if min(by_peer.values()) >= bar else f"short of {bar:.2f}"


def _loss(params: Params, cell: Cell) -> float:
    """Return the mean loss over the rows trained on, computed in float64."""
    inputs, labels = rows_of(cell.data)
    exact = {name: value.astype(np.float64) for name, value in params.items()}
    logits, _ = models.forward(exact, inputs.astype(np.float64))
    return float(categorical_cross_entropy(logits, labels).mean())


def _require_agreement(peer: str, cell: Cell, ours: float, theirs: float) -> None:
    third_digit = 10.0 ** (math.floor(math.log10(ours)) - 2)
    if not abs(ours - theirs) <= third_digit / 2:
        raise AssertionError(f"ours ends at a loss of {ours}, {peer} at {theirs}, on {cell}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        compare(sys.argv[1])
    else:
        report(PEERS)
