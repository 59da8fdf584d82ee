"""Sort values into wavefronts: values of one wavefront do not depend on one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from tinyad.compiled.operations import LEAVES
from tinyad.compiled.values import Loop, Value, part_of, schedule

T = TypeVar("T")
Wavefront = tuple[list[Value], Loop | None, bool]  # and the loop it is in, and whether its values may be joined


def wavefronts(order: Sequence[Value], late: Mapping[Loop | None, bool]) -> Iterator[Wavefront]:
    """Yield all values; those of the loops in `late`, or of None outside all, by wavefront.

    Where `late` is true, a value is in a wavefront as near to the results as possible.
    """
    if None in late:
        yield from _outside(order, late[None])
    else:
        yield from _in_loops(order, None, late)


def _in_loops(order: Sequence[Value], level: Loop | None, late: Mapping[Loop | None, bool]) -> Iterator[Wavefront]:
    """Yield the values in a loop, or outside all, and those of the loops there."""
    inside: dict[Loop, list[Value]] = {}
    around = set[Loop | None]()
    for v in order:
        if v.loop is not None:
            inside.setdefault(v.loop, []).append(v)
            around.add(v.loop.outer)
    for part in schedule(order, level):
        if isinstance(part, Value):
            yield [part], level, False
        elif part in around:
            yield from _in_loops(order, part, late)
        elif part in late:
            yield from ((wavefront, part, True) for wavefront in _by_level(_levels(inside[part], late[part])))
        else:
            yield inside[part], part, False


def _by_level(levels: dict[T, int]) -> list[list[T]]:
    found: dict[int, list[T]] = {}
    for part, level in levels.items():
        found.setdefault(level, []).append(part)
    return [found[level] for level in sorted(found)]


def _levels(values: Sequence[Value], late: bool) -> dict[Value, int]:
    own = set(values)
    if not late:
        levels: dict[Value, int] = {}
        for v in values:
            before = [levels[operand] for operand in v.operands if operand in own]
            levels[v] = 0 if _is_given(v) else 1 + max(before, default=0)
        return levels
    after: dict[Value, int] = dict.fromkeys(values, 0)
    for v in reversed(values):
        for operand in v.operands:
            if operand in own:
                after[operand] = max(after[operand], after[v] + 1)
    last_level = max(after.values(), default=0)
    return {v: 0 if _is_given(v) else 1 + last_level - after[v] for v in values}


def _is_given(v: Value) -> bool:
    return v.op in LEAVES or v.op in ("carry", "step")


def _outside(order: Sequence[Value], late: bool) -> Iterator[Wavefront]:
    inside: dict[Loop, list[Value]] = {}
    for v in order:
        if isinstance(loop := part_of(v, None), Loop):
            inside.setdefault(loop, []).append(v)
    line = schedule(order)
    levels = _outside_late(line, inside) if late else _outside_early(line, inside)
    for parts in _by_level({part: levels[part] for part in line}):
        yield [part for part in parts if isinstance(part, Value)], None, True
        for part in parts:
            if isinstance(part, Loop):
                yield inside[part], part, False


def _needed(part: Value | Loop, inside: dict[Loop, list[Value]]) -> set[Value | Loop]:
    if isinstance(part, Loop):
        return {operand for v in inside[part] for operand in v.inputs() if operand.loop is None}
    return {part_of(operand, None) or operand for operand in part.operands}


def _outside_early(line: Sequence[Value | Loop], inside: dict[Loop, list[Value]]) -> dict[Value | Loop, int]:
    levels: dict[Value | Loop, int] = {}
    for part in line:
        before = max((levels[needed] for needed in _needed(part, inside)), default=0)
        levels[part] = before + (isinstance(part, Value) and part.op not in LEAVES)
    return levels


def _outside_late(line: Sequence[Value | Loop], inside: dict[Loop, list[Value]]) -> dict[Value | Loop, int]:
    after: dict[Value | Loop, int] = dict.fromkeys(line, 0)
    for part in reversed(line):
        for needed in _needed(part, inside):
            after[needed] = max(after[needed], after[part] + (isinstance(part, Value)))
    last_level = max(after.values(), default=0)
    return {part: last_level - own for part, own in after.items()}
