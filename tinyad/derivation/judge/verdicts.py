"""Verdicts and findings: about one left-hand side, about one line, and about a set of lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from tinyad.derivation.judge.contributions import NO_KEYS, Keys
from tinyad.derivation.language.syntax_tree import Node, Ref
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.sample_point import SamplePoint


class Verdict(StrEnum):
    """The verdict on a line."""

    RIGHT = "right"
    GIVEN = "given"  # it only says that a derivative is given
    OTHER_LAYOUT = "other layout"  # transposed it is right
    WRONG = "wrong"
    DOES_NOT_FIT = "does not fit"
    UNDEFINED = "undefined"
    USED_BEFORE_SET = "used before it is set"
    COUNTED_TWICE = "counted twice"
    OVERWRITES = "overwrites"
    MISSING = "missing"  # it is right, but not all of the derivative
    AMBIGUOUS = "ambiguous"
    NOT_EVALUABLE = "not evaluable"
    UNREADABLE = "unreadable"
    NOT_JUDGED = "not judged"  # no sample point can tell, as the message says

    @property
    def holds(self) -> bool:
        """Return whether a line with this verdict holds."""
        return self in (Verdict.RIGHT, Verdict.GIVEN)

    def counted(self, n: int) -> str:
        """Return the verdict on n lines, in words."""
        return f"{n} {PLURALS.get(self, self) if n > 1 else self}"


PLURALS = {
    Verdict.DOES_NOT_FIT: "do not fit",
    Verdict.OVERWRITES: "overwrite",
    Verdict.USED_BEFORE_SET: "used before they are set",
}
# With these verdicts a line may be right all the same.
POSSIBLY_RIGHT = (Verdict.UNREADABLE, Verdict.NOT_EVALUABLE, Verdict.AMBIGUOUS, Verdict.NOT_JUDGED)


class WorstEntry(NamedTuple):
    """The entry of a line that is furthest off: its place, counted from 1, what is right and what the line gives."""

    where: str
    expected: float
    found: float


class Reading(NamedTuple):
    """The verdict on one left-hand side of a line.

    contributions: those that the line holds; all_contributions: those of the derivative that it sets, `of` is the
    name.  node: the part of the line that the verdict is about; member: which member of a chain that is in.
    equal_groups: contributions that are one array at every sample point.
    """

    verdict: Verdict
    message: str = ""
    node: Node | None = None
    contributions: Keys = NO_KEYS
    all_contributions: Keys = NO_KEYS
    of: Ref | None = None
    worst: WorstEntry | None = None
    looks_like: str = ""
    member: int = 0
    notes: tuple[str, ...] = ()
    shapes: tuple[tuple[int, int, str], ...] = ()
    equal_groups: tuple[Keys, ...] = ()


class ConditionKind(StrEnum):
    """The kinds of conditions under which a wrong line holds."""

    COLUMNS_SUM_TO_1 = "columns sum to 1"
    ROWS_SUM_TO_1 = "rows sum to 1"
    SOFTMAX_ALONG_ROWS = "softmax along rows"
    SYMMETRIC = "symmetric"


class Condition(NamedTuple):
    """A condition under which a wrong line holds; subject: the names or the formula that it is about."""

    kind: ConditionKind
    subject: str

    @property
    def text(self) -> str:
        """Say what the condition is, and how to declare it."""
        subject = self.subject
        if self.kind is ConditionKind.COLUMNS_SUM_TO_1:
            return f"it holds if every column of {subject} sums to 1: declare `sums to 1: {subject}`"
        if self.kind is ConditionKind.ROWS_SUM_TO_1:
            return f"it holds if every row of {subject} sums to 1: declare `rows sum to 1: {subject}`"
        if self.kind is ConditionKind.SYMMETRIC:
            are = "are" if "," in subject else "is"
            return f"it holds if {subject} {are} symmetric: declare `symmetric: {subject}`"
        return f"it holds if softmax goes along the rows, and not down the columns: write softmax_rows({subject})"


class LineVerdict(NamedTuple):
    """The verdict on one line, and all findings about it.

    line, number: of the file, and as the author numbered it.  start, end: the line as places in the text; at: the part
    that the verdict is about, as (start, end).  worst: the entry furthest off.  condition: under which it holds.
    suggestion: the line that was probably meant; grade: "certain", "likely", "possible" or "by the rule".  spoils: the
    names whose derivatives are wrong because of it when the lines are run as code.
    """

    line: int
    number: str
    text: str
    verdict: Verdict
    message: str
    start: int
    end: int
    at: tuple[int, int]
    target: str = ""
    worst: WorstEntry | None = None
    looks_like: str = ""
    also: tuple[tuple[int, int], ...] = ()  # further parts that a suggestion changes
    lacks_factor: bool = False  # it has some of the equal uses of a name in one equation
    rules: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shapes: tuple[tuple[int, int, str], ...] = ()
    condition: Condition | None = None
    suggestion: str = ""
    grade: str = ""
    spoils: tuple[str, ...] = ()
    statement: Any = None
    readings: tuple[Reading, ...] = ()

    @property
    def ok(self) -> bool:
        """Return whether the line holds."""
        return self.verdict.holds


class OtherLayout(NamedTuple):
    """The finding that more lines hold in the other layout than in the one that is declared."""

    layout: str
    holding: int
    lines: int

    @property
    def text(self) -> str:
        """Say how many lines hold there, and how to declare it."""
        return f"in the other layout {self.holding} of {self.lines} lines hold: declare `layout: {self.layout}`"


class ModelChange(NamedTuple):
    """A part of a file that makes its model another one than that of the exercise.

    line: where it is, in words; message: what the exercise has.
    """

    start: int
    end: int
    line: str
    message: str

    @property
    def text(self) -> str:
        """Say which line it is, and what the exercise has."""
        return f"{self.line} changes the model: {self.message}"


class CheckedLines(NamedTuple):
    """A set of backward lines: the verdict on each, and the findings about all of them together.

    faults: derivatives and contributions that no line sets or adds; missing_contributions: the same by (name, time).
    proposed: lines for what is left out.  changes: what makes the model another one than that of the exercise; then
    the lines are judged by the exercise, or at no points.
    """

    title: str
    verdicts: list[LineVerdict]
    faults: list[str]
    notes: list[str]
    not_exercised: list[str]
    points: Sequence[SamplePoint]
    missing_contributions: Mapping[TimedName, Keys]
    other_layout: OtherLayout | None = None
    proposed: Sequence[str] = ()
    changes: Sequence[ModelChange] = ()

    @property
    def headlines(self) -> list[str]:
        """Return the findings that come before all others."""
        judged = ["the lines are judged with what the exercise has there"] if self.changes and self.points else []
        return [change.text for change in self.changes] + judged + self.layout_notes

    @property
    def layout_notes(self) -> list[str]:
        """Return the finding that more lines hold in the other layout, if there is one."""
        return [self.other_layout.text] if self.other_layout is not None else []

    @property
    def ok(self) -> bool:
        """Return whether every line holds, none is left out, and the model is the one that was asked for."""
        return not self.faults and not self.changes and all(v.ok for v in self.verdicts)


def indices_on_one_side(stray: Sequence[str]) -> str:
    """Say that indices are on one side of a line only."""
    if len(stray) == 1:
        return f"the index {stray[0]} is on one side only"
    return f"the indices {' and '.join(stray)} are on one side only"
