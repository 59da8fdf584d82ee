"""Merge the products of all time steps into one where no other value reads them, or sums of such products.

It is one product with all time steps side by side, done where a parameter's derivative lays them out so anyway, and for
single columns, which lie so already.
"""

from __future__ import annotations

from tinyad.compiled.flat_sums import Term, sum_of, terms_of
from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Value, ordered, use_counts


def batch_products(roots: list[Value], make: Maker) -> list[Value]:
    order = ordered(roots)
    laid_out = {v.operands[0] for v in order if v.op == "cols"}
    read = {operand for v in order for operand in v.inputs()}
    uses = use_counts(order, roots)

    def is_product(v: Value) -> bool:
        if v.op != "dot" or v.loop is not None:
            return False
        left, right = v.operands
        whole = right.operands[0] if right.op == "rows" else right
        return len(left.shape) == 2 and len(right.shape) == 3 and whole in laid_out

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if _is_of_columns(v):
            left, right = operands
            turned = make("dot", make("T", make("cols", right)), make("T", left))
            return make("narrow", make("T", turned), extra=v.shape)
        terms = terms_of(v) if v.op == "sum" else [Term(v)]
        parts = [p.value for p in terms]
        if v in read or not all(map(is_product, parts)) or any(p.value.shape != v.shape for p in terms):
            return None
        if v.op == "sum" and any(uses[part] > 1 for part in parts):
            return None
        pairs = [[new[operand] for operand in part.operands] for part in parts]
        wide = [
            Term(make("dot", left, make("cols", right)), p.sign) for p, (left, right) in zip(terms, pairs, strict=True)
        ]
        n, rows, columns = v.shape
        return make("narrow", sum_of(make, wide, make.zeros((rows, n * columns), v.dtype)), extra=v.shape)

    return rebuilt(roots, make, change)


def _is_of_columns(v: Value) -> bool:
    """Return whether v is T products of one matrix with single columns."""
    if v.op != "dot" or v.loop is not None or v.shape[-1] > 1:
        return False
    left, right = v.operands
    return len(left.shape) == 2 and len(right.shape) == 3
