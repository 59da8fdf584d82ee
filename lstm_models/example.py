"""Every model over three time steps at a generic point, with its derivatives by hand, and the reports on them."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from lstm_models.model import Matrix, Model, parameters
from lstm_models.models import MODELS
from lstm_models.sequence import record
from tinyad import Derivatives, Report, report

H, X, B, T = 4, 3, 2, 3


class Example(NamedTuple):
    """A backward pass, and the derivatives by hand of every name, in the layout of the model."""

    d: Derivatives
    hand: dict[str, Matrix]


def example(model: Model, seed: int = 0) -> Example:
    """Return T = 3 time steps of B = 2 examples, random states that are not 0, L = Σ dh_t ∘ h_t + dc_T ∘ c_T."""
    rng = np.random.default_rng(seed)

    def normal(rows: int) -> Matrix:
        return rng.standard_normal((B, rows) if model.rows else (rows, B))

    weights = parameters(model, H, X, rng)
    start = {name: normal(H) for name in model.states}
    xs = [normal(X) for _ in range(T)]
    dhs = [normal(H) for _ in range(T)]
    last = {name: normal(H) for name in model.states if name != model.read}
    tape, _ = record(model, start, xs, weights)
    d = tape.backward(
        {f"{model.read}[{t}]": dh.T for t, dh in enumerate(dhs, 1)}
        | {f"{name}[{T}]": dc.T for name, dc in last.items()}
    )
    if model.layout == "row":
        dhs, last = [dh.T for dh in dhs], {name: dc.T for name, dc in last.items()}
    return Example(d, model.by_hand(start, xs, weights, dhs, last))


def model_report(model: Model) -> Report:
    """Return the report on the example of a model: tape against derivation by hand."""
    it = example(model)
    return report(it.d, it.hand, model.layout, groups=model.gates, title=f"{model.source}: {model.name}")


REPORTS = {name: partial(model_report, model) for name, model in MODELS.items()}  # for `tinyad report NAME`
