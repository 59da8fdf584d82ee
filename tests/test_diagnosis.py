"""What a wrong derivative looks like: each kind of mistake is named, with the step it was made in."""

import numpy as np
import pytest

from tests.cell import Cell, finals
from tests.points import draw
from tinyad import Tape, compare, sigmoid, tanh


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
        ([23], "= where += belongs, at step 20: missing is step 23, ∇z19 * W_oC", 20),
        ([23, 20], "= where += belongs, at step 8: missing is step 23, ∇z19 * W_oC; step 20, ∇z17 ∘ fᵀ", 8),
        ([23, 20, 8], "= where += belongs, at step 1", 1),
        ([20], "a missing contribution: step 20, ∇z17 ∘ fᵀ", 20),
        ([1], "a missing contribution: step 1, ∇z1 * W_fC", 1),
        ([8, 1], "it stops early: the contributions from step 8, ∇z7 * W_iC on are missing", 8),
        ([23, 20, 8, 1], "it is 0: every contribution is missing", 1),
    ],
)
def test_missing_contributions(lost, says, step):
    cell = Cell()
    found = looks(cell, cell.hand() | {"C_prev": without(cell, "C_prev", lost)}, "C_prev")
    assert says in found.looks_like
    assert found.step == step
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
    assert looks(cell, hand, "C").looks_like == "= where += belongs, at step 30: missing is the given one"


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


def test_copies_are_seen_through():
    """∇z23 is ∇z24 given: what is wrong in ∇W_ox is its own line."""
    cell = Cell()
    hand = {"z24": cell.d["z24"], "W_ox": draw((3, 4), 9)}
    assert compare(cell.d, hand).first_wrong.cause == "own"
