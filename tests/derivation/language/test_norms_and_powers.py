"""Norms, powers that are fractions, and numbers among components."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import DerivationError, check_derivation

COLUMN = "layout: same\nx, y: N×1\nconstant: y"
MATRIX = "layout: same\nA: N×M\nb: 1×1"


def verdicts(declare, forward, backward):
    report = check_derivation(fenced(declare, forward, backward), suggest=False)
    return [str(v.verdict) for v in report.verdicts]


@pytest.mark.parametrize(
    "norm", ["‖x - y‖²", "||x - y||²", "‖x - y‖_2^2", "∥x - y∥^2", r"\|x - y\|^2", r"\lVert x-y \rVert_2^2"]
)
def test_the_square_of_a_norm(norm):
    assert verdicts(COLUMN, f"L = {norm}", "dL/dx = 2 (x - y)") == ["right"]
    assert verdicts(COLUMN, f"L = {norm}", "dL/dx = 2 (x + y)") == ["wrong"]


@pytest.mark.parametrize("norm", ["‖x‖", "||x||_2", "∥x∥"])
def test_a_norm(norm):
    assert verdicts(COLUMN, f"L = 2 {norm}", f"dL/dx = 2 x / {norm}") == ["right"]
    assert verdicts(COLUMN, f"L = 2 {norm}", f"dL/dx = 3 x / {norm}") == ["wrong"]


def test_the_norm_of_a_matrix():
    assert verdicts(MATRIX, r"L = \frac{b}{2} \|A\|_F^2", r"\frac{\partial L}{\partial A} = b A") == ["right"]
    assert verdicts(MATRIX, r"L = \frac{b}{2} \|A\|_F^2", r"\frac{\partial L}{\partial A} = A") == ["wrong"]
    with pytest.raises(DerivationError):  # without F it is another norm
        check_derivation(fenced(MATRIX, "L = b ‖A‖²", "dL/dA = 2 b A"))


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("L = ‖x‖_3", "the norm ‖·‖_3 is not known"),
        ("L = ‖x", "expected ‖"),
        ("L = ‖x + (‖y‖ x)‖", "a norm inside of a norm"),
        ("L = ‖‖", "a norm inside of a norm"),
        ("L = sum(x^{1/0})", "is not"),
        ("L = sum((x + y)^{a/2})", "is not known; a formula can have"),
        ("L = sum((x + y)^{99999999999999999999})", "is not known"),
    ],
)
def test_norms_and_powers_that_are_none(forward, message):
    with pytest.raises(DerivationError, match=message):
        check_derivation(fenced(COLUMN, forward, "dL/dx = x"))


@pytest.mark.parametrize(
    ("power", "derivative"),
    [
        ("x^{1/2}", "1/2 x^{-1/2}"), ("(x + y)^{-3/2}", "-3/2 (x + y)^{-5/2}"), ("x^{0.5}", "1 / (2 sqrt(x))"),
        ("(x)^{-2}", "-2 x^{-3}"), ("x^4", "4 x^3"), ("x^{1.5}", "3/2 sqrt(x)"),
    ],
)  # fmt: skip
def test_powers(power, derivative):
    declare = f"{COLUMN}\npositive: x, y"
    assert verdicts(declare, f"L = sum({power})", f"dL/dx = {derivative}") == ["right"]
    assert verdicts(declare, f"L = sum({power})", f"dL/dx = 2 ({derivative})") == ["wrong"]


def test_a_number_is_added_to_every_component():
    declare = "layout: same\nindices: i, j\nx: N×1\nγ, β: 1×1\ngiven: dz"
    assert verdicts(declare, "z_i = γ x_i + β", "dγ = Σ_i dz_i x_i\ndβ = Σ_i dz_i\ndx_i = γ dz_i") == ["right"] * 3
    assert verdicts(declare, "z_i = γ x_i + β", "dγ = Σ_i dz_i x_i\ndβ = Σ_i dz_i + β\ndx_i = γ dz_i")[1] == "wrong"
    with pytest.raises(DerivationError, match="the index j is on one side only"):
        check_derivation(fenced(declare, "z_i = x_i + x_j", "dx_i = dz_i"))
