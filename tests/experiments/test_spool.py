"""What waits while a batch is on its way."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from experiments import tracking
from experiments.spool import Entry, Point, Sender, Spool
from experiments.tracking.sending import send

CALLS, WHILE_SENDING = 60, 10


def test_what_is_added_while_a_batch_is_sent_goes_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody waits for it: the end of a run cuts it short.
    monkeypatch.setattr("experiments.spool.GATHERING", 60.0)
    with tracking.track("a run") as run:
        pass
    client = tracking.connect()
    spool = Spool(tmp_path / f"{run.run_id}.jsonl")
    batches: list[list[Entry]] = []
    is_on_its_way, adding, num_added = threading.Event(), threading.Lock(), 0

    def add() -> None:
        nonlocal num_added
        with adding:
            sender.add([Point("train/loss", 1 / (num_added + 1), 1_700_000_000_000, num_added)])
            num_added += 1

    def send_slowly(entries: list[Entry]) -> None:
        batches.append(entries)
        # A store that takes longer than an epoch: with each batch there is a new point.
        if len(batches) <= WHILE_SENDING:
            add()
        is_on_its_way.set()
        send(client, spool, entries)

    sender = Sender(spool, send_slowly)
    add()
    assert is_on_its_way.wait(30)
    while num_added < CALLS:
        add()
    assert sender.close()
    assert spool.num_unwritten == 0
    spool.remove()

    # The one that was sent at once, and all the others, in the order in which they were added.
    assert [len(batch) for batch in batches] == [1, CALLS - 1]
    sent = [entry.step for batch in batches for entry in batch if isinstance(entry, Point)]
    assert sent == list(range(CALLS))
    stored = client.get_metric_history(run.run_id, "train/loss")
    assert sorted((point.step, point.value) for point in stored) == [
        (step, 1 / (step + 1)) for step in range(CALLS)
    ]
