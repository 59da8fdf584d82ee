"""A sample point of a derivation: its forward, the derivatives of all its names, and what formulas come to there."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array, size
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, walk
from tinyad.derivation.semantics.environment import Remarks, Time, TimedName
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.forward import Forward, label
from tinyad.derivation.semantics.jacobians import Jacobians
from tinyad.derivation.semantics.limits import NEAR
from tinyad.derivation.semantics.values import Trouble
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.tape import Variable
from tinyad.gradcheck.rounding import perturbed, spread

EPSILON = float(np.finfo(float).eps)
# The value of a labelled line, in row layout, for an evaluator that asks for it; None if no line has the label.
LabelValue = Callable[["SamplePoint", Evaluator, TimedName, str], Array | None]


class Contribution(NamedTuple):
    """A contribution to a derivative, in row layout: from which equation at which time, by which use of the name in it.

    A derivative that is given has no equation; `time` then counts those of one name.
    """

    equation: int | None
    time: Time
    use: int
    array: Array


class Seed(NamedTuple):
    """A derivative that is given: its label, whether it is the total derivative, and its value in row layout."""

    label: str | None
    is_total: bool
    array: Array


class Rounding:
    """How far rounding moves the derivatives of one backward pass, once that is asked for."""

    def __init__(self, derivatives: Derivatives) -> None:
        self._derivatives = derivatives

    @cached_property
    def perturbed(self) -> Derivatives:
        """Return the backward pass with every result off by a little."""
        return perturbed(self._derivatives)

    @cached_property
    def typical(self) -> float:
        """Return the size that half of the derivatives have, of those that are not 0."""
        d = self._derivatives
        sizes = [float(np.abs(d.column(i)).max(initial=0)) for i in range(d.length) if d.reaches(i)]
        return float(np.median([size for size in sizes if size] or [0.0]))

    @cached_property
    def spread(self) -> list[float]:
        """Return for each value of the tape how far its derivative moves, over the relative error of one step."""
        return spread(self._derivatives)


class Multiplied(NamedTuple):
    """The names whose derivatives stand for a multiple of what they are, by a convention of the author."""

    names: frozenset[str]
    factor: float


class SamplePoint:
    """Evaluate a derivation with one choice of sizes and values; the true derivatives come from a tape."""

    def __init__(self, forward: Forward) -> None:
        self.forward, self.drawing = forward, forward.drawing
        self.derivation, self.declarations, self.source = forward.derivation, forward.declarations, forward.source
        self.last, self.values = self.forward.last, self.forward.values
        self.seeds = self._given()
        self.derivatives = self._walk_back()
        self.jacobians = Jacobians(self.forward)
        self.evaluator = self.new_evaluator()
        self.label_value: LabelValue | None = None
        self.rounding = Rounding(self.derivatives)
        self.multiplied = Multiplied(frozenset(), 1.0)
        self.known_contributions: dict[TimedName, list[Contribution]] = {}
        self._ancestors: dict[int, int] = {}  # position → the positions it is computed from, as bits

    def new_evaluator(self) -> Evaluator:
        """Return an evaluator of backward lines."""
        environment = self.forward.environment.replace(
            value=self.jacobians.value,
            derivative=self.derivative,
            jacobian=self.jacobians.jacobian,
            differential=self.jacobians.differential,
        )
        return Evaluator(environment)

    def with_labels(self, label_value: LabelValue) -> SamplePoint:
        """Return the same sample point, where the labels of one set of lines have values."""
        other = copy(self)
        other.label_value = label_value
        other.evaluator = other.new_evaluator()
        return other

    def with_remarks(self, remarks: Remarks) -> SamplePoint:
        """Return the same sample point, where evaluations add to these remarks."""
        other = copy(self)
        other.evaluator = Evaluator(self.evaluator.environment, remarks)
        return other

    def in_layout(self, layout: str) -> SamplePoint:
        """Return the same sample point, read in another layout: values and derivatives stay what they are."""
        other, it = copy(self), copy(self.declarations)
        it.layout = layout
        other.declarations, other.derivation = it, self.derivation._replace(declarations=it)
        other.forward = copy(self.forward)
        other.forward.declarations, other.forward.derivation = it, other.derivation
        other.forward.environment = self.forward.environment.replace(declarations=it)
        other.evaluator = other.new_evaluator()
        return other

    def scaled(self, names: frozenset[str], factor: float) -> SamplePoint:
        """Return the same sample point, where the derivatives of these names are multiplied by a factor."""
        other = copy(self)
        other.multiplied, other.known_contributions = Multiplied(names, factor), {}
        other.evaluator = other.new_evaluator()
        return other

    def perturbed(self) -> SamplePoint:
        """Return the same sample point, where every result is off by a little: a value that is rounding changes."""
        other = copy(self)
        other.derivatives, other.known_contributions = self.rounding.perturbed, {}
        return other

    # The backward pass

    def _given(self) -> dict[TimedName, list[Seed]]:
        """Return random derivatives for the names whose derivatives are given."""
        seeds: dict[TimedName, list[Seed]] = {}
        for ref, name, is_total in self.declarations.given:
            for time in self._times(ref):
                if (ref.key, time) not in self.values:
                    self._add_unused(ref, time)
                shape = self.values[ref.key, time].shape[::-1]
                dz = self.drawing.entries(f"d {ref.key} {time} {name}", shape, signed=True)
                seeds.setdefault((ref.key, time), []).append(Seed(name, is_total, dz))
        return seeds

    def _times(self, ref: Ref) -> list[Time]:
        """Return when a derivative is given: in a sequence at every t, unless its declaration names one time."""
        if self.last is None:
            return [self.forward.step_time(ref.time, ref.key)]
        if ref.time is not None and ref.time[0] != "t":
            return [ref.time[1] + (self.last if ref.time[0] == "T" else 0)]
        return [*range(1, self.last + 1)] if self.declarations.names.timed(ref.key) else [None]

    def _add_unused(self, ref: Ref, time: Time) -> None:
        """Add a value for a name that the forward does not use."""
        node = self.declarations.given_at[ref.key]
        if ref.key not in self.declarations.shapes or ref.key in self.forward.keys:
            raise self.source.error(
                f"given: {label(ref.key, time)} is neither declared nor computed", node.start, node.end
            )
        self.values[ref.key, time] = self.forward.leaf(ref.key, time)

    def _walk_back(self) -> Derivatives:
        """Return all derivatives, from those that are given and the loss."""
        start: dict[Variable | str, Array] = {self.values[name]: added(seeds) for name, seeds in self.seeds.items()}
        loss = self.values.get((self.declarations.names.loss, None))
        if loss is not None and loss.shape == (1, 1):  # ∂L/∂L = 1 is what a walk starts from
            self.seeds[self.declarations.names.loss, None] = [Seed(None, False, np.ones((1, 1)))]
        if loss is not None:
            if loss.shape != (1, 1):
                equation = self.derivation.forward[self.forward.keys[self.declarations.names.loss][0]]
                message = f"the loss {self.declarations.names.loss} is {size(loss.shape)}; it has to be one number"
                raise self.source.error(message, equation.left[0].start, equation.left[0].end)
            start[loss] = np.ones((1, 1))
        if not start and self._sets_derivatives():
            raise self.source.error(
                f"no derivative is given: compute the loss {self.declarations.names.loss} in the forward, "
                f"or declare `given: ∇h_t`",
                self.derivation.forward[0].start,
            )
        return self.forward.tape.backward(start)

    def _sets_derivatives(self) -> bool:
        """Return whether any backward line sets a derivative."""
        lines = [line for lines in self.derivation.backward.values() for line in lines]
        lefts = [left for line in lines if isinstance(line, Statement) for left in line.left]
        return any(node.kind == "d" for left in lefts for node in walk(left))

    def true_derivative(self, name: TimedName) -> Array:
        """Return the derivative of the loss, in row layout."""
        if self.values[name].index >= self.derivatives.length:  # the forward does not use it
            return np.zeros(self.values[name].shape[::-1])
        derivative = self.derivatives.column(self.values[name].index).T
        return derivative * self.multiplied.factor if name[0] in self.multiplied.names else derivative

    def contributions(self, name: TimedName) -> list[Contribution]:
        """Return the contributions to a derivative: what is given, and one for every equation that uses the name."""
        if name not in self.known_contributions:
            self.known_contributions[name] = self._contributions_on_tape(name)
        return self.known_contributions[name]

    def _contributions_on_tape(self, name: TimedName) -> list[Contribution]:
        contributions = [Contribution(None, k, 0, seed.array) for k, seed in enumerate(self.seeds.get(name, ()))]
        uses: dict[tuple[int, Time], int] = {}
        factor = self.multiplied.factor if name[0] in self.multiplied.names else 1.0
        if self.values[name].index >= self.derivatives.length:
            return contributions
        for step, _, array in self.derivatives.contributions(self.derivatives.tape.at(self.values[name].index)):
            if step:
                at = self.equation_of(step)
                uses[at] = uses.get(at, -1) + 1
                contributions.append(Contribution(*at, uses[at], array * factor if factor != 1 else array))
        return contributions

    def equation_of(self, step: int) -> tuple[int, Time]:
        """Return the equation that has recorded a step, and its time."""
        recorded = self.forward.equation_of(step)
        return recorded.equation, recorded.time

    def depends(self, later: TimedName, earlier: TimedName) -> bool:
        """Return whether a value is computed from another."""
        if not self._ancestors:
            for _, z, *operands in self.forward.tape.steps:
                for i in operands:
                    if i is not None:
                        self._ancestors[z] = self._ancestors.get(z, 0) | self._ancestors.get(i, 0) | 1 << i
        return bool(self._ancestors.get(self.values[later].index, 0) >> self.values[earlier].index & 1)

    def near(self, name: TimedName, a: Array, b: Array) -> bool:
        """Return whether two arrays are the same derivative, to rounding."""
        self.source.check_time()
        largest = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
        off = np.abs(a - b)
        return bool(np.all(off <= NEAR * EPSILON * largest) or np.all(off <= self.tolerance(name)))

    def tolerance(self, name: TimedName) -> float:
        """Return what rounding may do to a derivative, as it adds up on the tape."""
        position = self.values[name].index
        # what the forward does not use has the derivative 0
        return NEAR * EPSILON * self.rounding.spread[position] if position < len(self.rounding.spread) else 0.0

    def is_rounding(self, name: TimedName, a: Array) -> bool:
        """Return whether an array is 0 as a derivative of this name, to rounding."""
        return bool(np.all(np.abs(a) <= self.tolerance(name)))

    # Derivatives for the lines

    def array(self, key: str, time: Time, node: Node) -> Array:
        """Return the value of a name; one that the forward does not use gets a value now."""
        value: Array = self.jacobians.value(self.evaluator, key, time, node)
        return value

    def derivative(self, evaluator: Evaluator, name: TimedName, label_: str | None, node: Node) -> Array:
        """Return the true derivative, or the term of it that a label names, in the author's layout."""
        key, time = name
        if name not in self.values:
            if self.forward.is_after(time):
                return self.turned(np.zeros(self.forward.shape_of(key, node)[::-1]))
            value = self.jacobians.value(evaluator, key, time, node)
            if name not in self.values:  # before the beginning of a sequence
                return self.turned(np.zeros(value.shape[::-1]))
        if label_ is not None:
            return self.turned(self._labelled(evaluator, name, label_, node))
        return self.turned(self.true_derivative(name))

    def _labelled(self, evaluator: Evaluator, name: TimedName, label_: str, node: Node) -> Array:
        """Return what is given under a label, or what the line with that label gives."""
        for seed in self.seeds.get(name, ()):
            if seed.label == label_:
                return seed.array
        term, value = (name, label_), None
        if self.label_value is not None and term not in evaluator.environment.open_labels:  # not made from itself
            inner = evaluator.replace(open_labels=evaluator.environment.open_labels | {term})
            value = self.label_value(self, inner, name, label_)
        if value is None:
            raise Trouble("undefined", f"no line with the label {label_} sets the derivative of {label(*name)}", node)
        return value

    def turned(self, a: Array) -> Array:
        """Return an array in row layout in the author's, or the other way round."""
        return a if self.declarations.layout == "row" else a.T


def added(seeds: list[Seed]) -> Array:
    """Return the sum of all that is given for one derivative."""
    total = seeds[0].array
    for seed in seeds[1:]:
        total = total + seed.array
    return total
