"""Any text is read and checked, or refused by a DerivationError that has a place in it."""

import pytest

from tests.support.derivation_texts import fenced
from tests.support.random_texts import texts
from tinyad.derivation import DerivationError, check_derivation
from tinyad.derivation.judge.verdicts import Verdict
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source

MORE = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8)]


def assert_place(error, text):
    rows = text.split("\n")
    assert 1 <= error.line <= len(rows)
    assert 1 <= error.column <= len(rows[error.line - 1].expandtabs(4)) + 1
    assert error.message


@pytest.mark.parametrize("seed", [0, *MORE])
def test_any_text_is_read_or_refused(seed):
    read = 0
    for text in texts(seed, 400):
        try:
            found = derivations(Source(text))
        except DerivationError as error:
            assert_place(error, text)
        else:
            read += 1
            assert all(lines for derivation in found for lines in derivation.backward.values())
    assert read > 50  # most of the texts would be of no use otherwise


# fmt: off
MET = [  # each was once no DerivationError
    ("layout: same\nX: N×D\nA: N×N\ngiven: ∇h", "h = X", "∇X = X.dot(A)"),
    ("layout: same\nx: N×1\nA: N×N", "L = Σ_{i<j} A_ij (x_i - x_j)^x", "∂L/∂A_ij = 1[i<j] (x_i - x_j)²"),
    ("layout: same\nx: N×1", "f(x = 3) = x", "∇x = 1"),
    ("layout: same\nx: N×1\ngiven: ∇h", "h = x^{,}", "∇x = 2 ∇h"),
    ("layout: same\nx: N×1\ngiven: ∇h", "h = |x_i|", "∇x = sign'(x) ∘ ∇h"),
    ("layout: same\nx: N×1\ngiven: ∇h", "h = abs(x)", "∇x = sign'(x) ∘ ∇h"),
    ("layout: same\nA: N×N\ngiven: ∇h", "h = A", "∂L/∂A_ii = Σ_j ∂L/∂h_ij"),
    ("layout: same\nx: M×1\ngiven: ∇h", "h = (W) x", "∇x = ∇h"),
    ("layout: same\ntime: t = 1..T\nx_t: N×1\ngiven: ∇h_t", "h_t = tanh(x_t)", "∇x_8 = ∇h_t"),
    ("layout: same\nx: N×1\nA: M×N\ngiven: ∇h", "h = A x", "∇x = np.dot(Aᵀ, ∇h) np.dot(x_j, ∇x)"),
    ("layout: same\nx: N×1\ngiven: ∇h", "h = 1 / 0 + x", "∇x = ∇h"),
    ("layout: same\nx: N×1\ngiven: ∇h", "h = x", "∂L/∂x_i = (I)_i ∂L/∂h_i"),
    ("layout: same\nx: N×1\ngiven: ∇h", "h = x", "∂L/∂x_i = Σ_j (1)_{ij} ∂L/∂h_j"),
    ("layout: same\ntime: t = 1..T\nx_t: N×1\ngiven: ∇h_t", "h_t = tanh(x_t)", "∇x_t = " + "Σ_t " * 40 + "∇h_t"),
    ("layout: same\nx: N×1\nA: M×N\ngiven: ∇h", "h = A x = x", "∇x = Aᵀ ∇h"),
    ("layout: same\nx: N×1\ngiven: ∇h", "h = Σ_{i<j} ((x)_i)_j", "∇x = ∇h"),
    ("layout: same\nx: N×1\ngiven: ∇h", "h_i = x_i", r"\frac{dL}{dx_j} = \sum_i \frac{dh_i}{d(x_j x_i)}"),
]
# fmt: on


@pytest.mark.parametrize(("declare", "forward", "backward"), MET)
def test_what_once_was_a_fault_is_refused_or_no_right_line(declare, forward, backward):
    text = fenced(declare, forward, backward)
    try:
        report = check_derivation(text)
    except DerivationError as error:
        assert_place(error, text)
    else:
        assert Verdict.RIGHT not in {v.verdict for v in report.verdicts}


@pytest.mark.parametrize("seed", [100, *MORE])
def test_any_text_is_checked_or_refused(seed):
    verdicts = set()
    for text in texts(seed, 25):
        try:
            report = check_derivation(text, suggest=False)
        except DerivationError as error:
            assert_place(error, text)
        else:
            verdicts |= {v.verdict for v in report.verdicts}
            assert report.text(True).replace("\n", "").isprintable()
            assert all(v.start <= v.at[0] <= v.at[1] for v in report.verdicts)
    assert Verdict.RIGHT in verdicts
    assert len(verdicts) > 2
