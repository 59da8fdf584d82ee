"""What people write who know NumPy or PyTorch: it works as they expect, or one sentence says what to write."""

import math

import numpy as np
import pytest

from tinyad import Tape, check_op, compile, graph, numeric_derivative, ones, sum, tanh


@pytest.fixture
def tape():
    tape = Tape()
    v = tape.variable(np.array([[1.0, -2.0], [3.0, 4.0], [0.5, 0.25]]), "v")
    tape.name({"L": sum(v * v)})
    return tape


def test_what_works(tape):
    v, L = tape["v"], tape["L"]
    assert len(v) == 3
    assert L.item() == 30.3125
    assert f"{L:.3f}" == "30.312"
    assert f"{L:>10.1e}" == "   3.0e+01"
    assert f"{L}" == str(L)
    assert np.array_equal(abs(v).value, np.abs(v.value))
    assert np.array_equal((v < 1).value, v.value < 1)
    assert tape.backward(L)["v"].shape == (2, 3)


def test_a_backward_pass_is_drawn(tape):
    d = tape.backward(tape["L"])
    assert graph(d).dot == graph(tape, derivatives=d).dot != graph(tape).dot
    assert graph(d, contributions=True).dot == graph(tape, derivatives=d, contributions=True).dot


@pytest.mark.parametrize("take", [float, int, complex, math.tanh])
def test_what_would_leave_the_tape(tape, take):
    with pytest.raises(TypeError, match=r"stays on its tape: v\.item\(\) is the number, and .* np\.tanh\(v\)"):
        take(tape["L"])


def test_only_one_number_is_one_number(tape):
    for take in (tape["v"].item, lambda: f"{tape['v']:.2f}"):
        with pytest.raises(ValueError, match="size 1"):
            take()


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda t: t.backward([t["L"]]), TypeError, r"backward\(L\), or {v: dv}, not a list"),
        (lambda t: t.backward(1.0), TypeError, r"not a float"),
        (lambda t: ones(3), TypeError, r"ones\(x\); a column of 3 ones is np\.ones\(\(3, 1\)\)"),
        (lambda t: ones((3, 2)), TypeError, r"ones takes a matrix"),
        (lambda t: compile(t.backward(t["L"])), TypeError, r"compile\(d\.tape, derivatives=\[\.\.\.\]\)"),
        (lambda t: compile(3), TypeError, r"a tape or a model function, not a int"),
        (lambda t: check_op(tanh, method="Central"), ValueError, r"'Central': there are 'complex' and 'central'"),
        (lambda t: numeric_derivative(t.backward(t["L"]), "v", method="Complex"), ValueError, r"there are 'complex'"),
    ],
)
def test_what_is_meant_is_said(tape, wrong, error, said):
    with pytest.raises(error, match=said):
        wrong(tape)
