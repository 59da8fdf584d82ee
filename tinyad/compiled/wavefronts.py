"""Sort values into wavefronts: values of one wavefront do not depend on one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from tinyad.compiled.operations import LEAVES
from tinyad.compiled.values import Loop, Value, schedule

T = TypeVar("T")
Wavefront = tuple[list[Value], bool]  # and whether its values may be joined


def wavefronts(order: Sequence[Value], loop: Loop | None, late: bool) -> Iterator[Wavefront]:
    """Yield all values; those of the loop, or outside all, by wavefront, `late` as near to the results as possible."""
    if loop is None:
        yield from _outside(order, late)
        return
    depends: set[Value] = set()
    for v in order:
        if v.loop is loop or any(operand in depends for operand in v.operands):
            depends.add(v)
    yield [v for v in order if v not in depends], False
    inside = [v for v in order if v.loop is loop]
    yield from ((wavefront, True) for wavefront in _by_level(_levels(inside, late)))
    yield [v for v in order if v in depends and v.loop is not loop], False


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
        if v.loop is not None:
            inside.setdefault(v.loop, []).append(v)
    line = schedule(order)
    levels = _outside_late(line, inside) if late else _outside_early(line, inside)
    for parts in _by_level({part: levels[part] for part in line}):
        yield [part for part in parts if isinstance(part, Value)], True
        for part in parts:
            if isinstance(part, Loop):
                yield inside[part], False


def _needed(part: Value | Loop, inside: dict[Loop, list[Value]]) -> set[Value | Loop]:
    if isinstance(part, Loop):
        return {operand for v in inside[part] for operand in v.inputs() if operand.loop is None}
    return {operand.loop or operand for operand in part.operands}


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
