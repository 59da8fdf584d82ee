"""The contributions that a line has to bring: those that no other line brings."""

from __future__ import annotations

from tinyad.derivation.judge.contributions import NO_KEYS, Keys
from tinyad.derivation.judge.line_verdict import read_line
from tinyad.derivation.judge.targets import is_labelled_term, target_of
from tinyad.derivation.judge.verdicts import Verdict
from tinyad.derivation.language.syntax_tree import Node
from tinyad.derivation.repair.wrong_line import WrongLine


class RequiredContributions:
    """The contributions that a wrong line has to bring; `of_sides` has them for each of its left-hand sides."""

    def __init__(self, wrong: WrongLine) -> None:
        self._wrong = wrong
        self.of_sides = [self.of(left) for left in wrong.line.left]

    def of(self, left: Node, known: Keys | None = None) -> Keys | None:
        """Return what a line for `left` has to bring; None if it sets no derivative.

        For another left-hand side than the line has, `known` are its contributions, and what any right line brings
        is not required again; for its own, a line that sets all of it leaves it to this line to do so too.
        """
        if left.kind != "d":
            return None
        wrong = self._wrong
        target = target_of(wrong.point, left.value[0])
        others, full, several = NO_KEYS, known or NO_KEYS, False
        for v in wrong.verdicts:
            own = v is wrong.verdict
            if not own and is_labelled_term(v, wrong.labels) != is_labelled_term(wrong.verdict, wrong.labels):
                continue
            for reading in v.readings:
                if reading.of is None or target_of(wrong.point, reading.of) != target:
                    continue
                full = full | reading.all_contributions
                if not own:
                    several = True
                    adds = reading.verdict == Verdict.RIGHT and (known is not None or v.statement.sign == "+=")
                    if adds or reading.contributions != reading.all_contributions:
                        others = others | reading.contributions
        handed_in = frozenset(key for key in full if key.equation is None)
        return full - others - handed_in if several or handed_in else full

    def take_from_chain(self) -> None:
        """Require of a part of a derivative what the right members of its line bring."""
        wrong = self._wrong
        for k in range(len(wrong.line.left)) if is_labelled_term(wrong.verdict, wrong.labels) else ():
            readings = [read_line(wrong.points[:1], wrong.line, k, m) for m in range(len(wrong.line.members))]
            self.of_sides[k] = next((r.contributions for r in readings if r.verdict == Verdict.RIGHT), self.of_sides[k])
