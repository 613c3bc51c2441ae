"""Ctrl-C at every step of a call, one after the other."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


def interrupted_everywhere(call: Callable[[], object]) -> int:
    """Call it again and again, each time interrupted a step later; return how many steps it has.

    A step is what a tracer sees: a line, a call or a return, in the main thread. The start of a
    thread has none: there a tracer can interrupt where a signal can not.
    """
    return next(step for step in itertools.count(1) if not _is_interrupted(call, step))


def _is_interrupted(call: Callable[[], object], at: int) -> bool:
    steps = itertools.count(1)

    def trace(frame: FrameType, event: str, value: Any) -> Any:
        if not _is_in_start(frame) and next(steps) == at:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False


def _is_in_start(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is threading.Thread.start.__code__:
            return True
        frame = frame.f_back
    return False
