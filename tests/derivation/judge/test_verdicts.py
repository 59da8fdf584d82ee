"""Four kinds of right derivations, and for every verdict an input: line, token, numbers."""

import numpy as np
import pytest

from tests.support.derivation_texts import BATCH, CELL, FAMILY, RNN, WHOLE, fenced
from tests.support.sampling import sampled
from tinyad.derivation import check_derivation
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source


def changed(whole, *exchanges):
    """The report after exchanges in the backward lines (or, for what stands there, in the declarations)."""
    declare, forward, backward = whole
    for old, new in exchanges:
        assert (old in backward) + (old in declare) == 1
        declare, backward = declare.replace(old, new), backward.replace(old, new)
    return check_derivation(fenced(declare, forward, backward))


def found(whole, *exchanges):
    """The one verdict that is not right, and the token it underlines."""
    report = changed(whole, *exchanges)
    (only,) = [v for v in report.verdicts if v.verdict != "right"]
    return only, report.source.text[only.at[0] : only.at[1]]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
@pytest.mark.parametrize("name", WHOLE)
def test_right_ones_are_right(name, seed):
    report = check_derivation(fenced(*WHOLE[name]), seed)
    assert report.ok
    assert report.counts == {"right": WHOLE[name][2].count("\n") + 1}
    assert report.first_wrong is None
    assert all(not part.faults for _, part in report.parts)
    report.raise_if_wrong()


def test_a_forward_equation_for_a_whole_family():
    forward = FAMILY[1].split("\n", 2)[2]
    both = "z_θ^{(t)} = W^θ x^{(t)} + R^θ h^{(t-1)} + b^θ\n" + forward
    assert check_derivation(fenced(FAMILY[0], both, FAMILY[2])).counts == {"right": 9}


OTHER_RIGHT = [
    (RNN, ("∇W = Σ_t ∇z_t x_tᵀ", "∇W += ∇z_t x_tᵀ")),
    (RNN, (" + Rᵀ ∇z_{t+1}\n∇z_t = ∇h_t ∘ (1 - h_t²)", "\n∇z_t = ∇h_t ∘ (1 - h_t²)\n∇h_{t-1} += Rᵀ ∇z_t")),
    (FAMILY, ("δb_j^θ = Σ_t δz_{θ,j}^{(t)}", "δb^θ += δz_θ^{(t)}")),
    (CELL, ("∇x = ∇z3 W_g", "∇x += ∇z3 W_g")), (CELL, ("∇f = ∇z4 ∘ c_{t-1}ᵀ\n∇f += -∇z5", "∇f = ∇z4 ∘ c_{t-1}ᵀ - ∇z5")),
    (CELL, ("∇b_f = ∇z2", "∇b_f = ∇z2\n∇b_f = ∇z2")), (BATCH, ("∇Z 1_{(B,1)}", "∇Z 1_{B×1}")),
]  # fmt: skip


@pytest.mark.parametrize(("whole", "exchange"), OTHER_RIGHT)
def test_there_is_more_than_one_right_way(whole, exchange):
    report = changed(whole, exchange)
    assert report.ok, str(report)


# One line changed: the verdict, the token it underlines, and a piece of the message.
MISTAKES = [
    (CELL, ("∇g = ∇z6 ∘ z5ᵀ", "∇g = ∇z6 ∘ z3ᵀ"), "wrong", "∇z6 ∘ z3ᵀ", ""),
    (CELL, ("∇f += -∇z5", "∇f += ∇z5"), "wrong", "∇z5", ""),
    (CELL, ("(1 - f)ᵀ", "(1 - f)ᵀ = ∇f ∘ fᵀ ∘ (1 + f)ᵀ"), "wrong", "∇f ∘ fᵀ ∘ (1 + f)ᵀ", ""),
    (RNN, ("∇z_{t+1}", "∇z_t"), "wrong", "Vᵀ ∇y_t + Rᵀ ∇z_t", ""),
    (RNN, ("∇b = Σ_t", "∇b = Σ_{t=2}^T"), "wrong", "Σ_{t=2}^T ∇z_t", ""),
    (FAMILY, ("δθ^{(t)} ∘ a_θ'", "δθ^{(t)} ∘ σ'"), "wrong", "δθ^{(t)} ∘ σ'(z_θ^{(t)})", ""),
    (BATCH, ("∇E = E", "∇E = 2 E"), "wrong", "2 E", ""),
    (CELL, ("∇W_g = x ∇z3", "∇W_g = ∇z3ᵀ xᵀ"), "other layout", "∇z3ᵀ xᵀ", "transposed it is right"),
    (BATCH, ("∇W = ∇Z Xᵀ", "∇W = X ∇Zᵀ"), "other layout", "X ∇Zᵀ", "the line gives 3×5; the derivative of 5×3 W"),
    (CELL, ("∇W_g = x ∇z3", "∇W_g = ∇z3 x"), "does not fit", "∇z3 x", "∇z3 is 1×5 and x is 3×1: inner sizes 5 and 3"),
    (CELL, ("∇g = ∇z6 ∘ z5ᵀ", "∇g = ∇z6 ∘ z5"), "does not fit", "∇z6 ∘ z5", "∇z6 is 1×5 and z5 is 5×1"),
    (BATCH, ("∇Z 1_{(B,1)}", "∇Z"), "does not fit", "∇Z", "the line gives 5×7; the derivative of 5×1 b is 5×1"),
    (RNN, ("Σ_t ∇z_t x_tᵀ", "∇z_t x_tᵀ"), "does not fit", "∇z_t", "t is free"),
    (FAMILY, ("δh_j^{(t)} g_j^{(t)}", "δh_j^{(t)} g_k^{(t)}"), "does not fit", "δh_j^{(t)} g_k^{(t)}", "index k"),
    (FAMILY, ("Σ_θ (W^θ)ᵀ δz", "(W^θ)ᵀ δz"), "does not fit", "W^θ", "θ is free"),
    (CELL, ("∇z6 ∘ z5ᵀ", "∇z6 ∘ z9ᵀ"), "undefined", "z9", "z_9 is neither declared nor computed"),
    (CELL, ("∇z6 ∘ z5ᵀ", "∇z9 ∘ z5ᵀ"), "undefined", "∇z9", "z_9 is neither declared nor computed"),
    (CELL, ("∇g = ∇z6", "∇q = ∇z6"), "undefined", "∇q", "q is neither declared nor computed"),
    (RNN, ("∇z_{t+1}", "∇z_{t-1}"), "undefined", "∇z_{t-1}", "z[0] is not in the forward"),
    (CELL, ("∇z6 = ∇c_t\n∇z5 = ∇z6 ∘ gᵀ", "∇z5 = ∇z6 ∘ gᵀ\n∇z6 = ∇c_t"), "used before it is set", "∇z6", "later line"),
    (CELL, ("∇z5 = ∇z6 ∘ gᵀ", "∇z5 = ∇z5"), "used before it is set", "∇z5", "this line sets it"),
    (CELL, ("∇b_f = ∇z2", "∇b_f = ∇z2\n∇b_f += ∇z2"), "counted twice", "∇b_f += ∇z2", "equation 2 for z2 is there"),
    (CELL, ("∇z4 = ∇c_t", "∇z4 += ∇c_t\n∇z4 += ∇c_t"), "counted twice", "∇z4 += ∇c_t", "equation 9"),
    (CELL, ("∇c_t +=", "∇c_t ="), "overwrites", None, "= where += belongs: the derivative that was given is lost"),
    (CELL, ("∇f += -∇z5", "∇f = -∇z5"), "overwrites", None, "the path through equation 6 for z4 is lost"),
    (CELL, ("∇x += ∇z1", "∇x = ∇z1"), "overwrites", None, "the path through equation 4 for z3 is lost"),
    (CELL, ("∇f += -∇z5\n", ""), "missing", None, "the path through equation 7 for z5 is missing"),
    (RNN, (" + Rᵀ ∇z_{t+1}", ""), "missing", None, "the path through equation 1 for z_t, 1 step later is missing"),
    (RNN, ("Vᵀ ∇y_t + ", ""), "missing", None, "the path through equation 3 for y_t is missing"),
    (FAMILY, ("Σ_θ (W^θ)ᵀ δz_θ^{(t)}", "(W^f)ᵀ δz_f^{(t)}"), "missing", None, "the equation for z_g^{(t)} is missing"),
    (CELL, ("fᵀ ∘ (1 - f)ᵀ", "fᵀ (1 - f)ᵀ"), "ambiguous", "∇f ∘ fᵀ (1 - f)ᵀ", "(∇f ∘ fᵀ) (1 - f)ᵀ and ∇f ∘ (fᵀ (1"),
    (CELL, ("∇z6 ∘ gᵀ", "softmax'(z3)ᵀ"), "not evaluable", "softmax'(z3)", "not component-wise"),
    (CELL, ("∇z6 ∘ gᵀ", "[g, …, g]"), "not evaluable", "[g, …, g]", "has to be read by a person"),
    (CELL, ("∇z5 = ∇z6", "∇z5 ∇z6"), "unreadable", None, "expected = or +="),
    (CELL, ("∇z6 ∘ gᵀ", "∇z6 ∘ * gᵀ"), "unreadable", "*", "'*' is not expected here"),
    (CELL, ("∇z4 = ∇c_t", "∇h given\n∇z4 = ∇c_t"), "given", None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("whole", "exchange", "verdict", "token", "message"), sampled(MISTAKES, 2))
def test_one_mistake_gives_one_verdict(whole, exchange, verdict, token, message):
    v, underlined = found(whole, exchange)
    assert v.verdict == verdict
    assert message in v.message
    if token is not None:  # a correction narrows it to what it changes, or to the sign of the line
        assert underlined.strip()
        assert underlined in token or underlined in ("=", "+=")
    new = exchange[1].split("\n")[0] if token is None or token in exchange[1].split("\n")[0] else ""
    text = fenced(*whole[:2], whole[2].replace(*exchange))
    assert text.split("\n")[v.line - 1] == v.text.split("\n")[0]
    assert not new or new in text


def test_the_line_is_the_line_of_the_file():
    lines = fenced(*CELL).replace("∇f += -∇z5", "∇f += ∇z5").split("\n")
    assert check_derivation("\n".join(lines)).first_wrong.line == lines.index("∇f += ∇z5") + 1
    assert check_derivation("\n".join(["# a", *lines])).first_wrong.line == lines.index("∇f += ∇z5") + 2


def test_every_mistake_is_found_on_its_own():
    report = changed(CELL, ("∇z6 ∘ z5ᵀ", "∇z6 ∘ z3ᵀ"), ("∇f += -∇z5", "∇f = -∇z5"), ("∇W_g = x ∇z3", "∇W_g = ∇z3 x"))
    assert [(v.verdict, v.target) for v in report.wrong] == [
        ("wrong", "∇g"), ("overwrites", "∇f"), ("does not fit", "∇W_g"),
    ]  # fmt: skip
    assert report.counts == {"right": 13, "does not fit": 1, "overwrites": 1, "wrong": 1}
    with pytest.raises(ValueError, match="overwrites"):
        report.raise_if_wrong()


def test_expected_and_found_are_what_numpy_says():
    """z = tanh(W x), L = Σ z²/2: at the point that the check drew, the entry that it shows."""
    text = fenced("layout: row\nW: N×M\nx: M×1", "z = tanh(W x)\nL = 1/2 sum(z ∘ z)", "∇x = (z ∘ (1 - z))ᵀ W")
    report = check_derivation(text)
    (v,) = report.verdicts
    point = report.parts[0][1].points[0]
    W, x = (point.values[key, None].value for key in "Wx")
    z = np.tanh(W @ x)
    expected, found_ = ((z * (1 - z**2)).T @ W), ((z * (1 - z)).T @ W)
    column = int(v.worst.where.removeprefix("row 1, column ")) - 1
    assert column == np.argmax(np.abs(expected - found_))
    np.testing.assert_allclose([v.worst.expected, v.worst.found], [expected[0, column], found_[0, column]], rtol=1e-12)


@pytest.mark.parametrize(
    "formula",
    [
        "∇z / 0",
        "1 / 0",
        "0 / 0 ∇z",
        "exp(exp(exp(100 x)))ᵀ",
        "∇z ∘ (1/(x - x))ᵀ",
        "log(-x²)ᵀ",
        "∇z - exp(exp(100 x²))ᵀ",
    ],
)
def test_what_is_not_finite_is_not_right(formula):
    report = check_derivation(fenced("x: N×1\ngiven: ∇z", "z = σ(x)", f"∇x = {formula}"))
    assert not report.verdicts[0].ok


def test_what_is_given_is_declared():
    """`∇W_f given` in the place of a derivation is none."""
    report = changed(CELL, ("∇W_f = x ∇z1", "∇W_f given"))
    assert not report.ok
    assert changed(CELL, ("∇z4 = ∇c_t", "∇h given\n∇c_t given\n∇z4 = ∇c_t")).ok


def likeness(whole, *exchange):
    return found(whole, exchange)[0].looks_like


def test_what_a_wrong_line_looks_like():
    assert likeness(CELL, "∇z5 = ∇z6 ∘ gᵀ", "∇z5 = 1/2 ∇z6 ∘ gᵀ") == "a factor 0.5"
    assert likeness(CELL, "∇z5 = ∇z6 ∘ gᵀ", "∇z5 = -∇z6 ∘ gᵀ") == "the sign"
    assert likeness(RNN, "Vᵀ ∇y_t +", "2 Vᵀ ∇y_t +") == "the path through equation 3 for y_t counts twice"
    wrong_sign = "the path through equation 1 for z_t, 1 step later has the wrong sign"
    assert likeness(RNN, "∇y_t + Rᵀ", "∇y_t - Rᵀ") == wrong_sign
    assert likeness(CELL, "∇g = ∇z6 ∘ z5ᵀ", "∇g = ∇z6 ∘ z3ᵀ") == ""


def spoils(whole, *exchange):
    return sorted(found(whole, exchange)[0].spoils)


def test_what_a_wrong_line_spoils():
    assert spoils(CELL, "∇b_f = ∇z2", "∇b_f = -∇z2") == ["b_f"]
    assert spoils(CELL, "∇W_f = x ∇z1", "∇W_f = -x ∇z1") == ["W_f"]
    assert spoils(CELL, "∇g = ∇z6 ∘ z5ᵀ", "∇g = -∇z6 ∘ z5ᵀ") == ["W_g", "x"]
    assert spoils(CELL, "∇c_t +=", "∇c_t =") == ["W_f", "W_g", "b_f", "c_t-1", "x"]
    assert spoils(CELL, "∇f += -∇z5", "∇f = -∇z5") == ["W_f", "b_f", "x"]
    assert spoils(RNN, " + Rᵀ ∇z_{t+1}", "") == ["R", "W", "b", "x[1]", "x[2]", "x[3]"]
    assert spoils(CELL, "∇W_g = x ∇z3", "∇W_g = ∇z3 x") == []


# All lines together


def together(whole, *exchanges):
    ((_, part),) = changed(whole, *exchanges).parts
    return part


def test_lines_that_are_missing():
    part = together(CELL, ("∇W_f = x ∇z1\n", ""), ("∇b_f = ∇z2\n", ""))
    assert not part.ok
    assert all(v.ok for v in part.verdicts)
    assert len(part.faults) == 1
    assert "W_f, b_f" in part.faults[0]
    (fault,) = together(CELL, ("∇z5 = ∇z6 ∘ gᵀ\n", "")).faults
    assert fault == "line 27 uses ∇z5, which no line sets"
    assert together(BATCH, ("constant: Y\n", "")).faults  # then the derivative for Y is asked for


def test_numbers_that_occur_twice_or_jump():
    part = together(CELL, ("∇b_f = ∇z2\n∇z1 = ∇z2", "3. ∇b_f = ∇z2\n3. ∇z1 = ∇z2\n7. ∇z1 = ∇z2"))
    assert part.ok
    told = " ".join(part.notes)
    assert "lines 32 and 33" in told
    assert "number 7 follows 3" in told


def test_lines_that_no_other_uses():
    part = together(CELL, ("∇W_f = x ∇z1\n∇x += ∇z1 W_f", "∇W_f = x ∇z2\n∇x += ∇z2 W_f"))
    assert part.notes == ["line 33: the derivative of z_1 is not used"]


def test_lines_that_are_right_by_their_value_only():
    part = together(CELL, ("∇z1 = ∇z2", "∇z1 = ∇b_f"))
    assert part.ok
    (note,) = part.notes
    assert note.startswith("line 33: right by its value only: ∇b_f has nothing to do with ∇z1")
    assert "z_2 is meant" in note
    assert together(CELL, ("∇W_f = x ∇z1", "∇W_f = x ∇z2")).notes == []  # z2 is computed from W_f


def test_lines_that_say_which_step_they_belong_to():
    assert together(CELL, ("∇z1 = ∇z2", "∇z1 = ∇z2 step 2")).notes == []
    (note,) = together(CELL, ("∇z1 = ∇z2", "∇z1 = ∇z2 step 1")).notes
    assert note == "line 33: it names step 1, but is the contribution of step 2"


def test_what_the_numbers_cannot_show():
    equal = " ".join(together(CELL).not_exercised)
    assert "z_1, b_f, z_2" in equal
    assert "z_4, z_6, c_t" in equal
    report = check_derivation(fenced("W, x: 1×1\ngiven: ∇z", "z = W x", "∇x = ∇z W\n∇W = x ∇z"))
    assert report.parts[0][1].not_exercised == [
        "all values in lines 9, 10 are 1×1, so a wrong transposition or order of factors would not show"
    ]
    assert together(RNN).not_exercised == []


def test_sizes_are_all_different_and_no_size_is_the_number_of_times():
    """A generic point: so that a wrong transposition, sum or index has another size."""
    for whole in (CELL, RNN, FAMILY, BATCH):
        report = check_derivation(fenced(*whole))
        point = report.parts[0][1].points[0]
        assert len(report.parts[0][1].points) >= 3
        assert len(set(point.forward.sizes.values()) | {1, 4}) == len(point.forward.sizes) + 2
        assert all(v.value.all() for place, v in point.values.items())


def test_two_sets_of_lines_are_judged_each_on_its_own():
    text = fenced(*CELL, title="one") + fenced(*CELL, title="two").split("```\n", 2)[2].replace(
        "∇f += -∇z5", "∇f += ∇z5"
    )
    report = check_derivation(text)
    assert [(part.title, part.ok) for _, part in report.parts] == [("one", True), ("two", False)]
    assert len(derivations(Source(text))) == 1


DEPENDENT = """∇q = ∇s / o
∇o = -∇s ∘ s / o
∇o += ∇q ∘ r
∇r = ∇q ∘ o
∇o += ∇r ∘ v
∇v = ∇r ∘ o"""


def dependent(backward):
    declare = "layout: same\no: N×1\nv: N×1\npositive: o\ngiven: ∇s"
    return check_derivation(fenced(declare, "r = o ∘ v\nq = o ∘ r\ns = q / o", backward))


def test_lines_that_depend_on_each_other_are_each_counted_once():
    """With a = ∇r ∘ v, the contributions to ∇o are -a, a and a: the second alone equals all three."""
    assert dependent(DEPENDENT).ok, str(dependent(DEPENDENT))


def test_a_line_that_sets_0_is_none_of_them():
    from_0 = DEPENDENT.replace("∇o = -", "∇o = 0\n∇o += -")
    assert dependent(from_0).ok
    assert [v.verdict for v in dependent(f"{from_0}\n∇o += ∇r ∘ v").wrong] == ["counted twice"]


@pytest.mark.parametrize("line", ["∇o += ∇r ∘ v", "∇o += ∇q ∘ r", "∇o += -∇s ∘ s / o"])
def test_one_of_them_repeated_is_counted_twice(line):
    report = dependent(DEPENDENT + "\n" + line)
    assert [v.verdict for v in report.wrong] == ["counted twice"]
    assert report.wrong[0].line == report.verdicts[-1].line


def test_what_is_set_twice_to_the_same_is_told():
    ((_, part),) = check_derivation(fenced(*CELL[:2], CELL[2] + "\n∇z4 = (∇c_t)")).parts
    assert part.ok
    assert "line 38: ∇z4 is set twice, by the same formula in line 23" in part.notes
    ((_, part),) = check_derivation(fenced(*CELL)).parts
    assert not any("twice" in note for note in part.notes)
