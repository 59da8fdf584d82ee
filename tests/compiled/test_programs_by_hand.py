"""The programs by hand that compiled ones are measured against have the derivatives of the complex step."""

import numpy as np
import pytest

from lstm_models.sequence import after, unrolled
from tests.benchmarks.works import SIZES, WORKS, Work


def loss(work, leaves):
    """The number that a work differentiates, on arrays: losses, or the last states times their seeds."""
    p = work.p
    start = dict(zip(work.model.states, (leaves[name] for name in p.states()), strict=True))
    weights, xs = {name: leaves[name] for name in p.parameters}, [leaves[name] for name in p.inputs()]
    steps = [list(after(work.model, eqs).values()) for eqs in unrolled(work.model, start, xs, weights, work.lengths)]
    if work.targets is None:
        seeds = [seed.T for seed in (p.dC, p.dh) if seed is not None]
        return sum((state * seed).sum() for state, seed in zip(steps[-1], seeds, strict=True))
    T = len(xs)
    masks = np.ones((T, 1)) if work.lengths is None else work.lengths > np.arange(T)[:, None]
    return sum((((h - t) ** 2) * m).sum() for (*_, h), t, m in zip(steps, work.targets, masks, strict=True))


@pytest.mark.parametrize("name", WORKS)
def test_derivatives_along_random_directions(name, monkeypatch):
    monkeypatch.setitem(SIZES, "odd", (3, 4, 5, 6))
    work = Work(name, "odd", "float64")
    leaves = work.p.leaves()
    for form, make in work.by_hand().items():
        run = make()
        run()
        d = run()  # places are used again
        if work.targets is not None:
            assert np.isclose(d["L"].item(), loss(work, leaves), rtol=1e-13), form
        for leaf in leaves:
            along = np.random.default_rng(len(leaf)).standard_normal(leaves[leaf].shape)
            slope = loss(work, leaves | {leaf: leaves[leaf] + 1e-30j * along}).imag / 1e-30
            assert np.isclose((d[leaf].T * along).sum(), slope, rtol=1e-10, atol=1e-12), (form, leaf)
