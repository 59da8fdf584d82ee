"""What compare says must be true of the numbers: points at which it would be easy to say too much."""

import numpy as np
import pytest

from tests.support.points import draw
from tinyad import Op, Tape, compare, softmax, tanh


def named(**given):
    tape = Tape()
    return tape, tape.variables(**given)


def test_a_derivative_that_is_nothing_but_rounding_explains_nothing():
    tape, v = named(x=draw((4, 3), 1))
    e, f, g = (k * v["x"] for k in (0.1, 0.3, 0.4))
    tape.name({"e": e, "f": f, "g": g, "y": e + f - g})
    d = tape.backward({"y": draw((3, 4), 2)})
    assert 0 < np.abs(d["x"]).max() < 1e-15
    found = compare(d, {"y": d["y"], "x": draw((3, 4), 3)})
    assert found.first_wrong.looks_like == ""


def shifted():
    """A softmax that is handed the same number for a whole column: its derivative is 0."""
    tape, v = named(x=draw((4, 3), 1))
    p = softmax(v["x"])
    tape.name({"p": p, "q": 2 * p})
    return tape.backward({"q": np.ones((3, 4)) * draw((3, 1), 2)})


def test_softmax_is_not_blamed_for_what_it_does_not_explain():
    d = shifted()
    assert compare(d, {"x": draw((3, 4), 3)}).first_wrong.looks_like == ""
    found = compare(d, {"q": d["q"], "p": d["p"] + draw((3, 4), 3), "x": draw((3, 4), 4)})
    assert [f.cause for f in found.wrong] == ["own", "own"]


@pytest.mark.parametrize("coarse", ["z", "y"])
def test_one_coarse_array_makes_no_other_suspect(coarse):
    tape, v = named(a=draw((4, 3), 1), b=draw((4, 3), 2))
    p, h = softmax(v["b"]), tanh(v["a"])
    tape.name({"p": p, "h": h, "y": 2 * h, "z": 3 * p})
    d = tape.backward({"y": draw((3, 4), 3), "z": draw((3, 4), 4)})
    hand = {"z": d["z"], "p": d["p"], "b": d["b"], "y": d["y"], "a": d["a"]}
    hand[coarse] = hand[coarse].astype(np.float32)
    hand |= {"p": d["p"] * (1 + 1e-8), "a": d["a"] * (1 + 1e-8)}
    found = compare(d, hand)
    assert {f.name for f in found.wrong} == {"a" if coarse == "z" else "p"}  # the other one is made from float32
    assert "softmax" not in str(found.first_wrong.looks_like)


def test_a_derivation_in_float32_that_is_cast_up():
    tape, v = named(a=draw((4, 3), 1))
    h = tanh(v["a"])
    tape.name({"h": h, "y": h * h})
    d = tape.backward({"y": draw((3, 4), 2)})
    dh = d["h"].astype(np.float32)
    da = (dh * (1 - h.value.T.astype(np.float32) ** 2)).astype(np.float64)
    assert compare(d, {"h": dh, "a": da}).ok
    assert not compare(d, {"h": dh, "a": 1.0001 * da}).ok


def test_three_doubled_lines_and_one_that_is_made_from_them():
    W, m = [draw((4, 4), k) for k in range(4)], [draw((4, 3), 10 + k) for k in range(4)]
    tape = Tape()
    x = tape.variable(draw((4, 3), 20), "x")
    ys = [tanh(tape.variable(w) @ x) for w in W]
    ps = [y * a for y, a in zip(ys, m, strict=True)]
    tape.name({f"y{k}": y for k, y in enumerate(ys)} | {f"p{k}": p for k, p in enumerate(ps)})
    tape.name({"s": ps[0] + ps[1] + ps[2] + ps[3]})
    d = tape.backward({"s": draw((3, 4), 21)})
    twice = [2, 2, 2, 1]
    hand = {f"y{k}": twice[k] * d[f"y{k}"] for k in range(4)} | {f"p{k}": d[f"p{k}"] for k in range(4)}
    hand["x"] = sum((hand[f"y{k}"] * (1 - ys[k].value.T ** 2)) @ W[k] for k in range(4))
    found = compare(d, hand)
    assert found.scale == ""
    assert {f.name: f.cause for f in found.wrong} == {"y0": "own", "y1": "own", "y2": "own", "x": "inherited"}
    assert found.first_wrong is not None


@pytest.mark.parametrize("direct", [False, True])
def test_a_factor_in_a_step_past_which_there_is_a_way(direct):
    tape, v = named(a=draw((4, 3), 1))
    x = tanh(v["a"])
    y = 0.5 * x
    tape.name({"x": x, "z": y + x if direct else y * 1.0})
    d = tape.backward({"z": draw((3, 4), 2)})
    found = compare(d, {"x": 2 * d["x"], "a": 2 * d["a"]})
    said = found.scale
    assert found.wrong_steps == {}  # no line is wrong
    assert ("were missing" in said) is not direct


def test_opposite_mistakes_at_two_time_steps_are_not_the_same():
    tape = Tape()
    g = [tape.variable(draw((4, 3), k), f"g[{k}]") for k in range(5)]
    for t in (1, 2, 3):
        tape.name({"z": g[t] * tape.variable(draw((4, 3), 10 + t), f"x[{t}]")}, step=t)
    d = tape.backward({f"z[{t}]": draw((3, 4), 20 + t) for t in (1, 2, 3)})

    def hand(*times):
        return {f"x[{t}]": d[f"z[{t}]"] * g[of].value.T for t, of in zip((1, 2, 3), times, strict=True)}

    given = {f"z[{t}]": d[f"z[{t}]"] for t in (1, 2, 3)}
    assert "the same for" not in str(compare(d, given | hand(0, 3, 3)))
    assert "the same for 2 more: ∇x[2], ∇x[1]" in str(compare(d, given | hand(2, 3, 4)))


def test_other_matrices_at_two_time_steps_are_not_the_same():
    tape = Tape()
    W = [tape.variable(draw((4, 4), k), f"W_{k}") for k in range(4)]
    for t in (1, 2):
        tape.name({"z": W[1] @ tape.variable(draw((4, 3), 10 + t), f"x[{t}]")}, step=t)
    d = tape.backward({f"z[{t}]": draw((3, 4), 20 + t) for t in (1, 2)})
    hand = {f"z[{t}]": d[f"z[{t}]"] for t in (1, 2)} | {f"x[{t}]": d[f"z[{t}]"] @ W[t + 1].value for t in (1, 2)}
    assert "the same for" not in str(compare(d, hand))


def test_of_zeros_all_steps_that_should_have_contributed_are_marked():
    tape, v = named(a=draw((4, 3), 1))
    x = tanh(v["a"])
    y, w = 2 * x, x * x
    tape.name({"x": x, "y": y, "w": w, "z": y + w})
    d = tape.backward({"z": draw((3, 4), 2)})
    found = compare(d, {"z": d["z"], "y": d["y"], "w": d["w"], "x": 0 * d["x"], "a": 0 * d["a"]})
    assert found.wrong_steps == {2: "own", 3: "own", 1: "inherited"}


def test_a_users_row_called_softmax():
    A = np.array([[1.0, 2.0, 3.0, 4.0]])
    tape, v = named(a=draw((4, 3), 1))
    tape.name({"y": Op("softmax", lambda x: A @ x, lambda dz, z, x: dz @ A)(v["a"])})
    d = tape.backward({"y": draw((3, 1), 2)})
    assert "axis" not in str(compare(d, {"a": 3 * d["a"] + 1}))
