"""Corrections: one mistake in a right line is undone, a right line is left alone, and what is suggested is right."""

import pytest

from tests.support.checked_sources import checked as report
from tests.support.derivation_texts import CELL, FAMILY, RNN, ROUTINE, WHOLE, fenced
from tests.support.sampling import sampled
from tinyad.derivation import check_derivation

# what stood in the line, what stands there now: one mistake of the kinds in which people make them
MISTAKES = {
    "another variable": [
        (CELL, "∇g = ∇z6 ∘ z5ᵀ", "∇g = ∇z6 ∘ z3ᵀ"), (CELL, "∇z3 = ∇g ∘ (1 - g²)ᵀ", "∇z3 = ∇f ∘ (1 - g²)ᵀ"),
        (CELL, "∇f = ∇z4 ∘ c_{t-1}ᵀ", "∇f = ∇z5 ∘ c_{t-1}ᵀ"), (CELL, "∇W_g = x ∇z3", "∇W_g = x ∇z1"),
        (CELL, "∇x += ∇z1 W_f", "∇x += ∇z3 W_f"), (CELL, "∇x = ∇z3 W_g", "∇x = ∇z3 W_f"),
        (CELL, "∇b_f = ∇z2", "∇b_f = ∇z3"), (CELL, "∇z5 = ∇z6 ∘ gᵀ", "∇z5 = ∇z6 ∘ fᵀ"),
        (RNN, "∇V = Σ_t ∇y_t h_tᵀ", "∇V = Σ_t ∇y_t z_tᵀ"), (RNN, "∇x_t = Wᵀ ∇z_t", "∇x_t = Wᵀ ∇h_t"),
        (ROUTINE, "[dz2] += deriv(dh1, z2, 'tanh')", "[dz2] += deriv(dh1, z1, 'tanh')"),
        (ROUTINE, "[dV, dx] += deriv(dz3, V, x, '*')", "[dV, dx] += deriv(dz1, V, x, '*')"),
    ],
    "a name that is not there": [
        (CELL, "∇g = ∇z6 ∘ z5ᵀ", "∇g = ∇z6 ∘ z9ᵀ"), (CELL, "∇z1 = ∇z2", "∇z1 = ∇z12"),
        (CELL, "∇b_f = ∇z2", "∇b_g = ∇z2"),
        (FAMILY, "δf_j^{(t)} = δh_j^{(t)} g_j^{(t)}", "δf_j^{(t)} = δh_j^{(t)} g_k^{(t)}"),
    ],
    "= for +=": [
        (CELL, "∇f += -∇z5", "∇f = -∇z5"), (CELL, "∇x += ∇z1 W_f", "∇x = ∇z1 W_f"),
        (CELL, "∇c_t += ∇h ∘ (1 - tanh²(c_t))ᵀ", "∇c_t = ∇h ∘ (1 - tanh²(c_t))ᵀ"),
    ],
    "the time": [
        (RNN, "∇h_t = Vᵀ ∇y_t + Rᵀ ∇z_{t+1}", "∇h_t = Vᵀ ∇y_t + Rᵀ ∇z_t"),
        (RNN, "∇h_t = Vᵀ ∇y_t + Rᵀ ∇z_{t+1}", "∇h_t = Vᵀ ∇y_t + Rᵀ ∇z_{t-1}"),
        (RNN, "∇R = Σ_{t=1}^{T} ∇z_t h_{t-1}ᵀ", "∇R = Σ_{t=1}^{T} ∇z_t h_tᵀ"),
        (RNN, "∇z_t = ∇h_t ∘ (1 - h_t²)", "∇z_t = ∇h_t ∘ (1 - h_{t-1}²)"),
        (FAMILY, "δR^θ = Σ_t δz_θ^{(t)} (h^{(t-1)})ᵀ", "δR^θ = Σ_t δz_θ^{(t)} (h^{(t)})ᵀ"),
        (CELL, "∇f = ∇z4 ∘ c_{t-1}ᵀ", "∇f = ∇z4 ∘ c_tᵀ"),
    ],
    "transposes, order, operator": [
        (CELL, "∇g = ∇z6 ∘ z5ᵀ", "∇g = ∇z6 ∘ z5"), (CELL, "∇W_g = x ∇z3", "∇W_g = ∇z3 x"),
        (CELL, "∇W_g = x ∇z3", "∇W_g = x ∘ ∇z3"), (CELL, "∇x = ∇z3 W_g", "∇x = W_g ∇z3"),
        (RNN, "∇x_t = Wᵀ ∇z_t", "∇x_t = W ∇z_t"), (RNN, "∇V = Σ_t ∇y_t h_tᵀ", "∇V = Σ_t ∇y_t h_t"),
        (FAMILY, "δg^{(t)} = δh^{(t)} ∘ f^{(t)}", "δg^{(t)} = δh^{(t)} f^{(t)}"),
        (ROUTINE, "[dV, dx] += deriv(dz3, V, x, '*')", "[dV, dx] += deriv(dz3, V, x, '+')"),
        (ROUTINE, "[dW, dx] += deriv(dz1, W, x, '*')", "[dW, dx] += deriv(dz1, x, W, '*')"),
    ],
    "the activation": [
        (CELL, "∇z2 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ", "∇z2 = ∇f ∘ fᵀ ∘ (1 - z2)ᵀ"),
        (CELL, "∇c_t += ∇h ∘ (1 - tanh²(c_t))ᵀ", "∇c_t += ∇h ∘ (1 - tanh(c_t))ᵀ"),
        (CELL, "∇c_t += ∇h ∘ (1 - tanh²(c_t))ᵀ", "∇c_t += ∇h ∘ (1 - tanh²(h))ᵀ"),
        (ROUTINE, "[dz2] += deriv(dh1, z2, 'tanh')", "[dz2] += deriv(dh1, z2, 'sigmoid')"),
        (ROUTINE, "[dz2] += deriv(dh1, z2, 'tanh')", "[dz2] += deriv(dh1, 'tanh')"),
    ],
    "a factor, a sign, a bracket": [
        (CELL, "∇z5 = ∇z6 ∘ gᵀ", "∇z5 = 1/2 ∇z6 ∘ gᵀ"), (CELL, "∇f += -∇z5", "∇f += ∇z5"),
        (CELL, "∇z2 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ", "∇z2 = ∇f ∘ fᵀ ∘ (1 + f)ᵀ"), (CELL, "∇z4 = ∇c_t", "∇z4 = -∇c_t"),
        (RNN, "∇h_t = Vᵀ ∇y_t + Rᵀ ∇z_{t+1}", "∇h_t = Vᵀ ∇y_t - Rᵀ ∇z_{t+1}"),
        (RNN, "∇z_t = ∇h_t ∘ (1 - h_t²)", "∇z_t = ∇h_t ∘ 1 - h_t²"),
    ],
    "an operand left out": [
        (ROUTINE, "[dz1, db] += deriv(dz2, z1, b, '+')", "[dz1, db] += deriv(dz2, z1, '+')"),
        (CELL, "∇z5 = ∇z6 ∘ gᵀ", "∇z5 = gᵀ"), (CELL, "∇W_f = x ∇z1", "∇W_f = ∇z1"),
    ],
}  # fmt: skip


def suggested(whole, right, wrong):
    lines = whole[2].replace(right + "\n", wrong + "\n") if right + "\n" in whole[2] else whole[2].replace(right, wrong)
    assert lines != whole[2]
    (v,) = check_derivation(fenced(*whole[:2], lines)).wrong
    return v


@pytest.mark.parametrize(("whole", "right", "wrong"), sampled(m for mistakes in MISTAKES.values() for m in mistakes))
def test_one_mistake_is_undone(whole, right, wrong):
    v = suggested(whole, right, wrong)
    assert v.suggestion.replace("tanh(c_t)²", "tanh²(c_t)") == right
    assert v.grade in ("certain", "likely", "possible")


def test_there_are_enough():
    assert sum(map(len, MISTAKES.values())) >= 40
    assert set(WHOLE.values()) - {m[0] for mistakes in MISTAKES.values() for m in mistakes} == {WHOLE["batch"]}


@pytest.mark.parametrize(
    ("whole", "right", "wrong"),
    [
        (RNN, "∇h_t = Vᵀ ∇y_t + Rᵀ ∇z_{t+1}", "∇h_t = Vᵀ ∇y_t"), (RNN, "∇b = Σ_t ∇z_t", "∇b += Σ_t ∇z_t ∘ ∇z_t"),
        (FAMILY, "δx^{(t)} = Σ_θ (W^θ)ᵀ δz_θ^{(t)}", "δx^{(t)} = (W^f)ᵀ δz_f^{(t)}"),
        (RNN, "∇W = Σ_t ∇z_t x_tᵀ", "∇W = ∇z_t x_tᵀ"), (CELL, "∇z4 = ∇c_t", "∇z4 = ∇h"),
        (CELL, "∇x = ∇z3 W_g", "∇x = softmax'(z3) W_g"), (ROUTINE, "[dz2] += deriv(dh1, z2, 'tanh')", "[dz2] += dh1"),
    ],
)  # fmt: skip
def test_what_is_suggested_is_right_if_anything_is(whole, right, wrong):
    """Other mistakes: there may be no suggestion, or one that is written in another way."""
    v = suggested(whole, right, wrong)
    if v.suggestion:
        assert check_derivation(fenced(*whole[:2], whole[2].replace(right, v.suggestion))).ok


def test_a_suggestion_says_something():
    """A line that gives a derivative by itself is right, and no derivation."""
    whole = ("layout: row\nW: N×M\nX: M×B\nb: N×1", "Z = W X + b\nL = sum(tanh(Z))")
    for line in ("∇b = ∇Z", "∇b = 1 ∇Z", "∇W = ∇Z", "∇X = sum(∇Z)"):
        (v,) = check_derivation(fenced(*whole, line)).verdicts
        left, _, formula = v.suggestion.partition("=")
        assert not v.suggestion or left.rstrip(" +") not in formula


@pytest.mark.parametrize("name", WHOLE)
def test_right_lines_get_no_suggestion(name):
    for v in check_derivation(fenced(*WHOLE[name])).verdicts:
        assert (v.suggestion, v.grade, v.looks_like, v.worst, v.spoils) == ("", "", "", None, ())


SOURCES = ["slides", *(pytest.param(name, marks=pytest.mark.slow) for name in ("vardhan", "sancho", "problem4"))]


@pytest.mark.parametrize("name", SOURCES)
def test_right_lines_of_the_sources_get_no_suggestion(name):
    assert all(not v.suggestion and not v.grade for v in report(name).verdicts if v.ok)
    assert any(v.suggestion for v in report(name).wrong)


@pytest.mark.parametrize("name", SOURCES)
def test_a_suggestion_put_into_the_file_makes_the_line_right(name):
    text = report(name).source.text
    wrong = [v for v in report(name).verdicts if v.suggestion]
    assert wrong
    for v in reversed(wrong):  # from the end: offsets before it stay
        text = text[: v.start] + v.suggestion + text[v.end :]
    mended = check_derivation(text).verdicts
    assert len(mended) == len(report(name).verdicts)
    still = [v.line for v, after in zip(report(name).verdicts, mended, strict=True) if v.suggestion and not after.ok]
    assert still == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slides", "vardhan"])
def test_one_suggestion_at_a_time_changes_one_verdict(name):
    before = report(name)
    first = next(v for v in before.verdicts if v.suggestion)
    after = check_derivation(before.source.text[: first.start] + first.suggestion + before.source.text[first.end :])
    assert [v.verdict for v in after.verdicts] == [
        "right" if v is first else v.verdict for v in before.verdicts
    ]  # fmt: skip


SEQUENCE = (
    "time: t = 1..T\nW: N×M\nR: N×N\nb: N×1\nx_t: M×1\nh_t: N×1\ngiven: ∇h_t",
    "a_t = W x_t + R h_{t-1} + b\nh_t = tanh(a_t)",
    "∇h_t += ∇a_{t+1} R\n∇a_t = ∇h_t ∘ (1 - h_t²)ᵀ\n∇W = Σ_t x_t ∇a_t\n∇R = Σ_t h_{t-1} ∇a_t\n∇b = Σ_t ∇a_t",
)


@pytest.mark.parametrize("slip", ["∇h_{t+1}", "∇a_t", "∇h_t", "∇a_{t-1}"])
@pytest.mark.parametrize("low", [False, True])
def test_a_name_that_stands_at_another_time_elsewhere_is_tried(slip, low):
    declare, forward, backward = SEQUENCE
    backward = backward.replace("∇a_{t+1}", slip)
    if low:
        for script, sign in (("_{t+1}", "ₜ₊₁"), ("_{t-1}", "ₜ₋₁"), ("_t", "ₜ")):
            forward, backward = forward.replace(script, sign), backward.replace(script, sign).replace("Σₜ", "Σ_t")
    (wrong,) = check_derivation(fenced(declare, forward, backward)).wrong
    right = "∇hₜ += ∇aₜ₊₁ R" if low else "∇h_t += ∇a_{t+1} R"
    assert (wrong.suggestion, wrong.grade) == (right, "certain")
