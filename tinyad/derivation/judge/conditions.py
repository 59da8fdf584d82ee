"""Conditions under which wrong lines hold: labels that sum to 1, softmax along rows, symmetric matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from itertools import combinations
from typing import NamedTuple

from tinyad.derivation.judge.line_verdict import judge_line
from tinyad.derivation.judge.targets import target_of
from tinyad.derivation.judge.thresholds import LABELS_TRIED, MATRICES_TRIED, TRANSPOSITIONS_TRIED
from tinyad.derivation.judge.verdicts import Condition, ConditionKind, LineVerdict, Verdict
from tinyad.derivation.language.declarations import Declarations, MatrixKind
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.source import DerivationError, LimitError
from tinyad.derivation.language.syntax_tree import Node, Statement, walk
from tinyad.derivation.semantics.forward import Forward
from tinyad.derivation.semantics.sample_point import SamplePoint

Points = Sequence[SamplePoint]


class Supposition(NamedTuple):
    """A condition that may be meant, and the declarations under which it is met; names: those that it is about.

    equations: those in which the softmax stands that it is about.  of_all_names: it is about all names that others are
    about, and only tells which lines can be explained at all.
    """

    condition: Condition
    declarations: Declarations
    names: tuple[str, ...] = ()
    equations: frozenset[int] = frozenset()
    of_all_names: bool = False


def with_conditions(
    points: Points, verdicts: Sequence[LineVerdict], prepare: Callable[[Points], Points]
) -> list[LineVerdict]:
    """Return the verdicts, with a condition for wrong lines that hold under one.

    Under the condition the line has to equal a derivative that is not 0, and the other lines have to stay right.
    `prepare` returns new points with the labels of this set of lines.
    """
    out = list(verdicts)
    wrong = [n for n, v in enumerate(out) if v.verdict is Verdict.WRONG and v.statement is not None and v.readings]
    hopeless: set[tuple[ConditionKind, int]] = set()  # (kind, line): not even with all names that it may be about
    for supposed in _suppositions(points[0], verdicts) if wrong else ():
        kind, derivation = supposed.condition.kind, points[0].derivation._replace(declarations=supposed.declarations)
        open_ = [n for n in wrong if (kind, n) not in hopeless and out[n].condition is None]
        open_ = [n for n in open_ if supposed.of_all_names or _may_be_meant(points, out[n], supposed)]
        try:
            holding = _holding_at_first(points[0], derivation, open_, out, prepare) if open_ else []
            if supposed.of_all_names:
                hopeless |= {(kind, n) for n in open_ if n not in holding}
                continue
            changed = prepare([SamplePoint(Forward(derivation, point.drawing)) for point in points] if holding else [])
        except LimitError:
            raise
        except DerivationError:  # then the forward gives no finite numbers
            continue
        holding = [n for n in holding if _holds_and_is_not_zero(changed, out[n])]
        if holding and all(judge_line(changed, v.statement).ok for v in verdicts if v.ok and v.statement is not None):
            for n in holding:
                v, condition = out[n], supposed.condition
                out[n] = v._replace(condition=condition, message=condition.text, at=(v.start, v.end), looks_like="")
    return out


def _holding_at_first(
    point: SamplePoint,
    derivation: Derivation,
    lines: Sequence[int],
    verdicts: Sequence[LineVerdict],
    prepare: Callable[[Points], Points],
) -> list[int]:
    """Return which lines hold under other declarations at one sample point: a first look, which most do not stand."""
    first = SamplePoint(Forward(derivation, point.drawing))
    first.rounding = point.rounding
    return [n for n in lines if judge_line(prepare([first]), verdicts[n].statement).ok]


def _holds_and_is_not_zero(points: Points, v: LineVerdict) -> bool:
    """Return whether a line holds at these points, for a derivative that is not 0 at all of them."""
    judged = judge_line(points, v.statement)
    targets = [target_of(points[0], r.of)[0] for r in judged.readings if r.of is not None]
    return judged.ok and all(
        any(
            not point.is_rounding(place, point.true_derivative(place))
            for point in points
            for place in point.values
            if place[0] == key
        )
        for key in targets
        if any(place[0] == key for place in points[0].values)
    )


def _suppositions(point: SamplePoint, verdicts: Sequence[LineVerdict]) -> Iterator[Supposition]:
    """Yield the conditions that are possible here."""
    functions = point.declarations.names.functions
    nodes = [node for eq in point.derivation.forward for member in eq.members for node in walk(member)]
    calls = [n for n in nodes if n.kind == "call" and functions.get(n.value.key, n.value.key) in LABELLED]
    free = _names_without_derivative(point, verdicts)
    yield from _labels(point, [*calls, *(n for n in nodes if _sums_exponentials(n))], free)
    columns = [node for node in calls if functions.get(node.value.key) == "softmax"]
    if columns:
        it = copy(point.declarations)
        it.names = copy(it.names)
        it.names.functions = {key: "softmax_rows" if f == "softmax" else f for key, f in functions.items()}
        arguments = ", ".join(_text(point, part) for part in columns[0].parts)
        equations = frozenset(
            k
            for k, eq in enumerate(point.derivation.forward)
            if any(node in columns for member in eq.members for node in walk(member))
        )
        yield Supposition(Condition(ConditionKind.SOFTMAX_ALONG_ROWS, arguments), it, equations=equations)
    square = [key for key in free if _is_square(point, key) and key not in point.declarations.matrix_kinds]
    square = square[:MATRICES_TRIED]
    subsets = [names for n in range(1, len(square) + 1) for names in combinations(square, n)]
    for k, names in enumerate([tuple(square), *subsets] if len(square) > 1 else subsets):
        it = copy(point.declarations)
        it.matrix_kinds = it.matrix_kinds | dict.fromkeys(names, MatrixKind.SYMMETRIC)
        subject = ", ".join(_declared(point, key) for key in names)
        yield Supposition(
            Condition(ConditionKind.SYMMETRIC, subject), it, names, of_all_names=k == 0 and len(square) > 1
        )


def _sums_exponentials(node: Node) -> bool:
    """Return whether this is a sum such as Σ_j e^{z_j}, with which a softmax is written in components."""
    terms = walk(node.parts[0]) if node.kind == "sum" and node.value[0] == "index" else ()
    return any(n.kind == "call" and n.value.key == "exp" for n in terms)


def _is_along_rows(node: Node, functions: Mapping[str, str]) -> bool:
    """Return whether a softmax is over each row: of S_ij over j."""
    if node.kind == "call":
        return functions.get(node.value.key) == "softmax_rows"
    return any(n.kind == "name" and n.value.indices[1:] == (node.value[1],) for n in walk(node))


LABELLED = ("softmax", "log_softmax", "softmax_rows")  # functions that come with labels


def _labels(point: SamplePoint, calls: Sequence[Node], free: Sequence[str]) -> Iterator[Supposition]:
    """Yield that the columns, or the rows, of a name sum to 1: of one that is not inside of the softmax itself."""
    functions = point.declarations.names.functions
    inside = {node.value.key for call in calls for node in walk(call) if node.kind == "name"}
    along_rows = any(_is_along_rows(call, functions) for call in calls)
    kind = ConditionKind.ROWS_SUM_TO_1 if along_rows else ConditionKind.COLUMNS_SUM_TO_1
    labels = [key for key in free if key not in inside and point.forward.shape(key)[along_rows] > 1]
    for key in labels[:LABELS_TRIED] if calls else ():
        it = copy(point.declarations)
        if along_rows:
            it.row_shares = it.row_shares | {key}
        else:
            it.shares = it.shares | {key}
        yield Supposition(Condition(kind, _declared(point, key)), it, (key,))


def _names_without_derivative(point: SamplePoint, verdicts: Sequence[LineVerdict]) -> list[str]:
    """Return the names that may be data: no line sets their derivative and no equation computes them."""
    it = point.declarations
    derived = {target_of(point, r.of)[0] for v in verdicts for r in v.readings if r.of is not None}
    used = {key for key, _ in point.values}
    others = {*point.forward.keys, *derived, *it.shares, *it.row_shares, *it.ranges}
    names = [key for key in it.shapes if key in used and key not in others]
    return sorted(names, key=lambda key: key not in it.constant)


def _is_square(point: SamplePoint, key: str) -> bool:
    rows, columns = point.declarations.shapes[key]
    return rows == columns and point.forward.shape(key)[0] > 1


def _may_be_meant(points: Points, v: LineVerdict, supposed: Supposition) -> bool:
    """Return whether a condition may explain a wrong line: it is about what the line or its equations use."""
    equations = {key.equation for r in v.readings for key in r.all_contributions if key.equation is not None}
    if supposed.equations:
        return bool(equations & supposed.equations)
    symmetric = supposed.condition.kind is ConditionKind.SYMMETRIC
    forward = [member for k in equations for member in points[0].derivation.forward[k].members] if symmetric else []
    used = {n.value.key for member in (*v.statement.members, *forward) for n in walk(member) if n.kind == "name"}
    if not used >= set(supposed.names):
        return False
    return not (symmetric and _has_slip(points, v.statement, supposed))


def _has_slip(points: Points, line: Statement, supposed: Supposition) -> bool:
    """Return whether a line holds with one of the names transposed: then that is its mistake, not a condition."""
    tried = 0
    for k, member in enumerate(line.members):
        for changed in _with_one_transposed(member, supposed.names):
            tried += 1
            if tried > TRANSPOSITIONS_TRIED:
                return False
            members = (*line.members[:k], changed, *line.members[k + 1 :])
            if judge_line(points, line._replace(members=members)).ok:
                return True
    return False


def _with_one_transposed(node: Node, names: Sequence[str]) -> Iterator[Node]:
    """Yield a formula with one occurrence of one of the names transposed."""
    if node.kind == "transpose" and _is_one_of(node.parts[0], names):
        yield node.parts[0]
        return
    if _is_one_of(node, names):
        yield Node("transpose", (node,), None, node.start, node.end)
    for k, part in enumerate(node.parts):
        for changed in _with_one_transposed(part, names):
            yield node._replace(parts=(*node.parts[:k], changed, *node.parts[k + 1 :]))


def _is_one_of(node: Node, names: Sequence[str]) -> bool:
    return node.kind == "name" and node.value.key in names


def _declared(point: SamplePoint, key: str) -> str:
    """Return a name as it is declared; one that only an exercise declares as it is there."""
    node = point.declarations.declared.get(key)
    return _text(point, node) if node is not None else key


def _text(point: SamplePoint, node: Node) -> str:
    return point.source.text[node.start : node.end]
