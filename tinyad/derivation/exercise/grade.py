"""The grade of a mended exercise: the answer read, and the verdicts on three files compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import SequenceMatcher
from hashlib import sha256
from typing import NamedTuple

from tinyad.derivation.judge.verdicts import CheckedLines, LineVerdict
from tinyad.derivation.language.reader import Derivation

Checked = Sequence[tuple[Derivation, CheckedLines]]


class PlantedMistake(NamedTuple):
    """One mistake: `line` is where it is in the new `text`, `was` and `now` are that line before and after."""

    kind: str
    line: int
    was: str
    now: str
    text: str
    removed: bool = False


class Grade(NamedTuple):
    """The grade of an answer: whether the mistake was found and mended, and in words why not."""

    found: bool
    message: str


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


def digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return sha256(text.encode()).hexdigest()


def answered(answer_text: str) -> tuple[PlantedMistake, str]:
    """Return the mistake that an answer file tells of, and the name of the file it was planted in."""
    try:
        found = json.loads(answer_text)
    except (ValueError, RecursionError) as reason:
        raise ValueError(f"this is not an answer file: {reason}") from None
    sorts = dict.fromkeys(("kind", "was", "now", "source", "sha256", "text"), str) | {"line": int, "removed": bool}
    if not isinstance(found, dict):
        raise ValueError("this is not an answer file: expected a JSON object")
    for key, sort in sorts.items():
        if not isinstance(found.get(key), sort):
            raise ValueError(f"this is not an answer file: {key!r} is missing, or not of type {sort.__name__}")
    planted = PlantedMistake(*(found[key] for key in PlantedMistake._fields))
    if digest(planted.text) != found["sha256"] or mended(planted) == planted.text:
        raise ValueError("this answer file has been changed: its text is not the one that its SHA-256 belongs to")
    return planted, found["source"]


def mended(planted: PlantedMistake) -> str:
    """Return the text before the mistake."""
    rows = planted.text.split("\n")
    before, rest = "\n".join(rows[: planted.line - 1]), "\n".join(rows[planted.line - 1 :])
    rest = f"{planted.was}\n{rest}" if planted.removed else rest.replace(planted.now, planted.was, 1)
    return before + "\n" + rest


def rows(text: str) -> list[str]:
    """Return the lines of a file that are not empty, without their white space."""
    return [row for row in map(squeezed, text.split("\n")) if row]


def compare_verdicts(planted: PlantedMistake, original: Checked, given: Checked, mine: Checked) -> Grade:
    """Return the grade by the verdicts on three files: the right one, the exercise, and the reader's."""
    old, new = verdicts_of(given), verdicts_of(mine)
    if [squeezed(v.text) for v in old] == [squeezed(v.text) for v in new]:
        return Grade(False, "nothing was changed")
    pairs = _paired(old, new)
    known = set(faults(original))
    remarks = [] if _is_mended(planted, original, given, mine, pairs) else [_still(planted)]
    for n, v in enumerate(old):
        partner, own = pairs.get(n), v.line == planted.line and not planted.removed
        if own or not v.ok or squeezed(v.text) in known:
            continue
        if partner is None and v.target not in {w.target for w in new}:
            remarks.append(f"line {v.line} was right and is gone")
        elif partner is not None and not new[partner].ok and squeezed(new[partner].text) != squeezed(v.text):
            remarks.append(f"line {v.line} was right and was changed")
    added = [v for n, v in enumerate(new) if n not in pairs.values() and not v.ok]
    remarks += [f"line {v.line} of the new file was added and is wrong" for v in added]
    if not remarks and not set(faults(mine)) <= known:
        remarks.append(_still(planted))
    return Grade(not remarks, "; ".join(remarks) or f"line {planted.line}: found and mended")


def _still(planted: PlantedMistake) -> str:
    return f"line {planted.line} is still " + ("missing" if planted.removed else "wrong")


def _is_mended(
    planted: PlantedMistake, original: Checked, given: Checked, mine: Checked, pairs: dict[int, int]
) -> bool:
    """Return whether the line with the mistake is right now; a mistake that changes no value counts by its text."""
    seen = set(faults(given)) - set(faults(original))
    if planted.removed:
        lines = {squeezed(v.text) for v in verdicts_of(mine)}
        return not seen & set(faults(mine)) if seen else squeezed(planted.was) in lines
    at = next((n for n, v in enumerate(verdicts_of(given)) if v.line == planted.line), None)
    if at is None or at not in pairs:
        return False
    line = verdicts_of(mine)[pairs[at]]
    now = squeezed(line.text)
    return line.ok and now != squeezed(verdicts_of(given)[at].text) if seen else now in squeezed(planted.was)


def _paired(old: Sequence[LineVerdict], new: Sequence[LineVerdict]) -> dict[int, int]:
    """Return which line of the first file is which of the second: equal ones, the same target, then in order."""
    found: dict[int, int] = {}
    matcher = SequenceMatcher(None, [squeezed(v.text) for v in old], [squeezed(v.text) for v in new], autojunk=False)
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
