"""Verdicts about statements of code, and the findings about a pair."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """The verdict on a statement, in the words of the checker of texts."""

    RIGHT = "right"
    WRONG = "wrong"
    DOES_NOT_FIT = "does not fit"
    MISSING = "missing"  # it is a part of the derivative
    NOT_JUDGED = "not judged"

    @property
    def holds(self) -> bool:
        """Return whether a statement with this verdict holds."""
        return self is Verdict.RIGHT


class Grade(StrEnum):
    """How sure a suggestion is."""

    CERTAIN = "certain"  # with it the program is right, at other sample points and with other sizes too
    LIKELY = "likely"
    POSSIBLE = "possible"


class WorstEntry(NamedTuple):
    """The entry that is furthest off, with its index as Python counts."""

    where: tuple[int, ...]
    expected: float
    found: float


class StatementVerdict(NamedTuple):
    """The verdict on one statement and all findings about it.

    text: the statement as it stands, from `line` to `end_line`; columns are in bytes.  suggestion: what its author
    probably meant, for the statement at suggestion_line.  name: what it sets wrongly, or sets.  of: what it is the
    derivative for, in `of_line` of the forward pass.  wrong_passes, passes: how often it ran, and was wrong.
    spoils: what is returned wrong because of it.
    """

    line: int
    end_line: int
    function: str
    text: str
    name: str
    verdict: Verdict
    message: str = ""
    of: str = ""
    of_line: int = 0
    of_text: str = ""
    passes: int = 1
    wrong_passes: int = 0
    worst: WorstEntry | None = None
    looks_like: str = ""
    suggestion: str = ""
    suggestion_line: int = 0
    suggestion_end: int = 0
    suggestion_column: int = 0
    suggestion_end_column: int = 0
    grade: str = ""
    others: tuple[str, ...] = ()
    spoils: tuple[str, ...] = ()
    tried: int = 0
    column: int = 0
    end_column: int = 0

    @property
    def at(self) -> tuple[int, int]:
        """Return the line and the column that the statement begins in."""
        return self.line, self.column

    @property
    def ok(self) -> bool:
        """Return whether the statement holds."""
        return self.verdict.holds


class PairVerdict(NamedTuple):
    """The verdicts on a pair of a forward and a backward pass.

    statements: in the order of the source.  returned: what is wrong as the code stands.  unjudged: names with the
    reason.  open: derivatives that are returned and that nothing tells how to judge.  convention: the factor that the
    derivatives in between carry.  not_seen: what this sample point could not show.
    """

    name: str
    forward: str
    backward: str
    path: str
    statements: tuple[StatementVerdict, ...]
    returned: tuple[str, ...] = ()
    unjudged: tuple[tuple[str, int, str], ...] = ()
    convention: str = ""
    notes: tuple[str, ...] = ()
    not_seen: tuple[str, ...] = ()
    error: str = ""
    open: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Return whether every statement that was judged holds, and what is returned."""
        judged = [s for s in self.statements if s.verdict is not Verdict.NOT_JUDGED]
        return not self.error and all(s.ok for s in judged) and not self.returned and not self.open

    @property
    def wrong(self) -> tuple[StatementVerdict, ...]:
        """The statements that do not hold."""
        return tuple(s for s in self.statements if not s.ok and s.verdict is not Verdict.NOT_JUDGED)
