"""The contributions to a derivative, and which of them the value of a line is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.judge.thresholds import FITS, LIKENESSES_SHOWN, SAME_FACTOR, SUBSETS_OF
from tinyad.derivation.language.syntax_tree import Node
from tinyad.derivation.semantics.environment import Time, TimedName
from tinyad.derivation.semantics.sample_point import Contribution, SamplePoint
from tinyad.derivation.semantics.values import Scope, Trouble


class ContributionKey(NamedTuple):
    """A contribution, whatever the time: its equation, how many steps later that is, and which use of the name in it.

    A derivative that is given has no equation; `later` then tells several of them apart.
    """

    equation: int | None
    later: Time
    use: int


Keys = frozenset[ContributionKey]
NO_KEYS: Keys = frozenset()


class Case(NamedTuple):
    """One time and family member at one sample point that a left-hand side stands for."""

    point: SamplePoint
    scope: Scope
    place: TimedName

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the derivative in row layout."""
        return self.point.values[self.place].shape[::-1]


class Evaluated(NamedTuple):
    """The value that a line gives in one case, in row layout, and the contributions to the true derivative."""

    case: Case
    value: Array
    contributions: Mapping[ContributionKey, Array]

    def equals_sum_of(self, keys: Keys) -> bool:
        """Return whether the value is the sum of these contributions, to rounding."""
        return self.case.point.near(self.case.place, self.value, self.sum_of(keys))

    def sum_of(self, keys: Keys) -> Array:
        """Return the sum of these contributions."""
        return total_of((a for key, a in self.contributions.items() if key in keys), self.value.shape)

    def transposed(self) -> Evaluated:
        """Return the same for the transposed value."""
        return self._replace(value=self.value.T)


def in_order(keys: Iterable[ContributionKey]) -> list[ContributionKey]:
    """Return contributions as they stand in the file: first what is given, then equation by equation."""
    return sorted(keys, key=lambda key: (key.equation is not None, key.equation or 0, key.later or 0, key.use))


def cases(point: SamplePoint, left: Node) -> Iterator[Case]:
    """Yield the times and family members that a left-hand side stands for."""
    ref = left.value[0] if left.kind == "d" else left.value
    it = point.declarations
    scopes = [Scope(None, {})]
    for letter in it.names.letters(ref.key):
        scopes = [Scope(None, {**s.members, letter: m}) for s in scopes for m in it.names.families[letter]]
    for scope in scopes:
        if point.last is not None and it.names.timed(ref.key) and (ref.time is None or ref.time[0] == "t"):
            shift = ref.time[1] if ref.time else 0
            for t in range(1, point.last + 1):
                key = point.evaluator.names.key(ref.key, scope, left)
                if t + shift == point.last and ref.time and ref.key in it.set_at_last:
                    continue
                if (key, t + shift) in point.values:
                    yield Case(point, Scope(t, scope.members), (key, t + shift))
        else:
            key = point.evaluator.names.key(ref.key, scope, left)
            place = key, point.evaluator.names.time(ref, scope, left)
            if place not in point.values:
                point.array(*place, left)
            if place in point.values:  # and at no time beyond the last
                yield Case(point, scope, place)


def known_cases(point: SamplePoint, left: Node) -> list[Case]:
    """Return the times and family members of a left-hand side; none if its name is unknown."""
    try:
        return list(cases(point, left))
    except Trouble:  # the verdict on the line says so
        return []


def contributions_to(case: Case) -> dict[ContributionKey, Array]:
    """Return the contributions to the derivative of a case, in row layout."""
    _, moment = case.place
    contributions: dict[ContributionKey, Array] = {}
    for part in case.point.contributions(case.place):
        key = _key(part, moment)
        contributions[key] = contributions[key] + part.array if key in contributions else part.array
    return contributions


def _key(part: Contribution, at: Time) -> ContributionKey:
    if part.equation is None:
        return ContributionKey(None, part.time, 0)
    later = part.time - at if isinstance(at, int) and isinstance(part.time, int) else None
    return ContributionKey(part.equation, later, part.use)


def keys_of(point: SamplePoint, left: Node) -> Keys:
    """Return all contributions to what a left-hand side sets; none if it sets no known derivative."""
    if left.kind != "d":
        return NO_KEYS
    return frozenset(key for case in known_cases(point, left) for key in contributions_to(case))


def total_of(arrays: Iterable[Array], shape: tuple[int, ...]) -> Array:
    """Return the sum of arrays of one shape."""
    total = np.zeros(shape)
    for array in arrays:
        total = total + array
    return total


def matching_keys(values: Sequence[Evaluated], all_keys: Keys) -> Keys | None:
    """Return the contributions that a line is the sum of in every case: all, or as few as will do; None if it is none.

    A line that sets 0, to be added to, has none of them, whichever cancel.
    """

    def holds(keys: Keys) -> bool:
        return all(value.equals_sum_of(keys) for value in values)

    if holds(all_keys):
        return all_keys
    if not any(np.any(value.value) for value in values):
        return NO_KEYS
    order = in_order(all_keys)
    factors = fitted_factors(values, [frozenset([key]) for key in order])
    if factors is not None:
        keys = frozenset(key for key, f in zip(order, factors, strict=True) if _is(f, 1))
        if keys and holds(keys):
            return keys
    if len(order) <= SUBSETS_OF:  # contributions that are equal numbers are told apart by no factors
        for bits in sorted(range(1, 2 ** len(order) - 1), key=int.bit_count):
            keys = frozenset(key for k, key in enumerate(order) if bits >> k & 1)
            if holds(keys):
                return keys
    return None


def fitted_factors(values: Sequence[Evaluated], groups: Sequence[Keys]) -> list[float] | None:
    """Return the factor of every group of contributions; None if the line is no sum of multiples of them."""
    if not groups or not all(np.all(np.isfinite(v.value)) for v in values):
        return None
    columns = [np.concatenate([v.sum_of(keys).ravel() for v in values]) for keys in groups]
    matrix, line = np.stack(columns, 1), np.concatenate([v.value.ravel() for v in values])
    factors, _, rank, _ = np.linalg.lstsq(matrix, line, rcond=None)
    if rank < len(groups):  # paths that add up to one another have no factors of their own
        return None
    largest = float(np.abs(line).max(initial=0))
    if float(np.abs(matrix @ factors - line).max()) > FITS * largest:
        return None
    return [float(f) for f in factors]


def likeness(values: Sequence[Evaluated], all_keys: Keys, point: SamplePoint) -> str:
    """Describe a wrong line by a factor, a sign, or contributions too many or too few; "" if it is none of these."""
    groups = apart_by_value(values, all_keys)
    factors = fitted_factors(values, groups)
    if factors is None:
        return ""
    if all(abs(f - factors[0]) <= SAME_FACTOR * abs(factors[0]) for f in factors):
        return "the sign" if _is(factors[0], -1) else f"a factor {factors[0]:.6g}"
    largest = max(map(abs, factors))
    wrong = [(keys, f) for keys, f in zip(groups, factors, strict=True) if not _is(f, 1)]
    told = [paths_told(point, keys, *_mistake(f, largest)) for keys, f in wrong]
    return ", ".join(told[:LIKENESSES_SHOWN])


def _mistake(factor: float, largest: float) -> tuple[str, str]:
    """Say of one contribution, and of several, what their factor is; `largest`: that of these and the others."""
    if abs(factor) < SAME_FACTOR * largest:
        return "is missing", "are missing"
    if _is(factor, 2):
        return "counts twice", "count twice"
    told = "the wrong sign" if _is(factor, -1) else f"a factor {factor:.6g}"
    return f"has {told}", f"have {told}"


def _is(factor: float, number: float) -> bool:
    return abs(factor - number) < SAME_FACTOR


def path_text(point: SamplePoint, key: ContributionKey) -> str:
    """Name a contribution by the equation through which it comes."""
    if key.equation is None:
        return "the derivative that was given"
    eq = point.derivation.forward[key.equation]
    text = point.source.text[eq.left[0].start : eq.left[0].end]
    number = f"equation {eq.number}" if eq.number else "the equation"
    when = f", {key.later} step{'s' * (key.later > 1)} later" if key.later else ""
    return f"the path through {number} for {text}{when}"


def paths_text(point: SamplePoint, keys: Keys) -> str:
    """Name several contributions, each once."""
    return " and ".join(dict.fromkeys(path_text(point, key) for key in in_order(keys)))


def paths_told(point: SamplePoint, keys: Keys, of_one: str, of_several: str) -> str:
    """Name several contributions, each once, and say something of them: with the verb for one, or for several."""
    several = len({path_text(point, key) for key in keys}) > 1
    return f"{paths_text(point, keys)} {of_several if several else of_one}"


def equal_groups(values: Sequence[Evaluated], all_keys: Keys) -> tuple[Keys, ...]:
    """Return the groups of two or more contributions that are equal arrays in every case."""
    return tuple(keys for keys in apart_by_value(values, all_keys) if len(keys) > 1)


def apart_by_value(values: Sequence[Evaluated], all_keys: Keys) -> list[Keys]:
    """Return the contributions in groups of those that are equal arrays in every case."""
    groups: list[list[ContributionKey]] = []
    for key in in_order(all_keys):
        group = next((group for group in groups if _equal_everywhere(values, key, group[0])), None)
        if group is None:
            groups.append([key])
        else:
            group.append(key)
    return [frozenset(group) for group in groups]


def _equal_everywhere(values: Sequence[Evaluated], one: ContributionKey, other: ContributionKey) -> bool:
    pairs = [(v.case, v.contributions.get(one), v.contributions.get(other)) for v in values]
    return all(a is not None and b is not None and c.point.near(c.place, a, b) for c, a, b in pairs)
