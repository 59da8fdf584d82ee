"""Turn a parameter's derivative into one product over all time steps after the loop, instead of T in it.

Σ_t A_t B_t = [A_1 A_2 ... ] [B_1; B_2; ...]
"""

from __future__ import annotations

from tinyad.compiled.hoisting import moving_behind, over_time
from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Loop, Value, ordered


def defer_products(roots: list[Value], make: Maker, in_loop: bool = False) -> list[Value]:
    """`in_loop`: what is no product is added up in the loop, and not kept for all time steps."""
    order = ordered(roots)
    moving = moving_behind(order)
    totals = [v.operands[0] for v in order if v.op == "total" and v.operands[0].op == "dot"]
    side_by_side = {v.operands[0] for v in totals if v.operands[1].loop is v.loop}  # for another product

    def total(v: Value, loop: Loop, new: dict[Value, Value]) -> Value:
        if v.loop is not loop or v.op == "total":
            return make.total(new[v], loop)
        if v.op == "dot":
            a, b = v.operands
            if b.op == "ones" and a in side_by_side:
                wide = make("cols", over_time(a, loop, make, moving, new))
                return make("dot", wide, make.leaf("ones", None, (wide.shape[1], 1), b.dtype))
            if b.loop is not loop:
                return make("dot", total(a, loop, new), new[b])
            if a.loop is not loop:
                return make("dot", new[a], total(b, loop, new))
            both = (over_time(operand, loop, make, moving, new) for operand in (a, b))
            return make("dot", make("cols", next(both)), make("long", next(both)))
        if v.op in ("T", "neg"):
            return make(v.op, total(v.operands[0], loop, new))
        if in_loop:
            return make.total(new[v], loop)
        return make("over", over_time(v, loop, make, moving, new))

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        return total(v.operands[0], v.extra, new) if v.op == "total" else None

    return rebuilt(roots, make, change)
