"""A second process that adds up a share of the rows: threads of one wait for Python's lock.

It is started once much was to be added up, waits for more, and ends with this process. It keeps
nothing, reads no file, and is sent rows through a socket that nobody else has.
"""

from __future__ import annotations

import atexit
import os
import pickle
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from core import get_num_threads, set_num_threads
from core.diagnosis import Summary

if TYPE_CHECKING:
    # It starts sooner without what files are read with.
    from experiments.predictions import Batch

# Scores that this process was to add up: to start a second one takes as long as to add up half.
_WORTHWHILE = 25_000_000
_READY = "ready"
_START = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from experiments.diagnosis.helper import serve; serve(int(sys.argv[1]))"
)
# Of a message: the bytes of the pickle, and how many arrays follow; then the bytes of each.
_HEAD = struct.Struct("=QQ")


class HelperLostError(Exception):
    """The second process ended in the middle of its work."""


class Helper:
    """The second process, as this one knows it."""

    def __init__(self) -> None:
        path = [entry or os.getcwd() for entry in sys.path]
        self._socket, theirs = socket.socketpair()
        with theirs:
            # In a session of its own: Ctrl-C is for this process.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", _START, str(theirs.fileno()), *path],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._is_ready = self._is_begun = False
        self._empty = Summary()
        self.num_sent = 0

    def fileno(self) -> int:
        """Return what to wait at until it has said something."""
        return self._socket.fileno()

    def is_ready(self) -> bool:
        """Return whether it has started.

        Raises
        ------
        HelperLostError
            If it has ended, as from all that follows.
        """
        if not self._is_ready and self._has_said():
            self._is_ready = self._heard() == _READY
        return self._is_ready

    def begin(self, empty: Summary) -> None:
        """Have it add to a summary of its own what it is sent from now on."""
        self._empty = empty
        self._is_begun = False
        self.num_sent = 0

    def rest_of(self, batch: Batch, mine: float) -> Batch:
        """Return so much of a batch and send it the others, or return all while it starts.

        Raises
        ------
        ValueError, TypeError
            If what it was sent before does not fit.
        """
        if not self._is_begun:
            if not self.is_ready():
                return batch
            self._say(self._empty)
            self._is_begun = True
        if self._has_said():
            self._heard()
        scores, labels, first_row = batch
        here = round(mine * len(scores))
        # In their own order, and without the rows before: sent as they are.
        theirs = (array[here:].copy(order="K") for array in (scores, labels))
        self._say((*theirs, first_row + here))
        self.num_sent += len(scores) - here
        return batch._replace(scores=scores[:here], labels=labels[:here])

    def end(self) -> Summary:
        """Return the summary of all that it was sent.

        Raises
        ------
        ValueError, TypeError
            If that does not fit.
        """
        if not self._is_begun:
            return self._empty
        self._say(None)
        summary: Summary = self._heard()
        return summary

    def _has_said(self) -> bool:
        # Not `select`: that takes no file whose number is above 1023.
        said = select.poll()
        said.register(self, select.POLLIN)
        return bool(said.poll(0))

    def _say(self, message: Any) -> None:
        with _lost():
            _send(self._socket, message)

    def _heard(self) -> Any:
        with _lost():
            answer = _receive(self._socket)
        if isinstance(answer, ValueError | TypeError):
            raise answer
        if isinstance(answer, Exception):
            # As it has no memory, for one: this process may still have some.
            raise HelperLostError from answer
        return answer

    def close(self) -> None:
        """Let it end; who waits for it in another thread finds it lost."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Leave it to another process, which this one was forked from."""
        self._socket.close()
        self._process.returncode = 0


_helper: Helper | None = None
_is_refused = os.name != "posix"
_so_far = 0


def helper_for(num_scores: int) -> Helper | None:
    """Return the second process, if so many scores more make it worthwhile and a core is left."""
    global _helper, _is_refused, _so_far
    if get_num_threads() == 1 or _is_refused:
        return None
    _so_far += num_scores
    if _helper is None and _so_far >= _WORTHWHILE:
        try:
            _helper = Helper()
        except OSError:
            _is_refused = True
    return _helper


def dismiss() -> None:
    """End the second process, if there is one."""
    global _helper
    helper, _helper = _helper, None
    if helper is not None:
        helper.close()


def _forget() -> None:
    global _helper
    helper, _helper = _helper, None
    if helper is not None:
        helper.forget()


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError) as error:
        raise HelperLostError from error


def _send(to: socket.socket, message: Any) -> None:
    arrays: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(message, 5, buffer_callback=arrays.append)
    parts = [memoryview(pickled), *(array.raw() for array in arrays)]
    lengths = struct.pack(f"={len(arrays)}Q", *(part.nbytes for part in parts[1:]))
    to.sendall(_HEAD.pack(len(pickled), len(arrays)) + lengths)
    for part in parts:
        to.sendall(part)


def _receive(of: socket.socket) -> Any:
    size, count = _HEAD.unpack(_exactly(of, _HEAD.size))
    lengths = struct.unpack(f"={count}Q", _exactly(of, 8 * count))
    pickled = _exactly(of, size)
    # From a process that this one has started, or that has started this one.
    return pickle.loads(pickled, buffers=[_exactly(of, length) for length in lengths])  # noqa: S301


def _exactly(of: socket.socket, length: int) -> memoryview:
    held = np.empty(length, np.uint8).data
    rest = held
    while rest:
        received = of.recv_into(rest, 0, socket.MSG_WAITALL)
        if received == 0:
            raise EOFError
        rest = rest[received:]
    return held


def serve(number: int) -> None:
    """Be the second process: add up what comes through a socket until it is closed."""
    set_num_threads(1)
    of = socket.socket(fileno=number)
    # What is being received while the one before is added up.
    messages: Queue[Any] = Queue(maxsize=1)

    def receive() -> None:
        try:
            while True:
                messages.put(_receive(of))
        finally:
            # Nobody waits for what is being added up; or there was no memory, and who sends more
            # must not wait.
            os._exit(0)

    Thread(target=receive, daemon=True).start()
    _send(of, _READY)
    while True:
        summary: Summary = messages.get()
        try:
            with summary:
                for scores, labels, first_row in iter(messages.get, None):
                    summary.update(scores, labels, first_row=first_row)
        except Exception as error:
            _send(of, error)
        else:
            _send(of, summary)


atexit.register(dismiss)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
