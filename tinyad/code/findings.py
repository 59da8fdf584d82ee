"""The findings about the statements of a program, with their places in its file or its cells."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tinyad.code.report import Report
from tinyad.code.verdicts import PairVerdict, StatementVerdict, Verdict
from tinyad.code.wording import entry, listed, numbers
from tinyad.printing.findings import NOT_JUDGED, Finding, Place


def findings_in(report: Report) -> Iterator[Finding]:
    """Yield what is wrong in a program, and what of it could not be judged."""
    for pair in report.pairs:
        place = _of_function(report, pair)
        if pair.error:
            yield Finding(place, NOT_JUDGED, pair.error)
            continue
        yield from (finding_of(report, v) for v in pair.wrong)
        alone = [name for name in pair.returned if not any(name in v.spoils for v in pair.wrong)]
        if alone:
            are = "is" if len(alone) == 1 else "are"
            yield Finding(place, str(Verdict.WRONG), f"{listed(alone)} {are} returned wrong")
        for name in pair.open:
            yield Finding(place, NOT_JUDGED, f"{name} is returned, and nothing tells what it is the derivative for")


def finding_of(report: Report, v: StatementVerdict) -> Finding:
    """Return the finding about one statement; its suggestion is indented as it stands there."""
    told = [report.source.told(v.message), report.source.told(f"looks like: {v.looks_like}") if v.looks_like else ""]
    told += [f"{entry(v.name, v.worst)}: {numbers(v.worst)}"] if v.worst else []
    lines = report.source.lines
    replaces, replaced, suggestion = None, "", v.suggestion
    if suggestion:
        rows = lines[v.suggestion_line - 1 : v.suggestion_end]
        row, last_row = rows[0], rows[-1]
        start, end = _characters(row, v.suggestion_column), _characters(last_row, v.suggestion_end_column)
        replaces = _of_lines(report, v.suggestion_line, start, v.suggestion_end, end)
        replaced = "\n".join([*rows[:-1], last_row[:end]])[start:]
        if not row[:start].strip():
            suggestion = suggestion.replace("\n", f"\n{row[:start]}")
    start, end = _characters(lines[v.line - 1], v.column), _characters(lines[v.end_line - 1], v.end_column)
    return Finding(
        _of_lines(report, v.line, start, v.end_line, end),
        str(v.verdict),
        "; ".join(filter(None, told)) or f"{v.name} is {v.verdict}",
        v.text.strip(),
        suggestion,
        str(v.grade) if suggestion else "",
        replaces,
        replaced,
    )


def _characters(row: str, column: int) -> int:
    """Return how many characters stand before a column in bytes."""
    return len(row.encode()[:column].decode(errors="ignore"))


def _of_lines(report: Report, line: int, start: int, end_line: int, end: int) -> Place:
    """Return lines of a source, from and to columns counted from 0, where they stand in its file or cell."""
    source = report.source
    if source.cells:
        cell, inner = source.cells[min(line, len(source.cells)) - 1]
        return Place(source.name, inner, start + 1, inner + end_line - line, end + 1, cell)
    name, number = source.origins[min(line, len(source.origins)) - 1] if source.origins else (source.name, line)
    return Place(name, number, start + 1, number + end_line - line, end + 1)


def _of_function(report: Report, pair: PairVerdict) -> Place:
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
