"""Values are matrices of floats: read, sized, repeated, and put together from parts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]
Shape = tuple[int, ...]
OF = {"O": "objects", "S": "bytes", "U": "strings"}
SINGLE = {("f", 4): np.float32, ("c", 8): np.complex64}


def size(shape: Shape) -> str:
    """Return a size as people write it: 4×3."""
    return "×".join(map(str, shape))


def kind(value: Any) -> str:
    """Return what a value is, as messages say it: an int, None."""
    name = "array" if isinstance(value, np.ndarray) else type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"


def as_matrix(value: Any, name: str, like: Any = None) -> Array:
    """Return a copy of `value` as a matrix: float64 unless it is float32 or complex; a number becomes 1×1.

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
        of = f" of {OF.get(a.dtype.kind, a.dtype)}" * (a.ndim > 0) or " of more than 64 bits" * isinstance(value, int)
        raise TypeError(f"{name}: values are matrices of numbers, not {kind(value)}{of}")
    if a.ndim == 0:
        a = a.reshape(1, 1)
    if a.ndim != 2:
        advice = "; write a.reshape(-1, 1) for a column, a.reshape(1, -1) for a row" if a.ndim == 1 else ""
        raise ValueError(f"{name}: values are matrices (2-D), this is {a.ndim}-D of shape {a.shape}{advice}")
    if a.dtype.kind == "b" and like is not None:
        return a.astype(like)
    double = np.complex128 if a.dtype.kind == "c" else np.float64
    return a.astype(SINGLE.get((a.dtype.kind, a.dtype.itemsize), double), copy=False)


def floats(value: Any) -> Array:
    """Return an array of floats or of complex numbers; TypeError for what is not numbers."""
    a = np.asarray(value)
    if a.dtype.kind not in "biufc":
        raise TypeError(f"an operation takes matrices of numbers, not {kind(value)}")
    return a.astype(np.float64) if a.dtype.kind in "biu" else a


def as_sized(value: Any, name: str, shape: Shape, like: Any = None) -> Array:
    """Return `as_matrix` of a value whose size is known: 1-D of the length of an N×1 or 1×N is taken as that size."""
    try:
        known = np.ndim(value) == 1 and 1 in shape and len(value) == shape[0] * shape[1]
    except (TypeError, ValueError):  # a Variable, rows of different lengths
        known = False
    return as_matrix(np.asanyarray(value).reshape(shape) if known else value, name, like)


@lru_cache(maxsize=1024)
def broadcast(x: Shape, y: Shape) -> tuple[str, str] | None:
    """Return how component-wise operands of sizes x and y are repeated: "rows" (N×1 with N×B), "columns" (1×B with
    N×B), "all" (1×1 with any) or "" (not at all); None if they do not fit, 4×1 with 1×4 included."""
    x_how, y_how = _repeated(x, y), _repeated(y, x)
    return None if x_how is None or y_how is None else (x_how, y_how)


def _repeated(a: Shape, b: Shape) -> str | None:
    if a == b or b in ((1, 1), (a[0], 1), (1, a[1])):
        return ""
    return "all" if a == (1, 1) else "rows" if a == (b[0], 1) else "columns" if a == (1, b[1]) else None


@lru_cache(maxsize=32)
def column_of_ones(rows: int, dtype: Any) -> Array:
    """Return the read-only N×1 matrix of ones."""
    column = np.ones((rows, 1), dtype)
    column.setflags(write=False)
    return column


def ones_for(a: Any) -> Array:
    """Return the column of ones with as many rows as a matrix; TypeError for what is none."""
    if not hasattr(a, "shape"):
        raise TypeError("ones takes a matrix, whose rows it counts: ones(x); a column of 3 ones is np.ones((3, 1))")
    return column_of_ones(a.shape[0], a.dtype)


def total(x: Array) -> Array:
    """Return the sum of all entries, 1×1."""
    result: Array = x.sum(keepdims=True)
    return result


def stack(x: Array, y: Array) -> Array:
    """Return x on top of y."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"{x.shape[1]} and {y.shape[1]} columns")
    return np.concatenate((x, y))


def upper(x: Array, y: Array) -> Array:
    """Return the first rows of x, as many as y has."""
    if len(x) < len(y):
        raise ValueError(f"{len(y)} rows of {len(x)}")
    return x[: len(y)]


def under(x: Array, y: Array) -> Array:
    """Return the rows of x but the first ones, which are as many as y has."""
    upper(x, y)
    return x[len(y) :]


def rows(x: Array, y: Array) -> Array:
    """Return the rows of x from y[0] to before y[1], counted from 0; y, 1×3, ends with the number of rows of x."""
    start, stop, count = _span(y)
    if len(x) != count:
        raise ValueError(f"rows of a matrix with {count} rows, not {len(x)}")
    return x[start:stop]


def padded(x: Array, y: Array) -> Array:
    """Return x with rows of zeros above and below it, so that `rows` gives x again."""
    start, stop, count = _span(y)
    z = np.zeros((count, x.shape[1]), x.dtype)
    z[start:stop] = x
    return z


def _span(y: Array) -> tuple[int, ...]:
    if y.shape != (1, 3):
        raise ValueError("the second operand is [[start, stop, number of rows]]")
    return tuple(round(number) for number in y[0].real.tolist())


def greater(x: Array, y: Array) -> Array:
    """Return 1 where x > y, else 0."""
    result: Array = np.greater(x.real, y.real).astype(np.result_type(x, y))
    return result


def at_least(x: Array, y: Array) -> Array:
    """Return 1 where x ≥ y, else 0."""
    result: Array = np.greater_equal(x.real, y.real).astype(np.result_type(x, y))
    return result


def first_max(x: Array) -> Array:
    """Return 1 at the first largest entry of each column, else 0."""
    z = np.zeros_like(x)
    np.put_along_axis(z, x.real.argmax(axis=0, keepdims=True), 1, 0)
    return z
