"""The values of declared names at a sample point: random, moderate, and of the kind that was declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from zlib import crc32

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.language.declarations import Declarations, MatrixKind
from tinyad.derivation.semantics.limits import LARGEST_ENTRY, RANGE_MARGIN, SMALLEST_ENTRY, VARIED_SCALES


class Drawing(NamedTuple):
    """How the values of a sample point are drawn.

    scale: of what has no time, so that a recurrence does not grow; varied: every name has a scale of its own too;
    other_sizes: symbols of sizes have other numbers than at the first point; sizes: their numbers, if they are known;
    names: other names, whose values are drawn for some.
    """

    seed: int
    scale: float = 1.0
    varied: bool = False
    other_sizes: bool = False
    sizes: Mapping[str, int] | None = None
    names: Mapping[str, str] = {}

    def entries(self, what: str, shape: tuple[int, ...], signed: bool) -> Array:
        """Return random numbers for one thing, whatever else is drawn: moderate, none near 0, with either sign."""
        rng = self._generator(what)
        value = rng.uniform(SMALLEST_ENTRY, LARGEST_ENTRY, shape)
        return value * rng.choice((-1.0, 1.0), shape) if signed else value

    def leaf(self, declarations: Declarations, key: str, what: str, shape: tuple[int, int], timed: bool) -> Array:
        """Return the value of a declared name."""
        if key in declarations.ranges:
            low, high = declarations.ranges[key]
            margin = RANGE_MARGIN * (high - low)
            return self._generator(what).uniform(low + margin, high - margin, shape)
        columns_sum, rows_sum = key in declarations.shares, key in declarations.row_shares
        value = self.entries(what, shape, not (key in declarations.positive or columns_sum or rows_sum))
        if columns_sum or rows_sum:
            total: Array = value.sum(axis=0 if columns_sum else 1, keepdims=True)
            return value / total
        kind = declarations.matrix_kinds.get(key)
        if kind is MatrixKind.ORTHOGONAL:
            factor: Array = np.linalg.qr(value)[0]
            return factor
        return self._of_kind(value, kind) * self._scale_of(key, timed)

    def _of_kind(self, value: Array, kind: MatrixKind | None) -> Array:
        """Return a symmetric or positive definite matrix made from random entries; other values as they are."""
        if kind is MatrixKind.SYMMETRIC:  # the mean of A and its transpose has entries near 0
            symmetric: Array = np.triu(value) + np.triu(value, 1).T
            return symmetric
        if kind is MatrixKind.POSITIVE_DEFINITE:
            n = value.shape[0]
            return value @ value.T / n + SMALLEST_ENTRY * np.eye(n)
        return value

    def _scale_of(self, key: str, timed: bool) -> float:
        own = float(self._generator(f"scale {key}").choice(VARIED_SCALES)) if self.varied else 1.0
        return own if timed else own * self.scale

    def _generator(self, what: str) -> np.random.Generator:
        return np.random.default_rng(crc32(f"{self.seed} {what}".encode()))
