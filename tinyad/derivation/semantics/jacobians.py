"""Jacobians and differentials at a point, by the complex step through the equations themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.syntax_tree import Node, Ref, structure
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.forward import Forward, Moment, Place, close, label
from tinyad.derivation.semantics.operands import Operands
from tinyad.derivation.semantics.values import Indexed, Scope, Trouble
from tinyad.engine.matrix import Array

H = 1e-30  # the complex step: f(x + iH) = f(x) + iH f'(x), to rounding


class Jacobians(Forward):
    """The values of a forward as arrays, some of which can be moved."""

    arrays: Evaluator  # of backward lines: a subclass knows the derivatives in them
    changed: dict[Place, Any]  # values that are moved, and those that were computed from them
    recomputed: frozenset[Place]  # names that are computed again when they are asked for
    moving: frozenset[Place]  # names whose differentials are not 0

    def __init__(self, derivation: Derivation, seed: int) -> None:
        super().__init__(derivation, seed)
        self.changed, self.recomputed, self.moving = {}, frozenset(), frozenset()
        self.jacobians: dict[Any, Any] = {}

    # Arrays

    def array(self, key: str, moment: Moment, node: Node) -> Any:
        """The value of a name."""
        place = key, moment
        if place in self.changed:
            return self.changed[place]
        if self.changed and place in self.recomputed:
            return self.recompute(place)
        if place in self.values:
            return self.values[place].value
        if self.is_after(moment) or self.is_before(moment):
            return np.zeros(self.shape_of(key, node))
        others = [label(k, m) for k, m in self.values if k == key]
        free = key in self.it.shapes and (key not in self.keys or moment == 0)
        if free and not (self.last is None and others):
            self.values[place] = self.leaf(key, moment)  # the forward does not use it
            return self.values[place].value
        if others:
            raise Trouble("undefined", f"{label(key, moment)} is not in the forward; {' and '.join(others)} is", node)
        near = close(key, {k for k, _ in self.values})
        meant = f"; did you mean {near}?" if near else ""
        raise Trouble("undefined", f"{key} is neither declared nor computed{meant}", node)

    def recompute(self, place: Place) -> Any:
        """The value of a computed name from its equation, with what was changed."""
        key, moment = place
        equations = [self.derivation.forward[k] for k in self.keys[key]]
        if self.last is None:
            equations = [eq for eq in equations if self.step_time(eq.left[0].value.time, key) == moment]
        eq = equations[0]
        left, t = eq.left[0], moment if isinstance(moment, int) and self.at_t(eq) else None
        scope = next(s for s in self.scopes(eq, t) if self.arrays.key(left.value.key, s, left) == key)
        self.changed[place] = as_matrix(self.arrays(eq.members[0], scope), left.value.indices)
        return self.changed[place]

    # Jacobians

    def jacobian(self, evaluator: Operands, node: Node, scope: Scope) -> Any:
        """∂above/∂below: an array with the axes of above and then those of below."""
        if self.changed or self.arrays.overridden:  # inside of another Jacobian: not the values of this point
            return self.made_jacobian(evaluator, node, scope)
        above, below = node.parts[0], node.value
        if above.kind == "name" and isinstance(below, Ref):  # the letters of components are not its business
            key: Any = evaluator.place(above.value, scope, above), evaluator.place(below, scope, node)
        else:
            key = structure(node), scope.t, tuple(sorted(scope.members.items()))
        if key not in self.jacobians:
            self.jacobians[key] = self.made_jacobian(evaluator, node, scope)
        return self.jacobians[key]

    def made_jacobian(self, evaluator: Operands, node: Node, scope: Scope) -> Any:
        """One evaluation for every entry of what is below."""
        below = node.value
        at = evaluator.place(below, scope, node) if isinstance(below, Ref) else None
        base = self.array(*at, node) if at else self.arrays(below, scope)
        outer = self.changed, self.recomputed, self.arrays.overridden, self.arrays.memo
        self.arrays.memo = None  # values that are moved are not the values of this point
        columns, labels = [], None
        try:
            function, needed = self.function(node.parts[0], scope, at)
            for entry in np.ndindex(base.shape):
                moved = base.astype(complex)
                moved[entry] += 1j * H
                if at:
                    self.changed, self.recomputed = {at: moved}, needed
                else:
                    self.arrays.overridden = {structure(below): moved}
                value = function()
                if isinstance(value, Indexed):
                    value, labels = value
                columns.append(moved_by(value))
        finally:
            self.changed, self.recomputed, self.arrays.overridden, self.arrays.memo = outer
        full = np.stack(columns, -1).reshape(*columns[0].shape, *base.shape)
        return full if labels is None else Indexed(full, labels)

    def function(self, above: Node, scope: Scope, at: Place | None) -> tuple[Callable[[], Any], frozenset[Place]]:
        """What is derived, as a function without arguments, and the names that have to be computed again for it."""
        if above.kind != "name":
            return (lambda: self.arrays(above, scope)), frozenset()
        place = self.arrays.place(above.value, scope, above)
        if place[0] not in self.keys:
            raise Trouble("not evaluable", f"no equation computes {label(*place)}", above)
        if place not in self.values or not self.is_computed(place):
            shape = self.array(*place, above).shape
            return (lambda: np.zeros(shape)), frozenset()
        direct = at is None or at in self.uses(place)
        needed = frozenset() if direct else frozenset(p for p in self.values if self.is_computed(p))

        def f() -> Any:
            self.changed = dict(self.changed)
            return self.recompute(place)

        return f, needed

    # Differentials: every name moves on its own, in a direction of its own

    def differential(self, evaluator: Operands, node: Node, scope: Scope) -> Array:
        """d(formula): how it moves with the names that move in this line."""
        part = node.parts[0]
        if part.kind == "name":
            place = evaluator.place(part.value, scope, part)
            self.array(*place, part)
            return self.tangent(place)
        return self.along({p: self.tangent(p) for p in self.names_in(part, scope)}, lambda: evaluator(part, scope))

    def along(self, tangents: dict[Place, Array], f: Callable[[], Any]) -> Array:
        """The derivative of f() as names move."""
        outer = self.changed, self.arrays.memo
        self.arrays.memo = None
        self.changed = {p: self.values[p].value + 1j * H * tangent for p, tangent in tangents.items()}
        try:
            return moved_by(f())
        finally:
            self.changed, self.arrays.memo = outer

    def tangent(self, place: Place) -> Array:
        """How a name moves: on its own, or as its equation says where names in it move."""
        shape = self.values[place].shape
        if place not in self.moving:
            return np.zeros(shape)
        inside = self.moved_in(place)
        if inside:
            return self.along({p: self.tangent(p) for p in inside}, lambda: self.recompute(place))
        return self.drawn(f"tangent {place}", shape, signed=False)

    def moved_in(self, place: Place) -> set[Place]:
        """The names in the equation for a value that move in this line."""
        return self.uses(place) & self.moving if place[0] in self.keys else set()

    def free_moves(self) -> list[Place]:
        """The names that move on their own."""
        return [p for p in sorted(self.moving, key=repr) if not self.moved_in(p)]

    def names_in(self, node: Node, scope: Scope) -> set[Place]:
        """The names in a formula."""
        if node.kind == "name":
            place = self.arrays.place(node.value, scope, node)
            self.array(*place, node)
            return {place}
        return {p for part in node.parts for p in self.names_in(part, scope)}

    def moves(self, node: Node, scope: Scope) -> set[Place]:
        """The names under a differential in a formula."""
        if node.kind == "differential":
            return self.names_in(node.parts[0], scope)
        return {p for part in node.parts for p in self.moves(part, scope)}


def as_matrix(value: Any, indices: tuple[str, ...]) -> Any:
    """Components as a matrix or a column."""
    if not isinstance(value, Indexed):
        return value
    array = np.transpose(value.value, [value.labels.index(letter) for letter in indices])
    return array if len(indices) == 2 else array.reshape(-1, 1)


def moved_by(value: Any) -> Array:
    """The derivative that a complex step has left in a value."""
    found: Array = np.asarray(value, dtype=complex).imag / H
    return found
