"""Move values that do not depend on the recurrence out of the loop, to compute them for all time steps at once.

A value that no state depends on moves behind the loop, one that depends on no state before it: one call instead of T,
and one product of many columns instead of T of few.
"""

from __future__ import annotations

from math import prod

from tinyad.compiled.flat_sums import Term, sum_of
from tinyad.compiled.operations import COMPONENTS, OPERATIONS, InLoop
from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Loop, Value, ordered

SMALL = 256  # entries; where a state is carried, component-wise work on more is done where its operands are warm


def hoist(roots: list[Value], make: Maker, small: int = SMALL) -> list[Value]:
    """Move values that depend on no state before their loop, component-wise ones of at most `small` entries."""
    order = ordered(roots)
    recurrent = {v for v in order if v.op == "carry"}
    stateful = {v.loop for v in recurrent}
    for v in order:
        if v.loop is not None and any(operand in recurrent for operand in v.operands):
            recurrent.add(v)
    known: set[Value] = set()  # before the loop, where what it is made from is
    for v in order:
        if (
            v.loop is None
            or v.op == "step"
            or (v not in recurrent and works_over_time(v, stateful, small) and known.issuperset(v.operands))
        ):
            known.add(v)

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if v.loop is None or v.op == "step":
            return None
        if v in known:
            return make.step(make(v.op, *(make("all", operand) for operand in operands), extra=v.extra), v.loop)
        if v.op == "sum" and v in recurrent:
            terms = [Term(o, *term) for o, term in zip(operands, v.extra[1], strict=True)]
            return _split_sum(make, v, v.loop, terms, known, small)
        return None

    return rebuilt(roots, make, change)


def works_over_time(v: Value, stateful: set[Loop | None], small: int = SMALL) -> bool:
    """Return whether a value of a loop is better computed for all time steps at once."""
    componentwise = v.op in (*COMPONENTS, "sum", "stack") and not any(map(_is_product, v.operands))
    return OPERATIONS[v.op].in_loop is InLoop.EACH and not (
        componentwise and v.loop in stateful and prod(v.shape) > small
    )


def _is_product(v: Value) -> bool:
    return v.op == "dot" or (v.op in ("neg", "step", "rows") and _is_product(v.operands[0]))


def _split_sum(make: Maker, v: Value, loop: Loop, terms: list[Term], known: set[Value], small: int) -> Value | None:
    """Return a sum with the terms that are known before the loop added up there."""
    early = [new for old, new in zip(v.operands, terms, strict=True) if old in known]
    if len(early) < 2 or not any(term.value.shape == v.shape and term.value.loop is loop for term in early):
        return None
    if prod(v.shape) > small and not any(_is_product(term.value) for term in early):
        return None
    over_time = [term._replace(value=make("all", term.value)) for term in early]
    before = sum_of(make, over_time, make.zeros((loop.n, *v.shape), v.dtype))
    late = [new for old, new in zip(v.operands, terms, strict=True) if old not in known]
    return sum_of(make, [*late, Term(make.step(before, loop))], v)


def sink(roots: list[Value], make: Maker, small: int = SMALL) -> list[Value]:
    """Move values that no state needs behind their loop, component-wise ones of at most `small` entries."""
    needed = needed_by_states(ordered(roots))

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        return over_time(v.operands[0], make, needed, new, small) if v.op == "all" else None

    return rebuilt(roots, make, change)


def needed_by_states(order: list[Value]) -> set[Value]:
    needed, ahead = set[Value](), [v.next for v in order if v.next is not None]
    while ahead:
        v = ahead.pop()
        if v not in needed and v.loop is not None:
            needed.add(v)
            ahead += [operand for operand in v.operands if operand.loop is v.loop]
    return needed


def over_time(v: Value, make: Maker, needed: set[Value], new: dict[Value, Value], small: int = SMALL) -> Value:
    """Return a value of a loop for all rounds, as read outside."""
    if v in needed or v.loop is None or not works_over_time(v, {w.loop for w in needed}, small):
        return make("all", new[v])
    operands = [over_time(operand, make, needed, new, small) for operand in v.operands]
    made = make(v.op, *operands, extra=v.extra)
    made.name = made.name or v.name
    return made
