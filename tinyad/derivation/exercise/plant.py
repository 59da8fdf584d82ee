"""Exercises: a right derivation with one mistake planted in it, and the grade of a reader who looked for it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import islice

from tinyad.derivation.exercise.grade import (
    Grade,
    PlantedMistake,
    answered,
    compare_verdicts,
    digest,
    faults,
    mended,
    rows,
    squeezed,
    verdicts_of,
)
from tinyad.derivation.exercise.limits import GRADE_SECONDS, MISTAKES_OF_A_KIND, MISTAKES_TRIED, SAME_EXERCISE
from tinyad.derivation.exercise.line_parts import AuthorSigns, EditableLine, TextEdit
from tinyad.derivation.exercise.mistakes import MISTAKES
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.judge.verdicts import Verdict
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


def plants(text: str, name: str = "derivation") -> Iterator[PlantedMistake]:
    """Yield all mistakes of every kind that one edit makes, line by line."""
    for line in _lines(Source(text, name)):
        for kind in KINDS:
            for edit in edits(line, kind):
                yield planted(line, kind, edit)


def plant(text: str, kind: str, seed: int, name: str = "derivation") -> PlantedMistake:
    """Return one mistake of a kind, chosen by a seed among those that a check sees."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not a kind of mistake; the kinds are {', '.join(KINDS)}")
    source = Source(text, name)
    lines = _lines(source)
    found = [(line, edit) for line in lines for edit in edits(line, kind)]
    if not found:
        possible = ", ".join(k for k in KINDS if any(edits(line, k) for line in lines))
        raise ValueError(f"{name}: no line can have a mistake of the kind {kind!r}; possible are {possible or 'none'}")
    checked = check_without_corrections(source)
    before = faults(checked)
    if before:
        first = next((v for v in verdicts_of(checked) if not v.ok), None)
        where = f", the first is line {first.line}" if first else f": {before[0]}"
        raise ValueError(
            f"{name}: a mistake is planted in a derivation that is right, and this one has {len(before)} "
            f"mistake{'s' * (len(before) > 1)} already{where}; see tinyad check"
        )
    tried = random.Random(seed).sample(found, min(MISTAKES_TRIED, len(found)))
    for line, edit in tried:
        made = planted(line, kind, edit)
        if _shows(made, before):
            return made
    raise ValueError(f"{name}: {len(tried)} mistakes of the kind {kind!r} were tried, and none changes a value")


def _shows(made: PlantedMistake, before: list[str]) -> bool:
    """Return whether the file can be read, and has more faults than before."""
    try:
        checked = check_without_corrections(Source(made.text))
    except DerivationError:
        return False
    unreadable = any(v.verdict is Verdict.UNREADABLE for v in verdicts_of(checked) if v.line == made.line)
    return not unreadable and len(faults(checked)) > len(before)


def edits(line: EditableLine, kind: str) -> list[TextEdit]:
    """Return the mistakes of a kind, without those that are no change or come twice."""
    found: dict[str, TextEdit] = {}
    for edit in (line.spaced(edit) for edit in MISTAKES[kind](line)):
        now = squeezed(line.after(edit))
        if edit.removed or now != squeezed(line.text[line.extent[0] : line.extent[1]]):
            found.setdefault(now, edit)
    return list(islice(found.values(), MISTAKES_OF_A_KIND))


def planted(line: EditableLine, kind: str, edit: TextEdit) -> PlantedMistake:
    """Return the file with a mistake in it."""
    text = line.text[: edit.start] + edit.new + line.text[edit.end :]
    was = line.text[line.extent[0] : line.extent[1]]
    at = edit.start if edit.removed else line.statement.start
    return PlantedMistake(
        kind, line.source.place(at)[0], was, "" if edit.removed else line.after(edit), text, edit.removed
    )


def _lines(source: Source) -> list[EditableLine]:
    """Return the backward lines of all derivations of a file."""
    found = []
    for derivation in derivations(source):
        signs_of_author = AuthorSigns(derivation)
        for lines in derivation.backward.values():
            others = [line for line in lines if isinstance(line, Statement)]
            found += [EditableLine(line, others, signs_of_author) for line in others if line.members]
    return found


def answer(plant: PlantedMistake, source_name: str) -> str:
    """Return the answer to an exercise, as JSON."""
    found = {"kind": plant.kind, "line": plant.line, "was": plant.was, "now": plant.now, "removed": plant.removed}
    found |= {"source": source_name, "sha256": digest(plant.text), "text": plant.text}
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def grade(text: str, answer_text: str) -> Grade:
    """Return the grade of a reader's file: is the mistake mended, and everything else as right as before?"""
    planted, source_name = answered(answer_text)
    mine = Source(text).text
    same = SequenceMatcher(None, rows(planted.text), rows(mine), autojunk=False)
    if same.ratio() < SAME_EXERCISE:
        raise ValueError(f"this answer belongs to another file, made from {source_name}")
    original, given, returned = (
        check_without_corrections(Source(text, seconds=GRADE_SECONDS)) for text in (mended(planted), planted.text, mine)
    )
    return compare_verdicts(planted, original, given, returned)
