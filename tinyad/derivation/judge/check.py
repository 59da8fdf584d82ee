"""All lines of a derivation: each on its own, then together as `=` and `+=`."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np

from tinyad.derivation.judge.conditions import suppose
from tinyad.derivation.judge.contributions import Case, Way, selected, ways_of
from tinyad.derivation.judge.coverage import Accounts
from tinyad.derivation.judge.line_verdict import value_of
from tinyad.derivation.judge.set_findings import borrowed, claimed, foreign, numbering, repeated, unseen, unused
from tinyad.derivation.judge.verdicts import OTHER_LAYOUT, Part, Verdict, known_cases, verdict_of
from tinyad.derivation.language.reader import Derivation, Unreadable
from tinyad.derivation.language.syntax_tree import Statement
from tinyad.derivation.semantics.forward import Place
from tinyad.derivation.semantics.sample_point import Point
from tinyad.derivation.semantics.values import Scope, Trouble

POINTS = 3
TURNED = ("does not fit", "other layout")
Labels = dict[tuple[str, str], list[Statement]]


def check(derivation: Derivation, seed: int = 0) -> list[Part]:
    """Judge every set of backward lines of a derivation."""
    points = [Point(derivation, seed * 1000 + k) for k in range(POINTS)]
    return [_part(points, title, lines) for title, lines in derivation.backward.items()]


def _part(points: Sequence[Point], title: str, lines: Sequence[Statement | Unreadable]) -> Part:
    point = points[0]
    labels = _labelled_lines(lines)
    use_labels(points, labels)
    accounts = Accounts(points, [verdict_of(points, line) for line in lines])
    verdicts = accounts.verdicts
    suppose(points, verdicts, lambda others: use_labels(others, labels))
    notes = (
        borrowed(points, verdicts)
        + foreign(point, verdicts)
        + claimed(point, verdicts)
        + repeated(verdicts)
        + numbering(verdicts)
        + unused(point, verdicts)
    )
    first = in_the_other_layout(points, verdicts, labels)
    notes = [*first, *accounts.notes, *notes]
    return Part(title, verdicts, accounts.faults, notes, unseen(points, verdicts), points, accounts.lacking(), labels)


def in_the_other_layout(points: Sequence[Point], verdicts: Sequence[Verdict], labels: Labels) -> list[str]:
    """What is said first if more lines hold in the other layout."""
    lines = [v.statement for v in verdicts if v.statement is not None and v.readings]
    if sum(v.verdict in TURNED for v in verdicts) < 2:
        return []
    it = copy(points[0].it)
    it.layout = "same" if it.layout == "row" else "row"
    others = [Point(point.derivation._replace(declarations=it), point.seed) for point in points]
    use_labels(others, labels)
    there, here = sum(verdict_of(others, line).ok for line in lines), sum(v.ok for v in verdicts if v.readings)
    if there <= here:
        return []
    return [f"{OTHER_LAYOUT} {there} of {len(verdicts)} lines hold: declare `layout: {it.layout}`"]


def use_labels(points: Sequence[Point], labels: Labels) -> None:
    """From now on a label stands for what these lines give: the sets of lines share their points."""
    for p in points:
        p.label_value = lambda point, place, name: _part_of(point, labels, place, name)


def _labelled_lines(lines: Sequence[Statement | Unreadable]) -> Labels:
    """(label, key) → the lines that set that part of a derivative."""
    found: dict[tuple[str, str], list[Statement]] = {}
    for line in lines:
        if isinstance(line, Statement) and line.number and not line.number.isdigit() and line.left[0].kind == "d":
            found.setdefault((line.number, line.left[0].value[0].key), []).append(line)
    return found


def _part_of(point: Point, labels: Labels, place: Place, name: str) -> Any:
    """What a line with a label gives for one place, in row layout; None if there is none.

    If that line is wrong, what it should give: then its mistake is not found again where the parts are added up.
    """
    if (place, name) in point.asked:  # a part that is made from itself
        return None
    point.asked.add((place, name))
    try:
        return _part_or_rest(point, labels, place, name)
    finally:
        point.asked.discard((place, name))


def _part_or_rest(point: Point, labels: Labels, place: Place, name: str) -> Any:
    found: dict[str, tuple[Any, frozenset[Way] | None]] = {}
    case = Case(point, Scope(None, {}), place)
    ways = ways_of(case)
    for (label_, key), lines in labels.items():
        for line in lines if key == place[0] else ():
            for case in known_cases(point, line.left[0]):
                if case.place == place and label_ not in found:
                    found[label_] = _first_right(case, line, ways)
    if name not in found or found[name][1] is not None:
        return found[name][0] if name in found else None
    others = frozenset(w for w in ways if w[0] is None).union(*(chosen or () for _, chosen in found.values()))
    return sum((array for way, array in ways.items() if way not in others), np.zeros(point.values[place].shape[::-1]))


def _first_right(case: Case, line: Statement, ways: dict[Way, Any]) -> tuple[Any, frozenset[Way] | None]:
    """What the members of a line give: the first that is a sum of contributions, with these; else any, with None."""
    shape = case.point.values[case.place].shape[::-1]
    value = np.full(shape, np.nan)
    for member in line.members:
        try:
            value = value_of(case, line, member, 0, line.left[0].value[0], shape)
        except Trouble:
            continue
        if value.shape == shape and bool(np.all(np.isfinite(value))):
            chosen = selected([(case, value, ways)], frozenset(ways))
            if chosen is not None:
                return value, chosen
    return value, None
