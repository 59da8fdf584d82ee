"""The backward pass as values: the rules of the table in same layout, every adjoint a sum of contributions.

The backward pass over a loop is a loop from the last round to the first: where a round hands a state on to the next
one, the next one hands its adjoint back.  A loop in a loop has one in the loop back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Shape, size
from tinyad.compiled.forward import Body, Forward, Operand, applied
from tinyad.compiled.identifiers import without_step
from tinyad.compiled.rewriting import Maker
from tinyad.compiled.values import Loop, Value, enclosing
from tinyad.engine.op import Op, summed
from tinyad.engine.table import row_of
from tinyad.engine.vjp import in_same_layout
from tinyad.expressions.symbol import Symbol

Lists = defaultdict[Any, list[Value]]


class Round:
    """A round of the loop back over `body`, and the contributions that are made in it; `outer` is the one around it."""

    def __init__(self, body: Body, outer: Round | None) -> None:
        self.body, self.outer = body, outer
        self.loop: Loop = Loop(body.loop.n, back=True, outer=None if outer is None else outer.loop)
        self.local: Lists = defaultdict(list)  # step → contributions
        self.carried: Lists = defaultdict(list)  # (source of the first, step that makes the next)
        self.over_time: Lists = defaultdict(list)  # sources, one for each round

    def read(self, make: Maker, v: Value) -> Value:
        """Return a value of the forward pass in the round that it was made in."""
        v = make("all", v, extra=self.body.loop)
        return make.step(v if self.outer is None else self.outer.read(make, v), self.loop)


class Backward:
    """The adjoints that follow from `seeds`, {position: value}, each of its variable's size."""

    def __init__(self, forward: Forward, seeds: Mapping[int, Value]) -> None:
        self.forward, self.make = forward, forward.make
        self.single: Lists = defaultdict(list)  # source → contributions, outside the loops
        self.rounds: dict[Body, Lists] = defaultdict(lambda: defaultdict(list))  # (step, round) → contributions
        self.whole: dict[Body, Lists] = defaultdict(lambda: defaultdict(list))  # step → contributions over time
        self.inside: dict[Body, tuple[Loop, dict[int, Value]]] = {}  # the loop back, and step → derivative in it
        tape = forward.tape
        values = [value for i, value in enumerate(tape.values) if i not in tape.constants]
        dtypes = {value.dtype for value in values} | {seed.dtype for seed in seeds.values()}
        self.dtype = np.result_type(*dtypes) if dtypes else None  # of what is carried, if they are several
        for position, seed in seeds.items():
            self._to(forward.source(position), seed)
        for region in reversed(forward.regions):
            if isinstance(region, Body):
                self._loop(region)
            else:
                self._step(region)

    def derivative(self, position: int) -> Value:
        """Return the derivative by the value at a position: 0 where nothing depends on it."""
        source = self.forward.source(position)
        found = self.forward.body(source)
        if found is not None:
            dv = self._inside(*found)
        else:
            dv = self._sum(self.single[source], self._name(source))
            if dv is not None and dv.op not in ("leaf", "seed", "at"):
                dv.name = dv.name or self._name(source)
        value = self.forward.tape.values[position]
        return self.make.zeros(value.shape, value.dtype) if dv is None else dv

    def everything(self) -> list[Value]:
        """Return all derivatives."""
        found = []
        for loop, inside in self.inside.values():
            for made in inside.values():
                v = made
                for around in enclosing(loop):
                    v = self.make("last", v, extra=around)
                found.append(v)
        return found + [dv for source in list(self.single) if (dv := self._sum(self.single[source])) is not None]

    def _inside(self, body: Body, j: int, r: int) -> Value | None:
        """Return the derivative by step j of a loop in round r, as read outside it; None if there is none."""
        if body not in self.inside:
            return None
        loop, inside = self.inside[body]
        found = body.inner(j)
        dv = inside.get(j) if found is None else self._inside(*found)
        return dv and self.make("at", self.make("all", dv, extra=loop), extra=r)

    def _name(self, source: int) -> str:
        return "d" + self.forward.value(source).name if self.forward.value(source).name else ""

    def _to(self, source: int, contribution: Value) -> None:
        found = self.forward.body(source)
        if found is None:
            self.single[source].append(contribution)
        else:
            body, j, r = found
            self.rounds[body][j, r].append(contribution)

    def _sum(self, pieces: Sequence[Value], name: str = "") -> Value | None:
        if len(pieces) < 2:
            return pieces[0] if pieces else None
        shape = max((piece.shape for piece in pieces), key=len)
        terms = tuple((1, 0) for _ in pieces)
        return self.make("sum", *pieces, extra=(shape[-2:], terms), name=name)

    def _step(self, n: int) -> None:
        op, _, x, y = self.forward.tape.steps[n]
        dz = self._sum(self.single[n], self._name(n))
        if dz is None:
            return
        positions = [i for i in (x, y) if i is not None]
        sources = [self.forward.source(i) for i in positions]
        values = [self.forward.value(source) for source in sources]
        wanted = [i not in self.forward.tape.constants for i in positions]
        shapes = [self.forward.tape.values[i].shape for i in positions]
        steps = [n if asked else None for asked in wanted]
        made = self._rule(steps, op, dz, self.forward.value(n), values, shapes)
        for source, c in zip(sources, made, strict=True):
            if c is not None:
                self._to(source, c)

    def _rule(
        self,
        steps: Sequence[int | None],
        op: Op,
        dz: Value,
        z: Value,
        values: Sequence[Value],
        shapes: Sequence[Shape],
    ) -> list[Value | None]:
        """Return the contributions of a step to its operands.

        `steps` has for each operand the step, counted from 0, that says how it enters, or None if nothing is wanted.
        """
        tape = self.forward.tape
        if op.elementwise and op.formulas is not None:
            values = [self.forward.number(v, z.dtype) for v in values]
        found: list[Value | None] = []
        for k, (n, shape) in enumerate(zip(steps, shapes, strict=True)):
            contribution: Value | None = None
            if n is None:
                found.append(None)
                continue
            entry, formula = tape.entry(n)[k], tape.formula(n, k)
            if op.formulas is None:
                whole = self.make("kernel", dz, z, *values, extra=(op, k, z.shape[-2:] if entry else shape))
                summing = in_same_layout(summed(Symbol("c"), Symbol("dz"), entry))
                contribution = self._formula(summing, {"c": self.make("T", whole), "dz": dz})
            elif formula is not None:
                names = {"dz": dz, "z": z, **dict(zip("xy", values, strict=False))}
                contribution = self._formula(in_same_layout(formula), names)
                if contribution.shape[-2:] != shape:
                    given, needed = size(contribution.shape[-2:][::-1]), size(shape[::-1])
                    raise ValueError(f"the rule of {op.symbol} gives {given} for {'xy'[k]}: row layout needs {needed}")
            found.append(contribution)
        return found

    def _formula(self, formula: Any, names: Mapping[str, Value]) -> Value:
        if not hasattr(formula, "head"):
            return self.make.number(float(formula))
        if not formula.operands:
            return names[formula.head]
        operands = [self._formula(operand, names) for operand in formula.operands]
        if formula.head == "1":
            return self.make.leaf("ones", None, (operands[0].shape[-2], 1), operands[0].dtype)
        if formula.head == "0":
            return self.make.zeros(operands[0].shape[-2:], operands[0].dtype)
        return applied(self.make, row_of(formula), operands, None)

    def _loop(self, body: Body, outer: Round | None = None) -> None:
        """Add the loop back over the rounds.  A carried adjoint starts as what arrives after the loop; its next value
        is what the round computed for the round before."""
        reached = self._reached(body)
        if not reached:
            return
        round_, make = Round(body, outer), self.make
        self.inside[body] = round_.loop, {}
        handed: dict[tuple[Any, int], Value] = {}
        for key in body.carries:
            if key in reached:
                handed[key] = self._handed_back(body, key[1], round_.loop)
                self._to_step(round_, key[1], handed[key])
        for j in range(len(body.steps)):
            for over_time in self._from_outside(body, j):
                self._to_step(round_, j, make.step(over_time, round_.loop))
        for region in reversed(body.regions):
            if isinstance(region, Body):
                self._loop(region, round_)
            else:
                self._step_back(round_, region)
        for sources, pieces in round_.over_time.items():
            self._over_time(round_, sources, pieces)
        for key, carry in handed.items():
            pieces = round_.carried[key]
            carry.next = self._sum(pieces, self._before(body, key)) or make.zeros(carry.shape, carry.dtype)
            self._outwards(round_, key[0], make("last", carry.next, extra=round_.loop))

    def _step_back(self, round_: Round, j: int) -> None:
        """Add the contributions of step j to its operands."""
        body, make, tape = round_.body, self.make, self.forward.tape
        result = body.results[j]
        dz = self._sum(round_.local[j], result.name and f"d{result.name}")
        if dz is None:
            return
        if not dz.name and dz.op not in ("leaf", "seed", "step", "carry"):
            dz.name = result.name and f"d{result.name}"
        self.inside[body][1][j] = dz
        op, operands = body.steps[j]
        values = [round_.read(make, v) for v in (result, *body.inputs[j])]
        steps = [self._variable_in(body, j, k) for k in range(len(operands))]
        shapes = [tape.values[i].shape for i in tape.steps[body.first(j)][2:] if i is not None]
        made = self._rule(steps, op, dz, values[0], values[1:], shapes)
        for operand, c in zip(operands, made, strict=True):
            if c is not None:
                self._to_operand(round_, operand, c)

    def _to_step(self, round_: Round, j: int, contribution: Value) -> None:
        found = round_.body.inner(j)
        if found is None:
            round_.local[j].append(contribution)
        else:
            inner, i, r = found
            self.rounds[inner][i, r].append(contribution)

    def _to_operand(self, round_: Round, operand: Operand, contribution: Value) -> None:
        if operand.own is not None:
            self._to_step(round_, operand.own, contribution)
        elif operand.carried is not None:
            round_.carried[operand.sources[0], operand.carried].append(contribution)
        elif len(operand.sources) == 1:
            self._outwards(round_, operand.sources[0], self.make.total(contribution, round_.loop))
        else:
            round_.over_time[operand.sources].append(contribution)

    def _outwards(self, round_: Round, source: Any, contribution: Value) -> None:
        """Add a contribution to a source outside the loop."""
        if round_.outer is None:
            self._to(source, contribution)
        else:
            self._to_operand(round_.outer, source, contribution)

    def _variable_in(self, body: Body, j: int, k: int) -> int | None:
        """Return step j of the first round in which operand k is no constant, as it may be where a sum starts at 0."""
        steps, constants = self.forward.tape.steps, self.forward.tape.constants
        return next((n for n in body.all(j) if steps[n][2 + k] not in constants), None)

    def _over_time(self, round_: Round, sources: Sequence[Any], pieces: Sequence[Value]) -> None:
        """Add contributions that go to another source in every round."""
        inside = self._sum(pieces)
        assert inside is not None
        if round_.outer is None:
            value = self.forward.value(sources[0])
            inside.name = inside.name or (value.name and f"d{without_step(value.name)}")
        contribution = self.make("all", inside, extra=round_.loop)
        numbers = sources if round_.outer is None else [operand.own for operand in sources]
        if None not in numbers:
            within = self.forward.body if round_.outer is None else round_.outer.body.inner
            first, last = within(numbers[0]), within(numbers[-1])
            if first is not None and last is not None and first[:2] == last[:2]:
                body, j, r = first
                if tuple(numbers) == tuple(range(numbers[0], numbers[-1] + 1, body.repeat.period)):
                    if len(numbers) < body.loop.n:
                        contribution = self.make("spread", contribution, extra=(body.loop.n, r, last[2] + 1))
                    self.whole[body][j].append(contribution)
                    return
        if all(isinstance(source, Operand) and _is_given_over_time(source) for source in sources):
            assert round_.outer is not None
            contribution = self.make("all", contribution, extra=round_.outer.loop)
            for t, given in enumerate(zip(*(operand.sources for operand in sources), strict=True)):
                for k, source in enumerate(given):
                    self._to(source, self.make("at", self.make("at", contribution, extra=t), extra=k))
            return
        for t, source in enumerate(sources):
            self._outwards(round_, source, self.make("at", contribution, extra=t))

    def _before(self, body: Body, key: tuple[Any, int]) -> str:
        name = body.carries[key].name
        return name and f"d{name}"

    def _reached(self, body: Body) -> set[Any]:
        """Return the steps and carries of a loop that L depends on."""
        reached: set[Any] = {j for j, _ in self.rounds[body]} | set(self.whole[body])
        before = -1
        while len(reached) != before:
            before = len(reached)
            for j in reversed(range(len(body.steps))):
                if j in reached:
                    for operand in body.steps[j][1]:
                        if operand.own is not None:
                            reached.add(operand.own)
                        elif operand.carried is not None:
                            reached |= {(operand.sources[0], operand.carried), operand.carried}
        return reached

    def _handed_back(self, body: Body, j: int, loop: Loop) -> Value:
        """Return the adjoint of a state that the next round hands back; for the last round, the one after the loop."""
        result, after = body.results[j], self.rounds[body].get((j, body.loop.n - 1), [])
        name = result.name and f"d{result.name}"
        first = None
        if len([1 for k, _ in self.rounds[body] if k == j]) == 1:  # in all rounds they are added there
            first = self._sum(after, name)
            after.clear()
        carry = self.make.carry(first or self.make.zeros(result.shape, result.dtype), loop, name and f"{name}_next")
        carry.dtype = self.dtype
        return carry

    def _from_outside(self, body: Body, j: int) -> list[Value]:
        """Return the contributions to step j from outside the loop, over time."""
        n, found = body.loop.n, list(self.whole[body][j])
        rounds = {
            r: self._sum(c) for (k, r), c in sorted(self.rounds[body].items(), key=lambda i: i[0]) if k == j and c
        }
        parts = {r: c for r, c in rounds.items() if c is not None}
        name = body.results[j].name and f"d{body.results[j].name}"
        if len(parts) == n:
            found.append(self.make.gather([parts[r] for r in range(n)], name))
        elif parts:
            found.append(self.make("place", *parts.values(), extra=(n, tuple(parts))))
        return found


def _is_given_over_time(operand: Operand) -> bool:
    """Return whether an operand in a loop is a matrix from outside, another one in every round."""
    return operand.own is None and operand.carried is None and len(operand.sources) > 1 and operand.sources[0] < 0
