"""A finding: one thing that is wrong in a file, where, and what was probably meant; the same for texts and code."""

from __future__ import annotations

from typing import Any, NamedTuple

CERTAIN = "certain"  # the grade of a suggestion with which all is right, in texts and in code
NOT_JUDGED = "not judged"
LEFT_OUT = "left out"
ANOTHER_MODEL = "another model"  # than that of the exercise
NOT_CHECKED = "not checked"


class Place(NamedTuple):
    """A part of a file, with lines and columns counted from 1 in characters; the end is behind the last one.

    cell: of a notebook, counted from 1; its lines are counted in the cell.
    """

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    cell: int | None = None


class Finding(NamedTuple):
    """What was found out about a part of a file: where, the verdict, and why; `text` is the line or statement there.

    suggestion: what was probably meant; it belongs in the place of `replaces`, where `replaced` stands.
    """

    place: Place
    verdict: str
    message: str
    text: str = ""
    suggestion: str = ""
    grade: str = ""
    replaces: Place | None = None
    replaced: str = ""

    @property
    def certain(self) -> bool:
        """Return whether all is right with the suggestion."""
        return self.grade == CERTAIN

    def to_dict(self) -> dict[str, Any]:
        """Return the finding for JSON."""
        return {
            **self.place._asdict(),
            "verdict": self.verdict,
            "message": self.message,
            "text": self.text,
            "suggestion": self.suggestion,
            "grade": self.grade,
            "certain": self.certain,
            "replaces": self.replaces and self.replaces._asdict(),
        }
