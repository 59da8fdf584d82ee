"""What is declared about values: symmetric, orthogonal and positive definite matrices, ranges, rows that sum to 1."""

import numpy as np
import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import DerivationError, check_derivation

BLOCKS = ("z = sum(A ∘ A) x", "dx = sum(A ∘ A) dz")


def values(*declarations, forward=BLOCKS[0], backward=BLOCKS[1], key="A"):
    """The values of a name at the sample points."""
    declare = "\n".join(["layout: same", "given: dz", "A: N×N", "x: M×1", *declarations])
    report = check_derivation(fenced(declare, forward, backward), suggest=False)
    return [v.value for point in report.parts[0][1].points for place, v in point.values.items() if place[0] == key]


def test_matrices_of_a_kind_are_drawn():
    for a in values("symmetric: A"):
        np.testing.assert_array_equal(a, a.T)
        assert np.abs(a).min() > 0.1
    for a in values("orthogonal: A"):
        np.testing.assert_allclose(a.T @ a, np.eye(len(a)), atol=1e-12)
    for a in values("positive definite: A"):
        np.testing.assert_array_equal(a, a.T)
        assert np.linalg.eigvalsh(a).min() > 0
    assert all(abs(a - a.T).max() > 0.1 for a in values())


def test_ranges_and_rows_that_sum_to_1_are_drawn():
    for a in values("range A: (-1, 1)"):
        assert np.abs(a).max() < 1
        assert (a < 0).any()
    for a in values("range A, x: [2, 3]"):
        assert a.min() > 2
        assert a.max() < 3
    for a in values("rows sum to 1: A"):
        np.testing.assert_allclose(a.sum(1), 1)
        assert a.min() > 0
    for a in values("columns sum to 1: A"):
        np.testing.assert_allclose(a.sum(0), 1)


def test_what_an_equation_computes_may_be_of_a_kind():
    forward = "P = A Aᵀ\nz = sum(P ∘ P) x"
    (p, *_) = values("symmetric: P", forward=forward, backward="dx = sum(P ∘ P) dz", key="P")
    np.testing.assert_array_equal(p, p.T)
    with pytest.raises(DerivationError, match="P was declared symmetric, and does not come out so"):
        values("symmetric: P", forward="P = A A\nz = sum(P ∘ P) x", backward="dx = dz")


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ("symmetric: x", "symmetric: x is not square"),
        ("orthogonal: x", "orthogonal: x is not square"),
        ("positive definite: A + x", "names are separated by commas"),
        ("range A: 1", "range: write two numbers"),
        ("range A: (1, -1)", "range: write two numbers"),
        ("range A: (0, N)", "range: write two numbers"),
        ("range A: (0, nan)", "range: write two numbers"),
        ("range A: (0, 1e300)", "range: write two numbers"),
        ("range A: (0, 1, 2)", "range: write two numbers"),
    ],
)
def test_kinds_and_ranges_that_are_none_are_refused(declaration, message):
    with pytest.raises(DerivationError, match=message):
        values(declaration)


def test_the_derivative_of_an_orthogonal_matrix_times_its_transpose():
    declare = "layout: same\nQ: N×N\nx: N×1\nconstant: Q\ngiven: dz"
    text = fenced(declare, "z = Qᵀ x", "dx = Q dz")
    assert check_derivation(text).ok
    inverse = text.replace("dx = Q dz", "dx = Qᵀ⁻¹ dz").replace("Qᵀ⁻¹", "(Qᵀ)^{-1}")
    assert not check_derivation(inverse, suggest=False).ok
    assert check_derivation(inverse.replace("constant: Q", "constant: Q\northogonal: Q"), suggest=False).ok


def test_a_trace_in_the_forward():
    declare = "layout: same\nA: N×M\nB: M×N\nconstant: B"
    assert check_derivation(fenced(declare, "L = tr(A B)", "dL/dA = Bᵀ")).ok
    (wrong,) = check_derivation(fenced(declare, "L = tr(A B)", "dL/dA = 2 Bᵀ")).wrong
    assert wrong.verdict == "wrong"
    with pytest.raises(DerivationError, match="tr of 5×3: expected a square matrix"):
        check_derivation(fenced(declare, "L = tr(A)", "dL/dA = Bᵀ"))
