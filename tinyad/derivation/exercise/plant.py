"""Exercises: a right derivation with mistakes planted in it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from tinyad.derivation.exercise.answer import Exercise, PlantedMistake
from tinyad.derivation.exercise.grade import faults, squeezed, verdicts_of
from tinyad.derivation.exercise.limits import MISTAKES_OF_A_KIND, MISTAKES_TRIED, PLANTED
from tinyad.derivation.exercise.line_parts import AuthorSigns, EditableLine, TextEdit
from tinyad.derivation.exercise.mistakes import MISTAKES
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.judge.verdicts import Verdict
from tinyad.derivation.language.document import Document
from tinyad.derivation.language.documents import opened_text
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
DIFFICULTIES = {  # how well a mistake is seen: by its signs alone, by sizes, or only by deriving the line again
    "easy": ("sign", "factor", "extra", "undefined"),
    "medium": ("transpose", "operator", "order", "missing", "assign"),
    "hard": ("name", "copied", "time", "activation", "bracket"),
}


class _Candidate:
    """A mistake that shows: its edit, and what is wrong because of it alone."""

    def __init__(self, line: EditableLine, kind: str, edit: TextEdit, shown: frozenset[str]) -> None:
        self.line, self.kind, self.edit, self.shown = line, kind, edit, shown


def plants(text: str, name: str = "derivation") -> Iterator[PlantedMistake]:
    """Yield all mistakes of every kind that one edit makes, line by line."""
    for line in _lines(_opened(text, name)):
        for kind in KINDS:
            for edit in edits(line, kind):
                yield planted(line, kind, edit)


def plant(text: str, kinds: Sequence[str], count: int, seed: int, name: str = "derivation") -> Exercise:
    """Return an exercise with mistakes in so many lines, each of one of the kinds, and none hidden by another.

    Raises ValueError for a derivation that is not right, and where there are not so many mistakes that a check sees.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not a kind of mistake; the kinds are {', '.join(KINDS)}")
    if not 1 <= count <= PLANTED:
        raise ValueError(f"{count} mistakes: from 1 to {PLANTED} can be planted")
    source = _opened(text, name)
    lines = _lines(source)
    known = _faults_of_right(source)
    found = {kind: [(line, edit) for line in lines for edit in edits(line, kind)] for kind in kinds}
    if not any(found.values()):
        possible = ", ".join(k for k in KINDS if any(edits(line, k) for line in lines))
        what = f"the kind {kinds[0]!r}" if len(kinds) == 1 else f"the kinds {', '.join(kinds)}"
        raise ValueError(f"{name}: no line can have a mistake of {what}; possible are {possible or 'none'}")
    rng = random.Random(seed)
    queues = {kind: rng.sample(row, min(MISTAKES_TRIED, len(row))) for kind, row in found.items() if row}
    tried = sum(map(len, queues.values()))
    chosen: list[_Candidate] = []
    while len(chosen) < count and queues:
        kind = rng.choice(sorted(queues)) if len(queues) > 1 else next(iter(queues))
        line, edit = queues[kind].pop(0)
        if not queues[kind]:
            del queues[kind]
        candidate = _seen(line, kind, edit, known)
        if candidate is not None and _goes_with(candidate, chosen, source, known):
            chosen.append(candidate)
    if len(chosen) < count:
        what = f"the kind {kinds[0]!r}" if len(kinds) == 1 else f"the kinds {', '.join(kinds)}"
        none = "none changes a value" if count == 1 else f"{len(chosen)} of them can be in one file: ask for fewer"
        raise ValueError(f"{name}: {tried} mistakes of {what} were tried, and {none}")
    return _exercise(source, chosen)


def _opened(text: str, name: str) -> Source:
    """Return the derivation in a text that is one file.  Raises ValueError for one of several parts."""
    if Path(name).suffix.lower() == ".ipynb":
        raise ValueError(f"{name}: mistakes are planted in Markdown or LaTeX: put the cell with the lines in a file")
    source = opened_text(text, name)
    if isinstance(source, Document) and source.left_out:
        line, why = source.left_out[0]
        raise ValueError(f"{name}:{line}: {why}; mistakes are planted in one file")
    return source


def _faults_of_right(source: Source) -> frozenset[str]:
    """Return no faults; raise ValueError if the derivation has some."""
    checked = check_without_corrections(source)
    before = faults(checked)
    if before:
        first = next((v for v in verdicts_of(checked) if not v.ok), None)
        where = f", the first is line {first.line}" if first else f": {before[0]}"
        raise ValueError(
            f"{source.name}: a mistake is planted in a derivation that is right, and this one has {len(before)} "
            f"mistake{'s' * (len(before) > 1)} already{where}; see tinyad check"
        )
    return frozenset(before)


def _seen(line: EditableLine, kind: str, edit: TextEdit, known: frozenset[str]) -> _Candidate | None:
    """Return a mistake with which the file can be read, and has more faults than before; None for another one."""
    made = planted(line, kind, edit)
    try:
        checked = check_without_corrections(opened_text(made.text, line.source.name))
    except DerivationError:
        return None
    unreadable = any(v.verdict is Verdict.UNREADABLE for v in verdicts_of(checked) if v.line == made.line)
    shown = frozenset(faults(checked)) - known
    return _Candidate(line, kind, edit, shown) if shown and not unreadable else None


def _goes_with(candidate: _Candidate, chosen: Sequence[_Candidate], source: Source, known: frozenset[str]) -> bool:
    """Return whether a mistake is in a line of its own, and shows as well as all others beside them."""
    if not chosen:
        return True
    if any(other.line.statement is candidate.line.statement or other.shown & candidate.shown for other in chosen):
        return False
    together = [*chosen, candidate]
    try:
        exercise = _exercise(source, together)
        shown = set(faults(check_without_corrections(opened_text(exercise.text, exercise.source))))
    except DerivationError:
        return False
    return all(one.shown <= shown for one in together)


def _exercise(source: Source, chosen: Sequence[_Candidate]) -> Exercise:
    """Return the exercise with some mistakes in different lines."""
    text, mistakes, shift = source.text, list[PlantedMistake](), 0
    for one in sorted(chosen, key=lambda c: c.edit.start):
        alone, edit = planted(one.line, one.kind, one.edit), one.edit
        at = alone.line + text.count("\n", 0, edit.start + shift) - source.text.count("\n", 0, edit.start)
        text = text[: edit.start + shift] + edit.new + text[edit.end + shift :]
        shift += len(edit.new) - (edit.end - edit.start)
        mistakes.append(alone._replace(line=at))
    return Exercise(text, source.text, source.name, tuple(mistakes))


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
