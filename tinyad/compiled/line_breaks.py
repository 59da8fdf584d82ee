"""Break long lines of Python, as in an appendix: at commas and brackets, the outermost ones first."""

from __future__ import annotations

import re
import textwrap
from itertools import accumulate

WIDTH = 112
WHOLE_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


def folded(line: str) -> str:
    """Return a line, comment or statement, as lines of at most WIDTH letters, as far as its commas allow."""
    if length(line) <= WIDTH:
        return line
    statement = line.lstrip()
    indent = line[: -len(statement)]
    if statement.startswith("#"):
        more = f"{indent}#   "
        return textwrap.fill(line, WIDTH, subsequent_indent=more, break_long_words=False, break_on_hyphens=False)
    if statement.startswith("return "):
        line = f"{indent}return ({statement.removeprefix('return ')})"
    elif statement.startswith("for ") and not statement.startswith("for ("):
        names, _, rounds = statement.removeprefix("for ").partition(" in ")
        line = f"{indent}for ({names}) in {rounds}"
    more = indent + " " * (8 if statement.startswith("def ") else 4)
    lines, rest = [], line
    depth = 0
    while length(rest) > WIDTH and (breaks := _breaks(rest, depth, len(more))):
        outermost = min(inside for inside, _ in breaks)
        inside, at = max(place for place in breaks if place[0] == outermost)
        lines.append(rest[:at].rstrip())
        rest, depth = more + rest[at:].lstrip(), inside
    return "\n".join([*lines, rest])


def length(line: str) -> int:
    """Return the letters of a line, each size counted as two, so that lines end where they do at other sizes."""
    return sum(_letters(line))


def _letters(line: str) -> list[int]:
    counts = [1] * len(line)
    for found in WHOLE_NUMBER.finditer(line):
        counts[found.start() : found.end()] = [2, *[0] * (found.end() - found.start() - 1)]
    return counts


def _breaks(line: str, depth: int, least: int) -> list[tuple[int, int]]:
    """Return (depth of brackets, position) of where a line that starts in brackets of a depth may end."""
    found = []
    for k, (letter, until) in enumerate(zip(line, accumulate(_letters(line)), strict=True)):
        if until > WIDTH:
            break
        depth += (letter in "([") - (letter in ")]")
        if depth and k > least and (letter in "([" or line[k : k + 2] == ", "):
            found.append((depth, k + 1))
    return found
