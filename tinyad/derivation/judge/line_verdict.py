"""One backward line on its own: evaluated as it stands, with the true derivatives on its right-hand side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array, size
from tinyad.derivation.judge.contributions import (
    NO_KEYS,
    Case,
    Evaluated,
    Keys,
    cases,
    contributions_to,
    equal_groups,
    in_order,
    keys_of,
    likeness,
    matching_keys,
    paths_text,
    total_of,
)
from tinyad.derivation.judge.equalities import equal_sides
from tinyad.derivation.judge.targets import kept_sides
from tinyad.derivation.judge.unseen import why_not_judged
from tinyad.derivation.judge.verdicts import LineVerdict, Reading, Verdict, WorstEntry, indices_on_one_side
from tinyad.derivation.language.reader import Unreadable
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Vec
from tinyad.derivation.semantics.environment import Remarks
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.forward import label
from tinyad.derivation.semantics.operations import column, sized_blocks
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Blocks, Indexed, Scope, Several, Stretched, Trouble


def judge_line(points: Sequence[SamplePoint], line: Statement | Unreadable) -> LineVerdict:
    """Return the verdict on one line on its own."""
    source = points[0].source
    source.reached = line.start
    number = source.author_place(line.start)[0]
    text = source.text[line.start : line.end]
    if isinstance(line, Unreadable):
        at = (line.error.at, line.error.to)
        message = line.error.message
        return LineVerdict(number, line.number, text, Verdict.UNREADABLE, message, line.start, line.end, at)
    extent = (line.start, line.end)
    target = ", ".join(source.text[left.start : left.end] for left in line.left)
    right = LineVerdict(number, line.number, text, Verdict.RIGHT, "", *extent, extent, target, statement=line)
    if line.sign == "given":
        return right._replace(verdict=Verdict.GIVEN)
    kept = kept_sides(line)
    readings = tuple(read_line(points, line, k) for k, left in enumerate(line.left) if left in kept)
    right = right._replace(
        readings=readings,
        notes=tuple(dict.fromkeys(note for r in readings for note in r.notes)),
        shapes=readings[0].shapes if readings else (),
        rules=tuple(dict.fromkeys(rule for r in readings for rule in rules_of(points[0], r))),
    )
    bad = next((r for r in readings if r.verdict is not Verdict.RIGHT), None)
    if bad is None:
        return right
    node = bad.node or line.members[min(bad.member, len(line.members) - 1)]
    return right._replace(
        verdict=bad.verdict, message=bad.message, at=(node.start, node.end), worst=bad.worst, looks_like=bad.looks_like
    )


def rules_of(point: SamplePoint, reading: Reading) -> list[str]:
    """Return the forward equations whose contributions the line should hold, as they stand in the file."""
    source, rules = point.source, []
    for key in in_order(reading.all_contributions):
        if key.equation is not None:
            eq = point.derivation.forward[key.equation]
            text = " ".join(source.text[eq.start : eq.end].split())
            rules.append(source.numbered(text, eq.number))
    return rules


def read_line(points: Sequence[SamplePoint], line: Statement, k: int, only: int | None = None) -> Reading:
    """Return the verdict on left-hand side k of a line at all points; `only` one member of a chain."""
    left, remarks = line.left[k], Remarks()
    points = [points[0].with_remarks(remarks), *points[1:]]
    readings = []
    for member in range(len(line.members)) if only is None else (only,):
        reading = _read_member(points, line, k, line.members[member])
        readings.append(reading._replace(member=member))
        if reading.verdict not in (Verdict.RIGHT, Verdict.NOT_EVALUABLE):
            break
    reading = next((r for r in readings if r.verdict is not Verdict.RIGHT), readings[-1])
    if reading.verdict is Verdict.RIGHT:
        most = max((r.contributions for r in readings), key=len)
        short = next((r for r in readings if r.contributions != most), None)
        if short is not None:
            lost = paths_text(points[0], most - short.contributions)
            reading = short._replace(verdict=Verdict.WRONG, message=f"this part of the chain lacks {lost}")
    return reading._replace(
        of=left.value[0] if left.kind == "d" else None,
        all_contributions=reading.all_contributions or keys_of(points[0], left),
        notes=tuple(sorted(remarks.notes)),
        shapes=tuple(sorted((a, b, text) for (a, b), text in remarks.shapes.items())),
    )


def _read_member(points: Sequence[SamplePoint], line: Statement, k: int, member: Node) -> Reading:
    try:
        if line.left[k].kind == "d":
            return _read_derivative(points, line, k, member)
        return equal_sides(points, line, line.left[k], member)
    except Trouble as trouble:
        return Reading(Verdict(trouble.verdict), trouble.message, trouble.node)
    except (RecursionError, ArithmeticError) as reason:
        return Reading(Verdict.NOT_EVALUABLE, f"no value: {reason}", member)


def _read_derivative(points: Sequence[SamplePoint], line: Statement, k: int, member: Node) -> Reading:
    left, values = line.left[k], list[Evaluated]()
    for point in points:
        at_point = [
            Evaluated(case, value_of(case, line, k, member), contributions_to(case)) for case in cases(point, left)
        ]
        if not at_point:
            ref: Ref = left.value[0]
            raise Trouble(Verdict.UNDEFINED, f"{label(ref.key, ref.time)} is at no time in the forward", left)
        values += at_point
    all_keys = frozenset(key for value in values for key in value.contributions)
    reading = _compared(points[0], member, values, all_keys)
    if reading.verdict is not Verdict.RIGHT:
        return reading
    unseen = why_not_judged(points, values, reading.contributions)
    if unseen:
        return reading._replace(verdict=Verdict.NOT_JUDGED, message=unseen)
    return reading._replace(equal_groups=equal_groups(values, all_keys))


# Values


def value_of(case: Case, line: Statement, k: int, member: Node, evaluator: Evaluator | None = None) -> Array:
    """Return what a member of a line gives for left-hand side k, in row layout.  Raises Trouble if it has no value.

    Without an evaluator it is evaluated with the true derivatives.
    """
    point = case.point
    evaluator = evaluator or point.evaluator
    if evaluator.environment.left_shape != case.shape:
        evaluator = evaluator.replace(left_shape=case.shape)
    free = line.sign == "+=" and point.last is not None and case.scope.t is None
    if not (free and _uses_time(member, point)):
        return _as_row(case, line, k, member, evaluator(member, case.scope))
    total: Any = 0.0
    for t in range(1, (point.last or 0) + 1):
        total = total + _as_row(case, line, k, member, evaluator(member, Scope(t, case.scope.members)))
    return total  # type: ignore[no-any-return]


def _uses_time(node: Node, point: SamplePoint) -> bool:
    """Return whether t is free in a formula."""
    if node.kind == "sum" and node.value[0] == "time":
        return False
    ref = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
    if ref is not None and (
        (ref.time and ref.time[0] == "t") or (ref.time is None and point.declarations.names.timed(ref.key))
    ):
        return True
    return any(_uses_time(part, point) for part in node.parts)


def _as_row(case: Case, line: Statement, k: int, member: Node, value: Any) -> Array:
    """Return a value as a derivative in row layout.  Raises Trouble if it is no matrix of its size."""
    ref: Ref = line.left[k].value[0]
    if isinstance(value, Several):
        value = _one_of(value, k, len(line.left), member)
    if isinstance(value, Indexed):
        return _components_as_row(value, ref, case.shape, member)
    if ref.indices and np.size(value) == 1 and isinstance(value, float | np.ndarray):  # the same for every component
        return np.full(case.shape, value if isinstance(value, float) else value.item())
    if ref.indices:
        raise Trouble(Verdict.DOES_NOT_FIT, f"the index {ref.indices[0]} is on the left-hand side only", member)
    rows = case.point.declarations.layout == "row"
    if line.vec is not None:
        return _unstacked(case, line.vec, value, member)
    matrix = _as_matrix(value, case.shape if rows else case.shape[::-1], member)
    return matrix if rows else matrix.T


def _unstacked(case: Case, vec: Vec, value: Any, member: Node) -> Array:
    """Return the derivative, in row layout, whose entries stand one below the other in a column, or in a row."""
    rows = case.point.declarations.layout == "row"
    shape = case.shape if rows and vec is Vec.OF_DERIVATIVE else case.shape[::-1]  # of what is stacked
    in_row = vec is Vec.FOR_ROW or (rows and vec is Vec.FOR_VEC)
    count = shape[0] * shape[1]
    expected = (1, count) if in_row else (count, 1)
    stacked = _as_matrix(value, expected, member)
    if stacked.shape != expected:
        message = f"the line gives {size(stacked.shape)}; the vec of {size(shape)} is {size(expected)}"
        raise Trouble(Verdict.DOES_NOT_FIT, message, member)
    matrix = stacked.reshape(shape, order="F")
    return matrix if shape == case.shape and rows and vec is Vec.OF_DERIVATIVE else matrix.T


def _one_of(value: Several, k: int, sides: int, member: Node) -> Any:
    """Return what deriv() gives for left-hand side k."""
    n = len(value.values)
    if n != sides:
        message = f"deriv returns {n} derivative{'s' * (n > 1)}, and the left-hand side has {sides}"
        raise Trouble(Verdict.DOES_NOT_FIT, message, member)
    return value.values[k]


def _components_as_row(value: Indexed, ref: Ref, shape: tuple[int, ...], member: Node) -> Array:
    """Return components as a derivative in row layout; they may be the same for every value of an index."""
    free = [x for x in value.labels if x]
    twice = next((x for k, x in enumerate(ref.indices) if x in ref.indices[:k]), None)
    if twice:
        message = f"the left-hand side has the index {twice} twice: write another letter for one of them"
        raise Trouble(Verdict.DOES_NOT_FIT, message, member)
    if not {*free} <= {*ref.indices}:
        raise Trouble(Verdict.DOES_NOT_FIT, indices_on_one_side(sorted({*free} ^ {*ref.indices})), member)
    lacking = [x for x in ref.indices if x not in free]
    if lacking and len(ref.indices) < 3:
        lengths = dict(zip(ref.indices, shape[::-1] if len(ref.indices) == 2 else (max(shape),), strict=True))
        filled = np.broadcast_to(
            np.reshape(value.value, (*np.shape(value.value), *(1 for _ in lacking))),
            (*np.shape(value.value), *(lengths[x] for x in lacking)),
        )
        value = Indexed(filled, (*value.labels, *lacking))
    order = [value.labels.index(x) for x in ref.indices]
    array = np.transpose(value.value, order) if len(order) > 1 else np.asarray(value.value)
    rows, columns = shape[::-1]
    if array.size == rows * columns:
        return array.reshape(rows, columns).T
    message = f"the indices run to {size(array.shape)}, and the name is {rows}×{columns}"
    raise Trouble(Verdict.DOES_NOT_FIT, message, member)


def _as_matrix(value: Any, shape: tuple[int, ...], member: Node) -> Array:
    """Return a value as a matrix; `shape` is that of the derivative, in the layout of the author."""
    value = column(value)
    value = sized_blocks(value, shape[0]) if isinstance(value, Blocks) else value
    if isinstance(value, Stretched):
        filled = value.filled(shape)
        if filled is None:
            raise Trouble(Verdict.DOES_NOT_FIT, f"{size(value.sides)}, expected {size(shape)}", member)
        value = filled
    if isinstance(value, float | int):
        value = np.full((1, 1), float(value)) if value else np.zeros(shape)
    if not isinstance(value, np.ndarray):
        raise Trouble(Verdict.NOT_EVALUABLE, "this has no size", member)
    return value


# Verdicts


def _compared(point: SamplePoint, member: Node, values: Sequence[Evaluated], all_keys: Keys) -> Reading:
    """Compare the values of a line with the derivative, and with all sums of contributions to it."""
    misfit = next((v for v in values if v.value.shape != v.case.shape), None)
    if misfit is not None:
        return _misfit(misfit, member, values, all_keys)
    finite = _all_finite(values)
    keys = matching_keys(values, all_keys) if finite else None
    if keys is not None:
        return Reading(Verdict.RIGHT, "", member, keys, all_keys)
    looks_like = likeness(values, all_keys, point)
    if finite and _is_right_transposed(values, all_keys):
        looks_like = "transposed"
    worst = _worst_entry(next((v for v in values if _is_off(v)), values[0]))
    return Reading(Verdict.WRONG, "", member, NO_KEYS, all_keys, worst=worst, looks_like=looks_like)


def _misfit(misfit: Evaluated, member: Node, values: Sequence[Evaluated], all_keys: Keys) -> Reading:
    """Return the reading of a line that gives another size than the derivative has."""
    case, layout = misfit.case, misfit.case.point.declarations.layout
    given, expected = (size(s if layout == "row" else s[::-1]) for s in (misfit.value.shape, case.shape))
    name = f"{size(case.shape[::-1])} {label(*case.place)}"
    message = f"the line gives {given}; the derivative of {name} is {expected} in {layout} layout"
    turned = [v.transposed() for v in values]
    if all(v.value.shape == v.case.shape for v in turned) and _all_finite(turned):
        keys = matching_keys(turned, all_keys)
        if keys is not None:
            return Reading(Verdict.OTHER_LAYOUT, message + "; transposed it is right", member, keys, all_keys)
    return Reading(Verdict.DOES_NOT_FIT, message, member, NO_KEYS, all_keys)


def _all_finite(values: Sequence[Evaluated]) -> bool:
    return all(np.all(np.isfinite(v.value)) for v in values)


def _is_right_transposed(values: Sequence[Evaluated], all_keys: Keys) -> bool:
    square = all(v.value.shape == v.value.shape[::-1] for v in values)
    return square and matching_keys([v.transposed() for v in values], all_keys) is not None


def _is_off(v: Evaluated) -> bool:
    """Return whether a value is not the whole derivative."""
    return not np.all(np.isfinite(v.value)) or not v.equals_sum_of(frozenset(v.contributions))


def _worst_entry(v: Evaluated) -> WorstEntry:
    """Return the entry that is furthest off, at its place in the layout of the author."""
    case, point = v.case, v.case.point
    true = total_of(v.contributions.values(), v.value.shape)
    off = np.abs(v.value - true)
    at = np.unravel_index(int(np.argmax(off)), off.shape)
    row, col = at if point.declarations.layout == "row" else at[::-1]
    where = f"row {row + 1}, column {col + 1}"
    if point.last is not None and isinstance(case.place[1], int) and case.scope.t is not None:
        where = f"{point.declarations.names.time} = {case.scope.t}, {where}"
    return WorstEntry(where, float(true[at]), float(v.value[at]))
