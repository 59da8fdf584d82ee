"""Represent a program as values, each an operation on others, and loops over time steps.

A value stands outside all loops, or in one of them, where it has another content in every round.  A loop may stand in
another one.  Outside a loop, a value over its rounds is 3-D: T matrices, one behind the other; over those of two loops,
one in the other, it is 4-D, which is only stored and read.  Equal operations on equal values are one value.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tinyad.arrays.matrix import Shape


class Loop:
    """A loop of `n` rounds, over time steps 0 to n - 1, or with `back` from n - 1 to 0, in every round of `outer`."""

    __slots__ = ("back", "n", "outer")

    def __init__(self, n: int, back: bool = False, outer: Loop | None = None) -> None:
        self.n, self.back, self.outer = n, back, outer

    @property
    def last_round(self) -> int:
        return 0 if self.back else self.n - 1


class Value:
    """A value: `op` on `operands`, of a `shape`; `extra` holds the operation's other arguments.

    `loop` is the innermost one that it is in; "all", "last" and "total" have that of their operand as `extra`.  `rank`
    says which comes first where both can.  A "carry" is what its `next` was in the round before, and its operand
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


def enclosing(loop: Loop | None) -> list[Loop]:
    """Return a loop and those around it, from the innermost outwards."""
    found = []
    while loop is not None:
        found.append(loop)
        loop = loop.outer
    return found


def part_of(v: Value, level: Loop | None) -> Value | Loop | None:
    """Return what v is among the values and loops directly in `level`: itself, the loop that it is in, or None."""
    if v.loop is level:
        return v
    return next((loop for loop in enclosing(v.loop) if loop.outer is level), None)


def schedule(order: Sequence[Value], level: Loop | None = None) -> list[Value | Loop]:
    """Return the values directly in a loop, or outside all, and the loops there, each after what it needs."""
    parts = {v: part_of(v, level) for v in order}
    waiting: dict[Loop, set[Value | Loop]] = {part: set() for part in parts.values() if isinstance(part, Loop)}
    for v, part in parts.items():
        if isinstance(part, Loop):
            waiting[part] |= {p for operand in v.inputs() if (p := parts[operand]) is not None and p is not part}
    found: list[Value | Loop] = []
    done: set[Value | Loop | None] = {None}
    ahead = [v for v in order if v.loop is level]
    while ahead:
        rest = []
        for v in ahead:
            for loop in dict.fromkeys(parts[operand] for operand in v.operands):
                if isinstance(loop, Loop) and loop not in done and waiting[loop] <= done:
                    found.append(loop)
                    done.add(loop)
            if v.op == "carry" or all(parts[operand] in done for operand in v.operands):
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
