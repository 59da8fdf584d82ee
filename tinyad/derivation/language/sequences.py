"""Sums over examples: Σ_{i=1}^n with vectors x_i, or x^{(i)}, is a sum over a sequence, as one over time is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tinyad.derivation.language.syntax_tree import Token

EXAMPLE = re.compile(r"_\{?([a-z])\}?\s*(?:[,:∈]|$|\\in)|\^\{?\s*[\[(]([a-z])[\])]\}?\s*(?:[,:∈]|$|\\in)")


def sums(tokens: Sequence[Token]) -> Iterator[tuple[str, str, str]]:
    """Yield the letter, the first and the last value of each sum."""
    for k, token in enumerate(tokens):
        if token[:2] != ("op", "Σ"):
            continue
        texts = [t.text for t in tokens[k + 1 : k + 12] if t.kind not in ("group(", ")group")]
        if texts[:1] != ["_"] or len(texts) < 2:
            continue
        start = texts[3] if texts[2:3] == ["="] and len(texts) > 3 else ""
        rest = texts[4:6] if start else texts[2:4]
        yield texts[1], start, rest[1] if rest[:1] == ["^"] and len(rest) > 1 else ""


def examples_of_declared(names: str, tokens: Sequence[Token]) -> tuple[str, str] | None:
    """Return the letter that counts examples and the last one, where names such as x_i are declared; None if none is.

    `names` are the names that sizes are declared for, one declaration after the other.
    """
    letters = {match[1] or match[2] for match in EXAMPLE.finditer(names)}
    return _range(letters, tokens)


def examples_of_products(tokens: Sequence[Token]) -> tuple[str, str] | None:
    """Return the same for wᵀ x_i, where w is no component and x_i stands behind it, so that x_i is a vector."""
    letters = set[str]()
    plain = [t for t in tokens if t.kind not in ("group(", ")group")]
    texts = [t.text for t in plain]
    for k in range(1, len(plain) - 3):
        turned = texts[k] == "^" and texts[k + 1] in ("T", "⊤") and plain[k - 1].kind == "word"
        if turned and plain[k + 2].kind == "word" and texts[k + 3] in ("_", "^"):
            script = next((text for text in texts[k + 4 : k + 6] if text != "("), "")
            if texts[k + 3] == "_" or texts[k + 4] == "(":
                letters.add(script)
    return _range(letters, tokens)


def _range(letters: set[str], tokens: Sequence[Token]) -> tuple[str, str] | None:
    """Return the only one of some letters that sums run over from 1 on, and the letter of its last value."""
    found = {letter: last for letter, start, last in sums(tokens) if letter in letters and start in ("", "1")}
    if len(found) != 1 or any(letter not in found for letter, _, _ in sums(tokens) if letter in letters):
        return None
    ((letter, last),) = found.items()
    return (letter, last or "n") if not last or last.isalpha() else None
