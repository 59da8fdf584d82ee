"""Random cells: tapes of steps that repeat at every time step."""

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.support.random_programs import fits, span
from tinyad import TABLE, Tape
from tinyad.compiled import PASSES

ROWS = "* * * ∘ ∘ + + - tanh sigmoid softmax neg stack upper under transpose log_softmax softmax_rows sum".split()
ROWS += "rows padded rows > ≥ sign relu maximum minimum abs column_max row_max first_max sin cos softplus erf".split()


class Cell:
    """Random steps over states H×B, an input X×B, parameters and constants, the same at every time step."""

    def __init__(self, draw):
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        H, X, B = (draw(st.integers(1, 3)) for _ in "HXB")
        self.T = draw(st.integers(1, 5))
        self.dtype = draw(st.sampled_from([np.float64, np.float32]))

        def some(*shape):
            return rng.uniform(-1.2, 1.2, shape).astype(self.dtype)

        self.start = [some(H, B) for _ in range(draw(st.integers(1, 2)))]
        self.xs = [some(X, B) for _ in range(self.T)]
        self.masks = [(rng.uniform(size=(1, B)) < 0.7).astype(self.dtype) for _ in range(self.T)]
        self.parameters = [
            some(H, H),
            some(H, H),
            some(H, X),
            some(H, X),
            some(H, 1),
            some(1, B),
            some(1, 1),
            some(H, B),
        ]
        self.spans = [span(rng) for _ in range(3)]
        values, self.steps = [*self.start, self.xs[0], *self.parameters, self.masks[0], *self.spans], []
        self.fixed = len(values)
        spans = range(self.fixed - len(self.spans), self.fixed)
        mask = spans[0] - 1
        for _ in range(draw(st.integers(2, 14))):
            op = TABLE[draw(st.sampled_from(ROWS))]
            operands = [i for i in range(len(values)) if i not in spans]
            x = draw(st.sampled_from(operands[::-1] if draw(st.booleans()) else operands))
            fitting = [(x,)] if op.arity == 1 else [p for i in operands for p in ((x, i), (i, x))]
            if op.symbol in ("rows", "padded"):
                fitting = [(x, y) for x in operands if x != mask for y in spans]
            fitting = [p for p in fitting if {*p} != {mask} and self.fits(op, [values[i] for i in p])]
            if fitting:  # a step on the mask alone would be none
                p = draw(st.sampled_from(fitting))
                values.append(op.forward(*(values[i] for i in p)))
                self.steps.append((op.symbol, p))
        like = [i for i, a in enumerate(values) if a.shape == (H, B) and i != mask and i not in spans]
        self.next = [draw(st.sampled_from(like)) for _ in self.start]
        self.seeded = draw(
            st.sets(st.integers(0, self.T * (len(self.steps) + len(self.start)) - 1), min_size=1, max_size=4)
        )
        self.all_times = draw(st.booleans())
        self.total = draw(st.sampled_from([None, "from 0", "from the first"]))  # of the states, as losses are added up

    def fits(self, op, operands):
        with np.errstate(all="ignore"):
            return fits(op, operands)

    def record(self):
        tape = Tape()
        states = [tape.variable(a, f"s{k}[0]") for k, a in enumerate(self.start)]
        parameters = [tape.variable(a, f"p{k}") for k, a in enumerate(self.parameters)]
        made, total = [], None if self.total == "from the first" else 0
        for t in range(self.T):
            values = [*states, tape.variable(self.xs[t], f"x[{t + 1}]"), *parameters, self.masks[t], *self.spans]
            for symbol, p in self.steps:
                values.append(TABLE[symbol](*(values[i] for i in p)))
            # kept small, or the states grow from step to step
            states = [TABLE["tanh"](values[i]) for i in self.next]
            made += [*values[self.fixed :], *states]
            tape.name({f"s{k}": state for k, state in enumerate(states)}, step=t + 1)
            if self.total is not None:
                e = np.sum(states[0] * states[-1])
                total = e if total is None else total + e
        chosen = {made[i % len(made)] for i in self.seeded} | (set(states) if self.all_times else set())
        seeds = {total: np.array([[0.7]], self.dtype)} if self.total is not None else {}
        for v in sorted(chosen, key=lambda v: v.index):
            seeds[v] = np.random.default_rng(v.index).uniform(0.5, 1.5, v.shape[::-1]).astype(self.dtype)
        return tape, seeds


cells = st.composite(Cell)()
SOME = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

subsets = st.one_of(
    st.just(PASSES), st.just(("dead", "loops")), st.lists(st.sampled_from(PASSES), unique=True).map(tuple)
)
