"""The output formats of `tinyad check`: JSON, annotations of GitHub, SARIF and JUnit, all made of the same findings."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from os import path as paths
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from tinyad.commands.findings import FileResult, FileVerdict
from tinyad.commands.version import __version__
from tinyad.printing.findings import NOT_CHECKED, NOT_JUDGED, Finding, Place
from tinyad.printing.text import visible

VERSION = 1  # of the JSON format: a higher one when a reader of the format has to change
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def schema() -> str:
    """Return the JSON schema of the format `json`."""
    return files("tinyad.commands").joinpath("findings.schema.json").read_text(encoding="utf-8")


def totals(results: Sequence[FileResult]) -> dict[str, int]:
    """Return verdict → number of files."""
    return {str(verdict): sum(result.verdict is verdict for result in results) for verdict in FileVerdict}


def total_line(results: Sequence[FileResult]) -> str:
    """Return how many files are right, wrong and not checked, in one line."""
    counts = ", ".join(f"{n} {verdict}" for verdict, n in totals(results).items() if n)
    return f"{len(results)} file{'s' * (len(results) != 1)}: {counts}"


def as_json(results: Sequence[FileResult]) -> str:
    """Return the results as JSON, as the schema says."""
    return json.dumps(
        {
            "version": VERSION,
            "tinyad": __version__,
            "ok": all(result.verdict is FileVerdict.RIGHT for result in results),
            "totals": {"files": len(results), **totals(results)},
            "files": [result.to_dict() for result in results],
        },
        indent=2,
        allow_nan=False,
    )


def _told(finding: Finding) -> str:
    """Return the message of a finding, with the suggestion, and with the cell of a notebook."""
    cell = f"cell {finding.place.cell}, line {finding.place.line}: " if finding.place.cell else ""
    meant = f"\n{finding.grade}: {' '.join(finding.suggestion.split())}" if finding.suggestion else ""
    return visible(f"{cell}{finding.message}{meant}")


def _in_file(place: Place) -> Place:
    """Return a place for readers that know no cells: there it is the first line of the notebook."""
    return Place(place.file) if place.cell else place


def as_github(results: Sequence[FileResult]) -> str:
    """Return one workflow command of GitHub for each finding, which shows it beside the line."""
    return "\n".join(_annotation(finding) for result in results for finding in result.findings)


def _annotation(finding: Finding) -> str:
    place = _in_file(finding.place)
    properties = {
        "file": place.file.replace("\\", "/") if paths.sep == "\\" else place.file,
        "line": place.line,
        "endLine": place.end_line,
        "col": place.column,
        "endColumn": place.end_column,
        "title": f"tinyad: {finding.verdict}",
    }
    if place.end_line != place.line:  # columns are of one line
        del properties["col"], properties["endColumn"]
    told = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::error {told}::{_data(_told(finding))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(results: Sequence[FileResult]) -> str:
    """Return the results in SARIF 2.1.0, the format of code scanning."""
    findings = [finding for result in results for finding in result.findings if result.kind]
    failed = [finding for result in results for finding in result.findings if not result.kind]
    verdicts = list(dict.fromkeys(finding.verdict for finding in findings))
    driver = {
        "name": "tinyad",
        "version": __version__,
        "rules": [{"id": _rule(v), "shortDescription": {"text": f"A line or a statement: {v}"}} for v in verdicts],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not failed,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": _told(finding)},
                        "locations": [_location(finding.place)],
                    }
                    for finding in failed
                ],
            }
        ],
        "results": [_sarif_result(finding, verdicts.index(finding.verdict)) for finding in findings],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _sarif_result(finding: Finding, index: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": _rule(finding.verdict),
        "ruleIndex": index,
        "level": "error",
        "message": {"text": _told(finding)},
        "locations": [_location(finding.place)],
    }
    if finding.certain and finding.replaces and not finding.replaces.cell:
        change = {"deletedRegion": _region(finding.replaces), "insertedContent": {"text": finding.suggestion}}
        place = {"artifactLocation": {"uri": _uri(finding.replaces.file)}, "replacements": [change]}
        found["fixes"] = [{"description": {"text": "what was meant"}, "artifactChanges": [place]}]
    return found


def _location(place: Place) -> dict[str, Any]:
    place = _in_file(place)
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(place.file)}, "region": _region(place)}}


def _region(place: Place) -> dict[str, int]:
    return {
        "startLine": place.line, "startColumn": place.column, "endLine": place.end_line, "endColumn": place.end_column
    }  # fmt: skip


def _uri(file: str) -> str:
    """Return a file as a relative reference, or as a file URI if its path begins at the root."""
    slashed = file.replace(paths.sep, "/")
    quoted = quote(slashed, safe="/", errors="surrogateescape")
    return f"file://{'' if quoted.startswith('/') else '/'}{quoted}" if paths.isabs(file) else quoted


def as_junit(results: Sequence[FileResult]) -> str:
    """Return the results as XML of JUnit: a suite for each file, and a case for each finding, or one that passes."""
    suites = [_suite(result) for result in results]
    cases = [case for _, own in suites for case in own]
    rows = ['<?xml version="1.0" encoding="utf-8"?>', f'<testsuites name="tinyad" {_counts(cases)}>']
    for result, own in suites:
        rows.append(f"  <testsuite name={_attribute(result.file)} {_counts(own)}>")
        rows += [row for _, case in own for row in case]
        rows.append("  </testsuite>")
    return "\n".join([*rows, "</testsuites>"])


def _suite(result: FileResult) -> tuple[FileResult, list[tuple[str, list[str]]]]:
    """Return a result with its cases, each as what it counts as and its rows."""
    name = _attribute(result.file)
    if not result.findings:
        all_hold = "all statements hold" if result.kind == "code" else "all lines hold"
        return result, [("", [f'    <testcase classname={name} name="{all_hold}" file={name} />'])]
    return result, [_case(finding) for finding in result.findings]


def _case(finding: Finding) -> tuple[str, list[str]]:
    place, kind = finding.place, "error" if finding.verdict in (NOT_JUDGED, NOT_CHECKED) else "failure"
    cell = f"cell {place.cell}, " if place.cell else ""
    title = f"{cell}line {place.line}: {' '.join(finding.text.split()) or finding.verdict}"
    file = _attribute(place.file)
    return kind, [
        f"    <testcase classname={file} name={_attribute(title)} file={file} line={_attribute(str(place.line))}>",
        f"      <{kind} type={_attribute(finding.verdict)} message={_attribute(finding.message)}>"
        f"{escape(_characters(_told(finding)))}</{kind}>",
        "    </testcase>",
    ]


def _counts(cases: Sequence[tuple[str, object]]) -> str:
    kinds = [kind for kind, _ in cases]
    return f'tests="{len(cases)}" failures="{kinds.count("failure")}" errors="{kinds.count("error")}"'


def _attribute(text: str) -> str:
    return quoteattr(_characters(text))


def _characters(text: str) -> str:
    """Return text without the characters that XML cannot hold, written as escapes."""
    return visible(text)


FORMATS: dict[str, Callable[[Sequence[FileResult]], str]] = {
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
    "junit": as_junit,
}
