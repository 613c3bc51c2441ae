"""What a run has for a store, on its way there: a file that only grows, and a thread that sends it.

A point is stamped once, written here before it is sent, and sent again unchanged until the store
has said that it took it. A store that keeps one point per key, stamp, step and value, as MLflow's
do, then holds each exactly once, whatever was lost on the way. All else that a run is made of waits
in the same order: notes (params, tags, how it ended) in the file, and files in a folder beside it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import psutil

# That MLflow takes in one call.
MOST_AT_ONCE = 1000
_CHUNK_BYTES = 1 << 18
LAST_TRIES = 3  # when the run is over
# Seconds.
GATHERING = 0.2
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
PATIENCE = 60.0  # when the run is over, with a store that takes nothing


class Point(NamedTuple):
    """One value of a metric."""

    key: str
    value: float
    timestamp: int  # ms
    step: int


Note = dict[str, Any]  # all that is no point; "kind" says what it is
Entry = Point | Note


class BusyError(Exception):
    """The process that writes a spool is alive."""


def host() -> str:
    """Return the name of this machine."""
    return socket.gethostname()


@lru_cache(maxsize=4)
def process_name(pid: int) -> str:
    """Return a name that no other process of this machine has had or will have."""
    return f"{pid}:{psutil.Process(pid).create_time():.2f}"


def is_alive(process: str) -> bool:
    """Return whether a process of this machine, named by `process_name`, still runs."""
    try:
        return process_name.__wrapped__(int(process.partition(":")[0])) == process
    except (ValueError, psutil.Error):
        return False


class Spool:
    """The file of one run, and the folder beside it. Who has it open has it alone.

    What the disk does not take waits in memory until it does, and is sent from there too.
    """

    def __init__(self, path: Path, store: str = "") -> None:
        """Open the file, or make it for a run in `store`.

        Raises
        ------
        BusyError
            If it is open already, here or in another process.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise BusyError(str(path)) from error
        self._lock = threading.Lock()
        self._unwritten = b""
        self._size = path.stat().st_size  # of the file
        self.disk_error: OSError | None = None
        if not self._size:
            self._append(_line({"store": store, "host": host()}))
        elif os.pread(self._file.fileno(), 1, self._size - 1) != b"\n":
            # A line that a dying process left unfinished stays one of its own.
            self._append(b"\n")
        first = self._read(0).partition(b"\n")[0]
        header = _parsed(first)
        self.store, self.host = str(header.get("store", "")), str(header.get("host", ""))
        self._offset_path = path.with_suffix(".sent")
        self.sent = len(first) + 1
        if self._offset_path.exists():
            noted = int(self._offset_path.read_text() or 0)
            self.sent = max(self.sent, min(noted, self._size))

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
        """The run that it is of."""
        return self.path.stem

    @property
    def folder(self) -> Path:
        """Where the files wait that go to the store."""
        return self.path.with_suffix("")

    @property
    def end(self) -> int:
        """Where what was appended ends."""
        with self._lock:
            return self._size + len(self._unwritten)

    @property
    def num_unwritten(self) -> int:
        """How many entries neither the disk has taken nor the store."""
        with self._lock:
            return self._unwritten[max(0, self.sent - self._size) :].count(b"\n")

    def append(self, entries: Iterable[Entry]) -> None:
        """Write entries down."""
        self._append(b"".join([_line(entry) for entry in entries]))

    def unsent(self) -> tuple[list[Entry], int]:
        """Return what is to be sent next, points that follow each other or one note, and its end.

        A line that a dying process left unfinished is passed over.
        """
        entries: list[Entry] = []
        offset = self.sent
        for line in self._read(offset).splitlines(keepends=True):
            if not line.endswith(b"\n") or len(entries) == MOST_AT_ONCE:
                break
            entry = _parsed(line)
            if isinstance(entry, list):
                entries.append(Point(*entry))
            elif entry:
                return (entries, offset) if entries else ([entry], offset + len(line))
            offset += len(line)
        return entries, offset

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
        """Delete file and folder: the store has it all."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._offset_path.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self.close()

    def _append(self, data: bytes) -> None:
        with self._lock:
            data = self._unwritten + data
            written = 0
            try:
                while written < len(data):
                    written += os.write(self._file.fileno(), data[written:])
                self.disk_error = None
            except OSError as error:
                self.disk_error = error
            self._size += written
            self._unwritten = data[written:]

    def _read(self, offset: int) -> bytes:
        """Return what was appended from `offset` on, some of it: a line at least."""
        size = _CHUNK_BYTES
        while True:
            with self._lock:
                chunk = os.pread(self._file.fileno(), size, offset)
                if offset + len(chunk) >= self._size:
                    return chunk + self._unwritten[max(0, offset - self._size) :]
            if b"\n" in chunk:
                return chunk
            size *= 2


def _line(entry: Entry) -> bytes:
    if isinstance(entry, Point):
        return (
            f"[{_quoted(entry.key)}, {entry.value!r}, {entry.timestamp}, {entry.step}]\n".encode()
        )
    return f"{json.dumps(entry)}\n".encode()


@lru_cache(maxsize=4096)
def _quoted(key: str) -> str:
    return json.dumps(key)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return {}


class Sender:
    """A thread that sends what is appended to a spool."""

    def __init__(self, spool: Spool, send: Callable[[list[Entry]], None]) -> None:
        self.spool = spool
        self.error: Exception | None = None  # why the last batch was not taken
        self._send = send
        self._added = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def add(self, entries: Iterable[Entry]) -> None:
        """Write entries down; they are sent in the background."""
        self.spool.append(entries)
        if not self._added.is_set():
            self._added.set()

    def close(self) -> bool:
        """Send what is left; return whether the store has it all.

        One that hangs is not waited for longer than `PATIENCE`.
        """
        self._closed.set()
        self._added.set()
        before = -1
        while self._thread.is_alive() and self.spool.sent > before:
            before = self.spool.sent
            self._thread.join(PATIENCE)
        return not self._thread.is_alive() and self.error is None

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._closed.is_set():
            self._added.wait(timeout=None if self.error is None else pause)
            self._added.clear()
            if self._send_all():
                pause = FIRST_PAUSE
                # Few large batches cost the training less than many small ones.
                self._closed.wait(GATHERING)
            else:
                self._closed.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        for tries_left in reversed(range(LAST_TRIES)):
            if self._send_all():
                return
            if tries_left:
                time.sleep(FIRST_PAUSE)

    def _send_all(self) -> bool:
        try:
            # What the disk did not take before, it may now.
            self.spool.append([])
            # What is added meanwhile is gathered too: a batch for each line would be slow.
            end = self.spool.end
            while self.spool.sent < end:
                entries, offset = self.spool.unsent()
                if entries:
                    self._send(entries)
                if offset == self.spool.sent:
                    break
                self.spool.mark_sent(offset)
        except Exception as error:
            self.error = error
            return False
        self.error = None
        return True
