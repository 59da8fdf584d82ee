"""Sizes that follow, and those that do not: the latter are never taken."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import DerivationError, Source

# fmt: off
FOLLOWS = [
    ("W: N×M\nx: M×1", "a = W x + b", {"b": "N×1"}),
    ("x: M×1\nh: N×1", "h = tanh(W x)", {"W": "N×M"}),
    ("h: N×1\nW: N×M", "h = tanh(W x)", {"x": "M×1"}),
    ("x: M×B\nh: N×B", "h = W x", {"W": "N×M"}),
    ("W: N×M\nh: N×B", "h = W x", {"x": "M×B"}),
    ("x: N×1", "h = x ∘ g\nL = yᵀ h", {"g": "N×1", "y": "N×1"}),
    ("x: N×1", "L = yᵀ log(softmax(x))", {"y": "N×1"}),
    ("x: N×1", "L = xᵀ A x", {"A": "N×N"}),
    ("A: N×N\nx: N×1", "h = A⁻¹ x - c", {"c": "N×1"}),
    ("x: N×1", "L = wᵀ x + b", {"w": "N×1", "b": "1×1"}),
    ("indices: i, j\nx: M×1\nh: N×1", "h_i = Σ_j W_{ij} x_j + b_i", {"W": "N×M", "b": "N×1"}),
    ("time: t = 1..T\nx_t: M×1\nU: N×M", "h_t = tanh(R h_{t-1} + U x_t)", {"R": "N×N", "h": "N×1"}),
    ("W: 4N×M\nx: M×1", "a = W x + b", {"b": "4N×1"}),
]
OPEN = [
    ("W: N×M\nX: M×B", "a = W X + b"),                # a column, or as large as W X
    ("x: N×1", "h = c ∘ d ∘ x ∘ x\nL = 1/2 hᵀ h + e * k"),
    ("x: N×1", "h = α x"),                            # a number, or a matrix
    ("x: N×1", "h = W x"),                            # any number of rows
    ("x: N×1\nW: N×N", "h = W x + net"),              # perhaps two names side by side
    ("W_xi: N×M\nx: M×1\nW_xo: N×M", "h = W_xi x + b_1\ng = W_xj x"),  # perhaps W_xi misspelt
]
# fmt: on


def declarations(declared, forward):
    text = fenced(f"layout: same\n{declared}\ngiven: ∇h\n*: matrix product", forward, "∇x = ∇h")
    return derivations(Source(text.replace("given: ∇h\n", "") if "L =" in forward else text))[0].declarations


@pytest.mark.parametrize(("declared", "forward", "sizes"), FOLLOWS)
def test_sizes_that_follow(declared, forward, sizes):
    assert declarations(declared, forward).inferred == sizes


@pytest.mark.parametrize(("declared", "forward"), OPEN)
def test_sizes_that_do_not_follow(declared, forward):
    try:
        found = declarations(declared, forward).inferred
    except DerivationError as error:
        found = {}
        assert "no size follows for" in error.message  # noqa: PT017 -- for one name the check of the forward says so
    assert set(found) <= {"b_1"}


def test_a_declared_size_stays():
    found = declarations("W: N×M\nx: M×1\nb: K×1", "a = W x + b\nh = a")
    assert found.inferred == {}
    assert found.shapes["b"] == ((("K", 1),), (("", 1),))
