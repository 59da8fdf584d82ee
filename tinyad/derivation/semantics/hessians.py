"""Second derivatives of the loss at a sample point: the complex step through the steps of the tape, there and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.forward import Forward
from tinyad.derivation.semantics.limits import COMPLEX_STEP
from tinyad.derivation.semantics.values import Unfitting, counted


def hessian(forward: Forward, first: TimedName, second: TimedName) -> Array:
    """Return ∂²L/∂first ∂second of two columns: a row for each entry of the first, a column for each of the second."""
    loss = forward.values.get((forward.declarations.names.loss, None))
    if loss is None or loss.shape != (1, 1):
        raise Unfitting("a second derivative needs the loss, one number, in the forward")
    x, y = (forward.values[name] for name in (first, second))
    if x.shape[1] != 1 or y.shape[1] != 1:
        raise Unfitting("a second derivative is a matrix for columns only: write vec(W) as a name of its own")
    counted(x.shape[0], y.shape[0])
    columns = []
    for entry in range(y.shape[0]):
        forward.source.check_time()
        moved = y.value.astype(complex)
        moved[entry, 0] += 1j * COMPLEX_STEP
        columns.append(_gradient(forward, {y.index: moved}, loss.index, x.index).imag / COMPLEX_STEP)
    return np.hstack(columns)


def _gradient(forward: Forward, now: dict[int, Any], loss: int, of: int) -> Array:
    """Return the derivative of the loss for one value, where others have moved."""
    values, steps = forward.tape.values, forward.tape.steps
    for op, z, *places in steps:
        operands = [i for i in places if i is not None]
        if any(i in now for i in operands):
            now[z] = op.forward(*(now.get(i, values[i]) for i in operands))
    adjoints: dict[int, Any] = {loss: np.ones((1, 1), complex)}
    for op, z, *places in reversed(steps):
        if z not in adjoints:
            continue
        operands = [i for i in places if i is not None]
        made = op.deriv(adjoints[z].T, now.get(z, values[z]), *(now.get(i, values[i]) for i in operands))
        for i, contribution in zip(operands, made if isinstance(made, tuple) else (made,), strict=False):
            if contribution is not None:
                adjoints[i] = adjoints.get(i, 0) + _of_shape(np.asarray(contribution).T, values[i].shape)
    found: Array = adjoints.get(of, np.zeros(values[of].shape, complex))
    return found


def _of_shape(contribution: Array, shape: tuple[int, ...]) -> Array:
    """Return the sum of a contribution over the axes along which its operand is repeated."""
    axes = tuple(k for k in (0, 1) if shape[k] == 1 and contribution.shape[k] > 1)
    summed: Array = contribution.sum(axis=axes, keepdims=True)
    return np.broadcast_to(summed, shape)
