"""The derivatives that a line uses, at all times, and for which of those that it sets."""

from __future__ import annotations

from collections.abc import Mapping, Set
from contextlib import suppress

from tinyad.arrays.matrix import Array
from tinyad.derivation.judge.contributions import Case, known_cases
from tinyad.derivation.judge.targets import defines_notation
from tinyad.derivation.judge.verdicts import LineVerdict
from tinyad.derivation.language.syntax_tree import Node, Statement
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Trouble

Used = dict[TimedName, Node]  # a derivative → where in the line it is used


class Uses:
    """The derivatives that the lines of one set use and set; each line is evaluated once."""

    def __init__(self, point: SamplePoint) -> None:
        self._point = point
        self._known: dict[int, list[tuple[TimedName, Used]]] = {}  # by the ids of lines
        self._lines: list[Statement] = []  # kept, so that their ids are not used again

    def of(self, v: LineVerdict) -> Used:
        """Return the derivatives that a line uses, at all times."""
        return {place: node for _, used in self.by_target(v) for place, node in used.items()}

    def by_target(self, v: LineVerdict) -> list[tuple[TimedName, Used]]:
        """Return (what a line sets, what it uses for that).  One member of a chain may be what the chain is about."""
        line = v.statement
        if line is None or not v.readings:
            return []
        if id(line) not in self._known:
            self._lines.append(line)
            uses = self._known[id(line)] = []
            for left in line.left:
                for case in known_cases(self._point, left) if left.kind == "d" else ():
                    members = [self._in_formula(member, case) for member in line.members]
                    others = [m for m in members if case.place not in m] if len(members) > 1 else members
                    uses.append((case.place, {p: node for m in others or members for p, node in m.items()}))
        return self._known[id(line)]

    def set_by(self, v: LineVerdict) -> set[TimedName]:
        """Return what a line sets; nothing if it only defines a notation."""
        line = v.statement
        if line is None or defines_notation(line):
            return set()
        return {case.place for left in line.left if left.kind == "d" for case in known_cases(self._point, left)}

    def _in_formula(self, member: Node, case: Case) -> Used:
        """Return the derivatives that the value of a formula depends on."""
        point, used = self._point, Used()

        def derivative(evaluator: Evaluator, place: TimedName, name: str | None, node: Node) -> Array:
            if name is None and place in point.values:
                used[place] = node
            return point.derivative(evaluator, place, name, node)

        with suppress(Trouble, ArithmeticError, RecursionError):  # then what it used up to there
            point.evaluator.replace(derivative=derivative)(member, case.scope)
        return used


def circular(uses: Mapping[TimedName, Set[TimedName]]) -> set[TimedName]:
    """Return the derivatives that are made from themselves; `uses`: what each one is made from."""
    open_ = dict(uses)
    while ready := [p for p, needs in open_.items() if not any(q in open_ for q in needs)]:
        for p in ready:
            del open_[p]
    return {p for p in open_ if _reaches(open_, p)}


def _reaches(uses: Mapping[TimedName, Set[TimedName]], start: TimedName) -> bool:
    """Return whether a derivative is used for itself, by any way round."""
    seen: set[TimedName] = set()
    ahead = list(uses[start])
    while ahead:
        place = ahead.pop()
        if place == start:
            return True
        if place not in seen:
            seen.add(place)
            ahead += uses.get(place, ())
    return False
