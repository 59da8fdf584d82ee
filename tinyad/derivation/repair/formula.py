"""Formulas that the rules give, with their sizes, and how an author would write them."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

from tinyad.derivation.repair import limits
from tinyad.printing.formula import Precedence

Size = tuple[int, int]
NUMBER: Size = (1, 1)


SUM_OVER = "sum over"  # the key of a leaf that is a sum over an index, which a minus may stand before


class NoFormula(Exception):  # noqa: N818 - not an error of the program: there is no such formula
    """Say that the rules give no formula that the author's notation can express."""


class Formula(NamedTuple):
    """A formula with a number as its factor.  kind, with its parts:

    "one" (the factor alone), "leaf" and "eye" (text), "transpose", "inverse", "+" (terms), "∘", "*", "/" (two parts),
    "kron" (two parts: a ⊗ b), "vec" (one part),
    "filled" (one part, a number: a matrix of this size with that number everywhere; text: the matrix of ones).
    """

    kind: str
    size: Size
    parts: tuple[Formula, ...] = ()
    factor: float = 1.0
    text: str = ""
    precedence: Precedence = Precedence.ATOM  # of a leaf
    key: str = ""  # of a leaf: which name or derivative it is, whatever its time, or the kind of its formula
    symmetric: bool = False  # whether it is its own transpose

    @property
    def is_number(self) -> bool:
        """Return whether the formula is one number."""
        return self.size == NUMBER

    def times(self, number: float) -> Formula:
        """Return the formula with a further factor."""
        return self._replace(factor=self.factor * number)

    def alone(self) -> Formula:
        """Return the formula without its factor."""
        return self._replace(factor=1.0)


def number(value: float) -> Formula:
    """Return a number."""
    return Formula("one", NUMBER, factor=value)


def leaf(text: str, size: Size, precedence: Precedence = Precedence.ATOM, key: str = "") -> Formula:
    """Return a formula that is written as it stands."""
    return Formula("leaf", size, text=text, precedence=precedence, key=key)


def inverse(formula: Formula) -> Formula:
    """Return the inverse of a square matrix."""
    return Formula("inverse", formula.size, (formula.alone(),), 1 / formula.factor, symmetric=formula.symmetric)


def identity(text: str, size: Size) -> Formula:
    """Return the identity matrix."""
    return Formula("eye", size, text=text)


def filled(value: Formula, size: Size, ones: str = "", precedence: Precedence = Precedence.ATOM) -> Formula:
    """Return the matrix with one number everywhere; `ones` is the text of the matrix of ones, if there is one."""
    if size == NUMBER:
        return value
    return Formula("filled", size, (value.alone(),), value.factor, ones, precedence)


def transposed(formula: Formula) -> Formula:
    """Return the transpose."""
    size, factor = formula.size[::-1], formula.factor
    if formula.is_number or formula.kind in ("eye", "filled") or formula.symmetric:
        return formula if formula.kind != "filled" else formula._replace(size=size, text="")
    if formula.kind == "transpose":
        return formula.parts[0].times(factor)
    if formula.kind == "kron":
        return kronecker(*map(transposed, formula.parts)).times(factor)
    if formula.kind not in ("*", "/", "+", "∘"):
        return Formula("transpose", size, (formula.alone(),), factor)
    return _turned_operation(formula).times(factor)


def _turned_operation(formula: Formula) -> Formula:
    """Return the transpose of an operation without its factor: that of its operands, if it needs no brackets then."""
    if formula.kind == "*":
        a, b = formula.parts
        turned = transposed(a), transposed(b)
        return product(*(turned if a.is_number or b.is_number else turned[::-1]))
    if formula.kind == "/":
        a, b = formula.parts
        return quotient(transposed(a), transposed(b))
    if any(part.kind == "transpose" for part in formula.parts):
        parts = [transposed(part) for part in formula.parts]
        return added(parts) if formula.kind == "+" else componentwise(*parts)
    return Formula("transpose", formula.size[::-1], (formula.alone(),))


def added(terms: Sequence[Formula]) -> Formula:
    """Return a sum."""
    flat: list[Formula] = []
    for term in terms:
        inner = [part.times(term.factor) for part in term.parts] if term.kind == "+" else [term]
        for new in inner:
            same = next((k for k, old in enumerate(flat) if _is_equal(old, new)), None)
            if same is None:
                flat.append(new)
            else:
                plain = min(flat[same], new, key=lambda f: sum(part.kind == "transpose" for part in _factors(f)))
                flat[same] = plain._replace(factor=flat[same].factor + new.factor)
    flat = [term for term in flat if term.factor]
    size = max((term.size for term in terms), default=NUMBER)
    if not flat:
        return number(0.0)
    if len(flat) == 1:
        return flat[0]
    flat = [with_ones(term) if term.kind == "filled" and term.parts[0].kind != "one" else term for term in flat]
    ordered = sorted(flat, key=lambda term: term.factor < 0 and flat[0].factor < 0)  # a - b sooner than -b + a
    return Formula("+", size, tuple(ordered))


def _is_equal(a: Formula, b: Formula) -> bool:
    """Return whether two terms are equal but for their factors; a number is equal to its transpose."""
    if a.alone() == b.alone():
        return True
    turned = [transposed(factor) for factor in _factors(b.alone())[::-1]]
    return a.is_number and b.is_number and len(turned) > 1 and _factors(a.alone()) == turned


def _factors(formula: Formula) -> list[Formula]:
    """Return the factors of nested matrix products."""
    if formula.kind != "*":
        return [formula]
    return [factor for part in formula.parts for factor in _factors(part)]


def product(a: Formula, b: Formula) -> Formula:
    """Return a matrix product, or a number times a matrix."""
    factor = a.factor * b.factor
    a, b = a.alone(), b.alone()
    for one, other in ((a, b), (b, a)):
        if one.kind == "one" or (one.kind == "eye" and not other.is_number and other.kind != "filled"):
            return other.times(factor)
        if one.kind == "*" and one.parts[1].kind == "eye" and not other.is_number:  # a number times I
            return product(one.parts[0], other).times(factor)
        if one.is_number and other.kind == "filled":
            return filled(product(one, other.parts[0]), other.size, other.text, other.precedence).times(factor)
    a, b = with_ones(a), with_ones(b)
    for one, other in ((a, b), (b, a)):
        if _is_scaled(one) and not other.is_number:  # numbers stand in front
            inner = product(one.parts[1], other) if one is a else product(other, one.parts[1])
            return product(one.parts[0], inner).times(factor)
    kron = _of_krons(a, b)
    if kron is not None:
        return kron.times(factor)
    divided = _divided(product, a, b)
    return (_plain_product(a, b) if divided is None else divided).times(factor)


def kronecker(a: Formula, b: Formula) -> Formula:
    """Return a ⊗ b."""
    if a.is_number or b.is_number:
        return product(a, b)
    size = a.size[0] * b.size[0], a.size[1] * b.size[1]
    if a.kind == b.kind == "eye":
        return identity(a.text, size)
    for one, other in ((a, b), (b, a)):
        if one.kind == "+":  # a sum beside it needs no brackets then
            terms = [term.times(one.factor) for term in one.parts]
            return added([kronecker(t, other) if one is a else kronecker(other, t) for t in terms])
    return Formula("kron", size, (a.alone(), b.alone()), a.factor * b.factor)


def _of_krons(a: Formula, b: Formula) -> Formula | None:
    """Return (A ⊗ B) (C ⊗ D) as A C ⊗ B D, and (x ⊗ I) y as x ⊗ y for columns; None for other products."""
    for one, other in ((a, b), (b, a)):
        if one.kind == "kron" and other.kind == "kron":
            (p, q), (r, s) = a.parts, b.parts
            return kronecker(product(p, r), product(q, s)) if p.size[1] == r.size[0] else None
    if a.kind == "kron" and a.parts[1].kind == "eye" and a.parts[0].size[1] == 1 == b.size[1]:
        return kronecker(a.parts[0], b)
    return None


def vec(formula: Formula) -> Formula:
    """Return the columns of a formula one below the other: (Bᵀ ⊗ A) vec(G) for A G B with a derivative G."""
    factor, inner = formula.factor, formula.alone()
    if 1 in formula.size:
        return formula if formula.size[1] == 1 else transposed(formula)
    if inner.kind == "+":
        return added([vec(term) for term in inner.parts]).times(factor)
    if inner.kind == "*" and inner.parts[0].is_number:
        return product(inner.parts[0], vec(inner.parts[1])).times(factor)
    if inner.kind == "/" and inner.parts[1].is_number:
        return quotient(vec(inner.parts[0]), inner.parts[1]).times(factor)
    return _vec_of_product(_factors(inner)).times(factor)


def _vec_of_product(factors: Sequence[Formula]) -> Formula:
    """Return the same of a product of matrices: x ⊗ g for g xᵀ."""
    outer = next((k for k in range(1, len(factors)) if factors[k].size[0] == 1), None)
    if outer is not None:
        return kronecker(transposed(_chain(factors[outer:])), _chain(factors[:outer]))
    at = next((k for k, f in enumerate(factors) if f.key.startswith("d ")), None)
    if at is None:  # what a derivative is written out as
        at = next((k for k, f in enumerate(factors) if f.kind == "+" or f.precedence == Precedence.SUM), None)
    if at is None:
        return stacked(_chain(factors))
    rows, columns = factors[at].size
    before, after = ([identity("I", (n, n))] for n in (rows, columns))
    outside = kronecker(transposed(_chain(factors[at + 1 :] or after)), _chain(factors[:at] or before))
    return product(outside, stacked(factors[at]))


def stacked(formula: Formula) -> Formula:
    """Return the columns of a formula one below the other, by the function vec."""
    if formula.size[1] == 1:
        return formula
    return Formula("vec", (formula.size[0] * formula.size[1], 1), (formula.alone(),), formula.factor)


def _chain(factors: Sequence[Formula]) -> Formula:
    """Return the product of some factors."""
    return reduce(product, factors)


def _is_scaled(formula: Formula) -> bool:
    """Return whether a formula is a matrix behind a number that has a name."""
    return formula.kind == "*" and formula.parts[0].is_number and not formula.is_number


def _plain_product(a: Formula, b: Formula) -> Formula:
    """Return a product of which nothing can be simplified."""
    if a.is_number or b.is_number:
        size = b.size if a.is_number else a.size
        if b.is_number and not a.is_number:
            a, b = b, a
        return Formula("*", size, (a, b))
    if a.size[1] != b.size[0]:
        raise NoFormula
    return Formula("*", (a.size[0], b.size[1]), (a, b))


def componentwise(a: Formula, b: Formula) -> Formula:
    """Return a ∘ b."""
    for one, other in ((a, b), (b, a)):
        if one.kind == "filled" and not other.is_number:
            return product(one.parts[0].times(one.factor), other)
    if a.is_number or b.is_number:
        return product(a, b)
    size = _repeated(a, b)
    if b.kind == "/" and b.parts[0].kind == "one":
        return quotient(a.times(b.factor), b.parts[1])
    divided = _divided(componentwise, a, b)
    if divided is not None:
        return divided
    return Formula("∘", size, (a.alone(), b.alone()), a.factor * b.factor)


def _repeated(a: Formula, b: Formula) -> Size:
    """Return the size of a component-wise operation, in which a row or a column is repeated as in NumPy."""
    if any(m != n and 1 not in (m, n) for m, n in zip(a.size, b.size, strict=True)):
        raise NoFormula
    return max(a.size[0], b.size[0]), max(a.size[1], b.size[1])


def _divided(operation: Callable[[Formula, Formula], Formula], a: Formula, b: Formula) -> Formula | None:
    """Return an operation on a quotient by a number as that quotient of the operation; None if there is none."""
    if a.is_number and b.is_number:  # 1/m among numbers becomes a divisor, other quotients stay
        one = next((f for f in (b, a) if f.kind == "/" and f.parts[0].kind == "one"), None)
        return None if one is None else quotient((a if one is b else b).times(one.factor), one.parts[1])
    if a.kind == "/" and a.parts[1].is_number and not (a.is_number and b.is_number):
        return quotient(operation(a.parts[0].times(a.factor), b), a.parts[1])
    if b.kind == "/" and b.parts[1].is_number and not (a.is_number and b.is_number):
        return quotient(operation(a, b.parts[0].times(b.factor)), b.parts[1])
    return None


def quotient(a: Formula, b: Formula) -> Formula:
    """Return a / b, component by component or by a number."""
    if b.factor == 0:
        raise NoFormula
    if b.kind == "one":
        return a.times(1 / b.factor)
    if a.kind == "filled":
        if b.is_number:
            return filled(quotient(a.parts[0], b).times(a.factor), a.size, a.text, a.precedence)
        a = a.parts[0].times(a.factor)
    size = a.size if b.is_number else b.size if a.is_number else _repeated(a, b)
    if b.kind == "/":
        return quotient(_multiplied(a, b.parts[1]), b.parts[0].times(b.factor))
    shorter = _shortened(a, b) if b.is_number else None
    if shorter is not None:
        return shorter
    factor = a.factor / b.factor
    return Formula("/", size, (a.alone(), b.alone()), factor)


def _shortened(a: Formula, b: Formula) -> Formula | None:
    """Return a quotient by a number that is a factor of what is divided, or that divides it further; None of others."""
    if a.alone() == b.alone():
        return number(a.factor / b.factor)
    if a.kind == "*" and a.parts[0] == b.alone():
        return a.parts[1].times(a.factor / b.factor)
    if a.kind == "/" and a.parts[1].is_number:
        return quotient(a.parts[0], product(a.parts[1], b)).times(a.factor)
    return None


def _multiplied(a: Formula, b: Formula) -> Formula:
    return product(a, b) if a.is_number or b.is_number else componentwise(a, b)


def with_ones(formula: Formula) -> Formula:
    """Return a matrix with one number everywhere as that number times a matrix of ones; other formulas as they are."""
    if formula.kind != "filled":
        return formula
    if not formula.text:
        raise NoFormula
    return product(formula.parts[0].times(formula.factor), leaf(formula.text, formula.size, formula.precedence))


class Writer(NamedTuple):
    """How an author writes products, transposes and fractions."""

    circle: str  # with its spaces
    times: str  # the same of a matrix product; a space where nothing stands
    transpose: str
    pairs: Container[tuple[str, str]]  # keys of what stands beside each other in component-wise products
    number_last: bool  # whether a number stands behind what it multiplies
    inverses: tuple[str, str] = ("⁻¹", "⁻ᵀ")  # what makes an inverse, and a transposed inverse
    half: str = ""  # 1/2 in front of what it multiplies; "" where it is a divisor
    fractions: bool = False  # whether quotients are \\frac{a}{b}
    scale: str = " "  # what stands between a number and what it multiplies, with its spaces
    kron: str = ""  # ⊗ with its spaces; "" where it is a function of two
    kron_call: str = "kron"
    vec: str = "vec"
    eyes: Mapping[int, str] = {}  # identity matrices by their size, where the author says it

    def text(self, formula: Formula) -> str:
        """Return a formula as text."""
        return self._written(formula)[0]

    def _written(self, formula: Formula) -> tuple[str, Precedence]:
        """Return the text of a formula, and how tightly it holds together."""
        size = abs(formula.factor)
        is_one = formula.kind == "one" or (formula.kind == "filled" and formula.parts[0].kind == "one")
        if is_one or size == 0:
            halved = bool(self.half) and abs(size - limits.HALF) < limits.CLOSE_TO_WHOLE
            body, level = self.half if halved else _numeral(size), Precedence.ATOM
        elif abs(size - 1) < limits.CLOSE_TO_WHOLE:
            body, level = self._body(formula)
        else:
            body, level = self._with_number(formula, size)
        if formula.factor < 0:
            if level < Precedence.PRODUCT and formula.key != SUM_OVER:
                body = f"({body})"
            return f"-{body}", Precedence.SUM
        return body, level

    def _with_number(self, formula: Formula, size: float) -> tuple[str, Precedence]:
        """Return a formula behind its number."""
        inverse = 1 / size
        if self.half and formula.kind != "/" and abs(size - limits.HALF) < limits.CLOSE_TO_WHOLE:
            body, level = self._body(formula)
            return f"{self.half} {body if level >= Precedence.PRODUCT else f'({body})'}", Precedence.PRODUCT
        if _is_whole(inverse) and not _is_whole(size):
            if formula.kind == "/":
                above, below = formula.parts
                return self._body(formula._replace(parts=(above, below.times(inverse))))
            return f"{self._operand(formula.alone(), '/', 0)} / {_numeral(inverse)}", Precedence.PRODUCT
        if formula.kind == "/":
            above, below = formula.parts
            return self._body(formula._replace(parts=(above.times(size), below)))
        body, level = self._body(formula)
        return f"{_numeral(size)} {body if level >= Precedence.PRODUCT else f'({body})'}", Precedence.PRODUCT

    def _body(self, formula: Formula) -> tuple[str, Precedence]:
        """Return a formula without its factor."""
        if formula.kind in ("leaf", "eye"):
            sized = self.eyes.get(formula.size[0]) if formula.kind == "eye" else None
            return sized or formula.text, formula.precedence
        if formula.kind in ("transpose", "inverse"):
            return self._marked(formula)
        if formula.kind == "filled":
            return self._written(formula.parts[0])
        if formula.kind == "vec" or (formula.kind == "kron" and not self.kron):
            head = self.vec if formula.kind == "vec" else self.kron_call
            return f"{head}({', '.join(self._written(part)[0] for part in formula.parts)})", Precedence.ATOM
        return self._sum(formula) if formula.kind == "+" else self._product(formula)

    def _marked(self, formula: Formula) -> tuple[str, Precedence]:
        """Return a transpose or an inverse."""
        if formula.kind == "inverse":
            return self._inverse(formula, self.inverses[0])
        if formula.parts[0].kind == "inverse":
            return self._inverse(formula.parts[0], self.inverses[1])
        inner = self._bracketed(formula.parts[0], Precedence.ATOM)
        if "^" in inner and formula.parts[0].kind == "leaf":  # a second superscript beside the first
            inner = f"({inner})"
        return inner + self.transpose, Precedence.POSTFIX

    def _sum(self, formula: Formula) -> tuple[str, Precedence]:
        """Return a sum."""
        first, *rest = formula.parts
        text = self._written(first)[0]
        for term in rest:
            inner = self._bracketed(term.times(-1) if term.factor < 0 else term, Precedence.PRODUCT)
            text += f" {'-' if term.factor < 0 else '+'} {inner}"
        return text, Precedence.SUM

    def _product(self, formula: Formula) -> tuple[str, Precedence]:
        """Return a product or a quotient."""
        if formula.kind == "/" and self.fractions:
            above, below = (self._written(part)[0] for part in formula.parts)
            if r"\frac" in above or formula.parts[0].key == SUM_OVER:  # one fraction inside of another
                rest, factor = formula.parts[0].alone(), formula.parts[0].factor
                head = rf"\frac{{{_numeral(factor)}}}{{{below}}}"
                level = Precedence.SUM if rest.key == SUM_OVER else Precedence.PRODUCT
                return f"{head} {self._bracketed(rest, level)}", level
            return rf"\frac{{{above}}}{{{below}}}", Precedence.ATOM
        signs = {"∘": self.circle, "*": self.times, "/": " / ", "kron": self.kron}
        parts = self._ordered(formula)
        a, b = (self._operand(part, formula.kind, k) for k, part in enumerate(parts))
        scaled = formula.kind == "*" and any(part.is_number for part in parts)
        return a + (self.scale if scaled else signs[formula.kind]) + b, Precedence.PRODUCT

    def _inverse(self, formula: Formula, mark: str) -> tuple[str, Precedence]:
        """Return an inverse with its sign."""
        inner = self._bracketed(formula.parts[0], Precedence.ATOM)
        scripted = "^" in inner and formula.parts[0].kind == "leaf"
        return (f"({inner})" if scripted else inner) + mark, Precedence.POSTFIX

    def _ordered(self, formula: Formula) -> tuple[Formula, ...]:
        """Return two factors in the order in which the author has them elsewhere."""
        a, b = parts = formula.parts
        if formula.kind == "*" and self.number_last and a.is_number and a.kind == b.kind == "leaf":
            return parts[::-1]
        turned = formula.kind == "∘" and (b.key, a.key) in self.pairs and (a.key, b.key) not in self.pairs
        return parts[::-1] if turned else parts

    def _operand(self, formula: Formula, kind: str, place: int) -> str:
        """Return an operand of a product or a quotient, in brackets where the author's signs need them."""
        text, level = self._written(formula)
        if level > Precedence.PRODUCT:
            return text
        own = formula.key if formula.kind == "leaf" else formula.kind
        plain = level == Precedence.PRODUCT and own in ("∘", "*", "/") and kind != "kron"
        alike = plain and abs(formula.factor) == 1 and own == kind and kind != "/"
        first = plain and place == 0 and (kind == "/" or (own == kind and abs(formula.factor) == 1))
        scaled = level == Precedence.PRODUCT and own not in ("∘", "*", "/", "kron")  # a number times something
        first = first or (scaled and place == 0 and kind == "/")
        return text if alike or first else f"({text})"

    def _bracketed(self, formula: Formula, needs: Precedence) -> str:
        text, level = self._written(formula)
        return text if level >= needs else f"({text})"


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) < limits.CLOSE_TO_WHOLE * max(1.0, value)


def _numeral(value: float) -> str:
    return f"{value:.12g}"
