"""The marks of a list before lines: bullets, (a), a), 1) and \\item."""

from __future__ import annotations

import re

OPENED, CLOSED = "([{", ")]}"
MARK = re.compile(r"([ \t]*)(?:(\\item\b|[-*•–])|\(([a-z]|[ivx]{2,4})\)|([a-z]|[ivx]{2,4}|\d{1,3})\))(?=\s)")
UNFINISHED = re.compile(r"(?:[-+*=/·∘⊙,]|\\(?:odot|circ|cdot))\s*$")
OPERATION = re.compile(r"\s(?:[-+*·∘⊙@]|\\(?:odot|circ|cdot|times))\s")
EQUALS = re.compile(r"[-+*:]?=(?!=)|≡|\\(?:triangleq|coloneqq|leftarrow|gets|equiv)\b|≜|←|≔")


def without_marks(text: str) -> str:
    """Return a text of the same length without bullets, and with a: in the place of (a) and a), 1. in that of 1)."""
    lines, depth, unfinished = text.split("\n"), 0, False
    for k, line in enumerate(lines):
        mark = MARK.match(line) if depth == 0 and not unfinished else None
        if mark and begins_equation(line[mark.end() :]):
            lines[k] = _replacement(mark) + line[mark.end() :]
        depth = max(0, depth + sum(line.count(c) for c in OPENED) - sum(line.count(c) for c in CLOSED))
        unfinished = bool(line.strip()) and bool(UNFINISHED.search(line))
    return "\n".join(lines)


def begins_equation(text: str) -> bool:
    """Return whether one name or derivative and an equals sign come next: behind a minus sign that is a bullet."""
    equals = EQUALS.search(text)
    left = text[: equals.start()] if equals else ""
    return bool(left.strip()) and not OPERATION.search(f" {left.strip()} ")


def _replacement(mark: re.Match[str]) -> str:
    """Return what stands in the place of a mark."""
    if mark[2]:
        return " " * len(mark[0])
    if mark[3]:
        return f"{mark[1]} {mark[3]}:"
    return f"{mark[1]}{mark[4]}" + ("." if mark[4].isdigit() else ":")
