"""What a row of the table is: an Op, the operands it is applied to, and the Symbols that show its rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import numpy as np

from tinyad.engine import matrix
from tinyad.engine import messages as advice
from tinyad.engine.matrix import Array, Shape, as_matrix, size
from tinyad.engine.messages import ABOUT, instead, method
from tinyad.engine.vjp import compiled

TABLE: dict[str, Op] = {}  # symbol → row
ROW_OF: dict[Any, Op] = {}  # NumPy's function → row; both are filled in ops.py


class Operand:
    """What a row can be applied to besides arrays: a Variable records it, a Symbol shows it."""

    __slots__ = ()

    def _apply(self, op: Op, x: Any, y: Any = None) -> Any:
        raise NotImplementedError

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return self._row_of(ufunc if method == "__call__" else None, name, operands, options)

    def __array_function__(self, function: Any, types: Any, operands: Any, options: Any) -> Any:
        name = "linalg." * function.__module__.endswith("linalg") + function.__name__
        return self._row_of(function, name, operands, options)

    def _row_of(self, function: Any, name: str, operands: Any, options: Any) -> Any:
        op = ROW_OF.get(function)
        if op is None:
            raise TypeError(instead(name, TABLE))
        if options or len(operands) != op.arity:
            raise TypeError(f"np.{name} takes {op.arity} operand(s) here, and no options{method(op.symbol)}")
        return self._apply(op, *operands)

    def __array__(self, *options: Any, **more: Any) -> Any:
        raise TypeError(f"a {type(self).__name__} is no array; v.value is")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"a {type(self).__name__} has no {name!r}: it takes + - * / @ .T and the operations {' '.join(TABLE)}, as "
            f"in np.sum(v){method(name)}; v.value is the array"
        )

    def __getitem__(self, at: Any) -> Any:
        raise TypeError(f"a {type(self).__name__} has no entries to take: v.value has, or write a product with 0 and 1")

    def __pow__(self, power: Any) -> Any:
        if power == 2:
            return self * self
        raise TypeError(advice.power(power))

    def dot(self, y: Any) -> Any:
        """The matrix product, as `self @ y`; NumPy spells it either way."""
        return self @ y

    def __bool__(self) -> bool:
        raise TypeError(f"a {type(self).__name__} is neither true nor false; v.value is an array")

    # fmt: off
    def __pos__(self) -> Any:              return self._apply(TABLE["none"], self)
    def __add__(self, y: Any) -> Any:      return self._apply(TABLE["+"], self, y)
    def __radd__(self, x: Any) -> Any:     return self._apply(TABLE["+"], x, self)
    def __sub__(self, y: Any) -> Any:      return self._apply(TABLE["-"], self, y)
    def __rsub__(self, x: Any) -> Any:     return self._apply(TABLE["-"], x, self)
    def __mul__(self, y: Any) -> Any:      return self._apply(TABLE["∘"], self, y)
    def __rmul__(self, x: Any) -> Any:     return self._apply(TABLE["∘"], x, self)
    def __matmul__(self, y: Any) -> Any:   return self._apply(TABLE["*"], self, y)
    def __rmatmul__(self, x: Any) -> Any:  return self._apply(TABLE["*"], x, self)
    def __truediv__(self, y: Any) -> Any:  return self._apply(TABLE["/"], self, y)
    def __rtruediv__(self, x: Any) -> Any: return self._apply(TABLE["/"], x, self)
    def __neg__(self) -> Any:              return self._apply(TABLE["neg"], self)
    # fmt: on

    @property
    def T(self) -> Any:
        """The transpose, N×M for an M×N matrix: a step like any other."""
        return self._apply(TABLE["transpose"], self)


class Symbol(Operand):
    """A formula: a row of the table applied to formulas, or a name.  A rule run on Symbols shows itself."""

    __slots__ = ("head", "operands")

    def __init__(self, head: Op | str, *operands: Any) -> None:
        self.head, self.operands = head, operands

    def __eq__(self, other: object) -> bool:
        raise TypeError("a Symbol has no values to compare")

    __hash__ = None  # type: ignore[assignment]

    def _apply(self, op: Op, x: Any, y: Any = None) -> Symbol:
        return Symbol(op, x) if y is None else Symbol(op, x, y)


def ones(a: Any) -> Any:
    """The column 1 with as many rows as `a`: `ones(a).T @ a` sums the rows of a, `a @ ones(a.T)` its columns."""
    return Symbol("1", a) if isinstance(a, Symbol) else matrix.column_of_ones(a.shape[0], a.dtype)


def zeros(a: Any) -> Any:
    """The matrix 0 of the size of `a`; in 0 * a what is not finite in `a` would come through as NaN."""
    return Symbol("0", a) if isinstance(a, Symbol) else np.zeros(a.shape, a.dtype)


class Op:
    """A row of the table: symbol, forward, and the derivative rule of the slides.

    `forward(x)` or `forward(x, y)` maps matrices to a matrix.  `deriv(dz, z, x)` returns the derivative for x,
    `deriv(dz, z, x, y)` the pair for x and y, in row layout: an expression in `* @ .T + - /`, numbers, `ones`
    and other rows, so that it runs on arrays, on Symbols (to be printed) and on Variables (to be derived again).
    None in the place of a derivative: the operand gives only its size, and its derivative is 0.
    A call, `op(x)` or `op(x, y)`, records on Variables and computes on arrays; a size that the rule or the forward
    gives wrongly is a ValueError there.  TypeError for a rule of other parameters.
    """

    __slots__ = (
        "__dict__", "_rule", "_variants", "arity", "deriv", "elementwise", "formulas", "forward", "kernel", "run",
        "symbol",
    )  # fmt: skip
    formulas: tuple[Any, ...] | None  # the rule as Symbols; None if it is more than an expression
    run: Callable[..., Any]  # forward, as the tape calls it
    kernel: Callable[..., Any]  # kernel(D, z, x) or (D, z, x, y): the rule with all derivatives transposed

    def __init__(self, symbol: str, forward: Callable[..., Any], deriv: Callable[..., Any]) -> None:
        self.symbol, self.forward, self.deriv, self._rule = symbol, forward, deriv, deriv
        taken = [p for p in signature(deriv).parameters.values() if p.default is p.empty]
        self.arity = len(taken) - 2
        if self.arity not in (1, 2):
            raise TypeError(f"{symbol}: a rule is deriv(dz, z, x) or deriv(dz, z, x, y), not {signature(deriv)}")
        self.elementwise = self.arity == 2 and isinstance(forward, np.ufunc) and forward.signature is None
        self._variants: dict[tuple[str, str], Op] = {}
        if symbol in ABOUT and not TABLE:
            self.__doc__ = ABOUT[symbol]  # what help() shows
        if TABLE:  # a user's row: held to its shapes at every call
            self.compile(users=True)
            self.run, self.deriv, self.kernel = _checked(self)

    def compile(self, users: bool = False) -> None:
        """Run the rule once on Symbols: from what it shows, `formulas`, the table's own rows get their `kernel`."""
        self.run = np.ndarray.dot if self.forward is np.matmul else self.forward
        rule, names = self.deriv, ("x", "y")[: self.arity]
        try:
            traced = rule(*map(Symbol, ("dz", "z", *names)))
        except (TypeError, ValueError, AttributeError, IndexError):  # more than an expression: it runs as it stands
            self.formulas = None
        else:
            self.formulas = tuple(traced) if isinstance(traced, tuple | list) else (traced,)
            if not users:
                self.kernel = compiled(self.formulas, names, {"1": ones, "0": zeros}, TABLE["transpose"])

    def variant(self, x_how: str, y_how: str) -> Op:
        """This row for operands that are repeated (see `matrix.broadcast`), or "constant": no derivative is asked."""
        how, rule = (x_how, y_how), self._rule
        if how == ("", ""):
            return self
        if how not in self._variants:

            def summed(dz: Any, z: Any, x: Any, y: Any) -> Any:
                return tuple(_summed(c, dz, h) for c, h in zip(rule(dz, z, x, y), how, strict=True))

            op = self._variants[how] = Op(self.symbol, self.forward, summed)
            if TABLE.get(self.symbol) is self:
                op.deriv = summed
                op.compile()
        return self._variants[how]

    def fitted(self, x: Shape, y: Shape, constant: tuple[bool, bool] = (False, False)) -> Op:
        """The variant of this row for operands of these sizes; ValueError if they do not fit."""
        how = matrix.broadcast(x, y) if self.elementwise else ("", "")
        if how is None:
            raise ValueError("needed: equal sizes, or 1×1 with any, N×1 with N×B, 1×B with N×B")
        return self.variant("constant" if constant[0] else how[0], "constant" if constant[1] else how[1])

    def __call__(self, x: Any, y: Any = None) -> Any:
        if (y is None) != (self.arity == 1):
            raise TypeError(f"{self.symbol} takes {self.arity} operand(s)")
        operand = x if isinstance(x, Operand) else y
        if isinstance(operand, Operand):
            return operand._apply(self, x, y)
        return self.forward(*map(_floats, (x, y)[: self.arity]))

    def __repr__(self) -> str:
        return f"Op({self.symbol!r})"


def misfit(op: Op, names: Sequence[str], shapes: Sequence[Shape], reason: object) -> str:
    """What to say when `op` cannot take operands of these names and shapes."""
    if op.arity == 1:
        return f"{op.symbol}({names[0]}): {names[0]} is {size(shapes[0])} ({reason})"
    if op.forward is np.matmul:
        reason = f"inner sizes {shapes[0][1]} and {shapes[1][0]}"
    what = f"{op.symbol}({', '.join(names)})" if op.symbol.isidentifier() else f"{names[0]} {op.symbol} {names[1]}"
    return f"{what}: {size(shapes[0])} and {size(shapes[1])} do not fit ({reason})"


def _floats(value: Any) -> Array:
    a = np.asarray(value)
    return a.astype(np.float64) if a.dtype.kind in "biu" else a


def _summed(c: Any, dz: Any, how: str) -> Any:
    """The contribution to an operand that is repeated: the sum over the axis it is repeated along."""
    if how == "constant" or c is None:
        return None
    if how in ("rows", "all"):
        c = ones(dz).T @ c
    return c @ ones(dz.T) if how in ("columns", "all") else c


def _lock(arrays: tuple[Array, ...]) -> None:
    for a in arrays:
        a.setflags(write=False)


def _checked(op: Op) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """run, deriv and kernel of a user's row: it cannot change what it is given, and has to give the right sizes."""
    forward, rule, symbol, arity = op.run, op.deriv, op.symbol, op.arity  # op itself would be a cycle
    names = ("dz", "z", "x", "y")[: arity + 2]

    def run(*operands: Array) -> Array:
        _lock(operands)
        return as_matrix(forward(*operands), f"the forward of {symbol}")

    def deriv(dz: Any, z: Any, *operands: Any) -> Any:
        try:
            given = rule(dz, z, *operands)
        except ValueError as reason:  # such as NumPy's on sizes
            sizes = ", ".join(f"{name} {size(a.shape)}" for name, a in zip(names, (dz, z, *operands), strict=True))
            raise ValueError(f"the rule of {symbol} with {sizes}: {reason}") from None
        out = tuple(given) if isinstance(given, tuple | list) else (given,)
        if len(out) != arity:
            raise ValueError(f"the rule of {symbol} gives {len(out)} derivative(s), not {arity}")
        if arity == 1 and isinstance(given, tuple | list):
            raise ValueError(f"the rule of {symbol} gives a {type(given).__name__}, not the derivative for x")
        for c, a, name in zip(out, operands, "xy", strict=False):
            shape = getattr(c, "shape", ())
            if c is not None and shape != a.shape[::-1]:
                needed = f"{name} is {size(a.shape)}, row layout needs {size(a.shape[::-1])}"
                raise ValueError(f"the rule of {symbol} gives {size(shape) or 'a number'} for {name}: {needed}")
        return out if arity == 2 else out[0]

    def kernel(D: Array, *values: Array) -> Any:
        _lock((D, *values))
        out = deriv(D.T, *values)
        columns = tuple(c if c is None else np.array(c.T) for c in (out if arity == 2 else (out,)))
        return columns if arity == 2 else columns[0]

    return run, deriv, kernel
