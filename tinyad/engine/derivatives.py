"""The derivatives that a backward pass gives, each the sum of its contributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array

if TYPE_CHECKING:
    from tinyad.engine.tape import Tape, Variable


class Contribution(NamedTuple):
    """One += into a derivative: by which step (0: a seed), as which operand ("x" the first, "y" the second, "seed"),
    which array, in row layout."""

    step: int
    operand: str
    array: Array


class Derivatives:
    """The result of one backward pass: `d[Variable or name]` is its derivative in row layout, read-only.

    Everything on the tape has one, the intermediate results too; it is 0 where L does not depend on it.
    """

    def __init__(self, tape: Tape, d: list[Any], seeds: dict[int, Any], recorded: bool) -> None:
        self.tape, self.recorded, self._d, self._seeds = tape, recorded, d, seeds
        self.length = len(d)  # later positions were recorded after this walk
        self.seeds = {i: dz._value.T if recorded else dz for i, dz in seeds.items()}  # of their variables' sizes
        self._used: dict[int, list[int]] = {}

    def __getitem__(self, key: Variable | str) -> Any:
        v = self.at(key)
        if self.recorded and self.reaches(v.index):
            return self.tape.at(self._d[v.index].index)
        row = _row(self.column(v.index))
        return self.tape.variable(row) if self.recorded else row

    def at(self, key: Variable | str) -> Variable:
        """The Variable of a key; KeyError if it was not there at this backward pass."""
        v = self.tape[key]
        if v.index >= self.length:
            raise KeyError(f"{v!r} was recorded after this backward pass; call backward again")
        return v

    def column(self, position: int) -> Array:
        """The derivative of the value at `position`, transposed: of the value's own size."""
        dv = self._d[position]
        if dv is None:
            return np.zeros_like(self.tape.values[position])
        column: Array = dv._value.T if self.recorded else dv
        return column

    __iter__ = None  # keys are Variables and names, not 0, 1, ...

    def __repr__(self) -> str:
        return f"Derivatives({self.length} values)"

    def reaches(self, position: int) -> bool:
        """Whether L depends on the value at `position` by any path."""
        return self._d[position] is not None

    def contributions(self, key: Variable | str) -> list[Contribution]:
        """Return every += into the derivative of `key`, in the order of the walk; they sum to it."""
        v = self.at(key)
        made = [Contribution(0, "seed", _row(self.seeds[v.index]))] if v.index in self.seeds else []
        for n in self._uses().get(v.index, ()):
            _, z, *operands = self.tape.steps[n - 1]
            if self._d[z] is not None:
                for operand, i, c in zip("xy", operands, self.tape.contributions(n, self.column(z)), strict=False):
                    if i == v.index and c is not None:
                        made.append(Contribution(n, operand, _row(c)))
        return made

    def as_walked(self) -> Derivatives:
        """Return the same walk over the tape as it was then, without what was recorded later."""
        if len(self.tape.values) == self.length:
            return self
        return Derivatives(self.tape.first(self.length), self._d, self._seeds, self.recorded)

    def __str__(self) -> str:
        from tinyad.printing.listing import gradients

        return str(gradients(self))

    def _repr_latex_(self) -> str:
        from tinyad.printing.listing import gradients

        return gradients(self).latex

    def _uses(self) -> dict[int, list[int]]:
        """Position → the steps it is an operand of, last first."""
        if not self._used:
            for n in range(len(self.tape.steps), 0, -1):
                _, z, x, y = self.tape.steps[n - 1]
                if z < len(self._d):
                    for i in {x, x if y is None else y}:
                        self._used.setdefault(i, []).append(n)
        return self._used


def _row(column: Array) -> Array:
    column.setflags(write=False)
    if column.base is not None:
        column.base.setflags(write=False)
    return column.T
