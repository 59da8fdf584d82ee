"""Whether a changed line brings what is needed of it: its contributions, at every point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyad.derivation.judge.contributions import Reading, Way, cases, ways_of
from tinyad.derivation.judge.line_verdict import read_line, value_of
from tinyad.derivation.judge.verdicts import Verdict, derivatives_in, is_part, labels_of, target_of
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token, structure, walk
from tinyad.derivation.repair.author_notation import Spelling, Spellings
from tinyad.derivation.repair.edit import Edit, applied, exchanged
from tinyad.derivation.repair.evidence import Hints
from tinyad.derivation.semantics.forward import Place
from tinyad.derivation.semantics.sample_point import Point
from tinyad.derivation.semantics.values import Trouble

MOST = 6_000  # changes tried for one line
KINDS = "bracket neg square power call sum + - * ∘ /".split()  # of formulas whose indices are those of their parts


class Trial(Hints):
    """One wrong line, and the changes that are tried in it."""

    def __init__(
        self,
        points: Sequence[Point],
        verdicts: Sequence[Verdict],
        n: int,
        spellings: Spellings,
        functions: Sequence[Spelling],
        also: Sequence[Verdict],
    ) -> None:
        self.also = also
        self.points, self.verdicts, self.n, self.v = points, verdicts, n, verdicts[n]
        self.point, self.line = points[0], verdicts[n].statement
        self.spellings, self.functions = spellings, functions
        set_ = {target_of(self.point, r.of) for v in verdicts for r in v.readings if r.of is not None}
        set_ |= {target_of(self.point, ref) for ref, _, _ in self.point.it.given}
        used = {d.value[0] for v in verdicts if v.statement for m in v.statement.members for d in derivatives_in(m)}
        known = {key for key, _ in self.point.values}
        # derivatives that lines use, and none sets
        before = {target_of(self.point, r.of) for v in verdicts[:n] for r in v.readings if r.of is not None}
        after = {target_of(self.point, r.of) for v in verdicts[n:] for r in v.readings if r.of is not None}
        self.later = after - before - {target_of(self.point, ref) for ref, _, _ in self.point.it.given}
        self.unset = {ref for ref in used if ref.key in known and target_of(self.point, ref) not in set_}
        self.labels = labels_of(verdicts)
        self.needed = [self.need(left) for left in self.line.left]
        self.tried: set[str] = set()
        self.lacks = self.v.verdict == "missing"  # what the line says is right, and not all
        self.count = 0  # of changes that were looked at
        self.ways: dict[Any, dict[Way, Any]] = {}
        self.sums: dict[Any, tuple[Any, Any]] = {}
        self.member: int | None = None
        self.mended = False
        self.changed: tuple[int, int] | None = None  # what gives way, if it is one piece
        self.memo: dict[Any, Any] = {}
        self.kept = frozenset(id(node) for member in self.line.members for node in walk(member))

    def need(self, left: Node, known: frozenset[Way] | None = None) -> frozenset[Way] | None:
        """The contributions that a line for `left` has to bring: all that no other line does.

        For another left-hand side than the line has, `known` are its contributions, and what any right line brings
        is not needed again; for its own, a line that sets the whole leaves it to this line to do so too.
        """
        if left.kind != "d":
            return None
        target = target_of(self.point, left.value[0])
        others, full, several = frozenset[Way](), known or frozenset[Way](), False
        for v in self.verdicts:
            if v is not self.v and is_part(v, self.labels) != is_part(self.v, self.labels):
                continue
            for reading in v.readings:
                if reading.of is not None and target_of(self.point, reading.of) == target:
                    full = full | reading.all_ways
                    if v is not self.v:
                        several = True
                        adds = reading.verdict == "right" and (known is not None or v.statement.sign == "+=")
                        if adds or reading.ways != reading.all_ways:
                            others = others | reading.ways
        handed = frozenset(w for w in full if w[0] is None)
        if several or handed:
            return full - others - handed
        return full

    def need_of_chain(self) -> None:
        """A part of a derivative is what the right members of its line say."""
        for k in range(len(self.line.left)) if is_part(self.v, self.labels) else ():
            readings = [read_line(self.points[:1], self.line, k, m) for m in range(len(self.line.members))]
            self.needed[k] = next((r.ways for r in readings if r.verdict == "right"), self.needed[k])

    def member_right(self, m: int) -> bool:
        readings = (read_line(self.points[:1], self.line, k, m) for k in range(len(self.line.left)))
        return all(self.fits(reading, k, self.line) for k, reading in enumerate(readings))

    def member_holds(self, line: Statement) -> bool:
        return read_line(self.points[:1], line, 0, self.member).verdict == "right"

    def holds(self, edits: Sequence[Edit]) -> bool:
        """Whether the line holds after some edits."""
        self.count += 1
        self.mended = all(edit.kind in ("sign", "transpose") for edit in edits)  # what the line says stays as it is
        trees = [edit.tree for edit in edits if edit.tree is not None]
        if len(trees) == len(edits) and self.member is not None and all(edit.kind != "left" for edit in edits):
            node = exchanged(self.line.members[self.member], trees)
            members = (*self.line.members[: self.member], node, *self.line.members[self.member + 1 :])
            line = self.line._replace(members=members)
            if not self.may_hold(line) or (self.needed == [None] and not self.member_holds(line)):
                return False
        return self.right(*applied(self.line, edits, self.point.source))

    def right(self, tokens: tuple[Token, ...], text: str, whole: bool = False) -> bool:
        """Whether a line made of these tokens brings what is needed, at every point; `whole`: a chain of any length."""
        key = " ".join(t.text for t in tokens)
        if len(self.tried) > 2 * MOST:
            return False
        if key in self.tried:
            return False
        self.tried.add(key)
        try:
            line = self.point.it.parser().statement(tokens, self.line.number, self.line.title)
        except DerivationError:
            return False
        if (not self.mended and self.circular(line)) or self.repeated(line):
            return False
        if (
            len(line.left) != len(self.line.left)
            or (len(line.members) != len(self.line.members) and not whole)
            or not self.may_hold(line)
        ):
            return False
        for points in (self.points[:1], self.points):
            for k in range(len(line.left)):
                if not self.fits(read_line(points, line, k, self.member), k, line):
                    return False
        return True

    def circular(self, line: Statement) -> bool:
        """Whether a line uses what it sets: it is right, and says nothing.  One member of a chain may name it."""
        if self.member is not None:
            before, now = self.line.members[self.member], line.members[self.member]
            if self.uses_itself(line, now) and not self.uses_itself(self.line, before):
                return True
        return all(self.uses_itself(line, member) for member in line.members)

    def uses_itself(self, line: Statement, member: Node) -> bool:
        """Whether a formula uses what its line sets, or in one time step what only later lines set."""
        targets = {self.moment(left.value[0]) for left in line.left if left.kind == "d"}
        targets -= {self.moment(ref) for ref, _, _ in self.point.it.given}
        if self.point.last is None:
            targets |= self.later
        used = [d.value for d in derivatives_in(member)]
        return any(label is None and self.moment(ref) in targets for ref, label in used)

    def moment(self, ref: Ref) -> Any:
        """A derivative at its time."""
        timed = self.point.last is not None and self.point.it.names.timed(ref.key)
        return (ref.key, ref.time or ("t", 0)) if timed else target_of(self.point, ref)

    def repeated(self, line: Statement) -> bool:
        """Whether a chain says the same twice, or another line says it already, where this one did not."""
        if self.member is not None:
            own = structure(line.members[self.member])
            others = [structure(m) for k, m in enumerate(line.members) if k != self.member]
            if own in others:
                return True
        left = [structure(side) for side in line.left]
        if left == [structure(side) for side in self.line.left]:
            return False
        known = [v.statement for v in self.verdicts if v.ok and v.statement is not None and v.readings]
        return any(left == [structure(side) for side in s.left] and s.left[0].kind == "jacobian" for s in known)

    def may_hold(self, line: Statement) -> bool:
        """A first look: the line at one moment of the first point."""
        node = line.members[-1 if self.member is None else self.member]
        for k, left in enumerate(line.left):
            need = self.needed[k]
            if not need or left.kind != "d" or left.value[0] != self.line.left[k].value[0]:
                return True
            free = letters(node)
            if free is not None and free != {*left.value[0].indices}:
                return False
            some = list(cases(self.point, left))
            if not some:
                return False
            case = some[min(1, len(some) - 1)]
            true = self.point.values[case.place].shape[::-1]
            self.point.arrays.memo, self.point.arrays.kept = self.memo, self.kept
            try:
                value = value_of(case, line, node, k, left.value[0], true)
            except (Trouble, ArithmeticError, ValueError):
                return False
            finally:
                self.point.arrays.memo = None
            if value.shape != true:
                return False
            ways = self.ways[k, case.place] = self.ways.get((k, case.place)) or ways_of(case)
            if not any(self.point.near(case.place, value, a) for a in self.wholes(k, case.place, ways)):
                return False
        return True

    def wholes(self, k: int, place: Place, ways: dict[Way, Any]) -> tuple[Any, Any]:
        """All contributions to a derivative, and those that are needed."""
        if (k, place) not in self.sums:
            zeros = np.zeros(self.point.values[place].shape[::-1])
            part = [a for w, a in ways.items() if w in (self.needed[k] or ())]
            self.sums[k, place] = sum(ways.values(), zeros), sum(part, zeros)
        return self.sums[k, place]

    def fits(self, reading: Reading, k: int, line: Statement) -> bool:
        if reading.verdict != "right":
            return False
        need = self.needed[k]
        if not need or reading.of is None:
            return True
        if target_of(self.point, reading.of) != target_of(self.point, self.line.left[k].value[0]):
            return reading.ways == self.need(line.left[k], reading.all_ways) and self.may_set(line, reading.of)
        return reading.ways == need or (line.sign == "=" and reading.ways == reading.all_ways)

    def may_set(self, line: Statement, ref: Ref) -> bool:
        """Whether a derivative can be set here: with = nothing that an earlier line brought may be lost."""
        target, before = target_of(self.point, ref), self.verdicts[: self.n]
        earlier = any(r.of is not None and target_of(self.point, r.of) == target for v in before for r in v.readings)
        return line.sign == "+=" or not earlier


NO_LETTERS = frozenset[str]()
UNLIKE = frozenset({"unlike"})  # terms with other letters than their neighbours


def letters(node: Node) -> frozenset[str] | None:
    """The free indices of a formula of components; None where only its value tells."""
    if node.kind in ("name", "d"):
        return frozenset((node.value if node.kind == "name" else node.value[0]).indices)
    if node.kind in ("number", "ones"):
        return NO_LETTERS
    if node.kind == "jacobian" and node.parts[0].kind == "name" and isinstance(node.value, Ref):
        return frozenset((*node.parts[0].value.indices, *node.value.indices))
    inside = [letters(part) for part in node.parts]
    known = [part for part in inside if part is not None]
    if len(known) < len(inside) or node.kind not in KINDS:
        return None
    if node.kind == "sum" and node.value[0] == "index":
        return known[0] - {node.value[1]} if node.value[1] in known[0] else UNLIKE
    if node.kind in ("+", "-") and known[0] and known[1] and known[0] != known[1]:
        return UNLIKE
    return NO_LETTERS.union(*known)
