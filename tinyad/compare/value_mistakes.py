"""The mistakes people make with a saved value: another one stands for it in several lines of the backward pass.

Each is a hypothesis about a value at all its time steps; whether it explains anything is for `explanations` to try.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.compare.hypotheses import Hypotheses, Hypothesis, Pattern, Words
from tinyad.compare.lines import Use
from tinyad.compare.thresholds import RECOMPUTED
from tinyad.compare.walk import Change, Changed


class Put(NamedTuple):
    """What stands in the place of a value, and its name."""

    array: Array
    name: str


class OneValue(NamedTuple):
    """A value with a name, at one time step or at several, as it is used so many time steps later; None: at any."""

    words: Words
    values: tuple[int, ...]
    later: int | None = None

    def used(self, n: int, i: int) -> bool:
        """Return whether a step uses it as this says."""
        lines = self.words.lines
        t, made = lines.time(n), lines.value_time(i)
        return self.later is None or (t is not None and made is not None and t - made == self.later)


def another_value(site: OneValue) -> Hypotheses:
    """Another value in its place, or its rows or columns in reverse order."""
    lines = site.words.lines
    for key, put in _puts(site):
        made = _recomputed(site, put)
        steps = sorted(made.steps.items(), reverse=True)
        if uses := {use: i for n, i in steps for use in lines.steps.get(n, ()) if made.reads(use)}:
            yield _hypothesis(site, key, made, uses)


class Recomputed(NamedTuple):
    """Values without a name that are computed again from what stands in the place of others.

    `steps` are those that use any of them, each with one of the values whose place it is about.
    """

    site: OneValue
    put: Mapping[int, Put]
    arrays: dict[int, Array]
    steps: dict[int, int]

    def value(self, n: int, i: int) -> Array | None:
        """Return what step n has in the place of a value; None if that is the value itself."""
        if i in self.put and self.site.used(n, i):
            return self.put[i].array
        return self.arrays.get(i)

    def reads(self, use: Use) -> bool:
        """Return whether the rule of a contribution has any of them in it."""
        return any(self.value(use.step, i) is not None for i in self.site.words.read_by(use))


def _recomputed(site: OneValue, put: Mapping[int, Put]) -> Recomputed:
    lines, tape = site.words.lines, site.words.tape
    found = Recomputed(site, put, {}, {})
    todo: list[tuple[int, int]] = []  # (step, one of the values)
    for i in put:
        todo += [(n, i) for n in (*lines.consumers.get(i, ()), *([lines.made[i]] if i in lines.made else ()))]
    todo = [(n, i) for n, i in todo if site.used(n, i)]
    heapify(todo)
    while todo:
        n, i = heappop(todo)
        if n in found.steps:
            continue
        found.steps[n] = i
        op, z, *operands = tape.steps[n - 1]
        if z in tape.names or z >= lines.d.length or z in put or len(found.arrays) > RECOMPUTED * len(put):
            continue
        there = [(found.value(n, j), tape.values[j]) for j in operands if j is not None]
        found.arrays[z] = op.run(*(old if new is None else new for new, old in there))
        for further in lines.consumers.get(z, ()):
            heappush(todo, (further, i))
    return found


def _puts(site: OneValue) -> Iterator[tuple[Pattern, dict[int, Put]]]:
    """Yield what may stand in the place of a value, at all its time steps: a key of it, and the arrays."""
    words, first = site.words, site.values[0]
    lines, tape = words.lines, words.tape
    own = lines.timed.get(first)

    def of(places: Mapping[int, int | None]) -> dict[int, Put]:
        put = {i: Put(tape.values[u], words.name(u)) for i, u in places.items() if u is not None and u != i}
        return {i: p for i, p in put.items() if p.array.shape == tape.values[i].shape}

    if own is None:
        for axis, which in enumerate(("rows", "columns")):
            if site.later is None and tape.values[first].shape[axis] > 1:
                turned = np.flip(tape.values[first], axis)
                yield (
                    ("reversed", which),
                    {first: Put(turned, f"{words.name(first)} with its {which} in reverse order")},
                )
        for u in lines.near(first):
            if u not in lines.timed:
                yield ("another", u), of({first: u})
        return
    for base, last in lines.last.items():
        mine = base == own[0]
        for by in (1, -1) if mine else {0, site.later or 0}:
            yield (base, by), of({i: lines.at.get((base, lines.timed[i][1] + by)) for i in site.values})
        for end in (last, 0, 1) if mine else ():
            yield (base, "always", end), of({i: lines.at.get((base, end)) for i in site.values})


def _hypothesis(site: OneValue, key: Pattern, made: Recomputed, uses: Mapping[Use, int]) -> Hypothesis:
    tape = site.words.tape

    def alter(walk: Changed, use: Use, array: Array) -> Array:
        _, z, *operands = tape.steps[use.step - 1]
        there = [(made.value(use.step, i), tape.values[i]) for i in (z, *operands) if i is not None]
        values = [old if new is None else new for new, old in there]
        altered = tape.contributions(use.step, walk.column(z), values)["xy".index(use.operand)]
        return 0 * array if altered is None else altered

    def say(i: int) -> str:
        at = next(at for use, at in uses.items() if use.of == i)
        so_on = ", and so on" * (len(made.put) > 1)
        return f"{made.put[at].name} where {site.words.name(at)} belongs{so_on}, in every line that uses it"

    change = Change(dict.fromkeys(uses, (alter, ())))
    values = tuple(dict.fromkeys(use.of for use in uses))
    return Hypothesis(("value", site.later, *key), change, values, tuple(uses), say)
