"""The derivation run as code, from the seeds, with the author's own values: what is wrong because of which line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tinyad.arrays.matrix import Array
from tinyad.derivation.judge.contributions import Case, known_cases
from tinyad.derivation.judge.line_verdict import value_of
from tinyad.derivation.judge.targets import is_labelled_term, used_labels
from tinyad.derivation.judge.thresholds import LINES_RUN
from tinyad.derivation.judge.verdicts import LineVerdict, Verdict
from tinyad.derivation.language.syntax_tree import Node, Statement
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.forward import label
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Trouble

# The verdicts on lines that have a value, and a wrong one.
RUN = (Verdict.WRONG, Verdict.OTHER_LAYOUT, Verdict.OVERWRITES, Verdict.COUNTED_TWICE, Verdict.MISSING)


def with_consequences(points: Sequence[SamplePoint], verdicts: Sequence[LineVerdict]) -> list[LineVerdict]:
    """Return the verdicts, with the derivatives of declared names that come out wrong if one line alone is wrong."""
    out = list(verdicts)
    for n in [n for n, v in enumerate(verdicts) if v.verdict in RUN][:LINES_RUN]:
        out[n] = verdicts[n]._replace(spoils=tuple(wrong_results(points[0], verdicts, n)))
    return out


def wrong_results(point: SamplePoint, verdicts: Sequence[LineVerdict], wrong: int) -> list[str]:
    """Run the lines, with all wrong ones but one put right, and return the names whose derivatives come out wrong."""
    run = _Run(point, {place: sum(dz for _, _, dz in seeds) for place, seeds in point.seeds.items()})
    loss = (point.declarations.names.loss, None)
    for turn in _turns(point, verdicts):
        if not any(total for _, total, _ in point.seeds.get(turn.case.place, ())):
            run.step(turn, turn.verdict == wrong or verdicts[turn.verdict].ok)
    return [
        label(*place)
        for place, value in run.derivatives.items()
        if place in run.set_places
        and not point.forward.is_computed(place)
        and place != loss
        and not point.near(place, value, point.true_derivative(place))
    ]


class _Turn(NamedTuple):
    """A left-hand side of a line in one case: what one step of the code computes."""

    verdict: int  # which one
    line: Statement
    side: int
    case: Case


@dataclass
class _Run:
    """The derivatives that have been computed so far, in row layout, and those that a line has set."""

    point: SamplePoint
    derivatives: dict[TimedName, Any]
    set_places: set[TimedName] = field(default_factory=set)

    def step(self, turn: _Turn, as_it_stands: bool) -> None:
        """Run one line as it stands, or put right."""
        place = turn.case.place
        if as_it_stands:
            value = _value(turn, self.point.evaluator.replace(derivative=self._derivative))
            if value is None:
                return
            adds = turn.line.sign == "+=" and place in self.derivatives
            self.derivatives[place] = self.derivatives[place] + value if adds else value
        else:
            self.derivatives[place] = self.point.true_derivative(place)
        self.set_places.add(place)

    def _derivative(self, evaluator: Evaluator, place: TimedName, name: str | None, node: Node) -> Array:
        """Return the derivative that the lines have computed; the true one where they have not."""
        if name is not None or place not in self.set_places:
            return self.point.derivative(evaluator, place, name, node)
        return self.point.turned(self.derivatives[place])


def _value(turn: _Turn, evaluator: Evaluator) -> Array | None:
    """Return what a line gives, transposed if it fits only then; None if it gives nothing that fits."""
    try:
        value = value_of(turn.case, turn.line, turn.side, turn.line.members[-1], evaluator)
    except Trouble:
        return None
    fitting = (a for a in (value, value.T) if a.shape == turn.case.shape)
    return next(fitting, None)


def _turns(point: SamplePoint, verdicts: Sequence[LineVerdict]) -> Iterator[_Turn]:
    """Yield all left-hand sides in the order of the code: in a sequence from T to 1.

    What has no time comes last, unless it stands before all lines that have one.
    """
    labels = used_labels(verdicts)
    timed, before, after = list[_Turn](), list[_Turn](), list[_Turn]()
    for n, v in enumerate(verdicts):
        if v.statement is None or not v.readings or is_labelled_term(v, labels):
            continue
        for side, left in enumerate(v.statement.left):
            for case in known_cases(point, left) if left.kind == "d" else ():
                turns = timed if case.scope.t is not None else after if timed or point.last is None else before
                turns.append(_Turn(n, v.statement, side, case))
    yield from before
    for t in range(point.last or 0, 0, -1):
        yield from (turn for turn in timed if turn.case.scope.t == t)
    yield from after
