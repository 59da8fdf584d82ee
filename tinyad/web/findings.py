"""Findings on a text, line by line, for a page that shows them beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyad.code.findings import finding_of as finding_of_statement
from tinyad.code.report import Report as CodeReport
from tinyad.code.verdicts import Verdict as CodeVerdict
from tinyad.derivation.judge.findings import finding_of, finding_of_error, place_in
from tinyad.derivation.judge.verdicts import POSSIBLY_RIGHT
from tinyad.derivation.show.report import Report
from tinyad.printing.findings import Finding, Place
from tinyad.printing.text import visible

Range = dict[str, Any]  # line, column, end_line, end_column: as in a Place; file: another one that is included, or ""


def findings(report: Report | CodeReport) -> list[dict[str, Any]]:
    """Return the verdict on every line or statement, the right ones too, in the order of the report's page.

    Each has its place, what was probably meant, the place of that, and the sizes of its operands.
    """
    if isinstance(report, CodeReport):
        return [
            _shown(
                finding := finding_of_statement(report, v), _kind(v.ok, v.verdict is CodeVerdict.NOT_JUDGED),
                finding.place, report.source.name,
            )
            for v in report.verdicts
        ]  # fmt: skip
    source = report.source
    return [
        _shown(
            finding_of(source, v), _kind(v.ok, v.verdict in POSSIBLY_RIGHT), place_in(source, v.start, v.end),
            source.name,
            [{**_range(source.name, place_in(source, start, end)), "size": size} for start, end, size in v.shapes],
        )
        for v in report.verdicts
    ]  # fmt: skip


def _kind(ok: bool, unsure: bool) -> str:
    return "good" if ok else "unsure" if unsure else "bad"


def _shown(finding: Finding, kind: str, whole: Place, own: str, sizes: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {
        **_range(own, finding.place),
        "verdict": finding.verdict,
        "kind": kind,
        "message": "" if kind == "good" else visible(finding.message),
        "suggestion": finding.suggestion,
        "grade": finding.grade,
        "certain": finding.certain,
        "whole": _range(own, whole),
        "replaces": finding.replaces and _range(own, finding.replaces),
        "sizes": list(sizes),
    }


def _range(own: str, place: Place) -> Range:
    return {
        "file": place.file if place.file != own else "",
        "line": place.line, "column": place.column, "end_line": place.end_line, "end_column": place.end_column,
    }  # fmt: skip


def proposed(report: Report) -> list[dict[str, Any]]:
    """Return the lines that a derivation lacks, each with the end of the line behind which it belongs."""
    found, source = [], report.source
    for _, lines in report.parts:
        end = max((v.end for v in lines.verdicts), default=0)
        found += [{"text": text, "behind": _range(source.name, place_in(source, end, end))} for text in lines.proposed]
    return found


def place_of_error(name: str, error: ValueError) -> Range:
    """Return where the text of a name cannot be read, as far as that is known."""
    return _range(name, finding_of_error(name, error).place)
