"""A first look at a changed line: its value at one time of one sample point; what edits leave as it is, is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.judge.contributions import Case, ContributionKey, contributions_to, known_cases
from tinyad.derivation.judge.equalities import Sides, are_equal, names_moving, scopes_of
from tinyad.derivation.judge.line_verdict import value_of
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, walk
from tinyad.derivation.repair.component_indices import FreeIndices
from tinyad.derivation.repair.required_contributions import RequiredContributions
from tinyad.derivation.repair.wrong_line import WrongLine
from tinyad.derivation.semantics.environment import NodeCache, TimedName
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.values import Scope, Trouble

NO_VALUE = (Trouble, ArithmeticError, ValueError, RecursionError)


class FirstLook:
    """Tell which changes of one wrong line do not hold, by one value of each."""

    def __init__(self, wrong: WrongLine, required: RequiredContributions) -> None:
        self._wrong, self._required = wrong, required
        parts = [node for formula in (*wrong.line.left, *wrong.line.members) for node in walk(formula)]
        self._unchanged = frozenset(id(node) for node in parts)
        self._indices = FreeIndices(wrong.point.declarations, self._unchanged)
        self._evaluators: dict[Any, Evaluator] = {}
        self._cases: dict[Ref, list[Case]] = {}
        self._contributions: dict[tuple[int, TimedName], dict[ContributionKey, Array]] = {}
        self._sums: dict[tuple[int, TimedName], tuple[Array, Array]] = {}

    def may_hold(self, line: Statement, member: int | None) -> bool:
        """Return False if a changed line does not hold; of a chain, the `member` that was changed, or its last."""
        node = line.members[-1 if member is None else member]
        for k, left in enumerate(line.left):
            needs, own = self._required.of_sides[k], self._wrong.line.left[k]
            if left.kind != "d":
                if not self._sides_may_be_equal(line, left, node):
                    return False
                continue
            if not needs or own.kind != "d" or left.value[0] != own.value[0]:
                return True
            if not self._side_may_hold(line, k, node):
                return False
        return True

    def _side_may_hold(self, line: Statement, k: int, node: Node) -> bool:
        """Return the same for one left-hand side that is a derivative."""
        point, left = self._wrong.point, line.left[k]
        free = self._indices.of(node) if point.declarations.names.indices else None
        cases = self.cases_of(left) if free is None or free == {*left.value[0].indices} else []
        if not cases:
            return False
        case = cases[min(1, len(cases) - 1)]
        value = self.value(case, line, node, k)
        if value is None or value.shape != point.values[case.place].shape[::-1]:
            return False
        return any(point.near(case.place, value, total) for total in self._totals(k, case))

    def _sides_may_be_equal(self, line: Statement, left: Node, node: Node) -> bool:
        """Return the same for a Jacobian, a name or a function of names."""
        point = self._wrong.point
        if left.kind == "differential":  # that of the loss may be any part of it
            return True
        scope = next(iter(scopes_of(point, line)), None)
        if scope is None:
            return True
        moving = names_moving(point, line, scope) - {(point.declarations.names.loss, None)}
        evaluator = self._evaluator((moving, "of no derivative"), scope, moving=moving)
        if self._has_failed(evaluator, node):
            return False
        try:
            return are_equal(Sides(point, evaluator, scope), left, node)
        except NO_VALUE:
            return False

    def value(self, case: Case, line: Statement, node: Node, k: int) -> Array | None:
        """Return what a formula of a line gives for left-hand side k; None if it has no value."""
        scope = case.scope
        if line.sign == "+=" and case.point.last is not None and scope.t is None:
            scope = scope._replace(t=1)  # added up over the times
        evaluator = self._evaluator(case.shape, scope, left_shape=case.shape)
        if self._has_failed(evaluator, node):
            return None
        try:
            return value_of(case, line, k, node, evaluator)
        except NO_VALUE:
            return None

    def cases_of(self, left: Node) -> list[Case]:
        """Return the cases of a derivative at the first point."""
        ref: Ref = left.value[0]
        if ref not in self._cases:
            self._cases[ref] = known_cases(self._wrong.point, left)
        return self._cases[ref]

    def _totals(self, k: int, case: Case) -> tuple[Array, Array]:
        """Return the sum of all contributions to a derivative, and of those that are required."""
        key = k, case.place
        if key not in self._contributions:
            self._contributions[key] = contributions_to(case)
        if key not in self._sums:
            contributions, needs = self._contributions[key], self._required.of_sides[k] or ()
            zeros = np.zeros(self._wrong.point.values[case.place].shape[::-1])
            self._sums[key] = (
                sum(contributions.values(), zeros),
                sum((a for c, a in contributions.items() if c in needs), zeros),
            )
        return self._sums[key]

    # Values that are kept

    def _evaluator(self, key: Any, scope: Scope, **changes: Any) -> Evaluator:
        """Return an evaluator in an environment with a key; it keeps the values of what edits leave as it is."""
        if key not in self._evaluators:
            evaluator = self._wrong.point.evaluator.replace(cache=NodeCache(self._unchanged), **changes)
            for member in self._wrong.line.members:
                find_failures(evaluator, member, scope)
            self._evaluators[key] = evaluator
        return self._evaluators[key]

    def _has_failed(self, evaluator: Evaluator, node: Node) -> bool:
        """Return whether a part of a formula that edits have left as it is has no value."""
        cache = evaluator.environment.cache
        if cache is None or not cache.failed:
            return False
        if id(node) in self._unchanged:
            return id(node) in cache.failed
        return any(self._has_failed(evaluator, part) for part in node.parts)


def find_failures(evaluator: Evaluator, node: Node, scope: Scope) -> None:
    """Evaluate every part of a formula on its own, so that the evaluator notes those that have no value."""
    inside = [scope]
    if node.kind == "sum" and node.value[0] != "index":
        try:
            inside = evaluator.scopes_of_sum(node, scope)
        except Trouble:
            inside = []
    for inner in inside[:1]:
        for part in node.parts if node.kind not in ("jacobian", "prime", "differential") else ():
            find_failures(evaluator, part, inner)
    try:
        evaluator(node, scope)
    except NO_VALUE:
        return
