"""The numbers that stand for sizes: no line is right, and no suggestion, by the chance of one number."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source
from tinyad.derivation.semantics.sampling import sample_points

DECLARE = "layout: same\nA: N×M\nB: P×Q\nx: K×1\nc: {}×1\nconstant: A, B, c"
FORWARD = "L = 1/K sum(x ∘ x) + sum(A) + sum(B) + sum(c)"


@pytest.mark.parametrize("count", ["S", "2"])
def test_a_factor_that_is_1_for_one_size_is_missed(count):
    assert check_derivation(fenced(DECLARE.format(count), FORWARD, "∇x = 2/K x")).ok
    (v,) = check_derivation(fenced(DECLARE.format(count), FORWARD, "∇x = x")).verdicts
    assert (v.ok, v.suggestion) == (False, "∇x = 2 x / K")


@pytest.mark.parametrize("number", ["1", "1/2", "2/3", "0.4", "2/5", "2/6", "2/7", "2/9"])
def test_no_number_stands_for_a_size(number):
    """x is one of any number of names, so that its size is one of all that are drawn."""
    for others in range(6):
        names = "".join(f"\nc_{k}: {letter}×1" for k, letter in enumerate("ABCDEF"[:others]))
        declare = f"layout: same{names}\nx: K×1\nconstant: " + ", ".join(f"c_{k}" for k in range(others))
        forward = "L = 1/K xᵀ x" + "".join(f" + sum(c_{k})" for k in range(others))
        report = check_derivation(fenced(declare.removesuffix("constant: "), forward, f"∇x = {number} x"))
        assert not report.verdicts[0].ok


def test_the_sizes_differ_between_the_sample_points():
    text = "```declare\nlayout: same\ntime: t = 1..T\nx_t: N×1\nW: M×N\ngiven: ∇y_t\n```\n"
    text += "```forward\ny_t = W x_t\n```\n```backward\n∇W = Σ_t ∇y_t x_tᵀ\n```"
    first, *others = sample_points(derivations(Source(text))[0], [1, 2, 3])
    assert others
    for other in others:
        assert other.last != first.last
        assert all(other.forward.sizes[letter] != n for letter, n in first.forward.sizes.items())


def test_a_missing_mean_over_examples_is_no_half():
    declare = "layout: same\nw, x_i: D×1\ny_i: scalar"
    forward = r"J = \frac{1}{n} \sum_{i=1}^n (w^\top x_i - y_i)^2"
    line = r"\nabla_w J = {}\sum_{{i=1}}^n (w^\top x_i - y_i) x_i"
    (v,) = check_derivation(fenced(declare, forward, line.format(""))).verdicts
    assert v.suggestion == line.format(r"\frac{2}{n} ")


def test_r_is_a_letter_of_a_size_too():
    declare = "layout: same\nA: R×M\nB: N×R\nx: M×1\nc: R\nconstant: x\ngiven: ∇y"
    assert check_derivation(fenced(declare, "y = c B A x", "∇B = c ∇y xᵀ Aᵀ\n∇A = c Bᵀ ∇y xᵀ\n∇c = ∇yᵀ B A x")).ok
