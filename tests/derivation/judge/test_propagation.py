"""What a wrong line spoils: the lines run as code, in a sequence from T to 1."""

import pytest

from tests.support.derivation_texts import CELL, fenced
from tinyad.derivation import check_derivation

AT_THE_END = (
    "layout: same\ntime: t = 1..T\nW: n×m\nR: n×n\nV: p×n\nx_t: m×1\nh_t: n×1",
    "z_t = W x_t + R h_{t-1}\nh_t = tanh(z_t)\ny = V h_T\nL = 1/2 yᵀ y",
    """\
dy = y
dh_T += Vᵀ dy
dh_t += Rᵀ dz_{t+1}
dz_t = dh_t ∘ (1 - h_t²)
dx_t = Wᵀ dz_t
dW = Σ_t dz_t x_tᵀ
dR = Σ_t dz_t h_{t-1}ᵀ
dV = dy h_Tᵀ""",
)


def spoiled(whole, right, wrong):
    declare, forward, backward = whole
    assert backward.count(right) == 1
    (line,) = check_derivation(fenced(declare, forward, backward.replace(right, wrong))).wrong
    return set(line.spoils)


SEQUENCE = {"x[1]", "x[2]", "x[3]", "x[4]", "W", "R"}


@pytest.mark.parametrize(
    ("right", "wrong", "spoils"),
    [
        ("dy = y", "dy = 2 y", SEQUENCE | {"V"}),  # it has no time, and stands before what has one
        ("dh_T += Vᵀ dy", "dh_T += -Vᵀ dy", SEQUENCE),  # and from T on it comes to 1
        ("dx_t = Wᵀ dz_t", "dx_t = -Wᵀ dz_t", {"x[1]", "x[2]", "x[3]", "x[4]"}),
        ("dV = dy h_Tᵀ", "dV = -dy h_Tᵀ", {"V"}),
    ],
)
def test_a_mistake_spoils_what_is_computed_after_it(right, wrong, spoils):
    assert check_derivation(fenced(*AT_THE_END)).ok
    assert spoiled(AT_THE_END, right, wrong) == spoils


def test_a_line_in_the_other_layout_spoils_nothing_that_has_its_size():
    assert spoiled(CELL, "∇x = ∇z3 W_g", "∇x = W_gᵀ ∇z3ᵀ") == set()


def test_what_no_line_sets_is_not_spoiled():
    whole = ("layout: same\nW: N×M\nx: M×1\ngiven: dz, dx", "z = W x", "dW = dz xᵀ")
    assert spoiled(whole, "dW = dz xᵀ", "dW = -dz xᵀ") == {"W"}
