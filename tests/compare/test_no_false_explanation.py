"""An explanation is what was tried and explains everything; two that do as well are both said; none is in the dark."""

import numpy as np
import pytest

from tests.support.points import draw
from tinyad import Tape, compare, exp, log, ones, sigmoid, softmax, tanh


def told(found):
    return {f.name: (f.cause, f.looks_like) for f in found.wrong}


def exp_and_tanh(other):
    """h = tanh(exp(x)) ∘ x, or ∘ exp(x)."""
    tape = Tape()
    x = tape.variable(draw((3, 2)), name="x")
    u = exp(x)
    s = tanh(u)
    h = s * (x if other == "x" else u)
    tape.name({"u": u, "s": s, "h": h})
    return tape.backward({h: draw((2, 3), 1)}), x.value, u.value, s.value, draw((2, 3), 1).T


def test_what_may_have_been_inherited_is_not_called_its_own():
    d, x, u, s, dh = exp_and_tanh("x")
    ds = dh * x
    du = -ds * (1 - s**2)  # the mistake
    hand = {"s": ds, "x": dh * s + du * u}
    found = compare(d, hand, layout="same")
    cause, text = told(found)["x"]
    assert cause == "open"
    assert "the sign of one contribution: step 1" in text
    assert "a mistake at ∇u would explain it too (the sign)" in text
    assert found.first_wrong.grade == "possible"
    assert found.wrong_steps == {1: "inherited"}
    assert "it may be inherited: ∇u was not given" in str(found)
    with_more = compare(d, hand | {"u": du}, layout="same")
    assert told(with_more) == {"u": ("own", "the sign"), "x": ("inherited", "")}


def test_of_one_line_all_that_do_as_well_are_said():
    """∇w is put for ∇v in the line of x, or already in that of the unnamed σ(x), which is a part of it."""
    tape = Tape()
    x, y = tape.variables(x=draw((3, 2)), y=draw((3, 2), 1)).values()
    v = sigmoid(x) + y
    w = v + x
    tape.name({"v": v, "w": w, "p": tanh(v)})
    d = tape.backward({"w": draw((2, 3), 2), "p": draw((2, 3), 3)})
    dw, s = d["w"].T, sigmoid(x.value)
    found = compare(d, {"w": dw, "x": dw + dw * s * (1 - s)}, layout="same")
    assert "∇w where ∇v belongs in the line of step 1, ∇v ∘ σ(x) ∘ (1 - σ(x)); or ∇w where ∇v" in str(found)
    assert "belongs in the line of step 2, ∇v; a mistake at ∇v would explain it too" in str(found)


def test_a_mistake_in_a_line_without_a_name_is_said_too():
    tape = Tape()
    v = tape.variables(W=draw((3, 4)), x=draw((4, 2), 1))
    tape.name({"h": tanh(v["W"] @ v["x"])})
    tape.name({"y": sigmoid(tape["h"])})
    d = tape.backward({"y": draw((2, 3), 2)})
    found = compare(d, {name: -d[name] for name in ("W", "x")} | {"y": d["y"]})
    assert found.located.name == "h"
    assert found.located.looks_like == "the sign; a mistake at ∇_1 would explain it too"


def test_an_unnamed_copy_is_said_where_a_mistake_in_what_it_copies_explains_less():
    tape = Tape()
    v = tape.variables(x=draw((3, 2)), y=draw((3, 2), 1))
    tape.name({"u": v["x"] + v["y"]})
    tape.name({"h": tape["u"] + (v["x"] + v["y"])})
    d = tape.backward({"h": draw((2, 3), 2)})
    found = compare(d, {"x": 0.75 * d["x"], "y": 0.75 * d["y"], "h": d["h"]})
    assert found.located.name == "u"
    assert found.located.looks_like.endswith("; a mistake at ∇_2 would explain it too")


def test_a_derivative_that_is_nothing_stands_in_no_line():
    tape = Tape()
    v = tape.variables(x=draw((3, 2)), y=draw((3, 2), 1))
    tape.name({"u": tanh(v["y"]), "s": sigmoid(v["x"])})
    tape.name({"h": tape["s"] * v["x"]})
    d = tape.backward({"h": draw((2, 3), 2)})
    found = compare(d, {"x": d["h"] * tape["s"].value.T})
    assert "∇u" not in str(found)
    assert "is missing" in str(found)


def test_steps_that_use_nothing_of_one_another_are_no_loop():
    tape = Tape()
    x = tape.variable(draw((3, 2)), name="x")
    tape.name({"u": tanh(x)})
    first, second = tanh(tape["u"]), tanh(x)
    tape.name({"v": tanh(first), "w": x + second})
    d = tape.backward({"v": draw((2, 3), 1), "w": draw((2, 3), 2)})
    found = compare(d, {"u": d["u"], "x": d["x"] - 2 * d["w"] * (1 - np.tanh(x.value.T) ** 2)})
    assert "the sign of one contribution: step 3, " in str(found)
    assert "time steps" not in str(found)


def test_two_products_one_after_the_other_are_no_loop():
    tape = Tape()
    v = tape.variables(A=draw((3, 3)), B=draw((3, 3), 1), x=draw((3, 2), 2))
    tape.name({"h": tanh(v["B"] @ (v["A"] @ v["x"]))})
    d = tape.backward({"h": draw((2, 3), 3)})
    found = compare(d, {name: d[name] for name in "hB"} | {name: -d[name] for name in "Ax"})
    assert found.located.name == "_1"
    assert found.located.looks_like == "the sign"


def test_a_part_of_a_line_is_named_where_it_is_not_all_of_it():
    """x = ... + sigmoid(u) and tanh(u) where u has no name: ∇u is 0, ∇x is not."""
    tape = Tape()
    v = tape.variables(x=draw((3, 2)), y=draw((3, 2), 1))
    u = v["x"] + v["y"]
    tape.name({"s": sigmoid(u), "t": tanh(u), "w": v["x"] * v["x"]})
    seeds = {name: draw((2, 3), k) for k, name in enumerate("stw", 2)}
    d = tape.backward(seeds)
    found = compare(d, seeds | {"x": 2 * seeds["w"] * v["x"].value.T}).first_wrong
    assert found.name == "x"
    assert "is missing" in found.looks_like
    found = compare(d, seeds | {"x": d["x"] - 2 * d["_1"]}).first_wrong
    assert "the sign of one contribution: step 1" in found.looks_like


def test_an_explanation_in_what_was_not_given_suppresses_none_in_what_was():
    d, _, u, s, dh = exp_and_tanh("u")
    du = dh * s - dh * u * (1 - s**2)  # the mistake: + belongs
    found = compare(d, {"u": du, "x": du * u}, layout="same")
    assert found.located is None
    said = found.first_wrong.looks_like
    assert said.startswith("the sign of one contribution: step 2, ")
    assert "a mistake at ∇s would explain it too (the sign)" in said


@pytest.mark.parametrize("names", ["cmxWu", "cmx", "cx", "xWu", "x"])
def test_a_path_that_is_missing_is_said_of_the_line_with_a_name(names):
    tape = Tape()
    v = tape.variables(W=draw((5, 3)), u=draw((3, 2), 1))
    x = v["W"] @ v["u"]
    m = ones(x).T @ x / 5
    c = x - m
    y = tanh(c)
    tape.name({"x": x, "m": m, "c": c, "y": y})
    dy = draw((5, 2), 2)
    d = tape.backward({y: dy.T})
    dc = dy * (1 - y.value**2)
    hand = {"c": dc, "m": -dc.sum(0, keepdims=True), "x": dc, "W": dc @ v["u"].value.T, "u": v["W"].value.T @ dc}
    found = compare(d, {name: hand[name] for name in names}, layout="same")
    assert found.first_wrong.name == "x"
    assert found.first_wrong.looks_like.startswith("the contribution of step 2, 1 * ∇_2, is missing")
    assert [f.name for f in found.wrong if f.cause != "inherited"] == ["x"]


def two_biases():
    tape = Tape()
    v = tape.variables(W=draw((2, 4)), b=draw((2, 1), 1), c=draw((2, 1), 2))
    X = draw((4, 3), 3)
    z = v["W"] @ X + v["b"] + v["c"]
    h = tanh(z)
    tape.name({"z": z, "h": h})
    return tape.backward({h: draw((3, 2), 4)}), X


def test_an_array_that_is_itself_wrong_explains_nothing():
    d, _ = two_biases()
    found = compare(d, {name: d[name].T / (1 if name == "W" else 3) for name in "Wbc"}, layout="same")
    said = "a factor: 1/3 times what it should be (3 is the number of columns of z)"
    assert {name: text for name, (_, text) in told(found).items()} == {"b": said, "c": said}


def test_what_all_may_have_inherited_is_blamed_on_none():
    d, X = two_biases()
    dz = draw((2, 3), 9)
    hand = {"W": dz @ X.T, "b": dz.sum(1, keepdims=True), "c": dz.sum(1, keepdims=True)}
    found = compare(d, hand, layout="same")
    assert {cause for cause, _ in told(found).values()} == {"open", "inherited"}
    assert found.first_wrong.looks_like == ""
    assert "own" not in found.wrong_steps.values()
    assert "∇c, as on the tape: one mistake told twice" in str(found)
    assert "all that is wrong comes from ∇z, and nothing right does" in found.hint


@pytest.mark.parametrize("names", [True, False])
def test_one_wrong_statement_of_a_loop_is_one_finding_from_final_gradients(names):
    T, tape = 4, Tape()
    v = tape.variables(W=draw((3, 2)), R=draw((3, 3), 1) / 2, b=draw((3, 1), 2), h0=draw((3, 2), 3))
    xs, dhs = [draw((2, 2), 10 + t) for t in range(T)], [draw((3, 2), 20 + t) for t in range(T)]
    h, H, hs = v["h0"], [], []
    for t in range(T):
        a = v["W"] @ xs[t] + v["R"] @ h + v["b"]
        h = tanh(a)
        if names:
            tape.name({"a": a, "h": h}, step=t + 1)
        H.append(h.value)
        hs.append(h)
    d = tape.backward({hs[t]: dhs[t].T for t in range(T)})
    dW, dR, db, dnext = 0, 0, 0, 0
    for t in reversed(range(T)):
        da = (dhs[t] + dnext) * (1 - np.tanh(H[t]) ** 2)  # H[t] ** 2 belongs
        dW, db = dW + da @ xs[t].T, db + da.sum(1, keepdims=True)
        dR = dR + da @ (H[t - 1] if t else v["h0"].value).T
        dnext = v["R"].value.T @ da
    found = compare(d, {"W": dW, "R": dR, "b": db, "h0": dnext}, layout="same")
    h4, a4 = ("h[4]", "a[4]") if names else ("_20", "_19")
    assert found.first_wrong.name == a4
    assert found.first_wrong.looks_like.startswith(f"the derivative of tanh is taken at {h4} instead of {a4} ")
    assert found.first_wrong.looks_like.endswith("; the same at 4 time steps")
    assert found.first_wrong.steps == (20, 15, 10, 5)
    assert {f.cause for f in found.wrong} == {"inherited"}


@pytest.mark.parametrize("factor", [1, 2])
def test_a_convention_is_said_once_and_the_rest_is_judged_under_it(factor):
    m, tape = 3, Tape()
    X, Y = draw((4, m)), np.array([[1.0, 0.0, 1.0]])
    v = tape.variables(W1=draw((5, 4), 1), b1=draw((5, 1), 2), W2=draw((1, 5), 3), b2=draw((1, 1), 4))
    Z1 = v["W1"] @ X + v["b1"]
    A1 = tanh(Z1)
    Z2 = v["W2"] @ A1 + v["b2"]
    A2 = sigmoid(Z2)
    J = -np.sum(Y * log(A2) + (1 - Y) * log(1 - A2)) / m
    tape.name({"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2, "J": J})
    d = tape.backward(J)
    h = {"Z2": A2.value - Y}
    h["W2"], h["b2"] = factor * h["Z2"] @ A1.value.T / m, h["Z2"].sum(1, keepdims=True) / m
    h["A1"] = v["W2"].value.T @ h["Z2"]
    h["Z1"] = h["A1"] * (1 - A1.value**2)
    h["W1"], h["b1"] = h["Z1"] @ X.T / m, h["Z1"].sum(1, keepdims=True) / m
    found = compare(d, h, layout="same")
    said = "3 of them are 3 times the tape's (3 is the number of columns of Z1): a convention, with 1/3 in the lines of"
    assert found.scale == f"{said} the parameters alone"
    assert {f.name for f in found.wrong if f.cause == "scale"} == {"Z2", "A1", "Z1"}
    assert [(f.name, f.looks_like) for f in found.wrong if f.cause != "scale"] == [
        ("W2", "a factor: 2 times what it should be")
    ] * (factor == 2)


def test_a_factor_that_no_line_of_a_parameter_takes_off_is_no_convention():
    tape = Tape()
    v = tape.variables(A=draw((3, 3)), x=draw((3, 2), 1))
    tape.name({"u": tanh(v["x"])})
    tape.name({"s": sigmoid(tape["u"]), "t": np.exp(tape["u"])})
    tape.name({"p": tape["s"] * tape["t"]})
    tape.name({"h": v["A"] @ tape["p"]})
    d = tape.backward({"h": draw((2, 3), 2)})
    found = compare(d, {"h": d["h"], "A": d["A"]} | {name: 2 * d[name] for name in "pstu"})
    assert found.scale == ""
    assert found.first_wrong.name == "p"
    assert [f.name for f in found.wrong if f.cause == "own"] == ["p"]


def test_a_parameter_that_is_changed_before_it_is_used():
    tape = Tape()
    v = tape.variables(P=draw((5, 3)), Q=draw((3, 4), 1))
    R, mask, λ = draw((5, 4), 2), (draw((5, 4), 3) > 0) * 1.0, 0.1
    E = (R - v["P"] @ v["Q"]) * mask
    tape.name({"E": E, "L": np.sum(E * E) + λ * np.sum(v["P"] * v["P"]) + λ * np.sum(v["Q"] * v["Q"])})
    d = tape.backward("L")
    P, Q, dE = v["P"].value, v["Q"].value, 2 * E.value
    dP = -(dE * mask) @ Q.T + 2 * λ * P
    dQ = -(P - 0.05 * dP).T @ (dE * mask) + 2 * λ * Q
    found = compare(d, {"E": dE, "P": dP, "Q": dQ}, layout="same")
    assert [f.name for f in found.wrong] == ["Q"]
    assert found.first_wrong.looks_like == "P is changed before it is used: P - 0.05 ∇P where P belongs"
    assert "∇_" not in found.hint


def test_entries_alone_are_compared_where_they_are_known():
    tape = Tape()
    v = tape.variables(W=draw((2, 3)), x=draw((3, 2), 1))
    a = v["W"] @ v["x"]
    y = tanh(a)
    tape.name({"a": a, "y": y})
    d = tape.backward({"y": draw((2, 2), 2)})
    true = d["W"].T
    assert compare(d, {"W": {(0, 1): true[0, 1]}}, layout="same").ok
    assert compare(d, {"W": {(1, 0): true[0, 1]}}, layout="row").ok
    assert not compare(d, {"W": {(0, 1): true[0, 1] + 0.1}}, layout="same").ok
    some = np.full((2, 3), np.nan)
    some[1] = -true[1]
    found = compare(d, {"a": d["a"].T, "W": some}, layout="same")
    assert found.first_wrong.looks_like == "the sign"
    assert "∇W: 3 of 6 entries were not given (NaN)" in found.not_exercised
    assert compare(d, {"W": np.where(np.isnan(some), some, true), "a": d["a"].T}, layout="same").ok
    with pytest.raises(ValueError, match=r"the derivative of W by hand: .* for 2×3, from 0, not \{\(2, 0\): 1"):
        compare(d, {"W": {(2, 0): 1.0}}, layout="same")


def test_what_is_0_is_right_for_no_other_forward():
    """The softmax of rows does not depend on b at all; a derivative that was forgotten is 0 as well."""
    tape = Tape()
    v = tape.variables(x=draw((3, 2)), b=draw((3, 1), 1))
    tape.name({"z": v["x"] + v["b"]})
    tape.name({"p": softmax(tape["z"])})
    d = tape.backward({"p": draw((2, 3), 2)})
    found = compare(d, {"p": d["p"], "b": 0 * d["b"]})
    assert found.first_wrong.looks_like.startswith("it is 0: every contribution is missing")


def test_of_two_softmaxes_the_one_that_is_over_the_other_axis_is_named():
    tape = Tape()
    v = tape.variables(x=draw((3, 2)), y=draw((3, 2), 1))
    tape.name({"p": softmax(v["x"]), "q": softmax(v["y"])})
    d = tape.backward({"p": draw((2, 3), 2), "q": draw((2, 3), 3)})
    P, dp = softmax(v["x"].value.T).T, draw((2, 3), 2).T
    found = compare(d, {"x": P * (dp - (dp * P).sum(1, keepdims=True))}, layout="same")
    assert found.first_wrong.step == 1
    assert found.first_wrong.looks_like == "softmax over the other axis: use softmax_rows"


def test_the_derivative_of_the_loss_is_no_surplus_in_every_entry():
    tape = Tape()
    x = tape.variable(draw((3, 1)), name="x")
    tape.name({"L": np.sum(tanh(x))})
    d = tape.backward("L")
    assert compare(d, {"x": d["x"] + 0.5}).first_wrong.looks_like == ""


def test_a_derivative_that_is_computed_later_stands_in_no_line():
    """Of x → a → y the derivative of x is computed from that of a, and cannot have been put there."""
    tape = Tape()
    x = tape.variable(draw((3, 2)), name="x")
    tape.name({"a": tanh(x)})
    tape.name({"y": sigmoid(tape["a"])})
    d = tape.backward({"y": draw((2, 3), 1)})
    slope = (tape["y"].value * (1 - tape["y"].value)).T
    found = compare(d, {"y": d["y"], "a": d["x"] * slope, "x": d["x"]})
    assert not any("∇x where" in f.looks_like for f in found.wrong)
