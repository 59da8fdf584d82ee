"""Terms of a derivative that lines set under a label, and other lines add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.judge.contributions import (
    NO_KEYS,
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
from tinyad.derivation.judge.targets import derivatives_in
from tinyad.derivation.language.reader import Unreadable
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Statement
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.evaluator import Evaluator
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Scope, Trouble


class Labels(NamedTuple):
    """The labelled lines of a set by (label, name), and the labels of lines that cannot be read."""

    lines: Mapping[tuple[str, str], Sequence[Statement]]
    unread: frozenset[str] = frozenset()


class LabelledTerm(NamedTuple):
    """The value of a labelled line, in row layout, and the contributions that it is the sum of; None if it is wrong.

    uses: the names whose derivatives the line is made from.
    """

    value: Array
    keys: Keys | None
    uses: frozenset[str] = frozenset()


def labelled_lines(lines: Sequence[Statement | Unreadable], source: Source) -> Labels:
    """Return the lines that set a term of a derivative under a label."""
    labels: dict[tuple[str, str], list[Statement]] = {}
    unread: set[str] = set()
    for line in lines:
        if isinstance(line, Unreadable):
            label, *_ = source.text[line.start : line.end].partition(":")
            unread.add("".join(label.split()))
        elif line.number and not line.number.isdigit() and line.left[0].kind == "d":
            labels.setdefault((line.number, line.left[0].value[0].key), []).append(line)
    return Labels(labels, frozenset(unread))


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
    for (label, key), lines in labels.lines.items():
        for line in lines if key == place[0] else ():
            for of_line in known_cases(point, line.left[0]):
                if of_line.place == place and label not in terms:
                    terms[label] = _term(of_line, evaluator, line, contributions)
    terms |= {label: LabelledTerm(np.zeros(case.shape), None) for label in sorted(labels.unread) if label not in terms}
    if name not in terms:
        return None
    meant = _meant_contributions(point, terms, contributions)
    if name not in meant:
        return terms[name].value
    return total_of((array for key, array in contributions.items() if key in meant[name]), case.shape)


def _meant_contributions(
    point: SamplePoint, terms: Mapping[str, LabelledTerm], contributions: Mapping[ContributionKey, Array]
) -> dict[str, Keys]:
    """Return the contributions that wrong lines should give: what no right line has, by the names that they use.

    A line that repeats what an earlier one gives is wrong too.
    """
    rest = frozenset(key for key in contributions if key.equation is not None)
    wrong: list[str] = []
    for label, term in terms.items():
        if term.keys is None or not term.keys <= rest:
            wrong.append(label)
        else:
            rest -= term.keys
    meant: dict[str, Keys] = dict.fromkeys(wrong, NO_KEYS)
    for label in wrong:
        meant[label] = frozenset(key for key in rest if _computed_name(point, key) in terms[label].uses)
        rest -= meant[label]
    without = [label for label in wrong if not meant[label]] or wrong[:1]
    if without:
        meant[without[0]] |= rest
    return meant


def _computed_name(point: SamplePoint, key: ContributionKey) -> str:
    """Return the name that the equation of a contribution computes."""
    assert key.equation is not None
    name: str = point.derivation.forward[key.equation].left[0].value.key
    return name


def _term(
    case: Case, evaluator: Evaluator, line: Statement, contributions: Mapping[ContributionKey, Array]
) -> LabelledTerm:
    """Return the first member of a line that is a sum of contributions; the last one if none is."""
    value = np.full(case.shape, np.nan)
    uses = frozenset(node.value[0].key for member in line.members for node in derivatives_in(member))
    for member in line.members:
        try:
            value = value_of(case, line, 0, member, evaluator)
        except Trouble:
            continue
        if value.shape == case.shape and bool(np.all(np.isfinite(value))):
            keys = matching_keys([Evaluated(case, value, contributions)], frozenset(contributions))
            if keys is not None:
                return LabelledTerm(value, keys, uses)
    return LabelledTerm(value, None, uses)
