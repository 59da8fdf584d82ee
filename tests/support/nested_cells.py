"""Random cells with a recurrence in every time step: a few rounds over states of its own, then a step of the outer."""

import numpy as np
from hypothesis import strategies as st

from tinyad import Tape, sigmoid, softmax, tanh

FUNCTIONS = {"tanh": tanh, "sigmoid": sigmoid, "softmax": softmax, "sin": np.sin}
CHOICES = {
    "H": (1, 2, 3),
    "B": (1, 2, 3),
    "T": (2, 3, 4, 5),
    "K": (2, 3, 4, 5),  # rounds in a time step
    "start": ("z0", "zero", "state", "input", "carried", "computed"),
    "function": tuple(FUNCTIONS),
    "second": (None, "rounds", "last", "back"),  # another recurrence, and what it reads of the first
    "within": (None, "from 0", "from the first", "into the state", "into L"),  # what is added up in a time step
    "total": (None, "from 0", "from the first"),
    "reads_round": (None, 0, 1, -1),
    "first_differs": (False, False, False, True),
    "alternates": (False, False, False, True),
    **dict.fromkeys(("words", "masks", "reads_state", "reads_input", "biased", "scaled", "named"), (False, True)),
}


class NestedCell:
    """T time steps, each with K rounds of an inner recurrence, and perhaps a second one that reads the first's."""

    def __init__(self, draw):
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        self.dtype = draw(st.sampled_from([np.float64, np.float64, np.float32]))
        self.__dict__ |= {name: draw(st.sampled_from(choices)) for name, choices in CHOICES.items()}
        self.seeded = draw(st.lists(st.integers(0, 200), max_size=3))

    def some(self, *shape):
        return self.rng.uniform(-0.9, 0.9, shape).astype(self.dtype)

    def record(self):
        self.tape, self.made, self.loss = Tape(), [], None
        H, B = self.H, self.B
        sizes = dict.fromkeys("RSUV", (H, H)) | {"b": (H, 1), "c": (1, B), "z0": (H, B), "h[0]": (H, B)}
        p = {name: self.variable(name, *shape) for name, shape in sizes.items()}
        h, z = p["h[0]"], p["z0"]
        total = None if self.total == "from the first" else 0
        for t in range(self.T):
            h, z = self.time_step(t, p, h, z)
            if self.total is not None:
                e = np.sum(h * h)
                total = e if total is None else total + e
        seeds = {self.made[i % len(self.made)] for i in self.seeded} | {h}
        seeds |= {v for v in (self.loss, total) if v is not None and not isinstance(v, int)}
        return self.tape, {v: self.some(*v.shape[::-1]) for v in sorted(seeds, key=lambda v: v.index)}

    def variable(self, name, *shape):
        return self.tape.variable(self.some(*shape), name)

    def time_step(self, t, p, h, z):
        x = self.variable(f"x[{t + 1}]", self.H, self.B)
        a = p["V"] @ x + p["b"] if self.reads_input else p["V"] @ h
        if self.first_differs and t == 0:
            a = tanh(a)
        starts = {"z0": p["z0"], "zero": np.zeros((self.H, self.B), self.dtype), "state": h, "input": x, "carried": z}
        z = tanh(p["U"] @ x) if self.start == "computed" else starts[self.start]
        R, zs, within = p["S" if self.alternates and t % 2 else "R"], [], 0 if self.within == "from 0" else None
        for k in range(self.K):
            z = self.round(t, k, R @ z + a, p, x, h)
            zs.append(z)
            if self.within in ("from 0", "from the first"):
                e = z * z
                within = e if within is None else within + e
            elif self.within == "into the state":
                h = h + z * 0.2
            elif self.within == "into L":
                e = np.sum(z * x)
                self.loss = e if self.loss is None else self.loss + e
        y = z if self.second is None else z + self.second_rounds(p["S"], h, zs)
        if within is not None:
            y = y + within
        if self.reads_round is not None:
            y = y - zs[self.reads_round] * 0.3
        h = tanh(p["U"] @ h + y)
        if self.named:
            self.tape.name({"h": h, "z": z}, step=t + 1)
        self.made += [*zs, y, h]
        return h, z

    def round(self, t, k, s, p, x, h):
        if self.biased:
            s = s + p["b"]
        if self.words:
            s = s + p["U"] @ self.variable(f"w{k}[{t + 1}]", self.H, self.B)
        if self.reads_state:
            s = s + h * p["c"]
        if self.masks:
            s = s * (self.rng.uniform(size=(1, self.B)) < 0.7).astype(self.dtype)
        if self.scaled:
            s = s * 0.5 + x
        return FUNCTIONS[self.function](s)

    def second_rounds(self, S, h, zs):
        q = tanh(h)
        for k in range(self.K):
            q = tanh(S @ q + zs[{"rounds": k, "last": -1, "back": -1 - k}[self.second]])
            self.made.append(q)
        return q


nested_cells = st.composite(NestedCell)()


def leaves(tape):
    return [
        tape.label(i) for i in range(len(tape.values)) if tape.label(i)[0] in "RSUVbcxzw" and i not in tape.constants
    ]
