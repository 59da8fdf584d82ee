"""What the sample points can tell: values that grow, paths that are small, and paths that cancel."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation
from tinyad.derivation.judge.verdicts import POSSIBLY_RIGHT, Verdict

SEEDS = range(4)

# Every value is the square of the one before: at entries of 1 it has hundreds of digits after four times.
GROWING = (
    "layout: same\ntime: t = 1..T\nx_t: M×1\nU: N×M\nV: N×N\ns_t: N×1\ngiven: ds_t",
    "p_t = U x_t + V s_{t-1}\nq_t = p_t ∘ p_t ∘ p_t\ns_t = q_t ∘ p_t + p_t",
    """\
ds_t += Vᵀ dp_{t+1}
dq_t = ds_t ∘ p_t
dp_t = ds_t ∘ q_t + ds_t + 3 dq_t ∘ p_t ∘ p_t
dU = Σ_t dp_t x_tᵀ
dV = Σ_t dp_t s_{t-1}ᵀ
dx_t = Uᵀ dp_t""",
)


def checked(declare, forward, backward, seed=0):
    return check_derivation(fenced(declare, forward, backward), seed, suggest=False)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_forward_that_grows_over_time_is_judged(seed):
    assert checked(*GROWING, seed).ok
    for right, wrong in [("dU = Σ_t", "dU = -Σ_t"), ("+ ds_t +", "- ds_t +"), ("dV = Σ_t", "dV = 2 Σ_t")]:
        report = checked(*GROWING[:2], GROWING[2].replace(right, wrong), seed)
        assert [v.verdict for v in report.wrong] == [Verdict.WRONG], wrong


@pytest.mark.parametrize("seed", SEEDS)
def test_a_path_that_is_small_beside_another_is_not_missing(seed):
    declare = "layout: same\ntime: t = 1..T\nx_t: N×1\nP, Q: N×N\ns_t: N×1\ngiven: du_t, ds_t"
    forward = "u_t = P s_{t-1}\nv_t = Q s_{t-1} + x_t\ns_t = v_t ∘ v_t ∘ v_t ∘ v_t"
    backward = """\
ds_t += Pᵀ du_{t+1} + Qᵀ dv_{t+1}
dv_t = 4 ds_t ∘ v_t ∘ v_t ∘ v_t
dP = Σ_t du_t s_{t-1}ᵀ
dQ = Σ_t dv_t s_{t-1}ᵀ
dx_t = dv_t"""
    assert checked(declare, forward, backward, seed).ok
    (lacking,) = checked(declare, forward, backward.replace("Pᵀ du_{t+1} + ", ""), seed).wrong
    assert lacking.verdict is Verdict.MISSING


# e is used twice, with the same amount and opposite signs: a line holds with both paths and with neither.
CANCELLING = (
    "layout: same\nx: N×1\ngiven: de, dr",
    "e = tanh(x)\ng = e + x ∘ e\nk = g - e\nr = exp(k)",
    "dk = dr ∘ r\ndg = dk\nde += dg + dg ∘ x - dk\ndx = dg ∘ e + de ∘ (1 - e²)",
)


@pytest.mark.parametrize("line", ["de += dg + dg ∘ x - dk", "de += dg ∘ x", "de += dk ∘ x"])
def test_paths_that_cancel_are_neither_missing_nor_needed(line):
    assert checked(*CANCELLING[:2], CANCELLING[2].replace("de += dg + dg ∘ x - dk", line)).ok


@pytest.mark.parametrize("line", ["de += dg + dg ∘ x", "de += dg ∘ x - dk", "de += dg + dg ∘ x + dk", "de += dg - dk"])
def test_a_path_of_several_that_cancel_is_needed_on_its_own(line):
    report = checked(*CANCELLING[:2], CANCELLING[2].replace("de += dg + dg ∘ x - dk", line))
    assert not report.ok
    assert "de" in [v.target for v in report.wrong]


def test_a_derivative_below_rounding_is_not_judged():
    """The entries of a softmax sum to 1, whatever x is: its derivative is 0, and what is computed is rounding."""
    declare, forward = "layout: same\nx: N×1\nL: 1×1", "p = softmax(x)\ns = sum(p)\nL = 3 s"
    (line,) = checked(declare, forward, "dx = p - p ∘ p").wrong
    assert line.verdict is Verdict.WRONG  # far from 0
    rounding = checked(declare, forward, "dp = 3 1_{(N,1)}\nds = 3\ndx = p ∘ (dp - 3)")
    assert [v.verdict for v in rounding.verdicts] == [Verdict.RIGHT, Verdict.RIGHT, Verdict.NOT_JUDGED]
    assert "rounding" in rounding.verdicts[2].message


def test_a_line_that_is_not_judged_may_be_right():
    assert Verdict.NOT_JUDGED in POSSIBLY_RIGHT
    assert not Verdict.NOT_JUDGED.holds
