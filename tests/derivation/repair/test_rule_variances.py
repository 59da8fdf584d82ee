"""Variances and standard deviations, and rows and columns that are repeated as in NumPy: the line of the rule."""

import pytest

from tests.support.applied_suggestions import false_suggestions
from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

COLUMN, RISK = ("layout: same\nx: N×1", "L = {}(x)"), ("layout: row\nX: N×M", "L = var(X)")
LAYER_NORM = (
    "layout: same\n1: column of ones\nx: N×1\nε: 1×1\npositive: ε\nconstant: ε\ngiven: ∇y",
    "m = mean(x)\nv = var(x)\ns = sqrt(v + ε)\ny = (x - m 1) / s",
)
DEVIATIONS = "layout: same\nx: N×1\ngiven: ∇v", "μ = mean(x)\nσ² = mean((x - μ)²)\nv = sqrt(σ²)"
BATCH = (
    "layout: same\n1: column of ones\nX: N×D\ng, b: 1×D\nε: 1×1\npositive: ε\nconstant: ε\ngiven: ∇Y",
    "m = mean(X, axis=0)\nv = var(X, axis=0)\ns = sqrt(v + ε)\nH = (X - 1 m) / (1 s)\nY = H ∘ (1 g) + 1 b",
)
PROGRAM = (
    "layout: same\nx: N×D\ng, b: 1×D\nconstant: b\neps: 1×1\npositive: eps\nconstant: eps\ngiven: dy",
    "mean = x.mean(axis=1, keepdims=True)\nvar = x.var(axis=1, keepdims=True)\nrstd = (var + eps) ** (-0.5)\n"
    "xhat = (x - mean) * rstd\ny = xhat * g + b",
)
PROGRAM_LINES = """\
dg = (dy * xhat).sum(axis=0)
dxhat = dy * g
drstd = (dxhat * (x - mean)).sum(axis=1)
dvar = -0.5 * drstd * rstd**3
dmean = -(dxhat * rstd).sum(axis=1)
dx = dxhat * rstd + dmean / D + 2 / D * dvar * (x - mean)"""
LATEX = (
    "layout: same\nX: N×D\nW: D×K\nconstant: X",
    "Z = X W\nv = \\operatorname{var}(Z)\nL = \\frac12 (v - 1)^2",
)


def suggested(whole, lines, k=0):
    report = check_derivation(fenced(*whole, lines))
    assert not report.verdicts[k].ok
    assert false_suggestions(report) == []
    return report.verdicts[k].suggestion


@pytest.mark.parametrize(
    ("name", "line"), [("var", "∇x = 2 (x - mean(x)) / N"), ("std", "∇x = (x - mean(x)) / (std(x) N)")]
)
def test_of_all_entries(name, line):
    whole = COLUMN[0], COLUMN[1].format(name)
    assert check_derivation(fenced(*whole, line)).ok
    assert suggested(whole, "∇x = 3 x ∘ x") == line
    assert suggested(whole, "∇x = x + x") == line


def test_in_row_layout():
    assert suggested(RISK, "∇X = Xᵀ X Xᵀ") == "∇X = 2 (X - mean(X))ᵀ / (N M)"


def test_the_mean_is_called_by_its_name():
    lines = "∇s = -∇yᵀ (x - m 1) / s²\n∇v = ∇s / (2 s)\n∇m = -sum(∇y) / s\n∇x = ∇y ∘ x"
    assert suggested(LAYER_NORM, lines, 3) == "∇x = ∇m 1 / N + 2 ∇v (x - m) / N + ∇y / s"


def test_a_path_that_is_0_everywhere_is_left_out():
    """The mean of the distances from the mean is 0: what comes through μ adds nothing."""
    lines = "∇σ² = ∇v / (2 v)\n∇x = x ∘ x + x"
    assert suggested(DEVIATIONS, lines, 1) == "∇x = 2 ∇σ² (x - μ) / N"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("∇g = g ∘ g", "∇g = 1ᵀ (∇Y ∘ H)"),
        ("∇m = m", "∇m = -1ᵀ (∇Y ∘ (1 g) / (1 s))"),
        ("∇s = s", "∇s = -1ᵀ (∇Y ∘ (1 g) ∘ (X - 1 m) / (1 s)²)"),
    ],
)
def test_rows_that_are_repeated_with_ones(wrong, right):
    assert suggested(BATCH, wrong) == right


@pytest.mark.parametrize(
    ("line", "wrong", "right"),
    [
        (0, "dg = g * g", "dg = (dy * xhat).sum(axis=0)"),
        (2, "drstd = rstd", "drstd = (dxhat * (x - mean)).sum(axis=1)"),
        (4, "dmean = mean * rstd", "dmean = -(dxhat * rstd).sum(axis=1)"),
        (5, "dx = dxhat * x", "dx = dmean / D + 2 dvar * (x - mean) / D + (dxhat * rstd)"),
    ],
)
def test_rows_that_are_repeated_as_in_numpy(line, wrong, right):
    lines = PROGRAM_LINES.split("\n")
    assert check_derivation(fenced(*PROGRAM, PROGRAM_LINES)).ok
    lines[line] = wrong
    assert suggested(PROGRAM, "\n".join(lines), line) == right


def test_fractions_have_their_number_above():
    lines = r"\frac{\partial L}{\partial v} = v - 1" + "\n" + r"\frac{\partial L}{\partial Z} = Z"
    right = r"\frac{2}{N K} \frac{\partial L}{\partial v} (Z - \operatorname{mean}(Z))"
    assert suggested(LATEX, lines, 1).endswith(right)


def test_names_such_as_var_beside_the_functions_of_numpy():
    whole = (
        "layout: same\nX: N×D\ngiven: dY",
        "mean = np.mean(X, axis=0)\nvar = np.var(X, axis=0)\nY = (X - mean) / var",
    )
    right = "dvar = -np.sum(dY * Y, axis=0) / var\ndmean = -np.sum(dY, axis=0) / var"
    right += "\ndX = dY / var + dmean / N + 2 / N * dvar * (X - mean)"
    report = check_derivation(fenced(*whole, right))
    assert report.ok
    assert "next to nothing" not in str(report)  # of what comes through var only its own mean is 0


def test_a_column_of_ones_without_a_size_has_no_mean():
    v = check_derivation(fenced(BATCH[0], BATCH[1], "∇g = mean(1) 1ᵀ H")).verdicts[0]
    assert v.message == "1 has no size here: write 1_{(N,1)}"
    v = check_derivation(fenced(BATCH[0], BATCH[1], "∇g = 1ᵀ (H ∘ (1 mean(1 g)))")).verdicts[0]
    assert v.message == "1 has no size here: write 1_{(N,1)}"
