"""Mistakes of every kind in the mended sources: each is found in its line, or changes no value.

A sample of what one edit can do; `python -m tests.benchmarks.corrections` takes more, and counts the corrections.
"""

from functools import cache

import numpy as np
import pytest

from tests.support.exercises import mended
from tests.support.paths import DERIVATIONS as FILES
from tinyad.derivation import DerivationError
from tinyad.derivation.exercise.plant import KINDS, plants
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.judge.contributions import known_cases
from tinyad.derivation.judge.line_verdict import value_of
from tinyad.derivation.language.source import Source

NAMES = ("slides", "vardhan", "sancho", "problem4")
EACH = 3  # of a kind in a file
FEW = 24  # one in so many


@cache
def sample(name):
    found = list(plants((FILES / f"{name}-corrected.md").read_text(encoding="utf-8"), name))
    kinds = {kind: [p for p in found if p.kind == kind] for kind in KINDS}
    return [p for some in kinds.values() for p in some[:: max(1, len(some) // EACH)][:EACH]]


def parts_of(text):
    return [lines for _, lines in check_without_corrections(Source(text))]


def values(parts, line):
    """What a line of a file gives at every moment of every point; nothing if it is about a Jacobian or a name."""
    part, v = next((part, v) for part in parts for v in part.verdicts if v.line == line)
    if v.statement.left[0].kind != "d":
        return []
    cases = [case for point in part.points for case in known_cases(point, v.statement.left[0])]
    return [value_of(case, v.statement, 0, member) for case in cases for member in v.statement.members]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_is_planted_is_found_in_its_line_or_changes_no_value(name):
    assert_found(sample(name))


def test_a_few_that_are_planted_are_found():
    assert_found(sample("slides")[::FEW])


def assert_found(planted):
    found = 0
    for p in planted:
        try:
            parts = parts_of(p.text)
        except DerivationError as error:
            where = [error.line]
        else:
            where = [v.line for part in parts for v in part.verdicts if not v.ok]
            if not where and not any(part.faults for part in parts):
                assert not p.removed
                assert same(values(parts, p.line), values(parts_of(mended(p)), p.line)), p.now
                continue
            where += [p.line for part in parts if part.faults]
        assert p.removed or p.line in where, f"{p.kind}: {p.was} → {p.now}: {where}"
        found += 1
    assert found > 0.8 * len(planted)


def same(now, before):
    """Whether two lines give the same at every moment; those about Jacobians were compared with what they say."""
    pairs = zip(now, before, strict=True)
    return all(np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in pairs)


def test_there_are_enough_of_every_kind():
    assert len(sample("slides")) >= EACH * len(KINDS) - EACH
    assert {p.kind for p in sample("slides")} == set(KINDS)
