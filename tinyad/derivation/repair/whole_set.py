"""The set of lines after a change of one of them: is no line worse than before?"""

from __future__ import annotations

from tinyad.derivation.judge.coverage import Coverage
from tinyad.derivation.judge.line_verdict import judge_line
from tinyad.derivation.judge.verdicts import LineVerdict, Verdict
from tinyad.derivation.language.syntax_tree import Statement
from tinyad.derivation.repair.wrong_line import WrongLine


class WholeSet:
    """The lines of a set as each is on its own, and together with one of them changed."""

    def __init__(self, wrong: WrongLine) -> None:
        self._wrong = wrong
        self._alone = [_alone(v) for v in wrong.verdicts]
        self._missing = Coverage(wrong.points, self._alone).missing()

    def is_no_worse_with(self, line: Statement) -> bool:
        """Return whether a changed line holds among the others, and the right ones of them still do."""
        wrong = self._wrong
        changed = [*self._alone]
        changed[wrong.index] = judge_line(wrong.points, line)
        after = Coverage(wrong.points, changed)
        missing = after.missing()
        if any(keys - self._missing.get(place, frozenset()) for place, keys in missing.items()):
            return False
        own = after.verdicts[wrong.index]
        less = own.verdict is Verdict.MISSING and missing != self._missing
        return (own.ok or less) and all(
            now.ok or not before.ok or now.verdict is Verdict.MISSING
            for before, now in zip(wrong.verdicts, after.verdicts, strict=True)
        )


def _alone(v: LineVerdict) -> LineVerdict:
    """Return the verdict on a line before it was seen with the others."""
    right = bool(v.readings) and all(r.verdict is Verdict.RIGHT for r in v.readings)
    return v._replace(verdict=Verdict.RIGHT, message="") if right and v.verdict is not Verdict.GIVEN else v
