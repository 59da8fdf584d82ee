"""Jacobians through any number of equations: the line that the rules give, in either layout."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

DECLARE = "layout: {}\nx: N×1\nW: M×N\nV: K×M\ny: K×1"
FORWARD = (
    "z = W x\na = tanh(z)\nu = V a\nq = σ(u)\np = softmax(u)\ns = qᵀ y\nk = a ∘ z + 2 a\nr = x² / s\n"
    "L = s + yᵀ p + sum(k) + sum(r)"
)
# layout, a wrong line, the line that the rules give
LINES = [
    ("row", "∂u/∂x = V W", "∂u/∂x = V diag(1 - a²) W"),
    ("row", "∂q/∂x = V W", "∂q/∂x = diag(q ∘ (1 - q)) V diag(1 - a²) W"),
    ("row", "∂p/∂x = V W", "∂p/∂x = (diag(p) - p pᵀ) V diag(1 - a²) W"),
    ("row", "∂s/∂x = y", "∂s/∂x = yᵀ diag(q ∘ (1 - q)) V diag(1 - a²) W"),
    ("same", "∂u/∂x = V W", "∂u/∂x = Wᵀ diag(1 - a²) Vᵀ"),
    ("same", "∂q/∂x = V W", "∂q/∂x = Wᵀ diag(1 - a²) Vᵀ diag(q ∘ (1 - q))"),
    ("same", "∂k/∂x = W", "∂k/∂x = Wᵀ diag(1 - a²) diag(z) + Wᵀ diag(a) + 2 Wᵀ diag(1 - a²)"),
    ("same", "∂k/∂z = W", "∂k/∂z = diag(a)"),  # z stands in the equation of k: a keeps its value
]


@pytest.mark.parametrize(("layout", "wrong", "right"), LINES)
def test_the_rule_line_is_known(layout, wrong, right):
    (v,) = check_derivation(fenced(DECLARE.format(layout), FORWARD, wrong)).verdicts
    assert not v.ok
    assert (v.suggestion, str(v.grade)) == (right, "by the rule")
    assert check_derivation(fenced(DECLARE.format(layout), FORWARD, right)).ok


def test_what_is_no_matrix_has_no_rule_line():
    (v,) = check_derivation(fenced(DECLARE.format("same"), FORWARD, "∂q/∂W = x")).verdicts
    assert not v.ok
    assert v.grade != "by the rule"
