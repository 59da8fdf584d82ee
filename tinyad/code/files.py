"""The text of a Python file, or of the code cells of a notebook, and where its lines stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from tinyad.code.limits import FILE_BYTES
from tinyad.code.program import CodeError
from tinyad.code.verdicts import StatementVerdict

MAGIC = re.compile(r"^(\s*)(%%?|!|\?)|^\s*\w[\w.]*\?{1,2}\s*$|^(\s*)[\w, ]+= *[%!]")


LINE = re.compile(r"\bline (\d+)")


class Text(NamedTuple):
    """A source: its name, its text, and where each line stands, if that is another place than its number.

    cells: of a notebook, the cell and the line in it.  origins: of functions that stand in several files, the file and
    the line in it.  newline: what ends a line of the file.
    """

    name: str
    text: str
    cells: tuple[tuple[int, int], ...] = ()
    origins: tuple[tuple[str, int], ...] = ()
    newline: str = "\n"

    @property
    def is_notebook(self) -> bool:
        """Return whether the text comes from cells."""
        return bool(self.cells)

    @property
    def lines(self) -> list[str]:
        """Return the lines as Python counts them: a form feed ends none."""
        return self.text.removesuffix("\n").split("\n")

    def place(self, line: int) -> str:
        """Return the place of a line: FILE:12, or the cell and the line in it."""
        if self.cells:
            cell, inner = self.cells[min(line, len(self.cells)) - 1]
            return f"{self.name} cell {cell}, line {inner}"
        name, number = self.origins[min(line, len(self.origins)) - 1] if self.origins else (self.name, line)
        return f"{name}:{number}"

    def line(self, line: int) -> str:
        """Return a line in words: line 12, or line 3 of cell 4."""
        if self.cells:
            cell, inner = self.cells[min(line, len(self.cells)) - 1]
            return f"line {inner} of cell {cell}"
        name, number = self.origins[min(line, len(self.origins)) - 1] if self.origins else (self.name, line)
        return f"line {number}" + (f" of {name}" if name != self.name else "")

    def told(self, message: str) -> str:
        """Return a message with the lines that it names where they stand."""
        if not self.cells and not self.origins:
            return message
        return LINE.sub(lambda found: self.line(int(found[1])), message)


def read(path: Path) -> Text:
    """Return the text of a .py file or the code of a notebook; CodeError says why it cannot be read."""
    try:
        if path.is_dir():
            raise CodeError(f"{path} is a folder; give a Python file or a notebook")
        if not path.is_file():
            raise CodeError(f"{path}: {'no such file' if not path.exists() else 'it is no regular file'}")
        if path.stat().st_size > FILE_BYTES:
            raise CodeError(f"{path} has {path.stat().st_size:,} bytes, and a file may have {FILE_BYTES:,}")
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise CodeError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CodeError(f"{path}: byte {raw[error.start]:#x} in line {line} is not UTF-8; save it as UTF-8") from None
    return text_named(str(path), text)


def text_named(name: str, text: str) -> Text:
    """Return a source from the text that stands, or would stand, in a file of this name."""
    if name.lower().endswith(".ipynb"):
        return notebook(name, text)
    newline = "\r\n" if "\r\n" in text else "\n"
    return Text(name, text.removeprefix("\ufeff").replace("\r\n", "\n"), newline=newline)


def notebook(name: str, text: str) -> Text:
    """Return the code of a notebook: magics and shell commands are left out, so that line numbers stay."""
    try:
        cells = json.loads(text)["cells"]
        sources = [
            (number, "".join(cell["source"])) for number, cell in enumerate(cells, 1) if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CodeError(f"{name} is no notebook: it has to be JSON with cells (format 4)") from None
    lines: list[str] = []
    places: list[tuple[int, int]] = []
    for number, source in sources:
        own = source.splitlines()
        skipped = bool(own) and own[0].startswith("%%") and not re.match(r"%%(?:time|timeit|capture|check)\b", own[0])
        for inner, line in enumerate(own, 1):
            lines.append("" if skipped else without_magic(line))
            places.append((number, inner))
    return Text(name, "\n".join(lines) + "\n", tuple(places) or ((1, 1),))


def without_magic(line: str) -> str:
    """Return a line of a cell, or `pass` in the place of a magic or a shell command."""
    found = MAGIC.match(line)
    return f"{found[1] or found[3] or ''}pass" if found else line


def replace_statement(lines: list[str], v: StatementVerdict) -> None:
    """Put a suggestion in the place of its statement; what stands behind it on its last line stays."""
    first, last = v.suggestion_line - 1, v.suggestion_end - 1
    before = lines[first].encode()[: v.suggestion_column].decode()
    after = lines[last].encode()[v.suggestion_end_column :].decode()
    text = v.suggestion.replace("\n", "\n" + " " * len(before)) if not before.strip() else v.suggestion
    lines[first : last + 1] = [before + text + after]
