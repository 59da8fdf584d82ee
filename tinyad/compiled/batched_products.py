"""Merge the products of all time steps into one where no other value reads them.

It is one product with all time steps side by side, done where a parameter's derivative lays them out so anyway.
"""

from __future__ import annotations

from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Value, ordered


def batch_products(roots: list[Value], make: Maker) -> list[Value]:
    order = ordered(roots)
    laid_out = {v.operands[0] for v in order if v.op == "cols"}
    read = {operand for v in order for operand in v.inputs()}

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if v.op != "dot" or v.loop is not None or v in read:
            return None
        left, right = v.operands
        if len(left.shape) != 2 or len(right.shape) != 3 or right not in laid_out:
            return None
        return make("narrow", make("dot", operands[0], make("cols", operands[1])), extra=v.shape)

    return rebuilt(roots, make, change)
