"""Write softmax, and sums of all entries, in calls that NumPy has.

log softmax(x) = b - log s    e^(log softmax(x)) = softmax(x) = e^b / s    where b = x - max x, and s is the sum of e^b
sum of all entries of a ∘ b = inner product of a and b
"""

from __future__ import annotations

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
    """Write the sum of all entries of a product, which nothing else reads, as one call."""
    order = ordered(roots)
    uses = use_counts(order, roots)

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        added = _added_up(v) if v.shape == (1, 1) and v.dtype is not None and v.dtype.kind == "f" else None
        while added is not None and uses[added] == 1 and (inner := _added_up(added)) is not None:
            added = inner
        if added is None or added.op != "*" or uses[added] > 1 or added.loop is not v.loop:
            return None
        a, b = (new[operand] for operand in added.operands)
        return make("inner", a, b) if (a.shape, a.dtype) == (b.shape, b.dtype) else None

    return rebuilt(roots, make, change)


def _added_up(v: Value) -> Value | None:
    """Return a matrix, or T of them, with the same sum of all entries as v; None if v adds up nothing."""
    if v.op in ("entries", "over"):
        return v.operands[0]
    if v.op != "dot":
        return None
    x, y = v.operands
    return x if y.op == "ones" and y.shape[1] == 1 else y if x.op == "T" and x.operands[0].op == "ones" else None
