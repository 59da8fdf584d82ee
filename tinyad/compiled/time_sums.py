"""Take what a loop only adds up, as losses over time are, out of its states: it is what it starts from plus a total."""

from __future__ import annotations

from tinyad.compiled.flat_sums import Term, sum_of, terms_of
from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Value, ordered


def sums_over_time(roots: list[Value], make: Maker) -> list[Value]:
    readers: dict[Value, list[Value]] = {}
    order = ordered(roots)
    for v in order:
        for operand in v.operands:
            readers.setdefault(operand, []).append(v)
    carries = {v.next: v for v in order if v.next is not None and _is_only_added_to(v, v.next, readers)}

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if v.op != "last" or v.operands[0] not in carries:
            return None
        sum_, carry = v.operands[0], carries[v.operands[0]]
        added = [Term(new[p.value], p.sign, p.at) for p in terms_of(sum_) if p.value is not carry]
        total = make("total", sum_of(make, added, sum_))
        return sum_of(make, [Term(new[carry.operands[0]]), Term(total)], carry)

    return rebuilt(roots, make, change)


def _is_only_added_to(carry: Value, following: Value, readers: dict[Value, list[Value]]) -> bool:
    """Return whether a state is read by the sum that makes its next value alone, and that after the loop alone."""
    if following.op != "sum" or readers.get(carry) != [following] or following.loop is not carry.loop:
        return False
    own = [p for p in terms_of(following) if p.value is carry]
    return own == [Term(carry)] and all(reader.op == "last" for reader in readers.get(following, ()))
