"""Random programs over the whole table, and their backward pass."""

import numpy as np
import pytest
from hypothesis import strategies as st

from tinyad import TABLE, Tape, Variable

LIMIT = 20.0  # entries beyond it, and below its reciprocal where it matters, make the oracles unsure


ROWS = 6  # of a matrix at most: stacks of stacks grow
GAP = 0.02  # to a kink or jump


def smooth(op, operands):
    """Whether no kink or jump is near."""
    x, y = operands[0], operands[-1]
    if op.symbol in (">", "≥", "maximum", "minimum"):
        return bool((np.abs(x - y) > GAP).all())
    if op.symbol in ("sign", "relu", "abs"):
        return bool((np.abs(x) > GAP).all())
    if op.symbol in ("first_max", "column_max", "row_max"):
        top = np.sort(x, axis=1 if op.symbol == "row_max" else 0).swapaxes(0, 1 if op.symbol == "row_max" else 0)
        return len(top) < 2 or bool((top[-1] - top[-2] > GAP).all())
    return True


def examples(few, many):
    """Mark a test to take a few examples, and many where slow tests are run: `settings(max_examples=examples)`."""
    return pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.slow)])


def fits(op, operands):
    """Whether a step is allowed at these values: sizes, and far from poles, kinks and jumps."""
    if op.symbol in ("rows", "padded"):
        start, stop, count = operands[1][0]
        return len(operands[0]) == (count if op.symbol == "rows" else stop - start)
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
    if op.symbol == "**" and not ((operands[0] > 0.2).all() and (np.abs(operands[1]) < 4).all()):
        return False
    if op.symbol == "log1p" and (operands[0] < -0.8).any():
        return False
    if not smooth(op, operands):
        return False
    if op.symbol == "inv" and (len(set(operands[0].shape)) > 1 or np.linalg.cond(operands[0]) > 30):
        return False
    return bool((np.abs(op.forward(*operands)) < LIMIT).all())


@st.composite
def programs(draw, table=TABLE, often=()):
    """(leaves, steps): every step is (symbol, x, y or None), positions among leaves and results.

    Of the symbols those in `often` are a third.

    A leaf of integers is [[start, stop, number of rows]], the second operand of slices.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=2, max_size=4))
    leaves = [rng.uniform(0.3, 1.5, size) * rng.choice([-1, 1], size) for size in sizes]
    spans = range(len(leaves), len(leaves) + 3)
    leaves += [span(rng) for _ in spans]
    values, steps = list(leaves), []
    for _ in range(draw(st.integers(3, 12))):
        op = table[draw(st.sampled_from([*sorted(table), *often * (len(table) // 2)]))]
        last = len(values) - 1
        plain = [i for i in range(last, -1, -1) if i not in spans]
        first = draw(st.sampled_from(range(len(plain))))
        for x in (*plain[first:], *plain[:first]):  # the first that has something to go with
            fitting = [(x,)] if op.arity == 1 else [p for i in reversed(plain) for p in ((x, i), (i, x))]
            if op.symbol in ("rows", "padded"):
                fitting = [(x, y) for y in spans]
            with np.errstate(all="ignore"):
                fitting = [p for p in fitting if fits(op, [values[i] for i in p])]
            if fitting:
                break
        if fitting:
            p = draw(st.sampled_from(fitting))
            values.append(op.forward(*(values[i] for i in p)))
            steps.append((op.symbol, p[0], p[1] if len(p) > 1 else None))
    return leaves, steps


def recorded(program, dtype=np.float64):
    """(tape, seeds): the steps of a program on a tape, and seeds for the last value and for one in the middle."""
    leaves, steps = program
    tape = Tape()
    values = [a if a.dtype.kind == "i" else tape.variable(a.astype(dtype)) for a in leaves]
    for symbol, x, y in steps:
        values.append(TABLE[symbol](values[x]) if y is None else TABLE[symbol](values[x], values[y]))
    ends = {i for i in (len(values) - 1, len(values) // 2) if isinstance(values[i], Variable)}
    return tape, {values[i]: random_seed(i, values[i].shape[::-1]).astype(dtype) for i in ends}


def random_seed(i, shape):
    return np.random.default_rng(i).uniform(0.5, 1.5, shape)


def span(rng):
    """Some rows of 2 to 4, or of 1."""
    count = int(rng.integers(1, 5))
    start = int(rng.integers(0, count))
    return np.array([[start, int(rng.integers(start + 1, count + 1)), count]])


def walked(program, table=TABLE, record=False):
    """Derivatives of all values, with seeds for the last and for one in the middle."""
    leaves, steps = program
    tape = Tape()
    values = [tape.variable(a) for a in leaves]
    for symbol, x, y in steps:
        values.append(table[symbol](values[x]) if y is None else table[symbol](values[x], values[y]))
    ends = {len(values) - 1, len(values) // 2}
    seeds = {i: random_seed(i, values[i].shape[::-1]) for i in ends}
    d = tape.backward({values[i]: dz for i, dz in seeds.items()}, record=record)
    found = [d[v].value if record else d[v] for v in values]
    return tape, seeds, d, values, found
