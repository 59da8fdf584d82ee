"""The likely correction of a wrong line, in its author's own notation: what makes it right at every point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tinyad.derivation.judge.conditions import IF
from tinyad.derivation.judge.contributions import Way
from tinyad.derivation.judge.verdicts import Verdict, known_cases
from tinyad.derivation.language.reader import tokens_of
from tinyad.derivation.language.source import DerivationError, Source
from tinyad.derivation.language.syntax_tree import Statement, Token
from tinyad.derivation.repair.author_notation import Spellings
from tinyad.derivation.repair.edit import Edit, Pen, applied, changed, place
from tinyad.derivation.repair.editor import Editor
from tinyad.derivation.repair.evidence import functions_of
from tinyad.derivation.repair.missing_lines import Absent
from tinyad.derivation.repair.trial import MOST, Trial
from tinyad.derivation.semantics.forward import Place
from tinyad.derivation.semantics.sample_point import Point

PAIRS = 400  # of them, two at a time
NOT_SEARCHED = ("used before it is set", "not evaluable", "given")
GRADES = ("certain", "likely", "possible")
SLIPS = "name names time assign sign transpose operator order left extra missing activation bracket".split()
FAR = 20  # ranks: a change so much further down is not as likely
NEAR = 2  # what changes one of so many tokens at the most leaves a formula what it is
LINES = 60  # lines of one derivation that are searched in full


def corrected(points: Sequence[Point], verdicts: list[Verdict], also: Sequence[Verdict], latex: bool) -> list[Verdict]:
    """The verdicts with a suggestion for every wrong line that one was found for.

    `also` are the right lines that the author has written elsewhere for the same forward.
    """
    lines, spellings = _spelled(points[0], verdicts, latex)
    functions = functions_of(points[0], lines)
    out = list(verdicts)
    searched = 0
    for n, v in enumerate(verdicts):
        if v.ok or v.statement is None or not v.readings or v.verdict in NOT_SEARCHED or v.message.startswith(IF):
            continue
        searched += 1
        if searched > LINES:
            out[n] = v._replace(notes=(*v.notes, f"no correction was looked for, after {LINES} wrong lines"))
            continue
        search = Search(points, verdicts, n, spellings, functions, also)
        found = search.run()
        if found is not None:
            out[n] = v._replace(suggestion=found[0], grade=found[1], at=search.changed or v.at)
        else:
            out[n] = v._replace(notes=(*v.notes, f"no correction among the {search.count:,} changes that were tried"))
    return out


def left_out(
    points: Sequence[Point], verdicts: Sequence[Verdict], lacking: Mapping[Place, frozenset[Way]], latex: bool
) -> list[str]:
    """Lines that bring what a set of lines lacks, but for what its wrong lines bring when they are corrected."""
    point = points[0]
    sides = [left for v in verdicts if v.suggestion for left in v.statement.left if left.kind == "d"]
    mended = {case.place for left in sides for case in known_cases(point, left)}
    rest = {place: ways for place, ways in lacking.items() if place not in mended}
    lines = Absent(points, verdicts, rest, _spelled(point, verdicts, latex)[1]).lines
    return [line for line in lines if line not in [v.suggestion for v in verdicts]]


def _spelled(point: Point, verdicts: Sequence[Verdict], latex: bool) -> tuple[list[Statement], Spellings]:
    lines = [v.statement for v in verdicts if v.statement is not None and v.statement.tokens]
    return lines, Spellings(point.source, point.it.names, [*lines, *point.derivation.forward], latex)


class Search(Trial):
    """The search for what one line should have been."""

    def run(self) -> tuple[str, str] | None:
        if self.v.verdict == "overwrites":
            edit = self.editor(0).assign()[0]
            self.changed = edit.start, edit.end
            return applied(self.line, [edit], self.point.source)[1], "certain"
        self.need_of_chain()
        wrong = [m for m in range(len(self.line.members)) if not self.member_right(m)]
        last = len(self.line.members) - 1
        return (
            (self.left_alone() if len(wrong) == last + 1 > 1 else None)
            or self.edited(wrong or [last], self.mended_member)
            or self.written_anew()
            or (None if self.lacks else self.edited(wrong or [last], self.two_edits))
        )

    def left_alone(self) -> tuple[str, str] | None:
        """Another left-hand side for a whole chain."""
        for edit in self.editor(0).left():
            tokens, text = applied(self.line, [edit], self.point.source)
            if self.right(tokens, text) and reads_back(tokens, text):
                self.changed = edit.start, edit.end
                return text, "certain"
        return None

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
            after = next((t for t in self.line.tokens if t.end > start and t.end > t.start), self.line.tokens[-1])
            seen = self.point.source.text[start:end].strip()
            self.changed = (start, end) if seen else raised(found[0]) or (after.start, after.end)
        return text, max(grades, key=GRADES.index)

    def written_anew(self) -> tuple[str, str] | None:
        """The line under another left-hand side, after the pattern of a like line, or as the rules give it."""
        self.member = None
        other = None if self.lacks else self.other_left(self.editor(len(self.line.members) - 1).all())
        if other is not None:
            return other, "likely"
        whole = next((made for made in self.whole_lines() if self.right(*made, whole=True)), None)
        if whole is not None and reads_back(*whole):
            return whole[1], "likely"
        rule = self.by_rule()
        return (rule[1], "likely") if rule is not None and self.right(*rule) else None

    def mended_member(self, member: int) -> tuple[list[Edit], str] | None:
        """One change: a slip of the pen, what the author has written in a like place, or another one."""
        node = self.line.members[member]
        pen = Pen(self.line, member, self.spellings, (), ())
        like = [pen.replace(node, formula, 0, "like") for formula in self.like_members(member)]
        like = sorted(like, key=self.size)
        near = [edit for edit in like if NEAR * self.size(edit) <= max(edit.last - edit.first, len(edit.tokens))]
        singles = [edit for edit in self.editor(member).all()[:MOST] if self.reaches(edit)]
        if len(self.line.members) > 1:  # its left-hand side belongs to the whole chain
            singles = [edit for edit in singles if edit.kind != "left"]
        if self.lacks:
            singles = [edit for edit in singles if edit.kind in ("missing", "assign")]
        slips = [edit for edit in singles if is_slip(edit)]
        others = [edit for edit in singles if not is_slip(edit)]
        return (
            self.likeliest(slips)
            or self.first(near, "certain")
            or self.likeliest(others)
            or self.first(like, "likely")
            or self.first([pen.replace(node, formula, 0, "like") for formula in self.by_rules(one=False)], "likely")
        )

    def reaches(self, *edits: Edit) -> bool:
        """Whether a change can mend anything: a part without a value has to change, or what is beside it."""
        (start, end), member = self.v.at, self.line.members[self.member or 0]
        inside = member.start <= start and end <= member.end and (start, end) != (member.start, member.end)
        if not inside or self.v.verdict not in ("undefined", "does not fit", "ambiguous"):
            return True
        return any(edit.kind == "left" or (edit.start <= end and start <= edit.end) for edit in edits)

    def size(self, edit: Edit) -> int:
        """How many tokens an edit takes away or puts there."""
        first, last, new = changed(self.line.tokens, edit)
        return max(last - first, new)

    def first(self, edits: Sequence[Edit], grade: str) -> tuple[list[Edit], str] | None:
        """The first that holds."""
        right = (edit for edit in edits if self.holds([edit]))
        found = next((e for e in right if reads_back(*applied(self.line, [e], self.point.source))), None)
        return None if found is None else ([found], grade)

    def likeliest(self, edits: Sequence[Edit]) -> tuple[list[Edit], str] | None:
        """The first that holds; it is certain if none that is about as likely does."""
        good: dict[str, Edit] = {}
        for edit in edits:
            if len(good) > 1 or (good and edit.rank > next(iter(good.values())).rank + FAR):
                break
            if self.holds([edit]):
                tokens, text = applied(self.line, [edit], self.point.source)
                if reads_back(tokens, text):
                    good.setdefault(text, edit)
        if not good:
            return None
        first = next(iter(good.values()))
        return [first], "certain" if len(good) == 1 or first.rank < 2 else "likely"

    def two_edits(self, member: int) -> tuple[list[Edit], str] | None:
        pair = next((pair for pair in self.pairs(self.editor(member).all()[:MOST]) if self.holds(pair)), None)
        return (pair, "possible") if pair is not None else None

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
                apart = (a.last <= b.first and a.end <= b.start) or (b.last <= a.first and b.end <= a.start)
                if apart and self.reaches(a, b):
                    count += 1
                    if count > PAIRS:
                        return
                    yield [a, b]


def raised(edit: Edit) -> tuple[int, int] | None:
    """Where the operand stands that gets an exponent."""
    if edit.tree is None or edit.tree[1].kind not in ("transpose", "square"):
        return None
    return edit.tree[0].start, edit.tree[0].end


def is_slip(edit: Edit) -> bool:
    """Whether one thing stands for another that is near at hand, or is too much, and all else stays."""
    return edit.rank < 0 or (edit.kind in SLIPS and edit.rank < 40)


def reads_back(tokens: Sequence[Token], text: str) -> bool:
    """Whether the text of a suggestion reads as the tokens it was made with."""
    try:
        again = tokens_of(Source(text, "suggestion"), 0, len(text))
    except DerivationError:
        return False
    kinds = ("end", "tag", "group(", ")group")
    said = [[t.text for t in row if t.kind not in kinds] for row in (tokens, again)]
    return [x.replace("⊤", "T") for x in said[0]] == [x.replace("⊤", "T") for x in said[1]]
