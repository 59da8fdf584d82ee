"""Names and quotients whose letters stand apart in LaTeX: W1 and dL/dW in a block with a command in it."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

SIZES = "layout: same\nW1: H×D\nx: D×1\nb: H×1"
GIVEN, LOSS = SIZES + "\ngiven: dh", SIZES + "\nconstant: x"
NET = "a = W1 x + b\nh = tanh(a)"
SQUARES = "a = W1 x + b\nL = 1/2 aᵀ a"


def verdicts(declare, forward, backward):
    return [str(v.verdict) for v in check_derivation(fenced(declare, forward, backward)).verdicts]


@pytest.mark.parametrize("circle", ["∘", r"\odot"])
def test_a_declared_name_is_that_name_whatever_stands_in_the_other_lines(circle):
    lines = f"da = dh {circle} (1 - h²)\ndW1 = da xᵀ\ndx = W1ᵀ da\ndb = da"
    assert verdicts(GIVEN, NET, lines) == ["right"] * 4
    assert verdicts(GIVEN, NET, lines.replace("W1ᵀ", "W1")) == ["right", "right", "does not fit", "right"]


def test_letters_that_are_names_of_their_own_stay_a_product():
    declare = GIVEN + "\nW: H×D"
    lines = r"da = dh \odot (1 - h^2)" + "\nda = da"
    forward = "a = W x + b\nh = tanh(a)"
    assert verdicts(declare, forward, lines + "\ndx = W^T da\ndW = da x^T")[2:] == ["right", "right"]
    assert verdicts(declare, forward, lines + "\ndx = W^Tda\ndW = dax^T")[2:] == ["right", "right"]


@pytest.mark.parametrize("left", ["dL/dW1", r"dL / dW1", r"\frac{dL}{dW1}", "∇W1", "∂L/∂W1"])
def test_a_derivative_with_plain_letters_in_latex(left):
    assert verdicts(LOSS, SQUARES, rf"{left} = a x^\top" + "\n" + r"dL/db = a") == ["right", "right"]
    assert verdicts(LOSS, SQUARES, rf"{left} = 2 a x^\top" + "\n" + r"dL/db = a") == ["wrong", "right"]


def test_a_jacobian_with_plain_letters_in_latex():
    assert verdicts(GIVEN, NET, r"da = dh \odot (1 - h^2)" + "\nda/dx = W1^T")[1:] == ["right"]
    assert verdicts(GIVEN, NET, r"da = dh \odot (1 - h^2)" + "\nda/dx = 2 W1^T")[1:] == ["wrong"]


def test_one_over_a_number_behind_a_factor_is_that_fraction():
    declare = "layout: same\nx: N×1\nR: 1×1\nconstant: R\ngiven: dy"
    for line in ("dx = 1/N 1/R² dy", "dx = (1/N) (1/R²) dy", "dx = 1/N 1/R 1/R dy"):
        assert verdicts(declare, "y = x / (N R²)", line) == ["right"]
    assert verdicts(declare, "y = x / (N R²)", "dx = 1/N 1/R dy") == ["wrong"]
    ambiguous = "layout: same\nx, w: N×1\nconstant: w\ngiven: dy"
    assert verdicts(ambiguous, "y = x / w", "dx = dy 1/w") == ["ambiguous"]
