"""Points of a run on their way to a store: a file that only grows, and a thread that empties it.

A point is stamped once, written here before it is sent, and sent again unchanged until the store
has said that it took it. A store that keeps one point per key, stamp, step and value, as MLflow's
do, then holds each exactly once, whatever was lost on the way.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

# That MLflow takes in one call.
MOST_AT_ONCE = 1000
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds
LAST_TRIES = 3  # when the run is over


class Point(NamedTuple):
    """One value of a metric."""

    key: str
    value: float
    timestamp: int  # ms
    step: int


class BusyError(Exception):
    """The process that writes a spool is alive."""


class Spool:
    """The file of one run. Who has it open has it alone."""

    def __init__(self, path: Path, store: str = "") -> None:
        """Open the file, or make it for a run in `store`.

        Raises
        ------
        BusyError
            If another process has it open.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise BusyError(str(path)) from error
        self._offset_path = path.with_suffix(".sent")
        if not path.stat().st_size:
            self._write([{"store": store}])
        elif path.read_bytes()[-1:] != b"\n":
            self._file.write(b"\n")
            self._file.flush()
        self.store = str(self._line_at(0)[0].get("store", ""))
        self.sent = self._line_at(0)[1]
        if self._offset_path.exists():
            self.sent = max(self.sent, int(self._offset_path.read_text() or 0))

    @classmethod
    def left_in(cls, folder: Path) -> Iterator[Spool]:
        """Yield what processes that are gone have left."""
        for path in sorted(folder.glob("*.jsonl")):
            try:
                yield cls(path)
            except BusyError:
                continue

    @property
    def run_id(self) -> str:
        """The run that the points are of."""
        return self.path.stem

    def append(self, points: Iterable[Point]) -> None:
        """Write points down."""
        self._write([list(point) for point in points])

    def end(self, status: str, at: int) -> None:
        """Write down how the run ended, and when (ms)."""
        self._write([{"end": status, "at": at}])

    def unsent(self) -> tuple[list[Point], int, dict[str, Any]]:
        """Return the next points to send, the offset behind them, and how the run ended if it did.

        A line that a dying process left unfinished is passed over.
        """
        points: list[Point] = []
        end: dict[str, Any] = {}
        offset = self.sent
        while len(points) < MOST_AT_ONCE:
            entry, behind = self._line_at(offset)
            if behind == offset:
                break
            offset = behind
            if isinstance(entry, list):
                points.append(Point(*entry))
            elif entry:
                end = entry
        return points, offset, end

    def mark_sent(self, offset: int) -> None:
        """Remember that the store has everything before `offset`."""
        self.sent = offset
        # Of one width, so that a new figure covers the old one in one write.
        with self._offset_path.open("r+" if self._offset_path.exists() else "w") as file:
            file.write(f"{offset:020d}")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def remove(self) -> None:
        """Delete the file: the store has it all."""
        self._offset_path.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self.close()

    def _write(self, entries: Iterable[object]) -> None:
        lines = "".join(f"{json.dumps(entry)}\n" for entry in entries)
        self._file.seek(0, os.SEEK_END)
        self._file.write(lines.encode())
        self._file.flush()

    def _line_at(self, offset: int) -> tuple[Any, int]:
        self._file.seek(offset)
        line = self._file.readline()
        if not line.endswith(b"\n"):
            return {}, offset
        try:
            return json.loads(line), offset + len(line)
        except ValueError:
            return {}, offset + len(line)


class Sender:
    """A thread that writes points to a spool and sends them from there."""

    def __init__(self, spool: Spool, send: Callable[[list[Point]], None]) -> None:
        self.spool = spool
        self.error: Exception | None = None  # why the last batch was not taken
        self._send = send
        self._queue: deque[Point] = deque()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def add(self, points: Iterable[Point]) -> None:
        """Take points over; they are written and sent in the background."""
        self._queue.extend(points)
        self._wake.set()

    def close(self) -> bool:
        """Write down and send what is left; return whether the store has it all."""
        self._closed = True
        self._wake.set()
        self._thread.join()
        return self.error is None

    @property
    def num_unwritten(self) -> int:
        """How many points the disk did not take either."""
        return len(self._queue)

    def _run(self) -> None:
        pause, retry_at = FIRST_PAUSE, 0.0
        while not self._closed:
            self._wake.wait(timeout=pause if self.error else None)
            self._wake.clear()
            if self.error and time.monotonic() < retry_at:
                self._try(self._write_down)
            elif self._try(self._write_down, self._send_all):
                self.error, pause = None, FIRST_PAUSE
            else:
                pause = min(2 * pause, LONGEST_PAUSE)
                retry_at = time.monotonic() + pause
        # Whatever was added before the end is in the queue by now.
        for tries_left in reversed(range(LAST_TRIES)):
            if self._try(self._write_down, self._send_all):
                self.error = None
                return
            if tries_left:
                time.sleep(FIRST_PAUSE)

    def _try(self, *steps: Callable[[], None]) -> bool:
        try:
            for step in steps:
                step()
        except Exception as error:
            self.error = error
            return False
        return True

    def _write_down(self) -> None:
        points = list(itertools.islice(self._queue, len(self._queue)))
        if points:
            self.spool.append(points)
            # Not before: what the disk did not take is still to be written.
            for _ in points:
                self._queue.popleft()

    def _send_all(self) -> None:
        while (batch := self.spool.unsent())[0]:
            points, offset, _ = batch
            self._send(points)
            self.spool.mark_sent(offset)
