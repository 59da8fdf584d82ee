"""Terms of a derivative that lines set under a label, and other lines add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.judge.contributions import (
    Case,
    ContributionKey,
    Evaluated,
    Keys,
    contributions_to,
    known_cases,
    matching_keys,
    total_of,
)
from tinyad.derivation.judge.line_verdict import value_of
from tinyad.derivation.language.reader import Unreadable
from tinyad.derivation.language.syntax_tree import Statement
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Scope, Trouble

Labels = Mapping[tuple[str, str], Sequence[Statement]]


class LabelledTerm(NamedTuple):
    """The value of a labelled line, in row layout, and the contributions that it is the sum of; None if it is wrong."""

    value: Array
    keys: Keys | None


def labelled_lines(lines: Sequence[Statement | Unreadable]) -> Labels:
    """Return (label, name) → the lines that set that term of a derivative."""
    labels: dict[tuple[str, str], list[Statement]] = {}
    for line in lines:
        if isinstance(line, Statement) and line.number and not line.number.isdigit() and line.left[0].kind == "d":
            labels.setdefault((line.number, line.left[0].value[0].key), []).append(line)
    return labels


def with_labels(points: Sequence[SamplePoint], labels: Labels) -> list[SamplePoint]:
    """Return sample points where a label stands for what these lines give."""

    def label_value(point: SamplePoint, evaluator: Evaluator, place: TimedName, name: str) -> Any:
        return _term_value(Case(point, Scope(None, {}), place), evaluator, labels, name)

    return [point.with_labels(label_value) for point in points]


def _term_value(case: Case, evaluator: Evaluator, labels: Labels, name: str) -> Any:
    """Return what the line with a label gives, in row layout; None if there is none.

    If that line is wrong, what it should give: its mistake is not found again where the terms are added up.
    """
    point, place = case.point, case.place
    contributions = contributions_to(case)
    terms: dict[str, LabelledTerm] = {}
    for (label, key), lines in labels.items():
        for line in lines if key == place[0] else ():
            for of_line in known_cases(point, line.left[0]):
                if of_line.place == place and label not in terms:
                    terms[label] = _term(of_line, evaluator, line, contributions)
    if name not in terms:
        return None
    if terms[name].keys is not None:
        return terms[name].value
    given = frozenset(key for key in contributions if key.equation is None)
    others = given.union(*(term.keys or () for term in terms.values()))
    return total_of((array for key, array in contributions.items() if key not in others), case.shape)


def _term(
    case: Case, evaluator: Evaluator, line: Statement, contributions: Mapping[ContributionKey, Array]
) -> LabelledTerm:
    """Return the first member of a line that is a sum of contributions; the last one if none is."""
    value = np.full(case.shape, np.nan)
    for member in line.members:
        try:
            value = value_of(case, line, 0, member, evaluator)
        except Trouble:
            continue
        if value.shape == case.shape and bool(np.all(np.isfinite(value))):
            keys = matching_keys([Evaluated(case, value, contributions)], frozenset(contributions))
            if keys is not None:
                return LabelledTerm(value, keys)
    return LabelledTerm(value, None)
