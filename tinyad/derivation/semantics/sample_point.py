"""A generic point of a derivation: its forward, and the derivatives of all its names."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.forward import Moment, Place, label
from tinyad.derivation.semantics.jacobians import Jacobians
from tinyad.derivation.semantics.values import Trouble
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.matrix import Array, size
from tinyad.engine.tape import Variable
from tinyad.gradcheck.rounding import spread

NEAR = 1e4  # how many units of rounding count as none: other orders of summation, longer formulas than the rules


class Part(NamedTuple):
    """A contribution to a derivative: from which equation at which moment (None: handed in), by which of the uses of
    the name in it, in row layout."""

    equation: int | None
    moment: Moment
    use: int
    array: Array


class Seed(NamedTuple):
    """A derivative that is given: its label, whether it is the whole derivative, and its value in row layout."""

    label: str | None
    whole: bool
    array: Array


class Point(Jacobians):
    """The forward of a derivation at one generic point, and the derivatives of all its names."""

    def __init__(self, derivation: Derivation, seed: int) -> None:
        super().__init__(derivation, seed)
        self.seeds = self.given()
        self.d = self.walk()
        self.spread = spread(self.d)
        self.asked: set[tuple[Place, str]] = set()  # parts with a label that are being looked up
        self._parts: dict[Place, list[Part]] = {}
        self._ancestors: dict[int, frozenset[int]] = {}
        # what a line with a label gives, in row layout; the check of a set of lines knows them
        self.label_value: Callable[[Point, Place, str], Array | None] = lambda point, place, name: None
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

    # The walk back

    def given(self) -> dict[Place, list[Seed]]:
        """Random derivatives for the names whose derivatives are given."""
        seeds: dict[Place, list[Seed]] = {}
        for ref, name, whole in self.it.given:
            for moment in self.moments(ref):
                if (ref.key, moment) not in self.values:
                    self.give(ref, moment)
                shape = self.values[ref.key, moment].shape[::-1]
                dz = self.drawn(f"d {ref.key} {moment} {name}", shape, signed=True)
                seeds.setdefault((ref.key, moment), []).append(Seed(name, whole, dz))
        return seeds

    def moments(self, ref: Ref) -> list[Moment]:
        """When a derivative is given: in a sequence at every t, unless one time is written."""
        if self.last is None:
            return [self.step_time(ref.time, ref.key)]
        if ref.time is not None and ref.time[0] != "t":
            return [ref.time[1] + (self.last if ref.time[0] == "T" else 0)]
        return [*range(1, self.last + 1)] if self.it.names.timed(ref.key) else [None]

    def give(self, ref: Ref, moment: Moment) -> None:
        """Make up the value of a name that the forward does not use."""
        node = self.it.given_at[ref.key]
        if ref.key not in self.it.shapes or ref.key in self.keys:
            raise self.source.error(
                f"given: {label(ref.key, moment)} is neither declared nor computed", node.start, node.end
            )
        self.values[ref.key, moment] = self.leaf(ref.key, moment)

    def walk(self) -> Derivatives:
        """All derivatives, from those that are given and the loss."""
        start: dict[Variable | str, Array] = {self.values[at]: added(seeds) for at, seeds in self.seeds.items()}
        loss = self.values.get((self.it.names.loss, None))
        if loss is not None and loss.shape == (1, 1):  # ∂L/∂L = 1 is what a walk starts from
            self.seeds[self.it.names.loss, None] = [Seed(None, False, np.ones((1, 1)))]
        if loss is not None:
            if loss.shape != (1, 1):
                said = f"the loss {self.it.names.loss} is {size(loss.shape)}; it has to be one number"
                equation = self.derivation.forward[self.keys[self.it.names.loss][0]]
                raise self.source.error(said, equation.left[0].start, equation.left[0].end)
            start[loss] = np.ones((1, 1))
        lines = [line for lines in self.derivation.backward.values() for line in lines]
        if not start and any(node.kind == "d" for s in lines if isinstance(s, Statement) for node in s.left):
            raise self.source.error(
                f"no derivative is given: compute the loss {self.it.names.loss} in the forward, "
                f"or declare `given: ∇h_t`",
                self.derivation.forward[0].start,
            )
        return self.tape.backward(start)

    def true(self, place: Place) -> Array:
        """The derivative of the loss, in row layout."""
        if self.values[place].index >= self.d.length:  # the forward does not use it
            return np.zeros(self.values[place].shape[::-1])
        return self.d.column(self.values[place].index).T

    def parts(self, place: Place) -> list[Part]:
        """The contributions to a derivative: what was handed in, and one for every equation that uses the name."""
        if place not in self._parts:
            self._parts[place] = self.made_parts(place)
        return self._parts[place]

    def made_parts(self, place: Place) -> list[Part]:
        """The same, from the tape."""
        found = [Part(None, k, 0, seed.array) for k, seed in enumerate(self.seeds.get(place, ()))]
        uses: dict[tuple[int, Moment], int] = {}
        if self.values[place].index >= self.d.length:
            return found
        for step, _, array in self.d.contributions(self.values[place]):
            if step:
                at = self.origin(step)
                uses[at] = uses.get(at, -1) + 1
                found.append(Part(*at, uses[at], array))
        return found

    def origin(self, step: int) -> tuple[int, Moment]:
        """The equation, and when, that has recorded a step."""
        return next((made.equation, made.moment) for made in self.ranges if made.first <= step <= made.last)

    def ancestors(self, position: int) -> frozenset[int]:
        """The positions of the tape that a value is computed from."""
        if not self._ancestors:
            for _, z, x, y in self.tape.steps:
                operands = [i for i in (x, y) if i is not None]
                self._ancestors[z] = frozenset(operands).union(*(self._ancestors.get(i, frozenset()) for i in operands))
        return self._ancestors.get(position, frozenset())

    def near(self, place: Place, a: Array, b: Array) -> bool:
        """Whether two arrays are the same derivative, to rounding."""
        position = self.values[place].index
        far = self.spread[position] if position < len(self.spread) else 0.0  # not in the forward: its derivative is 0
        largest = max(far, float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
        return bool(np.all(np.abs(a - b) <= NEAR * np.finfo(float).eps * largest))

    # Derivatives for the lines

    def derivative(self, key: str, moment: Moment, name: str | None, node: Node) -> Array:
        """The true derivative, or the part of it that a label names, in the author's layout."""
        place = key, moment
        if place not in self.values:
            if self.is_after(moment):
                return self.turned(np.zeros(self.shape_of(key, node)[::-1]))
            value = self.array(key, moment, node)
            if place not in self.values:  # before the beginning of a sequence
                return self.turned(np.zeros(value.shape[::-1]))
        if name is not None:
            return self.turned(self.labelled(place, name, node))
        if self.values[place].index >= self.d.length:
            return self.turned(np.zeros(self.values[place].shape[::-1]))
        return self.turned(self.true(place))

    def labelled(self, place: Place, name: str, node: Node) -> Array:
        """What is given under a label, or what the line with that label gives."""
        for seed in self.seeds.get(place, ()):
            if seed.label == name:
                return seed.array
        value = self.label_value(self, place, name)
        if value is None:
            raise Trouble("undefined", f"no line with the label {name} sets the derivative of {label(*place)}", node)
        return value

    def turned(self, a: Array) -> Array:
        """From row layout to the author's, or back."""
        return a if self.it.layout == "row" else a.T


def added(seeds: list[Seed]) -> Array:
    """All that was given for one derivative."""
    total = seeds[0].array
    for seed in seeds[1:]:
        total = total + seed.array
    return total
