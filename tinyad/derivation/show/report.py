"""What a check found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tinyad.derivation.judge.verdicts import GOOD, Part, Verdict, counted
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.source import Source
from tinyad.printing.text import apart, for_terminal, one_line

MOST = 12  # notes of one kind that are printed


class Report:
    """All derivations of a file: what `check_derivation` returns.  `str()` shows the first wrong line in full."""

    def __init__(self, source: Source, parts: Sequence[tuple[Derivation, Part]]) -> None:
        self.source, self.parts = source, parts

    @property
    def ok(self) -> bool:
        """Whether every line holds and no path is missing."""
        return all(part.ok for _, part in self.parts)

    @property
    def verdicts(self) -> list[Verdict]:
        """One for every backward line, in the order of the file."""
        return [v for _, part in self.parts for v in part.verdicts]

    @property
    def wrong(self) -> list[Verdict]:
        """Those of the lines that do not hold."""
        return [v for v in self.verdicts if not v.ok]

    @property
    def first_wrong(self) -> Verdict | None:
        """The first of them in the file; None if there is none."""
        return next(iter(self.wrong), None)

    @property
    def counts(self) -> dict[str, int]:
        """Verdict → number of lines, "right" first."""
        counts: dict[str, int] = {}
        for v in self.verdicts:
            counts[v.verdict] = counts.get(v.verdict, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (item[0] != "right", item[0])))

    def raise_if_wrong(self) -> None:
        """ValueError with the report, if a line is wrong or missing."""
        if not self.ok:
            raise ValueError(str(self))

    def __str__(self) -> str:
        return for_terminal(self.text())

    __repr__ = __str__

    def text(self, everything: bool = False) -> str:
        """The report: the first wrong line in full and the others in one line each, or `everything` in full."""
        lines = []
        for _, part in self.parts:
            lines += [*_part(self.source, part, everything), ""]
        return "\n".join([*lines, self.summary()])

    def summary(self) -> str:
        """One line: the counts."""
        counts = self.counts
        right = sum(counts.pop(verdict, 0) for verdict in GOOD)
        said = [counted(verdict, n) for verdict, n in counts.items()]
        faults = sum(len(part.faults) for _, part in self.parts)
        said += [f"{faults} left out"] if faults else []
        whole = f"{one_line(self.source.name)}: {right} of {len(self.verdicts)} lines hold"
        return f"{whole}; {', '.join(said)}" if said else whole

    def to_dict(self) -> dict[str, Any]:
        """For JSON: strings, numbers and lists."""
        return {
            "file": self.source.name,
            "ok": self.ok,
            "counts": self.counts,
            "parts": [
                {
                    "title": part.title,
                    "ok": part.ok,
                    "lines": [_plain(self.source, v) for v in part.verdicts],
                    "missing": part.faults,
                    "proposed": list(part.proposed),
                    "notes": part.notes,
                    "not_exercised": part.unseen,
                }
                for _, part in self.parts
            ],
        }

    def _repr_html_(self) -> str:
        from tinyad.derivation.show.page import fragment

        return fragment(self)

    def html(self) -> str:
        """One self-contained page."""
        from tinyad.derivation.show.page import page

        return page(self)


def _plain(source: Source, v: Verdict) -> dict[str, Any]:
    line, column = source.place(v.at[0])
    worst = v.worst._asdict() if v.worst else None
    return {
        "line": v.line, "number": v.number, "text": v.text, "verdict": v.verdict, "message": v.message,
        "at": {"line": line, "column": column, "text": source.text[v.at[0] : v.at[1]]},
        "worst": worst and {k: x if isinstance(x, str) or abs(x) < float("inf") else str(x) for k, x in worst.items()},
        "looks_like": v.looks_like, "rules": list(v.rules), "notes": list(v.notes), "suggestion": v.suggestion,
        "grade": v.grade, "spoils": list(v.spoils),
    }  # fmt: skip


def _part(source: Source, part: Part, everything: bool) -> Iterator[str]:
    wrong = [v for v in part.verdicts if not v.ok]
    right = len(part.verdicts) - len(wrong)
    title = part.title or source.heading(part.verdicts[0].start if part.verdicts else 0) or "derivation"
    yield f"{title}: {right} of {len(part.verdicts)} lines hold" + (f", {len(wrong)} do not" if wrong else "")
    if part.first:
        yield f"    {part.first}"
    for k, v in enumerate(wrong):
        if k == 0 or everything:
            yield ""
            yield from full(source, v)
        else:
            yield "    " + brief(v)
        if k == 0 and len(wrong) > 1 and not everything:
            yield ""
    notes = [note for note in part.notes if note != part.first]
    for kind, said in (("left out", part.faults), ("note", notes), ("not seen", part.unseen)):
        if said and kind != "left out":
            yield ""
        shown = said if everything or kind == "left out" else said[:MOST]
        yield from (f"    {kind}: {one_line(text)}" for text in shown)
        if len(shown) < len(said):
            yield f"    {kind}: {len(said) - len(shown)} more"
        if kind == "left out":
            yield from (f"    likely line: {one_line(' '.join(text.split()))}" for text in part.proposed)


def brief(v: Verdict) -> str:
    """One line for a wrong line."""
    number = f" ({v.number})" if v.number else ""
    what = (v.suggestion and f"{v.grade}: {' '.join(v.suggestion.split())}") or v.message or v.looks_like
    text = " ".join(v.text.split())
    return f"line {v.line}{number}, {v.verdict}: {one_line(text)}" + (f"  →  {one_line(what)}" if what else "")


def full(source: Source, v: Verdict) -> Iterator[str]:
    """The line as it stands, what is wrong with it, where, and what was probably meant."""
    number = f" ({v.number})" if v.number else ""
    yield f"line {v.line}{number}, {v.verdict}" + (f": {one_line(v.message)}" if v.message else "")
    yield from quoted(source, v)
    for rule in v.rules[:4]:
        yield f"    from  {one_line(rule)}"
    if v.worst:
        expected, found = apart(v.worst.expected, v.worst.found)
        yield f"    {v.worst.where}: expected {expected}, found {found}"
    if v.looks_like:
        yield f"    looks like: {v.looks_like}"
    if v.suggestion:
        yield f"    {v.grade}: {one_line(' '.join(v.suggestion.split()))}"
    if v.spoils:
        names = ", ".join(v.spoils[:8]) + (", ..." if len(v.spoils) > 8 else "")
        yield f"    run as a program, this line alone makes wrong: {names}"
    for note in v.notes:
        yield f"    note: {note}"


def quoted(source: Source, v: Verdict) -> Iterator[str]:
    """The author's line with the sizes under its operands and the part that is meant underlined."""
    first, last = source.place(v.start)[0], source.place(max(v.start, v.end - 1))[0]
    for number in range(first, min(last, first + 11) + 1):
        text = source.line(number)
        offset = source.line_start(number)
        yield "    " + one_line(text)
        marks = [" "] * len(text)
        for k in range(max(v.at[0], offset), min(v.at[1], offset + len(text))):
            marks[k - offset] = "^"
        whole = v.at == (v.start, v.end)
        if "^" in marks and not whole:
            yield "    " + "".join(marks).rstrip()
        sizes = _sizes(v, offset, len(text))
        if sizes.strip() and len(text) < 160:
            yield "    " + sizes


def _sizes(v: Verdict, offset: int, length: int) -> str:
    row = [" "] * (length + 12)
    taken = -1
    for start, end, text in sorted(v.shapes, key=lambda s: (s[0], s[1])):
        if not offset <= start < offset + length or end > offset + length or end - start > 24:
            continue
        at = start - offset
        if at <= taken:
            continue
        row[at : at + len(text)] = text
        taken = at + len(text)
    return "".join(row).rstrip()
