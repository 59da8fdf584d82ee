"""The contributions to a derivative, and which of them a line brings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tinyad.derivation.language.syntax_tree import Node, Ref
from tinyad.derivation.semantics.forward import Moment, Place
from tinyad.derivation.semantics.sample_point import Part, Point
from tinyad.derivation.semantics.values import Scope, Trouble
from tinyad.engine.matrix import Array

# A contribution, whatever the time: which equation (None: handed in), how many steps later, which use of the name.
Way = tuple[int | None, Any, int]


MOST = 10  # contributions that are tried in all combinations


class Worst(NamedTuple):
    """One entry: its place, counted from 1, what is right and what the line gives."""

    where: str
    expected: float
    found: float


class Reading(NamedTuple):
    """What came out of one left-hand side of a line.

    verdict: "right", "other layout", "wrong", "does not fit", "undefined", "ambiguous", "not evaluable".  For a
    derivative `ways` are the contributions that the line holds, all of them for the whole derivative; `of` is its name.
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


def in_order(ways: Iterable[Way]) -> list[Way]:
    """Contributions as they stand in the file: what was handed in, then equation by equation."""
    return sorted(ways, key=lambda way: (way[0] is not None, way[0] or 0, way[1] or 0, way[2]))


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
    _, moment = case.place
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


def added(ways: dict[Way, Array], like: Array) -> Array:
    total = np.zeros(like.shape)
    for array in ways.values():
        total = total + array
    return total


def selected(values: list[tuple[Case, Array, dict[Way, Array]]], all_ways: frozenset[Way]) -> frozenset[Way] | None:
    """Which contributions make up a line at every moment of every point: all, or as few as will do; None if none do."""
    order = in_order(all_ways)

    def holds(chosen: frozenset[Way]) -> bool:
        return all(
            case.point.near(case.place, a, added({w: c for w, c in ways.items() if w in chosen}, a))
            for case, a, ways in values
        )

    if holds(all_ways):
        return all_ways
    factors = fitted(values, order)
    if factors is not None:
        chosen = frozenset(w for w, f in zip(order, factors, strict=True) if abs(f - 1) < 1e-6)
        if chosen and holds(chosen):
            return chosen
    if len(order) <= MOST:  # contributions that are equal numbers are told apart by no factors
        for bits in sorted(range(1, 2 ** len(order) - 1), key=int.bit_count):
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
    factors, _, rank, _ = np.linalg.lstsq(matrix, line, rcond=None)
    if rank < len(order):  # paths that add up to one another have no factors of their own
        return None
    largest = float(np.abs(line).max(initial=0))
    if largest == 0 or float(np.abs(matrix @ factors - line).max()) > 1e-8 * largest:
        return None
    return [float(f) for f in factors]


def likeness(values: list[tuple[Case, Array, dict[Way, Array]]], all_ways: frozenset[Way], point: Point) -> str:
    """A factor, a sign, a contribution too much or too few, in words; "" if it is none of these."""
    order = in_order(all_ways)
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


def alike(values: list[tuple[Case, Array, dict[Way, Array]]], all_ways: frozenset[Way]) -> tuple[frozenset[Way], ...]:
    groups: list[set[Way]] = []
    for way in in_order(all_ways):
        for group in groups:
            other = next(iter(group))
            pairs = [(case, ways.get(way), ways.get(other)) for case, _, ways in values]
            if all(a is not None and b is not None and c.point.near(c.place, a, b) for c, a, b in pairs):
                group.add(way)
                break
        else:
            groups.append({way})
    return tuple(frozenset(group) for group in groups if len(group) > 1)


def unequal(reading: Reading, before: frozenset[Way]) -> frozenset[Way]:
    """The ways of a line with those that are there already exchanged for equal ones that are not: z ∘ z has two."""
    ways = set(reading.ways)
    for group in reading.alike:
        for way in in_order(ways & group & before):
            free = in_order(group - before - ways)
            if free:
                ways = ways - {way} | {free[0]}
    return frozenset(ways)
