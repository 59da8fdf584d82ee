"""Other sample points: arguments of the kinds of an example, with other values, and with other sizes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tinyad.code import values
from tinyad.code.limits import NESTING
from tinyad.code.pair import Example
from tinyad.code.values import Array


def another(example: Example, seed: int) -> Example:
    """Return an example with other values: positive ones stay positive, probabilities sum to 1, symmetric ones stay so.

    Whole numbers (labels, indices), 0 and 1 and masks stay as they are.
    """
    return Example(*moved(tuple(example), np.random.default_rng([seed, 3])))


def moved(value: Any, rng: np.random.Generator) -> Any:
    """Return a copy of a value with other entries in its leaves."""
    value = copy.deepcopy(value)
    for path, leaf in list(values.leaves(value)):
        value = values.with_leaf(value, path, values.like(other_values(values.array(leaf), rng), leaf))
    return value


def other_values(entries: Array, rng: np.random.Generator) -> Array:
    """Return other entries of the same kind."""
    if entries.ndim == 0:
        return entries * rng.uniform(0.8, 1.25)
    if np.all((entries == 0) | (entries == 1)) or not np.all(np.isfinite(entries)):
        return entries
    square = entries.ndim == 2 and entries.shape[0] == entries.shape[1] and entries.shape[0] > 1
    if square and np.allclose(entries, entries.T):
        stretch = rng.uniform(0.8, 1.25, len(entries))
        return entries * np.outer(stretch, stretch)
    new: Array
    if np.all(entries > 0):
        new = entries * np.exp(0.3 * rng.standard_normal(entries.shape))
        for axis in range(entries.ndim):
            if np.allclose(entries.sum(axis), 1):
                return np.asarray(new / new.sum(axis, keepdims=True))
        return new
    new = np.where(entries == 0, 0, entries + 0.5 * np.std(entries) * rng.standard_normal(entries.shape))
    return new


def resized(example: Example, seed: int) -> Iterator[Example]:
    """Yield examples whose sizes differ: each size by another number, then all doubled, then the first one alone.

    Code may need that one size is a number of times another, or has written one down as a number; so there are several.
    """
    found = values_of(example)
    sizes = dict.fromkeys(size for leaf in found for size in np.shape(leaf) if size > 1)
    if not sizes:
        return
    first = next(iter(sizes))
    yield _with_sizes(example, {size: size + 1 + place for place, size in enumerate(sorted(sizes))}, seed)
    yield _with_sizes(example, {size: 2 * size for size in sizes}, seed)
    yield _with_sizes(example, {first: first + 1}, seed)


def values_of(example: Example) -> list[Any]:
    """Return the arrays of an example, those of whole numbers and of truth values too."""
    return [leaf for _, leaf in _arrays(tuple(example)) if isinstance(leaf, np.ndarray)]


def _arrays(value: Any, depth: int = NESTING) -> Iterator[tuple[values.Path, Any]]:
    """Yield the arrays and whole numbers in a value, with the paths to them."""
    if isinstance(value, np.ndarray) or type(value) is int:
        yield (), value
    elif depth:
        for key, part in values.parts(value):
            for path, leaf in _arrays(part, depth - 1):
                yield (key, *path), leaf


def _with_sizes(example: Example, sizes: Mapping[int, int], seed: int) -> Example:
    """Return an example with other sizes in the place of its own, also where a whole number is one of them."""
    rng = np.random.default_rng([seed, 5])
    new = copy.deepcopy(tuple(example))
    for path, leaf in list(_arrays(new)):
        moved = _resized(leaf, sizes, rng) if isinstance(leaf, np.ndarray) else sizes.get(leaf, leaf)
        new = values.with_leaf(new, path, moved)
    return Example(*new)


def _resized(entries: Any, sizes: Mapping[int, int], rng: np.random.Generator) -> Any:
    """Return an array of other sizes: entries repeated along each axis, and moved where they are of floating point."""
    new = entries
    marks = bool(np.all((entries == 0) | (entries == 1)))
    for axis, size in enumerate(entries.shape):
        places = np.arange(sizes.get(size, size))
        one_of_them = marks and bool(np.all(entries.sum(axis) == 1))  # as of classes: the new ones are not it
        new = np.take(new, places % size, axis)
        if one_of_them:
            new = np.moveaxis(np.moveaxis(new, axis, -1) * (places < size), -1, axis).astype(entries.dtype)
    if entries.dtype.kind != "f" or new.shape == entries.shape:
        return new
    moved = other_values(new, rng)
    for axis in range(entries.ndim):
        if np.allclose(entries.sum(axis), 1):
            moved = moved / moved.sum(axis, keepdims=True)
    return moved
