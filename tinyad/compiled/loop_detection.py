"""Find the steps of a tape that repeat, its time steps, by comparing every step with the one a period earlier."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from tinyad.compiled.recording import SHORTEST_BODY, Recording
from tinyad.engine.table import TABLE

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
WINDOW = 4096  # steps in which a period is looked for; that it holds is compared over all of them
MOST_LAYERS = 3  # rounds with matrices of their own that are written out: to lay these in one array takes longer
NONE = -(2**62)


class Repeat(NamedTuple):
    """A repeated sequence: the steps begin to begin + period - 1, counted from 0, `times` times in all."""

    begin: int
    period: int
    times: int


class Steps:
    """Steps as numbers: `kinds` of the operation and its sizes, `sources` for each operand the step that made it.

    What no step made has a negative source.  For the steps of a time step, `fixed` are the sources that are the same in
    all time steps.
    """

    def __init__(
        self,
        kinds: Numbers,
        sources: Numbers,
        adds: np.ndarray[Any, Any],
        multiplies: np.ndarray[Any, Any],
        fixed: frozenset[int] | None = None,
    ) -> None:
        self.kinds, self.sources, self._fixed = kinds, sources, fixed
        self._adds, self._multiplies = adds, multiplies

    @classmethod
    def of_tape(cls, tape: Recording) -> tuple[Steps, dict[int, int]]:
        """Return the steps of a tape, where -1 - a position is what was given, and {position: step that makes it}."""
        values = tape.values
        known: dict[Any, int] = {}
        made: dict[int, int] = {}
        kinds: list[int] = []
        sources: list[tuple[int, int]] = []
        for n, (op, z, x, y) in enumerate(tape.steps):
            a, b = values[x], values[x if y is None else y]
            # Slices of other rows are other steps, for a loop has one size in all rounds.
            span = b.tobytes() if op is TABLE["rows"] or op is TABLE["padded"] else None
            kind: Any = op, a.shape, b.shape, a.dtype, b.dtype, span
            kinds.append(known.setdefault(kind, len(known)))
            sources.append((made.get(x, -1 - x), NONE if y is None else made.get(y, -1 - y)))
            made[z] = n
        adds = np.array([op is TABLE["+"] or op is TABLE["-"] for op, *_ in tape.steps], bool)
        multiplies = np.array([op is TABLE["*"] for op, *_ in tape.steps], bool)
        return cls(np.array(kinds, np.int64), np.array(sources, np.int64).reshape(-1, 2), adds, multiplies), made

    def of_round(self, repeat: Repeat, sources: Numbers, fixed: Iterable[int]) -> Steps:
        """Return the steps of a round, whose sources say for all rounds what they read."""
        steps = slice(repeat.begin, repeat.begin + repeat.period)
        return Steps(self.kinds[steps], sources, self._adds[steps], self._multiplies[steps], frozenset(fixed))

    def repeats(self) -> list[Repeat]:
        """Return the longest repeats, in order; none overlaps another."""
        found: list[Repeat] = []
        ahead = [(0, len(self.kinds))]
        while ahead:
            begin, end = ahead.pop()
            repeat = self._best(begin, end, found)
            if repeat is not None:
                found.append(repeat)
                ahead += [(repeat.begin + repeat.period * repeat.times, end), (begin, repeat.begin)]
            elif end - begin > WINDOW:
                ahead.append((begin + WINDOW // 2, end))
        return sorted(found)

    def _best(self, begin: int, end: int, found: list[Repeat]) -> Repeat | None:
        candidates = []
        for period in _periods(self.kinds[begin : min(end, begin + WINDOW)]):
            kinds = self.kinds[begin:end]
            equal = np.concatenate(([False], kinds[period:] == kinds[:-period], [False]))
            edges = np.flatnonzero(equal[1:] != equal[:-1])
            for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
                if b - a >= period:
                    times = (b - a) // period + 1
                    candidates.append((period * (1 - times), period, begin + a, times))  # most steps saved first
        for _, period, a, times in sorted(candidates):
            for first in range(a, min(a + period, end)):
                limit = (end - first) // period
                repeat = Repeat(first, period, self._holds(first, period, min(times, limit)))
                enough = repeat.times > 3 or (repeat.times > 1 and first == a)
                if enough and self._is_over_time(repeat, found):
                    return repeat
        return None

    def _holds(self, begin: int, period: int, times: int) -> int:
        """Return for how many rounds every operand is of the same round, of the one before, or from outside."""
        if times < 2:
            return times
        m = self.sources[begin : begin + times * period].reshape(times, -1)
        before, own = m[1] < begin, m[1] >= begin + period
        if not np.where(own, m[0] == m[1] - period, m[0] < begin).all():
            return 1
        moved = m[1] + period * np.arange(times - 1)[:, None]
        right = np.where(before, m[1:] < begin, m[1:] == moved).all(axis=1)
        return times if right.all() else 1 + int(right.argmin())

    def _is_over_time(self, repeat: Repeat, found: list[Repeat]) -> bool:
        """Return whether the rounds are time steps: of two or three alike, or of short ones, it takes more to say so.

        A state that is no sum is made from states, or another loop's result is read, or many rounds have many steps.
        Within a time step it takes a state, and three rounds; layers, each with parameters of its own, are no rounds.
        """
        recurs = self._has_states(repeat.begin, repeat.period)
        if self._fixed is not None:
            return recurs and repeat.times > 2 and not self._differ(repeat, self._fixed)
        if repeat.times <= MOST_LAYERS and self._are_layers(repeat):
            return False
        return recurs or self._reads(repeat, found) or (repeat.times > 3 and repeat.period >= SHORTEST_BODY)

    def _are_layers(self, repeat: Repeat) -> bool:
        """Return whether each round multiplies what it was handed, or made, by a matrix of its own."""
        begin, period, _ = repeat
        first, second = self.sources[begin : begin + 2 * period].reshape(2, period, 2)
        own, made = (first < 0) & (second < 0) & (first != second), second >= begin
        products = self._multiplies[begin : begin + period]
        return bool((products & (own & made[:, ::-1]).any(axis=1)).any())

    def _has_states(self, begin: int, period: int) -> bool:
        """Return whether a round hands on what it makes from what it was handed, other than by adding to it."""
        round_ = self.sources[begin + period : begin + 2 * period]
        handed_on = set(round_[(round_ >= begin) & (round_ < begin + period)].tolist())
        summed: set[int] = set()  # what depends on states by additions alone
        recurrent: set[int] = set()
        for n, operands in enumerate(round_.tolist(), begin):
            if any(m - period in recurrent for m in operands):
                recurrent.add(n)
            elif any(m in handed_on or m - period in summed for m in operands):
                (summed if self._adds[n] else recurrent).add(n)
        return bool(recurrent & handed_on)

    def _differ(self, repeat: Repeat, fixed: frozenset[int]) -> bool:
        """Return whether rounds read other parameters, which are the same in all time steps."""
        begin, period, times = repeat
        m = self.sources[begin + period : begin + period * times].reshape(times - 1, -1)
        return any(len(set(read)) > 1 and not fixed.isdisjoint(read) for read in m.T.tolist())

    def _reads(self, repeat: Repeat, found: list[Repeat]) -> bool:
        """Return whether each round of a repeat reads what another one made in its round."""
        begin, period, _ = repeat
        before, after = self.sources[begin : begin + 2 * period].reshape(2, -1)
        return any(
            ((after - before == r.period) & (before >= r.begin) & (after < r.begin + r.period * r.times)).any()
            for r in found
        )


def _periods(kinds: Numbers) -> list[int]:
    """Return the distances at which sequences of steps repeat, most frequent first."""
    found: dict[int, int] = {}
    hashes, length = kinds.astype(np.uint64), 1
    while length <= 512 and len(hashes) > 1:
        order = np.argsort(hashes, kind="stable")
        again = hashes[order[1:]] == hashes[order[:-1]]
        distances = np.bincount((order[1:] - order[:-1])[again])
        for distance in np.argsort(distances, kind="stable")[:-4:-1].tolist():
            if distances[distance]:
                found[distance] = max(found.get(distance, 0), int(distances[distance]) * length)
        hashes = hashes[:-length] * np.uint64(0x9E3779B97F4A7C15) + (hashes[length:] ^ np.uint64(length))
        length *= 2
    return sorted(found, key=lambda distance: -found[distance])[:24]
