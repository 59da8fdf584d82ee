"""Equations of a block: the lines that belong to one equation, its number and the step it claims."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tinyad.derivation.language.limits import LABEL_TOKENS
from tinyad.derivation.language.syntax_tree import Token

BINARY = ("+", "-", "∘", "*", "·", "@", "/")


DEPTH = {"open": 1, "group(": 1, "matrix(": 1, "close": -1, ")group": -1, ")matrix": -1}
SEPARATORS = (",", ";", "and")
COUNTS = re.compile(r"(for|∀|where)?\w=\d+,?(…|\.\.),?\w*")
CONDITIONS = ("if", "for", "when")
CONNECTIVES = ("and", "where", "with", "so", "then", "thus", "hence", "therefore")


class Segment(NamedTuple):
    """The tokens of one equation, joined over the lines it takes, and its number."""

    tokens: list[Token]
    number: str
    claim: str


def segments(tokens: Sequence[Token]) -> list[Segment]:
    """Return the equations; a line that begins with an operator, or follows one that ends with one, continues."""
    lines: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "end" or (token.kind == "op" and token.text == "⇒"):
            if lines[-1]:
                lines.append([])
        else:
            lines[-1].append(token)
    joined: list[Segment] = []
    for line in (part for whole in lines for part in _equations(whole)):
        number, claim, rest = _numbered(line)
        continues = rest and rest[0].kind == "op" and rest[0].text in ("=", *BINARY)
        unfinished = (
            joined
            and joined[-1].tokens
            and joined[-1].tokens[-1].kind == "op"
            and joined[-1].tokens[-1].text in ("=", "+=", *BINARY)
        )
        if joined and not rest and number and not joined[-1].number:
            joined[-1] = joined[-1]._replace(number=number)
        elif joined and rest and (continues or unfinished):
            before = joined[-1]
            joined[-1] = Segment(before.tokens + rest, before.number or number, before.claim or claim)
        elif rest:
            joined.append(Segment(rest, number, claim))
    return joined


def _equations(line: list[Token]) -> Iterator[list[Token]]:
    """Yield the equations of a line, which a comma, a semicolon, a wide space or the word `and` separates."""
    places, depth = [], 0
    line = [t for k, t in enumerate(line) if not (t.text == "and" and k and line[k - 1].kind == "quad")]
    for k, token in enumerate(line):
        depth += DEPTH.get(token.kind, 0)
        if depth == 0 and (token.kind == "quad" or token.text in SEPARATORS):
            places.append(k)
    first = 0
    for k, after in pairwise((*places, len(line))):
        behind = line[k + 1 : after]
        if _has_sign(line[first:k]) and _has_sign(behind) and not (_counts(line[k + 1 :]) or is_condition(behind)):
            yield _without_separators(line[first:k])
            first = k + 1
        elif _has_sign(line[first:k]) and _counts(line[k + 1 :]):  # h_t = ..., t = 1, ..., T
            yield _without_separators(line[first:k])
            return
    yield _without_separators(line[first:])


def _has_sign(tokens: Sequence[Token]) -> bool:
    """Return whether there is an equals sign outside of brackets, with something before it."""
    depth = 0
    for k, token in enumerate(tokens):
        depth += DEPTH.get(token.kind, 0)
        if depth == 0 and token.kind == "op" and token.text in ("=", "+=", "≡"):
            return k > 0 and any(t.kind not in ("quad",) and t.text not in SEPARATORS for t in tokens[:k])
    return False


def _counts(tokens: Sequence[Token]) -> bool:
    """Return whether this only says how far a letter counts: t = 1, ..., T or i = 1..N."""
    return bool(COUNTS.fullmatch("".join(t.text for t in tokens if t.kind != "quad").rstrip(".,;")))


def is_condition(tokens: Sequence[Token]) -> bool:
    """Return whether this only compares two indices, as the end of a line does: if i = j."""
    texts = [t.text for t in tokens if t.kind != "quad" and t.text not in ",.;"]
    return len(texts) == 4 and texts[0] in CONDITIONS and texts[2] in ("=", "≠") and all(len(t) == 1 for t in texts[1:])


def _without_separators(tokens: list[Token]) -> list[Token]:
    """Return an equation without wide spaces, and without `and`, `where` and the like before it."""
    kept = [token for token in tokens if token.kind != "quad"]
    while len(kept) > 1 and kept[0].kind == "word" and kept[0].text in CONNECTIVES and kept[1].text != "=":
        kept = kept[1:]
    return kept


def _numbered(line: Sequence[Token]) -> tuple[str, str, list[Token]]:
    """Return the number of a line, the step it claims, and the tokens without both."""
    tag = next((token.text for token in line if token.kind == "tag"), "")
    trailing, claim, rest = _without_trailing([token for token in line if token.kind != "tag"])
    while rest and rest[-1].kind == "op" and rest[-1].text in (",", ".", ";"):
        rest = rest[:-1]
    leading, length = _leading_number(rest)
    return leading or tag or trailing, claim, rest[length:]


def _without_trailing(tokens: list[Token]) -> tuple[str, str, list[Token]]:
    """Return the number (12) or the claim of step 29 at the end of a line, and the tokens before."""
    texts = [token.text for token in tokens]
    if len(tokens) >= 2 and texts[-2] == "step" and tokens[-1].kind == "number":
        rest = tokens[:-2]
        if len(rest) >= 3 and rest[-2].text == "×" and rest[-1].kind == rest[-3].kind == "number":  # a size
            rest = rest[:-3]
        return "", texts[-1], rest
    if len(tokens) > 4 and texts[-2] == "×" and texts[-4] == "given":
        return "", "", tokens[:-3]
    bracketed = texts[-3:-2] == ["("] and texts[-1] == ")"
    if bracketed and tokens[-2].kind == "number" and tokens[-3].spaced:
        return texts[-2], "", tokens[:-3]
    return "", "", tokens


def _leading_number(tokens: Sequence[Token]) -> tuple[str, int]:
    """Return the number at the beginning of a line, 12.  (12)  eq.12  12  Comp-1:, and how many tokens it takes."""
    texts = [token.text for token in tokens]
    colon = texts.index(":") if ":" in texts[:LABEL_TOKENS] else 0
    if colon and all(t.kind in ("word", "number") or t.text in ("-", ".") for t in tokens[:colon]):
        return "".join(texts[:colon]), colon + 1
    if texts[:1] in (["eq"], ["Eq"]) and len(tokens) > 2:
        k = 2 if texts[1] == "." else 1
        if tokens[k].kind == "number":
            return texts[k], k + 1
    if len(tokens) > 3 and texts[0] == "(" and tokens[1].kind == "number" and texts[2] == ")" and texts[3] != "=":
        return texts[1], 3
    length = _length_of_bare_number(tokens)
    return (texts[0], length) if length else ("", 0)


def _length_of_bare_number(tokens: Sequence[Token]) -> int:
    """Return how many tokens the number of a line takes in 12.  12)  12; 0 if it is a factor or there is none."""
    if len(tokens) < 2 or tokens[0].kind != "number":
        return 0
    following = tokens[1]
    if following.text in (".", ")") and len(tokens) > 2:
        return 2
    begins_formula = following.kind in ("word", "open", "frac") or following.text in ("∇", "∂")
    return 1 if following.spaced and begins_formula else 0
