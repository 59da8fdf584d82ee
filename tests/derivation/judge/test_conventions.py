"""A factor that is a convention: 1/B at the parameters, and not at the derivatives over the batch."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

DECLARE = "layout: same\nloss: J\n1: column of ones\nX: D×m\nY: C×m\nW: H×D\nV: C×H\nc: C×1\nconstant: X, Y"
FORWARD = "A = tanh(W X)\nZ = V A + c 1ᵀ\nE = Z - Y\nJ = sum(E ∘ E) / (2 m)"
BACKWARD = """\
dZ = E
dV = dZ Aᵀ / m
dc = dZ 1 / m
dA = Vᵀ dZ
dW = (dA ∘ (1 - A²)) Xᵀ / m"""


def checked(backward):
    return check_derivation(fenced(DECLARE, FORWARD, backward), suggest=False)


def test_a_mean_at_the_parameters_is_a_convention_and_said_once():
    report = checked(BACKWARD)
    assert report.ok
    told = [note for note in report.parts[0][1].notes if note.startswith("a convention")]
    assert len(told) == 1
    assert "derivative of Z is m times that of J" in told[0]
    assert "1/m stands in the lines of V, W, c" in told[0]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("dZ Aᵀ / m", "2 dZ Aᵀ / m"), ("dZ 1 / m", "dZ 1"), ("Vᵀ dZ", "-Vᵀ dZ"), ("(1 - A²)", "(1 - A)")],
)
def test_under_a_convention_exactly_the_wrong_line_is_wrong(right, wrong):
    lines = BACKWARD.split("\n")
    (at,) = [k for k, line in enumerate(lines) if right in line]
    report = checked(BACKWARD.replace(right, wrong))
    assert [v.text for v in report.wrong] == [lines[at].replace(right, wrong)]


def test_a_mean_where_it_belongs_needs_no_convention():
    report = checked(BACKWARD.replace("dZ = E", "dZ = E / m").replace("ᵀ / m", "ᵀ").replace("1 / m", "1"))
    assert report.ok
    assert not any("convention" in note for note in report.parts[0][1].notes)


def test_a_mean_that_is_nowhere_is_no_convention():
    report = checked(BACKWARD.replace("ᵀ / m", "ᵀ").replace("1 / m", "1"))
    assert [v.target for v in report.wrong] == ["dZ"]


# What is no convention.


@pytest.mark.parametrize(
    ("backward", "wrong"),
    [
        # 1/m is forgotten: no line of a derivative without the factor puts it right.
        ("dZ = E\ndA = Vᵀ dZ", ["dZ"]),
        # As many lines hold with it as without.
        ("dZ = E\ndV = dZ Aᵀ / m\ndc = dZ 1\ndA = Vᵀ dZ\ndW = (dA ∘ (1 - A²)) Xᵀ", ["dZ", "dV"]),
    ],
)
def test_a_convention_makes_more_lines_hold_of_both_kinds(backward, wrong):
    report = checked(backward)
    assert [v.target for v in report.wrong] == wrong
    assert not any("convention" in note for note in report.parts[0][1].notes)


def test_what_is_given_stands_for_what_it_is():
    declare = "layout: same\nX: D×m\nV: C×D\nconstant: X\ngiven: dZ, ds"
    text = fenced(declare, "Z = V X\ns = sum(Z) / m", "dZ += ds 1_{C×m}\ndV = dZ Xᵀ / m")
    report = check_derivation(text, suggest=False)
    assert [v.target for v in report.wrong] == ["dZ", "dV"]


def test_a_convention_holds_for_labelled_terms_too():
    lines = BACKWARD.replace("dA = Vᵀ dZ", "all: dA = Vᵀ dZ\ndA = dA|_all")
    assert checked(lines).ok
    report = checked(lines.replace("all: dA = Vᵀ dZ", "all: dA = -Vᵀ dZ"))
    assert [v.number for v in report.wrong] == ["all"]
