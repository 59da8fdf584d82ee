"""The report of a check of code, for people and for programs."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from tinyad.code.files import Text, replace_statement
from tinyad.code.limits import NOTES_SHOWN
from tinyad.code.verdicts import Grade, PairVerdict, StatementVerdict, Verdict
from tinyad.code.wording import entry, holding, holding_of, numbers, returned_wrong
from tinyad.printing.text import for_terminal, one_line


class Report:
    """All pairs of a source: what `check_code` returns.  `str()` shows the first wrong statement in full.

    imported: the files beside it that it imports.
    """

    def __init__(self, source: Text, pairs: Sequence[PairVerdict], imported: Sequence[str] = ()) -> None:
        self.source, self.pairs, self.imported = source, tuple(pairs), tuple(imported)

    @property
    def ok(self) -> bool:
        """Return whether all pairs were judged and every statement holds."""
        return all(pair.ok for pair in self.pairs)

    @property
    def errors(self) -> list[str]:
        """Return why pairs could not be judged, and what is returned and could not."""
        return [pair.error for pair in self.pairs if pair.error] + [name for pair in self.pairs for name in pair.open]

    @property
    def verdicts(self) -> list[StatementVerdict]:
        """Return the verdicts on all statements."""
        return [statement for pair in self.pairs for statement in pair.statements]

    @property
    def wrong(self) -> list[StatementVerdict]:
        """Return the verdicts on the statements that do not hold."""
        return [v for v in self.verdicts if not v.ok and v.verdict is not Verdict.NOT_JUDGED]

    @property
    def first_wrong(self) -> StatementVerdict | None:
        """Return the first of them; None if there is none."""
        return next(iter(self.wrong), None)

    @property
    def counts(self) -> dict[str, int]:
        """Return verdict → number of statements, "right" first."""
        found: dict[str, int] = {}
        for v in self.verdicts:
            found[str(v.verdict)] = found.get(str(v.verdict), 0) + 1
        return dict(sorted(found.items(), key=lambda item: (item[0] != Verdict.RIGHT, item[0])))

    def raise_if_wrong(self) -> None:
        """Raise AssertionError with the report if a statement is wrong, or a pair could not be judged."""
        if not self.ok:
            raise AssertionError(f"\n{self.text()}")

    def __str__(self) -> str:
        return for_terminal(self.text())

    __repr__ = __str__

    def text(self, everything: bool = False) -> str:
        """Return the report: the first wrong statement in full and the others in short, or `everything` in full."""
        rows: list[str] = []
        for pair in self.pairs:
            rows += [*_pair(self.source, pair, everything), ""]
        return "\n".join([*rows, self.summary()])

    def summary(self) -> str:
        """Return the counts in one line."""
        judged = [v for v in self.verdicts if v.verdict is not Verdict.NOT_JUDGED]
        counts = f"{one_line(self.source.name)}: {holding(sum(v.ok for v in judged), len(judged))}"
        others = [f"{n} {verdict}" for verdict, n in self.counts.items() if verdict != Verdict.RIGHT]
        unjudged = [pair for pair in self.pairs if pair.error]
        others += [f"{len(unjudged)} pair{'s' * (len(unjudged) > 1)} not judged"] if unjudged else []
        return f"{counts}; {', '.join(others)}" if others else counts

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON: strings, numbers and lists."""
        return {
            "file": self.source.name,
            "ok": self.ok,
            "counts": self.counts,
            "pairs": [
                {
                    "name": pair.name,
                    "forward": pair.forward,
                    "backward": pair.backward,
                    "ok": pair.ok,
                    "statements": [_plain(self.source, v) for v in pair.statements],
                    "returned_wrong": list(pair.returned),
                    "not_judged": [{"name": n, "line": line, "reason": why} for n, line, why in pair.unjudged],
                    "convention": pair.convention,
                    "notes": list(pair.notes),
                    "not_seen": list(pair.not_seen),
                    "error": pair.error,
                }
                for pair in self.pairs
            ],
        }

    def fixed(self, certain_only: bool = True) -> str:
        """Return the source with the suggested statements in place; of two for one statement, the first."""
        lines = self.source.lines
        suggested = {(v.suggestion_line, v.suggestion_column): v for v in reversed(self.suggested(certain_only))}
        for at in sorted(suggested, reverse=True):  # from the end, so that places stay
            replace_statement(lines, suggested[at])
        return "\n".join(lines) + "\n" * self.source.text.endswith("\n")

    def suggested(self, certain_only: bool = True) -> list[StatementVerdict]:
        """Return the verdicts whose statements have another one in their place."""
        return [v for v in self.wrong if v.suggestion and (v.grade == Grade.CERTAIN or not certain_only)]

    def diff(self) -> str:
        """Return the suggestions as a unified diff."""
        name = self.source.name
        return "".join(
            difflib.unified_diff(
                [f"{line}{self.source.newline}" for line in self.source.lines],
                [f"{line}{self.source.newline}" for line in Text("", self.fixed(certain_only=False)).lines],
                name,
                name,
            )
        )

    def _repr_html_(self) -> str:
        from tinyad.code.page import fragment

        return fragment(self)

    def html(self) -> str:
        """Return one self-contained page."""
        from tinyad.code.page import page

        return page(self)


def _plain(source: Text, v: StatementVerdict) -> dict[str, Any]:
    worst = v.worst and {
        "index": list(v.worst.where), "expected": _json(v.worst.expected), "found": _json(v.worst.found)
    }  # fmt: skip
    return {
        "place": source.place(v.line), "line": v.line, "end_line": v.end_line, "function": v.function,
        "text": textwrap.dedent(v.text), "name": v.name,
        "verdict": str(v.verdict), "message": v.message, "derivative_for": v.of, "forward_line": v.of_line,
        "passes": v.passes, "wrong_passes": v.wrong_passes, "worst": worst, "looks_like": v.looks_like,
        "suggestion": v.suggestion, "suggestion_line": v.suggestion_line, "grade": str(v.grade),
        "other_suggestions": list(v.others), "spoils": list(v.spoils),
    }  # fmt: skip


def _json(value: float) -> float | str:
    return value if abs(value) < float("inf") else str(value)


def _pair(source: Text, pair: PairVerdict, everything: bool) -> Iterator[str]:
    """Yield the rows about one pair."""
    title = pair.backward or source.name
    if pair.error:
        first, *rest = pair.error.split("\n")
        yield f"{one_line(title)}: not judged"
        yield from (f"    {one_line(row)}" for row in (first, *rest))
        return
    yield f"{one_line(title)}: {holding_of(pair)}"
    for v in pair.wrong if everything else pair.wrong[:1]:
        yield ""
        yield from full(source, v)
    rows = dict.fromkeys(brief(source, v) for v in pair.wrong[1:] if not everything)
    yield from (("" if k else "\n") + row for k, row in enumerate(rows))
    yield from _around(source, pair, everything)


def _around(source: Text, pair: PairVerdict, everything: bool) -> Iterator[str]:
    rows = [f"returned as it stands: {row}" for row in returned_wrong(pair)]
    rows += [f"convention: {pair.convention}"] if pair.convention else []
    rows += [f"note: {note}" for note in pair.notes]
    rows += [f"not judged: {name} (line {line}): {reason}" for name, line, reason in pair.unjudged]
    rows += [f"not judged: {name} is returned, and nothing tells what it is the derivative for" for name in pair.open]
    rows += [
        f"not judged: {v.name} (line {v.line}): {v.message}" for v in pair.statements if v.verdict is Verdict.NOT_JUDGED
    ]
    rows += [f"not seen: {text}" for text in pair.not_seen]
    if rows:
        yield ""
    shown = rows if everything else rows[:NOTES_SHOWN]
    yield from (f"    {one_line(source.told(row))}" for row in shown)
    if len(shown) < len(rows):
        yield f"    and {len(rows) - len(shown)} more: --all shows them"


def _heading(source: Text, v: StatementVerdict) -> str:
    return f"{one_line(source.place(v.line))}  {v.verdict}"


def brief(source: Text, v: StatementVerdict) -> str:
    """Return one row for a wrong statement."""
    finding = source.told(v.message or v.looks_like)
    if v.suggestion:
        where = f"{source.line(v.suggestion_line)}: " if v.suggestion_line != v.line else ""
        finding = f"{v.grade}: {where}{' '.join(v.suggestion.split())}"
    text = " ".join(v.text.split())
    return f"{_heading(source, v)}: {one_line(text)}" + (f"  →  {one_line(finding)}" if finding else "")


def full(source: Text, v: StatementVerdict) -> Iterator[str]:
    """Yield the statement as it stands, what is wrong with it, and what was probably meant."""
    yield _heading(source, v) + (f": {one_line(source.told(v.message))}" if v.message else "")
    yield from (f"    {one_line(row)}" for row in quoted(v))
    if v.of:
        rule = f", {v.of_text}" if v.of_text.startswith("an argument") else f": {v.of_text}" if v.of_text else ""
        yield f"    {one_line(f'{v.name} is the derivative for {v.of} of {source.line(v.of_line)}{rule}')}"
    if v.passes > 1:
        yield f"    wrong in {v.wrong_passes} of {v.passes} passes"
    if v.worst:
        yield f"    {one_line(entry(v.name, v.worst))}: {numbers(v.worst)}"
    if v.looks_like:
        yield f"    looks like: {one_line(source.told(v.looks_like))}"
    if v.suggestion:
        where = f"{source.line(v.suggestion_line)} should be " if v.suggestion_line != v.line else ""
        yield f"    {v.grade}: {where}{one_line(' '.join(v.suggestion.split()))}"
        if v.grade != Grade.CERTAIN:
            yield from (f"    or: {one_line(' '.join(other.split()))}" for other in v.others)
    elif v.tried:
        yield f"    none of {v.tried:,} changed statements that were tried is right"


def quoted(v: StatementVerdict) -> Iterator[str]:
    """Yield the rows of a statement, and below a single row the signs that the suggestion changes."""
    rows = textwrap.dedent(v.text).splitlines()
    yield from rows
    if v.suggestion and len(rows) == 1 and v.suggestion_line == v.line and "\n" not in v.suggestion:
        first, last = changed(rows[0], v.suggestion)
        if last > first:
            yield " " * first + "^" * (last - first)


def changed(text: str, other: str) -> tuple[int, int]:
    """Return from where to where a text differs from another one, in whole names and numbers."""
    code = text[: len(text) - len(_comment(text))].rstrip()
    same = difflib.SequenceMatcher(None, code, other, autojunk=False).get_opcodes()
    places = [(a, b) for kind, a, b, _, _ in same if kind != "equal"]
    if not places:
        return 0, 0
    first, last = places[0][0], max(places[-1][1], places[0][0] + 1)
    while 0 < first < len(code) and _in_word(code[first - 1]) and _in_word(code[first]):
        first -= 1
    while last < len(code) and _in_word(code[last - 1]) and _in_word(code[last]):
        last += 1
    return max(0, min(first, len(code) - 1)), min(last, len(code))


def _in_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def _comment(text: str) -> str:
    """Return the comment at the end of a row of code; a sign # in a string counts as one, which only moves a mark."""
    return text[text.index("#") :] if "#" in text else ""
