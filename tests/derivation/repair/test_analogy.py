"""Analogies: corrections after right lines, lines that are missing, chains of differentials."""

import re
from functools import cache

import pytest

from tests.support.derivation_texts import CELL, RNN, ROUTINE, fenced
from tests.support.paths import DERIVATIONS as FILES
from tinyad.derivation import check_derivation
from tinyad.derivation.repair import limits

U = r"dJ = \text{tr} \left(\frac{\partial J}{\partial \mathbf{z}_u"
DERIVATIVE = r"\delta \theta^{(t)} \odot \frac{df_{\theta}}{dx} (x^{(t)})"

# file, what stood there, what stands there now; all else of the line stays
MISTAKES = [
    # a term, a factor that the lines of the other gates have
    ("vardhan", r"d\mathbf{W}_{fx}^\top \mathbf{x}^{(t)} + \mathbf{W}_{fx}", r"\mathbf{W}_{fx}"),
    ("vardhan", r"\mathbf{W}_{cx}^\top \mathbf{x}^{(t)} + \mathbf{b}_c)", r"\mathbf{W}_{cx}^\top \mathbf{x}^{(t)})"),
    ("slides", "L ∘ σ(z16)ᵀ ∘ (1 - σ(z16))ᵀ", "L ∘ σ(z16)ᵀ"),
    # brackets that close too early, or are gone
    ("slides", "σ(z24)ᵀ ∘ (1 - σ(z24))ᵀ", "σ(z24)ᵀ ∘ (1) - σ(z24)ᵀ"),
    ("slides", "σ(z12)ᵀ ∘ (1 - σ(z12))ᵀ", "σ(z12)ᵀ ∘ 1 - σ(z12)ᵀ"),
    # a part of a derivative, under another name
    ("vardhan", r"\partial \mathbf{a}^{(t)}} \Big|_{\text{Comp-1}}", r"\partial \mathbf{z}_o^{(t)}}"),
    # left-hand sides
    ("slides", "∇_{C_{t-1}} L = ∇_{z19} L W_oC", "∇_{W_fh} L = ∇_{z19} L W_oC"),
    ("slides", "∇_{z12} L = ∇_{i_t} L", "∇_{z13} L = ∇_{i_t} L"),
    ("sancho", r"\delta b_{j}^{\theta} = ", r"\delta b_{i}^{\theta} = "),
    ("slides", "[dW_fh, dh_{t-1}] +=", "[dh_{t-1}, dW_fh] +="),
    ("sancho", r"\delta\mathbf{o}^{(\mathbf{t})} = \delta", r"\delta\mathbf{W}^y = \delta"),
    # the first step of a sum, a factor of components, a term of a recursion
    ("problem4", r"b^f} = \sum_{t=1}^T", r"b^f} = \sum_{t=2}^T"),
    ("sancho", r"W_{jk}^y \frac{dF}{dx} |_{x_j^{(t)}}", "W_{jk}^y"),
    ("sancho", r"\delta \mathbf{c}^{(t)} \odot \mathbf{g}^{(t)}", r"\mathbf{g}^{(t)}"),
    ("sancho", r"(\mathbf{c}^{(t)}) + \delta", r"(\mathbf{c}^{(t)}) + \delta \mathbf{c}^{(t+1)} + \delta"),
    # a sign in the first member of a chain of differentials
    ("vardhan", U, U.replace("=", "= -")),
    # two readings, of which the product was meant
    ("vardhan", r"^\top d\mathbf{W}_{ua} \left", r"^\top \circ d\mathbf{W}_{ua} \left"),
    ("sancho", rf"\left( {DERIVATIVE} \right) (\mathbf{{h}}", rf"{DERIVATIVE} (\mathbf{{h}}"),
]  # fmt: skip
LEFT_RIGHT = ((r"\left(", "("), (r"\right)", ")"), (" ", ""), ("\n", ""))


@cache
def text(name):
    return (FILES / f"{name}-corrected.md").read_text(encoding="utf-8")


def squeezed(line):
    for old, new in LEFT_RIGHT:
        line = line.replace(old, new)
    return line


# By default two: a check takes a second, with corrections.
QUICK = {next(mistake for mistake in MISTAKES if mistake[0] == name) for name in ("slides", "vardhan")}


@pytest.mark.parametrize(
    ("name", "was", "now"),
    [pytest.param(*mistake, marks=[] if mistake in QUICK else pytest.mark.slow) for mistake in MISTAKES],
)
def test_a_mistake_in_a_line_of_the_sources_is_undone(name, was, now):
    before = text(name)
    at = before.index(was)
    v = next(v for v in check_derivation(before.replace(was, now, 1)).wrong if v.start <= at < v.end)
    line = before[v.start : v.end + len(was) - len(now)]  # as it stands in the file
    assert was in line
    assert squeezed(v.suggestion) == squeezed(line)


@pytest.mark.slow
def test_members_of_a_chain_of_differentials_are_one_number():
    """Each by itself is part of how the loss moves, but with another matrix."""
    was = r"(\mathbf{a}^{(t-1)})^\top d\mathbf{W}_{ua} \right)"
    before = text("vardhan")
    assert before.count(was) == 1
    (v,) = check_derivation(before.replace(was, r"(\mathbf{x}^{(t)})^\top d\mathbf{W}_{ux} \right)")).wrong
    assert (v.verdict, v.message) == ("wrong", "the chain begins with another part of the differential of the loss")
    assert was in v.suggestion


@pytest.mark.slow
def test_a_part_that_has_one_wrong_member_does_not_spoil_the_lines_that_use_it():
    found = check_derivation(text("sancho").replace(r"W_{jk}^y \frac{dF}{dx} |_{x_j^{(t)}}", "W_{jk}^y", 1)).wrong
    assert [v.line for v in found] == [61]


def test_a_name_that_stands_in_two_places_is_exchanged_in_both():
    whole = (CELL[0], CELL[1], CELL[2].replace("∇f ∘ fᵀ ∘ (1 - f)ᵀ", "∇f ∘ z9ᵀ ∘ (1 - z9)ᵀ"))
    (v,) = check_derivation(fenced(*whole)).wrong
    assert (v.verdict, v.suggestion) == ("undefined", "∇z2 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ")


def proposed_without(whole, line):
    lines = whole[2].replace(line, "", 1)
    assert lines != whole[2]
    ((_, part),) = check_derivation(fenced(*whole[:2], lines)).parts
    return list(part.proposed)


@pytest.mark.parametrize(
    ("whole", "line"),
    [
        (CELL, "∇b_f = ∇z2"), (CELL, "∇W_g = x ∇z3"), (CELL, "∇g = ∇z6 ∘ z5ᵀ"),
        (ROUTINE, "[dz2] += deriv(dh1, z2, 'tanh')"), (ROUTINE, "[dV, dx] += deriv(dz3, V, x, '*')"),
    ],
)  # fmt: skip
def test_a_missing_line_is_proposed(whole, line):
    assert line in proposed_without(whole, line)


def test_what_is_proposed_looks_like_similar_lines():
    """With 1 - g² in the line for g, so with 1 - h²; and += to what was handed in."""
    assert proposed_without(CELL, "∇c_t += ∇h ∘ (1 - tanh²(c_t))ᵀ") == ["∇c_t += ∇h ∘ (1 - h²)ᵀ"]


def test_a_line_by_the_rules_has_the_signs_of_its_author():
    whole = tuple(part.replace("∘", "⊙") for part in CELL)
    assert proposed_without(whole, "∇z2 = ∇f ⊙ fᵀ ⊙ (1 - f)ᵀ") == ["∇z2 = ∇f ⊙ fᵀ ⊙ (1 - f)ᵀ"]


@pytest.mark.parametrize("whole", [pytest.param(CELL, marks=pytest.mark.slow), RNN, ROUTINE])
def test_what_is_proposed_is_right_where_it_is_put(whole):
    for line in whole[2].splitlines():
        lines = whole[2].replace(line, "", 1)
        report = check_derivation(fenced(*whole[:2], lines))
        ((_, part),) = report.parts
        assert part.faults or report.wrong
        for proposed in part.proposed:
            again = check_derivation(fenced(*whole[:2], whole[2].replace(line, proposed, 1)))
            (v,) = (v for v in again.verdicts if v.text == proposed)
            assert v.ok or v.verdict == "missing", proposed  # it may be one term of several


def test_nothing_is_proposed_for_a_whole_derivation_or_twice():
    for whole in (CELL, RNN, ROUTINE):
        ((_, part),) = check_derivation(fenced(*whole)).parts
        assert not part.proposed
    wrong = ROUTINE[2].replace("[dz2] += deriv(dh1, z2, 'tanh')", "[dz1] += deriv(dh1, z2, 'tanh')")
    report = check_derivation(fenced(*ROUTINE[:2], wrong))
    ((_, part),) = report.parts
    suggested = [v.suggestion for v in report.wrong]
    assert "[dz2] += deriv(dh1, z2, 'tanh')" in suggested
    assert not set(suggested) & set(part.proposed)


def test_proposed_lines_are_in_the_report_and_the_page():
    lines = CELL[2].replace("∇W_g = x ∇z3\n", "")
    report = check_derivation(fenced(*CELL[:2], lines))
    assert "    left out: no line sets the derivative of W_g\n    likely line: ∇W_g = x ∇z3" in report.text()
    assert report.to_dict()["parts"][0]["proposed"] == ["∇W_g = x ∇z3"]
    assert "<summary>Likely lines (1)</summary><ul><li>∇W_g = x ∇z3</li>" in report.html()
    assert "Likely lines (1)" in report._repr_html_()


def test_the_end_of_a_search_without_a_suggestion_is_reported(monkeypatch):
    """The rules give no formula for a Kronecker product."""
    declare = "layout: same\n⊗: Kronecker product\nA: N×M\nB: K×P\nconstant: B"
    whole = (declare, "Y = A ⊗ B\nL = sum(Y ∘ Y)", "∇A = 3.7 A ∘ A ∘ A")
    (v,) = check_derivation(fenced(*whole)).wrong
    assert v.suggestion == ""
    assert re.fullmatch(r"no correction among the [\d,]{3,} changes that were tried", v.notes[-1])
    monkeypatch.setattr(limits, "LINES_SEARCHED", 0)
    (v,) = check_derivation(fenced(*whole)).wrong
    assert v.notes[-1] == "no correction was looked for, after 0 wrong lines"
