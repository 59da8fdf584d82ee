"""A model at a generic point: all sizes different, T = 4, random non-zero states, biases and seeds."""

from __future__ import annotations

import numpy as np

from lstm_models import sequence
from lstm_models.model import parameters
from tests.support.points import complex_step

H, X, T = 5, 2, 4


class ModelPoint:
    """T time steps on a tape, L = Σ dh_t ∘ h_t + dc_T ∘ c_T, where h is what the output layer reads."""

    def __init__(self, model, B=3, T=T, dtype=np.float64):
        self.model = model
        rng = np.random.default_rng([B, *model.name.encode()])

        def normal(rows, columns):
            return rng.standard_normal((columns, rows) if model.rows else (rows, columns)).astype(dtype)

        self.parameters = parameters(model, H, X, rng, dtype)
        self.start = {name: normal(H, B) for name in model.states}
        self.xs = [normal(X, B) for _ in range(T)]
        self.dhs = [t * normal(H, B) for t in range(1, T + 1)]  # of the states' size, unequal in size too
        self.last = {name: normal(H, B) for name in model.states if name != model.read}
        self.leaves = self.parameters | {f"{name}[0]": state for name, state in self.start.items()}
        self.leaves |= {f"x[{t}]": x for t, x in enumerate(self.xs, 1)}
        self.tape, self.steps = sequence.record(model, self.start, self.xs, self.parameters)
        seeds = {f"{model.read}[{t}]": dh.T for t, dh in enumerate(self.dhs, 1)}
        self.seeds = seeds | {f"{name}[{T}]": dc.T for name, dc in self.last.items()}
        self.d = self.tape.backward(self.seeds)

    def loss(self, leaves):
        """L of the model as it stands, on plain arrays."""
        start = {name: leaves[f"{name}[0]"] for name in self.start}
        xs = [leaves[f"x[{t}]"] for t in range(1, len(self.xs) + 1)]
        steps = sequence.unrolled(self.model, start, xs, {name: leaves[name] for name in self.parameters})
        total = sum((dh * eqs[self.model.read]).sum() for dh, eqs in zip(self.dhs, steps, strict=True))
        return total + sum((dc * steps[-1][name]).sum() for name, dc in self.last.items())

    def by_complex_step(self, name):
        """dL/d(leaf) in row layout."""
        return complex_step(lambda moved: self.loss({**self.leaves, name: moved}), self.leaves[name])

    def hand(self):
        """The derivatives by hand, under the names of the tape, in the layout of the model."""
        row = self.model.layout == "row"
        dhs = [dh.T if row else dh for dh in self.dhs]
        last = {name: dc.T if row else dc for name, dc in self.last.items()}
        return self.model.by_hand(self.start, self.xs, self.parameters, dhs, last)
