"""The tape: every operation in the order it was computed, and the backward pass over it.

In the field's words the tape is a Wengert list, each rule a vector-Jacobian product (vjp), and dz the adjoint, or
cotangent, of z.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array, Shape, as_matrix, broadcast, column_of_ones, kind, size
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.op import Op, entering, summed
from tinyad.engine.table import TABLE, add, evaluated, matmul, schur, sub
from tinyad.expressions.messages import misfit
from tinyad.expressions.naming import Naming, keywords, named, number_label, seeded, value_first
from tinyad.expressions.numpy_functions import DECOMPOSED, decomposed, mean, part, total
from tinyad.expressions.operand import Operand
from tinyad.expressions.symbol import Symbol

Step = tuple[Op, int, int, int | None]
Entry = tuple[str, ...]
PLAIN: Entry = ("", "")
_new = object.__new__


class Variable(Operand):
    """A handle on one value: `tape.values[index]`.  Nothing changes it: an operation, `W @ x`, makes a new one."""

    __slots__ = ("_value", "index", "tape")

    def __init__(self, tape: Tape, index: int, value: Array) -> None:
        self.tape, self.index, self._value = tape, index, value

    def apply(self, op: Any, x: Any, y: Any = None) -> Variable:
        """Record op(x) or x op y; `op` is a row or the symbol of one."""
        return self.tape.record(TABLE[op] if isinstance(op, str) else op, x, y)

    # The four that a model has most of, without a look-up.
    # fmt: off
    def __add__(self, y: Any) -> Variable:    return self.tape.record(add, self, y)
    def __sub__(self, y: Any) -> Variable:    return self.tape.record(sub, self, y)
    def __mul__(self, y: Any) -> Variable:    return self.tape.record(schur, self, y)
    def __matmul__(self, y: Any) -> Variable: return self.tape.record(matmul, self, y)
    # fmt: on

    def _numpy(self, function: Any, name: str, operands: Any, options: Any) -> Any:
        """Record a function of NumPy: one row, or the rows that it decomposes into."""
        if function in DECOMPOSED:
            return decomposed(function, name, operands, options)
        return super()._numpy(function, name, operands, options)

    def __getitem__(self, at: Any) -> Any:
        return part(self, at)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Variable:
        """The sum of all entries, 1×1, or with keepdims=True the sums along an axis."""
        result: Variable = total(self, axis, keepdims)
        return result

    def mean(self, axis: int | None = None, keepdims: bool = False) -> Variable:
        """The mean of all entries, 1×1, or with keepdims=True the means along an axis."""
        result: Variable = mean(self, axis, keepdims)
        return result

    @property
    def value(self) -> Array:
        """The matrix, read-only: the backward pass needs it as it was."""
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
    `entries` says how the operands of a step enter it, by the position of its result, where that is not plain: "rows",
    "columns" or "all" for one that is repeated (see `matrix.broadcast`), "constant" for one that has no derivative.
    """

    def __init__(self) -> None:
        self._values: list[Array] = []
        self._locked = 0
        self.naming = Naming()
        self.names = self.naming.names
        self.steps: list[Step] = []
        self.constants: set[int] = set()
        self.entries: dict[int, Entry] = {}

    @property
    def values(self) -> list[Array]:
        """The matrices, read-only: the backward pass needs them as they were."""
        for value in self._values[self._locked :]:
            value.setflags(write=False)
        self._locked = len(self._values)
        return self._values

    def variable(self, value: Any, name: str | None = None) -> Variable:
        """Return a Variable with a copy of `value`, a matrix, or a number, which becomes 1×1; ValueError for 1-D."""
        value_first(value, name, isinstance(value, Operand))
        matrix = as_matrix(value, name or "variable")
        if name is not None:
            self.naming.give(len(self._values), name)
        return self._leaf(matrix)

    def variables(self, *given: Any, **values: Any) -> dict[str, Variable]:
        """Return a Variable for each keyword, under its name."""
        return {name: self.variable(value, name) for name, value in keywords(given, values)}

    def name(self, variables: Mapping[str, Any], step: int | None = None) -> None:
        """Name every Variable of a mapping, such as a model's `locals()`, after its key; with step=t, z1 is z1[t].

        A Variable keeps its first name and is found under all of them.  ValueError if a name is taken or is _1, _2, ...
        """
        for name, v in named(variables):
            if isinstance(v, Variable):
                key = f"{name}[{step}]" if step is not None and isinstance(name, str) else name
                self.naming.give(self._own(v, key).index, key)

    def record(self, op: Op, x: Any, y: Any = None) -> Variable:
        """Append the step z = op(x) or x op y and return z; of two operands one may be a number or an array.

        There is no other way onto the tape.  Raises ValueError for sizes that do not fit and for another tape.
        """
        values = self._values
        z = j = None
        try:
            if op.arity == 1:
                z = op.run(x._value) if x.tape is self and y is None else None
            else:
                a, b = x._value, y._value
                if y.tape is self and x.tape is self:
                    j = y.index
                    if not op.elementwise or a.shape == b.shape:
                        z = op.run(a, b)
                    elif entry := broadcast(a.shape, b.shape):
                        z = op.run(a, b)
                        self.entries[len(values)] = entry
        except (AttributeError, ValueError):  # a number or an array has no tape; sizes that do not fit
            pass
        if z is None:
            z, x, y = self._uneven(op, x, y)
            j = None if y is None else y.index
        v = _new(Variable)  # a call of __init__ takes as long as an operation on a small matrix
        v.tape = self
        v.index = index = len(values)
        v._value = z
        values.append(z)
        self.steps.append((op, index, x.index, j))
        return v

    def _uneven(self, op: Op, x: Any, y: Any) -> tuple[Array, Variable, Any]:
        """Return op's result, x and y where one of them is repeated or becomes a constant; ValueError says why not."""
        try:
            if op.arity == 2:
                x, y = self._operand(x, y, op), self._operand(y, x, op)
                how = entering(op, (x.shape, y.shape))
                entry = ["constant" if v.index in self.constants else h for v, h in zip((x, y), how, strict=True)]
                z = op.run(x._value, y._value)
                self.entries[len(self._values)] = entry[0], entry[1]
                return z, x, y
            if y is not None or not isinstance(x, Variable):
                raise TypeError(f"{op.symbol} takes one operand, a Variable of this tape")
            return op.run(self._own(x)._value), x, y
        except ValueError as reason:
            operands = [v for v in (x, y) if v is not None]
            if not all(isinstance(v, Variable) and v.tape is self for v in operands):
                raise  # an operand is no matrix, or on another tape
            why = misfit(op, [self.label(v.index) for v in operands], [v.shape for v in operands], reason)
            raise ValueError(f"{why} at step {len(self.steps) + 1}") from None

    def _operand(self, value: Any, other: Any, op: Op) -> Variable:
        if isinstance(value, Variable):
            return self._own(value)
        try:
            v = self._leaf(as_matrix(value, "", other.dtype))
        except (TypeError, ValueError):  # again, to say which operand
            v = self._leaf(as_matrix(value, f"the operand of {op.symbol} with {self.label(other.index)}", other.dtype))
        self.constants.add(v.index)
        return v

    def _leaf(self, value: Array) -> Variable:
        self._values.append(value)
        return Variable(self, len(self._values) - 1, value)

    def _own(self, v: Variable, key: str = "") -> Variable:
        if v.tape is not self:
            raise ValueError(f"{key and f'{key}: '}{v!r} is on another tape; one computation is recorded on one tape")
        return v

    def __getitem__(self, key: Variable | str) -> Variable:
        if isinstance(key, Variable):
            return self._own(key)
        if not isinstance(key, str):
            raise KeyError(f"a key is a Variable or its name, not {kind(key)}")
        if key in self.naming.positions:
            return self.at(self.naming.positions[key])
        for i in range(len(self._values)):
            if i not in self.names and i not in self.constants and self.label(i) == key:
                return self.at(i)
        raise self.naming.unknown(key)

    def at(self, position: int) -> Variable:
        """Return the Variable at a position of `values`."""
        return Variable(self, position, self._values[position])

    def label(self, position: int) -> str:
        """Return the name of a value; without one, a constant as it is written, else _n for the result of step n."""
        if position in self.names:
            return self.names[position]
        if position in self.constants and self._values[position].size == 1:
            return number_label(self._values[position].item())
        n = bisect_left(self.steps, position, key=lambda step: step[1])
        return f"_{n + 1}" if n < len(self.steps) and self.steps[n][1] == position else f"_v{position}"

    __iter__ = None  # keys are Variables and names, not 0, 1, ...

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return f"Tape({len(self)} steps)"

    def __str__(self) -> str:
        from tinyad.printing.listing import equations

        return str(equations(self))

    def _repr_latex_(self) -> str:
        from tinyad.printing.listing import equations

        return equations(self).latex

    def first(self, length: int) -> Tape:
        """Return the tape as it was when it had `length` values."""
        tape = Tape()
        tape._values, tape.naming = self._values[:length], self.naming.first(length)
        tape.names = tape.naming.names
        tape.steps = [step for step in self.steps if step[1] < length]
        tape.constants = {i for i in self.constants if i < length}
        tape.entries = {z: entry for z, entry in self.entries.items() if z < length}
        return tape

    def replay(self, hook: Callable[[int, Array], Array] | None = None, rows: Mapping[int, Op] | None = None) -> Tape:
        """Return a tape with the results computed again, each passed through hook(step, array).

        `rows` maps steps to the rows that are computed there in the place of their own.
        """
        tape = self.first(len(self._values))
        for n, (op, z, x, y) in enumerate(self.steps, 1):
            op = rows.get(n, op) if rows else op
            operands = (tape._values[i] for i in (x, y) if i is not None)
            tape._values[z] = hook(n, op.run(*operands)) if hook else op.run(*operands)
            tape.steps[n - 1] = op, z, x, y
        return tape

    def entry(self, n: int) -> Entry:
        """Return how the operands of step n enter it, as in `entries`; ("", "") where that is plain."""
        return self.entries.get(self.steps[n - 1][1], PLAIN)

    def formula(self, n: int, operand: str) -> Any:
        """Return what step n contributes to its operand "x" or "y", as Symbols in row layout.

        None: it contributes nothing, or its rule is no expression.
        """
        formulas = self.steps[n - 1][0].formulas
        k = "xy".index(operand)
        return summed(formulas[k], Symbol("dz"), self.entry(n)[k]) if formulas else None

    def contributions(self, n: int, D: Array, values: Sequence[Array] = ()) -> tuple[Array | None, ...]:
        """Return what step n contributes to each operand, in its size, where D is the adjoint of the result, in its.

        `values` are its result and its operands, if they are not to be those of the tape.
        """
        op, *positions = self.steps[n - 1]
        values = values or [self._values[i] for i in positions if i is not None]
        return tuple(_contributions(op, self.entry(n), D, values))

    def backward(  # noqa: C901, PLR0912  one loop without calls: that is what a walk costs
        self, seeds: Variable | Mapping[Any, Any], record: bool = False, hook: Callable[[Array], Array] | None = None
    ) -> Derivatives:
        """Walk back from `seeds`, {Variable or name: derivative in row layout}, or from a 1×1 loss.

        With record=True the walk is itself recorded on this tape and gives Variables, to be derived again.  Every
        adjoint that a rule is given, and every contribution, passes through `hook`.  Raises ValueError for a seed of
        another size, KeyError for a name that is not on the tape, TypeError for what is no matrix of numbers.
        Source: the slides "Overall procedure" and "When to use = vs +=".
        """
        start = self.start(seeds, record)
        d: list[Any] = [None] * len(self._values)
        for i, dz in start.items():
            d[i] = dz
        entries = self.entries
        values: Any = self._values
        if record:
            values = [v if i in self.constants else self.at(i) for i, v in enumerate(self._values)]
        special = record or hook is not None
        uneven: Any = range(len(d)) if special else entries  # where a contribution may be more than the vjp
        owned: set[int] = set()
        for op, z, x, y in reversed(self.steps):
            dz = d[z]
            if dz is None:  # L does not depend on z
                continue
            if z in uneven:
                operands = (x,) if y is None else (x, y)
                of_step = op, entries.get(z, PLAIN), dz, [values[i] for i in (z, *operands)]
                out = _special_contributions(*of_step, record, hook) if special else _contributions(*of_step)
                contributions: Any = zip(operands, out, strict=False)
            elif y is None:
                contributions = ((x, op.vjp(dz, values[z], values[x])),)
            else:
                to_x, to_y = op.vjp(dz, values[z], values[x], values[y])
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

    def start(self, seeds: Variable | Mapping[Any, Any], record: bool = False) -> dict[int, Any]:
        """Return the adjoints that a backward pass starts from, in the sizes of their variables, by position."""
        if isinstance(seeds, Variable | str):
            seeds = self[seeds]
            if seeds.shape != (1, 1):
                raise ValueError(
                    f"{seeds!r} is no 1×1 loss, such as sum(v); or give its derivative: backward({{v: dv}})"
                )
            seeds = {seeds: 1.0}
        start: dict[int, Any] = {}
        for key, dz in seeded(seeds, record):
            v = self[key]
            if isinstance(dz, Variable) and not record:
                raise TypeError(f"the seed of {self.label(v.index)} is a Variable: pass its value, or record=True")
            if not isinstance(dz, Variable):
                dz = as_matrix(dz, f"the seed of {self.label(v.index)}", v.dtype)
            if dz.shape != v.shape[::-1]:
                turned = "; pass its .T" if dz.shape == v.shape else ""
                wanted = f"row layout needs {size(v.shape[::-1])} for a {size(v.shape)} variable"
                raise ValueError(f"the seed of {self.label(v.index)} is {size(dz.shape)}: {wanted}{turned}")
            if record:
                dz = self._own(dz) if isinstance(dz, Variable) else self._leaf(dz)
            else:
                dz = np.ascontiguousarray(dz.T)
            start[v.index] = start[v.index] + dz if v.index in start else dz
        return start


def _contributions(op: Op, entry: Entry, D: Array, values: Sequence[Array]) -> Sequence[Any]:
    """Return the contributions to the operands of one step, in their sizes.

    `values` are the result and the operands.  What is repeated gets the sum, a constant gets None.
    """
    if "constant" in entry:
        return [None if h == "constant" else _over(vjp(D, *values), h) for h, vjp in zip(entry, op.vjps, strict=True)]
    if op.arity == 1:
        return (op.vjp(D, *values),)
    to_x, to_y = op.vjp(D, *values)
    return _over(to_x, entry[0]), _over(to_y, entry[1])


def _special_contributions(  # noqa: PLR0913  what _contributions takes, and how it is to be special
    op: Op, entry: Entry, dz: Any, values: Sequence[Any], record: bool, hook: Callable[[Array], Array] | None
) -> Sequence[Any]:
    """Return the same recorded, in row layout, or passed through a hook."""
    if not record:
        assert hook is not None
        return [c if c is None else hook(c) for c in _contributions(op, entry, hook(dz), values)]
    if op.formulas is None:
        raise TypeError(f"{op.symbol}: its rule is no expression in * @ .T + - /, and cannot be recorded")
    if "constant" in entry and op is TABLE.get(op.symbol):  # log(x) of x ** 3 may not even exist
        names = dict(zip(("dz", "z", "x", "y"), (dz, *values), strict=False))
        both: Any = [how != "constant" and evaluated(f, names) for f, how in zip(op.formulas, entry, strict=True)]
    else:
        both = op.deriv(dz, *values) if op.arity == 2 else (op.deriv(dz, *values),)
    return [summed(c, dz, how) for c, how in zip(both, entry, strict=False)]


def _over(c: Any, how: str) -> Any:
    """Return the sum over what is repeated, as `summed` does, of a contribution in the size of the result."""
    if not how or c is None:
        return c
    if how in ("rows", "all"):
        c = c.dot(column_of_ones(c.shape[1], c.dtype))
    return column_of_ones(c.shape[0], c.dtype).T.dot(c) if how in ("columns", "all") else c
