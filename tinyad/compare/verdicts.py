"""Verdicts, causes and grades of a comparison, and the finding about one derivative that they make up."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple


class Verdict(StrEnum):
    """The verdict on a derivative by hand."""

    RIGHT = "right"
    WRONG = "wrong"
    SIZE = "shape"  # it has another size


class Cause(StrEnum):
    """The reason why a derivative is wrong."""

    NONE = ""  # it is right
    OWN = "own"  # it breaks its own rule, given the hand's other values
    INHERITED = "inherited"  # only an earlier one is wrong
    OPEN = "open"  # the derivatives it is computed from were not given
    SCALE = "scale"  # right but for one factor that many names share
    ROUNDED = "rounded"  # right to as many decimals as it has
    LAYOUT = "layout"  # all sizes are those of the other layout
    NOT_FINITE = "not finite"  # the tape's own is not finite
    SIZE = "shape"


class Grade(StrEnum):
    """The certainty of an explanation."""

    NONE = ""
    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


BLAMED = (Cause.OWN, Cause.OPEN, Cause.SIZE)  # for these a line is, or may be, wrong itself


class Finding(NamedTuple):
    """The finding of `compare` about one name.

    verdict: "right", "wrong" or "shape".  cause, of a wrong one: "own" (it breaks its own rule, given the hand's
    other values), "inherited" (only an earlier one is wrong), "open" (the derivatives it is computed from were not
    given), "scale" (right but for one factor that many names share), "rounded" (right to as many decimals as it has),
    "layout" (all sizes are those of the other one), "not finite" or "shape".
    step: the step whose line is wrong or missing, or that completes the derivative (0: a seed).  line: that line, from
    the rule.  steps: all of them, where several lines are wrong or missing.
    looks_like: what the mistake looks like, "" if like nothing known; grade: "certain", "likely" or "possible".
    off: the largest difference in units of rounding; worst: (row, column, by hand, on the tape), counted from 1, in the
    hand's layout.  factor: by hand over on the tape, where it is one number.
    not_given: names of derivatives that it is computed from and that were not given, of one that is open.
    pattern: the mistake without its time step; equal for the same mistake at another one, () if like nothing known.
    """

    name: str
    verdict: Verdict
    step: int
    cause: Cause = Cause.NONE
    looks_like: str = ""
    grade: Grade = Grade.NONE
    line: str = ""
    off: float = 0.0
    worst: tuple[int, int, complex, complex] | None = None
    factor: float | None = None
    steps: tuple[int, ...] = ()
    pattern: tuple[Any, ...] = ()
    not_given: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether the derivative is right."""
        return self.verdict == Verdict.RIGHT
