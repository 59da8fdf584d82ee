"""Kinds of mistakes from public reports, one small program each: the kind is named, in its line."""

import numpy as np
import pytest

from tests.support.points import draw
from tinyad import Tape, compare, exp, log, ones, sigmoid, tanh


def first(d, hand):
    return compare(d, hand, layout="same").first_wrong


def cell():
    """h = o ∘ tanh(c), and c goes on."""
    tape = Tape()
    v = tape.variables(c=draw((3, 2)), o=draw((3, 2), 1), f=draw((3, 2), 2))
    h, k = v["o"] * tanh(v["c"]), v["c"] * v["f"]
    tape.name({"h": h, "k": k})
    dh, dk = draw((3, 2), 3), draw((3, 2), 4)
    return tape.backward({"h": dh.T, "k": dk.T}), dh, dk, {n: x.value for n, x in v.items()}


def test_the_factor_from_upstream_is_forgotten():
    d, dh, dk, v = cell()
    dc = dk * v["f"] + v["o"] * (1 - np.tanh(v["c"]) ** 2)  # dh is missing
    said = first(d, {"h": dh, "k": dk, "o": dh * np.tanh(v["c"]), "c": dc}).looks_like
    assert said.startswith("o where ∇h ∘ o belongs, in the line of step 2")


@pytest.mark.parametrize(("factor", "says"), [(1, "∇h"), (-1, "-∇h"), (0.5, "1/2 ∇h")])
def test_another_adjoint_is_added(factor, says):
    d, dh, dk, _ = cell()
    found = first(d, {"h": dh, "k": dk, "c": d["c"].T + factor * dh})
    assert found.looks_like == f"a surplus: {says} is added that does not belong there"


def test_a_bias_gradient_is_added_to_its_matrix():
    tape = Tape()
    v = tape.variables(W=draw((3, 4)), b=draw((3, 1), 1))
    z = v["W"] @ draw((4, 2), 2) + v["b"]
    tape.name({"z": z})
    d = tape.backward({"z": draw((2, 3), 3)})
    found = first(d, {"b": d["b"].T, "W": d["W"].T + d["b"].T})
    assert found.looks_like == "a surplus: ∇b is added that does not belong there"


def test_a_function_is_taken_at_the_wrong_operand():
    tape = Tape()
    v = tape.variables(a=draw((3, 2)), b=draw((3, 2), 1))
    tape.name({"y": tanh(v["a"]) * v["b"]})
    d, dy = tape.backward({"y": draw((2, 3), 2)}), draw((2, 3), 2).T
    found = first(d, {"a": dy * v["b"].value * (1 - np.tanh(v["b"].value) ** 2)})
    assert found.looks_like.startswith("the derivative of tanh is taken at b instead of a")


@pytest.mark.parametrize("given", ["all", "x"])
def test_an_adjoint_that_goes_past_a_norm_is_sent_through_it(given):
    """y is x without its mean, and r = x + tanh(y): what comes to x from r directly is added to ∇y."""
    tape = Tape()
    x = tape.variable(draw((4, 3)), "x")
    y = x - ones(x) @ (ones(x).T @ x) / 4
    r = x + tanh(y)
    tape.name({"y": y, "r": r})
    dr = draw((4, 3), 1)
    d = tape.backward({"r": dr.T})
    dy = dr * (1 - np.tanh(y.value) ** 2) + dr
    hand = {"y": dy, "x": dy - dy.mean(0, keepdims=True)}
    found = compare(d, hand if given == "all" else {"x": hand["x"]}, layout="same")
    assert "is added to ∇y instead" in "; ".join(f.looks_like for f in found.wrong)


@pytest.mark.parametrize(("flip", "says"), [(np.flipud, "rows"), (np.fliplr, "columns")])
def test_the_taps_of_a_filter_are_reversed(flip, says):
    tape = Tape()
    w = tape.variable(draw((3, 2)), "w")
    tape.name({"y": draw((4, 3), 1) @ w})
    d = tape.backward({"y": draw((2, 4), 2)})
    assert first(d, {"w": flip(d["w"].T)}).looks_like.startswith(f"its {says} are in reverse order")


def test_one_mistake_told_as_two():
    tape = Tape()
    v = tape.variables(a=draw((3, 2)), b=draw((3, 2), 1))
    tape.name({"e": v["a"] - v["b"]})
    d = tape.backward({"e": draw((2, 3), 2)})
    wrong = draw((3, 2), 9)
    found = compare(d, {"e": d["e"].T, "a": wrong, "b": -wrong}, layout="same")
    assert sum(f.cause == "own" for f in found.wrong) == 1
    assert "as on the tape: one mistake told twice" in str(found)


@pytest.mark.parametrize(
    ("f", "hand", "says"),
    [
        (
            sigmoid,
            lambda g, z, x: g / (1 + np.exp(-z)),
            "sigmoid of its result where the derivative of sigmoid belongs",
        ),
        (log, lambda g, z, x: g * x, "∇z ∘ x where ∇z / x belongs"),
        (tanh, lambda g, z, x: g * 1 - z**2, "∇z ∘ 1 - tanh²(x) where"),
        (exp, lambda g, z, x: g + z, "∇z + exp(x) where ∇z ∘ exp(x) belongs"),
    ],
)
def test_rules_that_are_misread(f, hand, says):
    tape = Tape()
    x = tape.variable(np.abs(draw((3, 2))), "x")
    z = f(x)
    tape.name({"z": z})
    dz = draw((3, 2), 1)
    d = tape.backward({"z": dz.T})
    assert first(d, {"z": dz, "x": hand(dz, z.value, x.value)}).looks_like.startswith(says)


def test_the_state_at_the_start_is_that_of_time_0():
    tape = Tape()
    v = tape.variables(U=draw((3, 3)), h0=np.zeros((3, 2)), q=draw((3, 2), 8))
    h = v["h0"]
    for t in (1, 2, 3):
        h = tanh(v["U"] @ h + draw((3, 2), t) + v["q"])
        tape.name({"h": h}, step=t)
    d = tape.backward({"h[3]": draw((2, 3), 9)})
    at = {t: tape[f"h[{t}]"].value for t in (1, 2, 3)} | {0: v["h0"].value}
    da = {t: d[f"h[{t}]"].T * (1 - at[t] ** 2) for t in (1, 2, 3)}
    hand = {f"h[{t}]": d[f"h[{t}]"].T for t in (1, 2, 3)}
    assert compare(d, hand | {"U": sum(da[t] @ at[t - 1].T for t in at if t)}, layout="same").ok
    found = first(d, hand | {"U": sum(da[t] @ at[max(t - 2, 0)].T for t in at if t)})
    assert found.looks_like.startswith("shifted by one time step in every contribution: h[1] where h[2] belongs")


def test_two_values_that_are_equal_are_both_said_the_state_first():
    tape, same = Tape(), draw((3, 2), 1)
    v = tape.variables(p=same, e=draw((3, 2), 2), h0=same)
    z = v["p"] * v["e"]
    tape.name({"z": z, "h[1]": tanh(v["h0"] + z)})
    d = tape.backward({"z": draw((2, 3), 3), "h[1]": draw((2, 3), 4)})
    said = first(d, {"z": d["z"].T, "p": d["z"].T * same}).looks_like
    where = "where e belongs in the line of step 1, ∇z ∘ e"
    assert said == f"h0 {where}; or p {where}"


def vae():
    """A standard deviation that is used in a sum and in a penalty."""
    tape = Tape()
    v = tape.variables(m=draw((3, 2)), s=draw((3, 2), 1))
    z = v["m"] + exp(0.5 * v["s"]) * draw((3, 2), 2)
    L = np.sum(z * z) - 0.5 * np.sum(1 + v["s"] - v["m"] * v["m"] - exp(v["s"]))
    tape.name({"z": z, "L": L})
    d = tape.backward("L")
    m, s, z = v["m"].value, v["s"].value, z.value
    return d, z * draw((3, 2), 2) * np.exp(0.5 * s), 0.5 * (np.exp(s) - 1), {"z": 2 * z, "m": 2 * z + m}


@pytest.mark.parametrize(
    ("path", "penalty", "says"),
    [
        (2, 1, "∇_1 where ∇_1 ∘ 0.5 belongs, in the line of step 1"),
        (1, -1, "the sign of one term, contributions of step 10, ∇_10 ∘ exp(s); step 7, ∇_7"),
        (1, 2, "a factor 2 on one term, contributions of step 10"),
        (1, 0, "the contributions of step 10, ∇_10 ∘ exp(s); step 7, ∇_7 are missing"),
    ],
)
def test_a_term_is_named(path, penalty, says):
    d, of_path, of_penalty, hand = vae()
    assert compare(d, hand | {"s": of_path + of_penalty}, layout="same").ok
    assert says in str(first(d, hand | {"s": path * of_path + penalty * of_penalty}).looks_like)


def test_what_both_contributions_of_a_square_lack_is_said_once():
    tape = Tape()
    v = tape.variables(w=draw((3, 2)), x=draw((3, 2), 1))
    tape.name({"L": np.sum(v["w"] * v["x"]) + 0.7 * np.sum(v["w"] * v["w"])})
    d = tape.backward("L")
    w, x = v["w"].value, v["x"].value
    assert first(d, {"w": x}).looks_like.startswith("both contributions of step 3, ∇_3 ∘ w are missing")
    assert first(d, {"w": x + 2.8 * w}).looks_like == "a factor 2 on one term, both contributions of step 3, ∇_3 ∘ w"
    assert first(
        d, {"x": w + x, "w": d["w"].T}
    ).looks_like == "a surplus: ∇w is added that does not belong there" * 0 + (
        "a surplus: x is added that does not belong there"
    )


def activation():
    tape = Tape()
    v = tape.variables(W=draw((3, 4)), x=draw((4, 2), 1))
    a = v["W"] @ v["x"]
    h = sigmoid(a)
    tape.name({"a": a, "h": h})
    return (
        tape.backward({"h": draw((2, 3), 2)}),
        draw((2, 3), 2).T,
        {"W": v["W"].value, "x": v["x"].value, "h": h.value},
    )


@pytest.mark.parametrize(
    ("da", "says"),
    [
        (lambda dh, h: dh * (h * (1 - h)) ** 2, "the derivative of sigmoid is taken twice in the line of step 2"),
        (lambda dh, h: dh * h * (1 - h**2), "∇h ∘ σ(a) ∘ (1 - σ²(a)) where ∇h ∘ σ(a) ∘ (1 - σ(a)) belongs"),
    ],
)
def test_the_derivative_of_an_activation_is_another(da, says):
    d, dh, v = activation()
    da = da(dh, v["h"])
    for hand in ({"h": dh, "a": da}, {"W": da @ v["x"].T, "x": v["W"].T @ da}):
        assert first(d, hand).looks_like.startswith(says)


def test_a_value_stands_for_a_derivative():
    d, dh, v = activation()
    found = first(d, {"h": dh, "a": d["a"].T, "W": v["h"] @ v["x"].T})
    assert found.looks_like.startswith("h where ∇a belongs in the line of step 1, ∇a * xᵀ")


def test_of_a_quotient_another_numerator_is_named():
    tape = Tape()
    v = tape.variables(c=draw((3, 2)), x=draw((3, 2), 1), s=1 + draw((3, 2), 2) ** 2)
    tape.name({"q": v["c"] / v["s"]})
    d, s = tape.backward({"q": draw((2, 3), 3)}), v["s"].value
    found = first(d, {"s": -draw((2, 3), 3).T * v["x"].value / s**2, "c": d["c"].T})
    assert found.looks_like.startswith("x where c belongs in the line of step 1, ")


def test_a_value_in_reverse_order_is_named_where_it_is_used():
    """A convolution of three taps; the derivative for its input has them the wrong way round."""
    tape = Tape()
    v = tape.variables(w=draw((3, 1)), x=draw((6, 2), 1))
    w, x = v.values()
    tape.name({"y": w[0:1] * x[0:4] + w[1:2] * x[1:5] + w[2:3] * x[2:6]})
    d = tape.backward({"y": draw((2, 4), 2)})
    dx = np.zeros((6, 2))
    for k in range(3):
        dx[k : k + 4] += w.value[2 - k] * draw((2, 4), 2).T
    found = first(d, {"w": d["w"].T, "x": dx})
    assert found.looks_like == "w with its rows in reverse order where w belongs, in every line that uses it"


def test_one_number_is_no_factor_times_another_but_for_small_ones():
    tape = Tape()
    v = tape.variables(a=1.3, b=0.7)
    tape.name({"y": v["a"] * tanh(v["b"])})
    d = tape.backward({"y": np.array([[0.37]])})
    assert first(d, {"a": d["a"] * 2 / 3, "b": d["b"]}).looks_like == "a factor: 2/3 times what it should be"
    assert first(d, {"a": d["a"] * 139420 / 343, "b": d["b"]}).looks_like == ""


def test_another_value_stands_for_one_that_was_transposed():
    tape = Tape()
    v = tape.variables(A=draw((4, 3)), B=draw((4, 3), 1))
    tape.name({"S": v["A"] @ v["B"].T})
    d, dS = tape.backward({"S": draw((4, 4), 2)}), draw((4, 4), 2).T
    found = first(d, {"S": dS, "A": dS @ v["A"].value, "B": d["B"].T})
    assert found.looks_like.startswith("A where B belongs in the line of step 2, ∇S * _1ᵀ")


def test_two_of_several_contributions_are_missing():
    tape = Tape()
    v = tape.variables(c=draw((3, 2)), **{n: draw((3, 1), k) for k, n in enumerate("pqrs", 1)})
    tape.name({n.upper(): v["c"] * v[n] for n in "pqrs"})
    seeds = {n.upper(): draw((2, 3), 10 + k) for k, n in enumerate("pqrs")}
    d = tape.backward(seeds)
    dc = seeds["P"].T * v["p"].value + seeds["S"].T * v["s"].value
    found = first(d, {n: a.T for n, a in seeds.items()} | {"c": dc})
    assert found.looks_like == "the contributions of step 3, ∇R ∘ r; step 2, ∇Q ∘ q are missing"
