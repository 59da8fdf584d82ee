"""A generic point of a derivation: all sizes different, no value zero, its forward equations on a tape."""

from __future__ import annotations

from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from tinyad.derivation.evaluate import Evaluator, Functions, H, Indexed, Scope, Trouble, structure
from tinyad.derivation.reader import Derivation
from tinyad.derivation.source import DerivationError
from tinyad.derivation.tree import Node, Ref, Statement
from tinyad.derivatives import Derivatives
from tinyad.listing import first_nonfinite
from tinyad.matrix import Array, size
from tinyad.ops import none
from tinyad.rounding import spread
from tinyad.tape import Tape, Variable

TIMES = 4  # T of a sequence
SIZES = (5, 3, 7, 6, 2, 8, 9, 11, 10, 13, 12, 14, 15, 16)  # of the symbols, in the order they are declared; never T
MOST_STEPS = 20_000
NEAR = 1e4  # how many units of rounding count as none: other orders of summation, longer formulas than the rules

Moment = Any  # an int in a sequence, ("t", k) in one time step, None for what has no time
Place = tuple[str, Moment]


class Part(NamedTuple):
    """A contribution to a derivative: from which equation at which moment (None: handed in), by which of the uses of
    the name in it, in row layout."""

    equation: int | None
    moment: Moment
    use: int
    array: Array


class Point:
    """The forward of a derivation at one generic point, and the derivatives of all its names."""

    def __init__(self, derivation: Derivation, seed: int) -> None:
        self.derivation, self.it, self.seed = derivation, derivation.declarations, seed
        self.source = derivation.source
        self.last = TIMES if self.it.names.last else None
        self.functions = Functions(self.it)
        self.sizes = sizes_of(self.it)
        self.tape = Tape()
        self.values: dict[Place, Variable] = {}
        self.ranges: list[tuple[int, Moment, int, int]] = []  # equation, moment, first step, last step
        self.equation_of = {(self.member_keys(eq), eq.left[0].value.time): k for k, eq in enumerate(derivation.forward)}
        self.keys = self.computed()
        self._parts: dict[Place, list[Part]] = {}
        self.asked: set[tuple[Place, str]] = set()  # parts with a label that are being looked up
        self.jacobians: dict[Any, Any] = {}
        self._ancestors: dict[int, frozenset[int]] = {}
        self.label_value: Any = lambda point, place, name: None  # what a line with a label gives, in row layout
        self.changed: dict[Place, Any] = {}  # values that a Jacobian takes its steps in
        self.evaluator = Evaluator(
            self.it,
            self.functions,
            self.sizes,
            self.last,
            self.variable,
            self.no_derivative,
            self.jacobian,
            self.no_differential,
        )
        self.run()
        why = first_nonfinite(self.tape)
        if why:
            raise self.source.error(f"the forward gives no finite numbers: {why}; declare `positive: ...`", 0)
        self.d, self.seeds = self.walk()
        self.spread = spread(self.d)
        self.arrays = Evaluator(
            self.it,
            self.functions,
            self.sizes,
            self.last,
            self.array,
            self.derivative,
            self.jacobian,
            self.differential,
        )

    # The forward

    def member_keys(self, eq: Statement) -> tuple[str, ...]:
        ref = eq.left[0].value
        keys = [ref.key]
        for letter in self.it.names.letters(ref.key):
            keys = [member for key in keys for member in self.it.names.members(key, letter)]
        return tuple(keys)

    def computed(self) -> dict[str, list[int]]:
        """Key → the equations that compute it."""
        found: dict[str, list[int]] = {}
        for k, eq in enumerate(self.derivation.forward):
            for key in self.member_keys(eq):
                found.setdefault(key, []).append(k)
        return found

    def scopes(self, eq: Statement, t: int | None) -> list[Scope]:
        """The scopes an equation is computed in: one for each member of the families on its left-hand side."""
        scopes = [Scope(t, {})]
        for letter in self.it.names.letters(eq.left[0].value.key):
            scopes = [Scope(s.t, {**s.members, letter: m}) for s in scopes for m in self.it.names.families[letter]]
        return scopes

    def run(self) -> None:
        forward = self.derivation.forward
        self.check_order()
        if self.last is None:
            for k in range(len(forward)):
                self.compute(k, None)
            return
        timed = [k for k, eq in enumerate(forward) if self.at_t(eq)]
        first = timed[0] if timed else len(forward)
        for k in range(first):
            self.compute(k, None)
        for t in range(1, self.last + 1):
            for k in timed:
                self.compute(k, t)
        for k in range(first, len(forward)):
            if k not in timed:
                self.compute(k, None)

    def at_t(self, eq: Statement) -> bool:
        time = eq.left[0].value.time
        return time is not None and time[0] == "t"

    def check_order(self) -> None:
        seen: dict[tuple[str, Any], Node] = {}
        for eq in self.derivation.forward:
            ref = eq.left[0].value
            if ref.time is not None and ref.time[0] == "t" and ref.time[1] != 0 and self.last:
                raise self.error("a forward equation computes the value at t", eq.left[0])
            for key in self.member_keys(eq):
                if (key, ref.time) in seen:
                    raise self.error(f"{key} is computed twice", eq.left[0])
                seen[key, ref.time] = eq.left[0]

    def compute(self, k: int, t: int | None) -> None:
        eq = self.derivation.forward[k]
        left = eq.left[0]
        if len(eq.members) != 1 or eq.sign != "=" or len(eq.left) != 1:
            raise self.error("a forward equation is `name = formula`", left)
        for scope in self.scopes(eq, t):
            begun = len(self.tape) + 1
            try:
                value = self.evaluator(eq.members[0], scope)
                key = self.evaluator.key(left.value.key, scope, left)
                moment = self.evaluator.time(left.value, scope, left)
                value = self.whole(value, left.value, left)
            except Trouble as trouble:
                raise self.error(trouble.message, trouble.node) from None
            if not isinstance(value, Variable):
                raise self.error("this does not depend on any name that was declared", eq.members[0])
            if value.index in {v.index for v in self.values.values()}:
                value = none(value)
            declared = self.it.shapes.get(key)
            if declared and value.shape != self.shape(key):
                raise self.error(
                    f"{key} comes out as {size(value.shape)}, and was declared {size(self.shape(key))}", left
                )
            self.values[key, moment] = value
            self.tape.names[value.index] = label(key, moment)
            self.ranges.append((k, moment, begun, len(self.tape)))
            if len(self.tape) > MOST_STEPS:
                raise self.error(f"more than {MOST_STEPS} steps", left)

    def whole(self, value: Any, ref: Ref, node: Node) -> Any:
        """Components as the matrix they are the entries of."""
        if isinstance(value, Indexed):
            free = [label for label in value.labels if label]
            if sorted(free) != sorted(ref.indices):
                stray = sorted({*free} ^ {*ref.indices})
                raise Trouble("does not fit", f"the index {' and '.join(stray)} is on one side only", node)
            if len(ref.indices) == 2 and value.labels != ref.indices:
                return value.value.T
            return value.value.T if len(ref.indices) == 1 and value.labels[1:2] == ref.indices else value.value
        if ref.indices:
            raise Trouble("does not fit", f"the index {ref.indices[0]} is on the left-hand side only", node)
        return value

    def error(self, message: str, node: Node) -> DerivationError:
        return self.source.error(message, node.start, node.end)

    def shape(self, key: str) -> tuple[int, int]:
        rows, columns = self.it.shapes[key]
        return total(rows, self.sizes), total(columns, self.sizes)

    def variable(self, key: str, moment: Moment, node: Node) -> Variable:
        """The value on the tape; what no equation computes is made up when it is first asked for."""
        place = key, moment
        if place not in self.values:
            if self.last is not None and isinstance(moment, int) and moment > self.last:
                return self.constant(np.zeros(self.shape_of(key, node)))
            computed = key in self.keys and not (self.last is not None and moment in (0, None) and moment == 0)
            if computed and self.last is None:
                times = {self.derivation.forward[k].left[0].value.time for k in self.keys[key]}
                computed = moment in {self.step_time(time, key) for time in times}
            if computed:
                raise Trouble("undefined", f"{key} is used before its equation", node)
            if key not in self.it.shapes:
                near = close(key, [*self.it.shapes, *self.keys])
                raise Trouble(
                    "undefined",
                    f"{key} is not declared"
                    + (f"; did you mean {near}?" if near else f"; declare its size, `{key}: N×1`"),
                    node,
                )
            if self.last is not None and isinstance(moment, int) and moment < 0:
                return self.constant(np.zeros(self.shape(key)))
            self.values[place] = self.leaf(key, moment)
        return self.values[place]

    def step_time(self, time: Any, key: str) -> Moment:
        return time or (("t", 0) if self.it.names.timed(key) else None)

    def shape_of(self, key: str, node: Node) -> tuple[int, int]:
        if key in self.it.shapes:
            return self.shape(key)
        known = next((v.shape for (k, _), v in self.values.items() if k == key), None)
        if known is None:
            raise Trouble("undefined", f"{key} is not declared", node)
        return known  # type: ignore[return-value]

    def constant(self, value: Array) -> Variable:
        v = self.tape.variable(value)
        self.tape.constants.add(v.index)
        return v

    def leaf(self, key: str, moment: Moment) -> Variable:
        rng = np.random.default_rng(crc32(f"{self.seed} {key} {moment}".encode()))
        value = rng.uniform(0.3, 1.3, self.shape(key))
        if key not in self.it.positive:
            value *= rng.choice((-1.0, 1.0), value.shape)
        v = self.tape.variable(value)
        self.tape.names[v.index] = label(key, moment)
        if key in self.it.constant:
            self.tape.constants.add(v.index)
        return v

    # The walk back

    def walk(self) -> tuple[Derivatives, dict[Place, list[tuple[str | None, bool, Array]]]]:
        seeds: dict[Place, list[tuple[str | None, bool, Array]]] = {}
        for ref, name, whole in self.it.given:
            moments: list[Moment] = [self.step_time(ref.time, ref.key)]
            if self.last is not None:
                moments = list(range(1, self.last + 1)) if self.it.names.timed(ref.key) else [None]
                if ref.time is not None and ref.time[0] != "t":
                    moments = [ref.time[1] + (self.last if ref.time[0] == "T" else 0)]
            for moment in moments:
                if (ref.key, moment) not in self.values:
                    raise self.source.error(f"given: {ref.key} is neither declared nor computed", 0)
                rng = np.random.default_rng(crc32(f"{self.seed} d {ref.key} {moment} {name}".encode()))
                shape = self.values[ref.key, moment].shape[::-1]
                dz = rng.uniform(0.3, 1.3, shape) * rng.choice((-1.0, 1.0), shape)
                seeds.setdefault((ref.key, moment), []).append((name, whole, dz))
        start: dict[Any, Any] = {self.values[at]: sum(dz for _, _, dz in parts) for at, parts in seeds.items()}
        loss = self.values.get((self.it.names.loss, None))
        if loss is not None:
            if loss.shape != (1, 1):
                raise self.source.error(
                    f"the loss {self.it.names.loss} is {size(loss.shape)}; it has to be one number", 0
                )
            start[loss] = np.ones((1, 1))
        if not start and any(_derives(line) for lines in self.derivation.backward.values() for line in lines):
            raise self.source.error(
                f"no derivative is given: compute the loss {self.it.names.loss} in the forward, or declare `given: ∇h_t`",
                self.derivation.forward[0].start,
            )
        return self.tape.backward(start), seeds

    def true(self, place: Place) -> Array:
        """The derivative of the loss, in row layout."""
        return self.d.column(self.values[place].index).T

    def parts(self, place: Place) -> list[Part]:
        """The contributions to a derivative: what was handed in, and one for every equation that uses the name."""
        if place not in self._parts:
            self._parts[place] = self.made_parts(place)
        return self._parts[place]

    def made_parts(self, place: Place) -> list[Part]:
        found = [Part(None, k, 0, dz) for k, (_, _, dz) in enumerate(self.seeds.get(place, ()))]
        uses: dict[tuple[int, Moment], int] = {}
        for step, _, array in self.d.contributions(self.values[place]):
            if step:
                at = self.origin(step)
                uses[at] = uses.get(at, -1) + 1
                found.append(Part(*at, uses[at], array))
        return found

    def ancestors(self, position: int) -> frozenset[int]:
        """The positions of the tape that a value is computed from."""
        if not self._ancestors:
            self._ancestors = {}
            for _, z, x, y in self.tape.steps:
                operands = [i for i in (x, y) if i is not None]
                self._ancestors[z] = frozenset(operands).union(*(self._ancestors.get(i, frozenset()) for i in operands))
        return self._ancestors.get(position, frozenset())

    def origin(self, step: int) -> tuple[int, Moment]:
        for k, moment, first, last in self.ranges:
            if first <= step <= last:
                return k, moment
        raise AssertionError(step)

    def near(self, place: Place, a: Array, b: Array) -> bool:
        position = self.values[place].index
        far = self.spread[position] if position < len(self.spread) else 0.0  # not in the forward: its derivative is 0
        largest = max(far, float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
        return bool(np.all(np.abs(a - b) <= NEAR * np.finfo(float).eps * largest))

    # Arrays for the lines

    def array(self, key: str, moment: Moment, node: Node) -> Any:
        place = key, moment
        if place in self.changed:
            return self.changed[place]
        if self.changed and place in self.recomputed:
            return self.recompute(place)
        if place in self.values:
            return self.values[place].value
        if self.last is not None and isinstance(moment, int) and (moment > self.last or moment < 0):
            return np.zeros(self.shape_of(key, node))
        if key in self.it.shapes and (key not in self.keys or moment == 0):
            if self.last is None and key in {k for k, _ in self.values}:
                raise Trouble("undefined", f"{label(key, moment)} is not in the forward; {self.others(key)} is", node)
            return self.fresh(place)
        if key in {k for k, _ in self.values}:
            raise Trouble("undefined", f"{label(key, moment)} is not in the forward; {self.others(key)} is", node)
        raise Trouble("undefined", self.unknown(key), node)

    def fresh(self, place: Place) -> Array:
        """The value of a name that the forward does not use."""
        self.values[place] = self.leaf(*place)
        return self.values[place].value

    def others(self, key: str) -> str:
        return " and ".join(label(k, m) for k, m in self.values if k == key)

    def unknown(self, key: str) -> str:
        near = close(key, {k for k, _ in self.values})
        return f"{key} is neither declared nor computed" + (f"; did you mean {near}?" if near else "")

    def derivative(self, key: str, moment: Moment, name: str | None, node: Node) -> Array:
        """The true derivative, in the author's layout."""
        place = key, moment
        if place not in self.values:
            if self.last is not None and isinstance(moment, int) and moment > self.last:
                return self.turned(np.zeros(self.shape_of(key, node)[::-1]))
            self.array(key, moment, node)
        if name is not None:
            return self.turned(self.labelled(place, name, node))
        if self.values[place].index >= self.d.length:
            return self.turned(np.zeros(self.values[place].shape[::-1]))
        return self.turned(self.true(place))

    def labelled(self, place: Place, name: str, node: Node) -> Array:
        for other, _, dz in self.seeds.get(place, ()):
            if other == name:
                return dz
        value = self.label_value(self, place, name)
        if value is not None:
            return value
        raise Trouble("undefined", f"no line with the label {name} sets the derivative of {label(*place)}", node)

    def turned(self, a: Array) -> Array:
        return a if self.it.layout == "row" else a.T

    def no_derivative(self, key: str, moment: Moment, name: str | None, node: Node) -> Any:
        raise Trouble("not evaluable", "a derivative in a forward equation", node)

    def no_differential(self, evaluator: Evaluator, node: Node, scope: Scope) -> Any:
        raise Trouble("not evaluable", "a differential in a forward equation", node)

    # Jacobians, by the complex step through the equation itself

    recomputed: frozenset[Place] = frozenset()

    def is_computed(self, place: Place) -> bool:
        position = self.values[place].index
        return any(self.tape.steps[last - 1][1] == position for _, _, first, last in self.ranges if last >= first)

    def recompute(self, place: Place) -> Any:
        """The value of a computed name from its equation, with what was changed."""
        key, moment = place
        k = next(
            k
            for k in self.keys[key]
            if self.last is not None or self.step_time(self.derivation.forward[k].left[0].value.time, key) == moment
        )
        eq = self.derivation.forward[k]
        t = moment if isinstance(moment, int) and self.at_t(eq) else None
        scope = next(s for s in self.scopes(eq, t) if self.arrays.key(eq.left[0].value.key, s, eq.left[0]) == key)
        value = self.whole_array(self.arrays(eq.members[0], scope), eq.left[0])
        self.changed[place] = value
        return value

    def whole_array(self, value: Any, left: Node) -> Any:
        if isinstance(value, Indexed):
            indices = left.value.indices
            order = [value.labels.index(label) for label in indices]
            value = np.transpose(value.value, order)
            return value.reshape(value.shape if len(indices) == 2 else (-1, 1))
        return value

    def jacobian(self, evaluator: Evaluator, node: Node, scope: Scope) -> Any:
        key = structure(node), scope.t, tuple(sorted(scope.members.items()))
        if self.changed or self.arrays.overridden:
            return self.made_jacobian(evaluator, node, scope)
        if key not in self.jacobians:
            self.jacobians[key] = self.made_jacobian(evaluator, node, scope)
        return self.jacobians[key]

    def made_jacobian(self, evaluator: Evaluator, node: Node, scope: Scope) -> Any:
        above = node.parts[0]
        below = node.value
        if isinstance(below, Ref):
            at = evaluator.key(below.key, scope, node), evaluator.time(below, scope, node)
            base = self.array(*at, node)
        else:
            base = self.arrays(below, scope)
        outer = self.changed, self.recomputed, self.arrays.overridden
        rows = []
        try:
            function, needed = self.function(above, scope, at if isinstance(below, Ref) else None, node)
            for entry in np.ndindex(base.shape):
                moved = base.astype(complex)
                moved[entry] += 1j * H
                if isinstance(below, Ref):
                    self.changed, self.recomputed = {at: moved}, needed
                else:
                    self.arrays.overridden = {structure(below): moved}
                value = function()
                labels = value.labels if isinstance(value, Indexed) else None
                if isinstance(value, Indexed):
                    value = np.reshape(value.value, np.shape(value.value)[: len(value.labels)])
                rows.append(np.imag(np.asarray(value) * (1 + 0j)) / H)
        finally:
            self.changed, self.recomputed, self.arrays.overridden = outer
        full = np.stack(rows, -1).reshape(*rows[0].shape, *base.shape)
        return full if labels is None else Indexed(full, labels)

    def function(self, above: Node, scope: Scope, at: Place | None, node: Node) -> tuple[Any, frozenset[Place]]:
        """What is derived, as a function without arguments, and the names that have to be computed again for it."""
        if above.kind != "name":
            return (lambda: self.arrays(above, scope)), frozenset()
        ref = above.value
        place = self.arrays.key(ref.key, scope, above), self.arrays.time(ref, scope, above)
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

    def uses(self, place: Place) -> set[Place]:
        """The names in the equation for a value."""
        position = self.values[place].index
        for _, _, first, last in self.ranges:
            if last >= first and self.tape.steps[last - 1][1] == position:
                operands = {i for n in range(first, last + 1) for i in self.tape.steps[n - 1][2:] if i is not None}
                return {p for p, v in self.values.items() if v.index in operands}
        return set()

    # Differentials: every name moves on its own, in a direction of its own

    moving: frozenset[Place] = frozenset()

    def differential(self, evaluator: Evaluator, node: Node, scope: Scope) -> Any:
        """d(formula): how it moves with the names that move in this line."""
        part = node.parts[0]
        if part.kind == "name":
            place = evaluator.key(part.value.key, scope, part), evaluator.time(part.value, scope, part)
            self.array(*place, part)
            return self.tangent(place)
        return self.along({p: self.tangent(p) for p in self.names_in(part, scope)}, lambda: evaluator(part, scope))

    def along(self, tangents: dict[Place, Array], f: Any) -> Any:
        """The derivative of f() as names move, by the complex step."""
        outer = self.changed
        self.changed = {p: self.values[p].value + 1j * H * tangent for p, tangent in tangents.items()}
        try:
            return np.imag(np.asarray(f()) * (1 + 0j)) / H
        finally:
            self.changed = outer

    def tangent(self, place: Place) -> Array:
        """How a name moves: on its own, or as its equation says where names in it move."""
        if place not in self.moving:
            return np.zeros(self.values[place].shape)
        inside = self.uses(place) & self.moving if place[0] in self.keys else set()
        if inside:
            return self.along({p: self.tangent(p) for p in inside}, lambda: self.recompute(place))  # type: ignore[no-any-return]
        rng = np.random.default_rng(crc32(f"{self.seed} tangent {place}".encode()))
        return rng.uniform(0.3, 1.3, self.values[place].shape)

    def free_moves(self) -> list[Place]:
        """The names that move on their own."""
        return [p for p in sorted(self.moving, key=repr) if p[0] not in self.keys or not self.uses(p) & self.moving]

    def names_in(self, node: Node, scope: Scope) -> set[Place]:
        if node.kind == "name":
            place = self.arrays.key(node.value.key, scope, node), self.arrays.time(node.value, scope, node)
            self.array(*place, node)
            return {place}
        return {p for part in node.parts for p in self.names_in(part, scope)}

    def moves(self, node: Node, scope: Scope) -> set[Place]:
        """The names under a differential in a formula."""
        if node.kind == "differential":
            return self.names_in(node.parts[0], scope)
        return {p for part in node.parts for p in self.moves(part, scope)}


def _derives(line: Any) -> bool:
    return any(node.kind == "d" for node in getattr(line, "left", ()))


def total(terms: tuple[tuple[str, int], ...], sizes: dict[str, int]) -> int:
    return sum(factor * (sizes[symbol] if symbol else 1) for symbol, factor in terms)


def sizes_of(it: Any) -> dict[str, int]:
    symbols = [symbol for shape in it.shapes.values() for side in shape for symbol, _ in side if symbol]
    free = list(SIZES) + list(range(17, 17 + len(symbols)))
    fixed = {factor for shape in it.shapes.values() for side in shape for symbol, factor in side if not symbol}
    free = [n for n in free if n not in fixed]
    return {symbol: free[k] for k, symbol in enumerate(dict.fromkeys(symbols))}


def label(key: str, moment: Moment) -> str:
    if moment is None:
        return key
    if isinstance(moment, int):
        return f"{key}[{moment}]"
    letter, k = moment
    return f"{key}[{k}]" if letter == "=" else f"{key}_{letter}{k:+d}" if k else f"{key}_{letter}"


def close(key: str, known: Any) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(key, sorted(known), 1, 0.5)), "")
