"""NumPy's functions, methods and slices that decompose into rows of the table, which are named by their symbols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import numpy as np

from tinyad.arrays import matrix
from tinyad.arrays.matrix import column_of_ones
from tinyad.expressions.operand import Operand


def total(v: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the sum of all entries, 1×1, or the sums along an axis, which stays with keepdims=True."""
    if axis is None:
        return v.apply("sum", v)
    if _kept(axis, keepdims) == 0:
        return column_of_ones(v.shape[0], v.dtype).T @ v
    return v @ column_of_ones(v.shape[1], v.dtype)


def mean(v: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the mean of all entries, or the means along an axis."""
    return total(v, axis, keepdims) / _count(v, axis)


def variance(v: Any, axis: int | None = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """Return the mean squared distance from the mean; with ddof the divisor is n - ddof."""
    off = v - mean(v, axis, True)
    return total(off * off, axis, keepdims) / (_count(v, axis) - ddof)


def deviation(v: Any, axis: int | None = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """Return the root of the variance."""
    return np.sqrt(variance(v, axis, ddof, keepdims))


def norm(v: Any, ord: str | None = None, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the root of the sum of squares, of all entries or along an axis."""
    if ord not in (None, "fro"):
        raise TypeError(f"np.linalg.norm(v, {ord!r}): only the root of the sum of squares decomposes into rows")
    return np.sqrt(total(v * v, axis, keepdims))


def largest(v: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the largest entry, or those along an axis; of equal ones the first counts."""
    if axis is None:
        v = v.apply("column_max", v)
    elif _kept(axis, keepdims) == 0:
        return v.apply("column_max", v)
    return v.apply("row_max", v)


def smallest(v: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the smallest entry, or those along an axis."""
    return -largest(-v, axis, keepdims)


def trace(v: Any) -> Any:
    """Return the sum of the diagonal, 1×1."""
    return total(v * np.eye(v.shape[0], v.shape[1], dtype=v.dtype))


def concatenate(parts: Sequence[Any], axis: int = 0) -> Any:
    """Return matrices on top of each other, or with axis=1 side by side."""
    joined = parts[0] if axis == 0 else parts[0].T
    for part in parts[1:]:
        joined = _stacked(joined, part if axis == 0 else part.T)
    return joined if axis == 0 else joined.T


def _stacked(x: Any, y: Any) -> Any:
    for v in (x, y):
        if isinstance(v, Operand):
            return v.apply("stack", x, y)
    return matrix.stack(np.asarray(x), np.asarray(y))  # ahead of the first operand


def part(v: Any, at: Any) -> Any:
    """Return v[rows] or v[rows, columns], both slices without a step."""
    slices = at if isinstance(at, tuple) else (at,)
    if not 1 <= len(slices) <= 2 or not all(isinstance(s, slice) and s.step in (None, 1) for s in slices):
        raise TypeError(f"{v!r}: v[...] takes slices, v[2:5] or v[:, 2:3], for a matrix; one entry is v[i:i+1, j:j+1]")
    for axis, taken in enumerate(slices):
        start, stop, _ = taken.indices(v.shape[axis])
        if (start, stop) != (0, v.shape[axis]):
            span = [[start, max(start, stop), v.shape[axis]]]
            down = v if axis == 0 else v.T
            v = down.apply("rows", down, span)
            v = v if axis == 0 else v.T
    return v


DECOMPOSED: dict[Any, Callable[..., Any]] = {
    np.sum: total, np.mean: mean, np.var: variance, np.std: deviation, np.linalg.norm: norm, np.trace: trace,
    np.max: largest, np.min: smallest, np.amax: largest, np.amin: smallest, np.square: lambda v: v * v,
    np.concatenate: concatenate, np.vstack: concatenate, np.hstack: lambda parts: concatenate(parts, 1),
    np.less: lambda v, w: w > v, np.less_equal: lambda v, w: w >= v,
}  # fmt: skip


def decomposed(function: Any, name: str, operands: Any, options: Any) -> Any:
    """Return what a function of DECOMPOSED gives; TypeError for options that it does not take here."""
    try:
        signature(DECOMPOSED[function]).bind(*operands, **options)
    except TypeError as reason:
        takes = ", ".join(signature(DECOMPOSED[function]).parameters)
        raise TypeError(f"np.{name} takes {takes} here ({reason})") from None
    return DECOMPOSED[function](*operands, **options)


def _kept(axis: int, keepdims: bool) -> int:
    if axis not in (0, 1, -1, -2):
        raise ValueError(f"axis={axis!r}: a matrix has the axes 0 and 1")
    if not keepdims:
        raise ValueError(f"axis={axis} without keepdims=True gives a 1-D array; values are matrices: keepdims=True")
    return axis % 2


def _count(v: Any, axis: int | None) -> int:
    return int(v.shape[0] * v.shape[1] if axis is None else v.shape[axis])
