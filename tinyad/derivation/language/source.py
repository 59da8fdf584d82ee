"""The text of a derivation file: its blocks, its lines, and errors that point into it."""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from copy import copy
from difflib import get_close_matches
from math import inf
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any, NamedTuple

from tinyad.derivation.language.limits import BLOCK_LINES, FILE_BYTES, FILE_CHARACTERS, SHOWN_CHARACTERS
from tinyad.derivation.language.macros import Macros
from tinyad.printing.text import for_terminal

BLOCKS = ("declare", "forward", "backward")
HEADING = re.compile(
    r"[#*_=\-\s\d.]*(forward|backward)(?:[ -]?(?:pass|propagation|equations?|prop))?[*_:=\-\s]*", re.IGNORECASE
)
MISSING = (
    "no block: equations go between ```declare, ```forward, ```backward and ```, "
    "or below the headings forward and backward"
)
CONTINUING = ("+", "-", "−", "*", "∘", "·", "⊙", "@", "/")


class DerivationError(ValueError):
    """A text cannot be read: `message`, and the position, `line` and `column`, counted from 1, in a `part` of it."""

    def __init__(self, message: str, source: Source | None = None, at: int = 0, end: int | None = None) -> None:
        self.message, self.at, self.to = message, at, at + 1 if end is None else end
        self.line, self.column = source.author_place(at) if source else (1, 1)
        self.part = source.part(at) if source else ""
        shown = message
        if source:
            number, column = source.place(at)
            shown = f"{source.where(at)}: {message}"
            shown += _quoted(source.line(number), column, (end or at + 1) - at)
        super().__init__(for_terminal(shown))


def likeliest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like another, of the same length if there is one; "" if none is like it."""
    return min(get_close_matches(word, [*known]), key=lambda near: abs(len(near) - len(word)), default="")


class LimitError(DerivationError):
    """A file costs more time or memory than it may."""


def _quoted(line: str, column: int, length: int) -> str:
    """Return two rows: a line of the file around a column, and a mark below the part that an error is about."""
    first = max(0, column - 1 - SHOWN_CHARACTERS // 2) if len(line) > SHOWN_CHARACTERS else 0
    text = line[first : first + SHOWN_CHARACTERS]
    if not text.strip():
        return ""
    at = column - 1 - first
    marked = max(1, min(length, len(text) - at))
    before, after = "… " * (first > 0), " …" * (first + SHOWN_CHARACTERS < len(line))
    return f"\n    {before}{text}{after}\n    {' ' * (len(before) + at)}{'^' * marked}"


PROPOSED = "the declarations that were taken"


class Block(NamedTuple):
    """A fenced block: its first word, the rest of that line, and the start and end of its text.

    In a document a block is one equation, with its number or the name that it abbreviates, or one declaration.
    """

    kind: str
    title: str
    start: int
    end: int
    number: str = ""


class Source:
    """The text of a file; positions in it are offsets, people get lines and columns.

    Whoever works on it calls `check_time` again and again: it raises LimitError after `seconds` of computing.
    """

    def __init__(self, text: str, name: str = "derivation", seconds: float | None = None) -> None:
        self.name, self.seconds = name, seconds
        self.deadline = inf if seconds is None else thread_time() + seconds
        self.sooner_than = 0.0  # the time is not over: it passes no faster than that of perf_counter, a quicker call
        self.reached = 0  # the part of the text that is worked on, for a message
        self.macros: Macros | None = None  # of a document in LaTeX
        self.is_document = False  # whether the equations are found in it, and not in blocks
        self.text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
        self.quoted = self.text  # what a message shows: the text as its author has it
        self.proposed = ""  # declarations that were taken, since the author has none
        self.proposed_at = inf  # where they stand
        self.origins: Sequence[tuple[str, int]] = ()  # of each line: the other file or the cell, and its number there
        self.tokens: dict[tuple[int, int], Any] = {}  # of blocks that were read, by their start and end
        self._lines = [0] + [m.end() for m in re.finditer("\n", self.text)]
        if len(self.text) > FILE_CHARACTERS:
            raise DerivationError(f"{len(self.text)} characters; at most {FILE_CHARACTERS} are read", self)
        if "\0" in self.text:
            raise DerivationError("this is not a text: it contains zero bytes", self, self.text.index("\0"))

    def with_text(self, text: str) -> Source:
        """Return the same file with another text that has the same lines, in the time that is left."""
        if text == self.text:
            return self
        other = copy(self)
        other.text, other.tokens = text, {}
        return other

    def with_declarations(self, proposed: str) -> Source:
        """Return the same file with a block of declarations behind its text, so that its lines keep their numbers."""
        other = Source(f"{self.text}\n\n{proposed}\n", self.name, self.seconds)
        other.deadline, other.proposed, other.proposed_at = self.deadline, proposed, len(self.text) + 1
        other.origins = self.origins
        return other

    def layered_names(self) -> set[str]:
        """Return the names whose index says which layer they are of; such are found in documents alone."""
        return set()

    def check_time(self) -> None:
        """Raise LimitError if the time is over."""
        if perf_counter() < self.sooner_than:
            return
        left = self.deadline - thread_time()
        self.sooner_than = perf_counter() + left
        if left < 0:
            raise LimitError(f"this file takes more than {self.seconds:g} s; --timeout allows more", self, self.reached)

    def place(self, at: int) -> tuple[int, int]:
        """Return the line and the column of an offset, both counted from 1."""
        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1

    def author_place(self, at: int) -> tuple[int, int]:
        """Return the line and the column of an offset in the file, or in the cell, that the author sees."""
        return self._origin(at)[1], self.place(at)[1]

    def _origin(self, at: int) -> tuple[str, int]:
        number = self.place(at)[0]
        return self.origins[number - 1] if number <= len(self.origins) else ("", number)

    def part(self, at: int) -> str:
        """Return which part of what the author wrote an offset is in: another file, a cell; "" for the file itself."""
        return PROPOSED if at >= self.proposed_at else self._origin(at)[0]

    def where(self, at: int) -> str:
        """Return the file, the line and the column of an offset."""
        part, (line, column) = self.part(at), self.author_place(at)
        return f"{self.name}{f', {part}' if part else ''}:{line}:{column}"

    def numbered(self, equation: str, number: str) -> str:
        """Return an equation with its number, as it is shown."""
        return f"{number}. {equation}" if number else equation

    def line_name(self, at: int) -> str:
        """Return the line of an offset in words: line 3, or line 3 of another file or a cell."""
        part = self.part(at)
        return f"line {self.author_place(at)[0]}" + (f" of {part}" if part else "")

    def line(self, number: int) -> str:
        """Return the text of a line, counted from 1."""
        start = self._lines[number - 1]
        end = self._lines[number] - 1 if number < len(self._lines) else len(self.text)
        return self.quoted[start:end]

    @property
    def line_count(self) -> int:
        """Return how many lines the text has."""
        return len(self._lines)

    def line_start(self, number: int) -> int:
        """Return the offset at which a line begins; lines count from 1."""
        return self._lines[number - 1]

    def heading(self, at: int) -> str:
        """Return the Markdown heading above a position, or "" if there is none."""
        lines = self.text[:at].split("\n")
        inside, heading = False, ""
        for line in lines:
            inside ^= line.lstrip().startswith(("```", "~~~"))
            if not inside and line.startswith("#"):
                heading = line.lstrip("# ").strip()
        return heading

    def error(self, message: str, at: int, end: int | None = None) -> DerivationError:
        """Return an error that points at this part of the text."""
        return DerivationError(message, self, at, end)

    def blocks(self) -> list[Block]:
        """Return the fenced blocks in order, or else those below headings; all other text is prose."""
        blocks = self._fenced()
        if all(block.kind == "declare" for block in blocks):
            blocks += self._under_headings()
        if not blocks:
            raise DerivationError(MISSING, self)
        count = sum(self.text.count("\n", block.start, block.end) for block in blocks)
        if count > BLOCK_LINES:
            raise self.error(f"{count} lines in blocks; at most {BLOCK_LINES} are read", blocks[-1].start)
        return sorted(blocks, key=lambda block: block.kind != "declare" or block.start < self.proposed_at)

    def _fenced(self) -> list[Block]:
        blocks: list[Block] = []
        opened: tuple[str, str, str, int] | None = None  # fence, kind, title, start
        for k, start in enumerate(self._lines):
            text = self.line(k + 1)
            mark = text.strip()
            if opened is None:
                if mark.startswith(("```", "~~~")):
                    fence = mark[:3]
                    kind, _, title = mark.lstrip(fence[0]).strip().partition(" ")
                    if fence == "```" and kind not in BLOCKS:
                        near = get_close_matches(kind, BLOCKS, 1)
                        meant = f"did you mean {near[0]}?" if near else "put text that is not a derivation between ~~~"
                        raise self.error(
                            f"a block {kind!r} is not known: there are {', '.join(BLOCKS)}; {meant}",
                            start,
                            start + len(text),
                        )
                    opened = (fence, kind, title.strip(), start + len(text) + 1)
            elif mark.startswith(opened[0]) and not mark.strip(opened[0][0]):
                if opened[1] in BLOCKS:
                    blocks.append(Block(opened[1], opened[2], opened[3], start))
                opened = None
        if opened is not None:
            raise self.error(f"this block has no end: a line {opened[0]} is missing", opened[3] - 1)
        return blocks

    def _under_headings(self) -> list[Block]:
        """Return the equations of notes without blocks: rows with an equals sign below `forward` and `backward`."""
        blocks: list[Block] = []
        kind, goes_on = "", False
        for k, start in enumerate(self._lines):
            text = self.line(k + 1)
            heading = HEADING.fullmatch(text)
            if heading or text.lstrip().startswith("```"):
                kind, goes_on = (heading[1].lower() if heading else ""), False
                continue
            continues = goes_on and text.lstrip()[:1] in CONTINUING
            if kind and ("=" in text or continues):
                first = blocks.pop().start if goes_on else start
                blocks.append(Block(kind, "", first, start + len(text) + 1))
            goes_on = bool(kind) and ("=" in text or continues)
        kinds = {block.kind for block in blocks}
        return blocks if kinds == {"forward", "backward"} else []


def read(text_or_path: str | Path, seconds: float | None = None) -> Source:
    """Return a Source from a path, or from a text of more than one line."""
    if isinstance(text_or_path, str) and "\n" in text_or_path:
        return Source(text_or_path, seconds=seconds)
    if not isinstance(text_or_path, str | Path):
        raise TypeError(f"a derivation is a text or a path, not of type {type(text_or_path).__name__}")
    if not str(text_or_path).strip():
        raise DerivationError("an empty text, without ```declare, ```forward and ```backward")
    path = Path(text_or_path)
    instead = "; give a file, or a text of more than one line" if isinstance(text_or_path, str) else ""
    try:
        raw = file_bytes(path)
    except ValueError as reason:
        raise DerivationError(f"{text_or_path!r}: {reason}{instead}") from None
    except OSError as reason:
        raise DerivationError(f"{path}: {reason.strerror}{instead}") from None
    return Source(decoded(raw, str(path)), str(path), seconds)


def decoded(raw: bytes, name: str) -> str:
    """Return the text in a file, in UTF-8 or in UTF-16 with its mark."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as reason:
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return raw.decode("utf-16", "replace")
        line = raw.count(b"\n", 0, reason.start) + 1
        raise DerivationError(
            f"{name}: byte {raw[reason.start]:#x} in line {line} is not UTF-8; save it as UTF-8"
        ) from None


def file_bytes(path: Path) -> bytes:
    """Return the content of a regular file of bounded size; a pipe or a device is refused before it is read."""
    # without O_NONBLOCK opening a pipe waits for somebody to write into it
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise ValueError("it is no regular file")
        if status.st_size > FILE_BYTES:
            raise ValueError(f"{status.st_size} bytes; at most {FILE_BYTES} are read")
        return file.read(FILE_BYTES)
