"""Lines that nobody wrote: for the contributions that a set of lines lacks, as its author would write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tinyad.derivation.judge.contributions import Way, in_order
from tinyad.derivation.judge.line_verdict import read_line
from tinyad.derivation.judge.verdicts import Verdict, known_cases, target_of
from tinyad.derivation.language.reader import tokens_of
from tinyad.derivation.language.source import DerivationError, Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.repair.analogy import exchanged, is_routine, paired
from tinyad.derivation.repair.author_notation import Spelling, Spellings
from tinyad.derivation.repair.from_rule import operands, routine
from tinyad.derivation.repair.rule_formulas import contribution
from tinyad.derivation.semantics.forward import Place
from tinyad.derivation.semantics.sample_point import Point

MOST = 12  # lines that are proposed


class Absent:
    """The search for lines that are left out of one set.  `lines` is what comes out."""

    def __init__(
        self,
        points: Sequence[Point],
        verdicts: Sequence[Verdict],
        lacking: Mapping[Place, frozenset[Way]],
        spellings: Spellings,
    ) -> None:
        self.points, self.point, self.lacking, self.spellings = points, points[0], lacking, spellings
        self.written = [v.statement for v in verdicts if v.statement is not None and v.statement.members]
        self.right = [v for v in verdicts if v.ok and v.statement in self.written and v.readings]
        self.set_ = {target_of(self.point, r.of) for v in verdicts for r in v.readings if r.of is not None}
        self.set_ |= {target_of(self.point, ref) for ref, _, _ in self.point.it.given}
        found = {way[0] for ways in lacking.values() for way in ways if way[0] is not None}
        lines = (self.line(k) for k in sorted(found, reverse=True))
        self.lines = [text for texts in lines for text in texts][:MOST]

    def line(self, equation: int) -> list[str]:
        """What has to be written for one equation: one line of the routine, or one for each derivative."""
        eq = self.point.derivation.forward[equation]
        if all(is_routine(line.members[0]) for line in self.written):
            made = routine(self.point, self.spellings, eq)
            sides = [self.spellings.derivative(ref) for ref in operands(eq)]
            if made is None or any(side is None for side in sides):
                return []
            text = f"[{', '.join(side.text for side in sides if side is not None)}] += {made.text}"
            return [text] if self.holds(text, equation) else []
        found = []
        for ref in dict.fromkeys(operands(eq)):
            texts = (*self.like(equation, ref), *self.by_rule(equation, ref))
            found += [text for text in texts if self.holds(text, equation)][:1]
        return found

    def like(self, equation: int, ref: Ref) -> Iterator[str]:
        """Right lines about equations of the same form, in the names of this one."""
        forward = self.point.derivation.forward
        for v in self.right:
            if len(v.statement.left) == 1 and v.statement.left[0].kind == "d":
                about = [way[0] for reading in v.readings for way in in_order(reading.ways)]
                for there in dict.fromkeys(k for k in about if k is not None and k != equation):
                    pairs = paired(forward[there], forward[equation])
                    if pairs is not None and pairs.get(v.statement.left[0].value[0]) == ref:
                        chain = Node("chain", v.statement.members, None, v.statement.members[0].start, v.end)
                        made = exchanged(self.spellings, v.statement, chain, pairs)
                        yield from self.set_to(ref, made)

    def by_rule(self, equation: int, ref: Ref) -> Iterator[str]:
        """The contribution as the table's rule gives it."""
        for use in range(operands(self.point.derivation.forward[equation]).count(ref)):
            yield from self.set_to(ref, contribution(self.point, self.spellings, equation, ref, use))

    def set_to(self, ref: Ref, formula: Spelling | None) -> Iterator[str]:
        side = self.spellings.derivative(ref)
        several = len({way[0] for (key, _), ways in self.lacking.items() if key == ref.key for way in ways}) > 1
        sign = "+=" if several or target_of(self.point, ref) in self.set_ else "="
        if side is not None and formula is not None:
            yield f"{side.text} {sign} {formula.text}"

    def holds(self, text: str, equation: int) -> bool:
        """Whether a line brings what is lacking of an equation, and nothing else."""
        try:
            tokens = [t for t in tokens_of(Source(text, "proposed"), 0, len(text)) if t.kind != "end"]
            line = self.point.it.parser().statement(tokens)
        except DerivationError:
            return False
        return all(left.kind == "d" and self.brings(line, k, equation) for k, left in enumerate(line.left))

    def brings(self, line: Statement, k: int, equation: int) -> bool:
        reading = read_line(self.points, line, k)
        places = [case.place for case in known_cases(self.point, line.left[k])]
        lacking = frozenset[Way]().union(*(self.lacking.get(place, ()) for place in places))
        about = all(way[0] == equation for way in reading.ways)
        return reading.verdict == "right" and bool(reading.ways) and about and reading.ways <= lacking
