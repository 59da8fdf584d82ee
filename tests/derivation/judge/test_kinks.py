"""Kinks: every relu, hinge and comparison is on somewhere and off somewhere, or the line is not judged."""

import numpy as np
import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation
from tinyad.derivation.judge.verdicts import Verdict

# A hinge that is on only where u is small: at entries of about 1 it is off at nearly every point.
NARROW = ("layout: same\nu, v: N×1\nm: 1×1\nconstant: m", "w = u - v\nh = m - wᵀ w\nL = relu(h)")
RIGHT = "dL/du = -2 w ∘ relu'(h)\ndL/dv = 2 w ∘ relu'(h)"
SEEDS = range(4)


def verdicts(declare, forward, backward, seed=0):
    return [v.verdict for v in check_derivation(fenced(declare, forward, backward), seed, suggest=False).verdicts]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hinge_is_on_at_one_point_and_off_at_another(seed):
    report = check_derivation(fenced(*NARROW, RIGHT), seed, suggest=False)
    assert report.ok
    points = report.parts[0][1].points
    signs = {bool(point.values["h", None].value.item() > 0) for point in points}
    assert signs == {True, False}
    assert points[0].values["h", None].value.item() > 0  # the lines are added up at the first


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("wrong", ["-2 u ∘ relu'(h)", "-w ∘ relu'(h)", "2 w ∘ relu'(h)", "-2 w", "0"])
def test_a_wrong_line_behind_a_hinge_is_found(seed, wrong):
    backward = RIGHT.replace("-2 w ∘ relu'(h)", wrong, 1)
    found = verdicts(*NARROW, backward, seed)
    assert found[0] is not Verdict.RIGHT
    assert found[1] is Verdict.RIGHT


def test_a_relu_of_a_column_is_on_and_off_in_its_entries():
    report = check_derivation(fenced("layout: same\nx: N×1\ngiven: dz", "z = relu(x)", "dx = dz ∘ relu'(x)"))
    entries = np.concatenate([point.values["x", None].value for point in report.parts[0][1].points])
    assert (entries > 0).any()
    assert (entries < 0).any()
    assert verdicts("layout: same\nx: N×1\ngiven: dz", "z = relu(x)", "dx = dz") == [Verdict.WRONG]


def test_a_line_that_is_0_at_every_point_is_not_judged():
    """-1 - x² is negative, so relu is off whatever is drawn: any line holds there, and none is judged."""
    text = fenced("layout: same\nx: N×1\ngiven: dz", "h = -1 - x²\nz = relu(h)", "dh = 3 dz ∘ relu'(h)\ndx = -2 x ∘ dh")
    report = check_derivation(text)
    first, _ = report.verdicts
    assert first.verdict is Verdict.NOT_JUDGED
    assert "is never on there" in first.message
    assert not report.ok
    assert "not judged" in report.summary()
    assert "not judged" in report.text()
    assert report.to_dict()["parts"][0]["lines"][0]["verdict"] == "not judged"


def test_hinges_in_a_sequence():
    declare = "layout: same\ntime: t = 1..T\nx_t: M×1\nW: N×M\nR: N×N\nh_t: N×1\ngiven: dh_t"
    forward = "a_t = W x_t + R h_{t-1}\nh_t = relu(a_t)"
    backward = (
        "dh_t += Rᵀ da_{t+1}\nda_t = dh_t ∘ relu'(a_t)\ndW = Σ_t da_t x_tᵀ\ndR = Σ_t da_t h_{t-1}ᵀ\ndx_t = Wᵀ da_t"
    )
    assert set(verdicts(declare, forward, backward)) == {Verdict.RIGHT}
    assert verdicts(declare, forward, backward.replace("dh_t ∘ relu'(a_t)", "dh_t"))[1] is Verdict.WRONG
