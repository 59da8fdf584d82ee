"""Take numbers and 1×1 factors out of a recurrence, where it has other factors that are known before the loop.

k (A x + b) = (k A) x + (k b)    A (k x) = (A k) x    all (k x) = k all x
"""

from __future__ import annotations

from math import prod

from tinyad.compiled.flat_sums import Term, sum_of
from tinyad.compiled.hoisting import SMALL
from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Value, ordered, use_counts


def spread_factors(roots: list[Value], make: Maker, small: int = SMALL) -> list[Value]:
    """Multiply the terms of a sum by its factor, where each is known before the loop or has a factor that is."""
    order = ordered(roots)
    uses = use_counts(order, roots)

    def spread(term: Value, factor: Value, new: dict[Value, Value]) -> Value | None:
        """Return a term times a factor without a product more in the loop; None if it takes one."""
        if term.loop is None:
            return make("*", new[term], factor)
        if uses[term] > 1 or term.op not in ("dot", "*"):
            return None
        a, b = term.operands
        if term.op == "*" and b.loop is None:
            a, b = b, a
        if a.loop is not None or prod(a.shape) > small:
            return None
        return make(term.op, make("*", new[a], factor), new[b])

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if v.op != "*" or v.loop is None or prod(v.shape) > small:
            return None
        factor, whole = sorted(v.operands, key=lambda x: x.op == "sum")
        if whole.op != "sum" or uses[whole] > 1 or not _is_scalar(factor) or whole.loop is not v.loop:
            return None
        terms = [Term(part, *term) for part, term in zip(whole.operands, whole.extra[1], strict=True)]
        spread_terms = [spread(term.value, new[factor], new) for term in terms]
        if None in spread_terms or all(term.value.loop is None for term in terms):
            return None
        return sum_of(make, [t._replace(value=x) for t, x in zip(terms, spread_terms, strict=True) if x], v)

    return rebuilt(roots, make, change)


def pass_factors_on(roots: list[Value], make: Maker, small: int = SMALL) -> list[Value]:
    """Let all that reads a value times a scalar have the scalar in a factor of its own, or behind the loop."""
    order = ordered(roots)
    readers: dict[Value, list[Value]] = {}
    for v in order:
        for operand in v.inputs():
            readers.setdefault(operand, []).append(v)
    scaled: dict[Value, tuple[Value, Value]] = {}
    for v in order:
        if v.loop is not None and v.loop.outer is None and prod(v.shape) <= small:
            if v.op == "neg":
                scaled[v] = v.operands[0], make.number(-1.0)
            elif v.op == "*":
                factor, x = sorted(v.operands, key=lambda o: not _is_scalar(o))
                if _is_scalar(factor) and x.loop is v.loop and (x.shape, x.dtype) == (v.shape, v.dtype):
                    scaled[v] = x, factor

    def takes(reader: Value, v: Value) -> bool:
        if reader.op == "all":
            return reader.extra is v.loop
        if reader.op in ("dot", "*") and reader.loop is v.loop:
            a, b = reader.operands
            other = b if a is v else a
            fits = other.loop is None and prod(other.shape) <= small and (reader.op == "*" or b is v)
            return fits and other.dtype in (v.dtype, None) and reader.shape[-2:] != (1, 1)
        return reader.op == "neg"

    passed: dict[Value, tuple[Value, Value]] = {}  # a value that nothing reads any more → new value, new factor
    inner = {v for v in scaled if v not in roots and all(takes(reader, v) for reader in readers[v])}

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        whole = next((o for o in v.operands if o in passed), None)
        if whole is None:
            if v in inner:
                x, factor = scaled[v]
                passed[v] = new[x], new.get(factor, factor)
            return None
        x, factor = passed[whole]
        if v.op == "neg" or (v in scaled and v in inner):
            other = make.number(-1.0) if v.op == "neg" else new[scaled[v][1]]
            factor = make("*", factor, other)
            if v in inner:
                passed[v] = x, factor
            return make("*", x, factor)
        if v.op == "all":
            return make("*", make("all", x, extra=v.extra), factor)
        other, is_left = (new[v.operands[1]], False) if v.operands[0] is whole else (new[v.operands[0]], True)
        other = make("*", other, factor)
        return make(v.op, other, x) if is_left else make(v.op, x, other)

    return rebuilt(roots, make, change)


def _is_scalar(v: Value) -> bool:
    return v.op == "number" or (v.loop is None and v.shape == (1, 1))
