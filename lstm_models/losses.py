"""Losses of one time step and over time, in rows of the table: they are listed, drawn and derived twice like any model.

Sizes: a_y, y, labels and target are Y×B, a mask has 0 for an example that is left out, 1 or a weight for
the others, every loss is 1×1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_models.model import Matrix
from tinyad import TABLE, Variable, log_softmax

Values = dict[str, Any]
SUM = TABLE["sum"]  # np.sum of an array would not be 1×1


def cross_entropy(a_y: Any, labels: Any, mask: Any = None) -> Values:
    """Compute e = -Σ log softmax(a_y) ∘ labels, in nats, summed over the examples that the mask does not leave out.

    `labels` are a matrix whose columns sum to 1, or for each example the index of its class, from 0.  Those of an
    example that is left out may be anything, such as -1.
    """
    row = _row(mask, a_y)
    if not isinstance(labels, Variable) and np.ndim(labels) != 2:
        Y, B = a_y.shape
        labels = one_hot(labels, Y, B, a_y.dtype, True if row is None else row[0] != 0)
    counted = _fitting("labels", labels, a_y, row)
    if row is not None:
        counted = counted * row
    l = log_softmax(a_y)
    yl = l * counted  # in this order the Variable takes the array, not NumPy the Variable
    total = SUM(yl)
    values = {"l": l, "yl": yl, "total": total, "e": -total}
    return values if row is None else {"counted": counted} | values


def squared_error(y: Any, target: Any, mask: Any = None) -> Values:
    """Compute e = Σ (y - target)², summed over the components and over the examples that the mask does not leave out.

    There is no factor: `over_time` divides by what it is told, and 1/2 is for whoever wants it.
    """
    row = _row(mask, y)
    residual = y - _fitting("the target", target, y, row)
    squared = residual * residual
    counted = squared if row is None else squared * row
    return {"residual": residual, "squared": squared, "counted": counted, "e": SUM(counted)}


def over_time(errors: Sequence[Any], count: Any = None) -> list[Any]:
    """Return the running sums of the errors, and the last of them over `count`, the number of examples or characters
    counted.

    The lengths or masks do for a count: it is their sum.  Without a count L is the sum.  L is the last entry; of one
    error without a count it is the error.
    """
    if not errors:
        raise ValueError("no losses to add")
    sums = [errors[0]]
    for e in errors[1:]:
        sums.append(sums[-1] + e)
    if count is None:
        return sums
    count = float(np.sum(count))
    if not count > 0:
        raise ValueError(f"the mean of {count:g} losses: the mask leaves nothing to count")
    return [*sums, sums[-1] / count]


def one_hot(indices: Any, Y: int, B: int, dtype: Any = np.float64, counted: Any = True) -> Matrix:
    """Return a matrix Y×B: column k has its 1 in row indices[k], counted from 0.

    It is 0 if the example is not `counted`.
    """
    indices = np.atleast_1d(indices)
    if indices.shape != (B,) or indices.dtype.kind not in "iu":
        given = f"{indices.dtype} of shape {indices.shape}"
        raise ValueError(f"labels: expected {B} whole numbers, or a matrix of {Y}×{B}; got {given}")
    outside = np.flatnonzero(((indices < 0) | (indices >= Y)) & counted)
    if len(outside):
        k = outside[0]
        raise ValueError(f"labels: {indices[k]} of example {k + 1} is out of range, the {Y} classes are 0 to {Y - 1}")
    columns = np.zeros((Y, B), dtype)
    columns[np.where(counted, indices, 0), np.arange(B)] = counted
    return columns


def _fitting(name: str, given: Any, a: Any, row: Matrix | None) -> Any:
    """Return what is given, if it has the size of a; an array has 0 in the examples that are left out, whatever was
    there.
    """
    array = None if isinstance(given, Variable) else np.asarray(given)
    shape = given.shape if array is None else array.shape
    if shape != a.shape:  # NumPy would repeat it
        raise ValueError(f"{name}: expected a matrix of {a.shape[0]}×{a.shape[1]}, got one of shape {shape}")
    if array is None:
        return given
    array = array.astype(a.dtype) if array.dtype.kind in "biu" else array
    return array if row is None else np.where(row != 0, array, 0)


def _row(mask: Any, a: Any) -> Matrix | None:
    if len(a.shape) != 2:
        raise ValueError(f"the result is of shape {a.shape}, expected a matrix with a column for each example")
    if mask is None:
        return None
    row, B = np.atleast_1d(mask), a.shape[1]
    if row.shape not in ((B,), (1, B), (B, 1)):
        raise ValueError(f"the mask is of shape {row.shape}, expected {B} entries, one for each example")
    wrong = ~((row >= 0) & (row < np.inf))
    if wrong.any():
        needed = "expected 0 for an example that is left out, else 1 or a weight"
        raise ValueError(f"the mask has {row[wrong][0]}; {needed}")
    counted: Matrix = row.reshape(1, -1).astype(a.dtype)
    return counted
