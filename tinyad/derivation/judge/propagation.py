"""The derivation run as a program, from the seeds, with the author's own values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tinyad.derivation.judge.contributions import Case
from tinyad.derivation.judge.line_verdict import value_of
from tinyad.derivation.judge.verdicts import Verdict, is_part, known_cases, labels_of
from tinyad.derivation.language.syntax_tree import Node, Statement
from tinyad.derivation.semantics.forward import Place, label
from tinyad.derivation.semantics.sample_point import Point
from tinyad.derivation.semantics.values import Trouble


def spoiled(points: Sequence[Point], verdicts: list[Verdict]) -> list[Verdict]:
    """For every wrong line: which derivatives of declared names come out wrong if it alone is as written."""
    point = points[0]
    wrong = [
        n
        for n, v in enumerate(verdicts)
        if not v.ok and v.verdict in ("wrong", "other layout", "overwrites", "counted twice", "missing")
    ]
    out = list(verdicts)
    for n in wrong[:20]:
        finals = run(point, verdicts, n)
        out[n] = verdicts[n]._replace(spoils=tuple(finals))
    return out


def run(point: Point, verdicts: list[Verdict], wrong: int) -> list[str]:
    """Run the lines with their own values, all wrong ones but one put right: which finals come out wrong."""
    own: dict[Place, Any] = {place: sum(dz for _, _, dz in parts) for place, parts in point.seeds.items()}
    loss = (point.it.names.loss, None)
    begun: set[Place] = set()
    touched: set[Place] = set()
    outer = point.arrays.d
    labels = labels_of(verdicts)

    def d(key: str, moment: Any, name: str | None, node: Node) -> Any:
        place = key, moment
        if name is not None or place not in begun:
            return outer(key, moment, name, node)
        return point.turned(own[place])

    lines = [
        (k, v) for k, v in enumerate(verdicts) if v.statement is not None and v.readings and not is_part(v, labels)
    ]
    point.arrays.d = d
    try:
        for k, verdict, j, case in _in_turn(point, lines):
            if not any(total for _, total, _ in point.seeds.get(case.place, ())):
                _step(point, own, begun, touched, case, verdict.statement, j, k == wrong or verdict.ok)
        finals = []
        for place in own:
            if (
                place in touched
                and not point.is_computed(place)
                and place != loss
                and not point.near(place, own[place], point.true(place))
            ):
                finals.append(label(*place))
        return finals
    finally:
        point.arrays.d = outer


def _in_turn(point: Point, lines: Sequence[tuple[int, Verdict]]) -> Iterator[tuple[int, Verdict, int, Case]]:
    """(line, verdict, left-hand side, case) in the order of a program: in a sequence from T to 1.

    What has no time comes last, unless it stands before all lines that have one.
    """
    timed: list[tuple[int, Verdict, int, Case]] = []
    before, after = list(timed), list(timed)
    for k, verdict in lines:
        for j, left in enumerate(verdict.statement.left):
            for case in known_cases(point, left) if left.kind == "d" else ():
                turn = k, verdict, j, case
                (timed if case.scope.t is not None else after if timed or point.last is None else before).append(turn)
    yield from before
    for t in range(point.last or 0, 0, -1):
        yield from (turn for turn in timed if turn[3].scope.t == t)
    yield from after


def _step(
    point: Point,
    own: dict[Place, Any],
    begun: set[Place],
    touched: set[Place],
    case: Any,
    line: Statement,
    j: int,
    as_written: bool,
) -> None:
    place = case.place
    if as_written:
        try:
            value = value_of(case, line, line.members[-1], j, line.left[j].value[0], point.values[place].shape[::-1])
        except Trouble:
            return
        if value.shape != point.values[place].shape[::-1]:
            value = value.T
        if value.shape != point.values[place].shape[::-1]:
            return
        own[place] = own[place] + value if line.sign == "+=" and place in own else value
    else:
        own[place] = point.true(place)
    begun.add(place)
    touched.add(place)
