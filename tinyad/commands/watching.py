"""`tinyad check --watch`: check again when a file is saved."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial

from tinyad.commands.terminal import is_terminal
from tinyad.printing.text import for_terminal

SECONDS_BETWEEN_LOOKS = 0.2
CLEAR = "\033[2J\033[3J\033[H"

State = dict[str, tuple[int, int, int] | None]
Check = Callable[[], tuple[int, set[str]]]


def watch(look: Callable[[], set[str]], check: Check) -> int:
    """Check, and again whenever a file is saved, made or deleted, until Ctrl-C; return the last exit status.

    look: returns the files that there are to check, and what else counts.  check: returns what else was read, too.
    """
    status = 0
    try:
        while True:
            before = state_of(look())
            if is_terminal(sys.stdout):
                sys.stdout.write(CLEAR)
            status, read = check()
            print(for_terminal("watching for changes; Ctrl-C ends"), file=sys.stderr)
            if sys.stdout:
                sys.stdout.flush()
            wait(before | state_of(read - before.keys()), partial(_state, look, read))
    except KeyboardInterrupt:
        return status


def _state(look: Callable[[], set[str]], read: set[str]) -> State:
    return state_of(look() | read)


def state_of(files: Iterable[str]) -> State:
    """Return which file it is, when it was changed and how large it is; None for one that is not there."""
    found: State = {}
    for file in files:
        try:
            status = os.stat(file)
            found[file] = status.st_ino, status.st_mtime_ns, status.st_size
        except OSError:
            found[file] = None
    return found


def wait(before: State, state: Callable[[], State]) -> None:
    """Wait until the files are not as they were, and then until nothing changes between two looks: they are saved."""
    last = before
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        now = state()
        if now != before and now == last:
            return
        last = now
