"""Indices that are compared: below a Σ, above it, in indicators; how far each of them runs."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import DerivationError, check_derivation

COLUMN = "layout: same\nx: N×1"


def verdicts(declare, forward, backward):
    report = check_derivation(fenced(declare, forward, backward), suggest=False)
    return [str(v.verdict) for v in report.verdicts]


def refused(declare, forward, backward):
    with pytest.raises(DerivationError) as error:
        check_derivation(fenced(declare, forward, backward))
    return error.value.message


# fmt: off
LINES = [  # forward, a right line, what makes it wrong
    ("L = Σ_{i≠j} (x_i - x_j)²", "∂L/∂x_k = 4 Σ_{j≠k} (x_k - x_j)", ("4", "2")),
    ("L = Σ_{i<j} (x_i - x_j)²", "∂L/∂x_k = 2 Σ_j (x_k - x_j)", ("2", "4")),
    ("L = Σ_{i<j<k} x_i x_j x_k", "∂L/∂x_l = Σ_{i<j} 1[i≠l] 1[j≠l] x_i x_j", ("1[j≠l]", "")),
    ("L = Σ_{j≠1} x_j²", "∂L/∂x_k = 2 x_k 1[k≠1]", ("1[k≠1]", "")),
    ("L = Σ_i Σ_{j=1}^{i-1} x_i x_j", "∂L/∂x_k = Σ_{j≠k} x_j", ("j≠k", "j<k")),
    ("L = Σ_{i=1}^N Σ_{j=i}^N x_i x_j", "∂L/∂x_k = Σ_j x_j + x_k", ("+ x_k", "- x_k")),
    ("L = Σ_{i,j: i<j} x_i x_j", "∂L/∂x_k = Σ_j 1[j ≠ k] x_j", ("≠", "<")),
    ("L = Σ_i 1[1 < i ≤ 3] x_i²", "∂L/∂x_k = 2 x_k 1[1 < k ≤ 3]", ("1 <", "1 ≤")),
    ("L = Σ_{i≠j} log(1 + e^{x_j - x_i})", "∂L/∂x_k = Σ_{j≠k} (σ(x_k - x_j) - σ(x_j - x_k))", ("- σ", "+ σ")),
]
# fmt: on


@pytest.mark.parametrize(("forward", "line", "mistake"), LINES)
def test_sums_with_conditions(forward, line, mistake):
    assert verdicts(COLUMN, forward, line) == ["right"]
    assert verdicts(COLUMN, forward, line.replace(*mistake)) in (["wrong"], ["missing"])


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("∂L/∂x_j = Σ_{i>j} ∂L/∂y_i", "∂L/∂x_j = Σ_{i≥j} ∂L/∂y_i"),
        (
            r"\frac{\partial L}{\partial x_j} = \sum_{i \le j} \frac{\partial L}{\partial y_i}",
            r"\frac{\partial L}{\partial x_j} = \sum_{i \ge j} \frac{\partial L}{\partial y_i}",
        ),
        (
            r"\frac{\partial L}{\partial x_j} = \sum_{i>j} \frac{\partial L}{\partial y_i}",
            r"\frac{\partial L}{\partial x_j} = \sum_{i\ge j} \frac{\partial L}{\partial y_i}",
        ),
    ],
)
def test_the_comparison_that_was_meant(wrong, meant):
    text = fenced("layout: same\nx: N×1\ngiven: ∇y", "y_i = Σ_{j≤i} x_j", wrong)
    (v,) = check_derivation(text).verdicts
    assert (v.suggestion, v.grade) == (meant, "certain")


def test_a_letter_of_the_left_hand_side_is_not_summed_over():
    declare = "layout: same\nA: N×N\nx: N×1"
    line = r"\frac{\partial L}{\partial x_i} = \sum_{j \ne i} (A_{ij} + A_{ji}) x_j"
    assert verdicts(declare, r"L = \sum_{i \ne j} A_{ij} x_i x_j", line) == ["right"]
    assert verdicts(declare, r"L = \sum_{i \ne j} A_{ij} x_i x_j", line.replace("+", "-")) == ["wrong"]


def test_a_causal_attention():
    declare = "layout: same\nQ, K: T×D\nV: T×P\ngiven: ∇O"
    forward = r"""S_{ij} = \sum_d Q_{id} K_{jd}
A_{ij} = \frac{1[j \le i] \exp(S_{ij})}{\sum_{k \le i} \exp(S_{ik})}
O_{ip} = \sum_{j \le i} A_{ij} V_{jp}"""
    lines = r"""\frac{\partial L}{\partial V_{jp}} = \sum_{i \ge j} A_{ij} \frac{\partial L}{\partial O_{ip}}
\frac{\partial L}{\partial A_{ij}} = 1[j \le i] \sum_p \frac{\partial L}{\partial O_{ip}} V_{jp}"""
    assert verdicts(declare, forward, lines) == ["right", "right"]
    # A is 0 where the other sum goes further
    assert verdicts(declare, forward, lines.replace("i \\ge j", "i > j"))[0] == "wrong"


def test_the_reciprocal_of_components_is_no_inverse_of_a_matrix():
    declare = "layout: same\nE: N×N\ngiven: ∇M"
    line = "∂L/∂E_ij = -2 E_ij (1 + E_ij²)^{-2} ∂L/∂M_ij"
    assert verdicts(declare, "M_ij = (1 + E_ij²)^{-1}", line) == ["right"]
    assert verdicts(declare, "M_ij = E_ij^{-1}", "∂L/∂E_ij = -∂L/∂M_ij E_ij^{-1} E_ij^{-1}") == ["right"]
    assert verdicts(declare, "M_ij = (1 + E_ij²)^{-1}", line.replace("{-2}", "{-1}")) == ["wrong"]


def test_letters_in_the_place_of_indices_are_indices():
    declare = "layout: same\nA: N×M\nV: M×P\ngiven: ∂L/∂O"
    forward = r"O_{ip} = \sum_j A_{ij} V_{jp}"
    line = r"\frac{\partial L}{\partial V_{jp}} = \sum_{a,b} \frac{\partial L}{\partial O_{ab}} A_{aj} \delta_{bp}"
    assert verdicts(declare, forward, line) == ["right"]
    jacobian = r"\frac{\partial O_{ab}}{\partial V_{jp}} = A_{aj} \delta_{bp}"
    assert verdicts(declare, forward, jacobian) == ["right"]
    assert verdicts(declare, forward, jacobian.replace("A_{aj}", "A_{bj}")) != ["right"]


def test_components_of_a_formula_say_how_far_an_index_runs():
    declare, forward = "layout: same\nX: N×D\nw: D×1", "L = Σ_{i<j} ((X w)_i - (X w)_j)²"
    assert verdicts(declare, forward, "∇w = 2 N Xᵀ X w - 2 Xᵀ 1_{(N,N)} X w") == ["right"]
    assert verdicts(declare, forward, "∇w = N Xᵀ X w - 2 Xᵀ 1_{(N,N)} X w") == ["wrong"]


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("L = Σ_{i<N} x_i", "i < N below and above a Σ: write Σ_i, Σ_{i<j}"),
        ("L = Σ_{i=1}^{N-1} x_i", "i = 1 N - 1 below and above a Σ"),
        ("L = Σ_{i≠j≠k} x_i x_j x_k", "leaves open which indices differ"),
        ("y_i = x_i + x_j\nL = sum(y)", "the index j is on one side only"),
    ],
)
def test_what_is_refused(forward, message):
    assert message in refused(COLUMN, forward, "∇x = x")


def test_indices_that_run_to_different_ends_are_not_equal():
    declare = "layout: same\nx: N×1\ny: M×1"
    message = "these indices are compared, and run to different ends: i to 5 and j to 3"
    assert message in refused(declare, "L = Σ_{i≠j} x_i y_j", "∇x = x")
