"""Lines that set no derivative of the loss: Jacobians, differentials and names; both sides are evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array, size
from tinyad.derivation.judge.thresholds import LOSS_PATHS, NO_VALUE, SAME_SUM, SAME_SUM_NEAR_ZERO, SAME_VALUE
from tinyad.derivation.judge.verdicts import Reading, Verdict, WorstEntry, indices_on_one_side
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, walk
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.operations import column, sized_blocks
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Blocks, Eye, Indexed, Scope, Stretched, Trouble

NOT_FINITE = "a value here is not finite: declare `positive: x` for what stands in a log, a root or a power"
WHERE_NOT_EQUAL = "this holds where {0} ≠ {1}; for {0} = {1} it is something else: write cases, or δ_{{{0}{1}}}"
DERIVATIVE_OF_SUM = "it is the derivative of the sum of all entries, not the Jacobian"


class Sides(NamedTuple):
    """One time and family member at one sample point at which both sides of a line are evaluated."""

    point: SamplePoint
    evaluator: Evaluator
    scope: Scope


def equal_sides(points: Sequence[SamplePoint], line: Statement, left: Node, member: Node) -> Reading:
    """Return the reading of a line about a Jacobian, a differential or a name: both sides evaluated and compared."""
    for point in points:
        for scope in scopes_of(point, line):
            moving, loss = names_moving(point, line, scope), {_loss(point)}
            of_loss = left.kind == "differential" and _moving(point, left, scope) == loss
            at = Sides(point, point.evaluator.replace(moving=moving - loss if of_loss else moving), scope)
            if of_loss:
                reading = _compare_differentials(at, line.members[0], member)
            else:
                reading = _compare_sides(at, left, member)
            if reading is not None:
                return reading
    return Reading(Verdict.RIGHT, "", member)


def _loss(point: SamplePoint) -> TimedName:
    return point.declarations.names.loss, None


def names_moving(point: SamplePoint, line: Statement, scope: Scope) -> frozenset[TimedName]:
    """Return the names that are under a differential in a line."""
    return frozenset(p for part in (*line.left, *line.members) for p in _moving(point, part, scope))


def _compare_differentials(at: Sides, first: Node, member: Node) -> Reading | None:
    """Compare a member of a chain with the differential of the loss, and with the first; None if they agree."""
    if not _is_differential_of_loss(at, member):
        return Reading(Verdict.WRONG, "this is not the differential of the loss", member)
    if not _is_same_differential(at, first, member):
        return Reading(Verdict.WRONG, "the chain begins with another part of the differential of the loss", member)
    return None


def _compare_sides(at: Sides, left: Node, member: Node) -> Reading | None:
    """Compare the values of both sides; None if they agree."""
    values = _values_of_sides(at, left, member)
    if values is None:
        return Reading(Verdict.NOT_EVALUABLE, "this has no size", member)
    x, y = values
    if x.shape != y.shape:
        message = f"the left-hand side is {size(x.shape)}, the right-hand side {size(y.shape)}"
        if _is_derivative_of_sum(at, left, y):
            message += f"; {DERIVATIVE_OF_SUM}"
        return Reading(Verdict.DOES_NOT_FIT, message, member)
    if not np.all(np.abs(x) < NO_VALUE):
        return Reading(Verdict.NOT_EVALUABLE, NOT_FINITE, member)
    worst = _worst_entry(x, y)
    if worst is None:
        return None
    if _differ_where_equal(at, left, member, x, y):
        return Reading(Verdict.NOT_EVALUABLE, WHERE_NOT_EQUAL.format(*_letters(at, left)), member)
    message = DERIVATIVE_OF_SUM if _is_derivative_of_sum(at, left, y) else ""
    return Reading(Verdict.WRONG, message, member, worst=worst)


def _letters(at: Sides, left: Node) -> list[str]:
    """Return the indices of the left-hand side."""
    value = at.evaluator(left, at.scope)
    return [letter for letter in value.labels if letter] if isinstance(value, Indexed) else []


def _differ_where_equal(at: Sides, left: Node, member: Node, x: Array, y: Array) -> bool:
    """Return whether a line for ∂p_i/∂z_j is right but where i = j, and says nothing of that."""
    if left.kind != "jacobian" or len(_letters(at, left)) != 2 or x.ndim != 2 or not x.shape[0] == x.shape[1] > 1:
        return False
    if any(n.kind in ("delta", "cases") for n in walk(member)):
        return False
    apart = ~np.eye(len(x), dtype=bool)
    there, found = x[apart].reshape(-1, 1), y[apart].reshape(-1, 1)
    return bool(np.any(there)) and _worst_entry(there, found) is None


def are_equal(at: Sides, left: Node, member: Node) -> bool:
    """Return whether both sides have the same value.  Raises Trouble if one of them has none."""
    values = _values_of_sides(at, left, member)
    if values is None or values[0].shape != values[1].shape:
        return False
    return _worst_entry(*values) is None


def _values_of_sides(at: Sides, left: Node, member: Node) -> tuple[Array, Array] | None:
    """Return the values of both sides with their axes in one order; None if one of them has no size."""
    a, b = map(_without_letters, (at.evaluator(left, at.scope), column(at.evaluator(member, at.scope))))
    if isinstance(b, Stretched) and isinstance(a, np.ndarray):
        b = b.filled(a.shape)
    if isinstance(b, Eye) and isinstance(a, np.ndarray) and a.ndim == 2 and a.shape[0] == a.shape[1]:
        b = b.factor * np.eye(len(a))
    b = sized_blocks(b, len(a)) if isinstance(b, Blocks) and isinstance(a, np.ndarray) else b
    if isinstance(a, Indexed) or isinstance(b, Indexed):
        a, b = _same_axes(a, b, member)
    x, y = _as_array(a), _as_array(b)
    if x is None or y is None:
        return None
    if x.shape != y.shape and x.size == y.size == 1:
        x, y = x.reshape(1, 1), y.reshape(1, 1)
    return x, y


def _worst_entry(x: Array, y: Array) -> WorstEntry | None:
    """Return the entry in which two arrays differ most; None if they are equal."""
    largest = max(float(np.abs(x).max(initial=0)), float(np.abs(y).max(initial=0)))
    if np.isfinite(largest) and np.all(np.abs(x - y) <= SAME_VALUE * largest):
        return None
    at = np.unravel_index(int(np.argmax(np.abs(x - y))), x.shape)
    where = ", ".join(f"{w} {k + 1}" for w, k in zip(("row", "column", "layer"), at, strict=False))
    return WorstEntry(where, float(x[at]), float(y[at]))


def _without_letters(value: Any) -> Any:
    """Return components that depend on no index, as a sum over all of them, as the number that they are."""
    return np.reshape(value.value, (1, 1)) if isinstance(value, Indexed) and not any(value.labels) else value


def _same_axes(a: Any, b: Any, member: Node) -> tuple[Array, Array]:
    """Return both sides with their axes in one order; the right one may lack an index that it does not depend on."""
    left, right = ([k for k in v.labels if k] if isinstance(v, Indexed) else [] for v in (a, b))
    stray = [k for k in right if k not in left]
    if stray or not isinstance(a, Indexed):
        raise Trouble(Verdict.DOES_NOT_FIT, indices_on_one_side(stray), member)
    y = np.asarray(b.value if isinstance(b, Indexed) else b)
    if not isinstance(b, Indexed):
        if y.size > 1:
            raise Trouble(Verdict.DOES_NOT_FIT, f"{size(y.shape)} has no index", member)
        y = y.reshape(())
    y = y.reshape([n for n, k in zip(y.shape, b.labels, strict=False) if k]) if isinstance(b, Indexed) else y
    order = [k for k in left if k in right]
    y = np.transpose(y, [right.index(k) for k in order]) if len(order) > 1 else y
    y = y.reshape([y.shape[order.index(k)] if k in order else 1 for k in left])
    x = np.asarray(a.value).reshape([n for n, k in zip(np.shape(a.value), a.labels, strict=False) if k])
    if any(n not in (1, m) for n, m in zip(y.shape, x.shape, strict=True)):
        raise Trouble(Verdict.DOES_NOT_FIT, "an index runs to different lengths on the two sides", member)
    return x, np.broadcast_to(y, x.shape)


def _moving(point: SamplePoint, node: Node, scope: Scope) -> set[TimedName]:
    """Return the names under a differential; none in a member that has no value."""
    try:
        return point.jacobians.names_moved(point.evaluator, node, scope)
    except Trouble:
        return set()


def _is_differential_of_loss(at: Sides, member: Node) -> bool:
    """Return whether a formula is how the loss changes, along one or more of the paths from what moves."""
    value = _as_array(at.evaluator(member, at.scope))
    if value is None or value.size != 1:
        raise Trouble(Verdict.DOES_NOT_FIT, "the differential of the loss is one number, and this is not", member)
    changes: dict[tuple[TimedName, int | None], float] = {}
    jacobians = at.point.jacobians
    for p in jacobians.free_moves(at.evaluator):
        for part in at.point.contributions(p):  # all uses in one equation move together
            path = p, part.equation
            change = float(np.sum(part.array.T * jacobians.tangent(at.evaluator, p)))
            changes[path] = changes.get(path, 0.0) + change
    paths = list(changes.values())[:LOSS_PATHS]
    sums = {0.0}
    for change in paths:
        sums |= {s + change for s in sums}
    largest = max((abs(change) for change in paths), default=0.0)
    return any(abs(value.item() - s) <= SAME_VALUE * largest for s in sums if s != 0.0)


def _is_same_differential(at: Sides, first: Node, member: Node) -> bool:
    """Return whether two members of a chain are one number; True if the first is wrong: it has its own verdict."""
    try:
        if first is not member and not _is_differential_of_loss(at, first):
            return True
        x, y = (_as_array(at.evaluator(side, at.scope)) for side in (first, member))
    except Trouble:
        return True
    if x is None or y is None or x.size != 1 or y.size != 1:
        return True
    return bool(abs(x.item() - y.item()) <= SAME_VALUE * max(abs(x.item()), abs(y.item())))


def _is_derivative_of_sum(at: Sides, left: Node, y: Array) -> bool:
    """Return whether the value of a Jacobian is the derivative of the sum of the entries instead."""
    if left.kind != "jacobian":
        return False
    try:
        full = at.point.jacobians.jacobian(at.evaluator, left, at.scope)
    except Trouble:
        return False
    if isinstance(full, Indexed):
        return False
    summed = full.sum(axis=(0, 1))
    summed = summed.T if at.point.declarations.layout == "row" else summed
    return summed.shape == y.shape and bool(np.allclose(summed, y, rtol=SAME_SUM, atol=SAME_SUM_NEAR_ZERO))


def _as_array(value: Any) -> Array | None:
    """Return a number or components as an array; None if the value has no size."""
    if isinstance(value, Indexed):
        return np.asarray(value.value)
    if isinstance(value, float | int):
        return np.full((1, 1), float(value))
    return value if isinstance(value, np.ndarray) else None


def scopes_of(point: SamplePoint, line: Statement) -> list[Scope]:
    """Return the times and family members that a line about names and Jacobians holds for."""
    scopes = [Scope(None, {})]
    letters = {letter for node in (*line.left, *line.members) for letter in _family_letters(node, point)}
    for letter in sorted(letters):
        scopes = [
            Scope(None, {**s.members, letter: m}) for s in scopes for m in point.declarations.names.families[letter]
        ]
    if point.last is None:
        return scopes
    return [Scope(t, s.members) for s in scopes for t in range(2, point.last)]


def _family_letters(node: Node, point: SamplePoint) -> set[str]:
    """Return the family letters that are free in a formula."""
    if node.kind == "sum" and node.value[0] == "family":
        return set()
    ref = node.value[0] if node.kind == "d" else node.value if isinstance(node.value, Ref) else None
    letters = set(point.declarations.names.letters(ref.key)) if ref is not None else set()
    for part in node.parts:
        letters |= _family_letters(part, point)
    return letters
