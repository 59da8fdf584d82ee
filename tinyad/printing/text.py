"""Text for people: names on one line and their time steps, and the signs ∇ ∘ σ ᵀ for terminals that have none."""

from __future__ import annotations

import re
import sys
import unicodedata

ASCII = str.maketrans(
    {
        "∇": "d", "∘": ".*", "σ": "sigmoid", "ᵀ": "^T", "⁻": "^-", "¹": "1", "²": "^2", "×": "x", "–": "-", "·": "-",
        "→": "->", "…": "...", "≤": "<=", "≥": ">=", "≈": "~", "≠": "!=", "✓": "ok", "✗": "wrong",
    }
)  # fmt: skip


class Lines(str):
    """Text of several lines that shows them, and no \\n, as the result of a notebook's cell too."""

    def __repr__(self) -> str:
        return str(self)


def one_line(name: str) -> str:
    """Return the name with control characters and line breaks written as escapes."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def visible(text: str) -> str:
    """Return text of any number of lines with control characters written as escapes."""
    if text.replace("\n", "").isprintable():  # nearly always, and a page is long
        return text
    return "".join(c if _shown(c) else c.encode("unicode_escape").decode() for c in text)


def _shown(c: str) -> bool:
    return c == "\n" or c.isprintable() or unicodedata.category(c) == "Zs"


def at_time(name: str) -> tuple[str, int | None]:
    """Split a name into its base and its time step: z1[3] → z1, 3."""
    parts = re.fullmatch(r"(.+)\[([0-9]{1,9})\]", name, re.DOTALL)
    return (parts[1], int(parts[2])) if parts else (name, None)


def apart(a: complex, b: complex) -> tuple[str, str]:
    """Return two numbers with as many digits as it takes to see them differ, six at least."""
    for digits in (6, 9, 12, 17):
        texts = f"{a:.{digits}g}", f"{b:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def for_terminal(text: str) -> str:
    """Return the text as it is if standard output can show it, else written in its character set."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text
