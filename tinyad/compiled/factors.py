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
