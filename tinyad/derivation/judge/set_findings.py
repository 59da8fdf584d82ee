"""What is to be said about the lines together: numbers, lines nobody uses, borrowed values, blind spots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyad.derivation.judge.contributions import way_text, ways_of
from tinyad.derivation.judge.verdicts import Verdict, derivatives_in, known_cases
from tinyad.derivation.language.syntax_tree import Ref, structure
from tinyad.derivation.semantics.forward import Place, label
from tinyad.derivation.semantics.sample_point import Point


def _members(point: Point, key: str) -> list[str]:
    keys = [key]
    for letter in point.it.names.letters(key):
        keys = [m for k in keys for m in point.it.names.members(k, letter)]
    return keys


def repeated(verdicts: Sequence[Verdict]) -> list[str]:
    """Lines that set with = what another line sets, with the same formula."""
    first: dict[Any, Verdict] = {}
    notes = []
    for v in verdicts:
        line = v.statement
        if line is None or not v.ok or line.sign != "=" or line.left[0].kind != "d":
            continue
        before = first.setdefault(tuple(map(structure, (*line.left, *line.members))), v)
        if before is not v:
            notes.append(f"line {v.line}: {v.target} is set twice, in line {before.line} too, to the same")
    return notes


def numbering(verdicts: list[Verdict]) -> list[str]:
    """Numbers that occur twice, or jump."""
    numbered = [(int(v.number), v.line) for v in verdicts if v.number.isdigit() and len(v.number) < 10]
    seen: dict[int, int] = {}
    twice, jumps, last = [], [], None
    for k, line in numbered:
        if k in seen:
            twice.append(f"{k} (lines {seen[k]} and {line})")
        elif last is not None and k != last + 1:
            jumps.append(f"line {line}: number {k} follows {last}")
        seen.setdefault(k, line)
        last = k
    return [f"numbers that occur twice: {', '.join(twice)}"] * bool(twice) + jumps


def unused(point: Point, verdicts: list[Verdict]) -> list[str]:
    """Lines for intermediate derivatives that no other line uses."""
    notes = []
    used = {
        key
        for v in verdicts
        if v.statement is not None
        for m in v.statement.members
        for d in derivatives_in(m)
        for key in _members(point, d.value[0].key)
    }
    for v in verdicts:
        for reading in v.readings:
            if (
                reading.of is not None
                and not set(_members(point, reading.of.key)) & used
                and all(k in point.keys for k in _members(point, reading.of.key))
            ):
                notes.append(f"line {v.line}: the derivative of {label(reading.of.key, reading.of.time)} is not used")
    return notes


def borrowed(points: Sequence[Point], verdicts: list[Verdict]) -> list[str]:
    """Lines that are right by the value of another name: d of what does not depend on the target."""
    point = points[0]
    notes = []
    for v in verdicts:
        if not v.ok or v.statement is None or point.last is not None:
            continue
        for reading, left in zip(v.readings, v.statement.left, strict=False):
            if reading.of is None:
                continue
            place = reading.of.key, _moment(point, reading.of)
            for node in (d for m in v.statement.members for d in derivatives_in(m)):
                other = node.value[0].key, _moment(point, node.value[0])
                if (
                    node.value[1] is None
                    and other in point.values
                    and place in point.values
                    and other != place
                    and not depends(point, other, place)
                ):
                    twin = next(
                        (
                            p
                            for p in point.values
                            if p != other and depends(point, p, place) and equal(points, p, other)
                        ),
                        None,
                    )
                    name = point.source.text[node.start : node.end]
                    meant = f"; the derivative of {label(*twin)} is meant, which is equal" if twin else ""
                    target = point.source.text[left.start : left.end]
                    said = f"right by its value only: {name} has nothing to do with {target}"
                    notes.append(f"line {v.line}: {said}{meant}")
    return notes


def foreign(point: Point, verdicts: list[Verdict]) -> list[str]:
    """deriv() lines that are right, and name operands that are not those of their equation."""
    notes = []
    forward = [[n.value for n in (eq.left[0], *eq.members[0].parts)] for eq in point.derivation.forward]
    for v in verdicts:
        node = v.statement.members[0] if v.ok and v.statement is not None and v.statement.members else None
        if node is None or node.kind != "deriv":
            continue
        said = [part.value[0] if part.kind == "d" else part.value for part in node.parts]
        if said not in forward:
            own = [row for row in forward if row[0] == said[0]]
            which = ", ".join(label(ref.key, ref.time) for row in own for ref in row[1:])
            meant = f"; those of {label(said[0].key, said[0].time)} are {which}" if own else ""
            notes.append(f"line {v.line}: right by its value only: no equation has these operands{meant}")
    return notes


def claimed(point: Point, verdicts: list[Verdict]) -> list[str]:
    """Lines that say which step they belong to, and belong to another."""
    notes = []
    for v in verdicts:
        claim = point.derivation.claims.get(v.start, "")
        if not claim or not v.ok:
            continue
        numbers = {point.derivation.forward[w[0]].number for r in v.readings for w in r.ways if w[0] is not None}
        if numbers and claim not in numbers:
            notes.append(
                f"line {v.line}: it says step {claim}, and is what step {', '.join(sorted(numbers))} contributes"
            )
    return notes


def _moment(point: Point, ref: Ref) -> Any:
    return ref.time or (("t", 0) if point.it.names.timed(ref.key) else None)


def depends(point: Point, later: Place, earlier: Place) -> bool:
    """Whether a value is computed from another."""
    return point.values[earlier].index in point.ancestors(point.values[later].index)


def equal(points: Sequence[Point], a: Place, b: Place) -> bool:
    for point in points:
        x, y = point.true(a), point.true(b)
        if x.shape != y.shape or not point.near(a, x, y):
            return False
    return True


def unseen(points: Sequence[Point], verdicts: list[Verdict]) -> list[str]:
    """What these numbers could not have shown."""
    point = points[0]
    notes: list[str] = []
    if not any(r.of is not None for v in verdicts for r in v.readings):
        return notes
    places = [
        p
        for p, v in point.values.items()
        if v.index < point.d.length and point.d.reaches(v.index) and v.index not in point.tape.constants
    ]
    groups: list[list[Place]] = []
    if point.last is None:
        for place in places:
            group = next((g for g in groups if equal(points, g[0], place)), None)
            if group is None:
                groups.append([place])
            else:
                group.append(place)
    notes += faint(points, verdicts)
    alike = []
    for group in groups:
        if len(group) > 1 and np.any(point.true(group[0])):
            alike.append(", ".join(label(*p) for p in group))
    if alike:
        said = "; ".join(alike)
        notes.append(f"derivatives that are equal everywhere, so that one in the place of another is no error: {said}")
    numbers = [v.line for v in verdicts if v.ok and v.shapes and all(text == "1×1" for _, _, text in v.shapes)]
    if numbers:
        notes.append(
            f"all is 1×1 in line {', '.join(map(str, numbers))}: transpositions and the order of factors do not show"
        )
    return notes


def faint(points: Sequence[Point], verdicts: list[Verdict]) -> list[str]:
    """Paths that add next to nothing at these points: a mistake in them would not show."""
    point, notes = points[0], []
    for v in verdicts:
        for reading, left in zip(v.readings, v.statement.left if v.statement is not None else (), strict=False):
            ways = set(reading.ways)
            for case in known_cases(point, left) if reading.of is not None else ():
                for way, array in ways_of(case).items():
                    if way in ways and way[0] is not None and point.near(case.place, array, np.zeros_like(array)):
                        ways.discard(way)
                        notes.append(
                            f"{way_text(point, way)} adds next to nothing in line {v.line}: saturated, or tiny"
                        )
    return list(dict.fromkeys(notes))
