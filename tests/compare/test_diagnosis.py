"""What a wrong derivative looks like: each kind of mistake is named, with the step it was made in."""

import numpy as np
import pytest

from tests.support.cell import Cell, finals
from tests.support.points import draw
from tinyad import Tape, compare, log_softmax, sigmoid, softmax, softmax_rows, tanh


def looks(cell, hand, name):
    found = {f.name: f for f in compare(cell.d, hand).findings}[name]
    assert found.verdict == "wrong"
    return found


def without(cell, name, lost, twice=False):
    """The derivative of `name` without (or with twice) the contributions of some steps."""
    kept = [c.array * (2 if twice and c.step in lost else 1) for c in cell.d.contributions(name)]
    steps = [c.step for c in cell.d.contributions(name)]
    return sum((a for a, step in zip(kept, steps, strict=True) if twice or step not in lost), 0 * kept[0])


@pytest.mark.parametrize(
    ("lost", "says", "step"),
    [
        ([23], "the contribution of step 23, ∇z19 * W_oC, is missing, as if = stood where += belongs at step 20", 23),
        ([23, 20], "the contributions of step 23, ∇z19 * W_oC; step 20, ∇z17 ∘ fᵀ are missing, as if =", 23),
        ([23, 20, 8], "are missing, as if = stood where += belongs at step 1", 23),
        ([20], "the contribution of step 20, ∇z17 ∘ fᵀ, is missing", 20),
        ([1], "the contribution of step 1, ∇z1 * W_fC, is missing", 1),
        ([8, 1], "it stops early: the contributions from step 8, ∇z7 * W_iC on are missing", 8),
        ([23, 20, 8, 1], "it is 0: every contribution is missing", 1),
    ],
)
def test_missing_contributions(lost, says, step):
    cell = Cell()
    hand = cell.hand() | {"C_prev": without(cell, "C_prev", lost)}
    found = looks(cell, hand, "C_prev")
    assert says in found.looks_like
    assert found.step == step
    if len(lost) < 4:  # what is there is right, and not marked
        assert [n for n, how in compare(cell.d, hand).wrong_steps.items() if how == "own"] == lost
    assert found.cause == "own"


def test_what_is_counted_twice_or_has_the_wrong_sign():
    cell = Cell()
    hand = cell.hand() | {"C_prev": without(cell, "C_prev", [20], twice=True)}
    assert looks(cell, hand, "C_prev").looks_like == "a contribution counted twice: step 20, ∇z17 ∘ fᵀ"
    hand = cell.hand() | {"C_prev": 2 * without(cell, "C_prev", [8]) - cell.d["C_prev"]}
    assert looks(cell, hand, "C_prev").looks_like == "the sign of one contribution: step 8, ∇z7 * W_iC"


def test_a_seed_that_is_forgotten():
    cell = Cell()
    hand = cell.hand() | {"C": cell.d["C"] - cell.dC}
    assert looks(cell, hand, "C").looks_like == "the given one is missing, as if = stood where += belongs at step 30"


@pytest.mark.parametrize(
    ("name", "made", "says"),
    [
        ("z24", lambda c: -c.d["z24"], "the sign"),
        ("b_o", lambda c: c.d["b_o"] / 3, "a factor: 1/3 times what it should be"),
        ("z6", lambda c: 2.5 * c.d["z6"], "a factor: 5/2 times what it should be"),
        ("W_oh", lambda c: c.d["W_oh"].T, "transposed"),
        ("z24", lambda c: c.d["o"], "the derivative of sigmoid is missing in the line of step 29"),
        ("z25", lambda c: c.dh * c.values["C"].T, "C where o belongs in the line of step 31, ∇h ∘ oᵀ"),
        ("i", lambda c: c.d["z17"] * c.values["f"].T, "f where C_tilde belongs in the line of step 21"),
        ("W_oh", lambda c: c.values["C_prev"] @ c.d["z20"], "C_prev where h_prev belongs in the line of step 24"),
        ("W_oh", lambda c: c.values["h_prev"] @ c.d["o"], "∇o where ∇z20 belongs in the line of step 24"),
        (
            "z6",
            lambda c: c.d["f"] * (lambda s: s * (1 - s))(sigmoid(c.values["f"])).T,
            "the derivative of sigmoid is taken at f instead of z6 in the line of step 7",
        ),
        ("z19", lambda c: np.full((2, 4), np.nan), "it has entries that are not finite"),
        ("z19", lambda c: draw((2, 4), 77), ""),
    ],
)
def test_what_a_difference_looks_like(name, made, says):
    cell = Cell()
    found = looks(cell, cell.hand() | {name: made(cell)}, name)
    assert found.looks_like.startswith(says)
    assert bool(says) == bool(found.looks_like)
    assert found.cause == "own"


def test_another_derivative_in_its_place():
    tape = Tape()
    v = tape.variables(a=draw((4, 3)), b=draw((4, 3), 1), c=draw((4, 3), 2))
    tape.name({"z": v["a"] * v["b"], "w": tanh(v["c"])})
    d = tape.backward({"z": draw((3, 4), 3), "w": draw((3, 4), 4)})
    found = compare(d, {"a": d["c"]}).first_wrong
    assert found.looks_like == "it is the derivative of c"


def test_one_contribution_transposed():
    tape = Tape()
    v = tape.variables(A=draw((3, 3)), x=draw((3, 2), 1))
    tape.name({"z": v["A"] @ (v["A"] @ v["x"])})
    d = tape.backward({"z": draw((2, 3), 2)})
    first, second = (c.array for c in d.contributions("A"))
    found = compare(d, {"A": first + second.T}).first_wrong
    assert found.looks_like == "one contribution transposed: step 1, x * ∇_1"


@pytest.mark.parametrize("equation", [29, 19, 14, 7])
def test_finals_alone_lead_to_a_line_that_was_not_given(monkeypatch, equation):
    cell = Cell()
    hand = cell.hand(monkeypatch, equation, lambda out, dz, x: np.array(dz))
    found = compare(cell.d, finals(hand))
    assert found.first_wrong is found.located
    assert found.first_wrong.step == equation
    assert "the derivative of sigmoid is missing" in found.first_wrong.looks_like
    assert {f.cause for f in found.wrong} == {"inherited"}
    assert "this one mistake explains everything that is wrong" in str(found)


def test_finals_alone_with_a_mistake_of_no_known_kind_name_the_suspects(monkeypatch):
    cell = Cell()
    found = compare(cell.d, finals(cell.hand(monkeypatch, 29, lambda out, dz, x: draw((2, 4), 9))))
    assert found.located is None
    assert found.hint == (
        "if it is one mistake: all that is wrong comes from ∇o, ∇z24, and nothing right does; give these to find it"
    )
    assert {f.cause for f in found.wrong} == {"open"}


def test_a_mistake_that_another_line_would_explain_as_well_is_only_possible(monkeypatch):
    cell = Cell()
    found = compare(cell.d, finals(cell.hand(monkeypatch, 29, lambda out, dz, x: -out)))
    assert found.located.looks_like == "the sign; a mistake at ∇z24 would explain it too"
    assert found.located.grade == "possible"


@pytest.mark.parametrize("equation", [7, 14, 19, 29])
def test_a_factor_in_a_line_that_was_not_given(monkeypatch, equation):
    cell = Cell()
    found = compare(cell.d, finals(cell.hand(monkeypatch, equation, lambda out, dz, x: 2 * out)))
    assert found.scale == ""
    assert found.located.looks_like.startswith("a factor: 2 times what it should be")


def test_what_is_given_and_right_is_not_suspected(monkeypatch):
    """∇o is given and right, ∇b_o wrong: the line of ∇z24 between them is the only one that can be."""
    cell = Cell()
    hand = cell.hand(monkeypatch, 29, lambda out, dz, x: np.array(dz))
    found = compare(cell.d, {name: hand[name] for name in ("o", "b_o", "W_oh")})
    assert found.first_wrong.name == "z24"
    assert found.first_wrong.looks_like.startswith("the derivative of sigmoid is missing")


def test_a_copy_that_was_not_given_may_be_what_is_wrong():
    """∇z23 is ∇z24, given and right; its line may be wrong, where no mistake in that of ∇W_ox is known."""
    cell = Cell()
    hand = {"z24": cell.d["z24"], "W_ox": draw((3, 4), 9)}
    found = compare(cell.d, hand)
    assert found.first_wrong.cause == "open"
    assert found.first_wrong.not_given == ("z22", "z23")
    known = compare(cell.d, hand | {"W_ox": cell.d["W_ox"][::-1]})
    assert known.first_wrong.cause == "own"
    assert known.first_wrong.looks_like == "its columns are in reverse order"


def attention():
    """softmax of columns where that of rows was meant, an unnamed transposition and an unnamed product."""
    tape = Tape()
    v = tape.variables(Q=draw((5, 3)), K=draw((5, 3), 1), V=draw((5, 4), 2))
    S = v["Q"] @ v["K"].T / np.sqrt(3)
    P = softmax(S)
    tape.name({"S": S, "P": P, "O": P @ v["V"]})
    return tape.backward({"O": draw((4, 5), 3)})


def attention_by_hand(d, P, dK=lambda dS, Q: dS.T @ Q, axis=0):
    Q, K, V = (d.tape[name].value for name in "QKV")
    dO = d["O"].T
    dP = dO @ V.T
    dS = P * (dP - (dP * P).sum(axis=axis, keepdims=True))
    return {"V": P.T @ dO, "P": dP, "S": dS, "Q": dS @ K / np.sqrt(3), "K": dK(dS, Q) / np.sqrt(3)}


@pytest.mark.parametrize("names", ["VPSQK", "PS", "QK", "V"])
def test_softmax_over_the_other_axis_is_another_forward(names):
    d = attention()
    hand = attention_by_hand(d, softmax_rows(d.tape["S"].value), axis=1)
    found = compare(d, {name: hand[name] for name in names}, layout="same")
    assert found.first_wrong.looks_like == "softmax over the other axis: use softmax_rows"
    assert (found.first_wrong.name, found.first_wrong.step) == ("S", 4)
    assert {f.cause for f in found.wrong if f.name != "S"} <= {"inherited"}
    broken = {name: hand[name] for name in names} | {"P": 2 * hand["P"]}
    said = {f.name: f.looks_like for f in compare(d, broken, layout="same").findings}
    assert said["P"] == "a factor: 2 times what it should be"


@pytest.mark.parametrize(("f", "instead"), [(softmax_rows, "softmax"), (log_softmax, "log_softmax(x.T).T")])
def test_the_other_axis_of_other_functions(f, instead):
    tape = Tape()
    x = tape.variable(draw((4, 3)), "x")
    y = f(x)
    tape.name({"y": y, "z": tanh(y)})
    d = tape.backward({"z": draw((3, 4), 1)})
    turned = Tape()
    u = turned.variable(draw((4, 3)), "x")
    w = f(u.T).T
    wrong = turned.backward({w: d["y"]})["x"]
    found = compare(d, {"y": d["y"], "x": wrong}).first_wrong
    assert found.looks_like == f"{f.symbol} over the other axis: use {instead}"


def test_the_line_of_an_unnamed_value_is_found_given_what_the_hand_has_upstream():
    d = attention()
    P = d.tape["P"].value
    hand = attention_by_hand(d, P, dK=lambda dS, Q: dS @ Q, axis=(0, 1))
    found = {f.name: f for f in compare(d, hand, layout="same").findings}
    assert (found["S"].cause, found["K"].cause) == ("own", "own")  # ∇_2 is right, for ∇Q follows from it
    assert found["K"].looks_like == "Qᵀ * ∇_2ᵀ where Qᵀ * ∇_2 belongs, in the line of step 2"
    assert (found["K"].step, found["K"].line) == (2, "∇_1 = Qᵀ * ∇_2")
    assert found["Q"].cause == "inherited"


@pytest.mark.parametrize(
    ("factor", "says"),
    [
        (2, "∇s / sqrt(_2)ᵀ where ∇s / (2 ∘ sqrt(_2))ᵀ belongs, in the line of step 3"),
        (3, "a factor: 3 times what it should be (3 is the number of columns of x)"),
        (-1, "the sign"),
    ],
)
def test_a_line_that_only_hands_on_is_not_blamed_for_a_factor(factor, says):
    tape = Tape()
    x = tape.variable(draw((4, 3)), "x")
    var = x * x
    s = np.sqrt(var + 1e-5)
    tape.name({"var": var, "s": s})
    d = tape.backward({"s": draw((3, 4), 1)})
    found = compare(d, {"s": d["s"], "var": factor * d["var"]}).first_wrong
    assert (found.name, found.step, found.cause) == ("var", 3, "own")
    assert found.line == "∇_2 = ∇s / (2 ∘ sqrt(_2))ᵀ"
    assert found.looks_like == says


def loop(T=4):
    """h[t] = tanh(U h[t-1] + x[t]) from h[0] = 0."""
    tape = Tape()
    U, h = tape.variable(draw((3, 3)), "U"), tape.variable(np.zeros((3, 2)), "h[0]")
    for t in range(1, T + 1):
        a = U @ h + tape.variable(draw((3, 2), t), f"x[{t}]")
        h = tanh(a)
        tape.name({"a": a, "h": h}, step=t)
    return tape.backward({f"h[{t}]": draw((2, 3), 10 + t) for t in range(1, T + 1)})


def loop_by_hand(d, shift=0, turned=False):
    T, U, dh, dU, hand = 4, d.tape["U"].value, 0, 0, {}
    h = [d.tape[f"h[{t}]"].value for t in range(T + 1)]
    for t in range(T, 0, -1):
        dh = dh + d.seeds[d.tape[f"h[{t}]"].index]
        da = dh * (1 - h[t] ** 2)
        hand |= {f"h[{t}]": dh, f"a[{t}]": da}
        dU = dU + (da @ h[t - 1 + shift].T if t - 1 + shift >= 0 else 0)
        dh = (U if turned else U.T) @ da
    return hand | {"U": dU}


@pytest.mark.parametrize("shift", [0, 1, -1])
def test_a_shift_in_time_of_a_whole_sum(shift):
    d = loop()
    found = compare(d, loop_by_hand(d, shift), layout="same")
    assert found.ok == (shift == 0)
    if shift:
        first = found.first_wrong
        assert (first.name, first.step, first.steps) == ("U", 10, (10, 7, 4, 1))
        said = f"h[{3 + shift}] where h[3] belongs in the line of step 10"
        assert first.looks_like.startswith(f"shifted by one time step in every contribution: {said}")
        assert first.looks_like.endswith("; what has no such time step is missing") == (shift == -1)


@pytest.mark.parametrize(
    ("name", "hand", "says"),
    [
        (
            "W",
            lambda x, h, dh, da: dh @ x.T,
            "∇h[4] where ∇a[4] belongs in the line of step 16, ∇a[4] * x[4]ᵀ, and so on",
        ),
        ("W", lambda x, h, dh, da: da @ h.T, "h[4] where x[4] belongs in the line of step 16"),
        ("b", lambda x, h, dh, da: dh.sum(axis=1, keepdims=True), "∇h[4] where ∇a[4] belongs in the line of step 19"),
    ],
)
def test_another_variable_in_a_whole_sum(name, hand, says):
    tape = Tape()
    v, h = tape.variables(W=draw((3, 3)), U=draw((3, 3), 1), b=draw((3, 1), 2)), draw((3, 2), 3)
    for t in range(1, 5):
        x = tape.variable(draw((3, 2), 4 + t), f"x[{t}]")
        a = v["W"] @ x + v["U"] @ h + v["b"]
        h = tanh(a)
        tape.name({"a": a, "h": h}, step=t)
    d = tape.backward({f"h[{t}]": draw((2, 3), 10 + t) for t in range(1, 5)})
    total = sum(hand(*(tape[f"{n}[{t}]"].value for n in "xh"), *(d[f"{n}[{t}]"].T for n in "ha")) for t in range(1, 5))
    given = {f"{n}[{t}]": d[f"{n}[{t}]"].T for n in "ha" for t in range(1, 5)}
    found = compare(d, given | {name: total}, layout="same").first_wrong
    assert found.looks_like.startswith(f"another variable in every contribution: {says}")
    assert len(found.steps) == 4


def test_what_adds_nothing_is_not_blamed_for_a_sum_like_nothing_known():
    d = loop()
    found = compare(d, loop_by_hand(d) | {"U": draw((3, 3), 9)}, layout="same").first_wrong
    assert (found.step, found.line) == (4, "∇U += ∇a[2] * h[1]ᵀ")


def test_one_wrong_line_of_a_loop_is_said_once_and_under_the_names_that_were_given():
    d = loop()
    found = compare(d, loop_by_hand(d, turned=True), layout="same")
    assert found.first_wrong.looks_like == "U * ∇a[4] where Uᵀ * ∇a[4] belongs, in the line of step 10"
    lines = str(found).splitlines()
    assert "  the same for 2 more: ∇h[2], ∇h[1]" in lines
    assert "the same for 2 more" in found._repr_html_()
    assert "  ∇a[3]  step 9; the same for 2 more: ∇a[2], ∇a[1]" in lines
    assert "also wrong:" not in lines
