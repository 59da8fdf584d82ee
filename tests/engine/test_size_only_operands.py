"""Operands that give only their size, None in the rule: their derivative is 0, and nothing is said against it."""

import operator

import numpy as np
import pytest

from tests.support.points import BY_WAY, by_deriv, by_walk, close, draw
from tinyad import (
    Op,
    Tape,
    check_op,
    compare,
    deriv,
    gradients,
    numeric_derivative,
    routine,
    stack,
    tanh,
    under,
    upper,
)

A, Y = draw((5, 3)), draw((2, 4), 1)
DZ = {upper: draw((3, 2), 2), under: draw((3, 3), 3)}
PARTS = pytest.mark.parametrize("op", [upper, under], ids=str)


def part(op):
    """z is a part of tanh(x); y gives its size and nothing else, and L does not depend on w at all."""
    tape = Tape()
    v = tape.variables(x=A, y=Y, w=Y)
    a = tanh(v["x"])
    tape.name({"a": a, "z": op(a, v["y"])})
    return tape.backward({"z": DZ[op]})


# deriv()


@pytest.mark.parametrize("symbol", ["upper", "under"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_deriv_gives_zeros(symbol, dtype):
    dz = DZ[upper if symbol == "upper" else under]
    _, dy = deriv(dz.astype(dtype), A.astype(dtype), Y.astype(dtype), symbol)
    assert dy.shape == (4, 2)
    assert dy.dtype == dtype
    assert not dy.any()
    dy += 1  # an array of its own


def test_deriv_of_numbers():
    found = deriv(2.0, 3.0, 5.0, "upper")
    assert found == (2.0, 0.0)
    assert [type(number) for number in found] == [float, float]


# compare()


@PARTS
def test_a_right_derivation(op):
    d = part(op)
    found = compare(d, {name: d[name] for name in "xyaz"})
    assert found.ok
    assert found.not_exercised == []
    assert "not exercised" not in str(found)
    assert "L does not depend on w" in compare(d, {"y": d["y"], "w": d["w"]}).not_exercised


@PARTS
def test_a_derivation_with_one_mistake(op):
    d = part(op)
    for name in "xaz":
        found = compare(d, {n: -d[n] if n == name else d[n] for n in "xyaz"})
        assert [f.name for f in found.wrong if f.cause == "own"] == [name]
        assert found.first_wrong.looks_like == "the sign"
        assert {f.name: f.verdict for f in found.findings}["y"] == "right"
        assert found.not_exercised == []


@PARTS
def test_the_other_rows_forgotten(op):
    """Of ∇a only the part that is not 0."""
    d = part(op)
    found = compare(d, {"a": DZ[op]}).first_wrong
    assert (found.verdict, found.looks_like) == ("shape", f"3×{DZ[op].shape[1]} by hand, expected 3×5")


@PARTS
def test_a_derivative_by_hand_for_a_size_only_operand_is_wrong(op):
    d = part(op)
    found = compare(d, {"x": d["x"], "y": np.full((4, 2), 1e-6)})
    assert [f.name for f in found.wrong] == ["y"]
    assert found.first_wrong.name == "y"


def test_a_size_only_operand_of_what_L_does_not_look_at_is_no_excuse():
    tape = Tape()
    v = tape.variables(x=A, y=Y)
    upper(v["x"], v["y"])
    tape.name({"z": tanh(v["x"])})
    d = tape.backward({"z": draw((3, 5))})
    assert compare(d, {"y": d["y"]}).not_exercised == ["L does not depend on y"]


def from_the_operand_that_gives_its_size(mistaken, combined=operator.add):
    """y = p ∘ q gives u its size, and has a derivative of its own from h; the hand's of one name is another's."""
    tape = Tape()
    v = tape.variables(x=A, p=draw((2, 3), 1), q=draw((2, 3), 2), c=draw((2, 3), 3))
    y = v["p"] * v["q"]
    h = combined(y, v["c"])
    tape.name({"y": y, "h": h, "u": upper(tanh(v["x"]), y)})
    d = tape.backward({"h": draw((3, 2), 4), "u": draw((3, 2), 5)})
    return compare(d, {name: d[other] if other else draw((3, 2), 9) for name, other in mistaken.items()})


def test_a_line_behind_a_size_only_operand_is_judged_by_its_own_derivative():
    """All that ∇p is made from is ∇y, a copy of ∇h, which was given as a seed: not ∇u, whose size y gives."""
    assert from_the_operand_that_gives_its_size({"p": None}).first_wrong.not_given == ("y",)
    assert from_the_operand_that_gives_its_size({"p": None, "y": "y"}).first_wrong.cause == "own"


def test_the_derivative_of_a_size_only_operand_may_stand_in_the_place_of_another():
    found = from_the_operand_that_gives_its_size({"u": "y"}, combined=operator.mul)
    assert found.first_wrong.looks_like == "it is the derivative of y"
    equal = "; or ".join(f"it is the derivative of {name}" for name in ("h", "y", "c"))
    assert from_the_operand_that_gives_its_size({"u": "y"}).first_wrong.looks_like == equal


def opaque():
    def rule(dz, z, x, y):
        return np.vstack([dz.T, 0 * x[len(y) :]]).T, None

    return Op("pick", lambda x, y: x[: len(y)], rule)


@pytest.mark.parametrize("row", [lambda: upper, opaque])
@pytest.mark.parametrize("given", ["W", "P Q", "V", "W P Q V"])
def test_one_mistake_in_a_line_that_was_not_given(row, given):
    """∇u is doubled, from which ∇A and ∇B come, and nothing of what its size-only operand is made from."""
    tape = Tape()
    v = tape.variables(A=draw((5, 2)), B=draw((5, 2), 1), P=draw((2, 7), 2), Q=draw((2, 7), 3), V=draw((7, 2), 4))
    W = v["P"] * v["Q"]
    y = W @ v["V"]
    u = row()(tanh(v["A"] * v["B"]), y)
    tape.name({"W": W, "y": y, "u": u, "q": y * u})
    d = tape.backward({"q": draw((2, 2), 5)})
    wrong = {"A": 2 * d["A"], "B": 2 * d["B"]}
    found = compare(d, wrong | {name: d[name] for name in given.split()})
    assert {f.name for f in found.wrong} == {"A", "B"}
    assert [f.cause for f in found.wrong] == ["inherited", "inherited"]
    assert found.first_wrong.looks_like.startswith("a factor: 2 times what it should be")
    if row() is upper:
        assert found.first_wrong.name == "u"


@pytest.mark.parametrize("row", [lambda: upper, opaque])
def test_one_mistake_behind_a_size_only_operand_that_was_computed(row):
    """What the size-only operand is made from has the derivative 0, and not one of another size."""
    tape = Tape()
    v = tape.variables(A=draw((5, 2)), B=draw((5, 2), 1), C=draw((2, 2)), W=draw((2, 7), 2), V=draw((7, 4), 3))
    tape.name({"z": v["C"] * row()(tanh(v["A"] * v["B"]), v["W"] @ v["V"])})
    d = tape.backward({"z": draw((2, 2), 5)})
    found = compare(d, {name: d[name] * (1 + (name in "AB")) for name in "ABCWV"})
    assert {f.name: f.cause for f in found.wrong} == {"A": "inherited", "B": "inherited"}
    assert found.first_wrong.looks_like.startswith("a factor: 2 times what it should be")


def test_why_a_part_is_not_exercised():
    """L looks at no row of x, whatever h is."""
    tape = Tape()
    v = tape.variables(h=np.zeros((2, 3)), x=A)
    z = stack(v["h"], v["x"])
    tape.name({"z": z, "u": upper(z, v["h"])})
    d = tape.backward({"u": DZ[upper]})
    assert compare(d, {"x": d["x"]}).not_exercised == ["step 1: ∇x += under(∇zᵀ, h)ᵀ adds nothing (negligible)"]


# Numeric derivatives


@PARTS
@pytest.mark.parametrize("method", ["complex", "central"])
def test_numeric_derivatives(op, method):
    d = part(op)
    for name in "xyaz":
        found = numeric_derivative(d, name, method=method)
        value = found if method == "complex" else found[0]
        assert close(value, d[name], 1e-14 if method == "complex" else 1e-8), name
    along = numeric_derivative(d, "y", Y, method=method)
    assert along == 0 if method == "complex" else along[0] == 0


def test_a_size_only_operand_is_not_blamed_for_what_is_not_analytic():
    absolute = Op("abs", np.abs, lambda dz, z, x: dz * np.sign(x).T)
    tape = Tape()
    v = tape.variables(x=A, y=Y)
    tape.name({"z": absolute(upper(v["x"], v["y"]))})
    d = tape.backward({"z": DZ[upper]})
    with pytest.raises(ValueError, match=r"^step 2, z by abs: .*use central differences"):
        numeric_derivative(d, "x")
    assert not numeric_derivative(d, "y").any()


def test_check_op_sees_the_size_of_the_other_operand():
    """Right for two matrices of one size, and for no others."""
    pile = Op("pile", lambda x, y: np.vstack([x, y]), lambda dz, z, x, y: (upper(dz.T, y).T, under(dz.T, y).T))
    assert check_op(pile, draw((2, 3)), draw((2, 3), 1)) < 1e-12
    with pytest.raises(ValueError, match="row layout needs"):
        check_op(pile)


# Users' rows


def first():
    return Op("first", upper.forward, lambda dz, z, x, y: (stack(dz.T, 0 * under(x, y)).T, None))


@BY_WAY
def test_a_users_row(way):
    dx, dy = way(first(), DZ[upper], (A, Y))
    assert np.array_equal(dx, np.hstack([DZ[upper], np.zeros((3, 3))]))
    assert np.array_equal(dy, np.zeros((4, 2)))


@pytest.mark.parametrize("way", [by_deriv, by_walk])
def test_a_users_row_that_is_no_expression(way):
    dx, dy = way(opaque(), DZ[upper], (A, Y))
    assert np.array_equal(dx, np.hstack([DZ[upper], np.zeros((3, 3))]))
    assert np.array_equal(dy, np.zeros((4, 2)))


def test_a_users_row_is_listed_and_compared():
    tape = Tape()
    v = tape.variables(x=A, y=Y)
    tape.name({"z": first()(v["x"], v["y"])})
    d = tape.backward({"z": DZ[upper]})
    assert gradients(d).text.splitlines()[1:] == ["1  ∇x  = [∇zᵀ; 0 ∘ under(x, y)]ᵀ   step 1"]
    assert routine(d).splitlines()[-1] == "[dx, _] += deriv(dz, x, y, 'first')"
    assert compare(d, {"x": d["x"], "y": d["y"]}).not_exercised == []
    assert compare(d, {"x": draw((3, 5), 9)}).first_wrong.name == "x"


@pytest.mark.parametrize("method", ["complex", "central"])
def test_check_op_holds_None_to_be_0(method):
    assert check_op(first(), method=method) < 1e-10
    assert check_op(opaque(), method=method) < 1e-10
    gate = Op("gate", np.multiply, lambda dz, z, x, y: (dz * y.T, None))
    with pytest.raises(ValueError, match=r"gate, .*derivative for y .* is 0; from the function values it is"):
        check_op(gate, method=method)


@BY_WAY
@pytest.mark.parametrize("shape", [(5, 3), (5, 1), (1, 3), (1, 1)])
def test_a_gate_that_is_repeated(way, shape):
    """No derivative is asked: there is nothing to sum over the repeated axis."""
    gate = Op("gate", np.multiply, lambda dz, z, x, y: (dz * y.T, None))
    dz, y = draw((3, 5), 4), draw(shape, 5)
    dx, dy = way(gate, dz, (A, y))
    assert close(dx, dz * y.T)
    assert np.array_equal(dy, np.zeros(shape[::-1]))


@BY_WAY
def test_one_operand_and_no_derivative(way):
    stop = Op("stop", lambda x: x, lambda dz, z, x: None)
    (dx,) = way(stop, draw((3, 5)), (A,))
    assert np.array_equal(dx, np.zeros((3, 5)))


def test_what_a_walk_says_of_a_row_that_stops_it():
    stop = Op("stop", lambda x: x, lambda dz, z, x: None)
    tape = Tape()
    x = tape.variable(A, "x")
    tape.name({"s": stop(x), "z": stop(tanh(x)) * x})
    d = tape.backward({"z": draw((3, 5)), "s": draw((3, 5), 1)})
    assert close(d["x"], draw((3, 5)) * np.tanh(A).T)
    assert [line.split()[1] for line in gradients(d).text.splitlines() if "step" in line] == ["∇_3", "∇x"]
    assert "[_] += deriv(ds, x, 'stop')" in routine(d)
    assert compare(d, {"x": d["x"]}).ok
    assert not compare(d, {"x": 2 * d["x"]}).ok
