"""What a value is: a matrix of floats.  Reading values, naming sizes, and the functions NumPy has no stable form of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]
Shape = tuple[int, ...]


def size(shape: Shape) -> str:
    return "×".join(map(str, shape))


def as_matrix(value: Any, name: str, like: Any = None) -> Array:
    """A copy of `value` as a matrix: float64 unless it is float32 or complex; a number becomes 1×1.

    A Python number or a mask of booleans takes the dtype `like`, if given, as in NumPy.  Raises TypeError for what is
    not numbers, ValueError for what is not 2-D; both begin with `name`.
    """
    if type(value) is np.ndarray and value.ndim == 2 and value.dtype.char in "dfDF" and value.dtype.isnative:
        return value.copy()
    if hasattr(value, "filled"):
        raise TypeError(f"{name}: a masked array; its mask would be lost, write a.filled(0)")
    weak = like is not None and isinstance(value, int | float | complex)
    try:
        a: Array = np.array(value, np.result_type(like, value) if weak else None)
    except TypeError as reason:
        raise TypeError(f"{name}: {reason}") from None
    except ValueError:
        raise ValueError(f"{name}: rows of different lengths; a matrix needs rows of one length") from None
    if a.dtype.kind not in "biufc":
        raise TypeError(f"{name}: values are matrices of numbers, not {type(value).__name__} of {a.dtype}")
    if a.ndim == 0:
        a = a.reshape(1, 1)
    if a.ndim != 2:
        advice = "; write a.reshape(-1, 1) for a column, a.reshape(1, -1) for a row" if a.ndim == 1 else ""
        raise ValueError(f"{name}: values are matrices (2-D), this is {a.ndim}-D of shape {a.shape}{advice}")
    if a.dtype.kind == "b" and like is not None:
        return a.astype(like)
    single = {("f", 4): np.float32, ("c", 8): np.complex64}
    double = np.complex128 if a.dtype.kind == "c" else np.float64
    return a.astype(single.get((a.dtype.kind, a.dtype.itemsize), double), copy=False)


def as_sized(value: Any, name: str, shape: Shape, like: Any = None) -> Array:
    """Return `as_matrix` of a value whose size is known: 1-D of the length of an N×1 or 1×N is taken as that size."""
    try:
        known = np.ndim(value) == 1 and 1 in shape and len(value) == shape[0] * shape[1]
    except ValueError:  # rows of different lengths
        known = False
    return as_matrix(np.asanyarray(value).reshape(shape) if known else value, name, like)


@lru_cache(maxsize=1024)
def broadcast(x: Shape, y: Shape) -> tuple[str, str] | None:
    """How component-wise operands of sizes x and y are repeated: "rows" (N×1 with N×B), "columns" (1×B with N×B),
    "all" (1×1 with any) or "" (not at all); None if they do not fit, 4×1 with 1×4 included."""

    def how(a: Shape, b: Shape) -> str | None:
        if a == b or b in ((1, 1), (a[0], 1), (1, a[1])):
            return ""
        return "all" if a == (1, 1) else "rows" if a == (b[0], 1) else "columns" if a == (1, b[1]) else None

    x_how, y_how = how(x, y), how(y, x)
    return None if x_how is None or y_how is None else (x_how, y_how)


@lru_cache(maxsize=32)
def column_of_ones(rows: int, dtype: Any) -> Array:
    column = np.ones((rows, 1), dtype)
    column.setflags(write=False)
    return column


def sigmoid(x: Array) -> Array:
    """1/(1 + e^-x), which keeps the lower tail; where e^-x could overflow, e^x/(1 + e^x)."""
    if x.size and x.item(x.argmin()).real > -80:
        e = np.exp(-x)
        e += 1.0
        return np.reciprocal(e)
    negative = x.real < 0
    e = np.exp(np.where(negative, x, -x))
    result: Array = np.where(negative, e, 1) / (1 + e)
    return result


def softmax(x: Array, axis: int = 0) -> Array:
    """e^x over its sum along `axis`; the largest entry is subtracted first: it cancels, and nothing overflows."""
    e = np.exp(x - x.real.max(axis=axis, keepdims=True, initial=-np.inf))
    result: Array = e / e.sum(axis=axis, keepdims=True)
    return result


def log_softmax(x: Array) -> Array:
    """log softmax(x), each column of its own; finite where softmax is 0 to rounding."""
    below = x - x.real.max(axis=0, keepdims=True, initial=-np.inf)
    result: Array = below - np.log(np.exp(below).sum(axis=0, keepdims=True))
    return result


def softmax_rows(x: Array) -> Array:
    return softmax(x, -1)


def total(x: Array) -> Array:
    """The sum of all entries, 1×1."""
    result: Array = x.sum(keepdims=True)
    return result


def stack(x: Array, y: Array) -> Array:
    """x on top of y."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"{x.shape[1]} and {y.shape[1]} columns")
    return np.concatenate((x, y))


def upper(x: Array, y: Array) -> Array:
    """The first rows of x, as many as y has."""
    if len(x) < len(y):
        raise ValueError(f"{len(y)} rows of {len(x)}")
    return x[: len(y)]


def under(x: Array, y: Array) -> Array:
    """The rows of x but the first ones, which are as many as y has."""
    upper(x, y)
    return x[len(y) :]
