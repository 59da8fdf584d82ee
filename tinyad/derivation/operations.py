"""Two operands and what stands between them: matrices, numbers, and 1 and I before they have a size."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinyad.derivation.values import Eye, Misfit, Ones, Stretched, Unfitting
from tinyad.matrix import broadcast

OPERATORS = {"∘": operator.mul, "+": operator.add, "-": operator.sub, "/": operator.truediv}
NO_SIZE = "1 has no size here: write 1_{(n,1)}"


def is_matrix(value: Any) -> bool:
    """Whether a value is a matrix, and not a number in the shape of one."""
    return hasattr(value, "shape") and value.shape != (1, 1)


def has_no_size(value: Any) -> bool:
    """Whether a value is a 1 or an I whose size nothing has said yet."""
    return isinstance(value, Ones | Eye)


def componentwise(kind: str, left: Any, right: Any) -> Any:
    """left ∘ right, or +, -, /."""
    left, right = _sized(left, right), _sized(right, left)
    if has_no_size(left) or has_no_size(right):
        raise Unfitting(NO_SIZE)
    stretched = isinstance(left, Stretched) or isinstance(right, Stretched)
    left, right = _plain(left), _plain(right)
    numbers = isinstance(left, float) or isinstance(right, float)
    if not (stretched or numbers) and broadcast(left.shape, right.shape) is None:
        raise Misfit(left, right)
    made = OPERATORS[kind](left, right)
    return Stretched(made) if stretched else made


def product(left: Any, right: Any) -> Any:
    """left right, the matrix product."""
    if isinstance(left, Eye) or isinstance(right, Eye):
        return right if isinstance(left, Eye) else left
    if isinstance(left, Ones) or isinstance(right, Ones):
        return _with_ones(left, right)
    stretched = isinstance(left, Stretched) or isinstance(right, Stretched)
    left, right = _plain(left), _plain(right)
    if isinstance(left, float) or isinstance(right, float):
        made = left * right
    elif left.shape[1] == right.shape[0]:
        made = left @ right
    elif (1, 1) in (left.shape, right.shape):
        made = left * right
    else:
        raise Misfit(left, right)
    return Stretched(made) if stretched else made


def _with_ones(left: Any, right: Any) -> Any:
    """A product with a 1 that has no size of its own: it takes that of its neighbour, or stays as long as needed."""
    if isinstance(left, Ones) and isinstance(right, Ones):
        raise Unfitting(NO_SIZE)
    ones, other = (left, right) if isinstance(left, Ones) else (right, left)
    if isinstance(other, float):
        return other
    value = _plain(other)
    if ones is left and ones.row:
        return np.ones((1, value.shape[0])) @ value
    if ones is right and not ones.row:
        return value @ np.ones((value.shape[1], 1))
    return Stretched(value)


def _sized(value: Any, other: Any) -> Any:
    """1 next to a matrix is a number; I next to an n×n matrix is n×n."""
    if isinstance(value, Ones) and not has_no_size(other):
        return 1.0
    if isinstance(value, Eye) and hasattr(other, "shape"):
        return np.eye(other.shape[0])
    return value


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Stretched) else value
