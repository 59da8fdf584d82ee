"""The forward equations of a derivation at one generic point, on a tape: all sizes different, no value zero."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn
from zlib import crc32

import numpy as np

from tinyad.derivation.language.declarations import Declarations, Side
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.functions import Functions
from tinyad.derivation.semantics.values import Indexed, Scope, Stretched, Trouble
from tinyad.engine.matrix import Array, size
from tinyad.engine.table import none
from tinyad.engine.tape import Tape, Variable
from tinyad.printing.listing import first_nonfinite

TIMES = 4  # T of a sequence
SIZES = (5, 3, 7, 6, 2, 8, 9, 11, 10, 13, 12, 14, 15, 16)  # of the symbols, in the order they are declared; never T
MOST_STEPS = 20_000
LARGEST = 400  # rows or columns of a value

Moment = Any  # an int in a sequence, ("t", k) in one time step, None for what has no time
Place = tuple[str, Moment]


class Made(NamedTuple):
    """An equation at one moment: the steps of the tape that it has recorded, from `first` to `last`."""

    equation: int
    moment: Moment
    first: int
    last: int


class Forward:
    """The values of all names, recorded equation by equation."""

    def __init__(self, derivation: Derivation, seed: int) -> None:
        self.derivation, self.it, self.seed = derivation, derivation.declarations, seed
        self.source = derivation.source
        self.last = TIMES if self.it.names.last else None
        self.functions = Functions(self.it)
        self.sizes = sizes_of(self.it)
        self.tape = Tape()
        self.values: dict[Place, Variable] = {}
        self.ranges: list[Made] = []
        self.keys = self.computed()
        self.evaluator = Evaluator(
            self.it,
            self.functions,
            self.sizes,
            self.last,
            self.variable,
            lambda key, moment, label, node: refuse("derivative", node),
            lambda evaluator, node, scope: refuse("Jacobian", node),
            lambda evaluator, node, scope: refuse("differential", node),
        )
        self.run()
        why = first_nonfinite(self.tape)
        if why:
            raise self.error(f"the forward gives no finite numbers: {why}; declare `positive: ...`", self.not_finite())

    def not_finite(self) -> Node:
        """The equation that gives the first number that is not finite."""
        steps = self.tape.steps
        bad = next(n for n, step in enumerate(steps, 1) if not np.all(np.isfinite(self.tape.values[step[1]])))
        equation = next(k for k, _, first, last in self.ranges if first <= bad <= last)
        return self.derivation.forward[equation].members[0]

    # Equations

    def computed(self) -> dict[str, list[int]]:
        """Key → the equations that compute it."""
        found: dict[str, list[int]] = {}
        for k, eq in enumerate(self.derivation.forward):
            for key in self.it.names.instances_of(eq.left[0].value.key):
                found.setdefault(key, []).append(k)
        return found

    def scopes(self, eq: Statement, t: int | None) -> list[Scope]:
        """The scopes an equation is computed in: one for each member of the families on its left-hand side."""
        scopes = [Scope(t, {})]
        for letter in self.it.names.letters(eq.left[0].value.key):
            scopes = [Scope(s.t, {**s.members, letter: m}) for s in scopes for m in self.it.names.families[letter]]
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
        """Whether an equation computes something at every t."""
        time = eq.left[0].value.time
        return time is not None and time[0] == "t"

    def check_order(self) -> None:
        """Refuse equations for t + 1, and two for one value."""
        seen: set[tuple[str, Any]] = set()
        for eq in self.derivation.forward:
            ref = eq.left[0].value
            if self.last and self.at_t(eq) and ref.time[1] != 0:
                raise self.error("a forward equation computes the value at t", eq.left[0])
            for key in self.it.names.instances_of(ref.key):
                if (key, ref.time) in seen:
                    raise self.error(f"{key} is computed twice", eq.left[0])
                seen.add((key, ref.time))

    def compute(self, k: int, t: int | None) -> None:
        """Record an equation at one time, for every member of its families."""
        eq = self.derivation.forward[k]
        left = eq.left[0]
        if len(eq.members) != 1 or eq.sign != "=" or len(eq.left) != 1:
            raise self.error("a forward equation is `name = formula`", left)
        for scope in self.scopes(eq, t):
            begun = len(self.tape) + 1
            try:
                value = self.evaluator(eq.members[0], scope)
                key, moment = self.evaluator.place(left.value, scope, left)
                value = whole(value, left.value, left)
            except Trouble as trouble:
                raise self.error(trouble.message, trouble.node) from None
            if isinstance(value, Stretched) and isinstance(value.value, Variable):
                value = self.stretched(value, key, eq)
            if not isinstance(value, Variable):
                raise self.error("this does not depend on any name that was declared", eq.members[0])
            if value.index in {v.index for v in self.values.values()}:
                value = none(value)  # a name of its own for y = x
            if key in self.it.shapes and value.shape != self.shape(key):
                said = f"{key} comes out as {size(value.shape)}, and was declared {size(self.shape(key))}"
                raise self.error(said, left)
            self.values[key, moment] = value
            self.tape.names[value.index] = label(key, moment)
            self.ranges.append(Made(k, moment, begun, len(self.tape)))
            if len(self.tape) > MOST_STEPS:
                raise self.error(f"more than {MOST_STEPS} steps", left)

    def stretched(self, value: Stretched, key: str, eq: Statement) -> Variable:
        """A result that is as long as the author has declared it."""
        if key not in self.it.shapes and key != self.it.names.loss:
            ones = self.evaluator.ones_of_a_size()
            said = (
                f"nothing says how long 1 is: declare the size of {key}, or write {ones}, with the letter that is meant"
            )
            raise self.error(said, eq.members[0])
        needed = self.shape(key) if key in self.it.shapes else (1, 1)
        filled = value.filled(needed)
        if filled is None:
            raise self.error(f"{key} comes out as {size(value.sides)}, and is to be {size(needed)}", eq.left[0])
        made: Variable = filled
        return made

    def error(self, message: str, node: Node) -> DerivationError:
        """An error that points at a part of an equation."""
        return self.source.error(message, node.start, node.end)

    def made(self, place: Place) -> Made | None:
        """The equation that has computed a value."""
        position = self.values[place].index
        steps = self.tape.steps
        return next((m for m in self.ranges if m.last >= m.first and steps[m.last - 1][1] == position), None)

    def is_computed(self, place: Place) -> bool:
        """Whether an equation has computed a value."""
        return self.made(place) is not None

    def uses(self, place: Place) -> set[Place]:
        """The names in the equation for a value."""
        made = self.made(place)
        if made is None:
            return set()
        steps = self.tape.steps[made.first - 1 : made.last]
        operands = {i for step in steps for i in step[2:] if i is not None}
        return {p for p, v in self.values.items() if v.index in operands}

    # Names

    def variable(self, key: str, moment: Moment, node: Node) -> Variable:
        """The value on the tape; what no equation computes is made up when it is first asked for."""
        place = key, moment
        if place in self.values:
            return self.values[place]
        if self.is_after(moment):
            return self.constant(np.zeros(self.shape_of(key, node)))
        if self.will_be(place):
            raise Trouble("undefined", f"{key} is used before its equation", node)
        if key not in self.it.shapes:
            near = close(key, [*self.it.shapes, *self.keys])
            meant = f"did you mean {near}?" if near else f"declare its size, `{key}: N×1`"
            raise Trouble("undefined", f"{key} is not declared; {meant}", node)
        if self.is_before(moment):
            return self.constant(np.zeros(self.shape(key)))
        self.values[place] = self.leaf(key, moment)
        return self.values[place]

    def is_after(self, moment: Moment) -> bool:
        """Whether a sequence is over at that time: values and derivatives are 0."""
        return self.last is not None and isinstance(moment, int) and moment > self.last

    def is_before(self, moment: Moment) -> bool:
        """Whether a sequence begins later, with what it finds at the time 0."""
        return self.last is not None and isinstance(moment, int) and moment < 0

    def will_be(self, place: Place) -> bool:
        """Whether an equation computes a value, sooner or later."""
        key, moment = place
        if self.last is not None:
            return key in self.keys and moment != 0
        times = {self.derivation.forward[k].left[0].value.time for k in self.keys.get(key, ())}
        return moment in {self.step_time(time, key) for time in times}

    def step_time(self, time: tuple[str, int] | None, key: str) -> Moment:
        """The moment in one time step: a name that has a time is meant at t where none is written."""
        return time or (("t", 0) if self.it.names.timed(key) else None)

    def shape(self, key: str) -> tuple[int, int]:
        """The size of a declared name."""
        rows, columns = (total(side, self.sizes) for side in self.it.shapes[key])
        if max(rows, columns) > LARGEST:
            node = self.it.declared[key]
            raise self.error(f"{key} would be {rows}×{columns} here, {LARGEST} at the most: write letters alone", node)
        return rows, columns

    def shape_of(self, key: str, node: Node) -> tuple[int, int]:
        """The size of a name that is declared or computed."""
        if key in self.it.shapes:
            return self.shape(key)
        for (other, _), v in self.values.items():
            if other == key:
                rows, columns = v.shape
                return rows, columns
        raise Trouble("undefined", f"{key} is not declared", node)

    def constant(self, value: Array) -> Variable:
        """A Variable without a derivative."""
        v = self.tape.variable(value)
        self.tape.constants.add(v.index)
        return v

    def leaf(self, key: str, moment: Moment) -> Variable:
        """A Variable with random entries, none of them near 0."""
        signed = key not in self.it.positive and key not in self.it.shares
        value = self.drawn(f"{key} {moment}", self.shape(key), signed)
        v = self.tape.variable(value / value.sum(axis=0) if key in self.it.shares else value)
        self.tape.names[v.index] = label(key, moment)
        if key in self.it.constant:
            self.tape.constants.add(v.index)
        return v

    def drawn(self, what: str, shape: tuple[int, ...], signed: bool) -> Array:
        """Random numbers for one thing, whatever else is drawn: 0.3 to 1.3, with either sign."""
        rng = np.random.default_rng(crc32(f"{self.seed} {what}".encode()))
        value = rng.uniform(0.3, 1.3, shape)
        return value * rng.choice((-1.0, 1.0), shape) if signed else value


def refuse(what: str, node: Node) -> NoReturn:
    """Refuse what belongs into backward lines."""
    raise Trouble("not evaluable", f"a {what} in a forward equation", node)


def whole(value: Any, ref: Ref, node: Node) -> Any:
    """Components as the matrix they are the entries of."""
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


def total(side: Side, sizes: dict[str, int]) -> int:
    """N + 4M as a number."""
    return sum(factor * (sizes[symbol] if symbol else 1) for symbol, factor in side)


def sizes_of(it: Declarations) -> dict[str, int]:
    """A number for every symbol of a size, different from the others and from all numbers that are declared."""
    terms = [term for shape in it.shapes.values() for side in shape for term in side]
    symbols = [symbol for symbol, _ in terms if symbol]
    fixed = {factor for symbol, factor in terms if not symbol}
    more = range(max(SIZES) + 1, max(SIZES) + 1 + len(symbols))
    free = [n for n in (*SIZES, *more) if n not in fixed]
    return dict(zip(dict.fromkeys(symbols), free, strict=False))


def label(key: str, moment: Moment) -> str:
    """A name at a moment, in words: h[3], c_t-1, W."""
    if moment is None:
        return key
    if isinstance(moment, int):
        return f"{key}[{moment}]"
    letter, k = moment
    return f"{key}[{k}]" if letter == "=" else f"{key}_{letter}{k:+d}" if k else f"{key}_{letter}"


def close(key: str, known: Iterable[str]) -> str:
    """The known name that is most like another; "" if none is."""
    return next(iter(get_close_matches(key, sorted(known), 1, 0.5)), "")
