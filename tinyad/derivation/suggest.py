"""The likely correction of a wrong line, in its author's own notation: what makes it right at every point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinyad.derivation.editor import Editor
from tinyad.derivation.edits import Edit, Pen, applied, changed, exchanged, place
from tinyad.derivation.hints import Hints, functions_of
from tinyad.derivation.lines import read_line, value_of
from tinyad.derivation.point import Point
from tinyad.derivation.reader import tokens_of
from tinyad.derivation.source import DerivationError, Source
from tinyad.derivation.spelling import Spelling, Spellings, nodes
from tinyad.derivation.tree import Node, Ref, Statement, Token
from tinyad.derivation.values import Trouble
from tinyad.derivation.verdict import Verdict, derivatives_in, is_part, labels_of, target_of
from tinyad.derivation.ways import Reading, Way, cases, ways_of

MOST = 6_000  # changes tried for one line
PAIRS = 800  # of them, two at a time
NOT_SEARCHED = ("used before it is set", "not evaluable", "given")
GRADES = ("certain", "likely", "possible")
NEAR = 4  # a formula that is changed in less than one of so many tokens is mended by what stands in like places
LINES = 60  # lines of one derivation that are searched in full


def corrected(points: Sequence[Point], verdicts: list[Verdict], latex: bool) -> list[Verdict]:
    """The verdicts with a suggestion for every wrong line that one was found for."""
    point = points[0]
    lines = [v.statement for v in verdicts if v.statement is not None and v.statement.tokens]
    spellings = Spellings(point.source, point.it.names, [*lines, *point.derivation.forward], latex)
    functions = functions_of(point, lines)
    out = list(verdicts)
    searched = 0
    for n, v in enumerate(verdicts):
        if v.ok or v.statement is None or not v.readings or v.verdict in NOT_SEARCHED or searched >= LINES:
            continue
        searched += 1
        search = Search(points, verdicts, n, spellings, functions)
        found = search.run()
        if found is not None:
            out[n] = v._replace(suggestion=found[0], grade=found[1], at=search.changed or v.at)
    return out


class Search(Hints):
    """The search for what one line should have been."""

    def __init__(
        self,
        points: Sequence[Point],
        verdicts: Sequence[Verdict],
        n: int,
        spellings: Spellings,
        functions: Sequence[Spelling],
    ) -> None:
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
        self.ways: dict[Any, dict[Way, Any]] = {}
        self.member: int | None = None
        self.mended = False
        self.changed: tuple[int, int] | None = None  # what gives way, if it is one piece
        self.memo: dict[Any, Any] = {}
        self.kept = frozenset(id(node) for member in self.line.members for node in nodes(member))

    def need(self, left: Node, known: frozenset[Way] = frozenset()) -> frozenset[Way] | None:
        """The contributions that a line for `left` has to bring: all that no other line does."""
        if left.kind != "d":
            return None
        target = target_of(self.point, left.value[0])
        others, full, several = frozenset[Way](), known, False
        for v in self.verdicts:
            if v is not self.v and is_part(v, self.labels) != is_part(self.v, self.labels):
                continue
            for reading in v.readings:
                if reading.of is not None and target_of(self.point, reading.of) == target:
                    full = full | reading.all_ways
                    if v is not self.v:
                        several = True
                        if (
                            reading.verdict == "right" and v.statement.sign == "+="
                        ) or reading.ways != reading.all_ways:
                            others = others | reading.ways
        handed = frozenset(w for w in full if w[0] is None)
        if several or handed:
            return full - others - handed
        return full

    def run(self) -> tuple[str, str] | None:
        if self.v.verdict == "overwrites":
            edit = self.editor(0).assign()[0]
            self.changed = edit.start, edit.end
            return applied(self.line, [edit], self.point.source)[1], "certain"
        wrong = [m for m in range(len(self.line.members)) if not self.member_right(m)]
        last = len(self.line.members) - 1
        return (
            self.edited(wrong or [last], self.mended_member)
            or self.written_anew()
            or self.edited(wrong or [last], self.two_edits)
        )

    def edited(
        self, wrong: Sequence[int], search: Callable[[int], tuple[list[Edit], str] | None]
    ) -> tuple[str, str] | None:
        """Changes of every wrong member; None if one of them has none."""
        found: list[Edit] = []
        grades = []
        for m in wrong:
            self.member, self.memo = m, {}
            one = search(m)
            if one is None:
                return None
            found += one[0]
            grades.append(one[1])
        self.member = None
        tokens, text = applied(self.line, found, self.point.source)
        if (len(wrong) > 1 and not self.right(tokens, text)) or not reads_back(tokens, text):
            return None
        if len(found) == 1:
            start, end = place(self.line.tokens, found[0])
            self.changed = min(start, self.line.end - 1), min(max(end, start + 1), self.line.end)
        return text, max(grades, key=GRADES.index)

    def written_anew(self) -> tuple[str, str] | None:
        """The line under another left-hand side, after the pattern of a like line, or as the rules give it."""
        self.member = None
        other = self.other_left(self.editor(len(self.line.members) - 1).all())
        if other is not None:
            return other, "likely"
        rule = self.by_rule()
        return (rule[1], "likely") if rule is not None and self.right(*rule) else None

    def mended_member(self, member: int) -> tuple[list[Edit], str] | None:
        """One change, of which what the author has written in a like place is the likeliest."""
        node = self.line.members[member]
        pen = Pen(self.line, member, self.spellings, (), ())
        like = [pen.replace(node, formula, 0, "like") for formula in self.like_members(member)]
        like = sorted(like, key=self.size)
        near = [edit for edit in like if NEAR * self.size(edit) <= edit.last - edit.first]
        return self.first(near, "certain") or self.one_edit(member) or self.first(like, "likely")

    def size(self, edit: Edit) -> int:
        """How many tokens an edit takes away or puts there."""
        first, last, new = changed(self.line.tokens, edit)
        return max(last - first, new)

    def first(self, edits: Sequence[Edit], grade: str) -> tuple[list[Edit], str] | None:
        """The first that holds."""
        found = next((edit for edit in edits if self.holds([edit])), None)
        return None if found is None else ([found], grade)

    def one_edit(self, member: int) -> tuple[list[Edit], str] | None:
        good: dict[str, Edit] = {}
        for edit in self.editor(member).all()[:MOST]:
            if self.holds([edit]):
                tokens, text = applied(self.line, [edit], self.point.source)
                if reads_back(tokens, text):
                    good.setdefault(text, edit)
            if len(good) > 1:
                break
        if not good:
            return None
        first = next(iter(good.values()))
        return [first], "certain" if len(good) == 1 or first.rank < 2 else "likely"

    def two_edits(self, member: int) -> tuple[list[Edit], str] | None:
        pair = next((pair for pair in self.pairs(self.editor(member).all()[:MOST]) if self.holds(pair)), None)
        return (pair, "possible") if pair is not None else None

    def member_right(self, m: int) -> bool:
        readings = (read_line(self.points[:1], self.line, k, m) for k in range(len(self.line.left)))
        return all(self.fits(reading, k, self.line) for k, reading in enumerate(readings))

    def member_holds(self, line: Statement) -> bool:
        return read_line(self.points[:1], line, 0, self.member).verdict == "right"

    def other_left(self, singles: Sequence[Edit]) -> str | None:
        """The line for a derivative that other lines use and none sets, with one more change."""
        for left in [
            e for e in singles if e.kind == "left" and e.tree is not None and e.tree[1].value[0] in self.unset
        ]:
            tokens, text = applied(self.line, [left], self.point.source)
            wanted = self.about(left.tree[1].value[0]) if left.tree else []
            for edit in Editor(self.line, len(self.line.members) - 1, self.spellings, wanted, self.functions).all():
                if edit.rank < 40 and edit.kind != "left" and (edit.last <= left.first or edit.first >= left.last):
                    tokens, text = applied(self.line, [left, edit], self.point.source)
                    if self.right(tokens, text):
                        return text
        return None

    def pairs(self, singles: Sequence[Edit]) -> Iterator[list[Edit]]:
        few = [
            e
            for e in singles
            if e.kind in ("name", "transpose", "operator", "sign", "time", "assign", "activation", "order")
            and e.rank < 40
        ][:120]
        count = 0
        for distance in range(1, 2 * len(few)):
            for i in range(max(0, distance - len(few) + 1), (distance + 1) // 2):
                a, b = few[i], few[distance - i]
                if (a.last <= b.first and a.end <= b.start) or (b.last <= a.first and b.end <= a.start):
                    count += 1
                    if count > PAIRS:
                        return
                    yield [a, b]

    def holds(self, edits: Sequence[Edit]) -> bool:
        self.mended = all(edit.kind in ("sign", "transpose") for edit in edits)  # what the line says stays as it is
        trees = [edit.tree for edit in edits if edit.tree is not None]
        if len(trees) == len(edits) and self.member is not None and all(edit.kind != "left" for edit in edits):
            node = exchanged(self.line.members[self.member], trees)
            members = (*self.line.members[: self.member], node, *self.line.members[self.member + 1 :])
            line = self.line._replace(members=members)
            if not self.may_hold(line) or (self.needed == [None] and not self.member_holds(line)):
                return False
        return self.right(*applied(self.line, edits, self.point.source))

    def right(self, tokens: tuple[Token, ...], text: str) -> bool:
        """Whether a line made of these tokens brings what is needed, at every point."""
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
        if not self.mended and self.circular(line):
            return False
        if (
            len(line.left) != len(self.line.left)
            or len(line.members) != len(self.line.members)
            or not self.may_hold(line)
        ):
            return False
        for points in (self.points[:1], self.points):
            for k in range(len(line.left)):
                if not self.fits(read_line(points, line, k, self.member), k, line):
                    return False
        return True

    def circular(self, line: Statement) -> bool:
        """Whether a line uses what it sets: it is right, and says nothing."""
        given = {target_of(self.point, ref) for ref, _, _ in self.point.it.given}
        targets = {target_of(self.point, left.value[0]) for left in line.left if left.kind == "d"} - given
        members = line.members if self.member is None else line.members[self.member : self.member + 1]
        found = [d.value for member in members for d in derivatives_in(member)]
        if self.point.last is None:
            targets |= self.later
        alone = self.member is not None or len(line.members) == 1
        return alone and any(name is None and target_of(self.point, ref) in targets for ref, name in found)

    def may_hold(self, line: Statement) -> bool:
        """A first look: the line at one moment of the first point."""
        node = line.members[-1 if self.member is None else self.member]
        for k, left in enumerate(line.left):
            need = self.needed[k]
            if not need or left.kind != "d" or left.value[0] != self.line.left[k].value[0]:
                return True
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
            full = sum(ways.values(), np.zeros(true))
            part = sum((a for w, a in ways.items() if w in need), np.zeros(true))
            if not any(self.point.near(case.place, value, a) for a in (full, part)):
                return False
        return True

    def fits(self, reading: Reading, k: int, line: Statement) -> bool:
        if reading.verdict != "right":
            return False
        need = self.needed[k]
        if not need or reading.of is None:
            return True
        if reading.of != self.line.left[k].value[0]:  # another left-hand side
            return reading.ways == self.need(line.left[k], reading.all_ways) and self.may_set(line, reading.of)
        return reading.ways == need or (line.sign == "=" and reading.ways == reading.all_ways)

    def may_set(self, line: Statement, ref: Ref) -> bool:
        """Whether a derivative can be set here: with = nothing that an earlier line brought may be lost."""
        target, before = target_of(self.point, ref), self.verdicts[: self.n]
        earlier = any(r.of is not None and target_of(self.point, r.of) == target for v in before for r in v.readings)
        return line.sign == "+=" or not earlier


def reads_back(tokens: Sequence[Token], text: str) -> bool:
    """Whether the text of a suggestion reads as the tokens it was made with."""
    try:
        again = tokens_of(Source(text, "suggestion"), 0, len(text))
    except DerivationError:
        return False
    kinds = ("end", "tag", "group(", ")group")
    said = [[t.text for t in row if t.kind not in kinds] for row in (tokens, again)]
    return [x.replace("⊤", "T") for x in said[0]] == [x.replace("⊤", "T") for x in said[1]]
