"""Wrong lines that hold if something is supposed: that the columns of labels sum to 1, that softmax goes by rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy

from tinyad.derivation.judge.verdicts import Verdict, target_of, verdict_of
from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.language.syntax_tree import Node, walk
from tinyad.derivation.semantics.sample_point import Point

IF = "it holds if "  # what the message of such a line begins with
MOST = 4  # names that are tried
TURNED = ("wrong", "does not fit")


def suppose(points: Sequence[Point], verdicts: list[Verdict], prepare: Callable[[Sequence[Point]], None]) -> None:
    """Say of wrong lines what they hold under.  `prepare` makes points ready for a set of lines."""
    wrong = [n for n, v in enumerate(verdicts) if v.verdict in TURNED and v.statement is not None and v.readings]
    for said, it in _suppositions(points[0], verdicts) if wrong else ():
        derivation = points[0].derivation._replace(declarations=it)
        try:
            changed = [Point(derivation, point.seed) for point in points]
        except DerivationError:  # then the forward gives no finite numbers
            continue
        prepare(changed)
        for n in wrong:
            v = verdicts[n]
            if not v.message.startswith(IF) and verdict_of(changed, v.statement).ok:
                verdicts[n] = v._replace(message=IF + said, at=(v.start, v.end))


def _suppositions(point: Point, verdicts: Sequence[Verdict]) -> Iterator[tuple[str, Declarations]]:
    """What can be supposed, and declarations under which it is so."""
    functions = point.it.names.functions
    calls = [
        node
        for eq in point.derivation.forward
        for member in eq.members
        for node in walk(member)
        if node.kind == "call" and functions.get(node.value.key, node.value.key) in ("softmax", "log_softmax")
    ]
    for key in _labels(point, verdicts) if calls else ():
        it = copy(point.it)
        it.shares = it.shares | {key}
        name = _text(point, it.declared[key])
        yield f"every column of {name} sums to 1: declare `sums to 1: {name}`", it
    columns = [node for node in calls if functions.get(node.value.key) == "softmax"]
    if columns:
        it = copy(point.it)
        it.names = copy(it.names)
        it.names.functions = {key: "softmax_rows" if f == "softmax" else f for key, f in functions.items()}
        inside = ", ".join(_text(point, part) for part in columns[0].parts)
        yield f"softmax goes along the rows, and not down the columns: write softmax_rows({inside})", it


def _labels(point: Point, verdicts: Sequence[Verdict]) -> list[str]:
    """What no line derives for and no equation computes."""
    it = point.it
    derived = {target_of(point, r.of)[0] for v in verdicts for r in v.readings if r.of is not None}
    used = {key for key, _ in point.values}
    found = [key for key in it.shapes if key in used and key not in {*point.keys, *derived, *it.shares}]
    return sorted(found, key=lambda key: key not in it.constant)[:MOST]


def _text(point: Point, node: Node) -> str:
    return point.source.text[node.start : node.end]
