"""What a reader has made of an exercise: the answer read, and the file held against it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import SequenceMatcher
from hashlib import sha256
from typing import NamedTuple

from tinyad.derivation.judge.verdicts import Verdict
from tinyad.derivation.show.report import Report


class Plant(NamedTuple):
    """One mistake: `line` is where it is in the new `text`, `was` and `now` are that line before and after."""

    kind: str
    line: int
    was: str
    now: str
    text: str
    removed: bool = False


class Grade(NamedTuple):
    """Whether a reader has found a mistake."""

    found: bool
    message: str


def faults(report: Report) -> list[str]:
    """Every wrong line and every missing derivative."""
    return [squeezed(v.text) for v in report.wrong] + [fault for _, part in report.parts for fault in part.faults]


def squeezed(text: str) -> str:
    """A text without its white space."""
    return "".join(text.split())


def digest(text: str) -> str:
    """The SHA-256 of a text."""
    return sha256(text.encode()).hexdigest()


def answered(answer_text: str) -> tuple[Plant, str]:
    """The mistake that an answer file tells of, and the name of the file it was planted in."""
    try:
        found = json.loads(answer_text)
    except ValueError as reason:
        raise ValueError(f"this is no answer file: {reason}") from None
    sorts = dict.fromkeys(("kind", "was", "now", "source", "sha256", "text"), str) | {"line": int, "removed": bool}
    if not isinstance(found, dict):
        raise ValueError("this is no answer file: a JSON object is awaited")
    for key, sort in sorts.items():
        if not isinstance(found.get(key), sort):
            raise ValueError(f"this is no answer file: {key!r} is missing, or no {sort.__name__}")
    planted = Plant(*(found[key] for key in Plant._fields))
    if digest(planted.text) != found["sha256"] or mended(planted) == planted.text:
        raise ValueError("this answer file has been changed: its text is not the one that its SHA-256 belongs to")
    return planted, found["source"]


def mended(planted: Plant) -> str:
    """The text before the mistake."""
    rows = planted.text.split("\n")
    before, rest = "\n".join(rows[: planted.line - 1]), "\n".join(rows[planted.line - 1 :])
    rest = f"{planted.was}\n{rest}" if planted.removed else rest.replace(planted.now, planted.was, 1)
    return before + "\n" + rest


def rows(text: str) -> list[str]:
    """The lines of a file that are not empty, without their white space."""
    return [row for row in map(squeezed, text.split("\n")) if row]


def graded(planted: Plant, original: Report, given: Report, mine: Report) -> Grade:
    """What three reports say: on the right file, the exercise, and what the reader has made of it."""
    old, new = given.verdicts, mine.verdicts
    if [squeezed(v.text) for v in old] == [squeezed(v.text) for v in new]:
        return Grade(False, "nothing was changed")
    pairs = _paired(old, new)
    known = set(faults(original))
    said = [] if _is_mended(planted, original, given, mine, pairs) else [_still(planted)]
    for n, v in enumerate(old):
        partner, own = pairs.get(n), v.line == planted.line and not planted.removed
        if own or not v.ok or squeezed(v.text) in known:
            continue
        if partner is None and v.target not in {w.target for w in new}:
            said.append(f"line {v.line} was right and is gone")
        elif partner is not None and not new[partner].ok and squeezed(new[partner].text) != squeezed(v.text):
            said.append(f"line {v.line} was right and was changed")
    added = [v for n, v in enumerate(new) if n not in pairs.values() and not v.ok]
    said += [f"line {v.line} of the new file was added and is wrong" for v in added]
    if not said and not set(faults(mine)) <= known:
        said.append(_still(planted))
    return Grade(not said, "; ".join(said) or f"line {planted.line}: found and mended")


def _still(planted: Plant) -> str:
    return f"line {planted.line} is still " + ("missing" if planted.removed else "wrong")


def _is_mended(planted: Plant, original: Report, given: Report, mine: Report, pairs: dict[int, int]) -> bool:
    """Whether the line with the mistake is right now; a mistake that changes no value counts by its text."""
    seen = set(faults(given)) - set(faults(original))
    if planted.removed:
        lines = {squeezed(v.text) for v in mine.verdicts}
        return not seen & set(faults(mine)) if seen else squeezed(planted.was) in lines
    at = next((n for n, v in enumerate(given.verdicts) if v.line == planted.line), None)
    if at is None or at not in pairs:
        return False
    line = mine.verdicts[pairs[at]]
    now = squeezed(line.text)
    return line.ok and now != squeezed(given.verdicts[at].text) if seen else now in squeezed(planted.was)


def _paired(old: Sequence[Verdict], new: Sequence[Verdict]) -> dict[int, int]:
    """Which line of the first file is which of the second: equal ones, those for the same target, then in order."""
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
