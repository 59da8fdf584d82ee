"""All lines of a derivation: each on its own, then together as `=` and `+=`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyad.derivation.judge.conditions import with_conditions
from tinyad.derivation.judge.conventions import convention_of
from tinyad.derivation.judge.coverage import Coverage
from tinyad.derivation.judge.labelled_terms import labelled_lines, with_labels
from tinyad.derivation.judge.line_verdict import judge_line
from tinyad.derivation.judge.set_findings import not_exercised, notes_on
from tinyad.derivation.judge.thresholds import LINES_MISFITTING, SAMPLE_POINTS, SEEDS_APART
from tinyad.derivation.judge.verdicts import CheckedLines, OtherLayout, Verdict
from tinyad.derivation.language.reader import Derivation, Unreadable, derivations
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Statement
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.sampling import sample_points


def check_without_corrections(source: Source, seed: int = 0) -> list[tuple[Derivation, CheckedLines]]:
    """Judge every set of backward lines of a file; what a wrong line should be is not looked for.

    Raises DerivationError, with line and column, for what cannot be read.
    """
    with np.errstate(all="ignore"):  # a wrong line may divide by 0: what is not finite is not right
        return [(derivation, lines) for derivation in derivations(source) for lines in check(derivation, seed)]


def check(derivation: Derivation, seed: int = 0) -> list[CheckedLines]:
    """Judge every set of backward lines of a derivation."""
    return check_at(sample_points(derivation, seeds_of(seed)), derivation)


def seeds_of(seed: int) -> list[int]:
    """Return the seeds of the sample points of one check."""
    return [seed * SEEDS_APART + k for k in range(SAMPLE_POINTS)]


def check_at(points: Sequence[SamplePoint], derivation: Derivation) -> list[CheckedLines]:
    """Judge every set of backward lines of a derivation at some sample points."""
    return [_checked(points, title, lines) for title, lines in derivation.backward.items()]


def _checked(points: Sequence[SamplePoint], title: str, lines: Sequence[Statement | Unreadable]) -> CheckedLines:
    """Judge one set of lines, and say if more of them hold in the other layout."""
    checked = _in_one_layout(points, title, lines)
    if sum(v.verdict in (Verdict.DOES_NOT_FIT, Verdict.OTHER_LAYOUT) for v in checked.verdicts) < LINES_MISFITTING:
        return checked
    layout = "same" if points[0].declarations.layout == "row" else "row"
    others = [point.in_layout(layout) for point in points]
    there, here = (sum(v.ok for v in c.verdicts) for c in (_in_one_layout(others, title, lines), checked))
    if there <= here:
        return checked
    return checked._replace(other_layout=OtherLayout(layout, there, len(checked.verdicts)))


def _in_one_layout(points: Sequence[SamplePoint], title: str, lines: Sequence[Statement | Unreadable]) -> CheckedLines:
    """Judge one set of lines in the layout that is declared."""
    labels = labelled_lines(lines, points[0].source)
    points = with_labels(points, labels)
    judged = [judge_line(points, line) for line in lines]
    convention = convention_of(points, judged)
    if convention is not None:
        points, judged = convention.points, convention.verdicts
    coverage = Coverage(points, judged)
    verdicts = with_conditions(points, coverage.verdicts, lambda others: with_labels(others, labels))
    return CheckedLines(
        title,
        verdicts,
        coverage.faults,
        [*([convention.note] if convention is not None else ()), *coverage.notes, *notes_on(points, verdicts)],
        not_exercised(points, verdicts),
        points,
        coverage.missing(),
    )
