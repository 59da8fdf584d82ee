"""What a formula can come to besides a matrix or a number, and why it may come to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tinyad.derivation.tree import Node


class Trouble(Exception):  # noqa: N818 - not an error of the program: it becomes the verdict on a line
    """Why a formula has no value: the verdict, what to say, and the part that it is about."""

    def __init__(self, verdict: str, message: str, node: Node) -> None:
        super().__init__(message)
        self.verdict, self.message, self.node = verdict, message, node


class Unfitting(Exception):  # noqa: N818 - Trouble, before it is known about which part of a formula
    """Values that do not fit together."""


class Misfit(Exception):  # noqa: N818 - the same
    """Two matrices whose sizes do not fit."""

    def __init__(self, left: Any, right: Any) -> None:
        super().__init__()
        self.left, self.right = left.shape, right.shape


class Scope(NamedTuple):
    """Where a formula is evaluated: at which time t, and what the family letters stand for."""

    t: int | None
    members: Mapping[str, str]


class Indexed(NamedTuple):
    """Components: an array with a letter for every axis; on a tape a matrix, "" for an axis of length 1."""

    value: Any
    labels: tuple[str, ...]


class Ones(NamedTuple):
    """1 as long as it has no size: a column, or a row."""

    row: bool


class Eye(NamedTuple):
    """I as long as it has no size."""


class Several(NamedTuple):
    """What deriv returns."""

    values: tuple[Any, ...]


class Stretched(NamedTuple):
    """A matrix some of whose axes are as long as is needed."""

    value: Any
