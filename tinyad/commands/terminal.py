"""What a terminal has and a file has not: colours, and a row that says how far a long check has come."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from tinyad.code.verdicts import Verdict as StatementVerdict
from tinyad.derivation.judge.verdicts import Verdict as LineVerdict
from tinyad.printing.text import for_terminal, visible

WHEN = ("auto", "always", "never")
RED, GREEN, YELLOW, CYAN, BOLD_RED = "31", "32", "33", "36", "1;31"
GRADES = {"certain": GREEN, "likely": YELLOW, "possible": YELLOW, "by the rule": YELLOW}
VERDICTS = sorted({str(v) for kind in (StatementVerdict, LineVerdict) for v in kind if not v.holds}, key=len)[::-1]
ERASE = "\r\033[K"
SECONDS_WITHOUT_ROW, SECONDS_BETWEEN_ROWS = 1.0, 0.25


def has_colour(when: str, stream: TextIO | None) -> bool:
    """Return whether a stream gets colours: if asked for, if NO_COLOR and FORCE_COLOR say so, or if it shows them."""
    if when != "auto":
        return when == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal that can erase and colour."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def coloured(report: str) -> str:
    """Return the text of a report with its verdicts, marks and suggestions in colour."""
    return "\n".join(map(_coloured_row, report.split("\n")))


def coloured_diff(text: str) -> str:
    """Return a unified diff in the usual colours."""
    colours = {"+": GREEN, "-": RED, "@": CYAN}
    return "\n".join(_paint(row, colours[row[:1]]) if row[:1] in colours else row for row in text.split("\n"))


def _paint(text: str, colour: str) -> str:
    return f"\033[{colour}m{text}\033[0m" if text else ""


def _coloured_row(row: str) -> str:
    inner = row.lstrip(" ")
    indent = row[: len(row) - len(inner)]
    if inner and not inner.strip("^"):
        return indent + _paint(inner, BOLD_RED)
    before, arrow, after = inner.partition("  →  ")
    grade = (after or inner).partition(":")[0]
    if grade in GRADES and (arrow or indent):
        painted = _paint(after or inner, GRADES[grade])
        return indent + (_verdict_in(before) + arrow + painted if arrow else painted)
    if not indent or inner.startswith("line "):
        return indent + _verdict_in(inner)
    return row


def _verdict_in(row: str) -> str:
    """Return a heading with its verdict in colour, or the last row of a report with its counts."""
    for verdict in VERDICTS:
        for sign in (", ", "  "):
            before, found, after = row.partition(f"{sign}{verdict}")
            if found and after[:1] in ("", ":"):
                return before + sign + _paint(verdict, RED) + after
    before, semicolon, counts = row.rpartition("; ")
    if semicolon and " hold" in before:
        return before + semicolon + (counts if "read (" in counts else _paint(counts, RED))
    return _paint(row, GREEN) if row.endswith(("hold", "holds")) else row


class Progress:
    """A row on standard error, where that is a terminal, which says what is checked; `with` erases it at the end.

    It appears after a second.  What is printed meanwhile is printed `with progress.away():`.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names, self._done = names, 0
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._drawn = False
        self._stream = sys.stderr  # while code is checked, what it writes there goes nowhere
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if is_terminal(self._stream):
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()
        self._erase()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Erase the row, and count one more file as done."""
        with self._lock:
            self._erase()
            self._done += 1
            yield

    def _run(self) -> None:
        seconds = SECONDS_WITHOUT_ROW
        while not self._stop.wait(seconds):
            seconds = SECONDS_BETWEEN_ROWS
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        if self._done >= len(self._names) or self._stop.is_set():
            return
        count = f"{self._done + 1} of {len(self._names)}: " if len(self._names) > 1 else ""
        row = f"checking {count}{visible(self._names[self._done])}"
        width = shutil.get_terminal_size().columns - 1
        self._write(ERASE + for_terminal(row[:width]))
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._write(ERASE)
            self._drawn = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
