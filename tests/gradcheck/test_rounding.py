"""How near is equal: a right derivation is right whatever rounding does to it, and a wrong digit above that is not."""

import numpy as np
import pytest

from tests.support.points import LSTMPoint, draw
from tinyad import Tape, compare, inv, sigmoid, sqrt, tanh
from tinyad.gradcheck.rounding import spread


def layer_norm(mean):
    """The variance as E[x²] - E[x]²: what cancels grows with the mean.  And its derivative by hand in long doubles."""
    X, N = mean + draw((4, 3)), 4
    tape = Tape()
    x, one = tape.variable(X, "x"), np.ones((1, N)) / N
    m = one @ x
    tape.name({"y": (x - m) / sqrt(one @ (x * x) - m * m)})
    dy = draw((3, 4), 1)
    wide, g = X.astype(np.longdouble), dy.T.astype(np.longdouble)
    centred = wide - wide.mean(0)
    s = np.sqrt((centred**2).mean(0))
    by_hand = (g - g.mean(0) - centred / s * (g * centred / s).mean(0)) / s
    return tape.backward({"y": dy}), by_hand.astype(float)


@pytest.mark.parametrize("mean", [0, 10, 1000, 3000])
def test_cancellation_on_the_tape_is_not_held_against_the_hand(mean):
    d, by_hand = layer_norm(mean)
    assert compare(d, {"x": by_hand}, layout="same").ok
    assert compare(d, {"x": d["x"]}).ok
    by_hand[0, 0] *= 1.01
    assert not compare(d, {"x": by_hand}, layout="same").ok


def test_near_a_singular_matrix_a_wrong_percent_is_seen():
    tape = Tape()
    A = tape.variable([[1.0, 1.0], [1.0, 1.0 + 1e-4]], "A")
    tape.name({"Z": inv(A)})
    d = tape.backward({"Z": draw((2, 2))})
    assert compare(d, {"A": d["A"]}).ok
    assert not compare(d, {"A": 1.0001 * d["A"]}).ok


def test_saturation():
    tape = Tape()
    x = tape.variable([[30.0, -30.0, 5.0]], "x")
    tape.name({"s": sigmoid(x)})
    d = tape.backward({"s": np.ones((3, 1))})
    e = np.exp(-np.abs([[30.0, -30.0, 5.0]]))
    assert compare(d, {"x": e / (1 + e) ** 2}, layout="same").ok


@pytest.mark.parametrize("T", [1, 10, 60])
def test_the_allowance_does_not_grow_without_reason(T):
    point = LSTMPoint(sizes=(4, 5, 2, T))
    for name, far in zip(point.tape.names.values(), spread(point.d), strict=False):
        assert far <= 1e4 * max(np.abs(point.d[name]).max(), 1e-6), name


def test_every_result_has_an_allowance_on_the_smallest_tapes():
    """Signs drawn at random agree by chance on 1×1 values: the draws have to differ all the same."""
    for seed in range(40):
        tape = Tape()
        x = tape.variable(draw((1, 1), seed), "x")
        y = tanh(x) * x
        tape.name({"y": y, "z": y * y})
        d = tape.backward({"z": 1.0})
        assert all(far > 0 for far in spread(d))


def test_a_forward_that_cancels_loosens_what_follows_from_it():
    tape = Tape()
    a = tape.variable(draw((4, 3)), "a")
    b = a + 1e8
    c = b - 1e8  # a, but for eight digits
    tape.name({"b": b, "c": c, "y": c * c})
    d = tape.backward({"y": draw((3, 4), 1)})
    exact = 2 * d.column(tape["y"].index) * draw((4, 3))
    assert compare(d, {"a": exact}, layout="same").ok
    assert not compare(d, {"a": exact * 1.001}, layout="same").ok


@pytest.mark.parametrize("narrow", ["hand", "leaf", "constant"])
def test_float32_anywhere_is_judged_as_float32(narrow):
    dtype = {key: np.float32 if key == narrow else np.float64 for key in ("hand", "leaf", "constant")}
    A, x, y = draw((4, 3)), draw((3, 2), 1).astype(dtype["leaf"]), draw((4, 2), 2).astype(dtype["constant"])
    tape = Tape()
    v = tape.variables(A=A, x=x)
    tape.name({"z": y * tanh(v["A"] @ v["x"])})
    dz = draw((4, 2), 3)
    d = tape.backward({"z": dz.T})
    h = np.tanh(A.astype(np.float64) @ x)
    hand = dz * y * (1 - h * h) @ x.T
    assert compare(d, {"A": hand.astype(dtype["hand"])}, layout="same").ok
    assert not compare(d, {"A": (1.001 * hand).astype(dtype["hand"])}, layout="same").ok


def test_one_float32_array_by_hand_loosens_no_other():
    tape = Tape()
    v = tape.variables(A=draw((4, 3)), x=draw((3, 2), 1))
    tape.name({"z": v["A"] @ v["x"]})
    d = tape.backward({"z": draw((2, 4), 2)})
    found = compare(d, {"x": d["x"].astype(np.float32), "A": (1 + 3e-7) * d["A"]})
    assert [f.name for f in found.wrong] == ["A"]
