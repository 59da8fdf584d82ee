"""Merge factors that are numbers, or 1×1, so that a matrix is multiplied once.

(s x) k = (s k) x    -(x / k) = x / -k    s x + s x = (2 s) x
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tinyad.compiled.flat_sums import Term, sum_of, terms_of
from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Value, ordered, use_counts


class Multiple(NamedTuple):
    """A multiple of a value: by numbers, multiplied and divided by, and by 1×1 values."""

    value: Value
    number: float = 1.0
    divisor: float = 1.0
    scalars: tuple[Value, ...] = ()

    def factors(self) -> int:
        return (self.number != 1.0) + (self.divisor != 1.0) + len(self.scalars)

    def is_finite(self) -> bool:
        return bool(np.isfinite(self.number) and np.isfinite(self.divisor) and self.number and self.divisor)

    def made(self, make: Maker, new: Mapping[Value, Value]) -> Value:
        """Return it as a value with one factor."""
        found, factor = new[self.value], None
        for scalar in self.scalars:
            factor = new[scalar] if factor is None else make("*", factor, new[scalar])
        if factor is None:
            return _times(make, found, self.number, self.divisor)
        return make("*", _times(make, factor, self.number, self.divisor), found)


def merge_scalars(roots: list[Value], make: Maker) -> list[Value]:
    order = ordered(roots)
    uses = use_counts(order, roots)

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if v.op == "sum":
            return _added(v, make, new, uses)
        if v.op not in ("*", "/", "neg"):
            return None
        whole = _multiple(v, uses)
        return None if whole.value is v or whole.value in v.operands else whole.made(make, new)

    return rebuilt(roots, make, change)


def _added(v: Value, make: Maker, new: Mapping[Value, Value], uses: Counter[Value]) -> Value | None:
    """Return a sum in which a multiple that is added several times, and read nowhere else, is one term."""
    times = Counter(terms_of(v))
    terms = list[Term]()
    for term, count in times.items():
        whole = _multiple(term.value, uses)
        if count > 1 and uses[term.value] == count and whole.factors():
            whole = whole._replace(number=whole.number * count)
            terms.append(term._replace(value=whole.made(make, new)))
        else:
            terms += [term._replace(value=new[term.value])] * count
    return sum_of(make, terms, v) if len(terms) < sum(times.values()) else None


def _multiple(v: Value, uses: Counter[Value]) -> Multiple:
    """Return a value as a multiple of what it is made of; what something else reads too is not taken apart."""
    found = Multiple(v)
    while found.value is v or uses[found.value] == 1:
        inner = _taken_apart(found)
        if inner is None or not inner.is_finite():
            break
        found = inner
    return found


def _taken_apart(m: Multiple) -> Multiple | None:
    """Return a multiple of a value as one of an operand; None if it has no scalar factor."""
    v = m.value
    if v.op == "neg":
        return m._replace(value=v.operands[0], number=-m.number)
    if v.op not in ("*", "/"):
        return None
    a, b = v.operands
    if v.op == "*" and _is_scalar(a, v):
        a, b = b, a
    if not _is_scalar(b, v) or (a.shape, a.dtype) != (v.shape, v.dtype):
        return None
    if b.op == "number":
        scaled = {"number": m.number * b.extra} if v.op == "*" else {"divisor": m.divisor * b.extra}
        return m._replace(value=a, **scaled)
    return m._replace(value=a, scalars=(b, *m.scalars)) if v.op == "*" else None


def _is_scalar(factor: Value, product: Value) -> bool:
    """Return whether an operand is a number, or a 1×1 value outside the loops beside a larger one."""
    return factor.op == "number" or (factor.shape == (1, 1) != product.shape and factor.loop is None)


def _times(make: Maker, v: Value, number: float, divisor: float) -> Value:
    if divisor != 1.0:
        if abs(number) == 1.0:
            return make("/", v, make.number(number * divisor))
        number /= divisor
    if number in (1.0, -1.0):
        return v if number > 0 else make("neg", v)
    return make("*", v, make.number(number))
