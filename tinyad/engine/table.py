"""The table: one row is one operation and its derivative.

Source: the slides "Rules: 1" to "Rules: 4b", "Derivative routine" and "Caveats".  Derivatives stand in row layout:
that of an N×M matrix is M×N, so a rule reads as on the slides.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyad.engine import matrix
from tinyad.engine.matrix import as_matrix, size
from tinyad.engine.op import ROW_OF, TABLE, Op, misfit, ones, zeros

# fmt: off
# The slides' rows.
none         = Op("none",         lambda x: x,         lambda dz, z, x:    dz)
schur        = Op("∘",            np.multiply,         lambda dz, z, x, y: (dz * y.T, dz * x.T))
matmul       = Op("*",            np.matmul,           lambda dz, z, x, y: (y @ dz, dz @ x))
add          = Op("+",            np.add,              lambda dz, z, x, y: (dz, dz))
sub          = Op("-",            np.subtract,         lambda dz, z, x, y: (dz, -dz))
tanh         = Op("tanh",         np.tanh,             lambda dz, z, x:    dz * (1 - z * z).T)
sigmoid      = Op("sigmoid",      matrix.sigmoid,      lambda dz, z, x:    dz * z.T * (1 - z).T)
softmax      = Op("softmax",      matrix.softmax,      lambda dz, z, x:    (dz - (dz * z.T) @ ones(z)) * z.T)
# The rows that the slide "Caveats" asks for, and what losses need.
div          = Op("/",            np.divide,           lambda dz, z, x, y: (dz / y.T, -(dz * z.T / y.T)))
inv          = Op("inv",          np.linalg.inv,       lambda dz, z, x:    -(z @ dz @ z))
neg          = Op("neg",          np.negative,         lambda dz, z, x:    -dz)
transpose    = Op("transpose",    np.transpose,        lambda dz, z, x:    dz.T)
softmax_rows = Op("softmax_rows", matrix.softmax_rows, lambda dz, z, x:    (dz - ones(dz).T @ (dz * z.T)) * z.T)
exp          = Op("exp",          np.exp,              lambda dz, z, x:    dz * z.T)
log          = Op("log",          np.log,              lambda dz, z, x:    dz / x.T)
log_softmax  = Op("log_softmax",  matrix.log_softmax,  lambda dz, z, x:    dz - (dz @ ones(z)) * exp(z).T)
sqrt         = Op("sqrt",         np.sqrt,             lambda dz, z, x:    dz / (2 * z).T)
sum          = Op("sum",          matrix.total,        lambda dz, z, x:    ones(x.T) @ dz @ ones(x).T)
# One matrix on top of another, and its two parts again: the first rows of x, as many as y has, and the rows under them.
stack: Op    = Op("stack",        matrix.stack,        lambda dz, z, x, y: (upper(dz.T, x).T, under(dz.T, x).T))
upper: Op    = Op("upper",        matrix.upper,        lambda dz, z, x, y: (stack(dz.T, zeros(under(x, y))).T, None))
under: Op    = Op("under",        matrix.under,        lambda dz, z, x, y: (stack(zeros(upper(x, y)), dz.T).T, None))
# fmt: on

TABLE.update({op.symbol: op for op in (none, schur, matmul, add, sub, tanh, sigmoid, softmax, div, inv, neg)})
TABLE.update({op.symbol: op for op in (transpose, softmax_rows, exp, log, log_softmax, sqrt, sum, stack, upper, under)})
ROW_OF.update({op.forward: op for op in TABLE.values()} | {np.positive: none, np.dot: matmul, np.sum: sum})
for _op in TABLE.values():
    _op.compile()


def deriv(dz: Any, x: Any, y: Any, operator: Any = None) -> Any:
    """Derivatives for x and y of z = x operator y, given dz (slides "Derivative routine", scalar and vector version).

    For a unary operator y is left out, `deriv(dz, x, 'tanh')`, and one derivative is returned instead of a pair.
    `operator` is a symbol of the table or an Op.  Numbers in, numbers out; matrices in row layout: dz is M×N for an N×M
    z, that for a repeated operand is summed to its size.  KeyError: no such symbol; ValueError: sizes that do not fit.
    """
    if operator is None:
        y, operator = None, y
    op = operator if isinstance(operator, Op) else TABLE.get(operator) if isinstance(operator, str) else None
    if op is None:
        raise KeyError(f"unknown operator {operator!r}; the table has {' '.join(TABLE)}")
    if (y is None) != (op.arity == 1):
        raise TypeError(f"{op.symbol} takes {op.arity} operand(s): deriv(dz, x, {'y, ' * (op.arity - 1)}{op.symbol!r})")
    numbers = all(np.ndim(a) == 0 for a in (dz, x, y) if a is not None)
    dz, operands = as_matrix(dz, "dz"), [as_matrix(a, name) for a, name in ((x, "x"), (y, "y"))[: op.arity]]
    shapes = [a.shape for a in operands]
    try:
        z = op.forward(*operands)
        op = op.fitted(shapes[0], shapes[1]) if op.elementwise else op
    except ValueError as reason:
        raise ValueError(misfit(op, "xy", shapes, reason)) from None
    if dz.shape != z.shape[::-1]:
        raise ValueError(f"dz is {size(dz.shape)}, but z is {size(z.shape)}: row layout needs {size(z.shape[::-1])}")
    out = op.deriv(dz, z, *operands)
    pairs = zip(operands, out if op.arity == 2 else (out,), strict=True)
    columns = (np.zeros_like(a.T) if c is None else np.array(c) for a, c in pairs)
    results = tuple(c.item() if numbers else c for c in columns)
    return results if op.arity == 2 else results[0]
