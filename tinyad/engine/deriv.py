"""The slides' "Derivative routine": the derivatives of one operation, without a tape."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyad.arrays.matrix import as_matrix, size
from tinyad.engine.op import Op, entering, summed
from tinyad.engine.table import TABLE
from tinyad.expressions.messages import OPERANDS, misfit


def deriv(dz: Any, x: Any, y: Any, operator: Any = None) -> Any:
    """Return the derivatives for x and y of z = x operator y, given dz (slides "Derivative routine", both versions).

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
        raise TypeError(f"{op.symbol} takes {OPERANDS[op.arity]}: deriv(dz, x, {'y, ' * (op.arity - 1)}{op.symbol!r})")
    given = dz, x, y
    dz, operands = as_matrix(dz, "dz"), [as_matrix(a, name) for a, name in ((x, "x"), (y, "y"))[: op.arity]]
    numbers = all(np.ndim(a) == 0 for a in given if a is not None)
    shapes = [a.shape for a in operands]
    try:
        how = entering(op, shapes)
        z = op.forward(*operands)
    except ValueError as reason:
        raise ValueError(misfit(op, "xy", shapes, reason)) from None
    if dz.shape != z.shape[::-1]:
        raise ValueError(f"dz is {size(dz.shape)}, but z is {size(z.shape)}: row layout needs {size(z.shape[::-1])}")
    out = op.deriv(dz, z, *operands)
    results = []
    for a, c, repeated in zip(operands, out if op.arity == 2 else (out,), how, strict=False):
        c = summed(c, dz, repeated)
        c = np.zeros_like(a.T) if c is None else np.array(c)
        results.append(c.item() if numbers else c)
    return tuple(results) if op.arity == 2 else results[0]
