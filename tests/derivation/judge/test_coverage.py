"""The lines of a set together: what they overwrite, repeat, leave out, and use too early."""

import pytest

from tests.support.derivation_texts import CELL, RNN, fenced
from tinyad.derivation import check_derivation
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.judge.verdicts import Verdict
from tinyad.derivation.language.source import Source


def checked(declare, forward, backward):
    ((_, part),) = check_without_corrections(Source(fenced(declare, forward, backward)))
    return part


def exchanged(whole, old, new):
    """The lines that do not hold, as (target, verdict, message), after an exchange in the backward lines."""
    declare, forward, backward = whole
    assert backward.count(old) == 1
    part = checked(declare, forward, backward.replace(old, new))
    return part, [(v.target, v.verdict, v.message) for v in part.verdicts if not v.ok]


# Order


C_LINE = "∇c_t += ∇h ∘ (1 - tanh²(c_t))ᵀ"


def test_what_is_given_in_part_is_not_used_before_the_rest_is_added():
    """As code ∇z4 would be the part that was given alone."""
    declare, forward, backward = CELL
    late = backward.replace(f"{C_LINE}\n∇z4 = ∇c_t\n", f"∇z4 = ∇c_t\n{C_LINE}\n")
    assert late != backward
    (wrong,) = [v for v in checked(declare, forward, late).verdicts if not v.ok]
    assert (wrong.target, wrong.verdict) == ("∇z4", Verdict.USED_BEFORE_SET)
    assert "∇c_t: it is not complete before line 23" in wrong.message


def test_what_is_given_in_full_may_be_used_before_a_line_says_what_it_is():
    declare, forward = "layout: same\nx: N×1\ngiven: dz\ngiven total: dy", "y = 3 x\nz = y ∘ y"
    assert checked(declare, forward, "dx = 3 dy").ok
    again = checked(declare, forward, "dx = 3 dy\ndy += 2 dz ∘ y").verdicts
    assert [v.verdict for v in again] == [Verdict.RIGHT, Verdict.COUNTED_TWICE]
    assert not checked(declare.replace("given total", "given"), forward, "dx = 3 dy\ndy += 2 dz ∘ y").ok


def test_a_line_does_not_add_what_is_made_of_its_own_target():
    """As code dx is dz at that time, and half of it is added."""
    declare, forward = "layout: same\nx: N×1\ngiven: dz, dw", "z = 1 x\nw = 2 x"
    assert checked(declare, forward, "dx = dz\ndx += 2 dw").ok
    part = checked(declare, forward, "dx = dz\ndx += dx - dz")
    assert [v.verdict for v in part.verdicts] == [Verdict.RIGHT, Verdict.USED_BEFORE_SET]


def test_a_line_that_adds_a_derivative_to_itself_is_no_notation():
    declare, forward = "layout: same\nx: N×1\ngiven: dz", "y = 2 x\nz = y ∘ y"
    part = checked(declare, forward, "dy = 2 dz ∘ y\ndy += dy\ndx = 2 dy")
    assert [v.verdict for v in part.verdicts] == [Verdict.RIGHT, Verdict.COUNTED_TWICE, Verdict.RIGHT]


def test_a_chain_of_which_every_member_uses_its_own_target():
    declare, forward = "layout: same\nx: N×1\ngiven: dz", "y = 2 x\nz = y ∘ y"
    part = checked(declare, forward, "dy = dy + 0 dz = dy\ndx = 2 dy")
    assert [v.verdict for v in part.verdicts] == [Verdict.USED_BEFORE_SET, Verdict.RIGHT]


def test_in_a_circle_the_lines_of_the_circle_are_blamed_alone():
    round_about = "∇h_t = ∇z_t / (1 - h_t²)"
    _, wrong = exchanged(RNN, "∇h_t = Vᵀ ∇y_t + Rᵀ ∇z_{t+1}", round_about)
    assert [(target, verdict) for target, verdict, _ in wrong] == [
        ("∇h_t", Verdict.USED_BEFORE_SET), ("∇z_t", Verdict.USED_BEFORE_SET),
    ]  # fmt: skip


def test_a_derivative_that_is_used_and_never_set_is_told_once():
    part, wrong = exchanged(RNN, "∇z_t = ∇h_t ∘ (1 - h_t²)\n", "")
    assert wrong == []
    used = ["line 18 uses ∇z_{t+1}, which no line sets", "line 19 uses ∇z_t, which no line sets"]
    assert part.faults == used  # at T there is no ∇z_{t+1} to be set: that is at all times


def test_a_line_that_cannot_be_read_sets_what_is_left_of_its_equals_sign():
    declare, forward, backward = CELL
    lines = backward.replace("∇z5 = ∇z6 ∘ gᵀ\n", "").replace("∇g = ∇z6 ∘ z5ᵀ", "∇g = ∇z5 ∘ * z5ᵀ")
    part = checked(declare, forward, lines)
    assert [v.verdict for v in part.verdicts if not v.ok] == [Verdict.UNREADABLE]
    assert part.faults == ["line 27 uses ∇z5, which no line sets"]  # and ∇g is none that is never set


def test_given_is_said_of_derivatives():
    part = checked("layout: same\nW: N×M\nx: M×1\ngiven: dz", "z = W x", "W given\ndz given\ndx = Wᵀ dz\ndW = dz xᵀ")
    assert [v.verdict for v in part.verdicts] == [Verdict.UNDEFINED, Verdict.GIVEN, Verdict.RIGHT, Verdict.RIGHT]


# = and +=

BOTH = "∇f = ∇z4 ∘ c_{t-1}ᵀ\n∇f += -∇z5"


def test_a_part_in_the_place_of_the_whole():
    _, wrong = exchanged(CELL, BOTH, "∇f = ∇z4 ∘ c_{t-1}ᵀ - ∇z5\n∇f = -∇z5")
    assert wrong == [("∇f", Verdict.MISSING, "the path through equation 6 for z4 is missing")]


def test_what_was_given_is_named_first_among_what_is_lost():
    ((_, verdict, message),) = exchanged(CELL, C_LINE, f"{C_LINE}\n∇c_t = 0")[1]
    assert verdict is Verdict.MISSING
    assert message.startswith("the derivative that was given and the path through equation 10 for h")


def test_the_whole_in_the_place_of_a_part():
    whole = "∇f = ∇z4 ∘ c_{t-1}ᵀ - ∇z5"
    assert exchanged(CELL, BOTH, f"∇f += ∇z4 ∘ c_{{t-1}}ᵀ\n{whole}")[1] == []  # += says that it is a part
    _, wrong = exchanged(CELL, BOTH, f"∇f = ∇z4 ∘ c_{{t-1}}ᵀ\n{whole}")
    assert wrong == [("∇f", Verdict.MISSING, "the path through equation 7 for z5 is missing")]


def test_a_line_in_the_other_layout_brings_its_contributions():
    part, wrong = exchanged(CELL, "∇x = ∇z3 W_g", "∇x = W_gᵀ ∇z3ᵀ")
    assert [(target, verdict) for target, verdict, _ in wrong] == [("∇x", Verdict.OTHER_LAYOUT)]
    assert part.missing_contributions == {}
    _, wrong = exchanged(CELL, "∇x = ∇z3 W_g", "∇x = W_gᵀ ∇z3ᵀ\n∇x += ∇z3 W_g")
    assert [verdict for _, verdict, _ in wrong] == [Verdict.OTHER_LAYOUT, Verdict.COUNTED_TWICE]


def test_of_data_nothing_is_missing():
    declare = "layout: same\nx, y: N×1\nconstant: y\ngiven: dz"
    assert checked(declare, "z = x ∘ y", "dx = dz ∘ y").missing_contributions == {}
    assert [key for key, _ in checked(declare, "z = x ∘ y", "dy = dz ∘ x").missing_contributions] == ["x"]


# Contributions that cancel


@pytest.mark.parametrize(
    ("forward", "verdict"),
    [
        ("p = v + x\nq = p + 2 x\nr = q - 3 x", Verdict.RIGHT),  # all three together, and no two of them
        ("p = v + x\nq = p - x\nr = q + x", Verdict.MISSING),  # one of three is left, whichever two cancel
    ],
)
def test_paths_of_which_some_cancel(forward, verdict):
    declare, forward = "layout: same\nx, v, w, y: N×1\ngiven: dr, ds, dm", f"{forward}\ns = x ∘ w\nm = x ∘ y"
    lines = "dq = dr\ndp = dq\ndv = dp\ndw = ds ∘ x\ndy = dm ∘ x\ndx = ds ∘ w\ndx += dm ∘ y"
    assert [v.verdict for v in checked(declare, forward, lines).verdicts] == [Verdict.RIGHT] * 6 + [verdict]


def test_terms_that_cancel_may_be_in_two_labelled_lines():
    declare = "layout: same\nloss: J\nx, y, c: N×1\nconstant: y, c"
    forward = "e = tanh(x)\ng = e + y\nk = g - e\nJ = cᵀ k"
    backward = """\
dJ/dk = c
dJ/dg = dJ/dk
one: dJ/de = dJ/dg - dJ/dk
two: dJ/de = 0
dJ/de = dJ/de|_one + dJ/de|_two
dJ/dx = dJ/de ∘ (1 - e²)"""
    assert checked(declare, forward, backward).ok


# Contributions that are too small to be seen

HINGE = "layout: same\nu, v, y: N×1\nm: 1×1\nconstant: m, v, y"
SMALL = "w = u - v\nh = m - wᵀ w\nr = relu(h)\nL = sum(u ∘ u) + yᵀ u + r / 10^{25}"


@pytest.mark.parametrize("lines", ["dL/du = 2 u + y", "dL/du = 2 u + y + dL/dw", "dL/du = 2 u\ndL/du += y"])
def test_a_path_that_is_small_where_it_is_not_off_is_not_judged(lines):
    part = checked(HINGE, SMALL, f"dL/dr = 1 / 10^{{25}}\ndL/dh = dL/dr relu'(h)\ndL/dw = -2 w dL/dh\n{lines}")
    *right, last = part.verdicts
    assert all(v.ok for v in right)
    assert last.verdict is Verdict.NOT_JUDGED
    assert "is below rounding at every sample point" in last.message


# A factor that is forgotten


def test_uses_that_lack_different_factors_are_missing_paths():
    """3 of u ∘ u ∘ u and 2 of u ∘ u: no one factor makes it right."""
    declare, forward = "layout: same\nu, v, y: N×1\nconstant: v, y", "c = u³\ns = u ∘ u\nL = yᵀ c + vᵀ s"
    part = checked(declare, forward, "dL/dc = y\ndL/ds = v\ndL/du = dL/dc ∘ u² + dL/ds ∘ u")
    assert [v.verdict for v in part.verdicts] == [Verdict.RIGHT, Verdict.RIGHT, Verdict.MISSING]
    both = "the path through the equation for c and the path through the equation for s are missing"
    assert part.verdicts[-1].message == f"{both}, in this line or another"


def test_one_factor_that_all_its_terms_lack_is_named():
    declare, forward = "layout: same\nu, v, y: N×1\nconstant: v, y", "c = u ∘ u\ns = u ∘ u ∘ v\nL = yᵀ c + vᵀ s"
    report = check_derivation(
        fenced(declare, forward, "dL/dc = y\ndL/ds = v\ndL/du = dL/dc ∘ u + dL/ds ∘ u ∘ v"), suggest=False
    )
    (wrong,) = report.wrong
    assert wrong.message.startswith("a factor 2 is missing: ")
