"""The values of formulas besides matrices and numbers, and the reasons why a formula has none."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tinyad.derivation.language.syntax_tree import Node
from tinyad.derivation.semantics.limits import VALUE_ENTRIES


class Trouble(Exception):  # noqa: N818 - not an error of the program: it becomes the verdict on a line
    """Say why a formula has no value: the verdict, the message, and the part that it is about."""

    def __init__(self, verdict: str, message: str, node: Node) -> None:
        super().__init__(message)
        self.verdict, self.message, self.node = verdict, message, node


class Unbound(Trouble):
    """Say that t or the letter of a family is free: the same part has a value under a Σ over it."""


class Unfitting(Exception):  # noqa: N818 - Trouble, before it is known about which part of a formula
    """Say why values do not fit together."""


class TooManyIndices(Unfitting):
    """Say that components on a tape have more than two letters."""


class Uncontracted(Trouble):
    """Say the same of a part of a formula: it may have a value where a Σ around it is taken term by term."""


class TooLarge(Unfitting):
    """Say that a value would take too much memory."""


def counted(*lengths: int) -> None:
    """Raise TooLarge if a value with sides of these lengths is too large to be made."""
    entries = prod(lengths)
    if entries > VALUE_ENTRIES:
        raise TooLarge(f"a value with {entries} entries; at most {VALUE_ENTRIES} are computed")


class Misfit(Exception):  # noqa: N818 - the same
    """Give the sizes of two matrices that do not fit."""

    def __init__(self, left: Any, right: Any) -> None:
        super().__init__()
        self.left, self.right = (x.sides if isinstance(x, Stretched) else x.shape for x in (left, right))


class Scope(NamedTuple):
    """The time t at which a formula is evaluated, the members of family letters, and numbers of indices from 0 on."""

    t: int | None
    members: Mapping[str, str]
    places: Mapping[str, int] = {}


class Indexed(NamedTuple):
    """Components: an array with a letter for every axis; on a tape a matrix, "" for an axis of length 1."""

    value: Any
    labels: tuple[str, ...]


class Pair(NamedTuple):
    """Two matrices of components with three letters in all, before the sum over the letter that they share."""

    left: Indexed
    right: Indexed


class Ones(NamedTuple):
    """1, or -1, where 1 is a column of ones: the number next to + - ∘ /, the column in a product."""

    number: float = 1.0


class Eye(NamedTuple):
    """I, or a multiple of it, as long as it has no size."""

    factor: Any = 1.0


class Blocks(NamedTuple):
    """I ⊗ A, or A ⊗ I, as long as I has no size."""

    value: Any
    eye_first: bool

    @property
    def T(self) -> Blocks:
        """Return the transpose."""
        return Blocks(self.value.T, self.eye_first)


class Several(NamedTuple):
    """The derivatives that deriv returns."""

    values: tuple[Any, ...]


class Stretched(NamedTuple):
    """A matrix that is as long as is needed along its free axes, where the value has the length 1."""

    value: Any
    free: tuple[bool, bool]

    @property
    def sides(self) -> tuple[Any, Any]:
        """Return its size, with k for a length that is not known."""
        rows, columns = self.value.shape
        return "k" if self.free[0] else rows, "k" if self.free[1] else columns

    @property
    def T(self) -> Stretched:
        """Return the transpose."""
        return Stretched(self.value.T, self.free[::-1])

    def within(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return its size next to a matrix of this shape."""
        rows, columns = (m if free else n for n, m, free in zip(self.value.shape, shape, self.free, strict=True))
        return rows, columns

    def filled(self, shape: tuple[int, ...]) -> Any:
        """Return the matrix of this shape; None where it cannot have it."""
        if self.within(shape) != tuple(shape):
            return None
        counted(*shape)
        value = np.ones((shape[0], 1)) @ self.value if self.free[0] else self.value
        return value @ np.ones((1, shape[1])) if self.free[1] else value
