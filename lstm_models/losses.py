"""Losses of one time step and over time, in rows of the table: they are listed, drawn and derived twice like any model.

Sizes: a_y, y and the labels are Y×B, a mask has one entry for each of the B examples, every loss is 1×1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_models.model import Matrix
from tinyad import log_softmax

Values = dict[str, Any]


def cross_entropy(a_y: Any, labels: Any, mask: Any = None) -> Values:
    """e = -Σ labels ∘ log softmax(a_y), in nats, summed over the examples that the mask does not leave out.

    `labels` are columns that sum to 1, or for each example the index of its class, from 0.
    """
    if len(getattr(labels, "shape", ())) != 2:
        labels = one_hot(labels, a_y.shape[0], a_y.shape[1], a_y.dtype)
    if mask is not None:
        labels = labels * _row(mask, a_y)
    l = log_softmax(a_y)
    yl = labels * l
    total = np.sum(yl)
    e = -total
    return {"l": l, "yl": yl, "total": total, "e": e}


def squared_error(y: Any, target: Any, mask: Any = None) -> Values:
    """e = Σ (y - target)², summed over the components and over the examples that the mask does not leave out.

    There is no factor: `over_time` divides by what it is told, and 1/2 is for whoever wants it.
    """
    r = y - target
    r2 = r * r
    counted = r2 if mask is None else r2 * _row(mask, y)
    return {"r": r, "r2": r2, "counted": counted, "e": np.sum(counted)}


def over_time(errors: Sequence[Any], count: float | None = None) -> list[Any]:
    """The running sums of the errors, and the last of them over `count`, the number of examples or characters counted.

    Without a count L is the sum.  L is the last entry; of one error without a count it is the error.
    """
    if count is not None and not count > 0:
        raise ValueError(f"the mean of {count:g} losses: the mask leaves nothing to count")
    if not errors:
        raise ValueError("no losses to add")
    sums = [errors[0]]
    for e in errors[1:]:
        sums.append(sums[-1] + e)
    return sums if count is None else [*sums, sums[-1] / count]


def one_hot(indices: Any, Y: int, B: int, dtype: Any = np.float64) -> Matrix:
    """Y×B: column k has its 1 in row indices[k], counted from 0."""
    indices = np.asarray(indices)
    if indices.shape != (B,) or indices.dtype.kind not in "iu":
        given = f"{indices.dtype} of shape {indices.shape}"
        raise ValueError(f"labels: needed are {B} whole numbers, or a matrix of {Y}×{B}; given is {given}")
    outside = np.flatnonzero((indices < 0) | (indices >= Y))
    if len(outside):
        k = outside[0]
        raise ValueError(f"labels: {indices[k]} of example {k + 1} is out of range, the {Y} classes are 0 to {Y - 1}")
    columns = np.zeros((Y, B), dtype)
    columns[indices, np.arange(B)] = 1
    return columns


def _row(mask: Any, a: Any) -> Matrix:
    row = np.asarray(mask)
    if row.size != a.shape[1]:
        raise ValueError(f"the mask has {row.size} entries for {a.shape[1]} examples")
    return row.reshape(1, -1).astype(a.dtype)
