"""Mistakes in a derivative as a whole: which of its contributions are there, and what is said of one that is alone."""

import numpy as np
import pytest

from tests.support.cell import Cell
from tests.support.points import draw
from tinyad import Tape, compare, tanh


def of_many(n):
    """x is used n times, and s is the sum of it all."""
    tape = Tape()
    x = tape.variable(draw((3, 2)), "x")
    products = [x * tape.variable(draw((3, 2), k + 1), f"a{k}") for k in range(n)]
    tape.name({"s": sum(products[1:], products[0])})
    return tape.backward({"s": draw((2, 3), 50)})


def said_of(d, **hand):
    return compare(d, {"s": d["s"]} | hand).first_wrong.looks_like


@pytest.mark.parametrize("kept", [1, 2, 8, 9])
def test_of_many_contributions_the_last_few_are_there_or_all_but_a_few(kept):
    d = of_many(10)
    arrays = [c.array for c in d.contributions("x")]
    said = said_of(d, x=sum(arrays[-kept:]))
    assert "missing, as if = stood where += belongs at step" in said


def test_a_derivative_that_was_given_and_no_more_has_a_factor():
    """It is one contribution alone: that it is counted twice, or another factor, is one mistake."""
    cell = Cell()
    assert compare(cell.d, {"h": 2 * cell.d["h"]}).first_wrong.looks_like.startswith("a factor: 2 times")
    assert compare(cell.d, {"h": -cell.d["h"]}).first_wrong.looks_like == "the sign"


def test_a_factor_on_all_of_a_square_is_one_of_the_derivative():
    tape = Tape()
    x = tape.variable(draw((3, 2)), "x")
    tape.name({"s": x * x})
    d = tape.backward({"s": draw((2, 3), 1)})
    assert said_of(d, x=2 * d["x"]).startswith("a factor: 2 times what it should be")
    assert said_of(d, x=3 * d["x"]).startswith("a factor: 3 times what it should be")


def test_a_derivative_that_is_wrong_itself_does_not_stand_for_another():
    tape = Tape()
    v = tape.variables(a=draw((4, 3)), b=draw((4, 3), 1), c=draw((4, 3), 2))
    tape.name({"z": v["a"] * v["b"], "w": tanh(v["c"])})
    d = tape.backward({"z": draw((3, 4), 3), "w": draw((3, 4), 4)})
    alone, both = (compare(d, {"a": d["c"], **more}) for more in ({}, {"c": draw((3, 4), 9)}))
    assert alone.first_wrong.looks_like == "it is the derivative of c"
    assert {f.looks_like for f in both.wrong} == {""}


@pytest.mark.parametrize(("factor", "said"), [(1e-7, "1e-07"), (3.3, "33/10"), (np.pi, "3.14159")])
def test_a_factor_is_a_fraction_if_it_is_a_simple_one(factor, said):
    d = of_many(1)
    assert said_of(d, x=factor * d["x"]) == f"a factor: {said} times what it should be"


# What contributions are called.


def test_three_contributions_are_named_and_of_more_the_first_three():
    d = of_many(10)
    arrays = [c.array for c in d.contributions("x")]
    three, four = (said_of(d, x=sum(arrays[k:])) for k in (3, 4))
    assert (three.count("step"), "…" in three) == (4, False)  # and the step of the =
    assert (four.count("step"), "…" in four) == (4, True)


def test_both_contributions_are_two():
    tape = Tape()
    v = tape.variables(x=draw((3, 2)), a=draw((3, 2), 1))
    tape.name({"s": v["x"] * v["a"] + v["x"] * v["x"] + v["x"] * v["x"]})
    d = tape.backward({"s": draw((2, 3), 2)})
    first, second = (c.array for c in list(reversed(d.contributions("x")))[:2])
    assert said_of(d, x=first).startswith("the contributions of step 4, ∇s ∘ xᵀ; step 2, ∇s ∘ xᵀ are missing")
    assert said_of(d, x=first + 2 * second).startswith("both contributions of step 4, ∇s ∘ xᵀ are missing")


# What is counted twice.


def test_what_is_counted_twice_beside_a_given_derivative_is_a_contribution():
    tape = Tape()
    x, dz = tape.variable(draw((3, 2)), "x"), draw((2, 3), 1)
    tape.name({"z": x * x})
    tape.name({"y": tanh(tape["z"])})
    d = tape.backward({"y": draw((2, 3), 2), "z": dz})
    found = compare(d, {"y": d["y"], "z": 2 * d["z"] - dz}).first_wrong
    assert found.looks_like.startswith("a contribution counted twice: step 2")


def test_a_numerator_is_no_factor_of_what_is_counted_twice():
    """The contribution of 2 / x is not half of something, so no forgotten 1/2 makes it twice as much."""
    tape = Tape()
    v = tape.variables(x=draw((3, 2)), a=draw((3, 2), 1))
    tape.name({"q": 2 / v["x"]})
    tape.name({"s": v["x"] * v["a"] + tape["q"]})
    d = tape.backward({"s": draw((2, 3), 2)})
    of_quotient = next(c.array for c in d.contributions("x") if c.step == 1)
    assert said_of(d, q=d["q"], x=d["x"] + of_quotient).startswith("a contribution counted twice: step 1")
