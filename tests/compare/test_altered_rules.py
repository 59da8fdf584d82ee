"""Altered rules: each is another formula, and a hand derivation that has one is told so."""

import numpy as np
import pytest

from tests.support.points import draw, fitting
from tinyad import TABLE, Op, Tape, compare, exp, relu, sigmoid, softmax, tanh
from tinyad.compare.altered_rules import altered_rules, evaluated

ROWS = [op for op in TABLE.values() if op.symbol not in ("none", "transpose")]


def printed(formula):
    """A formula with brackets everywhere."""
    if not hasattr(formula, "head"):
        return repr(formula)
    head = formula.head if isinstance(formula.head, str) else formula.head.symbol
    return head + (f"({', '.join(map(printed, formula.operands))})" if formula.operands else "")


@pytest.mark.parametrize("op", TABLE.values(), ids=str)
def test_no_altered_rule_is_the_rule_itself(op):
    for formula in op.formulas:
        assert printed(formula) not in [printed(altered) for altered in altered_rules(formula, op.arity == 1)]


def test_the_altered_rules_of_a_product():
    rule = TABLE["*"].formulas[1]
    assert printed(rule) == "*(dz, x)"
    assert [printed(altered) for altered in altered_rules(rule, False)] == [
        "dz",
        "x",
        "*(x, dz)",
        "*(transpose(dz), x)",
        "*(dz, transpose(x))",
    ]


def test_the_altered_rules_of_an_operand():
    """0 has no other form, and a template no derivative."""
    rule, none = TABLE["upper"].formulas
    assert printed(rule) == "transpose(stack(transpose(dz), 0(under(x, y))))"
    assert [printed(altered) for altered in altered_rules(rule, False)] == ["transpose(stack(dz, 0(under(x, y))))"]
    assert list(altered_rules(none, False)) == []


@pytest.mark.parametrize("op", ROWS, ids=str)
def test_a_derivation_with_an_altered_rule_is_told_so(op):
    for operands in fitting(op)[:1]:
        tape = Tape()
        z = op(*tape.variables(**dict(zip("xy", operands, strict=False))).values())
        tape.name({"z": z})
        dz = draw(z.shape[::-1], 3)
        d = tape.backward({"z": dz})
        values = {"dz": dz, "z": z.value, **dict(zip("xy", operands, strict=False))}
        for formula, name in zip(op.formulas, "xy", strict=False):
            for altered in altered_rules(formula, op.arity == 1):
                try:
                    hand = evaluated(altered, values)
                except ValueError:
                    continue
                if np.shape(hand) == d[name].shape and not np.allclose(hand, d[name]):
                    found = compare(d, {name: hand}).first_wrong
                    assert found.looks_like, printed(altered)
                    assert found.step == 1


def square(**more):
    """z = W x with everything 3×3, so that sizes tell nothing."""
    tape = Tape()
    v = tape.variables(W=draw((3, 3)), x=draw((3, 3), 1))
    tape.name({"z": v["W"] @ v["x"]})
    return tape.backward({"z": draw((3, 3), 2)}), v["W"].value, v["x"].value, draw((3, 3), 2).T


def test_a_forgotten_transposition_in_the_layout_of_the_hand():
    d, W, x, dz = square()
    found = compare(d, {"W": dz @ x.T, "x": W @ dz}, layout="same").first_wrong
    assert found.name == "x"
    assert found.looks_like == "W * ∇z where Wᵀ * ∇z belongs, in the line of step 1"
    found = compare(d, {"W": dz @ x, "x": W.T @ dz}, layout="same").first_wrong
    assert found.looks_like == "∇z * x where ∇z * xᵀ belongs, in the line of step 1"


@pytest.mark.parametrize(
    ("f", "hand", "says"),
    [
        (sigmoid, lambda g, s, x: g * s, "∇z ∘ σ(x) where ∇z ∘ σ(x) ∘ (1 - σ(x)) belongs"),
        (sigmoid, lambda g, s, x: g * (1 - s), "∇z ∘ (1 - σ(x)) where"),
        (sigmoid, lambda g, s, x: g * (1 - s * s), "the derivative of tanh where that of sigmoid belongs"),
        (sigmoid, lambda g, s, x: g * x * (1 - x), "∇z ∘ x ∘ (1 - x) where"),
        (tanh, lambda g, s, x: g * (1 - s), "∇z ∘ (1 - tanh(x)) where"),
        (tanh, lambda g, s, x: g * s * (1 - s), "the derivative of sigmoid where that of tanh belongs"),
        (softmax, lambda g, s, x: g * s * (1 - s), "(∇z - ∇z ∘ softmax(x)) ∘ softmax(x) where"),
        (softmax, lambda g, s, x: g * s, "∇z ∘ softmax(x) where"),
        (relu, lambda g, s, x: g, "the derivative of relu is missing"),
        (relu, lambda g, s, x: g * (x < 0), "∇z ∘ (0 > x) where ∇z ∘ (x > 0) belongs"),
        (lambda x: x**3, lambda g, s, x: g * x**2, "∇z ∘ x² where ∇z ∘ 3 ∘ x² belongs"),
        (lambda x: x**3, lambda g, s, x: g * 3 * x**3, "∇z ∘ 3 ∘ x^3 where ∇z ∘ 3 ∘ x² belongs"),
        (np.cos, lambda g, s, x: g * np.sin(x), "the sign"),
    ],
)
def test_wrong_derivatives_of_functions(f, hand, says):
    tape = Tape()
    x = tape.variable(draw((4, 3)), "x")
    z = f(x)
    tape.name({"z": z})
    dz = draw((4, 3), 1)
    found = compare(tape.backward({"z": dz.T}), {"x": hand(dz, z.value, x.value)}, layout="same").first_wrong
    assert found.looks_like.startswith(says)


def test_an_altered_rule_in_one_of_several_contributions():
    tape = Tape()
    v = tape.variables(W=draw((3, 3)), x=draw((3, 2), 1))
    tape.name({"z": v["W"] @ v["x"] + tanh(v["x"])})
    dz = draw((3, 2), 2)
    d = tape.backward({"z": dz.T})
    hand = v["W"].value @ dz + dz * (1 - np.tanh(v["x"].value) ** 2)
    found = compare(d, {"x": hand}, layout="same").first_wrong
    assert found.looks_like.startswith("W * ∇z where Wᵀ * ∇z belongs")
    assert found.step == 1


def test_numbers_and_arrays_of_a_users_rule():
    """2 alone is an altered rule too, and no matrix: it fits where the derivative is 1×1."""
    double = Op("double", lambda x: 2 * x, lambda dz, z, x: 2 * dz)
    steep = Op("steep", lambda x: np.exp(2 * x) / 2, lambda dz, z, x: exp(2 * x).T * dz)
    Q = draw((3, 3))
    mixed = Op("mixed", lambda x: x @ Q, lambda dz, z, x: Q @ dz)
    for op, size, hand, says in (
        (double, (4, 3), draw((3, 4), 1), "the derivative of double is missing in the line of step 1, 2 ∘ ∇z"),
        (double, (4, 3), draw((3, 4), 9), ""),
        (double, (1, 1), [[2.0]], "2 where 2 ∘ ∇z belongs, in the line of step 1"),
        (steep, (4, 3), draw((3, 4), 9), ""),
        (mixed, (4, 3), draw((3, 4), 1), "the derivative of mixed is missing in the line of step 1, array * ∇z"),
        (mixed, (4, 3), draw((3, 4), 9), ""),
    ):
        tape = Tape()
        tape.name({"z": op(tape.variable(draw(size), "x"))})
        d = tape.backward({"z": draw(size[::-1], 1)})
        assert compare(d, {"x": hand}).first_wrong.looks_like == says


def test_a_rule_that_is_no_expression_has_no_altered_rules():
    relu = Op("relu", lambda x: np.where(x > 0, x, 0), lambda dz, z, x: np.where(x.T > 0, dz, 0))
    tape = Tape()
    tape.name({"z": relu(tape.variable(draw((4, 3)), "x"))})
    d = tape.backward({"z": draw((3, 4), 1)})
    assert compare(d, {"x": draw((3, 4), 9)}).first_wrong.looks_like == ""
