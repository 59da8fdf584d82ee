"""The forward equations of a derivation at one sample point, on a tape: all sizes different, no value zero."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import islice, permutations
from math import prod
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tinyad.arrays.matrix import Array, size
from tinyad.derivation.language.declarations import Declarations, MatrixKind
from tinyad.derivation.language.document import Document
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.sizes import Side
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.semantics.drawing import Drawing
from tinyad.derivation.semantics.environment import Environment, Time, TimedName
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.functions import Functions
from tinyad.derivation.semantics.limits import (
    LAST_TIME,
    OTHER_LAST_TIME,
    OTHER_SIZES,
    SIDE_LENGTH,
    SIMILAR_NAME,
    SIZES,
    SIZES_TRIED,
    TAPE_ENTRIES,
    TAPE_STEPS,
)
from tinyad.derivation.semantics.values import Indexed, Scope, Stretched, TooLarge, Trouble
from tinyad.engine.table import none
from tinyad.engine.tape import Tape, Variable
from tinyad.printing.listing import first_nonfinite


class RecordedEquation(NamedTuple):
    """An equation at one time: the steps of the tape that it has recorded, from `first` to `last`."""

    equation: int
    time: Time
    first: int
    last: int


KINKS = ("relu", "abs", "sign", "maximum", "minimum", ">", "≥")  # rows whose derivative jumps where two values meet


class SizeNumbers(NamedTuple):
    """The numbers that stand for symbols of sizes, and the last time of a sequence."""

    free: Sequence[int]
    last: int


class Forward:
    """Record the values of all names, equation by equation."""

    def __init__(self, derivation: Derivation, drawing: Drawing) -> None:
        self.derivation, self.declarations, self.drawing = derivation, derivation.declarations, drawing
        self.source = derivation.source
        self.sizes = _sizes(self.declarations, drawing)
        self.last = last_time(drawing) if self.declarations.names.last else None
        self.functions = Functions(self.declarations)
        self.tape = Tape()
        self.values: dict[TimedName, Variable] = {}
        self.ranges: list[RecordedEquation] = []
        self._recorded: dict[int, RecordedEquation] = {}  # by the position of what an equation computes
        self.keys = self.computed()
        self._entries = 0
        self.environment = Environment(
            self.declarations,
            self.functions,
            self.sizes,
            self.last,
            value=lambda evaluator, key, time, node: self.variable(key, time, node),
            derivative=lambda evaluator, name, label, node: refuse("derivative", node),
            jacobian=lambda evaluator, node, scope: refuse("Jacobian", node),
            differential=lambda evaluator, node, scope: refuse("differential", node),
            count=self._count,
        )
        self.evaluator = Evaluator(self.environment)
        self.run()
        self._check_matrix_kinds()
        why = first_nonfinite(self.tape)
        if why:
            raise self.error(f"the forward gives no finite numbers: {why}; declare `positive: ...`", self.not_finite())

    def not_finite(self) -> Node:
        """Return the equation that gives the first number that is not finite."""
        steps = self.tape.steps
        bad = next(n for n, step in enumerate(steps, 1) if not np.all(np.isfinite(self.tape.values[step[1]])))
        return self.derivation.forward[self.equation_of(bad).equation].members[0]

    def equation_of(self, step: int) -> RecordedEquation:
        """Return the equation that has recorded a step."""
        return self.ranges[bisect_left(self.ranges, step, key=lambda r: r.last)]

    def _count(self, entries: int) -> None:
        """Count the numbers on the tape, and fail if they are too many."""
        self._entries += entries
        if self._entries > TAPE_ENTRIES:
            raise TooLarge(f"more than {TAPE_ENTRIES} numbers in the forward")

    def _check_matrix_kinds(self) -> None:
        """Refuse a declared kind that the value of a computed name does not have."""
        for (key, _), v in self.values.items():
            kind = self.declarations.matrix_kinds.get(key)
            if kind is not None and key in self.keys and not is_of_kind(v.value, kind):
                left = self.derivation.forward[self.keys[key][0]].left[0]
                raise self.error(f"{key} was declared {kind}, and does not come out so", left)

    # Equations

    def computed(self) -> dict[str, list[int]]:
        """Return {key: the equations that compute it}."""
        equations: dict[str, list[int]] = {}
        for k, eq in enumerate(self.derivation.forward):
            for key in self.declarations.names.instances_of(eq.left[0].value.key):
                equations.setdefault(key, []).append(k)
        return equations

    def scopes(self, eq: Statement, t: int | None) -> list[Scope]:
        """Return the scopes an equation is computed in: one for each member of the families on its left-hand side."""
        scopes = [Scope(t, {})]
        for letter in self.declarations.names.letters(eq.left[0].value.key):
            scopes = [
                Scope(s.t, {**s.members, letter: m}) for s in scopes for m in self.declarations.names.families[letter]
            ]
        return scopes

    def run(self) -> None:
        """Compute all equations; in a sequence those at t for every t, between those before and behind them."""
        self.check_order()
        forward = range(len(self.derivation.forward))
        timed = [k for k in forward if self.last is not None and self.at_t(self.derivation.forward[k])]
        first = timed[0] if timed else len(forward)
        for k in forward[:first]:
            self.compute(k, None)
        for t in range(1, (self.last or 0) + 1):
            for k in timed:
                self.compute(k, t)
        for k in forward[first:]:
            if k not in timed:
                self.compute(k, None)

    def at_t(self, eq: Statement) -> bool:
        """Return whether an equation computes something at every t."""
        time = eq.left[0].value.time
        return time is not None and time[0] == "t"

    def check_order(self) -> None:
        """Refuse equations for t + 1, and two for one value."""
        seen: set[tuple[str, Any]] = set()
        for eq in self.derivation.forward:
            ref = eq.left[0].value
            if self.last and self.at_t(eq) and ref.time[1] != 0:
                raise self.error("a forward equation computes the value at t", eq.left[0])
            for key in self.declarations.names.instances_of(ref.key):
                if (key, ref.time) in seen:
                    raise self.error(f"{key} is computed twice", eq.left[0])
                seen.add((key, ref.time))

    def compute(self, k: int, t: int | None) -> None:
        """Record an equation at one time, for every member of its families."""
        eq = self.derivation.forward[k]
        left = eq.left[0]
        self.source.reached = eq.start
        if eq.sign != "=" or len(eq.left) != 1:
            raise self.error("a forward equation is `name = formula`", left)
        for scope in self.scopes(eq, t):
            begun = len(self.tape) + 1
            try:
                value = self.evaluator(eq.members[0], scope)
                key, time = self.evaluator.timed_name(left.value, scope, left)
                value = as_matrix_on_tape(value, left.value, left)
            except Trouble as trouble:
                raise self.error(trouble.message, trouble.node) from None
            if isinstance(value, Stretched) and isinstance(value.value, Variable):
                value = self.stretched(value, key, eq)
            if not isinstance(value, Variable):
                raise self.error("this does not depend on any name that was declared", eq.members[0])
            if value.index in self.tape.names or value.index in self._recorded:
                value = none(value)  # a name of its own for y = x
            if key in self.declarations.shapes and value.shape != self.shape(key):
                message = f"{key} comes out as {size(value.shape)}, and was declared {size(self.shape(key))}"
                raise self.error(message, left)
            self.values[key, time] = value
            self.check_chain(eq, scope, value.value)
            self.tape.names[value.index] = label(key, time)
            self.ranges.append(RecordedEquation(k, time, begun, len(self.tape)))
            if begun <= len(self.tape):
                self._recorded[value.index] = self.ranges[-1]
            if len(self.tape) > TAPE_STEPS:
                raise self.error(f"more than {TAPE_STEPS} steps", left)

    def check_chain(self, eq: Statement, scope: Scope, value: Array) -> None:
        """Refuse a further member of h = tanh(a) = tanh(W x) that is not the same; one of unknown names is let be.

        In a document such a member is listed as not read, with the reason.
        """
        arrays = Evaluator(
            self.environment.replace(value=lambda _, key, time, node: self.variable(key, time, node).value)
        )
        for member in eq.members[1:]:
            try:
                other = as_matrix_on_tape(arrays(member, scope), eq.left[0].value, member)
                same = np.shape(other) in ((), value.shape) and np.allclose(other, value)
                message, node, refused = "this is not what the member before it comes to", member, not same
            except Trouble as trouble:
                message, node, refused = trouble.message, trouble.node, trouble.verdict != "undefined"
                same = False
            if isinstance(self.source, Document) and not same:
                self.source.leave(member, f"another formula for the same; the first one is taken: {message}")
            elif refused:
                raise self.error(message, node)

    def stretched(self, value: Stretched, key: str, eq: Statement) -> Variable:
        """Return a result as long as the author has declared it."""
        if key not in self.declarations.shapes and key != self.declarations.names.loss:
            ones = self.evaluator.names.ones_of_a_size()
            message = (
                f"nothing says how long 1 is: declare the size of {key}, or write {ones}, with the letter that is meant"
            )
            raise self.error(message, eq.members[0])
        needed = self.shape(key) if key in self.declarations.shapes else (1, 1)
        filled = value.filled(needed)
        if filled is None:
            raise self.error(f"{key} comes out as {size(value.sides)}, and is to be {size(needed)}", eq.left[0])
        variable: Variable = filled
        return variable

    def error(self, message: str, node: Node) -> DerivationError:
        """Return an error that points at a part of an equation."""
        return self.source.error(message, node.start, node.end)

    def recorded(self, name: TimedName) -> RecordedEquation | None:
        """Return the equation that has computed a value; None if none has."""
        return self._recorded.get(self.values[name].index)

    def is_computed(self, name: TimedName) -> bool:
        """Return whether an equation has computed a value."""
        return self.recorded(name) is not None

    @cached_property
    def kink_sides(self) -> frozenset[tuple[tuple[int, int], bool]]:
        """Return (kink, whether it is on) of all that happens in some entry at some time.

        A kink is one use of relu, of a comparison or the like: (equation, which step of it).
        """
        sides: set[tuple[tuple[int, int], bool]] = set()
        for r in self.ranges:
            for n in range(r.first, r.last + 1):
                op, _, x, y = self.tape.steps[n - 1]
                if op.symbol in KINKS and x is not None:
                    values = self.tape.values
                    on = values[x] > (0 if y is None else values[y])
                    sides |= {((r.equation, n - r.first), bool(side)) for side in np.unique(on)}
        return frozenset(sides)

    def dependents(self, name: TimedName) -> frozenset[TimedName]:
        """Return the names that are computed from a value, by any way; none before or after a sequence."""
        if name not in self.values:
            return frozenset()
        moved = {self.values[name].index}
        for _, z, *operands in self.tape.steps:
            if any(i in moved for i in operands):
                moved.add(z)
        return frozenset(n for n, v in self.values.items() if v.index in moved and n != name)

    def uses(self, name: TimedName) -> set[TimedName]:
        """Return the names in the equation for a value."""
        recorded = self.recorded(name)
        if recorded is None:
            return set()
        steps = self.tape.steps[recorded.first - 1 : recorded.last]
        operands = {i for step in steps for i in step[2:] if i is not None}
        return {p for p, v in self.values.items() if v.index in operands}

    # Names

    def variable(self, key: str, time: Time, node: Node) -> Variable:
        """Return the value on the tape; what no equation computes gets random entries when it is first needed."""
        name = key, time
        if name in self.values:
            return self.values[name]
        if self.is_after(time):
            return self.constant(np.zeros(self.shape_of(key, node)))
        if self.will_be(name):
            raise Trouble("undefined", f"{key} is used before its equation", node)
        if key not in self.declarations.shapes:
            near = close(key, [*self.declarations.shapes, *self.keys])
            meant = f"did you mean {near}?" if near else f"declare its size, `{key}: N×1`"
            letters, _, number = key.partition("_")
            if number.isdigit() and letters in self.declarations.shapes:
                meant = f"the component of {letters} is Σ_i 1[i = {number}] {letters}_i"
            raise Trouble("undefined", f"{key} is not declared; {meant}", node)
        if self.is_before(time):
            return self.constant(np.zeros(self.shape(key)))
        self.values[name] = self.leaf(key, time)
        return self.values[name]

    def is_after(self, time: Time) -> bool:
        """Return whether a sequence is over at that time: values and derivatives are 0."""
        return self.last is not None and isinstance(time, int) and time > self.last

    def is_before(self, time: Time) -> bool:
        """Return whether a sequence begins only later: its first values are at the time 0."""
        return self.last is not None and isinstance(time, int) and time < 0

    def will_be(self, name: TimedName) -> bool:
        """Return whether an equation computes a value, sooner or later."""
        key, time = name
        if self.last is not None:
            return key in self.keys and time != 0
        equations = (self.derivation.forward[k] for k in self.keys.get(key, ()))
        return time in {self.step_time(eq.left[0].value.time, key) for eq in equations}

    def step_time(self, time: tuple[str, int] | None, key: str) -> Time:
        """Return the time in one time step: a name that has a time means t where none is given."""
        return time or (("t", 0) if self.declarations.names.timed(key) else None)

    def shape(self, key: str) -> tuple[int, int]:
        """Return the size of a declared name."""
        rows, columns = (length_of(side, self.sizes) for side in self.declarations.shapes[key])
        if max(rows, columns) > SIDE_LENGTH:
            node = self.declarations.declared[key]
            raise self.error(
                f"{key} would be {rows}×{columns} here, {SIDE_LENGTH} at the most: write letters alone", node
            )
        return rows, columns

    def shape_of(self, key: str, node: Node) -> tuple[int, int]:
        """Return the size of a name that is declared or computed."""
        if key in self.declarations.shapes:
            return self.shape(key)
        for (other, _), v in self.values.items():
            if other == key:
                rows, columns = v.shape
                return rows, columns
        raise Trouble("undefined", f"{key} is not declared", node)

    def constant(self, value: Array) -> Variable:
        """Return a Variable without a derivative."""
        v = self.tape.variable(value)
        self.tape.constants.add(v.index)
        return v

    def leaf(self, key: str, time: Time) -> Variable:
        """Return a Variable with random entries."""
        drawn = self.drawing.names.get(key, key)
        timed = isinstance(time, int)
        v = self.tape.variable(self.drawing.leaf(self.declarations, drawn, f"{drawn} {time}", self.shape(key), timed))
        self.tape.names[v.index] = label(key, time)
        if key in self.declarations.constant:
            self.tape.constants.add(v.index)
        return v


def refuse(what: str, node: Node) -> NoReturn:
    """Refuse what belongs into backward lines."""
    raise Trouble("not evaluable", f"a {what} in a forward equation", node)


def is_of_kind(value: Array, kind: MatrixKind) -> bool:
    """Return whether a matrix is symmetric, orthogonal or positive definite, to rounding."""
    if value.shape[0] != value.shape[1]:
        return False
    if kind is MatrixKind.ORTHOGONAL:
        return bool(np.allclose(value.T @ value, np.eye(len(value))))
    if not np.allclose(value, value.T):
        return False
    return kind is MatrixKind.SYMMETRIC or bool(np.linalg.eigvalsh(value).min() > 0)


def as_matrix_on_tape(value: Any, ref: Ref, node: Node) -> Any:
    """Return components as the matrix they are the entries of."""
    if not isinstance(value, Indexed):
        if ref.indices:
            raise Trouble("does not fit", f"the index {ref.indices[0]} is on the left-hand side only", node)
        return value
    free = [letter for letter in value.labels if letter]
    if sorted(free) != sorted(ref.indices):
        stray = sorted({*free} ^ {*ref.indices})
        raise Trouble("does not fit", f"the index {' and '.join(stray)} is on one side only", node)
    turned = value.labels != ref.indices if len(ref.indices) == 2 else value.labels[1:] == ref.indices
    return value.value.T if turned else value.value


def length_of(side: Side, sizes: dict[str, int]) -> int:
    """Return N + 4M as a number."""
    return sum(factor * (sizes[symbol] if symbol else 1) for symbol, factor in side)


def sizes_of(
    declarations: Declarations, numbers: SizeNumbers, unlike: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Return a number for every symbol of a size, different from the others and from all numbers that are declared.

    All sides are at least 1, as N-K is only for some numbers, and different, if that can be; no symbol has the number
    that it is to be `unlike`.
    """
    found: dict[str, int] | None = None
    sides = list(dict.fromkeys(side for shape in declarations.shapes.values() for side in shape))
    terms = [term for side in sides for term in side]
    products = list(dict.fromkeys(symbol for symbol, _ in terms if "*" in symbol))
    symbols = list(dict.fromkeys(part for symbol, _ in terms if symbol for part in symbol.split("*")))
    fixed = {factor for symbol, factor in terms if not symbol}
    more = range(max(numbers.free) + 1, max(numbers.free) + 1 + len(symbols))
    free = [n for n in (*numbers.free, *more) if n not in fixed][: len(symbols)]
    for chosen in islice(permutations(free), SIZES_TRIED):
        sizes = dict(zip(symbols, chosen, strict=True))
        sizes |= {last: numbers.last for last in (declarations.names.last,) if last in sizes}
        sizes |= {symbol: prod(sizes[part] for part in symbol.split("*")) for symbol in products}
        lengths = [length_of(side, sizes) for side in sides]
        differs = all(sizes[symbol] != (unlike or {}).get(symbol) for symbol in symbols)
        if len({*lengths}) == len(sides) and min(lengths, default=1) > 0 and differs:
            return sizes
        found = sizes if found is None and min(lengths) > 0 else found
    if found is not None:
        return found
    declared = next(iter(declarations.declared.values()))
    raise declarations.source.error("one of these sizes is never positive", declared.start, declared.end)


def _sizes(declarations: Declarations, drawing: Drawing) -> dict[str, int]:
    """Return a number for every symbol of a size, at a sample point that is drawn so."""
    if drawing.sizes is not None:
        return dict(drawing.sizes)
    first = sizes_of(declarations, SizeNumbers(SIZES, LAST_TIME))
    return sizes_of(declarations, SizeNumbers(OTHER_SIZES, OTHER_LAST_TIME), first) if drawing.other_sizes else first


def last_time(drawing: Drawing) -> int:
    """Return the last time of a sequence, at a sample point that is drawn so."""
    return OTHER_LAST_TIME if drawing.other_sizes else LAST_TIME


def label(key: str, time: Time) -> str:
    """Return a name at a time, in words: h[3], c_t-1, W."""
    if time is None:
        return key
    if isinstance(time, int):
        return f"{key}[{time}]"
    letter, k = time
    return f"{key}[{k}]" if letter == "=" else f"{key}_{letter}{k:+d}" if k else f"{key}_{letter}"


def close(key: str, known: Iterable[str]) -> str:
    """Return the known name that is most like another; "" if none is."""
    return next(iter(get_close_matches(key, sorted(known), 1, SIMILAR_NAME)), "")
