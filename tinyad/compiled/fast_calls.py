"""Write softmax, and sums of all entries, in calls that NumPy has.

log softmax(x) = b - log s    e^(log softmax(x)) = softmax(x) = e^b / s    where b = x - max x, and s is the sum of e^b
sum of all entries of a ∘ b = inner product of a and b
"""

from __future__ import annotations

from tinyad.compiled.flat_sums import Term, sum_of, terms_of
from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Value, ordered, use_counts

SOFTMAX = {"softmax": "column_max", "log_softmax": "column_max", "softmax_rows": "row_max"}  # and what it subtracts


def write_out_softmax(roots: list[Value], make: Maker) -> list[Value]:
    """Write softmax and its logarithm entry by entry, so that what they have in common is computed once."""

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        softmax = v.operands[0] if v.op == "exp" and v.operands[0].op == "log_softmax" else v
        if softmax.op not in SOFTMAX or softmax.dtype.kind != "f":
            return None
        x, highest = new[softmax.operands[0]], SOFTMAX[softmax.op]
        below = make("-", x, make(highest, x))
        power, (rows, columns) = make("exp", below), x.shape[-2:]
        if highest == "column_max":
            ones = make.leaf("ones", None, (rows, 1), x.dtype)
            total = make("dot", make("T", ones), power)
        else:
            total = make("dot", power, make.leaf("ones", None, (columns, 1), x.dtype))
        return make("-", below, make("log", total)) if v.op == "log_softmax" else make("/", power, total)

    return rebuilt(roots, make, change)


def inner_products(roots: list[Value], make: Maker) -> list[Value]:
    """Write the sum of all entries of products, which nothing else reads, as a call for each."""
    order = ordered(roots)
    uses = use_counts(order, roots)

    def is_product(v: Value) -> bool:
        kinds = {(x.shape, x.dtype) for x in v.operands}
        return v.op == "*" and uses[v] == 1 and len(kinds) == 1

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        added = _added_up(v) if v.shape == (1, 1) and v.dtype is not None and v.dtype.kind == "f" else None
        while added is not None and uses[added] == 1 and (inner := _added_up(added)) is not None:
            added = inner
        if added is None or added.loop is not v.loop:
            return None
        terms = terms_of(added) if added.op == "sum" and uses[added] == 1 else [Term(added)]
        if not all(is_product(term.value) and term.value.shape == added.shape for term in terms):
            return None
        calls = [term._replace(value=make("inner", *(new[x] for x in term.value.operands))) for term in terms]
        return sum_of(make, calls, v)

    return rebuilt(roots, make, change)


def _added_up(v: Value) -> Value | None:
    """Return a matrix, or T of them, with the same sum of all entries as v; None if v adds up nothing."""
    if v.op in ("entries", "over"):
        return v.operands[0]
    if v.op != "dot":
        return None
    x, y = v.operands
    return x if y.op == "ones" and y.shape[1] == 1 else y if x.op == "T" and x.operands[0].op == "ones" else None
