"""The sample points of a derivation: moderate over time, with every kink on in some entries and off in others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.source import DerivationError, LimitError
from tinyad.derivation.semantics.drawing import Drawing
from tinyad.derivation.semantics.forward import Forward
from tinyad.derivation.semantics.limits import GROWTH, KINK_DRAWINGS, KINK_POINTS, TIME_SCALES
from tinyad.derivation.semantics.sample_point import SamplePoint


def sample_points(derivation: Derivation, seeds: Sequence[int]) -> list[SamplePoint]:
    """Return a sample point for each seed, and more of them where kinks need it."""
    forwards = [moderate_forward(derivation, seed, other_sizes=k > 0) for k, seed in enumerate(seeds)]
    return [SamplePoint(forward) for forward in _with_kinks(derivation, forwards, max(seeds))]


def moderate_forward(derivation: Derivation, seed: int, varied: bool = False, other_sizes: bool = False) -> Forward:
    """Return the forward with the largest scale of its parameters at which no value grows much over the times."""
    found: Forward | None = None
    first_error: DerivationError | None = None
    for scale in TIME_SCALES:
        try:
            found = Forward(derivation, Drawing(seed, scale, varied, other_sizes))
        except LimitError:
            raise
        except DerivationError as error:
            first_error = first_error or error
            if not derivation.declarations.names.last:
                break
            continue
        if growth(found) <= GROWTH:
            break
    if found is None:
        assert first_error is not None
        raise first_error
    return found


def growth(forward: Forward) -> float:
    """Return by what factor the largest value of a name grows, at most, from the first time to the last."""
    if forward.last is None:
        return 1.0
    factors = [1.0]
    for (key, time), value in forward.values.items():
        first = forward.values.get((key, 1))
        if time == forward.last and first is not None:
            start = float(np.abs(first.value).max(initial=0))
            end = float(np.abs(value.value).max(initial=0))
            factors.append(end / start if start else 1.0)
    return max(factors)


def _with_kinks(derivation: Derivation, forwards: Sequence[Forward], last_seed: int) -> list[Forward]:
    """Return the forwards, with more of them until every kink is on somewhere and off somewhere.

    The first has as many kinks on as possible: the lines are added up there.
    """
    chosen = list(forwards)
    wanted = {(kink, side) for forward in chosen for kink, _ in forward.kink_sides for side in (True, False)}
    for k in range(KINK_DRAWINGS if wanted else 0):
        seen = _sides(chosen)
        most_on = max(chosen, key=kinks_on)
        chosen = [most_on, *(forward for forward in chosen if forward is not most_on)]
        all_on = kinks_on(most_on) == len({kink for kink, _ in wanted})
        if wanted <= seen and all_on:
            break
        try:
            more = moderate_forward(derivation, last_seed + 1 + k, varied=bool(k % 2))
        except LimitError:
            raise
        except DerivationError:  # no finite numbers there
            continue
        if not more.kink_sides <= seen or kinks_on(more) > kinks_on(most_on):
            chosen.append(more)
        if len(chosen) >= len(forwards) + KINK_POINTS:
            break
    most_on = max(chosen, key=kinks_on)
    return [most_on, *(forward for forward in chosen if forward is not most_on)]


def kinks_on(forward: Forward) -> int:
    """Return how many kinks are on, in some entry at some time."""
    return sum(on for _, on in forward.kink_sides)


def never_on(points: Iterable[SamplePoint]) -> set[tuple[int, int]]:
    """Return the kinks that are on at no sample point: what they let through is 0 everywhere."""
    sides = _sides([point.forward for point in points])
    return {kink for kink, _ in sides if (kink, True) not in sides}


def _sides(forwards: Iterable[Forward]) -> set[tuple[tuple[int, int], bool]]:
    """Return (kink, on or off) of all that happens in some entry at some time."""
    return {side for forward in forwards for side in forward.kink_sides}
