"""Findings in files: what is wrong in each, the same for texts and code; every output format is made of them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, cast

from tinyad.derivation.judge.findings import finding_of_error, findings_in
from tinyad.printing.findings import NOT_CHECKED, Finding

if TYPE_CHECKING:
    from tinyad.code.report import Report as CodeReport
    from tinyad.derivation.show.report import Report as TextReport

    Report = CodeReport | TextReport


class FileVerdict(StrEnum):
    """The verdict on a file; its place in this list is the exit status."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_CHECKED = NOT_CHECKED  # it could not be read, or run

    @property
    def status(self) -> int:
        """Return the exit status: 0, 1 or 2."""
        return list(FileVerdict).index(self)


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
    if is_code(report):
        from tinyad.code import findings as in_code

        kind, findings = "code", in_code.findings_in(report)
    else:
        text = cast("TextReport", report)
        kind, findings = "text", findings_in(text.source, (lines for _, lines in text.parts))
    verdict = FileVerdict.RIGHT if report.ok else FileVerdict.WRONG
    if getattr(report, "errors", None):
        verdict = FileVerdict.NOT_CHECKED
    details = report.to_dict() if with_details else None
    return FileResult(file, kind, verdict, tuple(dict.fromkeys(findings)), "", details)


def result_of_error(file: str, message: str, error: Exception | None = None) -> FileResult:
    """Return the result for a file that could not be read or run."""
    finding = finding_of_error(file, error or ValueError(message), message)
    return FileResult(file, "", FileVerdict.NOT_CHECKED, (finding,), message)


def is_code(report: Report) -> TypeGuard[CodeReport]:
    """Return whether a report is about code."""
    return hasattr(report, "pairs")
