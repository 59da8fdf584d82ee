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


def test_a_derivative_that_is_0_because_its_terms_cancel_holds():
    """The entries of a softmax sum to 1, whatever x is, and what is computed of the derivative is rounding."""
    declare, forward = "layout: same\nx: N×1\nL: 1×1", "p = softmax(x)\ns = sum(p)\nL = 3 s"
    assert checked(declare, forward, "dp = 3 1_{(N,1)}\nds = 3\ndx = p ∘ (dp - 3)").ok
    (line,) = checked(declare, forward, "dx = p - p ∘ p").wrong
    assert line.verdict is Verdict.WRONG


def test_a_batch_norm_in_which_a_path_is_0_holds():
    """The mean of x - m is 0, so the path of the variance to the mean is, and its published line has it."""
    declare = "layout: same\nloss: J\nindices: i\nx: n×1\nε: 1×1\nconstant: ε\npositive: ε\ngiven: dJ/dc"
    forward = "m = 1/n Σ_i x_i\nv = 1/n Σ_i (x_i - m)²\nc_i = (x_i - m) (v + ε)^{-1/2}"
    backward = """\
dJ/dv = Σ_i dJ/dc_i (x_i - m) (-1/2) (v + ε)^{-3/2}
dJ/dm = -Σ_i dJ/dc_i (v + ε)^{-1/2} - dJ/dv Σ_i 2 (x_i - m) / n
dJ/dx_i = dJ/dc_i (v + ε)^{-1/2} + dJ/dv 2 (x_i - m) / n + dJ/dm / n"""
    assert checked(declare, forward, backward).ok
    for right, wrong in [("-3/2", "-1/2"), ("dJ/dm / n", "dJ/dm"), ("-Σ_i dJ/dc_i", "Σ_i dJ/dc_i")]:
        assert [v.verdict for v in checked(declare, forward, backward.replace(right, wrong)).wrong] == [Verdict.WRONG]


@pytest.mark.parametrize("line", ["2 dz ∘ w", "3 dz ∘ w"])
def test_a_derivative_that_is_lost_in_rounding_is_not_judged(line):
    """w = (x + 1e17) - 1e17 has no digit of x left: 0 or 16."""
    declare = "layout: same\nx: N×1\ngiven: dz"
    (found,) = checked(
        declare, "u = x + 100000000000000000\nw = u - 100000000000000000\nz = w ∘ w", f"dw = {line}"
    ).wrong
    assert found.verdict is Verdict.NOT_JUDGED
    assert "rounding is larger than this derivative" in found.message


def test_a_line_that_is_not_judged_may_be_right():
    assert Verdict.NOT_JUDGED in POSSIBLY_RIGHT
    assert not Verdict.NOT_JUDGED.holds


# b is 0 or huge: u - b has no digit of x where the hinge is on, and is x where it is off.
OFF_AND_ON = (
    "layout: same\nx: 1×1\nw, v: N×1\nm: 1×1\nconstant: m, w, v\ngiven: dz",
    "h = m - (w - v)ᵀ (w - v)\nb = 10^{20} relu(h)\nu = x + b\ny = u - b\nz = y ∘ y",
)


def test_a_line_is_judged_where_rounding_leaves_something():
    assert [v.verdict for v in checked(*OFF_AND_ON, "dy = 2 dz ∘ y").verdicts] == [Verdict.RIGHT]
    assert [v.verdict for v in checked(*OFF_AND_ON, "dy = 3 dz ∘ y").verdicts] == [Verdict.WRONG]


def test_a_line_is_added_to_what_is_given_however_small_that_is():
    declare, forward = "layout: same\nx: N×1\ngiven: dy, dz", "y = 2 x\nz = 10^{20} y"
    assert [v.verdict for v in checked(declare, forward, "dy += 10^{20} dz\ndx = 2 dy").verdicts] == [Verdict.RIGHT] * 2
