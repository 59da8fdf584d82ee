"""Suggestions put in the place of what they correct, with all other characters of a file as its author has them."""

from __future__ import annotations

import difflib
import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tinyad.commands.findings import is_code, result_of

if TYPE_CHECKING:
    from tinyad.commands.findings import Report

TAB = 4  # texts are read with this width
LINE_END = re.compile(r"(\r\n|\r|\n)")
ROUNDS = 10  # of corrections: a statement may need two, one after the other


class Change(NamedTuple):
    """A part of a text, from and to rows and columns counted from 0, that is replaced.

    tab: the width that the columns count a tab up to; old: what stands there now.
    """

    row: int
    column: int
    end_row: int
    end_column: int
    tab: int
    old: str
    new: str


class Mended(NamedTuple):
    """The text of a file with corrections, what was changed, one row each, and the report on it."""

    text: str
    rows: tuple[str, ...]
    report: Report


def mended(file: str, text: str, report: Report, check: Callable[[str], Report]) -> Mended:
    """Return a text with all certain suggestions in place, and what `check` says of it.

    A correction after which the text cannot be checked, or no less is wrong, is not made.
    """
    rows: list[str] = []
    for _ in range(ROUNDS):
        changes = _changes(file, text, report)
        if not changes:
            break
        new = with_changes(text, changes)
        try:
            after = check(new)
        except ValueError:
            break
        if len(result_of(file, after).findings) >= len(result_of(file, report).findings):
            break
        text, report = new, after
        rows += [f"{file}:{c.row + 1}: changed to {' '.join(c.new.split())}" for c in changes]
    return Mended(text, tuple(rows), report)


def diff(file: str, before: str, after: str) -> str:
    """Return what makes one text of a file into another as a unified diff, with the line ends of the file."""
    rows = difflib.unified_diff(_lines(before), _lines(after), file, file)
    return "".join(row if LINE_END.search(row) else f"{row}\n\\ No newline at end of file\n" for row in rows)


def _lines(text: str) -> list[str]:
    parts = LINE_END.split(text)
    return [row + end for row, end in zip(parts[::2], [*parts[1::2], ""], strict=True) if row or end]


def _changes(file: str, text: str, report: Report) -> list[Change]:
    """Return the certain suggestions whose place stands so in the text, in its order; of two for one, the first."""
    rows, tab = LINE_END.split(text)[::2], 1 if is_code(report) else TAB
    found = [
        Change(
            place.line - 1, place.column - 1, place.end_line - 1, place.end_column - 1, tab, f.replaced, f.suggestion
        )
        for f in result_of(file, report).findings
        if (place := f.replaces) and (place.file, place.cell) == (report.source.name, None)
        if f.certain
    ]
    changes: list[Change] = []
    for change in sorted(found, key=lambda change: change[:4]):
        if _stands_in(rows, change) and (not changes or change[:2] >= changes[-1][2:4]):
            changes.append(change)
    return changes


def _stands_in(rows: list[str], change: Change) -> bool:
    if change.end_row >= len(rows):
        return False
    read = [row.expandtabs(change.tab) for row in rows[change.row : change.end_row + 1]]
    return _part(read, 0, change.column, change.end_row - change.row, change.end_column) == change.old


def _part(rows: list[str], first: int, start: int, last: int, end: int) -> str:
    if first == last:
        return rows[first][start:end]
    return "\n".join([rows[first][start:], *rows[first + 1 : last], rows[last][:end]])


def with_changes(text: str, changes: list[Change]) -> str:
    """Return a text with its changes made, and its own line ends, tabs and marks elsewhere."""
    parts = LINE_END.split(text)
    rows, ends = parts[::2], [*parts[1::2], ""]
    newline = next((end for end in ends if end), "\n")
    for change in reversed(changes):
        first, last = rows[change.row], rows[change.end_row]
        before = first[: _index(first, change.column, change.tab)]
        after = last[_index(last, change.end_column, change.tab) :]
        rows[change.row : change.end_row + 1] = [before + change.new.replace("\n", newline) + after]
        del ends[change.row : change.end_row]
    return "".join(row + end for row, end in zip(rows, ends, strict=True))


def _index(row: str, column: int, tab: int) -> int:
    """Return which character of a row is in a column, where tabs have a width."""
    return next((k for k in range(len(row) + 1) if len(row[:k].expandtabs(tab)) >= column), len(row))


def text_of(path: Path) -> str:
    """Return the text of a file with its line ends and the mark at its beginning."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8: --fix and --diff are for files in UTF-8") from None


def write(path: Path, text: str) -> None:
    """Write a file at once, and never through a link: whoever reads it finds the old text or the new one."""
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"{path} is a link or no regular file, which --fix does not change; give the file itself")
    if not os.access(path, os.W_OK):
        raise ValueError(f"{path} is read-only, and --fix does not change it")
    status = path.stat()
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as file:
        file.write(text.encode("utf-8"))
    try:
        with suppress(PermissionError, AttributeError):  # a file of another user; Windows
            os.chown(file.name, status.st_uid, status.st_gid)
        os.chmod(file.name, status.st_mode)
        os.replace(file.name, path)
    except OSError:
        os.unlink(file.name)
        raise
