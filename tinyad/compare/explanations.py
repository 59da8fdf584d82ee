"""Explanations of what is wrong: hypotheses that were tried, and make everything that was given come out as given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.compare import line_mistakes, sum_mistakes
from tinyad.compare.hypotheses import (
    Hypotheses,
    Hypothesis,
    OneLine,
    OneSum,
    Pattern,
    Words,
    of_small_numbers,
    plus,
    shown,
)
from tinyad.compare.lines import Lines, Use
from tinyad.compare.thresholds import EXACT, FEWEST_TRIED, LESS_EXACT, NOISE_TRIED, TRIED
from tinyad.compare.value_mistakes import OneValue, another_value
from tinyad.compare.walk import Change, Changed, Walk
from tinyad.engine.table import TABLE

Agrees = Callable[[int, Array], bool]  # whether what was given for a value is this array, in the variable's size


UNCHANGED = Change()


class Explanation(NamedTuple):
    """A hypothesis, and the wrong derivatives that it explains."""

    hypothesis: Hypothesis
    explains: frozenset[int]


class Search:
    """The search for what explains derivatives that break their own rules, or may.

    `settled` are those that a mistake found before, `base`, explains.
    """

    def __init__(  # noqa: PLR0913  what is searched, and what was found before
        self,
        walk: Walk,
        words: Words,
        agrees: Agrees,
        broken: Iterable[int],
        base: Change = UNCHANGED,
        settled: frozenset[int] = frozenset(),
    ) -> None:
        self.walk, self.words, self.agrees, self.base, self.settled = walk, words, agrees, base, settled
        self.lines: Lines = walk.lines
        self.broken = frozenset(broken)
        self.most = max(TRIED, FEWEST_TRIED * len(self.lines.made))
        self.reach: dict[tuple[Any, ...], bool] = {}
        self.spent_on_noise = 0  # values and contributions
        self.region = self.upstream(self.broken)
        self.named = self.walk.tape.names.keys() | self.walk.given.keys()

    def pinned(self, i: int) -> bool:
        return i in self.walk.given and i not in self.walk.partly

    def upstream(self, of: Iterable[int]) -> list[int]:
        """Return these derivatives and all that they are computed from, up to what was given: in walking order."""
        found = set(of)
        todo = list(found)
        while todo:
            for use in self.lines.uses.get(todo.pop(), ()):
                z = self.walk.tape.steps[use.step - 1][1]
                if z not in found and not self.pinned(z) and z in self.lines.uses:  # a seed alone is given
                    found.add(z)
                    todo.append(z)
        return sorted(found, key=lambda i: self.lines.rank[i])

    # Trying

    def explained(self, change: Change) -> frozenset[int]:
        """Return which broken derivatives follow from a change; none if one that is right would not any more.

        None too if a part of the change, as one time step of several, moves broken ones alone that do not follow.
        """
        explained, failed, parts = set(), set(), (*(use.of for use in change.uses), *change.values)
        if self.base.uses.keys() & change.uses.keys() or self.base.values.keys() & change.values.keys():
            return frozenset()
        change = Change({**self.base.uses, **change.uses}, {**self.base.values, **change.values})
        with np.errstate(all="ignore"):
            try:
                for i, total in self.walk.under(change):
                    if self.agrees(i, total):
                        explained.add(i)
                    elif i not in self.broken:
                        return frozenset()
                    else:
                        failed.add(i)
            except (ValueError, TypeError, IndexError, KeyError):  # what it puts there does not fit
                return frozenset()
        if failed and len(parts) > 1:
            below = [self.walk.given_below[i] for i in parts]
            if any(some & failed and not some & explained for some in below):
                return frozenset()
        return self.broken & explained

    def reached(self, site: OneLine | OneSum) -> bool:
        """Return whether noise in a line moves some of the broken derivatives, and no others.

        Of a long tape, the paths tell it after a while: all but those on which everything cancels are the same.
        """
        key = site.first, len(site.uses if isinstance(site, OneLine) else site.values)
        if key not in self.reach and self.spent_on_noise > NOISE_TRIED:
            starts = [use.of for use in site.uses] if isinstance(site, OneLine) else site.values
            below = frozenset[int]().union(*(self.walk.given_below[i] for i in starts))
            self.reach[key] = bool(below) and below <= self.broken
        if key not in self.reach:
            moved, before = set(), self.walk.work
            for i, total in self.walk.under(noise_in(site)):
                base = self.walk.total(i)
                if np.any(np.abs(total - base) > 1e-9 * np.abs(base).max(initial=0)):
                    moved.add(i)
            self.reach[key] = bool(moved) and moved <= self.broken
            self.spent_on_noise += self.walk.work - before
        return self.reach[key]

    def reads_wrong(self, change: Change) -> bool:
        """Return whether a change puts in what is itself wrong: that explains nothing."""
        wrong = self.broken | self.settled
        return any(i in wrong for _, reads in (*change.uses.values(), *change.values.values()) for i in reads)

    def all(self) -> list[Explanation]:
        """Return what explains broken derivatives: first what people do most."""
        lines, sums = self._lines(), self._sums()
        start = self.walk.work
        found = self._tried(self._table(sums, lines), self.most)
        if self.walk.work > start + self.most:  # of a long tape: a factor on all of a derivative is told all the same
            found += self._tried(self._scaled(sums), self.most // 4)
        full = [e.hypothesis for e in found if e.explains == self.broken]
        if any(len(h.values) > 1 or len(h.uses) > 1 for h in full):
            return found  # what explains all at several time steps is no mistake at one of them
        apart = [line._replace(uses=(use,)) for line in lines if len(line.uses) > 1 for use in line.uses]
        single = [s._replace(values=(i,)) for s in sums if len(s.values) > 1 for i in s.values]
        found += self._tried(self._table(single, apart), self.most // 4)
        if any(e.explains == self.broken for e in found):
            return found
        return found + self._tried(self.of_numbers(), self.most)

    def _table(self, sums: list[OneSum], lines: list[OneLine]) -> Hypotheses:
        """Yield the mistakes of all kinds: in lines that have names first, so that these are what is said."""
        for named in (True, False):
            yield from self._each(sum_mistakes.KINDS, [some for some in sums if (some.first in self.named) is named])
            yield from self._each(
                line_mistakes.KINDS, [some for some in lines if (some.first.of in self.named) is named]
            )
        yield from self._each(line_mistakes.KINDS_BY_NAME, lines)
        yield from self._each(sum_mistakes.KINDS_BY_NAME, sums)
        yield from self._factors(sums, lines)
        yield from (h for site in self._values() for h in another_value(site) if self._in_several_lines(h))

    def _tried(self, hypotheses: Hypotheses, most: int) -> list[Explanation]:
        found, most = list[Explanation](), self.walk.work + most
        for hypothesis in hypotheses:
            if not self.reads_wrong(hypothesis.change) and (explains := self.explained(hypothesis.change)):
                found.append(Explanation(hypothesis, explains))
            self.walk.work += 1
            if self.walk.work > most:
                break
        return found

    def _each(self, kinds: Iterable[Callable[[Any], Hypotheses]], sites: list[Any]) -> Hypotheses:
        for kind in kinds:
            for site in sites:
                if self.reached(site):
                    yield from kind(site)

    # Where a mistake may be

    def _lines(self) -> list[OneLine]:
        groups: dict[Any, list[Use]] = {}
        for i in self.region:
            for use in self.lines.uses.get(i, ()):
                groups.setdefault(self.lines.role(use), []).append(use)
        groups |= {key: uses for role, some in groups.items() for key, uses in self._like_one_another(role, some)}
        ordered = (sorted(uses, key=lambda use: -use.step) for uses in groups.values())
        lines = [OneLine(self.words, tuple(uses)) for uses in ordered]
        return sorted(lines, key=lambda line: (line.first.of not in self.broken, line.first.of not in self.named))

    def _sums(self) -> list[OneSum]:
        groups: dict[Any, list[int]] = {}
        for i in self.region:
            groups.setdefault(self.lines.value_role(i), []).append(i)
        sums = [OneSum(self.words, tuple(values)) for values in groups.values()]
        return sorted(sums, key=lambda some: (some.first not in self.broken, some.first not in self.named))

    def _like_one_another(self, role: Any, uses: list[Use]) -> Iterator[tuple[Any, list[Use]]]:
        """Yield those of a line whose statements differ from the others', as that of the first time step may."""
        groups: dict[Any, list[Use]] = {}
        for use in uses:
            groups.setdefault((role, self.lines.made_of(use.step)), []).append(use)
        yield from groups.items() if len(groups) > 1 else ()

    def _in_several_lines(self, hypothesis: Hypothesis) -> bool:
        """Return whether more than one contribution that it changes leads to what was given, of more than one line.

        What stands in reverse order changes one line alone as none of the mistakes in a line does.
        """
        uses = [use for use in hypothesis.uses if self.walk.given_below[use.of]]
        lines = {self.lines.role(use) for use in uses}
        return len(lines) > 1 or (len(uses) > 1 and "reversed" in hypothesis.pattern)

    def _values(self) -> list[OneValue]:
        """Return the values with names, at all their time steps, as they are used at one time step or the next."""
        groups: dict[Any, list[int]] = {}
        for i in self.lines.named:
            groups.setdefault(self.lines.value_role(i), []).append(i)
        several = [(tuple(some), later) for some in groups.values() if len(some) > 1 for later in (None, 0, 1)]
        sites = several + [((i,), None) for some in groups.values() if len(some) == 1 for i in some]
        return [OneValue(self.words, values, later) for values, later in sites]

    # Numbers

    def _fitted_factors(self) -> list[float]:
        """Return the factors of the broken derivatives that are off by one."""
        return [k for i in self.broken if (k := self.factor(i)) is not None]

    def _scaled(self, sums: list[OneSum]) -> Hypotheses:
        """Yield factors on the broken derivatives themselves, that fit one of them."""
        for some in sums:
            if some.first in self.broken:
                yield from (sum_mistakes.scaled(some, k) for k in self._fitted_factors())

    def _factors(self, sums: list[OneSum], lines: list[OneLine]) -> Hypotheses:
        tried = list(dict.fromkeys([*self._fitted_factors(), *line_mistakes.factors_on_tape(self.words)]))
        for named in (True, False):
            for some in sums:
                if (some.first in self.named) is named and self.reached(some):
                    yield from (sum_mistakes.scaled(some, k) for k in tried)
            yield from self._each(
                (line_mistakes.factor_on_one,), [x for x in lines if (x.first.of in self.named) is named]
            )

    def factor(self, i: int) -> float | None:
        """Return the one factor between a broken derivative and what is expected."""
        total = self.walk.total(i)
        k = None if self.almost_right(i) else fitted(self.walk.given[i], total, 0 * total)
        return k if k is not None and self.agrees(i, k * total) and k != -1.0 else None

    def almost_right(self, i: int) -> bool:
        """Return whether what was given for i differs in the last digits alone."""
        return less_exact(self.walk.given[i], self.walk.total(i)) is not None

    def of_numbers(self) -> Hypotheses:
        """Yield factors on one contribution, surpluses, and operands that were changed before, that fit one array."""
        for i in sorted(self.broken, key=lambda i: self.lines.rank[i]):
            if self.almost_right(i):
                continue
            sums = OneSum(self.words, (i,))
            yield from self._factor_on_one_contribution(sums)
            yield from self._surplus(sums)
            yield from self._changed_before(sums)

    def _factor_on_one_contribution(self, sums: OneSum) -> Hypotheses:
        i, total = sums.first, self.walk.total(sums.first)
        for use in self.lines.uses.get(i, ()) if len(sums.uses(i)) > 1 else ():
            array = self.walk.contribution(use)
            k = fitted(self.walk.given[i], array, total - array)
            if k is not None and self.agrees(i, total - array + k * array):
                yield from line_mistakes.factor_on_one(OneLine(self.words, (use,)), k)

    def _surplus(self, sums: OneSum) -> Hypotheses:
        """Another adjoint, or a multiple of it, is added; or one of the value itself, as of a penalty."""
        i, total = sums.first, self.walk.total(sums.first)
        value = self.walk.tape.values[i]
        k = fitted(self.walk.given[i], value, total)
        if k is not None and self.agrees(i, total + k * value):
            yield self._added(sums, k, value, self.words.name(i), ("surplus", "value", round(k, 9)))
        shape, above = total.shape, self.lines.computed_from(i)
        for u in self.walk.tape.names:
            if u >= self.lines.d.length or u in above or u in self.broken or not self.lines.d.reaches(u):
                continue
            column = self.walk.column(u)
            if column.shape != shape and not (column.shape in ((shape[0], 1), (1, shape[1])) and column.size > 1):
                continue
            array = np.broadcast_to(column, shape)
            k = fitted(self.walk.given[i], array, total)
            if k is None or not self.agrees(i, total + k * array):
                continue
            yield self._added(sums, k, array, f"∇{self.words.name(u)}", ("surplus", u, round(k, 9)))

    def _added(self, sums: OneSum, k: float, array: Array, name: str, pattern: Pattern) -> Hypothesis:
        factor = {1.0: "", -1.0: "-"}.get(round(k, 9), f"{shown(k)[0]} ")
        return sums.changed(pattern, plus(k * array), f"a surplus: {factor}{name} is added that does not belong there")

    def _changed_before(self, sums: OneSum) -> Hypotheses:
        """An operand to which a multiple of its own derivative was added before it is used."""
        i, tape = sums.first, self.walk.tape
        total = self.walk.total(i)
        changed: dict[int, Any] = {}
        for use in self.lines.uses.get(i, ()):
            op, z, x, y = tape.steps[use.step - 1]
            product = op in (TABLE["∘"], TABLE["*"])
            if y is None:
                continue
            operands, k = (x, y), "yx".index(use.operand)
            p = operands[k]
            if p in tape.constants or p == i or p in self.broken or p not in tape.names or not product:
                continue
            values = [tape.values[j] for j in (z, *operands)]
            values[1 + k] = self.walk.column(p)
            made = tape.contributions(use.step, self.walk.column(z), values)[1 - k]
            if made is not None:
                changed[p] = changed.get(p, 0) + made
        for p, made in changed.items():
            by = fitted(self.walk.given[i], made, total)
            if by is not None and self.agrees(i, total + by * made):
                name = self.words.name(p)
                step = f"{'+' if by > 0 else '-'} {abs(by):.6g}"
                text = f"{name} is changed before it is used: {name} {step} ∇{name} where {name} belongs"
                yield sums.changed(("changed before", p), plus(by * made), text)


def noise_in(site: OneLine | OneSum) -> Change:
    """Return a change of a line that no other line could undo."""
    rng = np.random.default_rng(0)

    def noise(_: Changed, where: Any, array: Array) -> Array:
        scale = np.abs(array).max(initial=0) or 1.0
        noisy: Array = array + scale * rng.uniform(0.5, 1, array.shape)
        return noisy

    if isinstance(site, OneLine):
        return Change(dict.fromkeys(site.uses, (noise, ())))
    return Change({}, dict.fromkeys(site.values, (noise, ())))


def fitted(hand: Array, part: Array, rest: Array) -> float | None:
    """Return the k for which rest + k part is nearest to an array, where that is known; None if it says nothing."""
    known = ~np.isnan(hand)
    part, off = part[known], (hand - rest)[known]
    square = float(np.vdot(part, part).real)
    k = float(np.vdot(part, off).real) / square if square else 0.0
    if abs(k) < EXACT or not np.isfinite(k) or (part.size == 1 and not of_small_numbers(k)):
        return None
    return k


def less_exact(hand: Array, expected: Array) -> str | None:
    """Return how many digits agree, if these are many; None if they do not."""
    largest = float(np.abs(expected).max(initial=0))
    off = np.abs(hand - expected)
    share = float(np.max(off[~np.isnan(off)], initial=0)) / largest if largest else 1.0
    return f"{-np.log10(share):.0f}" if 0 < share < LESS_EXACT else None


def chosen(found: list[Explanation], broken: frozenset[int]) -> Iterator[list[Explanation]]:
    """Yield explanations of all that is broken, those together that explain the same: the least number of mistakes."""
    left = set(broken)
    while left:
        best = max((len(e.explains & left) for e in found), default=0)
        if not best:
            return
        first = next(e for e in found if len(e.explains & left) == best)
        same = [e for e in found if e.explains & left == first.explains & left]
        yield same
        left -= first.explains
