"""Terms of a derivative under labels: the wrong term is blamed, and not the line that adds them up."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

DECLARE = "layout: same\nloss: J\nx: N×1\nP, Q, R: N×N\nc: N×1\nconstant: c"
FORWARD = "u = P x\nv = Q x\nw = R x\nJ = cᵀ (u ∘ v ∘ w)"
TERMS = {"Via-1": "Pᵀ ∂J/∂u", "Via-2": "Qᵀ ∂J/∂v", "Via-3": "Rᵀ ∂J/∂w"}
SUM = "∂J/∂x = ∂J/∂x|_{Via-1} + ∂J/∂x|_{Via-2} + ∂J/∂x|_{Via-3}"
REST = """\
∂J/∂u = c ∘ v ∘ w
∂J/∂v = c ∘ u ∘ w
∂J/∂w = c ∘ u ∘ v
∂J/∂P = ∂J/∂u xᵀ
∂J/∂Q = ∂J/∂v xᵀ
∂J/∂R = ∂J/∂w xᵀ"""


def blamed(total=SUM, **terms):
    """The labels of the lines that do not hold; "sum" for the line that adds them up."""
    named = TERMS | {label.replace("_", "-"): term for label, term in terms.items()}
    lines = [f"{label}: ∂J/∂x = {term}" for label, term in named.items()]
    report = check_derivation(fenced(DECLARE, FORWARD, "\n".join([REST, *lines, total])), suggest=False)
    assert report.parts[0][1].faults == []
    return [v.number or ("sum" if v.text == total else v.text) for v in report.wrong]


def test_right_terms_and_their_sum_hold():
    assert blamed() == []


@pytest.mark.parametrize(
    "terms",
    [
        {"Via_1": "P ∂J/∂u"},
        {"Via_2": "-Qᵀ ∂J/∂v"},
        {"Via_1": "P ∂J/∂u", "Via_2": "Q ∂J/∂v"},
        {"Via_1": "P ∂J/∂u", "Via_2": "Q ∂J/∂v", "Via_3": "R ∂J/∂w"},
        {"Via_2": "Qᵀ ∂J/∂w", "Via_3": "Rᵀ ∂J/∂v"},
        {"Via_3": "Qᵀ ∂J/∂v"},
        {"Via_3": "Rᵀ ∂J/∂w + Qᵀ ∂J/∂v"},
    ],
)
def test_the_wrong_terms_are_blamed(terms):
    assert blamed(**terms) == [label.replace("_", "-") for label in terms]


@pytest.mark.parametrize("nothing", ["0", "0 ∂J/∂v"])
def test_a_term_that_is_set_to_0_is_missing_in_the_sum(nothing):
    assert blamed(Via_2=nothing) == ["sum"]


def test_a_label_is_one_of_a_name():
    """∂J/∂v under the label Via-1 is no term, for no line adds up ∂J/∂v."""
    rest = REST.replace("∂J/∂v =", "Via-1: ∂J/∂v =")
    lines = [f"{label}: ∂J/∂x = {term}" for label, term in TERMS.items()]
    assert check_derivation(fenced(DECLARE, FORWARD, "\n".join([rest, *lines, SUM])), suggest=False).ok


def test_a_number_of_a_line_is_no_label_of_a_term():
    """Line 4 is the whole derivative, and takes nothing from the terms behind it."""
    lines = [f"{label}: ∂J/∂x = {term}" for label, term in TERMS.items()]
    whole = f"4. ∂J/∂x = {' + '.join(TERMS.values())}"
    assert check_derivation(fenced(DECLARE, FORWARD, "\n".join([REST, whole, *lines, SUM])), suggest=False).ok


def test_a_path_that_no_term_is_about_belongs_to_the_wrong_one():
    """The sum of two terms of three is right, and the wrong one of them should be two paths."""
    lines = ["Via-1: ∂J/∂x = P ∂J/∂u", f"Via-3: ∂J/∂x = {TERMS['Via-3']}", SUM.replace(" + ∂J/∂x|_{Via-2}", "")]
    report = check_derivation(fenced(DECLARE, FORWARD, "\n".join([REST, *lines])), suggest=False)
    assert [v.number for v in report.wrong] == ["Via-1"]
    assert report.parts[0][1].faults == []


@pytest.mark.parametrize("total", [SUM.replace("+", "-"), SUM.replace("= ", "= 2 ")])
def test_a_wrong_sum_of_right_terms_is_blamed(total):
    assert blamed(total) == ["sum"]


def test_a_term_that_cannot_be_read_is_not_held_against_the_sum():
    lines = [f"{label}: ∂J/∂x = {term}" for label, term in (TERMS | {"Via-2": "Qᵀ (∂J/∂v"}).items()]
    report = check_derivation(fenced(DECLARE, FORWARD, "\n".join([REST, *lines, SUM])), suggest=False)
    assert [str(v.verdict) for v in report.wrong] == ["unreadable"]
