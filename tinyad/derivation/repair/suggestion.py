"""Suggestions: for a wrong line the line that was probably meant, for what is left out the lines that are lacking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tinyad.derivation.judge.contributions import Keys, known_cases
from tinyad.derivation.judge.targets import derivatives_in
from tinyad.derivation.judge.verdicts import LineVerdict, Verdict
from tinyad.derivation.language.source import DerivationError, LimitError
from tinyad.derivation.language.syntax_tree import Ref, Statement
from tinyad.derivation.repair import limits
from tinyad.derivation.repair.author_notation import AuthorNotation, Fragment, tokenized
from tinyad.derivation.repair.evidence import functions_of
from tinyad.derivation.repair.missing_lines import missing_lines
from tinyad.derivation.repair.search import Certainty, Search
from tinyad.derivation.repair.whole_set import WholeSet
from tinyad.derivation.repair.wrong_line import WrongLine, derived_names
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.sample_point import SamplePoint

NOT_SEARCHED = (Verdict.NOT_EVALUABLE, Verdict.GIVEN, Verdict.NOT_JUDGED)


def with_suggestions(
    points: Sequence[SamplePoint], verdicts: list[LineVerdict], elsewhere: Sequence[LineVerdict], latex: bool
) -> list[LineVerdict]:
    """Return the verdicts with a suggestion for every wrong line that has one.

    `elsewhere` are the right lines that the author has in other sets for the same forward.
    """
    lines, notation = _notation(points[0], verdicts, latex)
    functions = functions_of(points[0], lines)
    out, searched, together = list(verdicts), 0, WholeSet(points, verdicts)
    for n, v in enumerate(verdicts):
        if v.ok or v.statement is None or not v.readings or v.verdict in NOT_SEARCHED or v.condition is not None:
            continue
        searched += 1
        if searched > limits.LINES_SEARCHED:
            note = f"no correction was looked for, after {limits.LINES_SEARCHED} wrong lines"
            out[n] = v._replace(notes=(*v.notes, note))
            continue
        search = Search(WrongLine(points, verdicts, n, notation, functions, elsewhere, together))
        try:
            suggestion = search.run()
        except LimitError:
            out[n] = v._replace(notes=(*v.notes, f"no correction in the time, {points[0].source.seconds:g} s"))
            continue
        if _is_set_by_later_line(v) and (suggestion is None or suggestion.certainty is not Certainty.CERTAIN):
            continue
        if suggestion is not None:
            at, *also = suggestion.places or [v.at]
            notes = [f"two slips: {'; '.join(suggestion.changes)}"] if suggestion.changes else []
            out[n] = v._replace(
                suggestion=suggestion.text,
                grade=suggestion.certainty,
                at=at,
                also=tuple(also),
                notes=(*v.notes, *notes),
            )
        else:
            out[n] = v._replace(notes=(*v.notes, f"no correction among the {search.count:,} changes that were tried"))
    return out


def _is_set_by_later_line(v: LineVerdict) -> bool:
    """Return whether a line uses what only a later line sets: its place is wrong, or a name in it."""
    used = [d.value[0] for member in v.statement.members for d in derivatives_in(member)]
    return v.verdict is Verdict.USED_BEFORE_SET and not any(ref in used for ref in derived_names(v.statement))


def proposed_lines(
    points: Sequence[SamplePoint], verdicts: Sequence[LineVerdict], lacking: Mapping[TimedName, Keys], latex: bool
) -> list[str]:
    """Return lines that bring what a set of lines lacks, but for what its wrong lines bring when they are corrected."""
    point = points[0]
    sides = [left for v in verdicts if v.suggestion for left in v.statement.left if left.kind == "d"]
    mended = {case.place for left in sides for case in known_cases(point, left)}
    rest = {place: keys for place, keys in lacking.items() if place not in mended}
    lines = missing_lines(points, verdicts, rest, _notation(point, verdicts, latex)[1])
    return [line for line in lines if line not in [v.suggestion for v in verdicts]]


def _notation(
    point: SamplePoint, verdicts: Sequence[LineVerdict], latex: bool
) -> tuple[list[Statement], AuthorNotation]:
    """Return the lines of a set, and the notation that they and the forward show."""
    lines = [v.statement for v in verdicts if v.statement is not None and v.statement.tokens]
    shown, names, given = [*lines, *point.derivation.forward], point.declarations.names, list(_given(point))
    return lines, AuthorNotation(point.source, names, shown, latex, given)


def _given(point: SamplePoint) -> Iterator[tuple[Ref, Fragment]]:
    """Yield the derivatives that are declared as given, as they stand there."""
    for node in point.declarations.given_at.values():
        text = point.source.text[node.start : node.end]
        try:
            tokens = tokenized(text, "given", point.source)
            (read,) = point.declarations.parser().derivatives(tokens)
        except (DerivationError, ValueError):
            continue
        if read.value == node.value and node.value[1] is None:
            yield node.value[0], Fragment(tokens, text)
