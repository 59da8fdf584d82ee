"""A factor that is a convention: the mean over a batch written at the parameters, and not where the loss has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tinyad.derivation.judge.line_verdict import judge_line
from tinyad.derivation.judge.verdicts import LineVerdict, Verdict
from tinyad.derivation.language.syntax_tree import walk
from tinyad.derivation.semantics.sample_point import SamplePoint


class Convention(NamedTuple):
    """The finding that lines hold if derivatives of some names stand for `letter` times what they are."""

    letter: str
    points: list[SamplePoint]
    verdicts: list[LineVerdict]
    note: str


def convention_of(points: Sequence[SamplePoint], verdicts: Sequence[LineVerdict]) -> Convention | None:
    """Return the convention under which more lines hold than without one; None if there is none.

    Both kinds of lines have to become right by it: those of derivatives with the factor, and of those without.
    """
    if not any(v.verdict is Verdict.WRONG for v in verdicts):
        return None
    for letter in _letters(points[0]):
        scaled = _names_with(points[0], letter)
        if any(place[0] in scaled for place in points[0].seeds):  # a derivative that is given is what it is
            continue
        changed = [point.scaled(scaled, float(point.forward.sizes[letter])) for point in points]
        judged = [judge_line(changed, v.statement) if v.statement is not None else v for v in verdicts]
        mended = [new for old, new in zip(verdicts, judged, strict=True) if new.ok and not old.ok]
        keys = {r.of.key for v in mended for r in v.readings if r.of is not None}
        others = sorted(keys - scaled)
        if keys & scaled and others and sum(v.ok for v in judged) > sum(v.ok for v in verdicts):
            return Convention(letter, changed, judged, _note(points[0], letter, sorted(keys & scaled), others))
    return None


def _letters(point: SamplePoint) -> Iterator[str]:
    """Yield the letters of sizes that the forward divides by."""
    names = point.declarations.names
    nodes = (node for eq in point.derivation.forward for member in eq.members for node in walk(member))
    divisors = [inner for node in nodes if node.kind in ("/", "inverse") for inner in walk(node.parts[-1])]
    keys = dict.fromkeys(node.value.key for node in divisors if node.kind == "name")
    yield from (key for key in keys if key in point.forward.sizes and not names.is_known(key))


def _names_with(point: SamplePoint, letter: str) -> frozenset[str]:
    """Return the names that have a row or a column for each of what the letter counts."""
    length = point.forward.sizes[letter]
    return frozenset(key for (key, _), v in point.values.items() if length in v.shape)


def _note(point: SamplePoint, letter: str, scaled: Sequence[str], others: Sequence[str]) -> str:
    loss, plural = point.declarations.names.loss, len(scaled) > 1
    return (
        f"a convention: the derivative{'s' * plural} of {', '.join(scaled)} {'are' if plural else 'is'} {letter} times "
        f"that of {loss}, and 1/{letter} stands in the line{'s' * (len(others) > 1)} of {', '.join(others)}; "
        f"the lines are judged by it"
    )
