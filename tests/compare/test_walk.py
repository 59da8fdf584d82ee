"""A backward pass under a change is the one that is computed from the start with that change in it."""

import numpy as np
import pytest

from tests.benchmarks.compared import by_hand, mistake, program
from tests.support.points import close, draw
from tinyad import Tape, tanh
from tinyad.compare.lines import Lines, Use
from tinyad.compare.walk import Change, Walk


@pytest.mark.parametrize("seed", range(20))
def test_a_change_of_one_contribution(seed):
    rng = np.random.default_rng([11, seed])
    d = program(rng)
    n, operand, i, _, lie = mistake(rng, d)
    expected = by_hand(d, {(n, operand): lie})
    reached = [j for j in range(d.length) if d.reaches(j)]
    change = Change({Use(n, operand, i): (lambda walk, use, array: lie(array), ())})
    found = Walk(Lines(d), {}).all_under(change, reached)
    for j in reached:
        assert close(found[j], expected[j].T, 1e-12)


def chain():
    """z = tanh(b), b = tanh(a)."""
    tape = Tape()
    a = tape.variable(draw((3, 2)), "a")
    b = tanh(a)
    z = tanh(b)
    tape.name({"b": b, "z": z})
    return tape.backward({"z": draw((2, 3), 1)}), a, b, z


def test_what_was_given_stands_in_the_place_of_what_is_computed():
    d, a, b, z = chain()
    given = {b.index: draw((3, 2), 5)}
    walk = Walk(Lines(d), given)
    assert close(walk.total(b.index), d["b"].T)
    assert close(walk.total(a.index), given[b.index] * (1 - b.value**2))
    twice = Change({}, {z.index: (lambda w, i, total: 2 * total, ())})
    (moved,) = walk.under(twice)
    assert moved[0] == b.index
    assert close(moved[1], 2 * d["b"].T)
    assert walk.all_under(twice, [a.index]).keys() == {a.index}
    assert close(walk.all_under(twice, [a.index])[a.index], walk.total(a.index))  # what was given stops it


def test_entries_that_are_not_known_are_computed():
    d, a, b, _ = chain()
    some = np.full((3, 2), np.nan)
    some[0] = 7.0
    walk = Walk(Lines(d), {b.index: some})
    column = np.where(np.isnan(some), d["b"].T, some)
    assert close(walk.column(b.index), column)
    assert close(walk.total(a.index), column * (1 - b.value**2))


def test_the_lines_of_a_loop():
    """h0 is h[0]; what a step contributes is one line at all time steps."""
    tape = Tape()
    U, h = tape.variable(draw((3, 3)), "U"), tape.variable(draw((3, 2), 1), "h0")
    for t in (1, 2, 3):
        a = U @ h
        h = tanh(a)
        tape.name({"a": a, "h": h}, step=t)
    lines = Lines(tape.backward({h: draw((2, 3), 2)}))
    assert lines.at["h", 0] == tape["h0"].index
    assert len({lines.role(use) for use in lines.uses[U.index]}) == 1
    assert {lines.time(use.step) for use in lines.uses[U.index]} == {1, 2, 3}
    assert lines.value_role(tape["a[1]"].index) == lines.value_role(tape["a[3]"].index) == "a"
    ranks = [lines.rank[tape[name].index] for name in ("h[3]", "a[3]", "h[2]", "a[1]", "h0")]
    assert ranks == sorted(ranks)
