"""Random cells with a recurrence in every time step: a few rounds over states of its own, then a step of the outer."""

import numpy as np
from hypothesis import strategies as st

from tinyad import TABLE, Tape, sigmoid, softmax, tanh

INNER = ("tanh", "sigmoid", "softmax", "sin")


class NestedCell:
    """T time steps, each with K rounds of an inner recurrence, and perhaps a second one that reads the first's."""

    def __init__(self, draw):
        def flip():
            return draw(st.booleans())

        self.rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        self.H, self.B = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        self.T, self.K = draw(st.integers(2, 5)), draw(st.integers(2, 5))
        self.dtype = draw(st.sampled_from([np.float64, np.float64, np.float32]))
        self.start = draw(st.sampled_from(["parameter", "zero", "state", "input", "carried", "computed"]))
        self.function = draw(st.sampled_from(INNER))
        self.second = draw(st.sampled_from([None, "reads rounds", "reads last", "reads back"]))
        self.words, self.masks, self.reads_state, self.reads_input = flip(), flip(), flip(), flip()
        self.bias_within, self.like_rounds, self.scaled, self.stacks = flip(), flip(), flip(), flip()
        self.sum_within = draw(st.sampled_from([None, "from 0", "from the first", "into the state", "into L"]))
        self.total = draw(st.sampled_from([None, "from 0", "from the first"]))
        self.first_differs, self.alternates = draw(st.integers(0, 3)) == 0, draw(st.integers(0, 3)) == 0
        self.reads_round = draw(st.sampled_from([None, 0, 1, -1]))
        self.seeds = draw(st.lists(st.integers(0, 200), max_size=3))
        self.named = flip()

    def some(self, *shape):
        return self.rng.uniform(-0.9, 0.9, shape).astype(self.dtype)

    def record(self):
        H, B, T, K = self.H, self.B, self.T, self.K
        tape = Tape()

        def variable(name, *shape):
            return tape.variable(self.some(*shape), name)

        R, S, U, V = (variable(name, H, H) for name in "RSUV")
        b, c = variable("b", H, 1), variable("c", 1, B)
        z0 = variable("z0", H, B)
        h = variable("h[0]", H, B)
        xs = [variable(f"x[{t + 1}]", H, B) for t in range(T)]
        words = [[variable(f"w{k}[{t + 1}]", H, B) for k in range(K)] for t in range(T)]
        masks = [[(self.rng.uniform(size=(1, B)) < 0.7).astype(self.dtype) for k in range(K)] for t in range(T)]
        f = TABLE[self.function] if self.function in TABLE else {"sigmoid": sigmoid, "softmax": softmax}[self.function]
        z, total, made = z0, None if self.total == "from the first" else 0, []
        L = None
        for t in range(T):
            x = xs[t]
            a = V @ x + b if self.reads_input else V @ h
            if self.first_differs and t == 0:
                a = tanh(a)
            P = S if self.alternates and t % 2 else R
            if self.start == "computed":
                z = tanh(U @ x)
            elif self.start != "carried":
                z = {"parameter": z0, "zero": np.zeros((H, B), self.dtype), "state": h, "input": x}[self.start]
            within, zs = 0 if self.sum_within == "from 0" else None, []
            for k in range(K):
                s = P @ z + a
                if self.bias_within:
                    s = s + b
                if self.words:
                    s = s + U @ words[t][k]
                if self.reads_state:
                    s = s + h * c
                if self.masks:
                    s = s * masks[t][k]
                if self.scaled:
                    s = s * 0.5 + x
                if self.stacks and H > 1:
                    s = TABLE["stack"](s, f(s))
                    s = TABLE["rows"](s, np.array([[1, H + 1, 2 * H]]))
                z = f(s)
                zs.append(z)
                if self.sum_within in ("from 0", "from the first"):
                    e = z * z
                    within = e if within is None else within + e
                elif self.sum_within == "into the state":
                    h = h + z * 0.2
                elif self.sum_within == "into L":
                    e = np.sum(z * x)
                    L = e if L is None else L + e
            y = z
            if self.second:
                q = tanh(h)
                for k in range(K):
                    read = {"reads rounds": zs[k], "reads last": z, "reads back": zs[-1 - k]}[self.second]
                    q = tanh(S @ q + read)
                    made.append(q)
                y = y + q
            if within is not None:
                y = y + within
            if self.reads_round is not None:
                y = y - zs[self.reads_round] * 0.3
            h = tanh(U @ h + y)
            if self.named:
                tape.name({"h": h, "z": z}, step=t + 1)
            made += [*zs, y, h]
            if self.total is not None:
                e = np.sum(h * h)
                total = e if total is None else total + e
        seeds = {made[i % len(made)]: None for i in self.seeds} | {h: None}
        seeds |= {v: None for v in (L, total) if v is not None and not isinstance(v, int)}
        return tape, {v: self.some(*v.shape[::-1]) for v in sorted(seeds, key=lambda v: v.index)}


nested_cells = st.composite(NestedCell)()
