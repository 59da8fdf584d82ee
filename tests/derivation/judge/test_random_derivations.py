"""Random tapes written as derivations: they hold, and a sign that is turned in one line is found."""

import random

import pytest

from tests.support.random_derivations import right_derivation
from tinyad.derivation import check_derivation
from tinyad.derivation.judge.verdicts import Verdict

RIGHT = {Verdict.RIGHT, Verdict.GIVEN, Verdict.NOT_JUDGED}
SEEDS = [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(100, 2000, 100))]


@pytest.mark.parametrize("first", SEEDS)
def test_a_tape_written_as_a_derivation_holds(first):
    judged = 0
    for seed in range(first, first + 60):
        report = check_derivation(right_derivation(seed), suggest=False)
        assert {v.verdict for v in report.verdicts} <= RIGHT, f"seed {seed}\n{report}"
        judged += report.ok
    assert judged > 40


@pytest.mark.parametrize("first", SEEDS)
def test_a_turned_sign_is_found(first):
    located = []
    for seed in range(first, first + 40):
        text = right_derivation(seed)
        right = check_derivation(text, suggest=False)
        lines = [v for v in right.verdicts if v.verdict is Verdict.RIGHT and f"in line {v.line} at" not in str(right)]
        if not right.ok or not lines:  # what adds next to nothing is 0, and has no sign
            continue
        rows, v = text.split("\n"), random.Random(seed).choice(lines)
        before, sign, after = rows[v.line - 1].partition("= ")
        rows[v.line - 1] = f"{before}{sign}-({after.rpartition('  step')[0].strip()})"
        found = check_derivation("\n".join(rows), suggest=False)
        assert found.wrong, f"seed {seed}, line {v.line}"
        located.append(v.line in {w.line for w in found.wrong})
    assert sum(located) >= 0.95 * len(located)  # what is turned may equal another contribution
