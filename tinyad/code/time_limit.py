"""Limits on the time of a user's code, one inside the other; what it computes counts whole, and waiting a third."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

OWN = str(Path(__file__).parents[1])
TICK = 0.1  # seconds between two looks at the clock
WAITING = 3  # seconds of waiting that count as one of computing: other programs may have the machine


class TimedOut(BaseException):
    """A run that took too long; no `except Exception` of the user's code keeps it."""


class OutOfTime(BaseException):
    """The end of a time that is not that of the innermost limit: who tries something in it tries nothing more."""


@dataclass
class _Limit:
    """A limit that runs; stops: how often it has been raised."""

    seconds: float
    begun: float = field(default_factory=time.monotonic)
    computed: float = field(default_factory=time.process_time)
    stops: int = 0

    @property
    def is_over(self) -> bool:
        waited = (time.monotonic() - self.begun) / WAITING
        return max(time.process_time() - self.computed, waited) >= self.seconds


_running: list[_Limit] = []  # the outermost first


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Stop what runs inside after some seconds, where signals can do it: in the main thread, not on Windows."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    traced, limit = sys.gettrace(), _Limit(seconds)
    before = signal.signal(signal.SIGALRM, _tick)
    _running.append(limit)
    signal.setitimer(signal.ITIMER_REAL, min(TICK, seconds), TICK)
    try:
        yield
    except OutOfTime:
        if not any(outer.is_over for outer in _running[: _running.index(limit)]):
            raise TimedOut from None
        raise
    finally:
        del _running[_running.index(limit) :]
        if not _running:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if limit.stops > 1:
            sys.settrace(traced)
        signal.signal(signal.SIGALRM, before)


def _tick(_: int, frame: FrameType | None) -> None:
    """Look at the clock, and stop what runs if the time of a limit is over."""
    late = next((limit for limit in _running if limit.is_over), None)
    if late is None or (frame is not None and frame.f_code.co_filename in (__file__, contextlib.__file__)):
        return  # a limit that begins or ends is not cut short: the next tick comes
    late.stops += 1
    if late.stops > 1:  # a bare except of the user's code has caught the first one: stop its handler too
        sys.settrace(_stopping)
        while frame is not None:
            frame.f_trace = _stopping if _is_foreign(frame) else frame.f_trace
            frame = frame.f_back
    raise TimedOut if late is _running[-1] else OutOfTime


def _stopping(frame: FrameType, event: str, _: Any) -> Any:
    """Stop at the next line of foreign code: where that is in an exception handler, the handler catches it no more."""
    if not _is_foreign(frame):
        return None
    if event == "line":
        raise TimedOut
    return _stopping


def _is_foreign(frame: FrameType) -> bool:
    return not frame.f_code.co_filename.startswith(OWN)
