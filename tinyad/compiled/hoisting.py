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
MANY = 128  # rounds; over fewer, all of them together are as small with more entries


def hoist(roots: list[Value], make: Maker, small: int = SMALL) -> list[Value]:
    """Move values that depend on no state before their loop, component-wise ones of at most `small` entries."""
    recurrent, known = known_before_loops(ordered(roots), small)

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if v.loop is None or v.op == "step":
            return None
        if v in known:
            over_time = (make("all", operand, extra=v.loop) for operand in operands)
            return make.step(make(v.op, *over_time, extra=v.extra), v.loop)
        if v.op == "sum" and v in recurrent:
            terms = [Term(o, *term) for o, term in zip(operands, v.extra[1], strict=True)]
            return _split_sum(make, v, v.loop, terms, known, small)
        return None

    return rebuilt(roots, make, change)


def known_before_loops(order: list[Value], small: int) -> tuple[set[Value], set[Value]]:
    """Return the values of loops that depend on their states, and all values that can be computed before their loop."""
    recurrent = {v for v in order if v.op == "carry"}
    stateful = {v.loop for v in recurrent}
    for v in order:
        if v.loop is not None and any(operand in recurrent and operand.loop is v.loop for operand in v.operands):
            recurrent.add(v)
    known: set[Value] = set()  # where what it is made from is
    for v in order:
        if (
            v.loop is None
            or v.op == "step"
            or (v not in recurrent and works_over_time(v, stateful, small) and _are_known(v, known))
        ):
            known.add(v)
    return recurrent, known


def works_over_time(v: Value, stateful: set[Loop | None], small: int = SMALL, warm: bool = True) -> bool:
    """Return whether a value of a loop is better computed for all time steps at once; `warm`: what it reads is not."""
    componentwise = v.op in (*COMPONENTS, "sum", "stack") and not any(map(_is_product, v.operands))
    single = all(len(w.shape) == 2 for w in (v, *v.operands))  # and not over the rounds of a loop in the loop
    kept_warm = warm and componentwise and v.loop in stateful and not _is_small(v, small)
    return OPERATIONS[v.op].in_loop is InLoop.EACH and single and not kept_warm


def _is_small(v: Value, small: int) -> bool:
    """Return whether a value of a loop, over all its rounds, stays where it is read fast."""
    assert v.loop is not None
    return prod(v.shape) * min(v.loop.n, MANY) <= small * MANY


def _are_known(v: Value, known: set[Value]) -> bool:
    """Return whether the operands are there before the loop."""
    return all(operand in known or operand.loop is not v.loop for operand in v.operands)


def _is_product(v: Value) -> bool:
    return v.op == "dot" or (v.op in ("neg", "step", "rows") and _is_product(v.operands[0]))


def _split_sum(make: Maker, v: Value, loop: Loop, terms: list[Term], known: set[Value], small: int) -> Value | None:
    """Return a sum with the terms that are known before the loop added up there."""
    is_early = [old in known or old.loop is not loop for old in v.operands]
    early = [term for term, known_before in zip(terms, is_early, strict=True) if known_before]
    if len(early) < 2 or not any(term.value.shape == v.shape and term.value.loop is loop for term in early):
        return None
    if prod(v.shape) > small and not any(_is_product(term.value) for term in early):
        return None
    over_time = [term._replace(value=make("all", term.value, extra=loop)) for term in early]
    before = sum_of(make, over_time, make.zeros((loop.n, *v.shape), v.dtype))
    late = [term for term, known_before in zip(terms, is_early, strict=True) if not known_before]
    return sum_of(make, [*late, Term(make.step(before, loop))], v)


def sink(roots: list[Value], make: Maker, small: int = SMALL) -> list[Value]:
    """Move values that no state needs behind their loop, component-wise ones of at most `small` entries."""
    moving = moving_behind(ordered(roots), small)

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        return over_time(v.operands[0], v.extra, make, moving, new) if v.op == "all" else None

    return rebuilt(roots, make, change)


def needed_by_states(order: list[Value]) -> set[Value]:
    needed, ahead = set[Value](), [v.next for v in order if v.next is not None]
    while ahead:
        v = ahead.pop()
        if v not in needed and v.loop is not None:
            needed.add(v)
            ahead += v.operands
    return needed


def moving_behind(order: list[Value], small: int = SMALL) -> set[Value]:
    """Return the values that no state depends on, and that are better computed behind their loop if read there.

    What reads such values alone is one of them: in the loop its operands would not be warm.
    """
    needed = needed_by_states(order)
    stateful, found = {v.loop for v in needed}, set[Value]()
    for v in order:
        if v.loop is not None and v not in needed:
            read = [operand for operand in v.operands if operand.loop is v.loop and operand.op != "step"]
            warm = not read or not found.issuperset(read)
            if works_over_time(v, stateful, small, warm):
                found.add(v)
    return found


def over_time(v: Value, loop: Loop, make: Maker, moving: set[Value], new: dict[Value, Value]) -> Value:
    """Return a value for all rounds of a loop, as read outside."""
    made, ahead = dict[Value, Value](), [v]
    while ahead:
        w = ahead.pop()
        if w in made:
            continue
        if w.loop is not loop or w not in moving:
            made[w] = make("all", new[w], extra=loop)
        elif all(operand in made for operand in w.operands):
            made[w] = make(w.op, *(made[operand] for operand in w.operands), extra=w.extra, name=w.name)
        else:
            ahead += [w, *reversed(w.operands)]
    return made[v]
