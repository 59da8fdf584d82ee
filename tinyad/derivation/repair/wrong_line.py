"""A wrong line in its derivation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tinyad.derivation.judge.contributions import in_order
from tinyad.derivation.judge.targets import derivatives_in, target_of, used_labels
from tinyad.derivation.judge.verdicts import LineVerdict
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.repair.author_notation import AuthorNotation, Fragment, equals_sign, fragment_of
from tinyad.derivation.repair.edit import Member
from tinyad.derivation.repair.whole_set import WholeSet
from tinyad.derivation.semantics.sample_point import SamplePoint


@dataclass(frozen=True)
class WrongLine:
    """A wrong line: line `index` of a set of backward lines, of which `verdicts` are known."""

    points: Sequence[SamplePoint]
    verdicts: Sequence[LineVerdict]
    index: int
    notation: AuthorNotation
    functions: Sequence[Fragment]  # names of the functions of the derivation
    elsewhere: Sequence[LineVerdict]  # the right lines of the other sets for the same forward
    known_set: WholeSet | None = None  # the lines of the set together, where several of them are wrong

    @cached_property
    def whole_set(self) -> WholeSet:
        """Return the lines of the set together."""
        return self.known_set or WholeSet(self.points, self.verdicts)

    @property
    def point(self) -> SamplePoint:
        """Return the first sample point."""
        return self.points[0]

    @property
    def verdict(self) -> LineVerdict:
        """Return the verdict of the line."""
        return self.verdicts[self.index]

    @property
    def line(self) -> Statement:
        """Return the line itself."""
        line: Statement = self.verdict.statement
        return line

    @cached_property
    def labels(self) -> set[tuple[str, str]]:
        """Return (label, name) of the parts of derivatives that some line adds up."""
        return used_labels(self.verdicts)

    @cached_property
    def equations(self) -> list[Statement]:
        """Return the forward equations that use what the line sets."""
        equations = [
            key.equation
            for r in self.verdict.readings
            for key in in_order(r.all_contributions)
            if key.equation is not None
        ]
        return [self.point.derivation.forward[k] for k in dict.fromkeys(equations)]

    def is_set(self, ref: Ref) -> bool:
        """Return whether any line sets a derivative, or it is given, or the line uses it as it stands."""
        return self._timed(ref) in self._set_anywhere or self._uses(ref)

    def is_set_before(self, ref: Ref) -> bool:
        """Return whether a derivative is set before the line: by a line above it, at the next step, or it is given.

        Where right lines are in another order, any line counts as one above.
        """
        if not self._is_ordered:
            return self.is_set(ref)
        return self._is_set_above(ref, self.index)

    def _is_set_above(self, ref: Ref, index: int) -> bool:
        """Return the same for any line of a set."""
        if self.point.last is not None and ref.time is not None and ref.time[0] == "t" and ref.time[1]:
            return ref.time[1] > 0 and self.is_set(ref)
        return self._timed(ref) in self._set_above[index] or self._uses(ref)

    @cached_property
    def _is_ordered(self) -> bool:
        """Return whether the right lines of a sequence use in one step only what lines above them set."""
        if self.point.last is None:
            return True
        return all(
            self._timed(d.value[0]) not in self._set_anywhere or self._is_set_above(d.value[0], n)
            for n, v in enumerate(self.verdicts)
            if v.ok and v.statement is not None and n != self.index
            for member in v.statement.members
            for d in derivatives_in(member)
        )

    def _uses(self, ref: Ref) -> bool:
        own = [d.value[0] for member in self.line.members for d in derivatives_in(member)]
        return ref in own and ref not in derived_names(self.line)

    def _timed(self, ref: Ref) -> Any:
        return target_of(self.point, ref)

    @cached_property
    def _set_above(self) -> list[set[Any]]:
        """Return for each line what is given, and what the lines above it set."""
        above = [given_targets(self.point)]
        for v in self.verdicts:
            above.append(above[-1] | targets_of(self.point, [v]))
        return above

    @cached_property
    def _set_anywhere(self) -> set[Any]:
        return targets_of(self.point, self.verdicts) | given_targets(self.point)

    def member(self, index: int) -> Member:
        """Return a member of the line, to be edited."""
        return Member(self.line, index, self.point.source)

    def fragment(self, line: Statement, node: Node) -> Fragment:
        """Return a part of any line as it stands in the file."""
        return fragment_of(self.point.source, line, node)

    def with_formula(self, formula: Fragment) -> Fragment:
        """Return the line with another formula behind its equals sign."""
        sign = equals_sign(self.line.tokens)
        head = self.point.source.text[self.line.start : self.line.tokens[sign].end]
        return Fragment((*self.line.tokens[: sign + 1], *formula.tokens), f"{head} {formula.text}")


def targets_of(point: SamplePoint, verdicts: Iterable[LineVerdict]) -> set[Any]:
    """Return the derivatives that lines set."""
    return {target_of(point, r.of) for v in verdicts for r in v.readings if r.of is not None}


def given_targets(point: SamplePoint) -> set[Any]:
    """Return the derivatives that are given."""
    return {target_of(point, ref) for ref, _, _ in point.declarations.given}


def derived_names(line: Statement) -> list[Ref]:
    """Return the names whose derivatives a line sets."""
    return [left.value[0] for left in line.left if left.kind == "d"]
