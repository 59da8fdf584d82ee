"""A derivation that is right for another forward is told so: for which, and where the tape differs."""

import numpy as np
import pytest

from tests.support.points import draw
from tinyad import Tape, compare, sigmoid, tanh

T = 3


def gru(reset="before", keeps="z", candidate=tanh):
    """A GRU; the backward pass from seeds at every time step."""
    tape = Tape()
    shapes = {f"{m}_{g}": (3, k) for g in "zrn" for m, k in {"W": 2, "U": 3, "b": 1}.items()}
    p = tape.variables(**{name: draw(shape, k) * 0.7 for k, (name, shape) in enumerate(shapes.items())})
    p |= tape.variables(h0=draw((3, 2), 50))
    h = p["h0"]
    for t in range(1, T + 1):
        x = draw((2, 2), 60 + t)
        a_z, a_r = (p[f"W_{g}"] @ x + p[f"U_{g}"] @ h + p[f"b_{g}"] for g in "zr")
        z, r = sigmoid(a_z), sigmoid(a_r)
        a_n = p["W_n"] @ x + p["b_n"] + (p["U_n"] @ (r * h) if reset == "before" else r * (p["U_n"] @ h))
        n = candidate(a_n)
        h = z * h + (1 - z) * n if keeps == "z" else (1 - z) * h + z * n
        tape.name({"a_z": a_z, "a_r": a_r, "z": z, "r": r, "a_n": a_n, "n": n, "h": h}, step=t)
    return tape.backward({f"h[{t}]": draw((2, 3), 80 + t) for t in range(1, T + 1)})


def lstm(peephole):
    """An LSTM whose output gate sees the state before the step, or the one after it."""
    tape = Tape()
    p = tape.variables(W=draw((3, 2)), V=draw((3, 2), 1), P=draw((3, 1), 2), c0=draw((3, 2), 3))
    c = p["c0"]
    for t in range(1, T + 1):
        x, before = draw((2, 2), 10 + t), c
        c = sigmoid(p["W"] @ x) * c + tanh(p["V"] @ x)
        o = sigmoid(p["V"] @ x + p["P"] * (c if peephole == "c[1]" else before))
        tape.name({"c": c, "o": o, "h": o * tanh(c)}, step=t)
    return tape.backward({f"h[{t}]": draw((2, 3), 20 + t) for t in range(1, T + 1)})


def of_leaves(d):
    return {name: d[name] for i, name in d.tape.names.items() if "[" not in name and d.reaches(i)}


@pytest.mark.parametrize(
    ("tape", "hand", "says"),
    [
        (gru(), gru(reset="after"), "the component-wise product after the matrix product"),
        (gru(reset="after"), gru(), "the component-wise product before the matrix product"),
        (gru(), gru(keeps="n"), "z[1] and 1 - z[1] exchanged"),
        (gru(keeps="n"), gru(), "z[1] and 1 - z[1] exchanged"),
        (gru(), gru(candidate=sigmoid), "sigmoid where the tape has tanh"),
        (gru(candidate=sigmoid), gru(), "tanh where the tape has sigmoid"),
        (lstm("c[1]"), lstm("c0"), "c0 where the tape has c[1]"),
        (lstm("c0"), lstm("c[1]"), "c[1] where the tape has c0"),
    ],
)
def test_a_derivation_of_another_model_is_told_so(tape, hand, says):
    found = compare(tape, of_leaves(hand))
    assert found.first_wrong.looks_like.startswith(f"right for another forward, with {says}: step ")
    assert found.first_wrong.looks_like.endswith("; the same at 3 time steps")
    assert {f.cause for f in found.wrong} == {"inherited"}
    assert "all that was given is right for that forward" in str(found)
    assert compare(tape, of_leaves(tape)).ok


def test_a_derivation_of_another_model_with_a_mistake_is_not():
    hand = of_leaves(gru(reset="after"))
    found = compare(gru(), hand | {"W_z": -hand["W_z"], "b_r": np.ones((1, 3))})
    assert "another forward" not in str(found)
