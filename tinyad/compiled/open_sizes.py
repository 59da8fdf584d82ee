"""Find which examples are lists of T matrices and which have B columns; resize them, and read the sizes of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count, islice
from math import isqrt
from typing import Any, TypeVar

import numpy as np

from tinyad.arrays.matrix import Array, Shape, kind, size
from tinyad.compiled.model_examples import Recorded, is_over_time
from tinyad.compiled.size_fitting import Sizes
from tinyad.compiled.tied_sizes import COLUMNS, Side, TiedSizes

OPEN = ("any T", "any batch")
ATTEMPTS = 6
# Of what is recorded.  Values of equal size share memory, so these are sizes that other values seldom have; T is odd
# and even, for of two arrays that take turns it says which is last.
TIMES = ((27, 38, 14), (35, 62, 45), (49, 74, 25))
FEWEST = 11  # columns
Kind = TypeVar("Kind", int, str)


def parsed(text: str) -> tuple[bool, bool]:
    """Return whether T, and whether B, is open; ValueError for anything but "any T", "any batch" or both."""
    given = [part.strip() for part in text.split(",")]
    for part in given:
        if part not in OPEN:
            raise ValueError(f'shapes {part!r}: there are "any T", "any batch" and "any T, any batch"')
    return OPEN[0] in given, OPEN[1] in given


def parts(value: Any) -> Sequence[Any]:
    """Return the matrices of a list, or a matrix as a list of one."""
    return value if isinstance(value, list) else [value]


class OpenSizes:
    """Examples that can be resized: those in `lists` have T matrices, those in `columns` B columns."""

    def __init__(self, examples: Mapping[str, Any], time: bool) -> None:
        self.examples = dict(examples)
        self.lists = [name for name, a in examples.items() if isinstance(a, list)] if time else []
        self.columns: Sequence[str] = []
        self.sizes = Sizes(self._length() if time else 0, 0)

    def _length(self) -> int:
        if not self.lists:
            raise ValueError(
                '"any T": no example is a list; what changes from time step to time step is a list of matrices, '
                "xs=[x1, x2, ...]"
            )
        for name in self.lists:
            steps = ((f"{name}[{t}]", size(a.shape)) for t, a in enumerate(self.examples[name], 1))
            _same(steps, "{0} is {1}, {2} {3}: with any T the matrices of a list are of one size")
        return _same_length((name, len(self.examples[name])) for name in self.lists)

    def find_columns(self, model: Callable[[Mapping[str, Any]], Recorded]) -> None:
        """Find the examples that have B columns: those that need as many columns as the lists have, by the operations.

        Without lists, these are all that can have another number.  ValueError if there are none, or two such numbers.
        """
        found: list[list[str]] = []
        reason = ""
        for names in self._tied_columns(model(self.examples)):
            self.columns, self.sizes = names, self.sizes._replace(B=parts(self.examples[names[0]])[0].shape[1])
            try:
                model(self.resized(self.recorded_at(0)[0]))
                found.append(names)
            except ValueError as error:
                reason = reason or f"; with another number of columns in {', '.join(names)} it does not run: {error}"
        if len(found) != 1:
            several = " or ".join(f"those of {', '.join(names)}" for names in found)
            raise ValueError(
                f'"any batch": the columns of which arguments are examples? '
                f"{several or f'none of them can have any number of columns{reason}'}"
            )
        (self.columns,) = found
        self.sizes = self.sizes._replace(B=parts(self.examples[self.columns[0]])[0].shape[1])

    def _tied_columns(self, recorded: Recorded) -> list[list[str]]:
        """Return examples whose columns are one size, of two or more; if there are lists, those with a list in them."""
        tape, tied = recorded.tape, TiedSizes(recorded.tape)
        ends: dict[Side, list[str]] = {}
        for name in self.lists:
            first, *others = (tape[label].index for label in recorded.labels(name))
            for i in others:
                tied.tie((first, COLUMNS), (i, COLUMNS))
        for name, example in self.examples.items():
            positions = [tape[label].index for label in recorded.labels(name)]
            own = {tied.end((i, COLUMNS)) for i in positions}
            if len(own) == 1 and parts(example)[0].shape[1] > 1:
                ends.setdefault(own.pop(), []).append(name)
        lists = {name for name, a in self.examples.items() if isinstance(a, list)}
        with_lists = [names for names in ends.values() if lists.intersection(names)]
        return with_lists or list(ends.values())

    def recorded_at(self, attempt: int) -> list[Sizes]:
        """Return sizes to fit a text at, two of T by two of B, and others to check it."""
        Ts = TIMES[attempt % len(TIMES)] if self.sizes.T else (0,)
        primes = (n for n in count(max(FEWEST, self.sizes.B)) if all(n % k for k in range(2, isqrt(n) + 1)))
        Bs = list(islice(primes, 2 * attempt, 2 * attempt + 3)) if self.sizes.B else [0]
        grid = [(T, B) for B in Bs[:2] for T in Ts[:2]]
        return [Sizes(*sizes) for sizes in dict.fromkeys((*grid, (Ts[-1], Bs[-1])))]

    def smallest(self) -> list[Sizes]:
        """Return the sizes at which a text may have another form: there are no loops, or nothing is repeated."""
        Ts, Bs = ((1, 2, 3) if self.sizes.T else (0,)), ((1, 2) if self.sizes.B else (0,))
        return [Sizes(T, B) for T in Ts for B in Bs]

    def resized(self, sizes: Sizes) -> dict[str, Any]:
        """Return the examples at given sizes, repeated or cut, and a little changed.

        No two time steps or columns are equal, and nothing is zero as a whole: what depends on them would be hidden.
        """
        rng = np.random.default_rng(0)
        found: dict[str, Any] = {}
        for name, example in self.examples.items():
            arrays = parts(example)
            if name in self.lists:
                arrays = [arrays[t % len(arrays)] for t in range(sizes.T)]
            if name in self.columns:
                arrays = [a[:, np.arange(sizes.B) % a.shape[1]] for a in arrays]
            arrays = [a if a.any() else np.ones_like(a) for a in arrays]
            arrays = [(a * rng.uniform(0.9, 1, a.shape)).astype(a.dtype) for a in arrays]
            found[name] = arrays if isinstance(example, list) else arrays[0]
        return found

    def placeholders(self, sizes: Sizes) -> dict[str, Any]:
        """Return arguments of given sizes that take no memory."""

        def placeholder(name: str, a: Array) -> Array:
            shape = (a.shape[0], sizes.B) if name in self.columns else a.shape
            return np.broadcast_to(np.zeros((), a.dtype), shape)

        return {
            name: [placeholder(name, example[0])] * sizes.T
            if name in self.lists
            else [placeholder(name, a) for a in example]
            if isinstance(example, list)
            else placeholder(name, example)
            for name, example in self.examples.items()
        }

    def read(self, given: Mapping[str, Any]) -> tuple[Sizes, dict[str, Any]]:
        """Return the sizes of what is passed, and all arguments: the examples where nothing is passed.

        ValueError names what is of another size than the rest.
        """
        values = {name: _listed(name, value, self.examples[name]) for name, value in given.items()}
        T, B = self.sizes
        lengths = [(name, len(values[name])) for name in self.lists if name in values]
        if lengths:
            T = _same_length(lengths)
        shapes = {name: self._shapes(name, values[name]) for name in self.columns if name in values}
        columns = [(self._part(name, t), shape[1]) for name, own in shapes.items() for t, shape in own]
        if columns:
            B = _same(columns, "{0} has {1} columns, {2} {3}: a column is an example, and all have as many")
        sizes = Sizes(T, B)
        for name, example in self.examples.items():
            if name not in values:
                if (name in self.lists and T != self.sizes.T) or (name in self.columns and B != self.sizes.B):
                    raise ValueError(f"{name} is not given, and its example is for {self.sizes}, not {sizes}: pass it")
                values[name] = example
            if isinstance(example, list) and name not in self.lists and len(values[name]) != len(example):
                raise ValueError(f"{name} has {len(values[name])} matrices, this program takes {len(example)}")
        for name, own in shapes.items():
            for t, shape in own:
                rows = parts(self.examples[name])[0 if name in self.lists else t].shape[0]
                if shape[0] != rows:
                    raise ValueError(f"{self._part(name, t)} is {size(shape)}, expected {size((rows, B))}")
        return sizes, values

    def _shapes(self, name: str, value: Any) -> list[tuple[int, Shape]]:
        """Return the sizes of what is passed for an example with B columns, of a list over time each size once."""
        shapes = list(map(np.shape, value)) if isinstance(self.examples[name], list) else [np.shape(value)]
        found = {shape: shapes.index(shape) for shape in set(shapes)} if name in self.lists else None
        own = list(enumerate(shapes)) if found is None else sorted((t, shape) for shape, t in found.items())
        for t, shape in own:
            if len(shape) != 2:
                what = f"{self._part(name, t)} is {len(shape)}-D"
                raise ValueError(f"{what}: expected a matrix with a column for each example")
            if not shape[1]:
                raise ValueError(f"{self._part(name, t)} has no columns: there is at least one example")
        return own

    def _part(self, name: str, t: int) -> str:
        return f"{name}[{t + 1}]" if isinstance(self.examples[name], list) else name


def _listed(name: str, value: Any, example: Any) -> Any:
    """Return what is passed for a list as a list; TypeError if it is none."""
    if not isinstance(example, list):
        return value
    if not isinstance(value, list) and (isinstance(value, tuple) or is_over_time(value)):
        value = list(value)
    if not isinstance(value, list):
        raise TypeError(f"{name}: expected a list of matrices, one for each time step, not {kind(value)}")
    if not value:
        raise ValueError(f"{name} is empty: there is at least one time step")
    return value


def _same_length(lengths: Iterable[tuple[str, int]]) -> int:
    return _same(lengths, "{0} has {1} time steps, {2} {3}: with any T all lists have one length")


def _same(pairs: Iterable[tuple[str, Kind]], message: str) -> Kind:
    """Return the value that all pairs (name, value) have; ValueError names two that differ."""
    (name, value), *others = pairs
    for other, its in others:
        if its != value:
            raise ValueError(message.format(name, value, other, its))
    return value
