"""The table: one row is one operation and its derivative.

Source: the slides "Rules: 1" to "Rules: 4b", "Derivative routine" and "Caveats".  Derivatives stand in row layout:
that of an N×M matrix is M×N, so a rule reads as on the slides.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from tinyad.arrays import matrix, stable
from tinyad.engine.op import Op, ones, zeros
from tinyad.expressions.symbol import Symbol

row = partial(Op, own=True)
# Rows that a rule has before they stand in the table: until then a rule shows them by their symbols.
stack: Any = partial(Symbol, "stack")
upper: Any = partial(Symbol, "upper")
under: Any = partial(Symbol, "under")
padded: Any = partial(Symbol, "padded")
cos: Any = partial(Symbol, "cos")
cosh: Any = partial(Symbol, "cosh")

# fmt: off
# The slides' rows.
none         = row("none",         lambda x: x,         lambda dz, z, x:    dz)
schur        = row("∘",            np.multiply,         lambda dz, z, x, y: (dz * y.T, dz * x.T))
matmul       = row("*",            np.matmul,           lambda dz, z, x, y: (y @ dz, dz @ x))
add          = row("+",            np.add,              lambda dz, z, x, y: (dz, dz))
sub          = row("-",            np.subtract,         lambda dz, z, x, y: (dz, -dz))
tanh         = row("tanh",         np.tanh,             lambda dz, z, x:    dz * (1 - z * z).T)
sigmoid      = row("sigmoid",      stable.sigmoid,      lambda dz, z, x:    dz * z.T * (1 - z).T)
softmax      = row("softmax",      stable.softmax,      lambda dz, z, x:    (dz - (dz * z.T) @ ones(z)) * z.T)
# The rows that the slide "Caveats" asks for, and what losses need.
div          = row("/",            np.divide,           lambda dz, z, x, y: (dz / y.T, -(dz * z.T / y.T)))
inv          = row("inv",          np.linalg.inv,       lambda dz, z, x:    -(z @ dz @ z))
neg          = row("neg",          np.negative,         lambda dz, z, x:    -dz)
transpose    = row("transpose",    np.transpose,        lambda dz, z, x:    dz.T)
softmax_rows = row("softmax_rows", stable.softmax_rows, lambda dz, z, x:    (dz - ones(dz).T @ (dz * z.T)) * z.T)
exp          = row("exp",          np.exp,              lambda dz, z, x:    dz * z.T)
log          = row("log",          np.log,              lambda dz, z, x:    dz / x.T)
log_softmax  = row("log_softmax",  stable.log_softmax,  lambda dz, z, x:    dz - (dz @ ones(z)) * exp(z).T)
sqrt         = row("sqrt",         np.sqrt,             lambda dz, z, x:    dz / (2 * z).T)
sum          = row("sum",          matrix.total,        lambda dz, z, x:    ones(x.T) @ dz @ ones(x).T)
# One matrix on top of another, and its two parts again: the first rows of x, as many as y has, and the rows under them.
stack        = row("stack",        matrix.stack,        lambda dz, z, x, y: (upper(dz.T, x).T, under(dz.T, x).T))
upper        = row("upper",        matrix.upper,        lambda dz, z, x, y: (stack(dz.T, zeros(under(x, y))).T, None))
under        = row("under",        matrix.under,        lambda dz, z, x, y: (stack(zeros(upper(x, y)), dz.T).T, None))
# Some rows of x, and the way back; y is the constant [[start, stop, number of rows]].
rows         = row("rows",         matrix.rows,         lambda dz, z, x, y: (padded(dz.T, y).T, None))
padded       = row("padded",       matrix.padded,       lambda dz, z, x, y: (rows(dz.T, y).T, None))
# Functions with a kink: there the derivative is that of one side.  What is constant on both sides has none.
greater      = row(">",            matrix.greater,      lambda dz, z, x, y: (None, None))
at_least     = row("≥",            matrix.at_least,     lambda dz, z, x, y: (None, None))
sign         = row("sign",         lambda x: np.sign(x.real).astype(x.dtype), lambda dz, z, x:    None)
first_max    = row("first_max",    matrix.first_max,    lambda dz, z, x:    None)
relu         = row("relu",         lambda x: np.maximum(x, 0), lambda dz, z, x:    dz * (x > 0).T)
maximum      = row("maximum",      np.maximum,          lambda dz, z, x, y: (dz * (x > y).T, dz * (y >= x).T))
minimum      = row("minimum",      np.minimum,          lambda dz, z, x, y: (dz * (y > x).T, dz * (x >= y).T))
absolute     = row("abs",          lambda x: np.where(x.real < 0, -x, x), lambda dz, z, x:    dz * sign(x).T)
column_max   = row("column_max",   lambda x: x.max(0, keepdims=True), lambda dz, z, x:    dz * first_max(x).T)
row_max      = row("row_max",      lambda x: x.max(1, keepdims=True), lambda dz, z, x:    dz * first_max(x.T))
# More functions of every component.
power        = row("**",           np.power,         lambda dz, z, x, y: (dz * (y * x**(y - 1)).T, dz * (z * log(x)).T))
sin          = row("sin",          np.sin,              lambda dz, z, x:    dz * cos(x).T)
cos          = row("cos",          np.cos,              lambda dz, z, x:    -(dz * sin(x).T))
sinh         = row("sinh",         np.sinh,             lambda dz, z, x:    dz * cosh(x).T)
cosh         = row("cosh",         np.cosh,             lambda dz, z, x:    dz * sinh(x).T)
log1p        = row("log1p",        np.log1p,            lambda dz, z, x:    dz / (1 + x).T)
expm1        = row("expm1",        np.expm1,            lambda dz, z, x:    dz * (z + 1).T)
softplus     = row("softplus",     stable.softplus,     lambda dz, z, x:    dz * sigmoid(x).T)
erf          = row("erf",          stable.erf,          lambda dz, z, x:    dz * (2 / np.pi**0.5 * exp(-(x * x))).T)
# fmt: on

TABLE = {op.symbol: op for op in (
    none, schur, matmul, add, sub, tanh, sigmoid, softmax, div, inv, neg, transpose, softmax_rows, exp, log,
    log_softmax, sqrt, sum, stack, upper, under, rows, padded, greater, at_least, sign, first_max, relu, maximum,
    minimum, absolute, column_max, row_max, power, sin, cos, sinh, cosh, log1p, expm1, softplus, erf,
)}  # fmt: skip


def row_of(formula: Symbol) -> Op:
    """Return the row that a formula applies: the Op that was called, or that of the table for an operator."""
    return formula.row or TABLE[formula.head]


def evaluated(formula: Any, values: Mapping[str, Any]) -> Any:
    """Return the value of a formula whose names have the given values, arrays or Variables; a number is itself."""
    if not isinstance(formula, Symbol) or not formula.operands:
        return values[formula.head] if isinstance(formula, Symbol) else formula
    operands = [evaluated(operand, values) for operand in formula.operands]
    if formula.head in ("1", "0"):
        return ones(*operands) if formula.head == "1" else zeros(*operands)
    return row_of(formula)(*operands)
