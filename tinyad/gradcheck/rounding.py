"""Measure how far rounding alone moves the derivatives of a tape, to tell a wrong number from a rounded one.

The tape is computed again with every result off by a random relative 1e-11, forward and backward, and the spread of
what comes out is scaled down (J. Vignes, "A stochastic arithmetic for reliable scientific computation", Mathematics
and Computers in Simulation 35, 1993).  Cancellation, saturation and growth over many steps come out as they are.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.engine.derivatives import Derivatives

ROUGH = 1e-11  # large against rounding, and small against what cancels
DRAWS = 3
DRAWN_AT_ONCE = 10_000  # factors
SLACK = 16  # for other orders of summation and longer formulas than the rules


def relative(d: Derivatives) -> float:
    """Return the relative rounding of the coarsest numbers of a backward pass."""
    values = d.tape.values[: d.length]
    return max(float(np.finfo(dtype).eps) for dtype in {a.dtype for a in (*d.seeds.values(), *values)})


def spread(d: Derivatives) -> list[float]:
    """Return for each value of the tape how far its derivative moves at most, over the relative error of one step."""
    # The first draw is exact: of two others all signs may happen to agree, on a 1×1 value in one case of four.
    draws = [_rough(d, np.random.default_rng(seed), ROUGH if seed else 0.0) for seed in range(DRAWS + 1)]
    moved = [
        max(float(np.abs(a.column(i) - b.column(i)).max(initial=0)) / ROUGH for a, b in combinations(draws, 2))
        for i in range(d.length)
    ]
    # A seed moves nothing, but is itself a rounded number.
    return [max(far, float(np.abs(d.column(i)).max(initial=0))) for i, far in enumerate(moved)]


def perturbed(d: Derivatives) -> Derivatives:
    """Return the same walk back with every result off by a random relative error of ROUGH."""
    return _rough(d, np.random.default_rng(1), ROUGH)


def _rough(d: Derivatives, rng: np.random.Generator, rough: float) -> Derivatives:
    """Walk back again, with every result, adjoint and contribution off by a random relative error."""

    drawn, at = np.ones(0), 0

    def off(a: Array) -> Array:
        nonlocal drawn, at
        if not rough:
            return a.astype(np.result_type(a, drawn), copy=False)
        if at + a.size > drawn.size:  # many at once: most arrays of a long tape are small
            drawn, at = np.array([1 - rough, 1 + rough])[rng.integers(0, 2, max(DRAWN_AT_ONCE, a.size))], 0
        at += a.size
        moved: Array = a * drawn[at - a.size : at].reshape(a.shape)
        return moved

    tape = d.tape.first(d.length).replay(lambda _, z: off(z))
    return tape.backward({tape.at(i): seed.T for i, seed in d.seeds.items()}, hook=off)
