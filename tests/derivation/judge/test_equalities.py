"""Lines about names, Jacobians and differentials: both sides have one value, at every sample point."""

import pytest

from tests.support.derivation_texts import FAMILY, judged
from tinyad.derivation.judge.verdicts import Verdict

COMPONENTS = ("layout: same\nindices: i, j\nx: N×1\nW: N×N\nconstant: W\ngiven: dz, ds", "s = xᵀ x\nz = W x")


def found(declare, forward, line):
    (v,) = judged(line, declare, forward)
    return v.verdict, v.message


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("s = Σ_i x_i²", Verdict.RIGHT),  # a sum over all components is a number
        ("s = Σ_i x_i x_i", Verdict.RIGHT),
        ("s = 2 Σ_i x_i²", Verdict.WRONG),
        ("z_i = Σ_j W_ij x_j", Verdict.RIGHT),
        ("z_i = Σ_j W_ji x_j", Verdict.WRONG),
        ("z = W x / 0", Verdict.WRONG),  # what is not finite is equal to nothing
        ("z = log(-x²)", Verdict.WRONG),
    ],
)
def test_a_name_is_what_its_line_says(line, verdict):
    assert found(*COMPONENTS, line)[0] is verdict


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("s = Σ_i x_i x_j", "the index j is on one side only"),
        ("z = Σ_j W_ij x_j", "the index i is on one side only"),
        ("∂z/∂x = W_ij", "the indices i and j are on one side only"),
        ("z_i = W x", "5×1 has no index"),
    ],
)
def test_an_index_is_on_both_sides(line, message):
    assert found(*COMPONENTS, line) == (Verdict.DOES_NOT_FIT, message)


def test_a_letter_of_a_family_under_a_sum_is_none_of_the_line():
    declare, forward, _ = FAMILY
    forward += "\nu^{(t)} = f^{(t)} + g^{(t)}"
    assert found(declare, forward, "u^{(t)} = Σ_θ θ^{(t)}")[0] is Verdict.RIGHT
    assert found(declare, forward, "u^{(t)} = 2 Σ_θ θ^{(t)}")[0] is Verdict.WRONG


@pytest.mark.parametrize(("layout", "summed"), [("row", "1_{(1,N)} W"), ("same", "Wᵀ 1_{(N,1)}")])
def test_the_derivative_of_the_sum_of_the_entries_is_known(layout, summed):
    declare = "layout: {}\nx: M×1\nW: N×M\ngiven: dz"
    said = "it is the derivative of the sum of all entries, not the Jacobian"
    verdict, message = found(declare.format(layout), "z = W x", f"∂z/∂x = {summed}")
    assert (verdict, message.endswith(said)) == (Verdict.DOES_NOT_FIT, True)
    other = {"row": "same", "same": "row"}[layout]
    verdict, message = found(declare.format(other), "z = W x", f"∂z/∂x = {summed}")
    assert (verdict, said in message) == (Verdict.DOES_NOT_FIT, False)


# Differentials

SQUARES = ("layout: same\nd: differential\nW: N×M\nx: M×1\ny: N×1\nconstant: x, y", "e = W x - y\nL = 1/2 eᵀ e")


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("dL = eᵀ de", Verdict.RIGHT),
        ("dL = eᵀ de = eᵀ dW x", Verdict.RIGHT),
        ("dL = 2 eᵀ de", Verdict.WRONG),
        ("dL = 0 eᵀ de", Verdict.WRONG),  # on no path the loss changes by 0
        ("de = dW x", Verdict.RIGHT),
        ("de = 2 dW x", Verdict.WRONG),
    ],
)
def test_a_differential_is_how_its_name_changes(line, verdict):
    assert found(*SQUARES, line)[0] is verdict


@pytest.mark.parametrize(
    ("line", "verdict"), [("dM = dL c + L dc", Verdict.RIGHT), ("dM = 2 dL c + L dc", Verdict.WRONG)]
)
def test_the_differential_of_the_loss_may_be_part_of_another(line, verdict):
    declare, forward = SQUARES
    assert found(f"{declare}\nc: 1×1", f"{forward}\nM = c L", line)[0] is verdict
