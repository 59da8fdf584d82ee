"""Random programs over the whole table: the tape against the complex step and against the dual numbers."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support import dual_numbers
from tests.support.points import replayed
from tests.support.random_programs import examples, programs, walked
from tests.support.sampling import sampled
from tinyad import TABLE, Op, Tape

FIXED = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
EXAMPLES = examples(50, 300)


def agree(found, right):
    """Rounding is measured against all derivatives of the tape: what cancels in one was as large as the others."""
    scale = max(1.0, *(np.abs(a).max() for a in right))
    return all(a.shape == b.shape and np.abs(a - b).max() < 1e-10 * scale for a, b in zip(found, right, strict=True))


def by_complex_step(tape, seeds):
    return [replayed(tape, seeds, i) for i in range(len(tape.values))]


def by_dual_numbers(program, seeds):
    leaves, steps = program
    lists = {i: dz.tolist() for i, dz in seeds.items()}
    return [np.array(dual_numbers.derivative(leaves, steps, lists, i)) for i in range(len(leaves) + len(steps))]


@EXAMPLES
def test_tape_is_the_complex_step(examples):
    @settings(FIXED, max_examples=examples)
    @given(programs())
    def look(program):
        tape, seeds, d, values, found = walked(program)
        assert agree(found, by_complex_step(tape, seeds))
        for v, dv in zip(values, found, strict=True):
            assert np.array_equal(sum((c.array for c in d.contributions(v)), np.zeros(dv.shape)), dv)

    look()


@EXAMPLES
def test_tape_is_the_engine_of_dual_numbers(examples):
    @settings(FIXED, max_examples=examples)
    @given(programs())
    def look(program):
        _, seeds, _, _, found = walked(program)
        assert agree(found, by_dual_numbers(program, seeds))

    look()


@EXAMPLES
def test_a_recorded_walk_gives_the_same(examples):
    @settings(FIXED, max_examples=examples)
    @given(programs())
    def look(program):
        _, _, _, _, found = walked(program)
        assert agree(walked(program, record=True)[4], found)

    look()


@EXAMPLES
def test_constants_change_no_other_derivative(examples):
    """A leaf that is a plain array, or a number, on either side of any row."""

    @settings(FIXED, max_examples=examples)
    @given(programs(), st.data())
    def look(program, data):
        leaves, steps = program
        plain = data.draw(st.sampled_from(range(len(leaves))))
        _, seeds, _, _, right = walked(program)
        tape = Tape()
        values = [a if i == plain else tape.variable(a) for i, a in enumerate(leaves)]
        if values[plain].size == 1:
            values[plain] = values[plain].item()
        for symbol, x, y in steps:
            operands = [values[i] for i in (x, y) if i is not None]
            if not any(hasattr(v, "tape") for v in operands):  # a row on plain arrays takes matrices
                operands = [np.reshape(v, (1, 1)) if isinstance(v, float) else v for v in operands]
            values.append(TABLE[symbol](*operands))
        kept = {i: v for i, v in enumerate(values) if hasattr(v, "tape")}
        if set(seeds) <= set(kept):
            d = tape.backward({kept[i]: dz for i, dz in seeds.items()})
            assert agree([d[v] for v in kept.values()], [right[i] for i in kept])

    look()


@pytest.mark.parametrize("symbol", sampled(TABLE, 2))
def test_the_check_fails_on_a_wrong_rule_and_reaches_every_row(symbol):
    op = TABLE[symbol]
    if all(formula is None for formula in op.formulas):  # no derivative at all
        own = (lambda dz, z, x: 1e-4 * dz) if op.arity == 1 else (lambda dz, z, x, y: (1e-4 * dz, 1e-4 * dz))
        wrong = Op(symbol, op.forward, own)
    elif op.arity == 1:
        wrong = Op(symbol, op.forward, lambda dz, z, x: 1.0001 * op.deriv(dz, z, x))
    else:

        def rule(dz, z, x, y):
            dx, dy = op.deriv(dz, z, x, y)
            return (1.0001 * dx, None) if dy is None else (dx, 1.0001 * dy)

        wrong = Op(symbol, op.forward, rule)

    @settings(FIXED, max_examples=300, phases=[Phase.generate], report_multiple_bugs=False)  # the first is enough
    @given(programs(often=(symbol,)))
    def look(program):
        tape, seeds, _, _, found = walked(program, {**TABLE, symbol: wrong})
        assert agree(found, by_complex_step(tape, seeds))

    with pytest.raises(AssertionError):
        look()


def test_the_engine_of_dual_numbers_knows_every_row():
    assert set(dual_numbers.ROWS) == set(TABLE)
