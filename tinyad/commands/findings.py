"""Findings: what is wrong in a file, one by one, the same for texts and code; every output format is made of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, cast

from tinyad.derivation.language.source import PROPOSED
from tinyad.printing.text import apart

if TYPE_CHECKING:
    from tinyad.code.report import Report as CodeReport
    from tinyad.code.verdicts import PairVerdict, StatementVerdict
    from tinyad.derivation.judge.verdicts import LineVerdict
    from tinyad.derivation.language.source import Source
    from tinyad.derivation.show.report import Report as TextReport

    Report = CodeReport | TextReport

CERTAIN = "certain"  # the grade of a suggestion with which all is right, in texts and in code
NOT_JUDGED = "not judged"
LEFT_OUT = "left out"
ANOTHER_MODEL = "another model"  # than that of the exercise
NOT_CHECKED = "not checked"


class FileVerdict(StrEnum):
    """The verdict on a file; its place in this list is the exit status."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_CHECKED = NOT_CHECKED  # it could not be read, or run

    @property
    def status(self) -> int:
        """Return the exit status: 0, 1 or 2."""
        return list(FileVerdict).index(self)


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
    """One thing that is wrong: where, the verdict, and why; `text` is the line or statement as it stands.

    suggestion: what was probably meant; it stands in the place of `replaces`, if that is known.
    """

    place: Place
    verdict: str
    message: str
    text: str = ""
    suggestion: str = ""
    grade: str = ""
    replaces: Place | None = None

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


class FileResult(NamedTuple):
    """What was found in one file; kind: "text" or "code", "" if that is not known; details: of the report, for JSON."""

    file: str
    kind: str
    verdict: FileVerdict
    findings: tuple[Finding, ...] = ()
    error: str = ""
    details: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the result for JSON."""
        return {
            "file": self.file,
            "kind": self.kind,
            "verdict": str(self.verdict),
            "ok": self.verdict is FileVerdict.RIGHT,
            "error": self.error,
            "findings": [finding.to_dict() for finding in self.findings],
            **{name: value for name, value in (self.details or {}).items() if name not in ("file", "ok")},
        }


def result_of(file: str, report: Report, with_details: bool = False) -> FileResult:
    """Return what was found in a file by its report; it is right if and only if there are no findings."""
    kind, findings = ("code", _in_code(report)) if is_code(report) else ("text", _in_text(cast("TextReport", report)))
    verdict = FileVerdict.RIGHT if report.ok else FileVerdict.WRONG
    if getattr(report, "errors", None):
        verdict = FileVerdict.NOT_CHECKED
    details = report.to_dict() if with_details else None
    return FileResult(file, kind, verdict, tuple(dict.fromkeys(findings)), "", details)


def result_of_error(file: str, message: str, error: Exception | None = None) -> FileResult:
    """Return the result for a file that could not be read or run."""
    line, column = getattr(error, "line", 1), getattr(error, "column", 1)
    place = _in_part(Place(file, line, column, line, column), getattr(error, "part", ""))
    told = getattr(error, "message", message)
    return FileResult(file, "", FileVerdict.NOT_CHECKED, (Finding(place, NOT_CHECKED, told),), message)


def is_code(report: Report) -> TypeGuard[CodeReport]:
    """Return whether a report is about code."""
    return hasattr(report, "pairs")


def _in_part(place: Place, part: str) -> Place:
    """Return a place in that part of a file which is a cell, or another file that it includes."""
    kind, _, number = part.partition(" ")
    if kind == "cell" and number.isdecimal():
        return place._replace(cell=int(number))
    if part == PROPOSED:  # the declarations that were taken stand in no file
        return Place(place.file)
    return place._replace(file=str(Path(place.file).parent / part)) if part else place


# Texts


def _in_text(report: TextReport) -> Iterator[Finding]:
    source = report.source
    for _, lines in report.parts:
        for change in lines.changes:
            yield Finding(_of_range(source, change.start, change.end), ANOTHER_MODEL, change.message)
        for v in sorted(lines.verdicts, key=lambda v: v.start):
            if not v.ok:
                yield _of_line(source, v)
        first = min((v.start for v in lines.verdicts), default=0)
        proposed = [" ".join(line.split()) for line in lines.proposed]
        for fault in lines.faults:
            alone = len(lines.faults) == len(proposed) == 1
            yield Finding(
                _of_range(source, first, first),
                LEFT_OUT,
                fault,
                suggestion=proposed[0] if alone else "",
                grade="likely" if alone else "",
            )


def _of_line(source: Source, v: LineVerdict) -> Finding:
    told = [v.message, f"looks like: {v.looks_like}" if v.looks_like else ""]
    if v.worst:
        expected, found = apart(v.worst.expected, v.worst.found)
        told.append(f"{v.worst.where}: expected {expected}, found {found}")
    return Finding(
        _of_range(source, *v.at),
        str(v.verdict),
        "; ".join(filter(None, told)) or f"this line is {v.verdict}",
        v.text,
        v.suggestion,
        str(v.grade),
        _of_range(source, v.start, v.end) if v.suggestion else None,
    )


def _of_range(source: Source, start: int, end: int) -> Place:
    line, column = source.author_place(start)
    (first, _), (last, end_column) = source.place(start), source.place(max(start, end))
    return _in_part(Place(source.name, line, column, line + last - first, end_column), source.part(start))


# Code


def _in_code(report: CodeReport) -> Iterator[Finding]:
    from tinyad.code.verdicts import Verdict
    from tinyad.code.wording import listed

    for pair in report.pairs:
        place = _of_function(report, pair)
        if pair.error:
            yield Finding(place, NOT_JUDGED, pair.error)
            continue
        yield from (_of_statement(report, v) for v in pair.wrong)
        alone = [name for name in pair.returned if not any(name in v.spoils for v in pair.wrong)]
        if alone:
            are = "is" if len(alone) == 1 else "are"
            yield Finding(place, str(Verdict.WRONG), f"{listed(alone)} {are} returned wrong")
        for name in pair.open:
            yield Finding(place, NOT_JUDGED, f"{name} is returned, and nothing tells what it is the derivative for")


def _of_statement(report: CodeReport, v: StatementVerdict) -> Finding:
    from tinyad.code.wording import entry, numbers

    told = [report.source.told(v.message), report.source.told(f"looks like: {v.looks_like}") if v.looks_like else ""]
    told += [f"{entry(v.name, v.worst)}: {numbers(v.worst)}"] if v.worst else []
    lines = report.source.lines
    first, last = lines[v.line - 1], lines[v.end_line - 1]
    replaces = None
    if v.suggestion:
        start = len(lines[v.suggestion_line - 1].encode()[: v.suggestion_column].decode(errors="ignore"))
        end = len(lines[v.suggestion_end - 1].encode()[: v.suggestion_end_column].decode(errors="ignore"))
        replaces = _of_lines(report, v.suggestion_line, start, v.suggestion_end, end)
    return Finding(
        _of_lines(report, v.line, len(first) - len(first.lstrip()), v.end_line, len(last.rstrip())),
        str(v.verdict),
        "; ".join(filter(None, told)) or f"{v.name} is {v.verdict}",
        v.text.strip(),
        v.suggestion,
        str(v.grade) if v.suggestion else "",
        replaces,
    )


def _of_lines(report: CodeReport, line: int, start: int, end_line: int, end: int) -> Place:
    """Return lines of a source, from and to columns counted from 0, where they stand in its file or cell."""
    source = report.source
    if source.cells:
        cell, inner = source.cells[min(line, len(source.cells)) - 1]
        return Place(source.name, inner, start + 1, inner + end_line - line, end + 1, cell)
    name, number = source.origins[min(line, len(source.origins)) - 1] if source.origins else (source.name, line)
    return Place(name, number, start + 1, number + end_line - line, end + 1)


def _of_function(report: CodeReport, pair: PairVerdict) -> Place:
    """Return where the backward pass of a pair is defined, or the first line of the source if it is no function."""
    wanted = pair.backward or pair.forward
    ahead: list[tuple[str, ast.stmt]] = [("", node) for node in _body(report.source.text)]
    while ahead:
        above, node = ahead.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{above}{node.name}"
            if name == wanted:
                row = report.source.lines[node.lineno - 1]
                return _of_lines(report, node.lineno, len(row) - len(row.lstrip()), node.lineno, len(row.rstrip()))
            ahead += [(f"{name}.", inner) for inner in node.body]
    return _of_lines(report, 1, 0, 1, len(report.source.lines[0]))


def _body(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
