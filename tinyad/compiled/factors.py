"""Rewrite products of matrices entry by entry, so that less is multiplied, and less of it in a loop.

x y - x z = x (y - z)        (x k) l = x (k l), where k and l are known before the loop
"""

from __future__ import annotations

from math import prod

from tinyad.compiled.flat_sums import Term, sum_of
from tinyad.compiled.hoisting import SMALL, known_before_loops
from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Value, ordered, use_counts


def factor_sums(roots: list[Value], make: Maker) -> list[Value]:
    """Take a factor that several terms of a sum have out of them."""
    order = ordered(roots)
    uses = use_counts(order, roots)

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if v.op != "sum":
            return None
        terms = [Term(part, *term) for part, term in zip(operands, v.extra[1], strict=True)]
        groups: dict[Value, list[tuple[int, Value]]] = {}  # factor → (which term has it, its other factor)
        for k, (old, p) in enumerate(zip(v.operands, terms, strict=True)):
            if uses[old] == 1 and _is_like(p.value, v):
                a, b = p.value.operands
                for x, y in {a: b, b: a}.items():
                    if (y.shape, y.dtype) == (v.shape, v.dtype):
                        groups.setdefault(x, []).append((k, y))
        taken, products = set[int](), list[Term]()
        for x, group in sorted(groups.items(), key=lambda item: -len(item[1])):
            having = [(k, y) for k, y in group if k not in taken]
            if len(having) > 1:
                taken.update(k for k, _ in having)
                inner = sum_of(make, [Term(y, terms[k].sign) for k, y in having], make.zeros(v.shape, v.dtype))
                products.append(Term(make("*", x, inner)))
        if not products:
            return None
        return sum_of(make, [*(p for k, p in enumerate(terms) if k not in taken), *products], v)

    return rebuilt(roots, make, change)


def _is_like(product: Value, v: Value) -> bool:
    return product.op == "*" and (product.shape, product.dtype, product.loop) == (v.shape, v.dtype, v.loop)


def collect_factors(roots: list[Value], make: Maker, small: int = SMALL) -> list[Value]:
    """Multiply factors that are known before a loop there, where products of them alone read a value of the loop."""
    order = ordered(roots)
    recurrent, known = known_before_loops(order, small)
    scaled: dict[Value, tuple[Value, Value]] = {}  # product → what depends on the recurrence, and its known factor
    for v in order:
        if v.op == "*" and v in recurrent and prod(v.shape) <= small:
            x, k = sorted(v.operands, key=known.__contains__)
            if x in recurrent and k in known and x.shape == v.shape and {x.dtype, k.dtype} <= {v.dtype, None}:
                scaled[v] = x, k
    inner = set(scaled) - set(roots)  # which such products alone read
    for v in order:
        inner.difference_update(x for x in v.inputs() if v not in scaled or scaled[v][0] is not x)

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if v not in scaled or scaled[v][0] not in inner:
            return None
        x, factor = scaled[v]
        factors = [factor]
        while x in inner:
            x, factor = scaled[x]
            factors.append(factor)
        whole = new[factors.pop()]
        while factors:
            whole = make("*", whole, new[factors.pop()])
        return make("*", new[x], whole)

    return rebuilt(roots, make, change)


def spread_factors(roots: list[Value], make: Maker, small: int = SMALL) -> list[Value]:
    """Multiply the terms of a sum by its factor, where each has one that is known before the loop, or is known itself."""
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
