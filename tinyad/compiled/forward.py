"""Turn the steps of a tape into values: steps that repeat become one loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Shape
from tinyad.compiled.identifiers import without_step
from tinyad.compiled.loop_detection import NONE, Repeat, Steps
from tinyad.compiled.recording import Recording
from tinyad.compiled.rewriting import Maker
from tinyad.compiled.values import Loop, Value
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE

REAL = {">", "≥", "sign", "abs", "softplus", "erf"}  # what NumPy has for real numbers only, or with other values
NAME_OF = {"∘": "*", "*": "dot", "transpose": "T", "sum": "entries"}  # of a row, where it is not its symbol


class Operand(NamedTuple):
    """An operand of a step in a loop: `own` or `carried` is the step that computes it, in this round or the one before;
    `sources` are those outside, one for all rounds, one for each, or the one that is carried first.

    Outside a loop in a loop they are operands in the outer one.
    """

    own: int | None = None
    carried: int | None = None
    sources: tuple[Any, ...] = ()


class Body:
    """A loop over time steps: the operands of its steps, and their results as values.

    `outer` is the body of which the repeat is a part, its steps counted from the first of a round.
    """

    def __init__(self, repeat: Repeat, outer: Body | None = None) -> None:
        self.repeat, self.outer = repeat, outer
        self.loop: Loop = Loop(repeat.times, outer=None if outer is None else outer.loop)
        self.steps: list[tuple[Op, tuple[Operand, ...]]] = []
        self.regions: list[int | Body] = []  # of a round: steps, and loops in it
        self.results: list[Value] = []
        self.inputs: dict[int, tuple[Value, ...]] = {}  # of the steps that are in no loop of the round
        self.carries: dict[tuple[Any, int], Value] = {}  # (source of the first, step that makes the next)

    def first(self, j: int) -> int:
        """Return the step of the tape that step j of the first round is."""
        n = self.repeat.begin + j
        return n if self.outer is None else self.outer.first(n)

    def all(self, j: int) -> Iterable[int]:
        """Return the steps of the tape that step j is, in all rounds."""
        begin, period, times = self.repeat
        steps = range(begin + j, begin + period * times, period)
        return steps if self.outer is None else (n for k in steps for n in self.outer.all(k))

    def inner(self, j: int) -> tuple[Body, int, int] | None:
        """Return the loop in a round that step j is in, its number there, and the round of that loop."""
        return located((region for region in self.regions if isinstance(region, Body)), j)


def located(bodies: Iterable[Body], n: int) -> tuple[Body, int, int] | None:
    """Return the loop that step n is in, its number there, and the round."""
    for body in bodies:
        begin, period, times = body.repeat
        if 0 <= n - begin < period * times:
            r, j = divmod(n - begin, period)
            return body, j, r
    return None


class Forward:
    """A tape as values.  A source is the number of a step, from 0, or -1 - the position of what was given.

    `nested`: repeats within a time step are loops too.
    """

    def __init__(self, tape: Recording, make: Maker, loops: bool, nested: bool) -> None:
        self.tape, self.make, self.nested = tape, make, nested
        self.steps, self.made = Steps.of_tape(tape)
        self.single: dict[int, Value] = {}  # of the steps outside loops, and of what was given
        self.regions: list[int | Body] = []
        self.bodies: list[Body] = []  # those outside all others
        done = 0
        for repeat in self.steps.repeats() if loops else ():
            for n in range(done, repeat.begin):
                self._step(n)
            self._loop(repeat)
            done = repeat.begin + repeat.period * repeat.times
        for n in range(done, len(tape.steps)):
            self._step(n)

    def source(self, position: int) -> int:
        return self.made.get(position, -1 - position)

    def position(self, source: int) -> int:
        return self.tape.steps[source][1] if source >= 0 else -1 - source

    def name(self, source: int) -> str:
        return self.tape.names.get(self.position(source), "")

    def body(self, source: int) -> tuple[Body, int, int] | None:
        """Return the outermost loop that a step is in, its number there, and the round."""
        return located(self.bodies, source)

    def everything(self) -> list[Value]:
        """Return the results of all steps."""
        inside = [self.make("last", v, extra=body.loop) for body in self.bodies for v in body.results]
        return inside + [self.single[n] for n in self.regions if isinstance(n, int)]

    def value(self, source: int) -> Value:
        """Return the value of a source, as read outside the loops."""
        if source not in self.single:
            if source < 0:
                self.single[source] = self._given(-1 - source)
            else:
                found = self.body(source)
                assert found is not None
                body, j, r = found
                over_time = self.make("all", body.results[j], extra=body.loop)
                self.single[source] = self.make("at", over_time, extra=r)
        return self.single[source]

    def over_time(self, sources: Sequence[int]) -> Value:
        first, last = self.body(sources[0]), self.body(sources[-1])
        if first is not None and last is not None and first[:2] == last[:2]:
            body, j, r = first
            if tuple(sources) == tuple(range(sources[0], sources[-1] + 1, body.repeat.period)):
                over_time = self.make("all", body.results[j], extra=body.loop)
                return self.make("span", over_time, extra=(r, last[2] + 1))
        return self.make.gather([self.value(source) for source in sources], without_step(self.name(sources[0])))

    def _given(self, position: int) -> Value:
        value = self.tape.values[position]
        if position not in self.tape.constants:
            return self.make.leaf("leaf", position, value.shape, value.dtype, self.tape.label(position))
        if not value.any():
            return self.make.zeros(value.shape, value.dtype)
        if value.size > 1 and 1 in value.shape and (value == 1).all():  # what sums along an axis are made with
            column = self.make.leaf("ones", None, (value.size, 1), value.dtype)
            return column if value.shape[1] == 1 else self.make("T", column)
        return self.make.leaf("constant", value.tobytes(), value.shape, value.dtype, "constant")

    def _step(self, n: int) -> None:
        op, _, x, y = self.tape.steps[n]
        operands = [self.value(self.source(i)) for i in (x, y) if i is not None]
        self.single[n] = self.applied(op, operands, n, self.name(n))
        self.regions.append(n)

    def _loop(self, repeat: Repeat) -> None:
        body = Body(repeat)
        begin, period, times = repeat
        m = self.steps.sources[begin : begin + period * times].reshape(times, period, 2)
        for j in range(period):
            op = self.tape.steps[begin + j][0]
            body.steps.append((op, tuple(_operand(m[:, j, k].tolist(), repeat) for k in range(op.arity))))
        for inner in self._repeats_in(body) if self.nested else ():
            self._steps_in(body, inner.begin)
            self._loop_in(body, inner)
        self._steps_in(body, period)
        self._finish(body)
        self.regions.append(body)
        self.bodies.append(body)

    def _repeats_in(self, body: Body) -> list[Repeat]:
        """Return the repeats in a round, which are the same in all rounds."""
        known: dict[Operand, int] = {}
        sources = [
            [o.own if o.own is not None else -1 - known.setdefault(o, len(known)) for o in operands] + [NONE]
            for _, operands in body.steps
        ]
        fixed = (-1 - k for o, k in known.items() if o.carried is None and len(o.sources) == 1)
        return self.steps.of_round(body.repeat, np.array([pair[:2] for pair in sources]), fixed).repeats()

    def _steps_in(self, body: Body, end: int) -> None:
        """Add the steps of a round that are not there yet, up to `end`."""
        for j in range(len(body.results), end):
            op, operands = body.steps[j]
            body.inputs[j] = tuple(self._input(body, operand) for operand in operands)
            n = body.first(j)
            body.results.append(self.applied(op, body.inputs[j], n, without_step(self.name(n))))
            body.regions.append(j)

    def _loop_in(self, outer: Body, repeat: Repeat) -> None:
        """Add a loop in a round, and what the round sees of it."""
        body = Body(repeat, outer)
        begin, period, times = repeat
        for j in range(period):
            rounds = [outer.steps[n] for n in range(begin + j, begin + period * times, period)]
            kinds = zip(*(operands for _, operands in rounds), strict=True)
            body.steps.append((rounds[0][0], tuple(_operand_in(list(read), repeat) for read in kinds)))
        self._steps_in(body, period)
        self._finish(body)
        outer.regions.append(body)
        for r in range(times):
            for j, v in enumerate(body.results):
                name = without_step(self.name(outer.first(begin + r * period + j)))
                over_time = self.make("all", v, extra=body.loop)
                outer.results.append(self.make("at", over_time, extra=r, name=name))

    def _finish(self, body: Body) -> None:
        for (_, j), carry in body.carries.items():
            carry.next = body.results[j]
            carry.name = carry.next.name and f"{carry.next.name}_prev"

    def _input(self, body: Body, operand: Operand) -> Value:
        if operand.own is not None:
            return body.results[operand.own]
        if operand.carried is not None:
            key = operand.sources[0], operand.carried
            if key not in body.carries:
                body.carries[key] = self.make.carry(self._outside(body, key[0]), body.loop)
            return body.carries[key]
        if len(operand.sources) == 1:
            return self._outside(body, operand.sources[0])
        if body.outer is None:
            return self.make.step(self.over_time(operand.sources), body.loop)
        return self.make.step(self.make.gather([self._outside(body, o) for o in operand.sources]), body.loop)

    def _outside(self, body: Body, source: Any) -> Value:
        """Return the value of a source outside a loop."""
        return self.value(source) if body.outer is None else self._input(body.outer, source)

    def applied(self, op: Op, operands: Sequence[Value], n: int, name: str) -> Value:
        """Return the result of step n."""
        z = self.tape.values[self.tape.steps[n][1]]
        if op.elementwise:
            operands = [self.number(v, z.dtype) for v in operands]
        value = applied(self.make, op, operands, z.shape)
        if not value.name and value.op != "leaf":
            value.name = name
        return value

    def number(self, v: Value, dtype: Any) -> Value:
        """Return a constant number without a dtype, so that it takes that of the other operand."""
        if v.op in ("constant", "zeros") and v.shape == (1, 1) and v.dtype == dtype and dtype.kind == "f":
            return self.make.number(float(np.frombuffer(v.extra, dtype)[0]) if v.op == "constant" else 0.0)
        return v


def applied(make: Maker, op: Op, operands: Sequence[Value], shape: Any) -> Value:
    """Return the value of a row applied to operands; a user's row is called unchanged."""
    row = TABLE.get(op.symbol)
    is_complex = any(v.dtype is not None and v.dtype.kind == "c" for v in operands)
    if row is None or row.forward is not op.forward or (is_complex and op.symbol in REAL):
        return make("call", *operands, extra=(op, shape or _size(op, operands)))
    match op.symbol:
        case "upper":
            return make("rows", operands[0], extra=(0, operands[1].shape[-2]))
        case "under":
            return make("rows", operands[0], extra=(operands[1].shape[-2], operands[0].shape[-2]))
        case "rows" | "padded":
            return _rows(make, op, *operands)
        case "relu":
            return make("maximum", operands[0], make.number(0.0))
        case "softplus":
            return make("logaddexp", make.number(0.0), operands[0])
    return make(NAME_OF.get(op.symbol, op.symbol), *operands)


def _rows(make: Maker, op: Op, x: Value, y: Value) -> Value:
    """Return the rows of x that the constant y names, or x with rows of zeros around it."""
    if y.op != "constant":
        raise ValueError(
            f"{op.symbol}: a program has fixed sizes; its y, [[start, stop, number of rows]], is a constant"
        )
    start, stop, count = (round(number) for number in np.frombuffer(y.extra, y.dtype).real.tolist())
    if op.symbol == "rows":
        return make("rows", x, extra=(start, stop))
    parts = [make.zeros((start, x.shape[-1]), x.dtype), x, make.zeros((count - stop, x.shape[-1]), x.dtype)]
    return make("stack", *(part for part in parts if part.shape[-2]))


def _size(op: Op, operands: Sequence[Value]) -> Shape:
    """Return the size of the result of a row that a rule calls, as an example gives it."""
    rng = np.random.default_rng(0)
    shape: Shape = op.run(*(rng.uniform(0.5, 1.5, v.shape[-2:]) for v in operands)).shape
    return shape


def _operand(sources: list[int], repeat: Repeat) -> Operand:
    first, second = sources[:2]
    if second >= repeat.begin + repeat.period:
        return Operand(own=second - repeat.begin - repeat.period)
    if second >= repeat.begin:
        return Operand(carried=second - repeat.begin, sources=(first,))
    return Operand(sources=(first,) if len(set(sources)) == 1 else tuple(sources))


def _operand_in(operands: list[Operand], repeat: Repeat) -> Operand:
    """Return an operand of a step in a loop in a round, from what the round says of each of its repetitions."""
    first, second = operands[:2]
    if second.own is not None and second.own >= repeat.begin + repeat.period:
        return Operand(own=second.own - repeat.begin - repeat.period)
    if second.own is not None and second.own >= repeat.begin:
        return Operand(carried=second.own - repeat.begin, sources=(first,))
    return Operand(sources=(first,) if len(set(operands)) == 1 else tuple(operands))
