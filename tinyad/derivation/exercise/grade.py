"""The grade of a hand-in: which planted mistakes are found and mended, and what else is wrong in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from difflib import SequenceMatcher
from math import isclose
from typing import Any, NamedTuple

from tinyad.derivation.exercise.answer import Exercise, PlantedMistake
from tinyad.derivation.exercise.limits import LINE_CHARACTERS, SAME_EXERCISE, SAME_NUMBER
from tinyad.derivation.exercise.line_parts import ref_of
from tinyad.derivation.judge.against import Model, check_against, models_of, names_by_value, places_set
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.judge.findings import finding_of, findings_in
from tinyad.derivation.judge.verdicts import CheckedLines, LineVerdict
from tinyad.derivation.language.documents import opened_text
from tinyad.derivation.language.proposal import with_parts_of
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Statement, structure, walk
from tinyad.printing.findings import Finding

Checked = Sequence[tuple[Derivation, CheckedLines]]
Target = tuple[int, Any]  # the number of a set of lines, and (name, time), or the structure of a left-hand side
# What differs between versions of a file: the line that misses something, and advice.
PLACE = re.compile(r"^line \d+(?: of [^,;]{1,80}?)? (?=uses )| \(`constant: [^`]*`, .*\)$")


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
        mended = [m.text for m in self.mistakes if m.mended]
        still = [m.text for m in self.mistakes if not m.mended]
        others = "; ".join(self.others)
        return "; ".join([*mended, *still, *([f"in the hand-in: {others}"] if others else [])])

    @property
    def others(self) -> list[str]:
        """Say what there is to say besides the planted mistakes; its lines are those of the hand-in."""
        return [*self.changes, *self.made, *self.missing, *self.marks]

    @property
    def marks(self) -> list[str]:
        """Say how many right lines are marked, if any are."""
        if not self.marked:
            return []
        return ["1 right line is marked" if self.marked == 1 else f"{self.marked} right lines are marked"]


class Line(NamedTuple):
    """What is compared of a line: its verdict, its text, what it sets, and the comment behind it."""

    verdict: LineVerdict
    squeezed: str
    targets: frozenset[Target]
    comment: str

    @property
    def formula(self) -> Any:
        """Return what the line says, the same in any notation; None if it cannot be read."""
        line = self.verdict.statement
        return line and (line.sign, [structure(node) for node in (*line.left, *line.members)])

    def says(self, other: Line) -> bool:
        """Return whether two lines say the same: in other signs, or for the same name by the same wrong number."""
        if self.squeezed == other.squeezed or (self.formula is not None and self.formula == other.formula):
            return True
        mine, theirs = self.verdict.worst, other.verdict.worst
        return self.targets == other.targets and mine is not None and theirs is not None and all(
            isclose(a, b, rel_tol=SAME_NUMBER) for a, b in zip(mine[1:], theirs[1:], strict=True)
        )  # fmt: skip


class AnswerKey:
    """An exercise, ready to grade what comes back: its models, and what its lines and its mistakes show."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        right, given, *alone = (
            opened_text(text, exercise.source)
            for text in (exercise.original, exercise.text, *(mistake.text for mistake in exercise.mistakes))
        )
        self.source = right
        self.models: list[Model] = models_of(right)
        checked = check_without_corrections(right)
        self.known = frozenset(faults(checked))
        self.right = self._lines(right, checked)
        self.given = self._lines(given, check_without_corrections(given))
        self.shown = [frozenset(faults(check_without_corrections(source))) - self.known for source in alone]
        self.targets = [self._targets(mistake) for mistake in exercise.mistakes]

    def _lines(self, source: Source, checked: Checked) -> list[Line]:
        """Return what is compared of all lines of a file."""
        found, number, of = list[Line](), -1, None
        for n, (derivation, lines) in enumerate(checked):
            number, of = number + (derivation is not of), derivation
            names = names_by_value(self.models[number], lines.points)
            for v in lines.verdicts:
                targets = frozenset((n, target) for target in _set_by(v, lines, names))
                found.append(Line(v, squeezed(v.text), targets, comment_behind(source, v)))
        return found

    def _targets(self, mistake: PlantedMistake) -> frozenset[Target]:
        """Return what the line sets in which a mistake was planted."""
        was = squeezed(mistake.was)
        return next((line.targets for line in self.right if line.squeezed in (was, was.rstrip(",.;"))), frozenset())

    def grade(self, source: Source) -> Grade:
        """Return the grade of a hand-in.  Raises DerivationError for what cannot be read."""
        source = with_parts_of(self.source, source)
        mine = check_against(self.models, source)
        layout = next((part.other_layout.layout for _, part in mine if part.other_layout is not None), None)
        if layout is not None:
            mine = check_against(self.models, source, layout)
        changes = tuple(dict.fromkeys(change.text for _, part in mine for change in part.changes))
        if changes and self._is_another(source, mine):
            raise ValueError(f"this is not the exercise made from {self.exercise.source}: it has other names and lines")
        lines = self._lines(source, mine)
        pairs = paired(self.given, lines)
        marked = {n for n, m in pairs.items() if lines[m].comment not in ("", self.given[n].comment)}
        mistakes = tuple(self._graded(k, mine, lines, pairs, marked) for k in range(len(self.exercise.mistakes)))
        explained = self.known | self._unmended(mistakes)
        missing = dict.fromkeys(fault for _, part in mine for fault in part.faults if _plain(fault) not in explained)
        judged = all(part.points for _, part in mine)
        return Grade(
            mistakes,
            tuple(self._made(source, lines, pairs, mistakes)) if judged else (),
            tuple(missing),
            changes,
            tuple(findings_in(source, (part for _, part in mine))),
            sum(self.given[n].verdict.ok and lines[pairs[n]].verdict.ok for n in marked),
            not changes and not any(m.found for m in mistakes) and self._same(lines),
        )

    def _is_another(self, source: Source, mine: Checked) -> bool:
        """Return whether a file is none of this exercise: its lines and most of its names are others."""
        matcher = SequenceMatcher(None, rows(self.exercise.text), rows(source.text), False)
        declared = {key for model in self.models for key in model.declarations.shapes}
        lines = [line for derivation, _ in mine for line in derivation.forward]
        backward = (line for derivation, _ in mine for part in derivation.backward.values() for line in part)
        lines += [line for line in backward if isinstance(line, Statement)]
        nodes = (node for line in lines for part in (*line.left, *line.members) for node in walk(part))
        used = declared & {ref.key for node in nodes if (ref := ref_of(node)) is not None}
        return matcher.ratio() < SAME_EXERCISE and len(used) < SAME_EXERCISE * len(declared)

    def _same(self, lines: Sequence[Line]) -> bool:
        return [(it.squeezed, it.verdict.ok) for it in self.given] == [(it.squeezed, it.verdict.ok) for it in lines]

    def _unmended(self, mistakes: Sequence[GradedMistake]) -> set[str]:
        """Return what is wrong because of mistakes that are still there."""
        return {fault for m, shown in zip(mistakes, self.shown, strict=True) if not m.mended for fault in shown}

    def _planted(self, mistake: PlantedMistake) -> int | None:
        """Return the number of the line that a mistake is in; None if the line was left out."""
        here = [n for n, line in enumerate(self.given) if line.verdict.line == mistake.line and not mistake.removed]
        now = squeezed(mistake.now)
        return next((n for n in here if self.given[n].squeezed in now), here[0] if here else None)

    def _graded(
        self, k: int, mine: Checked, lines: Sequence[Line], pairs: dict[int, int], marked: set[int]
    ) -> GradedMistake:
        mistake = self.exercise.mistakes[k]
        at = self._planted(mistake)
        mended = self._is_mended(k, mine, lines, pairs)
        changed = at is not None and not any(line.says(self.given[at]) for line in lines)
        return GradedMistake(mistake.line, mistake.kind, mistake.removed, mended or changed or at in marked, mended)

    def _is_mended(self, k: int, mine: Checked, lines: Sequence[Line], pairs: dict[int, int]) -> bool:
        """Return whether a mistake is no longer there; one that changes no value counts by its text."""
        mistake, targets, at = self.exercise.mistakes[k], self.targets[k], self._planted(self.exercise.mistakes[k])
        if not all(part.points for _, part in mine):
            return False
        if not self.shown[k]:
            partners = range(len(lines)) if at is None else [m for n, m in pairs.items() if n == at]
            return squeezed(mistake.was) in {lines[m].squeezed for m in partners}
        others = [self.given[n] for n in map(self._planted, self.exercise.mistakes) if n is not None and n != at]
        setting = [line for line in lines if line.targets & targets]
        if setting:
            wrong = [line for line in setting if not line.verdict.ok and not any(line.says(it) for it in others)]
            return len(wrong) < len(setting) and not wrong and not targets & self._incomplete(mine)
        elsewhere = {fault for n, shown in enumerate(self.shown) if n != k for fault in shown}
        left = {_plain(fault) for _, part in mine for fault in part.faults} - self.known - elsewhere
        reached = self._reached(targets)
        return not left and all(line.verdict.ok for line in lines if not line.targets or line.targets & reached)

    def _incomplete(self, mine: Checked) -> set[Target]:
        """Return the derivatives that lack a contribution."""
        return {(n, place) for n, (_, lines) in enumerate(mine) for place in lines.missing_contributions}

    def _reached(self, targets: Collection[Target]) -> set[Target]:
        """Return the derivatives that are computed from some, by any way."""
        found, ahead = set[Target](), [*targets]
        while ahead:
            n, place = ahead.pop()
            for model in self.models:
                for used in model.forward.uses(place) if place in model.forward.values else ():
                    if (n, used) not in found:
                        found.add((n, used))
                        ahead.append((n, used))
        return found

    def _made(
        self, source: Source, lines: Sequence[Line], pairs: dict[int, int], mistakes: Sequence[GradedMistake]
    ) -> Iterator[str]:
        """Say which lines were right and are wrong now, and which wrong ones were added."""
        old_of = {m: self.given[n] for n, m in pairs.items()}
        explained = self.known | self._unmended(mistakes)
        unmended = [k for k, mistake in enumerate(mistakes) if not mistake.mended]
        spoiled = {target for k in unmended for target in self.targets[k]}  # by the planted mistakes
        for m, line in enumerate(lines):
            old, v = old_of.get(m), line.verdict
            if v.ok or line.squeezed in explained or line.targets & spoiled:
                continue
            known = old is not None and old.verdict.ok and line.targets in (old.targets, frozenset())
            was = "was right and is wrong" if known else "is new and wrong"
            yield f"line {v.line}, {beginning(v.text)}, {was}: {finding_of(source, v).message}"


def _set_by(v: LineVerdict, lines: CheckedLines, names: dict[str, str]) -> Iterator[Any]:
    """Yield what a line sets, with the names of the exercise."""
    if v.statement is None or not lines.points:
        return
    yield from ((names.get(key, key), time) for key, time in places_set(lines.points[0], [v.statement]))
    yield from (structure(left) for left in v.statement.left if left.kind != "d")


def verdicts_of(checked: Checked) -> list[LineVerdict]:
    """Return the verdicts on all lines of a file."""
    return [v for _, lines in checked for v in lines.verdicts]


def faults(checked: Checked) -> list[str]:
    """Return every wrong line and every missing derivative of a file."""
    wrong = [squeezed(v.text) for v in verdicts_of(checked) if not v.ok]
    return wrong + [_plain(fault) for _, lines in checked for fault in lines.faults]


def _plain(fault: str) -> str:
    """Return what is missing without the line that misses it, which may stand elsewhere, and without advice."""
    return PLACE.sub("", fault)


def beginning(text: str) -> str:
    """Return how a line begins, in one row."""
    row = " ".join(text.split())
    return row if len(row) <= LINE_CHARACTERS else row[: LINE_CHARACTERS - 1] + "…"


def squeezed(text: str) -> str:
    """Return a text without its white space."""
    return "".join(text.split())


def rows(text: str) -> list[str]:
    """Return the lines of a file that are not empty, without their white space."""
    return [row for row in map(squeezed, text.split("\n")) if row]


def comment_behind(source: Source, v: LineVerdict) -> str:
    """Return the comment behind a line, without white space; "" if there is none."""
    end = source.text.find("\n", v.end)
    behind = squeezed(source.text[v.end : end if end >= 0 else None]).lstrip("\\,.;&")  # what ends a row of LaTeX
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
            partner = next((m for m in left if old[n].targets and new[m].targets == old[n].targets), None)
            if partner is not None:
                found[n] = partner
                left.remove(partner)
        rest = [n for n in range(i, i_end) if n not in found]
        found |= dict(zip(rest, left, strict=False))
    return found
