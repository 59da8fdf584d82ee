"""The trial of changed lines: do they bring the contributions that are required, at every sample point?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyad.derivation.judge.contributions import Case, known_cases
from tinyad.derivation.judge.line_verdict import read_line
from tinyad.derivation.judge.targets import defines_notation, derivatives_in, target_of
from tinyad.derivation.judge.verdicts import Reading, Verdict
from tinyad.derivation.language.source import DerivationError, LimitError
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, as_written, flattened, structure, walk
from tinyad.derivation.repair import limits
from tinyad.derivation.repair.author_notation import Fragment, equals_sign
from tinyad.derivation.repair.edit import Edit, apply, replace_parts
from tinyad.derivation.repair.first_look import FirstLook
from tinyad.derivation.repair.ranks import EditKind
from tinyad.derivation.repair.required_contributions import RequiredContributions
from tinyad.derivation.repair.rule_walk import scope_of
from tinyad.derivation.repair.wrong_line import WrongLine, derived_names, given_targets, targets_of
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Indexed, Trouble


class Trial:
    """The trial of one wrong line: which changes of it hold.  `count` is how many edits were tried.

    With `member` set, only that member of a chain has to hold.
    """

    def __init__(self, wrong: WrongLine, required: RequiredContributions) -> None:
        self._wrong, self._required = wrong, required
        self.count = 0
        self.member: int | None = None
        self._tried: set[str] = set()
        self._first_look = FirstLook(wrong, required)
        self._set_later = self._derivatives_set_later()

    def begin(self, member: int | None) -> None:
        """Try changes of one member from here on, or of the line."""
        self.member = member

    def edits_hold(self, edits: Sequence[Edit]) -> bool:
        """Return whether the line holds after some edits."""
        self.count += 1
        line = self._edited(edits)
        if line is not None and not (
            self._first_look.may_hold(line, self.member) and self._holds_at(self._wrong.points[:1], line)
        ):
            return False
        changed = apply(self._wrong.line, edits, self._wrong.point.source)
        return self.line_holds(changed, may_be_circular=keeps_names(edits))

    def _edited(self, edits: Sequence[Edit]) -> Statement | None:
        """Return the line after some edits, as it will be read; None if only its text tells."""
        line = self._wrong.line
        changes = [edit.tree for edit in edits if edit.tree is not None]
        assigned = [edit for edit in edits if edit.kind == EditKind.ASSIGN]
        if self.member is None or len(changes) + len(assigned) < len(edits):
            return None
        node = replace_parts(line.members[self.member], changes)
        return line._replace(
            left=tuple(replace_parts(left, changes) for left in line.left),
            sign=("=" if line.sign == "+=" else "+=") if assigned else line.sign,
            members=(*line.members[: self.member], node, *line.members[self.member + 1 :]),
        )

    def line_holds(self, changed: Fragment, any_length: bool = False, may_be_circular: bool = False) -> bool:
        """Return whether a changed line brings what is required, at every point; False if it was tried before.

        `any_length`: a chain may get more or fewer members than it has.
        """
        line = self._read(changed)
        if line is None or not self._may_be_written(line, changed, any_length, may_be_circular):
            return False
        holds = self._holds_at(self._wrong.points[:1], line) and self._holds_at(self._wrong.points, line)
        if holds and any(node.kind == "comparison" for node in _nodes(line)):
            holds = self._holds_at(self._wrong.whole_set.further_points, line)
        if not holds or self._is_of_mixed_sizes(line):
            return False
        alone = self.member is None or len(self._wrong.line.members) == 1
        return not alone or self._is_no_worse_with(line)

    def _may_be_written(self, line: Statement, changed: Fragment, any_length: bool, may_be_circular: bool) -> bool:
        """Return whether a changed line is one that a person could have meant, and a first look speaks for it."""
        before = self._wrong.line
        if len(line.left) != len(before.left) or not (any_length or len(line.members) == len(before.members)):
            return False
        if not may_be_circular and (self._is_circular(line) or not self._uses_what_is_set(line)):
            return False
        if says_nothing(changed) or (defines_notation(line) and any(self._required.of_sides)):
            return False
        return not (is_contrived(line, before) or self._is_repeated(line)) and self._first_look.may_hold(
            line, self.member
        )

    def _is_of_mixed_sizes(self, line: Statement) -> bool:
        """Return whether a changed line has more numbers in products of components, or transposed, than before."""
        left = line.left[0]
        cases = self._first_look.cases_of(left)[:2][-1:] if left.kind == "d" else []
        if cases and self._has_term_of_zeros(line):
            return True
        return any(self._mixed(case, line) > self._mixed(case, self._wrong.line) for case in cases)

    def _has_term_of_zeros(self, line: Statement) -> bool:
        """Return whether a term of a sum is 0 for all values, at every point."""
        terms = [term for member in line.members if member.kind in ("+", "-") for term in _terms(member)]
        left = line.left[0]
        sizes = [[self._largest_entry(point, left, term) for point in self._wrong.points] for term in terms]
        known = [[size for size in some if size is not None] for some in sizes]
        largest = max((size for some in known for size in some), default=0.0)
        return any(some and max(some) <= limits.SAME_VALUE * largest for some in known)

    @staticmethod
    def _largest_entry(point: SamplePoint, left: Node, term: Node) -> float | None:
        """Return the largest entry of a term at one time of a point; None if it has no value of its own."""
        try:
            (case,) = known_cases(point, left)[:2][-1:]
            value = point.evaluator(term, scope_of(case))
            array = value.value if isinstance(value, Indexed) else value
            return float(np.abs(array).max(initial=0)) if isinstance(array, np.ndarray | float) else None
        except LimitError:
            raise
        except (Trouble, ArithmeticError, ValueError):
            return None

    def _mixed(self, case: Case, line: Statement) -> int:
        kinds = ("transpose",) if self._wrong.notation.program else ("∘", "transpose")  # there * is both products
        nodes = [n for n in _nodes(line) if n.kind in kinds and not any(map(is_constant, n.parts))]
        return sum(self._is_of_numbers(case, node) for node in nodes)

    def _is_of_numbers(self, case: Case, node: Node) -> bool:
        values = []
        for part in node.parts:
            try:
                values.append(self._wrong.point.evaluator(part, scope_of(case)))
            except (Trouble, ArithmeticError, ValueError):
                return False
        numbers = [isinstance(a, float) or getattr(a, "shape", ()) == (1, 1) for a in values]
        return any(numbers) and (node.kind == "transpose" or not all(numbers))

    def chain_holds(self, changed: Fragment) -> bool:
        """Return whether a chain holds among the other lines after its members have been corrected one by one."""
        parser, line = self._wrong.point.declarations.parser(), self._wrong.line
        return self._is_no_worse_with(parser.statement(changed.tokens, line.number, line.title))

    def _uses_what_is_set(self, line: Statement) -> bool:
        """Return whether a line uses only what is set before it; one member of a chain may do otherwise."""
        return any(
            all(d.value[1] is not None or self._wrong.is_set_before(d.value[0]) for d in derivatives_in(member))
            for member in line.members
        )

    def _is_no_worse_with(self, line: Statement) -> bool:
        return self._wrong.whole_set.is_no_worse_with(self._wrong.index, line)

    def member_holds(self, member: int) -> bool:
        """Return whether a member of the line as it stands brings what is required."""
        wrong = self._wrong
        readings = (read_line(wrong.points[:1], wrong.line, k, member) for k in range(len(wrong.line.left)))
        return all(self._fits(reading, k, wrong.line) for k, reading in enumerate(readings))

    def _derivatives_set_later(self) -> set[Any]:
        """Return the derivatives that only this line and later ones set."""
        wrong, n = self._wrong, self._wrong.index
        before, after = targets_of(wrong.point, wrong.verdicts[:n]), targets_of(wrong.point, wrong.verdicts[n:])
        return after - before - given_targets(wrong.point)

    def _read(self, changed: Fragment) -> Statement | None:
        """Return a changed line as it is read; None if it cannot be, or was tried before."""
        key = " ".join(token.text for token in changed.tokens)
        if len(self._tried) > limits.READINGS or key in self._tried:
            return None
        self._tried.add(key)
        line = self._wrong.line
        try:
            return self._wrong.point.declarations.parser().statement(changed.tokens, line.number, line.title)
        except LimitError:
            raise
        except DerivationError:
            return None

    def _holds_at(self, points: Sequence[SamplePoint], line: Statement) -> bool:
        """Return whether a changed line brings what is required, at some points."""
        return all(self._fits(read_line(points, line, k, self.member), k, line) for k in range(len(line.left)))

    def _is_circular(self, line: Statement) -> bool:
        """Return whether a line uses what it sets: it is right, and empty.  One member of a chain may name it."""
        if self.member is not None:
            before, now = self._wrong.line.members[self.member], line.members[self.member]
            if self._uses_itself(line, now) and not self._uses_itself(self._wrong.line, before):
                return True
        return all(self._uses_itself(line, member) for member in line.members)

    def _uses_itself(self, line: Statement, member: Node) -> bool:
        """Return whether a formula uses what its line sets, or in one time step what only later lines set."""
        point = self._wrong.point
        targets = {self._timed_target(ref) for ref in derived_names(line)}
        targets -= {self._timed_target(ref) for ref, _, _ in point.declarations.given}
        if point.last is None:
            targets |= self._set_later
        used = [d.value for d in derivatives_in(member)]
        return any(label is None and self._timed_target(ref) in targets for ref, label in used)

    def _timed_target(self, ref: Ref) -> Any:
        """Return a derivative at its time."""
        point = self._wrong.point
        timed = point.last is not None and point.declarations.names.timed(ref.key)
        return (ref.key, ref.time or ("t", 0)) if timed else target_of(point, ref)

    def _is_repeated(self, line: Statement) -> bool:
        """Return whether a chain has a member twice, or another line gives this Jacobian, where this one did not."""
        if self.member is not None:
            others = [structure(member) for k, member in enumerate(line.members) if k != self.member]
            if structure(line.members[self.member]) in others:
                return True
        left = [structure(side) for side in line.left]
        if left == [structure(side) for side in self._wrong.line.left]:
            return False
        known = [v.statement for v in self._wrong.verdicts if v.ok and v.statement is not None and v.readings]
        return any(left == [structure(side) for side in s.left] and s.left[0].kind == "jacobian" for s in known)

    def _fits(self, reading: Reading, k: int, line: Statement) -> bool:
        """Return whether a left-hand side gets what is required."""
        needs = self._required.of_sides[k]
        if reading.verdict != Verdict.RIGHT or not needs or reading.of is None:
            return reading.verdict == Verdict.RIGHT
        own = self._wrong.line.left[k].value[0]
        if target_of(self._wrong.point, reading.of) != target_of(self._wrong.point, own):
            needs = self._required.of(line.left[k], reading.all_contributions)
            return reading.contributions == needs and self._may_set(line, reading.of)
        return reading.contributions == needs or (
            line.sign == "=" and reading.contributions == reading.all_contributions
        )

    def _may_set(self, line: Statement, ref: Ref) -> bool:
        """Return whether a derivative can be set here: with = nothing that an earlier line brought may be lost."""
        earlier = targets_of(self._wrong.point, self._wrong.verdicts[: self._wrong.index])
        return line.sign == "+=" or target_of(self._wrong.point, ref) not in earlier


def is_contrived(line: Statement, before: Statement) -> bool:
    """Return whether a changed line has what nobody writes, and had not before: x + x, --x, 2 3 x; or x - x."""
    known = [structure(node) for node in _nodes(before) if _is_contrivance(node)]
    return any(_is_contrivance(node) and (node.kind == "-" or structure(node) not in known) for node in _nodes(line))


def _nodes(line: Statement) -> list[Node]:
    return [node for member in line.members for node in walk(as_written(member))]


def _is_contrivance(node: Node) -> bool:
    """Return whether two terms of a sum are the same, two numbers are factors of each other, or two signs follow."""
    if node.kind in ("+", "-"):
        a, b = node.parts
        return structure(b) in [structure(term) for term in _terms(a)]
    if node.kind in ("*", "∘"):
        *_, x, y = flattened(node) if node.kind == "*" else node.parts
        return is_constant(x) and is_constant(y)
    return node.kind == "neg" and node.parts[0].kind == "neg"


def is_constant(node: Node) -> bool:
    """Return whether a formula is a number, or a fraction of two."""
    return node.kind == "number" or (node.kind == "/" and all(part.kind == "number" for part in node.parts))


def _terms(node: Node) -> list[Node]:
    """Return the terms of a sum."""
    return [*_terms(node.parts[0]), node.parts[1]] if node.kind in ("+", "-") else [node]


def says_nothing(changed: Fragment) -> bool:
    """Return whether one and the same stands on both sides of a line."""
    sign = equals_sign(changed.tokens)
    left, right = ([t.text for t in part] for part in (changed.tokens[:sign], changed.tokens[sign + 1 :]))
    return left == right


def keeps_names(edits: Sequence[Edit]) -> bool:
    """Return whether a line uses after some edits what it used before: it is as circular as it was."""
    return all(edit.kind in (EditKind.SIGN, EditKind.TRANSPOSE) for edit in edits)
