"""The work that is timed: the slides' LSTM unrolled over T steps, forward and back to everything it started from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_models import slides
from lstm_models.model import parameters
from lstm_models.sequence import unrolled
from tinyad import Tape, Variable

Array = np.ndarray[Any, np.dtype[Any]]
Run = Callable[[], dict[str, Array]]  # forward and backward once: the derivatives in row layout, by name

SIZES = {"tiny": (3, 4, 1, 16), "small": (32, 64, 16, 64), "medium": (128, 256, 32, 64)}  # X, H, B, T
TOLERANCE = {"float64": 1e-10, "float32": 1e-3}


@dataclass(frozen=True)
class Problem:
    """Parameters, C_0 and h_0 (H×B), x_1 to x_T (X×B), and the seeds dC_T and dh_T (B×H); a GRU has no C."""

    parameters: dict[str, Array]
    C: Array | None
    h: Array
    xs: list[Array]
    dC: Array | None  # noqa: N815
    dh: Array

    def leaves(self) -> dict[str, Array]:
        return self.parameters | self.states() | self.inputs()

    def states(self) -> dict[str, Array]:
        return {"h[0]": self.h} if self.C is None else {"C[0]": self.C, "h[0]": self.h}

    def inputs(self) -> dict[str, Array]:
        return {f"x[{t}]": x for t, x in enumerate(self.xs, 1)}


def problem(X: int, H: int, B: int, T: int, dtype: str) -> Problem:
    rng = np.random.default_rng(1)

    def draw(rows: int, columns: int) -> Array:
        return rng.standard_normal((rows, columns)).astype(dtype)

    return Problem(
        parameters(slides.SLIDES, H, X, rng, dtype),
        *(draw(H, B), draw(H, B)),
        [draw(X, B) for _ in range(T)],
        *(draw(B, H), draw(B, H)),
    )


def record(p: Problem) -> tuple[Tape, dict[str, Variable], dict[str, Any]]:
    """A tape, the Variables the derivatives are asked for, and the values of the last time step."""
    tape = Tape()
    leaves = tape.variables(**p.leaves())
    weights = {name: leaves[name] for name in p.parameters}
    xs = [leaves[name] for name in p.inputs()]
    return tape, leaves, unrolled(slides.SLIDES, {"C": leaves["C[0]"], "h": leaves["h[0]"]}, xs, weights)[-1]


def tinyad(p: Problem) -> Run:
    def run() -> dict[str, Array]:
        tape, leaves, last = record(p)
        d = tape.backward({last["C"]: p.dC, last["h"]: p.dh})
        return {name: d[v] for name, v in leaves.items()}

    return run


def first_difference(d: dict[str, Array], reference: dict[str, Array], tolerance: float) -> str | None:
    """The first name whose derivative is not the reference's, to `tolerance` of its largest entry."""
    for name, expected in reference.items():
        got = np.asarray(d[name])
        if got.shape != expected.shape or got.dtype != expected.dtype:
            return f"{name} is {got.shape} {got.dtype}, not {expected.shape} {expected.dtype}"
        if not abs(got - expected).max() <= tolerance * abs(expected).max():
            return f"{name} differs by {abs(got - expected).max():.1e}"
    return None
