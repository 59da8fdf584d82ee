"""Operations on two operands: matrices, numbers, and 1 and I before they have a size."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinyad.arrays.matrix import broadcast
from tinyad.derivation.semantics.functions import MORE, applied, as_array
from tinyad.derivation.semantics.values import Blocks, Eye, Indexed, Misfit, Ones, Stretched, Unfitting, counted

OPERATORS = {"∘": operator.mul, "+": operator.add, "-": operator.sub, "/": operator.truediv}
I_NO_SIZE = "I has no size here: write I_n"
NO_SIZE = "1 has no size here: write 1_{(n,1)}"
FIXED, NUMBER = (False, False), (1, 1)


def is_matrix(value: Any) -> bool:
    """Return whether a value is a matrix, and not a number in the shape of one."""
    return isinstance(value, Stretched) or (hasattr(value, "shape") and value.shape != (1, 1))


def has_no_size(value: Any) -> bool:
    """Return whether a value is a 1 or an I whose size nothing has said yet."""
    return isinstance(value, Ones | Eye | Blocks)


def kronecker(left: Any, right: Any) -> Any:
    """Return left ⊗ right, where one of them may be an I without a size."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Eye) and not has_no_size(other) and not isinstance(other, Stretched | Indexed):
            value = as_array(other) * one.factor
            return Eye(value) if value.shape == NUMBER else Blocks(value, one is left)
    if any(has_no_size(x) or isinstance(x, Stretched | Indexed) for x in (left, right)):
        raise Unfitting(I_NO_SIZE)
    return applied(MORE["kron"], [left, right])


def sized_blocks(blocks: Blocks, length: int, axis: int = 0) -> Any:
    """Return I ⊗ A or A ⊗ I with so many rows, or columns (axis 1); None if there is none."""
    value = blocks.value
    count, rest = divmod(length, value.shape[axis])
    if rest or not count:
        return None
    counted(count * value.shape[0], count * value.shape[1])
    parts = [np.eye(count), value]
    return applied(MORE["kron"], parts if blocks.eye_first else parts[::-1])


def turned(kind: str, value: Any) -> Any:
    """Return an operand as this operation takes it: 1 in a product is a column."""
    return column(value) if kind == "*" else value


def column(value: Any) -> Any:
    """Return 1 as a column; every other value as it is."""
    return Stretched(np.full((1, 1), value.number), (True, False)) if isinstance(value, Ones) else value


def componentwise(kind: str, left: Any, right: Any) -> Any:
    """Return left ∘ right, or +, -, /."""
    if isinstance(left, Blocks) and kind in "∘/" and not (is_matrix(right) or has_no_size(right)):
        return Blocks(OPERATORS[kind](left.value, right), left.eye_first)
    if kind == "∘" and isinstance(right, Eye) and not (is_matrix(left) or has_no_size(left)):
        return Eye(right.factor * left)
    if kind in "∘/" and isinstance(left, Eye) and not (is_matrix(right) or has_no_size(right)):
        return Eye(OPERATORS[kind](left.factor, right))
    left, right = _sized(left, right), _sized(right, left)
    if has_no_size(left) or has_no_size(right):
        raise Unfitting(NO_SIZE)
    if isinstance(left, Stretched) or isinstance(right, Stretched):
        return _stretched(kind, left, right)
    if not (isinstance(left, float) or isinstance(right, float)) and broadcast(left.shape, right.shape) is None:
        raise Misfit(left, right)
    counted(*largest(left, right))
    return OPERATORS[kind](left, right)


def largest(*values: Any) -> tuple[int, int]:
    """Return the size of the result of a component-wise operation on numbers and matrices of fitting sizes."""
    shapes = [value.shape for value in values if hasattr(value, "shape")]
    return max((rows for rows, _ in shapes), default=1), max((columns for _, columns in shapes), default=1)


def _stretched(kind: str, left: Any, right: Any) -> Any:
    """Return the same where an operand has free axes: they are as long as those of the other one."""
    for one, other in ((left, right), (right, left)):
        if not is_matrix(one):  # a number
            return Stretched(OPERATORS[kind](_plain(left), _plain(right)), other.free)
    a, b = (x if isinstance(x, Stretched) else Stretched(x, FIXED) for x in (left, right))
    shapes = a.within(b.value.shape), b.within(a.value.shape)
    if broadcast(*shapes) is None or ((1, 1) in shapes and shapes[0] != shapes[1]):
        raise Misfit(left, right)
    free = a.free[0] and b.free[0], a.free[1] and b.free[1]
    x, y = a.value, b.value
    if broadcast(x.shape, y.shape) is None:  # n×k with k×m
        x, y = a.filled(shapes[0]), b.filled(shapes[1])
    counted(*largest(x, y))
    value = OPERATORS[kind](x, y)
    return value if free == FIXED else Stretched(value, free)


def product(left: Any, right: Any) -> Any:
    """Return left right, the matrix product."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Eye):
            return _times_eye(one, other)
    if isinstance(left, Blocks) or isinstance(right, Blocks):
        return _with_blocks(left, right)
    left, right = column(left), column(right)
    if isinstance(left, Stretched) or isinstance(right, Stretched):
        return _with_free_axes(left, right)
    if isinstance(left, float) or isinstance(right, float):
        return left * right
    if left.shape[1] == right.shape[0]:
        counted(left.shape[0], right.shape[1])
        return left @ right
    if (1, 1) in (left.shape, right.shape):
        return left * right
    raise Misfit(left, right)


def _times_eye(eye: Eye, other: Any) -> Any:
    """Return I times something: a number makes a multiple of I."""
    if isinstance(other, Ones):
        return other if isinstance(eye.factor, float) and eye.factor == 1.0 else column(other) * 1.0
    if isinstance(other, Eye):
        return Eye(eye.factor * other.factor)
    if isinstance(other, Stretched):
        return Stretched(other.value * eye.factor, other.free)
    return other * eye.factor if is_matrix(other) else Eye(other * eye.factor)


def _with_blocks(left: Any, right: Any) -> Any:
    """Return a product with I ⊗ A in it, as long as its neighbour needs it."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Blocks) and not (is_matrix(other) or has_no_size(other)):
            return Blocks(one.value * other, one.eye_first)
    if isinstance(left, Blocks) and isinstance(right, Blocks):
        if left.eye_first == right.eye_first and left.value.shape[1] == right.value.shape[0]:
            return Blocks(left.value @ right.value, left.eye_first)
        raise Unfitting(I_NO_SIZE)
    if not (hasattr(left, "shape") or hasattr(right, "shape")):
        raise Unfitting(I_NO_SIZE)
    first = isinstance(left, Blocks)
    sized = sized_blocks(left, right.shape[0], 1) if first else sized_blocks(right, left.shape[1])
    if sized is None:
        raise Unfitting(I_NO_SIZE)
    return product(sized, right) if first else product(left, sized)


def _with_free_axes(left: Any, right: Any) -> Any:
    """Return a product with 1 in it, as long as its neighbour or the use of the product needs it."""
    for one, other in ((left, right), (right, left)):
        if not is_matrix(one):  # a number
            return Stretched(_plain(left) * _plain(right), other.free)
    a, b = (x if isinstance(x, Stretched) else Stretched(x, FIXED) for x in (left, right))
    x, y = a.value, b.value
    counted(x.shape[0], y.shape[1])
    if a.free[1] and b.free[0]:
        raise Unfitting(NO_SIZE)
    if a.free[1]:
        y = np.ones((1, y.shape[0])) @ y
    elif b.free[0]:
        x = x @ np.ones((x.shape[1], 1))
    elif x.shape[1] != y.shape[0]:
        raise Misfit(left, right)
    free = a.free[0], b.free[1]
    value = x @ y
    return value if free == FIXED else Stretched(value, free)


def _sized(value: Any, other: Any) -> Any:
    """Return 1 next to a matrix as a number, I next to an n×n matrix as n×n, other values as they are."""
    if isinstance(value, Ones) and not has_no_size(other):
        return value.number
    if isinstance(value, Eye) and hasattr(other, "shape"):
        return np.eye(other.shape[0]) * value.factor
    if isinstance(value, Blocks) and hasattr(other, "shape"):
        sized = sized_blocks(value, other.shape[0])
        return value if sized is None else sized
    return value


def _plain(value: Any) -> Any:
    """Return a value without its free axes."""
    return value.value if isinstance(value, Stretched) else value
