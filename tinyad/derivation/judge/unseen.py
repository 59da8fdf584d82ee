"""What the sample points cannot show: values below rounding, and paths that are 0 because a kink is off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.judge.contributions import ContributionKey, Evaluated, Keys, in_order, path_text
from tinyad.derivation.judge.thresholds import RESOLVED
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
        if any(np.any(array) for _, array in arrays):
            return f"{path_text(points[0], key)} is below rounding at every sample point"
        if hidden:
            return f"{path_text(points[0], key)} is 0 at every sample point, because {_kinks_text(points[0], hidden)}"
    return ""


def _is_resolved(value: Evaluated) -> bool:
    """Return whether rounding is small beside the value of a line, or beside a contribution to the derivative."""
    arrays: list[Array] = [value.value, *value.contributions.values()]
    largest = max(float(np.abs(array).max(initial=0)) for array in arrays)
    tolerance = value.case.point.tolerance(value.case.place)
    return tolerance <= RESOLVED * largest or (largest == 0 and np.isfinite(tolerance))


def _kinks_text(point: SamplePoint, kinks: set[tuple[int, int]]) -> str:
    """Name the equations whose relu or comparison is never on."""
    names = [path_text(point, ContributionKey(k, 0, 0)).removeprefix("the path through ") for k, _ in sorted(kinks)]
    return f"what is on or off in {' and '.join(dict.fromkeys(names))} is never on there"
