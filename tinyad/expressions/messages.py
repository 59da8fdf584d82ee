"""Errors: what to write where something else was meant; one line on each row of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinyad.arrays.matrix import Shape, size

if TYPE_CHECKING:
    from tinyad.engine.op import Op

INSTEAD = {  # functions and methods of NumPy that people write, and what says the same in rows of the table
    "clip": "np.maximum(np.minimum(v, high), low)",
    "outer": "v @ w.T, for two columns",
    "inner": "v.T @ w, for two columns",
    "stack": "np.vstack or np.hstack",
    "linalg.solve": "np.linalg.inv(A) @ b",
    "reshape": "products and slices; a Variable keeps its two axes",
    "prod": "np.exp(np.sum(np.log(v))), for positive entries",
    "einsum": "products, v @ w and v * w",
    "where": "mask * v + (1 - mask) * w",
}
OFF_THE_TAPE = "a Variable stays on its tape: v.item() is the number, and where math.tanh(v) would leave it, np.tanh(v)"
ROWS = {
    "none": "x itself, N×M.",
    "∘": "x * y: the product of components, of equal sizes or with a column, a row or a number repeated.",
    "*": "x @ y: the matrix product, N×K and K×M to N×M.",
    "+": "x + y: of equal sizes, or with a column, a row or a number repeated.",
    "-": "x - y: of equal sizes, or with a column, a row or a number repeated.",
    "sigmoid": "1 / (1 + exp(-x)) of every component, N×M to N×M; it does not overflow.",
    "softmax": "each column of the N×M matrix sums to 1; for rows there is softmax_rows.",
    "/": "x / y: by component, of equal sizes, or with a column, a row or a number repeated.",
    "inv": "the inverse of an N×N matrix.",
    "neg": "-x, N×M to N×M.",
    "transpose": "x.T, N×M to M×N.",
    "softmax_rows": "each row of the N×M matrix sums to 1; for columns there is softmax.",
    "log_softmax": "log(softmax(x)) of each column, N×M to N×M; finite where softmax is 0.",
    "sum": "the sum of all entries, N×M to 1×1; `ones(x).T @ x` sums the rows, `x @ ones(x.T)` the columns.",
    "stack": "x on top of y, N×M and K×M to (N+K)×M.",
    "upper": "the first rows of x, as many as y has; y gives only its size.",
    "under": "the rows of x below the first ones, which are as many as y has; y gives only its size.",
    "rows": "the rows start to stop - 1 of x, which has n; y is [[start, stop, n]].  x[start:stop] records it.",
    "padded": "the rows of x at start to stop - 1 of n, the others 0; y is [[start, stop, n]].",
    ">": "1 where x > y, else 0; its derivative is 0.",
    "≥": "1 where x ≥ y, else 0; its derivative is 0.",
    "sign": "1, 0 or -1 of every component, N×M to N×M; its derivative is 0.",
    "first_max": "1 at the first largest entry of each column, else 0; its derivative is 0.",
    "relu": "max(0, x) of every component, N×M to N×M; its derivative at 0 is 0.",
    "maximum": "the larger of x and y by component; of equal ones the derivative goes to y.",
    "minimum": "the smaller of x and y by component; of equal ones the derivative goes to y.",
    "column_max": "the largest entry of each column, N×M to 1×M; of equal ones the first gets the derivative.",
    "row_max": "the largest entry of each row, N×M to N×1; of equal ones the first gets the derivative.",
    "**": "x ** y: by component; y is a number, or repeated as a factor is.",
    "softplus": "log(1 + exp(x)) of every component, N×M to N×M; it does not overflow.",
}


def described(symbol: str) -> str:
    """Return the docstring of a row of the table."""
    return ROWS.get(symbol, f"{symbol}(x) of every component, N×M to N×M.")


def instead(name: str) -> str:
    """Return what to write for a function of NumPy that is no row of the table."""
    how = INSTEAD.get(name, "it with operations of the table")
    word = name.rpartition(".")[2]
    return (
        f"np.{name} is no operation of the table; write {how}, or add one, {word} = Op({word!r}, np.{name}, rule), "
        f"and call {word}(...)"
    )


def no_attribute(kind: str, name: str) -> str:
    """Return what to say of an attribute that arrays have, or somebody hoped for."""
    phrase = f"; write {INSTEAD[name]}" if name in INSTEAD else ""
    return (
        f"a {kind} has no {name!r}{phrase}: it takes + - * / @ ** .T, slices, .sum(), .mean(), and functions of NumPy, "
        f"as in np.tanh(v); v.value is the array"
    )


def misfit(op: Op, names: Sequence[str], shapes: Sequence[Shape], reason: object) -> str:
    """Return what to say when `op` cannot take operands of these names and shapes."""
    if op.arity == 1:
        return f"{op.symbol}({names[0]}): {names[0]} is {size(shapes[0])} ({reason})"
    if op.forward is np.matmul:
        reason = f"inner sizes {shapes[0][1]} and {shapes[1][0]}"
    what = f"{op.symbol}({', '.join(names)})" if op.symbol.isidentifier() else f"{names[0]} {op.symbol} {names[1]}"
    return f"{what}: {size(shapes[0])} and {size(shapes[1])} do not fit ({reason})"
