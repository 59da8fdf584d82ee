"""The findings about the lines of a derivation, with their places in what its author wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tinyad.derivation.judge.verdicts import CheckedLines, LineVerdict, Verdict
from tinyad.derivation.language.source import PROPOSED, DerivationError, Source
from tinyad.printing.findings import ANOTHER_MODEL, LEFT_OUT, NOT_CHECKED, Finding, Place
from tinyad.printing.text import apart


def findings_in(source: Source, parts: Iterable[CheckedLines]) -> Iterator[Finding]:
    """Yield what is wrong in sets of lines: changes of the model, lines that do not hold, and what is left out."""
    for lines in parts:
        for change in lines.changes:
            yield Finding(place_in(source, change.start, change.end), ANOTHER_MODEL, change.message)
        for v in sorted(lines.verdicts, key=lambda v: v.start):
            if not v.ok and not (lines.changes and v.verdict is Verdict.NOT_JUDGED):  # the change says it once
                yield finding_of(source, v)
        first = min((v.start for v in lines.verdicts), default=0)
        proposed = [" ".join(line.split()) for line in lines.proposed]
        alone = len(lines.faults) == len(proposed) == 1
        for fault in lines.faults:
            meant = (proposed[0], "likely") if alone else ("", "")
            yield Finding(place_in(source, first, first), LEFT_OUT, fault, "", *meant)


def finding_of(source: Source, v: LineVerdict) -> Finding:
    """Return the finding about one line."""
    told = [v.message, f"looks like: {v.looks_like}" if v.looks_like else ""]
    if v.worst:
        expected, found = apart(v.worst.expected, v.worst.found)
        told.append(f"{v.worst.where}: expected {expected}, found {found}")
    return Finding(
        place_in(source, *v.at),
        str(v.verdict),
        "; ".join(filter(None, told)) or f"this line is {v.verdict}",
        v.text,
        v.suggestion,
        str(v.grade),
        place_in(source, v.start, v.end) if v.suggestion else None,
        source.text[v.start : v.end] if v.suggestion else "",
    )


def finding_of_error(file: str, error: Exception, message: str = "") -> Finding:
    """Return the finding about a file that cannot be read: of a text, where that is."""
    if not isinstance(error, DerivationError):
        return Finding(Place(file), NOT_CHECKED, message or str(error))
    line, column = error.line, error.column
    place = Place(file, line, column, line, column + max(1, error.to - error.at))
    return Finding(_in_part(place, error.part), NOT_CHECKED, error.message)


def place_in(source: Source, start: int, end: int) -> Place:
    """Return a part of a text, given by offsets, as its author finds it."""
    line, column = source.author_place(start)
    (first, _), (last, end_column) = source.place(start), source.place(max(start, end))
    return _in_part(Place(source.name, line, column, line + last - first, end_column), source.part(start))


def _in_part(place: Place, part: str) -> Place:
    """Return a place in that part of a file which is a cell, or another file that it includes."""
    kind, _, number = part.partition(" ")
    if kind == "cell" and number.isdecimal():
        return place._replace(cell=int(number))
    if part == PROPOSED:  # the declarations that were taken stand in no file
        return Place(place.file)
    return place._replace(file=str(Path(place.file).parent / part)) if part else place
