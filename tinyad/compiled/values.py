"""Represent a program as values, each an operation on others, and loops over time steps.

A value stands outside all loops, or in one of them, where it has another content in every round.  Outside, a value
over time is 3-D: T matrices, one behind the other.  Equal operations on equal values are one value.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tinyad.arrays.matrix import Shape


class Loop:
    """A loop of `n` rounds, over time steps 0 to n - 1, or with `back` from n - 1 to 0."""

    __slots__ = ("back", "n")

    def __init__(self, n: int, back: bool = False) -> None:
        self.n, self.back = n, back


class Value:
    """A value: `op` on `operands`, of a `shape`; `extra` holds the operation's other arguments.

    `rank` says which comes first where both can.  A "carry" is what its `next` was in the round before, and its operand
    in the first round.
    """

    __slots__ = ("dtype", "extra", "loop", "name", "next", "op", "operands", "rank", "shape")

    def __init__(
        self, op: str, operands: tuple[Value, ...], extra: Any, shape: Shape, dtype: Any, loop: Loop | None
    ) -> None:
        self.op, self.operands, self.extra = op, operands, extra
        self.shape, self.dtype, self.loop = shape, dtype, loop
        self.name, self.rank = "", 0
        self.next: Value | None = None

    def inputs(self) -> tuple[Value, ...]:
        return self.operands if self.next is None else (*self.operands, self.next)

    def __repr__(self) -> str:
        return f"{self.name or self.op}{self.shape}"


def ordered(roots: Iterable[Value]) -> list[Value]:
    """Return all values that the roots need, those in loops too, each after its operands and else by rank."""
    needed, ahead = dict[Value, None](), list(roots)
    while ahead:
        v = ahead.pop()
        if v not in needed:
            needed[v] = None
            ahead += v.inputs()
    users: dict[Value, list[Value]] = {v: [] for v in needed}
    waits = {}
    for v in needed:
        waits[v] = len(v.operands)
        for operand in v.operands:
            users[operand].append(v)
    ready = sorted((-v.rank, -k, v) for k, v in enumerate(needed) if not waits[v])
    order: list[Value] = []
    while ready:
        _, _, v = ready.pop()
        order.append(v)
        for user in users[v]:
            waits[user] -= 1
            if not waits[user]:
                insort(ready, (-user.rank, -len(ready) - len(order) - len(needed), user))
    return order


def schedule(order: Sequence[Value]) -> list[Value | Loop]:
    """Return the values outside the loops, and the loops, each after what it needs."""
    waiting: dict[Loop, set[Value]] = {v.loop: set() for v in order if v.loop is not None}
    for v in order:
        if v.loop is not None:
            waiting[v.loop] |= {operand for operand in v.inputs() if operand.loop is None}
    found: list[Value | Loop] = []
    done: set[Value | Loop] = set()
    ahead = [v for v in order if v.loop is None]
    while ahead:
        rest = []
        for v in ahead:
            for loop in dict.fromkeys(operand.loop for operand in v.operands):
                if loop is not None and loop not in done and waiting[loop] <= done:
                    found.append(loop)
                    done.add(loop)
            if all((operand.loop or operand) in done for operand in v.operands):
                found.append(v)
                done.add(v)
            else:
                rest.append(v)
        assert len(rest) < len(ahead), "a circle of values"
        ahead = rest
    return found


def use_counts(order: Iterable[Value], roots: Iterable[Value]) -> Counter[Value]:
    counts = Counter(operand for v in order for operand in v.inputs())
    counts.update(roots)
    return counts
