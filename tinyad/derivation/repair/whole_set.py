"""The set of lines after a change of one of them: is no line worse than before?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from tinyad.derivation.judge.contributions import NO_KEYS, Keys
from tinyad.derivation.judge.coverage import Coverage
from tinyad.derivation.judge.line_verdict import judge_line
from tinyad.derivation.judge.uses import Uses
from tinyad.derivation.judge.verdicts import LineVerdict, Verdict
from tinyad.derivation.language.syntax_tree import Statement
from tinyad.derivation.repair import limits
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.sampling import sample_points


class WholeSet:
    """The lines of a set as each is on its own, and together with one of them changed."""

    def __init__(self, points: Sequence[SamplePoint], verdicts: Sequence[LineVerdict]) -> None:
        self._points, self._verdicts = points, verdicts
        self._alone = [_alone(v) for v in verdicts]
        self._uses = Uses(points[0])

    @cached_property
    def further_points(self) -> Sequence[SamplePoint]:
        """Return more sample points: where a comparison tells two numbers apart is seen at few of them.

        None are returned if a right line does not hold there, which a convention or a label of the set says.
        """
        point = self._points[0]
        more = sample_points(point.derivation, [limits.FURTHER_SEED + k for k in range(limits.FURTHER_POINTS)])
        more = [other.in_layout(point.declarations.layout) for other in more]
        right = [v.statement for v in self._verdicts if v.ok and v.readings]
        return more if all(judge_line(more, line).ok for line in right) else ()

    @cached_property
    def _missing(self) -> Mapping[TimedName, Keys]:
        return Coverage(self._points, self._alone, self._uses).missing()

    def is_no_worse_with(self, index: int, line: Statement) -> bool:
        """Return whether a line that is changed holds among the others, and the right ones of them still do."""
        changed = [*self._alone]
        changed[index] = judge_line(self._points, line)
        after = Coverage(self._points, changed, self._uses)
        missing = after.missing()
        if any(keys - self._missing.get(place, NO_KEYS) for place, keys in missing.items()):
            return False
        own = after.verdicts[index]
        less = own.verdict is Verdict.MISSING and missing != self._missing
        return (own.ok or less) and all(
            now.ok or not before.ok or now.verdict is Verdict.MISSING
            for before, now in zip(self._verdicts, after.verdicts, strict=True)
        )


def _alone(v: LineVerdict) -> LineVerdict:
    """Return the verdict on a line before it was seen with the others."""
    right = bool(v.readings) and all(r.verdict is Verdict.RIGHT for r in v.readings)
    return v._replace(verdict=Verdict.RIGHT, message="") if right and v.verdict is not Verdict.GIVEN else v
