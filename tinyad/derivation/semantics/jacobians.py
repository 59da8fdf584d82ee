"""Jacobians and differentials at a sample point, by the complex step through the equations themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.language.syntax_tree import Node, Ref, structure, walk
from tinyad.derivation.semantics.environment import MovedNames, Time, TimedName
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.forward import Forward, close, label
from tinyad.derivation.semantics.hessians import hessian
from tinyad.derivation.semantics.limits import COMPLEX_STEP, JACOBIAN_ENTRIES
from tinyad.derivation.semantics.values import Indexed, Scope, TooLarge, Trouble, counted
from tinyad.engine.tape import Step


class Jacobians:
    """Derive formulas for names and other formulas, with the values of one forward."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._known: dict[Any, Any] = {}
        self._entries = 0

    # Arrays

    def value(self, evaluator: Evaluator, key: str, time: Time, node: Node) -> Any:
        """Return the value of a name, where it is moved if it is."""
        forward, moved, name = self._forward, evaluator.environment.moved, (key, time)
        if name in moved.values:
            return moved.values[name]
        if moved.values and name in moved.recomputed:
            return self._recompute(evaluator, name)
        if name in forward.values:
            return forward.values[name].value
        if forward.is_after(time) or forward.is_before(time):
            return np.zeros(forward.shape_of(key, node))
        others = [label(k, t) for k, t in forward.values if k == key]
        free = key in forward.declarations.shapes and (key not in forward.keys or time == 0)
        if free and not (forward.last is None and others):
            forward.values[name] = forward.leaf(key, time)  # the forward does not use it
            return forward.values[name].value
        if others:
            raise Trouble("undefined", f"{label(key, time)} is not in the forward; {' and '.join(others)} is", node)
        near = close(key, {k for k, _ in forward.values})
        meant = f"; did you mean {near}?" if near else ""
        if "\u0307" in key:  # a dot
            meant = f"; for differentials write d{key.replace(chr(0x307), '')}, and declare `d: differential`"
        raise Trouble("undefined", f"{key} is neither declared nor computed{meant}", node)

    def _recompute(self, evaluator: Evaluator, name: TimedName) -> Any:
        """Return the value of a computed name from its equation, with what is moved; keep it for others."""
        forward, (key, time) = self._forward, name
        equations = [forward.derivation.forward[k] for k in forward.keys[key]]
        if forward.last is None:
            equations = [eq for eq in equations if forward.step_time(eq.left[0].value.time, key) == time]
        eq = equations[0]
        left, t = eq.left[0], time if isinstance(time, int) and forward.at_t(eq) else None
        scope = next(s for s in forward.scopes(eq, t) if evaluator.names.key(left.value.key, s, left) == key)
        value = as_matrix(evaluator(eq.members[0], scope), left.value.indices)
        evaluator.environment.moved.values[name] = value
        return value

    # Jacobians

    def jacobian(self, evaluator: Evaluator, node: Node, scope: Scope) -> Any:
        """Return ∂above/∂below: an array with the axes of above and then those of below; a Hessian as a matrix."""
        if node.kind == "hessian":
            first, second = (evaluator.timed_name(ref, scope, node) for ref in node.value)
            for name in (first, second):
                self.value(evaluator, *name, node)
            key: Any = ("hessian", first, second)
            self._known[key] = self._known[key] if key in self._known else hessian(self._forward, first, second)
            return self._known[key]
        if evaluator.environment.is_moved:  # inside of another Jacobian: not the values of this sample point
            return self._derived(evaluator, node, scope)
        above, below = node.parts[0], node.value
        if above.kind == "name" and isinstance(below, Ref):  # the letters of components make no difference
            key = evaluator.timed_name(above.value, scope, above), evaluator.timed_name(below, scope, node)
        else:
            key = structure(node), scope.t, tuple(sorted(scope.members.items()))
        if key not in self._known:
            found = self._derived(evaluator, node, scope)
            self._entries += np.size(found.value if isinstance(found, Indexed) else found)
            if self._entries > JACOBIAN_ENTRIES:
                raise TooLarge(f"Jacobians with more than {JACOBIAN_ENTRIES} entries in all")
            self._known[key] = found
        return self._known[key]

    def _derived(self, evaluator: Evaluator, node: Node, scope: Scope) -> Any:
        """Evaluate what is above once for every entry of what is below."""
        below = node.value
        name = evaluator.timed_name(below, scope, node) if isinstance(below, Ref) else None
        base = self.value(evaluator, *name, node) if name else evaluator(below, scope)
        if not isinstance(base, np.ndarray):
            raise Trouble("not evaluable", "this is derived for a formula of components: give it a name", node)
        if name and node.parts[0].kind == "name" and not evaluator.environment.is_moved:
            replayed = self._replayed(evaluator.timed_name(node.parts[0].value, scope, node.parts[0]), name)
            if replayed is not None:
                return replayed
        function, recomputed = self._function(evaluator, node.parts[0], scope, name)
        columns, labels = list[Array](), None
        for entry in np.ndindex(base.shape):
            moved = base.astype(complex)
            moved[entry] += 1j * COMPLEX_STEP
            if name:
                value = function(evaluator.replace(moved=MovedNames({name: moved}, recomputed), cache=None))
            else:  # values that are moved are not those that a cache keeps
                value = function(evaluator.replace(formulas={structure(below): moved}, cache=None))
            if isinstance(value, Indexed):
                value, labels = value
            columns.append(moved_by(value))
            if len(columns) == 1:
                counted(columns[0].size, base.size)
        full = np.stack(columns, -1).reshape(*columns[0].shape, *base.shape)
        return full if labels is None else Indexed(full, labels)

    def _replayed(self, above: TimedName, below: TimedName) -> Array | None:
        """Return the Jacobian of two names by the steps of the tape between them; None if the forward has not both.

        If `below` stands in the equation of `above`, the other names in it keep their values.
        """
        forward = self._forward
        recorded = forward.recorded(above) if above in forward.values and below in forward.values else None
        if recorded is None:
            return None
        source, target, values = forward.values[below].index, forward.values[above].index, forward.tape.values
        first = recorded.first if below in forward.uses(above) else 1
        moved, steps = {source}, list[Step]()
        for step in forward.tape.steps[first - 1 : recorded.last]:
            if step[2] in moved or step[3] in moved:
                moved.add(step[1])
                steps.append(step)
        base, shape = values[source], values[target].shape
        counted(*shape, *base.shape)
        full = np.zeros((*shape, *base.shape))
        for entry in np.ndindex(base.shape) if target in moved else ():
            forward.source.check_time()
            start = base.astype(complex)
            start[entry] += 1j * COMPLEX_STEP
            now = {source: start}
            for op, z, *operands in steps:
                now[z] = op.forward(*(now.get(i, values[i]) for i in operands if i is not None))
            full[(slice(None), slice(None), *entry)] = moved_by(now[target])
        return full

    def _function(
        self, evaluator: Evaluator, above: Node, scope: Scope, below: TimedName | None
    ) -> tuple[Callable[[Evaluator], Any], frozenset[TimedName]]:
        """Return what is derived, as a function of the evaluator, and the names to be computed again for it."""
        forward = self._forward
        if above.kind != "name":
            total = below is not None and (is_gradient(above) or not self._holds(above, below[0]))
            recomputed = forward.dependents(below) if total and below in forward.values else frozenset()
            return (lambda inner: inner(above, scope)), recomputed
        name = evaluator.timed_name(above.value, scope, above)
        if name == below:  # of a name for itself: 1 where all indices are equal
            bare = above._replace(value=above.value._replace(indices=()))
            return (lambda inner: inner(bare, scope)), frozenset()
        if name[0] not in forward.keys:
            raise Trouble("not evaluable", f"no equation computes {label(*name)}", above)
        if name not in forward.values or not forward.is_computed(name):
            shape = self.value(evaluator.replace(cache=None), *name, above).shape
            return (lambda inner: np.zeros(shape)), frozenset()
        direct = below is None or below in forward.uses(name)
        recomputed = frozenset() if direct or below is None else forward.dependents(below)

        def f(inner: Evaluator) -> Any:
            moved = inner.environment.moved
            return self._recompute(inner.replace(moved=MovedNames(dict(moved.values), moved.recomputed)), name)

        return f, recomputed

    def _holds(self, formula: Node, key: str) -> bool:
        """Return whether a name stands in a formula itself."""
        names = self._forward.declarations.names
        return any(node.kind == "name" and key in names.instances_of(node.value.key) for node in walk(formula))

    # Differentials: every name moves on its own, in a direction of its own

    def differential(self, evaluator: Evaluator, node: Node, scope: Scope) -> Array:
        """Return d(formula): how it changes with the names that move in this line."""
        part = node.parts[0]
        if part.kind == "name":
            name = evaluator.timed_name(part.value, scope, part)
            self.value(evaluator, *name, part)
            return self.tangent(evaluator, name)
        tangents = {n: self.tangent(evaluator, n) for n in self._names_in(evaluator, part, scope)}
        return self._along(evaluator, tangents, lambda inner: inner(part, scope))

    def _along(self, evaluator: Evaluator, tangents: Mapping[TimedName, Array], f: Callable[[Evaluator], Any]) -> Array:
        """Return the derivative of a function of the evaluator as names move."""
        values = {n: self._forward.values[n].value + 1j * COMPLEX_STEP * tangent for n, tangent in tangents.items()}
        moved = MovedNames(values, evaluator.environment.moved.recomputed)
        return moved_by(f(evaluator.replace(moved=moved, cache=None)))

    def tangent(self, evaluator: Evaluator, name: TimedName) -> Array:
        """Return how a name moves: on its own, or as its equation says where names in it move."""
        shape = self._forward.values[name].shape
        if name not in evaluator.environment.moving:
            return np.zeros(shape)
        inside = self._moving_in(evaluator, name)
        if inside:
            tangents = {n: self.tangent(evaluator, n) for n in inside}
            return self._along(evaluator, tangents, lambda inner: self._recompute(inner, name))
        return self._forward.drawing.entries(f"tangent {name}", shape, signed=False)

    def _moving_in(self, evaluator: Evaluator, name: TimedName) -> set[TimedName]:
        """Return the names in the equation for a value that move in this line."""
        forward = self._forward
        return forward.uses(name) & evaluator.environment.moving if name[0] in forward.keys else set()

    def free_moves(self, evaluator: Evaluator) -> list[TimedName]:
        """Return the names that move on their own."""
        moving = sorted(evaluator.environment.moving, key=repr)
        return [name for name in moving if not self._moving_in(evaluator, name)]

    def _names_in(self, evaluator: Evaluator, node: Node, scope: Scope) -> set[TimedName]:
        """Return the names in a formula."""
        if node.kind == "name":
            name = evaluator.timed_name(node.value, scope, node)
            self.value(evaluator, *name, node)
            return {name}
        return {n for part in node.parts for n in self._names_in(evaluator, part, scope)}

    def names_moved(self, evaluator: Evaluator, node: Node, scope: Scope) -> set[TimedName]:
        """Return the names under a differential in a formula."""
        if node.kind == "differential":
            return self._names_in(evaluator, node.parts[0], scope)
        return {n for part in node.parts for n in self.names_moved(evaluator, part, scope)}


def is_gradient(above: Node) -> bool:
    """Return whether ∇ stands before a formula: the derivative along every path."""
    return above.kind == "call" and above.value.key == "number"


def as_matrix(value: Any, indices: tuple[str, ...]) -> Any:
    """Return components as a matrix or a column."""
    if not isinstance(value, Indexed):
        return value
    array = np.transpose(value.value, [value.labels.index(letter) for letter in indices])
    return array if len(indices) == 2 else array.reshape(-1, 1)


def moved_by(value: Any) -> Array:
    """Return the derivative that a complex step has left in a value."""
    derivative: Array = np.asarray(value, dtype=complex).imag / COMPLEX_STEP
    return derivative
