"""Conditions under which wrong lines hold: that the columns of labels sum to 1, that softmax goes by rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy

from tinyad.derivation.judge.line_verdict import judge_line
from tinyad.derivation.judge.targets import target_of
from tinyad.derivation.judge.thresholds import LABELS_TRIED
from tinyad.derivation.judge.verdicts import Condition, ConditionKind, LineVerdict, Verdict
from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.language.syntax_tree import Node, walk
from tinyad.derivation.semantics.forward import Forward
from tinyad.derivation.semantics.sample_point import SamplePoint

CONDITIONAL = (Verdict.WRONG, Verdict.DOES_NOT_FIT)  # the verdicts of lines for which a condition is looked for


def with_conditions(
    points: Sequence[SamplePoint],
    verdicts: Sequence[LineVerdict],
    prepare: Callable[[Sequence[SamplePoint]], Sequence[SamplePoint]],
) -> list[LineVerdict]:
    """Return the verdicts, with a condition for wrong lines that hold under one.

    `prepare` returns new points with the labels of this set of lines.
    """
    out = list(verdicts)
    wrong = [n for n, v in enumerate(out) if v.verdict in CONDITIONAL and v.statement is not None and v.readings]
    for condition, it in _conditions(points[0], verdicts) if wrong else ():
        derivation = points[0].derivation._replace(declarations=it)
        try:
            changed = prepare([SamplePoint(Forward(derivation, point.drawing)) for point in points])
        except DerivationError:  # then the forward gives no finite numbers
            continue
        for n in wrong:
            v = out[n]
            if v.condition is None and judge_line(changed, v.statement).ok:
                out[n] = v._replace(condition=condition, message=condition.text, at=(v.start, v.end))
    return out


def _conditions(point: SamplePoint, verdicts: Sequence[LineVerdict]) -> Iterator[tuple[Condition, Declarations]]:
    """Yield the conditions that are possible here, and declarations under which they are met."""
    functions = point.declarations.names.functions
    calls = [
        node
        for eq in point.derivation.forward
        for member in eq.members
        for node in walk(member)
        if node.kind == "call" and functions.get(node.value.key, node.value.key) in ("softmax", "log_softmax")
    ]
    for key in _names_of_labels(point, verdicts) if calls else ():
        it = copy(point.declarations)
        it.shares = it.shares | {key}
        yield Condition(ConditionKind.COLUMNS_SUM_TO_1, _text(point, it.declared[key])), it
    columns = [node for node in calls if functions.get(node.value.key) == "softmax"]
    if columns:
        it = copy(point.declarations)
        it.names = copy(it.names)
        it.names.functions = {key: "softmax_rows" if f == "softmax" else f for key, f in functions.items()}
        arguments = ", ".join(_text(point, part) for part in columns[0].parts)
        yield Condition(ConditionKind.SOFTMAX_ALONG_ROWS, arguments), it


def _names_of_labels(point: SamplePoint, verdicts: Sequence[LineVerdict]) -> list[str]:
    """Return the names that may be labels: no line sets their derivative and no equation computes them."""
    it = point.declarations
    derived = {target_of(point, r.of)[0] for v in verdicts for r in v.readings if r.of is not None}
    used = {key for key, _ in point.values}
    names = [key for key in it.shapes if key in used and key not in {*point.forward.keys, *derived, *it.shares}]
    return sorted(names, key=lambda key: key not in it.constant)[:LABELS_TRIED]


def _text(point: SamplePoint, node: Node) -> str:
    return point.source.text[node.start : node.end]
