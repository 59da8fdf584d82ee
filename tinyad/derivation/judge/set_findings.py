"""Findings about the lines together: numbers, lines that no other uses, right values by chance, blind spots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinyad.derivation.judge.contributions import contributions_to, known_cases, path_text
from tinyad.derivation.judge.targets import derivatives_in, derivatives_used
from tinyad.derivation.judge.thresholds import LONGEST_NUMBER
from tinyad.derivation.judge.verdicts import LineVerdict
from tinyad.derivation.language.syntax_tree import Node, Ref, structure, walk
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.forward import label
from tinyad.derivation.semantics.sample_point import SamplePoint


def notes_on(points: Sequence[SamplePoint], verdicts: Sequence[LineVerdict]) -> list[str]:
    """Return what is worth a look in a set of lines although no verdict depends on it."""
    point = points[0]
    return [
        *(_right_by_value_only(points, verdicts) if point.last is None else ()),
        *_other_operands(point, verdicts),
        *_other_steps(point, verdicts),
        *_set_again(verdicts),
        *_numbers(verdicts),
        *_unused(point, verdicts),
    ]


def not_exercised(points: Sequence[SamplePoint], verdicts: Sequence[LineVerdict]) -> list[str]:
    """Return which mistakes would not show at these sample points."""
    if not any(r.of is not None for v in verdicts for r in v.readings):
        return []
    notes = list(dict.fromkeys(_negligible(points, verdicts)))
    sets = ", ".join(dict.fromkeys(points[0].declarations.names.sets.values()))
    if sets:
        notes.append(f"sums over {sets} are read as sums over all values of their index")
    equal = "; ".join(", ".join(label(*p) for p in group) for group in _equal_derivatives(points))
    if equal:
        notes.append(f"these derivatives are equal, so a line with one in the place of another still holds: {equal}")
    numbers = [v.line for v in verdicts if v.ok and v.shapes and _is_of_numbers(v)]
    if numbers:
        lines = ", ".join(map(str, numbers))
        notes.append(
            f"all values in line{'s' * (len(numbers) > 1)} {lines} are 1×1, "
            "so a wrong transposition or order of factors would not show"
        )
    return notes


def _is_of_numbers(v: LineVerdict) -> bool:
    """Return whether all operands of a line are 1×1, and none is a component: of these no order would show."""
    nodes = (node for part in (*v.statement.left, *v.statement.members) for node in walk(part))
    refs = (node.value[0] if node.kind == "d" else node.value for node in nodes if node.kind in ("name", "d"))
    return all(text == "1×1" for _, _, text in v.shapes) and not any(ref.indices for ref in refs)


# Lines with a right value


def _right_by_value_only(points: Sequence[SamplePoint], verdicts: Sequence[LineVerdict]) -> Iterator[str]:
    """Tell lines that use the derivative of a name that does not depend on what they set."""
    point = points[0]
    for v in verdicts:
        if not v.ok or v.statement is None:
            continue
        for reading, left in zip(v.readings, v.statement.left, strict=False):
            place = None if reading.of is None else _place(point, reading.of)
            if place is None or place not in point.values:
                continue
            target = point.source.text[left.start : left.end]
            for node in (d for member in v.statement.members for d in derivatives_in(member)):
                if _is_unrelated(point, node, place):
                    name = point.source.text[node.start : node.end]
                    meant = _meant(points, _place(point, node.value[0]), place)
                    yield f"line {v.line}: right by its value only: {name} has nothing to do with {target}{meant}"


def _is_unrelated(point: SamplePoint, node: Node, place: TimedName) -> bool:
    """Return whether a derivative in a line is that of a name that is not computed from what the line sets."""
    other = _place(point, node.value[0])
    return node.value[1] is None and other in point.values and other != place and not point.depends(other, place)


def _meant(points: Sequence[SamplePoint], used: TimedName, place: TimedName) -> str:
    """Name the derivative of equal value that is probably meant."""
    point = points[0]
    others = (p for p in point.values if p != used and point.depends(p, place) and equal(points, p, used))
    meant = next(others, None)
    return f"; the derivative of {label(*meant)} is meant, which is equal" if meant else ""


def _other_operands(point: SamplePoint, verdicts: Sequence[LineVerdict]) -> Iterator[str]:
    """Tell right deriv() lines with operands that are not those of their equation."""
    forward = [[n.value for n in (eq.left[0], *eq.members[0].parts)] for eq in point.derivation.forward]
    for v in verdicts:
        node = v.statement.members[0] if v.ok and v.statement is not None and v.statement.members else None
        if node is None or node.kind != "deriv":
            continue
        refs = [part.value[0] if part.kind == "d" else part.value for part in node.parts]
        if refs not in forward:
            own = [row for row in forward if row[0] == refs[0]]
            operands = ", ".join(label(ref.key, ref.time) for row in own for ref in row[1:])
            meant = f"; those of {label(refs[0].key, refs[0].time)} are {operands}" if own else ""
            yield f"line {v.line}: right by its value only: no equation has these operands{meant}"


def _other_steps(point: SamplePoint, verdicts: Sequence[LineVerdict]) -> Iterator[str]:
    """Tell right lines that name a step whose contribution they are not."""
    forward = point.derivation.forward
    for v in verdicts:
        claim = point.derivation.claims.get(v.start, "")
        keys = (key for r in v.readings for key in r.contributions) if claim and v.ok else ()
        numbers = {forward[key.equation].number for key in keys if key.equation is not None}
        if numbers and claim not in numbers:
            yield f"line {v.line}: it names step {claim}, but is the contribution of step {', '.join(sorted(numbers))}"


def _set_again(verdicts: Sequence[LineVerdict]) -> Iterator[str]:
    """Tell lines that set with = what another line sets, with the same formula."""
    first: dict[Any, LineVerdict] = {}
    for v in verdicts:
        line = v.statement
        if line is None or not v.ok or line.sign != "=" or line.left[0].kind != "d":
            continue
        before = first.setdefault(tuple(map(structure, (*line.left, *line.members))), v)
        if before is not v:
            yield f"line {v.line}: {v.target} is set twice, by the same formula in line {before.line}"


def _numbers(verdicts: Sequence[LineVerdict]) -> list[str]:
    """Tell numbers of lines that occur twice, or jump."""
    numbered = [(int(v.number), v.line) for v in verdicts if v.number.isdigit() and len(v.number) < LONGEST_NUMBER]
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


def _unused(point: SamplePoint, verdicts: Sequence[LineVerdict]) -> Iterator[str]:
    """Tell lines for intermediate derivatives that no other line uses."""
    used = {key for node in derivatives_used(verdicts) for key in _family_members(point, node.value[0].key)}
    for v in verdicts:
        for ref in (r.of for r in v.readings if r.of is not None):
            keys = _family_members(point, ref.key)
            if not set(keys) & used and all(key in point.forward.keys for key in keys):
                yield f"line {v.line}: the derivative of {label(ref.key, ref.time)} is not used"


def _family_members(point: SamplePoint, key: str) -> list[str]:
    """Return the names that a name with family letters stands for."""
    keys = [key]
    for letter in point.declarations.names.letters(key):
        keys = [m for k in keys for m in point.declarations.names.members(k, letter)]
    return keys


def _place(point: SamplePoint, ref: Ref) -> TimedName:
    return ref.key, ref.time or (("t", 0) if point.declarations.names.timed(ref.key) else None)


def equal(points: Sequence[SamplePoint], a: TimedName, b: TimedName) -> bool:
    """Return whether two derivatives are equal at every sample point."""
    for point in points:
        x, y = point.true_derivative(a), point.true_derivative(b)
        if x.shape != y.shape or not point.near(a, x, y):
            return False
    return True


# Blind spots


def _equal_derivatives(points: Sequence[SamplePoint]) -> list[list[TimedName]]:
    """Return groups of derivatives that are equal at every sample point, and not zero; none in a sequence."""
    point = points[0]
    groups: list[list[TimedName]] = []
    alike: dict[tuple[Any, str], list[list[TimedName]]] = {}  # groups with the same size and the same first entry
    for place, v in point.values.items() if point.last is None else ():
        if (
            v.index < point.derivatives.length
            and point.derivatives.reaches(v.index)
            and v.index not in point.forward.tape.constants
        ):
            true = point.true_derivative(place)
            candidates = alike.setdefault((true.shape, f"{true.flat[0]:.6e}"), [])
            group = next((g for g in candidates if equal(points, g[0], place)), None)
            if group is None:
                groups.append([place])
                candidates.append(groups[-1])
            else:
                group.append(place)
    return [group for group in groups if len(group) > 1 and np.any(point.true_derivative(group[0]))]


def _negligible(points: Sequence[SamplePoint], verdicts: Sequence[LineVerdict]) -> Iterator[str]:
    """Tell contributions that are next to nothing at these points: a mistake in them would not show."""
    point = points[0]
    for v in verdicts:
        for reading, left in zip(v.readings, v.statement.left if v.statement is not None else (), strict=False):
            for case in known_cases(point, left) if reading.of is not None else ():
                known = contributions_to(case)
                seen = {key[:2] for key, a in known.items() if not point.near(case.place, a, np.zeros_like(a))}
                for key in known:
                    if key in reading.contributions and key.equation is not None and key[:2] not in seen:
                        yield (
                            f"{path_text(point, key)} adds next to nothing in line {v.line} at these points, "
                            "so a mistake in it would not show"
                        )
