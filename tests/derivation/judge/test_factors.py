"""Factors that are forgotten: of a square, a cube, a sum of equal terms, a quotient; and what only looks like one."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

DECLARE = "layout: same\nu, v, y: N×1\nA: N×N\nconstant: v, y"

# forward, backward, what the wrong line is said to be, the line that was meant
FORGOTTEN = [
    ("L = ‖u - y‖²", "dL/du = u - y", "a factor 2 is missing: the path", "dL/du = 2 (u - y)"),
    ("L = uᵀ u", "dL/du = u", "a factor 2 is missing: the path", "dL/du = 2 u"),
    ("L = ‖y - u‖²", "dL/du = u - y", "a factor 2 is missing: the path", "dL/du = 2 (u - y)"),
    ("L = ‖A‖_F²", "dL/dA = A", "a factor 2 is missing: the path", "dL/dA = 2 A"),
    ("c = u³\nL = yᵀ c", "dL/dc = y\ndL/du = dL/dc ∘ u²", "a factor 3 is missing: the path", "dL/du = 3 dL/dc ∘ u²"),
    ("s = u + u\nL = yᵀ s", "dL/ds = y\ndL/du = dL/ds", "a factor 2 is missing: the path", "dL/du = 2 dL/ds"),
    (
        "c = u ∘ u\nL = yᵀ c + vᵀ u", "dL/dc = y\ndL/du = v + dL/dc ∘ u",
        "a factor 2 is missing in its term: the path through the equation for c", "dL/du = v + 2 dL/dc ∘ u",
    ),
    ("L = 1/2 ‖u‖²", "dL/du = 2 u", "a factor 2", "dL/du = u"),
    ("c = y / u\nL = vᵀ c", "dL/dc = v\ndL/du = dL/dc ∘ y / u²", "the sign", "dL/du = -dL/dc ∘ y / u²"),
    ("L = ‖u‖²", "dL/du = 3 u", "a factor 1.5", "dL/du = 2 u"),
]  # fmt: skip


@pytest.mark.parametrize(("forward", "backward", "said", "meant"), FORGOTTEN)
def test_a_factor_is_named_and_put_there(forward, backward, said, meant):
    report = check_derivation(fenced(DECLARE, forward, backward))
    (wrong,) = [v for v in report.verdicts if not v.ok]
    assert wrong.verdict == "wrong"
    assert (wrong.message or wrong.looks_like).startswith(said)
    assert wrong.suggestion == meant
    assert check_derivation(fenced(DECLARE, forward, "\n".join([*backward.split("\n")[:-1], meant]))).ok


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        ("L = uᵀ A u", "dL/du = A u\ndL/dA = u uᵀ"),  # A u and Aᵀ u are different
        ("s = 3 u + u\nL = yᵀ s", "dL/ds = y\ndL/du = dL/ds"),
        ("a = 2 u\nb = 2 u\nL = yᵀ a + yᵀ b", "dL/da = y\ndL/db = y\ndL/du = 2 dL/da"),  # of two equations
    ],
)
def test_uses_that_are_not_one_factor_are_missing_paths(forward, backward):
    report = check_derivation(fenced(DECLARE, forward, backward))
    (wrong,) = [v for v in report.verdicts if not v.ok]
    assert wrong.verdict == "missing"


def test_two_lines_that_each_have_one_use_are_right():
    assert check_derivation(fenced(DECLARE, "L = uᵀ u", "dL/du += u\ndL/du += u")).ok


# What a wrong line is not like.


@pytest.mark.parametrize(("formula", "number"), [("10^{-20}", "1e-20"), ("1/10^{10}", "1e-10"), ("10^{10}", "1e+10")])
def test_a_factor_is_named_however_small_or_large(formula, number):
    """It is no path that is missing, and no line that sets the derivative to 0."""
    report = check_derivation(fenced(DECLARE, "c = u²\nL = yᵀ c", f"dL/dc = y\ndL/du = 2 ({formula}) dL/dc ∘ u"))
    (wrong,) = report.wrong
    assert (wrong.verdict, wrong.looks_like) == ("wrong", f"a factor {number}")


def test_a_line_of_next_to_nothing_is_not_0():
    text = fenced(DECLARE, "c = tanh(u)\nL = yᵀ c", "dL/dc = y\ndL/du = 10^{-20} dL/dc ∘ (1 - c²)")
    (wrong,) = check_derivation(text, suggest=False).wrong
    assert (wrong.verdict, wrong.looks_like) == ("wrong", "a factor 1e-20")


def test_factors_of_two_paths_are_told_apart_however_small():
    backward = "da = ds ∘ y\ndb = ds ∘ v\ndu = 10^{-7} da ∘ (1 - a²) + 3 / 10^{7} db ∘ b"
    text = fenced(f"{DECLARE}\ngiven: ds", "a = tanh(u)\nb = exp(u)\ns = a ∘ y + b ∘ v", backward)
    (wrong,) = check_derivation(text, suggest=False).wrong
    told = [part.rsplit(" ", 1)[1] for part in wrong.looks_like.split(", ")]
    assert told == ["1e-07", "3e-07"]


def test_paths_that_are_multiples_of_one_another_have_no_factors_of_their_own():
    """dx = 7 ds is the sum of 3.5 times one and 3.5 times the other, and of many multiples more."""
    report = check_derivation(fenced("layout: same\nx: N×1\ngiven: ds", "a = 3 x\ns = a + x", "da = ds\ndx = 7 ds"))
    (wrong,) = report.wrong
    assert "path" not in wrong.looks_like


def test_a_line_holds_the_fewest_paths_that_add_up_to_it():
    forward = "a = x / 2\nb = x / 2\nc = 1 x\ns = a + b + c"
    report = check_derivation(fenced("layout: same\nx: N×1\ngiven: ds", forward, "dx = ds"), suggest=False)
    assert [[key.equation for key in r.contributions] for v in report.wrong for r in v.readings] == [[2]]
