"""The grade of a hand-in: which planted mistakes are found and mended, and what else is wrong in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from tinyad.derivation.exercise.answer import Exercise, PlantedMistake
from tinyad.derivation.exercise.limits import SAME_EXERCISE
from tinyad.derivation.judge.against import Model, check_against, models_of
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.judge.findings import findings_in
from tinyad.derivation.judge.verdicts import CheckedLines, LineVerdict
from tinyad.derivation.language.proposal import with_declarations_of
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.source import Source
from tinyad.printing.findings import Finding

Checked = Sequence[tuple[Derivation, CheckedLines]]


class GradedMistake(NamedTuple):
    """A planted mistake: whether its line was changed or marked with a comment, and whether it is right now."""

    line: int
    kind: str
    removed: bool
    found: bool
    mended: bool

    @property
    def text(self) -> str:
        """Say what became of it."""
        if self.mended:
            return f"line {self.line}: found and mended"
        still = "missing" if self.removed else "wrong"
        return f"line {self.line} is still {still}" + ", but was found" * self.found


class Grade(NamedTuple):
    """The grade of a hand-in.

    made: what was right and is wrong now; missing: derivatives that no line sets; changes: where the model is another
    one than that of the exercise; findings: all that is wrong, with places; marked: how many right lines have a
    comment of the student behind them.
    """

    mistakes: tuple[GradedMistake, ...]
    made: tuple[str, ...]
    missing: tuple[str, ...]
    changes: tuple[str, ...]
    findings: tuple[Finding, ...]
    marked: int = 0
    unchanged: bool = False

    @property
    def ok(self) -> bool:
        """Return whether all mistakes are mended, and nothing else is wrong."""
        return all(m.mended for m in self.mistakes) and not (self.made or self.missing or self.changes)

    @property
    def message(self) -> str:
        """Say what is right and what is not."""
        if self.unchanged:
            return "nothing was changed"
        if self.ok:
            return "; ".join(m.text for m in self.mistakes)
        if self.changes:
            return "; ".join(self.changes)
        mended = [m.text for m in self.mistakes if m.mended]
        still = [m.text for m in self.mistakes if not m.mended]
        return "; ".join([*mended, *still, *self.made, *self.missing, *self.marks])

    @property
    def marks(self) -> list[str]:
        """Say how many right lines are marked, if any are."""
        if not self.marked:
            return []
        return ["1 right line is marked" if self.marked == 1 else f"{self.marked} right lines are marked"]


class AnswerKey:
    """An exercise, ready to grade what comes back: its models, and what its lines and its mistakes show."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.source = Source(exercise.original)
        self.models: list[Model] = models_of(self.source)
        self.known = frozenset(faults(check_without_corrections(Source(exercise.original))))
        given = Source(exercise.text)
        self.given = [line_of(given, v) for v in verdicts_of(check_without_corrections(given))]
        self.shown = [
            frozenset(faults(check_without_corrections(Source(mistake.text)))) - self.known
            for mistake in exercise.mistakes
        ]

    def grade(self, source: Source) -> Grade:
        """Return the grade of a hand-in.  Raises DerivationError for what cannot be read."""
        exercise = self.exercise
        source = with_declarations_of(self.source, source)
        mine = check_against(self.models, source)
        changes = tuple(dict.fromkeys(change for _, part in mine for change in part.changes))
        if changes and SequenceMatcher(None, rows(exercise.text), rows(source.text), False).ratio() < SAME_EXERCISE:
            raise ValueError(f"this answer belongs to another file, made from {exercise.source}")
        new = verdicts_of(mine)
        lines = [line_of(source, v) for v in new]
        pairs = paired(self.given, lines)
        marked = {n for n, m in pairs.items() if lines[m].comment not in ("", self.given[n].comment)}
        mistakes = tuple(
            self._graded(mistake, shown, mine, pairs, marked)
            for mistake, shown in zip(exercise.mistakes, self.shown, strict=True)
        )
        explained = self.known | self._unmended(mistakes)
        missing = dict.fromkeys(fault for _, part in mine for fault in part.faults if fault not in explained)
        return Grade(
            mistakes,
            () if changes else tuple(self._made(new, pairs, mistakes)),
            tuple(missing),
            tuple(change.text for change in changes),
            tuple(findings_in(source, (part for _, part in mine))),
            sum(self.given[n].ok and lines[pairs[n]].ok for n in marked),
            not changes and not any(m.found for m in mistakes) and self._same(new),
        )  # fmt: skip

    def _same(self, new: Sequence[LineVerdict]) -> bool:
        return [line.squeezed for line in self.given] == [squeezed(v.text) for v in new]

    def _unmended(self, mistakes: Sequence[GradedMistake]) -> set[str]:
        """Return what is wrong because of mistakes that are still there."""
        return {fault for m, shown in zip(mistakes, self.shown, strict=True) if not m.mended for fault in shown}

    def _graded(
        self, mistake: PlantedMistake, shown: frozenset[str], mine: Checked, pairs: dict[int, int], marked: set[int]
    ) -> GradedMistake:
        new = verdicts_of(mine)
        at = next((n for n, line in enumerate(self.given) if line.line == mistake.line and not mistake.removed), None)
        line = new[pairs[at]] if at is not None and at in pairs else None
        changed = at is not None and (line is None or squeezed(line.text) != self.given[at].squeezed)
        mended = self._is_mended(mistake, shown, mine, line)
        found = mended or changed or at in marked
        return GradedMistake(mistake.line, mistake.kind, mistake.removed, found, mended)

    def _is_mended(
        self, mistake: PlantedMistake, shown: frozenset[str], mine: Checked, line: LineVerdict | None
    ) -> bool:
        """Return whether a mistake is no longer there; one that changes no value counts by its text."""
        if any(lines.changes for _, lines in mine):
            return False
        left = shown & set(faults(mine))
        texts = {squeezed(v.text) for v in verdicts_of(mine)}
        if not shown:
            was = squeezed(mistake.was)
            return was in texts if mistake.removed else line is not None and squeezed(line.text) in was
        if mistake.removed:
            return not left
        if line is None:  # in another notation, or without this line
            return all(v.ok for v in verdicts_of(mine)) and not left
        return line.ok and squeezed(line.text) != squeezed(mistake.now) and not left

    def _made(
        self, new: Sequence[LineVerdict], pairs: dict[int, int], mistakes: Sequence[GradedMistake]
    ) -> Iterator[str]:
        """Say which lines were right and are wrong now, and which wrong ones were added."""
        old_of = {m: n for n, m in pairs.items()}
        explained = self.known | self._unmended(mistakes)
        unmended = {mistake.line for mistake in mistakes if not (mistake.mended or mistake.removed)}
        spoiled = {line.target for line in self.given if line.line in unmended}  # by the planted mistakes
        for m, v in enumerate(new):
            old = self.given[old_of[m]] if m in old_of else None
            if v.ok or squeezed(v.text) in explained or (old is not None and old.line in unmended):
                continue
            if old is None:
                yield f"line {v.line} of the new file was added and is wrong"
            elif old.squeezed == squeezed(v.text):
                if old.target not in spoiled:
                    yield f"line {old.line} was right and is not any more: {v.message or v.verdict}"
            else:
                yield f"line {old.line} was right and was changed"


class Line(NamedTuple):
    """What is compared of a line: where it is, what it sets, whether it holds, its text and the comment behind it."""

    line: int
    squeezed: str
    target: str
    ok: bool
    comment: str


def line_of(source: Source, v: LineVerdict) -> Line:
    """Return what is compared of a line; what it sets is the same in any notation."""
    left = v.statement.left if v.statement is not None else ()
    return Line(
        v.line,
        squeezed(v.text),
        " ".join(f"{node.kind} {node.value}" for node in left),
        v.ok,
        comment_behind(source, v),
    )


def verdicts_of(checked: Checked) -> list[LineVerdict]:
    """Return the verdicts on all lines of a file."""
    return [v for _, lines in checked for v in lines.verdicts]


def faults(checked: Checked) -> list[str]:
    """Return every wrong line and every missing derivative of a file."""
    wrong = [squeezed(v.text) for v in verdicts_of(checked) if not v.ok]
    return wrong + [fault for _, lines in checked for fault in lines.faults]


def squeezed(text: str) -> str:
    """Return a text without its white space."""
    return "".join(text.split())


def rows(text: str) -> list[str]:
    """Return the lines of a file that are not empty, without their white space."""
    return [row for row in map(squeezed, text.split("\n")) if row]


def comment_behind(source: Source, v: LineVerdict) -> str:
    """Return the comment behind a line, without white space; "" if there is none."""
    end = source.text.find("\n", v.end)
    behind = squeezed(source.text[v.end : end if end >= 0 else None])
    return behind if behind.startswith(("#", "%")) else ""


def paired(old: Sequence[Line], new: Sequence[Line]) -> dict[int, int]:
    """Return which line of the first file is which of the second: equal ones, the same target, then in order."""
    found: dict[int, int] = {}
    matcher = SequenceMatcher(None, [v.squeezed for v in old], [v.squeezed for v in new], autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            found |= dict(zip(range(i, i_end), range(j, j_end), strict=True))
            continue
        left = list(range(j, j_end))
        for n in range(i, i_end):
            partner = next((m for m in left if new[m].target == old[n].target != ""), None)
            if partner is not None:
                found[n] = partner
                left.remove(partner)
        rest = [n for n in range(i, i_end) if n not in found]
        found |= dict(zip(rest, left, strict=False))
    return found
