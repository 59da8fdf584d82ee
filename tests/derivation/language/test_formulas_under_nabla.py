"""∇ and ∂/∂x before formulas: what they are of, and where the derivative of the loss is meant."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

LEAST_SQUARES = "layout: same\nw: D×1\nX: N×D\ny: N×1"


def verdicts(declare, forward, backward):
    report = check_derivation(fenced(declare, forward, backward), suggest=False)
    return [str(v.verdict) for v in report.verdicts]


@pytest.mark.parametrize(
    "formula",
    [
        "‖X w - y‖²",
        "Σ_i ((X w)_i - y_i)²",
        "(X w - y)ᵀ (X w - y)",
        "[(X w - y)ᵀ (X w - y)]",
        "sum((X w - y)²)",
        "‖z - y‖²",
    ],
)
@pytest.mark.parametrize("before", ["∇_w", r"\nabla_w", r"\frac{\partial}{\partial w}", "∇_w L = ∇_w"])
def test_the_gradient_of_a_formula(before, formula):
    forward = "z = X w\nL = ‖z - y‖²"
    assert verdicts(LEAST_SQUARES, forward, f"{before} {formula} = 2 Xᵀ (X w - y)") == ["right"]
    assert verdicts(LEAST_SQUARES, forward, f"{before} {formula} = Xᵀ (X w - y)") == ["wrong"]


def test_nabla_without_the_loss_is_the_derivative_of_the_loss_in_a_product():
    declare = "layout: row\nW: N×M\nx: M×1\ngiven: ∇_h"
    assert verdicts(declare, "h = W x", "∇_x = ∇_h W\n∇_W = x ∇_h") == ["right", "right"]
    assert verdicts(LEAST_SQUARES, "z = X w\nL = ‖z - y‖²", "∇_z = 2 (z - y)\n∇_w = Xᵀ ∇_z") == ["right", "right"]


def test_the_chain_rule_with_the_gradient_of_a_formula_first():
    line = "∂L/∂w = ∂/∂z ‖z - y‖² ∂z/∂w"
    assert verdicts(LEAST_SQUARES, "z = X w\nL = ‖z - y‖²", line) == ["right"]
    assert verdicts(LEAST_SQUARES, "z = X w\nL = ‖z - y‖²", line.replace("²", "")) == ["wrong"]


def test_the_jacobian_of_a_formula_of_computed_names_goes_on_through_their_equations():
    declare = "layout: same\no, y: K×1\nsums to 1: y"
    forward = "p_i = exp(o_i) / Σ_j exp(o_j)\nL = -Σ_i y_i log p_i"
    line = r"\frac{\partial L}{\partial o_k} = -\sum_i y_i \frac{\partial \log p_i}{\partial o_k}"
    assert verdicts(declare, forward, line + " = p_k - y_k") == ["right"]
    assert verdicts(declare, forward, line.replace("= -", "= ")) == ["wrong"]


def test_a_name_in_the_formula_itself_is_derived_alone():
    declare = "layout: same\nx, b: N×1\ngiven: ∇h"
    assert verdicts(declare, "a = x ∘ b\nh = a + x", "∂h/∂x = diag(b) + I") == ["wrong"]
    assert verdicts(declare, "a = x ∘ b\nh = a + x", "∂(a + x)/∂x = I") == ["right"]
