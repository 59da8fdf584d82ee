"""Read the steps of a tape as the compiler needs them: a sum over time steps has an addition in the first one too."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from tinyad.engine.op import summed
from tinyad.engine.table import TABLE
from tinyad.engine.tape import PLAIN, Entry, Step, Tape
from tinyad.expressions.symbol import Symbol

SHORTEST_SUM = 2  # additions in a row that may be a sum over time
SHORTEST_BODY = 4  # steps of a time step; fewer may be a term of a sum of like terms, such as W x + R h + P c


class Sum(NamedTuple):
    """A sum over time steps: its first addition, the step before which 0 is added, the operand that is carried on."""

    addition: Step
    at: int
    k: int


class Recording:
    """A copy of the steps, values, names and constants of a tape.

    With `loops`, a sum e_1 + e_2 + ... + e_T that is formed over T time steps starts as 0 + e_1, so that the first time
    step has the steps of the others.
    """

    def __init__(self, tape: Tape, loops: bool) -> None:
        self.values, self.names = list(tape.values), dict(tape.names)
        same = self._equal_constants(tape)
        self.steps: list[Step] = [
            (op, z, same.get(x, x), y if y is None else same.get(y, y)) for op, z, x, y in tape.steps
        ]
        self.constants, self.label = set(tape.constants), tape.label
        self._entries = dict(tape.entries)
        if loops:
            self._widen_zeros()
        for found in sorted(self._sums(), key=lambda s: -s.at) if loops else ():
            self._start_at_zero(found)

    def _equal_constants(self, tape: Tape) -> dict[int, int]:
        """Return for each constant the first one that is equal to it."""
        known: dict[Any, int] = {}
        values = ((i, self.values[i]) for i in sorted(tape.constants))
        return {i: known.setdefault((a.shape, a.dtype, a.tobytes()), i) for i, a in values}

    def _widen_zeros(self) -> None:
        """Let the 0 that a sum of matrices starts at be of their size, so that all its additions are alike."""
        known: dict[Any, int] = {}
        for n, (op, z, x, y) in enumerate(self.steps):
            shape, dtype = self.values[z].shape, self.values[z].dtype
            zero = next((i for i in (x, y) if i in self.constants and self.values[i].shape != shape), None)
            if op is TABLE["+"] and zero is not None and not self.values[zero].any():
                if (shape, dtype) not in known:
                    known[shape, dtype] = len(self.values)
                    self.values.append(np.zeros(shape, dtype))
                    self.constants.add(known[shape, dtype])
                wide = known[shape, dtype]
                self.steps[n] = (op, z, wide if x == zero else x, wide if y == zero else y)

    def entry(self, n: int) -> Entry:
        """Return how the operands of step n, counted from 0, enter it."""
        return self._entries.get(self.steps[n][1], PLAIN)

    def formula(self, n: int, k: int) -> Any:
        """Return what step n, counted from 0, contributes to its operand k, as Symbols in row layout, or None."""
        formulas = self.steps[n][0].formulas
        return summed(formulas[k], Symbol("dz"), self.entry(n)[k]) if formulas else None

    def _sums(self) -> list[Sum]:
        plus, found = TABLE["+"], list[Sum]()
        made = {z: n for n, (_, z, _, _) in enumerate(self.steps)}
        additions = {n for n, (op, z, _, _) in enumerate(self.steps) if op is plus and z not in self._entries}
        follows: dict[int, tuple[int, int]] = {}  # addition → (the next one of the same sum, which operand it is there)
        for n in sorted(additions):
            for k in (0, 1):
                before = self._made(made, n, k)
                if before in additions:
                    follows.setdefault(before, (n, k))
        later = {n for n, _ in follows.values()}
        for first in sorted(additions - later):
            chain, k = [first], follows.get(first, (0, 0))[1]
            while chain[-1] in follows and follows[chain[-1]][1] == k:
                chain.append(follows[chain[-1]][0])
            spacing = {b - a for a, b in pairwise(chain)}
            start, terms = self._made(made, first, k), [self._made(made, n, 1 - k) for n in chain]
            apart = {b - a for a, b in pairwise(terms)}
            alike = start >= 0 and {self._kind(n) for n in terms} == {self._kind(start)}
            if len(chain) >= SHORTEST_SUM and len(spacing) == len(apart) == 1 and alike:
                at = first + 1 - spacing.pop()
                if at > start and apart.pop() >= SHORTEST_BODY:
                    found.append(Sum(self.steps[first], at, k))
        return found

    def _made(self, made: dict[int, int], n: int, k: int) -> int:
        """Return the step that makes operand k of an addition; -1 if none does."""
        _, _, x, y = self.steps[n]
        return made.get(x if k == 0 or y is None else y, -1)

    def _kind(self, n: int) -> Any:
        return n >= 0 and (self.steps[n][0], self.values[self.steps[n][1]].shape)

    def _start_at_zero(self, sum_: Sum) -> None:
        """Add a step 0 + e_1, and put its result in the place of e_1 in the first addition."""
        op, z, x, y = sum_.addition
        first = sum_.k == 0
        e = x if first or y is None else y
        zero, started = len(self.values), len(self.values) + 1
        self.values += [np.zeros_like(self.values[e]), self.values[e]]
        self.constants.add(zero)
        self._entries[started] = ("constant", "") if first else ("", "constant")
        self.steps[self.steps.index(sum_.addition)] = (op, z, started, y) if first else (op, z, x, started)
        self.steps.insert(sum_.at, (op, started, zero, e) if first else (op, started, e, zero))
