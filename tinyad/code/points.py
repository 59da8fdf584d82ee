"""Other sample points: arguments of the same shapes and kinds as those of an example, with other values."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from tinyad.code import values
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
