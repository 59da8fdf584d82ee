"""What is told of right lines: numbers, values that are equal by chance, and mistakes that would not show."""

from tests.support.derivation_texts import fenced
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.language.source import Source


def checked(declare, forward, backward):
    ((_, part),) = check_without_corrections(Source(fenced(f"layout: same\n{declare}", forward, backward)))
    assert all(v.ok for v in part.verdicts)
    return part


SQUARE = ("x: N×1\ngiven: dz", "y = 2 x\nz = y ∘ y")


def test_a_number_with_many_digits_is_none_of_a_line():
    for number in ("12345678901", "9" * 5000):
        assert checked(*SQUARE, f"1. dy = 2 dz ∘ y\n{number}. dx = 2 dy").notes == []
    assert checked(*SQUARE, "1. dy = 2 dz ∘ y\n3. dx = 2 dy").notes == ["line 12: number 3 follows 1"]


def test_a_notation_is_right_by_more_than_its_value():
    assert checked(*SQUARE, "dy = 2 dz ∘ y\nδy = ∂L/∂y\ndx = 2 dy").notes == []


def equal_ones(declare, forward, backward):
    notes = checked(declare, forward, backward).not_exercised
    (told,) = [note for note in notes if note.startswith("these derivatives are equal")]
    return told.split(": ")[1]


def test_derivatives_that_are_0_or_of_data_are_not_among_the_equal_ones():
    lines = "dL/da = 1\ndL/db = -1\ndL/du = 0\ndL/dx = dL/du\ndL/dy = dL/du"
    forward = "u = x + y\na = sum(u)\nb = sum(u)\nL = a - b"
    assert not any("1×1" in note for note in checked("x, y: N×1", forward, lines).not_exercised)
    assert equal_ones("x, y: N×1", forward, lines) == "a, L"
    lines = "dL/du = v\ndL/dx = dL/du"
    assert equal_ones("x, y, v: N×1\nconstant: v, y", "u = x + y\nL = vᵀ u", lines) == "x, u"


# The mean of x - m is 0, and with it the path of the variance to the mean.
NORM = (
    "loss: J\nindices: i\nx: n×1\nε: 1×1\nconstant: ε\npositive: ε\ngiven: dJ/dc",
    "m = 1/n Σ_i x_i\nv = 1/n Σ_i (x_i - m)²\nc_i = (x_i - m) (v + ε)^{-1/2}",
    """\
dJ/dv = Σ_i dJ/dc_i (x_i - m) (-1/2) (v + ε)^{-3/2}
dJ/dm = -Σ_i dJ/dc_i (v + ε)^{-1/2}
dJ/dm += -dJ/dv Σ_i 2 (x_i - m) / n
dJ/dx_i = dJ/dc_i (v + ε)^{-1/2} + dJ/dv 2 (x_i - m) / n + dJ/dm / n""",
)


def test_components_are_no_numbers_whose_order_would_not_show():
    assert not any("1×1" in note for note in checked(*NORM).not_exercised)
    numbers = checked("a, b: 1×1\nx: N×1\ngiven: dz", "y = a b\nz = y x", "dy = dzᵀ x\nda = dy b\ndb = dy a\ndx = y dz")
    told = "all values in lines 13, 14 are 1×1, so a wrong transposition or order of factors would not show"
    assert numbers.not_exercised == [told]


def test_a_path_that_adds_nothing_is_told_of_the_line_that_has_it():
    declare, forward = "x, y, v: N×1\nconstant: v, y", "u = x + y\nL = vᵀ u - vᵀ u"
    (told,) = checked(declare, forward, "dL/du = v - v\ndL/dx = dL/du").not_exercised
    assert told.startswith("the path through the equation for u adds next to nothing in line 12 ")
    lines = "dL/dx = v\ndL/dx += 2 y ∘ x"
    assert checked(declare, f"{forward} + vᵀ x + yᵀ (x ∘ x)", lines).not_exercised == []
