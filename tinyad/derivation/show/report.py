"""The report of a check, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tinyad.derivation.judge.verdicts import CheckedLines, LineVerdict, ModelChange, Verdict
from tinyad.derivation.language.document import Document
from tinyad.derivation.language.equations import NotRead
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.source import Source
from tinyad.derivation.show import limits
from tinyad.derivation.show.assumed import assumed
from tinyad.printing.text import apart, for_terminal, one_line


class Report:
    """All derivations of a file: what `check_derivation` returns.  `str()` shows the first wrong line in full."""

    def __init__(self, source: Source, parts: Sequence[tuple[Derivation, CheckedLines]]) -> None:
        self.source, self.parts = source, parts

    @property
    def ok(self) -> bool:
        """Return whether every line holds and no path is missing."""
        return all(lines.ok for _, lines in self.parts)

    @property
    def verdicts(self) -> list[LineVerdict]:
        """Return the verdicts on all backward lines, in the order of the file."""
        return [v for _, lines in self.parts for v in sorted(lines.verdicts, key=lambda v: v.start)]

    @property
    def wrong(self) -> list[LineVerdict]:
        """Return the verdicts on the lines that do not hold."""
        return [v for v in self.verdicts if not v.ok]

    @property
    def first_wrong(self) -> LineVerdict | None:
        """Return the first of them in the file; None if there is none."""
        return next(iter(self.wrong), None)

    @property
    def counts(self) -> dict[str, int]:
        """Return verdict → number of lines, "right" first."""
        return {str(verdict): n for verdict, n in self.verdict_counts.items()}

    @property
    def verdict_counts(self) -> dict[Verdict, int]:
        """Return the same by the verdict itself."""
        counts: dict[Verdict, int] = {}
        for v in self.verdicts:
            counts[v.verdict] = counts.get(v.verdict, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (item[0] is not Verdict.RIGHT, item[0])))

    @property
    def left_out(self) -> int:
        """Return how many derivatives or contributions no line sets."""
        return sum(len(lines.faults) for _, lines in self.parts)

    def raise_if_wrong(self) -> None:
        """Raise ValueError with the report, if a line is wrong or missing."""
        if not self.ok:
            raise ValueError(str(self))

    def __str__(self) -> str:
        return for_terminal(self.text())

    __repr__ = __str__

    def text(self, everything: bool = False) -> str:
        """Return the report: the first wrong line in full and the others in one line each, or `everything` in full."""
        rows = []
        for derivation, lines in self.parts:
            rows += [*_set_of_lines(self.source, lines, everything), *_assumed(derivation, lines), ""]
        return "\n".join([*rows, *_not_read(self.source, everything), self.summary()])

    def summary(self) -> str:
        """Return the counts in one line."""
        holding = sum(v.ok for v in self.verdicts)
        others = [verdict.counted(n) for verdict, n in self.verdict_counts.items() if not verdict.holds]
        others += [f"{self.left_out} left out"] if self.left_out else []
        others += ["another model"] if any(lines.changes for _, lines in self.parts) else []
        counts = f"{one_line(self.source.name)}: {holding_text(holding, len(self.verdicts))}"
        if isinstance(self.source, Document):
            counts += f"; {self.source.reading()}"
        return f"{counts}; {', '.join(others)}" if others else counts

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON: strings, numbers and lists."""
        return {
            "file": self.source.name,
            "ok": self.ok,
            "counts": self.counts,
            "parts": [
                {
                    "title": lines.title,
                    "ok": lines.ok,
                    "lines": [_plain(self.source, v) for v in sorted(lines.verdicts, key=lambda v: v.start)],
                    "missing": lines.faults,
                    "proposed": list(lines.proposed),
                    "notes": [*lines.layout_notes, *lines.notes],
                    **({"changes": [_change(self.source, it) for it in lines.changes]} if lines.changes else {}),
                    "not_exercised": lines.not_exercised,
                    **({"assumed": rows} if (rows := assumed(derivation, lines)) else {}),
                }
                for derivation, lines in self.parts
            ],
            **_reading(self.source),
        }

    def _repr_html_(self) -> str:
        from tinyad.derivation.show.page import fragment

        return fragment(self)

    def html(self) -> str:
        """Return one self-contained page."""
        from tinyad.derivation.show.page import page

        return page(self)


def _assumed(derivation: Derivation, checked: CheckedLines) -> Iterator[str]:
    """Yield what the author has not declared, and what was taken for it."""
    rows = assumed(derivation, checked)
    yield from ("", *(f"    {row}" for row in rows)) if rows else ()


def _not_read(source: Source, everything: bool) -> Iterator[str]:
    """Yield the formulas of a document that are no lines of its derivations, each with why."""
    if not isinstance(source, Document):
        return
    rows = [f"    {source.line_name(it.start)}: {_beginning(source, it)}{one_line(it.why)}" for it in source.left]
    if rows:
        shown = rows if everything else rows[: limits.NOT_READ_SHOWN]
        yield "not read"
        yield from shown
        if len(shown) < len(rows):
            yield f"    {len(rows) - len(shown)} more; --all shows them"
        yield ""


def _beginning(source: Source, it: NotRead) -> str:
    """Return how a formula begins that was not read."""
    text = one_line(" ".join(source.text[it.start : it.end].split()))
    more = len(text) > limits.BEGINNING_SHOWN
    return f"{text[: limits.BEGINNING_SHOWN].rstrip()}{' …' * more}  →  " if text else ""


def holding_text(holding: int, lines: int) -> str:
    """Say how many lines hold."""
    return f"{holding} of {lines} line{'s' * (lines != 1)} hold{'s' * (holding == 1 or lines == 1)}"


def _reading(source: Source) -> dict[str, Any]:
    """Return what was not read of a document, for JSON."""
    if not isinstance(source, Document):
        return {}
    left = [
        {"line": source.author_place(it.start)[0], "in": source.part(it.start), "why": it.why} for it in source.left
    ]
    return {"read": dict(source.count), "not_read": left}


def _plain(source: Source, v: LineVerdict) -> dict[str, Any]:
    worst = v.worst._asdict() if v.worst else None
    return {
        "line": v.line, "number": v.number, "text": v.text, "verdict": str(v.verdict), "message": v.message,
        "at": _place(source, v.at), "also": [_place(source, at) for at in v.also],
        "worst": worst and {k: x if isinstance(x, str) or abs(x) < float("inf") else str(x) for k, x in worst.items()},
        "looks_like": v.looks_like, "rules": list(v.rules), "notes": list(v.notes), "suggestion": v.suggestion,
        "grade": str(v.grade), "spoils": list(v.spoils),
    }  # fmt: skip


def _change(source: Source, change: ModelChange) -> dict[str, Any]:
    return {"at": _place(source, (change.start, change.end)), "message": change.message}


def _place(source: Source, at: tuple[int, int]) -> dict[str, Any]:
    line, column = source.author_place(at[0])
    return {"line": line, "column": column, "text": source.text[at[0] : at[1]]}


def _set_of_lines(source: Source, lines: CheckedLines, everything: bool) -> Iterator[str]:
    """Yield the rows about one set of lines."""
    wrong = sorted((v for v in lines.verdicts if not v.ok), key=lambda v: v.start)
    holding = len(lines.verdicts) - len(wrong)
    first = min((v.start for v in lines.verdicts), default=0)
    title = lines.title or source.heading(first) or "derivation"
    unjudged = sum(v.verdict is Verdict.NOT_JUDGED for v in wrong)
    failing = len(wrong) - unjudged
    others = f", {failing} do{'es' * (failing == 1)} not" if failing else ""
    others += f", {unjudged} {'is' if unjudged == 1 else 'are'} not judged" if unjudged else ""
    yield f"{one_line(title)}: {holding_text(holding, len(lines.verdicts))}{others}"
    yield from (f"    {one_line(text)}" for text in lines.headlines)
    if lines.changes and not everything:  # the headlines have said why these are not judged
        wrong = [v for v in wrong if v.verdict is not Verdict.NOT_JUDGED]
    yield from _wrong_lines(source, wrong, everything)
    yield from (f"    left out: {one_line(text)}" for text in lines.faults)
    yield from (f"    likely line: {one_line(' '.join(text.split()))}" for text in lines.proposed)
    for kind, texts in (("note", lines.notes), ("not seen", lines.not_exercised)):
        if texts:
            yield ""
        shown = texts if everything else texts[: limits.NOTES_SHOWN]
        yield from (f"    {kind}: {one_line(text)}" for text in shown)
        if len(shown) < len(texts):
            yield f"    {kind}: {len(texts) - len(shown)} more"


def _wrong_lines(source: Source, wrong: Sequence[LineVerdict], everything: bool) -> Iterator[str]:
    """Yield the first wrong line in full and the others in one row each, or all in full."""
    for k, v in enumerate(wrong):
        if k == 0 or everything:
            yield ""
            yield from full(source, v)
        else:
            yield "    " + brief(source, v)
        if k == 0 and len(wrong) > 1 and not everything:
            yield ""


def brief(source: Source, v: LineVerdict) -> str:
    """Return one row for a wrong line."""
    finding = (v.suggestion and f"{v.grade}: {' '.join(v.suggestion.split())}") or v.message or v.looks_like
    text = " ".join(v.text.split())
    return f"{_heading(source, v)}: {one_line(text)}" + (f"  →  {one_line(finding)}" if finding else "")


def _heading(source: Source, v: LineVerdict) -> str:
    place = source.line_name(v.start)
    if source.is_document:
        column = source.author_place(v.at[0])[1]
        place = f"{source.line_name(v.at[0])}, column {column}"
    return f"{place}{f' ({v.number})' if v.number else ''}, {v.verdict}"


def full(source: Source, v: LineVerdict) -> Iterator[str]:
    """Yield the line as it stands, what is wrong with it, where, and what was probably meant."""
    yield _heading(source, v) + (f": {one_line(v.message)}" if v.message else "")
    yield from quoted(source, v)
    for rule in v.rules[: limits.RULES_SHOWN]:
        yield f"    from  {one_line(rule)}"
    if v.worst:
        expected, given = apart(v.worst.expected, v.worst.found)
        yield f"    {v.worst.where}: expected {expected}, found {given}"
    if v.looks_like:
        yield f"    looks like: {v.looks_like}"
    if v.suggestion:
        yield f"    {v.grade}: {one_line(' '.join(v.suggestion.split()))}"
    if v.spoils:
        more = ", ..." if len(v.spoils) > limits.NAMES_SHOWN else ""
        names = ", ".join(v.spoils[: limits.NAMES_SHOWN]) + more
        yield f"    run as code, this line alone makes these derivatives wrong: {names}"
    for note in v.notes:
        yield f"    note: {note}"


def quoted(source: Source, v: LineVerdict) -> Iterator[str]:
    """Yield the author's line with the sizes below its operands, and the part that the verdict is about underlined."""
    first, last = source.place(v.start)[0], source.place(max(v.start, v.end - 1))[0]
    for number in range(first, min(last, first + limits.ROWS_QUOTED - 1) + 1):
        text = source.line(number)
        offset = source.line_start(number)
        yield "    " + one_line(text)
        marks = [" "] * len(text)
        for start, end in (v.at, *v.also):
            for k in range(max(start, offset), min(end, offset + len(text))):
                marks[k - offset] = "^"
        if "^" in marks and v.at != (v.start, v.end):
            yield "    " + "".join(marks).rstrip()
        sizes = _sizes(v, offset, len(text))
        if sizes.strip() and len(text) < limits.WIDTH_WITH_SIZES:
            yield "    " + sizes


def _sizes(v: LineVerdict, offset: int, length: int) -> str:
    """Return a row with the size of every operand below its beginning, where there is room."""
    row = [" "] * (length + limits.SIZE_ROOM)
    taken = -1
    for start, end, text in sorted(v.shapes, key=lambda s: (s[0], s[1])):
        inside = offset <= start < offset + length and end <= offset + length
        at = start - offset
        if inside and end - start <= limits.SIZED_OPERAND and at > taken:
            row[at : at + len(text)] = text
            taken = at + len(text)
    return "".join(row).rstrip()
