"""Find the one text behind texts for several sizes: a number that differs is a formula in T and B.

T is a number of time steps, B one of columns.  Texts are cut at their numbers; what is between must be the same in all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import zip_longest
from math import gcd, lcm
from typing import NamedTuple

NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?)")
POWERS = (Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-1, 2))  # tried in this order
LONGEST = 80  # letters of a line in a message
DENOMINATOR = 12  # the largest of a factor such as 1/2
ROUNDING, SINGLE_ROUNDING = 1e-15, 2e-7  # relative, of a number computed in float64, in float32


class Sizes(NamedTuple):
    """A number of time steps and a number of columns; 0 for one that is not open."""

    T: int
    B: int

    def __str__(self) -> str:
        return ", ".join(f"{name} = {n}" for name, n in zip(self._fields, self, strict=True) if n)


class NoFormulaError(ValueError):
    """Says where texts for several sizes differ in more than numbers that have a formula."""


class Formula(NamedTuple):
    """((a + b T + c B + d T B) / scale) ** power, in whole numbers; or a + T modulo 2, of two in turn."""

    a: int
    b: int
    c: int
    d: int
    scale: int = 1
    power: Fraction = POWERS[0]
    in_turn: bool = False

    def at(self, sizes: Sizes) -> float:
        T, B = sizes
        whole = self.a + self.b * T + self.c * B + self.d * T * B
        if self.in_turn:
            return whole % 2
        if self.power == 1:
            return whole if self.scale == 1 else whole / self.scale
        if self.power == -1:
            return self.scale / whole if whole else float("inf")
        return float((whole / self.scale) ** float(self.power)) if whole > 0 else float("nan")

    def text(self, T: str, B: str) -> str:
        """Return the formula in Python; `T` and `B` are the names of the sizes."""
        form = self._product(T, B) or _sum((self.d, f"{T} * {B}"), (self.b, T), (self.c, B), (self.a, ""))
        if self.in_turn:
            return f"{_bracketed(form)} % 2"
        if self.power == 1 and self.scale == 1:
            return form
        if self.power == -1:
            return f"{self.scale} / {_bracketed(form)}"
        over = form if self.scale == 1 else f"{_bracketed(form)} / {self.scale}"
        return over if self.power == 1 else f"{_bracketed(over)} ** {float(self.power)}"

    def _product(self, T: str, B: str) -> str | None:
        """Return a + b T + c B + d T B as a product (p + q T) (r + s B) if it is one of whole numbers."""
        a, b, c, d = self[:4]
        if not d or a * d != b * c:
            return None
        s = gcd(c, d)
        p, q = c // s, d // s
        if b % q:
            return None
        r = b // q
        left, right = _sum((q, T), (p, "")), _sum((s, B), (r, ""))
        return f"{_bracketed(left)} * {_bracketed(right)}" if p or r else f"{_sum((d, T))} * {B}"


def _sum(*terms: tuple[int, str]) -> str:
    """Return the sum of factors times names as text."""
    text = ""
    for factor, name in terms:
        if factor:
            size = " * ".join([str(abs(factor))] * (abs(factor) != 1 or not name) + [name] * bool(name))
            text += (f" {'-' if factor < 0 else '+'} " if text else "-" * (factor < 0)) + size
    return text or "0"


def _bracketed(text: str) -> str:
    return text if text.isidentifier() or text.isdigit() else f"({text})"


class Piece(NamedTuple):
    """What stands before a number, the number as it is in the first text, and its formula if it differs."""

    before: str
    number: str
    formula: Formula | None

    @property
    def is_in_name(self) -> bool:
        """Return whether the number is part of a name, as that of h_7 is."""
        return bool(re.search(r"\w$", self.before))

    def at(self, sizes: Sizes) -> str:
        if self.formula is None:
            return self.number
        value = self.formula.at(sizes)
        return repr(value if self.number.isdigit() else float(value))


class Template:
    """A text for every size."""

    def __init__(self, pieces: Sequence[Piece], end: str) -> None:
        self.pieces, self.end = pieces, end

    def at(self, sizes: Sizes) -> str:
        """Return the text for given sizes."""
        return "".join(p.before + p.at(sizes) for p in self.pieces) + self.end

    def text(self, T: str = "T", B: str = "B") -> str:
        """Return the text with formulas in the place of numbers.

        A name keeps the number that it has in the first text: there no two names are the same.
        """
        text = ""
        befores = [p.before for p in self.pieces[1:]] + [self.end]
        for piece, after in zip(self.pieces, befores, strict=True):
            text += piece.before
            if piece.formula is None or piece.is_in_name:
                text += piece.number
            else:
                formula = piece.formula.text(T, B)
                alone = text.rstrip()[-1:] in tuple("([,:") and after.lstrip()[:1] in tuple(")],:")
                is_comment = "#" in text.rpartition("\n")[2]
                text += formula if alone or is_comment else _bracketed(formula)
        return text + self.end


def check_words(texts: Mapping[Sizes, str]) -> None:
    """Raise NoFormulaError if texts differ in more than numbers."""
    (first, text), *others = texts.items()
    words = NUMBER.split(text)
    for sizes, other in others:
        pairs = zip_longest(words[::2], NUMBER.split(other)[::2])
        different = next((k for k, (a, b) in enumerate(pairs) if a != b), None)
        if different is not None:
            raise NoFormulaError(_difference(first, text, words, sizes, other, 2 * different))


def fitted(texts: Mapping[Sizes, str]) -> Template:
    """Return the text behind texts for T and T' time steps with B and B' columns, and for more sizes.

    NoFormulaError says where there is none.
    """
    check_words(texts)
    first, text = next(iter(texts.items()))
    cut = {sizes: NUMBER.split(t) for sizes, t in texts.items()}
    pieces = []
    for k in range(1, len(cut[first]), 2):
        numbers = {sizes: parts[k] for sizes, parts in cut.items()}
        formula = None
        if len(set(numbers.values())) > 1:
            formula = _formula({s: _number(n) for s, n in numbers.items()}, "float32" in text)
            if formula is None:
                sizes = next(s for s, n in numbers.items() if n != numbers[first])
                raise NoFormulaError(_difference(first, text, cut[first], sizes, texts[sizes], k))
        pieces.append(Piece(cut[first][k - 1], numbers[first], formula))
    return Template(pieces, cut[first][-1])


def _difference(a: Sizes, text: str, parts: Sequence[str], b: Sizes, other: str, k: int) -> str:
    """Say how the lines differ in which part k of two texts is."""
    line = "".join(parts[:k] if k % 2 else _same(parts[: k + 1], other)).count("\n")
    lines = [(t.splitlines() + [""] * (line + 1))[line].strip() for t in (text, other)]
    if max(map(len, lines)) > LONGEST:
        begin = max(0, _first_difference(*lines) - LONGEST // 2)
        lines = [f"{'...' * (begin > 0)}{t[begin : begin + LONGEST]}" for t in lines]
    return f"line {line + 1} of the source is {lines[0]!r} with {a}, and {lines[1]!r} with {b}"


def _first_difference(a: str, b: str) -> int:
    return next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _same(parts: Sequence[str], other: str) -> list[str]:
    """Return the parts, the last one as far as the other text has it in its own place."""
    theirs = "".join(NUMBER.split(other)[len(parts) - 1 : len(parts)])
    common = _first_difference(parts[-1], theirs)
    return [*parts[:-1], parts[-1][:common]]


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() else float(text)


def _formula(numbers: Mapping[Sizes, float], single: bool) -> Formula | None:
    """Return the simplest formula that gives all numbers, to the rounding of floats; None if there is none."""
    whole = all(isinstance(n, int) for n in numbers.values())
    if not whole and not all(numbers.values()):
        return None
    found: list[Formula] = []
    for power in POWERS[:1] if whole else POWERS:
        exact = {s: Fraction(n) if whole else _fraction(n ** float(1 / power)) for s, n in numbers.items()}
        factors = _bilinear(exact)
        scale = lcm(*(x.denominator for x in factors))
        a, b, c, d = (int(x * scale) for x in factors)
        found.append(Formula(a, b, c, d, scale, power))
    found += [Formula(a, 1, 0, 0, in_turn=True) for a in (0, 1) if whole]
    return next((f for f in found if all(_is_equal(f.at(s), n, single) for s, n in numbers.items())), None)


def _fraction(x: float) -> Fraction:
    return Fraction(x).limit_denominator(DENOMINATOR)


def _bilinear(v: Mapping[Sizes, Fraction]) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """Return a, b, c, d of a + b T + c B + d T B from the values at the first two T and B."""
    Ts, Bs = (list(dict.fromkeys(sizes[k] for sizes in v))[:2] for k in (0, 1))
    lines = []
    for B in Bs:
        b = (v[Sizes(Ts[-1], B)] - v[Sizes(Ts[0], B)]) / ((Ts[-1] - Ts[0]) or 1)
        lines.append((v[Sizes(Ts[0], B)] - b * Ts[0], b))
    c, d = ((end - begin) / ((Bs[-1] - Bs[0]) or 1) for begin, end in zip(lines[0], lines[-1], strict=True))
    return lines[0][0] - c * Bs[0], lines[0][1] - d * Bs[0], c, d


def _is_equal(found: float, number: float, single: bool) -> bool:
    if isinstance(number, int):
        return found == number
    rounding = SINGLE_ROUNDING if single else ROUNDING
    return abs(found - number) <= rounding * abs(number)
