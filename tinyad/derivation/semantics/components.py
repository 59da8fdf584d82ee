"""Formulas of components, x_j W_{jk}: arrays whose axes have letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array, broadcast, size
from tinyad.derivation.semantics.limits import ALIGNMENTS, VALUE_ENTRIES
from tinyad.derivation.semantics.operations import I_NO_SIZE, NO_SIZE, OPERATORS, has_no_size
from tinyad.derivation.semantics.values import Eye, Indexed, Pair, TooManyIndices, Unfitting, counted
from tinyad.engine.tape import Variable

Labels = tuple[str, ...]
FREE = "more than two free indices"


class AxisOrder(NamedTuple):
    """How the axes of an array come into a common order: where each one is now, and where a new one comes in."""

    places: tuple[int, ...]
    axes: tuple[slice | None, ...]


def lettered(value: Any, indices: Labels) -> Indexed:
    """Return a column, a row or a matrix with the letters that its name has; Unfitting for 1 and I without a size."""
    if has_no_size(value):
        raise Unfitting(I_NO_SIZE if isinstance(value, Eye) else NO_SIZE)
    rows, columns = value.shape
    if len(indices) == 1 and columns == 1:
        labels: Labels = (indices[0], "")
    elif len(indices) == 1 and rows == 1:
        labels = ("", indices[0])
    elif len(indices) == 2:
        labels = indices
    else:
        raise Unfitting(f"{len(indices)} indices for {size(value.shape)}: a matrix has two, a column has one")
    if isinstance(value, Variable) and labels[0] == labels[1]:  # A_ii, the diagonal, as a column
        if rows != columns:
            raise Unfitting(f"the index {labels[0]} runs to {rows} and to {columns}")
        counted(rows, rows)
        return Indexed((value * np.eye(rows)) @ np.ones((rows, 1)), (labels[0], ""))
    return Indexed(value, labels) if isinstance(value, Variable) else labelled(value, labels)


def labelled(value: Array, labels: Labels) -> Indexed:
    """Return an array with letters for its axes; a letter that occurs twice takes the diagonal, "" drops an axis."""
    lengths: dict[str, int] = {}
    for n, label in zip(value.shape, labels, strict=True):
        if label and lengths.setdefault(label, n) != n:
            raise Unfitting(f"the index {label} runs to {lengths[label]} and to {n}")
    kept = distinct(labels)
    if len(kept) == value.ndim:
        return Indexed(value, kept)
    squeezed = value.reshape([n for n, label in zip(value.shape, labels, strict=True) if label])
    if len(kept) == squeezed.ndim:
        return Indexed(squeezed, kept)
    axes = {label: k for k, label in enumerate(kept)}
    return Indexed(np.einsum(squeezed, [axes[label] for label in labels if label], list(axes.values())), kept)


def axes_of(labels: Labels, shape: tuple[int, ...]) -> tuple[str, str]:
    """Return the letters of the two axes of a name in a Jacobian; "" for an axis of length 1."""
    if len(labels) == 2:
        return labels[0], labels[1]
    if len(labels) == 1 and 1 in shape:
        return (labels[0], "") if shape[1] == 1 else ("", labels[0])
    if not labels and shape == (1, 1):
        return "", ""
    raise Unfitting(f"{len(labels)} indices for {size(shape)}: every name in a line of components has its own")


def combined(kind: str, left: Any, right: Any) -> Indexed:
    """Return x_j W_{jk} or x_j + y_j of two operands, one of which may be a number, with their letters in one order."""
    a, b = (v if isinstance(v, Indexed) else Indexed(v, ("", "")) for v in (left, right))
    if kind in "+-" and any(not any(v.labels) for v in (a, b)) and not any(is_number(v) for v in (left, right)):
        raise Unfitting(f"the index {' and '.join(distinct((*a.labels, *b.labels)))} is free in one term only")
    tape = isinstance(a.value, Variable) or isinstance(b.value, Variable)
    a, b = (_with_two_axes(v) for v in (a, b)) if tape else (a, b)
    if tape and kind == "∘" and len(distinct((*a.labels, *b.labels))) == 3:
        return Indexed(Pair(a, b), distinct((*a.labels, *b.labels)))
    x, y, labels = _aligned_on_tape(a, b) if tape else _aligned(a, b)
    if kind == "∘" and tape and hasattr(x, "shape") and hasattr(y, "shape") and broadcast(x.shape, y.shape) is None:
        counted(x.shape[0], y.shape[1])
        return Indexed(x @ y, labels)
    if tape and hasattr(x, "shape") and hasattr(y, "shape") and broadcast(x.shape, y.shape) is None:
        x, y = _spread_on_tape(x, y)
    _count_result(x, y)
    try:
        return Indexed(OPERATORS[kind](x, y), labels)
    except ValueError as reason:
        n, m = (dict(zip(v.labels, v.value.shape, strict=True)) for v in (a, b))
        label = next((label for label in distinct(a.labels) if m.get(label, n[label]) != n[label]), None)
        if label is None:
            raise Unfitting(str(reason)) from None
        raise Unfitting(f"the index {label} runs to {n[label]} in one factor and to {m[label]} in the other") from None


def is_number(value: Any) -> bool:
    """Return whether an operand is one number, which may be added to every component."""
    if isinstance(value, Indexed):
        return not any(value.labels) and np.size(getattr(value.value, "value", value.value)) == 1
    return isinstance(value, float) or getattr(value, "shape", ()) == (1, 1)


def _count_result(x: Any, y: Any) -> None:
    """Fail if the result of an operation on two arrays with their axes in one order is too large."""
    arrays = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
    if arrays and x.size * y.size <= VALUE_ENTRIES:  # the result has no more entries than that
        return
    shapes = [value.shape for value in (x, y) if hasattr(value, "shape")]
    counted(*(max(lengths) for lengths in zip_longest(*shapes, fillvalue=1)))


def summed(letter: str, value: Any) -> Indexed:
    """Return the sum over one index."""
    if not isinstance(value, Indexed) or letter not in value.labels:
        raise Unfitting(f"nothing under Σ has the index {letter}")
    axis, v = value.labels.index(letter), value.value
    if isinstance(v, Pair):
        return contracted(letter, *v)
    if isinstance(v, Variable):  # as a matrix product, which the table of operations has
        ones = np.ones((v.shape[axis], 1))
        labels = tuple("" if k == axis else label for k, label in enumerate(value.labels))
        return Indexed(ones.T @ v if axis == 0 else v @ ones, labels)
    return Indexed(v.sum(axis=axis), value.labels[:axis] + value.labels[axis + 1 :])


def contracted(letter: str, a: Indexed, b: Indexed) -> Indexed:
    """Return Σ_k A_ik B_kj on a tape, as the matrix product it is."""
    if letter not in a.labels or letter not in b.labels or "" in (*a.labels, *b.labels):
        raise TooManyIndices(FREE)
    left, i = (a.value, a.labels[0]) if a.labels[1] == letter else (a.value.T, a.labels[1])
    right, j = (b.value, b.labels[1]) if b.labels[0] == letter else (b.value.T, b.labels[0])
    if left.shape[1] != right.shape[0]:
        raise Unfitting(
            f"the index {letter} runs to {left.shape[1]} in one factor and to {right.shape[0]} in the other"
        )
    return Indexed(left @ right, (i, j))


def multiplied(letter: str, value: Any) -> Indexed:
    """Return the product over one index."""
    if not isinstance(value, Indexed) or letter not in value.labels:
        raise Unfitting(f"nothing under Π has the index {letter}")
    axis, v = value.labels.index(letter), value.value
    if not isinstance(v, Variable):
        return Indexed(v.prod(axis=axis), value.labels[:axis] + value.labels[axis + 1 :])
    labels = tuple("" if k == axis else label for k, label in enumerate(value.labels))
    result: Any = None
    for row in np.eye(v.shape[axis]):
        factor = row[None, :] @ v if axis == 0 else v @ row[:, None]
        result = factor if result is None else result * factor
    return Indexed(result, labels)


def _with_two_axes(v: Indexed) -> Indexed:
    """Return components beside those on a tape as a matrix with two labels, as these are."""
    if not isinstance(v.value, np.ndarray) or len(v.labels) == 2:
        return v
    return Indexed(v.value.reshape(-1, 1), (*v.labels, "", "")[:2])


def _spread_on_tape(x: Any, y: Any) -> tuple[Any, Any]:
    """Return a column and a row repeated to the size of a matrix: x_i - y_j; other values as they are."""
    if x.shape[1] != 1 or y.shape[0] != 1:
        return x, y
    counted(x.shape[0], y.shape[1])
    return x @ np.ones((1, y.shape[1])), np.ones((x.shape[0], 1)) @ y


def at_places(value: Indexed, places: Mapping[str, int]) -> Indexed:
    """Return components with numbers, counted from 0, in the place of some letters: a matrix with an axis less."""
    array, labels = value
    for letter in [label for label in labels if label in places]:
        axis = labels.index(letter)
        entry = np.eye(array.shape[axis])[places[letter]]
        array = entry[None, :] @ array if axis == 0 else array @ entry[:, None]
        labels = tuple("" if k == axis else label for k, label in enumerate(labels))
    return Indexed(array, labels)


def number_of(value: Any) -> Any:
    """Return components without any free index as the number they are, 1×1; other values as they are."""
    if not isinstance(value, Indexed) or any(value.labels):
        return value
    return value.value if isinstance(value.value, Variable) else np.reshape(value.value, (1, 1))


def length_of_index(value: Indexed, letter: str) -> int:
    """Return how far an index of components runs."""
    length: int = value.value.shape[value.labels.index(letter)]
    return length


def distinct(labels: Iterable[str]) -> Labels:
    """Return the letters, each once, in the order in which they come."""
    return tuple(dict.fromkeys(label for label in labels if label))


def _aligned(a: Indexed, b: Indexed) -> tuple[Any, Any, Labels]:
    """Return two arrays with their axes in one order, of length 1 where one of them lacks a letter."""
    labels, *orders = _common_order(a.labels, b.labels)
    x, y = (_spread(side, order) for side, order in zip((a, b), orders, strict=True))
    return x, y, labels


@lru_cache(maxsize=ALIGNMENTS)
def _common_order(a: Labels, b: Labels) -> tuple[Labels, AxisOrder, AxisOrder]:
    """Return the letters of two operands in one order, and how the axes of each come into it."""
    labels = distinct((*a, *b))

    def order_of(operand: Labels) -> AxisOrder:
        own = [label for label in operand if label]
        places = tuple(own.index(label) for label in labels if label in own)
        return AxisOrder(places, tuple(slice(None) if label in own else None for label in labels))

    return labels, order_of(a), order_of(b)


def _spread(operand: Indexed, order: AxisOrder) -> Any:
    """Return the value of an operand with its axes in an order, of length 1 where it lacks a letter."""
    value = operand.value
    if isinstance(value, float):
        return value
    value = np.asarray(value)
    if value.ndim != len(order.places):
        value = value.reshape([n for n, label in zip(value.shape, operand.labels, strict=False) if label])
    return value.transpose(order.places)[order.axes]


def _aligned_on_tape(a: Indexed, b: Indexed) -> tuple[Any, Any, Labels]:
    """Return two matrices with their letters in one order: rows, columns."""
    if isinstance(a.value, float) or isinstance(b.value, float):
        return a.value, b.value, a.labels if isinstance(b.value, float) else b.labels
    letters = distinct((*a.labels, *b.labels))
    if len(letters) > 2:
        raise TooManyIndices(FREE)
    if len(letters) == 1:
        rows = a.labels[0] == letters[0] or (a.labels == ("", "") and b.labels[0] == letters[0])
        labels = (letters[0], "") if rows else ("", letters[0])
    else:
        labels = (letters[0], letters[1]) if letters else ("", "")

    def turned(x: Indexed) -> Any:
        first = x.labels[0] and x.labels[0] == labels[1]
        second = x.labels[1] and x.labels[1] == labels[0]
        return x.value.T if first or second else x.value

    return turned(a), turned(b), labels
