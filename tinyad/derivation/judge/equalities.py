"""Lines that set no derivative of the loss: Jacobians, differentials and names; both sides are evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyad.derivation.judge.contributions import Reading, Worst
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.semantics.forward import Place
from tinyad.derivation.semantics.operations import column
from tinyad.derivation.semantics.sample_point import Point
from tinyad.derivation.semantics.values import Indexed, Scope, Stretched, Trouble
from tinyad.engine.matrix import Array, size


def equal_sides(points: Sequence[Point], line: Statement, left: Node, node: Node) -> Reading:
    """A line about a Jacobian, a differential or a name: both sides are evaluated and compared."""
    for point in points:
        for scope in scopes_of(point, line):
            whole = frozenset(p for part in (*line.left, *line.members) for p in moving(point, part, scope))
            loss = (point.it.names.loss, None)
            point.moving = whole - {loss}
            if left.kind == "differential" and loss in whole:
                if not _moves_with(point, node, scope):
                    return Reading("wrong", "this is not how the loss moves", node)
                if not _moves_like(point, line.members[0], node, scope):
                    return Reading("wrong", "the chain begins with another part of how the loss moves", node)
                continue
            a, b = point.arrays(left, scope), column(point.arrays(node, scope))
            if isinstance(b, Stretched) and isinstance(a, np.ndarray):
                b = b.filled(a.shape)
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


def _moves_like(point: Point, first: Node, node: Node, scope: Scope) -> bool:
    """Whether two members of a chain are one number; a first one that is wrong is found out by itself."""
    try:
        if first is not node and not _moves_with(point, first, scope):
            return True
        x, y = (plain_value(point.arrays(member, scope)) for member in (first, node))
    except Trouble:
        return True
    if x is None or y is None or x.size != 1 or y.size != 1:
        return True
    return bool(abs(x.item() - y.item()) <= 1e-10 * max(abs(x.item()), abs(y.item())))


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
