"""Sums over examples: Σ_{i=1}^n with vectors x_i, or x^{(i)}, is a sum over a sequence, as one over time is."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence

from tinyad.derivation.language.syntax_tree import Token

COUNTING = frozenset("iklmn")  # letters of layers
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


def is_shifted(tokens: Sequence[Token]) -> bool:
    """Return whether a name at t - 1 or t + 1 stands in an equation."""
    texts = [token.text for token in tokens if token.kind not in ("group(", ")group")]
    return any(
        texts[k : k + 2] in (["t", "-"], ["t", "+"]) and texts[k - 1] in ("_", "(", "<", "⟨")
        for k in range(1, len(texts))
    )


def examples_of_declared(names: str, tokens: Sequence[Token]) -> tuple[str, str] | None:
    """Return the letter that counts examples and the last one, where names such as x_i are declared; None if none is.

    `names` are the names that sizes are declared for, one declaration after the other.
    """
    letters = {match[1] or match[2] for match in EXAMPLE.finditer(names)}
    return _range(letters, tokens)


def examples_of_products(tokens: Sequence[Token]) -> tuple[str, str] | None:
    """Return the same for wᵀ x_i, x_iᵀ w and (x_i - μ)ᵀ A: what is transposed, or stands behind it, is a vector."""
    letters = set[str]()
    plain = [t for t in tokens if t.kind not in ("group(", ")group") and t[:2] != ("op", "'")]
    for k in range(1, len(plain) - 1):
        if plain[k].text == "^" and plain[k + 1].text in ("T", "⊤"):
            letters |= _scripts(plain[_before(plain, k) : k])
            if plain[k - 1].kind == "word" and plain[k - 2].text != "_":
                letters |= _scripts(plain[k + 2 : k + 7])
        elif plain[k].text == "⟨":
            closing = next((n for n in range(k, len(plain)) if plain[n].text == "⟩"), k)
            letters |= _scripts(plain[k:closing])
    return _range(letters, tokens)


def _before(tokens: Sequence[Token], at: int) -> int:
    """Return where the operand begins that ends before a position: a bracket, or a name with its script."""
    depth, k = 0, at - 1
    while k > 0:
        depth += (tokens[k].kind == "close") - (tokens[k].kind == "open")
        if depth <= 0:
            break
        k -= 1
    return max(0, k if tokens[k].kind == "open" else at - 6)


def _scripts(tokens: Sequence[Token]) -> set[str]:
    """Return the letters that are the only script of a name: i of x_i and of x^{(i)}."""
    found = set[str]()
    for before, a, b, c in zip(tokens, tokens[1:], tokens[2:], [*tokens[3:], None], strict=False):
        if before.kind == "word" and a.text == "_" and b.kind == "word" and len(b.text) == 1:
            found.add(b.text)
        elif before.kind == "word" and a.text == "^" and b.text in ("(", "[") and c is not None:
            found.add(c.text)
    return found


def _range(letters: set[str], tokens: Sequence[Token]) -> tuple[str, str] | None:
    """Return the only one of some letters that sums run over from 1 on, and the letter of its last value."""
    ranges = sorted((letter, last) for letter, start, last in sums(tokens) if letter in letters and start in ("", "1"))
    found = dict(ranges)  # with a last value, if any sum over it has one
    if len(found) != 1 or any(letter not in found for letter, _, _ in sums(tokens) if letter in letters):
        return None
    ((letter, last),) = found.items()
    return (letter, last or "n") if not last or last.isalpha() else None


def layers_above(equations: Sequence[Sequence[Token]], exponents: Container[str]) -> tuple[str, str] | None:
    """Return the letter that counts layers above names, l of a^l and a^{l-1}, and the last one, L; None without such.

    Those that are exponents count nothing.
    """
    shifted, plain = set[str](), set[str]()
    for tokens in equations:
        for k, token in enumerate(tokens[:-2]):
            if token[:2] != ("op", "^") or not k or tokens[k - 1].kind not in ("word", ")group"):
                continue
            end = next((n for n in range(k, len(tokens)) if tokens[n].kind == ")group"), k)
            inner = [t.text for t in tokens[k + 2 : end]]
            while inner[:1] in (["("], ["["]) and inner[-1:] in ([")"], ["]"]):
                inner = inner[1:-1]
            if len(inner) == 1 and inner[0].isalpha():
                plain.add(inner[0])
            elif len(inner) == 3 and inner[0].isalpha() and inner[1] in "+-" and inner[2] == "1":
                shifted.add(inner[0])
    counting = sorted(c for c in shifted & plain if c in COUNTING and c not in exponents)
    return (counting[0], counting[0].upper()) if len(counting) == 1 else None
