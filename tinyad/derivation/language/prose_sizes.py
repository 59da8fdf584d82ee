"""Sizes that a document states in its prose: where W ∈ ℝ^{N×M}; X is an N × M matrix; b is a scalar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tinyad.derivation.language.displays import Display
from tinyad.derivation.language.document import Document
from tinyad.derivation.language.limits import STATED_SIZES
from tinyad.derivation.language.macros import Expansion, ExpansionError
from tinyad.derivation.language.sizes import CLOSE, MEMBER, OPEN, Side, SizeError, members, side_of, sides_of_size

CLOSING = re.compile(r"\$|\\\)")
AHEAD = 100  # characters behind a name in which its size is stated
SIDE = r"[\w{}\\^|*·]{1,24}"
TIMES = r"\s?(?:×|\\times(?![A-Za-z]))\s?"
PRODUCT = rf"({SIDE}){TIMES}({SIDE})"
PAIR = rf"\(\s?({SIDE})\s?,\s?({SIDE})\s?\)"
IS = r"(?:,? ?(?:where |which |each |all |both )?(?:is|are|be|as|has|have|denotes?) | ?[:(] ?| ?,? ?(?=of |with |an? ))"
ADJECTIVES = (
    "an? the some real real-valued given fixed input output weight data learnable trainable one-hot random dense "
    "square positive constant design bias hidden unknown"
)
OF_SIZE = r"(?:size|shape|dimensions?)"
VECTOR = r"(?:column )?vectors?"
PHRASES = [
    re.compile(rf"{IS}(?:(?:{ADJECTIVES.replace(' ', '|')}) ){{0,4}}{phrase}", re.IGNORECASE)
    for phrase in (
        rf"{PRODUCT}(?: (?:real )?matri(?:x|ces))?",
        rf"(?:matri(?:x|ces) )?(?:of |with |has )?{OF_SIZE} ?:? ?\(?{PRODUCT}",
        rf"(?:matri(?:x|ces) )?(?:of |with |has )?{OF_SIZE} ?:? ?{PAIR}",
        rf"(?P<row>row )?{VECTOR} (?:of|with) (?:length|size|dimension(?:ality)?) ({SIDE})(?!{TIMES})",
        rf"(?P<row>row )?{VECTOR} (?:of|with) ({SIDE}) (?:entries|elements|components|numbers|features)",
        rf"({SIDE})-dimensional (?P<row>row )?{VECTOR}",
        rf"({SIDE})-vectors?",
        r"(?P<scalar>scalars?|(?:real )?numbers?)\b",
    )
]
SCALARS_BEFORE = re.compile(r"\b(?:scalars?|constants?)\s*$", re.IGNORECASE)
LENGTH_BEFORE = re.compile(r"\b(?:length|size|shape|dimension(?:s|ality)?)\s*(?:\$|\\\()\Z")
BETWEEN_NAMES = re.compile(r"\s*(?:,|and|,\s*and|or|&)\s*")
NO_NAME = re.compile(
    r"[=<>+≤≥×]|\\(?:frac|[lc]?dots|leq?|geq?|sum|to|mapsto|partial|nabla|times)(?![A-Za-z])|\.\.\.|…|^\s*[\d(\[]"
)
ONE_HOT = re.compile(r"[^.;:$\n]{0,60}?\b(?:one-hot|probability\s+(?:vector|distribution))\b", re.IGNORECASE)


SYMMETRIC = re.compile(
    r"[^.;:$\n]{0,60}?\bsymmetric\b(?P<definite>,?\s+(?:and\s+)?positive[\s-]definite)?", re.IGNORECASE
)


class Stated(NamedTuple):
    """A name, by its place in the text, and what the prose says of it: its sides, or None, and of what kind it is."""

    start: int
    end: int
    sides: tuple[Side, Side] | None
    kind: str = ""  # of a declaration: sums to 1, symmetric, positive definite


def stated_sizes(source: Document) -> list[Stated]:
    """Return what the prose of a document says about the sizes of names, at most a bounded number of times."""
    found: list[Stated] = []
    inline = [display for display in source.found.displays if display.inline]
    for k, display in enumerate(inline[:STATED_SIZES]):
        source.check_time()
        text = source.text[display.start : display.end]
        if MEMBER.search(_expanded(source, text, display.start)):
            found += _members(source, display, _kind(_behind(source, display)))
        elif not (
            NO_NAME.search(text) or LENGTH_BEFORE.search(source.text, max(0, display.start - AHEAD), display.start)
        ):
            last = k
            while last + 1 < len(inline) and _is_listed(source, inline[last], inline[last + 1]):
                last += 1
            sides, kind = _said(source, display, inline[last]), _kind(_behind(source, inline[last]))
            if sides or kind:
                found += [Stated(start, end, sides, kind) for start, end in _names(text, display.start)]
    return found


def _is_listed(source: Document, one: Display, other: Display) -> bool:
    """Return whether two names stand side by side, with a comma or `and` between them."""
    between = source.text[one.end : other.start].strip("$\\()")
    return bool(BETWEEN_NAMES.fullmatch(between)) and not NO_NAME.search(source.text[other.start : other.end])


def _behind(source: Document, display: Display) -> str:
    """Return the text behind an inline formula, without the sign that ends it."""
    closing = CLOSING.match(source.text, display.end)
    begun = closing.end() if closing else display.end
    return source.text[begun : begun + AHEAD].split("\n\n")[0]


def _kind(behind: str) -> str:
    """Return what is said of a name besides its size: sums to 1, symmetric, positive definite; "" if nothing is."""
    if ONE_HOT.match(behind):
        return "sums to 1"
    symmetric = SYMMETRIC.match(behind)
    return "" if not symmetric else "positive definite" if symmetric["definite"] else "symmetric"


def _members(source: Document, display: Display, kind: str) -> Iterator[Stated]:
    """Yield the names before each ∈ of a formula, with the size of the field behind it."""
    text = source.text[display.start : display.end]
    for (start, end), (first, last) in members(text):
        field = _expanded(source, text[first:last], display.start + first)
        sides = _sides(field)
        if sides and not NO_NAME.search(text[start:end]):
            for begun, ended in _names(text[start:end], display.start + start):
                yield Stated(begun, ended, sides, kind)


def _sides(text: str) -> tuple[Side, Side] | None:
    texts = sides_of_size(text)
    try:
        return (side_of(texts[0]), side_of(texts[1])) if texts else None
    except SizeError:
        return None


def _said(source: Document, display: Display, last: Display) -> tuple[Side, Side] | None:
    """Return the size that is stated behind names, or scalars before them."""
    text = source.text
    before = text[max(0, display.start - AHEAD) : display.start].rstrip("$\\(")
    behind = _behind(source, last)
    plain = re.sub(r"\$|\\[()]|[~\n]", " ", _expanded(source, behind, last.end)).replace(r"\,", "")
    plain = re.sub(r" +", " ", plain).replace(" -", "-")
    one: Side = (("", 1),)
    for phrase in PHRASES:
        match = phrase.match(plain)
        if not match:
            continue
        groups = match.groupdict()
        if groups.get("scalar"):
            return (one, one)
        texts = [group for name, group in zip(_names_of(match), match.groups(), strict=True) if not name]
        try:
            sides = [side_of(_closed(side or "")) for side in texts]
        except SizeError:
            continue
        if len(sides) == 2:
            return (sides[0], sides[1])
        return (one, sides[0]) if groups.get("row") else (sides[0], one)
    return (one, one) if SCALARS_BEFORE.search(before) else None


def _names_of(match: re.Match[str]) -> list[str]:
    """Return the name of each group of a match, "" for one without."""
    named = {number: name for name, number in match.re.groupindex.items()}
    return [named.get(number, "") for number in range(1, match.re.groups + 1)]


def _closed(side: str) -> str:
    """Return a side without closing braces that have no opening one."""
    while side.count("}") > side.count("{") and side.endswith("}"):
        side = side[:-1]
    return side.rstrip("\\")


def _names(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Yield where the names stand that commas separate outside of brackets."""
    depth, start = 0, 0
    for k, c in enumerate(text + ","):
        depth += (c in OPEN) - (c in CLOSE)
        if c == "," and depth == 0:
            part = text[start:k]
            if part.strip():
                yield at + start + len(part) - len(part.lstrip()), at + start + len(part.rstrip())
            start = k + 1


def _expanded(source: Document, text: str, at: int) -> str:
    """Return a text with the macros of its document expanded."""
    if source.macros is None or "\\" not in text:
        return text
    try:
        return Expansion(text, at, source.macros, source.check_time).text
    except ExpansionError:
        return text
