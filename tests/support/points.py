"""Generic points and oracles that know nothing of tinyad's rules: complex step, replay, deliberately wrong rows."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_models.model import parameters
from lstm_models.sequence import record, unrolled
from lstm_models.slides import MODEL
from tinyad import TABLE, Op, Tape, deriv

STEP = 1e-30
EPS = np.finfo(np.float64).eps
PAIRS = [((4, 3), (4, 3)), ((1, 1), (4, 3)), ((4, 1), (4, 3)), ((1, 3), (4, 3)), ((1, 1), (1, 3)), ((1, 1), (4, 1))]
PAIRS += [(y, x) for x, y in PAIRS[1:]] + [((1, 1), (1, 1))]


def draw(shape, seed=0, dtype=np.float64):
    """Entries of both signs, 0.4 to 1.6 in size: none is 0, 1 or equal to another."""
    rng = np.random.default_rng([seed, *shape])
    return (rng.choice([-1, 1], shape) * rng.uniform(0.4, 1.6, shape)).astype(dtype)


def close(a, b, tolerance=1e-13):
    """Equal to rounding, relative to the largest entry of b; sizes must be equal."""
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= tolerance * np.abs(b).max(initial=0)))


def complex_step(f, a):
    """d f(a) / da in row layout, entry by entry; f maps a complex matrix to one complex number."""
    out = np.empty(a.shape[::-1])
    for n, m in np.ndindex(*a.shape):
        moved = a.astype(np.complex128)
        moved[n, m] += STEP * 1j
        out[m, n] = np.asarray(f(moved)).item().imag / STEP
    return out


def replay(tape, position, change):
    """The values of a tape after `change` was added to one of them; uses the forwards only."""
    values = [value + (change if i == position else 0) for i, value in enumerate(tape.values)]
    for op, z, x, y in tape.steps:
        new = op.forward(values[x]) if y is None else op.forward(values[x], values[y])
        values[z] = new + (change if z == position else 0)
    return values


def replayed(tape, seeds, position):
    """dL/d(value at position) by the complex step, L = Σ seeds ∘ values; seeds: {position: row layout}."""
    zero = np.zeros(tape.values[position].shape, complex)

    def loss(moved):
        values = replay(tape, position, moved)
        return sum((dz.T * values[i]).sum() for i, dz in seeds.items())

    return complex_step(loss, zero)


def fitting(op):
    """Operands of generic sizes for any row of the table: all the broadcasts, square or positive where needed."""
    if op.arity == 2 and op.elementwise:
        pairs = [(np.abs(draw(x, 1)) if op is TABLE["**"] else draw(x, 1), draw(y, 2)) for x, y in PAIRS]
        if op in (TABLE["maximum"], TABLE["minimum"]):  # where x is never the larger one, its derivative is 0
            pairs = [(x, y) for x, y in pairs if (x > y).any() and (x < y).any()]
        return pairs
    if op.symbol in ("rows", "padded"):
        return [(draw((5, 3) if op.symbol == "rows" else (3, 2), 1), np.array([[1.0, 4.0, 5.0]]))]
    if op.arity == 2:  # the columns of a template count for nothing
        x, y = ((4, 3), (3, 2)) if op is TABLE["*"] else ((5, 3), (2, 3 if op is TABLE["stack"] else 4))
        return [(draw(x, 1), draw(y, 2))]
    x = draw((4, 3), 1)
    with np.errstate(all="ignore"):
        try:
            if not np.isfinite(op(x)).all():
                x = np.abs(x)
        except np.linalg.LinAlgError:
            x = draw((3, 3), 1)
    return [(x,)]


def by_deriv(op, dz, operands):
    out = deriv(dz, *operands, op)
    return out if op.arity == 2 else (out,)


def by_walk(op, dz, operands, record=False):
    tape = Tape()
    leaves = [tape.variable(a) for a in operands]
    d = tape.backward({op(*leaves): dz}, record=record)
    return [d[leaf].value if record else d[leaf] for leaf in leaves]


def by_recorded_walk(op, dz, operands):
    return by_walk(op, dz, operands, record=True)


WAYS = (by_deriv, by_walk, by_recorded_walk)
BY_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def is_right(op, operands, way):
    """Whether the row has the derivative of its own forward, for every operand; a refusal counts as no."""
    z = op.forward(*operands)
    dz = draw(z.shape[::-1], 3)
    try:
        found = way(op, dz, operands)
    except ValueError:
        return False
    for i, a in enumerate(operands):

        def loss(moved, i=i):
            return (dz.T * op.forward(*(moved if i == j else b for j, b in enumerate(operands)))).sum()

        if not close(found[i], complex_step(loss, a)):
            return False
    return True


def wrong_rows(op):
    """(what is wrong, the row with that mistake in its rule); "nothing" has no mistake: the check must pass it."""
    rule = op.deriv
    empty = [formula is None for formula in op.formulas]
    if empty == [True]:
        yield "nothing", Op(op.symbol, op.forward, lambda dz, z, x: None)
        yield "not 0", Op(op.symbol, op.forward, lambda dz, z, x: 1e-4 * dz)
        return
    if empty == [True, True]:
        yield "nothing", Op(op.symbol, op.forward, lambda dz, z, x, y: (None, None))
        yield "not 0 x", Op(op.symbol, op.forward, lambda dz, z, x, y: (1e-4 * dz, None))
        yield "not 0 y", Op(op.symbol, op.forward, lambda dz, z, x, y: (None, 1e-4 * dz))
        return
    if op.arity == 1:
        yield "nothing", Op(op.symbol, op.forward, lambda dz, z, x: rule(dz, z, x))
        yield "0.01 %", Op(op.symbol, op.forward, lambda dz, z, x: 1.0001 * rule(dz, z, x))
        yield "sign", Op(op.symbol, op.forward, lambda dz, z, x: -rule(dz, z, x))
        yield "zero", Op(op.symbol, op.forward, lambda dz, z, x: 0 * rule(dz, z, x))
        return
    mistakes = {
        "nothing": lambda dx, dy: (dx, dy),
        "0.01 % x": lambda dx, dy: (1.0001 * dx, dy),
        "0.01 % y": lambda dx, dy: (dx, 1.0001 * dy),
        "sign x": lambda dx, dy: (-dx, dy),
        "sign y": lambda dx, dy: (dx, -dy),
        "zero x": lambda dx, dy: (0 * dx, dy),
        "zero y": lambda dx, dy: (dx, 0 * dy),
    }
    if op.formulas[1] is None:  # y gives a size: its derivative is 0, and all that is left of 0 is 0
        mistakes = {name: spoil for name, spoil in mistakes.items() if not name.endswith("y")}
        yield "not 0 y", Op(op.symbol, op.forward, lambda dz, z, x, y: (rule(dz, z, x, y)[0], 1e-4 * y.T))
    if op is not TABLE["+"]:  # where the two are equal, swapping them is no mistake
        mistakes["swapped"] = lambda dx, dy: (dy, dx)
    for name, spoil in mistakes.items():
        yield name, _spoiled(op, spoil)


def _spoiled(op, spoil):
    return Op(op.symbol, op.forward, lambda dz, z, x, y: spoil(*op.deriv(dz, z, x, y)))


class LSTMPoint:
    """T = 3 steps of the slides' LSTM at a generic point, its tape, its seeds in row layout, and its loss."""

    def __init__(self, form="steps", sizes=(4, 5, 2, 3), dtype=np.float64, seed_C=True, change=None):
        H, X, B, T = sizes
        rng = np.random.default_rng(sizes)

        def normal(*shape):
            return rng.standard_normal(shape).astype(dtype)

        self.form = form
        self.parameters = parameters(MODEL[form], H, X, rng, dtype)
        start = {"C[0]": normal(H, B), "h[0]": normal(H, B)}
        self.xs = {f"x[{t}]": normal(X, B) for t in range(1, T + 1)}
        self.leaves = {**self.parameters, **start, **self.xs}
        self.dC = normal(B, H) * dtype(seed_C)
        self.dhs = [dtype(t) * normal(B, H) for t in range(1, T + 1)]
        self.seeds = {f"h[{t}]": dh for t, dh in enumerate(self.dhs, 1)}
        if seed_C:
            self.seeds[f"C[{T}]"] = self.dC
        a = {name: value + change[name] for name, value in self.leaves.items()} if change else self.leaves
        weights = {name: a[name] for name in self.parameters}
        states = {"C": a["C[0]"], "h": a["h[0]"]}
        self.tape, self.steps = record(MODEL[form], states, [a[x] for x in self.xs], weights)
        self.d = self.tape.backward(self.seeds)

    def run(self, leaves):
        """The model as it stands, on plain arrays."""
        weights = {name: leaves[name] for name in self.parameters}
        states = {"C": leaves["C[0]"], "h": leaves["h[0]"]}
        return unrolled(MODEL[self.form], states, [leaves[x] for x in self.xs], weights)

    def loss(self, leaves):
        steps = self.run(leaves)
        return sum((dh.T * s["h"]).sum() for dh, s in zip(self.dhs, steps, strict=True)) + (
            (self.dC.T * steps[-1]["C"]).sum()
        )
