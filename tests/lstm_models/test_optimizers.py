"""The optimizers against their papers, one number at a time, and the norm that clips."""

import math

import numpy as np
import pytest

from lstm_models.optimizers import OPTIMIZERS, norm
from tests.support.points import draw

RATE = 0.07


def polyak(p, ds):
    """p_n = p_{n-1} - rate d_n + 0.9 (p_{n-1} - p_{n-2}), the heavy ball in its own form, without a velocity."""
    before = p
    for d in ds:
        p, before = p - RATE * d + 0.9 * (p - before), p
    return p


def tieleman_hinton(p, ds):
    """The mean square forgets with 0.9; the derivative is divided by its root."""
    mean_square = 0.0
    for d in ds:
        mean_square = 0.9 * mean_square + 0.1 * d**2
        p = p - RATE * d / (math.sqrt(mean_square) + 1e-8)
    return p


def kingma_ba(p, ds):
    """Algorithm 1 with its own names, alpha aside."""
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8
    m = v = 0.0
    for t, g in enumerate(ds, 1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        p = p - RATE * m_hat / (math.sqrt(v_hat) + epsilon)
    return p


PAPERS = {"sgd": polyak, "rmsprop": tieleman_hinton, "adam": kingma_ba}


def moved(name, p, ds, **decays):
    optimizer = OPTIMIZERS[name]
    kept = [np.zeros_like(p) for _ in optimizer.keeps]
    for n, d in enumerate(ds, 1):
        optimizer.update(p, d, RATE, n, *kept, **decays)
    return kept


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_number_follows_the_paper(name):
    start, ds = draw((3, 4)), [10.0 ** (n - 3) * draw((3, 4), n) for n in range(7)]
    for d in ds:
        d[1, 2] = 0.0  # what the loss does not depend on
    p = start.copy()
    moved(name, p, ds)
    expected = [[PAPERS[name](start[i, j], [d[i, j] for d in ds]) for j in range(4)] for i in range(3)]
    np.testing.assert_allclose(p, expected, rtol=1e-12)
    assert p[1, 2] == start[1, 2]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decays_are_those_that_are_given(name):
    start, ds = draw((3, 4)), [draw((3, 4), n) for n in range(5)]
    usual = OPTIMIZERS[name].decays
    moves = {}
    for decays in ({}, dict(usual), *({field: 0.5} for field in usual)):
        p = start.copy()
        moved(name, p, ds, **decays)
        moves[str(decays)] = p.tobytes()
    assert moves["{}"] == moves[str(dict(usual))]
    assert len(set(moves.values())) == len(moves) - 1
    p = start.copy()
    if name == "adam":  # without memory each entry moves by the rate, against the sign of its derivative
        moved(name, p, ds[:1], beta1=0.0, beta2=0.0)
        np.testing.assert_allclose(p, start - RATE * np.sign(ds[0]), rtol=1e-6)
    elif name == "sgd":
        moved(name, p, ds, beta1=0.0)
        np.testing.assert_allclose(p, start - RATE * np.sum(ds, 0), rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_stays_float32_and_derivatives_stay_as_they_are(name):
    p, d = draw((3, 4)).astype(np.float32), draw((3, 4), 1).astype(np.float32)
    given = d.copy()
    kept = moved(name, p, [d, d])
    assert {a.dtype for a in (p, *kept)} == {np.dtype(np.float32)}
    assert (d == given).all()


def test_the_norm():
    assert norm(np.array([3.0, -4.0])) == 5
    assert norm(np.zeros(3)) == 0
    assert norm(np.array([3e30, 4e30], np.float32)) == pytest.approx(5e30)  # whose squares float32 does not have
    assert norm(np.array([1.0, np.inf])) == np.inf
    assert math.isnan(norm(np.array([1.0, np.nan])))
