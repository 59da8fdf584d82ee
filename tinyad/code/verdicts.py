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

    CERTAIN = "certain"  # right at every sample point, and no other statement of the same rank is
    LIKELY = "likely"
    POSSIBLE = "possible"


class WorstEntry(NamedTuple):
    """The entry that is furthest off, with its index as Python counts."""

    index: tuple[int, ...]
    expected: float
    found: float

    @property
    def text(self) -> str:
        """Say what was expected and found."""
        where = f"entry [{', '.join(map(str, self.index))}]: " if self.index else ""
        return f"{where}expected {_number(self.expected, self.found)}, found {_number(self.found, self.expected)}"


def _number(value: float, other: float) -> str:
    """Return a number with as many digits as tell it from the other one."""
    for digits in (3, 5, 8, 12):
        text = f"{value:.{digits}g}"
        if text != f"{other:.{digits}g}":
            return text
    return f"{value!r}"


class StatementVerdict(NamedTuple):
    """The verdict on one statement and all findings about it.

    text: the statement as it stands, from `line` to `end_line`.  name: what it sets wrongly, or sets.  of: what it is the
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
    grade: str = ""
    others: tuple[str, ...] = ()
    spoils: tuple[str, ...] = ()
    tried: int = 0

    @property
    def ok(self) -> bool:
        """Return whether the statement holds."""
        return self.verdict.holds


class PairVerdict(NamedTuple):
    """The verdicts on a pair of a forward and a backward pass.

    statements: in the order of the source.  returned: what is wrong as the code stands.  unjudged: names with the
    reason.  convention: the factor that the derivatives in between carry.  not_seen: what this sample point could not
    show.
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

    @property
    def ok(self) -> bool:
        """Return whether every statement that was judged holds, and what is returned."""
        return not self.error and all(s.ok for s in self.statements) and not self.returned and bool(self.statements)

    @property
    def wrong(self) -> tuple[StatementVerdict, ...]:
        """The statements that do not hold."""
        return tuple(statement for statement in self.statements if not statement.ok)
