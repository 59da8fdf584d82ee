"""Findings on a text, line by line, for a page that shows them beside it."""

from __future__ import annotations

from typing import Any

from tinyad.code.report import Report as CodeReport
from tinyad.code.verdicts import StatementVerdict
from tinyad.code.verdicts import Verdict as CodeVerdict
from tinyad.code.wording import entry, numbers
from tinyad.derivation.judge.verdicts import POSSIBLY_RIGHT, LineVerdict
from tinyad.derivation.language.source import DerivationError, Source
from tinyad.derivation.show.report import Report
from tinyad.printing.text import apart

Place = dict[str, int]  # line, column, end_line, end_column: counted from 1 in characters; the end is behind the last


def findings(report: Report | CodeReport) -> list[dict[str, Any]]:
    """Return the verdict on every line or statement, the right ones too, in the order of the report's page.

    Each has its place, what was probably meant, the place of that, and the sizes of its operands.
    """
    if isinstance(report, CodeReport):
        return [_of_statement(report, v) for v in report.verdicts]
    return [_of_line(report.source, v) for v in report.verdicts]


def _of_line(source: Source, v: LineVerdict) -> dict[str, Any]:
    message = v.message or (f"it looks like {v.looks_like}" if v.looks_like else "")
    if not message and v.worst:
        expected, found = apart(v.worst.expected, v.worst.found)
        message = f"{v.worst.where}: expected {expected}, found {found}"
    sizes = [{**place(source, start, end), "size": size} for start, end, size in v.shapes]
    kind = "good" if v.ok else "unsure" if v.verdict in POSSIBLY_RIGHT else "bad"
    return {
        **place(source, *v.at),
        **_said(str(v.verdict), kind, message, v.suggestion, str(v.grade)),
        "whole": place(source, v.start, v.end),
        "replaces": place(source, v.start, v.end) if v.suggestion else None,
        "sizes": sizes,
    }


def _of_statement(report: CodeReport, v: StatementVerdict) -> dict[str, Any]:
    source = report.source
    message = source.told(v.message) or (f"it looks like {source.told(v.looks_like)}" if v.looks_like else "")
    if not message and v.worst:
        message = f"{entry(v.name, v.worst)}: {numbers(v.worst)}"
    lines = source.lines
    first, last = lines[v.line - 1], lines[v.end_line - 1]
    at = _place(v.line, len(first) - len(first.lstrip()), v.end_line, len(last.rstrip()))
    replaces = None
    if v.suggestion:
        start = len(lines[v.suggestion_line - 1].encode()[: v.suggestion_column].decode(errors="ignore"))
        end = len(lines[v.suggestion_end - 1].encode()[: v.suggestion_end_column].decode(errors="ignore"))
        replaces = _place(v.suggestion_line, start, v.suggestion_end, end)
    kind = "good" if v.ok else "unsure" if v.verdict is CodeVerdict.NOT_JUDGED else "bad"
    suggestion = v.suggestion.replace("\n", "\n" + " " * (replaces["column"] - 1)) if replaces else ""
    said = _said(str(v.verdict), kind, message, suggestion, str(v.grade))
    return {**at, **said, "whole": at, "replaces": replaces, "sizes": []}


def _said(verdict: str, kind: str, message: str, suggestion: str, grade: str) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "kind": kind,
        "message": message,
        "suggestion": suggestion,
        "grade": grade if suggestion else "",
        "certain": bool(suggestion) and grade == "certain",
    }


def proposed(report: Report) -> list[dict[str, Any]]:
    """Return the lines that a derivation lacks, each with the end of the line behind which it belongs."""
    found = []
    for _, lines in report.parts:
        end = max((v.end for v in lines.verdicts), default=0)
        found += [{"text": text, "behind": place(report.source, end, end)} for text in lines.proposed]
    return found


def place(source: Source, start: int, end: int) -> Place:
    """Return a part of a text as lines and columns."""
    (line, column), (end_line, end_column) = source.place(start), source.place(max(start, end))
    shift = source.author_place(start)[0] - line  # where declarations were put before the text
    return _place(line + shift, column - 1, end_line + shift, end_column - 1)


def _place(line: int, start: int, end_line: int, end: int) -> Place:
    return {"line": line, "column": start + 1, "end_line": end_line, "end_column": end + 1}


def place_of_error(error: ValueError) -> Place:
    """Return where a text cannot be read, as far as that is known."""
    if not isinstance(error, DerivationError):
        return _place(1, 0, 1, 0)
    return _place(error.line, error.column - 1, error.line, error.column - 1 + max(1, error.to - error.at))
