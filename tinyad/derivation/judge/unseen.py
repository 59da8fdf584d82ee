"""What the sample points cannot show: values below rounding, and paths that are 0 because a kink is off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.judge.contributions import (
    Case,
    ContributionKey,
    Evaluated,
    Keys,
    contributions_to,
    in_order,
    path_text,
)
from tinyad.derivation.judge.thresholds import RESOLVED, STEADY
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.sampling import never_on


def why_not_judged(points: Sequence[SamplePoint], values: Sequence[Evaluated], keys: Keys) -> str:
    """Say why a line that agrees with the derivative may be wrong all the same; "" if it is judged."""
    if not any(_is_resolved(value) for value in values):
        return "rounding is larger than this derivative at every sample point"
    hidden = never_on(points)
    for key in in_order(keys):
        arrays = [(v, v.contributions[key]) for v in values if key in v.contributions]
        if key.equation is None or not all(v.case.point.is_rounding(v.case.place, array) for v, array in arrays):
            continue
        if any(is_small(v.case, key) for v, _ in arrays):
            return f"{path_text(points[0], key)} is below rounding at every sample point"
        if hidden:
            return f"{path_text(points[0], key)} is 0 at every sample point, because {_kinks_text(points[0], hidden)}"
    return ""


def is_small(case: Case, key: ContributionKey) -> bool:
    """Return whether a contribution is small, and not 0 but for rounding: small errors leave it nearly what it is."""
    array = contributions_to(case)[key]
    other = contributions_to(case._replace(point=case.point.perturbed())).get(key, np.zeros_like(array))
    largest = float(np.abs(array).max(initial=0))
    return largest > 0 and float(np.abs(array - other).max(initial=0)) <= STEADY * largest


def _is_resolved(value: Evaluated) -> bool:
    """Return whether rounding is small beside the value of a line, or beside a contribution to the derivative.

    Where they cancel to 0, it has to be small beside what derivatives are like at this sample point.
    """
    point = value.case.point
    arrays: list[Array] = [value.value, *value.contributions.values()]
    largest = max(float(np.abs(array).max(initial=0)) for array in arrays)
    return point.tolerance(value.case.place) <= RESOLVED * max(largest, point.rounding.typical)


def _kinks_text(point: SamplePoint, kinks: set[tuple[int, int]]) -> str:
    """Name the equations whose relu or comparison is never on."""
    names = [path_text(point, ContributionKey(k, 0, 0)).removeprefix("the path through ") for k, _ in sorted(kinks)]
    return f"what is on or off in {' and '.join(dict.fromkeys(names))} is never on there"
