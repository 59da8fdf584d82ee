"""Random programs over the whole table: the tape against the complex step and against the naive engine."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import naive
from tests.support.points import replayed
from tinyad import TABLE, Op, Tape

LIMIT = 20.0  # entries beyond it, and below its reciprocal where it matters, make the oracles unsure
ROWS = 6  # of a matrix at most: stacks of stacks grow
FIXED = settings(deadline=None, derandomize=True, max_examples=300, suppress_health_check=[HealthCheck.too_slow])


def fits(op, operands):
    """Whether a step is allowed at these values: sizes, and far from poles."""
    if op.symbol in ("stack", "upper", "under"):
        (n, columns), (m, others) = (a.shape for a in operands)
        if not {"stack": columns == others and n + m <= ROWS, "upper": n >= m, "under": n > m}[op.symbol]:
            return False
    elif op.arity == 2 and op is not TABLE["*"]:
        x, y = (a.shape for a in operands)
        if not all(m in (n, 1) for m, n in zip(x, y, strict=True)) and not all(
            m in (n, 1) for m, n in zip(y, x, strict=True)
        ):
            return False
    if op.arity == 2 and op is TABLE["*"] and operands[0].shape[1] != operands[1].shape[0]:
        return False
    if op.symbol in ("log", "sqrt", "/") and not (np.abs(operands[-1]) > 0.2).all():
        return False
    if op.symbol in ("log", "sqrt") and (operands[0] < 0).any():
        return False
    if op.symbol == "inv" and (len(set(operands[0].shape)) > 1 or np.linalg.cond(operands[0]) > 30):
        return False
    return bool((np.abs(op.forward(*operands)) < LIMIT).all())


@st.composite
def programs(draw, table=TABLE):
    """(leaves, steps): every step is (symbol, x, y or None), positions among leaves and results."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=2, max_size=4))
    leaves = [rng.uniform(0.3, 1.5, size) * rng.choice([-1, 1], size) for size in sizes]
    values, steps = list(leaves), []
    for _ in range(draw(st.integers(3, 12))):
        op = table[draw(st.sampled_from(sorted(table)))]
        last = len(values) - 1
        x = draw(st.sampled_from(sorted({last, *range(last + 1)}, reverse=True)))
        fitting = [(x,)] if op.arity == 1 else [p for i in range(last + 1) for p in ((x, i), (i, x))]
        with np.errstate(all="ignore"):
            fitting = [p for p in fitting if fits(op, [values[i] for i in p])]
        if fitting:
            p = draw(st.sampled_from(fitting))
            values.append(op.forward(*(values[i] for i in p)))
            steps.append((op.symbol, p[0], p[1] if len(p) > 1 else None))
    return leaves, steps


def walked(program, table=TABLE, record=False):
    """Derivatives of all values, with seeds for the last and for one in the middle."""
    leaves, steps = program
    tape = Tape()
    values = [tape.variable(a) for a in leaves]
    for symbol, x, y in steps:
        values.append(table[symbol](values[x]) if y is None else table[symbol](values[x], values[y]))
    ends = {len(values) - 1, len(values) // 2}
    seeds = {i: np.random.default_rng(i).uniform(0.5, 1.5, values[i].shape[::-1]) for i in ends}
    d = tape.backward({values[i]: dz for i, dz in seeds.items()}, record=record)
    found = [d[v].value if record else d[v] for v in values]
    return tape, seeds, d, values, found


def agree(found, right):
    """Rounding is measured against all derivatives of the tape: what cancels in one was as large as the others."""
    scale = max(1.0, *(np.abs(a).max() for a in right))
    return all(a.shape == b.shape and np.abs(a - b).max() < 1e-10 * scale for a, b in zip(found, right, strict=True))


def by_complex_step(tape, seeds):
    return [replayed(tape, seeds, i) for i in range(len(tape.values))]


def by_naive_engine(program, seeds):
    leaves, steps = program
    lists = {i: dz.tolist() for i, dz in seeds.items()}
    return [np.array(naive.derivative(leaves, steps, lists, i)) for i in range(len(leaves) + len(steps))]


@FIXED
@given(programs())
def test_tape_is_the_complex_step(program):
    tape, seeds, d, values, found = walked(program)
    assert agree(found, by_complex_step(tape, seeds))
    for v, dv in zip(values, found, strict=True):
        assert np.array_equal(sum((c.array for c in d.contributions(v)), np.zeros(dv.shape)), dv)


@FIXED
@given(programs())
def test_tape_is_the_naive_engine(program):
    _, seeds, _, _, found = walked(program)
    assert agree(found, by_naive_engine(program, seeds))


@FIXED
@given(programs())
def test_a_recorded_walk_gives_the_same(program):
    _, _, _, _, found = walked(program)
    assert agree(walked(program, record=True)[4], found)


@FIXED
@given(programs(), st.data())
def test_constants_change_no_other_derivative(program, data):
    """A leaf that is a plain array, or a number, on either side of any row."""
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


@pytest.mark.parametrize("symbol", TABLE)
def test_the_check_fails_on_a_wrong_rule_and_reaches_every_row(symbol):
    op = TABLE[symbol]
    if op.arity == 1:
        wrong = Op(symbol, op.forward, lambda dz, z, x: 1.0001 * op.deriv(dz, z, x))
    else:

        def rule(dz, z, x, y):
            dx, dy = op.deriv(dz, z, x, y)
            return (1.0001 * dx, None) if dy is None else (dx, 1.0001 * dy)

        wrong = Op(symbol, op.forward, rule)
    caught = []

    @FIXED
    @given(programs())
    def look(program):
        if not any(caught):
            tape, seeds, _, _, found = walked(program, {**TABLE, symbol: wrong})
            caught.append(not agree(found, by_complex_step(tape, seeds)))

    look()
    assert any(caught)


def test_the_naive_engine_knows_every_row():
    assert set(naive.ROWS) == set(TABLE)
