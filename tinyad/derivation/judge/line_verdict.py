"""One backward line on its own: evaluated as it is written, with the true derivatives on its right-hand side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyad.derivation.judge.contributions import (
    Case,
    Reading,
    Way,
    Worst,
    added,
    alike,
    all_ways_of,
    cases,
    in_order,
    likeness,
    selected,
    way_text,
    ways_of,
)
from tinyad.derivation.judge.equalities import equal_sides
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.semantics.forward import label
from tinyad.derivation.semantics.operations import column
from tinyad.derivation.semantics.sample_point import Point
from tinyad.derivation.semantics.values import Indexed, Scope, Several, Stretched, Trouble
from tinyad.engine.matrix import Array, size


def read_line(points: Sequence[Point], line: Statement, k: int, only: int | None = None) -> Reading:
    """Judge left-hand side k of a line at all points; `only` one member of a chain."""
    left = line.left[k]
    points[0].arrays.shapes.clear()
    points[0].arrays.notes.clear()
    readings = []
    for member in range(len(line.members)) if only is None else (only,):
        try:
            found = _judged(points, line, k, left, member)
        except Trouble as trouble:
            found = Reading(trouble.verdict, trouble.message, trouble.node)
        except (RecursionError, ArithmeticError) as reason:
            found = Reading("not evaluable", f"no value: {reason}", line.members[member])
        readings.append(found._replace(member=member))
        if found.verdict not in ("right", "not evaluable"):
            break
    reading = next((r for r in readings if r.verdict != "right"), readings[-1])
    if reading.verdict == "right":
        most = max((r.ways for r in readings), key=len)
        short = next((r for r in readings if r.ways != most), None)
        if short is not None:
            lost = " and ".join(way_text(points[0], way) for way in in_order(most - short.ways))
            reading = short._replace(verdict="wrong", message=f"this part of the chain lacks {lost}")
    ref = left.value[0] if left.kind == "d" else None
    return reading._replace(
        of=ref,
        all_ways=reading.all_ways or all_ways_of(points[0], left),
        notes=tuple(sorted(points[0].arrays.notes)),
        shapes=tuple(sorted((a, b, text) for (a, b), text in points[0].arrays.shapes.items())),
    )


def _judged(points: Sequence[Point], line: Statement, k: int, left: Node, member: int) -> Reading:
    node = line.members[member]
    if left.kind == "d":
        return _derivative(points, line, k, left, node)
    return equal_sides(points, line, left, node)


def _derivative(points: Sequence[Point], line: Statement, k: int, left: Node, node: Node) -> Reading:
    ref: Ref = left.value[0]
    values: list[tuple[Case, Array, dict[Way, Array]]] = []
    for point in points:
        some = False
        for case in cases(point, left):
            some = True
            shape = point.values[case.place].shape[::-1]
            a = value_of(case, line, node, k, ref, shape)
            values.append((case, a, ways_of(case)))
        if not some:
            raise Trouble("undefined", f"{label(ref.key, ref.time)} is at no time in the forward", left)
    return _matched(points[0], left, node, values)


def value_of(case: Case, line: Statement, node: Node, k: int, ref: Ref, shape: tuple[int, ...]) -> Array:
    """What the line gives for its derivative, in row layout."""
    point = case.point
    point.arrays.wanted = shape
    free = line.sign == "+=" and point.last is not None and case.scope.t is None
    if free and _uses_time(node, point):
        total: Any = 0.0
        for t in range(1, (point.last or 0) + 1):
            total = total + as_row(
                point, point.arrays(node, Scope(t, case.scope.members)), ref, shape, node, k, len(line.left)
            )
        return total  # type: ignore[no-any-return]
    return as_row(point, point.arrays(node, case.scope), ref, shape, node, k, len(line.left))


def _uses_time(node: Node, point: Point) -> bool:
    """Whether t is free in a formula."""
    if node.kind == "sum" and node.value[0] == "time":
        return False
    ref = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
    if ref is not None and ((ref.time and ref.time[0] == "t") or (ref.time is None and point.it.names.timed(ref.key))):
        return True
    return any(_uses_time(part, point) for part in node.parts)


def as_row(
    point: Point, value: Any, ref: Ref, shape: tuple[int, ...], node: Node, k: int = 0, several: int = 1
) -> Array:
    """A value as a derivative in row layout.  Raises Trouble where it is no matrix of its size."""
    if isinstance(value, Several):
        if len(value.values) != several:
            raise Trouble("does not fit", f"deriv returns {len(value.values)}, and {several} stand on the left", node)
        value = value.values[k]
    if isinstance(value, Indexed):
        free = [x for x in value.labels if x]
        if sorted(free) != sorted(ref.indices):
            stray = " and ".join(sorted({*free} ^ {*ref.indices}))
            raise Trouble("does not fit", f"the index {stray} is on one side only", node)
        order = [value.labels.index(x) for x in ref.indices]
        array = np.transpose(value.value, order) if len(order) > 1 else np.asarray(value.value)
        rows, columns = shape[::-1]
        if array.size == rows * columns:
            return array.reshape(rows, columns).T
        raise Trouble("does not fit", f"the indices run to {size(array.shape)}, and the name is {rows}×{columns}", node)
    if ref.indices:
        raise Trouble("does not fit", f"the index {ref.indices[0]} is on the left-hand side only", node)
    value = column(value)
    if isinstance(value, Stretched):
        needed = shape if point.it.layout == "row" else shape[::-1]
        filled = value.filled(needed)
        if filled is None:
            raise Trouble("does not fit", f"{size(value.sides)} where {size(needed)} is needed", node)
        value = filled
    if isinstance(value, float | int):
        value = np.full((1, 1), float(value)) if value else np.zeros(shape if point.it.layout == "row" else shape[::-1])
    if not isinstance(value, np.ndarray):
        raise Trouble("not evaluable", "this has no size", node)
    return value if point.it.layout == "row" else value.T


def _matched(point: Point, left: Node, node: Node, values: list[tuple[Case, Array, dict[Way, Array]]]) -> Reading:
    all_ways = frozenset(way for _, _, ways in values for way in ways)
    reading = _held(point, left, node, values, all_ways)
    return reading._replace(alike=alike(values, all_ways)) if reading.verdict == "right" else reading


def _held(
    point: Point, left: Node, node: Node, values: list[tuple[Case, Array, dict[Way, Array]]], all_ways: frozenset[Way]
) -> Reading:
    misfits = [(case, a) for case, a, _ in values if a.shape != case.point.values[case.place].shape[::-1]]
    own = point.it.layout == "row"
    if misfits:
        case, a = misfits[0]
        needed = case.point.values[case.place].shape[::-1]
        sizes = [size(s if own else s[::-1]) for s in (a.shape, needed)]
        name = f"{size(needed[::-1])} {label(*case.place)}"
        said = f"the line gives {sizes[0]}; the derivative of {name} is {sizes[1]} in {point.it.layout} layout"
        turned = [(c, b.T, w) for c, b, w in values]
        if all(b.shape == c.point.values[c.place].shape[::-1] and np.all(np.isfinite(b)) for c, b, _ in turned):
            ways = selected(turned, all_ways)
            if ways is not None:
                return Reading("other layout", said + "; transposed it is right", node, ways, all_ways)
            said += "; transposed it would fit"
        return Reading("does not fit", said, node, frozenset(), all_ways)
    finite = all(np.all(np.isfinite(a)) for _, a, _ in values)
    ways = selected(values, all_ways) if finite else None
    if ways is None and finite and not any(np.any(a) for _, a, _ in values):
        ways = frozenset()  # set to 0, to be added to
    if ways is not None:
        return Reading("right", "", node, ways, all_ways)

    def off_here(case: Case, a: Array, parts: dict[Way, Array]) -> bool:
        return not np.all(np.isfinite(a)) or not case.point.near(case.place, a, added(parts, a))

    case, a, parts = next((v for v in values if off_here(*v)), values[0])
    true = added(parts, a)
    off = np.abs(a - true)
    at = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
    place = at if own else at[::-1]
    where = f"row {place[0] + 1}, column {place[1] + 1}"
    if point.last is not None and isinstance(case.place[1], int):
        where = f"{point.it.names.time} = {case.scope.t}, {where}" if case.scope.t is not None else where
    looks = likeness(values, all_ways, point)
    square = finite and all(a.shape == a.shape[::-1] for _, a, _ in values)
    if square and selected([(c, b.T, w) for c, b, w in values], all_ways) is not None:
        looks = "transposed"
    return Reading(
        "wrong", "", node, frozenset(), all_ways, worst=Worst(where, float(true[at]), float(a[at])), looks_like=looks
    )
