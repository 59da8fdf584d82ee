"""⟨x, y⟩ as a factor, in a sum, in a chain and as what is derived; norms; what is suggested stays in these signs."""

import pytest

from tests.support.applied_suggestions import false_suggestions
from tests.support.derivation_texts import fenced
from tinyad.derivation import DerivationError, check_derivation

PLAIN = "layout: same\nx, y: N×1", "L = ⟨x, y⟩²"
LATEX = "layout: same\nx, y: N×1", r"L = \langle x, y \rangle^2"
SIZED = "layout: same\nA: N×M\nX: M×K\nB: N×K\nconstant: B", r"L = \frac12 \left\langle A X, B \right\rangle_F^2"
UNIT = "layout: same\nx: N×1\ngiven: ∇y", "y = x / ‖x‖"
SCALED = "layout: same\nX: N×M\ns: scalar\nconstant: X\ngiven: ∇Y", "Y = s X"
HINGE = "layout: same\nw, x: N×1\ny: scalar\nconstant: x, y", "L = max(0, 1 - y ⟨w, x⟩)"

COMPARISON = "comparisons are not supported: write relu'(a) for 1 where a > 0 and 0 elsewhere"
COMPARISON += "; for an inner product write ⟨x, y⟩"

RIGHT = [
    (PLAIN, "∇x = 2 ⟨x, y⟩ y\n∇y = 2 ⟨y, x⟩ x"),
    (PLAIN, "∇x = 2 y ⟨x, y⟩\n∇y = ⟨x, y⟩ x + ⟨x, y⟩ x"),
    (LATEX, "\\nabla_x L = 2 \\langle x, y \\rangle y\n\\nabla_y L = 2\\,\\langle x, y\\rangle\\, x"),
    ((PLAIN[0], "L = ⟨x, y⟩² = ⟨x, y⟩ ⟨y, x⟩ = (xᵀ y)²"), "∇x = 2 ⟨x, y⟩ y, ∇y = 2 ⟨x, y⟩ x"),
    ((PLAIN[0], "L = exp⟨x, y⟩"), "∇x = exp⟨x, y⟩ y\n∇y = exp⟨x, y⟩ x"),
    ((PLAIN[0], "L = ⟨x | y⟩"), "∇x = y\n∇y = x"),
    ((PLAIN[0], "L = <x, y>"), "∇x = y\n∇y = x"),
    (SIZED, "\\nabla_A L = \\langle A X, B \\rangle_{\\mathrm F} B X^\\top\n∇X = \\langle A X, B \\rangle A^\\top B"),
    (UNIT, "∇x = (∇y - ⟨y, ∇y⟩ y) / ‖x‖₂"),
    (SCALED, "∇s = ⟨∇Y, X⟩_F"),
    (HINGE, "∇w = -1[y ⟨w, x⟩ < 1] y x"),
]  # fmt: skip


@pytest.mark.parametrize(("whole", "lines"), RIGHT)
def test_right_lines_hold(whole, lines):
    assert check_derivation(fenced(*whole, lines)).ok


@pytest.mark.parametrize(
    ("whole", "wrong", "right"),
    [
        (PLAIN, "∇x = 2 ⟨y, y⟩ y", "∇x = 2 ⟨x, y⟩ y"),
        (PLAIN, "∇x = x", "∇x = 2 ⟨x, y⟩ y"),
        (LATEX, r"\nabla_x L = \langle x, y \rangle y", r"\nabla_x L = 2 \langle x, y \rangle y"),
        (SIZED, r"\nabla_A L = A", r"\nabla_A L = \left\langle A X, B \right\rangle_F B X^\top"),
        (HINGE, "∇w = -1[y ⟨w, x⟩ < 1] x", "∇w = -1[y ⟨w, x⟩ < 1] y x"),
        (PLAIN, "∇_x ⟨x, y⟩² = 2 y", "∇_x ⟨x, y⟩² = 2 ⟨x, y⟩ y"),
    ],
)
def test_suggestions_keep_the_signs(whole, wrong, right):
    report = check_derivation(fenced(*whole, wrong))
    assert false_suggestions(report) == []
    suggestion = report.verdicts[0].suggestion
    assert suggestion == right or check_derivation(fenced(*whole, suggestion)).verdicts[0].ok
    assert "(⟨" not in suggestion
    assert any(sign in suggestion for sign in ("⟨", r"\langle"))


def test_a_product_of_all_entries_is_written_as_an_inner_product():
    report = check_derivation(fenced(*SCALED, "∇s = ⟨∇Y, ∇Y⟩_F + ⟨X, X⟩_F"))
    assert report.verdicts[0].suggestion == "∇s = ⟨X, ∇Y⟩_F"


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("L = ‖W‖²", "‖W‖ of a matrix, 5×3, has two readings: write ‖W‖_F; its largest singular value is not read"),
        ("L = ‖W‖_2", "‖W‖ of a matrix, 5×3, has two readings: write ‖W‖_F; its largest singular value is not read"),
        ("L = ‖xᵀ‖", "‖xᵀ‖ is read of a column, and this is 1×5: write ‖xᵀ‖_F"),
        ("L = 2 <x, x>", COMPARISON),
        ("L = ⟨x⟩", "⟨x, y⟩ is read, of two factors; for a mean write mean(x)"),
        ("L = ⟨x, W⟩", "⟨x, y⟩ of 5×1 and 5×3: sizes differ"),
        ("L = ⟨x, x)", ") where ⟩ is expected, for the bracket opened in line 7, column 5"),
    ],
)
def test_what_is_not_read_is_refused_clearly(forward, message):
    with pytest.raises(DerivationError) as caught:
        check_derivation(fenced("layout: same\nx: N×1\nW: N×M", forward, "∇x = x"))
    assert caught.value.message == message
