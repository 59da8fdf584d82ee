"""The lines of a backward pass, those of a loop at all their time steps: which contributions are one line of code."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Hashable
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tinyad.compare.thresholds import LONGEST_LOOP, NAMES_TRIED, SUBSETS_TRIED
from tinyad.engine.derivatives import Derivatives
from tinyad.printing.listing import derived
from tinyad.printing.text import at_time

START = re.compile(r"(.+?)_?0")  # h0 and h_0 are h[0] where there is an h[1]


class Use(NamedTuple):
    """The contribution of a step to the derivative of its operand "x" or "y", which is the value `of`."""

    step: int
    operand: str
    of: int


class Lines:
    """Steps and values by name and time step.

    `rank` orders values so that each stands behind all from which its derivative is computed; of two that have nothing
    to do with each other the one nearer to the end of the forward pass is first.
    """

    def __init__(self, d: Derivatives) -> None:
        self.d, self.tape = d, d.tape
        self.made = {z: n for n, (_, z, _, _) in enumerate(self.tape.steps, 1) if z < d.length}
        self.uses: dict[int, list[Use]] = {}  # in the order of the walk
        for n in range(len(self.tape.steps), 0, -1):
            z = self.tape.steps[n - 1][1]
            if z < d.length and d.reaches(z):
                for operand, i in derived(self.tape, n).items():
                    self.uses.setdefault(i, []).append(Use(n, operand, i))
        self.steps: dict[int, list[Use]] = {}
        for use in (use for uses in self.uses.values() for use in uses):
            self.steps.setdefault(use.step, []).append(use)
        self.rank = self._rank()
        self.owner = self._owners()

    def _rank(self) -> list[int]:
        level = [0] * self.d.length
        for _, z, x, y in reversed(self.tape.steps):
            if z < self.d.length:
                for i in (x, x if y is None else y):
                    level[i] = max(level[i], level[z] + 1)
        rank = [0] * self.d.length
        for place, i in enumerate(sorted(range(self.d.length), key=lambda i: (level[i], -i))):
            rank[i] = place
        return rank

    def _owners(self) -> list[int]:
        """Return for each value the one with a name whose line its derivative is a part of; -1 for one of several."""
        owner = list(range(self.d.length))
        for z, n in self.made.items():
            if z not in self.tape.names:
                owners = {owner[i] for i in derived(self.tape, n).values()}
                owner[z] = owners.pop() if len(owners) == 1 else -1
        return owner

    @cached_property
    def named(self) -> list[int]:
        return sorted(i for i in self.tape.names if i < self.d.length)

    @cached_property
    def _without_time(self) -> list[int]:
        return [i for i in self.named if i not in self.timed]

    def near(self, i: int) -> list[int]:
        """Return values with names, the nearest on the tape first: not all of a long one."""
        at = bisect_left(self.named, i)
        some = {*self.named[max(0, at - NAMES_TRIED) : at + NAMES_TRIED], *self._without_time[:NAMES_TRIED]}
        return sorted(some, key=lambda u: abs(u - i))

    def computed_from(self, i: int) -> set[int]:
        """Return a value and all that it is computed from, without operands that give only their size."""
        found, todo = {i}, [i]
        while todo:
            n = self.made.get(todo.pop())
            for j in derived(self.tape, n).values() if n else ():
                if j not in found:
                    found.add(j)
                    todo.append(j)
        return found

    def used_for(self, i: int) -> set[int]:
        """Return all that is computed from a value."""
        found, todo = set[int](), [i]
        while todo:
            for use in self.uses.get(todo.pop(), ()):
                z = self.tape.steps[use.step - 1][1]
                if z not in found:
                    found.add(z)
                    todo.append(z)
        return found

    # Time steps

    @cached_property
    def timed(self) -> dict[int, tuple[str, int]]:
        """Position → (name without its time step, time step), of all names that have one; h0 is h[0]."""
        found = {i: at_time(name) for i, name in self.tape.names.items() if i < self.d.length}
        timed = {i: (base, t) for i, (base, t) in found.items() if t is not None}
        bases, taken = {base for base, _ in timed.values()}, set(timed.values())
        for i, name in self.tape.names.items():
            start = START.fullmatch(name)
            if i not in timed and start and start[1] in bases and (start[1], 0) not in taken:
                timed[i] = start[1], 0
        return timed

    @cached_property
    def at(self) -> dict[tuple[str, int], int]:
        """(name, time step) → position."""
        return {timed: i for i, timed in self.timed.items()}

    @cached_property
    def last(self) -> dict[str, int]:
        """Name → its last time step."""
        last: dict[str, int] = {}
        for base, t in self.at:
            last[base] = max(t, last.get(base, t))
        return last

    @cached_property
    def _statements(self) -> dict[int, tuple[Hashable, int | None]]:
        """Step → (its role in a statement of the code, time step): counted from the next result with a name.

        What is summed up in a loop under no name, as a loss, is counted from the value of the loop that it is made of.
        """
        if not any(z in self.timed for z in self.made):
            return self._repeated()
        roles: dict[int, tuple[Hashable, int | None]] = {}
        since, into = self._since_timed(), dict[int, int]()
        name, time, at, named = None, None, 0, -1
        for z, n in reversed(self.made.items()):
            symbol = self.tape.steps[n - 1][0].symbol
            if z in self.tape.names:
                (name, time), at, named = self.timed.get(z, (None, None)), n, z
                into[z] = z
            for i in self.tape.steps[n - 1][2:]:
                if i is not None and i not in self.tape.names and into.get(z) == named:
                    into[i] = named
            if name is not None and into.get(z) == named:
                roles[n] = (name, at - n, symbol), time
            elif z in since:
                t, base, steps = since[z]
                roles[n] = (base, "made into", steps, symbol), t
            else:
                roles[n] = n, None
        return roles

    def _since_timed(self) -> dict[int, tuple[int, str, int]]:
        """Return (time step, name, number of steps since) of the last value of a loop that each result is made of."""
        since: dict[int, tuple[int, str, int]] = {}
        for z, n in self.made.items():
            found = []
            for i in self.tape.steps[n - 1][2:]:
                if i in self.timed:
                    base, t = self.timed[i]
                    found.append((t, base, 1))
                elif i in since and i not in self.tape.names:
                    t, base, steps = since[i]
                    found.append((t, base, steps + 1))
            if found:
                since[z] = max(found)
        return since

    def _repeated(self) -> dict[int, tuple[Hashable, int | None]]:
        """Return the same without names: the longest stretch in which operations, sizes and what they use repeat.

        Something goes from one time step to the next, and comes from elsewhere at the first; two steps are no loop.
        """
        steps = list(self.made.values())
        keys: dict[Hashable, int] = {}
        seen = np.array([keys.setdefault(self._kind(n), len(keys)) for n in steps])
        back = np.array([self._steps_back(n) for n in steps])
        named = np.array([z in self.tape.names for z in self.made])  # what comes out of the loop may have a name
        best = 0, 0, 0  # steps in the stretch, its first one, how many steps later it repeats
        for period in range(1, min(len(steps) // 2, LONGEST_LOOP) + 1):
            before, after = back[:-period], back[period:]
            carried = (after > 0) & (after < 2 * period) & ((before == 0) | (before > after - period))
            wired = (before == after) | carried | ((before > 0) & (after == before + period))
            same = (seen[period:] == seen[:-period]) & ~named[:-period] & np.all(wired, axis=1)
            differ = np.flatnonzero(np.concatenate(([True], ~same, [True])))
            k = int(np.argmax(np.diff(differ)))
            stretch, start = int(differ[k + 1] - differ[k]) - 1 + period, int(differ[k])
            second, at = back[start + period : start + 2 * period], np.arange(period)[:, None]
            goes_on = len(second) == period and bool(np.any((at < second) & (second <= at + period)))
            if goes_on and stretch >= max(2 * period, 3) and stretch > best[0]:
                best = stretch, start, period
        stretch, start, period = best
        roles: dict[int, tuple[Hashable, int | None]] = {n: (n, None) for n in steps}
        for k in range(stretch // period * period if period else 0):
            roles[steps[start + k]] = ("repeated", k % period), k // period + 1
        return roles

    def _kind(self, n: int) -> Hashable:
        op, _, *operands = self.tape.steps[n - 1]
        return op.symbol, *(self.tape.values[i].shape for i in operands if i is not None)

    def _steps_back(self, n: int) -> tuple[int, ...]:
        """Return how many steps before this one its operands were computed; 0 for one that was not."""
        _, _, *operands = self.tape.steps[n - 1]
        return tuple(0 if i not in self.made else n - self.made[i] for i in operands)

    def role(self, use: Use) -> Hashable:
        """Return what a contribution has in common with those of the same line at other time steps."""
        return (self._statements[use.step][0], use.operand)

    @cached_property
    def consumers(self) -> dict[int, list[int]]:
        """Value → the steps that it is an operand of."""
        consumers: dict[int, list[int]] = {}
        for n, (_, z, x, y) in enumerate(self.tape.steps, 1):
            for i in {x, x if y is None else y} if z < self.d.length else ():
                consumers.setdefault(i, []).append(n)
        return consumers

    @cached_property
    def _by_role(self) -> dict[Hashable, list[Use]]:
        by_role: dict[Hashable, list[Use]] = {}
        for use in (use for n in sorted(self.steps) for use in self.steps[n]):
            by_role.setdefault(self.role(use), []).append(use)
        return by_role

    def made_of(self, step: int) -> tuple[str, ...]:
        """Return the operations without a name that the operands of a step are results of."""
        _, _, *operands = self.tape.steps[step - 1]
        inner = (self.made.get(i) if i not in self.tape.names else None for i in operands if i is not None)
        return tuple("" if n is None else self.tape.steps[n - 1][0].symbol for n in inner)

    def of_role(self, use: Use) -> list[Use]:
        """Return the contributions of the same line at all time steps, the first time step first."""
        return self._by_role[self.role(use)]

    @cached_property
    def _sources(self) -> dict[int, frozenset[Hashable]]:
        """Value → what the named derivatives that its own comes from have in common with those of its line.

        Of one that comes from many it is empty: what it adds is no single term.
        """
        sources: dict[int, frozenset[Hashable]] = {}
        for z in sorted(self.made, key=lambda z: self.rank[z]):
            if z in self.tape.names or z not in self.uses:
                sources[z] = frozenset([self.value_role(z)])
            else:
                above = {sources[self.tape.steps[use.step - 1][1]] for use in self.uses[z]}
                found = above.pop() if len(above) == 1 else frozenset[Hashable]().union(*above)
                sources[z] = found if len(found) <= SUBSETS_TRIED else frozenset()
        return sources

    def source_role(self, use: Use) -> frozenset[Hashable]:
        """Return what the named derivatives that a contribution comes from have in common with those of its line."""
        return self._sources[self.tape.steps[use.step - 1][1]]

    def step_role(self, step: int) -> Hashable:
        """Return what a step has in common with the same one at other time steps."""
        return self._statements[step][0]

    def time(self, step: int) -> int | None:
        """Return the time step at which a step was computed; None outside of a loop."""
        return self._statements[step][1]

    def value_role(self, i: int) -> Hashable:
        """Return what a value has in common with the same one at other time steps."""
        if i in self.timed:
            return self.timed[i][0]
        return self._statements[self.made[i]][0] if i in self.made else ("leaf", i)

    def value_time(self, i: int) -> int | None:
        """Return the time step of a value."""
        if i in self.timed:
            return self.timed[i][1]
        return self._statements[self.made[i]][1] if i in self.made else None
