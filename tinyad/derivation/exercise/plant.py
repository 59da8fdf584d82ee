"""Exercises: a right derivation with one mistake planted in it, and whether a reader has found and mended it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import islice

from tinyad.derivation import check_derivation
from tinyad.derivation.exercise.grade import Grade, Plant, answered, digest, faults, graded, mended, rows, squeezed
from tinyad.derivation.exercise.line_parts import Edit, Line, Spellings
from tinyad.derivation.exercise.mistakes import MISTAKES
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import DerivationError, Source
from tinyad.derivation.language.syntax_tree import Statement

KINDS = {
    "name": "another name or derivative in the place of one",
    "copied": "the formula of a neighbouring line",
    "missing": "a term of a sum, or a line that adds, left out",
    "sign": "+ for -, or a minus too many or too few",
    "assign": "= for +=, or += for =",
    "undefined": "a name or an index that stands for nothing here",
    "transpose": "a transposition too many or too few",
    "operator": "component-wise for the matrix product, or the other way round",
    "order": "two factors the wrong way round",
    "time": "a time step too early or too late",
    "activation": "the derivative of a function left out, or taken at the wrong point",
    "bracket": "brackets left out, or closed in the wrong place",
    "factor": "a factor too many or too few",
    "extra": "a term that does not belong",
}
MOST = 40  # mistakes of one kind in one line
TRIES = 50  # of plant, for a mistake that shows
ALIKE = 0.5  # of the lines of two files that are one and the same exercise


def plants(text: str, name: str = "derivation") -> Iterator[Plant]:
    """All mistakes of every kind that one edit makes, line by line."""
    for line in _lines(Source(text, name)):
        for kind in KINDS:
            for edit in edits(line, kind):
                yield planted(line, kind, edit)


def plant(text: str, kind: str, seed: int, name: str = "derivation") -> Plant:
    """One mistake of a kind, chosen by a seed among those that the checker sees."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of mistake; there are {', '.join(KINDS)}")
    source = Source(text, name)
    lines = _lines(source)
    found = [(line, edit) for line in lines for edit in edits(line, kind)]
    if not found:
        possible = ", ".join(k for k in KINDS if any(edits(line, k) for line in lines))
        raise ValueError(f"{name}: no line can have a mistake of the kind {kind!r}; possible are {possible or 'none'}")
    report = check_derivation(source.text)
    before = faults(report)
    if before:
        where = f", the first is line {report.first_wrong.line}" if report.first_wrong else f": {before[0]}"
        raise ValueError(
            f"{name}: a mistake is planted in a derivation that is right, and this one has {len(before)} "
            f"mistake{'s' * (len(before) > 1)} already{where}; see tinyad check"
        )
    tried = random.Random(seed).sample(found, min(TRIES, len(found)))
    for line, edit in tried:
        made = planted(line, kind, edit)
        if _shows(made, before):
            return made
    raise ValueError(f"{name}: {len(tried)} mistakes of the kind {kind!r} were tried, and none changes a value")


def _shows(made: Plant, before: list[str]) -> bool:
    """Whether the checker can read the file, and finds more to say than before."""
    try:
        report = check_derivation(made.text)
    except DerivationError:
        return False
    readable = all(v.verdict != "unreadable" for v in report.wrong if v.line == made.line)
    return readable and len(faults(report)) > len(before)


def edits(line: Line, kind: str) -> list[Edit]:
    """The mistakes of a kind, without those that are no change or come twice."""
    found: dict[str, Edit] = {}
    for edit in (line.parted(edit) for edit in MISTAKES[kind](line)):
        now = squeezed(line.after(edit))
        if edit.removed or now != squeezed(line.text[line.whole[0] : line.whole[1]]):
            found.setdefault(now, edit)
    return list(islice(found.values(), MOST))


def planted(line: Line, kind: str, edit: Edit) -> Plant:
    """The file with a mistake in it."""
    text = line.text[: edit.start] + edit.new + line.text[edit.end :]
    was = line.text[line.whole[0] : line.whole[1]]
    at = edit.start if edit.removed else line.statement.start
    return Plant(kind, line.source.place(at)[0], was, "" if edit.removed else line.after(edit), text, edit.removed)


def _lines(source: Source) -> list[Line]:
    """The backward lines of all derivations of a file."""
    found = []
    for derivation in derivations(source):
        spellings = Spellings(derivation)
        for lines in derivation.backward.values():
            others = [line for line in lines if isinstance(line, Statement)]
            found += [Line(line, others, spellings) for line in others if line.members]
    return found


def answer(plant: Plant, source_name: str) -> str:
    """The answer to an exercise, as JSON."""
    found = {"kind": plant.kind, "line": plant.line, "was": plant.was, "now": plant.now, "removed": plant.removed}
    found |= {"source": source_name, "sha256": digest(plant.text), "text": plant.text}
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def grade(text: str, answer_text: str) -> Grade:
    """Whether a reader's file is the exercise with its mistake mended, and nothing spoiled."""
    planted, source_name = answered(answer_text)
    mine = Source(text).text
    same = SequenceMatcher(None, rows(planted.text), rows(mine), autojunk=False)
    if same.ratio() < ALIKE:
        raise ValueError(f"this answer belongs to another file, made from {source_name}")
    return graded(planted, *(check_derivation(t) for t in (mended(planted), planted.text, mine)))
