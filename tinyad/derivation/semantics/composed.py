"""Functions that are several rows of the table: means, variances, sums and maxima along an axis, comparisons, cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinyad.arrays.matrix import size
from tinyad.derivation.semantics.components import combined
from tinyad.derivation.semantics.functions import MORE, applied, as_array
from tinyad.derivation.semantics.operations import componentwise, product
from tinyad.derivation.semantics.values import Indexed, Unfitting, counted
from tinyad.engine.table import TABLE
from tinyad.engine.tape import Variable

AXES = ("_axis0", "_axis1")  # what ends the name of a function along an axis: over the rows, over the columns
BARS = "|…| of a column is the absolute value of its entries, or its length: write abs(x) or ‖x‖"


def total(x: Any) -> Any:
    """Return the sum of all entries."""
    return applied(TABLE["sum"], [x])


def sums(x: Any, axis: int) -> Any:
    """Return the sums over the rows (axis 0), 1×M, or over the columns (axis 1), N×1."""
    rows, columns = x.shape
    return np.ones((1, rows)) @ x if axis == 0 else x @ np.ones((columns, 1))


def mean(x: Any, axis: int | None = None) -> Any:
    """Return the mean of all entries, or along an axis."""
    rows, columns = x.shape
    if axis is None:
        return total(x) * (1.0 / (rows * columns))
    return sums(x, axis) * (1.0 / (rows, columns)[axis])


def variance(x: Any, axis: int | None = None) -> Any:
    """Return the mean of the squared distances from the mean."""
    m = mean(x, axis)
    if axis is not None:
        counted(*x.shape)
        m = np.ones((x.shape[0], 1)) @ m if axis == 0 else m @ np.ones((1, x.shape[1]))
    d = x - m
    return mean(d * d, axis)


def deviation(x: Any, axis: int | None = None) -> Any:
    """Return the root of the variance."""
    return applied(TABLE["sqrt"], [variance(x, axis)])


def largest(x: Any, axis: int | None = None) -> Any:
    """Return the largest entry, or those along an axis."""
    over_rows, over_columns = TABLE["column_max"], TABLE["row_max"]
    if axis is None:
        return applied(over_columns, [applied(over_rows, [x])])
    return applied((over_rows, over_columns)[axis], [x])


def smallest(x: Any, axis: int | None = None) -> Any:
    """Return the smallest entry, or those along an axis."""
    return -largest(-x, axis)


def softmax_along(x: Any, axis: int | None = None) -> Any:
    """Return the softmax of every column (axis 0), or of every row."""
    return applied(TABLE["softmax_rows" if axis == 1 else "softmax"], [x])


def log_softmax_along(x: Any, axis: int | None = None) -> Any:
    """Return the logarithm of the softmax of every column (axis 0), or of every row."""
    return applied(TABLE["log_softmax"], [x.T]).T if axis == 1 else applied(TABLE["log_softmax"], [x])


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": lambda x, axis=None: total(x) if axis is None else sums(x, axis),
    "mean": mean, "var": variance, "std": deviation, "max": largest, "min": smallest, "amax": largest, "amin": smallest,
    "softmax": softmax_along, "log_softmax": log_softmax_along,
}  # fmt: skip


def axis_of(key: str) -> tuple[str, int | None]:
    """Return the function that a key names, and along which axis; None for all entries."""
    return (key[: -len(AXES[0])], int(key[-1])) if key.endswith(AXES) else (key, None)


def reduced(key: str, x: Any) -> Any:
    """Return mean(x), sum(x, axis=0) and the like; None if the function is not one of these."""
    name, axis = axis_of(key)
    if name not in REDUCTIONS or (axis is None and name in ("sum", "softmax", "log_softmax")):
        return None
    if isinstance(x, Indexed):
        raise Unfitting(f"{name} takes a matrix, not one component: write Σ with the index, or leave out the index")
    return REDUCTIONS[name](as_array(x), *([] if axis is None else [axis]))


def composed(key: str, parts: Sequence[Any]) -> Any:
    """Return the value of a function that is several rows of the table; None if it is not one of these."""
    if len(parts) == 2 and key in OF_TWO:
        return OF_TWO[key](*parts)
    if len(parts) != 1:
        return None
    return OF_ONE[key](parts[0]) if key in OF_ONE else reduced(key, parts[0])


def of_two(key: str, left: Any, right: Any) -> Any:
    """Return max(x, y) or min(x, y), entry by entry."""
    if isinstance(left, Indexed) or isinstance(right, Indexed):
        if key == "min":
            return negated(of_two("max", negated(left), negated(right)))
        excess = combined("-", left, right)  # max(x, y) = y + relu(x - y)
        above = Indexed(applied(TABLE["relu"], [excess.value]), excess.labels)
        return combined("+", above, right)
    shapes = {x.shape for x in (as_array(left), as_array(right))} - {(1, 1)}
    if len(shapes) > 1:
        raise Unfitting(f"{key} of {' and '.join(size(shape) for shape in sorted(shapes))}: sizes differ")
    return applied(TABLE["maximum" if key == "max" else "minimum"], [left, right])


def inner_product(left: Any, right: Any) -> Any:
    """Return ⟨x, y⟩, the sum of the products of entries."""
    if isinstance(left, Indexed) or isinstance(right, Indexed):
        raise Unfitting("⟨x, y⟩ takes whole columns or matrices: leave out the index")
    left, right = as_array(left), as_array(right)
    if left.shape != right.shape:
        raise Unfitting(f"⟨x, y⟩ of {size(left.shape)} and {size(right.shape)}: sizes differ")
    return total(left * right)


def number(x: Any) -> Any:
    """Return a number, of which ∇ is taken."""
    if not isinstance(x, Indexed) and as_array(x).shape != (1, 1):
        raise Unfitting(f"∇ is taken of a number, and this is {size(x.shape)}: write ∂(…)/∂x for a Jacobian")
    return x


def negated(x: Any) -> Any:
    """Return -x, of components too."""
    return Indexed(-x.value, x.labels) if isinstance(x, Indexed) else -x


def bars(x: Any) -> Any:
    """Return |x|: the absolute value of a number, the determinant of a square matrix."""
    if isinstance(x, Indexed):
        return Indexed(applied(TABLE["abs"], [x.value]), x.labels)
    value = as_array(x)
    if value.shape == (1, 1):
        return applied(TABLE["abs"], [value])
    if value.shape[0] != value.shape[1]:
        raise Unfitting(BARS if value.shape[1] == 1 else BARS.replace("column", "matrix").replace("‖x‖", "‖A‖_F"))
    return applied(MORE["det"], [value])


def dot(left: Any, right: Any) -> Any:
    """Return the matrix product, or of two columns, as NumPy does of two vectors, the sum of the products."""
    left, right = as_array(left), as_array(right)
    if left.shape == right.shape and left.shape[1] == 1:
        return inner_product(left, right)
    return product(left, right)


def outer(left: Any, right: Any) -> Any:
    """Return x yᵀ of two columns."""
    left, right = as_array(left), as_array(right)
    if left.shape[1] != 1 or right.shape[1] != 1:
        raise Unfitting(f"the outer product of {size(left.shape)} and {size(right.shape)}: expected two columns")
    return left @ right.T


def raised(x: Any, power: float) -> Any:
    """Return a power of every entry."""
    return x**power if isinstance(x, np.ndarray) else applied(TABLE["**"], [x, power])


def entrywise(left: Any, right: Any) -> Any:
    """Return the products of the entries."""
    return combined("∘", left, right) if Indexed in (type(left), type(right)) else componentwise("∘", left, right)


OF_TWO: dict[str, Callable[[Any, Any], Any]] = {
    "dot": dot, "outer": outer, "multiply": entrywise,
    "max": lambda x, y: of_two("max", x, y), "min": lambda x, y: of_two("min", x, y), "inner": inner_product,
}  # fmt: skip


def as_column(x: Any) -> Any:
    """Return a column or a row as a column."""
    if isinstance(x, Indexed) or 1 not in as_array(x).shape:
        raise Unfitting("reshape(-1, 1) and reshape(1, -1) are read for a column or a row only")
    array = as_array(x)
    return array if array.shape[1] == 1 else array.T


OF_ONE: dict[str, Callable[[Any], Any]] = {
    "bars": bars, "number": number, "as_column": as_column, "as_row": lambda x: as_column(x).T,
    "square": lambda x: entrywise(x, x), "transpose": lambda x: as_array(x).T,
    "norm": lambda x: applied(TABLE["sqrt"], [total(x * x)]),
}  # fmt: skip


def compared(sign: str, left: Any, right: Any) -> Any:
    """Return 1 where a comparison holds and 0 elsewhere; > or <, or with =, which no random number tells apart."""
    if sign in "<≤":
        left, right = right, left
    if isinstance(left, Indexed) or isinstance(right, Indexed):
        excess = combined("-", left, right)
        return Indexed(from_zero(excess.value, sign), excess.labels)
    return from_zero(componentwise("-", left, right), sign)


def from_zero(x: Any, sign: str) -> Any:
    """Return 1 where x > 0, or where x ≥ 0 for the signs ≥ and ≤, and 0 elsewhere."""
    row = TABLE["≥" if sign in "≥≤" else ">"]
    return applied(row, [x, 0.0]) if isinstance(x, Variable) else row.forward(x, np.zeros_like(x))


def chosen(values: Sequence[Any], conditions: Sequence[Any]) -> Any:
    """Return the value of the first condition that holds, entry by entry; one more value is that of the rest."""
    result: Any = None
    free: Any = 1.0  # 1 where no condition has held yet
    for value, condition in zip(values, [*conditions, 1.0][: len(values)], strict=True):
        here = condition if isinstance(free, float) else _times(free, condition)
        term = _times(here, value)
        result = term if result is None else _plus(result, term)
        free = _minus(free, here)
    if np.any(_number(free)):
        raise Unfitting("no case holds for some entries; the last one can be `otherwise`")
    return result


def _times(a: Any, b: Any) -> Any:
    return combined("∘", a, b) if isinstance(a, Indexed) or isinstance(b, Indexed) else componentwise("∘", a, b)


def _plus(a: Any, b: Any) -> Any:
    return combined("+", a, b) if isinstance(a, Indexed) or isinstance(b, Indexed) else componentwise("+", a, b)


def _minus(a: Any, b: Any) -> Any:
    return combined("-", a, b) if isinstance(a, Indexed) or isinstance(b, Indexed) else componentwise("-", a, b)


def _number(value: Any) -> Any:
    """Return the numbers of a value."""
    plain = value.value if isinstance(value, Indexed) else value
    return plain.value if isinstance(plain, Variable) else plain
