"""One line on its own: chains, sums over time, indices that the right-hand side lacks, and where it is furthest off."""

import pytest

from tests.support.derivation_texts import CELL, FAMILY, RNN, judged
from tinyad.derivation.judge.verdicts import Verdict


def verdicts(whole, old, new):
    declare, forward, backward = whole
    assert backward.count(old) == 1
    return [v for v in judged(backward.replace(old, new), declare, forward) if v.verdict is not Verdict.RIGHT]


@pytest.mark.parametrize(
    ("whole", "old", "new"),
    [
        (RNN, "∇W = Σ_t ∇z_t x_tᵀ", "∇W += Σ_t ∇z_t x_tᵀ"),  # it is added once, and not at every t
        (CELL, "∇f = ∇z4 ∘ c_{t-1}ᵀ", "∇f = 0\n∇f += ∇z4 ∘ c_{t-1}ᵀ"),
        (CELL, "∇b_f = ∇z2", "∇b_f = ∇z2 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ"),
    ],
)
def test_what_is_right(whole, old, new):
    assert verdicts(whole, old, new) == []


def test_all_members_of_a_chain_hold_the_same_paths():
    whole, part = "∇f = ∇z4 ∘ c_{t-1}ᵀ - ∇z5", "∇z4 ∘ c_{t-1}ᵀ"
    (wrong,) = verdicts(CELL, f"∇f = {part}\n∇f += -∇z5", f"{whole} = {part}")
    lacks = "this part of the chain lacks the path through equation 7 for z5"
    assert (wrong.verdict, wrong.message) == (Verdict.WRONG, lacks)


def test_an_index_that_stands_twice_on_the_left_is_refused():
    old, new = "δR^θ = Σ_t δz_θ^{(t)} (h^{(t-1)})ᵀ", "δR_{jj}^θ = Σ_t δz_{θ,j}^{(t)} h_j^{(t-1)}"
    (wrong,) = verdicts(FAMILY, old, new)
    assert wrong.verdict is Verdict.DOES_NOT_FIT
    assert wrong.message.startswith("the left-hand side has the index j twice")


def test_a_derivative_may_be_the_same_for_all_values_of_an_index():
    declare = "layout: same\nindices: i, j\nx: N×1\ny: M×1\nW: N×M"
    forward = "s = Σ_i x_i\nr = Σ_i Σ_j y_i W_{ji}\nL = 1/2 s² + r"
    lines = judged("∂L/∂x_j = Σ_i x_i\n∂L/∂W_{ij} = y_j\n∂L/∂y_j = Σ_i W_{ij}", declare, forward)
    assert [v.verdict for v in lines] == [Verdict.RIGHT] * 3
    assert judged("∂L/∂x_j = 2 Σ_i x_i", declare, forward)[0].verdict is Verdict.WRONG


def test_the_time_of_the_worst_entry_is_that_of_a_line_for_every_time():
    (one,) = verdicts(RNN, "∇x_t = Wᵀ ∇z_t", "∇x_t = -Wᵀ ∇z_t")
    assert one.worst.where.startswith("t = ")
    (first,) = verdicts(RNN, "∇x_t = Wᵀ ∇z_t", "∇x_1 = -Wᵀ ∇z_1")
    assert first.worst.where.startswith("row ")


def test_a_value_that_is_infinite_or_none_is_the_worst_entry():
    declare, forward = "layout: same\nx: N×1\ngiven: dz", "z = x ∘ x"
    (v,) = judged("dx = 2 dz ∘ x ∘ (x - x) / 0", declare, forward)
    assert v.verdict is Verdict.WRONG
    assert v.worst.where.startswith("row 1, ")
    assert not abs(v.worst.found) < float("inf")
