"""The rows of users: at every call their results are held to the sizes they must have."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array, Shape, as_matrix, kind, size

Function = Callable[..., Any]


def arity(symbol: Any, forward: Any, rule: Any) -> int:
    """Return how many operands a row has, by the parameters of its rule; TypeError for what makes no row."""
    if not isinstance(symbol, str) or not symbol or not callable(forward) or not callable(rule):
        given = ", ".join(map(kind, (symbol, forward, rule)))
        raise TypeError(f"Op(symbol, forward, rule) takes a symbol and two functions, not {given}")
    count = len([p for p in signature(rule).parameters.values() if p.default is p.empty]) - 2
    if count not in (1, 2):
        raise TypeError(f"{symbol}: a rule is deriv(dz, z, x) or deriv(dz, z, x, y), not {signature(rule)}")
    return count


def checked(symbol: str, forward: Function, rule: Function, elementwise: bool, arity: int) -> tuple[Function, ...]:
    """Return run, deriv and vjp of a user's row, which cannot change what it is given, and has to give right sizes."""

    def run(*operands: Array) -> Array:
        _lock(operands)
        return as_matrix(forward(*operands), f"the forward of {symbol}")

    def deriv(dz: Any, z: Any, *operands: Any) -> Any:
        try:
            given = rule(dz, z, *operands)
        except ValueError as reason:  # such as NumPy's on sizes
            names = zip(("dz", "z", "x", "y"), (dz, z, *operands), strict=False)
            sizes = ", ".join(f"{name} {size(a.shape)}" for name, a in names)
            raise ValueError(f"the rule of {symbol} with {sizes}: {reason}") from None
        several = isinstance(given, tuple | list)
        out = tuple(given) if several else (given,)
        if len(out) != arity:
            raise ValueError(f"the rule of {symbol} gives {len(out)} derivative{'s' * (len(out) > 1)}, not {arity}")
        if arity == 1 and several:
            raise ValueError(f"the rule of {symbol} gives {kind(given)}, not the derivative for x")
        for c, a, name in zip(out, operands, "xy", strict=False):
            # An operand that is repeated has its sum taken later: its derivative comes in the size of the result.
            fits(symbol, name, c, a.shape, (z if elementwise else a).shape[::-1])
        return out if arity == 2 else out[0]

    def vjp(D: Array, *values: Array) -> Any:
        _lock((D, *values))
        out = deriv(D.T, *values)
        columns = tuple(c if c is None else np.array(c.T) for c in (out if arity == 2 else (out,)))
        return columns if arity == 2 else columns[0]

    return run, deriv, vjp


def fits(symbol: str, name: str, c: Any, operand: Shape, wanted: Shape) -> None:
    """ValueError if a rule's derivative for an operand has another size than it must have."""
    shape = getattr(c, "shape", ())
    if c is not None and shape != wanted:
        reason = f"{name} is {size(operand)}, row layout needs {size(wanted)}"
        raise ValueError(f"the rule of {symbol} gives {size(shape) or 'a number'} for {name}: {reason}")


def _lock(arrays: tuple[Array, ...]) -> None:
    for a in arrays:
        a.setflags(write=False)
