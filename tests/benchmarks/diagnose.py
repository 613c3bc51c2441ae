"""Time `diagnose` beside the usual pipeline on a Parquet file, and weigh it: `make bench`.

The usual pipeline is pandas, SciPy's softmax, scikit-learn's log loss and confusion matrix, ECE,
and a temperature by bounded search. Each is timed in a process that has done it before: imports,
threads and the second process of a diagnosis are there. Memory is the highest above that of the
process before it began, with all of the second process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

NUM_CLASSES = 10
MILLION = 1_000_000
SIZES = (1, 10, 50)  # in millions of rows
TURNS = 9
BEFORE = 3  # until a process has diagnosed enough for a second one to be there
ASKED_RATIO, ASKED_MEGABYTES = 10, 300


def write(path: Path, millions: int) -> None:
    """Write logits in float32 and labels drawn from their softmax, a million rows at a time."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (MILLION, NUM_CLASSES)).astype(np.float32)
    schema = pa.schema(
        [(f"logit_{i}", pa.float32()) for i in range(NUM_CLASSES)] + [("label", pa.int64())]
    )
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(millions):
            # Other rows each time, without drawing all of them again.
            logits += rng.normal(0, 0.01, NUM_CLASSES).astype(np.float32)
            noise = np.maximum(rng.standard_exponential(logits.shape, np.float32), 1e-30)
            labels = (logits - np.log(noise)).argmax(axis=1)
            writer.write_table(pa.table([*logits.T, labels], schema=schema))


def usual(path: Path) -> dict[str, float]:
    """Return what the usual pipeline finds."""
    import pandas as pd
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax, softmax
    from sklearn.metrics import confusion_matrix, log_loss

    frame = pd.read_parquet(path)
    logits = frame[[f"logit_{i}" for i in range(NUM_CLASSES)]].to_numpy()
    labels = frame["label"].to_numpy()
    p = softmax(logits, axis=1)
    nll = log_loss(labels, p, labels=np.arange(NUM_CLASSES))
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    bins = np.minimum((confidence * 15).astype(int), 14)
    gaps = np.bincount(bins, confidence, 15) - np.bincount(bins, right, 15)
    matrix = confusion_matrix(labels, p.argmax(axis=1))

    def loss(temperature: float) -> float:
        rows = np.arange(len(labels))
        return -float(log_softmax(logits / temperature, axis=1)[rows, labels].mean())

    found = minimize_scalar(loss, bounds=(0.1, 10), method="bounded")
    return {
        "nll": float(nll),
        "ece": float(np.abs(gaps).sum() / len(labels)),
        "accuracy": float(np.trace(matrix) / len(labels)),
        "temperature": float(found.x),
    }


def one_pass(path: Path) -> dict[str, float]:
    """Return what one pass finds: all of the report but the calibration after the temperature."""
    from core.diagnosis import diagnose
    from experiments.diagnosis.rows import Rows, Settings, summed_here
    from experiments.predictions import read

    found_in = read(path)
    settings = Settings(found_in.kind)
    found = diagnose(summed_here(Rows(found_in), settings, 1.0, lambda rows: None))
    assert found.calibration is not None
    assert found.calibration.temperature is not None
    return {
        "nll": found.calibration.nll,
        "ece": found.calibration.ece,
        "accuracy": found.accuracy,
        "temperature": found.calibration.temperature.value,
    }


def both_passes(path: Path) -> dict[str, float]:
    """Return what the command finds, which reads every row twice."""
    from experiments.diagnosis.passes import diagnose_predictions
    from experiments.predictions import read
    from experiments.report import figures_of

    found = {figure.key: figure.value for figure in figures_of(diagnose_predictions(read(path)))}
    return {name: found[name] for name in ("nll", "ece", "accuracy", "temperature", "ece_after")}


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "usual": usual,
    "one pass": one_pass,
    "both passes": both_passes,
}


# As one types them; the file comes last.
COMMANDS = {
    "usual": ("tests.benchmarks.diagnose", "usual"),
    "experiments diagnose": ("experiments", "diagnose"),
}


def _seconds(command: tuple[str, ...], path: Path) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", *command, str(path)], stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - start


def measure(way: str, path: Path, small: Path, before: int) -> dict[str, object]:
    """Return seconds, megabytes above idle and what was found, in a process of its own."""
    given = [way, str(path), str(small), str(before)]
    command = [sys.executable, "-m", "tests.benchmarks.diagnose", *given]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    held: dict[str, object] = json.loads(ended.stdout)
    return held


def child(way: str, path: Path, small: Path, before: int) -> None:
    """Measure in this process, once imports and threads are there."""
    WAYS[way](small)
    process = psutil.Process()
    idle = process.memory_info().rss
    highest, is_over = idle, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not is_over.wait(0.02):
            held = [each.memory_info().rss for each in (process, *process.children())]
            highest = max(highest, sum(held))

    def cpu_seconds() -> float:
        times = [each.cpu_times() for each in (process, *process.children())]
        return sum(each.user + each.system for each in times)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(before):
        WAYS[way](path)
    start, start_of_cpu = time.perf_counter(), cpu_seconds()
    found = WAYS[way](path)
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - start_of_cpu
    is_over.set()
    watcher.join()
    megabytes = (highest - idle) / 1e6
    print(json.dumps({"seconds": seconds, "cpu": cpu, "megabytes": megabytes, "found": found}))


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        small, path = Path(folder) / "small.parquet", Path(folder) / "rows.parquet"
        write(path, 1)
        table = pq.read_table(path)
        pq.write_table(table.slice(0, 1000), small)
        del table
        taken: dict[str, list[dict[str, object]]] = {way: [] for way in WAYS}
        for turn in range(TURNS):
            print(f"timing diagnose, turn {turn + 1} of {TURNS} …", file=sys.stderr, flush=True)
            for way, measured in taken.items():
                measured.append(measure(way, path, small, BEFORE))
        seconds = {way: median(_floats(held, "seconds")) for way, held in taken.items()}
        print("| 1,000,000 × 10 float32 from Parquet | s | times | CPU s | MB above idle | |")
        print("|---|---|---|---|---|---|")
        for way, held in taken.items():
            ratio = seconds["usual"] / seconds[way]
            short = way == "one pass" and ratio < ASKED_RATIO
            print(
                f"| {way} | {seconds[way]:.2f} | {ratio:.1f} | {median(_floats(held, 'cpu')):.2f} "
                f"| {median(_floats(held, 'megabytes')):.0f} "
                f"| {f'short of {ASKED_RATIO} times' if short else ''} |"
            )
        _require_equal(taken)
        print("\n| the same from the shell, imports too | s | times |")
        print("|---|---|---|")
        print("timing commands …", file=sys.stderr, flush=True)
        started = [[_seconds(command, path) for command in COMMANDS.values()] for _ in range(TURNS)]
        medians = [median(turns) for turns in zip(*started, strict=True)]
        for name, took in zip(COMMANDS, medians, strict=True):
            print(f"| {name} | {took:.2f} | {medians[0] / took:.1f} |")
        print("\n| rows | seconds, both passes | µs a row | MB above idle | |")
        print("|---|---|---|---|---|")
        for millions in SIZES:
            print(f"timing {millions} million rows …", file=sys.stderr, flush=True)
            write(path, millions)
            held_here = measure("both passes", path, small, 0)
            took, weight = _floats([held_here], "seconds")[0], _floats([held_here], "megabytes")[0]
            note = f"above {ASKED_MEGABYTES} MB" if weight > ASKED_MEGABYTES else ""
            rows = millions * MILLION
            print(f"| {rows:,} | {took:.2f} | {1e6 * took / rows:.2f} | {weight:.0f} | {note} |")


def _floats(held: list[dict[str, object]], name: str) -> list[float]:
    return [float(str(item[name])) for item in held]


def _require_equal(taken: dict[str, list[dict[str, object]]]) -> None:
    """Raise unless all ways find the same: a race between different answers is none."""
    first = taken["usual"][0]["found"]
    assert isinstance(first, dict)
    for way in ("one pass", "both passes"):
        found = taken[way][0]["found"]
        assert isinstance(found, dict)
        for name, value in first.items():
            if abs(found[name] - value) > 1e-3 * abs(value):
                raise AssertionError(f"{name}: {way} finds {found[name]}, the usual {value}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(WAYS[sys.argv[1]](Path(sys.argv[2])))
    elif len(sys.argv) > 1:
        child(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
