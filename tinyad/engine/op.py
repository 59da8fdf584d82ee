"""A row of the table: an Op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinyad.arrays import matrix
from tinyad.arrays.matrix import Shape
from tinyad.engine.vjp import compiled
from tinyad.expressions import messages, user_row
from tinyad.expressions.operand import Operand
from tinyad.expressions.symbol import Symbol


def ones(a: Any) -> Any:
    """Return the column 1 with as many rows as `a`: `ones(a).T @ a` sums the rows of a, `a @ ones(a.T)` its columns."""
    return Symbol("1", a) if isinstance(a, Symbol) else matrix.ones_for(a)


def zeros(a: Any) -> Any:
    """Return the matrix 0 of the size of `a`; in 0 * a what is not finite in `a` would come through as NaN."""
    return Symbol("0", a) if isinstance(a, Symbol) else np.zeros(a.shape, a.dtype)


def summed(c: Any, dz: Any, how: str) -> Any:
    """Return the contribution to an operand that is repeated (see `matrix.broadcast`): the sum of c over what repeats.

    c and dz are arrays, Symbols or Variables in row layout; nothing is contributed to an operand that is "constant".
    """
    if how == "constant" or c is None:
        return None
    if how in ("rows", "all"):
        c = ones(dz).T @ c
    return c @ ones(dz.T) if how in ("columns", "all") else c


BY_SYMBOL: dict[str, Callable[..., Any]] = {  # what a rule may hold before its row stands in the table
    "1": ones, "0": zeros, "stack": matrix.stack, "upper": matrix.upper, "under": matrix.under,
    "padded": matrix.padded, "cos": np.cos, "cosh": np.cosh,
}  # fmt: skip


class Op:
    """A row of the table: symbol, forward, and the derivative rule of the slides, a vector-Jacobian product (vjp).

    `forward(x)` or `forward(x, y)` maps matrices to a matrix.  `deriv(dz, z, x)` returns the derivative for x,
    `deriv(dz, z, x, y)` the pair for x and y, in row layout: an expression in `* @ .T + - / **`, numbers, `ones`
    and other rows, so that it runs on arrays, on Symbols (to be printed) and on Variables (to be derived again).
    None in the place of a derivative: the operand gives only its size, and its derivative is 0.
    A call, `op(x)` or `op(x, y)`, records on Variables and computes on arrays; a size that the rule or the forward
    gives wrongly is a ValueError there.  TypeError for a rule of other parameters.
    """

    __slots__ = (
        "__dict__", "arity", "deriv", "elementwise", "formulas", "forward", "run", "symbol", "vjp", "vjps",
    )  # fmt: skip
    symbol: str
    arity: int
    elementwise: bool
    forward: Callable[..., Any]
    deriv: Callable[..., Any]
    formulas: tuple[Any, ...] | None  # the rule as Symbols; None if it is more than an expression
    run: Callable[..., Any]  # forward, as the tape calls it
    vjp: Callable[..., Any]  # vjp(D, z, x) or vjp(D, z, x, y): the rule with all derivatives transposed
    vjps: tuple[Callable[..., Any], ...]  # the same for each operand alone, where the other one is a constant

    def __init__(self, symbol: str, forward: Callable[..., Any], deriv: Callable[..., Any], own: bool = False) -> None:
        """`own` marks the table's own rows: their sizes are held in tests, a user's at every call."""
        arity = user_row.arity(symbol, forward, deriv)
        ufunc = isinstance(forward, np.ufunc) and forward.signature is None
        elementwise = arity == 2 and (ufunc or forward in (matrix.greater, matrix.at_least))
        formulas, names = _formulas(deriv, arity), ("x", "y")[:arity]
        if own and formulas is not None:
            run = np.ndarray.dot if forward is np.matmul else forward
            vjp, *vjps = (compiled(some, names, BY_SYMBOL) for some in (formulas, *zip(formulas)))
        else:
            run, deriv, vjp = user_row.checked(symbol, forward, deriv, elementwise, arity)
            vjps = [lambda *values, k=k: vjp(*values)[k] for k in range(arity)]
        made = {
            "symbol": symbol, "arity": arity, "elementwise": elementwise, "forward": forward, "deriv": deriv,
            "formulas": formulas, "run": run, "vjp": vjp, "vjps": tuple(vjps),
            "__doc__": messages.described(symbol) if own else Op.__doc__,
        }  # fmt: skip
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self!r} is complete: add another row with Op(symbol, forward, deriv)")

    def __deepcopy__(self, memo: Any) -> Op:
        return self

    def __call__(self, x: Any, y: Any = None, *more: Any, **options: Any) -> Any:
        if (y is None) != (self.arity == 1) or more or options:
            raise TypeError(f"{self.symbol} takes {messages.OPERANDS[self.arity]} and no options; help() says more")
        operand = x if isinstance(x, Operand) else y
        if isinstance(operand, Operand):
            return operand.apply(self, x, y)
        return self.forward(*map(matrix.floats, (x, y)[: self.arity]))

    def __repr__(self) -> str:
        return f"Op({self.symbol!r})"


def entering(op: Op, shapes: Sequence[Shape]) -> tuple[str, ...]:
    """Return how the two operands of a row are repeated (see `matrix.broadcast`); ValueError if they do not fit."""
    how = matrix.broadcast(*shapes) if op.elementwise else ("", "")
    if how is None:
        raise ValueError("expected equal sizes, or 1×1 with any, N×1 with N×B, 1×B with N×B")
    return how


def _formulas(rule: Callable[..., Any], arity: int) -> tuple[Any, ...] | None:
    """Return the rule as Symbols; None for one that is more than an expression, which runs as it stands."""
    try:
        shown = rule(*map(Symbol, ("dz", "z", "x", "y")[: arity + 2]))
    except (TypeError, ValueError, AttributeError, IndexError):
        return None
    return tuple(shown) if isinstance(shown, tuple | list) else (shown,)
