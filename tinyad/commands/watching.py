"""`tinyad check --watch`: check again when a file is saved."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tinyad.commands.terminal import is_terminal
from tinyad.printing.text import for_terminal

SECONDS_BETWEEN_LOOKS = 0.2
CLEAR = "\033[2J\033[3J\033[H"

State = dict[str, tuple[int, int] | None]


def watch(files: Sequence[str], check: Callable[[], int]) -> int:
    """Check, and again whenever a file or one that it imports is saved, until Ctrl-C; return the last exit status."""
    status = 0
    try:
        while True:
            watched = set(files)
            before, loaded = state_of(watched), set(sys.modules)
            if is_terminal(sys.stdout):
                sys.stdout.write(CLEAR)
            status = check()
            print(for_terminal(f"watching {len(files)} file{'s' * (len(files) != 1)}; Ctrl-C ends"), file=sys.stderr)
            if sys.stdout:
                sys.stdout.flush()
            imported = forgotten(loaded, files)
            wait(before | state_of(imported))
    except KeyboardInterrupt:
        return status


def state_of(files: Iterable[str]) -> State:
    """Return when each file was changed and how large it is; None for one that is not there."""
    found: State = {}
    for file in files:
        try:
            status = os.stat(file)
            found[file] = status.st_mtime_ns, status.st_size
        except OSError:
            found[file] = None
    return found


def wait(before: State) -> None:
    """Wait until a file is not as it was, and then until nothing changes between two looks: it is being saved."""
    last = before
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        now = state_of(before)
        if now != before and now == last and any(now.values()):
            return
        last = now


def forgotten(loaded: set[str], files: Sequence[str]) -> set[str]:
    """Forget the modules beside the files that a check has imported, to read them again; return their files."""
    folders = {Path(file).absolute().parent for file in files}
    found = set()
    for name in set(sys.modules) - loaded:
        file = getattr(sys.modules[name], "__file__", None)
        if file and "site-packages" not in Path(file).parts and folders & set(Path(file).parents):
            found.add(str(file))
            del sys.modules[name]
    importlib.invalidate_caches()
    return found
