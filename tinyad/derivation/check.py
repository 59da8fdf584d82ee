"""All lines of a derivation: each on its own, then together as `=` and `+=`, then as a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.derivation.evaluate import Scope, Trouble
from tinyad.derivation.lines import Case, Reading, Way, Worst, cases, read_line, selected, value_of, way_text, ways_of
from tinyad.derivation.point import Place, Point, label
from tinyad.derivation.reader import Derivation, Unreadable
from tinyad.derivation.tree import Node, Ref, Statement

POINTS = 3
GOOD = ("right", "given")


class Verdict(NamedTuple):
    """What was found about one line.

    verdict: "right", "given", "other layout", "wrong", "does not fit", "undefined", "used before it is set",
    "counted twice", "overwrites", "missing", "ambiguous", "not evaluable", "unreadable".
    start, end: the line in the file; at: the part that it is about, as (start, end).
    """

    line: int
    number: str
    text: str
    verdict: str
    message: str
    start: int
    end: int
    at: tuple[int, int]
    target: str = ""
    worst: Worst | None = None
    looks_like: str = ""
    rules: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shapes: tuple[tuple[int, int, str], ...] = ()
    suggestion: str = ""
    grade: str = ""
    spoils: tuple[str, ...] = ()
    statement: Any = None
    readings: tuple[Reading, ...] = ()

    @property
    def ok(self) -> bool:
        return self.verdict in GOOD


class Part(NamedTuple):
    """One set of backward lines: its verdicts, and what is to be said about them together."""

    title: str
    verdicts: list[Verdict]
    faults: list[str]
    notes: list[str]
    unseen: list[str]
    points: Sequence[Point]

    @property
    def ok(self) -> bool:
        return not self.faults and all(v.ok for v in self.verdicts)


def check(derivation: Derivation, seed: int = 0) -> list[Part]:
    """Judge every set of backward lines of a derivation."""
    points = [Point(derivation, seed * 1000 + k) for k in range(POINTS)]
    return [_part(points, title, lines) for title, lines in derivation.backward.items()]


def _part(points: Sequence[Point], title: str, lines: Sequence[Statement | Unreadable]) -> Part:
    point = points[0]
    labels = _labelled_lines(lines)
    for p in points:
        p.label_value = lambda point, place, name: _part_of(point, labels, place, name)
    verdicts = [_verdict(points, line) for line in lines]
    verdicts = together(points, verdicts)
    verdicts = in_order(points, verdicts)
    faults = missing(points, verdicts)
    notes = numbering(verdicts) + unused(point, verdicts) + borrowed(points, verdicts) + claimed(point, verdicts)
    return Part(title, verdicts, faults, notes, unseen(points, verdicts), points)


def _labelled_lines(lines: Sequence[Statement | Unreadable]) -> dict[tuple[str, str], list[Statement]]:
    """(label, key) → the lines that set that part of a derivative."""
    found: dict[tuple[str, str], list[Statement]] = {}
    for line in lines:
        if isinstance(line, Statement) and line.number and not line.number.isdigit() and line.left[0].kind == "d":
            found.setdefault((line.number, line.left[0].value[0].key), []).append(line)
    return found


def _part_of(point: Point, labels: dict[tuple[str, str], list[Statement]], place: Place, name: str) -> Any:
    """What a line with a label gives for one place, in row layout; None if there is none.

    If that line is wrong, what it should give: then its mistake is not found again where the parts are added up.
    """
    found: dict[str, tuple[Any, frozenset[Way] | None]] = {}
    case = Case(point, Scope(None, {}), place)
    ways = ways_of(case)
    for (label_, key), lines in labels.items():
        for line in lines if key == place[0] else ():
            for case in known_cases(point, line.left[0]):
                if case.place == place and label_ not in found:
                    shape = point.values[place].shape[::-1]
                    try:
                        value = value_of(case, line, line.members[-1], 0, line.left[0].value[0], shape)
                    except Trouble:
                        value = np.full(shape, np.nan)
                    fits = value.shape == shape and bool(np.all(np.isfinite(value)))
                    found[label_] = value, selected([(case, value, ways)], frozenset(ways)) if fits else None
    if name not in found or found[name][1] is not None:
        return found[name][0] if name in found else None
    others = frozenset(w for w in ways if w[0] is None).union(*(chosen or () for _, chosen in found.values()))
    return sum((array for way, array in ways.items() if way not in others), np.zeros(point.values[place].shape[::-1]))


def _verdict(points: Sequence[Point], line: Statement | Unreadable) -> Verdict:
    source = points[0].source
    number = source.place(line.start)[0]
    text = source.text[line.start : line.end]
    if isinstance(line, Unreadable):
        at = _offset(line)
        return Verdict(number, line.number, text, "unreadable", line.error.message, line.start, line.end, at)
    target = ", ".join(source.text[left.start : left.end] for left in line.left)
    base = Verdict(
        number, line.number, text, "right", "", line.start, line.end, (line.start, line.end), target, statement=line
    )
    if line.sign == "given":
        return base._replace(verdict="given")
    readings = tuple(read_line(points, line, k) for k in range(len(line.left)) if not _blank(line.left[k]))
    bad = next((r for r in readings if r.verdict != "right"), None)
    notes = tuple(dict.fromkeys(n for r in readings for n in r.notes))
    shapes = readings[0].shapes if readings else ()
    rules = tuple(dict.fromkeys(rule for r in readings for rule in rules_of(points[0], r)))
    base = base._replace(readings=readings, notes=notes, shapes=shapes, rules=rules)
    if bad is None:
        return base
    node = bad.node or line.members[min(bad.member, len(line.members) - 1)]
    return base._replace(
        verdict=bad.verdict, message=bad.message, at=(node.start, node.end), worst=bad.worst, looks_like=bad.looks_like
    )


def _blank(node: Node) -> bool:
    """_ in [_, dz] += deriv(...): nothing is kept."""
    return node.kind == "name" and node.value.key == "_"


def _offset(line: Unreadable) -> tuple[int, int]:
    return line.error.at, line.error.to


def rules_of(point: Point, reading: Reading) -> list[str]:
    """The forward equations whose contributions the line should hold, as they stand in the file."""
    source, found = point.source, []
    for equation, *_ in sorted(reading.all_ways, key=repr):
        if equation is not None:
            eq = point.derivation.forward[equation]
            text = " ".join(source.text[eq.start : eq.end].split())
            found.append(f"{eq.number + '. ' if eq.number else ''}{text}")
    return found


# Several lines for one derivative


def together(points: Sequence[Point], verdicts: list[Verdict]) -> list[Verdict]:
    """Hold = and += against the contributions: lost, counted twice, missing."""
    point = points[0]
    have: dict[Any, frozenset[Way]] = {}
    by_target: dict[Any, list[int]] = {}
    out = list(verdicts)
    full_by: dict[Any, frozenset[Way]] = {}
    for n, verdict in enumerate(verdicts):
        for reading in verdict.readings:
            if reading.of is None or reading.verdict not in ("right", "other layout"):
                if reading.of is not None:
                    by_target.setdefault(_target(point, reading.of), []).append(n)
                continue
            target = _target(point, reading.of)
            handed = frozenset(w for w in reading.all_ways if w[0] is None)
            full_by[target] = reading.all_ways
            before = have.get(target, handed)
            reading = unequal(reading, before)
            begun = target in by_target
            by_target.setdefault(target, []).append(n)
            labelled = bool(verdict.number) and not verdict.number.isdigit() and "." not in verdict.number
            if labelled:
                continue
            if verdict.statement.sign == "+=":
                twice = (before if begun else handed) & reading.ways
                if twice:
                    out[n] = out[n]._replace(verdict="counted twice", message=f"{_said(point, twice)} is there already")
                have[target] = before | reading.ways
            else:
                lost = before - reading.ways
                if lost and reading.ways != reading.all_ways:
                    out[n] = out[n]._replace(
                        verdict="overwrites", message=f"= where += belongs: {_said(point, lost)} is lost"
                    )
                    have[target] = before | reading.ways
                else:
                    partial = begun and before != reading.all_ways and before - handed
                    for k in by_target[target][:-1] if partial else ():
                        if out[k].ok and not _labelled(out[k]):
                            lacking = reading.all_ways - before - handed
                            out[k] = out[k]._replace(verdict="missing", message=f"{_said(point, lacking)} is missing")
                    have[target] = reading.ways
    whole = {_target(point, ref) for ref, _, total in point.it.given if total}
    for target, full in full_by.items():
        lines = by_target[target]
        lacking = full - have.get(target, frozenset())
        lacking = frozenset(w for w in lacking if w[0] is not None)
        if lacking and target not in whole and not any(not out[n].ok for n in lines):
            n = lines[-1]
            if _labelled(out[n]):
                continue
            out[n] = out[n]._replace(
                verdict="missing", message=f"{_said(point, lacking)} is missing, in this line or another"
            )
    return out


def unequal(reading: Reading, before: frozenset[Way]) -> Reading:
    """The reading with contributions that are there already exchanged for equal ones that are not: z ∘ z has two."""
    ways = set(reading.ways)
    for group in reading.alike:
        for way in sorted(ways & group & before, key=repr):
            free = sorted(group - before - ways, key=repr)
            if free:
                ways = ways - {way} | {free[0]}
    return reading._replace(ways=frozenset(ways))


def _labelled(verdict: Verdict) -> bool:
    return bool(verdict.number) and not verdict.number.isdigit()


def _target(point: Point, ref: Ref) -> Any:
    time = ref.time
    if time is None and point.it.names.timed(ref.key):
        time = ("t", 0)
    return ref.key, time if point.last is None else None if time is None else time[0] == "="


def _said(point: Point, ways: frozenset[Way]) -> str:
    return " and ".join(way_text(point, w) for w in sorted(ways, key=repr))


# The order of the lines


def in_order(points: Sequence[Point], verdicts: list[Verdict]) -> list[Verdict]:
    """A derivative that is used has to be set by an earlier line, or given."""
    point = points[0]
    ready = {_target(point, ref) for ref, _, _ in point.it.given} | {(point.it.names.loss, None)}
    anywhere = {_target(point, r.of) for v in verdicts for r in v.readings if r.of is not None}
    anywhere |= {_target(point, v.statement.left[0].value[0]) for v in verdicts if v.verdict == "given"}
    out = list(verdicts)
    for n, verdict in enumerate(verdicts):
        line = verdict.statement
        if line is None:
            continue
        if verdict.ok:
            for node in (d for member in line.members for d in derivatives_in(member)):
                target = _target(point, node.value[0])
                later = point.last is not None and node.value[0].time is not None and node.value[0].time[1] > 0
                if target in ready or (later and target in anywhere) or node.value[1] is not None:
                    continue
                if point.last is not None and target in anywhere and _own(line, target, point):
                    continue
                if target in anywhere:
                    name = point.source.text[node.start : node.end]
                    where = "this line sets it" if _own(line, target, point) else "a later line sets it"
                    out[n] = verdict._replace(
                        verdict="used before it is set", message=f"{name}: {where}", at=(node.start, node.end)
                    )
                    break
        ready |= {_target(point, r.of) for r in verdict.readings if r.of is not None}
        if verdict.verdict == "given":
            ready.add(_target(point, line.left[0].value[0]))
    return out


def _own(line: Statement, target: Any, point: Point) -> bool:
    return any(left.kind == "d" and _target(point, left.value[0]) == target for left in line.left)


def derivatives_in(node: Node) -> list[Node]:
    found = [node] if node.kind == "d" else []
    for part in node.parts:
        found += derivatives_in(part)
    return found


# The whole


def missing(points: Sequence[Point], verdicts: list[Verdict]) -> list[str]:
    """Derivatives that no line sets: of declared names that the loss depends on, and of names that lines use."""
    point = points[0]
    set_ = {key for v in verdicts for key in _keys_set(point, v)}
    given = {ref.key for ref, _, _ in point.it.given}
    if not any(r.of is not None for v in verdicts for r in v.readings):
        return []
    found = []
    whole = {ref.key for ref, _, total in point.it.given if total}
    for key in sorted(given - whole - set_):
        place = next(p for p in point.values if p[0] == key)
        ways = frozenset(w for w in all_ways_at(point, key) if w[0] is not None)
        if ways:
            found.append(f"no line adds {_said(point, ways)} to the derivative of {label(*place)} that was given")
    leaves = {
        k
        for (k, _), v in point.values.items()
        if _leaf(point, k) and v.index < point.d.length and point.d.reaches(v.index)
    }
    absent = [
        key
        for key in point.it.shapes
        if key in leaves and key not in set_ and key not in given and key not in point.it.constant
    ]
    if absent:
        names = ", ".join(
            point.source.text[point.it.declared[k].start : point.it.declared[k].end] if not _of_family(point, k) else k
            for k in absent
        )
        found.append(f"no line sets the derivative of {names}")
    used = {}
    for v in verdicts:
        if v.statement is not None:
            for node in (d for m in v.statement.members for d in derivatives_in(m)):
                key = node.value[0].key
                if (
                    not set(_members(point, key)) & set_
                    and not set(_members(point, key)) & given
                    and key != point.it.names.loss
                ):
                    used.setdefault(point.source.text[node.start : node.end], v.line)
    found += [f"line {line} uses {name}, which no line sets" for name, line in used.items()]
    return found


def all_ways_at(point: Point, key: str) -> frozenset[Way]:
    """The ways in which the loss depends on a name, at any time."""
    return frozenset(
        way for place in list(point.values) if place[0] == key for way in ways_of(Case(point, Scope(None, {}), place))
    )


def _of_family(point: Point, key: str) -> bool:
    return bool(point.it.names.letters(point.it.declared[key].value.key))


def _leaf(point: Point, key: str) -> bool:
    return key not in point.keys


def _members(point: Point, key: str) -> list[str]:
    keys = [key]
    for letter in point.it.names.letters(key):
        keys = [m for k in keys for m in point.it.names.members(k, letter)]
    return keys


def _keys_set(point: Point, verdict: Verdict) -> list[str]:
    refs = [r.of for r in verdict.readings if r.of is not None]
    if verdict.verdict in ("unreadable", "given") and verdict.statement is not None:
        refs += [n.value[0] for n in verdict.statement.left if n.kind == "d"]
    return [key for ref in refs for key in _members(point, ref.key)]


def numbering(verdicts: list[Verdict]) -> list[str]:
    """Numbers that occur twice, or jump."""
    notes, seen, last = [], {}, None
    for v in verdicts:
        if v.number.isdigit():
            k = int(v.number)
            if k in seen:
                notes.append(f"line {v.line}: number {k} is taken, by line {seen[k]}")
            elif last is not None and k != last + 1:
                notes.append(f"line {v.line}: number {k} follows {last}")
            seen.setdefault(k, v.line)
            last = k
    return notes


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
                    notes.append(
                        f"line {v.line}: right by its value only: {name} has nothing to do with {point.source.text[left.start : left.end]}{meant}"
                    )
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
    notes = []
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
    for group in groups:
        if len(group) > 1 and np.any(point.true(group[0])):
            notes.append(
                "equal at every point, so that one in the place of another does not show: the derivatives of "
                + ", ".join(label(*p) for p in group)
            )
    numbers = [v.line for v in verdicts if v.ok and v.shapes and all(text == "1×1" for _, _, text in v.shapes)]
    if numbers:
        notes.append(
            f"all is 1×1 in line {', '.join(map(str, numbers))}: transpositions and the order of factors do not show"
        )
    return notes


# The derivation as a program


def spoiled(points: Sequence[Point], verdicts: list[Verdict]) -> list[Verdict]:
    """For every wrong line: which derivatives of declared names come out wrong if it alone is as written."""
    point = points[0]
    wrong = [
        n
        for n, v in enumerate(verdicts)
        if not v.ok and v.verdict in ("wrong", "other layout", "overwrites", "counted twice", "missing")
    ]
    out = list(verdicts)
    for n in wrong[:20]:
        finals = run(point, verdicts, n)
        out[n] = verdicts[n]._replace(spoils=tuple(finals))
    return out


def run(point: Point, verdicts: list[Verdict], wrong: int) -> list[str]:
    """Run the lines with their own values; lines that are wrong but for one are put right.  The finals that come out wrong."""
    own: dict[Place, Any] = {place: sum(dz for _, _, dz in parts) for place, parts in point.seeds.items()}
    loss = (point.it.names.loss, None)
    begun: set[Place] = set()
    touched: set[Place] = set()
    outer = point.arrays.d

    def d(key: str, moment: Any, name: str | None, node: Node) -> Any:
        place = key, moment
        if name is not None or place not in begun:
            return outer(key, moment, name, node)
        return point.turned(own[place])

    lines = [(k, v) for k, v in enumerate(verdicts) if v.statement is not None and v.readings]
    timed = point.last is not None
    rounds: list[int | None] = [*range(point.last, 0, -1), None] if point.last is not None else [None]
    whole = {_target(point, ref) for ref, _, total in point.it.given if total}
    point.arrays.d = d
    try:
        for t in rounds:
            for k, verdict in lines:
                line = verdict.statement
                for j, left in enumerate(line.left):
                    if left.kind != "d":
                        continue
                    ref = left.value[0]
                    if _labelled(verdict) or _target(point, ref) in whole:
                        continue
                    has_time = timed and point.it.names.timed(ref.key) and (ref.time is None or ref.time[0] == "t")
                    if has_time != (t is not None):
                        continue
                    for case in known_cases(point, left):
                        if has_time and case.scope.t != t:
                            continue
                        _step(point, own, begun, touched, case, line, j, k == wrong or verdict.ok)
        finals = []
        for place in own:
            if (
                place in touched
                and place[0] not in point.keys
                and place != loss
                and not point.near(place, own[place], point.true(place))
            ):
                finals.append(label(*place))
        return finals
    finally:
        point.arrays.d = outer


def known_cases(point: Point, left: Node) -> list[Case]:
    try:
        return list(cases(point, left))
    except Trouble:  # the line was found out already
        return []


def _step(
    point: Point,
    own: dict[Place, Any],
    begun: set[Place],
    touched: set[Place],
    case: Any,
    line: Statement,
    j: int,
    as_written: bool,
) -> None:
    place = case.place
    if as_written:
        try:
            value = value_of(case, line, line.members[-1], j, line.left[j].value[0], point.values[place].shape[::-1])
        except Trouble:
            return
        if value.shape != point.values[place].shape[::-1]:
            value = value.T
        if value.shape != point.values[place].shape[::-1]:
            return
        own[place] = own[place] + value if line.sign == "+=" and place in own else value
    else:
        own[place] = point.true(place)
    begun.add(place)
    touched.add(place)
