"""The tape: every operation in the order it was computed, and the walk back over it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinyad.engine.derivatives import Derivatives
from tinyad.engine.matrix import Array, Shape, as_matrix, size
from tinyad.engine.messages import keywords, named, taken, value_first
from tinyad.engine.op import Op, Operand, misfit
from tinyad.engine.table import add, matmul, schur, sub

Step = tuple[Op, int, int, int | None]


def _recorder(op: Op) -> Callable[[Any, Any], Any]:
    """The method for `x op y`: what `Variable._apply` does, in fewer calls where both are of one tape."""
    run, elementwise = op.run, op.elementwise

    def method(x: Variable, y: Any) -> Variable:
        tape = x.tape
        if type(y) is Variable and y.tape is tape:
            a, b, row = x._value, y._value, op
            try:
                if elementwise and a.shape != b.shape:
                    row = op.fitted(a.shape, b.shape)
                z = run(a, b)
            except ValueError:
                return x._apply(op, x, y)  # says why
            position = len(tape._values)
            tape.steps.append((row, position, x.index, y.index))
            tape._values.append(z)
            return Variable(tape, position, z)
        return x._apply(op, x, y)

    return method


class Variable(Operand):
    """A handle on one value: `tape.values[index]`.  Nothing changes it: an operation, `W @ x`, makes a new one."""

    __slots__ = ("_value", "index", "tape")
    __add__, __sub__, __mul__, __matmul__ = map(_recorder, (add, sub, schur, matmul))

    def __init__(self, tape: Tape, index: int, value: Array) -> None:
        self.tape, self.index, self._value = tape, index, value

    def _apply(self, op: Op, x: Any, y: Any = None) -> Variable:
        """Record z = x op y, or op(x).  Numbers and arrays become constants."""
        tape = self.tape
        try:
            if op.arity == 1:
                z = op.run(x._value)
                step: Step = op, len(tape._values), x.index, None
            else:
                lifted = type(x) is not type(y) or x.tape is not y.tape  # one of them is this Variable
                if lifted:
                    x, y = tape._operand(x, y, op), tape._operand(y, x, op)
                a, b = x._value, y._value
                z = op.run(a, b)
                if lifted or (op.elementwise and a.shape != b.shape):
                    op = op.fitted(a.shape, b.shape, (x.index in tape.constants, y.index in tape.constants))
                step = op, len(tape._values), x.index, y.index
        except ValueError as reason:
            operands = [v for v in (x, y) if v is not None]
            if not all(isinstance(v, Variable) and v.tape is tape for v in operands):
                raise  # an operand is no matrix, or on another tape
            why = misfit(op, [tape.label(v.index) for v in operands], [v.shape for v in operands], reason)
            raise ValueError(f"{why} at step {len(tape.steps) + 1}") from None
        tape.steps.append(step)
        tape._values.append(z)
        return Variable(tape, step[1], z)

    @property
    def value(self) -> Array:
        """The matrix, read-only: the walk back needs it as it was."""
        self._value.setflags(write=False)
        return self._value

    @property
    def shape(self) -> Shape:
        """The size of the matrix: (rows, columns)."""
        return self._value.shape

    @property
    def dtype(self) -> Any:
        """float64, float32, complex128 or complex64."""
        return self._value.dtype

    def __repr__(self) -> str:
        return f"Variable({self.tape.label(self.index)}, {size(self.shape)})"


class Tape:
    """The steps of a computation in order, every value, and the names.

    `values` holds the matrices.  A step is (op, z, x, y): positions in `values`, y None for a unary operation.  `names`
    maps positions to names.  `constants` are the positions of plain numbers and arrays; they have no derivative.
    """

    def __init__(self) -> None:
        self._values: list[Array] = []
        self._locked = 0
        self.steps: list[Step] = []
        self.names: dict[int, str] = {}
        self.constants: set[int] = set()
        self._positions: dict[str, int] = {}

    @property
    def values(self) -> list[Array]:
        """The matrices, read-only: the walk back needs them as they were."""
        for value in self._values[self._locked :]:
            value.setflags(write=False)
        self._locked = len(self._values)
        return self._values

    def variable(self, value: Any, name: str | None = None) -> Variable:
        """A Variable that holds a copy of `value`, a matrix, or a number, which becomes 1×1; ValueError for 1-D."""
        value_first(value, name, isinstance(value, Operand))
        matrix = as_matrix(value, name or "variable")
        if name is not None:
            self._name(len(self._values), name)
        return self._leaf(matrix)

    def variables(self, *given: Any, **values: Any) -> dict[str, Variable]:
        """A Variable for each keyword, under its name."""
        return {name: self.variable(value, name) for name, value in keywords(given, values)}

    def name(self, variables: Mapping[str, Any], step: int | None = None) -> None:
        """Name every Variable of a mapping, such as a model's `locals()`, after its key; with step=t, z1 is z1[t].

        A Variable keeps its first name and is found under all of them.  ValueError if a name is taken or is _1, _2, ...
        """
        for name, v in named(variables):
            if isinstance(v, Variable):
                key = f"{name}[{step}]" if step is not None and isinstance(name, str) else name
                self._name(self._own(v, key).index, key)

    def _name(self, position: int, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"a name is a string, not {name!r}")
        if not name or re.fullmatch(r"_v?[0-9]+", name):
            raise ValueError(f"{name!r} is no name: _1, _2, ... are the results of steps that have none")
        if self._positions.setdefault(name, position) != position:
            raise ValueError(taken(name))
        self.names.setdefault(position, name)

    def __getitem__(self, key: Variable | str) -> Variable:
        if isinstance(key, Variable):
            return self._own(key)
        if key not in self._positions:
            unnamed = next((i for i in range(len(self._values)) if i not in self.names and self.label(i) == key), None)
            if unnamed is not None and unnamed not in self.constants:
                return self.at(unnamed)
            from difflib import get_close_matches

            near = " or ".join(get_close_matches(str(key), self._positions))
            raise KeyError(f"no Variable is named {key!r}" + (f"; did you mean {near}?" if near else ""))
        return self.at(self._positions[key])

    def at(self, position: int) -> Variable:
        """The Variable at a position of `values`."""
        return Variable(self, position, self._values[position])

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return f"Tape({len(self)} steps)"

    def label(self, position: int) -> str:
        """The name of a value; without one, the number itself for a constant, else _n for the result of step n."""
        if position in self.names:
            return self.names[position]
        if position in self.constants and self._values[position].size == 1:
            number = self._values[position].item()
            whole = number == number.real and abs(number) < 1e15 and number.real % 1 == 0
            return str(int(number.real)) if whole else repr(number)
        n = bisect_left(self.steps, position, key=lambda step: step[1])
        return f"_{n + 1}" if n < len(self.steps) and self.steps[n][1] == position else f"_v{position}"

    def _own(self, v: Variable, key: str = "") -> Variable:
        if v.tape is not self:
            raise ValueError(f"{key and f'{key}: '}{v!r} is on another tape; one computation is recorded on one tape")
        return v

    def _leaf(self, value: Array) -> Variable:
        self._values.append(value)
        return Variable(self, len(self._values) - 1, value)

    def _operand(self, value: Any, other: Any, op: Op) -> Variable:
        if isinstance(value, Variable):
            return self._own(value)
        try:
            v = self._leaf(as_matrix(value, "", other.dtype))
        except (TypeError, ValueError):  # again, to say which operand
            v = self._leaf(as_matrix(value, f"the operand of {op.symbol} with {self.label(other.index)}", other.dtype))
        self.constants.add(v.index)
        return v

    def backward(self, seeds: Variable | Mapping[Any, Any], record: bool = False) -> Derivatives:
        """Walk back from `seeds`, {Variable or name: derivative in row layout}, or from a 1×1 loss.

        With record=True the walk is itself recorded on this tape and gives Variables, to be derived again.  Raises
        ValueError for a seed of another size, KeyError for a name that is not on the tape, TypeError for what is no
        matrix of numbers.  Source: the slides "Overall procedure" and "When to use = vs +=".
        """
        start = self._seeds(seeds, record)
        d: list[Any] = [None] * len(self._values)
        for i, dz in start.items():
            d[i] = dz
        values: list[Any] = [self.at(i) for i in range(len(d))] if record else self._values
        owned: set[int] = set()
        for op, z, x, y in reversed(self.steps):
            dz = d[z]
            if dz is None:  # L does not depend on z
                continue
            rule = op.kernel
            if record:
                if op.formulas is None:
                    raise TypeError(f"{op.symbol}: its rule is no expression in * @ .T + - /, and cannot be recorded")
                rule = op.deriv
            if y is None:
                contributions: Any = ((x, rule(dz, values[z], values[x])),)
            else:
                to_x, to_y = rule(dz, values[z], values[x], values[y])
                contributions = ((x, to_x), (y, to_y))
            # Every derivative starts at 0, and every contribution is d[i] += contribution:
            for i, contribution in contributions:
                total = d[i]
                if total is None:
                    d[i] = contribution  # 0 + contribution; the array may belong to other derivatives too,
                elif contribution is None:  # to a constant
                    pass
                elif i in owned and total.dtype is contribution.dtype:
                    total += contribution
                else:
                    d[i] = total + contribution  # so the next += makes a new one, which is d[i]'s alone
                    if not record:
                        owned.add(i)
        return Derivatives(self, d, start, record)

    def _seeds(self, seeds: Variable | Mapping[Any, Any], record: bool) -> dict[int, Any]:
        if isinstance(seeds, Variable | str):
            seeds = self[seeds]
            if seeds.shape != (1, 1):
                raise ValueError(f"{seeds!r} is no 1×1 loss; give its derivative: backward({{v: dv}})")
            seeds = {seeds: 1.0}
        start: dict[int, Any] = {}
        for key, dz in seeds.items():
            v = self[key]
            if isinstance(dz, Variable) and not record:
                raise TypeError(f"the seed of {self.label(v.index)} is a Variable: pass its value, or record=True")
            if not isinstance(dz, Variable):
                dz = as_matrix(dz, f"the seed of {self.label(v.index)}", v.dtype)
            if dz.shape != v.shape[::-1]:
                turned = "; pass its .T" if dz.shape == v.shape else ""
                needed = f"row layout needs {size(v.shape[::-1])} for a {size(v.shape)} variable"
                raise ValueError(f"the seed of {self.label(v.index)} is {size(dz.shape)}: {needed}{turned}")
            if record:
                dz = self._own(dz) if isinstance(dz, Variable) else self._leaf(dz)
            else:
                dz = np.ascontiguousarray(dz.T)
            start[v.index] = start[v.index] + dz if v.index in start else dz
        return start
