"""How long it takes to compile: about as long for each step of a long tape as of a short one."""

from collections import Counter

import numpy as np

import tinyad
from tests.support.points import draw
from tinyad import Tape
from tinyad.compiled import flat_sums, stacking


def counted(monkeypatch, module, name):
    calls, real = Counter(), getattr(module, name)

    def call(*arguments, **options):
        calls[name] += 1
        return real(*arguments, **options)

    monkeypatch.setattr(module, name, call)
    return calls


def test_all_loops_are_packed_in_one_go(monkeypatch):
    tape, L = Tape(), 0
    W, x = tape.variable(draw((3, 3), 0), "W"), tape.variable(draw((3, 2), 1), "x")
    for k, function in enumerate((np.tanh, np.sin, np.cos, tinyad.sigmoid, tinyad.softplus, np.abs) * 2, 1):
        h = x
        for _ in range(3 + k):
            h = function(W @ h + x)
        L = L + np.sum(h)
    tape.name({"L": L})
    calls = counted(monkeypatch, stacking, "_Packing")
    program = tinyad.compile(tape, ["L"], ["x"])
    assert program.source.count(" time steps ") == 24
    assert calls["_Packing"] <= 9
    assert np.allclose(program()[1]["x"], tape.backward("L")["x"], rtol=1e-12)


def test_a_long_sum_is_flattened_once(monkeypatch):
    tape = Tape()
    x = tape.variable(draw((3, 2), 1), "x")
    L, functions = 0, (np.tanh, np.exp, np.sin, np.cos)
    for k in range(60):
        term = functions[k * k % 7 % 4](x)
        L = L - term if k % 3 else term * 2 + L if k % 2 else L + term
    tape.name({"L": np.sum(L)})
    calls = counted(monkeypatch, flat_sums, "sum_of")
    program = tinyad.compile(tape, ["L"], ["x"], passes=("dead", "sums"))
    assert calls["sum_of"] <= 8  # and not one for each addition
    assert np.allclose(program()[0]["L"], tape["L"].value, rtol=1e-12)
    assert np.allclose(program()[1]["x"], tape.backward("L")["x"], rtol=1e-12)
