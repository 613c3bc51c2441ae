"""Time the tracker beside `mlflow.log_metric`: `make bench`, on SQLite and on a default server.

Metrics a second until the store has them all, and what a call costs a loop that trains between.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np

KEYS = [f"{split}/metric_{i}" for split in ("train", "val") for i in range(6)]
TURNS = 3
STEPS = 2000  # of the tracker
LEAST_SECONDS = 3.0  # of mlflow.log_metric
ASKED_RATIO, ASKED_MICROSECONDS = 25, 10


@contextmanager
def stores(folder: Path) -> Iterator[dict[str, str]]:
    """Give the address of a SQLite store, and of a server as `mlflow server` starts it."""
    from tests.experiments.servers import Server

    running = Server(folder, is_default=True)
    running.start()
    try:
        yield {
            "SQLite": f"sqlite:///{folder / 'bench.db'}",
            "default local server": running.address,
        }
    finally:
        running.kill()


def logged_by_mlflow() -> float:
    """Return how many metrics a second `mlflow.log_metric` logs."""
    import mlflow

    from experiments import tracking

    mlflow.set_tracking_uri(tracking.tracking_uri())
    mlflow.set_experiment(tracking.EXPERIMENT)
    count = 0
    with mlflow.start_run():
        start = time.perf_counter()
        while (seconds := time.perf_counter() - start) < LEAST_SECONDS:
            mlflow.log_metric(KEYS[count % len(KEYS)], 1 / (count + 1), step=count // len(KEYS))
            count += 1
    return count / seconds


def logged_by_tracker() -> float:
    """Return how many metrics a second the tracker logs, until the store has the last."""
    from experiments import tracking

    with tracking.track("bench") as run:
        start = time.perf_counter()
        for step in range(STEPS):
            run.log_metrics(dict.fromkeys(KEYS, 1 / (step + 1)), step)
        run._sender.close()
        seconds = time.perf_counter() - start
    stored = tracking.connect().get_metric_history(run.run_id, KEYS[0])
    if len(stored) != STEPS:
        raise AssertionError(f"{len(stored)} of {STEPS} steps are in the store")
    return STEPS * len(KEYS) / seconds


def cost_of_a_call() -> float:
    """Return the median µs a metric that `log_metrics` takes in a loop that trains between."""
    from experiments import tracking

    weights = np.ones((256, 256), np.float32)
    seconds = []
    with tracking.track("bench") as run:
        for step in range(STEPS // 4):
            for _ in range(4):
                weights @ weights
            metrics = dict.fromkeys(KEYS, 1 / (step + 1))
            start = time.perf_counter()
            run.log_metrics(metrics, step)
            seconds.append(time.perf_counter() - start)
    return median(seconds) / len(KEYS) * 1e6


def main() -> None:
    """Print the table."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    print("| store | mlflow.log_metric | the tracker | ratio | cost to the loop per metric | |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, stores(Path(folder)) as addresses:
        os.chdir(folder)
        for name, address in addresses.items():
            print(f"timing {name} …", file=sys.stderr, flush=True)
            os.environ["MLFLOW_TRACKING_URI"] = address
            theirs, ours = [], []
            for _ in range(TURNS):
                theirs.append(logged_by_mlflow())
                ours.append(logged_by_tracker())
            ratio, cost = median(ours) / median(theirs), cost_of_a_call()
            short = [f"short of {ASKED_RATIO} times"] if ratio < ASKED_RATIO else []
            if cost > ASKED_MICROSECONDS:
                short.append(f"above {ASKED_MICROSECONDS} µs")
            print(
                f"| {name} | {median(theirs):,.0f}/s | {median(ours):,.0f}/s | {ratio:.1f} "
                f"| {cost:.1f} µs | {', '.join(short)} |"
            )


if __name__ == "__main__":
    main()
