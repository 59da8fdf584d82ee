"""One backward line on its own: evaluated as it is written, with the true derivatives on its right-hand side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.derivation.evaluate import Indexed, Scope, Several, Stretched, Trouble
from tinyad.derivation.point import Moment, Part, Place, Point, label
from tinyad.derivation.tree import Node, Ref, Statement
from tinyad.matrix import Array, broadcast, size

# A contribution, whatever the time: which equation (None: handed in), how many steps later, by which use of the name.
Way = tuple[int | None, Any, int]


class Worst(NamedTuple):
    """One entry: its place, counted from 1, what is right and what the line gives."""

    where: str
    expected: float
    found: float


class Reading(NamedTuple):
    """What came out of one left-hand side of a line.

    verdict: "right", "other layout", "wrong", "does not fit", "undefined", "ambiguous", "not evaluable".  For a derivative
    `ways` are the contributions that the line holds, all of them for the whole derivative; `of` is the name it is for.
    """

    verdict: str
    message: str = ""
    node: Node | None = None
    ways: frozenset[Way] = frozenset()
    all_ways: frozenset[Way] = frozenset()
    of: Ref | None = None
    worst: Worst | None = None
    looks_like: str = ""
    member: int = 0
    notes: tuple[str, ...] = ()
    shapes: tuple[tuple[int, int, str], ...] = ()
    alike: tuple[frozenset[Way], ...] = ()  # contributions that are one array at every point


class Case(NamedTuple):
    """A line at one moment of one point: what it is to be, what it gives, in row layout."""

    point: Point
    scope: Scope
    place: Place


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
            lost = " and ".join(way_text(points[0], way) for way in sorted(most - short.ways, key=repr))
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
    return _equal(points, line, left, node)


def cases(point: Point, left: Node) -> Iterator[Case]:
    """The moments and family members that a left-hand side stands for."""
    ref = left.value[0] if left.kind == "d" else left.value
    it = point.it
    scopes = [Scope(None, {})]
    for letter in it.names.letters(ref.key):
        scopes = [Scope(None, {**s.members, letter: m}) for s in scopes for m in it.names.families[letter]]
    for scope in scopes:
        if point.last is not None and it.names.timed(ref.key) and (ref.time is None or ref.time[0] == "t"):
            shift = ref.time[1] if ref.time else 0
            for t in range(1, point.last + 1):
                key = point.arrays.key(ref.key, scope, left)
                if (key, t + shift) in point.values:
                    yield Case(point, Scope(t, scope.members), (key, t + shift))
        else:
            key = point.arrays.key(ref.key, scope, left)
            place = key, point.arrays.time(ref, scope, left)
            if place not in point.values:
                point.array(*place, left)
            yield Case(point, scope, place)


def ways_of(case: Case) -> dict[Way, Array]:
    """The contributions to a derivative, by where they come from whatever the time."""
    key, moment = case.place
    if case.point.values[case.place].index >= case.point.d.length:
        return {}
    found: dict[Way, Array] = {}
    for part in case.point.parts(case.place):
        way = _way(part, moment)
        found[way] = found[way] + part.array if way in found else part.array
    return found


def _way(part: Part, at: Moment) -> Way:
    if part.equation is None:
        return None, part.moment, 0
    later = part.moment - at if isinstance(at, int) and isinstance(part.moment, int) else None
    return part.equation, later, part.use


def all_ways_of(point: Point, left: Node) -> frozenset[Way]:
    """All contributions to what a line sets; none if it sets nothing that is known."""
    if left.kind != "d":
        return frozenset()
    try:
        return frozenset(way for case in cases(point, left) for way in ways_of(case))
    except Trouble:
        return frozenset()


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
    if isinstance(value, Stretched):
        value = value.value if point.it.layout == "row" else value.value.T
        if broadcast(value.shape, shape) is None:
            raise Trouble("does not fit", f"{size(value.shape)} where {size(shape)} is needed", node)
        return np.broadcast_to(value, shape).astype(float)
    if isinstance(value, float | int):
        value = np.full((1, 1), float(value)) if value else np.zeros(shape if point.it.layout == "row" else shape[::-1])
    if not isinstance(value, np.ndarray):
        raise Trouble("not evaluable", "this has no size", node)
    return value if point.it.layout == "row" else value.T


def _matched(point: Point, left: Node, node: Node, values: list[tuple[Case, Array, dict[Way, Array]]]) -> Reading:
    all_ways = frozenset(way for _, _, ways in values for way in ways)
    reading = _held(point, left, node, values, all_ways)
    return reading._replace(alike=_alike(values, all_ways)) if reading.verdict == "right" else reading


def _alike(values: list[tuple[Case, Array, dict[Way, Array]]], all_ways: frozenset[Way]) -> tuple[frozenset[Way], ...]:
    groups: list[set[Way]] = []
    for way in sorted(all_ways, key=repr):
        for group in groups:
            other = next(iter(group))
            pairs = [(ways.get(way), ways.get(other)) for _, _, ways in values]
            if all(a is not None and b is not None and np.array_equal(a, b) for a, b in pairs):
                group.add(way)
                break
        else:
            groups.append({way})
    return tuple(frozenset(group) for group in groups if len(group) > 1)


def _held(
    point: Point, left: Node, node: Node, values: list[tuple[Case, Array, dict[Way, Array]]], all_ways: frozenset[Way]
) -> Reading:
    misfits = [(case, a) for case, a, _ in values if a.shape != case.point.values[case.place].shape[::-1]]
    own = point.it.layout == "row"
    if misfits:
        case, a = misfits[0]
        needed = case.point.values[case.place].shape[::-1]
        sizes = [size(s if own else s[::-1]) for s in (a.shape, needed)]
        said = f"the line gives {sizes[0]}; the derivative of {size(needed[::-1])} {label(*case.place)} is {sizes[1]} in {point.it.layout} layout"
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
        return not np.all(np.isfinite(a)) or not case.point.near(case.place, a, _sum(parts, a))

    case, a, parts = next((v for v in values if off_here(*v)), values[0])
    true = _sum(parts, a)
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


def _sum(ways: dict[Way, Array], like: Array) -> Array:
    total = np.zeros(like.shape)
    for array in ways.values():
        total = total + array
    return total


def selected(values: list[tuple[Case, Array, dict[Way, Array]]], all_ways: frozenset[Way]) -> frozenset[Way] | None:
    """The contributions that add up to a line at every moment of every point, most of them first; None if none do."""
    order = sorted(all_ways, key=repr)

    def holds(chosen: frozenset[Way]) -> bool:
        return all(
            case.point.near(case.place, a, _sum({w: c for w, c in ways.items() if w in chosen}, a))
            for case, a, ways in values
        )

    if holds(all_ways):
        return all_ways
    factors = fitted(values, order)
    if factors is not None:
        chosen = frozenset(w for w, f in zip(order, factors, strict=True) if abs(f - 1) < 1e-6)
        if chosen and holds(chosen):
            return chosen
    if len(order) <= 8:  # contributions that are equal numbers are told apart by no factors
        for bits in sorted(range(1, 2 ** len(order) - 1), key=lambda b: -b.bit_count()):
            chosen = frozenset(w for k, w in enumerate(order) if bits >> k & 1)
            if holds(chosen):
                return chosen
    return None


def fitted(values: list[tuple[Case, Array, dict[Way, Array]]], order: list[Way]) -> list[float] | None:
    """The factor of every contribution, if the line is a sum of multiples of them."""
    if not order or not all(np.all(np.isfinite(a)) for _, a, _ in values):
        return None
    columns = [np.concatenate([ways.get(w, np.zeros(a.shape)).ravel() for _, a, ways in values]) for w in order]
    matrix, line = np.stack(columns, 1), np.concatenate([a.ravel() for _, a, _ in values])
    factors, *_ = np.linalg.lstsq(matrix, line, rcond=None)
    largest = float(np.abs(line).max(initial=0))
    if largest == 0 or float(np.abs(matrix @ factors - line).max()) > 1e-8 * largest:
        return None
    return [float(f) for f in factors]


def likeness(values: list[tuple[Case, Array, dict[Way, Array]]], all_ways: frozenset[Way], point: Point) -> str:
    """A factor, a sign, a contribution too much or too few, in words; "" if it is none of these."""
    order = sorted(all_ways, key=repr)
    factors = fitted(values, order)
    if factors is None:
        return ""
    if all(abs(f - factors[0]) < 1e-6 for f in factors) and abs(factors[0]) > 1e-9:
        return "the sign" if abs(factors[0] + 1) < 1e-6 else f"a factor {factors[0]:.6g}"
    said = []
    for way, f in zip(order, factors, strict=True):
        if abs(f - 1) > 1e-6:
            what = way_text(point, way)
            said.append(
                f"{what} is missing" if abs(f) < 1e-6 else f"{what} counts twice" if abs(f - 2) < 1e-6
                else f"{what} has the wrong sign" if abs(f + 1) < 1e-6 else f"{what} with a factor {f:.6g}"
            )  # fmt: skip
    return ", ".join(said[:3])


def way_text(point: Point, way: Way) -> str:
    equation, later, _ = way
    if equation is None:
        return "the derivative that was given"
    eq = point.derivation.forward[equation]
    text = point.source.text[eq.left[0].start : eq.left[0].end]
    number = f"equation {eq.number}" if eq.number else "the equation"
    when = f", {later} step{'s' * (later > 1)} later" if later else ""
    return f"the path through {number} for {text}{when}"


def _equal(points: Sequence[Point], line: Statement, left: Node, node: Node) -> Reading:
    """A line about a Jacobian, a differential or a name: both sides are evaluated and compared."""
    for point in points:
        for scope in scopes_of(point, line):
            whole = frozenset(p for part in (*line.left, *line.members) for p in moving(point, part, scope))
            loss = (point.it.names.loss, None)
            point.moving = whole - {loss}
            if left.kind == "differential" and loss in whole:
                if not _moves_with(point, node, scope):
                    return Reading("wrong", "this is not how the loss moves", node)
                continue
            a, b = point.arrays(left, scope), point.arrays(node, scope)
            if isinstance(a, Indexed) or isinstance(b, Indexed):
                a, b = same_indices(a, b, node)
            x, y = plain_value(a), plain_value(b)
            if x is None or y is None:
                return Reading("not evaluable", "this has no size", node)
            if x.shape != y.shape:
                if x.size == y.size == 1:
                    x, y = x.reshape(1, 1), y.reshape(1, 1)
                else:
                    said = f"the left-hand side is {size(x.shape)}, the right-hand side {size(y.shape)}"
                    return Reading("does not fit", said + _of_the_sum(point, left, y, scope), node)
            largest = max(float(np.abs(x).max(initial=0)), float(np.abs(y).max(initial=0)))
            if not (np.isfinite(largest) and np.all(np.abs(x - y) <= 1e-10 * largest)):
                at = np.unravel_index(int(np.argmax(np.abs(x - y))), x.shape)
                where = ", ".join(f"{w} {k + 1}" for w, k in zip(("row", "column", "layer"), at, strict=False))
                return Reading(
                    "wrong", _of_the_sum(point, left, y, scope), node, worst=Worst(where, float(x[at]), float(y[at]))
                )
    return Reading("right", "", node)


def same_indices(a: Any, b: Any, node: Node) -> tuple[Any, Any]:
    """Both sides with their axes in one order; the right one may lack an index that it does not depend on."""
    left, right = ([k for k in v.labels if k] if isinstance(v, Indexed) else [] for v in (a, b))
    stray = [k for k in right if k not in left]
    if stray or not isinstance(a, Indexed):
        raise Trouble("does not fit", f"the index {' and '.join(stray)} is on one side only", node)
    y = np.asarray(b.value if isinstance(b, Indexed) else b)
    if not isinstance(b, Indexed):
        if y.size > 1:
            raise Trouble("does not fit", f"{size(y.shape)} has no index", node)
        y = y.reshape(())
    y = y.reshape([n for n, k in zip(y.shape, b.labels, strict=False) if k]) if isinstance(b, Indexed) else y
    order = [k for k in left if k in right]
    y = np.transpose(y, [right.index(k) for k in order]) if len(order) > 1 else y
    y = y.reshape([y.shape[order.index(k)] if k in order else 1 for k in left])
    x = np.asarray(a.value).reshape([n for n, k in zip(np.shape(a.value), a.labels, strict=False) if k])
    if any(n not in (1, m) for n, m in zip(y.shape, x.shape, strict=True)):
        raise Trouble("does not fit", "an index runs to different lengths on the two sides", node)
    return x, np.broadcast_to(y, x.shape)


def moving(point: Point, node: Node, scope: Scope) -> set[Place]:
    """The names under a differential; none in a member that has no value."""
    try:
        return point.moves(node, scope)
    except Trouble:
        return set()


def _moves_with(point: Point, node: Node, scope: Scope) -> bool:
    """Whether a formula is how the loss moves, by one or more of the ways it depends on what moves."""
    value = plain_value(point.arrays(node, scope))
    if value is None or value.size != 1:
        raise Trouble("does not fit", "the loss is a number, and this is none", node)
    found: dict[tuple[Place, int | None], float] = {}
    for p in point.free_moves():
        for part in point.parts(p):  # all uses in one equation move together
            at = p, part.equation
            found[at] = found.get(at, 0.0) + float(np.sum(part.array.T * point.tangent(p)))
    ways = list(found.values())[:12]
    sums = {0.0}
    for way in ways:
        sums |= {s + way for s in sums}
    largest = max((abs(way) for way in ways), default=0.0)
    return any(abs(value.item() - s) <= 1e-10 * largest for s in sums if s != 0.0)


def _of_the_sum(point: Point, left: Node, y: Array, scope: Scope) -> str:
    """Whether what stands for a Jacobian is the derivative of the sum of the entries."""
    if left.kind != "jacobian":
        return ""
    try:
        full = point.jacobian(point.arrays, left, scope)
    except Trouble:
        return ""
    if isinstance(full, Indexed):
        return ""
    summed = full.sum(axis=(0, 1))
    summed = summed.T if point.it.layout == "row" else summed
    same = summed.shape == y.shape and np.allclose(summed, y, rtol=1e-9, atol=1e-12)
    return "; it is the derivative of the sum of all entries, no Jacobian" if same else ""


def plain_value(value: Any) -> Array | None:
    if isinstance(value, Indexed):
        return np.asarray(value.value)
    if isinstance(value, float | int):
        return np.full((1, 1), float(value))
    return value if isinstance(value, np.ndarray) else None


def scopes_of(point: Point, line: Statement) -> list[Scope]:
    """The moments and members that a line about names and Jacobians holds for."""
    scopes = [Scope(None, {})]
    letters = {letter for node in (*line.left, *line.members) for letter in _letters(node, point)}
    for letter in sorted(letters):
        scopes = [Scope(None, {**s.members, letter: m}) for s in scopes for m in point.it.names.families[letter]]
    if point.last is None:
        return scopes
    return [Scope(t, s.members) for s in scopes for t in range(2, point.last)]


def _letters(node: Node, point: Point) -> set[str]:
    if node.kind == "sum" and node.value[0] == "family":
        return set()
    ref = node.value[0] if node.kind == "d" else node.value if isinstance(node.value, Ref) else None
    own = set(point.it.names.letters(ref.key)) if ref is not None else set()
    for part in node.parts:
        own |= _letters(part, point)
    return own
