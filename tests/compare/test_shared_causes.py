"""What all that is wrong has in common is said once: a layout, a factor, a sign, decimals; and what to give next."""

import numpy as np
import pytest

from tests.support.cell import Cell
from tests.support.points import draw
from tinyad import Tape, compare, log_softmax, softmax, tanh

B = 3


def layers():
    """Two layers, and a loss that is a mean over the columns."""
    tape = Tape()
    v = tape.variables(W1=draw((4, 5)), b1=draw((4, 1), 1), W2=draw((2, 4), 2), b2=draw((2, 1), 3), x=draw((5, B), 4))
    z1 = v["W1"] @ v["x"] + v["b1"]
    a1 = tanh(z1)
    a2 = v["W2"] @ a1 + v["b2"]
    y = np.eye(2)[:, [0, 1, 0]]
    tape.name({"z1": z1, "a1": a1, "a2": a2, "L": -np.sum(y * log_softmax(a2)) / B})
    return tape.backward(tape["L"]), y


def by_hand(d, y, factor=1 / B, dtype=np.float64):
    value = {name: d.tape[name].value for name in ("W1", "W2", "x", "a1", "a2")}
    e = np.exp(value["a2"])
    a2 = (factor * (e / e.sum(axis=0) - y)).astype(dtype)
    a1 = value["W2"].T @ a2
    z1 = a1 * (1 - value["a1"] ** 2)
    sums = {"b2": a2.sum(axis=1, keepdims=True), "b1": z1.sum(axis=1, keepdims=True)}
    return {"a2": a2, "W2": a2 @ value["a1"].T, "a1": a1, "z1": z1, "W1": z1 @ value["x"].T, **sums}


def test_a_forgotten_layout_is_said_first_though_there_is_a_mistake():
    cell = Cell()
    same = {name: a.T for name, a in cell.hand().items()} | {"W_ox": -cell.d["W_ox"].T}
    found = compare(cell.d, same)
    said = "the sizes are those of the variables: compare(..., layout='same'), which gives: 48 right, 1 wrong"
    assert found.hint.startswith(said)
    assert found.hint.endswith("wrong, first at step 26, ∇W_ox")
    assert str(found).splitlines()[2] == found.hint == found.to_dict()["hint"]
    assert said in found._repr_html_().replace("&#x27;", "'").replace("&#39;", "'")
    assert str(found).endswith("verdict: not judged: the sizes are those of the other layout")
    assert not found.ok
    rows = cell.hand() | {"W_ox": -cell.d["W_ox"]}
    assert compare(cell.d, rows, layout="same").hint.startswith("the sizes are those of row layout")
    mixed = compare(cell.d, same | {"x": cell.d["x"]})
    assert mixed.hint.startswith("most sizes, ")
    few = compare(cell.d, {name: rows[name] for name in ("W_ox", "W_fx", "b_o")} | {"x": same["x"]})
    assert "layout=" not in few.hint


@pytest.mark.parametrize(
    ("factor", "how"),
    [(1.0, "were missing"), (1 / B**2, "stood there twice"), (0.7, "a scale, or one factor upstream of all of them")],
)
def test_a_factor_on_everything_is_said_at_the_step_it_sits_in(factor, how):
    d, y = layers()
    found = compare(d, by_hand(d, y, factor), layout="same")
    at = f"as if the factor in step 10, L = _9 / 3, {how}" if factor != 0.7 else how
    assert found.scale == f"7 of them are {factor * B:.9g} times the tape's: {at}"
    assert found.counts == {"right": 0, "scale": 7, "wrong": 0, "shape": 0}
    assert "0 right, 7 right but for one factor" in str(found).splitlines()[0]
    assert not found.ok


def test_a_sign_on_everything_begins_with_the_first_that_was_given():
    d, y = layers()
    hand = by_hand(d, y, -1 / B)
    found = compare(d, hand, layout="same")
    assert (found.first_wrong.name, found.located) == ("a2", None)
    assert found.first_wrong.looks_like == "the sign: everything from ∇a2 on is -1 times the tape's"
    assert {f.cause for f in found.wrong if f.name != "a2"} == {"inherited"}
    some = compare(d, hand | {"z1": d["z1"].T, "W1": d["W1"].T, "b1": d["b1"].T, "a1": d["a1"].T}, layout="same")
    assert "everything" not in str(some)


def test_a_sign_on_leaves_alone_is_looked_for_in_the_lines_that_have_names():
    d, y = layers()
    hand = by_hand(d, y, -1 / B)
    found = compare(d, {name: hand[name] for name in ("W1", "W2", "b1")}, layout="same")
    assert (found.located.name, found.located.looks_like, found.located.grade) == ("a2", "the sign", "likely")
    assert {f.cause for f in found.wrong} == {"inherited"}
    found = compare(d, {name: 2 * hand[name] if name == "b1" else hand[name] for name in ("b1", "W1")}, layout="same")
    assert {f.cause for f in found.wrong} == {"open"}


def test_what_was_given_to_backward_is_no_suspect():
    d, _ = layers()
    found = compare(d, {"W1": draw((5, 4), 9), "W2": draw((4, 2), 9)})
    assert found.hint.startswith("if it is one mistake: all that is wrong comes from ∇a2, and")
    assert "∇L" not in found.hint


def test_nothing_more_is_asked_for_where_a_likely_cause_was_said():
    d, _ = layers()
    found = compare(d, {"W1": draw((5, 4), 9), "a2": d["_6"]})
    assert found.first_wrong.grade == "likely"
    assert found.hint == ""


def test_arrays_that_are_made_from_float32_are_right_to_its_rounding():
    d, y = layers()
    hand = by_hand(d, y, dtype=np.float32)
    assert {a.dtype.char for a in hand.values()} == {"f", "d"}
    found = compare(d, hand, layout="same")
    assert found.ok
    assert max(f.off for f in found.findings) < 16
    alone = compare(d, {"W1": hand["W1"], "b2": hand["b2"]}, layout="same")  # float64 alone is held to float64
    assert [f.name for f in alone.wrong] == ["W1"]
    assert alone.scale == ""
    found = compare(d, hand | {"W1": hand["W1"] * (1 + 1e-4)}, layout="same")
    assert [f.name for f in found.wrong] == ["W1"]


@pytest.mark.parametrize("digits", [3, 4])
def test_arrays_that_were_rounded_are_told_so(digits):
    d, y = layers()
    rounded = {name: np.round(a, digits) for name, a in by_hand(d, y).items()}
    found = compare(d, rounded, layout="same")
    assert not found.ok
    assert found.first_wrong is None
    assert {f.looks_like for f in found.wrong if f.cause != "inherited"} == {
        f"it agrees to {digits} decimals: rounded?"
    }
    assert f"it agrees to {digits} decimals: rounded?" in str(found)
    assert str(found).endswith("verdict: right but for rounded decimals")
    off = rounded | {"W1": np.round(rounded["W1"] + 2 * 10.0**-digits, digits)}
    assert compare(d, off, layout="same").first_wrong.name == "W1"


def layer(y=tanh):
    """z = W x, and a function of it, which is not given by hand."""
    tape = Tape()
    v = tape.variables(W=draw((3, 4)), x=draw((4, 2), 1))
    tape.name({"z": v["W"] @ v["x"]})
    tape.name({"y": y(tape["z"])})
    return tape.backward({"y": draw((2, 3), 2)})


def test_the_sign_of_what_comes_from_a_seed_alone_is_in_its_own_line():
    d = layer()
    found = compare(d, {name: -d[name] for name in ("z", "W", "x")})
    assert (found.first_wrong.name, found.first_wrong.looks_like) == ("z", "the sign")


@pytest.mark.parametrize("factor", [0.7, 1 / 0.7])
@pytest.mark.parametrize("y", [lambda z: 0.7 / z, lambda z: z + 0.0 * z], ids=["numerator", "zero"])
def test_a_number_that_is_no_factor_of_the_derivative_is_not_the_origin_of_one(y, factor):
    """The numerator of c / z is none when it is left out, and 0 z has no derivative."""
    d = layer(y)
    found = compare(d, {name: factor * d[name] for name in ("z", "W", "x")})
    assert found.scale.endswith("times the tape's: a scale, or one factor upstream of all of them")


def test_a_factor_on_more_than_what_comes_through_a_step_is_not_in_that_step():
    """x is used beside the step too: without its 0.7 the derivative of W alone would be that many times the tape's."""
    tape = Tape()
    v = tape.variables(W=draw((3, 4)), x=draw((4, 2), 1), m=draw((4, 2), 2))
    tape.name({"z": v["W"] @ v["x"], "r": v["x"] * v["m"]})
    tape.name({"y": 0.7 * tape["z"]})
    d = tape.backward({"y": draw((2, 3), 3), "r": draw((2, 4), 4)})
    assert "as if the factor" not in compare(d, {name: d[name] / 0.7 for name in ("W", "x")}).scale
    alone = layer(lambda z: 0.7 * z)
    found = compare(alone, {name: alone[name] / 0.7 for name in ("W", "x")})
    assert found.scale.endswith("as if the factor in step 2, y = 0.7 ∘ z, were missing")


def test_softmax_over_the_other_axis_is_not_said_of_what_is_right():
    """The derivative of x is 0 whichever axis it is, so nothing is wrong with it."""
    tape = Tape()
    v = tape.variables(W=draw((3, 2)) + 3, x=draw((3, 2), 1))
    tape.name({"p": softmax(v["x"])})
    tape.name({"z": v["W"] * tape["p"]})
    d = tape.backward({"z": (1 / v["W"].value).T})
    rows = softmax(v["x"].value.T)
    found = compare(d, {"W": (1 / v["W"].value).T * rows, "x": d["x"]})
    assert [f.name for f in found.wrong] == ["W"]
