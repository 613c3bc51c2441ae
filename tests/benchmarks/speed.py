"""Time core against each peer: `make bench`, or one peer with `python -m tests.benchmarks.speed X`.

One process per peer; in it, core and the peer take turns, after their results were compared.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from statistics import geometric_mean, median
from typing import Any

import numpy as np

from tests.benchmarks.cells import CORE, Cell, cells
from tests.benchmarks.peers import PEERS

SECONDS_PER_CELL = 0.5
LEAST_TURNS = 7
LARGE = 1_000_000  # elements


def compare(peer: str) -> None:
    """Print a line of JSON per cell: the medians of core and of the peer, in seconds."""
    for index, cell in enumerate(cells()):
        arrays = cell.arrays()
        theirs = PEERS[peer](cell, *arrays)
        if theirs is None:
            continue

        def ours(cell: Cell = cell, arrays: tuple[np.ndarray, ...] = arrays) -> Any:
            return CORE[cell.operation](*arrays)

        _require_agreement(peer, cell, ours(), theirs())
        turns = _turns(ours, theirs)
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(turns):
            for which, call in enumerate((ours, theirs)):
                seconds[which].append(_timed(call))
        print(json.dumps([index, median(seconds[0]), median(seconds[1])]), flush=True)


def report(peers: Iterable[str]) -> None:
    """Run every peer in a process of its own, and print the table of ratios."""
    ratios: dict[Cell, dict[str, float]] = {cell: {} for cell in cells()}
    ours: dict[Cell, list[float]] = {cell: [] for cell in ratios}
    order = list(ratios)
    for peer in peers:
        print(f"timing {peer} …", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.speed", peer],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        for line in done.stdout.splitlines():
            index, core_seconds, peer_seconds = json.loads(line)
            ratios[order[index]][peer] = peer_seconds / core_seconds
            ours[order[index]].append(core_seconds)

    names = list(peers)
    print("A peer's time divided by core's (medians; above 1, core is faster)\n")
    print(f"| operation | shape | dtype | logits | targets | core | {' | '.join(names)} | |")
    print(f"|---|---|---|---|---|---|{'---|' * len(names)}---|")
    for cell, by_peer in ratios.items():
        shape = "{:,} × {:,}".format(*cell.shape)
        columns = " | ".join(f"{by_peer[name]:.2f}" if name in by_peer else "" for name in names)
        print(
            f"| {cell.operation} | {shape} | {cell.dtype} | {cell.logits} | {cell.targets} "
            f"| {_duration(median(ours[cell]))} | {columns} | {_verdict(cell, by_peer)} |"
        )
    _print_summary(ratios)


def _print_summary(ratios: dict[Cell, dict[str, float]]) -> None:
    print()
    large = {c: r for c, r in ratios.items() if c.shape[0] * c.shape[1] >= LARGE}
    for operation in dict.fromkeys(cell.operation for cell in ratios):
        chosen = [by_peer for cell, by_peer in large.items() if cell.operation == operation]
        fastest = [min(by_peer.values()) for by_peer in chosen]
        torch = [by_peer["PyTorch"] for by_peer in chosen if "PyTorch" in by_peer]
        mean = f"{geometric_mean(torch):.2f}" if torch else "not timed"
        print(
            f"- {operation}, a million elements and above: against each cell's fastest peer "
            f"{min(fastest):.2f} to {max(fastest):.2f}; against PyTorch, geometric mean, {mean}."
        )
    short = [cell for cell, by_peer in ratios.items() if _verdict(cell, by_peer)]
    print(f"- {len(short)} of {len(ratios)} cells miss their target.")


def _verdict(cell: Cell, by_peer: dict[str, float]) -> str:
    """Return `short` where a cell misses its bar, and which bar that is."""
    fastest = min(by_peer.values(), default=math.inf)
    is_large = cell.shape[0] * cell.shape[1] >= LARGE
    if cell.operation == "CCE":
        bar = 1.5 if is_large else 1 / 1.5
    elif cell.operation in ("BCE", "softmax", "log_softmax") and is_large:
        bar = 1.0
    else:
        fastest, bar = by_peer.get("PyTorch", math.inf), 0.5
    return "" if fastest >= bar else f"short of {bar:.2f}"


def _turns(*calls: Callable[[], Any]) -> int:
    once = sum(_timed(call) for call in calls)
    return max(LEAST_TURNS, min(2000, int(SECONDS_PER_CELL / once)))


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _require_agreement(peer: str, cell: Cell, ours: Any, theirs: Any) -> None:
    # Peers lose digits on confident rows, so they are held to an absolute distance.
    tolerance = 2e-4 if cell.dtype == "float32" else 1e-9
    ours = ours if isinstance(ours, tuple) else (ours,)
    theirs = theirs if isinstance(theirs, tuple | list) else (theirs,)
    for mine, other in zip(ours, theirs, strict=True):
        distance = np.abs(np.asarray(other).reshape(mine.shape) - mine).max()
        if not distance < tolerance:
            raise AssertionError(f"{peer} and core differ by {distance} on {cell}")


def _duration(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        compare(sys.argv[1])
    else:
        report(PEERS)
