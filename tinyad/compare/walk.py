"""A backward pass with what was given by hand in it, and the same pass with some of its lines changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.compare.lines import Lines, Use

# (walk under the change, contribution, what it is without the change) → what it is, in the size of the variable.
OfUse = Callable[["Changed", Use, Array], Array]
OfValue = Callable[["Changed", int, Array], Array]


class Change(NamedTuple):
    """Lines that are changed: of contributions and of sums of them.

    Each goes with the values whose derivatives it reads besides its own.
    """

    uses: Mapping[Use, tuple[OfUse, tuple[int, ...]]] = {}
    values: Mapping[int, tuple[OfValue, tuple[int, ...]]] = {}


class Walk:
    """The backward pass in which every derivative by hand replaces the one it would compute.

    `totals` are the sums of the contributions, `columns` what stands in their place: both in the sizes of the
    variables.  `given` may have entries that are not known, NaN: these are computed.
    """

    def __init__(self, lines: Lines, given: Mapping[int, Array]) -> None:
        self.lines, self.tape, self.given = lines, lines.tape, given
        self.work = 0  # values and contributions that were computed under changes
        d = lines.d
        self.partly = {i: ~np.isnan(a) for i, a in given.items() if np.isnan(a).any()}
        self.totals: list[Any] = [None] * d.length
        for i, seed in d.seeds.items():
            self.totals[i] = np.array(seed)
        self.columns: list[Any] = [None] * d.length
        self.out: dict[int, tuple[Array | None, ...]] = {}
        owned: set[int] = set(d.seeds)
        for i in range(d.length - 1, -1, -1):
            self.columns[i] = self.pinned(i, self.totals[i])
            n = lines.made.get(i)
            if n is None or self.columns[i] is None:
                continue
            self.out[n] = self.tape.contributions(n, self.columns[i])
            for k, array in zip(self.operands(n), self.out[n], strict=False):
                if array is None or k is None:
                    continue
                if self.totals[k] is None:
                    self.totals[k] = array
                elif k in owned and self.totals[k].dtype == np.result_type(self.totals[k], array):
                    self.totals[k] += array
                else:
                    self.totals[k] = self.totals[k] + array
                    owned.add(k)

    @cached_property
    def steps(self) -> dict[int, tuple[Callable[[Array], Any], list[tuple[Use, int, Any]]]]:
        """Result of a step → what it contributes as a function of its derivative, and where, with what it is here."""
        steps = {}
        for z, n in self.lines.made.items():
            uses = [(use, "xy".index(use.operand)) for use in self.lines.steps.get(n, ())]
            out = self.out.get(n)
            if uses and out is not None:
                steps[z] = self._rule(n), [(use, k, out[k]) for use, k in uses if out[k] is not None]
        return steps

    @cached_property
    def given_below(self) -> dict[int, frozenset[int]]:
        """Value → those that were given and to which some path leads from its derivative, itself among them."""
        below: dict[int, frozenset[int]] = {}
        for i in sorted(range(self.lines.d.length), key=lambda i: -self.lines.rank[i]):
            found = frozenset([i]) if i in self.given else frozenset()
            targets = self.steps[i][1] if i in self.steps and (i not in self.given or i in self.partly) else ()
            for use, _, _ in targets:
                further = below[use.of]
                found = found if further <= found else further if found <= further else found | further
            below[i] = found
        return below

    def _rule(self, n: int) -> Callable[[Array], Any]:
        op, z, *operands = self.tape.steps[n - 1]
        if z in self.tape.entries:
            return partial(self.tape.contributions, n)
        values = [self.tape.values[i] for i in (z, *operands) if i is not None]
        if op.arity == 1:
            return lambda D: (op.vjp(D, *values),)
        return lambda D: op.vjp(D, *values)

    def operands(self, n: int) -> tuple[int | None, int | None]:
        _, _, x, y = self.tape.steps[n - 1]
        return x, y

    def total(self, i: int) -> Array:
        """Return the sum of the contributions to the derivative at i."""
        return np.zeros_like(self.tape.values[i]) if self.totals[i] is None else self.totals[i]

    def column(self, i: int) -> Array:
        """Return the derivative at i as it goes on."""
        return np.zeros_like(self.tape.values[i]) if self.columns[i] is None else self.columns[i]

    def pinned(self, i: int, total: Array | None) -> Array | None:
        """Return what was given for i, with the entries that were not as computed."""
        if i not in self.given:
            return total
        if i in self.partly:
            return np.where(self.partly[i], self.given[i], 0.0 if total is None else total)
        return self.given[i]

    def contribution(self, use: Use) -> Array:
        """Return a contribution, in the size of its variable."""
        array = self.out[use.step]["xy".index(use.operand)] if use.step in self.out else None
        return np.zeros_like(self.tape.values[use.of]) if array is None else array

    def under(self, change: Change) -> Iterator[tuple[int, Array]]:
        """Yield (value that was given, the sum of the contributions to it) for those that a change may move."""
        return Changed(self, change).moved()

    def all_under(self, change: Change, of: Iterable[int]) -> dict[int, Array]:
        """Return the derivatives of some values under a change; of those that it does not move as they are."""
        changed = Changed(self, change)
        for _ in changed.moved():
            pass
        return {i: changed.column(i) for i in of}


class Changed:
    """A walk under a change; only what the change moves is computed again."""

    def __init__(self, walk: Walk, change: Change) -> None:
        self.walk, self.change = walk, change
        self._columns: dict[int, Array] = {}
        self._out: dict[int, tuple[Array | None, ...]] = {}
        self._more: dict[int, Any] = {}
        self._events: list[tuple[int, int, Any]] = []  # (rank, 0 for a value and 1 for a contribution, which)
        self._due: set[int] = set()
        rank = walk.lines.rank
        for i in change.values:
            self._visit(i)
        for use, (_, reads) in change.uses.items():
            z = walk.tape.steps[use.step - 1][1]
            heappush(self._events, (max(rank[i] for i in (z, *reads)), 1, use))

    def column(self, i: int) -> Array:
        """Return the derivative at i, as far as the walk has come."""
        return self._columns[i] if i in self._columns else self.walk.column(i)

    def contribution(self, use: Use) -> Array:
        """Return what a step contributes without the change of its own line."""
        if use.step not in self._out:
            return self.walk.contribution(use)
        array = self._out[use.step]["xy".index(use.operand)]
        return np.zeros_like(self.walk.tape.values[use.of]) if array is None else array

    def _visit(self, i: int) -> None:
        if i not in self._due:
            self._due.add(i)
            heappush(self._events, (self.walk.lines.rank[i], 0, i))

    def _add(self, i: int, more: Array) -> None:
        before = self._more.get(i)
        self._more[i] = more if before is None else before + more
        self._visit(i)

    def moved(self) -> Iterator[tuple[int, Array]]:
        """Yield (value that was given, the sum of the contributions to it) for those that the change may move."""
        given, partly, steps, changes = self.walk.given, self.walk.partly, self.walk.steps, self.change.uses
        while self._events:
            _, kind, which = heappop(self._events)
            self.walk.work += 1
            if kind:
                alter, _ = changes[which]
                self._add(which.of, alter(self, which, self.contribution(which)) - self.walk.contribution(which))
                continue
            total, more = self.walk.total(which), self._more.get(which)
            if more is not None:
                total = total + more
            if which in self.change.values:
                total = self.change.values[which][0](self, which, total)
            if which in given:
                yield which, total
                if which not in partly:
                    continue
            column = self.walk.pinned(which, total)
            assert column is not None
            self._columns[which] = column
            if which in steps:
                rule, targets = steps[which]
                out = self._out[self.walk.lines.made[which]] = rule(column)
                for use, k, before in targets:
                    if use not in changes:
                        self._add(use.of, out[k] - before)
